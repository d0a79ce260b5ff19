"""One door to every kind of recording: what a file or a folder holds, and its audit."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from .._plain import shown
from .audit import Audit, audit
from .columns import Columns, of_decisions
from .conversation import FAULTS, JSON, Conversations, files, kind_of, pieces
from .diplomacy import read_diplomacy
from .entry import is_entry
from .recordings import Recordings, read_recordings
from .spans import is_spans, read_spans
from .tables import PARQUET, TEXT, read_table, records
from .talk import Talk, audit_talk
from .threads import PLAIN, holds
from .who_and_when import came, of_messages, read_histories, read_messages

LOGS = ".eval"
TABLES = (*TEXT, PARQUET)
READER = "read_any(path, logs=read_logs)"
PEEKED = 20  # values looked at to tell what a file holds
NAMED = 5  # files not read that are named
WANTED = (
    "a file or folder of conversations (.json, .jsonl: lists of messages with a speaker and content), "
    "OpenTelemetry spans (.json, .jsonl), Inspect logs (.eval, .json), Diplomacy dialogues (.jsonl), or "
    "tables of decisions or of messages (.csv, .tsv, .parquet, JSON records)"
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
    if not path.is_file() and not path.is_dir():
        what = "is a pipe or a device, and is not waited for" if path.exists() else "is not a file or folder"
        raise FileNotFoundError(f"{shown(str(path))} {what}; wanted {WANTED}")
    try:
        if _holds_decisions(path, columns):
            return _table(path, columns)
        return _conversations(path, logs)
    except ValueError as error:  # a path or a value that it quotes may move the cursor
        raise ValueError(shown(str(error))) from error


def audit_any(
    path: str | os.PathLike, columns: Columns | None = None, logs: Reader | None = None
) -> Audit | Talk:
    """What the recordings in a file or folder show, see `read_any`."""
    found = read_any(path, columns, logs)
    return audit(found) if isinstance(found, Recordings) else audit_talk(found)


def _holds_decisions(path: Path, columns: Columns | None) -> bool:
    """Whether it is to be read as a table: by its name, by what the user says of it, by its first records."""
    within = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    json = [file for file in within if kind_of(file) in JSON]
    if path.is_file() and not json:
        return kind_of(path) != LOGS
    if any(kind_of(file) == LOGS for file in within):
        return False
    if not json:
        return any(kind_of(file) in TABLES for file in within)
    return columns not in (None, Columns()) or any(map(_records_decisions, json[:PEEKED]))


def _records_decisions(file: Path) -> bool:
    """Whether the first records of a JSON file tell of decisions: who, what, and what it brought."""
    some = (records(value) or [value] for _, value, fault in islice(pieces(file), PEEKED) if not fault)
    return any(of_decisions(one) for each in some for one in each[:PEEKED] if isinstance(one, dict))


def _table(path: Path, columns: Columns | None) -> Recordings | Conversations:
    """The decisions of a table, or the messages where it is of those and nobody says which column is what."""
    try:
        return read_recordings(path, columns)
    except ValueError:
        if columns not in (None, Columns()) or not of_messages(read_table(path)):
            raise
    return read_messages(path)


def _conversations(path: Path, logs: Reader | None) -> Conversations:
    """What is in a file or folder of JSON or logs; where both are, the logs, or JSON if none can be read."""
    within = [file for file, _ in files(path, *JSON, LOGS)]
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


def _noted(found: Conversations, path: Path, *read: str) -> Conversations:
    """The conversations, with a note that names the files of the folder that were not read."""
    every = sorted(path.rglob("*")) if path.is_dir() else []
    rest = [file for file in every if not file.is_dir() and not (file.is_file() and kind_of(file) in read)]
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
        if any(key in keys for key in PLAIN) or holds(value) or is_entry(value):
            return read_histories, ""
    return None, first
