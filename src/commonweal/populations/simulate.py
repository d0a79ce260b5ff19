"""Direct simulation of two types, A and B, until one has taken over: many runs side by side, compiled once.

A game is [[a, b], [c, d]], as in `solve`. Lanes advance together; a lane that is done takes the next run
from the list, so that every run that is started is also finished and long ones are not undercounted.
"""

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from .._bounds import limits
from .._graph import adjacency
from .._luck import refuse_wide
from .._param import Module, count, param, text

Mapping = Literal["exponential", "linear"]

SIZE, RUNS, SEED = "[1, 1000000]", "[1, 1000000000]", "[0, 4294967295]"


@dataclass(frozen=True)
class Fixation:
    """In how many of the runs A took over."""

    wins: int
    runs: int

    @property
    def chance(self) -> float:
        """The share of runs that A won."""
        return self.wins / self.runs

    @property
    def se(self) -> float:
        """Standard error of the chance; as if one run more had been won and one lost where all agree."""
        p = self.chance if 0 < self.wins < self.runs else 1.0 / (self.runs + 2)
        return float(np.sqrt(p * (1.0 - p) / self.runs))


class _Process(Module):
    """A Markov chain with two ends, over states whose leaves have a leading lane axis."""

    game: eqx.AbstractVar[Float[Array, "2 2"]]
    strength: eqx.AbstractVar[Float[Array, ""]]
    mapping: eqx.AbstractVar[str]
    draws: eqx.AbstractClassVar[int]

    @abc.abstractmethod
    def step(self, state: Any, luck: UInt32[Array, "lanes draws"]) -> Any:
        """The next state; states at an end stay."""

    @abc.abstractmethod
    def ends(self, state: Any) -> tuple[Bool[Array, " lanes"], Bool[Array, " lanes"]]:
        """Where A has won, and where it has lost."""

    def fitness(self, pay: Array) -> Array:
        """Fitness of this pay."""
        w = self.strength
        return jnp.exp(w * pay) if self.mapping == "exponential" else 1.0 - w + w * pay


def _uniform(luck: UInt32[Array, "..."]) -> Float[Array, "..."]:
    """Uniform in [0, 1) from 24 of the bits."""
    return (luck >> 8).astype(jnp.float32) * jnp.float32(2.0**-24)


def _below(luck: UInt32[Array, "..."], n: int) -> Int[Array, "..."]:
    """A random integer in 0, ..., n - 1."""
    return jnp.minimum((_uniform(luck) * n).astype(jnp.int32), n - 1)


@eqx.filter_jit
def _relay(process: _Process, starts: Any, key: Array, lanes: int, block: int) -> Int[Array, ""]:
    """How many of the runs (leading axis of `starts`) A wins."""
    runs = jax.tree.leaves(starts)[0].shape[0]

    def rows(x: Array, like: Array) -> Array:
        return x.reshape((-1,) + (1,) * (like.ndim - 1))

    def advance(now):
        state, active, begun, wins, turn = now
        luck = jax.random.bits(jax.random.fold_in(key, turn), (block, lanes, process.draws), jnp.uint32)
        state = jax.lax.fori_loop(0, block, lambda i, s: process.step(s, luck[i]), state)
        won, lost = process.ends(state)
        done = active & (won | lost)
        wins = wins + (won & active).sum().astype(jnp.int32)
        following = begun + jnp.cumsum(done).astype(jnp.int32) - 1
        fresh = done & (following < runs)
        taken = jax.tree.map(lambda x: x[jnp.minimum(following, runs - 1)], starts)
        state = jax.tree.map(lambda new, old: jnp.where(rows(fresh, new), new, old), taken, state)
        return state, (active & ~done) | fresh, begun + fresh.sum().astype(jnp.int32), wins, turn + 1

    first = jax.tree.map(lambda x: x[:lanes], starts)
    now = (first, jnp.ones(lanes, bool), jnp.int32(lanes), jnp.int32(0), jnp.int32(0))
    return jax.lax.while_loop(lambda s: s[1].any(), advance, now)[3]


