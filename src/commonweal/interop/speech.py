"""What operations say: model calls and invoked agents as messages."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from .conversation import Collector, total
from .copies import once
from .operations import CALLS, INVOKE, Around, Key, Span, around, calling


def add_messages(spans: Sequence[Span], found: Collector) -> list[str]:
    """Put the messages that operations are, in the order of time, where they are gathered; returns notes.

    - An operation that was recorded twice counts once (see `copies`).
    - A model call is said by the nearest agent that it is part of (else by its model), to whoever invoked
      that agent (else nobody is named).
    - An agent invoked inside another is spoken to by that other when it starts. It speaks when it ends,
      where no model call inside it is recorded.
    - What is part of a grader is no message.

    Other operations (tools, workflows) and what graders do are counted in a note.
    """
    by_id, notes = once(spans, found)
    known, inside, rest = dict[Key, Around](), calling(by_id), Counter[str]()
    events, thoughts = list[tuple[Any, ...]](), 0
    for i, (key, one) in enumerate(by_id.items()):
        near, invoked = around(one, by_id, known), one.operation == INVOKE
        if near.grades or not (invoked or one.operation in CALLS):
            by_grader = near.grades and (invoked or one.operation in CALLS)
            rest[f"{one.operation} of a grader" if by_grader else one.operation] += not invoked or by_grader
            continue
        who, talk = near.agent or one.model, near.conversation or one.trace
        caller = near.invoked if near.invoked != who else near.before
        start, end = one.start or 0.0, one.end or one.start or 0.0
        if invoked and caller and one.agent:
            events.append((start, i, 0, talk, caller, one, {"to": one.agent, "text": one.asked}))
        if not invoked or key not in inside:
            more = {"to": caller, "text": one.said, "model": one.model, "failed": one.failed}
            more |= {"tokens_in": one.tokens_in, "tokens_out": one.tokens_out}
            more["seconds"] = _seconds(one, found)
            events.append((max(start, end), i, 1, talk, who, one, more))
            thoughts += one.thoughts
    for *_, talk, speaker, one, more in sorted(events, key=lambda x: x[:3]):
        found.message(talk, speaker, one.where, **more)
    return [*_counted(by_id.values(), rest, thoughts), *notes]


def _seconds(one: Span, found: Collector) -> float | None:
    """How long an operation took; a doubt, and None, where it ends before it starts."""
    if one.start is None or one.end is None:
        return None
    if one.end < one.start:
        late = f"it ends {one.start - one.end:g} seconds before it starts, wanted an end after the start"
        found.doubt(f"{one.where}, seconds", late)
        return None
    return one.end - one.start


def _counted(spans: Any, rest: Counter[str], thoughts: int) -> list[str]:
    """Notes on how many operations there are, and what of them is no message."""
    rest = +rest
    notes = [f"{len(spans):,} operations: {total(Counter(one.operation for one in spans))}."]
    notes += [f"No messages: {total(rest)}."] if rest else []
    timeless = sum(one.start is None and one.end is None for one in spans)
    notes += [f"{timeless:,} operations have no time, and come first."] if timeless else []
    return notes + ([f"{thoughts:,} parts of reasoning are not read as speech."] if thoughts else [])
