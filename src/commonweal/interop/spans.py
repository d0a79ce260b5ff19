"""Conversations of agents as spans of OpenTelemetry, in the dialects that `dialects` names.

A file is OTLP/JSON (`resourceSpans` > `scopeSpans` > `spans`, one object or one a line), or single spans: one
a line, one after another with line breaks inside (as the console exporter prints them), a list of them, a
list under `spans`, or each with those inside it under `child_spans`. Attributes are OTLP's list or an object.
What is read of a span: `spanId` and `parentSpanId` (or `span_id`, `parent_id`), `traceId`, start and end,
the status, its attributes and events, and the agent or service that its resource names.

Times are Unix nanoseconds, ISO 8601 (UTC where no zone is given), `[seconds, nanoseconds]`, or, as
`start_time`, Unix seconds, milli-, micro- or nanoseconds, told by how large they are.

A model call is a message of the agent it is made for; what an agent is invoked for by another is a message
of that other agent, and what it then says is said to it (`speech`). What was recorded twice counts once
(`copies`).
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .conversation import JSON, Collector, Conversations, brief, files, name, number, pieces, total
from .dialects import AGENT, told
from .entry import instant, is_object
from .operations import CALLS, INVOKE, Span
from .speech import add_messages

NANO = 1e-9
FAILED = ("2", "ERROR", "STATUS_CODE_ERROR", "STATUSCODE.ERROR")
IDS, TRACES = ("spanId", "span_id", "spanID", "id"), ("traceId", "trace_id", "traceID")
PARENTS = ("parentSpanId", "parent_span_id", "parent_id", "parentId")
STARTS = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "timestamp")
ENDS = ("endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime")
CONTEXTS = ("context", "spanContext", "_spanContext")
WANTED = (
    "a model call or an invoked agent, as gen_ai.operation.name, openinference.span.kind, "
    "traceloop.span.kind or ai.operationId tell it"
)


def read_spans(path: str | os.PathLike) -> Conversations:
    """The conversations in a file of spans, or in all .json and .jsonl files of a folder.

    Raises:
        ValueError: no file, or no model call and no invoked agent in any.
    """
    found, spans = Collector(Path(path).name, "OpenTelemetry spans"), list[tuple[Span, str | None]]()
    for file, label in files(path, *JSON):
        for where, value, fault in pieces(file, label, found.doubt):
            for at, one, home in _spans(where, value):
                span = None if fault else _span(at, one, home, label, found)
                if span is None:
                    found.lost(at, fault or f"came {brief(one)}, wanted a span with an id and attributes")
                else:
                    spans.append((span, _service(home)))
    what = Counter(span.operation for span, _ in spans)
    if spans and not {*CALLS, INVOKE} & set(what):
        raise ValueError(f"{Path(path).name} holds {len(spans):,} spans ({total(what)}); wanted {WANTED}")
    return found.done(*add_messages(_housed(spans), found))


def is_spans(value: Any) -> bool:
    """Whether a JSON value holds spans."""
    if isinstance(value, list):
        return any(is_spans(one) for one in value[:5])
    if not is_object(value):
        return False
    if {"resourceSpans", "resource_spans"} & set(value):
        return True
    if isinstance(value.get("spans"), list) and value["spans"]:
        return is_spans(value["spans"])
    known = {*IDS[:3], *CONTEXTS} & set(value) or {"traceId", "id"} <= set(value)
    return bool({"attributes", "span_attributes"} & set(value) and known)


def _housed(spans: list[tuple[Span, str | None]]) -> list[Span]:
    """The spans; where calls are made in several services, each service is an agent, unless it names one."""
    several = len({service for span, service in spans if span.operation in CALLS and service}) > 1
    return [span._replace(home=span.home or service) if several else span for span, service in spans]


# ------------------------------------------------------------------------------------------ reading


def _spans(where: str, value: Any) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """The spans of one JSON value, each with where it stands and the attributes of its resource."""
    some = value if isinstance(value, list) else _either(value, "spans")
    if isinstance(some, list):
        for i, one in enumerate(some):
            at = f"{where}, span {i}"
            yield from [(at, one, {})] if isinstance(one, list) else _spans(at, one)
        return
    inside = _either(value, "child_spans")
    if isinstance(inside, list):
        yield where, value, _home(value)
        for i, one in enumerate(inside):
            yield from _spans(f"{where}, {i}", one)
        return
    blocks = _either(value, "resourceSpans", "resource_spans")
    if blocks is None:
        yield where, value, _home(value)
        return
    i = 0
    for block in _listed(blocks):
        home = _home(block)
        for scope in _listed(_either(block, "scopeSpans", "scope_spans", "instrumentationLibrarySpans")):
            for one in _listed(_either(scope, "spans")):
                yield f"{where}, span {i}", one, home
                i += 1


def _home(value: Any) -> dict[str, Any]:
    """The attributes of the resource that a span or a block of them names."""
    came = _either(_either(value, "resource"), "attributes", "_attributes")
    return _attributes(came) if isinstance(came, list | dict) else {}


def _service(home: dict[str, Any]) -> str | None:
    """The service that a resource names, unless it is the name that means none."""
    found = name(home.get("service.name"))
    return None if found is None or found.startswith("unknown_service") else found


def _either(value: Any, *keys: str) -> Any:
    """What an object has under the first of these keys that it has."""
    return (
        next((value[key] for key in keys if value.get(key) is not None), None) if is_object(value) else None
    )


def _listed(value: Any) -> list:
    return value if isinstance(value, list) else []


def _span(where: str, one: Any, home: dict[str, Any], label: str, found: Collector) -> Span | None:
    """One span as it was recorded, or None if this is none."""
    at = _either(one, *CONTEXTS)
    at = at if is_object(at) else one
    own = _either(at, *IDS)
    came = [] if own in (None, "") else _either(one, "attributes", "span_attributes") or []
    if own in (None, "") or not isinstance(came, list | dict):
        return None
    above = _either(one, *PARENTS) or _either(_either(one, "parentSpanContext", "parent"), *IDS)
    said = told(_attributes(came), name(_either(one, "name", "span_name")) or "", _events(one))
    status = one.get("status", {"code": one["status_code"]} if "status_code" in one else None)
    code = str(_either(status, "code", "status_code") or "") if is_object(status) else ""
    start, end = (_when(one, keys, where, found) for keys in (STARTS, ENDS))
    return Span(
        where,
        str(own),
        str(above) if above else None,
        str(_either(at, *TRACES) or f"{label} (no trace)"),
        said.operation,
        start,
        end,
        said.agent,
        said.conversation,
        said.model,
        said.asked,
        said.said,
        said.tokens_in,
        said.tokens_out,
        code.upper() in FAILED if is_object(status) else None,
        next((name(home[key]) for key in AGENT if name(home.get(key))), None),
        said.thoughts,
    )


def _events(one: dict) -> list[tuple[str, dict[str, Any]]]:
    """The events of a span, each its name and its attributes."""
    found = []
    for event in _listed(one.get("events")):
        came = _either(event, "attributes")
        if is_object(event) and isinstance(came, list | dict):
            found.append((name(event.get("name")) or "", _attributes(came)))
    return found


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
    if kind in ("arrayValue", "array_value"):
        return [_plain(one, deep + 1) for one in _listed(inner.get("values") if is_object(inner) else None)]
    if kind in ("kvlistValue", "kvlist_value"):
        some = _listed(inner.get("values") if is_object(inner) else None)
        return {
            one["key"]: _plain(one.get("value"), deep + 1) for one in some if is_object(one) and "key" in one
        }
    return inner


def _when(one: dict, keys: tuple[str, ...], where: str, found: Collector) -> float | None:
    """When a span starts or ends, in Unix seconds; a doubt where that cannot be told."""
    key = next((key for key in keys if one.get(key) is not None), None)
    if key is None:
        return None
    time = _time(one[key], "nano" in key.lower())
    if time is None:
        found.doubt(f"{where}, {key}", f"{brief(one[key])}, wanted Unix nanoseconds or ISO 8601")
    return time


def _time(value: Any, nano: bool) -> float | None:
    """Seconds, from a number (also as text), a pair of seconds and nanoseconds, or ISO 8601."""
    if isinstance(value, list):
        pair = [number(x) for x in value]
        return pair[0] + pair[1] * NANO if len(pair) == 2 and None not in pair else None  # type: ignore[operator]
    at = number(value)
    if at is not None:
        units = ((1e17, NANO), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0))
        unit = NANO if nano else next((unit for least, unit in units if at >= least), None)
        return None if unit is None else at * unit
    return instant(value)
