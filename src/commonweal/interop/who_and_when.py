"""Conversations as JSON histories, with who made each fail and when: the shape of the data set Who&When.

A file holds one conversation: an object with a list `history` (or `messages`, `conversation`) of objects, or
that list alone.

- The speaker of a message is its `name`, `speaker`, `agent`, `from` or `role`, the first that is there; what
  was said is its `content`, `text` or `message`, as text or as a list of parts with `text`.
- `to`, `receiver` or `recipient` names whom it was said to, or lists them. A speaker written
  `Orchestrator (-> WebSurfer)` says it to WebSurfer, one written `Orchestrator (thought)` to itself.
- `stance`, `answer` or `vote` is the answer it carries; `round`, `honest`, `believed`, `ahead`, `model`,
  `tokens_in`, `tokens_out`, `seconds`, `failed` are read as they stand (see `Conversations`).
- The object has `mistake_agent` and `mistake_step` (counted from 0, a number or its text), `is_correct` or
  `is_corrected`.

Source: Zhang et al. 2025, Which agent causes task failures and when?, arXiv 2505.00212.
"""

import os
import re
from pathlib import Path
from typing import Any

from .conversation import JSON, Collector, Conversations, brief, files, name, pieces

HISTORY = ("history", "messages", "conversation")
SPEAKER = ("name", "speaker", "agent", "from", "role")
TEXT = ("content", "text", "message")
TO = ("to", "receiver", "recipient")
STANCE = ("stance", "answer", "vote")
SOLVED = ("is_correct", "is_corrected")
AS_IS = ("round", "honest", "believed", "ahead", "model", "tokens_in", "tokens_out", "seconds", "failed")
ASIDE = re.compile(r"(.+) \((?:-> ?(?P<to>.+)|(?P<self>thought)|termination condition)\)", re.S)


def read_histories(path: str | os.PathLike) -> Conversations:
    """The conversations of a folder of .json files (and its folders), of one file, or one a line (.jsonl).

    Raises:
        ValueError: no file, or no message in any.
    """
    found = Collector(Path(path).name, "JSON histories")
    for file, label in files(path, *JSON):
        for where, value, fault in pieces(file, label, found.doubt):
            value = {HISTORY[0]: value} if is_talk(value) else value
            here = [(key, value[key]) for key in HISTORY if key in value] if is_object(value) else []
            (key, history), *rest = sorted(here, key=lambda x: not isinstance(x[1], list)) or [("", None)]
            if fault or not isinstance(history, list) or not history:
                found.lost(where, fault or _unlike(value, history))
                continue
            _conversation(found, where, value, history)
            for other, some in rest:
                if isinstance(some, list) and some:
                    found.doubt(f"{where}, {other}", f"{brief(some)} beside {key}, which alone is read")
    return found.done()


def is_object(value: Any) -> bool:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_talk(value: Any) -> bool:
    """Whether a JSON value is a bare list of messages: one of them at least has a speaker and content."""
    some = [one for one in value if is_object(one)] if isinstance(value, list) else []
    return any(any(name(one.get(key)) for key in SPEAKER) and any(key in one for key in TEXT) for one in some)


def _conversation(found: Collector, where: str, value: dict, history: list) -> None:
    """One conversation. A bad entry shifts no step: it keeps its place, as a message of nobody would."""
    kept = [_message(found, where, f"{where}, message {i}", one) for i, one in enumerate(history)]
    step = value.get("mistake_step")
    if not all(kept) and step is not None:
        found.doubt(where, f"the step {brief(step)} counts messages that could not be read; it is not used")
        step = None
    solved = next((value[key] for key in SOLVED if key in value), None)
    found.label(where, where, agent=value.get("mistake_agent"), step=step, solved=solved)


def _message(found: Collector, conversation: str, where: str, one: Any) -> bool:
    """Whether this entry is a message; it then is in `found`."""
    if not is_object(one):
        found.lost(
            where, f"came {brief(one)}, wanted an object with a speaker: {{'name': ..., 'content': ...}}"
        )
        return False
    speaker = next((one[key] for key in SPEAKER if name(one.get(key))), None)
    to = next((one[key] for key in TO if one.get(key)), None)
    aside = ASIDE.fullmatch(name(speaker) or "")
    if aside:
        speaker = aside[1]
        to = to or aside["to"] or (speaker if aside["self"] else None)
    more = {key: one[key] for key in AS_IS if key in one}
    came = next((one[key] for key in TEXT if key in one), None)
    more |= {"to": to, "text": _text(found, f"{where}, text", came)}
    more |= {"stance": next((one[key] for key in STANCE if key in one), None)}
    more |= {"role": one["role"] if isinstance(one.get("role"), str) else None}
    return found.message(conversation, speaker, where, **more)


def words(value: Any) -> str | None:
    """The text of a message's content: as it stands, or of its parts."""
    if isinstance(value, list):
        return "\n".join(one for one in map(_part, value) if one is not None) or None
    return value if isinstance(value, str) else None


def _part(one: Any) -> str | None:
    """The text of a part of a message's content."""
    text = one.get("text", one.get("content")) if is_object(one) else one
    return text if isinstance(text, str) else None


def _text(found: Collector, where: str, came: Any) -> Any:
    """The text of a message's content, for `found`; of parts that are no text it is told."""
    if not isinstance(came, list):
        return came
    lost = sum(_part(one) is None for one in came)
    if lost:
        found.doubt(where, f"{lost} of {len(came)} parts, wanted text")
    return words(came)


def came(value: Any) -> str:
    """What came, in words: an object by its keys."""
    return f"an object with {brief(', '.join(map(str, value)))}" if is_object(value) else brief(value)


def _unlike(value: Any, history: Any) -> str:
    """What came where a conversation was wanted."""
    has = came(value) if history is None else f"a history that is {brief(history)}"
    return f"came {has}; wanted a list of messages: {{'history': [{{'name': ..., 'content': ...}}]}}"
