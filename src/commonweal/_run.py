"""One door to simulate: `run`. In-graph when every mind is pure, asynchronous otherwise.

Both engines share the two halves of a tick (`_tick`) and give equal traces for equal societies:
choices, messages and events exactly, floats to rounding.
"""

import asyncio
import functools
import operator
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._bounds import Limit, refusal, shown
from ._columns import accounts_of, unsound
from ._describe import describe, rebuild
from ._governed import Governed
from ._journal import Journal, from_table, to_table
from ._play import Played, messages, play_worlds
from ._refuse import refuse_illegal, refuse_malformed, refuse_unfit
from ._society import Society
from ._speak import Observer
from ._stored import steady
from ._tick import Do, World, begin, tick
from ._trace import Trace

MOST_WORLDS = 10_000_000  # in one run: their names alone take a gigabyte
CHUNK = 65_536  # worlds in one compiled call


def run(
    society: Society,
    seeds: int | Sequence[int] = 1,
    *,
    engine: Literal["auto", "graph", "async"] = "auto",
    do: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    journal: Journal | None = None,
    observer: Observer | None = None,
) -> Trace:
    """Simulate a society in one world per seed and return the trace.

    **Main arguments**

    - `society`: the scenario under its institutions, and the minds.
    - `seeds`: the names of the worlds, or how many (0, 1, 2, ...). A seed is all a world's luck.

    **Other arguments**

    - `engine`: `graph` compiles everything; `async` drives the same step from Python and lets
      speakers answer; `auto` picks `async` exactly when there are speakers.
    - `do`: forced acts, channel -> (Bool[T, n], values [T, n]), for counterfactuals; with a leading
      world axis, each world has its own.
    - `journal`: replies of speakers that are known already, and where new ones are kept.
    - `observer`: is told of rounds and decisions in worlds with speakers.

    **Raises**

    - ValueError: no seeds, an unknown channel, an act out of range.
    """
    return _done(_task(society, seeds, engine, do), journal, observer)


def _done(task: "_Task", journal: Journal | None, observer: Observer | None = None) -> Trace:
    if task.engine == "async":
        return _finish(_answered(task, journal, observer))
    with _blamed(task):
        parts = _rollouts(task.ready, task.names, task.do)
    return _trace(task, parts, [])


async def play(
    society: Society,
    seeds: int | Sequence[int] = 1,
    *,
    do: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    journal: Journal | None = None,
    observer: Observer | None = None,
) -> Trace:
    """As `run` with the asynchronous engine, inside an event loop that is running already."""
    return await _answered(_task(society, seeds, "async", do), journal, observer)


class _Task(NamedTuple):
    """What is to be run: the society ready for it, the worlds, the forced acts, the recipe."""

    ready: Society
    names: list[int]
    do: Do
    engine: str
    recipe: dict[str, Any]


def _task(
    society: Society, seeds: int | Sequence[int], engine: str, do: Any, *, again: bool = False
) -> _Task:
    if not isinstance(society, Society):
        raise TypeError(
            f"run() came with a {type(society).__name__}; wanted a society: "
            "cw.run(cw.Society(scenario, minds), seeds=64)"
        )
    names = _seeds(seeds, again)
    Limit("run", "engine", Literal["auto", "graph", "async"], None, "auto", static=True).check(engine)
    chosen = engine if engine != "auto" else "async" if society.speakers else "graph"
    if chosen == "graph" and society.speakers:
        raise ValueError(
            f"engine='graph' cannot host the speakers in seats {list(society.speakers)}; wanted pure minds "
            "only: cw.run(society, seeds, engine='async')"
        )
    ready = society.prepare()
    told = ready if society.learners else society  # what was learned belongs to the recipe
    recipe = {"society": describe(told), "engine": chosen, "forced": bool(do)}
    recipe |= {"platform": jax.devices()[0].platform, "jax": jax.__version__}
    return _Task(ready, names, _forced(do or {}, ready, len(names)), chosen, recipe)


@contextmanager
def _blamed(task: _Task) -> Iterator[None]:
    """If a run fails and the scenario is at fault, say so in one line."""
    try:
        yield
    except Exception:
        refuse_malformed(task.ready.scenario.base)
        raise


