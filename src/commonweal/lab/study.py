"""A study: conditions, worlds and measures, with what was expected of them said beforehand.

It runs into a folder, cell by cell (a condition and a chunk of its worlds). A killed run goes on
where it was, and ends in the same bytes as one that was never killed.
"""

import hashlib
import inspect
import io
import math
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._describe import describe, identity
from .._journal import Journal
from .._measure import NA, Measure
from .._mind import Mind
from .._run import run
from .._society import Society
from .._trace import Trace, card_to_dict
from .company import take_apart
from .results import DECLARABLE, Results, missing_cells, read_results
from .speech import spoken
from .store import clean, lock, settle_plan, to_json, whole, write

PRIMARY = ("objective_alignment", "value_alignment", "preference_nash")
LIBRARIES = ("jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "polars")


class Cell(NamedTuple):
    """One condition and one chunk of its worlds: what is run, and stored, as a whole."""

    condition: str
    name: str
    seeds: range


def slug(name: str) -> str:
    """The name as a file name: lower case, digits, dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


@dataclass(frozen=True)
class Study:
    """Conditions by worlds by measures, and what was declared before they were seen.

    - `conditions`: name -> society; all are run in the worlds 0, 1, ... `worlds` - 1.
    - `baseline`: the condition that the others are compared with, world by world.
    - `rule`: how to choose among conditions: utilitarian, nash, egalitarian or constrained.
    - `hypothesis`: what is expected, in words.
    - `primary`: measures whose comparisons share one Holm adjustment; the others are exploratory.
    - `reference`: a mind (or one a seat) that is known to behave; the report then says of each condition
      whether an apple, the chemistry or the institution is bad. `theta`: from where on a society passes.
    - `chunk`: worlds in memory at a time; `keep`: worlds of which the full trace is stored.

    Raises:
        ValueError: an empty study, a baseline or rule that is not there.
    """

    name: str
    conditions: Mapping[str, Society]
    worlds: int
    measures: Sequence[Measure]
    baseline: str | None = None
    rule: str | None = None
    hypothesis: str = ""
    chunk: int = 250
    keep: int = 1
    primary: Sequence[str] = PRIMARY
    reference: Mind | Sequence[Mind] | None = None
    theta: float | None = None

    def __post_init__(self):
        for fault in self._faults():
            raise ValueError(f"study {self.name!r} {fault}")

    def _faults(self) -> Iterator[str]:
        if not self.conditions:
            yield "has no conditions: conditions={'none': cw.Society(Commons(), Random())}"
        if self.worlds < 1:
            yield f"came with worlds={self.worlds}; wanted at least one: worlds=64"
        if not self.measures:
            yield "has no measures: measures=commonweal.measures.HOLISTIC"
        for name, society in self.conditions.items():
            if not isinstance(society, Society):
                kind = type(society).__name__
                yield f"has a {kind} as condition {name!r}; wanted a society: cw.Society({kind}(...), minds)"
        names = [one.name for one in self.measures]
        for name in names:
            if names.count(name) > 1:
                yield f"measures {name!r} {names.count(name)} times; wanted each measure once"
            if name in ("condition", "seed", "invalid"):
                yield f"has a measure named {name!r}, which the table of results needs; rename the measure"
        lost = [name for name in self.primary if name not in names]
        if lost and tuple(self.primary) != PRIMARY:
            yield f"declares {lost[0]!r} primary and does not measure it; wanted one of {', '.join(names)}"
        if self.baseline is not None and self.baseline not in self.conditions:
            known = ", ".join(map(repr, self.conditions))
            yield f"has no condition {self.baseline!r} for its baseline; wanted one of {known}, or None"
        if self.rule is not None and self.rule not in DECLARABLE:
            yield f"declares the rule {self.rule!r}; wanted one of {', '.join(DECLARABLE)}, or None"
        if self.chunk < 1 or self.keep < 0:
            yield f"came with chunk={self.chunk}, keep={self.keep}; wanted chunk=250 or so, keep=0 or more"

    def cells(self) -> list[Cell]:
        """All cells, condition by condition."""
        return [
            Cell(name, f"{self._slot(name)}-{start:07d}", range(self.worlds)[start : start + self.chunk])
            for name in self.conditions
            for start in range(0, self.worlds, self.chunk)
        ]

    def _slot(self, condition: str) -> str:
        """The condition's place and name, as its files are called."""
        return f"{list(self.conditions).index(condition):02d}-{slug(condition)}"

    @cached_property
    def plan(self) -> dict[str, Any]:
        """Everything that decides the results, JSON-able; it names no machine and no time.

        Made once: the source that it digests may be edited while the study runs.
        """
        names = {one.name for one in self.measures}
        plan = {
            "format": 1,
            "name": self.name,
            "hypothesis": self.hypothesis,
            "baseline": self.baseline,
            "rule": self.rule,
            "primary": [name for name in self.primary if name in names],
            "worlds": self.worlds,
            "chunk": self.chunk,
            "keep": self.keep,
            "reference": describe(self.reference),
            "theta": self.theta,
            "conditions": {name: _condition(society) for name, society in self.conditions.items()},
            "measures": {one.name: _measure(one) for one in self.measures},
            "made with": _made_with(),
        }
        return plan | {"cells": {cell.name: _cell(plan, cell) for cell in self.cells()}}

    def run(
        self,
        folder: str | os.PathLike,
        *,
        progress: bool = True,
        shard: tuple[int, int] | None = None,
        retry: bool = False,
    ) -> Results | None:
        """Run what is missing in the folder, and return the results of all that is there.

        What speakers replied is kept in the folder call by call, so that a killed run pays for none of
        them twice. `retry` also runs the cells again that hold invalid worlds, from the failed call on.
        `shard=(i, k)` runs the i-th of k parts of the cells, beside other shards, and writes no
        results; call `run` without it at the end.

        Raises:
            ValueError: the folder holds something else than this study, or another run is at work.
        """
        folder, plan = Path(folder), self.plan
        folder.mkdir(parents=True, exist_ok=True)
        with lock(folder, shared=shard is not None):
            if shard is None:
                clean(folder)
            settle_plan(folder, plan)
            i, k = shard or (0, 1)
            cells = self.cells()
            mine = cells[i * len(cells) // k : (i + 1) * len(cells) // k]
            missing = missing_cells(folder, plan)
            todo = [cell for cell in mine if cell.name in missing or retry and _lame(folder, cell)]
            ready = {name: self._ready(name, folder) for name in dict.fromkeys(c.condition for c in todo)}
            for cell in _tracked(todo, self.name, progress):
                home = folder / "cells" / cell.name
                shutil.rmtree(home, ignore_errors=True)  # of a cell that is tried again
                with whole(home) as part:
                    journal = _journal(folder, cell, ready)
                    trace = run(ready[cell.condition], cell.seeds, journal=journal)
                    for seed in trace.seeds[~trace.valid]:
                        journal.forget(int(seed))
                    self._fill(trace, cell, part, plan["cells"][cell.name]["key"])
            if shard is not None:
                return None
            if self.reference is not None:
                everyone = {n: ready[n] if n in ready else self._ready(n, folder) for n in self.conditions}
                take_apart(folder, plan, everyone, self.measures, self.reference)
            results = read_results(folder)
            table = io.BytesIO()
            results.table.write_parquet(table)
            write(folder / "results.parquet", table.getvalue())
            write(folder / "results.json", to_json(results.as_dict()))
        return results

    def _ready(self, condition: str, folder: Path) -> Society:
        """The society of a condition, its learners trained once, in a folder from which training goes on."""
        society = self.conditions[condition]
        if not society.learners:
            return society
        home = folder / "minds" / self._slot(condition)
        home.mkdir(parents=True, exist_ok=True)
        with lock(home, patience=math.inf):  # another shard may be training them now
            return society.prepare(home)

    def _fill(self, trace: Trace, cell: Cell, part: Path, key: str) -> None:
        """Write one cell into a folder: numbers per world, what was not available, the first traces."""
        columns: dict[str, Any] = {"seed": np.asarray(trace.seeds, np.int64), "invalid": trace.invalid}
        book = {f"book:{row}": x.sum(axis=(1, 2), dtype=float) for row, x in trace.book.items()}
        columns |= {name: np.where(trace.valid, x, np.nan) for name, x in book.items()} | spoken(trace)
        found, missing = {}, {}
        for one in self.measures:
            try:
                numbers = _numbers(one, trace)
            except NA as reason:
                missing[one.name] = str(reason)
            else:
                found[one.name] = list(numbers)
                columns |= numbers
        pl.DataFrame(columns).write_parquet(part / "values.parquet")
        (part / "cell.json").write_bytes(to_json({"key": key, "columns": found, "missing": missing}))
        if cell.seeds.start < self.keep:
            trace.worlds(slice(self.keep - cell.seeds.start)).save(part / "trace")


def _journal(folder: Path, cell: Cell, ready: Mapping[str, Society]) -> Journal:
    """Where the replies of a cell's speakers are kept, if it has any."""
    return Journal(folder / "replies" / f"{cell.name}.jsonl" if ready[cell.condition].speakers else None)


def _lame(folder: Path, cell: Cell) -> bool:
    """Whether a cell that was run holds invalid worlds."""
    return bool((pl.read_parquet(folder / "cells" / cell.name / "values.parquet")["invalid"] != "").any())


def _numbers(one: Measure, trace: Trace) -> dict[str, np.ndarray]:
    """The measure's columns, Float[W] each, NaN in worlds that are not valid."""
    valid = trace.valid
    if not valid.any():
        return {}
    found = one(trace.worlds(valid))
    if found.ndim not in (1, 2) or len(found) != valid.sum():
        raise ValueError(
            f"measure {one.name!r} gave shape {found.shape} for {valid.sum()} worlds; wanted one number (or "
            "one row) a world: x.sum(axis=(1, 2))"
        )
    table = np.full((len(valid), found.size // len(found)), np.nan)
    table[valid] = found.reshape(len(found), -1)
    if found.ndim == 1:
        return {one.name: table[:, 0]}
    if one.per == "stakeholder":
        labels = [s.name for s in trace.card.stakeholders]
    elif one.columns:
        labels = list(one.columns)
    else:
        labels = [f"{one.per if one.per != 'world' else 'column'} {i}" for i in range(table.shape[1])]
    return {f"{one.name}:{label}": x for label, x in zip(labels, table.T, strict=True)}


def _condition(society: Society) -> dict[str, Any]:
    """What the plan says of a condition."""
    what = describe(society)
    laws = [
        {"name": law.name, "budget": law.budget, "told": bool(law.told), "what": _first_line(law)}
        for law in society.scenario.laws
    ]
    minds = [type(mind).__name__ for mind in society.minds]
    return {
        "identity": identity(society),
        "code": _code(sorted(set(_named(what)), key=lambda x: (x.__module__, x.__qualname__))),
        "scenario": {
            "name": type(society.scenario.base).__name__,
            "what": _first_line(society.scenario.base),
        },
        "institutions": laws,
        "minds": {kind: minds.count(kind) for kind in dict.fromkeys(minds)},
        "profiles": sum(profile is not None for profile in society.profiles),
        "agents": society.scenario.n_agents,
        "horizon": society.scenario.horizon,
        "card": card_to_dict(society.scenario.card()),
        "society": what,
    }


def _measure(one: Measure) -> dict[str, Any]:
    """What the plan says of a measure."""
    names = ("unit", "better", "cites", "undefined", "per", "text")
    return {name: getattr(one, name) for name in names} | {
        "columns": list(one.columns),
        "family": one.function.__module__.rpartition(".")[2],
        "refused": one.why(True),
        "code": _code([one.function]),
    }


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(type(thing)) or "").partition("\n")[0]


def _made_with() -> dict[str, str]:
    import jax

    made = {"commonweal": sys.modules["commonweal"].__version__, "platform": jax.devices()[0].platform}
    made["python"] = ".".join(map(str, sys.version_info[:2]))
    return made | {name: version(name) for name in LIBRARIES}


def _code(things: Iterable[Any]) -> str:
    """A digest of the source of classes and functions; of one typed at a prompt, of its name only."""
    texts = []
    for thing in things:
        try:
            texts.append(inspect.getsource(thing))
        except (OSError, TypeError):
            texts.append(f"{thing.__module__}:{thing.__qualname__}")
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _named(description: Any) -> Iterator[Any]:
    """Every class and function that a description names."""
    if isinstance(description, Mapping):
        for kind in {"class", "function"} & set(description):
            module, _, name = description[kind].partition(":")
            if "<locals>" in name and kind == "class":
                raise ValueError(
                    f"a study holds {name.replace('.<locals>', '()')}, defined inside a function, so "
                    "that no recipe can name it; wanted its class at the top of its file"
                )
            yield reduce(getattr, name.split("."), sys.modules[module])
        description = description.values()
    if isinstance(description, Iterable) and not isinstance(description, str):
        for part in description:
            yield from _named(part)


def _cell(plan: dict[str, Any], cell: Cell) -> dict[str, Any]:
    """What the plan says of a cell; its key is a digest of all that its results depend on."""
    condition = plan["conditions"][cell.condition]
    depends = [plan["measures"], plan["made with"], plan["keep"], condition["identity"], condition["code"]]
    where = {"condition": cell.condition, "start": cell.seeds.start, "stop": cell.seeds.stop}
    return where | {"key": identity([*depends, cell.seeds.start, cell.seeds.stop])}


def _tracked(cells: Sequence[Cell], title: str, progress: bool) -> Iterator[Cell]:
    """The cells one by one, behind a progress bar where somebody may be watching."""
    if not progress or not sys.stderr.isatty():
        yield from cells
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(cells, f"{title}: cells", console=Console(stderr=True), transient=True)
