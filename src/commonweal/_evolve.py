"""Generations: a population plays an episode, its fitness is what it earned, institutions pass it on.

The institutions' hook `epoch` makes the next population, each in the order given. All luck is keyed
by generation and owner, so adding an institution shifts nobody else's luck.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ._bounds import limits
from ._card import Card, Oracle
from ._channel import named_key
from ._columns import accounts_of, unsound
from ._describe import describe
from ._governed import Governed, Institution, owner_key
from ._mind import Mind
from ._run import _seeds
from ._society import Group, Society
from ._tick import Do, begin, tick, world_key
from ._trace import Trace


@dataclass(frozen=True, eq=False)
class Evolution:
    """What became of a population.

    - `trace`: its ticks are generations. Book, utility, objective and harm are totals over the
      generation's episode, events are means over the ticks that were played; the event
      `mind:<number>` holds that number of each agent's mind. The yardsticks of the card count for all
      generations together. There are no acts, and `cw.replay` has nothing to replay.
    - `minds`: the last population, every array [W, n, ...].
    - `played`: the society of the first generation.
    """

    trace: Trace
    minds: Mind
    played: Society

    def society(self, world: int = 0) -> Society:
        """The same society with the last population of one world in its seats."""
        n = self.played.scenario.n_agents
        minds = [jax.tree.map(lambda x: x[world, i] if eqx.is_array(x) else x, self.minds) for i in range(n)]  # noqa: B023
        return Society(self.played.scenario, minds, self.played.profiles)


class Reproduction(Institution):
    """An institution that replaces minds by copies of others; the copy has the original's numbers.

    With probability `mutation` a newborn is one of `mutants` (minds of the population's kind) instead,
    each being as likely.
    """

    mutation: eqx.AbstractVar[Float[Array, ""]]
    mutants: eqx.AbstractVar[tuple[Mind, ...]]

    @abc.abstractmethod
    def births(
        self, fitness: Float[Array, " n"], key: PRNGKeyArray
    ) -> tuple[Int[Array, " n"], Bool[Array, " n"]]:
        """Whose numbers each seat has next (its own, if nothing happens), and which seats hold a newborn."""

    def epoch(self, memory, population, fitness, key):
        origin, born = self.births(fitness, named_key(key, "births"))
        heirs = jax.tree.map(lambda x: x[origin], population)
        if not self.mutants:
            return heirs
        arrays = [eqx.filter(mind, eqx.is_array) for mind in self.mutants]
        if any(_shapes(one) != _shapes(heirs, 1) for one in arrays):
            raise ValueError(
                f"institution {self.name!r} has mutants {[type(m).__name__ for m in self.mutants]} that "
                "differ from the minds of the population in more than numbers; wanted the same kind of mind"
            )
        stacked = jax.tree.map(lambda *x: jnp.stack(x), *arrays)
        n = fitness.shape[0]
        which = jax.random.randint(named_key(key, "mutant"), (n,), 0, len(arrays))
        change = born & jax.random.bernoulli(named_key(key, "mutation"), self.mutation, (n,))
        return jax.tree.map(lambda new, old: jnp.where(_rows(change, old), new[which], old), stacked, heirs)


def neighbors(graph: Float[Array, "n n"] | None, n: int, reader: str) -> Float[Array, "n n"]:
    """Log odds of each agent (row) to meet each other (column); without a graph all others are as likely.

    Raises:
        ValueError: the graph of the institution `reader` has not `n` nodes.
    """
    if graph is None:
        graph = 1.0 - jnp.eye(n)
    if graph.shape != (n, n):
        raise ValueError(
            f"institution {reader!r} has a graph of {graph.shape[0]} nodes for {n} agents; wanted one node "
            f"an agent: networkx.circulant_graph({n}, [1])"
        )
    return jnp.log(graph)


def _rows(change: Array, like: Array) -> Array:
    return change.reshape((-1,) + (1,) * (like.ndim - 1))


def _shapes(population: Any, skip: int = 0) -> tuple:
    """Structure, shapes and kinds of a population's arrays, without the first `skip` axes."""
    leaves = jax.tree.leaves(population)
    return jax.tree.structure(population), [(x.shape[skip:], x.dtype) for x in leaves]


@limits(generations="[1, 100000000]", every="[1, 100000000]")
def evolve(
    society: Society, generations: int, seeds: int | Sequence[int] = 1, *, every: int = 1
) -> Evolution:
    """Let a population evolve in one world per seed: play, earn, and be passed on by the institutions.

    A generation is one episode of the society; an agent's fitness is its total felt payoff in it. Then
    every institution's `epoch` makes the next population, in the order given; all of them judge a seat by
    what was earned in it, also where an earlier one has moved minds. Seats, profiles and rules stay; minds
    move. Generation 0 is what `cw.run(society, seeds)` plays.

    - `generations`: how many; `seeds`: the worlds, as in `cw.run`.
    - `every`: record only each such generation (0, every, 2 every, ...); it must divide `generations`.

    Raises:
        ValueError: minds of several kinds, a speaker, no institution with an `epoch`, an `epoch` that
            changes more than numbers, an act out of range.
    """
    names = _seeds(seeds, owner="evolve")
    _refuse(society, generations, every)
    recipe = {"evolved": describe(society), "generations": generations, "every": every}
    ready = society.prepare()
    group = _one_kind(ready)
    padded = np.resize(np.asarray(names, np.uint32), max(len(names), 2))  # as in company, so alone
    last, illegal, broken, rows = _generations(
        ready.scenario, group, jnp.asarray(padded), generations // every, every
    )
    if (np.asarray(illegal)[: len(names)]).any():
        raise ValueError(
            "an agent chose an act that lies outside its channel; wanted acts within range: clip it in the "
            "mind, and let cw.run(society, seeds) say which"
        )
    rows = jax.tree.map(lambda x: np.asarray(x)[: len(names)], rows)
    minds = jax.tree.map(lambda x: x[: len(names)] if eqx.is_array(x) else x, last)
    found = unsound(accounts_of(rows), lambda block: f"in generation {block * every}")
    unseen = [f"fitness is NaN or infinite in generation {g}" * bool(g >= 0 and g % every) for g in broken]
    trace = Trace(
        seeds=np.asarray(names, np.int64),
        card=_scaled(ready.scenario.card(), generations // every),
        alive=np.ones((len(names), generations // every), bool),
        invalid=tuple(one or other for one, other in zip(unseen, found, strict=False)),
        recipe=recipe,
        **rows,
    )
    return Evolution(trace, minds, ready)


def _refuse(society: Society, generations: int, every: int) -> None:
    if not isinstance(society, Society):
        raise TypeError(
            f"evolve() came with a {type(society).__name__}; wanted a society: "
            "cw.evolve(cw.Society(cw.under(scenario, institution), minds), generations=100)"
        )
    if society.speakers:
        raise ValueError(
            f"speakers sit in seats {list(society.speakers)} and have no numbers to pass on; wanted pure "
            "minds only: tit_for_tat()"
        )
    laws = society.scenario.laws
    if all(type(law).epoch is Institution.epoch for law in laws):
        raise ValueError(
            f"no institution passes the population on (came {[law.name for law in laws]}); wanted one with "
            "an epoch: cw.under(scenario, DeathBirth())"
        )
    if generations < 1 or every < 1 or generations % every:
        raise ValueError(
            f"evolve() came with generations={generations}, every={every}; wanted both 1 or more, and "
            "generations a multiple of every: cw.evolve(society, generations=1000, every=10)"
        )


def _one_kind(society: Society) -> Group:
    groups = society.groups()
    if len(groups) != 1:
        kinds = [f"{type(group.minds).__name__} in seats {list(group.seats)}" for group in groups]
        raise ValueError(
            f"the population has minds (or profiles) of several kinds: {'; '.join(kinds)}; wanted one kind "
            "that differs only in numbers: minds=[always_cooperate()] * 5 + [always_defect()] * 5"
        )
    return groups[0]


def _scaled(card: Card, times: int) -> Card:
    """The card of so many episodes together."""

    def scale(thing: Any, *names: str) -> Any:
        known = {name: getattr(thing, name) for name in names}
        return replace(thing, **{name: value * times for name, value in known.items() if value is not None})

    oracle = card.oracle
    if isinstance(oracle, Oracle):
        oracle = scale(oracle, "best", "worst", "nash", "cooperative", "reference")
    people = tuple(scale(one, "low", "high") for one in card.stakeholders)
    values = tuple(scale(one, "least", "worst") for one in card.values)
    return replace(card, oracle=oracle, stakeholders=people, values=values)


@eqx.filter_jit
def _generations(scenario: Governed, group: Group, seeds: Array, blocks: int, every: int):
    """Every world: the last population, whether an act was out of range, rows [W, blocks, ...].

    Before the rows, the first generation with a fitness that is no finite number, or -1.
    """
    first, rest = eqx.partition(group.minds, eqx.is_array)

    def world(seed):
        def record(carry, block):
            def generation(i, now):
                population, illegal, broken, kept = now
                minds = (population, rest)
                after, wrong, row = _generation(scenario, group, minds, seed, block * every + i)
                kept = jax.tree.map(lambda new, old: jnp.where(i == 0, new, old), row, kept)
                lost = (broken < 0) & ~jnp.isfinite(row["felt"]).all()
                broken = jnp.where(lost, block * every + i, broken)
                return after, illegal | wrong, broken, kept

            row = jax.eval_shape(lambda: _generation(scenario, group, (first, rest), seed, block)[2])
            blank = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), row)
            *carry, row = jax.lax.fori_loop(0, every, generation, (*carry, blank))
            return tuple(carry), row

        begun = (first, jnp.array(False), jnp.int32(-1))
        (last, illegal, broken), rows = jax.lax.scan(record, begun, jnp.arange(blocks))
        return eqx.combine(last, rest), illegal, broken, rows

    return eqx.filter_vmap(world)(seeds)


def _generation(scenario: Governed, group: Group, minds: tuple[Any, Any], seed: Array, g: Array):
    """One episode and every institution's epoch: the next population, out of range, the row."""
    population, rest = minds
    key = world_key(seed)
    own = jax.random.bits(owner_key(key, g, "episode"), (), jnp.uint32)
    playing = eqx.tree_at(lambda x: x.minds, group, eqx.combine(population, rest))
    end, row = _episode(scenario, playing, jnp.where(g == 0, seed, own))
    row["events"] |= _numbers(population)
    after = population
    for law in scenario.laws:
        if type(law).epoch is not Institution.epoch:
            before, memory = after, end.state.memories[law.name]
            after = law.epoch(memory, before, row["felt"], owner_key(key, g, f"{law.name}/epoch"))
            if _shapes(before) != _shapes(after):
                raise ValueError(
                    f"the epoch of institution {law.name!r} turns the population {_shapes(before)} into "
                    f"{_shapes(after)}; wanted the same arrays with other numbers: "
                    "jax.tree.map(lambda x: x[parents], population)"
                )
    return after, end.illegal >= 0, row


def _episode(scenario: Governed, group: Group, seed: Array):
    """The world after one episode, and its totals."""

    def step(world, _):
        world, row, _ = tick(scenario, (group,), Do(), seed, world)
        row["felt"] = row.get("felt", sum(row["book"].values()))
        return world, {name: x for name, x in row.items() if name not in ("intent", "act")}

    end, rows = jax.lax.scan(step, begin(scenario, (group,), seed), length=scenario.horizon)
    played = rows.pop("alive").sum().astype(jnp.float32) / len(scenario.groups)  # rounds, not phases
    total = jax.tree.map(lambda x: x.sum(axis=0), rows)
    total["events"] = {name: x / jnp.maximum(played, 1.0) for name, x in total["events"].items()}
    return end, total


def _numbers(population: Any) -> dict[str, Array]:
    """The population's plain numbers, one an agent, by the path of the field that holds them."""
    leaves = jax.tree_util.tree_leaves_with_path(population)
    named = {"mind:" + jax.tree_util.keystr(path).lstrip("."): x for path, x in leaves}
    return {name: x.astype(jnp.float32) for name, x in named.items() if x.ndim == 1}
