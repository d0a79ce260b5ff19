"""The log of a stored trace or study: what is in it, and how it is sealed.

It lies in a folder `ledger` beside the files: `log.jsonl` (an entry a line, canonical JSON; the line is the
leaf), `checkpoint` (the signed size and root), `key` (the verifier key) and `salts` (16 bytes each).
Entries: a `statement`; a `file` each, with its SHA-256; for a trace with speakers a `message` or `reply`
each, in the order of the tables, its words as SHA-256(salt, words); a `redaction`; a file or trace that is
there no more as `removed`; and of a study the size and root of each `trace` that is in it. The tables that
hold words have salts too, before the words'. Every file of the folder is told of, but those of the log.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from .._stored import PART, write
from .canonical import canonical
from .checkpoint import PRIVATE, Checkpoint, Key, load_key, open_checkpoint, sign, to_text
from .files import HOME, contents, read
from .merkle import leaf, root

FORMAT = "commonweal ledger 1"
TABLES = {"message": "messages.parquet", "reply": "replies.parquet"}
EVENT = b'{"agent":'  # how the entry of an event begins, and no other
SALT = 16  # bytes, so that words cannot be guessed from their hash
MARK = "(redacted)"
ODD = "is a link, no plain file, or no part of a log, which no seal covers"


def read_log(folder: Path) -> list[bytes]:
    """The entries as they are hashed.

    Raises:
        FileNotFoundError: the folder was never sealed. ValueError: the log is a link, or no plain file.
    """
    try:
        return read(folder / HOME / "log.jsonl").split(b"\n")[:-1]
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(
            f"{folder} has no ledger; to make one: ledger.seal({str(folder)!r}, key)"
        ) from None


def top(lines: Iterable[bytes]) -> bytes:
    """The root of a log of these entries."""
    return root([leaf(line) for line in lines])


def entry_of(kind: str, path: Path, folder: Path, salts: Mapping[str, bytes]) -> dict[str, Any]:
    """The entry of a file, hashed as it is read after its salt, or of a sealed trace."""
    entry = {"kind": kind, "path": path.relative_to(folder).as_posix()}
    if kind == "trace":
        lines = read_log(path)
        return entry | {"size": len(lines), "root": to_text(top(lines))}
    with path.open("rb") as file:
        if file.read(len(PRIVATE)) == PRIVATE.encode():
            raise ValueError(f"{path} is a private key; wanted it outside of what is given away")
        file.seek(0)
        found = hashlib.file_digest(file, lambda: hashlib.sha256(salts.get(path.name, b"")))  # type: ignore[arg-type]
    return entry | {"sha256": found.hexdigest()}


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    """The tables of a trace of which every row is an entry; none when no speaker can have been there."""
    meta = folder / "trace.json"
    if not meta.exists() or json.loads(read(meta))["recipe"].get("engine") == "graph":
        return {}
    paths = {kind: folder / name for kind, name in TABLES.items()}
    return {kind: pl.read_parquet(read(path)) for kind, path in paths.items() if path.exists()}


def read_salts(folder: Path) -> tuple[dict[str, bytes], list[bytes]]:
    """The salts of the tables that hold words, by file, and of the words; none where no speaker was."""
    path = folder / HOME / "salts"
    data = read(path) if os.path.lexists(path) else b""
    each = [data[i : i + SALT] for i in range(0, len(data), SALT)]
    names = list(TABLES.values())
    return dict(zip(names, each, strict=False)), each[len(names) :]


def events(rows: Mapping[str, pl.DataFrame], salts: Iterable[bytes]) -> Iterator[bytes]:
    """The entry of each row: canonical JSON, written column by column."""
    salt = iter(salts)
    for kind, table in rows.items():
        words = [hashlib.sha256(next(salt) + text.encode()).hexdigest() for text in table["text"].to_list()]
        words = [f'"{one}"' for one in words]
        columns = {name: [canonical(x) for x in table[name].to_list()] for name in table.columns}
        columns |= {"kind": [f'"{kind}"'] * len(table), "text": words}
        names = sorted(columns)
        shape = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
        for row in zip(*(columns[name] for name in names), strict=True):
            yield (shape % row).encode()


def read_signed(folder: Path, key: Key) -> list[bytes]:
    """The entries of a log that is still as it was signed; none where there is none yet."""
    note = folder / HOME / "checkpoint"
    if not os.path.lexists(note):
        return []
    was = open_checkpoint(read(note), key)
    lines = read_log(folder)[: was.size]  # a kill may have left some that nobody signed
    if top(lines) != was.root:
        raise ValueError(f"the log of {folder} is not the one that was signed: ledger.verify(folder)")
    return lines


def extend(folder: Path, new: Iterable[bytes], key: Key) -> Checkpoint:
    """Add entries to a log that is still as it was signed, and sign it."""
    home, lines = folder / HOME, [*read_signed(folder, key), *new]
    origin = f"{key.name}/{json.loads(lines[0])['log']}"
    now = Checkpoint(origin, len(lines), top(lines))
    home.mkdir(exist_ok=True)
    write(home / "log.jsonl", b"\n".join(lines) + b"\n")
    write(home / "key", f"{key}\n".encode())
    write(home / "checkpoint", sign(now, key).encode())
    return now


def seal(
    folder: str | os.PathLike, key: str | os.PathLike, about: Mapping[str, Any] | None = None
) -> Checkpoint:
    """Log and sign a stored trace, or a study and each trace in it; what was added to a study since, too.

    `key` is the private half of `new_key`; `about` any JSON-able statement: who reviewed, how long to keep.

    Raises:
        ValueError: the key is inside the folder, or something in it is a link or no plain file.
        FileExistsError: the trace is sealed already.
    """
    folder, private = Path(folder), Path(key)
    if private.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the private key {key} is inside {folder}, which will be given away; make another")
    signer, old = load_key(private, private=True), folder / HOME / "checkpoint"
    if (folder / "trace.json").exists() and old.exists():
        raise FileExistsError(f"{folder} is sealed already, a trace is sealed once: ledger.verify(folder)")
    if not (folder / "trace.json").exists() and not (folder / "study.json").exists():
        raise FileNotFoundError(f"{folder} holds no trace.json, no study.json; wanted what Trace.save wrote")
    for part in (folder / HOME).glob(f"{PART}*"):  # what a killed sealing left
        part.unlink()
    parts = list(contents(folder))
    for kind, path in parts:
        if kind == "odd":
            raise ValueError(f"{path} {ODD}: put a copy of what it leads to there, or remove it")
        if kind == "trace" and not (path / HOME / "checkpoint").exists():
            seal(path, private, about)
    before = read_signed(folder, signer)
    name = json.loads(before[0])["log"] if before else os.urandom(8).hex()
    told = latest(dict(enumerate(map(json.loads, before))))
    if rows := tables(folder):
        (folder / HOME).mkdir(exist_ok=True)
        salts = os.urandom(SALT * (len(TABLES) + sum(map(len, rows.values()))))
        write(folder / HOME / "salts", salts)
    files, words = read_salts(folder)
    made = [entry_of(kind, path, folder, files) for kind, path in parts]
    gone = told.keys() - {one["path"] for one in made}
    made += [{"kind": "removed", "path": path} for path in sorted(gone)]
    new = [one for one in made if told.get(one["path"], (0, None))[1] != one]
    if before and not new:
        return open_checkpoint(old.read_bytes(), signer)
    statement = {"kind": "statement", "format": FORMAT, "log": name, "sealed": clock()}
    statement["about"] = dict(about or {})
    head = [canonical(one).encode() for one in (statement, *new)]
    return extend(folder, chain(head, events(rows, words)), signer)


def clock() -> str:
    """Now, in UTC, by this machine's own clock."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def latest(entries: Mapping[int, Mapping[str, Any]]) -> dict[str, tuple[int, Mapping[str, Any]]]:
    """What a log last said of each path, and in which entry."""
    return {one["path"]: (i, one) for i, one in entries.items() if "path" in one}