async def _answered(task: _Task, journal: Journal | None, observer: Observer | None) -> Trace:
    with _blamed(task):
        played = await play_worlds(
            task.ready, task.names, task.do, journal or Journal(), observer or Observer()
        )
    parts = jax.tree.map(lambda *x: np.stack(x), *(one.rows for one in played))
    parts = _rounds(parts, task.ready.scenario) | {"illegal": np.array([one.illegal for one in played])}
    return _trace(task, parts, played)


def _trace(task: _Task, parts: dict[str, Any], played: list[Played]) -> Trace:
    card, channels = task.ready.scenario.card(), task.ready.scenario.channels()
    refuse_unfit(card, parts)
    refuse_illegal(parts["intent"], parts.pop("illegal"), task.names, channels)
    parts["messages"] = messages(parts["act"], channels, [one.talk for one in played])
    if task.ready.speakers:
        parts["refused"] = np.zeros(parts["book"]["pay"].shape, bool)
        for w, one in enumerate(played):
            for t, agent in one.talk.refused:
                parts["refused"][w, t, agent] = True
        parts["replies"] = to_table([entry for one in played for entry in one.entries])
    seeds = np.asarray(task.names, np.int64)
    broken = unsound(accounts_of(parts))
    invalid = tuple(one.why or why for one, why in zip(played, broken, strict=True)) if played else broken
    return Trace(seeds=seeds, card=card, invalid=tuple(map(steady, invalid)), recipe=task.recipe, **parts)


def replay(
    trace: Trace,
    *,
    society: Society | None = None,
    do: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
    ask: bool = True,
) -> Trace:
    """Run a trace's recipe again, in the same worlds; with `do`, as it would have been.

    `trace.worlds([0] * 400)` holds one world 400 times: with a `do` for each, as many counterfactuals of
    it in one call.

    With neither argument the result equals the trace bit for bit (the null counterfactual). Speakers
    are asked only what they were not asked then: of those, nobody for the null, and with `do` from the
    first prompt that it changes; without `ask` the world is invalid from there.

    Raises:
        ValueError: a recording, an evolution or a learning curve, which have no recipe of a run; a trace
            of forced acts, replayed without them.
    """
    if not isinstance(trace, Trace):
        raise TypeError(
            f"replay: got {shown(trace)}, expected a trace; try replay(cw.run(society, seeds=64))"
        )
    if "society" not in trace.recipe:
        kind = trace.recipe.get("kind") or next(iter(trace.recipe), "a recording")  # an evolution, a curve
        raise ValueError(f"this trace ({kind}) has no recipe of a run; wanted one that cw.run made")
    if trace.recipe["forced"] and do is None:
        raise ValueError(
            "this trace was run with forced acts, which it does not hold; pass them again: "
            "cw.replay(trace, do=...), or do={} for the same worlds without them"
        )
    known = rebuild(trace.recipe["society"]) if society is None else society
    worlds = [int(s) for s in trace.seeds]
    journal = from_table(trace.replies)
    if not ask:
        journal.allowance = 0
    return _done(_task(known, worlds, trace.recipe["engine"], do, again=True), journal)


def _seeds(seeds: int | Sequence[int], again: bool = False, owner: str = "run") -> list[int]:
    """The names of the worlds; only a replay may run one `again` and again, each time with other acts."""
    wanted = "how many worlds, or their names, each a different whole number from 0 to 2**32 - 1"
    try:
        some = range(operator.index(seeds)) if np.ndim(seeds) == 0 else seeds  # type: ignore[arg-type]
        if isinstance(seeds, bool | np.bool_ | str):
            raise TypeError
        if len(some) > MOST_WORLDS:  # type: ignore[arg-type]
            few = f"at most {MOST_WORLDS:,} worlds in one run"
            raise ValueError(refusal(owner, "seeds", seeds, few, 64))
        if any(isinstance(seed, bool | np.bool_) for seed in some):  # type: ignore[union-attr]
            raise TypeError
        names = [operator.index(seed) for seed in some]  # type: ignore[union-attr]
    except TypeError:
        raise TypeError(refusal(owner, "seeds", seeds, wanted, 64)) from None
    if not names or min(names) < 0 or max(names) >= 2**32 or len(set(names)) < len(names) and not again:
        raise ValueError(refusal(owner, "seeds", seeds, wanted, 64))
    return names


