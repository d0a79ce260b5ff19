"""One world of a trace, run again and again with other acts: in compiled batches, or call by call."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._channel import Words
from .._describe import rebuild
from .._journal import Journal, from_table
from .._measure import Measure
from .._run import _done, _task, replay
from .._society import Silent, Society
from .._trace import Trace
from .coalitions import by_world
from .games import sign
from .slice import Seen, witness
from .slips import a_society, a_trace, component, whole

WIDTH = 512  # branches in one compiled call
TOGETHER = 8  # branches with speakers in flight at once, while the budget has room for all
ENDED = "the budget of calls ended"
ONCE = "whoever answers in words was asked once a branch, and no null was taken: chance is not told apart"


class Deed(NamedTuple):
    """One act put in the place of another: in round `t` the agent does `value` on the channel."""

    t: int
    agent: int
    channel: str
    value: float


Deeds = Sequence[Deed]
Do = dict[str, tuple[np.ndarray, np.ndarray]]


class Ran(NamedTuple):
    """Branches that were run: the harm in each (NaN: none, `why` says so), what was done and shown.

    - `acts`, `intent`: channel -> [B, T, n]. `digest`: UInt32[B, T, n], or None where it was not asked for.
    """

    values: np.ndarray
    why: list[str]
    acts: dict[str, np.ndarray]
    intent: dict[str, np.ndarray]
    digest: np.ndarray | None = None


class Branches:
    """A world that was, ready to be run again with deeds replaced; it counts replays and calls.

    - `trace`: that world alone; `society`: prepared; `factual`: its harm, `sign` what makes more of it worse.
    - `left`: model calls that may still be made; infinite where nobody speaks.

    Raises:
        ValueError: see `played_by`; no such world, or an invalid one; the measure has no value there, or
            the world does not come out again.
    """

    def __init__(
        self,
        trace: Trace,
        harm: Measure,
        *,
        world: int = 0,
        budget: int | None = None,
        society: Society | None = None,
        width: int | None = None,
    ):
        known = played_by(trace, harm, society, budget)
        if isinstance(world, bool) or not hasattr(world, "__index__"):
            whole(world=world)
        if not 0 <= world < len(trace.invalid):
            raise ValueError(
                f"world={world}; the trace has {len(trace.invalid)}: wanted its position, world=0"
            )
        if trace.invalid[world]:
            raise ValueError(f"world {world} is invalid ({trace.invalid[world]}); wanted one that was played")
        self.trace, self.harm, self.width = trace.worlds([world]), harm, width
        self.society = known.prepare()
        self.speaks = bool(known.speakers)
        self.left = math.inf if not self.speaks or budget is None else budget
        self.replays = self.calls = 0
        self.sign = sign(harm)
        (value,), why = by_world(harm, self.trace)
        self.factual = float(value)
        if math.isnan(self.factual):
            raise ValueError(
                f"the measure {harm.name!r} is NA in world {world} ({why}); wanted a world in "
                "which it has a value: decisions(trace, harm, world=1)"
            )
        everything = {k: c for k, c in self.society.scenario.channels().items() if not c.lever}
        self.channels: dict[str, Any] = everything
        self._journal = from_table(self.trace.replies)
        self._mute = Society(self.society.scenario, Silent(), self.society.profiles)

    @property
    def seed(self) -> int:
        """The world's name."""
        return int(self.trace.seeds[0])

    @property
    def span(self) -> tuple[int, int]:
        """(rounds, agents)."""
        return self.trace.shape[1:]

    def do(self, deeds: Sequence[Deeds], *, hold: bool = False) -> Do:
        """The forced acts of each branch; with `hold` all acts, as they were but for the deeds."""
        many = (len(deeds), *self.span)
        found = {}
        for name, channel in self.channels.items():
            mask, value = np.full(many, hold), np.zeros(many, channel.silence.dtype)
            value[:] = self.trace.intent[name] if hold else 0
            for b, some in enumerate(deeds):
                for deed in some:
                    if deed.channel == name:
                        mask[b, deed.t, deed.agent], value[b, deed.t, deed.agent] = True, deed.value
            found[name] = (mask, value)
        return found

    def seen(self, deeds: Sequence[Deeds] = ((),), minds: Any = None) -> Seen:
        """What everyone saw with every act forced; `minds` watch and say what they would have done."""
        watching = self._mute
        if minds is not None:
            watching = Society(self.society.scenario, minds, self.society.profiles).prepare()
        size = max(2, len(deeds))
        padded = [*deeds, *[()] * (size - len(deeds))]
        found = witness(watching, [self.seed] * size, self.do(padded, hold=True))
        legal, acts = ({k: x[: len(deeds)] for k, x in some.items()} for some in (found.legal, found.acts))
        return Seen(legal, acts, found.digest[: len(deeds)])

    def held(self, deeds: Sequence[Deeds]) -> Ran:
        """Branches in which all others do what they did: no mind is asked."""
        return self._batches(deeds, hold=True)

    def run(self, deeds: Sequence[Deeds], *, digests: bool = False, journal: Journal | None = None) -> Ran:
        """Branches in which everybody answers to what was changed."""
        if not self.speaks:
            return self._batches(deeds, digests=digests)
        return self._asked(deeds, self._journal if journal is None else journal, digests)

    def again(self) -> float:
        """The harm with all speakers asked anew and nothing changed, a draw of the null; or NaN."""
        return float(self._ask([()], Journal()).values[0])

    def _batches(self, deeds: Sequence[Deeds], *, hold: bool = False, digests: bool = False) -> Ran:
        """Compiled calls of one size, each with the world as it was in its first row."""
        size = self.width or min(WIDTH, max(2, 1 << len(deeds).bit_length()))
        mute = hold or self.speaks
        society, recipe = self._mute if mute else self.society, self.trace.recipe | {"engine": "graph"}
        many = replace(self.trace.worlds([0] * size), recipe=recipe)
        parts = []
        for start in range(0, max(len(deeds), 1), size - 1):
            some = deeds[start : start + size - 1]
            do = self.do([(), *some, *[()] * (size - 1 - len(some))], hold=hold)
            found, keep = replay(many, society=society, do=do), slice(1, 1 + len(some))
            values = self.value(found)
            if not mute:
                self.same(values[0])
            shown = witness(society, [self.seed] * size, do).digest if digests else np.zeros((size, 0, 0))
            done = self.factual + (values[keep] - values[0])
            whys = zip(done, found.invalid[keep], strict=True)
            why = ["" if math.isfinite(x) else lost or self.harm.undefined for x, lost in whys]
            acts, intent = ({k: x[k][keep] for k in self.channels} for x in (found.act, found.intent))
            parts.append(Ran(done, why, acts, intent, shown[keep] if digests else None))
        self.replays += 0 if hold else len(deeds)
        return _joined(parts)

    def same(self, value: float) -> None:
        """Raise ValueError unless this, the harm played again with nothing changed, is what it was."""
        if not np.isclose(value, self.factual, rtol=1e-4, atol=1e-6):
            raise ValueError(
                f"played again, world {self.seed} has {self.harm.name} {value:g}, not {self.factual:g}; "
                "wanted the society that made the trace: society=..., and a harm that replays nothing itself"
            )

    def value(self, found: Trace) -> np.ndarray:
        """The measure's value in each world, NaN where it has none."""
        return by_world(self.harm, found)[0]

    def _asked(self, deeds: Sequence[Deeds], journal: Journal, digests: bool) -> Ran:
        """A few at a time, so that the budget's end cuts off one branch and not several."""
        rounds, _ = self.span
        parts, at = [], 0
        while at < len(deeds):
            costs = 2 * len(self.society.speakers) * rounds
            some = max(1, min(TOGETHER, int(min(self.left, 1e9)) // costs))
            parts.append(self._ask(deeds[at : at + some], journal))
            at += some
        ran = _joined(parts)
        if not digests:
            return ran
        whole = [self._as_deeds({k: x[b] for k, x in ran.intent.items()}) for b in range(len(deeds))]
        return ran._replace(digest=self.seen(whole).digest)

    def _as_deeds(self, intent: dict[str, np.ndarray]) -> list[Deed]:
        """All acts of a branch as deeds."""
        return [Deed(t, i, k, x[t, i].item()) for k, x in intent.items() for t, i in np.ndindex(*x.shape)]

    def _ask(self, deeds: Sequence[Deeds], journal: Journal) -> Ran:
        journal.allowance = self.left
        whole = [[*some, *self._beside(some)] for some in deeds]
        task = _task(self.society, [self.seed] * len(deeds), "async", self.do(whole), again=True)
        found = _done(task, journal)
        made = 0 if math.isinf(self.left) else int(self.left - journal.allowance)
        self.replays, self.calls, self.left = self.replays + len(deeds), self.calls + made, journal.allowance
        values = self.value(found)
        cut = [ENDED if "no more calls are allowed" in reason else reason for reason in found.invalid]
        why = [
            r or ("" if math.isfinite(v) else self.harm.undefined) for r, v in zip(cut, values, strict=True)
        ]
        return Ran(values, why, found.act, found.intent)

    def _beside(self, deeds: Deeds) -> list[Deed]:
        """What speakers whose acts are replaced did else in those rounds, but for free words."""
        found, named = [], {deed[:3] for deed in deeds}
        for t, i in {deed[:2] for deed in deeds if deed.agent in self.society.speakers}:
            for name, channel in self.channels.items():
                did = self.trace.intent[name][0, t, i]
                free = isinstance(channel, Words) and did >= len(channel.options)
                if (t, i, name) not in named and not free:
                    found.append(Deed(t, i, name, did.item()))
        return found


def _joined(parts: Sequence[Ran]) -> Ran:
    """Branches of several calls as of one."""
    acts, intent = (
        {k: np.concatenate([table[k] for table in tables]) for k in tables[0]}
        for tables in ([part.acts for part in parts], [part.intent for part in parts])
    )
    shown = [part.digest for part in parts if part.digest is not None]
    values, why = np.concatenate([part.values for part in parts]), [w for part in parts for w in part.why]
    return Ran(values, why, acts, intent, np.concatenate(shown) if shown else None)


def played_by(trace: Trace, harm: Measure, society: Society | None, budget: int | None) -> Society:
    """The society that is to be replayed: the one given, or that of the recipe.

    Raises:
        TypeError: the trace is none, the harm is no measure, the society is none.
        ValueError: it has no better end or no value per world; the trace has no recipe of a run, or was
            forced; speakers without a budget.
    """
    a_trace(trace)
    component(harm, Measure, "harm")
    whole(budget=budget)
    if society is not None:
        a_society(society)
    if harm.better == "neither" or harm.per != "world":
        raise ValueError(
            f"harm={harm.name!r} is better {harm.better!r} and one number a {harm.per}; wanted one number a "
            "world of which more, or less, is worse: harm=measures.welfare"
        )
    if trace.recipe.get("forced"):
        raise ValueError(
            "this trace has forced acts, which are nobody's conduct; wanted one without: "
            "cw.replay(trace, do={})"
        )
    if "society" not in trace.recipe:
        kind = next(iter(trace.recipe), "a recording")
        raise ValueError(f"this trace ({kind}) has no recipe of a run; wanted one that cw.run made")
    known = rebuild(trace.recipe["society"]) if society is None else society
    if known.speakers and budget is None:
        raise ValueError(
            f"speakers sit in seats {list(known.speakers)}, and asking them again costs calls; wanted the "
            "most that may be made: budget=200"
        )
    return known
