"""One commons, many rules: what selfish learners make of a fishery under institutions, alone and stacked.

Eight fishers learn by trial and error, each for its own net payoff, with the rules in force from the
first tick of training on. Effort 1 is dominant without rules; a fine deters where probability * fine
exceeds the temptation at the quota, 4.42 (`Fishery.temptation`). Becker 1968; the game and its
figures are our own prototype, repeated here.
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .._governed import Institution, under
from .._run import run
from .._society import Society
from .._trace import Trace
from ..institutions.audit import Audit
from ..institutions.contract import Contract
from ..institutions.ledger import PublicLedger
from ..institutions.redistribution import Redistribution
from ..institutions.sanction import PeerSanction
from ..institutions.suspension import Suspension
from ..measures.inequality import gini
from ..minds.learner import Learner, Linear, Reinforce
from ..report.html import Cell, Page, Section
from ..scenarios.fishery import Fishery

Row = dict[str, Any]
FIRST = 5  # ticks left out of the mean effort: the stock starts below what the quota sustains
PARTS = ("effort", "catch", "net", "stock", "gini", "burnt")

CONDITIONS: dict[str, tuple[Institution, ...]] = {
    "none": (),
    "ledger only": (PublicLedger("effort", decay=0.8),),
    "audit, pF = 3": (Audit(0.3, fine=10.0),),
    "audit, pF = 9": (Audit(0.3, fine=30.0),),
    "audit, pF = 3, and suspension": (Audit(0.3, fine=10.0), Suspension("effort", 0.3, ticks=3)),
    "captured audit, pF = 9": (Audit(0.3, fine=30.0, immune=2),),
    "peer sanction, 1 : 3": (PeerSanction(cost=1.0, effect=3.0),),
    "contract of all 8": (Contract(theta=6.0, quorum=8),),
    "contract by 5 of 8": (Contract(theta=6.0, quorum=5),),
    "redistribution of half": (Redistribution(0.5),),
    "redistribution of all": (Redistribution(1.0),),
    "audit, then redistribution": (Audit(0.3, fine=10.0), Redistribution(0.6)),
    "redistribution, then audit": (Redistribution(0.6), Audit(0.3, fine=10.0)),
}


def learners(seed: int = 0, updates: int = 250, worlds: int = 250) -> Learner:
    """A fisher that learns: REINFORCE on logits linear in what it sees, from uniform play."""
    return Learner(Reinforce(rate=0.05), Linear(), updates, worlds, checkpoint_every=updates, seed=seed)


def society(name: str, mind: Learner) -> Society:
    """Eight fishers of one kind, each with parameters of its own, under a condition's rules."""
    return Society(under(Fishery(talk=False), *CONDITIONS[name]), mind)


def told(trace: Trace) -> Row:
    """What became of the commons, means over worlds, agents, ticks; `stock` is the last, `burnt` of all."""
    capacity = float(trace.events["stock"][:, 0].mean()) * 2.0
    booked = trace.net - trace.book["pay"]
    spread = gini(trace)
    return {
        "effort": float(trace.events["effort"][:, FIRST:].mean()),
        "catch": float(trace.book["pay"].mean()),
        "net": float(trace.net.mean()),
        "stock": float(trace.events["stock"][:, -1].mean()) / capacity,
        "gini": float(spread[np.isfinite(spread)].mean()) if np.isfinite(spread).any() else np.nan,
        "burnt": -float(booked.sum(axis=2).mean()),
    }


def treat(
    name: str,
    seed: int,
    updates: int = 250,
    worlds: int = 250,
    judged: int = 1000,
    folder: Path | None = None,
) -> Row:
    """One condition, learned from one seed and judged in worlds that nobody trained in."""
    start = time.perf_counter()
    ready = society(name, learners(seed, updates, worlds)).prepare(folder)
    row = told(run(ready, judged))
    return {"condition": name, "seed": seed} | row | {"seconds": time.perf_counter() - start}


def demo(
    names: Iterable[str] = CONDITIONS, seeds: Sequence[int] = (0, 1, 2), updates: int = 250, worlds: int = 250
) -> list[Row]:
    """The whole study as JSON-able rows, one a condition and seed."""
    return [treat(name, seed, updates, worlds) for name in names for seed in seeds]


def summary(rows: Sequence[Row]) -> list[Row]:
    """One row a condition: the mean of each part over seeds, and half its 95 % interval (`<part> +-`)."""
    found = []
    for name in dict.fromkeys(row["condition"] for row in rows):
        mine = [row for row in rows if row["condition"] == name]
        line: Row = {"condition": name, "seeds": len(mine)}
        for part in PARTS:
            values = np.array([row[part] for row in mine])
            line |= {part: float(values.mean()), f"{part} +-": _half(values)}
        found.append(line | {"seconds": sum(row["seconds"] for row in mine)})
    return found


def _half(values: np.ndarray) -> float:
    """Half the 95 % interval of a mean by Student's t, NaN with a single value."""
    from scipy import stats  # imported late: half a second that --help need not pay

    n = len(values)
    if n < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))


def sections(rows: Sequence[Row]) -> list[Section]:
    """The rows as a titled table, for the terminal and for the report."""
    notes = (
        "Means over training seeds, with half their 95 % interval. Effort from tick 5 on; catch and net are "
        "per fisher and tick, burnt is per tick of all; stock is the last one, as a share of what the water "
        "holds.",
        "Without luck, all at full effort get 0.237, all at the quota 1.243; 1.250 is the most that lasts.",
    )
    lines = [
        (line["condition"], *(_cell(line, part) for part in PARTS), f"{line['seconds']:.0f} s")
        for line in summary(rows)
    ]
    return [Section("Conditions", notes, ("condition", *PARTS, "time"), lines)]


def _cell(line: Row, part: str) -> Cell:
    half = line[f"{part} +-"]
    return Cell(f"{line[part]:.3f}", note="" if np.isnan(half) else f"+-{half:.3f}")


def page(rows: Sequence[Row]) -> Page:
    """The report of the study."""
    found = {line["condition"]: line for line in summary(rows)}
    findings = [
        f"{name}: effort {line['effort']:.3f}, net {line['net']:.3f} per fisher and tick."
        for name, line in found.items()
    ]
    return Page(
        title="Learned commons",
        kind="commonweal study",
        lead="Which rules make learners who care for themselves alone keep what they share?",
        facts={"seeds": str(len({row["seed"] for row in rows})), "agents": "8 learners"},
        findings=findings,
        sections=sections(rows),
    )


if __name__ == "__main__":
    for found in summary(demo()):
        print(
            f"{found['condition']:32}",
            *(f"{part} {found[part]:.3f} +-{found[f'{part} +-']:.3f}" for part in PARTS),
        )
