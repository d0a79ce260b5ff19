"""Training from outside the compiled loop: who may learn together, checkpoints, progress, the curve.

A checkpoint is one file that appears whole or not at all. Every update is keyed by its number, so
training that was killed goes on to the same bits. Numbers of the file: every leaf of the state, the
rows of the curve so far, how many updates are done.
"""

import hashlib
import inspect
import io
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._describe import describe, identity
from ..._mind import Mind
from ..._society import Society
from ..._sources import sources
from ..._stored import reading, write
from ..._trace import Trace, load
from ..._trust import named
from .train import Class, State, advance, gather, players, start

CHECKPOINT, CURVE = "learner.npz", "curve"
HOST = ("updates", "checkpoint_every")  # settings that the compiled loop does not know


def teach(society: Society, seats: tuple[int, ...], key: Any, folder: Path | None) -> list[Mind]:
    """The learners of these seats, trained together; see `Learner`."""
    _check(society, seats)
    pupils: list[Any] = [society.minds[seat] for seat in seats]
    first = pupils[0]
    team = _class(society, seats)
    (state, key), rows, done = start(team, key, [int(p.seed) for p in pupils]), {}, 0
    who = {name: identity(getattr(team.society, name)) for name in ("scenario", "minds", "profiles")}
    who["code"] = _code(society)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        state, rows, done = _resume(folder, who, state, first.updates)
        if done < first.updates:
            shutil.rmtree(folder / CURVE, ignore_errors=True)  # that of a shorter training
    room = jnp.asarray(np.zeros(first.checkpoint_every, np.float32))  # made on the host: compiles nothing
    with _progress(first.updates) as show:
        while done < first.updates:
            stop = min(done + first.checkpoint_every, first.updates)
            span = [jnp.asarray(np.int32(x)) for x in (done, stop)]
            state, more = advance(team, state, key, span[0], span[1], room)
            more = jax.tree.map(lambda x: np.asarray(x)[: stop - done], more)  # noqa: B023
            rows = jax.tree.map(lambda *x: np.concatenate(x), rows, more) if rows else more
            done = stop
            if folder is not None:
                _save(folder / CHECKPOINT, who, state, rows, done)
            show(done)
    if folder is not None and not (folder / CURVE).exists():
        _curve(society, rows).save(folder / CURVE)
    curve = np.asarray(rows["felt"], np.float32)[:, list(seats)].mean(axis=1)
    ready = [
        replace(mind, params=jax.tree.map(jnp.asarray, mind.params | {"curve": curve}))  # type: ignore[type-var,attr-defined]
        for mind in players(team, jax.device_get(state), keep=False)  # cut on the host: nothing to compile
    ]
    return [
        replace(mind, **{name: getattr(pupil, name) for name in HOST})  # type: ignore[type-var]
        for mind, pupil in zip(ready, pupils, strict=True)
    ]


def _class(society: Society, seats: tuple[int, ...]) -> Class:
    """The class without what only the host needs."""
    minds: list[Any] = list(society.minds)
    for seat in seats:
        minds[seat] = replace(minds[seat], updates=1, checkpoint_every=1)
    return gather(Society(society.scenario, minds, society.profiles), seats)


def learn(society: Society, folder: Path | None = None) -> tuple[Society, Trace]:
    """The society with its learners trained, and their learning curve (see `learning_curve`)."""
    if folder is not None:
        return society.prepare(Path(folder)), learning_curve(folder)
    with tempfile.TemporaryDirectory() as here:
        return society.prepare(Path(here)), learning_curve(here)


def learning_curve(folder: str | os.PathLike) -> Trace:
    """How learning went, as a trace of one world: a tick is an update.

    Every entry is a mean over the worlds of that update, of a world's total (`book` row `pay` is the
    net payoff, `felt` that payoff as valued); events are means over rounds instead. Tick 0 is play
    before anything was learned.

    Raises:
        FileNotFoundError: training in that folder has not ended, or there was none.
    """
    return load(Path(folder) / CURVE)


def _curve(society: Society, rows: dict[str, Any]) -> Trace:
    one = jax.tree.map(lambda x: np.asarray(x)[None], rows)
    alive = np.ones(one["objective"].shape, bool)
    recipe = {"learning curve of": describe(society)}
    book = {"pay": one.pop("pay")}
    return Trace(np.zeros(1, np.int64), society.scenario.card(), book, alive=alive, recipe=recipe, **one)


