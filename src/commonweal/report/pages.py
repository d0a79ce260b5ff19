"""The report of a study, section by section."""

import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from .._describe import REHEARSED
from ..lab.results import PARTS, SIGNS, Results
from ..lab.selection import Selection
from .cells import chance, estimated, number, table
from .chart import Point, pareto
from .html import Cell, Page, Section, Tone, write
from .panels import EXPLORED, company, dynamics, in_panel, learning, risks

NAMES = {
    "O": "objective O",
    "V": "values V",
    "P_mean": "preferences (mean)",
    "P_NW": "preferences (Nash)",
    "P_min": "preferences (worst-off)",
    "P_gap": "minority gap",
}
GATE_TONES: dict[str, Tone] = {"open": "good", "closed": "bad", "undecided": "muted"}
MANY = 12  # rows from which a table of details is folded


def write_report(results: Results, path: str | os.PathLike) -> Path:
    """Write the report of a study: one HTML page that needs nothing else."""
    return write(study_page(results), path)


def study_page(results: Results) -> Page:
    """The whole report of a study."""
    plan = results.plan
    facts = {
        "conditions": str(len(results.conditions)),
        "worlds per condition": f"{plan['worlds']:,} (shared seeds)",
        "baseline": plan["baseline"] or "none",
        "rule declared beforehand": plan["rule"] or "none",
        "ran on": plan["made with"]["platform"],
    }
    parts = (
        _asked,
        _aligned,
        learning,
        _differences,
        _pareto,
        _selection,
        dynamics,
        company,
        risks,
        _measured,
        _stakeholders,
    )
    parts += (_missing, _cards, _budgets, _measures, _recipe)
    return Page(
        title=plan["name"],
        kind="commonweal study",
        lead=plan["hypothesis"],
        facts=facts,
        findings=tuple(_findings(results)),
        sections=tuple(section for part in parts for section in part(results)),
    )


def _findings(results: Results) -> Iterator[str]:
    for name, models in results.rehearsed.items():
        yield f"{name}: {REHEARSED} ({', '.join(models)})."
    yield from (f"{line}." for line in results.cautions)
    open_ = [name for name, gate in results.gates.items() if gate.state == "open"]
    total = len(results.conditions)
    named = f": {', '.join(open_)}" if open_ else ""
    yield f"The rights gate is open in {len(open_)} of {total} conditions{named}."
    chosen = results.selection
    if isinstance(chosen, Selection):
        for v in chosen.verdicts:
            if v.declared:
                odds = [f"{c} ({v.probability.get(c, 1.0):.0%} of resampled {chosen.unit})" for c in v.chosen]
                told = " = ".join(odds) or f"none: {v.reason}"
                yield f"The rule declared beforehand, {v.rule}, chooses {told}."
        if chosen.points:
            yield "All rules agree." if chosen.agree else "The rules disagree: see below."
    else:
        yield f"Nothing is selected: {chosen}"
    for name, row in results.adjusted.items():
        if name in results.identical:
            yield f"{name}: {results.identical[name]}."
            continue
        pairs = [(c, results.differences[name][c].difference) for c, p in row.items() if p < 0.05]
        texts = [f"{_label(c)} {found.value:+.2f}" for c, found in pairs if found.n]
        told = f"{', '.join(texts)} (each Holm p < 0.05)" if texts else "no difference is shown"
        warned = results.unended(name, results.plan["baseline"])
        yield f"{name} against {results.plan['baseline']}: {told}{'; but ' * bool(warned)}{warned}."
    for name, lost in results.invalid.items():
        if lost:
            yield f"{sum(lost.values())} worlds of {name} are invalid and excluded: {'; '.join(lost)}."
    yield from (f"{name} answered in words: {told}." for name, told in results.speech.items())


def _label(column: str) -> str:
    """The name of a column for people."""
    return next((NAMES[part] for part, name in PARTS.items() if name == column), column)


