"""Files and folders that survive being killed: what is there is whole, what is not whole is not there.

No name and no content depends on the clock, the process or the machine.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PART = ".part-"  # what is being written has this before its name
PATIENCE = 5.0  # seconds to wait for a run that was just killed to let go


def to_json(data: Any) -> bytes:
    """JSON-able data as bytes, in the order given; NaN is refused."""
    return (json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """What `to_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Write a file; it appears whole, or not at all."""
    part = path.with_name(PART + path.name)
    part.write_bytes(data)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to fill; it appears under its own name when the block ends well, or not at all."""
    part = folder.with_name(PART + folder.name)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        for path in [*part.rglob("*"), part]:
            _sync(path)
        part.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def clean(folder: Path) -> None:
    """Remove what a killed run left half written."""
    for part in [*folder.glob(PART + "*"), *(folder / "cells").glob(PART + "*")]:
        shutil.rmtree(part) if part.is_dir() else part.unlink()


@contextmanager
def lock(folder: Path, *, shared: bool = False, patience: float = PATIENCE) -> Iterator[None]:
    """Keep other runs out of a folder; shards share it. The system lets go when the process dies.

    `patience` is how many seconds to wait for a run that is at work there.

    Raises:
        ValueError: another run is at work there.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ValueError(
                        f"another run is at work in {folder}; wait for it, or give this one a folder of "
                        "its own: --out runs/other"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def settle_plan(folder: Path, plan: dict[str, Any]) -> None:
    """Write the plan of a study into its folder, or check that it is the one already there.

    Raises:
        ValueError: the folder holds something else, or the study of another plan.
    """
    path, text = folder / "study.json", to_json(plan)
    if not path.exists():
        other = [p.name for p in folder.iterdir() if not p.name.startswith(PART)]
        if other:
            raise ValueError(
                f"{folder} holds {sorted(other)[0]!r} and no study.json; wanted a new folder or that of this "
                "study: --out runs/new"
            )
        return write(path, text)
    if path.read_bytes() == text:
        return None
    before = read_json(path)
    changed = [k for k in {**before, **plan} if to_json(before.get(k)) != to_json(plan.get(k))]
    raise ValueError(
        f"{folder} holds the study of another plan: {', '.join(_change(k, before, plan) for k in changed)}; "
        "results of two plans do not mix: run the old plan there, or the new one elsewhere: --out runs/new"
    )


def _change(key: str, before: dict, now: dict) -> str:
    """One difference in a few words: the two values where they are short, else which entries."""
    a, b = before.get(key), now.get(key)
    if isinstance(a, dict) and isinstance(b, dict):
        entries = [k for k in {**a, **b} if to_json(a.get(k)) != to_json(b.get(k))]
        return f"{key} differ in {', '.join(map(repr, entries)) or 'their order'}"
    short = not isinstance(a, list | dict) and not isinstance(b, list | dict)
    return f"{key} was {a!r} and came as {b!r}" if short else f"{key} differ"
