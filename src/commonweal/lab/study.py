"""A study: conditions, worlds and measures, with what was expected of them said beforehand.

It runs into a folder, cell by cell (a condition and a chunk of its worlds). A killed run goes on
where it was, and ends in the same bytes as one that was never killed.
"""

import io
import math
import operator
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from .._describe import describe
from .._journal import Journal
from .._measure import Measure
from .._mind import Mind
from .._plain import say, shown
from .._run import run
from .._society import Society
from .._sources import Lookup
from .._stored import write, writing
from .._trace import Trace
from .._trust import named
from .cells import fill, state
from .company import changed_company, take_apart
from .faults import SIZES, faults
from .gate import too_few
from .plan import FORMAT, made_with, of_condition, of_measure, seeds, settle_plan, with_cells
from .results import Results, read_results
from .store import changed_minds, clean, fingerprint, lock, remove, seal, to_json, whole
from .trainings import home, run_of

PRIMARY = ("objective_alignment", "value_alignment", "preference_nash")


Ready = dict[tuple[str, int], Society]  # societies by condition and training run


class Cell(NamedTuple):
    """One condition and one chunk of its worlds: what is run, and stored, as a whole."""

    condition: str
    name: str
    seeds: range
    training: int = 0


@dataclass(frozen=True, repr=False)
class Study:
    """Conditions by worlds by measures, and what was declared before they were seen.

    - `conditions`: name -> society; all are run in the worlds 0, 1, ... `worlds` - 1.
    - `baseline`: the condition that the others are compared with, world by world.
    - `rule`: how to choose among conditions: utilitarian, nash, egalitarian or constrained.
    - `hypothesis`: what is expected, in words.
    - `primary`: measures whose comparisons share one Holm adjustment; the others are exploratory.
    - `reference`: a mind (or one a seat) that is known to behave; the report then says of each condition
      whether an apple, the chemistry or the institution is bad. `theta`: from where on a society passes.
    - `trainings`: how often a condition with minds that learn is trained, each time with other luck; its
      numbers are then means over the worlds of a training run, and n is the number of those runs.
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
    trainings: int = 5

    def __post_init__(self):
        for fault in faults(self):
            raise ValueError(f"study {self.name!r} {fault}")
        numbers = {name: operator.index(getattr(self, name)) for name in SIZES}
        numbers |= {} if self.theta is None else {"theta": float(self.theta)}
        for name, plain in numbers.items():  # NumPy's own are no JSON
            object.__setattr__(self, name, plain)

    def __repr__(self) -> str:
        sizes = f"{len(self.conditions)} conditions, {self.worlds} worlds, {len(self.measures)} measures"
        return f"Study({self.name!r}: {sizes})"

    @cached_property
    def plan(self) -> dict[str, Any]:
        """Everything that decides the results, JSON-able; it names no machine and no time.

        Made once: the source that it digests may be edited while the study runs.
        """
        names, look = {one.name for one in self.measures}, Lookup()
        plan = {
            "format": FORMAT,
            "name": self.name,
            "hypothesis": self.hypothesis,
            "baseline": self.baseline,
            "rule": self.rule,
            "primary": [name for name in self.primary if name in names],
            "worlds": self.worlds,
            "spans": [[0, self.worlds]],
            "added": [],
            "chunk": self.chunk,
            "keep": self.keep,
            "reference": describe(self.reference),
            "reference code": look(named(describe(self.reference))),
            "theta": self.theta,
            "trainings": self.trainings,
            "conditions": {
                name: of_condition(society, self.trainings, look) for name, society in self.conditions.items()
            },
            "measures": {one.name: of_measure(one, look) for one in self.measures},
            "made with": made_with(),
        }
        return with_cells(plan)

    @property
    def notes(self) -> list[str]:
        """What is known before anything is run: that so few worlds can never open the rights gate."""
        return list(too_few(self.plan))

    def run(
        self,
        folder: str | os.PathLike,
        *,
        progress: bool = True,
        shard: tuple[int, int] | None = None,
        retry: bool = False,
    ) -> Results | None:
        """Run what is missing in the folder, and return the results of all that is there.

        More worlds, conditions and measures than the folder holds extend it, and are marked as later. For
        a new measure the worlds are run again, to the same bits. What is not as it was written is told,
        and computed again.

        What speakers replied is kept in the folder call by call, so that a killed run pays for none of
        them twice. `retry` also runs the cells again that hold invalid worlds, from the failed call on.
        `shard=(i, k)` runs the i-th of k parts of the cells, beside other shards, and writes no
        results; call `run` without it at the end.

        Raises:
            ValueError: the folder holds something else than this study, or was run with other code;
                another run is at work; a measure failed.
        """
        folder = Path(folder)
        for note in self.notes if progress and shard is None else ():
            say(note, file=sys.stderr)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with lock(folder, shared=shard is not None):
            if shard is None:
                clean(folder)
            plan = settle_plan(folder, self.plan)
            cells = _cells(plan)
            todo, ready = self._todo(folder, plan, shard, retry), Ready()
            if shard is None and list(changed_minds(folder)):  # of cells that are there, too
                for cell in cells:
                    self._ready(plan, cell, folder, ready)
            self._fill(folder, plan, _tracked(todo, self.name, progress), ready)
            if shard is not None:
                return None
            if self.reference is not None:
                firsts = {cell.condition: cell for cell in reversed(cells)}
                everyone = {n: self._ready(plan, firsts[n], folder, ready) for n in plan["conditions"]}
                take_apart(folder, plan, everyone, self.measures, self.reference)
            results = read_results(folder)
            table = io.BytesIO()
            results.table.write_parquet(table)
            write(folder / "results.parquet", table.getvalue())
            write(folder / "results.json", to_json(results.as_dict()))
        return results

    def _todo(
        self, folder: Path, plan: Mapping[str, Any], shard: tuple[int, int] | None, retry: bool
    ) -> list[Cell]:
        """The cells to run; those that are damaged are told of, and left to the run that is no shard."""
        i, k = shard or (0, 1)
        cells = _cells(plan)
        mine = cells[i * len(cells) // k : (i + 1) * len(cells) // k]
        there = state(folder, plan)
        wanted = there.todo
        if shard is not None:
            wanted = set() if list(changed_minds(folder)) else wanted - set(there.damaged)
        for why in [*there.damaged.values(), *changed_company(folder)] if shard is None else ():
            say(f"{why}; it is computed again", file=sys.stderr)
        kept = set(there.damaged)
        return [
            cell
            for cell in mine
            if cell.name in wanted or retry and cell.name not in kept and _lame(folder, cell)
        ]

    def _fill(self, folder: Path, plan: Mapping[str, Any], cells: Iterator[Cell], ready: Ready) -> None:
        """Run cells and store them; raise ValueError for the first measure that failed when all are there."""
        failed: list[str] = []
        for cell in cells:
            trace = self._trace(folder, plan, cell, ready)
            with whole(folder / "cells" / cell.name) as part:
                for name, why in fill(part, trace, self._ordered(plan), plan, cell.name).items():
                    where = f"in worlds {cell.seeds.start} to {cell.seeds.stop - 1} of {cell.condition!r}"
                    failed.append(f"measure {name!r} {why} ({where})")
        for why in failed[:1]:
            raise ValueError(f"{why}; all else is stored in {folder}: mend it, and run again")

    def _ordered(self, plan: Mapping[str, Any]) -> list[Measure]:
        """The measures in the order of the plan: those that were added come last."""
        known = {one.name: one for one in self.measures}
        return [known[name] for name in plan["measures"]]

    def _trace(self, folder: Path, plan: Mapping[str, Any], cell: Cell, ready: Ready) -> Trace:
        """The worlds of a cell, run; the folder of the cell, if any, makes room for a new one."""
        society = self._ready(plan, cell, folder, ready)
        remove(folder / "cells" / cell.name)  # of a cell that is tried again
        journal = Journal(folder / "replies" / f"{cell.name}.jsonl" if society.speakers else None)
        trace = run(society, cell.seeds, journal=journal)
        for seed in trace.seeds[~trace.valid]:
            journal.forget(int(seed))
        return trace

    def _ready(self, plan: Mapping[str, Any], cell: Cell, folder: Path, ready: Ready) -> Society:
        """The society of a cell, its learners trained once a run, in a folder from which training goes on."""
        name, run = cell.condition, cell.training
        if (name, run) not in ready:
            society = self.conditions[name]
            if society.learners:
                society = _trained(run_of(society, run), folder / home(plan, name, run))
            ready[name, run] = society
        return ready[name, run]


def _cells(plan: Mapping[str, Any]) -> list[Cell]:
    """The cells of a plan."""
    told = plan["cells"].items()
    return [Cell(at["condition"], name, seeds(at), at.get("training", 0)) for name, at in told]


def _trained(society: Society, place: Path) -> Society:
    """The society with its learners trained in a folder; what is there and was changed is trained again."""
    if place.is_symlink():
        remove(place)
    place.mkdir(parents=True, exist_ok=True)
    with lock(place, patience=math.inf):  # another shard may be training them now
        for why in changed_minds(place.parents[1], place.name):
            say(f"{why}; it is trained again", file=sys.stderr)
            for path in [*place.iterdir(), place.with_name(f"{place.name}.json")]:
                remove(path)
        society = society.prepare(place)
        write(place.with_name(f"{place.name}.json"), seal({"files": fingerprint(place, "")}))
        return society


def _lame(folder: Path, cell: Cell) -> bool:
    """Whether a cell that was run holds invalid worlds."""
    return bool((pl.read_parquet(folder / "cells" / cell.name / "values.parquet")["invalid"] != "").any())


def _tracked(cells: Sequence[Cell], title: str, progress: bool) -> Iterator[Cell]:
    """The cells one by one, behind a progress bar where somebody may be watching."""
    if not progress or not sys.stderr.isatty():
        yield from cells
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track

    yield from track(cells, escape(shown(f"{title}: cells")), console=Console(stderr=True), transient=True)
