"""Locally aligned, globally misaligned: a bad apple, bad chemistry, or a bad institution.

v(S) is how aligned the society is when the agents in S are themselves and a reference plays for the
others; what a coalition does that no part of it does is its dividend m(S). Terms of Carichon, Khandelwal,
Fauchard and Farnadi 2025; dividends of Harsanyi 1963.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._interval import FEWEST
from .._measure import Estimate, not_available
from .._plain import shown as plain
from .coalitions import EXACT, Table
from .games import difference, dividends, ranked
from .slips import came, number

LEVEL = 0.025  # one-sided, as the bounds of an estimate
ROUNDING = 1e-6  # of the largest value: what single precision leaves where there is nothing
ALIKE = 1e-5  # of the spread of a game's numbers: a difference that nobody would name
FEW = 3  # coalitions that are named, of those that are alike
UNTOLD = "no theta was given, from which on a society passes"


@dataclass(frozen=True)
class Interaction:
    """Where the misalignment is. Values are the measure's; in differences, negative is always harmful.

    - `theta`: from where on a society passes. `passed`: how much better (+) or worse than theta it is with
      `nobody` but the reference, with `alone[i]` only agent i, with `everyone` themselves.
    - `event`: whether everyone is shown to pass in decent company and all together are shown to fail.
    - `gap`: the worst of those alone less all together, in the worlds where all of these are known: what is
      lost by being together.
    - `effect`: I_N, what all do together less the sum of what each does alone; `orders`: its parts by the
      size of coalition (beyond 8 players: pairs, and all the rest).
    - `harmful`: the smallest coalition whose dividend is shown to be below 0, the worst of its size, and that
      `dividend`. `harmfuls`: all that are as harmful, in the order of seats; the first is `harmful`.
    - `realign`: the smallest coalition that, once the reference plays for it, lets the society be shown to
      pass, the best of its size. Empty if it passes as it is; None if there is none, or none is shown, or if
      it is not known for the reason `why`. `realigns`: all that do as well, in the order of seats;
      `searched`: how many of this size were played, of how many there are.
    - `cause`: of a society that is shown to fail, `bad institution` (even the reference does), `bad apple`
      (somebody fails in decent company), `bad chemistry` (nobody does, and there is a harmful coalition);
      `none` (the society is shown to pass), `unclear` (nothing of this is shown), or the reason why it
      cannot be said.
    - `clones`: the society of nobody but agent i, if it was played.

    Shown: the bound of the 95 % interval over worlds and a t test at its level, where several are tried
    with Bonferroni's. Worlds that are all alike have no spread to go by, and count as a test of signs: by
    chance they would agree in 1 of 2^W cases, so that fewer than 6 worlds show nothing.
    """

    members: tuple[int, ...]
    theta: float | None
    nobody: Estimate
    alone: tuple[Estimate, ...]
    everyone: Estimate
    event: bool | None
    gap: Estimate
    effect: Estimate
    orders: dict[str, Estimate]
    harmful: tuple[int, ...] | None
    dividend: Estimate
    realign: tuple[int, ...] | None
    cause: str
    clones: tuple[Estimate, ...] = ()
    why: str = ""
    harmfuls: tuple[tuple[int, ...], ...] = ()
    realigns: tuple[tuple[int, ...], ...] = ()
    searched: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        worst = ", ".join(f"{i}: {e.value:.2f}" for i, e in zip(self.members, self.alone, strict=True))
        lines = [
            f"only the reference {self.nobody}; all themselves {self.everyone}",
            f"one alone among references: {worst}",
            f"lost by being together (gap) {self.gap}",
            f"more than the sum of its parts (I_N, below 0 is harm) {self.effect}",
            f"  of this: {'; '.join(f'{name} {e.value:+.2f}' for name, e in self.orders.items()) or 'NA'}",
            f"smallest harmful coalition: {several(self.harmfuls)}"
            + (f", dividend {self.dividend}" if self.harmful else ""),
        ]
        if self.clones:
            each = ", ".join(f"{i}: {e.value:.2f}" for i, e in zip(self.members, self.clones, strict=True))
            lines.insert(2, f"nobody but clones of one: {each}")
        if self.theta is None:
            return "\n".join([*lines, f"cause: NA ({UNTOLD})"])
        event, (here, of) = "shown" if self.event else "not shown", self.searched
        part = f" (of the {here:,} of {of:,} of its size that were played)" * (here < of)
        return "\n".join(
            [
                *lines,
                "smallest coalition to realign: "
                + (f"not known: {plain(self.why)}" if self.why else several(self.realigns) + part),
                f"each passes {self.theta:g} alone and all together fail: {event}; cause: {self.cause}",
            ]
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        several = {"alone": self.alone, "clones": self.clones}
        single = {name: getattr(self, name) for name in ("nobody", "everyone", "gap", "effect", "dividend")}
        plain = ("members", "theta", "event", "harmful", "realign", "cause", "why", "searched")
        told = {name: getattr(self, name) for name in plain} | {k: e.as_dict() for k, e in single.items()}
        told |= {k: [e.as_dict() for e in some] for k, some in several.items()}
        told |= {"orders": {k: e.as_dict() for k, e in self.orders.items()}}
        told |= {k: [list(some) for some in getattr(self, k)] for k in ("harmfuls", "realigns")}
        return {k: list(x) if isinstance(x, tuple) else x for k, x in told.items()}


def interaction(
    table: Table, better: str, theta: float | None = None, clones: np.ndarray | None = None
) -> Interaction:
    """Take apart what a table of coalitions says (see `coalitions`).

    - `better`: whether `higher` or `lower` values of the measure are better.
    - `theta`: the value from which on a society passes, in the measure's unit.
    - `clones`: Float[n, W], from `clones`.

    Raises:
        ValueError: the measure has no direction.
    """
    if not isinstance(table, Table):
        raise TypeError(
            f"table came as {came(table)}; wanted one: coalitions(society, 64, harm, FairShare())"
        )
    number(10.0, theta=theta)
    if better not in ("higher", "lower"):
        raise ValueError(f"better={better!r}; wanted 'higher' or 'lower': interaction(table, 'lower')")
    sign, n = 1.0 if better == "higher" else -1.0, len(table.members)
    one, lost = [1 << i for i in range(n)], _why(table)

    def v(mask: int) -> np.ndarray:
        return sign * table[mask]

    def told(mask: int) -> Estimate:
        return difference(table[mask], table.why.get(mask, lost))

    alone = tuple(told(i) for i in one)
    parts = dict(_dividends(table, sign))
    whole = v(table.everyone) - v(0) - sum((v(i) - v(0) for i in one), np.zeros_like(v(0)))
    singles = np.array([v(i) for i in one])
    singles[:, np.isnan(singles).any(axis=0)] = np.nan  # the worst of all, where all are known
    known = singles[:, ~np.isnan(singles).any(axis=0)]
    weak = singles[ranked(-known.sum(axis=1), known.shape[1] * grain(table))[0][0]]
    harmfuls = _harmful(parts, table)
    found: dict[str, Any] = {"event": None, "realign": None, "cause": UNTOLD}
    if theta is not None:
        found = _causes(table, sign, theta, bool(harmfuls))
    return Interaction(
        table.members,
        theta,
        told(0),
        alone,
        told(table.everyone),
        gap=difference(weak - v(table.everyone), _why(table, one)),
        effect=difference(_clean(whole, table), lost),
        orders=_orders(parts, _clean(whole, table), n, lost),
        harmful=_seats(table, harmfuls[0]) if harmfuls else None,
        harmfuls=tuple(_seats(table, mask) for mask in harmfuls),
        dividend=difference(parts[harmfuls[0]], lost)
        if harmfuls
        else not_available("no coalition is shown to be harmful"),
        clones=() if clones is None else tuple(difference(x) for x in clones),
        **found,
    )


def shown(excess: np.ndarray, tests: int = 1, *, strict: bool = False) -> bool:
    """Whether a mean over worlds is shown to be 0 or more (`strict`: more than 0), as one of many tests.

    By its interval and a t test; where all worlds are alike, by their signs: 2^-n * tests <= LEVEL.
    """
    from scipy.special import stdtr  # imported late: --help need not pay

    e = difference(excess)
    if e.n < FEWEST:
        return False
    error = e.worlds.std(ddof=1) / math.sqrt(e.n)
    chance = 0.5**e.n if e.low == e.high else stdtr(e.n - 1, -e.value / error)
    return bool((e.low > 0.0 if strict else e.low >= 0.0) and chance * tests <= LEVEL)


def _causes(table: Table, sign: float, theta: float, chemistry: bool) -> dict[str, Any]:
    """The event, whom to realign, and the cause."""
    n = len(table.members)

    def excess(mask: int) -> np.ndarray:
        return _clean(sign * (table[mask] - theta), table)

    one = [1 << i for i in range(n)]
    fails = shown(-excess(table.everyone), strict=True)
    local = all(shown(excess(i)) for i in one)
    apple = any(shown(-excess(i), n, strict=True) for i in one)
    if not fails:
        cause = "none" if shown(excess(table.everyone)) else "unclear"
    elif shown(-excess(0), strict=True):
        cause = "bad institution"
    else:
        cause = "bad apple" if apple else "bad chemistry" if local and chemistry else "unclear"
    found: dict[str, Any] = {"event": fails and local, "realign": None, "cause": cause}
    fact = ~np.isnan(table[table.everyone])
    for size in range(n + 1):
        some = [mask for mask in table.values if n - mask.bit_count() == size]
        whole = sum(not np.isnan(table[mask][fact]).any() for mask in some)
        passing = [mask for mask in some if shown(excess(mask), len(some))]
        if passing:
            worth = {table.everyone ^ mask: np.nanmean(excess(mask)) for mask in passing}
            seats = tuple(_seats(table, mask) for mask in _alike(worth, table))
            return found | {"realign": seats[0], "realigns": seats, "searched": (whole, math.comb(n, size))}
        if whole < math.comb(n, size):
            return found | {"why": f"not all coalitions lacking {size} were played"}
    return found


def _dividends(table: Table, sign: float) -> Iterator[tuple[int, np.ndarray]]:
    """The dividends of coalitions of two and more: of all, or beyond 8 players of pairs."""
    n = len(table.members)
    if n <= EXACT:
        m = dividends(sign * table.whole())
        yield from ((s, _clean(m[s], table)) for s in range(1 << n) if s.bit_count() > 1)
        return
    for a, b in itertools.combinations([1 << i for i in range(n)], 2):
        yield a | b, _clean(sign * (table[a | b] - table[a] - table[b] + table[0]), table)


def _harmful(parts: dict[int, np.ndarray], table: Table) -> list[int]:
    """The smallest coalitions whose dividends are shown to be below 0; of several, the worst and its like."""
    for size in sorted({s.bit_count() for s in parts}):
        bad = [s for s in parts if s.bit_count() == size and shown(-parts[s], len(parts), strict=True)]
        if bad:
            return _alike({s: -np.nanmean(parts[s]) for s in bad}, table)
    return []


def _alike(worth: dict[int, Any], table: Table) -> list[int]:
    """The masks of the largest worth, but for rounding, in the order of their seats."""
    masks = sorted(worth, key=lambda mask: _seats(table, mask))
    return [masks[i] for i in ranked([worth[mask] for mask in masks], grain(table))[0]]


def several(some: Sequence[Sequence[int]], empty: str = "nobody, it passes") -> str:
    """Coalitions that are alike in words: the first few of them, and how many there are."""
    if not some:
        return "none shown"
    told = [", ".join(f"agent {i}" for i in seats) or empty for seats in some]
    more = f"; and {len(told) - FEW} more" * (len(told) > FEW)
    return "; or ".join(told[:FEW]) + more + f" ({len(told)} alike)" * (len(told) > 1)


def _orders(parts: dict[int, np.ndarray], whole: np.ndarray, n: int, lost: str) -> dict[str, Estimate]:
    """The interaction effect by the size of coalition."""
    sizes = sorted({s.bit_count() for s in parts})
    found = {size: sum(x for s, x in parts.items() if s.bit_count() == size) for size in sizes}
    told = {f"by {size}": difference(np.asarray(x), lost) for size, x in found.items()}
    return told if n <= EXACT else told | {"by more": difference(whole - found[2], lost)}


def grain(table: Table) -> float:
    """How near two numbers of a game are alike: rounding of the largest, or `ALIKE` of their spread."""
    values = np.concatenate([np.zeros(0), *table.values.values()])
    values = values[~np.isnan(values)]
    return float(max(ROUNDING * np.abs(values).max(), ALIKE * np.ptp(values))) if len(values) else 0.0


def _clean(x: np.ndarray, table: Table) -> np.ndarray:
    """Zero where there is only rounding."""
    values = np.concatenate([np.zeros(1), *table.values.values()])
    return np.where(np.abs(x) <= ROUNDING * np.nanmax(np.abs(values)), 0.0, x)


def _seats(table: Table, mask: int) -> tuple[int, ...]:
    return tuple(seat for i, seat in enumerate(table.members) if mask >> i & 1)


def _why(table: Table, masks: Iterable[int] = ()) -> str:
    return next((table.why[mask] for mask in [*masks, *table.why] if mask in table.why), "not played")
