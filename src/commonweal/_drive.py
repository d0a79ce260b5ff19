"""A world driven from Python: one compiled call a tick, and all of it read back at once.

The call settles the acts of one tick and looks at the next. Keys are made inside it; what it tells
comes back as one array of words, which are views on the host.
"""

import functools
import math
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
    """Before a tick, on the host: sights, the pure minds' intent, their odds, whether all is over."""

    sights: Sight
    intent: Actions
    odds: dict[str, Any]
    over: Any


class At(NamedTuple):
    """Where a driven world is, on the device: its seed, what is forced in it, its state."""

    seed: Array
    do: Do
    world: World


class Drive:
    """The ticks of a prepared society, one at a time.

    `start(seed)` and `step(at, intent)` share their compiled code among all drives whose societies
    differ only in numbers.
    """

    def __init__(self, society: Society):
        self._numbers, rest = eqx.partition((society.scenario, society.groups()), eqx.is_array)
        leaves, tree = jax.tree.flatten(rest)
        self._start, self._step, shape = _compiled(tuple(leaves), tree)
        self._shape = functools.partial(shape, self._numbers)
        self._plans: dict[str, Any] = {}

    def start(self, seed: int, do: Do | None = None) -> tuple[At, Now]:
        """The world before its first tick, and what there is to see."""
        at = At(np.uint32(seed), do or Do(), None)  # type: ignore[arg-type]
        world, words = self._start(self._numbers, at)
        return at._replace(world=world), self._read("start", at, words)

    def step(self, at: At, intent: Actions) -> tuple[At, dict[str, Any], Now]:
        """One tick with this intent: the world after it, the tick's row, and what there is to see then."""
        world, words = self._step(self._numbers, at, intent)
        row, now = self._read("step", at, words, intent)
        return at._replace(world=world), row, now

    def _read(self, name: str, *given: Any) -> Any:
        """The words of a call as the arrays they are."""
        at, words, *intent = given
        if name not in self._plans:
            told = self._shape(name, at, *intent)
            leaves, tree = jax.tree.flatten(told)
            ends = np.cumsum([math.prod(x.shape) for x in leaves]).tolist()
            spans = list(zip([0, *ends[:-1]], ends, leaves, strict=True))
            self._plans[name] = tree, [(i, j, x.shape, np.dtype(x.dtype)) for i, j, x in spans]
        tree, spans = self._plans[name]
        flat = np.asarray(words)
        return tree.unflatten([_view(flat[i:j], kind).reshape(shape) for i, j, shape, kind in spans])


def _view(words: np.ndarray, kind: np.dtype) -> np.ndarray:
    if kind.itemsize == 4:
        return words.view(kind)
    return words.view(np.int32).astype(kind)  # small integers and truths travel as words


def _pack(told: Any) -> UInt32[Array, " words"]:
    def words(x):
        x = jnp.ravel(x)
        x = x if x.dtype.itemsize == 4 else x.astype(jnp.int32)
        return jax.lax.bitcast_convert_type(x, jnp.uint32)

    return jnp.concatenate([words(x) for x in jax.tree.leaves(told)])


@functools.lru_cache(maxsize=64)
def _compiled(leaves: tuple, tree: Any):
    """`start`, `step` and the shapes of what they tell, for societies of one structure."""
    rest = tree.unflatten(leaves)

    def see(scenario, groups, at: At, world: World):
        chosen = look(scenario, groups, at.do, at.seed, world)
        return chosen.world, Now(chosen.sights, chosen.intent, chosen.odds, chosen.world.over)

    def start(numbers, at: At):
        scenario, groups = eqx.combine(numbers, rest)
        return see(scenario, groups, at, begin(scenario, groups, at.seed))

    def step(numbers, at: At, intent):
        scenario, groups = eqx.combine(numbers, rest)
        world, row = act(scenario, groups, at.seed, at.world, intent)
        world, now = see(scenario, groups, at, world)
        return world, (row, now)

    def packed(call):
        def both(*given):
            world, told = call(*given)
            return world, _pack(told)

        return jax.jit(both)

    def shape(numbers, name, at, *intent):
        if name == "start":
            return jax.eval_shape(start, numbers, at)[1]
        world = at.world if at.world is not None else jax.eval_shape(start, numbers, at)[0]
        return jax.eval_shape(step, numbers, at._replace(world=world), *intent)[1]

    return packed(start), packed(step), shape
