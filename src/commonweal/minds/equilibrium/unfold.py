"""A small deterministic game unfolded: every state that can be reached, every legal joint act in it."""

import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..._channel import Amount
from ..._describe import identity
from ..._governed import Governed, under
from ..._scenario import Outcome, Scenario

CHUNK = 4096  # transitions in one compiled call
LIMIT = 2_000_000  # transitions of a whole game
# A game runs for milliseconds and compiles for seconds, so the compiler is told not to try hard.
QUICK = {"xla_backend_optimization_level": 0}


@dataclass(frozen=True, eq=False)
class Level:
    """The states that can be reached at one tick, and what every legal joint act brings there.

    In the shape descriptions `S` is states, `J` joint acts of all states, `C` channels.

    - `states`: PyTree [S, ...]; `facts`: what the agents see, name -> [S, n, ...].
    - `menus`: one tuple per state with each agent's acts Int[m, C], the first channel slowest.
    - `start`: Int[S + 1]; the joint acts of state `s` are rows `start[s]:start[s + 1]`, agent 0 slowest.
    - `acts`: Int[J, n, C]; `outcome`: [J, ...], its `pay` with every institution's bookings.
    - `after`: Int[J], the state at the next tick, -1 where the game is over.
    """

    states: Any
    facts: dict[str, np.ndarray]
    menus: list[tuple[np.ndarray, ...]]
    start: np.ndarray
    acts: np.ndarray
    outcome: Outcome
    after: np.ndarray

    def block(self, s: int) -> slice:
        """The rows of one state's joint acts."""
        return slice(int(self.start[s]), int(self.start[s + 1]))


@dataclass(frozen=True, eq=False)
class Game:
    """A whole scenario, unfolded: one level per tick; the first has one state."""

    scenario: Governed
    channels: tuple[str, ...]
    levels: list[Level]


def unfold(scenario: Scenario) -> Game:
    """Every state that can be reached and every legal joint act in it, tick by tick.

    Raises:
        ValueError: a channel is an `Amount`, luck matters, or the game is too large.
    """
    game = under(scenario)
    channels = tuple(game.channels())
    for name, channel in game.channels().items():
        if isinstance(channel, Amount):
            raise ValueError(
                f"the channel {name!r} takes any amount; an exact solution wants options only: "
                f"{name}=cw.Choice(('low', 'high'))"
            )
    return remember(("game", identity(game)), lambda: Game(game, channels, _levels(game, channels)))


def _levels(game: Governed, channels: tuple[str, ...]) -> list[Level]:
    starts = [_stack(game.init(jax.random.key(seed))) for seed in (0, 1)]
    _refuse_luck(starts, "the first state")
    states = starts[0]
    levels: list[Level] = []
    size = 0
    for t in range(game.horizon):
        facts, legal = _batched(_look, game, states)
        menus = _menus(channels, legal)
        size += sum(int(np.prod([len(m) for m in menu])) for menu in menus)
        if size > LIMIT:
            raise ValueError(
                f"the game has {size:,} transitions by t={t}; wanted at most {LIMIT:,}: fewer rounds, "
                "options or agents, or learning minds instead of an exact solution"
            )
        origin, acts = _joint(menus)
        batch = rows_of(states, origin), {c: acts[:, :, i] for i, c in enumerate(channels)}
        few = rows_of(batch, slice(CHUNK)), min(CHUNK, len(origin))
        luck = [_batched(_advance, game, (*few[0], _luck(base, few[1]))) for base in (0, 1)]
        _refuse_luck(luck, f"what follows at t={t}")
        later, outcome = _batched(_advance, game, (*batch, _luck(0, len(origin))))
        on = ~outcome.over & (t + 1 < game.horizon)
        after = np.full(len(origin), -1)
        start = np.searchsorted(origin, np.arange(len(menus) + 1))
        here, (states, after[on]) = states, _distinct(rows_of(later, on))
        levels.append(Level(here, facts, menus, start, acts, outcome, after))
        if not on.any():
            break
    return levels


def _luck(base: int, size: int) -> np.ndarray:
    """One number per transition to make its key from; a game without luck gives the same for any."""
    return np.arange(size, dtype=np.uint32) * np.uint32(2) + np.uint32(base)