def _asked(results: Results) -> Iterator[Section]:
    plan = results.plan
    rows = [
        (
            name,
            told["scenario"]["name"],
            ", ".join(law["name"] for law in told["institutions"]) or "none",
            ", ".join(f"{count} {kind}" for kind, count in told["minds"].items()),
        )
        for name, told in plan["conditions"].items()
    ]
    primary = ", ".join(map(_label, plan["primary"])) or "none"
    notes = [
        "" if plan["hypothesis"] else "No hypothesis was declared.",
        f"Declared before the runs: rule {plan['rule'] or 'none'}; baseline {plan['baseline'] or 'none'}; "
        f"primary measures {primary}.",
        *(f"{note[0].upper()}{note[1:]}." for note in results.notes if note not in results.cautions),
    ]
    yield Section(
        "What was asked",
        [note for note in notes if note],
        ("condition", "scenario", "institutions", "minds"),
        rows,
    )


def _aligned(results: Results) -> Iterator[Section]:
    known = {c for row in results.estimates.values() for c, found in row.items() if found.n}
    parts = {part: c for part, c in PARTS.items() if c in known}
    rows = []
    for name, row in results.estimates.items():
        sign = {"bound": "≥ ", "best known": "≤ "}.get(results.certificate(name), "")
        gate = results.gates[name]
        cells = [estimated(row[c], sign if part == "O" else "", part != "P_gap") for part, c in parts.items()]
        rows.append((name, *cells, Cell(gate.state, gate.why, GATE_TONES[gate.state])))
    over = "worlds, of conditions that learn over training runs" if results.learning else "worlds"
    notes = [
        f"Mean over {over}; below it the 95% interval. A closed gate "
        "(rights violated too often) excludes a condition; no value buys that off."
    ]
    if any(results.certificate(name) in SIGNS for name in results.conditions):
        notes.append("≥ and ≤: the best possible objective is known as a bound only; see the cards.")
    notes += _ones(results, list(parts.values()))
    yield Section("Alignment", notes, ("condition", *(NAMES[p] for p in parts), "rights gate"), rows)


def _ones(results: Results, columns: list[str]) -> Iterator[str]:
    """What 1 means, for each of the columns; those that mean the same together."""
    known = [c for c in columns if results.measure_of(c).get("one")]
    for one, same in groupby(known, key=lambda c: results.measure_of(c)["one"]):
        yield f"1 in {', '.join(map(_label, same))}: {one}."


def _differences(results: Results) -> Iterator[Section]:
    base = results.plan["baseline"]
    if not results.differences:
        yield Section("Differences", ("No baseline was declared, so nothing is compared world by world.",))
        return
    tail = ("d_z", "improved", "Cliff's δ", "correlation")
    head = ("measure", "condition", "difference", "p")
    rows: dict[bool, list] = {True: [], False: []}
    tests = {x.test for row in results.differences.values() for x in row.values() if x.difference.n}
    for column in results.all_columns:
        for name, row in results.differences.items():
            found = row[column]
            declared = column in (results.adjusted.get(name) or ())
            here = results.adjusted if declared else results.explored
            if not found.difference.n or in_panel(results, column) or results.folded(name, column):
                continue
            more = [number(x) for x in (found.d_z, found.improvement, found.cliff, found.correlation)]
            p = [chance(found.p), chance(here.get(name, {}).get(column, np.nan))]
            rows[declared].append((_label(column), name, estimated(found.difference), *p, *more))
    unit = "training run where a condition learns, else by world" if results.learning else "world"
    notes = (
        f"Condition minus {base}, paired by {unit}. p is that of the {' or '.join(sorted(tests))} test; Holm "
        "p corrects for all primary comparisons together. d_z is the mean difference over its standard "
        "deviation, share higher that of worlds that were higher, correlation what the shared seeds bought.",
    )
    same = [f"{name}: {words}; differences of 0 are left out." for name, words in results.identical.items()]
    yield Section(f"Differences from {base}: primary", (*notes, *same), (*head, "Holm p", *tail), rows[True])
    if rows[False]:
        more = (EXPLORED,)
        head = (*head, "FDR p", *tail)
        yield Section(f"Differences from {base}: exploratory", more, head, rows[False], folded=True)


