"""Does the order of institutions matter? Measured pair by pair, under common random numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .._governed import Institution, under
from .._mind import Mind, Speaker
from .._run import run
from .._scenario import Scenario
from .._society import Society


@dataclass(frozen=True)
class Commutator:
    """`matrix[a, b]` is the mean |net under (a, b) - net under (b, a)| per agent and tick; 0 commutes."""

    names: tuple[str, ...]
    matrix: np.ndarray

    def __str__(self) -> str:
        wide = max(12, *map(len, self.names))
        rows = [["0: order is nothing", *self.names]]
        rows += [
            [a, *("" if i == j else f"{x:.4f}" for j, x in enumerate(row))]
            for i, (a, row) in enumerate(zip(self.names, self.matrix, strict=True))
        ]
        return "\n".join(f"{row[0]:>19} " + " ".join(f"{x:>{wide}}" for x in row[1:]) for row in rows)


def commutator(
    scenario: Scenario,
    minds: Mind | Speaker | Sequence[Mind | Speaker],
    institutions: Sequence[Institution],
    seeds: int | Sequence[int] = 64,
) -> Commutator:
    """Run every pair of institutions in both orders, in the same worlds, and compare net payoffs.

    A pair whose outcome differs at all contains one that reads the running pay, or gates that clash.
    Views are compared only through what the minds make of them. A linear mixing M after a delta d
    gives M (r + d), before it M r + d: they agree iff M d = d.
    """
    size = len(institutions)
    matrix = np.zeros((size, size))

    def net(*laws: Institution):
        trace = run(Society(under(scenario, *laws), minds), seeds)
        return sum(trace.book[name] for name in sorted(trace.book)), trace.alive  # one order of addition

    for i in range(size):
        for j in range(i):
            (one, lived), (other, survived) = (
                net(institutions[i], institutions[j]),
                net(institutions[j], institutions[i]),
            )
            matrix[i, j] = matrix[j, i] = np.abs(one - other)[lived | survived].mean()
    return Commutator(tuple(law.name for law in institutions), matrix)
