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

WIDE = tuple(map(np.dtype, (np.float32, np.int32, np.uint32)))  # kinds that are words as they are


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
    do: tuple[Any, ...]
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
        self._code = _compiled(tuple(leaves), tree, jax.tree.structure(numbers), shapes)

    def start(self, seed: int, do: Do | None = None) -> tuple[At, Now]:
        """The world before its first tick, and what there is to see."""
        forced, kind = jax.tree.flatten(do or Do())
        self._start, self._step = self._code(kind)
        at = At(jnp.uint32(seed), tuple(map(jnp.asarray, forced)), None)
        world, told = self._start(self._numbers, at)
        return at._replace(world=world), told

    def step(self, at: At, intent: Actions) -> tuple[At, dict[str, Any], Now]:
        """One tick with this intent: the world after it, the tick's row, and what there is to see then."""
        world, (row, now) = self._step(self._numbers, at, intent)
        return At(at.seed, at.do, world), row, now


class _Words:
    """A tree of arrays as one array of 32-bit words: leaves of one kind side by side, so read at once."""

    def __init__(self, tree: Any):
        leaves, self._tree = jax.tree.flatten(tree)
        self._order = sorted(range(len(leaves)), key=lambda i: _kind(leaves[i]).name)
        self._spans: list[Any] = [None] * len(leaves)
        start = 0
        for i in self._order:
            end = start + math.prod(leaves[i].shape)
            self._spans[i] = (slice(start, end), leaves[i].shape, np.dtype(leaves[i].dtype))
            start = end
        self._small = {x.dtype for x in leaves if _kind(x) == np.int32 and x.dtype != np.int32}

    def pack(self, tree: Any) -> UInt32[Array, " words"]:
        """The words of a tree of this structure."""
        leaves = [jnp.ravel(x).astype(_kind(x)) for x in jax.tree.leaves(tree)]
        return jnp.concatenate([jax.lax.bitcast_convert_type(leaves[i], jnp.uint32) for i in self._order])

    def unpack(self, words: Array) -> Any:
        """The tree again."""

        def leaf(where, shape, kind):
            wide = jax.lax.bitcast_convert_type(words[where], kind if kind.itemsize == 4 else jnp.int32)
            return wide.astype(kind).reshape(shape)

        return self._tree.unflatten([leaf(*span) for span in self._spans])

    def read(self, words: np.ndarray) -> Any:
        """The tree on the host, as views where the words are the numbers."""
        views: dict[Any, Any] = {
            np.dtype(kind): words.view(kind) for kind in (np.float32, np.int32, np.uint32)
        }
        views |= {kind: views[WIDE[1]].astype(kind) for kind in self._small}
        return self._tree.unflatten([views[kind][i].reshape(shape) for i, shape, kind in self._spans])


def _kind(x: Any) -> np.dtype:
    """How an array travels: small integers and truths as words."""
    return np.dtype(x.dtype) if x.dtype.itemsize == 4 else np.dtype(np.int32)


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
def _compiled(leaves: tuple, tree: Any, numbers: Any, shapes: tuple) -> Callable[[Any], tuple[_Call, _Call]]:
    """`start` and `step` for societies of one structure and shapes, by the structure of what is forced."""
    rest = tree.unflatten(leaves)

    def parts(flat):
        return eqx.combine(numbers.unflatten(flat), rest)

    def see(scenario, groups, do: Do, seed: Array, world: World):
        chosen = look(scenario, groups, do, seed, world)
        after = chosen.world
        return after, Now(chosen.sights, chosen.intent, chosen.odds, after.over, after.illegal)

    @functools.cache
    def calls(kind):
        def start(flat, at: At):
            scenario, groups = parts(flat)
            return see(scenario, groups, kind.unflatten(at.do), at.seed, begin(scenario, groups, at.seed))

        def step(flat, at: At, intent):
            scenario, groups = parts(flat)
            world, row = act(scenario, groups, at.seed, first.kept.unpack(at.world), intent)
            world, now = see(scenario, groups, kind.unflatten(at.do), at.seed, world)
            return world, (row, now)

        first = _Call(start)
        return first, _Call(step)

    return calls
