"""What would have been had only some agents been themselves, and a stand-in played for the others.

v(S), world by world: the agents in S keep their own minds. All coalitions share the worlds' luck. Pure
minds are one compiled program for all coalitions: both minds are computed, and one is listened to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from .._describe import describe, identity
from .._journal import Journal, from_table
from .._measure import NA, Measure
from .._mind import Mind
from .._run import _rollout, _rounds, _seeds, _Task, _trace, run
from .._society import Society
from .._tick import Do
from .._trace import Trace
from .either import Either, Unlike, together
from .sampling import pairs, played
from .slips import a_society, component, several, stand_ins

EXACT = 8  # players, up to which every coalition is played


@dataclass(frozen=True, eq=False)
class Table:
    """What each coalition is worth.

    - `members`: the seats that are players; bit i of a mask says whether `members[i]` is itself.
    - `values`: mask -> Float[W], NaN where it was not reached or the world broke; `why` says why.
    - `null`: Float[nulls, W], replays of what was, every reply asked for anew, less what was; NaN where a
      replay was not whole, `null_why` says why.
    - `calls`: how many replies were asked for.
    """

    members: tuple[int, ...]
    values: dict[int, np.ndarray]
    why: dict[int, str] = field(default_factory=dict)
    null: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    null_why: str = ""
    calls: int = 0

    @property
    def everyone(self) -> int:
        """The mask of all."""
        return (1 << len(self.members)) - 1

    @property
    def exact(self) -> bool:
        """Whether every coalition was to be played."""
        return len(self.values) == 1 << len(self.members)

    def __getitem__(self, mask: int) -> np.ndarray:
        found = self.values.get(mask)
        return np.full_like(self.values[self.everyone], np.nan) if found is None else found

    def whole(self) -> np.ndarray:
        """Float[2^n, W]: a game, as `games` takes it."""
        return np.array([self[mask] for mask in range(1 << len(self.members))])


def plan(n: int, exact: int = EXACT) -> list[int]:
    """The coalitions to play: all; beyond `exact` players up to two, all but up to two, and a sample."""
    return list(range(1 << n)) if n <= exact else played(pairs(n), n)


def coalitions(
    society: Society,
    seeds: int | Sequence[int],
    of: Measure,
    stand_in: Mind | Sequence[Mind],
    *,
    members: Sequence[int] | None = None,
    only: Iterable[int] | None = None,
    journal: Journal | None = None,
    draws: int = 1,
    nulls: int = 0,
) -> Table:
    """Measure the society with every coalition of `members` being itself, in the same worlds.

    **Main arguments**

    - `of`: one number a world; of several measures see `tables`.
    - `stand_in`: the reference mind, or one a seat; it keeps the seat's profile.

    **Other arguments**

    - `members`: the seats that are players, by default all; the others are always themselves.
    - `only`: masks of coalitions, by default those of `plan`.
    - `journal`: for speakers: what they replied in fact, and in its `allowance` how many more replies may
      be asked for. The cheapest come first: all, those of no speaker, all but one; then nulls; then the rest.
    - `draws`: for speakers: how often each is asked anew where its prompt has changed; the mean is taken.
    - `nulls`: for speakers: replays of what was with every reply asked for anew.

    **Raises**

    - ValueError: speakers without an allowance, seats that are not there.
    - TypeError: a stand-in that is no pure mind.
    """
    more = {"only": only, "journal": journal, "draws": draws, "nulls": nulls}
    return tables(society, seeds, (of,), stand_in, members=members, **more)[0]


def tables(
    society: Society,
    seeds: int | Sequence[int],
    measures: Sequence[Measure],
    stand_in: Mind | Sequence[Mind],
    *,
    members: Sequence[int] | None = None,
    only: Iterable[int] | None = None,
    journal: Journal | None = None,
    draws: int = 1,
    nulls: int = 0,
) -> tuple[Table, ...]:
    """As `coalitions`, of several measures, in their order: every coalition is played once for all."""
    a_society(society)
    several("measures", measures, "[survival_months, gain]")
    for one in measures:
        component(one, Measure, "of")
    stand_ins(stand_in, len(society.minds))
    several("members", members, "[0, 2]")
    seats = tuple(range(len(society.minds)) if members is None else members)
    if not seats or len(set(seats)) < len(seats) or not set(seats) <= set(range(len(society.minds))):
        raise ValueError(
            f"members={list(seats)}; wanted different seats, 0 to {len(society.minds) - 1}: members=[0, 2]"
        )
    given = Society(society.scenario, stand_in, society.profiles)
    if given.speakers:
        raise TypeError("a stand-in answers in words; wanted a pure mind: stand_in=FairShare()")
    names = _seeds(seeds)
    game = _Game(society.prepare(), given.prepare().minds, seats, names, tuple(measures))  # type: ignore[arg-type]
    masks = list(dict.fromkeys([(1 << len(seats)) - 1, *(plan(len(seats)) if only is None else only)]))
    if society.speakers:
        return _asked(game, masks, journal or Journal(), draws, nulls)
    try:
        return _tables(game, _together(game, masks))
    except Unlike:
        return _tables(game, {mask: _worth(game, game.put(mask)) for mask in masks})


def clones(society: Society, seeds: int | Sequence[int], of: Measure) -> np.ndarray:
    """Float[n, W]: the measure in a society of nobody but agent i, for each i.

    Raises:
        ValueError: there are speakers, who would all have to be asked anew.
    """
    a_society(society)
    component(of, Measure, "of")
    if society.speakers:
        raise ValueError(
            f"clones() came with speakers in seats {list(society.speakers)}; wanted pure minds: seat one "
            "speaker everywhere and call cw.run(cw.Society(scenario, speaker), seeds)"
        )
    ready, found = society.prepare(), {}
    names = _seeds(seeds)
    minds = [(ready if i in society.learners else society).minds[i] for i in range(len(society.minds))]
    for mind in minds:
        alone = Society(society.scenario, mind, society.profiles)
        found[identity(mind)] = found.get(identity(mind)) or _worth(
            _Game(alone, (), (), names, (of,)), alone.prepare()
        )
    return np.array([found[identity(mind)].values[0] for mind in minds])


# ------------------------------------------------------------------------------------------ in-graph


class _Game(NamedTuple):
    """Who plays: the society and the stand-ins, ready; the members; the worlds; the measures."""

    society: Society
    others: tuple[Mind, ...]
    members: tuple[int, ...]
    seeds: list[int]
    of: tuple[Measure, ...]

    def stays(self, mask: int) -> list[bool]:
        """Bool[n]: which seats are themselves."""
        return [
            i not in self.members or bool(mask >> self.members.index(i) & 1) for i in range(len(self.others))
        ]

    def put(self, mask: int) -> Society:
        """The society with stand-ins really seated."""
        triples = zip(self.stays(mask), self.society.minds, self.others, strict=True)
        minds = [own if stays else other for stays, own, other in triples]
        return Society(self.society.scenario, minds, self.society.profiles)

    def either(self) -> Society:
        """The society with both minds in each seat of a member."""
        minds = list(self.society.minds)
        for i in self.members:
            minds[i] = Either(minds[i], self.others[i], True, plain=self.society.profiles[i] is None)
        return Society(self.society.scenario, minds, self.society.profiles)


class _Worth(NamedTuple):
    """Each measure of some worlds [M, W], NaN where there is none, why not, and what was replied."""

    values: np.ndarray
    why: tuple[str, ...]
    trace: Trace


def _together(game: _Game, masks: list[int]) -> dict[int, _Worth]:
    """Many coalitions in one compiled call (see `together`), each with all worlds."""
    ready, worlds = game.either(), len(game.seeds)
    groups, found = ready.groups(), {}
    size = min(len(masks), max(1, together(ready.scenario) // worlds))
    names, recipe = game.seeds * size, {"society": describe(game.society), "engine": "graph", "forced": True}
    for at in range(0, len(masks), size):
        some = masks[at : at + size]
        keep = np.array([game.stays(mask) for mask in [*some, *some[-1:] * (size - len(some))]])
        illegal, rows = _play(
            ready.scenario,
            groups,
            jnp.asarray(np.repeat(keep, worlds, axis=0)),
            jnp.asarray(names, jnp.uint32),
        )
        rows = jax.tree.map(lambda x: np.swapaxes(np.asarray(x), 0, 1), rows)
        parts = _rounds(rows, ready.scenario) | {"illegal": np.asarray(illegal)}
        trace = _trace(_Task(ready, names, Do(), "graph", recipe), parts, [])
        whole = _measured(game, trace)
        for k, mask in enumerate(some):
            mine = slice(k * worlds, (k + 1) * worlds)
            one = whole._replace(values=whole.values[:, mine], why=("",) * len(game.of))
            found[mask] = _measured(game, trace.worlds(mine)) if np.isnan(one.values).any() else one
    return found


@eqx.filter_jit
def _play(scenario, groups, keep, seeds):
    """Worlds [B] in which keep Bool[B, n] says who is heard: illegal [B], rows [T, B, ...]."""

    def world(seed, keep):
        mine = tuple(
            eqx.tree_at(lambda g: g.minds.keep, group, keep[jnp.array(group.seats)])
            if isinstance(group.minds, Either)
            else group
            for group in groups
        )
        illegal, rows = _rollout(scenario, mine, Do(), seed[None])
        return illegal[0], jax.tree.map(lambda x: x[:, 0], rows)

    return jax.vmap(world, out_axes=(0, 1))(seeds, keep)


def _worth(game: _Game, society: Society, seeds: list[int] | None = None, journal: Journal | None = None):
    return _measured(game, run(society, game.seeds if seeds is None else seeds, journal=journal))


def _measured(game: _Game, trace: Trace) -> _Worth:
    both = [by_world(of, trace) for of in game.of]
    return _Worth(np.array([values for values, _ in both]), tuple(why for _, why in both), trace)


def by_world(of: Measure, trace: Trace) -> tuple[np.ndarray, str]:
    """A measure of each world, and why there is none somewhere."""
    valid, values = trace.valid, np.full(len(trace.seeds), np.nan)
    why = next(filter(None, trace.invalid), "")
    if valid.any():
        try:
            found = of(trace if valid.all() else trace.worlds(valid))
        except NA as reason:
            return values, str(reason)
        if found.shape != (valid.sum(),):
            raise ValueError(
                f"measure {of.name!r} gave shape {found.shape} for {valid.sum()} worlds; wanted one number a "
                "world: harm=gini"
            )
        values[valid] = found
    return values, why or of.undefined * bool(np.isnan(values).any())


def _tables(
    game: _Game, found: dict[int, _Worth], away: Sequence[_Worth] = (), calls: int = 0
) -> tuple[Table, ...]:
    """A table of each measure; `away` are replays of what was, asked anew."""
    fact = found[(1 << len(game.members)) - 1]
    some = []
    for k in range(len(game.of)):
        values = {mask: one.values[k] for mask, one in found.items()}
        why = {mask: one.why[k] for mask, one in found.items() if one.why[k]}
        null = np.array([one.values[k] - fact.values[k] for one in away]).reshape(-1, len(game.seeds))
        lost = next(filter(None, (one.why[k] for one in away)), "")
        some.append(Table(game.members, values, why, null, lost, calls))
    return tuple(some)


# ------------------------------------------------------------------------------------------ speakers


def _asked(game: _Game, masks: list[int], journal: Journal, draws: int, nulls: int) -> tuple[Table, ...]:
    """The tables under an allowance of calls: cheapest first, the null before all but the all-but-ones."""
    if not np.isfinite(journal.allowance) or journal.allowance < 0 or draws < 1:
        raise ValueError(
            f"speakers sit in seats {list(game.society.speakers)} and {journal.allowance} calls are allowed, "
            f"draws={draws}; wanted a number of calls, which may be 0: cw.account(trace, harm=..., "
            "stand_in=..., budget=200)"
        )
    n, speakers = len(game.members), game.society.speakers
    everyone, budget = (1 << n) - 1, journal.allowance

    def voices(mask: int) -> int:
        return sum(game.stays(mask)[i] for i in speakers)

    def rank(mask: int):
        return mask != everyone, voices(mask) > 0, n - mask.bit_count() > 1, voices(mask), mask

    ask = partial(_within, game, worst=lambda mask: 2 * voices(mask) * game.society.scenario.horizon)
    queue = sorted({everyone, *masks}, key=rank)
    free = [mask for mask in queue if mask == everyone or not voices(mask)]
    soon = [mask for mask in queue if mask not in free and n - mask.bit_count() == 1]
    every = {mask: [ask(mask, journal)] for mask in [*free, *soon]}
    left, away = journal.allowance, []
    for _ in range(nulls):
        anew = Journal()
        anew.allowance = left
        away.append(ask(everyone, anew))
        left = anew.allowance
    for draw in range(draws):
        known = journal if draw == 0 else from_table(every[everyone][0].trace.replies)
        known.allowance = left
        for mask in queue:
            if mask not in free and (draw or mask not in soon):
                every.setdefault(mask, []).append(ask(mask, known))
        left = known.allowance
    journal.allowance = left
    found = {
        mask: some[0]._replace(values=_mean([one.values for one in some])) for mask, some in every.items()
    }
    return _tables(game, found, away, int(budget - left))


def _within(game: _Game, mask: int, journal: Journal, worst: Callable[[int], int]) -> _Worth:
    """A coalition's worth, as many worlds at once as the allowance suffices for, with one repair a reply."""
    todo, parts = game.seeds, []
    while todo:
        fit = journal.allowance // max(worst(mask), 1)
        size = len(todo) if journal.allowance < 1 else int(min(max(fit, 1), len(todo)))
        parts.append(_worth(game, game.put(mask), todo[:size], journal))
        todo = todo[size:]
    why = tuple(next(filter(None, some), "") for some in zip(*(part.why for part in parts), strict=True))
    values = np.concatenate([part.values for part in parts], axis=1)
    return _Worth(values, why, _joined([part.trace for part in parts]))


def _joined(traces: list[Trace]) -> Trace:
    """The first trace, with the replies of all."""
    return replace(traces[0], replies=pl.concat([trace.replies for trace in traces]))


def _mean(some: list[np.ndarray]) -> np.ndarray:
    """The mean of what is known."""
    known = ~np.isnan(some)
    return np.where(known, some, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
