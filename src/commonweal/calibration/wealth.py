"""Wealth by luck: the Gini of pooling, of saving, of yard sales; the shares of an urn.

Sources: Dragulescu and Yakovenko 2000 (exponential, Gini .5); Chakraborti and Chakrabarti 2000, with
the gamma law of shape 1 + 3 s / (1 - s), itself approximate; yard sales, Boghosian et al., arXiv
1511.00770 (Gini to 1); Polya 1930 (shares even from 0 to 1). Our `Exchange`, played by constant minds.
One tick pairs everybody once, so that a sweep of n meetings is two ticks.
"""

import math
from collections.abc import Sequence

import numpy as np

from .._run import run
from .._society import Society
from ..measures.inequality import gini
from ..minds.simple import Constant
from ..scenarios.exchange import Exchange
from .target import Mark, Row, Target

SAVING = {0.25: (0.375, 0.374), 0.5: (0.2734, 0.268), 0.8: (0.155, 0.153)}  # gamma law, own simulation
YARD = {100: 0.755, 1000: 0.965}  # sweeps: mean Gini of two runs, with an error of about 0.009
LAW, OWN = "Dragulescu and Yakovenko 2000; closed form", "own simulation"


def ends(stake: float, game: Exchange, worlds: int):
    """The trace of a town in which all stake this share of what they own."""
    return run(Society(game, Constant(stake=stake)), worlds)


def _gini(
    name: str, found: np.ndarray, published: float, tolerance: float, source: str, mark: Mark = "D"
) -> Row:
    half = 1.96 * float(found.std(ddof=1)) / math.sqrt(len(found))
    return Row(name, float(found.mean()), published, tolerance, source, mark, half)


def pooling(keep: float = 0.0, worlds: int = 16, agents: int = 500, start: float = 1.0) -> np.ndarray:
    """Float[worlds]: the Gini after all have met 40 / (1 - keep) times, each saving the share `keep`."""
    game = Exchange(agents, 200, "pool", start)
    return gini(ends(1.0 - keep, game, worlds))


def urn(worlds: int = 4000, reward: str = "growth") -> tuple[float, float]:
    """Variance of one agent's share of two after 300 units, and how often one has more than .9."""
    last = ends(1.0, Exchange(2, 300, reward), worlds).events["wealth"][:, -1].astype(float)
    share = last[:, 0] / last.sum(axis=1)
    return float(share.var()), float((np.abs(share - 0.5) > 0.4).mean())


def rows() -> Sequence[Row]:
    """Pooling, saving, yard sales and the urn."""
    found = [_gini("pooling: Gini", pooling(), 0.5, 0.01, LAW)]
    found.append(_top("pooling: share of the richest tenth", 0.1 * (1.0 + math.log(10.0))))
    for keep, (law, own) in SAVING.items():
        x = pooling(keep)
        found.append(_gini(f"saving {keep}: Gini of the gamma law", x, law, 0.01, "gamma law, approximate"))
        found.append(_gini(f"saving {keep}: Gini", x, own, 0.01, OWN, "M"))
    wealth = ends(0.2, Exchange(200, 2000, "yard sale"), 4).events["wealth"].astype(float)
    for sweeps, published in YARD.items():
        x = _unevenness(wealth[:, 2 * sweeps - 1])
        found.append(_gini(f"yard sale: Gini after {sweeps} sweeps", x, published, 0.03, OWN, "M"))
    variance, far = urn()
    se = math.sqrt((1 / 80 - 1 / 144) / 4000)
    found.append(
        Row("urn: variance of a share", variance, 1 / 12, 3 * se + 5e-4, "Polya 1930", half=1.96 * se)
    )
    se = math.sqrt(0.2 * 0.8 / 4000)
    return [*found, Row("urn: one has more than .9", far, 0.2, 3 * se + 5e-3, "Polya 1930", half=1.96 * se)]


def _top(name: str, published: float) -> Row:
    """The share of the richest tenth under pooling, against the exponential law's."""
    wealth = np.sort(ends(1.0, Exchange(500, 200), 16).events["wealth"][:, -1].astype(float), axis=1)
    x = wealth[:, -50:].sum(axis=1) / wealth.sum(axis=1)
    return _gini(name, x, published, 0.01, LAW)


def _unevenness(wealth: np.ndarray) -> np.ndarray:
    """The Gini of each row."""
    x, n = np.sort(wealth, axis=1), wealth.shape[1]
    return (x * (2 * np.arange(1, n + 1) - n - 1)).sum(axis=1) / (n * x.sum(axis=1))


def control() -> Sequence[Row]:
    """Savers who put at stake what they meant to keep."""
    return [
        _gini(f"saving {keep}: Gini", pooling(1.0 - keep), own, 0.01, OWN, "M")
        for keep, (_, own) in SAVING.items()
        if keep != 0.5
    ]


def metamorphic() -> Sequence[Row]:
    """A unit of another size changes no Gini; nobody gains in the mean; units are neither made nor lost."""
    one, ten = pooling(0.5), pooling(0.5, start=10.0)
    end = ends(1.0, Exchange(500, 200), 16).events["wealth"][:, -1].astype(float)
    return [
        Row("start with 10 units each: Gini", float(ten.mean()), float(one.mean()), 1e-3, "units"),
        Row("units in all", float(end.sum(axis=1).mean()), 500.0, 0.05, "conservation"),
        Row("the first ten agents' mean", float(end[:, :10].mean()), 1.0, 3 / math.sqrt(160), "symmetry"),
    ]


TARGET = Target(
    name="wealth",
    title="How luck makes equals unequal",
    model="random pairs pool what they stake, or bet the smaller stake; an urn of two",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"agents": 500, "agents_yard_sale": 200, "stake_yard_sale": 0.2, "worlds": 16},
    tier="slow",
    cost="16 s on one core",
)
