"""Degree of responsibility: how few acts had to be others for the harm not to happen.

Chockler and Halpern 2004, J. Artificial Intelligence Research 22:93, for acts over time: Triantafyllou,
Singla, Radanovic 2022, arXiv 2204.00302. A minimal set of k changes that undoes the outcome is split: a
change made where its agent had been shown nothing else than in truth belongs to the cause, the others are
its contingency. An agent with m acts in the cause has the degree m / k, and the largest of all sets counts.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, product
from math import comb
from typing import Any, NamedTuple, TypeVar

import numpy as np

from .._measure import Measure
from .._mind import Mind
from .._plain import shown
from .._society import Society
from .._trace import Trace
from .branches import ENDED, ONCE, Branches, Deed, Deeds
from .decisions import options
from .slips import number, whole

V = TypeVar("V", bound=Hashable)
FEW = 5  # causes that are printed, the shortest first
MOST = 50_000  # branches that a search may take


def minimal_changes(
    alternatives: Mapping[V, Sequence[Any]],
    outcome: Callable[[list[dict[V, Any]]], Sequence[bool | None]],
    kappa: int = 2,
    batch: int = 4096,
) -> list[dict[V, Any]]:
    """All changes of at most `kappa` variables that undo an outcome, of which no fewer would do.

    `alternatives` is variable -> the values it might have had instead. `outcome` tells for each change in
    a list whether the outcome still happens; None, where nobody knows, undoes nothing.
    """
    found: list[dict[V, Any]] = []
    for size in range(1, kappa + 1):
        enough = [set(change) for change in found]
        sets = (some for some in combinations(alternatives, size) if not any(e <= set(some) for e in enough))
        tries = chain.from_iterable(
            (dict(zip(some, value, strict=True)) for value in product(*(alternatives[v] for v in some)))
            for some in sets
        )
        while some := list(islice(tries, batch)):
            found += [change for change, still in zip(some, outcome(some), strict=True) if still is False]
    return found


class Cause(NamedTuple):
    """A minimal set of changes that undoes the harm: the cause, and what else it took."""

    cause: tuple[Deed, ...]
    contingency: tuple[Deed, ...] = ()

    def degree(self, agent: int) -> float:
        """The agent's share: its acts in the cause over all acts that had to change."""
        mine = sum(deed.agent == agent for deed in self.cause)
        return mine / (len(self.cause) + len(self.contingency))


@dataclass(frozen=True, eq=False)
class Responsibility:
    """Who was responsible for a harm, and how much.

    - `degrees`: Float[n], 0 (nothing that the agent did mattered, as far as was searched) to 1.
    - `causes`: all minimal ones of at most `kappa` acts; `replays`, `calls`: what it took.
    - `reason`: why the search is not complete, else empty; the degrees are then lower bounds.
    """

    harm: str
    line: float
    factual: float
    kappa: int
    degrees: np.ndarray
    causes: list[Cause]
    words: list[str]
    replays: int
    calls: int
    reason: str = ""

    def __str__(self) -> str:
        lines = [
            f"{self.harm} was {self.factual:.4g}, beyond {self.line:g}; {len(self.causes)} minimal causes of "
            f"at most {self.kappa} acts, {self.replays} replays, {self.calls} calls."
        ]
        nowhere = f" (in no cause of at most {self.kappa} acts; larger ones were not tried)"
        lines += [f"  agent {i}: degree {x:.3g}{'' if x else nowhere}" for i, x in enumerate(self.degrees)]
        lines += [f"  but for {text}" for text in self.words[:FEW]]
        lines += [f"  and {len(self.words) - FEW} more"] * (len(self.words) > FEW)
        lines += [f"  not complete: {self.reason}"] * bool(self.reason) + [f"  {ONCE}"] * bool(self.calls)
        return "\n".join(map(shown, lines))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        numbers = {"harm": self.harm, "line": self.line, "factual": self.factual, "kappa": self.kappa}
        numbers |= {"degrees": self.degrees.tolist(), "replays": self.replays, "calls": self.calls}
        parts = [
            {"cause": [d._asdict() for d in c.cause], "contingency": [d._asdict() for d in c.contingency]}
            for c in self.causes
        ]
        return numbers | {"causes": parts, "reason": self.reason}


