"""Comparing conditions: paired by world, with interval, test, effect size and multiplicity.

Two conditions share seeds, so world w of one is compared with world w of the other. A world whose
number is NaN in either is dropped from both, and counted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .._interval import paired_share_interval
from .._measure import Estimate, estimate, not_available

EXACT_UP_TO = 16  # worlds; 65,536 sign patterns
MOST = 4_000_000  # numbers in memory at once


def chance(p: float) -> str:
    """A p value in words: no smaller than four decimals show."""
    return "= NA" if p != p else "< 0.0001" if p < 0.0001 else f"= {p:.4f}"


@dataclass(frozen=True)
class Comparison:
    """How much `a` exceeds `b`, world by world.

    - `difference`: mean of a - b with its 95 % interval over pairs (see `estimate`); where a and b are
      yes or no in every world, that of two paired shares.
    - `p`: two-sided sign-flip test of no difference; `test` says which.
    - `d_z`: mean difference over the standard deviation of differences (Cohen 1988).
    - `improvement`: share of worlds in which a exceeds b, ties counting half.
    - `cliff`: P(a > b) - P(a < b) over all pairs of worlds, shared or not (Cliff 1993).
    - `correlation`: Pearson's, realized by the shared seeds; what the pairing bought.

    d_z and correlation are NaN where there is no spread; `unit` is what the pairs are.
    """

    difference: Estimate
    p: float
    test: str
    d_z: float
    improvement: float
    cliff: float
    correlation: float
    unit: str = "worlds"

    def __str__(self) -> str:
        if not self.difference.n:
            return str(self.difference)
        return (
            f"{self.difference}, p {chance(self.p)} ({self.test}, {self.difference.n} {self.unit}), "
            f"d_z = {self.d_z:.2f}, improvement {self.improvement:.2f}, Cliff's delta "
            f"{self.cliff:.2f}, correlation {self.correlation:.2f}"
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        plain = {k: None if v != v else v for k, v in vars(self).items() if k != "difference"}
        return {"difference": self.difference.as_dict()} | plain


def compare(a: np.ndarray, b: np.ndarray, reason: str = "undefined in these worlds") -> Comparison:
    """Compare two conditions world by world; `a` and `b` are Float[W] in the same order of seeds.

    Raises:
        ValueError: the vectors are not two rows of equal length.
    """
    return compare_all([(a, b, reason)])[0]


def compare_all(pairs: Sequence[tuple[np.ndarray, np.ndarray, str]]) -> list[Comparison]:
    """`compare` for each of these; the luck of the tests is drawn once for all of them."""
    several = [_Pair(np.asarray(a, dtype=float), np.asarray(b, dtype=float), why) for a, b, why in pairs]
    tests = sign_flips([one.d for one in several])
    return [_compared(one, p, test) for one, (p, test) in zip(several, tests, strict=True)]


class _Pair:
    """Two conditions: all worlds `a` and `b`; those known in both, `x` and `y`, and their differences `d`."""

    def __init__(self, a: np.ndarray, b: np.ndarray, reason: str):
        if a.ndim != 1 or a.shape != b.shape:
            raise ValueError(
                f"came shapes {a.shape} and {b.shape}; wanted one number a world and the same worlds in "
                "the same order: run both conditions with the same seeds, NaN where a world is invalid"
            )
        both = ~(np.isnan(a) | np.isnan(b))
        self.a, self.b, self.reason, self.x, self.y = a, b, reason, a[both], b[both]
        # of rounding: neither a win nor a spread
        self.noise = 1e-12 * max(np.abs(self.x).max(initial=0.0), np.abs(self.y).max(initial=0.0))
        self.d = np.where(np.abs(self.x - self.y) <= self.noise, 0.0, self.x - self.y)


def _compared(pair: _Pair, p: float, test: str) -> Comparison:
    a, b, x, y, d = pair.a, pair.b, pair.x, pair.y, pair.d
    n = len(x)
    if n == 0:
        lost = not_available(f"no world is known in both conditions: {pair.reason}", len(a))
        return Comparison(lost, np.nan, "none", np.nan, np.nan, np.nan, np.nan)
    ordered = np.sort(y)
    below = np.searchsorted(ordered, x, "left").sum()
    above = (n - np.searchsorted(ordered, x, "right")).sum()
    spread = d.std(ddof=1) if n > 1 else 0.0
    varied = n > 1 and np.ptp(x) > 0 and np.ptp(y) > 0
    return Comparison(
        difference=_difference(a, b, d, pair.reason),
        p=p,
        test=test,
        d_z=float(d.mean() / spread) if spread > pair.noise else np.nan,
        improvement=float(((d > 0) + 0.5 * (d == 0)).mean()),
        cliff=float(below - above) / n**2,
        correlation=float(np.corrcoef(x, y)[0, 1]) if varied else np.nan,
    )


def _difference(a: np.ndarray, b: np.ndarray, d: np.ndarray, reason: str) -> Estimate:
    """The mean difference; `d` is Float[n], the differences in the worlds that are known in both."""
    found = estimate(a - b, reason, facts=False)
    if not all(np.isin(x[~np.isnan(x)], (0.0, 1.0)).all() for x in (a, b)):
        return found
    low, high = paired_share_interval(int((d > 0).sum()), int((d < 0).sum()), len(d))
    return replace(found, low=low, high=high)


def sign_flip(differences: np.ndarray, resamples: int = 9999) -> tuple[float, str]:
    """Two-sided p of "each difference is as likely to have the other sign", and the test's name.

    All sign patterns up to 16 worlds, else `resamples` random ones from a fixed seed, the observed
    one counted among them. Source: Fisher 1935, The Design of Experiments; Phipson and Smyth 2010.
    """
    return sign_flips([np.asarray(differences, dtype=float)], resamples)[0]


def sign_flips(several: Sequence[np.ndarray], resamples: int = 9999) -> list[tuple[float, str]]:
    """`sign_flip` of each of these, Float[n]; those of one length share their sign patterns."""
    found = [(np.nan, "")] * len(several)
    for n in {len(d) for d in several}:
        at = [i for i, d in enumerate(several) if len(d) == n]
        table = np.stack([several[i] for i in at], axis=1)
        seen = np.array([abs(several[i].sum()) - 1e-12 * np.abs(several[i]).sum() for i in at])
        hits, exact = np.zeros(len(at), int), n <= EXACT_UP_TO
        for signs in _patterns(n, resamples):
            step = max(1, MOST // len(signs))
            for part in (slice(low, low + step) for low in range(0, len(at), step)):
                hits[part] += (np.abs(signs @ table[:, part]) >= seen[part]).sum(axis=0)
        p = hits / 2**n if exact else (hits + 1) / (resamples + 1)
        for i, one in zip(at, p.tolist(), strict=True):
            found[i] = one, "exact sign-flip" if exact else "sign-flip permutation"
    return found


def _patterns(n: int, resamples: int) -> Iterator[np.ndarray]:
    """Float[some, n], 1 or -1: all patterns of few signs, random ones of many, some at a time."""
    if n <= EXACT_UP_TO:
        yield 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        return
    rng, batch = np.random.default_rng(0), max(1, MOST // n)
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        yield (1 - 2 * rng.integers(0, 2, (size, n), dtype=np.int8)).astype(float)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm-adjusted p values of one declared family; NaN stays NaN and does not count.

    Source: Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    p = np.asarray(p, dtype=float)
    adjusted = np.full(p.shape, np.nan)
    order = np.argsort(p)[: int((~np.isnan(p)).sum())]
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """p values of comparisons that nobody declared, adjusted for the share of false discoveries.

    NaN stays NaN and does not count. Source: Benjamini and Hochberg 1995, J. R. Stat. Soc. B 57:289.
    """
    from scipy import stats  # imported late: half a second that --help need not pay

    p = np.asarray(p, dtype=float)
    known = ~np.isnan(p)
    adjusted = np.full(p.shape, np.nan)
    if known.any():
        adjusted[known] = stats.false_discovery_control(p[known])
    return adjusted


def proportion(
    worlds: np.ndarray,
    method: Literal["exact", "wilson"] = "exact",
    *,
    upper: bool = False,
    reason: str = "undefined in these worlds",
) -> Estimate:
    """The share of worlds in which something happened (1, else 0; NaN is missing), with 95 % bounds.

    `exact` is Clopper and Pearson 1934, never too narrow; `wilson` is Wilson 1927. `upper=True`
    gives the one-sided upper bound instead: 1 - 0.05^(1/n) after n clean worlds.
    """
    from scipy import stats  # imported late: half a second that --help need not pay

    worlds = np.asarray(worlds, dtype=float)
    used = worlds[~np.isnan(worlds)]
    missing = len(worlds) - len(used)
    if not np.isin(used, (0.0, 1.0)).all():
        wrong = used[~np.isin(used, (0.0, 1.0))][0]
        raise ValueError(f"came {wrong:g}; wanted 1 or 0 a world, NaN where missing: x > 0.5")
    if not len(used):
        return not_available(reason, missing)
    found = stats.binomtest(int(used.sum()), len(used), alternative="less" if upper else "two-sided")
    ends = found.proportion_ci(0.95, method)
    low, high, mean = float(ends.low), float(ends.high), float(used.mean())
    return Estimate(mean, low, high, len(used), missing, reason if missing else "", used)
