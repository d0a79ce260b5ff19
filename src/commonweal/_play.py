"""The asynchronous engine: all worlds in flight together, each with its own barrier a tick."""

import asyncio
import operator
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import jax
import numpy as np
import polars as pl

from ._channel import Words
from ._drive import Drive
from ._journal import Entry, Journal
from ._mind import NoAnswer, Speaker
from ._society import Society
from ._speak import Observer, Talk
from ._tick import Do
from ._trace import MESSAGES, no_messages


class Played(NamedTuple):
    """One world: rows [T, ...] of its ticks, the first round out of range, why it is invalid, the talk."""

    rows: dict[str, Any]
    illegal: int
    why: str
    talk: Talk

    @property
    def entries(self) -> list[Entry]:
        """The calls that were answered."""
        return self.talk.entries


async def play_worlds(
    society: Society, names: list[int], do: Do, journal: Journal, observer: Observer
) -> list[Played]:
    """All worlds, in the seeds' order."""
    drive = Drive(society)
    each = [jax.tree.map(operator.itemgetter(i), do) for i in range(len(names))]
    talks = [Talk(society, seed, journal, observer) for seed in names]
    speakers = {id(mind): mind for mind in society.minds if isinstance(mind, Speaker)}
    async with AsyncExitStack() as open_now:
        for speaker in speakers.values() if journal.allowance else ():
            await open_now.enter_async_context(speaker.session())
        try:
            async with asyncio.TaskGroup() as together:  # if one fails, no other goes on being paid for
                worlds = [
                    together.create_task(_play(society, drive, talk, mine, observer))
                    for talk, mine in zip(talks, each, strict=True)
                ]
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        return [world.result() for world in worlds]


async def _play(society: Society, drive: Drive, talk: Talk, do: Do, observer: Observer) -> Played:
    scenario, phases, seed = society.scenario, len(society.scenario.groups), talk.seed
    forces = {name: np.asarray(mask) for name, (mask, _) in do.acts.items()}
    at, now = drive.start(seed, do)
    rows, why = [], ""
    for t in range(scenario.base.horizon):
        async with observer.round(seed, t):
            forced = {name: mask[t] for name, mask in forces.items()}
            for phase in range(phases):
                intent, odds = now.intent, now.odds
                if society.speakers and not now.over:
                    try:
                        intent = await talk.listen(now, t * phases + phase, forced)
                    except NoAnswer as reason:
                        why = str(reason)
                        break
                at, row, now = drive.step(at, intent)
                rows.append(row | {"odds": odds})
            if why:
                break
            observer.settled(seed, t, rows[-1])
        await asyncio.sleep(0)
    if (
        why
    ):  # the round that somebody did not answer is not played; a world of none has the rows of a blank one
        blank = jax.tree.map(np.zeros_like, rows[-1] if rows else _blank(drive, at, now))
        rows = rows[: len(rows) // phases * phases]
        rows += [blank] * (scenario.horizon - len(rows))
    return Played(jax.tree.map(lambda *x: np.stack(x), *rows), int(now.illegal), why, talk)


def _blank(drive: Drive, at, now) -> dict[str, Any]:
    """A row of the right shapes: that of the tick nobody answered, played with what is there."""
    return drive.step(at, now.intent)[1] | {"odds": now.odds}


def messages(acts: dict[str, np.ndarray], channels, talks: list[Talk]) -> pl.DataFrame:
    """What was said: a row per act on a `Words` channel that is not silence, and what was no act beside."""
    tables = [no_messages()]
    for name, channel in channels.items():
        if isinstance(channel, Words):
            world, t, agent = np.nonzero(acts[name])
            codes = acts[name][world, t, agent]
            said = [
                _said(channel, int(c), talks[w].said if talks else {})
                for w, c in zip(world, codes, strict=True)
            ]
            frame = pl.DataFrame({"world": world, "t": t, "agent": agent}).with_columns(
                channel=pl.lit(name), text=pl.Series(said, dtype=pl.String)
            )
            tables.append(frame.cast(MESSAGES))  # type: ignore[arg-type]
    asides = [(w, *aside) for w, talk in enumerate(talks) for aside in talk.asides]
    tables.append(pl.DataFrame(asides, schema=MESSAGES, orient="row"))
    return pl.concat(tables).sort("world", "t", "agent", "channel", maintain_order=True)


def _said(channel: Words, code: int, said: Mapping[int, tuple[str, Any]]) -> str:
    """What a code stands for; a code that no speaker made (a forced one, say) has no words."""
    return said[code][0] if code in said else channel.render(code)
