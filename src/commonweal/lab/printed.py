"""The results of a study as lines of text, and as data."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from .._describe import REHEARSED
from .._plain import shown
from .statistics import chance

WIDE = 110


def printed(results: Any) -> Iterator[str]:
    """The results as lines of text, each plain: names and reasons come from the study's folder."""
    yield from map(shown, _lines(results))


def _lines(results: Any) -> Iterator[str]:
    plan, names = results.plan, results.conditions
    yield f"{plan['name']}: {len(names)} conditions x {plan['worlds']} worlds, mean [95% interval]"
    if plan["hypothesis"]:
        yield f"hypothesis: {' '.join(plan['hypothesis'].split())}"
    yield from results.notes
    for name, lost in results.invalid.items():
        if lost:
            yield f"{name}: {sum(lost.values())} worlds invalid ({'; '.join(lost)})"
    for name, models in results.rehearsed.items():
        yield f"{name}: {REHEARSED} ({', '.join(models)})"
    yield from (f"{name}: {told}" for name, told in results.speech.items())
    columns = results.all_columns
    body = {name: [shown(name), *(results.cell(name, c) for c in columns)] for name in names}
    for name in names:
        body[name].append(results.gates[name].state)
    left = ["", *map(shown, columns), "rights gate"]
    while names:
        some, used = [], max(map(len, left)) + 2
        while names and (not some or used + max(map(len, body[names[0]])) + 2 <= WIDE):
            some.append(names[0])
            used += max(map(len, body[names[0]])) + 2
            names = names[1:]
        yield ""
        blocks = [left, *(body[name] for name in some)]
        widths = [max(map(len, block)) + 2 for block in blocks]
        for row in zip(*blocks, strict=True):
            yield "".join(x.ljust(w) for x, w in zip(row, widths, strict=True)).rstrip()
    for name, row in results.adjusted.items():
        pairs = "training run" if results.runs(name) or results.runs(plan["baseline"]) else "world"
        yield from ("", f"{name} - {plan['baseline']}, paired by {pairs}")
        yield from (f"  {words}" for words in [results.unended(name, plan["baseline"])] if words)
        yield from (f"  {same}" for same in [results.identical.get(name)] if same)
        for column, p in row.items():
            if results.folded(name, column):
                continue
            found = results.differences[name][column]
            adjusted = f", Holm p {chance(p)}" if found.difference.n else ""
            yield f"  {column}: {found.difference}{adjusted}"
    chosen = results.selection
    yield from ("", *([chosen] if isinstance(chosen, str) else str(chosen).split("\n")))
    for column, here, lost, reason in results.not_available:
        yield f"* {column}: NA in {lost} worlds of {', '.join(here)} ({reason})"


def plain(results: Any) -> dict[str, Any]:
    """The results of a study, JSON-able; NaN becomes None."""
    chosen = results.selection
    return {
        **{key: results.plan[key] for key in ("name", "hypothesis", "baseline", "rule", "primary", "worlds")},
        "conditions": results.conditions,
        "added": results.plan["added"],
        "notes": results.notes,
        "invalid": results.invalid,
        "rehearsed": results.rehearsed,
        "speech": results.speech,
        "training": {
            name: {"runs": results.runs(name), "ended": bool(found and found[1].ended)}
            for name, found in results.learning.items()
        },
        "equal acts": results.identical,
        "gates": {name: gate._asdict() for name, gate in results.gates.items()},
        "certificates": {name: results.certificate(name) for name in results.conditions},
        "estimates": _plain(results.estimates),
        "differences": _plain(results.differences),
        "holm": {name: {c: _number(p) for c, p in row.items()} for name, row in results.adjusted.items()},
        "false discovery": {
            name: {c: _number(p) for c, p in row.items()} for name, row in results.explored.items()
        },
        "selection": {"reason": chosen} if isinstance(chosen, str) else chosen.as_dict(),
        "budgets": _plain(results.budgets),
        "company": results.company,
        "not available": [list(row) for row in results.not_available],
        "made with": results.plan["made with"],
    }


def _number(x: float) -> float | None:
    return None if np.isnan(x) else float(x)


def _plain(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: x.as_dict() for key, x in row.items()} for name, row in table.items()}
