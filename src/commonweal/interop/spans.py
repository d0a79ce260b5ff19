"""Conversations of agents as OpenTelemetry spans that follow the GenAI conventions (of 2025, "development").

A file is OTLP/JSON (`resourceSpans` > `scopeSpans` > `spans`, one object or one a line), or one span a line,
with `attributes` as OTLP's list or as an object. What is read of a span: `spanId` and `parentSpanId` (or
`span_id`, `parent_id`), `traceId`, start and end in Unix nanoseconds or ISO 8601, the status, and of its
attributes `gen_ai.operation.name`, `gen_ai.agent.name` or `.id`, `gen_ai.conversation.id`,
`gen_ai.request.model`, `gen_ai.usage.input_tokens` and `.output_tokens`, `gen_ai.input.messages` and
`gen_ai.output.messages` (JSON, as text or not; parts or plain content).

A model call is a message of the agent it is made for; what an agent is invoked for by another is a message
of that other agent, and what it then says is said to it. See `add_messages`.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from .conversation import JSON, WRONG, Collector, Conversations, brief, files, name, number, pieces, total
from .who_and_when import is_object, words

CALLS = ("chat", "generate_content", "text_completion")
INVOKE = "invoke_agent"
NANO = 1e-9
Key = tuple[str, str]  # of an operation: its trace and its id


class Span(NamedTuple):
    """One operation: `id` and the `parent` it is part of; `start`, `end` in seconds.

    `operation` is a model call (`chat`), `invoke_agent` or anything else; `asked` and `said` are its last
    input and its output as text. None where it was not recorded.
    """

    where: str
    id: str
    parent: str | None
    trace: str
    operation: str
    start: float | None = None
    end: float | None = None
    agent: str | None = None
    conversation: str | None = None
    model: str | None = None
    asked: str | None = None
    said: str | None = None
    tokens_in: Any = None
    tokens_out: Any = None
    failed: bool | None = None


def read_spans(path: str | os.PathLike) -> Conversations:
    """The conversations in a file of spans, or in all .json and .jsonl files of a folder.

    Raises:
        ValueError: no file, or no model call and no invoked agent in any.
    """
    found, spans = Collector(Path(path).name, "OpenTelemetry spans"), list[Span]()
    for file, label in files(path, *JSON):
        for where, value, fault in pieces(file, label):
            for at, one in _spans(where, value):
                span = None if fault else _span(at, one)
                if span is None:
                    found.lost(at, fault or f"came {brief(one)}, wanted a span with an id and attributes")
                else:
                    spans.append(span)
    return found.done(*add_messages(spans, found))


def add_messages(spans: Sequence[Span], found: Collector) -> list[str]:
    """Put the messages that operations are, in the order of time, where they are gathered; returns notes.

    - A model call is said by the nearest agent that it is part of (else by its model), to whoever invoked
      that agent (else nobody is named).
    - An agent invoked inside another is spoken to by that other when it starts. It speaks when it ends,
      where no model call inside it is recorded.

    Other operations (tools, workflows) are counted in a note.
    """
    by_id = {(one.trace, one.id): one for one in spans}
    known, calling, rest = dict[Key, Around](), _calling(spans, by_id), Counter[str]()
    events: list[tuple[Any, ...]] = []
    for i, one in enumerate(spans):
        around = _around(one, _above(one, by_id, known))
        who, talk = around.agent or one.model, around.conversation or one.trace
        caller = around.invoked if around.invoked != who else around.before
        start, end = one.start or 0.0, one.end or one.start or 0.0
        if one.operation == INVOKE and caller and one.agent:
            events.append((start, i, 0, talk, caller, one, {"to": one.agent, "text": one.asked}))
        if one.operation in CALLS or (one.operation == INVOKE and (one.trace, one.id) not in calling):
            more = {"to": caller, "text": one.said, "model": one.model, "failed": one.failed}
            more |= {"tokens_in": one.tokens_in, "tokens_out": one.tokens_out}
            more["seconds"] = one.end - one.start if one.start is not None and one.end is not None else None
            events.append((end, i, 1, talk, who, one, more))
        elif one.operation != INVOKE:
            rest[one.operation] += 1
    for *_, talk, speaker, one, more in sorted(events, key=lambda x: x[:3]):
        found.message(talk, speaker, one.where, **more)
    counted = f"{len(spans):,} operations: {total(Counter(one.operation for one in spans))}."
    notes = [counted] + ([f"No messages: {total(rest)}."] if rest else [])
    timeless = sum(one.start is None and one.end is None for one in spans)
    return notes + ([f"{timeless:,} operations have no time, and come first."] if timeless else [])


class Around(NamedTuple):
    """Of an operation and those that it is part of, the nearest `agent`, `conversation` and `invoked` agent,
    and the nearest invoked agent `before` that of another name."""

    agent: str | None = None
    conversation: str | None = None
    invoked: str | None = None
    before: str | None = None


def _around(one: Span, above: Around) -> Around:
    """What is around an operation, from what is around the one that it is part of."""
    invoked, before = above.invoked, above.before
    if one.operation == INVOKE and one.agent and one.agent != invoked:
        invoked, before = one.agent, invoked
    return Around(one.agent or above.agent, one.conversation or above.conversation, invoked, before)


def _above(one: Span, by_id: dict[Key, Span], known: dict[Key, Around]) -> Around:
    """What is around the operation that this is part of; each is looked at once (twice in a ring)."""
    path, at = dict[Key, Span](), _parent(one)
    while at in by_id and at not in known and at not in path:
        path[at] = by_id[at]
        at = _parent(path[at])
    for _ in range(2 if at in path else 1):
        around = known.get(at, Around())
        for key, each in reversed(path.items()):
            around = known[key] = _around(each, around)
    return known.get(_parent(one), Around())


def _parent(one: Span) -> Key:
    return one.trace, one.parent or ""


def _calling(spans: Sequence[Span], by_id: dict[Key, Span]) -> set[Key]:
    """The operations that a model call is part of."""
    found = set[Key]()
    for one in spans:
        at = _parent(one)
        while one.operation in CALLS and at in by_id and at not in found:
            found.add(at)
            at = _parent(by_id[at])
    return found


# ------------------------------------------------------------------------------------------ reading


def _spans(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The spans of one JSON value, each with where it stands."""
    if not is_object(value) or "resourceSpans" not in value:
        yield where, value
        return
    i = 0
    for resource in _listed(value["resourceSpans"]):
        for scope in _listed(resource.get("scopeSpans") if is_object(resource) else None):
            for one in _listed(scope.get("spans") if is_object(scope) else None):
                yield f"{where}, span {i}", one
                i += 1


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else []


