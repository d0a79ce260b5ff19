"""What a study found: estimates, paired differences, selection, budgets, and what is not available.

Everything is computed from the study's folder: its plan and its numbers per world.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._describe import rehearsed
from .._measure import Estimate, estimate, nature, not_available
from .._stored import Damaged, reading
from .._trace import Trace, in_pandas, load
from .acts import same_acts
from .cells import state
from .company import changed_company, read_company
from .gate import VIOLATED, Gate, gate, too_few
from .plan import OLDER, additions, later, read_plan
from .printed import plain, printed
from .selection import Constrained, Selection, egalitarian, nash, select, utilitarian
from .speech import in_words
from .statistics import Comparison, benjamini_hochberg, compare_all, holm
from .store import changed_minds
from .trainings import endings, means, over_runs, runs, warnings

DECLARABLE = {
    "utilitarian": utilitarian,
    "nash": nash,
    "egalitarian": egalitarian,
    "constrained": Constrained(),
}
PARTS = {
    "O": "objective_alignment",
    "V": "value_alignment",
    "P_mean": "preference_mean",
    "P_NW": "preference_nash",
    "P_min": "preference_minimum",
    "P_gap": "minority_gap",
}
SIGNS = {"bound": ">= ", "best known": "<= "}  # what O means against such an oracle


class Aligned(NamedTuple):
    """A condition as `select` reads it."""

    gate: Gate
    certificate: str
    seeds: np.ndarray
    worlds: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Results:
    """The results of a study; `print` them, take `as_dict()`, or write a `report(path)`.

    `plan` is the study's plan; `table` has one row per condition and world (NaN where unknown);
    `missing` says per condition why a measure was not available.
    """

    plan: dict[str, Any]
    table: pl.DataFrame
    missing: dict[str, dict[str, str]]
    columns: dict[str, list[str]]
    folder: Path

    @property
    def conditions(self) -> list[str]:
        """The names of the conditions."""
        return list(self.plan["conditions"])

    def measure_of(self, column: str) -> dict[str, Any]:
        """What the plan says of the measure of a column."""
        return self.plan["measures"][column.partition(":")[0]]

    def card(self, condition: str) -> dict[str, Any]:
        """The card of a condition's scenario."""
        return self.plan["conditions"][condition]["card"]

    def certificate(self, condition: str) -> str:
        """How well the best possible objective of a condition is known."""
        return self.card(condition)["oracle"].get("certificate", "no oracle")

    def worlds(self, condition: str, column: str) -> np.ndarray:
        """Float[W]: one number a world, NaN where it is not known."""
        rows = self._rows[condition]
        if column not in rows.columns:
            return np.full(rows.height, np.nan)
        return rows[column].cast(pl.Float64).to_numpy()

    def to_pandas(self) -> Any:
        """`table` as a pandas DataFrame; needs `commonweal[pandas]`."""
        return in_pandas(self.table)

    def trace(self, condition: str) -> Trace:
        """The stored trace of a condition's first worlds."""
        start = next(name for name, cell in self.plan["cells"].items() if cell["condition"] == condition)
        return load(self.folder / "cells" / start / "trace")

    @cached_property
    def _rows(self) -> dict[str, pl.DataFrame]:
        rows = self.table.partition_by("condition", as_dict=True)
        return {name: some.sort("seed") if self.runs(name) else some for (name,), some in rows.items()}

    @cached_property
    def invalid(self) -> dict[str, dict[str, int]]:
        """Per condition: the worlds that do not count, by reason."""
        return {
            name: dict(sorted(Counter(why for why in rows["invalid"] if why).items()))
            for name, rows in self._rows.items()
        }

    @cached_property
    def notes(self) -> list[str]:
        """What a reader must know first: what was added later, and what so few worlds can never show."""
        old = [OLDER] if self.plan["format"] == 1 else []
        return [*old, *additions(self.plan), *too_few(self.plan), *self.cautions]

    @cached_property
    def cautions(self) -> list[str]:
        """What must stand beside the numbers of conditions that learn."""
        return list(warnings(self.plan, self.learning))

    def unended(self, *conditions: str) -> str:
        """What must stand beside a comparison of conditions in some of which learning had not ended."""
        known = {name: found[1] for name in conditions if (found := self.learning.get(name))}
        moving = [name for name, end in known.items() if end.moving]
        short = [name for name, end in known.items() if end.short]
        told = [f"learning had not ended in {' and '.join(moving)}"] if moving else []
        told += [f"whether learning had ended in {' and '.join(short)} is not known"] if short else []
        return "; ".join(told)

    def runs(self, condition: str) -> int:
        """How often a condition was trained, the unit of its numbers; 0 where nobody learns."""
        return runs(self.plan, condition)

    @cached_property
    def learning(self) -> dict[str, Any]:
        """Per condition that learns: learning curves Float[runs, updates], and how they end."""
        return endings(self.folder, self.plan)

    @cached_property
    def identical(self) -> dict[str, str]:
        """The conditions whose acts are all equal to those of the baseline: that, in words."""
        base = self.plan["baseline"]
        some = [name for name in self.conditions if base and name != base]
        found = {name: same_acts(self.plan, name, self._rows[name], self._rows[base]) for name in some}
        return {name: words for name, words in found.items() if words}

    def folded(self, condition: str, column: str) -> bool:
        """Whether a comparison says no more than that all acts are equal."""
        found = self.differences[condition][column].difference
        return condition in self.identical and found.n > 0 and not found.worlds.any()

    @cached_property
    def speech(self) -> dict[str, str]:
        """Per condition with speakers: what asking them cost, and what they refused, in words."""
        told = {}
        for name, rows in self._rows.items():
            if words := in_words(rows):
                told[name] = words
        return told

    @cached_property
    def rehearsed(self) -> dict[str, list[str]]:
        """The conditions in which a persona stood in for a language model: the personas."""
        found = {name: rehearsed(told["society"]) for name, told in self.plan["conditions"].items()}
        return {name: models for name, models in found.items() if models}

    @cached_property
    def all_columns(self) -> list[str]:
        """Every column of every measure; a measure that is nowhere available is one column."""
        return [c for name in self.plan["measures"] for c in self.columns.get(name) or [name]]

    @cached_property
    def primary(self) -> list[str]:
        """The columns of the measures that were declared primary."""
        return [c for name in self.plan["primary"] for c in self.columns.get(name) or [name]]

    @cached_property
    def estimates(self) -> dict[str, dict[str, Estimate]]:
        """Per condition and column: the mean over worlds (or training runs), 95 % interval."""
        return {name: {c: self._estimate(name, c) for c in self.all_columns} for name in self.conditions}

    def _estimate(self, condition: str, column: str) -> Estimate:
        lost = self.invalid[condition]
        values = self.worlds(condition, column)[(self._rows[condition]["invalid"] == "").to_numpy()]
        rows = self._rows[condition]
        refused = "speech:refused" in rows.columns and (rows["speech:refused"].sum() or 0) > 0
        why = self.missing[condition].get(column.partition(":")[0])
        why = why or self.measure_of(column)["refused" if refused else "undefined"]
        if not len(values):
            return not_available("no valid world: " + "; ".join(lost), sum(lost.values()))
        seeds = rows["seed"].to_numpy()[(rows["invalid"] == "").to_numpy()]
        units = means(values, seeds, self.runs(condition))
        found = estimate(units, why, **nature(self.measure_of(column)["unit"]))
        if self.runs(condition) and np.isnan(values).any():
            found = replace(found, missing=int(np.isnan(values).sum()), reason=why)
        if not lost:
            return found
        dropped = "; ".join(f"{count} invalid: {why}" for why, count in lost.items())
        reason = "; ".join(filter(None, [found.reason, dropped]))
        return replace(found, missing=found.missing + sum(lost.values()), reason=reason)

    @cached_property
    def differences(self) -> dict[str, dict[str, Comparison]]:
        """Per condition other than the baseline and column: how much it exceeds the baseline."""
        base: str = self.plan["baseline"] or ""
        others = [name for name in self.conditions if base and name != base]
        keys = [(name, c) for name in others for c in self.all_columns]
        pairs = [self._pair(name, base, c) for name, c in keys]
        found = {name: dict[str, Comparison]() for name in others}
        for (name, c), (a, b, _), one in zip(keys, pairs, compare_all(pairs), strict=True):
            found[name][c] = over_runs(one, a, b) if self.runs(name) or self.runs(base) else one
        return found

    def _pair(self, name: str, base: str, column: str) -> tuple[np.ndarray, np.ndarray, str]:
        """By world, or training run; what agrees to the rounding of float32 counts as equal."""
        a, b = self.worlds(name, column), self.worlds(base, column)
        same = np.isclose(a, b, rtol=1e-6, atol=1e-6)
        a, why = np.where(same, b, a), self.measure_of(column)["undefined"]
        if not (count := max(self.runs(name), self.runs(base))):
            return a, b, why
        seeds, both = self._rows[base]["seed"].to_numpy(), np.isnan(a) | np.isnan(b)
        x, y = (means(np.where(both, np.nan, x), seeds, count) for x in (a, b))
        return x, y, why

    @cached_property
    def adjusted(self) -> dict[str, dict[str, float]]:
        """Holm-adjusted p of the primary comparisons, all declared conditions in one family."""
        return self._together(self._declared, holm)

    @cached_property
    def _declared(self) -> list[tuple[str, str]]:
        """The primary comparisons; what was added when there were results is none of them."""
        names = [name for name in self.differences if name not in later(self.plan, "conditions")]
        return [(name, c) for name in names for c in self.primary]

    @cached_property
    def explored(self) -> dict[str, dict[str, float]]:
        """p of all other comparisons, adjusted for the share of false discoveries among them."""
        declared = set(self._declared)
        pairs = [(name, c) for name in self.differences for c in self.all_columns]
        return self._together([pair for pair in pairs if pair not in declared], benjamini_hochberg)

    def _together(self, family: list[tuple[str, str]], adjust: Callable) -> dict[str, dict[str, float]]:
        p = adjust(np.array([self.differences[name][c].p for name, c in family]))
        found = [(name, c, float(x)) for (name, c), x in zip(family, p, strict=True)]
        return {name: {c: x for _, c, x in some} for name, some in groupby(found, key=lambda row: row[0])}

    @cached_property
    def gates(self) -> dict[str, Gate]:
        """The rights gate of each condition."""
        return {name: self._gate(name) for name in self.conditions}

    def _gate(self, condition: str) -> Gate:
        known = VIOLATED in self.plan["measures"]
        unknown = self.estimates[condition][VIOLATED].reason if known else ""
        return gate(self.plan, condition, self.worlds(condition, VIOLATED), unknown)

    @cached_property
    def selection(self) -> Selection | str:
        """Front, hypervolume and what each rule chooses; or why the conditions cannot be compared."""
        count = max(self.runs(name) for name in self.conditions)
        aligned = {
            name: Aligned(
                self.gates[name],
                self.certificate(name),
                np.arange(count) if count else rows["seed"].to_numpy(),
                {
                    part: means(self.worlds(name, column), rows["seed"].to_numpy(), count)
                    for part, column in PARTS.items()
                },
            )
            for name, rows in self._rows.items()
        }
        try:
            found = select(aligned, DECLARABLE.get(self.plan["rule"]))
            return replace(found, unit="training runs") if count else found
        except ValueError as reason:
            return str(reason)

    @cached_property
    def budgets(self) -> dict[str, dict[str, Estimate]]:
        """Per condition and row of the book: what was booked in one world, over all agents and ticks."""
        found: dict[str, dict[str, Estimate]] = {}
        for name, condition in self.plan["conditions"].items():
            laws = [f"book:{law['name']}" for law in condition["institutions"]]
            seeds, runs = self._rows[name]["seed"].to_numpy(), self.runs(name)
            found[name] = {
                row.removeprefix("book:"): estimate(
                    means(self.worlds(name, row), seeds, runs), "no valid world", facts=False
                )
                for row in ["book:pay", *laws]
                if row in self.table.columns
            }
        return found

    @cached_property
    def company(self) -> dict[str, dict[str, Any]]:
        """By condition and measure: the society taken apart beside the study's reference."""
        return read_company(self.folder, checked=self.plan["format"] > 1)

    @cached_property
    def not_available(self) -> list[tuple[str, list[str], int, str]]:
        """What is missing: column, in which conditions, in how many worlds of each, why."""
        found: dict[tuple[str, int, str], list[str]] = {}
        for column in self.all_columns:
            for name in self.conditions:
                one = self.estimates[name][column]
                if one.missing or not one.n:
                    found.setdefault((column, one.missing, one.reason), []).append(name)
        return [(column, names, lost, why) for (column, lost, why), names in found.items()]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        return plain(self)

    def cell(self, condition: str, column: str) -> str:
        """One estimate as text, short: worlds that are missing are listed elsewhere."""
        found = self.estimates[condition][column]
        if not found.n:
            return "NA"
        sign = SIGNS.get(self.certificate(condition), "") if column == PARTS["O"] else ""
        return sign + str(replace(found, missing=0, reason="")) + ("*" if found.missing else "")

    def report(self, path: str | os.PathLike) -> Path:
        """Write the report, one HTML file; its path."""
        return sys.modules["commonweal"].write_report(self, path)

    def __str__(self) -> str:
        return "\n".join(printed(self))

    def __repr__(self) -> str:
        plan = self.plan
        sizes = (
            f"{len(self.conditions)} conditions, {plan['worlds']} worlds, {len(plan['measures'])} measures"
        )
        return f"Results({plan['name']!r}: {sizes})"


