"""Sealing and verifying what is stored: entries for words, chunks of columns."""

import json
import os
import shutil
import tempfile
from pathlib import Path

WORDS = "I would take {} tonnes, as all of us agreed yesterday; what do you say to that?"


def _folder(engine):
    """A folder that looks like a stored trace, and a key beside it; gone when the process ends."""
    import atexit

    from commonweal import ledger

    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    (home / "run").mkdir()
    (home / "run" / "trace.json").write_text(json.dumps({"recipe": {"engine": engine}}))
    ledger.new_key(home / "key")
    return home


def _told(count):
    import polars as pl

    home = _folder("async")
    who = {"world": [i % 64 for i in range(count)], "t": [i // 640 for i in range(count)]}
    rest = {
        "agent": [i % 5 for i in range(count)],
        "channel": "say",
        "text": [WORDS.format(i) for i in range(count)],
    }
    pl.DataFrame(who | rest).write_parquet(home / "run" / "messages.parquet")
    return home


def _seal(home):
    from commonweal import ledger

    shutil.rmtree(home / "run" / "ledger", ignore_errors=True)
    ledger.seal(home / "run", home / "key")


def _verify(home):
    from commonweal import ledger

    found = ledger.verify(home / "run")
    if not found.ok:
        raise ValueError(found.fault)


def seal(count):
    """Every message an entry, salted, hashed, written and signed."""
    home = _told(count)
    return count, lambda: _seal(home)


def verify(count):
    """The same read and compared."""
    home = _told(count)
    _seal(home)
    return count, lambda: _verify(home)


def chunks(megabytes):
    """Files hashed as they stand, read once to seal them."""
    home, data = _folder("graph"), os.urandom(1_000_000) * megabytes
    (home / "run" / "chunk.parquet").write_bytes(data)
    return megabytes, lambda: _seal(home)
