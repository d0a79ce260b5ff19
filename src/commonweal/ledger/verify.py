"""Is this folder what was signed? From its files alone; and, when asked, does its recipe make it again?"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .._columns import column_files
from .._plain import shown
from .canonical import canonical
from .checkpoint import Key, load_key, open_checkpoint, read_key, to_text
from .files import HOME, contents, read
from .log import EVENT, MARK, ODD, SALT, TABLES, entry_of, events, latest, read_log, read_salts, tables, top
from .merkle import leaf, root

if TYPE_CHECKING:
    from .._trace import Trace

GONE = sha256(bytes(SALT) + MARK.encode()).hexdigest()
BROKEN = (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError)
BROKEN += (OverflowError, MemoryError, pl.exceptions.PolarsError)
KINDS = ("statement", "file", "trace", "redaction", "removed")


@dataclass(frozen=True)
class Finding:
    """What `verify` found.

    - `fault`: the first thing that does not match, empty if all does.
    - `signer`: the verifier key; `given`: whether the reader brought it, or it came with the folder.
    - `entries`, `root`: the size and root of the log, as signed.
    - `redacted`: the entries whose words were taken out, and why.
    - `replayed`: how many traces were run again and came out the same, bit for bit.
    """

    folder: str
    fault: str
    signer: str
    given: bool
    entries: int = 0
    root: str = ""
    redacted: tuple[str, ...] = ()
    replayed: int = 0

    @property
    def ok(self) -> bool:
        """Whether everything matches."""
        return not self.fault

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON-able data."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self):
        if self.fault:
            return _row(f"{self.folder} does not verify: {self.fault}")
        lines = [f"{self.folder} is what {self.signer} signed: {self.entries} entries, root {self.root}"]
        lines += [f"redacted: {one}" for one in self.redacted]
        if self.replayed:
            lines.append(f"run again from the recipe, the same bit for bit: {self.replayed}")
        if not self.given:
            lines.append("the key came with the folder, so who signed is not shown: pass the key you trust")
        return "\n".join(map(_row, lines))


def _row(line: str) -> str:
    """A plain line in which no run of spaces pushes a stranger's words to where a line begins."""
    return " ".join(shown(line).split())


def verify(
    folder: str | os.PathLike,
    key: str | os.PathLike | None = None,
    replay: bool = False,
    *,
    seen: str | os.PathLike | None = None,
    trust: bool = False,
) -> Finding:
    """Check a sealed trace or study, or a copy of one, against what was signed.

    - `key`: the verifier key that the reader trusts, as text or file; else the one in the folder.
    - `replay`: run every recipe again too, asking no model.
    - `trust`: import and call what the recipes name for that: only for a signer whose programs you would
      run. Else nothing but commonweal's own is imported, and what would be is the fault.
    - `seen`: the file of a checkpoint of the same log, seen earlier, which the log must extend.

    Raises:
        FileNotFoundError: the folder was never sealed. ValueError: `key` is no verifier key.
    """
    folder = Path(folder)
    lines = read_log(folder)
    old = None if seen is None else Path(seen).read_bytes()
    signer, fault, redacted, replayed = "", "", [], 0
    if key is not None:
        signer = load_key(key, private=False)
    try:
        signer = signer or read_key(read(folder / HOME / "key").decode().removesuffix("\n"))
        fault = next(_faults(folder, signer, old), "")
    except BROKEN as why:
        fault = f"something is not of our making: {why}"
    homes = [] if fault else [folder, *(path for kind, path in contents(folder) if kind == "trace")]
    for home in homes:
        where = "" if home == folder else f"{home.relative_to(folder).as_posix()}: "
        redacted += [where + one for one in _redacted(home)]
        if replay and not fault and (home / "trace.json").exists():
            again = _again(home, trust)
            fault, replayed = f"{where}{again}" if again else "", replayed + (not again)
    found = {"entries": len(lines), "root": to_text(top(lines)), "redacted": tuple(redacted)}
    return Finding(str(folder), fault, str(signer), key is not None, **found, replayed=replayed)


def _faults(folder: Path, key: Key, seen: bytes | None = None) -> Iterator[str]:
    """What does not match; the first of it is meant."""
    try:
        lines = read_log(folder)
        signed = open_checkpoint(read(folder / HOME / "checkpoint"), key)
        before = signed if seen is None else open_checkpoint(seen, key)
    except (ValueError, OSError) as why:
        yield f"the checkpoint {why}" if isinstance(why, ValueError) else str(why)
        return
    leaves = [leaf(line) for line in lines]
    if not lines:
        yield "the log is empty"
    if read(folder / HOME / "key") != f"{key}\n".encode():
        yield f"the key in the folder is not {key}"
    if len(lines) != signed.size:
        yield f"the checkpoint signs {signed.size} entries, the log has {len(lines)}"
    found = _differences(folder, lines, key)
    if root(leaves) != signed.root:
        yield next(found, "every entry matches the files") + "; and the log has not the root that was signed"
    yield from found
    if signed.origin != f"{key.name}/{json.loads(lines[0])['log']}":
        yield f"the checkpoint is of another log, {signed.origin}"
    longer = before.origin == signed.origin and before.size <= len(leaves)
    if not longer or root(leaves[: before.size]) != before.root:
        yield f"the log does not extend the checkpoint that was seen, of {before.size} entries"


