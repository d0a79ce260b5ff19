"""A world driven from Python: one compiled call a tick, and all of it read back at once.

The call settles the acts of one tick and looks at the next. Keys are made inside it; what it tells
comes back as one array of words, which are views on the host.
"""

import functools
import math
from collections.abc import Callable, Sequence
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
    """Where a driven world is, on the device, as flat leaves: its seed, what is forced, its state."""

    seed: Any
    do: tuple[Any, ...]
    world: tuple[Any, ...]


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
        at = At(np.uint32(seed), tuple(forced), ())
        world, told = self._start(self._numbers, at)
        return at._replace(world=world), told

    def step(self, at: At, intent: Actions) -> tuple[At, dict[str, Any], Now]:
        """One tick with this intent: the world after it, the tick's row, and what there is to see then."""
        world, (row, now) = self._step(self._numbers, at, intent)
        return At(at.seed, at.do, world), row, now


class _Call:
    """A compiled call of two results: the first stays on the device, flat; the second is read back."""

    def __init__(self, function: Callable[..., tuple[Any, Any]]):
        self.kept: Any = None  # the structure of what stays
        self._told: Any = None
        self._spans: list[Any] = []

        def flat(*given):
            kept, told = function(*given)
            leaves, self.kept = jax.tree.flatten(kept)
            words, self._told = jax.tree.flatten(told)
            ends = np.cumsum([math.prod(x.shape) for x in words]).tolist()
            parts = zip([0, *ends[:-1]], ends, words, strict=True)
            self._spans = [(slice(i, j), x.shape, np.dtype(x.dtype)) for i, j, x in parts]
            return tuple(leaves), _pack(words)

        self._flat = jax.jit(flat)

    def __call__(self, *given: Any) -> tuple[Any, Any]:
        kept, words = self._flat(*given)
        flat = np.asarray(words)
        return kept, self._told.unflatten([_view(flat[i], kind).reshape(n) for i, n, kind in self._spans])


def _view(words: np.ndarray, kind: np.dtype) -> np.ndarray:
    if kind.itemsize == 4:
        return words.view(kind)
    return words.view(np.int32).astype(kind)  # small integers and truths travel as words


def _pack(leaves: Sequence[Array]) -> UInt32[Array, " words"]:
    def words(x):
        x = jnp.ravel(x)
        x = x if x.dtype.itemsize == 4 else x.astype(jnp.int32)
        return jax.lax.bitcast_convert_type(x, jnp.uint32)

    return jnp.concatenate([words(x) for x in leaves])


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
            world, row = act(scenario, groups, at.seed, first.kept.unflatten(at.world), intent)
            world, now = see(scenario, groups, kind.unflatten(at.do), at.seed, world)
            return world, (row, now)

        first = _Call(start)
        return first, _Call(step)

    return calls
