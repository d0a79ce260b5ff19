"""What lies in a folder that may be a stranger's: each file once, and nothing read but plain files."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

HOME = "ledger"
OWN = ("log.jsonl", "checkpoint", "key", "salts")  # what is in the folder of a log, and nothing else


def is_plain(path: Path) -> bool:
    """Whether a file is one: no link, no pipe, no device, nothing that waits when it is opened."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def read(path: Path) -> bytes:
    """The bytes of a plain file.

    Raises:
        FileNotFoundError: nothing is there. ValueError: it is a link, a pipe, a device, a folder.
    """
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{path} is not there")
    if not is_plain(path):
        raise ValueError(f"{path} is a link, or no plain file")
    return path.read_bytes()


def contents(folder: Path, root: Path | None = None) -> Iterator[tuple[str, Path]]:
    """All that is in a folder, hidden or not, in order: what it is, and where.

    "file"; "trace", a folder with a log of its own, which is not looked into; "odd", what no log covers: a
    link, a pipe, a device, or a file in the folder of the log that is not the log's. Links are not followed.
    """
    root = root or folder
    for path in sorted(folder.iterdir()):
        if is_plain(path):
            yield "file", path
        elif path.is_symlink() or not path.is_dir():
            yield "odd", path
        elif path == root / HOME:
            for one in sorted(path.iterdir()):
                if one.name not in OWN or not is_plain(one):
                    yield "odd", one
        elif is_plain(path / "trace.json"):
            yield "trace", path
        else:
            yield from contents(path, root)
