"""Numbers and estimates as the cells of a report's tables."""

from .._measure import Estimate
from ..lab.results import Results
from .html import Cell

ARROWS = {"higher": "higher is better", "lower": "lower is better", "neither": ""}
NBSP = "\u00a0"  # keeps an interval on one line


def number(x: float) -> str:
    """A number to two decimals, thousands marked; NaN is NA."""
    if x != x:
        return "NA"
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{round(x, 2) + 0.0:.2f}"


def chance(p: float) -> str:
    """A p value, no smaller than can be shown."""
    return "NA" if p != p else "< 0.001" if p < 0.001 else f"{p:.3f}"


def estimated(found: Estimate, sign: str = "", share: bool = False) -> Cell:
    """An estimate as a cell: its value, and below it the interval and the worlds that are missing."""
    if not found.n:
        return Cell("NA", "", "muted")
    few = {1: "n = 1, no interval", 2: "n = 2, no interval"}
    one = few.get(found.n) or f"{number(found.low)}{NBSP}to{NBSP}{number(found.high)}"
    lost = f", {found.missing} missing" if found.missing else ""
    bar = min(max(found.value, 0.0), 1.0) if share else None
    return Cell(sign + number(found.value), one + lost, "", bar)


def table(results: Results, columns: list[str]) -> list[tuple]:
    """A row for each column, with an estimate for each condition."""
    rows = []
    for column in columns:
        told = results.measure_of(column)
        name, _, label = column.partition(":")
        note = ", ".join(filter(None, [name if label else "", told["unit"], ARROWS[told["better"]]]))
        share = told["unit"].startswith("share")
        cells = [estimated(row[column], share=share) for row in results.estimates.values()]
        rows.append((Cell(label or name, note), *cells))
    return rows
