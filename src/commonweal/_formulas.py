"""Formulas on plain arrays that more than one measure computes: inequality, diversity, concentration.

All take NumPy arrays or lists, work along the last axis, and give a plain number for one row. NaN in a row
gives NaN. Nothing here needs a trace, a card or JAX.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

F = TypeVar("F", bound=Callable[..., Any])


def takes(call: str, **shapes: str) -> Callable[[F], F]:
    """Make a formula read its arguments as arrays of floats, and refuse what it cannot read, in one line.

    `call` is a line that works. `shapes` says of each argument which axes it has, such as "n n", ("... n"
    may have others before, "" is one number, "#" a whole one, "n+" is not empty); axes of one name have one
    size. After a colon stand the bounds of its numbers: "n: 0..", "n: 0..1". NaN is allowed, and None where
    it is the default.
    """
    wanted = {name: _Shape(shape) for name, shape in shapes.items()}

    def make(formula: F) -> F:
        known = inspect.signature(formula).parameters
        order = [name for name, one in known.items() if one.kind is not one.KEYWORD_ONLY]
        optional = {name for name, one in known.items() if one.default is None}

        @functools.wraps(formula)
        def reads(*args: Any, **named: Any) -> Any:
            every, sizes = dict(zip(order, args, strict=False)) | named, dict[str, int]()
            for name, shape in wanted.items():
                if name in every and not (every[name] is None and name in optional):
                    every[name] = shape.read(every[name], sizes, call)
            return formula(*args[len(order) :], **every)  # too many are the formula's own to refuse

        return reads  # type: ignore[return-value]

    return make


class _Shape:
    """Axes and bounds, from a text such as "... n+: 0..1"."""

    def __init__(self, text: str):
        axes, _, bounds = text.partition(":")
        self.axes = [axis for axis in axes.split() if axis not in ("...", "#")]
        self.whole = axes == "#"
        self.free, self.bounds = "..." in axes, bounds.strip()
        low, _, high = self.bounds.partition("..")
        self.low, self.high = float(low or "-inf"), float(high or "inf")
        self.top = min(self.high, float(np.finfo(float).max))

    def read(self, x: Any, sizes: dict[str, int], call: str) -> Any:
        name = call.partition("(")[0]
        try:
            found = np.asarray(x, dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                f"{name}() came with {x!r:.60}; wanted numbers, rows of one length: {call}"
            ) from None
        tail = found.shape[max(0, found.ndim - len(self.axes)) :]
        fits = found.ndim >= len(self.axes) if self.free else found.ndim == len(self.axes)
        for axis, size in zip(self.axes, tail, strict=False):
            plain = axis.rstrip("+")
            fits = fits and sizes.setdefault(plain, size) == size and (size > 0 or plain == axis)
        if not fits:
            like = ", ".join(["..."] * self.free + [axis.rstrip("+") for axis in self.axes])
            raise ValueError(f"{name}() came with shape {found.shape}; wanted [{like}]: {call}")
        if self.bounds and found.size and not self.low <= found.min() <= found.max() <= self.top:
            odd = found[(found < self.low) | (found > self.high) | np.isinf(found)]
            if odd.size:
                span = f"{self.low:g} to {self.high:g}" if np.isfinite(self.high) else f"{self.low:g} or more"
                raise ValueError(f"{name}() came with {odd[0]:g}; wanted numbers of {span}: {call}")
        if self.whole and not float(found).is_integer():
            raise ValueError(f"{name}() came with {found:g}; wanted a whole number: {call}")
        return found if self.axes or self.free else int(found) if self.whole else float(found)


@takes("gini([1, 2, 3])", x="... n+: 0..")
def gini(x: Any, normalized: bool = False) -> Any:
    """How unequally amounts are spread, [..., n] to [...]: 0 all equal, (n - 1) / n one has all.

    sum_ij |x_i - x_j| / (2 n^2 mean x); `normalized` times n / (n - 1), so that 1 is one has all. NaN where
    all amounts are 0 (normalized: also for one agent). Source: Gini 1912; normalized: Deaton 1997.

    >>> gini([1, 3])
    0.25
    >>> gini([0, 0, 0, 8]), gini([0, 0, 0, 8], normalized=True)
    (0.75, 1.0)
    >>> gini([[1, 1], [0, 2]])
    array([0. , 0.5])

    Raises:
        ValueError: no numbers, or an amount below 0.
    """
    n = x.shape[-1]
    k = np.arange(1, n)
    gaps = (np.diff(np.sort(x, axis=-1), axis=-1) * k * (n - k)).sum(axis=-1)  # over pairs i < j
    return _plain(gaps / _whole((n - 1 if normalized else n) * x.sum(axis=-1)))


@takes("theil([1, 2, 3])", x="... n+: 0..")
def theil(x: Any) -> Any:
    """Inequality as redundancy, Theil's T, in nats, [..., n] to [...]: 0 all equal, ln n one has all.

    mean(x/m ln(x/m)), m the mean, 0 ln 0 = 0. NaN where all amounts are 0. Source: Theil 1967.

    >>> theil([5, 5, 5])
    0.0
    >>> round(theil([0, 10]), 4)  # ln 2
    0.6931

    Raises:
        ValueError: no numbers, or an amount below 0.
    """
    share = x / _whole(x.mean(axis=-1, keepdims=True))
    return _plain(np.mean(share * np.log(np.where(share == 0, 1.0, share)), axis=-1))


@takes("atkinson([1, 4], 0.5)", x="... n+: 0..")
def atkinson(x: Any, epsilon: float = 0.5) -> Any:
    """Share that could be given up for equality at the same welfare, [..., n] to [...]: 0 to 1.

    1 - EDE / mean x, EDE = (mean x^(1-e))^(1/(1-e)), the geometric mean at e = 1; a larger `epsilon` minds
    the poorest more. 1 for e >= 1 as soon as somebody has 0; NaN where all have 0. Source: Atkinson 1970.

    >>> round(atkinson([1, 4]), 4), round(atkinson([1, 4], epsilon=1), 4)  # 1 - 2.25 / 2.5, 1 - 2 / 2.5
    (0.1, 0.2)

    Raises:
        ValueError: no numbers, an amount below 0, an epsilon that is not above 0.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon={epsilon} is no inequality aversion; wanted > 0: atkinson([1, 4], 0.5)")
    with np.errstate(divide="ignore"):
        if epsilon == 1.0:
            even = np.exp(np.log(x).mean(axis=-1))
        else:
            even = (x ** (1.0 - epsilon)).mean(axis=-1) ** (1.0 / (1.0 - epsilon))
    return _plain(np.maximum(1.0 - even / _whole(x.mean(axis=-1)), 0.0))