def _pareto(results: Results) -> Iterator[Section]:
    chosen = results.selection
    status = dict.fromkeys(results.conditions, "dominated")
    if isinstance(chosen, Selection):
        status |= dict.fromkeys(chosen.excluded, "excluded") | dict.fromkeys(chosen.front, "front")
    figures = []
    for part in ("V", "P_NW"):
        x, y = PARTS["O"], PARTS[part]
        if {x, y} <= set(results.plan["measures"]):
            rows = enumerate(results.estimates.items(), start=1)
            points = [Point(i, row[x], row[y], status[name]) for i, (name, row) in rows]
            figures.append(pareto(points, NAMES["O"], NAMES[part]))
    figures = [figure for figure in figures if figure]
    if not figures:
        yield Section("Trade-offs", ("O is not known together with V or P in any condition: no picture.",))
        return
    notes = ["Filled: on the front of O, V and P (Nash) together. Hollow: dominated. Cross: excluded."]
    if isinstance(chosen, Selection) and chosen.points:
        notes.append(f"Hypervolume of the front above 0: {chosen.hypervolume:.3f}.")
    rows = [(str(i), name, status[name]) for i, name in enumerate(results.conditions, start=1)]
    yield Section("Trade-offs", notes, ("point", "condition", "status"), rows, figures)


def _selection(results: Results) -> Iterator[Section]:
    chosen = results.selection
    if isinstance(chosen, str):
        yield Section("Which condition to choose", (f"Nothing is selected: {chosen}",))
        return
    rows = []
    for v in chosen.verdicts:
        mark = "declared beforehand" if v.declared else ""
        odds = ", ".join(f"{name} {share:.0%}" for name, share in v.probability.items() if share >= 0.005)
        picked = Cell(" = ".join(v.chosen) or "none", v.reason, "" if v.chosen else "muted")
        rows.append((Cell(v.rule, mark), picked, odds or ("one world" if v.chosen else "")))
    notes = [
        f"Chosen among the {len(chosen.points)} of {len(results.conditions)} conditions with an open gate, "
        f"on {chosen.n} shared {chosen.unit}. Stability: how often the choice falls so when {chosen.unit} "
        "are resampled."
    ]
    shut = [name for name, why in chosen.excluded.items() if why.startswith("rights gate")]
    notes += [f"Excluded by the rights gate: {', '.join(shut)}."] if shut else []
    notes += [f"{name} is excluded: {why}." for name, why in chosen.excluded.items() if name not in shut]
    yield Section("Which condition to choose", notes, ("rule", "chooses", "stability"), rows)


def _measured(results: Results) -> Iterator[Section]:
    columns = [c for c in results.all_columns if c not in PARTS.values()]
    columns = [
        c for c in columns if results.measure_of(c)["per"] != "stakeholder" and not in_panel(results, c)
    ]
    if columns:
        yield Section("Other measures", (), ("measure", *results.conditions), table(results, columns))


def _stakeholders(results: Results) -> Iterator[Section]:
    columns = [c for c in results.all_columns if results.measure_of(c)["per"] == "stakeholder"]
    if columns:
        head, rows = ("stakeholder", *results.conditions), table(results, columns)
        yield Section("Who got what", (), head, rows, folded=len(rows) > MANY)


def _missing(results: Results) -> Iterator[Section]:
    rows = []
    for column, names, lost, why in results.not_available:
        where = "every condition" if len(names) == len(results.conditions) else ", ".join(names)
        rows.append((_label(column), where, str(lost), why))
    notes = () if rows else ("Every measure has a value in every world.",)
    yield Section("What is not available", notes, ("measure", "condition", "worlds", "reason"), rows)


def _cards(results: Results) -> Iterator[Section]:
    groups: dict[str, tuple[dict, list[str]]] = {}
    for name in results.conditions:
        card = results.card(name)
        groups.setdefault(repr(card), (card, []))[1].append(name)
    rows = []
    for card, names in groups.values():
        values = [
            v["name"] + (f" (a right, floor {number(v['floor'])})" if v["right"] else "")
            for v in card["values"]
        ]
        people = [s["name"] + (" (third party)" if s["third_party"] else "") for s in card["stakeholders"]]
        shown = people if len(people) <= MANY else [*people[:MANY], f"and {len(people) - MANY} more"]
        rows.append(
            (
                Cell(card["title"], f"{card['setting']}; {', '.join(names)}"),
                card["objective"],
                _oracle(card["oracle"]),
                Cell(", ".join(values) or "none", f"rate of violations below {card['rights_rate']:.0%}"),
                ", ".join(shown),
                card["citation"],
            )
        )
    head = ("scenario", "objective", "best possible", "values", "stakeholders", "source")
    yield Section("Cards", (), head, rows)


