"""Conversations as JSON, or as a table of messages; with who made each fail and when, where that is said.

The shape of the data set Who&When is an object with a list `history`, `mistake_agent`, `mistake_step` (an
entry of that list, counted from 0, a number or its text) and `is_correct` or `is_corrected`; where
conversations stand in other files says `threads`, and what their entries say, `entry`.

Source: Zhang et al. 2025, Which agent causes task failures and when?, arXiv 2505.00212.
"""

import os
from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from .conversation import JSON, Collector, Conversations, Piece, brief, files, number, pieces
from .entry import (
    SPEAKER,
    TEXT,
    TURNS,
    called,
    first,
    is_entry,
    is_object,
    moment,
    plain,
    read,
    speaker,
    unsaid,
)
from .entry import words as words
from .recordings import read_table
from .threads import PLAIN, Thread, copies, divided, holds, sign, threads

SOLVED = ("is_correct", "is_corrected")
PEEKED = 20  # rows looked at to tell what a table holds
NEAR = 0.75  # likeness of two names, from 0 to 1
Ids = dict[tuple[str, ...], str]  # of a message (its id, speaker, words) the conversation, within one file


def read_histories(path: str | os.PathLike) -> Conversations:
    """The conversations of a folder of .json files (and its folders), of one file, or of one .jsonl.

    A line of .jsonl is a conversation, or a message of the one that it names, else of the file's only one.

    Raises:
        ValueError: no file, or no message in any.
    """
    found = Collector(Path(path).name, "JSON histories")
    for file, label in files(path, *JSON):
        _gather(found, label, pieces(file, label, found.doubt))
    return found.done()


def read_messages(path: str | os.PathLike) -> Conversations:
    """The conversations in a table of messages, one a row, or of conversations with nested messages.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is no table, or holds no message.
    """
    label, table = Path(path).name, read_table(path)
    rows = zip(
        table["#line"], table["#fault"], table.drop("#line", "#fault").iter_rows(named=True), strict=True
    )
    found = Collector(label, "a table of messages")
    _gather(found, label, (Piece(f"{label}, line {n}", row, fault) for n, fault, row in rows))
    return found.done()


def of_messages(table: pl.DataFrame) -> bool:
    """Whether a table (as `read_table` gives it) is of messages or conversations, not of decisions."""
    rows = table.drop("#line", "#fault", strict=False).head(PEEKED).iter_rows(named=True)
    return any(is_entry(row) or holds(row) for row in rows)


def _gather(found: Collector, label: str, values: Iterable[Piece]) -> None:
    """The conversations of one file, from its values: each holds some, or is one message.

    In a file of messages, those deep in other values (as what an agent remembers) are copies, and not read.
    """
    lone, some, ids = list[tuple[str, Any]](), list[Thread](), Ids()
    for where, value, fault in values:
        within = [] if fault else list(threads(where, value))
        some += within
        if fault or not (within or _near(value)):
            found.lost(where, fault or _unlike(value))
        elif not within:
            lone.append((where, plain(value)))
    messages = any(is_entry(one) for _, one in lone)
    some += divided(label, lone) if lone else ()
    copied = copies(some)
    for i, thread in enumerate(some):
        n = len(thread.entries)
        if thread.inner and messages:
            found.lost(thread.where, f"{n} messages in a value, where other values are messages themselves")
        elif i in copied:
            found.leave("in a repeated conversation", n)
        else:
            _thread(found, thread, ids)


def _near(value: Any) -> bool:
    """Whether a value is meant as a message: an object with the key of a speaker, or of words."""
    return is_object(value) and not {*SPEAKER, *TEXT}.isdisjoint(plain(value))


def _thread(found: Collector, thread: Thread, ids: Ids) -> None:
    """One conversation: what is left out is counted, and a label's step is that of its entry."""
    kept, places = dict[int, dict[str, Any]](), dict[float, int]()
    for i, (where, one) in enumerate(thread.entries):
        if is_object(one):
            kept[i] = one
        else:
            what = "wanted an object with a speaker: {'name': ..., 'content': ...}"
            found.lost(where, f"came {brief(one)}, {what}")
    for i, one in list(kept.items()):
        if why := unsaid(one):
            found.leave(why)
            del kept[i]
    _once(found, thread.where, kept, ids)
    _rounds(found, thread.where, kept)
    for i in _in_order(found, thread.where, kept):
        if _message(found, thread.where, thread.entries[i][0], kept[i]):
            places[i] = len(places)
    _label(found, thread, places, {speaker(one) for one in kept.values()})
    for where, reason in thread.beside:
        found.doubt(where, reason)


