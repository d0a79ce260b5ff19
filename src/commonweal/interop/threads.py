"""Where the conversations of a JSON value are: under which key, in a list of several, one in a state.

A list of messages is a conversation; where its messages say of which conversation they are, it is several.
An object holds what stands under the first key of `HISTORY` that holds any; without one, all its other keys
are looked at.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .conversation import brief
from .entry import called, first, is_entry, is_object, plain

PLAIN = ("history", "messages", "conversation")  # a list under one of these is of messages, whatever it holds
HISTORY = (
    *(*PLAIN, "conversations", "chat_history", "message_thread", "chat_messages", "dialogue", "dialogues"),
    *("dialog", "chat", "chats", "turns", "utterances", "transcript", "log", "logs", "data", "output"),
    *("outputs", "storage"),
)  # fmt: skip
OF = (
    "conversation_id",
    "dialogue_id",
    "dialog_id",
    "chat_id",
    "session_id",
    "thread_id",
    "episode_id",
    "game_id",
)
OF += ("debate_id", "conversation", "dialogue", "session", "episode")
NUMBERED = re.compile(r"(?:message|turn)_?(\d+)")  # CAMEL's message_1, message_2, ...
DEEP = 8  # objects and lists, one in another
Entries = Sequence[tuple[str, Any]]


class Thread(NamedTuple):
    """One conversation: its name, the object it stands in, its entries with where each stands, and what is
    `beside` it in the same object, which is not read: where, and what it is."""

    where: str
    about: dict[str, Any]
    entries: Entries
    beside: tuple[tuple[str, str], ...] = ()


def threads(where: str, value: Any, deep: int = 0) -> Iterator[Thread]:
    """The conversations of a JSON value."""
    if deep > DEEP:
        return
    if isinstance(value, list):
        if any(map(is_entry, value)):
            yield from divided(where, _placed(where, value))
            return
        for i, one in enumerate(value):
            yield from threads(f"{where}, conversation {i}", one, deep + 1)
    elif is_object(value):
        yield from _within(where, value, deep)


def holds(value: Any) -> bool:
    """Whether there is a conversation in a JSON value."""
    return next(threads("", value), None) is not None


def divided(where: str, entries: Entries, about: dict[str, Any] | None = None) -> Iterator[Thread]:
    """The conversations that messages say they are of; one where none says so."""
    of = [called(first(plain(one), OF)) if is_object(one) else None for _, one in entries]
    several = len({one for one in of if one}) > 1
    groups: dict[str | None, list[tuple[str, Any]]] = {}
    for one, entry in zip(of, entries, strict=True):
        groups.setdefault(one if several else None, []).append(entry)
    for one, some in groups.items():
        yield Thread(where if one is None else f"{where}, {one}", about or {}, some)


def _within(where: str, value: dict[str, Any], deep: int) -> Iterator[Thread]:
    """The conversations in an object: of the first key that holds any, else of all its keys."""
    key = next((k for k in HISTORY if holds(value.get(k))), None)
    key = key or next((k for k in PLAIN if _listed(value.get(k))), None)
    numbered = {int(n[1]): one for k, one in value.items() if (n := NUMBERED.fullmatch(str(k)))}
    rest = dict[str, Any]()  # what is beside it, and not read
    if key:
        rest = {
            k: one for k, one in value.items() if k != key and (holds(one) or (k in PLAIN and _listed(one)))
        }
    if key and holds(value[key]):
        found = threads(where, value[key], deep + 1)
    elif key:
        found = divided(where, _placed(where, value[key]))
    elif any(map(is_entry, numbered.values())):
        found = divided(where, _placed(where, [numbered[i] for i in sorted(numbered)]))
    else:
        team = _team(value)
        key, rest = (
            "message_thread",
            {k: s for k, s in value["agent_states"].items() if k not in team} if team else {},
        )
        inside = team or value
        found = (one for k in inside for one in threads(f"{where}, {k}", inside[k], deep + 1))
    beside = tuple(
        (f"{where}, {k}", f"{brief(one)} beside {key}, which alone is read") for k, one in rest.items()
    )
    for i, one in enumerate(found):
        about = value if one.where == where else one.about
        yield one._replace(about=about, beside=one.beside if i else (*beside, *one.beside))


def _listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _placed(where: str, entries: list) -> Entries:
    """The entries, each with where it stands."""
    return [(f"{where}, message {i}", one) for i, one in enumerate(entries)]


def _team(value: dict[str, Any]) -> dict[str, Any]:
    """Of the state of an AutoGen team what holds its thread of messages; its agents' memories repeat them."""
    states = value.get("agent_states")
    held = states.items() if is_object(states) else ()
    return {k: one for k, one in held if is_object(one) and one.get("message_thread")}
