"""Tables of estimates, and shares with the conversation (or game) as the unit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .._interval import FEWEST, mean_interval
from .._measure import Estimate, not_available
from .._plain import shown

WIDE = 140  # columns from which an interval stands beside its value
LONGEST = 30  # characters shown of a name
FEW = 6  # units below which an interval says little


@dataclass(frozen=True)
class Line:
    """What a line is about, the estimates in it, and counts in words."""

    name: str
    figures: dict[str, Estimate]
    about: str = ""


@dataclass(frozen=True)
class Section:
    """A question, and lines of estimates that answer it; `unit` is what the intervals are over.

    Beyond `most` lines a terminal shows how many more there are. `why` says why there is none at all.
    """

    title: str
    lines: tuple[Line, ...] = ()
    unit: str = "conversation"
    notes: tuple[str, ...] = ()
    why: str = ""
    most: int = 12

    def __getitem__(self, name: str) -> dict[str, Estimate]:
        return {line.name: line.figures for line in self.lines}[name]

    def told(self, found: Estimate) -> str:
        """An estimate of this section in words."""
        return str(found).replace(few_units(found.n, "world"), few_units(found.n, self.unit), 1)

    def to_dict(self) -> dict:
        """JSON-able."""
        lines = [
            {"name": line.name, "about": line.about} | {k: e.as_dict() for k, e in line.figures.items()}
            for line in self.lines
        ]
        return {
            "title": self.title,
            "unit": self.unit,
            "why": self.why,
            "lines": lines,
            "notes": [*self.notes],
        }


def few_units(n: int, unit: str) -> str:
    """One or two units in words."""
    return f"two {unit}s" if n == 2 else f"one {unit}"


def beyond(found: int, most: int, what: str) -> tuple[str, ...]:
    """The note that says how many have no line, if any."""
    return (f"{found - most:,} more {what} have no line.",) if found > most else ()


def ratio(
    top: np.ndarray, bottom: np.ndarray, reason: str = "nothing to count", weights: Sequence[float] = (1.0,)
) -> Estimate:
    """sum top / sum bottom over units, with a 95 % interval, from three units on.

    `top`, `bottom`: Float[units, k], or [units]; with several columns, their ratios are added with `weights`.
    Units that have nothing below the line are missing for `reason`. The interval is `mean_interval` of what
    each unit adds to the ratio, to first order. Source: Cochran 1977, Sampling techniques, section 6.4.
    """
    top, bottom = (np.atleast_2d(np.asarray(x, dtype=float).T).T for x in (top, bottom))
    used = (bottom > 0).any(axis=1)
    missing, n = int((~used).sum()), int(used.sum())
    if not n or (bottom.sum(axis=0) == 0).any():
        return not_available(reason, len(top))
    top, bottom, odds = top[used], bottom[used], np.asarray(weights)
    parts = top.sum(axis=0) / bottom.sum(axis=0)
    adds = ((top - parts * bottom) / bottom.mean(axis=0)) @ odds
    low, high = parts @ odds + np.array(mean_interval(adds))
    if len(odds) == 1 and ((top >= 0) & (top <= bottom)).all() and low == low:  # a share
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(float(parts @ odds), float(low), float(high), n, missing, reason if missing else "")


@dataclass
class _Notes:
    """Reasons of what has no value, each with a letter."""

    marks: dict[str, str] = field(default_factory=dict)

    def mark(self, reason: str) -> str:
        return self.marks.setdefault(reason, chr(97 + len(self.marks) % 26))


def drawn(section: Section, width: int) -> Iterator:
    """What to print of a section on a terminal of that width: a rich table, its footnotes."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not section.lines:
        yield Text(f"\n{section.title}: NA ({section.why})")
        return
    notes, wide = _Notes(), width >= WIDE
    heads = list(dict.fromkeys(name for line in section.lines for name in line.figures))
    look = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": (0, 0)}
    table = Table(title=Text(f"\n{section.title}"), title_justify="left", **look)
    table.add_column("", overflow="fold", max_width=min(44, max(22, width - 18 * len(heads))))
    lines = section.lines[: section.most]
    body = [[_cell(line.figures.get(head), section.unit, wide, notes) for head in heads] for line in lines]
    for head, cells in zip(heads, zip(*body, strict=True), strict=True):
        numbers = [part for cell in cells if "NA" not in cell for part in cell.split("\n")]
        longest = max(map(len, numbers), default=0)
        table.add_column(Text(head), justify="right", overflow="fold", min_width=longest)
    for line, cells in zip(lines, body, strict=True):
        first = [shown(line.name, 3 * LONGEST)] + ([f"  {shown(line.about)}"] if line.about else [])
        table.add_row(*map(Text, ["\n".join(first), *cells]))
    yield table
    more = len(section.lines) - section.most
    ends = [f"and {more:,} more lines, all in --json"] if more > 0 else []
    ends += [f"({mark}) {why}" for why, mark in notes.marks.items()]
    for end in [*ends, *section.notes]:
        yield Text(f"  {end}")


def _cell(found: Estimate | None, unit: str, wide: bool, notes: _Notes) -> str:
    """An estimate as text, interval beside or below; an NA, a lone unit and missing ones by a footnote."""
    if found is None:
        return ""
    if found.n == 0:
        return f"NA ({notes.mark(found.reason)})"
    few = "*" if found.n < FEW else ""
    if found.missing:
        units = f"{found.missing:,} of {found.n + found.missing:,} {unit}s"
        few += f" ({notes.mark(f'{units} have no value: {found.reason}')})"
    elif found.n < FEWEST:
        few += f" ({notes.mark(f'{few_units(found.n, unit)}, no interval')})"
    if found.n < FEWEST:
        return f"{digits(found.value)}{few}"
    return f"{digits(found.value)}{few}{' ' if wide else chr(10)}[{digits(found.low)}, {digits(found.high)}]"


def digits(x: float) -> str:
    """Three decimals below 10, one up to 1,000, none beyond."""
    return f"{round(x, 3) + 0.0:.3f}" if abs(x) < 10 else f"{x:,.1f}" if abs(x) < 1000 else f"{x:,.0f}"
