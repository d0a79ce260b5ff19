"""A world as a sample of Inspect: our engine plays it, and spans of Inspect show who did what, and when."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import rmtree
from time import monotonic
from typing import Any

import anyio
from inspect_ai.hooks import Hooks, SampleStart, TaskEnd, TaskStart, hooks
from inspect_ai.log import transcript
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.solver import Generate, Solver, TaskState
from inspect_ai.util import LimitExceededError, span

from .._journal import Journal
from .._mind import NoAnswer
from .._prompt import Said, Where
from .._run import play
from .._society import Society
from .._speak import Observer
from .logs import KEY, deeds, narrated, pack, settled, story
from .seats import seat, setting

APART = 0.11  # seconds: the viewer draws two spans of a name that are nearer as two lanes


def society(scenario: str, institutions: str, journal: str, knobs: Mapping[str, Any]) -> Solver:
    """Plays the world that the sample names; seat i is the model of role `agent_i`, or the default one."""
    governed = setting(scenario, institutions, knobs)
    known: dict[tuple, Society] = {}  # by the models that play

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if state.epoch > 1:
            raise ValueError(
                f"epoch {state.epoch} of {state.sample_id} came, and a world is its seed: it would be "
                "the same world again; wanted one epoch, and more worlds: -T seeds=16"
            )
        models = tuple(get_model(role=f"agent_{i}") for i in range(governed.n_agents))
        if models not in known:
            made = Society(governed, [seat(model) for model in models])
            known[models] = made.prepare() if made.learners else made
        lanes, kept = Lanes(known[models]), Journal(_file(journal, state))
        trace = await play(known[models], [state.metadata["seed"]], journal=kept, observer=lanes)
        lines = story(trace, governed.channels())
        state.store.set(KEY, pack(trace))
        state.messages = narrated(lines)
        state.output = ModelOutput.from_content("commonweal", lines[-1])
        if lanes.limit is not None:
            raise lanes.limit
        if trace.invalid[0]:
            kept.forget(state.metadata["seed"])
            raise RuntimeError(trace.invalid[0])  # it is tried again by `inspect eval-retry`
        return state

    return solve


class Lanes(Observer):
    """Opens a span for each round, and in it one for each agent: the viewer draws a lane for each name."""

    def __init__(self, society: Society):
        self._silent = [i for i in range(len(society.minds)) if i not in society.speakers]
        self._channels, self._row = society.scenario.channels(), dict[str, Any]()
        self._free = [0.0] * len(society.minds)
        self.limit: LimitExceededError | None = None

    @asynccontextmanager
    async def _lane(self, seat: int) -> AsyncIterator[None]:
        await anyio.sleep(max(0.0, self._free[seat] - monotonic()))
        try:
            async with span(f"agent_{seat}", type="agent"):
                yield
        finally:
            self._free[seat] = monotonic() + APART

    @asynccontextmanager
    async def round(self, seed: int, t: int) -> AsyncIterator[None]:
        async with span(f"round {t}", type="round"):
            self._row = {}
            yield
            if self._row and self._row["alive"]:
                acts = deeds(self._row, self._channels)
                for i in self._silent:
                    async with self._lane(i):
                        transcript().info(dict(acts[i]), source="mind")
                transcript().info({"round": t, "acts": acts} | settled(self._row), source="round")

    @asynccontextmanager
    async def agent(self, seed: int, t: int, seat: int) -> AsyncIterator[None]:
        try:
            async with self._lane(seat):
                yield
        except NoAnswer as error:
            self.limit = _limit(error) or self.limit
            raise

    def settled(self, seed: int, t: int, row: Mapping[str, Any]) -> None:
        self._row = dict(row)

    def recalled(self, where: Where, said: Said) -> None:
        transcript().info({"said before": said.text, "tick": where.tick, "try": where.draw}, source="journal")


def _limit(error: BaseException | None) -> LimitExceededError | None:
    """The limit of the sample that made a speaker give no answer."""
    while error is not None and not isinstance(error, LimitExceededError):
        error = error.__cause__ or error.__context__
    return error


# ----------------------------------------------------------------------------------------- journals

TASKS: dict[str, str] = {}  # evaluations and samples of this process: the task that they belong to


@hooks(name="journals", description="Finds the finished calls of a task that is tried again.")
class Journals(Hooks):
    """Learns which task a sample belongs to. A task that is retried keeps its name, and so its journals."""

    async def on_task_start(self, data: TaskStart) -> None:
        TASKS[data.eval_id] = data.spec.task_id

    async def on_sample_start(self, data: SampleStart) -> None:
        TASKS[data.sample_id] = TASKS.get(data.eval_id, "")

    async def on_task_end(self, data: TaskEnd) -> None:
        found = data.log.results
        if data.log.status == "success" and found and found.completed_samples == found.total_samples:
            rmtree(_home() / data.log.eval.task_id, ignore_errors=True)


def _home() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "commonweal" / "journals"


def _file(folder: str, state: TaskState) -> Path | None:
    """The journal of a world: in the folder given, or for as long as its task is not done; `none` is none."""
    task = TASKS.get(state.uuid)
    if folder == "none" or not (folder or task):
        return None
    home = Path(folder) / state.metadata["condition"] if folder else _home() / str(task)
    return home / f"{state.sample_id}.jsonl"
