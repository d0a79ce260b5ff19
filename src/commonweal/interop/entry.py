"""One entry of a recorded conversation, as any of a dozen tools writes it: who says what to whom.

Keys are compared as `agent_name`, however they are written (`agentName`, `Agent Name`). An entry is unpacked
where its words stand deeper, as in LangChain's constructors.
"""

import functools
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .columns import GUESSES
from .conversation import name, number

SPEAKER = (
    *("name", "speaker", "sender", "agent", "agent_name", "player", "character", "from", "sent_from"),
    *("author", "speaker_name", "sender_name", "player_name", "speaker_id", "agent_id", "player_id"),
    *("role_name", "role", "source", "username", "user"),
)  # fmt: skip
LOOSE = ("parts", "value", "output", "response", "body")  # of much else too: not beside a mere `name`
TEXT = ("content", "text", "message", "utterance", "msg", *LOOSE)
TO = ("to", "receiver", "recipient", "receivers", "recipients", "send_to", "sent_to", "visible_to")
EVERYBODY = {"all", "<all>", "everyone", "everybody", "*"}
STANCE = ("stance", "answer", "vote")
AS_IS = ("round", "honest", "believed", "ahead", "seconds", "failed")
TIMES = ("timestamp", "created_at", "sent_at", "datetime", "date_time", "time", "date", "ts", "created")
EPOCH = 1e8  # seconds since 1970 that are surely a date
TURNS = ("turn", "turn_id", "turn_index", "message_index", "index", "idx", "seq", "step", "t")
PARTIES = ("human", "ai", "user", "assistant", "bot", "model", "gpt")  # speakers that a mere `type` may name
INSTRUCTED = ("system", "developer")
RESULTS = ("tool_result", "function_response", "function_call_output", "functionexecutionresult")
TOOLS = ("tool", "function", "tool_call", "tool_use", "function_call", "server_tool_use", *RESULTS)
TOOLS += ("observation", "ipython")
REASONING = ("reasoning", "reasoning_content", "thinking", "redacted_thinking", "thought", "thoughts")
USAGE = ("models_usage", "usage", "usage_metadata")
TOKENS = {
    "tokens_in": ("tokens_in", "prompt_tokens", "input_tokens"),
    "tokens_out": ("tokens_out", "completion_tokens", "output_tokens"),
}
DEEP = 4  # objects around an entry
ASIDE = re.compile(r"(.+) \((?:-> ?(?P<to>.+)|(?P<self>thought)|termination condition)\)", re.S)
THINK = re.compile(r"\s*<(think|thinking)>.*?(?:</\1>\s*|\Z)", re.S)  # one that never ends is all of it


def is_object(value: Any) -> bool:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


@functools.lru_cache(4096)
def _key(key: Any) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[ -]+", "_", str(key).strip()).lower()


def plain(one: dict, deep: int = 0) -> dict[str, Any]:
    """The entry with its keys as they are compared, unpacked where its words stand in an object inside."""
    flat: dict[str, Any] = {}
    for key, value in one.items():
        flat.setdefault(_key(key), value)
    path = flat.get("id") or flat.get("lc_id")
    for key in ("kwargs", "lc_kwargs", "data", "message", "payload"):
        inner: Any = flat.get(key)
        if deep < DEEP and is_object(inner) and any(_key(k) in TEXT for k in inner):
            if isinstance(path, list) and path:  # LangChain: the class is the end of a path of names
                flat |= {"type": str(path[-1]), "id": None}
            return plain({k: v for k, v in flat.items() if k != key} | inner, deep + 1)
    return flat


def says(keys: Iterable[str]) -> bool:
    """Whether columns, or the keys of an entry, are of messages: one names speakers, one holds what they say.

    Those with an act and its points are decisions.
    """
    here = {_key(key) for key in keys}
    if all(here.intersection(GUESSES[role]) for role in ("action", "points")):
        return False
    return bool(here.intersection(TEXT) and here.intersection((*SPEAKER, "type")))


def is_entry(value: Any) -> bool:
    """Whether a JSON value is a message by itself."""
    one = plain(value) if is_object(value) else {}
    loose = LOOSE if not name(one.get("name")) else ()
    some = any(one.get(key) is not None for key in (*TEXT[: -len(LOOSE)], *loose))
    return some and says(one) and speaker(one) is not None


def first(one: dict[str, Any], keys: Iterable[str]) -> Any:
    """What stands under the first of some keys that has anything, or None."""
    return next((one[key] for key in keys if one.get(key) not in (None, "", [])), None)


def called(value: Any) -> str | None:
    """A name, also a whole number, or that of an object; None if this is none."""
    if isinstance(value, str):
        return name(value)
    if is_object(value):
        inside = (value.get(key) for key in ("name", "username", "role", "id"))
        return next(filter(None, (called(one) for one in inside if not is_object(one))), None)
    whole = number(value) if isinstance(value, int | float) else None
    return None if whole is None or whole % 1 else f"{whole:.0f}"


def party(one: dict[str, Any]) -> str:
    """What kind of party speaks (`user`, `tool`, `ai`), in lower case; "" where that is not said."""
    kind = re.sub(r"message(chunk)?$", "", str(one.get("type") or "").lower())
    return next((x for x in (str(one.get(k) or "").lower() for k in ("role", "from")) if x), kind)


