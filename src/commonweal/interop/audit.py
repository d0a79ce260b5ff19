"""An audit of recorded decisions: cooperation, welfare, inequality, exploitation, with intervals.

The match is the unit: a row's figure is the mean over matches of the mean within the match.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

import numpy as np
import polars as pl

from .._interval import FEWEST
from .._measure import Estimate, estimate
from .._plain import shown
from .conversation import print_whole
from .recordings import Recordings

TABLES = (("game", "mechanism"), ("model",), ("mechanism", "model"), ("game", "model"))
FIGURES = ("cooperation", "points", "gini", "exploitation")
SHOWN = 10  # bad rows listed in a terminal; to_dict has them all
FEW = 6  # matches below which an interval says little
ROUNDS = 5  # from which points that only rise are suspected of being totals
MARGIN = 10  # columns that names get at least
WIDE = 140  # columns from which an interval stands beside its value
LEGEND = (
    "A figure is the mean over matches of the mean within a match, with the 95 % interval over matches.",
    "acts: decisions. cooperation: share of them that were a declared cooperative act. points: per "
    "decision (welfare).",
    "gini: inequality of mean points between the seats of a match (between its models where seats "
    "change hands), raw convention: 0 equal, (n-1)/n one takes all.",
    "exploitation: own points less the mean of the others' in the same round; above 0 exploits, "
    "below 0 is exploited, 0 against oneself. gap: its absolute size.",
)


@dataclass(frozen=True)
class Row:
    """One line of a table: the key it is about, counts, and an estimate per figure.

    `cooperated` of `declared` decisions were cooperative acts, where the game declares any.
    """

    key: tuple[str, ...]
    decisions: int
    matches: int
    cooperated: int
    declared: int
    figures: dict[str, Estimate]


@dataclass(frozen=True)
class Table:
    """Rows by `keys` (such as game and mechanism), in order of the keys."""

    keys: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What the rows are by."""
        return "by " + " and ".join(self.keys)


@dataclass(frozen=True, eq=False)
class Audit:
    """What the recordings show; `print` it, `render` it on a rich console, or take `to_dict()`."""

    recordings: Recordings
    tables: tuple[Table, ...]
    notes: tuple[str, ...]

    def __getitem__(self, title: str) -> Table:
        return {table.title: table for table in self.tables}[title]

    def to_dict(self) -> dict:
        """JSON-able: counts, every bad row, every table with its estimates, notes."""
        source = self.recordings
        return {
            "source": source.source,
            "read": source.read,
            "kept": source.kept,
            "bad": source.bad.to_dicts(),
            "cooperative": {game: list(acts) for game, acts in source.cooperative.items()},
            "tables": {table.title: _plain(table) for table in self.tables},
            "notes": [*LEGEND, *self.notes],
        }

    def render(self, console) -> None:
        """Print to a rich console: what was read, the tables, the notes; made for 80 and more."""
        for line in _head(self.recordings):
            console.print(line, highlight=False, markup=False)
        for table in self.tables:
            drawing, notes = _drawn(table, console.width)
            print_whole(console, drawing)
            for note in notes:
                console.print(note, highlight=False, markup=False)
        for note in (*LEGEND, *self.notes):
            console.print(f"- {note}", highlight=False, markup=False)

    def __str__(self) -> str:
        from rich.console import Console  # imported late, as --help need not pay for it

        text = StringIO()
        self.render(Console(file=text, width=WIDE, color_system=None))
        return text.getvalue()


def audit(recordings: Recordings) -> Audit:
    """Cooperation, points, Gini and exploitation by game, mechanism and model.

    A joint figure of a round or match with a decision missing is missing too; the decisions that
    were recorded count for cooperation and points. Source: Gini 1912; the rest by definition.
    """
    rows = _joint(recordings.frame)
    tables = tuple(_table(rows, keys) for keys in TABLES)
    return Audit(recordings, tables, (*recordings.notes, *_cautions(recordings, tables)))


def _joint(frame: pl.DataFrame) -> pl.DataFrame:
    """The decisions with `exploitation`, `gap` and the match's `gini`, null where undefined.

    `why_*` says why. A round is complete when it has every seat seen in its game and mechanism.
    """
    group, others = ["world", "round"], pl.col("seats") - 1
    frame = frame.with_columns(
        seats=pl.col("seat").n_unique().over("game", "mechanism"),
        seated=pl.len().over(group),
        moved=(pl.col("model").n_unique().over("world", "seat") > 1).any().over("world"),
    )
    whole = pl.col("seated") == pl.col("seats")
    party = pl.when("moved").then("model").otherwise(pl.col("seat").cast(pl.String))
    mean_of_others = (pl.col("points").sum().over(group) - pl.col("points")) / others
    frame = frame.with_columns(
        party=party,
        exploitation=pl.when(whole & (others > 0)).then(pl.col("points") - mean_of_others),
    ).join(_gini(frame.with_columns(party=party, whole=whole)), on="world")
    alone = pl.when(others == 0).then(pl.lit("one seat only"))
    return frame.with_columns(
        gap=pl.col("exploitation").abs(),
        why_cooperation=pl.lit("no cooperative act"),
        why_exploitation=alone.otherwise(pl.lit("a seat is missing")),
    ).with_columns(why_gap="why_exploitation")


