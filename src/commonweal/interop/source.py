"""One door to every kind of recording: what a file or a folder holds, and its audit."""

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from .audit import Audit, audit
from .conversation import Conversations, files, kind_of, pieces, shown
from .diplomacy import read_diplomacy
from .recordings import Columns, Recordings, read_recordings
from .spans import read_spans
from .talk import Talk, audit_talk
from .who_and_when import HISTORY, read_histories

JSON = (".json", ".jsonl", ".ndjson")
LOGS = ".eval"
PEEKED = 20  # values looked at to tell what a file holds
WANTED = (
    "a folder of JSON histories, OpenTelemetry spans (.json, .jsonl), Inspect logs (.eval), Diplomacy "
    "dialogues (.jsonl), or a table of decisions (.csv, .tsv, .parquet)"
)
Reader = Callable[[Path], Conversations]


def read_any(
    path: str | os.PathLike, columns: Columns | None = None, logs: Reader | None = None
) -> Recordings | Conversations:
    """The recordings in a file or folder, told by its name and its first values.

    `columns` is for tables of decisions; `logs` reads Inspect logs (`commonweal.language.transcripts`).

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: it holds nothing that can be read, or of two kinds.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} is not a file or folder; wanted {WANTED}")
    within = [path] if path.is_file() else [file for file, _ in files(path, *JSON, LOGS)]
    ends = {kind_of(file) for file in within}
    if LOGS in ends:
        if logs is None:
            raise ValueError(f"{path} is an Inspect log; wanted a reader: read_any(path, logs=read_logs)")
        return logs(path)
    if not ends <= set(JSON):
        return read_recordings(path, columns)
    kinds = {kind: file for file in reversed(within[:PEEKED]) if (kind := _kind(file))}
    if len(kinds) != 1:
        both = " and ".join(f"{reader.__name__} ({shown(file.name)})" for reader, file in kinds.items())
        raise ValueError(
            f"{shown(path.name)} holds {f'two kinds: {both}' if both else 'none'}; wanted {WANTED}"
        )
    return next(iter(kinds))(path)


def audit_any(
    path: str | os.PathLike, columns: Columns | None = None, logs: Reader | None = None
) -> Audit | Talk:
    """What the recordings in a file or folder show, see `read_any`."""
    found = read_any(path, columns, logs)
    return audit(found) if isinstance(found, Recordings) else audit_talk(found)


def _kind(file: Path) -> Callable[[Path], Conversations] | None:
    """What reads a JSON file, by the first of its values that is of a known kind."""
    for _, value, _ in islice(pieces(file), PEEKED):
        keys: Any = value if isinstance(value, dict) else ()
        if "sender_labels" in keys or "receiver_labels" in keys:
            return read_diplomacy
        if "resourceSpans" in keys or ("attributes" in keys and {"spanId", "span_id", "context"} & set(keys)):
            return read_spans
        if any(key in keys for key in HISTORY):
            return read_histories
    return None
