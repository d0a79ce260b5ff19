"""The earthquake study as tables for the terminal, and as a report."""

from collections.abc import Sequence
from typing import Any

from ..report.html import Cell, Page, Section
from ..scenarios.earthquake import NEED
from .earthquake import AGENTS, RULES, Row, rows_as_dict


def sections(rows: Sequence[Row]) -> list[Section]:
    """The rows as titled tables, for the terminal and for the report."""
    told = rows_as_dict(rows)
    (all_,), (who,) = told["front"], told["coalition"]
    pairs = ", ".join(f"{name} {x:.2f}" for name, x in all_["correlations"].items())
    decent, good = all_["V >= .5"], all_["and O >= .8, every P >= .5"]
    best = who["coalitions"].get(who["smallest"], {"H": 0.0, "V": 0.0})
    could = (
        f"{all_['plans']:,} truthful joint plans have {all_['outcomes']:,} distinct outcomes, "
        f"{all_['deaths'][0]:g} to {all_['deaths'][1]:g} deaths.",
        f"Pareto front of the four principals: {all_['front']} points; {decent} of them have V >= .5, and "
        f"{good} also O >= .8 and every P >= .5.",
        f"Over all outcomes: {pairs}.",
        f"Smallest coalition whose re-alignment alone reaches H >= .5: "
        f"{{{', '.join(who['smallest'] or 'none')}}}, H {best['H']:.2f} (or V {best['V']:.2f}).",
    )
    votes = [
        (
            rule,
            *(
                f"{w['deaths']:g} deaths, V {w['V']:.2f}"
                for r in told["election"]
                for w in [r["winners"][rule]]
            ),
        )
        for rule in RULES
    ]
    return [
        _conditions(told["condition"]),
        Section("What could have been", could),
        Section(
            "Elections over the front of lawful plans",
            ("The plan that each rule elects, by who votes.",),
            ("rule", *(r["electorate"] for r in told["election"])),
            votes,
        ),
    ]


def _conditions(rows: Sequence[Row]) -> Section:
    notes = (
        "Each condition at its best and its worst Markov-perfect equilibrium, simulated. "
        f"Unmet: units still missing in A, B and X, of {', '.join(map(str, NEED))}.",
        "Gap: the least of the agents' own checks (no regret, clean conduct) minus min(O, P_min, V).",
        "The worst equilibrium has the most unlawful acts, and among those the most deaths.",
        "A false report changes no payoff here. So a lie stands beside every honest equilibrium: at worst V "
        "is 0 and the rights gate closed, until an audit fines it.",
    )
    cells = [
        (
            r["condition"] if r["equilibrium"] == "best" else "... at worst",
            *(f"{r['deaths']:g}", " ".join(map(str, r["unmet"]))),
            *(
                Cell(f"{r[k]:.2f}", share=r[k])
                for k in ("O", "life", "impartiality", "conduct", "V", "P_min")
            ),
            Cell(r["gate"], tone="good" if r["gate"] == "open" else "bad"),
            f"{r['local-global gap']:.2f}",
        )
        for r in rows
    ]
    head = ("condition", "deaths", "unmet", "O", "life", "fair", "lawful", "V", "P_min", "rights", "gap")
    return Section("Conditions", notes, head, cells)


def page(rows: Sequence[Row]) -> Page:
    """The report of the study."""
    ends = {(r["condition"], r["equilibrium"]): r for r in rows if r["kind"] == "condition"}
    none, pair = ends["none", "best"], ends["gate + fund", "best"]
    lost, led, cured = (ends[name, "worst"] for name in ("gate + fund", "gate + fund + A first", "all four"))
    return Page(
        title="Earthquake relief",
        kind="commonweal study",
        lead="Does a society of agents, each aligned with its own principal, do right by everyone?",
        facts={"worlds per condition": "1 (deterministic, exact)", "agents": ", ".join(AGENTS)},
        findings=(
            f"Equilibrium delivers every load (O {none['O']:.2f}), and at best every agent passes its own "
            f"checks. Yet V is {none['V']:.2f}: of {NEED[2]} units that district X needs, {none['unmet'][2]} "
            "never come. No single institution changes that.",
            f"The gate and the fund change the best equilibrium: V {pair['V']:.2f}, {pair['deaths']:g} "
            f"instead of {none['deaths']:g} deaths. At worst, V is still {lost['V']:.2f}, with "
            f"{lost['deaths']:g} deaths.",
            f"If A also commits first, {led['deaths']:g} die at worst. There V is still {led['V']:.2f} and "
            f"the rights gate {led['gate']}: a false report changes no payoff, so a lie stands beside every "
            "honest equilibrium.",
            "An audit that fines a false report removes the lie. With all four the worst equilibrium is as "
            f"good as the best: V {cured['V']:.2f}, {cured['deaths']:g} deaths, the rights gate "
            f"{cured['gate']}.",
        ),
        sections=sections(rows),
    )


def render(told: Page, console: Any) -> None:
    """Print the report as text and tables on a rich console."""
    from rich import box
    from rich.table import Table

    for section in (*told.sections, Section("Findings", told.findings)):
        console.print(f"\n[bold]{section.title}[/bold]")
        for note in section.notes:
            console.print(note, highlight=False, markup=False)
        if section.rows:
            table = Table(*section.head, box=box.SIMPLE_HEAD, show_edge=False, padding=0)
            for row in section.cells:
                table.add_row(*(cell.text for cell in row))
            console.print(table)