@takes("entropy([3, 1, 0])", counts="... options+: 0..")
def entropy(counts: Any, base: float = 2.0) -> Any:
    """How diverse a distribution is, [..., options] to [...]: 0 all alike, log(options) evenly spread.

    -sum p log p, p the counts (or weights) as shares; in bits, or in units of another `base`. NaN where
    nothing was counted. Bias: from few counts, too low. Source: Shannon 1948.

    >>> entropy([5, 5]), entropy([1, 1, 1, 1]), entropy([7, 0])
    (1.0, 2.0, 0.0)

    Raises:
        ValueError: no numbers, or a count below 0.
    """
    p = _shares(np.asarray(counts))
    return _plain(0.0 - (p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=-1) / np.log2(base))


@takes("jensen_shannon([3, 1, 0], [0, 1, 2])", p="... options+: 0..", q="... options+: 0..")
def jensen_shannon(p: Any, q: Any) -> Any:
    """How different two distributions are, in bits, [..., options] to [...]: 0 the same, 1 disjoint.

    H((p + q) / 2) - (H(p) + H(q)) / 2 of counts or weights as shares. NaN where either is empty.
    Bias: from few counts, too high. Source: Lin 1991.

    >>> jensen_shannon([1, 0], [0, 1]), jensen_shannon([2, 6], [1, 3])
    (1.0, 0.0)
    >>> jensen_shannon([1, 1, 0], [0, 1, 1])
    0.5

    Raises:
        ValueError: no numbers, a count below 0, distributions over different options.
    """
    p, q = np.broadcast_arrays(_shares(np.asarray(p)), _shares(np.asarray(q)))
    middle = (p + q) / 2.0
    parts = [np.divide(x, middle, out=np.ones_like(middle), where=x > 0) for x in (p, q)]
    return _plain((p * np.log2(parts[0]) + q * np.log2(parts[1])).sum(axis=-1) / 2.0)


