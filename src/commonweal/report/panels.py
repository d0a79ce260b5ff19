"""Panels of a report: alignment in time, local against global, risks beside their control.

Which measure belongs where is said by the file of the shelf that it stands in.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from .._measure import Estimate
from .._survival import Survival
from ..lab.results import Results
from ..lab.statistics import proportion
from .cells import ARROWS, chance, estimated, table
from .chart import bands, steps
from .html import Cell, Section

DYNAMICS = ("dynamics", "change")
RISKS = ("collusion", "conformity", "deception", "disparity", "hierarchy", "influence", "norms")
RISKS += ("polarization", "power", "responsibility")
LASTING = ["ticks", "happened"]  # the columns of a measure of how long something lasted
NO_CURVE = "no learning curve was kept"
EXPLORED = (
    "Not declared beforehand: a hint where to look, no evidence. FDR p is adjusted for the share of false "
    "discoveries among all comparisons of this study that nobody declared (Benjamini and Hochberg)."
)


def in_panel(results: Results, column: str) -> bool:
    """Whether a column is shown in a panel of its own."""
    return results.measure_of(column)["family"] in (*DYNAMICS, *RISKS) and column not in results.primary


def _of(results: Results, families: tuple[str, ...]) -> list[str]:
    columns = [c for c in results.all_columns if in_panel(results, c)]
    return [c for c in columns if results.measure_of(c)["family"] in families]


def dynamics(results: Results) -> Iterator[Section]:
    """Trends and changes, and how long societies last."""
    columns = _of(results, DYNAMICS)
    lasting = [name for name, told in results.plan["measures"].items() if told["columns"] == LASTING]
    lasting = [name for name in lasting if f"{name}:{LASTING[0]}" in columns]
    columns = [c for c in columns if c.partition(":")[0] not in lasting]
    if columns:
        notes = ("Of each world by itself; mean over worlds, below it the 95% interval.",)
        yield Section("Dynamics", notes, ("measure", *results.conditions), table(results, columns))
    for name in lasting:
        yield _lasting(results, name)


def _lasting(results: Results, measure: str) -> Section:
    """How long worlds lasted, as a table and Kaplan and Meier's curve."""
    found = {name: _survival(results, name, measure) for name in results.conditions}
    base = found.get(results.plan["baseline"])
    rows, known = [], [one for one in found.values() if len(one.time)]
    last = max((float(one.time.max()) for one in known), default=0.0)
    open_ended = [float(one.time.max()) for one in known if one.curve()[1][-1] > 0]
    both = min(open_ended, default=last)  # what all of them observed
    for name, one in found.items():
        share = proportion(one.happened.astype(float))
        p = "" if base is None or one is base else chance(one.later(base))
        rows.append((name, estimated(share, share=True), estimated(one.restricted_mean(both)), p))
    curves = {name: one.curve() for name, one in found.items() if len(one.time)}
    over = " Worlds are counted here, also where minds learn." if results.learning else ""
    notes = (
        f"{measure}: {results.plan['measures'][measure]['text'].partition(chr(10))[0]} A world that ended "
        f"before counts as not known from then on (right-censored). The mean is of the first {both:g} ticks, "
        f"which every condition has; p is that of the log-rank test against the baseline, not "
        f"adjusted.{over}",
    )
    head = ("condition", "share of worlds", f"ticks before it, of the first {both:g}", "log-rank p")
    figure = steps(curves, last, "tick", "share not yet fallen")
    return Section(f"Time until {measure}", notes, head, rows, [figure] if figure else ())


def learning(results: Results) -> Iterator[Section]:
    """Learning curves, and whether learning had ended."""
    if not results.learning:
        return
    rows, curves = [], {}
    for name, found in results.learning.items():
        if found is None:
            rows.append((name, str(results.runs(name)), Cell("NA", "", "muted"), Cell("not known", NO_CURVE)))
            continue
        curves[name], end = found
        ended = Cell("yes", str(end)) if end.ended else Cell("no", str(end), "bad")
        rows.append((name, str(end.runs), str(end.updates), ended))
    notes = (
        "What the learners got in an update, as they value it: the mean over them and the worlds of the "
        "update. Line: mean over training runs; band: from the least to the most. Had learning ended: the "
        "slope of the last third against its noise, and against the range learned.",
    )
    head = ("condition", "training runs", "updates", "had learning ended?")
    figure = bands(curves, "update", "payoff of the learners")
    yield Section("Learning", notes, head, rows, [figure] if figure else ())


