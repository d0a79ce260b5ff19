"""Whether learning had ended: the last third of learning curves, against its noise and what was learned."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

LEAST = 5  # points of the last third, below which nothing can be said
SMALL = 0.05  # a share of the range learned that nobody calls movement
LEVEL = 0.05  # of all tests of a set of curves together
ONE_RUN = "one training run; its luck is not in the intervals"


@dataclass(frozen=True)
class Learned:
    """How learning ended.

    - `moving`: training runs whose last third still moves; `runs`: how many there are.
    - `drift`: the mean change over the last third; `size`: the mean range learned.
    - `updates`: of each training run.
    """

    moving: int
    runs: int
    drift: float
    size: float
    updates: int
    short: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.moving and not self.short

    def __str__(self) -> str:
        if self.short:
            return f"{self.updates} updates are too few to say whether learning had ended"
        if not self.moving:
            return f"learning had ended: the last third of {self.updates} updates is flat"
        some = "the training run" if self.runs == 1 else f"{self.moving} of {self.runs} training runs"
        share = f", {abs(self.drift) / self.size:.0%} of the range learned" if self.size > 0 else ""
        return (
            f"learning had not ended in {some}: over the last third of {self.updates} updates the payoff "
            f"still moved by {self.drift:+.3g} on average{share}; give it more updates"
        )


def learned(curves: np.ndarray) -> Learned:
    """How learning ended, from curves Float[runs, updates] of what was got in each update.

    The last third of a curve moves where its least-squares slope differs from 0 against the noise from one
    update to the next (Student t; all runs and their mean share a level of 5 %), and where that changes
    the curve by at least 5 % of the range learned: the largest less the smallest mean over a tenth of the
    updates. Source of the noise, half the mean square of successive differences, which a slow movement
    does not widen: von Neumann, Kent, Bellinson, Hart 1941, Ann. Math. Stat. 12:153.
    """
    curves = np.asarray(curves, dtype=float)
    runs, updates = curves.shape
    few = updates - updates * 2 // 3
    if few < LEAST:
        return Learned(0, runs, np.nan, np.nan, updates, short=True)
    every = [*curves, curves.mean(axis=0)]
    found = [_moves(one[-few:], _size(one), LEVEL / len(every)) for one in every]
    moving = sum(moves for moves, _ in found[:-1])
    if found[-1][0]:
        moving = max(moving, 1 + runs // 2)  # together they do, though each by itself may be too noisy
    drift, size = found[-1][1], float(np.mean([_size(one) for one in curves]))
    return Learned(moving, runs, drift, size, updates)


def _size(curve: np.ndarray) -> float:
    """The range learned: between means over a tenth of the updates, so that noise counts little."""
    means = [part.mean() for part in np.array_split(curve, min(10, len(curve)))]
    return float(max(means) - min(means))


def _moves(end: np.ndarray, size: float, level: float) -> tuple[bool, float]:
    """Whether the end of a curve moves, and by how much from its first to its last point."""
    from scipy import stats  # imported late: half a second that --help need not pay

    n = len(end)
    time = np.arange(n) - (n - 1) / 2
    slope = float(time @ end / (time @ time))
    drift = slope * (n - 1)
    steps = np.diff(end) - slope
    error = float(np.sqrt((steps @ steps) / (n - 1) / 2.0 / (time @ time)))
    least = max(SMALL * size, 1e-6 * float(np.abs(end).max()))  # of rounding
    reach = float(stats.t.isf(level / 2.0, n - 2))
    return abs(drift) > least and abs(slope) > reach * error, drift


def remembered(society: Mapping[str, Any]) -> list[np.ndarray]:
    """The learning curves Float[updates] that trained minds carry, from a society's description."""
    minds = [mind.get("each", mind) for mind in society["fields"]["minds"]["tuple"]]
    params = [(mind.get("fields", {}).get("params") or {}) for mind in minds]
    found = [one.get("dict", {}).get("curve") for one in params if isinstance(one, Mapping)]
    return [np.asarray(one["array"], dtype=float) for one in found if one]


def told(society: Mapping[str, Any]) -> Iterator[str]:
    """What must be said beside numbers of a society whose minds were trained once, a line each."""
    curves = remembered(society)
    if curves:
        yield ONE_RUN
        end = learned(np.mean(curves, axis=0)[None])
        if not end.ended:
            yield str(end)
