"""Stored traces, run again from their recipes alone: no model is asked, and every bit is compared."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .._run import replay
from .._sources import named, sources
from .._trace import Trace, flatten, load
from .plan import read_plan


def stored(folder: Path) -> dict[str, Path]:
    """The traces of a folder, by name: the folder itself, or those of a study's cells.

    The user's files that a study's recipes name are looked for here and above the folder, and put on
    Python's path where they are as they were.

    Raises:
        FileNotFoundError: it holds none.
    """
    if (folder / "trace.json").is_file():
        return {folder.name: folder}
    found = {path.parent.parent.name: path.parent for path in sorted(folder.glob("cells/*/trace/trace.json"))}
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no trace; wanted a folder that Trace.save wrote or a study was run into: "
            "commonweal replay runs/my-study"
        )
    if (folder / "study.json").is_file():
        _reach(folder)
    return found


def _reach(folder: Path) -> None:
    """Put the folders of a study's own files on Python's path; files that have changed since stay out."""
    plan = read_plan(folder)
    for told in plan["conditions"].values() if plan["format"] > 1 else ():
        names = list(named(told["society"]))
        for home in dict.fromkeys([Path.cwd(), *folder.resolve().parents]):
            if sources(names) == told["code"]:
                break
            if any((home / file).is_file() for file in told["code"]):
                sys.path.append(str(home))
                if sources(names) != told["code"]:
                    sys.path.pop()


def again(folder: Path) -> str:
    """Replay one stored trace; what is the first to differ, or nothing."""
    trace = load(folder)
    return next(differences(trace, replay(trace, ask=False)), "")


def differences(one: Trace, other: Trace) -> Iterator[str]:
    """What differs between two traces, bit for bit, in words."""
    for seed, before, after in zip(one.seeds, one.invalid, other.invalid, strict=True):
        if before.partition(" (")[0] != after.partition(" (")[0]:  # who and when; why is not asked again
            yield f"world {seed} was {before or 'valid'!r} and is {after or 'valid'!r}"
    before, after = flatten(one), flatten(other)
    for name in sorted(before.keys() | after.keys()):
        x, y = before.get(name), after.get(name)
        if x is None or y is None or x.shape != y.shape:
            yield f"{name} is there in one of the two only, or in another shape"
        elif not np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
            at = tuple(int(i) for i in np.argwhere((x != y) & ~((x != x) & (y != y)))[0])
            yield f"{name}{list(at)} was {x[at]} and is {y[at]}"
    for name in ("messages", "replies"):
        if not getattr(one, name).equals(getattr(other, name)):
            yield f"the {name} differ"
