"""One door to every kind of recording: what a file or a folder holds, and its audit."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from .audit import Audit, audit
from .conversation import FAULTS, JSON, Conversations, files, kind_of, pieces, shown
from .diplomacy import read_diplomacy
from .recordings import Columns, Recordings, read_recordings
from .spans import is_spans, read_spans
from .talk import Talk, audit_talk
from .who_and_when import HISTORY, came, is_talk, read_histories

LOGS = ".eval"
TABLES = (".csv", ".tsv", ".parquet")
READER = "read_any(path, logs=read_logs)"
PEEKED = 20  # values looked at to tell what a file holds
NAMED = 5  # files not read that are named
WANTED = (
    "a folder of JSON histories, OpenTelemetry spans (.json, .jsonl), Inspect logs (.eval), Diplomacy "
    "dialogues (.jsonl), or a table of decisions (.csv, .tsv, .parquet)"
)
Reader = Callable[[Path], Conversations]


def read_any(
    path: str | os.PathLike, columns: Columns | None = None, logs: Reader | None = None
) -> Recordings | Conversations:
    """The recordings in a file or folder, told by its name and its first values.

    `columns` is for tables of decisions; `logs` reads Inspect logs (`commonweal.language.transcripts`).

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it holds nothing that can be read, or of two kinds.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{shown(str(path))} is not a file or folder; wanted {WANTED}")
    try:
        if path.is_file() and kind_of(path) not in (*JSON, LOGS):
            return read_recordings(path, columns)
        return _conversations(path, logs)
    except ValueError as error:  # a path or a value that it quotes may move the cursor
        raise ValueError(shown(str(error))) from error


def audit_any(
    path: str | os.PathLike, columns: Columns | None = None, logs: Reader | None = None
) -> Audit | Talk:
    """What the recordings in a file or folder show, see `read_any`."""
    found = read_any(path, columns, logs)
    return audit(found) if isinstance(found, Recordings) else audit_talk(found)


def _conversations(path: Path, logs: Reader | None) -> Conversations:
    """What is in a file or folder of JSON or logs; where both are, the logs, or JSON if none can be read."""
    within = _within(path)
    packed = [file for file in within if kind_of(file) == LOGS]
    if not packed:
        return _noted(_reader(path, within, logs)(path), path, *JSON)
    if logs is None:
        raise ValueError(f"{path} is an Inspect log; wanted a reader: {READER}")
    try:
        return _noted(logs(path), path, LOGS, ".json")
    except ValueError:
        rest = [file for file in within if file not in packed]
        try:
            found = _reader(path, rest, logs)(path)
        except ValueError:
            found = None
        if found is None:
            raise
    faults = [(shown(file.relative_to(path).as_posix()), _fault(file, logs)) for file in packed]
    bad = found.bad.vstack(pl.DataFrame(faults, FAULTS, orient="row"))
    return _noted(replace(found, bad=bad, read=found.read + len(faults)), path, *JSON, LOGS)


def _within(path: Path) -> list[Path]:
    """The files of JSON or logs; an error that names a table, if there is one instead."""
    try:
        return [file for file, _ in files(path, *JSON, LOGS)]
    except ValueError as error:
        tables = sorted(file for file in path.rglob("*") if file.is_file() and kind_of(file) in TABLES)
        if not tables:
            raise
        raise ValueError(f"{error}, or one table of decisions: commonweal audit {tables[0]}") from error


def _noted(found: Conversations, path: Path, *read: str) -> Conversations:
    """The conversations, with a note that names the files of the folder that were not read."""
    every = sorted(path.rglob("*")) if path.is_dir() else []
    rest = [file for file in every if file.is_file() and kind_of(file) not in read]
    if not rest:
        return found
    names = ", ".join(shown(file.relative_to(path).as_posix(), 60) for file in rest[:NAMED])
    more = f" and {len(rest) - NAMED:,} more" if len(rest) > NAMED else ""
    return replace(found, notes=(*found.notes, f"Not read, of another kind: {names}{more}."))


def _fault(log: Path, logs: Reader) -> str:
    """Why a log cannot be read."""
    try:
        logs(log)
    except ValueError as error:
        return str(error)
    return "it can be read by itself only"


def _reader(path: Path, within: list[Path], logs: Reader | None) -> Reader:
    """What reads all these files.

    Raises:
        ValueError: they are of no known kind, or of two.
    """
    kinds, faults = dict[Reader, Path](), list[str]()
    for file in within[:PEEKED]:
        kind, fault = _kind(file, logs)
        if kind:
            kinds.setdefault(kind, file)
        else:
            faults.append(fault)
    if len(kinds) != 1:
        both = " and ".join(f"{reader.__name__} ({file.name})" for reader, file in kinds.items())
        none = f"nothing that is known; the first fault is at {next(iter(faults), path.name)}"
        raise ValueError(f"{path.name} holds {f'two kinds: {both}' if both else none}; wanted {WANTED}")
    return next(iter(kinds))


def _kind(file: Path, logs: Reader | None) -> tuple[Reader | None, str]:
    """What reads a JSON file, by the first of its values that is of a known kind, else the first fault."""
    first = ""
    for where, value, fault in islice(pieces(file), PEEKED):
        first = first or f"{where}: {fault or f'came {came(value)}'}"
        keys: Any = value if isinstance(value, dict) else ()
        if "sender_labels" in keys or "receiver_labels" in keys:
            return read_diplomacy, ""
        if {"eval", "status"} <= set(keys):  # a log of Inspect
            if logs is None:
                raise ValueError(f"{file.name} is an Inspect log; wanted a reader: {READER}")
            return logs, ""
        if is_spans(value):
            return read_spans, ""
        if any(key in keys for key in HISTORY) or is_talk(value):
            return read_histories, ""
    return None, first
