"""What every decision of one world did to a harm: the table of all alternatives, and what it says."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from .._plain import shown
from .games import ranked

FEW = 5  # nulls, below which no spread is no reason to say that there is none
SHOWN = 10  # decisions that are printed
GRAIN = 1e-6  # of the harm or the largest effect: what rounding leaves
COLUMNS = {"t": pl.Int64, "agent": pl.Int64, "channel": pl.String, "did": pl.String, "instead": pl.String}
COLUMNS |= {"act": pl.Float64, "alternative": pl.Float64, "effect": pl.Float64, "low": pl.Float64}
COLUMNS |= {"high": pl.Float64, "draws": pl.Int64, "diverged": pl.Int64, "why": pl.String}


@dataclass(frozen=True, eq=False)
class Decisions:
    """What every decision of one world did to a harm, compared with each alternative that was tried.

    - `table`: a row per decision and alternative, in the order of rounds, agents, channels. `did` and
      `instead` in words, `act` and `alternative` as numbers; `effect` in the measure's unit, above 0 where
      the act did harm, NaN where it is not known (`why` says so); `low` and `high` bound it for speakers;
      `draws` how often it was replayed; `diverged` the first round in which another act differs, or -1.
    - `factual`: the measure in the world as it was; `null`: the same in replays with every speaker asked
      anew and nothing changed.
    - `replays`, `calls`, `budget`: what it took, and what it might have taken.
    """

    harm: str
    unit: str
    seed: int
    span: tuple[int, int]
    factual: float
    table: pl.DataFrame
    null: np.ndarray
    replays: int
    calls: int
    budget: int | None = None

    @property
    def known(self) -> pl.DataFrame:
        """The rows whose effect is known."""
        return self.table.filter(pl.col("effect").is_not_nan())

    def top(self, k: int = 10) -> pl.DataFrame:
        """One row a decision, with the first alternative that spares most; worst first, then earliest.

        `alike`: how many of its alternatives spare as much; a difference by rounding alone is none.
        """
        known, effect = self.known, self.known["effect"].to_numpy()
        grain = GRAIN * max(abs(self.factual), np.abs(effect).max(initial=0.0))
        by = known.with_row_index("at").group_by("t", "agent", "channel", maintain_order=True).agg("at")
        each = [np.array(at) for at in by["at"].to_list()]
        best = [at[ranked(effect[at], grain)[0]] for at in each]
        order = [best[i] for same in ranked([effect[at[0]] for at in best], grain) for i in same][:k]
        alike = pl.Series("alike", [len(at) for at in order], pl.Int64)
        return known[[int(at[0]) for at in order]].with_columns(alike)

    def effects(self, sign: float = 1.0) -> np.ndarray:
        """Float[T, n]: the largest effect of any alternative to what an agent did; NaN if unknown.

        With `sign` -1 the largest benefit.
        """
        found = np.full(self.span, np.nan)
        for row in self.known.iter_rows(named=True):
            at = row["t"], row["agent"]
            found[at] = np.fmax(found[at], sign * row["effect"])
        return found

    def __str__(self) -> str:
        spent = f"{self.calls} of {self.budget} calls" if self.budget is not None else "no calls"
        lines = [
            f"{self.harm} was {self.factual:.4g} {self.unit} in world {self.seed}; {len(self.table)} "
            f"alternatives, {self.replays} replays, {spent}.",
        ]
        if len(self.null):
            none = f"; no spread in {len(self.null)} replays, no intervals" * (
                spread_of(self.factual, self.null) is None
            )
            lines.append(
                f"Asked anew with nothing changed: {', '.join(f'{x:.4g}' for x in self.null)}{none}."
            )
        best = self.top(len(self.table))
        some = best.filter(pl.col("effect") != 0.0)
        for row in some.head(SHOWN).iter_rows(named=True):
            bounds = f" [{row['low']:.4g}, {row['high']:.4g}]" if math.isfinite(row["low"]) else ""
            after = f", others from round {row['diverged']}" if row["diverged"] >= 0 else ""
            like = f" (or {row['alike'] - 1} more alike)" * (row["alike"] > 1)
            lines.append(
                f"  round {row['t']}, agent {row['agent']}: {row['channel']} {row['did']}, not "
                f"{row['instead']}{like}: "
                f"{row['effect']:+.4g}{bounds}{after}"
            )
        lines += [f"  and {len(some) - SHOWN} more decisions with an effect: .top()"] * (len(some) > SHOWN)
        if idle := best.filter(pl.col("effect") == 0.0).height:
            lines.append(f"  {idle} more: no alternative would have spared anything.")
        lost = self.table.filter(pl.col("effect").is_nan()).group_by("why").len().sort("why")
        lines += [f"  NA: {n} ({why})" for why, n in lost.iter_rows()]
        return "\n".join(map(shown, lines))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes None."""
        rows = [
            {k: None if x != x else x for k, x in row.items()} for row in self.table.iter_rows(named=True)
        ]
        numbers = {"factual": self.factual, "null": self.null.tolist(), "replays": self.replays}
        more = {"calls": self.calls, "budget": self.budget, "decisions": rows}
        return {"harm": self.harm, "unit": self.unit, "seed": self.seed} | numbers | more


def spread_of(factual: float, null: np.ndarray) -> float | None:
    """The standard deviation of the null and the world; None where too few show none."""
    spread = float(np.std([factual, *null], ddof=1)) if len(null) else 0.0
    return spread if spread or len(null) >= FEW else None
