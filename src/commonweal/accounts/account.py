"""Who caused it: the account of a trace by agent, found by re-running it with a stand-in in their seats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._describe import written
from .._interval import FEWEST
from .._journal import from_table
from .._measure import NA, Estimate, Measure, estimate, nature, not_available
from .._mind import Mind
from .._plain import shown
from .._society import Society
from .._trace import Trace
from ..measures.disparity import wealth_gini
from ..measures.inequality import gini
from ..measures.power import voting_power
from ..measures.responsibility import Gap, diffusion, responsibility_gap
from .branches import played_by
from .coalitions import Table, _mean, by_world, clones, coalitions
from .games import banzhaf, difference, ranked, shapley, sign
from .interaction import Interaction, grain, interaction
from .sampling import Sampled, pairs, played, sampled
from .slips import number, several, stand_ins, whole

WIDTH = 98  # letters of a line
WIDE = 2.0  # standard errors of the draw of coalitions on each side: 95 %, at the sizes that are drawn


@dataclass(frozen=True)
class Account:
    """Who caused a harm, in the measure's unit; positive is harm done, negative harm spared.

    - `agents`: the seats; `but_for[i]`: harm as it was, less had the stand-in played for agent i alone.
    - `shapley`, `banzhaf`: what an agent's own conduct adds, averaged over all orders, or all coalitions.
      Shapley values sum to `total` (harm as it was, less had the stand-in played for all) in every world
      in which they are known; each estimate says of how many worlds it is.
    - `diffusion`: 0 (one culprit) to 1 (all alike), of the blamed; `effective`: how many equal culprits.
    - `gap`: the share of worlds that are bad (worse than theta; without it, than with the stand-in for all)
      though no agent is a but-for cause (`none`), or though nobody has half of the blame (`diffuse`).
    - `power`: who could decide; never read the two above without it.
    - `null`: speakers: how far replays of the same, asked anew, come out from what was: the root mean
      square. Pure minds: 0.
    - `sampled`: beyond 8 agents, of how many coalitions Shapley and Banzhaf values are estimated, else 0.
      The standard errors of that draw, `shapley_error` and `banzhaf_error`, are in their intervals.
    - `calls` were asked for, of a `budget`. `na`: what could not be said, and why.
    """

    harm: str
    unit: str
    better: str
    stand_in: str
    agents: tuple[int, ...]
    fact: Estimate
    total: Estimate
    but_for: tuple[Estimate, ...]
    shapley: tuple[Estimate, ...]
    banzhaf: tuple[Estimate, ...]
    diffusion: Estimate
    effective: Estimate
    gap: Gap | None
    power: dict[str, Estimate]
    interaction: Interaction
    null: Estimate
    calls: int
    budget: int | None
    sampled: int
    shapley_error: tuple[float, ...]
    banzhaf_error: tuple[float, ...]
    na: tuple[str, ...]
    table: Table = field(repr=False, compare=False)

    @property
    def blamed(self) -> dict[int, float]:
        """The agents whose Shapley value is harm done, beyond the error of a draw; the most first.

        Those that are alike come in the order of seats.
        """
        return self._signed(1.0)

    @property
    def mitigating(self) -> dict[int, float]:
        """The agents whose Shapley value is harm spared, beyond the error of a draw; the most first."""
        return self._signed(-1.0)

    def _signed(self, sign: float) -> dict[int, float]:
        error = np.maximum(WIDE * np.nan_to_num(self.shapley_error), grain(self.table))
        known = [(i, e.value) for i, e in zip(self.agents, self.shapley, strict=True) if e.n]
        ranks = ranked([sign * x for _, x in known], error.max(initial=0.0))
        told = [(*known[k], error[k]) for some in ranks for k in some]
        return {i: x for i, x, off in told if sign * x > off}

    def __str__(self) -> str:
        def several(some: dict[int, float]) -> str:
            return ", ".join(f"agent {i} {x:+.2f}" for i, x in some.items() if abs(x) >= 5e-3) or "nobody"

        lines = [
            f"{self.harm} ({self.unit}, {self.better} is better): {self.fact}",
            f"harm beyond that with {self.stand_in} in every seat: {self.total}",
            "",
            f"{'agent':<7}{'but for it':<29}{'Shapley':<29}Banzhaf",
        ]
        rows = zip(self.agents, self.but_for, self.shapley, self.banzhaf, strict=True)
        lines += [f"{i:<7}{_cell(a):<29}{_cell(b):<29}{_cell(c)}" for i, a, b, c in rows]
        if self.sampled:
            wide = [WIDE * max(some) for some in (self.shapley_error, self.banzhaf_error)]
            lines += [
                f"Shapley, Banzhaf: estimated from {self.sampled:,} of {2 ** len(self.agents):,} coalitions;",
                f"the error of that draw, up to {wide[0]:.2g} and {wide[1]:.2g}, is in their intervals",
            ]
        lines += ["", f"blamed: {several(self.blamed)}", f"mitigating: {several(self.mitigating)}"]
        lines += [f"diffusion {_cell(self.diffusion)}: as if of {_cell(self.effective)} equal culprits"]
        if self.gap is not None:
            lines += [
                f"bad and nobody a but-for cause: {self.gap.none:.0%} of worlds; and nobody with half of "
                f"the blame: {self.gap.diffuse:.0%}"
            ]
        lines += [f"beside it, power: {name} {_cell(e)}" for name, e in self.power.items()]
        asked = "no calls" if self.budget is None else f"{self.calls} of {self.budget} calls asked"
        null = "replayed): exactly 0, by pure minds and kept luck"
        if self.budget is not None:
            count = int((~np.isnan(self.table.null)).sum())
            null = f"asked anew): spread {_cell(self.null)}" + f" over {count} replays" * bool(count)
        lines += [f"null (the same, {null}; {asked}", "", "local and global:"]
        lines += [f"  {line}" for line in str(self.interaction).split("\n")]
        lines += [f"NA: {reason}" for reason in self.na]
        return "\n".join(part for line in lines for part in _wrapped(shown(line)))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        names = ("fact", "total", "diffusion", "effective", "null")
        plain = ("harm", "unit", "better", "stand_in", "calls", "budget", "sampled")
        told = {name: getattr(self, name) for name in plain}
        told |= {name: getattr(self, name).as_dict() for name in names}
        rows = zip(self.agents, self.but_for, self.shapley, self.banzhaf, strict=True)
        told["agents"] = [
            {"agent": i, "but_for": a.as_dict(), "shapley": b.as_dict(), "banzhaf": c.as_dict()}
            for i, a, b, c in rows
        ]
        for name in ("shapley_error", "banzhaf_error"):
            told[name] = [None if np.isnan(x) else x for x in getattr(self, name)]
        told["gap"] = None if self.gap is None else self.gap._asdict()
        told["power"] = {name: e.as_dict() for name, e in self.power.items()}
        return told | {"interaction": self.interaction.as_dict(), "na": list(self.na)}


def account(
    trace: Trace,
    harm: Measure,
    stand_in: Mind | Sequence[Mind],
    *,
    theta: float | None = None,
    agents: Sequence[int] | None = None,
    budget: int | None = None,
    draws: int = 1,
    nulls: int = 2,
    clone: bool = False,
    society: Society | None = None,
    called: str | None = None,
) -> Account:
    """Who caused a harm: replay the trace's worlds with a stand-in for every coalition of agents.

    Exact up to 8 agents, beyond by a sample of coalitions (`sampling`). All luck is kept, and all replies.

    **Main arguments**

    - `harm`: a measure with one number a world and a direction; where higher is better, harm is the drop.
    - `stand_in`: the reference mind, or one a seat: what one could have expected of them.
    - `budget`: with speakers, how many replies may be asked for; what was not reached by then is NA.

    **Other arguments**

    - `theta`: the value from which on a society passes; needed to name the cause.
    - `agents`: the seats to account for, by default all.
    - `draws`, `nulls`: for speakers, how often each counterfactual is asked, and replays of what was.
    - `clone`: play each agent among its own clones too.
    - `society`: what to replay, where the trace's recipe cannot make it again.
    - `called`: how the stand-in is named in print, by default as one would write it: `Greedy(share=0.5)`.

    **Raises**

    - ValueError: speakers without a budget, a measure without direction or undefined here, a trace of
      forced acts, a society that did not make the trace; TypeError: no trace, measure or mind.
    """
    known = played_by(trace, harm, society, budget)
    _refuse(stand_in, len(known.minds), theta, draws, nulls, agents)
    valid = trace.worlds(trace.valid)
    was, names = _was(valid, harm), [int(s) for s in valid.seeds]
    alone = clones(known, names, harm) if clone else None
    more = {"members": agents, "journal": (journal := from_table(trace.replies))}
    journal.allowance = 0
    if known.speakers:  # what must be refused is, before anybody is asked
        _same(coalitions(known, names, harm, stand_in, only=(), **more), was, harm)
    journal.allowance = budget or 0
    table = coalitions(known, names, harm, stand_in, draws=draws, nulls=nulls, **more)
    _same(table, was, harm)
    found, alone = _numbers(table, sign(harm), theta), None if alone is None else alone[list(table.members)]
    return Account(
        fact=estimate(was, harm.undefined, **nature(harm.unit)),
        power=_power(valid),
        interaction=interaction(table, harm.better, theta, alone),
        budget=budget if known.speakers else None,
        na=tuple(_missing(table, found, len(trace.seeds) - len(names), bool(known.speakers))),
        **_names(harm, stand_in, called),
        **found,
    )


def _refuse(stand_in: Any, n: int, theta: Any, draws: Any, nulls: Any, agents: Any) -> None:
    """Raise for what cannot be accounted with, in one line."""
    stand_ins(stand_in, n)
    number(10.0, theta=theta)
    whole(1, draws=draws)
    whole(nulls=nulls)
    several("agents", agents, "[0, 2]")


def _names(harm: Measure, stand_in: Mind | Sequence[Mind], called: str | None) -> dict[str, str]:
    given = [stand_in] if isinstance(stand_in, Mind) else stand_in
    who = called or " or ".join(dict.fromkeys(map(written, given)))
    return {"harm": harm.name, "unit": harm.unit, "better": harm.better, "stand_in": who}


def _was(trace: Trace, harm: Measure) -> np.ndarray:
    """The harm in each world, as the trace has it."""
    if not len(trace.seeds):
        raise ValueError("no world of this trace is valid; wanted at least one: commonweal run --retry")
    found, why = by_world(harm, trace)
    if np.isnan(found).all():
        raise ValueError(f"{harm.name} is NA here ({why}); wanted a measure that this trace has")
    return found


def _same(table: Table, was: np.ndarray, harm: Measure) -> None:
    """The worlds that could be played again must come out as they were."""
    now = table[table.everyone]
    if np.isnan(now).all():
        raise ValueError(
            f"{harm.name} is NA when the same is played again ({table.why[table.everyone]}); "
            "wanted the society that made the trace, society=..., and a measure that replays nothing itself"
        )
    if not np.allclose(np.where(np.isnan(now), was, now), was, rtol=1e-4, atol=1e-6, equal_nan=True):
        w = int(np.nanargmax(np.abs(now - was)))
        raise ValueError(
            f"played again, world {w} has {harm.name} {now[w]:g}, not {was[w]:g}; wanted the society that "
            "made the trace: cw.account(..., society=society)"
        )


def _numbers(table: Table, sign: float, theta: float | None) -> dict[str, Any]:
    """All that follows from the table; harm has this sign in it."""
    n, everyone = len(table.members), table.everyone
    h = {mask: sign * values for mask, values in table.values.items()}
    worst, none = h[everyone], h.get(0, np.full_like(h[everyone], np.nan))
    without = np.array([sign * table[everyone ^ 1 << i] for i in range(n)])
    found = _values(table, sign)
    phi, errors = found.shapley, (found.shapley_error, found.banzhaf_error)
    spread = diffusion(phi.T)
    line = none if theta is None else np.full_like(none, sign * theta)
    known = ~np.isnan(phi).any(axis=0) & ~np.isnan(without).any(axis=0) & ~np.isnan(line)
    slack = 1e-6 * np.abs(line)
    bad, causes = worst > line + slack, (without <= line + slack).T
    blame = np.maximum(phi.T, 0.0)
    shares = blame / np.maximum(blame.sum(axis=1, keepdims=True), 1e-300)
    gap = responsibility_gap(bad[known], causes[known], shares[known]) if known.any() else None
    lost = next(iter(table.why.values()), "not reached")
    nobody = "nobody is to blame, or one agent alone"
    return {
        "agents": table.members,
        "calls": table.calls,
        "table": table,
        "total": difference(worst - none, lost),
        "but_for": tuple(difference(x, lost) for x in worst - without),
        "shapley": tuple(_widened(difference(x, lost), e) for x, e in zip(phi, errors[0], strict=True)),
        "banzhaf": tuple(
            _widened(difference(x, lost), e) for x, e in zip(found.banzhaf, errors[1], strict=True)
        ),
        "diffusion": difference(spread.index, nobody if known.any() else lost),
        "effective": difference(spread.effective, nobody if known.any() else lost),
        "gap": gap,
        "null": _spread(table),
        "sampled": 0 if table.exact else 2 * len(pairs(n).masks),
        "shapley_error": tuple(errors[0].tolist()),
        "banzhaf_error": tuple(errors[1].tolist()),
    }


def _values(table: Table, sign: float) -> Sampled:
    """Shapley and Banzhaf values in each world, exact or from a sample of coalitions."""
    n = len(table.members)
    if not table.exact:
        some = pairs(n)
        return sampled({mask: sign * table[mask] for mask in played(some, n)}, n, some)
    game, none = sign * table.whole(), np.zeros(n)
    return Sampled(shapley(game), banzhaf(game), none, none)


def _widened(e: Estimate, error: float) -> Estimate:
    """The estimate with the error of the draw of coalitions besides that of worlds; they are independent."""
    low, high = (math.hypot(side, WIDE * error) for side in (e.value - e.low, e.high - e.value))
    return replace(e, low=e.value - low, high=e.value + high) if error else e


def _spread(table: Table) -> Estimate:
    """The root mean square of how far the replays of the same come out from what was."""
    if not len(table.null):
        return not_available("not asked for: nulls=2")
    e = difference(_mean(list(table.null**2)), table.null_why)
    return replace(e, value=e.value**0.5, low=e.low**0.5, high=e.high**0.5, worlds=e.worlds**0.5)


def _missing(table: Table, found: dict[str, Any], invalid: int, speaks: bool) -> list[str]:
    """What was not reached, and what is not exact."""
    told = [f"{invalid} invalid worlds left out"] * bool(invalid)
    told += [f"null: {found['null'].reason}"] * bool(speaks and found["null"].reason)
    some, of = found["shapley"][0].n, found["total"].n
    total = sum(e.value for e in found["shapley"])
    told += [f"Shapley values of {some} of {of} worlds, in which the total is {total:.2f}"] * (0 < some < of)
    gone = [mask for mask, values in table.values.items() if np.isnan(values).all()]
    told += [f"{len(gone)} of {len(table.values)} coalitions: {table.why[gone[0]]}"] if gone else []
    part = [m for m, x in table.values.items() if np.isnan(x).any() and m not in gone]
    told += [f"{len(part)} coalitions in some of the worlds: {table.why[part[0]]}"] if part else []
    told += ["the error of the draw, which the intervals of diffusion and gap leave out"] * (not table.exact)
    if len(table[0]) < 2:
        told.append("one world shows nothing beyond itself: no intervals, and no cause is shown")
    return told


def _power(trace: Trace) -> dict[str, Estimate]:
    """How concentrated power is, as far as the trace tells."""
    owned = wealth_gini() if "wealth" in trace.events else gini
    rows = {"the strongest's voting power by net pay": voting_power(), owned.name: owned}
    found = {}
    for name, one in rows.items():
        try:
            values = one(trace)
            values = values if values.ndim == 1 else values.max(axis=1)
            found[name] = estimate(values, one.undefined, **nature(one.unit))
        except NA as reason:
            found[name] = not_available(str(reason))
    return found


def _cell(e: Estimate) -> str:
    """An estimate in few letters; of how many worlds, if not of all."""
    if not e.n:
        return "NA"
    some = f" n={e.n}" if e.missing else ""
    value, low, high = (f"{round(x, 2) + 0.0:.2f}" for x in (e.value, e.low, e.high))  # never -0.00
    return f"{value}{some}" if e.n < FEWEST else f"{value} [{low}, {high}]{some}"


def _wrapped(line: str) -> list[str]:
    import textwrap

    return [line] if len(line) <= WIDTH else textwrap.wrap(line, WIDTH, subsequent_indent="    ")
