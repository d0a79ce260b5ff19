"""Inspect's logs as recorded conversations, whatever task wrote them; Inspect is imported to read one."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..interop.conversation import Collector, Conversations, add_trace, brief, files
from ..interop.operations import CALLS, INVOKE, Span
from ..interop.speech import add_messages
from .inspect import inspect_ai

if TYPE_CHECKING:
    from inspect_ai.log import EvalSample

UNREADABLE = (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile)
SOLVED = {"C": True, "I": False}  # how Inspect's scorers say right and wrong


def read_logs(path: str | os.PathLike) -> Conversations:
    """The conversations in an Inspect log (.eval), or in all of a folder: each sample is one.

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
    samples = list[tuple[str, dict[str, Any]]]()
    for file, label in files(path, ".eval"):
        try:
            if any(KEY in sample.store for sample in _samples(file, "events", "messages")):
                notes += add_trace(read_eval(file), found, f"{label}, ")
                continue
            for sample in _samples(file, "messages", "store"):
                talk = f"{label}, sample {sample.id}, epoch {sample.epoch}"
                spans += _spans(sample, talk)
                samples.append((talk, sample.scores or {}))
        except UNREADABLE as error:
            found.lost(label, f"cannot be read ({type(error).__name__}: {brief(str(error))})")
    notes += add_messages(spans, found) if spans else []
    for talk, scores in samples:
        said = [SOLVED[str(score.value)] for score in scores.values() if str(score.value) in SOLVED]
        found.label(talk, talk, agent=None, step=None, solved=said[0] if said else None)
    return found.done(*notes)


def _samples(file: Path, *without: str) -> Iterator["EvalSample"]:
    """The samples of a log that were finished, one at a time."""
    from inspect_ai.log import read_eval_log_samples

    return read_eval_log_samples(
        file, all_samples_required=False, resolve_attachments="core", exclude_fields=set(without)
    )


def _spans(sample: "EvalSample", talk: str) -> Iterator[Span]:
    """The spans and model calls of a sample, as operations."""
    for i, event in enumerate(sample.events):
        where, at = f"{talk}, event {i}", event.timestamp.timestamp()
        if event.event == "span_begin":
            agent = event.name if event.type == "agent" else None
            what = INVOKE if agent else event.type or "span"
            yield Span(where, event.id, event.parent_id, talk, what, at, None, agent, talk)
        elif event.event == "model":
            usage = event.output.usage
            yield Span(
                where,
                event.uuid or f"{talk}/{i}",
                event.span_id,
                talk,
                CALLS[0],
                at,
                None if event.working_time is None else at + event.working_time,
                event.role,
                talk,
                event.model,
                said=event.output.completion or None,
                tokens_in=usage.input_tokens if usage else None,
                tokens_out=usage.output_tokens if usage else None,
                failed=event.error is not None,
            )
