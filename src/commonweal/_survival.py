"""How long it lasts: times to an event, right-censored where the world ended before it happened."""

from dataclasses import dataclass

import numpy as np

from ._measure import NA, Estimate, not_available


@dataclass(frozen=True, eq=False)
class Survival:
    """How many ticks passed before something happened, world by world, right-censored.

    `time` is the number of played ticks before it, or all played ticks where it did not happen
    (`happened` is False). `missing` worlds are invalid or have no usable series.
    """

    time: np.ndarray
    happened: np.ndarray
    missing: int = 0

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Times, and the Kaplan-Meier estimate of the share of worlds that outlasts each.

        Source: Kaplan and Meier 1958. Assumes that a world's end says nothing of what was coming.
        """
        from scipy import stats  # imported late: half a second that --help need not pay

        if not len(self.time):
            raise NA("no world has a usable series")
        data = stats.CensoredData(uncensored=self.time[self.happened], right=self.time[~self.happened])
        found = stats.ecdf(data).sf
        return found.quantiles, found.probabilities

    def restricted_mean(self, horizon: float | None = None) -> Estimate:
        """The mean number of ticks before it, of the first `horizon` (all that was observed).

        The area under the curve, with the Greenwood 95 % interval (Klein and Moeschberger 2003,
        equation 4.5.3), cut where time ends.

        Raises:
            ValueError: the horizon lies beyond what was observed.
        """
        if not len(self.time):
            return not_available("no world has a usable series", self.missing)
        times, share = self.curve()
        last = float(times[-1])
        end = last if horizon is None else horizon
        if end > last and share[-1] > 0:
            raise ValueError(
                f"horizon={end:g} lies beyond the last observed tick {last:g}, where "
                f"{share[-1]:.0%} of worlds still last: pass horizon={last:g} or less"
            )
        edges = np.minimum(np.concatenate([[0.0], times, [end]]), end)
        steps = np.diff(edges) * np.concatenate([[1.0], share])
        rest = steps[::-1].cumsum()[::-1][1:]  # the area from each time to the horizon
        here = np.array([(self.happened & (self.time == t)).sum() for t in times])
        risk = np.array([(self.time >= t).sum() for t in times])
        pairs = np.where(risk > here, risk * (risk - here), 1)  # nobody left: rest is 0 there
        wide = 1.96 * float(np.sqrt((rest**2 * here / pairs).sum()))
        mean = float(steps.sum())
        n = len(self.time)
        low, high = (max(mean - wide, 0.0), min(mean + wide, end)) if n > 1 else (np.nan, np.nan)
        reason = "invalid, or the series is undefined" if self.missing else ""
        return Estimate(mean, low, high, n, self.missing, reason)

    def later(self, other: "Survival") -> float:
        """p of the log-rank test that both last alike; NaN where nothing happened, or for no world.

        Source: Mantel 1966. Assumes that the ratio of hazards is constant.
        """
        from scipy import stats  # imported late: half a second that --help need not pay

        if not len(self.time) or not len(other.time) or not (self.happened.any() or other.happened.any()):
            return float("nan")
        x, y = (
            stats.CensoredData(uncensored=s.time[s.happened], right=s.time[~s.happened])
            for s in (self, other)
        )
        return float(stats.logrank(x, y).pvalue)
