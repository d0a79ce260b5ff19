"""Where the rows of a long table stand in an array [worlds, ticks, agents]."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Cells:
    """The cell of each row: worlds, ticks and agents, each numbered in the order of their names.

    - `names`: the names of the worlds, of the ticks, of the agents, sorted.
    - `at`: three arrays Int[rows], the world, tick and agent of each row.
    - `alive`: Bool[W, T], the ticks of which there is any row.
    """

    names: tuple[np.ndarray, np.ndarray, np.ndarray]
    at: tuple[np.ndarray, np.ndarray, np.ndarray]
    alive: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(worlds, ticks, agents)."""
        w, t, n = map(len, self.names)
        return w, t, n

    def fill(self, values: Any, missing: float = np.nan) -> np.ndarray:
        """[W, T, n]: the rows' values, `missing` where an alive tick has no row, 0 in the other ticks."""
        full = np.where(self.alive[..., None], missing, 0) * np.ones(self.shape, type(missing))
        full[self.at] = values
        return full


def cells(world: np.ndarray, tick: np.ndarray, agent: np.ndarray) -> Cells:
    """The cells of rows with these names."""
    names, at = zip(*(np.unique(x, return_inverse=True) for x in (world, tick, agent)), strict=True)
    alive = np.zeros((len(names[0]), len(names[1])), bool)
    alive[at[0], at[1]] = True
    return Cells(names, at, alive)