def _survival(results: Results, condition: str, measure: str) -> Survival:
    time, happened = (results.worlds(condition, f"{measure}:{end}") for end in LASTING)
    known = ~np.isnan(time)
    return Survival(time[known], happened[known] > 0, int((~known).sum()))


def company(results: Results) -> Iterator[Section]:
    """Local against global: an apple, the chemistry or the institution."""
    if not results.company:
        return
    theta = results.plan["theta"]
    rows = []
    for condition, parts in results.company.items():
        for name, told in parts.items():
            if "NA" in told:
                rows.append((condition, name, Cell("NA", told["NA"], "muted"), "", "", "", "", "", ""))
                continue
            weak = min(told["alone"], key=lambda e: e["value"] if e["value"] is not None else np.inf)
            ends = [_told(told[k]) for k in ("nobody", "everyone", "gap", "effect")]
            ends.insert(1, _told(weak))
            who: list[Cell | str] = [_seats(told[k], told.get(f"{k}s", ())) for k in ("harmful", "realign")]
            who[1] = Cell("not known", told["why"], "muted") if told["why"] else who[1]
            rows.append((condition, name, *ends, *who, "NA" if theta is None else told["cause"]))
    first = " Minds that learn are those of the first training run." if results.learning else ""
    passes = "no value of passing was declared" if theta is None else f"a society passes from {theta:g} on"
    notes = (
        "v(S), the mean with the agents in S themselves and the reference in all other seats: of nobody, of "
        "the worst of those alone among references, of all. Gap: what is lost by being together. I_N: what "
        f"all do together less the sum of what each does alone, below 0 is harm. Cause: {passes}.{first}",
    )
    head = ("condition", "measure", "v(nobody)", "worst alone", "v(all)", "gap", "I_N")
    yield Section(
        "Local and global", notes, (*head, "agents harmful together", "agents to realign", "cause"), rows
    )


def _told(found: dict) -> Cell:
    """An estimate that was stored, as a cell."""
    value, low, high = (np.nan if found[k] is None else found[k] for k in ("value", "low", "high"))
    return estimated(Estimate(value, low, high, found["n"], found["missing"], found["reason"]))


def _seats(found: list[int] | None, alike: Sequence[list[int]]) -> Cell | str:
    """The seats of a coalition; of how many that are alike it is the first, and what the others are."""
    told = "none shown" if found is None else ", ".join(map(str, found)) or "nobody"
    others = "; ".join(", ".join(map(str, seats)) for seats in alike[:6]) + "; ..." * (len(alike) > 6)
    return told if len(alike) < 2 else Cell(f"{told} (first of {len(alike)} alike)", others)


def risks(results: Results) -> Iterator[Section]:
    """What the paper's section 5.1 names, as effect beside control."""
    columns = _of(results, RISKS)
    if not columns:
        return
    base = results.plan["baseline"]
    if not results.differences:
        head, rows = ("measure", *results.conditions), table(results, columns)
        yield Section("Risk panel", ("No baseline was declared: no effect is shown.",), head, rows)
        return
    rows = []
    for column in columns:
        told = results.measure_of(column)
        name, _, label = column.partition(":")
        note = ", ".join(filter(None, [name if label else "", told["unit"], ARROWS[told["better"]]]))
        for condition, row in results.differences.items():
            effect = row[column]
            here, control = (results.estimates[which][column] for which in (condition, base))
            p = chance(results.explored[condition][column]) if effect.difference.n else ""
            cells = (estimated(here), estimated(control), estimated(effect.difference), p)
            rows.append((Cell(label or name, note), condition, *cells))
    head = ("measure", "condition", "there", f"control: {base}", "effect", "FDR p")
    yield Section("Risk panel", (EXPLORED,), head, rows)
