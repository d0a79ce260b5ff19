"""Verdicts for people and for scripts: a table in the terminal, JSON, a page of the documentation."""

from collections.abc import Sequence
from typing import Any

from .target import MARKS, Row, Verdict

KINDS = ("rows", "metamorphic", "control")


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """A verdict, JSON-able: the target in words, and every row with what it decided."""
    target = verdict.target
    told: dict[str, Any] = {
        name: getattr(target, name) for name in ("name", "title", "model", "tier", "cost")
    }
    told |= {"parameters": dict(target.parameters), "passed": verdict.passed}
    told |= {"control_failed": verdict.control_failed, "seconds": round(verdict.seconds, 2)}
    return told | {kind: [_row(row) for row in getattr(verdict, kind)] for kind in KINDS}


def _row(row: Row) -> dict[str, Any]:
    numbers = {"ours": row.ours, "published": row.published, "tolerance": row.tolerance, "half": row.half}
    told: dict[str, Any] = {name: _finite(float(x)) for name, x in numbers.items()}
    told |= {"holds": row.holds, "mark": row.mark, "source": row.source}
    return {"name": row.name} | told | {"gates": row.gates, "passed": row.passed}


def _finite(x: float) -> float | None:
    return x if abs(x) < float("inf") else None


def interval(row: Row) -> str:
    """Ours, with its 95% interval where it was estimated."""
    if not row.half:
        return f"{row.ours:.6g}"
    return f"{row.ours:.4g} [{row.ours - row.half:.4g}, {row.ours + row.half:.4g}]"


def wanted(row: Row) -> str:
    """The published value with its tolerance, as a condition."""
    sign = {"equal": "", "at least": ">= ", "at most": "<= "}[row.holds]
    more = f" + {-row.tolerance:.2g}" if row.tolerance < 0.0 else f" ± {row.tolerance:.2g}"
    return f"{sign}{row.published:.6g}" + (more if row.tolerance else "")


def verdict_word(row: Row) -> str:
    """What became of a row: it holds, it fails, or it is only shown."""
    return "shown" if not row.gates else "holds" if row.passed else "FAILS"


def render(verdicts: Sequence[Verdict], console: Any, *, rows: bool) -> None:
    """Print one line a target, and with `rows` every published value beside ours."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("target", "verdict", "gates", "planted fault", "seconds"):
        table.add_column(head, justify="right" if head in ("gates", "seconds") else "left")
    for verdict in verdicts:
        gates = [row for row in verdict.rows + verdict.metamorphic if row.gates]
        caught = "caught" if verdict.control_failed else "[red]not caught[/]"
        word = "passes" if verdict.passed else "[red]fails[/]"
        held = f"{sum(row.passed for row in gates)}/{len(gates)}"
        table.add_row(verdict.target.name, word, held, caught, f"{verdict.seconds:.1f}")
    console.print(table)
    for verdict in verdicts if rows else [v for v in verdicts if not v.passed]:
        console.print(f"\n[bold]{verdict.target.title}[/]\n{verdict.target.model}", soft_wrap=True)
        detail = Table(box=None, pad_edge=False, header_style="bold")
        for head in ("", "published", "ours", "", "mark"):
            detail.add_column(head)
        for row in verdict.rows + verdict.metamorphic:
            detail.add_row(row.name, wanted(row), interval(row), verdict_word(row), row.mark)
        console.print(detail)


def page(verdicts: Sequence[Verdict]) -> str:
    """The page of the documentation: every published value beside ours."""
    lines = [
        "# Calibration: published results beside ours",
        "",
        "Written by `commonweal calibrate --tier all --page docs/calibration.md`. Every target also runs a "
        "planted fault, which must fail, and relations that must hold whatever the values. "
        "`Our own prototype`: the paper prints no such number, or none that could be opened; an independent "
        "program of this project, written before the package, gave it. "
        "An interval is a 95% interval over runs; a number without one is exact. Marks: "
        + "; ".join(f"{mark} {what}" for mark, what in MARKS.items())
        + ".",
    ]
    for verdict in verdicts:
        target, caught = verdict.target, "caught" if verdict.control_failed else "NOT caught"
        settings = ", ".join(f"{name} = {value}" for name, value in target.parameters.items())
        lines += ["", f"## {target.title} (`{target.name}`)", "", target.model]
        lines += [f"Parameters: {settings}."] if settings else []
        lines += ["", "| | published | ours | | source |", "|---|---|---|---|---|"]
        for row in verdict.rows:
            source = f"{row.source} ({row.mark})"
            cells = (row.name, wanted(row), interval(row), verdict_word(row), source)
            lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
        held = [row.passed for row in verdict.metamorphic if row.gates]
        relations = f"; relations that hold: {sum(held)} of {len(held)}" if held else ""
        cost = f"; {target.cost}" if target.cost else ""
        lines += ["", f"Planted fault: {caught}{relations}. Tier: {target.tier}{cost}."]
    return "\n".join(lines) + "\n"
