"""Files and folders that survive being killed: what is there is whole, what is not whole is not there.

No name and no content depends on the clock, the process or the machine.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._stored import PART, Damaged, no_right, sync, writing

END, DIGEST = b"\n}\n", b',\n "digest": "'  # how the JSON of an object ends, and what is put before that
PATIENCE = 5.0  # seconds to wait for a run that was just killed to let go


def to_json(data: Any) -> bytes:
    """JSON-able data as bytes, in the order given; NaN is refused."""
    return (json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """What `to_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def seal(data: dict[str, Any]) -> bytes:
    """JSON-able data, at least one entry, as bytes that hold a digest of themselves."""
    return _sealed(to_json(data).removesuffix(END))


def _sealed(head: bytes) -> bytes:
    """What `seal` makes of data whose JSON begins so and lacks its end."""
    return head + DIGEST + hashlib.sha256(head + END).hexdigest().encode() + b'"' + END


def unseal(path: Path) -> dict[str, Any]:
    """What `seal` made. Its bytes are checked as they stand, which a large plan would pay for again as JSON.

    Raises:
        Damaged: the file is not there, is a link, or one bit of it differs.
        PermissionError: it may not be read, so that nobody knows.
    """
    try:
        raw = path.read_bytes()
        data = json.loads(raw)
        data.pop("digest")
        same = raw == _sealed(raw.rpartition(DIGEST)[0]) and not path.is_symlink()
    except PermissionError as error:
        raise no_right(error, path) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        same, data = False, {}
    if not same:
        raise Damaged(f"{path} is not as it was written")
    return data


def fingerprint(folder: Path, without: str = "cell.json") -> dict[str, str]:
    """SHA-256 of every file of a folder but one, by its path in it.

    A signed log that was laid beside a trace later (`commonweal seal`) is no part of it: it checks itself.

    Raises:
        Damaged: the folder or a part of it is a link, or is no folder.
    """
    if folder.is_symlink() or not folder.is_dir():
        raise Damaged(f"{folder} is a link or no folder, and no part of this study")
    try:
        files = sorted((name.split("/"), path) for name, path in _files(folder) if name != without)
        return {
            "/".join(parts): hashlib.sha256(Path(path).read_bytes()).hexdigest()
            for parts, path in files
            if "ledger" not in parts[:-1]
        }
    except PermissionError as error:
        raise no_right(error, Path(error.filename)) from error


def _files(folder: str | Path, above: str = "") -> Iterator[tuple[str, str]]:
    """Each file of a folder: its path in it, and its path."""
    with os.scandir(folder) as entries:
        for one in entries:
            if one.is_dir(follow_symlinks=False):
                yield from _files(one.path, f"{above}{one.name}/")
            elif one.is_file(follow_symlinks=False):
                yield above + one.name, one.path
            else:
                raise Damaged(f"{one.path} is a link, and no part of this study")


def changed_minds(folder: Path, name: str = "*") -> Iterator[str]:
    """Which trained minds of a study's folder are not as they were written, in words."""
    for path in sorted((folder / "minds").glob(f"{name}.json")):
        try:
            told, home = unseal(path), path.with_suffix("")
            found = fingerprint(home, "")
            odd = [one for one in {**found, **told["files"]} if found.get(one) != told["files"].get(one)]
            if odd:
                raise Damaged(f"{home / odd[0]} is not as it was written")
        except Damaged as why:
            yield str(why)


def remove(path: Path) -> None:
    """Remove a folder, a file, or a link and not what it leads to."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder to fill; it appears under its own name when the block ends well, or not at all."""
    part = folder.with_name(PART + folder.name)
    shutil.rmtree(part, ignore_errors=True)
    try:
        with writing(folder):
            part.mkdir(parents=True)
            yield part
            for path in [*part.rglob("*"), part]:
                sync(path)
            part.rename(folder)
            sync(folder.parent)
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