def _gini(frame: pl.DataFrame) -> pl.DataFrame:
    """Per world: the raw Gini of its parties' mean points, or null and `why_gini`.

    Raw: sum |x_i - x_j| / (2 n^2 mean). Source: Gini 1912.
    """
    parties = frame.group_by("world", "party").agg(pl.col("points").mean()).sort("points")
    rank, n = pl.int_range(1, pl.len() + 1), pl.len()
    spread = ((2 * rank - n - 1) * pl.col("points")).sum() / n  # = sum |x_i - x_j| / (2 n)
    found = parties.group_by("world").agg(
        gini=spread / pl.col("points").sum(), least=pl.col("points").min(), parties=n
    )
    found = found.join(frame.group_by("world").agg(pl.col("whole").all()), on="world")
    why = (
        pl.when(~pl.col("whole"))
        .then(pl.lit("a seat is missing"))
        .when(pl.col("parties") < 2)
        .then(pl.lit("one seat only"))
        .when(pl.col("least") < 0)
        .then(pl.lit("points below 0"))
        .when(pl.col("gini").is_nan())
        .then(pl.lit("all points are 0"))
    )
    found = found.with_columns(why_gini=why)
    fine = pl.when(pl.col("why_gini").is_null()).then("gini")
    return found.select("world", "why_gini", gini=fine)


def _table(rows: pl.DataFrame, keys: tuple[str, ...]) -> Table:
    """One row per key; tables by model show exploitation, the others its absolute size."""
    figures = {"cooperation": "cooperated", "points": "points", "gini": "gini"}
    joint = "exploitation" if "model" in keys else "gap"
    figures[joint] = joint
    means = [pl.col(column).mean().alias(figure) for figure, column in figures.items()]
    why = [pl.col(f"why_{figure}").first() for figure in figures if figure != "points"]
    counts = [
        pl.len().alias("decisions"),
        pl.col("cooperated").sum().alias("did"),
        pl.col("cooperated").count().alias("declared"),
    ]
    matches = rows.group_by(*keys, "world").agg(*means, *why, *counts).sort(*keys, "world")
    found = []
    for key, cell in matches.group_by(keys, maintain_order=True):
        count = cell.select("decisions", "did", "declared").sum().row(0)
        decisions, did, declared = (int(x) for x in count)
        estimates = {figure: _estimate(cell, figure) for figure in figures}
        found.append(Row(tuple(map(str, key)), decisions, cell.height, did, declared, estimates))
    return Table(keys, tuple(found))


def _estimate(cell: pl.DataFrame, figure: str) -> Estimate:
    """The estimate over matches; the reasons for those without a value are counted."""
    lost = cell.filter(pl.col(figure).is_null())
    why = "" if lost.is_empty() else f"why_{figure}"
    reasons = lost[why].value_counts(sort=True).rows() if why else []
    text = "; ".join(f"{why} in {n}" if len(reasons) > 1 else why for why, n in reasons)
    return estimate(
        cell[figure].fill_null(np.nan).to_numpy(),
        text,
        facts=figure == "cooperation",
        shares=figure in ("cooperation", "gini"),
    )


def _cautions(recordings: Recordings, tables: tuple[Table, ...]) -> Iterator[str]:
    """What a reader must know before comparing rows."""
    if recordings.mediated:
        yield (
            f"In {recordings.mediated:,} rows a mediator acted for the player (column mediated): there, "
            "cooperation is the mediator's act, chosen by delegating, and not the model's own."
        )
    frame = recordings.frame
    if _never_falls(frame):
        yield "The points of no seat ever fall: are they running totals? Wanted those of each round."
    games = frame.group_by("game").agg(pl.col("world").n_unique()).sort("world", "game")
    if games.height > 1:
        share = games["world"][-1] / games["world"].sum()
        yield (
            f"Rows that pool games count every match once ({share:.0%} are {shown(games['game'][-1])}), "
            "in points that differ from game to game."
        )
    if _uneven(frame, "model", ["game", "mechanism"]):
        yield "Models played different mixes of games and mechanisms: compare them within one."
    if _uneven(frame, "mechanism", ["game"]):
        yield "Mechanisms were played on different mixes of games: compare them within a game."
    if any(row.matches < FEW for table in tables for row in table.rows):
        yield f"* fewer than {FEW} matches: the interval says little; fewer than {FEWEST} have none."


