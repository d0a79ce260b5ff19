"""Commons and public goods: how much is taken, what is lost, which fines and blows deter.

Sources: Ostrom, Gardner and Walker 1994 (8 appropriators, F = 23 X - .25 X^2, outside option 5);
Fehr and Gachter 2000 (n = 4, endowment 20, return .4; blows of 3 for a cost of 1). The common-pool
resource is our Cournot market: the yield per token, 23 - .25 X, is a price, the outside option a cost.
"""

from collections.abc import Sequence

import numpy as np

from .._governed import under
from .._run import run
from .._scenario import Scenario
from .._society import Society
from ..institutions.audit import Audit
from ..institutions.sanction import PeerSanction
from ..minds.simple import Constant
from ..scenarios.market import Cournot
from ..scenarios.public_goods import PublicGoods
from .target import Row, Target
from .thresholds import bisect

POOL = "Ostrom, Gardner and Walker 1994; closed form"
GOOD = "Fehr and Gachter 2000; closed form"
TOKENS = 25


def pool(cost: float = 5.0, slope: float = 0.25) -> Cournot:
    """The common-pool resource: whole tokens, up to 25 each."""
    return Cournot(8, 1, top=23.0, slope=slope, cost=cost, capacity=TOKENS, levels=TOKENS + 1)


def pays(scenario: Scenario, channel: str, acts: np.ndarray, **also: np.ndarray) -> np.ndarray:
    """Net pay [worlds, n] for acts [worlds, n]."""
    forced = {name: (np.ones((len(x), 1, x.shape[1]), bool), x[:, None, :]) for name, x in also.items()}
    forced[channel] = (np.ones((len(acts), 1, acts.shape[1]), bool), acts[:, None, :])
    return run(Society(scenario, Constant()), len(acts), do=forced).net[:, 0].astype(float)


def harvest(game: Cournot) -> tuple[float, np.ndarray]:
    """Tokens of the equilibrium by trying every reply to every number; rents of 0 to 100 tokens together."""
    mine, theirs = (x.ravel() for x in np.indices((TOKENS + 1, TOKENS + 1)))
    acts = np.repeat(theirs[:, None], 8, axis=1)
    acts[:, 0] = mine
    even = (np.arange(101)[:, None] + np.arange(8)[None, :]) // 8
    net = pays(game, "make", np.concatenate([acts, even]))
    table = net[: len(acts), 0].reshape(TOKENS + 1, TOKENS + 1)
    calm = [k for k in range(TOKENS + 1) if table[:, k].max() <= table[k, k] + 1e-4]
    return float(calm[0]) if len(calm) == 1 else float("nan"), net[len(acts) :].sum(axis=1)


def gifts(multiplier: float = 1.6) -> list[float]:
    """Pay where nobody gives, where all do, of a lone giver, and of those beside it."""
    acts = np.array([[0.0] * 4, [20.0] * 4, [20.0, 0.0, 0.0, 0.0]])
    net = pays(PublicGoods(4, 1, 20.0, multiplier), "give", acts)
    return [net[0, 0], net[1, 0], net[2, 0], net[2, 1]]


def deterring_fine(multiplier: float = 1.6, endowment: float = 20.0, seat: int = 0, immune: int = 0) -> float:
    """The least fine per token withheld from which on giving all is worth as much as giving nothing."""
    good = PublicGoods(4, 1, endowment, multiplier)
    acts = np.full((2, 4), endowment / 2)
    acts[:, seat] = endowment, 0.0

    def deters(fine: float) -> bool:
        net = pays(under(good, Audit(1.0, fine, immune=immune)), "give", acts)
        return bool(net[0, seat] >= net[1, seat] - 1e-5)

    return bisect(deters, high=2.0)


def deterring_blow(punishers: int) -> float:
    """The least loss per token withheld, summed over sure punishers of a free rider, that deters it."""
    acts = np.full((2, 4), 20.0)
    acts[1, 0] = 0.0
    blows = np.full((2, 4), 4)  # nobody
    blows[1, 1 : punishers + 1] = 0

    def deters(total: float) -> bool:
        law = PeerSanction(cost=1.0, effect=20.0 * total / punishers)
        net = pays(under(PublicGoods(4, 1), law), "give", acts, punish=blows)
        return bool(net[0, 0] >= net[1, 0] - 1e-5)

    return bisect(deters, high=2.0)


def _pool_rows(game: Cournot) -> list[Row]:
    each, found = harvest(game)
    lost = found[int(8 * each)] / found.max() if each == each else float("nan")
    spent = float(np.flatnonzero(found > 1e-3).max() + 1)
    return [
        Row("pool: tokens each in equilibrium", each, 8.0, 0.0, POOL),
        Row("pool: tokens together at the optimum", float(found.argmax()), 36.0, 0.0, POOL),
        Row("pool: largest rent", found.max(), 324.0, 1e-3, POOL),
        Row("pool: share of it in equilibrium", lost, 128 / 324, 1e-5, POOL),
        Row("pool: tokens that dissipate it", spent, 72.0, 0.0, POOL),
    ]


def _gift_rows(found: list[float]) -> list[Row]:
    names = ("nobody gives", "all give", "a lone giver", "beside a lone giver")
    wanted = (20.0, 32.0, 8.0, 28.0)
    return [Row(f"good: {a}", b, c, 1e-5, GOOD) for a, b, c in zip(names, found, wanted, strict=True)]


def rows() -> Sequence[Row]:
    """The pool, the good, and what deters: a fine, or the blows of one to three peers."""
    found = _pool_rows(pool()) + _gift_rows(gifts())
    found.append(Row("good: deterring fine per token", deterring_fine(), 0.6, 2e-4, GOOD))
    for k in (1, 2, 3):
        found.append(Row(f"good: deterring blows of {k} per token", deterring_blow(k), 0.6, 2e-4, GOOD))
    return found


def control() -> Sequence[Row]:
    """A pool whose outside option is forgotten; a pot that multiplies by 2; an auditor that is captured."""
    found = _pool_rows(pool(cost=0.0)) + _gift_rows(gifts(2.0))
    return [*found, Row("good: deterring fine per token", deterring_fine(immune=4), 0.6, 2e-4, GOOD)]


def metamorphic() -> Sequence[Row]:
    """Twice the endowment, another seat: the same fine; a pot that gives more back needs less."""
    half = _pool_rows(pool(slope=0.5))[1].ours
    return [
        Row("endowment 40", deterring_fine(endowment=40.0), 0.6, 2e-4, "units"),
        Row("seat 2", deterring_fine(seat=2), 0.6, 2e-4, "relabeling"),
        Row("multiplier 2.8", deterring_fine(2.8), 0.3, 2e-4, "1 - MPCR"),
        Row("pool with twice the slope: optimum", half, 18.0, 0.0, "X = 18 / (2 slope)"),
    ]


TARGET = Target(
    name="public-goods",
    title="Commons and public goods: equilibria and what deters",
    model="pay 5 (25 - x) + x (23 - .25 X), 8 agents, less the constant; pay 20 - g + .4 G, 4 agents",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={
        "appropriators": 8,
        "tokens": TOKENS,
        "members": 4,
        "endowment": 20.0,
        "return_per_token": 0.4,
    },
)
