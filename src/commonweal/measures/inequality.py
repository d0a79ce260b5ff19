"""How unequally the agents' episode totals of net pay are spread."""

import numpy as np

from .. import _formulas as f
from .._bounds import limits
from .._measure import NA, Measure, measure
from .._trace import Trace

UNDEFINED = "a total is negative, or all are zero"


def _totals(trace: Trace) -> np.ndarray:
    """Net pay per world and agent; NaN for the worlds in which a share of the sum means nothing."""
    totals = trace.net.sum(axis=1, dtype=float)
    fine = ((totals >= 0) & np.isfinite(totals)).all(axis=1) & (totals.sum(axis=1) > 0)
    return np.where(fine[:, None], totals, np.nan)


@measure(unit="Gini", better="lower", cites="Gini 1912", undefined=UNDEFINED)
def gini(trace: Trace) -> np.ndarray:
    """Inequality of net pay, raw convention.

    sum_ij |x_i - x_j| / (2 n^2 mean x), x the episode totals. Range 0 to 1 - 1/n, lower is more
    equal. Needs: the book, totals not negative. Bias: the largest value depends on n; compare
    groups of different size by `gini_normalized`.
    """
    return f.gini(_totals(trace))


@measure(unit="Gini", better="lower", cites="Deaton 1997; Zheng et al. 2022", undefined=UNDEFINED)
def gini_normalized(trace: Trace) -> np.ndarray:
    """Inequality of net pay, normalized so that one agent owning all is 1.

    gini * n / (n - 1). Range 0 to 1, lower is more equal. Needs: as `gini`, two agents or more.
    Bias: not the convention of most published tables (the AI Economist uses it).
    """
    if trace.shape[2] < 2:
        raise NA("one agent has nobody to be compared with")
    return f.gini(_totals(trace), normalized=True)


@measure(unit="nats", better="lower", cites="Theil 1967", undefined=UNDEFINED)
def theil(trace: Trace) -> np.ndarray:
    """Inequality of net pay as redundancy, Theil's T.

    mean(x/m ln(x/m)), m = mean x, 0 ln 0 = 0. Range 0 to ln n, lower is more equal.
    Needs: as `gini`. Bias: most sensitive at the top; the largest value depends on n.
    """
    return f.theil(_totals(trace))


@limits(epsilon="[0, 100]")
def atkinson(epsilon: float = 0.5) -> Measure:
    """The measure `atkinson(epsilon)`; a larger epsilon minds the poorest more.

    Raises:
        ValueError: epsilon is not positive.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon={epsilon} is no inequality aversion; wanted > 0: atkinson(0.5)")

    def function(trace: Trace) -> np.ndarray:
        """Share of net pay that could be given up for equality at the same welfare.

        1 - EDE / mean x, EDE = (mean x^(1-e))^(1/(1-e)), the geometric mean at e = 1.
        Range 0 to 1, lower is more equal. Needs: as `gini`.
        Bias: 1 for e >= 1 as soon as one total is 0.
        """
        return f.atkinson(_totals(trace), epsilon)

    return Measure(f"atkinson({epsilon:g})", function, "share", "lower", "Atkinson 1970", UNDEFINED)