def _simulate(process: _Process, starts: Any, seed: int, block: int, lanes: int = 128) -> Fixation:
    refuse_wide()
    runs = jax.tree.leaves(starts)[0].shape[0]
    if (worst := float(process.fitness(process.game.min()))) < 0.0:
        raise ValueError(
            f"fitness may fall to {worst:g} at strength {float(process.strength):g}; wanted it 0 or more: a "
            "smaller strength, or mapping='exponential'"
        )
    wins = _relay(process, starts, jax.random.key(seed), min(lanes, runs), block)
    return Fixation(int(wins), runs)


def _placed(start: int, n: int, runs: int, seed: int) -> np.ndarray:
    """Bool[runs, n]: `start` A's at random places."""
    return np.random.default_rng(seed).random((runs, n)).argsort(axis=1) < start


# ------------------------------------------------------------------------------------ well mixed


class _Mixed(_Process):
    """The number of A among n, from one change to the next."""

    game: Float[Array, "2 2"] = param()
    strength: Float[Array, ""] = param()
    mapping: str = text()
    n: int = count()
    draws: ClassVar[int] = 1

    def step(self, state, luck):
        n, i = self.n, state.astype(jnp.float32)
        (a, b), (c, d) = self.game
        up = self.fitness((a * (i - 1.0) + b * (n - i)) / (n - 1))
        down = self.fitness((c * i + d * (n - i - 1.0)) / (n - 1))
        rises = _uniform(luck[:, 0]) * (up + down) < up
        return jnp.where((state == 0) | (state == n), state, jnp.where(rises, state + 1, state - 1))

    def ends(self, state):
        return state == self.n, state == 0


@limits(
    n="[2, 1000000]",
    strength="[0, inf)",
    runs=RUNS,
    start=SIZE,
    seed=SEED,
)
def well_mixed(
    game, n: int, strength: float, *, runs: int, start: int = 1, mapping: Mapping = "linear", seed: int = 0
) -> Fixation:
    """Moran process without structure, change by change, from `start` of A among `n`.

    Averaged pay, nobody meets itself. Source: Moran 1958; Nowak, Sasaki, Taylor, Fudenberg 2004.
    """
    process = _Mixed(game, strength, mapping, n)
    return _simulate(process, jnp.full(runs, start, jnp.int32), seed, block=n, lanes=4096)


# -------------------------------------------------------------------------------------- on a graph


class _OnGraph(_Process):
    """Types of the nodes as bits of `words` 32-bit words; tables by node."""

    game: Float[Array, "2 2"] = param()
    strength: Float[Array, ""] = param()
    mapping: str = text()
    rule: str = text()
    n: int = count()
    mine: UInt32[Array, "n words"]  # the node's own bit
    around: UInt32[Array, "n words"]  # the bits of its neighbors
    near: Int[Array, "n k"]  # its neighbors, filled up with itself
    degree: Int[Array, " n"]
    draws: ClassVar[int] = 2

    def step(self, state, luck):
        return (
            self._death_birth(state, luck) if self.rule == "death-birth" else self._birth_death(state, luck)
        )

    def ends(self, state):
        full = jnp.broadcast_to(self.mine.sum(axis=0, dtype=jnp.uint32), state.shape)
        return (state == full).all(axis=-1), (state == 0).all(axis=-1)

    def _ability(self, state, mine, around, degree) -> tuple[Array, Array]:
        """Of nodes given by their bits: whether they are A, and their fitness."""
        is_a = ((state & mine) != 0).any(axis=-1)
        count_a = jax.lax.population_count(state & around).sum(axis=-1, dtype=jnp.uint32)
        share = count_a.astype(jnp.float32) / degree.astype(jnp.float32)
        (a, b), (c, d) = self.game
        return is_a, self.fitness(jnp.where(is_a, b + (a - b) * share, d + (c - d) * share))

    def _put(self, state, node, is_a):
        bit = self.mine[node]
        return jnp.where(is_a[:, None], state | bit, state & ~bit)

    def _death_birth(self, state, luck):
        """A random node dies; its neighbors compete by fitness for the place."""
        node = _below(luck[:, 0], self.n)
        near = self.near[node]  # [lanes, k]
        is_a, fitness = self._ability(state[:, None], self.mine[near], self.around[near], self.degree[near])
        there = jnp.arange(near.shape[1])[None] < self.degree[node][:, None]
        fitness = jnp.where(there, fitness, 0.0)
        heir = _uniform(luck[:, 1]) * fitness.sum(axis=1) < jnp.where(is_a, fitness, 0.0).sum(axis=1)
        return self._put(state, node, heir)

    def _birth_death(self, state, luck):
        """A node, drawn by fitness, has a child, which takes the place of a random neighbor."""
        is_a, fitness = self._ability(state[:, None], self.mine[None], self.around[None], self.degree[None])
        reach = jnp.cumsum(fitness, axis=1)
        drawn = _uniform(luck[:, 0]) * reach[:, -1]
        node = jnp.minimum((reach <= drawn[:, None]).sum(axis=1), self.n - 1)
        place = jnp.minimum(
            (_uniform(luck[:, 1]) * self.degree[node].astype(jnp.float32)).astype(jnp.int32),
            self.degree[node] - 1,
        )
        child = jnp.take_along_axis(self.near[node], place[:, None], axis=1)[:, 0]
        return self._put(state, child, jnp.take_along_axis(is_a, node[:, None], axis=1)[:, 0])


