"""How far apart opinions lie: the index of Esteban and Ray, bimodality, van der Eijk's agreement.

`of` is a channel or an event on a scale from `low` to `high`, read in the last played tick. `report` says
what is printed: the `raw` number; the `excess` over the mean of as many opinions drawn evenly from the
scale; or `p`, the chance that such opinions give as much.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._formulas import agreement, takes
from .._measure import NA, Measure
from .._trace import Trace

Report = Literal["raw", "excess", "p"]
REPORTS = ("raw", "excess", "p")


@takes("esteban_ray_index([0, 1], [1, 1])", positions="groups", masses="groups: 0..")
def esteban_ray_index(positions: Any, masses: Any, alpha: float = 1.0, scale: float = 1.0) -> float:
    """Polarization of groups: identification within, distance between.

    scale sum_ij m_i^(1 + alpha) m_j |y_i - y_j|, masses m as shares, alpha in (0, 1.6]. 0 where all
    agree; two halves at 0 and 1: .25 with alpha 1 (the most), .16494 with 1.6.
    Source: Esteban and Ray 1994, Econometrica 62:819.

    >>> esteban_ray_index([0, 1], [1, 1]), esteban_ray_index([0.5], [2])
    (0.25, 0.0)
    """
    if not 0.0 < alpha <= 1.6:
        raise ValueError(
            f"alpha={alpha}; wanted above 0 and at most 1.6: esteban_ray([0, 1], [1, 1], alpha=1.0)"
        )
    y, m = np.asarray(positions, dtype=float), np.asarray(masses, dtype=float)
    m = m / m.sum()
    return float(scale * m ** (1.0 + alpha) @ np.abs(y[:, None] - y) @ m)


@takes("bimodality_coefficient([1, 2, 3, 9])", x="n")
def bimodality_coefficient(x: Any) -> float:
    """(g^2 + 1) / (k + 3 (n - 1)^2 / ((n - 2) (n - 3))), g and k the sample's skewness and excess kurtosis.

    Range 0 to 1; large samples: two points 1, even 5/9. Small ones lie lower: 1 to 10 gives .3185, so
    5/9 is no threshold there. NaN below four values, or where all agree. Source: Pfister et al. 2013.

    >>> round(bimodality_coefficient(range(1, 11)), 4)
    0.3185
    """
    x = np.asarray(x, dtype=float)
    n, away = len(x), x - np.mean(x)
    if n < 4 or np.ptp(x) <= 1e-12 * np.abs(x).max():
        return float("nan")
    m2, m3, m4 = ((away**k).mean() for k in (2, 3, 4))
    skew = m3 / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    excess = ((n + 1) * (m4 / m2**2 - 3.0) + 6.0) * (n - 1) / ((n - 2) * (n - 3))
    return float((skew**2 + 1.0) / (excess + 3.0 * (n - 1) ** 2 / ((n - 2) * (n - 3))))


@limits(alpha="[0, 1.6]", groups="[2, 1000]", low="(-inf, inf)", high="(-inf, inf)")
def esteban_ray(
    of: str | None = None,
    alpha: float = 1.0,
    *,
    groups: int = 10,
    low: float = 0.0,
    high: float = 1.0,
    report: Report = "raw",
) -> Measure:
    """The measure `esteban_ray(of, alpha)`: opinions within a `groups`-th of the scale are one group."""
    call = "esteban_ray('opinion', groups=10, low=0.0, high=1.0)"
    _check(report, groups, low, high, call)
    esteban_ray_index([low], [1.0], alpha)

    def function(trace: Trace) -> np.ndarray:
        """Polarization of the last opinions: alike within groups, apart between them.

        sum_ij m_i^(1 + alpha) m_j |y_i - y_j| over groups of opinions on a scale of length 1, m their
        shares, y their mean (`report`: raw, beyond chance, or p). Range 0 to 1/4 with alpha 1. Needs: a
        channel or event on a known scale. Bias: depends on how fine groups are; not 0 by chance.
        """
        return _against_chance(trace, of, (low, high), index, report)

    def index(x: np.ndarray) -> float:
        which = np.minimum((x * groups).astype(int), groups - 1)
        masses = np.bincount(which, minlength=groups)
        held = masses > 0
        return esteban_ray_index(np.bincount(which, x, groups)[held] / masses[held], masses[held], alpha)

    name = f"esteban_ray({of}, alpha={alpha:g}, groups={groups}, {report})"
    return _measure(name, function, report, "Esteban and Ray 1994, Econometrica 62:819")


@limits(levels="[2, 100]", low="(-inf, inf)", high="(-inf, inf)")
def van_der_eijk(
    of: str | None = None,
    *,
    levels: int = 5,
    low: float = 0.0,
    high: float = 1.0,
    report: Report = "raw",
) -> Measure:
    """The measure `van_der_eijk(of)`, see `agreement`; the scale is cut into `levels` of equal width."""
    call = "van_der_eijk('opinion', levels=5, low=0.0, high=1.0)"
    _check(report, levels, low, high, call)

    def function(trace: Trace) -> np.ndarray:
        """Agreement of the last opinions on an ordered scale.

        Van der Eijk's A of how many hold each of the scale's levels (`report`: raw, beyond chance, or p).
        Range -1 (two camps at the ends) over 0 (evenly spread) to 1 (all alike). Needs: a channel or
        event on a known scale. Bias: depends on the number of levels; above 0 by chance in small groups.
        """
        return _against_chance(trace, of, (low, high), index, report)

    def index(x: np.ndarray) -> float:
        return agreement(np.bincount(np.minimum((x * levels).astype(int), levels - 1), minlength=levels))

    name = f"van_der_eijk({of}, levels={levels}, {report})"
    return _measure(name, function, report, "van der Eijk 2001, Quality and Quantity 35:325")


@limits(least="[4, 1000000]")
def bimodality(of: str | None = None, *, least: int = 30) -> Measure:
    """The measure `bimodality(of)`, see `bimodality_coefficient`; undefined below `least` opinions."""

    def function(trace: Trace) -> np.ndarray:
        """Whether the last opinions form two heaps: Sarle's bimodality coefficient.

        (g^2 + 1) / (k + 3 (n - 1)^2 / ((n - 2) (n - 3))). Range 0 to 1; even opinions have 5/9, two
        points 1. Needs: a channel or event, 30 agents. Bias: skewed opinions read as bimodal; small
        groups lie far below 5/9, for which reason they are left out.
        """
        return np.array([bimodality_coefficient(x) if len(x) >= least else np.nan for x in _last(trace, of)])

    cites = "Pfister et al. 2013, Frontiers in Psychology 4:700"
    why = f"fewer than {least} opinions, or all the same"
    return Measure(f"bimodality({of})", function, "coefficient", "neither", cites, why)


def _measure(name: str, function: Callable[[Trace], np.ndarray], report: Report, cites: str) -> Measure:
    unit = "probability" if report == "p" else "index"
    return Measure(name, function, unit, "neither", cites, "nobody said an opinion on the scale")


def _check(report: str, parts: int, low: float, high: float, call: str) -> None:
    if report not in REPORTS or parts < 2 or not low < high:
        raise ValueError(
            f"report={report!r}, {parts} parts of a scale from {low:g} to {high:g}; wanted one of {REPORTS}, "
            f"two parts or more, low < high: {call}"
        )


def _against_chance(
    trace: Trace,
    of: str | None,
    scale: tuple[float, float],
    index: Callable[[np.ndarray], float],
    report: Report,
    draws: int = 200,
) -> np.ndarray:
    """Float[W]: the index of each world's opinions, as shares of the scale."""
    low, high = scale
    opinions, null = _last(trace, of), {}
    found = np.full(len(opinions), np.nan)
    for w, x in enumerate(opinions):
        x = (x - low) / (high - low)
        if not len(x) or (x < -1e-6).any() or (x > 1 + 1e-6).any():
            continue
        n = len(x)
        found[w] = index(np.clip(x, 0.0, 1.0))
        if report != "raw" and n not in null:
            null[n] = np.array([index(one) for one in np.random.default_rng(0).random((draws, n))])
        if report == "excess":
            found[w] -= null[n].mean()
        elif report == "p":
            found[w] = (1 + (null[n] >= found[w] - 1e-9).sum()) / (1 + draws)
    return found


def _last(trace: Trace, of: str | None) -> list[np.ndarray]:
    """What agents said in the last played tick of each world, without those who said nothing."""
    table = {**trace.events, **trace.act}
    name = next(iter(trace.act)) if of is None and len(trace.act) == 1 else of
    if name not in table:
        raise NA(f"no channel or event {name!r} here: name one of {', '.join(sorted(table)) or '(none)'}")
    last = trace.shape[1] - 1 - trace.alive[:, ::-1].argmax(axis=1)
    worlds = np.arange(len(last))
    x = np.where(trace.alive[..., None], np.asarray(table[name], dtype=float), np.nan)[worlds, last]
    return [one[~np.isnan(one)] for one in x]
