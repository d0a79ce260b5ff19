"""Traces as Inspect's logs, and back: one viewer for every kind of mind.

A world's trace is in its sample's store, whole, as the files of `Trace.save` in one text; everything else
in a log is for people to look at.
"""

import base64
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from inspect_ai import score_async
from inspect_ai.event import InfoEvent, ModelEvent, SpanBeginEvent, SpanEndEvent
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalLog,
    EvalPlan,
    EvalPlanStep,
    EvalSample,
    EvalSpec,
    read_eval_log_async,
    read_eval_log_sample_async,
    write_eval_log_async,
)
from inspect_ai.model import ChatMessage, ChatMessageAssistant, GenerateConfig, ModelOutput
from inspect_ai.util import registry_create
from inspect_ai.viewer import TaskSamplesColumn, TaskSamplesView, ViewerConfig

from .._channel import Channel
from .._describe import rebuild
from .._run import _finish
from .._stored import Damaged, reason
from .._trace import Trace, load

KEY = "commonweal:trace"
Channels = Mapping[str, Channel]
SCORERS = ("valid", "holistic", "agents", "stakeholders")
SHOWN = ("O", "V", "P_mean", "P_min", "rights_violated")


def pack(trace: Trace) -> str:
    """A trace as one text."""
    box = io.BytesIO()
    with TemporaryDirectory() as home, zipfile.ZipFile(box, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(trace.save(Path(home) / "trace").iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return base64.b64encode(box.getvalue()).decode()


def unpack(text: str) -> Trace:
    """The trace again, with every column as it was."""
    with TemporaryDirectory() as home, zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
        archive.extractall(home)
        return load(home)


def read_eval(path: str | os.PathLike) -> Trace:
    """The trace in a log that `inspect eval commonweal/...` or `write_eval` wrote.

    Worlds come in the order of the log's samples. One that was cut off before its trace was kept is
    there, invalid, with the columns of a world in which nothing was played.

    Raises:
        ValueError: the log holds no trace of ours, or is not finished.
    """
    return _finish(_read(str(path)))


async def _read(path: str) -> Trace:
    worlds: list[Trace | tuple[int, str]] = []
    with _undamaged(path):
        log = await read_eval_log_async(path, header_only=True)
        for name in log.eval.dataset.sample_ids or []:
            try:
                sample = await read_eval_log_sample_async(path, name, exclude_fields={"events", "messages"})
            except IndexError:
                continue  # it was never begun
            if KEY in sample.store:
                worlds.append(unpack(sample.store[KEY]))
            elif "seed" in sample.metadata:
                why = sample.limit.reason if sample.limit else sample.error.message if sample.error else None
                worlds.append((int(sample.metadata["seed"]), f"cut off ({why or 'without a reason'})"))
    like = next((one for one in worlds if isinstance(one, Trace)), None)
    if like is None:
        raise ValueError(
            f"{path} holds no trace (its status is {log.status!r}); wanted the log of a world that ended: "
            "inspect eval commonweal/commons --model commonweal/rehearsal-fair"
        )
    return _joined([one if isinstance(one, Trace) else _blank(like, *one) for one in worlds])


@contextmanager
def _undamaged(path: str) -> Iterator[None]:
    """Read a log in this block; it may lie anywhere that Inspect can reach."""
    try:
        yield
    except Exception as error:
        if isinstance(error, FileNotFoundError) and str(error.filename) == path:
            raise
        raise Damaged(
            f"{path} cannot be read as a log of Inspect ({reason(error)}); bring it back from a copy, or run "
            "it again: inspect eval commonweal/commons --model commonweal/rehearsal-fair"
        ) from error


def _blank(like: Trace, seed: int, why: str) -> Trace:
    """A world of which nothing is known but why."""
    none = like.worlds(slice(0, 1))

    def empty(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: np.zeros_like(x) for name, x in value.items()}
        return np.zeros_like(value) if isinstance(value, np.ndarray) else value

    parts = {f.name: empty(getattr(none, f.name)) for f in fields(none) if f.name not in ("card", "recipe")}
    parts |= {name: getattr(none, name).clear() for name in ("messages", "replies")}
    return replace(none, **(parts | {"seeds": np.array([seed], np.int64), "invalid": (why,)}))


def _joined(traces: list[Trace]) -> Trace:
    """One trace of the worlds of several, which were run by one recipe."""
    first = traces[0]

    def chain(name: str) -> Any:
        each = [getattr(one, name) for one in traces]
        if isinstance(each[0], Mapping):
            return {key: np.concatenate([one[key] for one in each]) for key in each[0]}
        return np.concatenate(each) if isinstance(each[0], np.ndarray) else each[0]

    parts = {f.name: chain(f.name) for f in fields(first) if f.name not in ("card", "recipe")}
    begins = np.cumsum([0] + [len(one.seeds) for one in traces])
    said = [
        one.messages.with_columns(world=pl.col("world") + int(at))
        for one, at in zip(traces, begins, strict=False)
    ]
    parts |= {"messages": pl.concat(said), "replies": pl.concat([one.replies for one in traces])}
    parts["replies"] = parts["replies"].sort("seed", "tick", "agent", "draw", maintain_order=True)
    return replace(first, **(parts | {"invalid": tuple(why for one in traces for why in one.invalid)}))


# ------------------------------------------------------------------------------------------ export


def write_eval(
    trace: Trace, folder: str | os.PathLike, *, worlds: int = 8, rounds: int = 200, title: str = ""
) -> Path:
    """Write the first worlds of any trace as a log that `inspect view` opens; returns its path.

    Each agent has a lane: what it did, said and got in each of the first `rounds` rounds. The trace of
    those worlds is in the log whole, and comes back with `read_eval`.
    """
    shown, now = trace.worlds(slice(0, worlds)), datetime.now(UTC)
    names = [f"world-{seed}" for seed in shown.seeds]
    title = title or trace.card.title
    spec = EvalSpec(
        created=now.isoformat(),
        task=f"commonweal/{title}",
        task_display_name=title,
        dataset=EvalDataset(name=title, samples=len(names), sample_ids=names),
        model="none/none",
        config=EvalConfig(),
        viewer=viewer(),
    )
    samples = [_sample(shown.worlds(i), name, now, rounds) for i, name in enumerate(names)]
    plan = EvalPlan(steps=[EvalPlanStep(solver="commonweal/society")])
    log = EvalLog(status="success", eval=spec, plan=plan, samples=samples)
    path = Path(folder) / f"{now:%Y-%m-%dT%H-%M-%S-%f}_{'-'.join(title.lower().split())}.eval"
    path.parent.mkdir(parents=True, exist_ok=True)

    async def write() -> None:
        await write_eval_log_async(await score_async(log, scorers(), display="none"), path)

    _finish(write())
    return path


def scorers() -> list[Any]:
    """Our scorers, as they are registered."""
    return [registry_create("scorer", f"commonweal/{name}") for name in SCORERS]


def viewer() -> ViewerConfig:
    """How `inspect view` lists the worlds: O, V, P and whether a world counts."""
    named = [TaskSamplesColumn.score("valid"), *(TaskSamplesColumn.score("holistic", x) for x in SHOWN)]
    plain = [TaskSamplesColumn(id=x) for x in ("sampleStatus", "sampleId", "input")]
    rest = [TaskSamplesColumn(id=x) for x in ("tokens", "duration", "limit", "error")]
    columns = [*plain, *named, *rest]
    return ViewerConfig(task_samples_view=TaskSamplesView(name="worlds", columns=columns, multiline=False))


def _sample(world: Trace, name: str, now: datetime, rounds: int) -> EvalSample:
    seed, channels = int(world.seeds[0]), _channels(world)
    lines = story(world, channels)
    return EvalSample(
        id=name,
        epoch=1,
        input=f"World {seed} of {world.card.title}",
        target="",
        messages=narrated(lines),
        output=ModelOutput.from_content("commonweal", lines[-1]),
        metadata={"seed": seed},
        store={KEY: pack(world)},
        events=list(_events(world, channels, now, rounds)),
        uuid=f"{name}-{now:%Y%m%d%H%M%S%f}",
    )


def _events(world: Trace, channels: Channels, now: datetime, rounds: int) -> Iterator[Any]:
    """Spans as the solver opens them, solvers > society > round > agent, and in each what was done.

    A round takes a second: who acts at once has lanes side by side.
    """
    open_spans = list[str]()

    def event(kind: Any, second: float, **what: Any) -> Any:
        when = {"timestamp": began + timedelta(seconds=second), "working_start": second}
        return kind(span_id=open_spans[-1], **when, **what)

    def begin(name: str, kind: str, second: float) -> Any:
        above = open_spans[-1] if open_spans else None
        open_spans.append(f"{above or world.seeds[0]}/{name}")
        return event(SpanBeginEvent, second, id=open_spans[-1], parent_id=above, type=kind, name=name)

    def end(second: float) -> Any:
        last = event(SpanEndEvent, second, id=open_spans[-1])
        open_spans.pop()
        return last

    played = np.nonzero(world.alive[0])[0][:rounds].tolist()
    began = now - timedelta(seconds=len(played))
    yield begin("solvers", "solvers", 0.0)
    yield begin("commonweal/society", "solver", 0.0)
    for second, t in enumerate(played):
        yield begin(f"round {t}", "round", second)
        spoken = world.messages.filter(pl.col("t") == t).select("agent", "channel", "text").rows()
        for i, did in enumerate(deeds(_row(world, t), channels)):
            yield begin(f"agent_{i}", "agent", second)
            said = ModelOutput.from_content(
                "commonweal",
                json.dumps(did | {name: words for j, name, words in spoken if j == i}, ensure_ascii=False),
            )
            what = {"input": [], "tools": [], "tool_choice": "none", "config": GenerateConfig()}
            what |= {"completed": began + timedelta(seconds=second + 0.8), "working_time": 0.8}
            yield event(ModelEvent, second, model=f"agent_{i}", role=f"agent_{i}", output=said, **what)
            yield end(second + 0.8)
        yield event(InfoEvent, second + 0.8, source="round", data={"round": t} | settled(_row(world, t)))
        yield end(second + 0.8)
    yield end(len(played))
    yield end(len(played))


# ------------------------------------------------------------------------------------------- words


def _row(world: Trace, t: int) -> dict[str, Any]:
    """A round of a trace of one world, as the engine tells of it when it is settled."""
    tables = {"act": world.act, "book": world.book, "events": world.events}
    row = {table: {name: x[0, t] for name, x in columns.items()} for table, columns in tables.items()}
    return row | {"objective": world.objective[0, t], "alive": world.alive[0, t]}


def _channels(world: Trace) -> Channels:
    """The channels of the scenario that the trace came from, where it says so."""
    try:
        return rebuild(world.recipe["society"]).scenario.channels()
    except (KeyError, ValueError):  # made by hand, or of classes that are not here
        return {}


def deeds(row: Mapping[str, Any], channels: Channels) -> list[dict[str, str]]:
    """What each agent did in a round, in words where the channels are known."""
    acts = {
        name: [channels[name].render(one) if name in channels else f"{one:g}" for one in x.tolist()]
        for name, x in row["act"].items()
        if name not in channels or not channels[name].lever
    }
    return [dict(zip(acts, mine, strict=True)) for mine in zip(*acts.values(), strict=True)]


def settled(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a round brought: the objective, and by row of the book what each agent got."""
    book = {name: [round(float(x), 4) for x in mine] for name, mine in row["book"].items()}
    return {"objective": round(float(row["objective"]), 4), "book": book}


def story(world: Trace, channels: Channels) -> list[str]:
    """A trace of one world, told round by round."""
    lines = []
    for t in np.nonzero(world.alive[0])[0].tolist():
        row = _row(world, t)
        net = np.sum(list(row["book"].values()), axis=0)
        each = [
            f"agent_{i} " + ", ".join(f"{name} {act}" for name, act in did.items()) + f" ({net[i]:g})"
            for i, did in enumerate(deeds(row, channels))
        ]
        lines.append(f"Round {t}, objective {float(row['objective']):g}: " + "; ".join(each) + ".")
    return [*lines, f"Invalid: {world.invalid[0]}." if world.invalid[0] else f"{len(lines)} rounds played."]


def narrated(lines: list[str]) -> list[ChatMessage]:
    """The story as the messages of a sample: what was said to whom stands in the agents' lanes."""
    return [ChatMessageAssistant(content="\n\n".join(lines))]
