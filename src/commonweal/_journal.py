"""Replies that are paid for, kept: by world, tick, agent and try, and only for the very same prompt."""

import asyncio
import errno
import hashlib
import json
import math
import os
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ._prompt import Prompt, Said, Where
from ._stored import Damaged, reading, reason, write, writing

REPLIES = {"seed": pl.Int64, "tick": pl.Int64, "agent": pl.Int64, "draw": pl.Int64, "prompt": pl.String}
REPLIES |= {"text": pl.String, "refused": pl.Boolean, "read": pl.Int64, "written": pl.Int64}
REPLIES |= {"cost": pl.Float64}
CANONICAL = json.JSONEncoder(sort_keys=True)


class Entry(NamedTuple):
    """One call: which it was, a digest of what was asked of whom, and what came back."""

    where: Where
    prompt: str
    said: Said


def digest(prompt: Prompt, who: str) -> str:
    """16 hexadecimal digits of all that decides a reply: the speaker, the words, the schema."""
    asked = CANONICAL.encode([who, prompt.system, prompt.turns, prompt.schema])
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


class Journal:
    """Replies by call. With a file every finished call is on disk before it is used.

    A line that a kill cut short is dropped when the file is read, and written over. `allowance` is how
    many attempts at calls that it does not know may still be made, by all worlds together. `asking` holds
    the calls under way, so that nobody pays for the same one beside.
    """

    allowance: float = math.inf

    def __init__(self, path: str | os.PathLike | None = None):
        self._known: dict[tuple[Where, str], Said] = {}
        self._path = None if path is None else Path(path)
        self.asking: dict[tuple[Where, str], asyncio.Event] = {}
        if self._path is not None and self._path.exists():
            with reading(self._path, "move it away, and all its calls are made, and paid for, again"):
                text = self._path.read_bytes()
            whole = text.rfind(b"\n") + 1
            for number, line in enumerate(text[:whole].splitlines(), 1):
                self._learn(line, number)
            if whole < len(text):
                os.truncate(self._path, whole)

    def _learn(self, line: bytes, number: int) -> None:
        """Take in a line of the file; a line that stands there twice is one call.

        Raises:
            Damaged: it is none of ours, or holds another reply to a call that a line before it holds.
        """
        try:
            where, prompt, said = json.loads(line)
            entry = Entry(Where(*where), prompt, Said(*said).counted())
            kinds = [*(type(x) is int for x in entry.where), isinstance(prompt, str)]
            kinds += [isinstance(entry.said.text, str), isinstance(entry.said.refused, bool)]
            why = "" if all(kinds) else "it holds something else than a call"
        except (ValueError, TypeError, RecursionError) as error:
            why = reason(error)
        else:
            before = self._known.setdefault((entry.where, prompt), entry.said)
            why = why or "another reply to the same call stands above it" * (before != entry.said)
        if why:
            raise Damaged(
                f"line {number} of {self._path} is not as it was written ({why}); take it out, and that one "
                f"call is made, and paid for, again: sed -i {number}d {self._path}"
            )

    def find(self, where: Where, prompt: str) -> Said | None:
        """What was replied to this very prompt there, if anything."""
        return self._known.get((where, prompt))

    def forget(self, seed: int) -> None:
        """Drop what could not be read twice in a world's last tick, so that it may be tried anew."""
        last = max((where.tick for where, _ in self._known if where.seed == seed), default=-1)
        tick = [at for at in self._known if (at[0].seed, at[0].tick) == (seed, last)]
        lost = {where.seat for where, _ in tick if where.draw}
        gone = {at for at in tick if at[0].seat in lost}
        self._known = {at: said for at, said in self._known.items() if at not in gone}
        if gone and self._path is not None:
            write(self._path, b"".join(_line(Entry(*at, said)) for at, said in self._known.items()))

    def keep(self, entry: Entry) -> None:
        """Keep what a finished call brought."""
        self._known[entry.where, entry.prompt] = entry.said
        if self._path is not None:
            line = _line(entry)
            with writing(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("ab", buffering=0) as file:
                    start = file.tell()
                    if file.write(line) < len(line):  # the disk is full: half a line would spoil the next
                        file.truncate(start)
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _line(entry: Entry) -> bytes:
    return json.dumps([entry.where, entry.prompt, entry.said], ensure_ascii=False).encode() + b"\n"


def to_table(entries: list[Entry]) -> pl.DataFrame:
    """The calls as a table, in the order of world, tick, agent, try."""
    rows = [(*entry.where, entry.prompt, *entry.said) for entry in sorted(entries)]
    return pl.DataFrame(rows, schema=REPLIES, orient="row")


def from_table(table: pl.DataFrame) -> Journal:
    """A journal that knows the calls of a table."""
    journal = Journal()
    for row in table.select(*REPLIES).iter_rows():
        journal.keep(Entry(Where(*row[:4]), row[4], Said(*row[5:])))
    return journal
