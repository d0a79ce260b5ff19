"""Through whom an act had its effect: what others' answers to it did, and what it did by itself.

Triantafyllou, Sukovic, Mandal, Radanovic 2024 (agent-specific effects), arXiv 2310.11334; Triantafyllou,
Singla, Radanovic 2024, arXiv 2410.12539. With Y(d, S) the measure where the deed is done or not (d) and
the agents in S do afterwards what they would have done had it been done, the others what they did:

- total effect: Y(done, all) - Y(not, none);
- agent-specific effect of S: Y(not, S) - Y(not, none), of all agents the total one;
- reverse state-specific effect: Y(not, all) - Y(done, all).

So that total = total agent-specific - reverse state-specific. The world where it was done is played once;
the 2^n others have every act forced, and ask nobody.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._measure import Measure
from .._plain import shown
from .._society import Society
from .._trace import Trace
from .branches import ONCE, Branches, Deed, Ran
from .decisions import tried
from .games import shapley
from .slips import came

LARGEST = 12  # agents of whom all coalitions are played


@dataclass(frozen=True, eq=False)
class Effects:
    """What a deed in the place of an act would have done to a measure, in its unit; no sign is turned.

    - `total`: the total counterfactual effect; `transmitted`: the part through what all did afterwards;
      `reverse`: the reverse state-specific effect. `total == transmitted - reverse`.
    - `coalitions`: Float[2^n], the agent-specific effect of each set of agents (bit i is agent i).
    - `shares`: Float[n], the Shapley split of `transmitted`.
    - `reason`: why there is none (all are NaN), else empty.
    """

    harm: str
    unit: str
    deed: str
    factual: float
    total: float
    transmitted: float
    reverse: float
    coalitions: np.ndarray
    shares: np.ndarray
    replays: int
    calls: int
    reason: str = ""

    def __str__(self) -> str:
        head = shown(f"{self.deed}: {self.harm} {self.factual:.4g}")
        if self.reason:
            return shown(f"{head}; NA ({self.reason}), {self.calls} calls")
        shares = "\n".join(f"  through agent {i}: {x:+.4g}" for i, x in enumerate(self.shares))
        return (
            f"{head}, {self.total:+.4g} {self.unit} in all = {self.transmitted:+.4g} through what was done "
            f"afterwards - ({self.reverse:+.4g}) reverse, state-specific; {self.calls} calls.\n{shares}"
        ) + f"\n  {ONCE}" * bool(self.calls)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        numbers = {k: getattr(self, k) for k in ("factual", "total", "transmitted", "reverse")}
        numbers = {k: None if np.isnan(x) else x for k, x in numbers.items()}
        lists = {"coalitions": self.coalitions.tolist(), "shares": self.shares.tolist()}
        more = {"replays": self.replays, "calls": self.calls, "reason": self.reason}
        return {"harm": self.harm, "unit": self.unit, "deed": self.deed} | numbers | lists | more


def effects(
    trace: Trace,
    harm: Measure,
    deed: Deed,
    *,
    world: int = 0,
    budget: int | None = None,
    society: Society | None = None,
) -> Effects:
    """Split the effect of one deed, put in the place of what was done, among those who answered to it.

    **Main arguments**

    - `trace`, `harm`, `world`, `budget`: as for `decisions`; the calls pay for one world from the deed on.
    - `deed`: `Deed(t, agent, channel, value)`.

    **Raises**

    - ValueError: see `Branches`; no such act, or not legal then; more agents than `LARGEST`.
    """
    if not isinstance(deed, Deed):
        raise TypeError(
            f"deed came as {came(deed)}; wanted a deed: Deed(t=0, agent=1, channel='take', value=16.0)"
        )
    branches = Branches(trace, harm, world=world, budget=budget, society=society)
    rounds, n = branches.span
    if deed.channel not in branches.channels or not (0 <= deed.t < rounds and 0 <= deed.agent < n):
        raise ValueError(
            f"{deed} is no act of {rounds} rounds, {n} agents and the channels {sorted(branches.channels)}; "
            f"wanted one: Deed(0, 0, {min(branches.channels)!r}, 1)"
        )
    if n > LARGEST:
        raise ValueError(f"{n} agents have {2**n:,} coalitions; wanted at most {LARGEST} agents")
    channel = branches.channels[deed.channel]
    if not branches.trace.alive[0, deed.t]:
        raise ValueError(f"{deed}, but the world was over by then; wanted a round that was played: t=0")
    mask = branches.seen().legal[deed.channel][0, deed.t, deed.agent]
    if not float(deed.value).is_integer() and mask.ndim or next(tried(channel, mask, [deed.value]))[1]:
        raise ValueError(f"{deed} was not legal then; wanted {channel.describe(mask)} (options by number)")
    ran = branches.run([[deed]])
    words = (
        f"agent {deed.agent} in round {deed.t}, {deed.channel} {channel.render(deed.value)} instead of "
        f"{channel.render(trace.intent[deed.channel][world, deed.t, deed.agent])}"
    )
    head = (harm.name, harm.unit, words, branches.factual)
    if ran.why[0]:
        nan, nothing = float("nan"), np.full(2**n, np.nan)
        counts = (branches.replays, branches.calls, ran.why[0])
        return Effects(*head, nan, nan, nan, nothing, nothing[:n], *counts)
    values = branches.held(_coalitions(branches, deed, ran)).values
    total, after = float(values[-1] - branches.factual), values[:-1] - branches.factual
    transmitted, reverse = float(after[-1]), float(values[-2] - values[-1])
    shares = shapley(after)
    return Effects(*head, total, transmitted, reverse, after, shares, branches.replays, branches.calls)


def _coalitions(branches: Branches, deed: Deed, ran: Ran) -> list[list[Deed]]:
    """The deeds of each of the 2^n coalitions, and last of all agents with the deed itself."""
    n = branches.span[1]
    each: list[list[Deed]] = [[] for _ in range(n)]
    for name in branches.channels:
        would, was = ran.intent[name][0], branches.trace.intent[name][0]
        for t, i in zip(*np.nonzero(would != was), strict=True):
            if (t, i, name) != (deed.t, deed.agent, deed.channel):
                each[i].append(Deed(int(t), int(i), name, would[t, i].item()))
    sets = [[d for i in range(n) if mask >> i & 1 for d in each[i]] for mask in range(2**n)]
    return [*sets, [*sets[-1], deed]]
