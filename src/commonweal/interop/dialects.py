"""What the attributes of a span say, in each of the dialects that libraries write.

- OpenTelemetry's GenAI conventions (`gen_ai.`), with text in attributes or in events of the span;
- OpenInference (`openinference.span.kind`, `llm.input_messages.0.message.content`);
- OpenLLMetry (`traceloop.span.kind`, `llm.request.type`, `gen_ai.prompt.0.content`);
- Vercel's AI SDK (`ai.operationId`, `ai.prompt.messages`, `ai.response.text`).

The tables name, for each thing, the attributes that may say it; the first that is there is read.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from .conversation import WRONG, name
from .operations import CALLS, INVOKE, UNKNOWN

AGENT = (
    "gen_ai.agent.name", "gen_ai.agent.id", "agent.name", "agent_name",
    "ai.telemetry.metadata.agentName", "ai.telemetry.functionId",
)  # fmt: skip
TALK = (
    "gen_ai.conversation.id", "session.id", "traceloop.association.properties.session_id",
    "ai.telemetry.metadata.sessionId",
)  # fmt: skip
ANSWERED = ("gen_ai.response.model", "ai.response.model")
MODEL = (*ANSWERED, "gen_ai.request.model", "llm.model_name", "llm.request.model", "ai.model.id")
IN = (
    "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt",
    "llm.usage.prompt_tokens", "ai.usage.inputTokens", "ai.usage.promptTokens",
)  # fmt: skip
OUT = (
    "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion",
    "llm.usage.completion_tokens", "ai.usage.outputTokens", "ai.usage.completionTokens",
)  # fmt: skip
ASKED = (
    "gen_ai.input.messages", "llm.input_messages", "gen_ai.prompt", "ai.prompt.messages", "ai.prompt",
    "gen_ai.content.prompt",
)  # fmt: skip
SAID = (
    "gen_ai.output.messages", "llm.output_messages", "gen_ai.completion", "gen_ai.output",
    "gen_ai.content.completion", "gcp.vertex.agent.llm_response",
)  # fmt: skip
ANSWER = ("ai.response.text", "ai.response.object")
VALUES = (("input.value", "traceloop.entity.input"), ("output.value", "traceloop.entity.output"))
KINDS = {"llm": CALLS[0], "agent": INVOKE, "completion": CALLS[2], "chat": CALLS[0]}
KIND = ("openinference.span.kind", "traceloop.span.kind", "llm.request.type")
VERCEL = ("ai.operationId", "operation.name")
TEXT = ("text", "output_text", "input_text", None)
THOUGHT = ("reasoning", "thinking", "redacted_thinking")
INSIDE = (
    "content", "text", "parts", "message", "messages", "prompt", "contents", "message_content", "choices",
    "generations", "candidates",
)  # fmt: skip
CALLED = re.compile(r"llm|complet|generat|chat|respon|messag|inferen")  # what libraries call a model call
NOT_TEXT = re.compile(r"embed|image|speech|audio|tool|moderat")
LATER = ("gen_ai.choice", "gen_ai.content.completion")
BEFORE = ("gen_ai.user.message", "gen_ai.system.message", "gen_ai.assistant.message", "gen_ai.tool.message",
          "gen_ai.content.prompt")  # fmt: skip
DETAILS = "gen_ai.client.inference.operation.details"
DEEP = 50


class Told(NamedTuple):
    """What attributes and events say of an operation; `thoughts` counts parts of reasoning in its output."""

    operation: str
    agent: str | None
    conversation: str | None
    model: str | None
    asked: str | None
    said: str | None
    tokens_in: Any
    tokens_out: Any
    thoughts: int


def told(came: dict[str, Any], title: str, events: Sequence[tuple[str, dict]] = ()) -> Told:
    """What a span says with these attributes, this name and these events (each a name and attributes)."""
    about = _flat(came)
    for what, more in events:
        about = {**_flat(more), **about} if what == DETAILS else about
    used = _first(about, (*IN, *OUT))
    operation = _operation(about, used is not None or any(_found(about, key) for key in (*ASKED, *SAID)))
    values = VALUES if operation in (*CALLS, INVOKE) else ((), ())
    asked = _said([_found(about, key) for key in (*ASKED, *values[0])] + _events(events, BEFORE), last=True)
    said = _said([_found(about, key) for key in (*SAID, *values[1])] + _events(events, LATER))
    answer = _first(about, ANSWER)
    return Told(
        operation,
        _agent(about, operation, title),
        name(_first(about, TALK)),
        name(_first(about, MODEL)),
        asked[0],
        answer if isinstance(answer, str) else said[0],
        _first(about, IN),
        _first(about, OUT),
        said[1],
    )


def _operation(about: dict[str, Any], spoke: bool) -> str:
    """What is done: a model call is `chat`, also where only its model, and words or tokens, say so."""
    given = name(about.get("gen_ai.operation.name"))
    if given in (*CALLS, INVOKE):
        return given
    vercel = (name(_first(about, VERCEL)) or "").split(" ")[0]
    if vercel.startswith("ai."):
        steps = vercel.split(".")
        if steps[-1] in ("doGenerate", "doStream"):
            return CALLS[0]
        return INVOKE if len(steps) == 2 and steps[1].startswith(("generate", "stream")) else vercel
    kinds = [name(about.get(key)) for key in KIND]
    kind = next((one.lower() for one in kinds if one), None)
    if kind and not given:
        return KINDS.get(kind, kind)
    named = name(about.get("gen_ai.request.model")) or name(_first(about, ANSWERED))
    if named and spoke and (given is None or (CALLED.search(given) and not NOT_TEXT.search(given))):
        return CALLS[0]
    return given or UNKNOWN


def _agent(about: dict[str, Any], operation: str, title: str) -> str | None:
    """The agent that a span names; of an invoked agent also by the name of the entity or of the span."""
    own = name(_first(about, AGENT))
    if own or operation != INVOKE or name(_first(about, VERCEL)):
        return own
    return name(about.get("traceloop.entity.name")) or name(title.removeprefix(INVOKE))


def _first(about: dict[str, Any], keys: Iterable[str]) -> Any:
    return next((about[key] for key in keys if about.get(key) not in (None, "")), None)


def _flat(about: dict[str, Any], before: str = "", deep: int = 0) -> dict[str, Any]:
    """Attributes with the names that dots join, also where objects stand inside each other."""
    found = dict[str, Any]()
    for key, value in about.items():
        found[f"{before}{key}"] = value
        if isinstance(value, dict) and deep < 6:
            found |= _flat(value, f"{before}{key}.", deep + 1)
    return found


def _found(about: dict[str, Any], key: str) -> Any:
    """What an attribute says: as it stands, or a list of what `key.0.role`, `key.0.content` ... say."""
    if about.get(key) not in (None, "", []):
        return about[key]
    rows = dict[int, dict[str, Any]]()
    for full, value in about.items():
        if full.startswith(f"{key}."):
            index, _, rest = full[len(key) + 1 :].partition(".")
            if index.isdecimal() and rest:
                rows.setdefault(int(index), {})[rest] = value
    return [rows[i] for i in sorted(rows)] or None


# ------------------------------------------------------------------------------------------ words


def _events(events: Sequence[tuple[str, dict]], wanted: tuple[str, ...]) -> list[Any]:
    """The messages that events of these names carry, as one list, if there are any."""
    found = []
    for what, about in events:
        if what in wanted:
            inner = _first(about, ("gen_ai.event.content", "gen_ai.prompt", "gen_ai.completion"))
            parts = {key: _json(one) if str(one).startswith("[{") else one for key, one in about.items()}
            found.append(_json(inner) if inner is not None else parts)
    return [found] if found else []


def _said(some: list[Any], last: bool = False) -> tuple[str | None, int]:
    """The words of the first of these that has any (of its last message only), and its parts of reasoning."""
    thoughts = 0
    for came in some:
        value, parts = _json(came), list[str]()
        shaped = isinstance(value, dict) and bool({*INSIDE, "role"} & set(value))
        inner = value.get("messages", value) if isinstance(value, dict) else value
        thoughts += _words(inner[-1:] if last and isinstance(inner, list) else inner, parts)
        if isinstance(value, dict) and isinstance(came, str) and not shaped:
            parts = [came]  # an answer that is an object
        if parts:
            return "\n".join(parts), thoughts
    return None, thoughts


def _json(value: Any) -> Any:
    """What a text holds as JSON, if it is an object or a list; else the text."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except WRONG:
        return value


