"""Tables as people have them: text, Parquet, JSON records, a folder of any of these; each row as it stands.

A row keeps its line, and what is wrong with it. What is read in another way than it is written (a decimal
comma, an index that pandas wrote) and what is left out (comments) is said in a note.
"""

import csv
import gzip
import json
import os
import re
import zlib
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from .conversation import JSON, MOST, brief, kind_of, pieces, shown

TEXT, PARQUET = (".csv", ".tsv", ".txt"), ".parquet"
KINDS = "a table of decisions: .csv, .tsv (also .gz), .parquet, or JSON records (.json, .jsonl)"
SEPARATORS = ",;\t|"
UNREADABLE = (csv.Error, UnicodeError, EOFError, OSError, zlib.error, pl.exceptions.PolarsError)
UTF16 = (b"\xff\xfe", b"\xfe\xff")
CELLS = 200_000_000  # of one Parquet file
INDEX = ("", "Unnamed: 0", "__index_level_0__")  # what pandas calls the index that it wrote beside
NUMBER = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")
OWN, NAMELESS = ("#file", "#line", "#fault"), "#column"  # columns of ours


class Table(NamedTuple):
    """Rows with `#line` (1 is the first line, or the first record), `#fault` ("" or what is wrong), and for a
    folder `#file`; and what a reader must know."""

    rows: pl.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the table's own columns."""
        return [name for name in self.rows.columns if name not in OWN]


def read_table(path: str | os.PathLike) -> pl.DataFrame:
    """The rows of a table, see `open_table`."""
    return open_table(path).rows


def open_table(path: str | os.PathLike) -> Table:
    """A table as it stands: a file, or the tables of a folder as one.

    Text (.csv, .tsv, also .gz, at most 256 MiB unpacked) keeps every cell as text; the separator is that of a
    line `sep=;`, or the commonest of comma, semicolon, tab and bar in the header. Parquet keeps its types.
    JSON is a list of records, a record a line, or what `DataFrame.to_json` writes in any orient but "values".
    In a folder, parts of the path like `game=pd` are columns.

    Raises:
        FileNotFoundError: no such file or folder.
        ValueError: a file that is no such table, or has no rows.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    if not path.is_file():
        what = "is a pipe or a device, and is not waited for" if path.exists() else "is not a file"
        raise FileNotFoundError(f"{path} {what}; wanted {KINDS}: commonweal audit recordings.csv")
    kind = kind_of(path)
    if kind not in (*TEXT, PARQUET, *JSON):
        raise ValueError(
            f"{path.name} ends in {kind or 'nothing'}; wanted {KINDS}: save it as {path.stem}.csv"
        )
    try:
        found = (
            Table(_numbered(_parquet(path)))
            if kind == PARQUET
            else _records(path)
            if kind in JSON
            else _text(path)
        )
    except UNREADABLE as error:
        why = shown(str(error).splitlines()[0], 200)
        raise ValueError(
            f"{path.name} cannot be read as {kind} ({why}); wanted UTF-8 text with a header line, Parquet or "
            "JSON records: repair or save it again"
        ) from error
    if found.rows.is_empty():
        raise ValueError(
            f"{path.name} has no rows; wanted a header line and then one line per decision: "
            "match,round,seat,model,action,points"
        )
    return _without_index(found)


def _parquet(path: Path) -> pl.DataFrame:
    """The rows of a Parquet file, if it has not too many cells."""
    lazy = pl.scan_parquet(path, glob=False, hive_partitioning=False)
    held = lazy.select(pl.len()).collect().item() * len(lazy.collect_schema())
    if held > CELLS:
        raise csv.Error(f"{held:,} cells, more than {CELLS:,}: split it")
    return lazy.collect()


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """With `#line` and `#fault`."""
    return rows.with_row_index("#line", 1).with_columns(
        pl.col("#line").cast(pl.Int64), pl.lit("").alias("#fault")
    )


def _without_index(table: Table) -> Table:
    """Without the index that pandas wrote as a first column without a name, or under a name of its own."""
    index = [name for name in table.names if name in INDEX and name == table.names[0] or name == INDEX[-1]]
    if not index:
        return table
    called = shown(index[0]) or "without a name"
    said = f"The column {called} is taken for pandas' index, and left out."
    return Table(table.rows.drop(index), (*table.notes, said))


# -------------------------------------------------------------------------------------------- text


def _text(path: Path) -> Table:
    """The rows of a file of text, every cell as text."""
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    with opened(path, "rb") as file:
        raw = file.read(MOST + 1)
    if len(raw) > MOST:
        raise csv.Error(f"it holds more than {MOST >> 20} MiB unpacked: split it, or save it as Parquet")
    lines = StringIO(raw.decode("utf-16" if raw[:2] in UTF16 else "utf-8-sig"), newline="")
    head, separator, start, comments = "", "", 0, 0
    for line in lines:
        start, head = start + 1, line.strip("\r\n")
        if not separator and re.fullmatch("sep=.", head.strip(), re.IGNORECASE):
            separator = head.strip()[-1]
        elif head.startswith("#"):
            comments += 1
        elif head.strip():
            break
        head = ""
    separator = separator or max(SEPARATORS, key=head.count)
    names = _header(next(csv.reader([head], delimiter=separator), []))
    limit = csv.field_size_limit(MOST)
    try:
        rows, more = _rows(csv.reader(lines, delimiter=separator, strict=True), len(names), start)
    finally:
        csv.field_size_limit(limit)
    schema = {"#line": pl.Int64, "#fault": pl.String} | dict.fromkeys(names, pl.String)
    table = pl.DataFrame(rows, schema=schema, orient="row")
    notes = [f"Comment lines, left out: {comments + more:,}."] if comments + more else []
    for i, name in enumerate(names):
        if name.startswith(NAMELESS) and (table[name] != "").any():
            raise csv.Error(f"column {i + 1} of the header has no name")
    changed = {name: _decimal(table[name]) for name in names} if separator != "," else {}
    points = {name: column for name, column in changed.items() if column is not None}
    if points:
        notes.append(f"Decimal commas are read as points, in {', '.join(map(shown, points))}.")
    nameless = [name for name in names if name.startswith(NAMELESS)]
    return Table(table.with_columns(**points).drop(nameless), tuple(notes))


def _header(cells: Sequence[str]) -> list[str]:
    """The names of the columns: the first may be empty, as pandas' index is; others get one of ours."""
    names = [cell.strip() or (f"{NAMELESS} {i + 1}" if i else "") for i, cell in enumerate(cells)]
    twice = [name for i, name in enumerate(names) if name in names[:i]]
    if twice:
        raise csv.Error(f"the header names {brief(twice[0])} twice")
    return names


