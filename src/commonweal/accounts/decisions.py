"""Accounts by decision: what each single act did to a harm, by replaying the world with another in its place.

The effect of an act, compared with an alternative, is the harm as it was less the harm as it would have
been: the total counterfactual effect (Triantafyllou, Singla, Radanovic 2024, arXiv 2410.12539), with its
sign turned so that more than 0 means that the act did harm. All luck is kept, and everybody answers to
what was changed. A measure of which more is better counts as harm where it is missing.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import polars as pl
from scipy.special import stdtrit

from .._channel import Amount, Words
from .._journal import from_table
from .._measure import Measure
from .._mind import Mind
from .._society import Society
from .._trace import Trace
from .branches import ENDED, Branches, Deed, Deeds, Ran
from .decided import COLUMNS, Decisions, spread_of
from .slice import Seen, told
from .slips import several, stand_ins, whole

SHARES = (0.0, 0.5, 1.0)  # of the most that is allowed: the amounts that are tried where none are named
NOT_LEGAL, REACHED_NOBODY = "not legal then", "it reached nobody"


def decisions(
    trace: Trace,
    harm: Measure,
    *,
    world: int = 0,
    budget: int | None = None,
    channel: str | None = None,
    values: Sequence[float] | None = None,
    stand_in: Mind | Sequence[Mind] | None = None,
    society: Society | None = None,
    draws: int = 1,
    nulls: int = 2,
) -> Decisions:
    """The effect of every decision of one world on a harm, compared with what might have been done instead.

    **Main arguments**

    - `trace`: made by `cw.run`; `harm`: one number a world, with a better end; `world`: its position.
    - `budget`: the most model calls that may be made; required where there are speakers.

    **Other arguments**

    - `channel`: only this one. `values`: the acts to try; by default every legal option, and of amounts
      nothing, half and all that was allowed.
    - `stand_in`: try only what this mind (or one a seat) would have done in that very sight, on all channels
      at once.
    - `society`: what to replay, where the recipe cannot make it again.
    - `draws`, `nulls`: for speakers, how often each branch is asked, and replays with nothing changed.

    An act is replaced while its agent's other acts of the round stay what they were, but for free words,
    which are said anew. Of speakers, what reaches nobody (see `slice`) is 0 without a call, and the calls go
    first to what did most harm had all others kept to their acts. `low` and `high` are then the effect plus
    and minus t sqrt(s^2 / draws), with s the spread of the null and the world itself; they are NaN where
    fewer than 5 nulls show no spread.

    **Raises**

    - ValueError: see `Branches`; an unknown channel; speakers and no budget.
    """
    branches = Branches(trace, harm, world=world, budget=budget, society=society)
    return of(
        branches, channel=channel, values=values, stand_in=stand_in, draws=draws, nulls=nulls, budget=budget
    )


def of(
    branches: Branches,
    *,
    channel: str | None = None,
    values: Sequence[float] | None = None,
    stand_in: Mind | Sequence[Mind] | None = None,
    draws: int = 1,
    nulls: int = 2,
    budget: int | None = None,
    seen: Seen | None = None,
) -> Decisions:
    """As `decisions`, of a world whose branches are at hand; `seen` as in `options`."""
    whole(1, draws=draws)
    whole(nulls=nulls)
    found = list(options(branches, channel, values, stand_in, seen=seen))
    legal = [not why for _, why in found]
    deeds = [some for some, why in found if not why]
    effects, more = (_exact if not branches.speaks else _asked)(branches, deeds, draws, nulls)
    rows, places = [], iter(range(len(deeds)))
    for (some, why), ok in zip(found, legal, strict=True):
        at = next(places) if ok else None
        told = {k: x[at] for k, x in effects.items()} if at is not None else _unknown(why)
        rows.append(_named(branches, some) | told)
    return Decisions(
        branches.harm.name,
        branches.harm.unit,
        branches.seed,
        branches.span,
        branches.factual,
        pl.DataFrame(rows, schema=COLUMNS),
        more,
        branches.replays,
        branches.calls,
        budget if branches.speaks else None,
    )


def options(
    branches: Branches,
    channel: str | None = None,
    values: Sequence[float] | None = None,
    stand_in: Any = None,
    *,
    seen: Seen | None = None,
) -> Iterator[tuple[Deeds, str]]:
    """Every alternative to every decision of the world, and why it is none, if it was not legal.

    `seen` is what `branches.seen(minds=stand_in)` gave, where it is at hand.
    """
    channels = branches.channels
    if channel is not None and channel not in channels:
        raise ValueError(f"no channel {channel!r} here; wanted one of {sorted(channels)}")
    several("values", values, "[0.0, 5.0]")
    if stand_in is not None:
        stand_ins(stand_in, branches.span[1])
    names = sorted(channels) if channel is None else [channel]
    seen = branches.seen(minds=stand_in) if seen is None else seen
    did, would = (
        {k: _clipped(channels[k], x[k][0], seen.legal[k][0]) for k in names}
        for x in (branches.trace.intent, seen.acts)
    )
    for t, i in np.argwhere(np.broadcast_to(branches.trace.alive[0][:, None], branches.span)).tolist():
        together: list[Deed] = []
        for name in names:
            kind, mask = channels[name], seen.legal[name][0, t, i]
            if not (mask > 0 if isinstance(kind, Amount) else mask.sum() > 1):
                continue
            if stand_in is not None:
                other = would[name][t, i] != did[name][t, i]
                together += [Deed(t, i, name, would[name][t, i].item())] if other else []
                continue
            for value, why in tried(kind, mask, values):
                if value != did[name][t, i]:
                    yield [Deed(t, i, name, value)], why
        if together:
            yield together, ""


def _clipped(kind: Any, acts: np.ndarray, legal: np.ndarray) -> np.ndarray:
    """What was to be executed; words that no phrasebook holds stay as they are."""
    found = np.asarray(kind.clip(jnp.asarray(acts), jnp.asarray(legal)))
    return np.where(acts >= len(kind.options), acts, found) if isinstance(kind, Words) else found


def tried(kind: Any, mask: np.ndarray, values: Sequence[float] | None) -> Iterator[tuple[float, str]]:
    """The acts to try on a channel, and why one cannot be."""
    if isinstance(kind, Amount):
        for value in [float(np.float32(s) * mask) for s in SHARES] if values is None else values:
            yield float(np.float32(value)), "" if 0.0 <= np.float32(value) <= mask else NOT_LEGAL
    else:
        for value in np.flatnonzero(mask[: len(kind.options)]) if values is None else values:
            fine = 0 <= int(value) < len(kind.options) and mask[int(value)]
            yield int(value), "" if fine else NOT_LEGAL


def _exact(
    branches: Branches, deeds: list[Deeds], draws: int, nulls: int
) -> tuple[dict[str, list], np.ndarray]:
    """The effects where nobody speaks: no draw differs from another."""
    ran = branches.run(deeds)
    effect = _effect(branches, ran.values)
    nan = [math.nan] * len(deeds)
    found = {"effect": effect, "low": nan, "high": nan, "draws": [1] * len(deeds), "why": ran.why}
    return found | {"diverged": diverged(branches, deeds, ran)}, np.zeros(0)


def _asked(
    branches: Branches, deeds: list[Deeds], draws: int, nulls: int
) -> tuple[dict[str, list], np.ndarray]:
    """The effects where somebody speaks, as far as the calls go."""
    null = np.array([x for _ in range(nulls) if branches.left >= 1 and not math.isnan(x := branches.again())])
    order, nobody = relevance(branches, deeds)
    sums, counts = np.zeros(len(deeds)), np.zeros(len(deeds), int)
    why, after = [ENDED] * len(deeds), [-1] * len(deeds)
    for b in nobody:
        sums[b], counts[b], why[b] = branches.factual, 1, REACHED_NOBODY
    for _ in range(draws):
        journal = from_table(branches.trace.replies)  # branches share what they ask alike: common luck
        some = [b for b in order if branches.left >= 1 or not counts[b]]
        if not some:
            break
        ran = branches.run([deeds[b] for b in some], journal=journal)
        others = diverged(branches, [deeds[b] for b in some], ran)
        for b, reason, value, other in zip(some, ran.why, ran.values, others, strict=True):
            if not reason:
                sums[b], counts[b], why[b], after[b] = sums[b] + value, counts[b] + 1, "", other
            elif not counts[b]:
                why[b] = reason
    effect = _effect(branches, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan))
    wide = np.full(len(deeds), math.nan)
    if (spread := spread_of(branches.factual, null)) is not None:
        wide = stdtrit(len(null), 0.975) * spread / np.sqrt(np.maximum(counts, 1))
    wide[nobody] = 0.0
    found = {"effect": effect, "low": effect - wide, "high": effect + wide, "draws": counts, "why": why}
    return found | {"diverged": after}, null


def relevance(branches: Branches, deeds: list[Deeds]) -> tuple[list[int], list[int]]:
    """In which order to ask, and what need not be asked: deeds that reached nobody who chose again.

    An agent who does choose again may remember what it did, and answer to it, whether it speaks or not.
    With all others' acts held, the harm spared comes first, then what is shown to others soonest.
    """
    if not deeds:
        return [], []
    held, agents = branches.held(deeds), np.array([some[0].agent for some in deeds])
    factual, shown = branches.seen(), branches.seen(deeds)
    reached = told(shown.digest, factual.digest[0], agents)
    direct = _effect(branches, held.values)
    later = np.zeros(branches.span, bool)  # whether the agent chooses again after a round
    for name, legal in factual.legal.items():
        some = legal[0] > 0 if legal.ndim == 3 else legal[0].sum(axis=-1) > 1
        later |= some & (name in branches.channels) & branches.trace.alive[0][:, None]
    ahead = np.array([later[some[0].t + 1 :, some[0].agent].any() for some in deeds])
    nobody = (direct == 0.0) & (reached < 0) & ~ahead
    soon = np.where(reached < 0, np.iinfo(int).max, reached)
    order = np.lexsort((soon, -np.nan_to_num(direct)))
    return [int(b) for b in order if not nobody[b]], np.flatnonzero(nobody).tolist()


def diverged(branches: Branches, deeds: Sequence[Deeds], ran: Ran) -> list[int]:
    """The first round in which an act other than those replaced differs from what was done, or -1."""
    found = []
    for b, some in enumerate(deeds):
        other = np.zeros(branches.span, bool)
        for name in branches.channels:
            mine = ran.acts[name][b] != branches.trace.act[name][0]
            for deed in some:
                mine[deed.t, deed.agent] &= deed.channel != name
            other |= mine
        found.append(int(other.any(axis=1).argmax()) if other.any() else -1)
    return found


def _effect(branches: Branches, values: np.ndarray) -> np.ndarray:
    """Harm as it was less harm as it would have been; never a negative zero."""
    return branches.sign * (branches.factual - values) + 0.0


def _unknown(why: str) -> dict[str, Any]:
    nan = math.nan
    return {"effect": nan, "low": nan, "high": nan, "draws": 0, "diverged": -1, "why": why}


def _named(branches: Branches, some: Deeds) -> dict[str, Any]:
    """Which decision it is and what was put in its place, in words and (of one channel) in numbers."""
    did = [branches.trace.intent[deed.channel][0, deed.t, deed.agent].item() for deed in some]
    words = [
        [branches.channels[deed.channel].render(x) or "(silence)" for deed, x in zip(some, xs, strict=True)]
        for xs in (did, [deed.value for deed in some])
    ]
    one = len(some) == 1
    return {
        "t": some[0].t,
        "agent": some[0].agent,
        "channel": ", ".join(deed.channel for deed in some),
        "did": ", ".join(words[0]),
        "instead": ", ".join(words[1]),
        "act": float(did[0]) if one else math.nan,
        "alternative": float(some[0].value) if one else math.nan,
    }