def _words(value: Any, parts: list[str], deep: int = 0) -> int:
    """Put the words of a message, or of parts of one, into `parts`; returns how many were reasoning."""
    if isinstance(value, str):
        parts += [value] if value else []
        return 0
    if deep > DEEP or not isinstance(value, list | dict):
        return 0
    if isinstance(value, list):
        return sum(_words(one, parts, deep + 1) for one in value)
    kind = value.get("type", value.get("message_content.type"))
    if kind in THOUGHT or value.get("thought") is True:
        return 1
    if kind not in TEXT and not {"role", "message"} & set(value):
        return 0
    return _inside(value, parts, deep)


def _inside(value: dict, parts: list[str], deep: int) -> int:
    """The same for an object that is a message or a part of text; OpenInference's names have a prefix."""
    short = {key.removeprefix("message.").removeprefix("message_content."): one for key, one in value.items()}
    inner = next((short[key] for key in INSIDE if short.get(key) not in (None, "")), None)
    inner = _found(short, "contents") if inner is None else inner
    if isinstance(inner, str) and inner.startswith("[{"):  # OpenLLMetry: parts of content as text
        listed = _json(inner)
        if isinstance(listed, list) and all(isinstance(x, dict) and "type" in x for x in listed):
            inner = listed
    if inner is None:
        return 0
    return _words(inner, parts, deep + 1)