def _span(where: str, one: Any) -> Span | None:
    """One span as it was recorded, or None if this is none."""
    if not is_object(one):
        return None
    at = one.get("context") if is_object(one.get("context")) else one
    own = next((str(at[key]) for key in ("spanId", "span_id", "id") if at.get(key)), None)
    if own is None or not isinstance(one.get("attributes", []), list | dict):
        return None
    about = _attributes(one.get("attributes", []))
    parent = next((one[key] for key in ("parentSpanId", "parent_span_id", "parent_id") if one.get(key)), None)
    status = one.get("status")
    code = str(status.get("code", status.get("status_code", ""))) if is_object(status) else ""
    start, end = (
        next((_time(one[key]) for key in keys if one.get(key) is not None), None)
        for keys in (("startTimeUnixNano", "start_time"), ("endTimeUnixNano", "end_time"))
    )
    first = {
        key: about.get(f"gen_ai.{key}") for key in ("operation.name", "conversation.id", "request.model")
    }
    return Span(
        where,
        own,
        str(parent) if parent else None,
        str(next((at[key] for key in ("traceId", "trace_id") if at.get(key)), "(no trace)")),
        name(first["operation.name"]) or "(no operation)",
        start,
        end,
        name(about.get("gen_ai.agent.name")) or name(about.get("gen_ai.agent.id")),
        name(first["conversation.id"]),
        name(about.get("gen_ai.response.model")) or name(first["request.model"]),
        _text(about.get("gen_ai.input.messages"), last=True),
        _text(about.get("gen_ai.output.messages")),
        about.get("gen_ai.usage.input_tokens"),
        about.get("gen_ai.usage.output_tokens"),
        code in ("2", "ERROR", "STATUS_CODE_ERROR", "StatusCode.ERROR") if is_object(status) else None,
    )


def _attributes(came: list | dict) -> dict[str, Any]:
    """Attributes by name, whether they came as OTLP's list or as an object."""
    if isinstance(came, dict):
        return came
    return {one["key"]: _plain(one.get("value")) for one in came if is_object(one) and name(one.get("key"))}


def _plain(value: Any, deep: int = 0) -> Any:
    """The value in OTLP's wrapping."""
    if not is_object(value) or len(value) != 1 or deep > 50:
        return None
    ((kind, inner),) = value.items()
    if kind == "arrayValue":
        return [_plain(one, deep + 1) for one in _listed(inner.get("values") if is_object(inner) else None)]
    if kind == "kvlistValue":
        some = _listed(inner.get("values") if is_object(inner) else None)
        return {
            one["key"]: _plain(one.get("value"), deep + 1) for one in some if is_object(one) and "key" in one
        }
    return inner


def _time(value: Any) -> float | None:
    """Seconds, from Unix nanoseconds (also as text) or ISO 8601."""
    nano = number(value)
    if nano is not None:
        return nano * NANO
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def _text(value: Any, last: bool = False) -> str | None:
    """What the messages of an input or output say in words; of an input, only the last."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except WRONG:
            return value
    some = [one for one in _listed(value) if is_object(one)]
    texts = (words(one.get("parts", one.get("content"))) for one in (some[-1:] if last else some))
    return "\n".join(text for text in texts if text) or None