def responsibility(
    trace: Trace,
    harm: Measure,
    line: float,
    *,
    world: int = 0,
    kappa: int = 2,
    budget: int | None = None,
    channel: str | None = None,
    values: Sequence[float] | None = None,
    stand_in: Mind | Sequence[Mind] | None = None,
    society: Society | None = None,
    most: int = MOST,
) -> Responsibility:
    """The degree of responsibility of each agent for a harm that went beyond a line, by search.

    **Main arguments**

    - `trace`, `harm`, `world`, `budget`: as for `decisions`.
    - `line`: the harm happened where the measure is on its worse side of this number.

    **Other arguments**

    - `kappa`: how many acts may be changed together. `most`: the most branches to be tried.
      `channel`, `values`, `stand_in`, `society`: as for `decisions`.

    **Raises**

    - ValueError: the harm did not happen; too many branches.

    Speakers are asked until the budget is used up; what was not tried by then is counted in `reason`.
    """
    number(10.0, line=line)
    whole(1, kappa=kappa, most=most)
    branches = Branches(trace, harm, world=world, budget=budget, society=society)
    if not branches.sign * (branches.factual - line) > 0.0:
        raise ValueError(
            f"{harm.name} is {branches.factual:g} in world {world}, on the better side of line={line:g}: "
            "nothing happened that anybody could be responsible for; wanted a line that was crossed, "
            f"line={branches.factual - branches.sign:g}"
        )
    open_to: dict[tuple[int, int, str], list[Deeds]] = {}
    for some, why in options(branches, channel, values, stand_in):
        if not why:
            open_to.setdefault(
                (some[0].t, some[0].agent, "" if len(some) > 1 else some[0].channel), []
            ).append(some)
    _refuse_many(open_to, kappa, most)
    search = _Search(branches, line)
    found = minimal_changes(open_to, search, kappa, batch=1 if branches.speaks else 4096)
    causes = [search.cause(change) for change in found]
    n = branches.span[1]
    degrees = np.array([max((c.degree(i) for c in causes), default=0.0) for i in range(n)])
    words = [_words(branches, c) for c in sorted(causes, key=lambda c: len(c.cause) + len(c.contingency))]
    ended = _unfinished(search, found, kappa, len(open_to))
    numbers = (degrees, causes, words, branches.replays, branches.calls, ended)
    return Responsibility(harm.name, line, branches.factual, kappa, *numbers)


def _unfinished(search: "_Search", found: list, kappa: int, decisions: int) -> str:
    """Why the search is not complete, else empty."""
    cut = search.cut
    reasons = [f"{len(cut)} branches have no value ({', '.join(sorted(set(cut)))})"] * bool(cut)
    reasons += [f"{search.untried} branches were not tried ({ENDED})"] * bool(search.untried)
    if not found and not reasons and kappa < decisions:
        more = f"larger ones were not tried: kappa={kappa + 1}"
        reasons += [f"no change of at most {kappa} acts undoes it, {more}"]
    return "; ".join(reasons)


class _Search:
    """Whether changes leave the harm beyond the line, and what all were shown then."""

    def __init__(self, branches: Branches, line: float):
        self.branches, self.line = branches, line
        self.cut: list[str] = []  # why branches have no value
        self.untried = 0
        self._shown: dict[tuple[Deed, ...], np.ndarray] = {}
        self._factual = branches.seen().digest[0]

    def __call__(self, changes: list[dict]) -> list[bool | None]:
        if self.branches.left < 1:
            self.untried += len(changes)
            return [None] * len(changes)
        deeds = [_deeds(change) for change in changes]
        ran = self.branches.run(deeds, digests=True)
        beyond = self.branches.sign * (ran.values - self.line) > 0.0
        for some, digest, why, still in zip(deeds, ran.digest, ran.why, beyond, strict=True):  # type: ignore[arg-type]
            if not why and not still:
                self._shown[some] = digest
        self.cut += [why for why in ran.why if why]
        return [None if why else bool(still) for still, why in zip(beyond, ran.why, strict=True)]

    def cause(self, change: dict) -> Cause:
        deeds = _deeds(change)
        return split(deeds, self._shown[deeds], self._factual)


def _deeds(change: dict) -> tuple[Deed, ...]:
    return tuple(deed for some in change.values() for deed in some)


def split(deeds: tuple[Deed, ...], digest: np.ndarray, factual: np.ndarray) -> Cause:
    """Cause and contingency of a set of changes; digests are [T, n], of what all were shown."""
    other = np.cumsum(digest != factual, axis=0) > 0
    late = [bool(other[deed.t, deed.agent]) for deed in deeds]
    cause = tuple(deed for deed, after in zip(deeds, late, strict=True) if not after)
    return Cause(cause, tuple(deed for deed, after in zip(deeds, late, strict=True) if after))


def _refuse_many(open_to: Mapping, kappa: int, most: int) -> None:
    """Raise ValueError where the search would be too long."""
    each = max((len(some) for some in open_to.values()), default=1)
    size = sum(comb(len(open_to), j) * each**j for j in range(1, kappa + 1))
    if size > most:
        raise ValueError(
            f"{len(open_to)} decisions with up to {each} alternatives make some {size:,} branches at "
            f"kappa={kappa}; wanted at most {most:,}: kappa={max(1, kappa - 1)}, stand_in=FairShare(), "
            f"values=[0.0], or most={size}"
        )


def _words(branches: Branches, cause: Cause) -> str:
    parts = []
    for deeds, note in ((cause.cause, ""), (cause.contingency, " (contingency)")):
        for d in deeds:
            channel = branches.channels[d.channel]
            did = channel.render(branches.trace.intent[d.channel][0, d.t, d.agent])
            parts.append(f"agent {d.agent}'s {d.channel} {did} in round {d.t}{note}")
    return " and ".join(parts)