def read_results(folder: str | os.PathLike) -> Results:
    """The results of a finished study, from its folder, every byte of which is checked.

    Raises:
        FileNotFoundError: there is no study there.
        ValueError: it is not finished, or something in it is not as it was written.
    """
    folder = Path(folder)
    plan = read_plan(folder)
    there = state(folder, plan)
    company = changed_company(folder) if plan["format"] > 1 else ()
    for why in [*there.damaged.values(), *changed_minds(folder), *company][:1]:
        raise Damaged(f"{why}; compute it again: commonweal run FILE --out {folder}")
    lost = len(there.missing)
    if lost:
        raise ValueError(
            f"{folder} lacks {lost} of {len(plan['cells'])} cells; finish the study first: "
            "commonweal run FILE"
        )
    for name, measures in list(there.lacking.items())[:1]:
        raise ValueError(
            f"{folder / 'cells' / name} lacks the measure {measures[0]!r}; finish the study first: "
            "commonweal run FILE"
        )
    tables, reasons, columns = [], {name: {} for name in plan["conditions"]}, {}
    infinite: dict[tuple[str, str], int] = {}
    for name, cell in plan["cells"].items():
        told = there.told[name]
        for one, found in told["columns"].items():
            columns[one] = list(dict.fromkeys([*columns.get(one, []), *found]))
        reasons[cell["condition"]] |= told["missing"]
        for one, count in told["infinite"].items():
            infinite[cell["condition"], one] = infinite.get((cell["condition"], one), 0) + count
        labels = [pl.lit(cell["condition"]).alias("condition")]
        if "training" in cell:
            labels.append(pl.lit(cell["training"], pl.Int64).alias("training"))
        path = folder / "cells" / name / "values.parquet"
        with reading(path):
            tables.append(pl.read_parquet(path).select(*labels, pl.all()))
    for (condition, one), count in infinite.items():
        reasons[condition][one] = f"{one} was infinite in {count} worlds, where it counts as missing"
    return Results(plan, pl.concat(tables, how="diagonal"), reasons, columns, folder)
