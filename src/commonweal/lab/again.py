"""Stored traces, run again from their recipes alone: no model is asked, and every bit is compared."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .._describe import models_of
from .._run import replay
from .._sources import sources
from .._trace import Trace, flatten, load
from .._trust import module_of, named, search, strange, trust
from .plan import read_plan

RUN_HERE = ("hf/", "vllm/", "sglang/", "transformer_lens/", "nnterp/")  # weights, which may hold code
ADD = "add --trust if it is yours"


def stored(folder: Path, trusted: bool = False) -> dict[str, Path]:
    """The traces of a folder, by name: the folder itself, or those of a study's cells.

    Where the folder is `trusted`, the user's files that its recipes name are looked for here and above the
    folder, and put on Python's path; those of a study only where they are as they were.

    Raises:
        FileNotFoundError: it holds none.
    """
    if (folder / "trace.json").is_file():
        found = {folder.name: folder}
    else:
        homes = [path.parent for path in sorted(folder.glob("cells/*/trace/trace.json"))]
        found = {home.parent.name: home for home in homes}
    if not found:
        raise FileNotFoundError(
            f"{folder} holds no trace; wanted a folder that Trace.save wrote or a study was run into: "
            "commonweal replay runs/my-study"
        )
    if trusted and (folder / "study.json").is_file():
        _reach(folder)
    elif trusted:
        for name in strange(load(folder).recipe):
            for home, _ in list(_lies(name, folder))[:1]:
                sys.path.append(str(home))
    return found


def _homes(folder: Path) -> list[Path]:
    """Where the user's own files may lie: the current folder, and those above the trace or study."""
    return list(dict.fromkeys([Path.cwd(), *folder.resolve().parents]))


def _lies(name: str, folder: Path) -> Iterator[tuple[Path, Path]]:
    """The folders in which the module of a recipe's name lies, and its file; nothing is run."""
    for home in _homes(folder):
        if file := search(name.partition(":")[0], [home]):
            yield home, file


def _reach(folder: Path) -> None:
    """Put the folders of a study's own files on Python's path; files that have changed since stay out."""
    plan = read_plan(folder)
    for told in plan["conditions"].values() if plan["format"] > 1 else ():
        names = list(named(told["society"]))
        for home in _homes(folder):
            if sources(names) == told["code"]:
                break
            if any((home / file).is_file() for file in told["code"]):
                sys.path.append(str(home))
                if sources(names) != told["code"]:
                    sys.path.pop()


def opened(path: Path, trusted: bool = False, asks: bool = False) -> Trace:
    """A stored trace that can be replayed; `asks`: its speakers may be asked anew.

    Raises:
        ValueError: its recipe names what would be imported or called, and it is not `trusted`.
    """
    trace = load(path)
    if trusted:
        trust(trace.recipe)
    elif asks and "society" in trace.recipe:
        for model in [x for x in models_of(trace.recipe["society"]) if x.startswith(RUN_HERE)]:
            raise ValueError(f"{path} asks {model}, which would be run on this machine; {ADD}")
    for name in (odd := strange(trace.recipe))[:1]:
        lies = [f" ({file.relative_to(home)} in {_spelled(home)})" for home, file in _lies(name, path)]
        more = f" and {len(odd) - 1} more" * (len(odd) > 1)
        what = "called" if module_of(name.partition(":")[0]) else "imported"
        raise ValueError(f"{path} names {name}{''.join(lies[:1])}{more}, which would be {what}; {ADD}")
    return trace


def _spelled(home: Path) -> str:
    return "this folder" if home == Path.cwd() else str(home)


def again(folder: Path, trusted: bool = False) -> str:
    """Replay one stored trace; what is the first to differ, or nothing."""
    trace = opened(folder, trusted)
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
