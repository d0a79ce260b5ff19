"""Words taken out of a sealed run, for good: which entries hold them, and where else they stand."""

import gzip
import html
import io
import json
import os
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from .._stored import write
from .canonical import canonical
from .checkpoint import Checkpoint, load_key, open_checkpoint
from .files import HOME, contents, read
from .log import (
    EVENT,
    MARK,
    SALT,
    TABLES,
    clock,
    entry_of,
    extend,
    read_log,
    read_salts,
    read_signed,
    tables,
)

LOGGED = (".jsonl", ".ndjson")  # a line is a record, and is dropped as a whole
PROSE = (".html", ".txt", ".md", ".csv", ".svg")
UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, ValueError, pl.exceptions.PolarsError)


def find(folder: str | os.PathLike, words: str) -> list[int]:
    """The entries of a sealed trace whose text contains these words."""
    return _entries(Path(folder), [words])


def _entries(folder: Path, words: Iterable[str]) -> list[int]:
    """The entries of a sealed trace whose text contains one of these words."""
    where = [i for i, line in enumerate(read_log(folder)) if line.startswith(EVENT)]
    texts = chain.from_iterable(table["text"].to_list() for table in tables(folder).values())
    return [i for i, text in zip(where, texts, strict=True) if any(one in text for one in words)]


def redact(
    folder: str | os.PathLike,
    which: Iterable[int],
    why: str,
    key: str | os.PathLike,
    *,
    everywhere: bool = False,
) -> Checkpoint:
    """Take the words out of some entries, for good; that it was done, and why, is logged and signed.

    Who spoke, when and to which prompt stays, and the entries' hashes with it. The same words may stand
    elsewhere in the run, or in the study that it is part of: in other entries (a message is part of a
    reply), among the kept `replies`, in the report. A warning names the files. `everywhere` takes the words
    out of these too: entries are redacted, kept replies dropped, pages overwritten, and the logs extended.
    What makes the run again (recipe, plan, columns) is never edited; the warning names it.

    Raises:
        ValueError: an entry that holds no words, a log that is not as it was signed.
    """
    folder, which = Path(folder), sorted(set(which))
    taken = _redacted(folder, which, why, key)
    words, home = _forms(part for text in taken for part in _parts(text)), _run_of(folder)
    if left := _rest(
        home, words, why, key, "" if everywhere else "redact(..., everywhere=True) takes them out"
    ):
        warnings.warn(left, stacklevel=2)
    return open_checkpoint(read(folder / HOME / "checkpoint"), load_key(Path(key), private=True))


def redact_words(
    folder: str | os.PathLike, words: str, why: str, key: str | os.PathLike, *, everywhere: bool = False
) -> list[str]:
    """Redact every entry of a run, or of the traces of a study, that holds these words; says what it did.

    Raises:
        ValueError: no entry holds them. FileNotFoundError: a trace that holds them is not sealed.
    """
    folder = Path(folder)
    traces = [path for kind, path in [("trace", folder), *contents(folder)] if kind == "trace"]
    found = {path: find(path, words) for path in traces if (path / "trace.json").is_file()} if words else {}
    home, forms = _run_of(folder), _forms([words] if words else [])
    if not any(found.values()):
        where = _left(home, forms) or "none"
        raise ValueError(
            f"no message and no reply of {folder} holds {words!r} (in its files: {where}); wanted words as "
            "they were said"
        )
    told = []
    for path, which in found.items():
        if which:
            _redacted(path, which, why, key)
            told.append(f"redacted {len(which)} messages and replies of {path}")
    left = _rest(home, forms, why, key, "" if everywhere else "--everywhere takes them out there too")
    return [*told, left] if left else told


def _rest(home: Path, words: set[str], why: str, key: str | os.PathLike, offer: str) -> str:
    """Where the words still stand, and the `offer` to take them out; without one it is done first."""
    if not offer:
        _remove(home, words, why, key)
    left = _left(home, words)
    return (
        f"the words still stand in {left} of {home}; {offer or 'edit or delete these by hand'}"
        if left
        else ""
    )


def _remove(home: Path, words: set[str], why: str, key: str | os.PathLike) -> None:
    """Take the words out of every trace of a run, its kept replies and its pages; sealed, they say so."""
    if not words:
        return
    traces = [path for kind, path in [("trace", home), *contents(home)] if kind == "trace"]
    for trace in traces:
        if (trace / HOME).is_dir() and (some := _entries(trace, words)):
            _redacted(trace, some, why, key)
    signer = load_key(Path(key), private=True)
    for log in traces:
        changed = [path for kind, path in contents(log) if kind == "file" and _take_out(path, words)]
        if changed and (log / HOME).is_dir():
            told = [entry_of("file", path, log, read_salts(log)[0]) for path in changed]
            extend(log, [canonical(one).encode() for one in told], signer)