def speaker(one: dict[str, Any]) -> str | None:
    """Who speaks: the first key of `SPEAKER` that names anybody, or a party that `type` alone names."""
    who = next(filter(None, (called(one.get(key)) for key in SPEAKER)), None)
    return who or (party(one) if party(one) in (*PARTIES, *INSTRUCTED, *TOOLS) else None)


def unsaid(one: dict[str, Any]) -> str:
    """Why an entry is not said by anybody, in words that can be counted; "" where it is.

    It is an event (AutoGen's types that end so), reasoning, to or from a tool, or an instruction.
    """
    kind, role = str(one.get("type") or ""), party(one)
    parts = one.get("content") if isinstance(one.get("content"), list) else []
    if kind.endswith("Event"):
        return kind
    if kind in REASONING:
        return "reasoning"
    if role in TOOLS or kind.lower() in TOOLS or (parts and all(_sort(x) == "tool result" for x in parts)):
        return "from or to a tool"
    if role in INSTRUCTED and (speaker(one) or "").lower() in ("", *INSTRUCTED):
        return "instruction"
    return ""


class Said(NamedTuple):
    """The words of a message; how many of its parts are `reasoning`, calls of `tools`, or `odd` (others)."""

    text: Any = None
    reasoning: int = 0
    tools: int = 0
    odd: int = 0


def said(value: Any) -> Said:
    """What a content says: a text, less a block of reasoning before it; or the texts of its parts.

    What is neither comes back as it is.
    """
    if isinstance(value, str):
        block = THINK.match(value)
        return Said(value[block.end() :], 1) if block else Said(value)
    if not isinstance(value, list):
        return Said(value)
    sorts = [_sort(one) for one in value]
    each = [said(_text(one)) for one, sort in zip(value, sorts, strict=True) if sort == "text"]
    return Said(
        "\n".join(one.text for one in each) or None,
        sorts.count("reasoning") + sum(one.reasoning for one in each),
        sorts.count("tool") + sorts.count("tool result"),
        sorts.count("odd"),
    )


def words(value: Any) -> str | None:
    """The text of a message's content, see `said`; None where it has none."""
    text = said(value).text
    return text if isinstance(text, str) else None


def _text(one: Any) -> str | None:
    """The text of a part of a message's content."""
    text = one.get("text", one.get("content")) if is_object(one) else one
    return text if isinstance(text, str) else None


def _sort(one: Any) -> str:
    """What a part of a message's content is."""
    part = one if is_object(one) else {}
    kind = str(part.get("type") or "").lower()
    if kind in REASONING or part.get("thought") is True:
        return "reasoning"
    if kind in RESULTS or "call_id" in part:
        return "tool result"
    if kind in TOOLS or "arguments" in part:
        return "tool"
    return "odd" if _text(one) is None else "text"


def receivers(one: dict[str, Any]) -> Any:
    """Whom it is said to, a name or names; None where nobody is named, or everybody."""
    to = first(one, (*TO, "target") if one.get("type") == "HandoffMessage" else TO)
    several = to if isinstance(to, list) else [to]
    names = [called(x) for x in several]
    if to is None or any((x or "").lower() in EVERYBODY for x in names):
        return None
    return names if all(names) else to


def read(one: dict[str, Any]) -> tuple[str | None, dict[str, Any], Said]:
    """Of a plain entry: who speaks, the columns of its message (see `Conversations`), and what is said.

    Whom Who&When writes `Orchestrator (-> WebSurfer)` speaks to WebSurfer, and `Orchestrator (thought)` to
    itself.
    """
    came = first(one, TEXT)
    came = next((one[key] for key in TEXT if key in one), None) if came is None else came
    who, to, what = speaker(one), receivers(one), said(came)
    aside = ASIDE.fullmatch(who or "")
    if aside:
        who = aside[1]
        to = to or aside["to"] or (who if aside["self"] else None)
    usage = next((one[key] for key in USAGE if is_object(one.get(key))), {})
    about: Any = one.get("response_metadata")
    model = one.get("model") or (about.get("model_name") if is_object(about) else None)
    beside = sum(first(one, [key]) is not None for key in REASONING)
    calls = one.get("tool_calls")
    more = {key: one[key] for key in AS_IS if key in one}
    more |= {key: first({**usage, **one}, keys) for key, keys in TOKENS.items()}
    more |= {"to": to, "text": what.text, "stance": first(one, STANCE), "model": model}
    more |= {"role": one["role"] if isinstance(one.get("role"), str) else None}
    tools = max(what.tools, len(calls) if isinstance(calls, list) else 0)
    return who, more, what._replace(reasoning=what.reasoning + beside, tools=tools)


def moment(one: dict[str, Any]) -> float | None:
    """When it was said, in seconds, from a number or ISO 8601; None where no time can be read.

    A small number under `time` may be how long it took, and is no moment.
    """
    key = next((key for key in TIMES if first(one, [key]) is not None), "")
    at = number(one.get(key))
    if at is not None:
        return at if key != "time" or at > EPOCH else None
    return instant(str(one.get(key)).strip())


def instant(text: Any) -> float | None:
    """Unix seconds of a time as ISO 8601, UTC where it names no zone; None if it is none."""
    try:
        when = datetime.fromisoformat(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