def _check(society: Society, seats: tuple[int, ...]) -> None:
    """Raise where these minds cannot learn together."""
    if society.speakers:
        raise ValueError(
            f"a Learner cannot train beside the speakers in seats {list(society.speakers)}, who do not "
            "answer in the compiled loop; wanted pure minds: train among those with society.prepare(), then "
            "seat the trained minds beside the speakers"
        )
    pupils: list[Any] = [society.minds[seat] for seat in seats]
    first = pupils[0]
    for seat, pupil in zip(seats, pupils, strict=True):
        if type(pupil) is not type(first):
            raise ValueError(
                f"seats {seats[0]} and {seat} hold a {type(first).__name__} and a {type(pupil).__name__}, "
                "and both are to learn; wanted one kind of learning mind in a society: train the other first"
            )
        if jax.tree.structure(pupil) != jax.tree.structure(first):
            pairs = [(f.name, getattr(pupil, f.name), getattr(first, f.name)) for f in fields(pupil)]
            odd = [name for name, a, b in pairs if not _alike(a, b)]
            raise ValueError(
                f"the learners in seats {seats[0]} and {seat} differ in {', '.join(odd)}; wanted equal "
                "settings but for numbers (seed, rates): Learner(..., seed=1), Learner(..., seed=2)"
            )
        if first.share and identity(pupil) != identity(first):
            raise ValueError(
                f"the learners in seats {seats[0]} and {seat} share their parameters and differ in numbers; "
                "wanted equal ones: one Learner(share=True) for all of those seats"
            )
    beta = [float(getattr(pupil.method, "beta", 0.0)) for pupil in pupils]
    if len(seats) == 1 and any(beta):
        raise ValueError(
            f"PPO(beta={beta[0]:g}) aligns advantages, and only seat {seats[0]} learns; wanted at least two "
            "learners, or PPO(beta=0)"
        )


def _alike(a: Any, b: Any) -> bool:
    same = jax.tree.structure(a) == jax.tree.structure(b)
    return same and (not jax.tree.structure(a).num_leaves == 1 or hasattr(a, "dtype") or a == b)


def _code(society: Society) -> str:
    """A digest of the source that training runs: the core, the learners, and what the society is made of."""
    here = Path(__file__).parent
    files = {*here.glob("*.py"), *here.parents[1].glob("_*.py")}
    parts: list[Any] = [society.scenario.base, *society.scenario.laws, *society.minds, *society.profiles]
    parts += [x for m in society.minds for x in (getattr(m, "network", None), getattr(m, "method", None))]
    for kind in {kind for part in parts for kind in type(part).__mro__}:
        if kind.__module__.startswith("commonweal."):
            file = Path(inspect.getfile(kind))
            package = kind.__module__.count(".") > 2
            files |= {*file.parent.glob("*.py")} if package else {file}  # a package's files work together
    texts = sorted(file.read_bytes() for file in files if file.exists())
    return identity([hashlib.sha256(b"\0".join(texts)).hexdigest(), sources(named(describe(society)))])


def _resume(
    folder: Path, who: dict[str, str], state: State, updates: int
) -> tuple[State, dict[str, Any], int]:
    """The last checkpoint, or the start."""
    if not (folder / CHECKPOINT).exists():
        return state, {}, 0
    path = folder / CHECKPOINT
    with reading(path, f"remove it, and training begins anew: rm -r {path}"):
        with np.load(io.BytesIO(path.read_bytes())) as file:
            parts = {name: file[name] for name in file.files}
        if str(parts.pop("digest")) != _digest(parts):
            raise ValueError("its digest is another")
        before, done = json.loads(str(parts["who"])), int(parts["done"])
        leaves, shape = jax.tree.flatten(state)
        kept = [parts[f"state/{i}"] for i in range(len(leaves))]
    odd = [name for name in who if who[name] != before.get(name)]
    if odd or done > updates:
        what = f"training with other {' and '.join(odd)}" if odd else f"{done} updates of training"
        raise ValueError(
            f"{folder} holds {what}; wanted this society's, up to {updates} updates: give it a folder of its "
            "own, society.prepare(Path('learned/new'))"
        )
    state = jax.tree.unflatten(shape, [jnp.asarray(x) for x in kept])
    rows: dict[str, Any] = {"events": {}}
    for name in parts:
        if name.startswith("rows/events/"):
            rows["events"][name.removeprefix("rows/events/")] = parts[name]
        elif name.startswith("rows/"):
            rows[name.removeprefix("rows/")] = parts[name]
    return state, rows, done


def _save(path: Path, who: dict[str, str], state: State, rows: dict[str, Any], done: int) -> None:
    """Write a checkpoint; it appears whole, or the one before stays."""
    parts = {f"state/{i}": np.asarray(x) for i, x in enumerate(jax.tree.leaves(state))}
    parts |= {f"rows/{name}": x for name, x in rows.items() if name != "events"}
    parts |= {f"rows/events/{name}": x for name, x in rows["events"].items()}
    parts |= {"who": np.array(json.dumps(who)), "done": np.array(done)}
    data = io.BytesIO()
    np.savez(data, digest=np.array(_digest(parts)), **parts)  # type: ignore[arg-type]
    write(path, data.getvalue())


def _digest(parts: dict[str, np.ndarray]) -> str:
    """SHA-256 of arrays and their names; a zip file checks its own parts, but not what they are called."""
    found = hashlib.sha256()
    for name, x in sorted(parts.items()):
        found.update(f"{name} {x.dtype} {x.shape}".encode() + x.tobytes())
    return found.hexdigest()


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; called with the updates done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("learning", total=total)
        yield lambda done: bar.update(task, completed=done)