def _redacted(folder: Path, which: list[int], why: str, key: str | os.PathLike) -> list[str]:
    """Redact these entries of one trace; the texts that stood there."""
    signer = load_key(Path(key), private=True)
    lines = read_signed(folder, signer)
    where = {i: j for j, i in enumerate(i for i, line in enumerate(lines) if line.startswith(EVENT))}
    if not which or not set(which) <= set(where):
        raise ValueError(
            f"entries {which} came to be redacted; wanted some that are messages or replies: "
            f"ledger.find({str(folder)!r}, words)"
        )
    sealed, now = json.loads(lines[0])["sealed"], clock()
    if now < sealed:
        raise ValueError(f"this machine's clock says {now}, before the sealing at {sealed}; set it first")
    files, words = read_salts(folder)
    rows, gone, start, made = tables(folder), {where[i] for i in which}, 0, []
    words, taken = [bytes(SALT) if j in gone else salt for j, salt in enumerate(words)], []
    for kind, table in rows.items():
        path, here = folder / TABLES[kind], {j - start for j in gone if 0 <= j - start < len(table)}
        start += len(table)
        if here:
            old = table["text"].to_list()
            taken += [old[j] for j in sorted(here) if old[j] != MARK]
            texts = [MARK if j in here else text for j, text in enumerate(old)]
            data = io.BytesIO()
            table.with_columns(text=pl.Series(texts, dtype=pl.String)).write_parquet(data)
            write(path, data.getvalue())
            files[path.name] = os.urandom(SALT)  # the old file's hash must not confirm a guess either
            made.append(entry_of("file", path, folder, files))
    write(folder / HOME / "salts", b"".join([*files.values(), *words]))
    made += [{"kind": "redaction", "of": i, "why": why, "at": now} for i in which]
    extend(folder, [canonical(one).encode() for one in made], signer)
    return taken


# ------------------------------------------------------------------------- where the words stand


def _run_of(folder: Path) -> Path:
    """The study that a trace is part of, or the trace itself."""
    above = [home for home in folder.resolve().parents if (home / "study.json").is_file()]
    return above[0] if above else folder


def _parts(text: str) -> Iterator[str]:
    """A text, and what is said in it where it is a JSON answer: its values of more than one word."""
    yield text
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from (one for one in _strings(told) if " " in one.strip())


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    for one in told.values() if isinstance(told, dict) else told if isinstance(told, list) else ():
        yield from _strings(one)


def _forms(words: Iterable[str]) -> set[str]:
    """The words as they stand in plain text, JSON, JSON within JSON, and pages."""
    found = set(words)
    for _ in range(2):
        found |= {json.dumps(one, ensure_ascii=ascii)[1:-1] for one in found for ascii in (True, False)}
    return found | {html.escape(one, quote) for one in found for quote in (True, False)}


def _holding(home: Path, words: set[str]) -> Iterator[Path]:
    """The files of a run, and of the traces in it, in which one of the words stands."""
    for kind, path in contents(home) if words else ():
        if kind == "trace":
            yield from _holding(path, words)
        elif kind == "file" and any(_stands(data, words) for data in _texts(path)):
            yield path


def _left(home: Path, words: set[str]) -> str:
    """The names of these files."""
    return ", ".join(path.relative_to(home).as_posix() for path in _holding(home, words))


def _texts(path: Path) -> Iterator[bytes]:
    """The bytes of a file, and what is packed in it."""
    raw = read(path)
    yield raw
    try:
        if path.suffix == ".parquet":
            for column in pl.read_parquet(raw).iter_columns():
                if column.dtype == pl.String or column.dtype.is_nested():
                    yield "\n".join(map(str, column.unique().to_list())).encode("utf-8", "replace")
        elif path.suffix == ".gz":
            yield gzip.decompress(raw)
        elif zipfile.is_zipfile(io.BytesIO(raw)):
            with zipfile.ZipFile(io.BytesIO(raw)) as packed:
                yield from map(packed.read, packed.namelist())
    except UNREADABLE:
        return  # its bytes were looked at


def _stands(data: bytes, words: Iterable[str]) -> bool:
    return any(one.encode("utf-8", "replace") in data for one in words)


def _take_out(path: Path, words: set[str]) -> bool:
    """Remove the words from a file of text, where that breaks nothing that makes the run again; if it did."""
    raw = read(path) if path.suffix in (*LOGGED, *PROSE) else b""
    if not _stands(raw, words):
        return False
    if path.suffix in LOGGED:
        raw = b"".join(line for line in raw.splitlines(keepends=True) if not _stands(line, words))
    for one in sorted(words, key=len, reverse=True):
        raw = raw.replace(one.encode("utf-8", "replace"), MARK.encode())
    write(path, raw)
    return True
