"""Recorded conversations: one table of messages and one of labels, whatever they were recorded by.

One row is one message. Every entry that came is a message, is counted as what is rightly none, or is named
with what is wrong with it; a value that cannot be read is null, and named too. Nothing is guessed, dropped
silently or filled in.
"""

import gzip
import json
import math
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._plain import shown
from .._trace import Trace

MOST = 1 << 28  # bytes of one file, unpacked
LARGEST = 2**53  # the largest number that is surely whole
JSON = (".json", ".jsonl", ".ndjson")
SPACE = re.compile(r"\s*")
OPENS = (b"{", b"[", b"[{")
BROKEN = (OSError, EOFError, zlib.error, UnicodeError)
WRONG = (ValueError, RecursionError)  # no JSON, or JSON nested too deeply
MESSAGES: dict[str, Any] = {
    "conversation": pl.String,
    "t": pl.Int64,
    "speaker": pl.String,
    "to": pl.List(pl.String),
    "text": pl.String,
    "group": pl.String,
    "role": pl.String,
    "round": pl.Int64,
    "honest": pl.Boolean,
    "believed": pl.Boolean,
    "ahead": pl.Float64,
    "stance": pl.String,
    "model": pl.String,
    "tokens_in": pl.Int64,
    "tokens_out": pl.Int64,
    "seconds": pl.Float64,
    "failed": pl.Boolean,
}
LABELS: dict[str, Any] = {
    "conversation": pl.String,
    "agent": pl.String,
    "step": pl.Int64,
    "solved": pl.Boolean,
}
FAULTS: dict[str, Any] = {"where": pl.String, "reason": pl.String}


@dataclass(frozen=True, eq=False)
class Conversations:
    """Who said what, when, to whom.

    - `messages`: one row each: `conversation`, `t` (0, 1, ... within it), `speaker`, `to` (a list of
      names; null: not said), `text`, and where recorded: `group` (what conversations share, as a game),
      `role`, `round` (messages of one are said at once), `honest` (its sender meant it), `believed` (its
      receiver took it so), `ahead` (the sender's power less the receiver's), `stance` (the answer or vote
      it carries), `model`, `tokens_in`, `tokens_out`, `seconds`, `failed`.
    - `labels`: per conversation `agent` and `step` (a `t`), who made it fail and when; `solved`.
    - `bad`: `where` and `reason` of each entry that is no message, and should be.
    - `left`: how many entries are rightly no messages, by what they are (what a tool returned).
      `kept + len(bad) + sum(left) == read`, checked.
    - `doubts`: the same for values of kept messages and labels that could not be read, and are null; and for
      what was changed or passed over in reading (an order, a second list).
    - `notes`: what a reader must know of the source.
    """

    source: str
    kind: str
    messages: pl.DataFrame
    labels: pl.DataFrame
    bad: pl.DataFrame
    doubts: pl.DataFrame
    read: int
    notes: tuple[str, ...] = ()
    left: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self):
        left = sum(self.left.values())
        if self.kept + self.bad.height + left != self.read:
            raise AssertionError(
                f"{self.kept} kept + {self.bad.height} bad + {left} left != {self.read} read"
            )

    @property
    def kept(self) -> int:
        """How many messages there are."""
        return self.messages.height


