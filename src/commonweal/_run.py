"""One door to simulate: `run`. In-graph when every mind is pure, asynchronous otherwise.

Both engines share the two halves of a tick (`_tick`) and give equal traces for equal societies:
choices, messages and events exactly, floats to rounding.
"""

import asyncio
import functools
import operator
import threading
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from ._channel import Channel, Words
from ._describe import describe, rebuild
from ._mind import NoAnswer, Speaker, Story
from ._society import Society
from ._tick import Do, World, act, begin, look
from ._trace import MESSAGES, Trace, no_messages

CHUNK = 65_536  # worlds in one compiled call


def run(
    society: Society,
    seeds: int | Sequence[int] = 1,
    *,
    engine: Literal["auto", "graph", "async"] = "auto",
    do: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
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

    **Raises**

    - ValueError: no seeds, an unknown channel, an act out of range.
    """
    names = _seeds(seeds)
    ready = society.prepare()
    channels = ready.scenario.channels()
    forced = _forced(do or {}, ready, len(names))
    if engine == "graph" and ready.speakers:
        raise ValueError(
            f"engine='graph' cannot host the speakers in seats {list(ready.speakers)}; wanted pure minds "
            "only: cw.run(society, seeds, engine='async')"
        )
    if engine == "async" or (engine == "auto" and ready.speakers):
        parts, invalid, phrases = _finish(_play_all(ready, names, forced))
    else:
        parts, invalid, phrases = _rollouts(ready, names, forced), (), {}
    illegal = parts.pop("illegal")
    _refuse_illegal(parts["intent"], illegal, names, channels)
    platform = jax.devices()[0].platform
    recipe = {"society": describe(society), "platform": platform, "jax": jax.__version__}
    table = _messages(parts["act"], channels, phrases)
    return Trace(
        seeds=np.asarray(names),
        card=ready.scenario.card(),
        invalid=invalid,
        messages=table,
        recipe=recipe,
        **parts,
    )


def replay(
    trace: Trace,
    *,
    society: Society | None = None,
    do: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Trace:
    """Run a trace's recipe again, in the same worlds; with `do`, as it would have been.

    With neither argument the result equals the trace bit for bit (the null counterfactual).
    """
    known = rebuild(trace.recipe["society"]) if society is None else society
    return run(known, [int(s) for s in trace.seeds], do=do)


def _seeds(seeds: int | Sequence[int]) -> list[int]:
    names = list(range(seeds)) if isinstance(seeds, int) else [int(s) for s in seeds]
    if not names or min(names) < 0 or max(names) >= 2**32 or len(set(names)) < len(names):
        raise ValueError(
            f"seeds came as {seeds!r}; wanted at least one, each a different integer from 0 to 2**32 - 1: "
            "cw.run(society, seeds=64)"
        )
    return names


def _forced(do: Mapping[str, tuple[np.ndarray, np.ndarray]], society: Society, worlds: int) -> Do:
    channels = society.scenario.channels()
    shape = (society.scenario.horizon, society.scenario.n_agents)
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
        def tick(now: World, _):
            chosen = look(scenario, groups, do, seed, now)
            after, row = act(scenario, groups, seed, chosen.world, chosen.intent)
            return after, row | {"odds": chosen.odds}

        last, rows = jax.lax.scan(tick, begin(scenario, groups, seed), length=scenario.horizon)
        return last.illegal, rows

    return jax.vmap(world, out_axes=(0, 1))(seeds, do)


def _rollouts(society: Society, names: list[int], do: Do) -> dict[str, Any]:
    groups = society.groups()
    size = min(len(names), CHUNK)
    chunks = []
    for i in range(0, len(names), size):
        where = slice(i, i + size)
        batch = names[where]
        padded = np.asarray(batch + [batch[-1]] * (size - len(batch)), np.uint32)
        acts = jax.tree.map(functools.partial(_batch, where=where, size=size), do)
        illegal, rows = _rollout(society.scenario, groups, acts, jnp.asarray(padded))
        rows = jax.tree.map(lambda x: np.swapaxes(np.asarray(x), 0, 1), rows)
        rows = jax.tree.map(operator.itemgetter(slice(len(batch))), rows)
        chunks.append(rows | {"illegal": np.asarray(illegal)[: len(batch)]})
    return chunks[0] if len(chunks) == 1 else jax.tree.map(lambda *x: np.concatenate(x), *chunks)


def _batch(x: np.ndarray, where: slice, size: int) -> jax.Array:
    """The rows of one batch, repeated to its full size."""
    return jnp.asarray(np.resize(x[where], (size, *x.shape[1:])))


_begin, _look, _act = eqx.filter_jit(begin), eqx.filter_jit(look), eqx.filter_jit(act)


async def _play_all(society: Society, names: list[int], do: Do):
    """All worlds in flight together, each with its own barrier a tick; results in the seeds' order."""
    groups = society.groups()
    played = await asyncio.gather(
        *(
            _play(society, groups, seed, jax.tree.map(operator.itemgetter(i), do))
            for i, seed in enumerate(names)
        )
    )
    rows = [rows for rows, _, _, _ in played]
    parts = jax.tree.map(lambda *x: np.stack(x), *rows)
    parts["illegal"] = np.array([illegal for _, illegal, _, _ in played])
    return (
        parts,
        tuple(why for _, _, why, _ in played),
        {i: said for i, (_, _, _, said) in enumerate(played) if said},
    )


async def _play(society: Society, groups, seed: int, do: Do):
    scenario, key = society.scenario, jnp.uint32(seed)
    world = _begin(scenario, groups, key)
    memories = {i: society.minds[i].begin(i, seed) for i in society.speakers}  # type: ignore[union-attr]
    rows, why, said = [], "", []
    for t in range(scenario.horizon):
        chosen = _look(scenario, groups, do, key, world)
        intent = chosen.intent
        if society.speakers and not bool(world.over):
            try:
                intent = await _listen(society, memories, chosen, (seed, t), said)
            except NoAnswer as reason:
                why = str(reason)
        world, row = _act(scenario, groups, key, chosen.world, intent)
        rows.append(jax.tree.map(np.asarray, row | {"odds": chosen.odds}))
        if why:
            rows[-1] = jax.tree.map(np.zeros_like, rows[-1])
            rows += [rows[-1]] * (scenario.horizon - t - 1)
            break
        await asyncio.sleep(0)
    stacked = jax.tree.map(lambda *x: np.stack(x), *rows)
    return stacked, int(world.illegal), why, said


async def _listen(society: Society, memories: dict[int, Any], chosen, when: tuple[int, int], said: list[str]):
    """The intent with every speaker's answer in it; all are asked at once, and taken in seat order."""
    channels = society.scenario.channels()
    sights = jax.tree.map(np.asarray, chosen.sights)
    phrasebook = {name: (*c.options, *said) for name, c in channels.items() if isinstance(c, Words)}
    stories = {i: _story(society, sights, i, when, phrasebook) for i in society.speakers}
    asked = {i: story for i, story in stories.items() if story.legal}
    replies = await asyncio.gather(
        *(_ask(society.minds[i], memories[i], story, channels) for i, story in asked.items())  # type: ignore[arg-type]
    )
    intent = {name: np.array(x) for name, x in chosen.intent.items()}
    for i, (memory, acts) in zip(asked, replies, strict=True):
        memories[i] = memory
        for name, one in acts.items():
            if isinstance(one, str):
                said.append(one)
                one = len(channels[name].options) + len(said) - 1  # type: ignore[attr-defined]
            intent[name][i] = one
    return {name: jnp.asarray(x) for name, x in intent.items()}


def _story(
    society: Society, sights, i: int, when: tuple[int, int], phrasebook: Mapping[str, tuple[str, ...]]
) -> Story:
    row = jax.tree.map(lambda x: x[i], sights)
    channels = society.scenario.channels()
    legal = {
        name: mask
        for name, mask in row.legal.items()
        if not channels[name].lever and (mask.sum() > 1 if mask.dtype == bool else mask > 0)
    }
    profile = society.profiles[i]
    stakeholders = society.scenario.card().stakeholders
    mine = [s.name for s, w in zip(stakeholders, society.scenario.card().represents[i], strict=True) if w]
    persona = "" if profile is None else profile.persona(f"agent {i}", " and ".join(mine) or "nobody")
    news = [society.scenario.tell(row)]
    for name, phrases in phrasebook.items():
        codes = row.facts.get(f"mail:{name}", [])
        news += [f"agent {j} says: {phrases[c]!r}" for j, c in enumerate(codes) if c]
    seed, t = when
    brief = "\n".join(filter(None, [persona, society.scenario.brief(i)]))
    return Story(i, seed, t, brief, "\n".join(filter(None, news)), legal)


async def _ask(speaker: Speaker, memory: Any, story: Story, channels: Mapping[str, Channel]):
    """One answer, parsed; failures are retried, and what still fails makes the world invalid."""
    last = "it was not asked"
    for _ in range(speaker.attempts):
        try:
            memory, replies = await speaker.answer(memory, story, channels)
            missing = set(story.legal) - set(replies)
            if missing:
                raise ValueError(f"the reply lacks {sorted(missing)}")
            return memory, {
                name: _read(channels[name], replies[name], mask) for name, mask in story.legal.items()
            }
        except NoAnswer as reason:
            last = str(reason)
            break
        except Exception as error:  # noqa: BLE001  (whatever a provider raises is missing data)
            last = f"{type(error).__name__}: {error}"
    raise NoAnswer(f"agent {story.seat} gave no answer at t={story.t} ({last})")


def _read(channel: Channel, reply: str, legal: np.ndarray):
    """A reply as a code or a number; words that are not in the phrasebook stay text."""
    if isinstance(channel, Words) and reply not in channel.options:
        return reply
    return channel.parse(reply, legal)


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


def _refuse_illegal(
    intent: Mapping[str, np.ndarray], illegal: np.ndarray, names: list[int], channels
) -> None:
    for world in np.flatnonzero(illegal >= 0)[:1]:
        t = int(illegal[world])
        for name, channel in channels.items():
            n = intent[name].shape[-1]
            reach = channel.everything(n)
            fine = np.asarray(channel.allowed(jnp.asarray(intent[name][world, t]), reach))
            for agent in np.flatnonzero(~fine)[:1]:
                wanted = channel.describe(np.asarray(reach)[agent])
                raise ValueError(
                    f"agent {agent} chose {name}={intent[name][world, t, agent]!s} at t={t} in world "
                    f"{names[world]}; wanted {wanted}: clip it in the mind, or widen the channel"
                )


def _messages(acts: Mapping[str, np.ndarray], channels, phrases: Mapping[int, list[str]]) -> pl.DataFrame:
    """What was said: one row per act on a `Words` channel that is not silence."""
    tables = [no_messages()]
    for name, channel in channels.items():
        if isinstance(channel, Words):
            world, t, agent = np.nonzero(acts[name])
            codes = acts[name][world, t, agent]
            said = [
                channel.options[c] if c < len(channel.options) else phrases[int(w)][c - len(channel.options)]
                for w, c in zip(world, codes, strict=True)
            ]
            frame = pl.DataFrame({"world": world, "t": t, "agent": agent}).with_columns(
                channel=pl.lit(name), text=pl.Series(said, dtype=pl.String)
            )
            tables.append(frame.cast(MESSAGES))  # type: ignore[arg-type]
    return pl.concat(tables).sort("world", "t", "agent", "channel")