def _differences(folder: Path, lines: list[bytes], key: Key) -> Iterator[str]:
    """Where the log and the files differ."""
    entries: dict[int, dict[str, Any]] = {}
    for i, line in enumerate(lines):
        if not line.startswith(EVENT):
            try:
                entries[i] = json.loads(line)
                sound = canonical(entries[i]).encode() == line and entries[i]["kind"] in KINDS
            except BROKEN:
                sound = False
            if not sound:
                yield f"entry {i} of the log is not one of ours"
                return
    yield from _odd_redactions(lines, entries)
    told, (salts, _), here = latest(entries), read_salts(folder), dict[str, str]()
    for kind, path in contents(folder):
        name = path.relative_to(folder).as_posix()
        here[name] = kind
        if kind == "odd":
            yield f"{name} {ODD}"
        elif name not in told or told[name][1]["kind"] == "removed":
            yield f"{name} is in the folder and not in the log"
    for path, (i, one) in told.items():
        kind = one["kind"]
        if kind == "removed":
            continue
        if here.get(path) != kind:
            yield f"{path}, of which entry {i} tells, is not in the folder"
        elif kind == "trace":
            yield from (f"{path}: {fault}" for fault in _faults(folder / path, key))
            if to_text(top(read_log(folder / path)[: one["size"]])) != one["root"]:
                yield f"{path}: its log does not extend the one of which entry {i} tells"
        elif entry_of("file", folder / path, folder, salts) != one:
            yield f"{path} is not the file of which entry {i} tells"
    if here.get("trace.json") == "file":
        column_files(json.loads(read(folder / "trace.json")), folder)
    # Only now that the tables are the files that were logged: a broken one can end the process that reads it.
    redacted = {one["of"] for one in entries.values() if one["kind"] == "redaction"}
    yield from _events(folder, lines, redacted)


def _odd_redactions(lines: list[bytes], entries: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    """What no redaction of ours says."""
    sealed = ""
    for i, one in entries.items():
        sealed = one["sealed"] if one["kind"] == "statement" else sealed
        if one["kind"] == "redaction":
            of, why, at = one["of"], one["why"], one["at"]
            whole = isinstance(of, int) and not isinstance(of, bool) and 0 <= of < i and isinstance(why, str)
            if not whole or not lines[of].startswith(EVENT):
                yield f"entry {i} redacts what is no message and no reply"
            elif datetime.fromisoformat(at) < datetime.fromisoformat(sealed):
                yield f"entry {i} is a redaction of {at}, before the sealing at {sealed}"


def _events(folder: Path, lines: list[bytes], redacted: set[int]) -> Iterator[str]:
    """Where the rows of messages and replies are not what the log says of them."""
    rows = tables(folder)
    where = [i for i, line in enumerate(lines) if line.startswith(EVENT)]
    count = sum(map(len, rows.values()))
    of_tables, of_words = read_salts(folder)
    if len(of_tables) + len(of_words) != (len(TABLES) + count if rows else 0):
        yield "the salts are not one for each of the tables and each message and reply"
    if count != len(where):
        yield f"the log tells of {len(where)} messages and replies, the tables hold {count}"
    for i, wanted in zip(where, events(rows, of_words), strict=False):
        line = lines[i]
        if i in redacted:  # the hash of the words stays in the log; the row must say that they are gone
            line = canonical(json.loads(line) | {"text": GONE}).encode()
        if line != wanted:
            yield f"entry {i} is not the {_name(json.loads(wanted))} in the tables"


def _name(event: Mapping[str, Any]) -> str:
    """An event in words."""
    where = "world {world}, tick {t}" if "t" in event else "seed {seed}, tick {tick}"
    return f"{event['kind']} of agent {event['agent']} in {where.format_map(event)}"


def _redacted(home: Path) -> Iterator[str]:
    """The entries of a log whose words were taken out, and why."""
    lines = read_log(home)
    for one in (json.loads(line) for line in lines if not line.startswith(EVENT)):
        if one["kind"] == "redaction":
            yield f"entry {one['of']}, {_name(json.loads(lines[one['of']]))}: {one['why']}"


def _again(home: Path, trusted: bool) -> str:
    """Why a trace is not what its recipe makes now, if it is not."""
    from .._run import replay
    from .._trace import load
    from .._trust import trust

    try:
        trace = load(home)
        if trusted:
            trust(trace.recipe)
        if MARK in trace.replies["text"]:
            return "cannot be run again: a reply that this needs is redacted"
        made = replay(trace, ask=False)
    except Exception as why:  # what a recipe names may fail in any way
        return f"cannot be run again: {' '.join(str(why).split())}"
    places = [f"jax {x.recipe.get('jax')} on {x.recipe.get('platform')}" for x in (trace, made)]
    moved = "" if places[0] == places[1] else f" (made with {places[0]}, run again with {places[1]})"
    found = _difference(trace, made)
    return f"its recipe does not make it{moved}: {found}" if found else ""


def _difference(trace: "Trace", made: "Trace") -> str:
    """The first difference between two traces, bit for bit, but for words that are redacted."""
    from .._trace import flatten

    ours, theirs = flatten(trace), flatten(made)
    for name in sorted(ours.keys() | theirs.keys()):
        x, y = ours.get(name), theirs.get(name)
        if x is None or y is None or x.shape != y.shape:
            return f"{name} is in one of the two only, or has another shape"
        if (off := (x != y) & ((x == x) | (y == y))).any():
            at = tuple(int(i) for i in np.argwhere(off)[0])
            return f"{name}{list(at)} is {x[at]}, and comes out as {y[at]}"
    hidden = {"text": pl.when(trace.messages["text"] == MARK).then(pl.lit(MARK)).otherwise(pl.col("text"))}
    same = len(trace.messages) == len(made.messages)
    same = same and trace.messages.equals(made.messages.with_columns(**hidden))
    same = same and trace.replies.equals(made.replies) and trace.invalid == made.invalid
    return "" if same else "its messages or replies are others"