def _forced(do: Mapping[str, tuple[np.ndarray, np.ndarray]], society: Society, worlds: int) -> Do:
    channels = society.scenario.channels()
    shape = (society.scenario.base.horizon, society.scenario.n_agents)
    acts = {}
    for name, pair in do.items():
        if name not in channels or any(np.shape(x) not in (shape, (worlds, *shape)) for x in pair):
            raise ValueError(
                f"do={{{name!r}: ...}} has shapes {[np.shape(x) for x in pair]}; wanted one of the channels "
                f"{sorted(channels)} and two arrays [ticks, agents] of shape {shape}, or one such a world"
            )
        kinds = (bool, channels[name].silence.dtype)
        acts[name] = tuple(
            np.broadcast_to(np.asarray(x).astype(k), (worlds, *shape))
            for x, k in zip(pair, kinds, strict=True)
        )
    return Do(acts)


@eqx.filter_jit
def _rollout(scenario, groups, do: Do, seeds):
    """Every world of a batch: rows [T, W, ...] and, per world, the first tick out of range."""

    def world(seed, do: Do):
        def step(now: World, _):
            after, row, chosen = tick(scenario, groups, do, seed, now)
            return after, row | {"odds": chosen.odds}

        last, rows = jax.lax.scan(step, begin(scenario, groups, seed), length=scenario.horizon)
        return last.illegal, rows  # one row a tick; `_rounds` makes rounds of them

    return jax.vmap(world, out_axes=(0, 1))(seeds, do)


def _rollouts(society: Society, names: list[int], do: Do) -> dict[str, Any]:
    groups = society.groups()
    size = min(max(len(names), 2), CHUNK)  # one world alone may round otherwise than in company
    chunks = []
    for i in range(0, len(names), size):
        where = slice(i, i + size)
        batch = names[where]
        padded = np.asarray(batch + [batch[-1]] * (size - len(batch)), np.uint32)
        acts = jax.tree.map(functools.partial(_batch, where=where, size=size), do)
        illegal, rows = _rollout(society.scenario, groups, acts, jnp.asarray(padded))
        rows = jax.tree.map(lambda x: np.swapaxes(np.asarray(x), 0, 1), rows)
        rows = _rounds(jax.tree.map(operator.itemgetter(slice(len(batch))), rows), society.scenario)
        chunks.append(rows | {"illegal": np.asarray(illegal)[: len(batch)]})
    return chunks[0] if len(chunks) == 1 else jax.tree.map(lambda *x: np.concatenate(x), *chunks)


def _batch(x: np.ndarray, where: slice, size: int) -> jax.Array:
    """The rows of one batch, repeated to its full size."""
    return jnp.asarray(np.resize(x[where], (size, *x.shape[1:])))


def _rounds(rows: dict[str, Any], scenario: Governed) -> dict[str, Any]:
    """Rows [W, T, ...] of ticks as rows of rounds: the last phase has all but the odds of those before."""
    turns = scenario.turns()
    last = {key: x for key, x in rows.items() if key != "odds"}
    last = jax.tree.map(lambda x: x[:, len(turns) - 1 :: len(turns)], last)
    odds = {}
    for name, x in rows["odds"].items():
        by_phase = x.reshape(len(x), -1, *turns.shape, x.shape[-1])  # world, round, phase, agent, option
        mine = np.where(turns[None, None, :, :, None], by_phase, 0.0).sum(axis=2)
        odds[name] = np.where(last["alive"][:, :, None, None], mine, np.float32(0.0))
    return last | {"odds": odds}


def _finish(work: Coroutine):
    """Run a coroutine to its end, in a thread of its own where an event loop is already running."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    box: list[Any] = []

    def inside():
        try:
            box.append((asyncio.run(work), None))
        except BaseException as error:  # noqa: BLE001  (carried to the caller's thread)
            box.append((None, error))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    result, error = box[0]
    if error is not None:
        raise error
    return result
