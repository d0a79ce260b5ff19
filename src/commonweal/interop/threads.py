"""Where the conversations of a JSON value are: under which key, in a list of several, one in a state.

A list of messages is a conversation; where its messages say of which conversation they are, it is several.
An object holds what stands under the first key of `HISTORY` that holds any; without one, all its other keys
are looked at.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from .conversation import brief
from .entry import TEXT, called, first, is_entry, is_object, plain, speaker

PLAIN = ("history", "messages", "conversation")  # a list under one of these is of messages, whatever it holds
HISTORY = (
    *(*PLAIN, "conversations", "chat_history", "message_thread", "chat_messages", "dialogue", "dialogues"),
    *("dialog", "chat", "chats", "turns", "utterances", "transcript", "log", "logs", "data", "output"),
    *("outputs", "storage"),
)  # fmt: skip
OF = (
    *("conversation_id", "dialogue_id", "dialog_id", "chat_id", "session_id", "thread_id", "game_id"),
    *("debate_id", "season", "episode_id", "episode", "scene_id", "scene", "conversation", "dialogue"),
    *("session", "debate"),
)  # fmt: skip
NUMBERED = re.compile(r"(?:message|turn)_?(\d+)")  # CAMEL's message_1, message_2, ...
ID = ("id", "message_id", "uuid")
DEEP = 8  # objects and lists, one in another
Entries = Sequence[tuple[str, Any]]


class Thread(NamedTuple):
    """One conversation: its name, the object it stands in, its `plain` entries with where each stands.

    `beside` is what stands in the same object and is not read: where, and what it is. It is `inner` where the
    object has no key of `HISTORY`, and it was found deeper.
    """

    where: str
    about: dict[str, Any]
    entries: Entries
    beside: tuple[tuple[str, str], ...] = ()
    inner: bool = False


def threads(where: str, value: Any, deep: int = 0) -> Iterator[Thread]:
    """The conversations of a JSON value."""
    if deep > DEEP:
        return
    if isinstance(value, list):
        if any(map(is_entry, value)):
            yield from divided(where, _placed(where, value))
            return
        each = [list(threads(f"{where}, conversation {i}", one, deep + 1)) for i, one in enumerate(value)]
        empty = f"{each.count([])} of {len(each)} values hold no conversation"
        beside = ((where, empty),) if [] in each else ()
        for one in (one for some in each for one in some):
            yield one._replace(beside=(*beside, *one.beside))
            beside = ()
    elif is_object(value):
        yield from _within(where, value, deep)


def holds(value: Any, deep: int = 0) -> bool:
    """Whether there is a message in a list, or a numbered one, in a JSON value."""
    if isinstance(value, list):
        return any(map(is_entry, value)) or (deep < DEEP and any(holds(one, deep + 1) for one in value))
    if not is_object(value) or deep > DEEP:
        return False
    return any(map(is_entry, _numbered(value))) or any(holds(one, deep + 1) for one in value.values())


def _numbered(value: dict[str, Any]) -> list:
    """What stands under numbered keys of an object, in the order of the numbers."""
    found = {int(n[1]): one for key, one in value.items() if (n := NUMBERED.fullmatch(str(key)))}
    return [found[i] for i in sorted(found)]


def divided(where: str, entries: Entries) -> Iterator[Thread]:
    """The conversations that messages say they are of, by all keys of `OF`; one where none says so."""
    of = [_of(one) if is_object(one) else "" for _, one in entries]
    several = 1 < len({*of} - {""}) < len(of)  # where each has its own, it names messages
    groups = dict[str, list[tuple[str, Any]]]()
    for one, entry in zip(of, entries, strict=True):
        groups.setdefault(one if several else "", []).append(entry)
    for one, some in groups.items():
        yield Thread(f"{where}, {one}" if one else where, {}, some)


def _of(one: dict[str, Any]) -> str:
    """The conversation that a message is of; "" where it does not say."""
    return ", ".join(filter(None, (called(one[key]) for key in OF if key in one)))


def sign(one: Any) -> tuple[str, ...] | None:
    """The id, speaker and words of a message, the same where it was written twice; None without an id."""
    own = called(first(one, ID)) if is_object(one) else None
    return (own, speaker(one) or "", repr(first(one, TEXT))) if own else None


def copies(some: Sequence[Thread]) -> set[int]:
    """Which conversations (by number) are wholly in another: a memory of it, or its state earlier on."""
    signs = [{sign(one) for _, one in thread.entries} for thread in some]
    holders = dict[Any, list[int]]()
    for i, mine in enumerate(signs):
        for one in mine:
            holders.setdefault(one, []).append(i)
    found = set[int]()
    for i, mine in enumerate(signs):
        rarest = min(mine, key=lambda one: len(holders[one]), default=None)
        others = holders[rarest] if mine and None not in mine else []
        found |= {i for j in others if j != i and mine <= signs[j] and (mine < signs[j] or j < i)}
    return found


def _within(where: str, value: dict[str, Any], deep: int) -> Iterator[Thread]:
    """The conversations in an object: under its first key that has any, numbered, or deeper under all."""
    numbered = _numbered(value)
    key = next((k for k in HISTORY if holds(value.get(k))), None)
    key = key or next((k for k in PLAIN if _listed(value.get(k))), None)
    if key and holds(value[key]):
        found = threads(where, value[key], deep + 1)
    elif key:
        found = divided(where, _placed(where, value[key]))
    elif any(map(is_entry, numbered)):
        found = divided(where, _placed(where, numbered))
    else:
        yield from _inside(where, value, deep)
        return
    rest = {k: one for k, one in value.items() if k != key and (k in PLAIN and _listed(one) or holds(one))}
    beside = _beside(where, rest if key else {}, key)
    for one in found:
        about = value if one.where == where else one.about
        yield one._replace(about=about, beside=(*beside, *one.beside))
        beside = ()


def _inside(where: str, value: dict[str, Any], deep: int) -> Iterator[Thread]:
    """The conversations under all keys; of an AutoGen team its thread, which agents' memories repeat."""
    states: dict[str, Any] = value["agent_states"] if is_object(value.get("agent_states")) else {}
    team = {k: one for k, one in states.items() if is_object(one) and one.get("message_thread")}
    rest = {k: one for k, one in states.items() if k not in team} if team else {}
    beside = _beside(where, rest, "message_thread")
    for k, one in (team or value).items():
        for thread in threads(f"{where}, {k}", one, deep + 1):
            yield thread._replace(beside=(*beside, *thread.beside), inner=True)
            beside = ()


def _listed(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _placed(where: str, entries: list) -> Entries:
    """The entries, made plain, each with where it stands."""
    return [(f"{where}, message {i}", plain(one) if is_object(one) else one) for i, one in enumerate(entries)]


def _beside(where: str, rest: dict[str, Any], key: str | None) -> tuple[tuple[str, str], ...]:
    """What is beside the key that alone is read: where, and what it is."""
    return tuple(
        (f"{where}, {k}", f"{brief(one)} beside {key}, which alone is read") for k, one in rest.items()
    )
