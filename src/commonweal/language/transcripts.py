"""Inspect's logs as recorded conversations, whatever task wrote them; Inspect is imported to read one.

- Long replies of older logs stand apart from the events (`attachment://`) and are put back.
- Calls of graders (role `grader`, or part of a scorer) are no messages; parts of reasoning are no speech.
- What a tool or a subtask recorded by itself (older logs) is part of it.
- A sample without events is read from its messages: what its assistants say.
"""

import os
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..interop.conversation import MOST, Collector, Conversations, add_trace, brief, files, kind_of, pieces
from ..interop.operations import CALLS, INVOKE, Span
from ..interop.speech import add_messages
from .inspect import inspect_ai

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

UNREADABLE = (ValueError, KeyError, OSError, EOFError, RuntimeError, zipfile.BadZipFile)
SOLVED = {"C": True, "I": False}  # how Inspect's scorers say right and wrong
APART = "attachment://"
GRADER = "grader"


def read_logs(path: str | os.PathLike) -> Conversations:
    """The conversations in an Inspect log (.eval, .json), or in all of a folder: each sample is one.

    In a log with traces of ours, worlds are conversations (see `from_trace`). In others, a model call is a
    message of its role, else of the agent whose span it is in, else of its model, said to the agent around
    that one. The first score that is C or I says whether it was solved.

    Raises:
        ImportError: Inspect is not installed.
        ValueError: no log, or no message in any.
    """
    inspect_ai()  # says what to install
    from .logs import KEY, read_eval

    found, notes, spans = Collector(Path(path).name, "Inspect logs"), list[str](), list[Span]()
    samples, bare = list[tuple[str, dict[str, Any]]](), 0
    for file, label in files(path, ".eval", ".json"):
        if kind_of(file) == ".json" and not any(is_log(value) for _, value, _ in pieces(file)):
            notes += [f"Not read, no log: {label}."]
            continue
        try:
            _refuse_bomb(file)
            if any(KEY in sample.store for sample in _samples(file, "events", "messages")):
                notes += add_trace(read_eval(file), found, f"{label}, ")
                continue
            for sample in _samples(file, "store"):
                talk = f"{label}, sample {sample.id}, epoch {sample.epoch}"
                calls = list(_spans(sample.events, talk))
                bare += not sample.events
                spans += _kept(calls if sample.events else _said(sample, talk), sample.attachments, found)
                samples.append((talk, sample.scores or {}))
        except UNREADABLE as error:
            found.lost(label, f"cannot be read ({type(error).__name__}: {brief(str(error))})")
    notes += add_messages(spans, found) if spans else []
    notes += [f"{bare:,} samples have no events; what their assistants say is read."] if bare else []
    for talk, scores in samples:
        said = [SOLVED[str(score.value)] for score in scores.values() if str(score.value) in SOLVED]
        found.label(talk, talk, agent=None, step=None, solved=said[0] if said else None)
    return found.done(*notes)


def is_log(value: Any) -> bool:
    """Whether a JSON value is a log of Inspect."""
    return isinstance(value, dict) and "eval" in value and bool({"samples", "status", "plan"} & set(value))


def _refuse_bomb(file: Path) -> None:
    """Raise ValueError for an archive of which one part is larger, unpacked, than is read."""
    if kind_of(file) == ".eval" and zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as packed:
            for part in packed.infolist():
                if part.file_size > MOST:
                    raise ValueError(f"{part.filename} holds more than {MOST >> 20} MiB unpacked")


def _samples(file: Path, *without: str) -> Iterable["EvalSample"]:
    """The samples of a log that were finished; one at a time, where the log lists them."""
    from inspect_ai.log import read_eval_log, read_eval_log_samples

    listed = kind_of(file) == ".eval" and read_eval_log(file, header_only=True).eval.dataset.sample_ids
    if not listed:
        return read_eval_log(file, resolve_attachments="core").samples or []
    return read_eval_log_samples(
        file, all_samples_required=False, resolve_attachments="core", exclude_fields=set(without)
    )


def _kept(spans: Iterable[Span], apart: Mapping[str, str], found: Collector) -> Iterator[Span]:
    """The spans; text that stands apart is put back, or is a doubt where it is not there."""
    for one in spans:
        if not (one.said or "").startswith(APART):
            yield one
            continue
        said = apart.get(one.said.removeprefix(APART)) if one.said else None
        if said is None:
            found.doubt(f"{one.where}, text", f"{one.said}, wanted an attachment that the sample holds")
        yield one._replace(said=said)


def _said(sample: "EvalSample", talk: str) -> Iterator[Span]:
    """What assistants say in the messages of a sample, as model calls one after another."""
    for i, message in enumerate(sample.messages):
        if message.role == "assistant":
            where, model = f"{talk}, message {i}", message.model or sample.output.model or None
            said, thoughts = message.text or None, _thoughts(message)
            about = {"conversation": talk, "model": model, "said": said, "thoughts": thoughts}
            yield Span(where, str(i), None, talk, CALLS[0], i, **about)


def _thoughts(message: Any) -> int:
    """How many parts of a message are reasoning."""
    parts = message.content if isinstance(message.content, list) else []
    return Counter(part.type for part in parts)["reasoning"]


def _spans(events: Iterable[Any], talk: str, above: str | None = None) -> Iterator[Span]:
    """Events as operations: spans, steps (older logs), model calls, and what tools and subtasks hold."""
    steps = [above]
    for i, event in enumerate(events):
        where, at = f"{talk}, event {i}" if above is None else f"{above}/{i}", event.timestamp.timestamp()
        inner = getattr(event, "events", None) if event.event in ("tool", "subtask") else None
        if event.event == "span_begin":
            agent = event.name if event.type == "agent" else None
            what = INVOKE if agent else event.type or "span"
            yield Span(where, event.id, event.parent_id or above, talk, what, at, None, agent, talk)
        elif event.event == "step" and event.action == "begin":
            yield Span(where, where, steps[-1], talk, event.type or "step", at, None, None, talk)
            steps.append(where)
        elif event.event == "step" and len(steps) > 1:
            steps.pop()
        elif event.event == "model":
            yield _call(event, where, at, event.span_id or steps[-1], talk)
        elif inner:
            agent = getattr(event, "agent", None)
            what = INVOKE if agent else event.event
            yield Span(where, where, event.span_id or steps[-1], talk, what, at, None, agent, talk)
            yield from _spans(_typed(inner), talk, where)


def _typed(events: list[Any]) -> list[Any]:
    """Events that a tool or a subtask holds, as objects of Inspect."""
    from inspect_ai.event import Event
    from pydantic import TypeAdapter

    return TypeAdapter(list[Event]).validate_python(events)


def _call(event: Any, where: str, at: float, parent: str | None, talk: str) -> Span:
    """A model call; one of a grader is no message."""
    usage, choices = event.output.usage, event.output.choices
    return Span(
        where,
        event.uuid or where,
        parent,
        talk,
        f"{CALLS[0]} of a {GRADER}" if event.role == GRADER else CALLS[0],
        at,
        None if event.working_time is None else at + event.working_time,
        event.role,
        talk,
        event.model,
        said=(choices[0].message.text if choices else event.output.completion) or None,
        tokens_in=usage.input_tokens if usage else None,
        tokens_out=usage.output_tokens if usage else None,
        failed=event.error is not None,
        thoughts=_thoughts(choices[0].message) if choices else 0,
    )