def _rows(reader: Any, n: int, start: int) -> tuple[list[list], int]:
    """Line, fault and n cells of each row after line `start`; and how many lines are comments."""
    rows, comments, line = [], 0, start + 1
    try:
        for row in reader:
            if row and row[0].startswith("#") and len(row) != n:
                comments += 1
            elif row:
                fault = "" if len(row) == n else f"{len(row)} cells, wanted {n}"
                rows.append([line, fault, *(row + [""] * n)[:n]])
            line = start + reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {line}: {error}") from error
    return rows, comments


def _decimal(column: pl.Series) -> pl.Series | None:
    """Numbers with decimal commas as numbers with points; None where these are none, or may be thousands."""
    cells = [cell.strip() for cell in column.to_list() if cell.strip()]
    commas = [cell.partition(",")[2] for cell in cells if "," in cell]
    sure = any(len(digits) != 3 for digits in commas) and all(map(NUMBER.fullmatch, cells))
    return column.str.replace(",", ".", literal=True) if sure else None


# -------------------------------------------------------------------------------------------- JSON


def _records(path: Path) -> Table:
    """The records of a JSON file: one a line, or those of its only value."""
    rows, faults = list[Any](), list[str]()
    for _, value, fault in pieces(path):
        some = [value] if fault or kind_of(path) != ".json" else records(value)
        if some is None:
            raise csv.Error("it is no list of records, and nothing that DataFrame.to_json writes")
        rows += some
        faults += [
            fault or ("" if isinstance(one, dict) else f"came {brief(one)}, wanted an object") for one in some
        ]
    kept = [one if isinstance(one, dict) else {} for one in rows]
    names = list(dict.fromkeys(str(name) for one in kept for name in one))
    columns: dict[str, Any] = {"#line": range(1, len(kept) + 1), "#fault": faults}
    columns |= {name: [_cell(one.get(name)) for one in kept] for name in names if name not in OWN}
    schema = {name: pl.Int64 if name == "#line" else pl.String for name in columns}
    return Table(pl.DataFrame(columns, schema))


def records(value: Any) -> list[Any] | None:
    """The records in one JSON value, whatever the orient in which pandas wrote it; None if there are none."""
    if isinstance(value, list):
        return value if any(isinstance(one, dict) for one in value) else None
    if not isinstance(value, dict):
        return None
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list):  # orient="split"
        names = [str(name) for name in columns]
        return [dict(zip(names, row, strict=False)) if isinstance(row, list) else row for row in data]
    lists = [one for one in value.values() if isinstance(one, list) and one]
    of_objects = [one for one in lists if all(isinstance(x, dict) for x in one)]
    if len(of_objects) == 1:  # orient="table", or a list under some key
        return of_objects[0]
    if len(lists) == len(value) and len({len(one) for one in lists}) == 1:  # a list a column
        return [dict(zip(value, row, strict=True)) for row in zip(*lists, strict=True)]
    inner = list(value.values())
    if not inner or not all(isinstance(one, dict) and one.keys() == inner[0].keys() for one in inner):
        return None
    if all(key.isdecimal() for key in value) and not all(key.isdecimal() for key in inner[0]):
        return inner  # orient="index"
    return [{name: column[at] for name, column in value.items()} for at in inner[0]]  # orient="columns"


def _cell(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# ------------------------------------------------------------------------------------------ folders


def tables_in(folder: Path) -> list[Path]:
    """The tables of a folder: text and Parquet; where there are none, JSON."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    return [file for file in found if kind_of(file) in (*TEXT, PARQUET)] or [
        file for file in found if kind_of(file) in JSON
    ]


def _folder(folder: Path) -> Table:
    """The tables of a folder as one."""
    parts, notes = list[pl.DataFrame](), list[str]()
    for file in tables_in(folder):
        name = file.relative_to(folder).as_posix()
        try:
            rows, more = open_table(file)
        except ValueError as error:
            notes.append(f"Left out: {shown(str(error), 200)}.")
            continue
        keys = dict(part.split("=", 1) for part in file.relative_to(folder).parts[:-1] if "=" in part)
        parts.append(
            rows.with_columns(pl.lit(name).alias("#file"), **{k: pl.lit(v) for k, v in keys.items()})
        )
        notes += more
    called = shown(str(folder))
    if not parts:
        raise ValueError(f"{called} holds no table that can be read; wanted {KINDS}. {' '.join(notes[:1])}")
    try:
        rows = pl.concat(parts, how="diagonal_relaxed")
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"the tables of {called} differ in kind ({shown(str(error), 100)})") from error
    several = [f"{len(parts):,} tables are read as one."] if len(parts) > 1 else []
    return Table(rows.with_columns(pl.col("#fault").fill_null("")), (*several, *dict.fromkeys(notes)))
