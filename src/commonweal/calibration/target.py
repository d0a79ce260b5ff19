"""What a calibration target is: a published result, ours beside it, and a planted fault that must fail.

A target's file says the model, its parameters, each published value with its source and mark, the
tolerance, a negative control, a metamorphic test and the cost. `judge` runs it.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Mark = Literal["M", "D", "V", "V2", "A", "C", "T", "R", "mem"]
MARKS: dict[str, str] = {
    "M": "measured by running code",
    "D": "closed form",
    "V": "seen in the cited source",
    "V2": "seen in a secondary source",
    "A": "abstract or official page only",
    "C": "read in the authors' code or data",
    "T": "read in the paper's table or figure",
    "R": "recomputed from the paper's model, or the authors' code or data",
    "mem": "from memory: shown, never a gate",
}


@dataclass(frozen=True)
class Row:
    """One published number beside ours.

    - `ours`, `published`, `tolerance`: in the same unit; the tolerance is absolute. Below 0 it demands
      that much more: with `at least` and minus `half`, the whole interval must lie beyond.
    - `half`: half the width of the 95% interval of ours; 0 where ours is exact.
    - `holds`: `equal` within the tolerance, or ours `at least` / `at most` the published value
      (give or take the tolerance).
    - `mark`: how the published value is known (`MARKS`); one from memory is shown and never a gate.
    - `shown`: nor is a row that is only shown, because one side is not established well enough.
    """

    name: str
    ours: float
    published: float
    tolerance: float
    source: str
    mark: Mark = "D"
    half: float = 0.0
    holds: Literal["equal", "at least", "at most"] = "equal"
    shown: bool = False

    @property
    def gates(self) -> bool:
        """Whether the row decides anything."""
        return self.mark != "mem" and not self.shown

    @property
    def passed(self) -> bool:
        """Whether ours agrees with the published value."""
        off = float(self.ours) - float(self.published)
        if math.isnan(off):
            return False
        low = self.holds == "at most" or off >= -self.tolerance
        high = self.holds == "at least" or off <= self.tolerance
        return low and high


def no_rows() -> Sequence[Row]:
    """No rows at all."""
    return ()


@dataclass(frozen=True)
class Target:
    """A published result that this package must bring back.

    - `name`: what the command line calls it; `title`, `model`: what is reproduced, in words.
    - `parameters`: name -> value, with units in the name where there are any.
    - `rows`: runs the model, gives ours beside the published values.
    - `control`: the same rows from a model with a planted fault; at least one gate must fail.
    - `metamorphic`: relations that must hold whatever the values (units, relabeling, symmetry);
      in these rows `published` is the other side of the relation.
    - `tier`: `fast` (closed forms, seconds) or `slow` (simulation, learning).
    - `cost`: measured, in words: "2 s on one core".
    """

    name: str
    title: str
    model: str
    rows: Callable[[], Sequence[Row]]
    control: Callable[[], Sequence[Row]]
    metamorphic: Callable[[], Sequence[Row]] = no_rows
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)
    tier: Literal["fast", "slow"] = "fast"
    cost: str = ""


@dataclass(frozen=True)
class Verdict:
    """A target, judged: the rows, whether the planted fault was caught, seconds it took."""

    target: Target
    rows: tuple[Row, ...]
    control: tuple[Row, ...]
    metamorphic: tuple[Row, ...]
    seconds: float

    @property
    def control_failed(self) -> bool:
        """Whether the planted fault was caught, as it should be."""
        return any(row.gates and not row.passed for row in self.control)

    @property
    def passed(self) -> bool:
        """All gates hold, all relations hold, and the planted fault was caught."""
        checked = [row for row in self.rows + self.metamorphic if row.gates]
        return bool(checked) and all(row.passed for row in checked) and self.control_failed


def judge(target: Target) -> Verdict:
    """Run a target: its rows, its planted fault, its relations."""
    start = time.perf_counter()
    parts = [tuple(part()) for part in (target.rows, target.control, target.metamorphic)]
    return Verdict(target, *parts, seconds=time.perf_counter() - start)