@limits(strength="[0, inf)", runs=RUNS, seed=SEED)
def on_graph(
    game,
    graph: nx.Graph,
    strength: float,
    *,
    runs: int,
    start: int | np.ndarray = 1,
    rule: Literal["death-birth", "birth-death"] = "death-birth",
    mapping: Mapping = "exponential",
    seed: int = 0,
) -> Fixation:
    """Death-birth or birth-death on an unweighted graph; A starts at `start` random nodes, or where told.

    Averaged pay. `start` is a number, or Bool[n]. Source: Lieberman, Hauert, Nowak 2005, Nature 433:312;
    Ohtsuki, Hauert, Lieberman, Nowak 2006, Nature 441:502.
    """
    links = np.asarray(adjacency(graph))
    n = len(links)
    if not np.isin(links, (0.0, 1.0)).all() or (links != links.T).any() or links.trace():
        raise ValueError(
            "the graph has weights, directions or loops; wanted plain edges: networkx.circulant_graph(50, "
            "[1, 2]); for others there are populations.graph_fixation and cw.evolve"
        )
    if rule not in ("death-birth", "birth-death"):
        raise ValueError(f"rule={rule!r}; wanted 'death-birth' or 'birth-death'")
    degree = links.sum(axis=1).astype(np.int32)
    order = np.argsort(-links, axis=1, kind="stable")[:, : degree.max()]
    near = np.where(np.arange(degree.max()) < degree[:, None], order, np.arange(n)[:, None]).astype(np.int32)
    tables = (_packed(np.eye(n, dtype=bool)), _packed(links > 0.0), jnp.asarray(near), jnp.asarray(degree))
    process = _OnGraph(game, strength, mapping, rule, n, *tables)
    where = _placed(start, n, runs, seed) if np.ndim(start) == 0 else np.tile(start, (runs, 1))  # type: ignore[arg-type]
    return _simulate(process, _packed(where), seed, block=4 * n)


def _packed(bits: np.ndarray) -> UInt32[Array, "rows words"]:
    """Rows of bits as 32-bit words."""
    wide = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 32)))
    return jnp.asarray(np.packbits(wide, axis=1, bitorder="little").view(np.uint32))


# ----------------------------------------------------------------------------- groups that split