class Collector:
    """Gathers messages and labels as they are read."""

    def __init__(self, source: str, kind: str):
        self.source, self.kind = source, kind
        self._messages = list[dict[str, Any]]()
        self._labels = list[dict[str, Any]]()
        self._bad, self._doubts = list[tuple[str, str]](), list[tuple[str, str]]()
        self._length = dict[str, int]()
        self._left, self._parts = Counter[str](), Counter[str]()

    def message(self, conversation: str, speaker: Any, where: str, **more: Any) -> bool:
        """One message, the next of its conversation; without a speaker it is bad. Whether it was kept."""
        who = name(speaker)
        if who is None:
            self.lost(where, f"the speaker is {brief(speaker)}, wanted a name")
            return False
        t = self._length.get(conversation, 0)
        self._length[conversation] = t + 1
        row: dict[str, Any] = {"conversation": conversation, "t": t, "speaker": who}
        for key, value in more.items():
            row[key] = self._value(key, value, f"{where}, {key}") if value is not None else None
        self._messages.append(row)
        return True

    def lost(self, where: str, reason: str) -> None:
        """An entry that is no message."""
        self._bad.append((clean(where), clean(reason)))

    def doubt(self, where: str, reason: str) -> None:
        """A value that cannot be read; what it stands in is kept without it."""
        self._doubts.append((clean(where), clean(reason)))

    def label(self, conversation: str, where: str, *, agent: Any, step: Any, solved: Any) -> None:
        """Who made a conversation fail, and when; what it came to. Call it after its messages."""
        at = number(step) if not isinstance(step, str) or step.strip().isdecimal() else None
        length = self._length.get(conversation, 0)
        if step is not None and (at is None or at % 1 or not 0 <= at < length):
            self.doubt(where, f"the step is {brief(step)}, wanted a whole number from 0 to {length - 1}")
            at = None
        if agent is not None and name(agent) is None:
            self.doubt(where, f"the agent is {brief(agent)}, wanted a name")
        row = {"conversation": conversation, "agent": name(agent), "step": None if at is None else int(at)}
        row["solved"] = self._value("solved", solved, where) if solved is not None else None
        self._labels.append(row)

    def leave(self, what: str, n: int = 1) -> None:
        """Entries that are rightly no messages, as what a tool returned."""
        self._left[clean(what)] += n

    def unsaid(self, what: str, n: int) -> None:
        """Parts of messages that are not what was said, as reasoning."""
        self._parts[what] += n

    def _value(self, key: str, value: Any, where: str) -> Any:
        """The value as its column holds it; null, and a doubt, where that cannot be."""
        kind, found, wanted = MESSAGES.get(key, pl.Boolean), None, "text"
        if key == "text":
            found = clean(value) if isinstance(value, str) else None
        elif kind == pl.String:
            found = (
                clean(value) if isinstance(value, str) else str(value) if number(value) is not None else None
            )
        elif kind == pl.Boolean:
            found, wanted = truth(value), "true or false"
        elif kind == pl.Float64:
            found, wanted = number(value), "a finite number"
        elif kind == pl.Int64:
            found, wanted = number(value), "a whole number from 0"
            found = int(found) if found is not None and found % 1 == 0 and 0 <= found < LARGEST else None
        else:
            several = value if isinstance(value, list) else [value]
            names = [one for one in map(name, several) if one]
            found, wanted = (names if names and len(names) == len(several) else None), "names"
        if found is None:
            self.doubt(where, f"{brief(value)}, wanted {wanted}")
        return found

    def done(self, *notes: str) -> Conversations:
        """The conversations.

        Raises:
            ValueError: there is no message.
        """
        if not self._messages:
            why = f"; the first fault is at {self._bad[0][0]}: {self._bad[0][1]}" if self._bad else ""
            raise ValueError(shown(f"{self.source} holds no message that can be used ({self.kind}){why}"))
        bad, doubts = (pl.DataFrame(x, FAULTS, orient="row") for x in (self._bad, self._doubts))
        messages = pl.DataFrame(self._messages, MESSAGES)
        labels = pl.DataFrame(self._labels, LABELS)
        left, parts = self._left, +self._parts
        notes += (f"Entries left out: {total(left)}.",) if left else ()
        notes += (f"Parts not counted as said: {total(parts)}.",) if parts else ()
        read = messages.height + bad.height + left.total()
        return Conversations(self.source, self.kind, messages, labels, bad, doubts, read, notes, dict(left))


# ----------------------------------------------------------------------------------- single values


def clean(value: str) -> str:
    """Text that can be stored as UTF-8: half a surrogate pair becomes a question mark."""
    return value.encode("utf-8", "replace").decode("utf-8")


def name(value: Any) -> str | None:
    """A name, or None if this is none."""
    return clean(value).strip() or None if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """A finite number, also one written as text, or None."""
    try:
        found = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
        )
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def truth(value: Any) -> bool | None:
    """True or false, also written as text or 1 and 0, or None."""
    if isinstance(value, bool):
        return value
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())


def brief(value: Any, most: int = 40) -> str:
    """A value as it came, on one line, not too long of it."""
    text = repr(value) if not isinstance(value, list | dict) else f"a {type(value).__name__} of {len(value)}"
    return text if len(text) <= most else text[: most - 1] + "…"


def print_whole(console: Any, part: Any) -> None:
    """Print a part of a page with every number whole: wider than the terminal where there is no room."""
    width, console.width = console.width, 1000
    least = console.measure(part).minimum
    console.width = max(width, least)
    console.print(part)
    console.width = width


# ------------------------------------------------------------------------------------------- files


class Piece(NamedTuple):
    """One JSON value of a file: where it stands, the value, and what is wrong with it ("")."""

    where: str
    value: Any
    fault: str = ""


def kind_of(path: Path) -> str:
    """The end of a file's name, without .gz, in lower case."""
    return "".join(path.suffixes[-1 - (path.suffix.lower() == ".gz") :]).lower().removesuffix(".gz")