def _refuse_luck(found: Sequence[Any], what: str) -> None:
    one, other = found
    if not all(np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (one, other)), strict=True)):
        raise ValueError(
            f"{what} depends on luck; an exact solution wants a deterministic game: set its chances to 0, "
            "or use learning minds"
        )


@eqx.filter_jit(compiler_options=QUICK)  # type: ignore[call-overload]
def _look(game: Governed, states: Any):
    """What is seen and what is legal in each state of a chunk."""
    sights = jax.vmap(game.observe)(states)
    return sights.facts, sights.legal


@eqx.filter_jit(compiler_options=QUICK)  # type: ignore[call-overload]
def _advance(game: Governed, transitions: Any):
    """Next state and outcome of each transition of a chunk; the pay with all bookings."""

    def one(state, act, number):
        step = game.advance(state, act, jax.random.key(number))
        net = sum(step.book.values(), jnp.zeros(game.n_agents))
        return step.state, eqx.tree_at(lambda o: o.pay, step.outcome, net)

    return jax.vmap(one)(*transitions)


def _batched(function: Callable, game: Governed, rows: Any) -> Any:
    """A function of a chunk of rows, over all rows: one compiled shape whatever their number."""
    size = len(jax.tree.leaves(rows)[0])
    parts = []
    for i in range(0, size, CHUNK):
        index = np.minimum(np.arange(i, i + CHUNK), size - 1)
        done = function(game, jax.tree.map(lambda x: jnp.asarray(x[index]), rows))  # noqa: B023
        parts.append(jax.tree.map(lambda x: np.asarray(x)[: size - i], done))  # noqa: B023
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)


def _stack(tree: Any) -> Any:
    return jax.tree.map(lambda x: np.asarray(x)[None], tree)


def rows_of(tree: Any, index: Any) -> Any:
    """The same tree with some rows of every leaf."""
    return jax.tree.map(lambda x: x[index], tree)


def _menus(channels: tuple[str, ...], legal: dict[str, np.ndarray]) -> list[tuple[np.ndarray, ...]]:
    """Each agent's legal acts in each state: products over the channels, in their order."""
    states, n = next(iter(legal.values())).shape[:2]
    known: dict[bytes, np.ndarray] = {}

    def menu(s: int, i: int) -> np.ndarray:
        rows = [np.flatnonzero(legal[c][s, i]) for c in channels]
        key = b"|".join(row.tobytes() for row in rows)
        if key not in known:
            known[key] = np.array(list(itertools.product(*rows)), np.int32)
        return known[key]

    return [tuple(menu(s, i) for i in range(n)) for s in range(states)]


def _joint(menus: list[tuple[np.ndarray, ...]]) -> tuple[np.ndarray, np.ndarray]:
    """The state and the acts Int[J, n, C] of every legal joint act, agent 0 slowest."""
    origin, acts = [], []
    for s, menu in enumerate(menus):
        index = np.indices([len(m) for m in menu]).reshape(len(menu), -1)
        acts.append(np.stack([m[i] for m, i in zip(menu, index, strict=True)], axis=1))
        origin.append(np.full(index.shape[1], s))
    return np.concatenate(origin), np.concatenate(acts)


def _distinct(states: Any) -> tuple[Any, np.ndarray]:
    """The different states among these, in order of appearance, and which of them each row is."""
    leaves = [np.ascontiguousarray(x) for x in jax.tree.leaves(states)]
    size = len(leaves[0])
    if not size:
        return states, np.zeros(0, int)
    raw = np.concatenate([x.reshape(size, -1).view(np.uint8) for x in leaves if x.size], axis=1)
    rows = np.ascontiguousarray(raw).view(np.dtype((np.void, raw.shape[1]))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return rows_of(states, first[order]), np.argsort(order)[which]


_MEMORY: OrderedDict[tuple, Any] = OrderedDict()


def remember(key: tuple, make: Callable[[], Any], most: int = 12) -> Any:
    """The thing made for this key, made once; the oldest are forgotten."""
    if key not in _MEMORY:
        _MEMORY[key] = make()
        while len(_MEMORY) > most:
            _MEMORY.popitem(last=False)
    return _MEMORY[key]
