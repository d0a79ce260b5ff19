"""Files that are written whole and read back: what is wrong with one is one line, with what mends it."""

import errno
import hashlib
import io
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

BAD_INPUT = (ValueError, TypeError, OSError, ImportError)  # a command tells these in one line
FROM_COPY = "bring it back from a copy, or make it anew in another folder"
PART = ".part-"  # what is being written has this before its name
SHOWN = 100  # letters of why
MENDS = dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room there")
MENDS |= dict.fromkeys(
    (errno.EACCES, errno.EPERM, errno.EROFS), "get the right to write there, or take another folder"
)


def steady(text: str) -> str:
    """The text without the addresses of objects, which say nothing and differ from run to run."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def one_line(error: BaseException) -> str:
    """What went wrong, in one line, for whoever typed a command."""
    mend = ""
    if isinstance(error, PermissionError) and error.filename:
        mend = f"; wanted the right to: chmod -R u+rwX {error.filename}"
    return steady(" ".join(str(error).split())) + mend or type(error).__name__


class Damaged(ValueError):
    """What was stored is not there as it was written."""


def no_right(error: PermissionError, path: Path) -> PermissionError:
    """The error, told of this file unless it is told already."""
    line = f"{path} may not be read by whoever runs this; wanted the right to: chmod -R u+rX {path.parent}"
    return PermissionError(str(error) if error.strerror is None else line)


@contextmanager
def reading(path: Path, mend: str = FROM_COPY) -> Iterator[None]:
    """Read a file in this block; whatever fails there is told of that file.

    Raises:
        Damaged: it is not there, or is not as it was written.
        PermissionError: it may not be read.
    """
    from polars.exceptions import PanicException  # imported late: --help need not pay for it

    try:
        yield
    except Damaged:
        raise
    except PermissionError as error:
        raise no_right(error, path) from error
    except (Exception, PanicException) as error:
        raise Damaged(f"{path} {_wrong(path, error)}; {mend}") from error


def _wrong(path: Path, error: BaseException) -> str:
    if not path.exists():
        return "is not there"
    if not path.is_file():
        return "is no file"
    if not path.stat().st_size:
        return "is empty"
    return f"is not as it was written ({reason(error)})"


def reason(error: BaseException) -> str:
    """Why something failed, in a few words: of a plain ValueError what it says, of others their kind too."""
    told = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
    told = steady(" ".join(told.split()))
    return told if len(told) <= SHOWN else told[: SHOWN - 3] + "..."


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write a file or a folder in this block; what the system refuses is told of it, with what mends it.

    Raises:
        OSError: there is no room, or no right to write there.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in MENDS or error.strerror is None:  # None: it is told already
            raise
        told = type(error)(
            f"{path} cannot be written ({error.strerror.lower()}); what was stored before is whole: "
            f"{MENDS[error.errno]}, and run again"
        )
        told.errno = error.errno
        raise told from error


def sync(path: Path) -> None:
    """Have a file or a folder on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(path: Path, data: bytes) -> None:
    """Write a file; it appears whole, or not at all."""
    part = path.with_name(PART + path.name)
    with writing(path):
        part.unlink(missing_ok=True)  # a link that lies there would lead elsewhere
        part.write_bytes(data)
        sync(part)
        part.replace(path)
        sync(path.parent)


def write_table(table: "pl.DataFrame", path: Path) -> str:
    """Write a table as a Parquet file; the SHA-256 of the file."""
    data = io.BytesIO()
    table.write_parquet(data)  # into memory: what a full disk says then is the system's own word
    with writing(path):
        path.write_bytes(data.getvalue())
    return hashlib.sha256(data.getvalue()).hexdigest()


def read_table(
    path: Path, columns: Iterable[str], digest: str | None = None, mend: str = FROM_COPY
) -> "pl.DataFrame":
    """The columns of a Parquet file, whose bytes have this SHA-256 if one is known.

    Raises:
        Damaged: it is not there, is cut, lacks a column, or one bit of it differs.
        PermissionError: it may not be read.
    """
    import polars as pl

    with reading(path, mend):
        if not path.is_file():  # a pipe would be waited for
            raise FileNotFoundError(path)
        raw = path.read_bytes()
        if digest not in (None, hashlib.sha256(raw).hexdigest()):
            raise ValueError("its digest is another")
        return pl.read_parquet(io.BytesIO(raw)).select(*columns)