class _Splitting(_Process):
    """How many A (`a`) and how many at all (`size`) are in each of m groups; steps that change nothing
    in a full group of one type are left out."""

    game: Float[Array, "2 2"] = param()
    strength: Float[Array, ""] = param()
    mapping: str = text()
    most: int = count()
    splits: Float[Array, ""] = param()
    draws: ClassVar[int] = 5

    def step(self, state, luck):
        a, size = state
        m, lanes = a.shape[1], jnp.arange(a.shape[0])
        fit_a, fit_b = self._totals(a, size)
        still = ((a == 0) | (a == size)) & (size == self.most)
        reach = jnp.cumsum((fit_a + fit_b) * jnp.where(still, self.splits, 1.0), axis=1)
        drawn = _uniform(luck[:, 0]) * reach[:, -1]
        group = jnp.minimum((reach <= drawn[:, None]).sum(axis=1), m - 1)
        here = jnp.arange(m)[None] == group[:, None]
        ours, theirs, quiet = fit_a[lanes, group], fit_b[lanes, group], still[lanes, group]
        child = (_uniform(luck[:, 1]) * (ours + theirs) < ours).astype(jnp.int32)
        new_a, new = a[lanes, group] + child, size[lanes, group] + 1
        over = new > self.most
        bits = luck[:, 4]
        left_a = _ones(bits, new_a)
        left = left_a + _ones(bits >> new_a.astype(jnp.uint32), new - new_a)
        parts = over & (quiet | (_uniform(luck[:, 2]) < self.splits)) & (left > 0) & (left < new)
        spare = luck[:, 3]
        dies_a = over & ~parts & (_uniform(spare) * new.astype(jnp.float32) < new_a.astype(jnp.float32))
        stay_a = jnp.where(parts, left_a, new_a - dies_a.astype(jnp.int32))
        stay = jnp.where(parts, left, new - (over & ~parts).astype(jnp.int32))
        other = (group + 1 + _below(spare, m - 1)) % m
        there = (jnp.arange(m)[None] == other[:, None]) & parts[:, None]
        a = jnp.where(there, (new_a - left_a)[:, None], jnp.where(here, stay_a[:, None], a))
        return a, jnp.where(there, (new - left)[:, None], jnp.where(here, stay[:, None], size))

    def _totals(self, a, size):
        """Fitness of all A and of all B in each group; who is alone earns nothing."""
        (aa, ab), (ba, bb) = self.game
        i, z = a.astype(jnp.float32), size.astype(jnp.float32)
        others = jnp.maximum(z - 1.0, 1.0)
        pay_a = (aa * (i - 1.0) + ab * (z - i)) / others
        pay_b = (ba * i + bb * (z - i - 1.0)) / others
        company = (size > 1).astype(jnp.float32)
        return i * self.fitness(company * pay_a), (z - i) * self.fitness(company * pay_b)

    def ends(self, state):
        a, size = state
        return (a == size).all(axis=1), (a == 0).all(axis=1)


def _ones(bits: UInt32[Array, "..."], first: Int[Array, "..."]) -> Int[Array, "..."]:
    """How many of the first so many bits (at most 31) are set."""
    mask = (jnp.uint32(1) << first.astype(jnp.uint32)) - jnp.uint32(1)
    return jax.lax.population_count(bits & mask).astype(jnp.int32)


@limits(
    size="[2, 64]",
    groups=SIZE,
    strength="[0, inf)",
    runs=RUNS,
    splits="[0, 1]",
    start=SIZE,
    seed=SEED,
)
def splitting(
    game,
    size: int,
    groups: int,
    strength: float,
    *,
    runs: int,
    splits: float = 0.001,
    start: int = 1,
    mapping: Mapping = "linear",
    seed: int = 0,
) -> Fixation:
    """Groups of at most `size` that split with chance `splits` when they outgrow it; `start` A's at random.

    One individual of the whole population, drawn by fitness (averaged pay in its own group), has a child
    there. A group of `size` + 1 splits, each member to either side by a coin, and another random group
    dies; or else one random member dies. A split that would leave one side empty does not happen.
    Source: Traulsen and Nowak 2006, PNAS 103:10952.
    """
    if not 2 <= size <= 30 or groups < 2 or not 0.0 < splits <= 1.0:
        raise ValueError(
            f"splitting() came with size={size}, groups={groups}, splits={splits:g}; wanted a size from 2 to "
            "30, 2 or more groups and splits above 0, at most 1: splitting(game, 4, 16, 0.05, runs=1000)"
        )
    where = _placed(start, size * groups, runs, seed).reshape(runs, groups, size)
    first = jnp.asarray(where.sum(axis=2).astype(np.int32))
    process = _Splitting(game, strength, mapping, size, splits)
    return _simulate(process, (first, jnp.full_like(first, size)), seed, block=size * groups)
