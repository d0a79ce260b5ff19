"""A world driven from Python: one compiled call a tick, and all of it read back at once.

The call settles the acts of one tick and looks at the next. Keys are made inside it; what it tells
comes back as one array of words, which are views on the host.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32

from ._scenario import Actions, Sight
from ._society import Society
from ._tick import Do, World, act, begin, look


class Now(NamedTuple):
    """Before a tick, on the host: sights, the pure minds' intent, their odds, whether all is over.

    `illegal` is the first round with an act out of range, or -1.
    """

    sights: Sight
    intent: Actions
    odds: dict[str, Any]
    over: Any
    illegal: Any


class At(NamedTuple):
    """Where a driven world is: its seed, what is forced, and its state as words on the device."""

    seed: Any
    do: dict[str, Any]
    world: Any


class Drive:
    """The ticks of a prepared society, one at a time.

    `start(seed)` and `step(at, intent)` share their compiled code among all drives whose societies
    differ only in numbers.
    """

    def __init__(self, society: Society):
        numbers, rest = eqx.partition((society.scenario, society.groups()), eqx.is_array)
        leaves, tree = jax.tree.flatten(rest)
        self._numbers = tuple(jax.tree.leaves(numbers))
        shapes = tuple((x.shape, str(x.dtype)) for x in self._numbers)
        self._start, self._step = _compiled(tuple(leaves), tree, jax.tree.structure(numbers), shapes)

    def start(self, seed: int, do: Do | None = None) -> tuple[At, Now]:
        """The world before its first tick, and what there is to see."""
        at = At(jnp.uint32(seed), jax.tree.map(jnp.asarray, (do or Do()).acts), None)
        world, told = self._start(self._numbers, at)
        return at._replace(world=world), told

    def step(self, at: At, intent: Actions) -> tuple[At, dict[str, Any], Now]:
        """One tick with this intent: the world after it, the tick's row, and what there is to see then."""
        world, (row, now) = self._step(self._numbers, at, intent)
        return At(at.seed, at.do, world), row, now


class _Words:
    """A tree of arrays as one array of 32-bit words; what is smaller is widened, keys are their words."""

    def __init__(self, tree: Any):
        found, self._tree = jax.tree.flatten(tree)
        self._keys = {i: jax.random.key_impl(x) for i, x in enumerate(found) if _is_key(x)}
        leaves = [_plain(x) for x in found]
        self._kinds = [np.dtype(x.dtype) for x in leaves]
        self._wide = [_wide(kind) for kind in self._kinds]
        self._shapes = [x.shape for x in leaves]
        self._ends = np.cumsum([math.prod(shape) for shape in self._shapes]).tolist()
        self._names = [str(i) for i in range(len(leaves))]
        fields = zip(self._names, self._wide, self._shapes, strict=True)
        self._record = np.dtype(list(fields))  # type: ignore[arg-type]
        self._small = [i for i in range(len(leaves)) if self._kinds[i] != self._wide[i]]

    def pack(self, tree: Any) -> UInt32[Array, " words"]:
        """The words of a tree of this structure."""
        pairs = zip(map(_plain, jax.tree.leaves(tree)), self._wide, strict=True)
        parts = [jax.lax.bitcast_convert_type(jnp.ravel(x).astype(kind), jnp.uint32) for x, kind in pairs]
        return jnp.concatenate(parts)

    def unpack(self, words: Array) -> Any:
        """The tree again."""
        parts = jnp.split(words, self._ends[:-1])
        each = zip(parts, self._wide, self._kinds, self._shapes, strict=True)
        leaves = [jax.lax.bitcast_convert_type(x, w).astype(k).reshape(s) for x, w, k, s in each]
        for i, impl in self._keys.items():
            leaves[i] = jax.random.wrap_key_data(leaves[i], impl=impl)
        return self._tree.unflatten(leaves)

    def read(self, words: np.ndarray) -> Any:
        """The tree on the host, as views where the words are the numbers."""
        record = words.view(self._record)[0]
        leaves = [record[name] for name in self._names]
        for i in self._small:
            leaves[i] = leaves[i].astype(self._kinds[i])
        return self._tree.unflatten(leaves)


def _is_key(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _plain(x: Array) -> Array:
    return jax.random.key_data(x) if _is_key(x) else x


def _wide(kind: np.dtype) -> np.dtype:
    """The kind of 32 bits that holds the numbers of this one."""
    if kind.itemsize == 4:
        return kind
    return np.dtype(np.float32 if jnp.issubdtype(kind, jnp.floating) else np.int32)


class _Call:
    """A compiled call of two results: the first stays on the device, as words; the second is read back."""

    def __init__(self, function: Callable[..., tuple[Any, Any]]):
        self.kept: Any = None  # how what stays is laid out
        self._told: Any = None

        def words(*given):
            kept, told = function(*given)
            self.kept, self._told = _Words(kept), _Words(told)
            return self.kept.pack(kept), self._told.pack(told)

        self._flat = jax.jit(words)

    def __call__(self, *given: Any) -> tuple[Any, Any]:
        kept, words = self._flat(*given)
        return kept, self._told.read(np.asarray(words))


@functools.lru_cache(maxsize=64)
def _compiled(leaves: tuple, tree: Any, numbers: Any, shapes: tuple) -> tuple[_Call, _Call]:
    """`start` and `step` for societies of one structure and shapes."""
    rest = tree.unflatten(leaves)

    def parts(flat):
        return eqx.combine(numbers.unflatten(flat), rest)

    def see(scenario, groups, at: At, world: World):
        chosen = look(scenario, groups, Do(at.do), at.seed, world)
        after = chosen.world
        return after, Now(chosen.sights, chosen.intent, chosen.odds, after.over, after.illegal)

    def start(flat, at: At):
        scenario, groups = parts(flat)
        return see(scenario, groups, at, begin(scenario, groups, at.seed))

    def step(flat, at: At, intent):
        scenario, groups = parts(flat)
        world, row = act(scenario, groups, at.seed, first.kept.unpack(at.world), intent)
        world, now = see(scenario, groups, at, world)
        return world, (row, now)

    first = _Call(start)
    return first, _Call(step)