def _never_falls(frame: pl.DataFrame) -> bool:
    """Whether the points of no seat ever fall, and those of most rise, over five rounds or more."""
    seat = ("world", "seat")
    steps = frame.sort("round").with_columns(by=pl.col("points").diff().over(seat), n=pl.len().over(seat))
    by = steps.filter(pl.col("n") >= ROUNDS)["by"].drop_nulls().to_numpy()
    return bool(len(by)) and bool((by >= 0).all()) and float((by > 0).mean()) > 0.5


def _uneven(frame: pl.DataFrame, by: str, over: list[str]) -> bool:
    """Whether the shares of matches over some columns differ between the values of another."""
    shares = (
        frame.group_by(by, *over)
        .agg(pl.col("world").n_unique())
        .with_columns(share=(pl.col("world") / pl.col("world").sum().over(by)).round(9))
    )
    unshared = shares.group_by(*over, "share").len().filter(pl.col("len") < shares[by].n_unique())
    return not unshared.is_empty()


def _plain(table: Table) -> list[dict]:
    """A table as JSON-able rows."""
    counts = ("decisions", "matches", "cooperated", "declared")
    return [
        dict(zip(table.keys, row.key, strict=True))
        | {name: getattr(row, name) for name in counts}
        | {name: found.as_dict() for name, found in row.figures.items()}
        for row in table.rows
    ]


def _head(source: Recordings) -> Iterator[str]:
    """What was read, what could not be used, and what counts as cooperation."""
    matches = source.frame["world"].n_unique()
    yield (
        f"{shown(source.source)}: {source.read:,} rows read = {source.kept:,} decisions kept + "
        f"{source.bad.height:,} bad rows; {matches:,} matches"
    )
    for line, reason in source.bad.head(SHOWN).iter_rows():
        yield f"  line {line}: {shown(reason)}"
    if source.bad.height > SHOWN:
        yield f"  and {source.bad.height - SHOWN:,} more bad rows, all named by --json"
    if source.bad["reason"].str.contains("already decided").any():
        yield "  if these are separate matches, name what tells them apart: match=run,pair"
    acts = [f"{game} {' or '.join(a) or 'none'}" for game, a in source.cooperative.items()]
    yield "cooperative acts: " + shown(", ".join(acts))


def _drawn(table: Table, width: int):
    """A rich table for a terminal of that width, and its footnotes."""
    from rich import box
    from rich.table import Table as Drawing
    from rich.text import Text

    notes: dict[str, str] = {}
    wide, slash = (True, " / ") if width >= WIDE else (False, "\n")
    body = [[_cell(f, row.matches, wide, notes) for f in row.figures.values()] for row in table.rows]
    total = sum(row.decisions for row in table.rows)
    title = f"\n{table.title}: {total:,} decisions in {len(table.rows)} rows"
    look = {"box": box.SIMPLE_HEAD, "show_edge": False, "padding": 0}
    drawing = Drawing(title=title, title_justify="left", **look)
    counted = [len(f"{row.decisions:,}") for row in table.rows]
    needs = [max(*counted, len("acts / matches") if wide else len("matches"))]
    for name, column in zip(table.rows[0].figures, zip(*body, strict=True), strict=True):
        lines = [line for text in column if "NA" not in text for line in text.split("\n")]
        needs.append(max(map(len, [name, *lines])))
    labels = max(MARGIN, width - sum(needs) - len(needs))  # what is left for names, which may be folded
    drawing.add_column(table.keys[-1], overflow="fold", max_width=labels)
    for name, least in zip([f"acts{slash}matches", *table.rows[0].figures], needs, strict=True):
        drawing.add_column(name, justify="right" if name[:4] == "acts" else "left", min_width=least)
    sections = set()
    for row, cells in zip(table.rows, body, strict=True):
        *section, label = row.key
        if section and section[0] not in sections:
            drawing.add_row(Text(shown(section[0]), style="bold"))
        sections.update(section)
        few = "*" if row.matches < FEW else ""
        counts = f"{row.decisions:,}{slash}{row.matches:,}{few}"
        drawing.add_row(Text(" " * len(section) + shown(label)), *map(Text, [counts, *cells]))
    return drawing, [f"({mark}) {note}" for note, mark in notes.items()]


def _cell(found: Estimate, matches: int, wide: bool, notes: dict[str, str]) -> str:
    """An estimate as text, interval beside or below; a footnote counts matches without a value."""
    gap = " " if wide else "\n"
    if found.n == 0:
        return f"NA ({found.reason})"
    value, low, high = (
        f"{round(x, 2) + 0.0:.2f}" if abs(x) < 1e9 else f"{x:.3g}"
        for x in (found.value, found.low, found.high)
    )
    if found.missing:
        note = f"{found.missing} of {matches} matches have no value: {found.reason}"
        value += f" ({notes.setdefault(note, chr(97 + len(notes) % 26))})"
    return f"{value}{gap}[{low}, {high}]" if found.n >= FEWEST else value