def _oracle(oracle: dict[str, Any]) -> Cell:
    if oracle["kind"] == "unknown":
        return Cell("unknown", oracle["reason"], "muted")
    points = {k: oracle[k] for k in ("worst", "nash", "cooperative", "reference") if oracle[k] is not None}
    note = ", ".join(f"{name} {number(x)}" for name, x in points.items())
    return Cell(f"{number(oracle['best'])} ({oracle['certificate']})", note)


def _budgets(results: Results) -> Iterator[Section]:
    rows = []
    for name, told in results.plan["conditions"].items():
        for law in told["institutions"]:
            booked = results.budgets[name].get(law["name"])
            cell = Cell("nothing", "it never books", "muted") if booked is None else estimated(booked)
            said = "told to the agents" if law["told"] else "not told to the agents"
            rows.append((Cell(law["name"], law["what"]), name, Cell(law["budget"], said), cell))
    notes = ["What each institution booked in one world, summed over agents and ticks, under its own name."]
    if not rows:
        notes = ["No condition has an institution."]
    yield Section(
        "Institutions and their budgets", notes, ("institution", "condition", "budget", "booked"), rows
    )


def _measures(results: Results) -> Iterator[Section]:
    rows = []
    for name, told in results.plan["measures"].items():
        first, _, rest = told["text"].partition("\n")
        text = " ".join(rest.split())
        rows.append((Cell(name, told["unit"]), Cell(first, text), told["cites"]))
    yield Section("Measures and their sources", (), ("measure", "definition", "source"), rows, folded=True)


def _recipe(results: Results) -> Iterator[Section]:
    plan = results.plan
    made = [f"{name} {what}" for name, what in plan["made with"].items() if name != "platform"]
    notes = [
        f"Worlds 0 to {plan['worlds'] - 1}, in chunks of {plan['chunk']}, ran on "
        f"{plan['made with']['platform']} with {', '.join(made)}.",
        "A world is a function of its seed: the same file, seeds and versions give the same bits. The full "
        "recipe is in study.json; commonweal run FILE makes what is missing.",
    ]
    rows = [
        (name, spell(told["society"]["fields"]["scenario"]), _minds(told["society"]), told["identity"])
        for name, told in plan["conditions"].items()
    ]
    yield Section("Recipe", notes, ("condition", "scenario and institutions", "minds", "identity"), rows)


def _minds(society: dict[str, Any]) -> str:
    counts: dict[str, int] = {}
    for mind in society["fields"]["minds"]["tuple"]:
        text = spell(mind.get("each", mind))
        counts[text] = counts.get(text, 0) + mind.get("times", 1)
    return ", ".join(f"{count} × {text}" for text, count in counts.items())


def spell(data: Any) -> str:
    """A description as one would write it: Commons(n_agents=5, ...); arrays of many entries by shape."""
    if not isinstance(data, dict):
        return repr(data)
    if "class" in data:
        name = data["class"].rpartition(":")[2].rpartition(".")[2]
        parts = data["fields"] if "fields" in data else data["settings"]["dict"]
        return f"{name}({', '.join(f'{k}={spell(v)}' for k, v in parts.items())})"
    if "array" in data:
        if len(data["array"]) > 8:
            return f"array{tuple(data['shape'])}"
        values = ", ".join(map(str, data["array"]))
        return f"[{values}]" if data["shape"] else values
    if "times" in data:
        return f"{data['times']} × {spell(data['each'])}"
    kind, inside = next(iter(data.items()))
    if kind == "dict":
        return "{" + ", ".join(f"{k}: {spell(v)}" for k, v in inside.items()) + "}"
    return f"({', '.join(map(spell, inside))})" if kind in ("tuple", "list") else str(inside)