def _once(found: Collector, where: str, kept: dict[int, dict[str, Any]], ids: Ids) -> None:
    """Leave out what has the id and words of an entry before it; tell where another has only one of them."""
    seen, others, elsewhere = dict[str, Any](), 0, Counter[str]()
    for i, one in list(kept.items()):
        if not (mine := sign(one)):
            continue
        if seen.get(mine[0]) == mine:
            found.leave("with a repeated id")
            del kept[i]
            continue
        others += mine[0] in seen
        seen[mine[0]] = mine
        elsewhere[ids.setdefault(mine, where)] += 1
    if others:
        found.doubt(where, f"{others} messages have the id of another that says something else; all are kept")
    for other, n in elsewhere.items():
        if other != where:
            found.doubt(where, f"{n} messages are in {other} too, with the same id and words; all are kept")


def _rounds(found: Collector, where: str, kept: dict[int, dict[str, Any]]) -> None:
    """Leave out rounds in which anybody speaks twice: what is said in them is not said at once."""
    said = Counter(
        (speaker(one), one["round"]) for one in kept.values() if number(one.get("round")) is not None
    )
    who, twice = max(said, key=lambda one: said[one], default=("", None))
    if said[who, twice] > 1:
        found.doubt(
            where, f"{who} speaks {said[who, twice]} times in round {brief(twice)}; rounds are not used"
        )
        for one in kept.values():
            one.pop("round", None)


def _in_order(found: Collector, where: str, kept: dict[int, dict[str, Any]]) -> list[int]:
    """The entries in the order of their times, else of turns that number them; a change is told.

    Where only some have a time, they stay as they came.
    """
    at = {i: moment(one) for i, one in kept.items()}
    what = "times"
    if all(t is None for t in at.values()):
        at = {i: number(first(one, TURNS)) for i, one in kept.items()}
        if len({*at.values()} - {None}) < len(at):  # no number of its own for each
            return list(kept)
        what = "turns"
    known = [t for t in at.values() if t is not None]
    back = sum(b < a for a, b in pairwise(known))
    if back and len(known) == len(at):
        found.doubt(where, f"{what} run backwards {back} times; its messages are put in their order")
        return sorted(kept, key=lambda i: at[i] or 0.0)
    if back:
        found.doubt(
            where, f"{what} run backwards {back} times, and some are missing; the order is that of the file"
        )
    return list(kept)


def _message(found: Collector, conversation: str, where: str, one: dict[str, Any]) -> bool:
    """Whether this entry is a message; it then is in `found`."""
    who, more, said = read(one)
    if who is None:
        found.lost(where, _nobody(one))
        return False
    if said.odd:
        found.doubt(f"{where}, text", f"{said.odd} of {len(first(one, TEXT))} parts, wanted text")
    found.unsaid("of reasoning", said.reasoning)
    found.unsaid("calls of tools", said.tools)
    return found.message(conversation, who, where, **more)


def _label(found: Collector, thread: Thread, places: dict[float, int], who: set[str | None]) -> None:
    """Who of the speakers made it fail, and when: the step counts entries, whose messages are at `places`."""
    about, step = thread.about, thread.about.get("mistake_step")
    entry = number(step)
    if entry in places:
        step = places[entry]
    elif entry in range(len(thread.entries)):
        found.doubt(thread.where, f"the step {brief(step)} is an entry that is no message; it is not used")
        step = None
    agent, solved = about.get("mistake_agent"), first(about, SOLVED)
    if not isinstance(agent, str) and called(agent) in who:
        agent = called(agent)
    found.label(thread.where, thread.where, agent=agent, step=step, solved=solved)


def came(value: Any) -> str:
    """What came, in words: an object by its keys."""
    if isinstance(value, list) and value and is_object(value[0]):
        return f"{brief(value)}, the first of them {came(value[0])}"
    return f"an object with {brief(', '.join(map(str, value)))}" if is_object(value) else brief(value)


def _nobody(one: dict[str, Any]) -> str:
    """What is wrong with an entry without a speaker; a key that is nearly one of those wanted is named."""
    given = {key: one[key] for key in SPEAKER if one.get(key) is not None}
    if given:
        key, value = next(iter(given.items()))
        return f"the speaker ({key}) is {brief(value)}, wanted a name"
    near = {key: get_close_matches(key, SPEAKER, 1, NEAR) for key in one}
    hint = next((f": rename {key!r} to {like[0]!r}" for key, like in near.items() if like), "")
    return f"the speaker is None, wanted a name under {', '.join(SPEAKER[:4])} or another known key{hint}"


def _unlike(value: Any) -> str:
    """What came where a conversation was wanted."""
    here = next(
        (f"a {key} that is {brief(value[key])}" for key in PLAIN if is_object(value) and key in value),
        came(value),
    )
    return f"came {here}; wanted a list of messages: {{'history': [{{'name': ..., 'content': ...}}]}}"