@takes("herfindahl([30, 10])", sales="... firms+: 0..")
def herfindahl(sales: Any) -> Any:
    """How concentrated a market is, [..., firms] to [...]: 1/n all alike, 1 a monopoly.

    sum of squared shares (Herfindahl-Hirschman; times 10,000 in the usual points). NaN where nothing was
    sold. Source: Hirschman 1945; Herfindahl 1950.

    >>> herfindahl([1, 1]), herfindahl([30, 10]), herfindahl([5, 0])
    (0.5, 0.625, 1.0)

    Raises:
        ValueError: no numbers, or a sale below 0.
    """
    return _plain((_shares(np.asarray(sales)) ** 2).sum(axis=-1))


@takes("agreement([0, 2, 9, 1, 0])", frequencies="... answers+: 0..")
def agreement(frequencies: Any) -> Any:
    """Agreement on an ordered scale, from how many chose each of its K answers, [..., K] to [...].

    The counts are taken apart into layers of equal height; a layer on S of the K answers has agreement
    U (1 - (S - 1) / (K - 1)), where U, from 1 to -(K - 1) / (K - 2), is how unimodal it is; layers weigh by
    their share. 1: all chose one answer; 0: evenly spread; -1: half at either end. NaN without answers.
    Source: van der Eijk 2001, Quality and Quantity 35:325.

    >>> agreement([0, 0, 9, 0, 0]), agreement([2, 2, 2, 2, 2]), agreement([5, 0, 0, 0, 5])
    (1.0, 0.0, -1.0)

    Raises:
        ValueError: no numbers, a count below 0, fewer than two answers on the scale.
    """
    counts = np.asarray(frequencies)
    if counts.shape[-1] < 2:
        raise ValueError(f"a scale of {counts.shape[-1]} answers came; wanted two or more: agreement([3, 1])")
    return _agreement(counts) if counts.ndim == 1 else np.apply_along_axis(_agreement, -1, counts)


def _agreement(left: np.ndarray) -> float:
    whole, found = left.sum(), 0.0
    if not whole > 0:
        return float("nan")
    while left.sum() > 1e-12 * whole:
        layer = left > 1e-12 * whole
        height = left[layer].min()
        found += _unimodal(layer) * height * layer.sum() / whole
        left = np.where(layer, left - height, 0.0)
    return float(found)


def _unimodal(layer: np.ndarray) -> float:
    """Agreement of one layer, Bool[K]."""
    k, s = len(layer), int(layer.sum())
    on, off = layer.astype(int), (~layer).astype(int)
    before, after = np.cumsum(on) - on, s - np.cumsum(on)
    apart = (off * before * after).sum()  # triples 1 0 1
    pairs = before * (before - 1) // 2 + after * (after - 1) // 2
    close = (off * pairs).sum()  # triples 1 1 0 and 0 1 1
    u = 1.0 if apart + close == 0 else ((k - 2) * close - (k - 1) * apart) / ((k - 2) * (apart + close))
    return u * (1.0 - (s - 1) / (k - 1))


@takes("rate_bound(0, 59)", count="#", n="#", level="")
def rate_bound(count: int, n: int, level: float = 0.95) -> float:
    """The one-sided upper bound of a rate after `count` of `n`; 1 - (1 - level)^(1/n) after none.

    From 0 to 1; 1 where nothing limits it. Source: Clopper and Pearson 1934.

    >>> round(rate_bound(0, 59), 4), round(rate_bound(1, 59), 4)
    (0.0495, 0.0779)

    Raises:
        ValueError: a count below 0 or above `n`, a level that is not between 0 and 1.
    """
    from scipy import stats  # imported late: half a second that --help need not pay

    if not 0 <= count <= n or not 0.0 < level < 1.0:
        raise ValueError(
            f"count={count}, n={n}, level={level}; wanted 0 <= count <= n, 0 < level < 1: rate_bound(0, 59)"
        )
    return 1.0 if count >= n else float(stats.beta.ppf(level, count + 1, n - count))


# ------------------------------------------------------------------------------------------ helpers


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / _whole(counts.sum(axis=-1, keepdims=True))


def _whole(total: Any) -> np.ndarray:
    """What to divide by: NaN where there is nothing."""
    return np.where(np.asarray(total) > 0, total, np.nan)


def _plain(x: Any) -> Any:
    """A plain number where the array has but one."""
    return float(x) if np.ndim(x) == 0 else x
