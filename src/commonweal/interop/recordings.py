"""Other people's recordings: a table of decisions, read, checked and turned into traces.

One row is one decision; a match (one conversation, one population) is a world. Every row read is
kept, or named by line with what is wrong with it; nothing is dropped silently or filled in.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from .._card import Card, Oracle, Unknown, one_each
from .._trace import Trace
from .cells import cells
from .columns import COOPERATIVE, GOVSIM, GUESSES, Columns
from .tables import Table, open_table
from .tables import read_table as read_table

LARGEST = 1e30  # points: sums of larger ones are no numbers any more
CHANGES = "(changes)"
EMPTY = ["", "NA", "N/A", "<NA>", "NaN", "nan", "null", "NULL"]  # how programs write no value
WHOLE = r"^([+-]?\d+)\.0+$"  # 1.0 is 1: a column of whole numbers with a gap is written so
AGAIN = 0.1  # share of rows whose seat has decided already, above which a column for match is missing


@dataclass(frozen=True, eq=False)
class Recordings:
    """The decisions of one table.

    - `frame`: one row per decision kept: `world` (one integer per match), `game`, `mechanism`,
      `round`, `seat`, `model`, `action`, `points`, `cooperated` (1, 0, or null where the game has
      no declared cooperative act), `line` (in the file; a Parquet file's row number).
    - `bad`: `line` and `reason` of each row that cannot be used.
    - `read`: how many rows came. `kept + len(bad) == read`, checked.
    - `cooperative`: game -> the acts counted as cooperation, () where none is declared.
    """

    source: str
    columns: Columns
    frame: pl.DataFrame
    bad: pl.DataFrame
    read: int
    cooperative: dict[str, tuple[str, ...]]
    mediated: int = 0  # rows whose column `mediated` is 1: the act was a mediator's
    notes: tuple[str, ...] = ()  # what a reader must know of how the table was read

    def __post_init__(self):
        if self.kept + self.bad.height != self.read:
            raise AssertionError(f"{self.kept} kept + {self.bad.height} bad != {self.read} read")

    @property
    def kept(self) -> int:
        """How many decisions can be used."""
        return self.frame.height


def read_recordings(path: str | os.PathLike, columns: Columns | None = None) -> Recordings:
    """The decisions recorded in a table, one row each.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a table that cannot be read, a missing column, no usable row, a given
            cooperative act that nobody ever plays.
    """
    source = Path(path).name
    table, notes = _govsim(open_table(path))
    columns = (columns or Columns()).fit(Table(table).names, source)
    rows, key = _tidied(table, columns, source)
    notes += tuple(key)
    bad = rows.filter(pl.col("fault") != "").select("line", reason="fault")
    rows = rows.filter(pl.col("fault") == "")
    if rows.is_empty():
        line, reason = bad.row(0)
        raise ValueError(
            f"none of the {bad.height} rows of {source} can be used; the first is line {line}: "
            f"{reason}: check the column mapping, as in points=payoff"
        )
    acts = _acts(rows, columns.cooperative, source)
    played = pl.concat_str("game", pl.col("action").str.to_lowercase(), separator="\x1f")
    counted = [f"{game}\x1f{act}" for game in acts for act in acts[game]]
    declared = pl.col("game").is_in([game for game in acts if acts[game]])
    frame = rows.select(
        (pl.col("row").min().over("key").rank("dense").cast(pl.Int64) - 1).alias("world"),
        *("game", "mechanism", pl.col("round").cast(pl.Int64)),
        *(_whole(rows["seat"]), _short(rows["model"]), "action", "points"),
        pl.when(declared).then(played.is_in(counted).cast(pl.Float64)).alias("cooperated"),
        "line",
    )
    by_mediator = table["mediated"].cast(pl.String).eq("1").sum() if "mediated" in table.columns else 0
    return Recordings(source, columns, frame, bad, table.height, acts, int(by_mediator or 0), notes)


def _govsim(table: Table) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The harvests of an environment log of GovSim, as decisions; other tables as they are."""
    rows, notes = table
    if not GOVSIM <= {*rows.columns} or "action" not in rows.columns:
        return table
    harvest = pl.col("action") == "harvesting"
    found = rows.filter(harvest).with_columns(
        action="wanted_resource", points="resource_collected", model="agent_id"
    )
    left = rows.height - found.height
    said = "GovSim's log: the act is what was wanted, points are what was collected, models are agents"
    return found, (*notes, f"{said}.", f"Rows of talk, left out: {left:,}.")


def _tidied(table: pl.DataFrame, columns: Columns, source: str) -> tuple[pl.DataFrame, list[str]]:
    """The rows by role, with what is wrong with each; and what was taken for a match and a model.

    Raises:
        ValueError: no column tells matches apart, and seats decide more than once in a round.
    """
    given, several = columns.match or (), "#file" in table.columns
    rows = _with_faults(_tidy(table, replace(columns, match=(*given, *["#file"] * (several and not given)))))
    again = rows["fault"].str.contains("already decided").mean()
    notes = list[str]()
    if several and given and again:
        rows = _with_faults(_tidy(table, replace(columns, match=(*given, "#file"))))
        notes.append("Files tell of the same decisions: the file is part of what names a match.")
    elif not given and not several and float(again or 0.0) > AGAIN:  # type: ignore[arg-type]
        raise ValueError(
            f"{source} has no column for match (looked for {', '.join(GUESSES['match'])}), and its seats "
            f"decide more than once in a round; it has {', '.join(Table(table).names)}: say which columns "
            "tell matches apart, as in match=COLUMN"
        )
    elif not given:
        notes.append(f"No column names a match: {'each file is one' if several else 'all rows are one'}.")
    if not columns.model:
        notes.append("No column names a model: each seat is one.")
    return rows, notes


def _tidy(table: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """One column per role, as text, null where the cell is empty; `key` names the match."""

    def text(name: str | None, empty: Sequence[str] = EMPTY) -> pl.Expr:
        if not name:
            return pl.lit("all")
        if (kind := table.schema[name]).is_nested():
            raise ValueError(f"column {name!r} holds {kind}; wanted one text or number per cell: flatten it")
        cell = pl.col(name).cast(pl.String).str.strip_chars().str.replace(WHOLE, "${1}")
        return pl.when(~cell.is_in(empty)).then(cell)

    model, *prompting = (text(name) for name in columns.model or (columns.seat,))
    label = [model, *(pl.format(" ({})", part).fill_null("") for part in prompting)]
    keys = [text(name) for name in columns.match or ()]
    where = [text(columns.game).alias("game"), text(columns.mechanism).alias("mechanism")]
    return table.select(
        *where,
        pl.col("#line").cast(pl.Int64).alias("line"),
        pl.col("#fault").alias("cells"),
        (pl.col("#file") if "#file" in table.columns else pl.lit("")).alias("file"),
        pl.concat_str([k.fill_null("") for k in [*where, *keys]], separator="\x1f").alias("key"),
        pl.any_horizontal([k.is_not_null() for k in keys] or [pl.lit(True)]).alias("named"),
        (text(columns.round, [""]) if columns.round else pl.lit("0")).alias("round"),
        text(columns.seat).alias("seat"),
        pl.concat_str(label).alias("model"),
        text(columns.action).alias("action"),
        text(columns.points, [""]).alias("points"),
    )


def _with_faults(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with numbers parsed and a column `fault`: everything wrong with the row, or ""."""
    number = {name: pl.col(name).cast(pl.Float64, strict=False) for name in ("round", "points")}
    whole = number["round"].is_between(0, 2**53) & (number["round"] % 1 == 0)

    def wrong(name: str, fine: pl.Expr, wanted: str) -> pl.Expr:
        said = pl.format(f"{name} is '{{}}', wanted {wanted}", pl.col(name).fill_null(""))
        return pl.when(~fine.fill_null(False)).then(said)

    roles = ("game", "mechanism", "seat", "model", "action")
    faults = [pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} is empty")) for name in roles]
    faults += [
        pl.when(~pl.col("named")).then(pl.lit("every match column is empty")),
        wrong("round", whole, "a whole number from 0"),
        wrong("points", number["points"].abs() <= LARGEST, f"a number up to {LARGEST:g}"),
    ]
    fault = pl.concat_str(faults, separator="; ", ignore_nulls=True)
    fault = pl.when(pl.col("cells") != "").then("cells").otherwise(fault)
    rows = rows.with_columns(fault=fault).with_columns(**number).with_row_index("row")
    one = ["key", "round", "seat"]
    fine = pl.col("fault") == ""
    first = pl.col("row").filter(fine).min().over(one)
    line = pl.col("line").filter(fine).first().over(one)
    twice = pl.format("seat {} already decided in this round, on line {}", "seat", line)
    rows = rows.with_columns(fault=pl.when(fine & (pl.col("row") != first)).then(twice).otherwise("fault"))
    named = pl.when((pl.col("fault") != "") & (pl.col("file") != "")).then(
        pl.format("{}: {}", "file", "fault")
    )
    return rows.with_columns(fault=named.otherwise("fault"))


def _acts(rows: pl.DataFrame, declared: Sequence[str], source: str) -> dict[str, tuple[str, ...]]:
    """Game -> the declared cooperative acts that are played in it, in lower case."""
    played = rows.group_by("game", maintain_order=True).agg(pl.col("action").unique())
    seen = {game: {action.lower() for action in actions} for game, actions in played.iter_rows()}
    acts = {game: [] for game in seen}
    for entry in declared:
        *where, act = entry.lower().rsplit(":", 1)
        games = [g for g in seen if act in seen[g] and where in ([], [g.lower()])]
        if not games and entry not in COOPERATIVE:
            raise ValueError(
                f"cooperative act {entry!r} is never played in {source}; it has "
                f"{', '.join(sorted(rows['action'].unique()))}: cooperative={rows['action'][0]}"
            )
        for game in games:
            acts[game].append(act)
    return {game: tuple(sorted(set(found))) for game, found in acts.items()}


def _short(model: pl.Series) -> pl.Series:
    """Model labels without their provider (`openai/`), where that keeps different models apart."""
    short = model.str.replace(r"^.*/", "")
    return short if short.n_unique() == model.n_unique() else model


def _whole(seat: pl.Series) -> pl.Series:
    """Seats as whole numbers where all of them are, so that seat 10 comes after seat 2; 01 is not 1."""
    number = seat.cast(pl.Int64, strict=False)
    return seat if number.has_nulls() or (number.cast(pl.String) != seat).any() else number


def to_traces(recordings: Recordings) -> dict[tuple[str, str], Trace]:
    """One trace per (game, mechanism): worlds are matches, ticks are rounds, agents are seats.

    A decision that was not recorded is NaN in `pay`, `utility`, `objective` and the events, and -1
    in `act`. Event `cooperated` is NaN where the game has no declared cooperative act; event
    `player` is the position of the deciding model in `recipe["players"]`, which also tells who sat
    where when a seat changes hands between rounds (its label `model` is then "(changes)").
    """
    cells = recordings.frame.partition_by("game", "mechanism", as_dict=True, maintain_order=True)
    return {
        (str(game), str(mechanism)): _trace(cell, f"{game} under {mechanism}", recordings.source)
        for (game, mechanism), cell in cells.items()
    }


def _trace(cell: pl.DataFrame, title: str, source: str) -> Trace:
    """The trace of one game under one mechanism."""
    here = cells(*(cell[role].to_numpy() for role in ("world", "round", "seat")))
    (seeds, rounds, seats), alive, grid, shape = here.names, here.alive, here.fill, here.shape
    (actions, act), (players, player) = (
        np.unique(cell[role].to_numpy(), return_inverse=True) for role in ("action", "model")
    )
    pay, chosen, who = grid(cell["points"]), grid(act, -1), grid(player.astype(float))
    took = (chosen >= 0) & alive[..., None]
    first = np.where(took, np.nan_to_num(who), np.inf).min(axis=1)
    last = np.where(took, np.nan_to_num(who), -1).max(axis=1).astype(int)
    label = np.where(last < 0, "", np.where(first == last, players[last], CHANGES))
    oracle, low, high = _oracle(pay, chosen, alive)
    people, represents = one_each([f"seat {seat}" for seat in seats], low, high)
    recipe = {"kind": "recording", "source": source, "actions": actions.tolist()}
    recipe |= {"players": players.tolist(), "rounds": rounds.tolist(), "seats": seats.tolist()}
    return Trace(
        seeds=seeds,
        card=Card(title, source, "mixed", "points of all seats", people, represents, oracle),
        book={"pay": pay},
        utility=pay.copy(),
        objective=pay.sum(axis=2),
        harm=np.zeros((*shape, 0)),
        alive=alive,
        act={"action": chosen},
        events={"cooperated": grid(cell["cooperated"].to_numpy()), "player": who},
        labels={"model": label},
        recipe=recipe,
    )


def _oracle(pay: np.ndarray, act: np.ndarray, alive: np.ndarray):
    """What an episode could yield, if the payoff table can be read off: (oracle, low, high).

    The table can be read off when every joint action was played, each always paid the same, and
    all matches are equally long; `worst` is then uniformly random play, and `low` and `high` bound
    a seat's points. It is `best known`, because a recording cannot show that the rules never vary.
    """
    lengths, full = alive.sum(axis=1), alive & (act >= 0).all(axis=2)
    joint, points = act[full], pay[full]
    if not len(joint) or np.ptp(lengths):
        why = "matches differ in length" if len(joint) else "no round is complete"
        return Unknown(why), None, None
    profiles, which = np.unique(joint, axis=0, return_inverse=True)
    table = np.array([points[which.ravel() == i].mean(axis=0) for i in range(len(profiles))])
    options = int(np.prod([len(np.unique(column)) for column in profiles.T]))
    totals = lengths[0] * table.sum(axis=1)
    if not np.allclose(table[which.ravel()], points):
        why = "the same joint action paid differently, so more than the actions decides"
    elif len(profiles) < options:
        why = f"{options - len(profiles)} of {options} joint actions were never played"
    elif np.ptp(totals) <= 1e-9 * np.abs(totals).max():
        why = "every joint action that was played pays the same total"
    else:
        oracle = Oracle(float(totals.max()), float(totals.mean()), "best known")
        return oracle, *(float(lengths[0] * edge) for edge in (table.min(), table.max()))
    return Unknown(why), None, None