def pieces(
    path: str | os.PathLike, label: str = "", doubt: Callable[[str, str], None] = lambda where, why: None
) -> Iterator[Piece]:
    """The JSON values of a file, also packed (.gz): one a line, or one after another over several lines.

    A .json file may hold several, too. What is no JSON comes with its fault; a key that stands twice in an
    object is told to `doubt`, and the last is read. At most `MOST` bytes are read.
    """
    path = Path(path)
    label, room = label or path.name, MOST
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    whole, line, blank = kind_of(path) == ".json", 0, True
    try:
        with opened(path, "rb") as file:
            while raw := file.read(room + 1) if whole else file.readline(room + 1):
                if blank and not whole and raw.strip() in OPENS:  # an object over several lines
                    whole, raw = True, raw + file.read(max(room + 1 - len(raw), 0))
                line, room = line + 1, room - len(raw)
                where = label if whole else f"{label}, line {line}"
                if room < 0:
                    yield Piece(
                        where, None, f"more than {MOST >> 20} MiB unpacked; it is not read further: split it"
                    )
                    return
                if raw.strip():
                    blank = False
                    yield from _parsed(where, raw, line, doubt)
            if blank:
                yield Piece(label, None, "empty")
    except BROKEN as error:
        yield Piece(label, None, f"cannot be read ({type(error).__name__}: {brief(str(error))})")


def _parsed(where: str, raw: bytes, line: int, doubt: Callable[[str, str], None]) -> Iterator[Piece]:
    """The JSON values of a text, one after another; after a fault, from the next line that opens one."""
    twice = Counter[str]()

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice.update(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        return found

    try:
        text, decoder = raw.decode("utf-8-sig"), json.JSONDecoder(object_pairs_hook=once)
    except WRONG as error:
        yield Piece(where, None, f"no JSON ({type(error).__name__}: {brief(str(error), 60)})")
        return
    at, here = _next(text, 0), where
    while at < len(text):
        try:
            value, after = decoder.raw_decode(text, at)
            piece = Piece(here, value)
        except WRONG as error:
            piece = Piece(here, None, f"no JSON ({type(error).__name__}: {brief(str(error), 60)})")
            after = text.find("\n{", at + 1)
            after = len(text) if after < 0 else after
        for key in twice:
            doubt(here, f"the key {brief(key)} stands twice in an object, wanted it once; the last is read")
        twice.clear()
        yield piece
        line, at = line + text.count("\n", at, _next(text, after)), _next(text, after)
        here = f"{where}, from line {line}"


def _next(text: str, at: int) -> int:
    """Where the next value starts."""
    return SPACE.match(text, at).end()  # type: ignore[union-attr]


def files(path: str | os.PathLike, *ends: str) -> list[tuple[Path, str]]:
    """The file itself, or the files of a folder with these ends, and the name of each, in order.

    Raises:
        ValueError: there is none.
    """
    path = Path(path)
    if not path.is_dir():
        return [(path, path.name)]
    found = sorted((p for p in path.rglob("*") if p.is_file() and kind_of(p) in ends), key=_natural)
    if not found:
        raise ValueError(
            f"{shown(str(path))} holds no file that ends in {' or '.join(ends)}; wanted one at least"
        )
    return [(p, p.relative_to(path).as_posix()) for p in found]


def _natural(path: Path) -> tuple:
    """2.json before 10.json."""
    stem = path.stem
    return (path.parent.as_posix(), not stem.isdecimal(), int(stem) if stem.isdecimal() else 0, path.name)


# ------------------------------------------------------------------------------------------ traces


def from_trace(trace: Trace, source: str = "a trace") -> Conversations:
    """What was said in a trace: a world is a conversation, an act on the only channel is a stance.

    Where nothing is said in words, acts are messages without text. Words that are no acts (notes,
    refusals, claims: channels in parentheses) are not messages.
    """
    found = Collector(source, "a trace")
    return found.done(*add_trace(trace, found))


def add_trace(trace: Trace, found: Collector, before: str = "") -> list[str]:
    """Put the messages of a trace where they are gathered; returns notes. `before` begins every name."""
    channel = next(iter(trace.act)) if len(trace.act) == 1 else None
    said = trace.messages.filter(~pl.col("channel").str.starts_with("("))
    words = dict[tuple[int, int, int], list[str]]()
    for world, t, agent, text in said.select("world", "t", "agent", "text").rows():
        words.setdefault((world, t, agent), []).append(text)
    models = trace.labels.get("model")
    for w, t in np.argwhere(trace.alive).tolist():
        for i in range(trace.shape[2]):
            text = words.get((w, t, i))
            if channel is None and text is None:
                continue
            found.message(
                f"{before}world {trace.seeds[w]}",
                f"agent_{i}",
                f"{before}world {w}, tick {t}, agent {i}",
                text="\n".join(text) if text else None,
                round=t,
                stance=f"{trace.act[channel][w, t, i]:g}" if channel else None,
                model=str(models[w, i]) or None if models is not None else None,
            )
    worlds = zip(trace.seeds, trace.invalid, strict=True)
    return [f"{before}world {seed} is invalid: {shown(why)}" for seed, why in worlds if why]


def total(found: Mapping[str, int]) -> str:
    """Counts in words: 3 chat, 1 execute_tool."""
    return ", ".join(
        f"{n:,} {shown(what, 40)}" for what, n in sorted(found.items(), key=lambda x: (-x[1], x[0]))
    )
