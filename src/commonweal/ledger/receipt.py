"""A receipt for one entry: a proof in the C2SP tlog-proof format that it is in a signed log, alone."""

import json
import os
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from .canonical import canonical
from .checkpoint import load_key, open_checkpoint, to_bytes, to_text
from .files import HOME, read
from .log import EVENT, MARK, read_log, read_salts, tables
from .merkle import includes, inclusion, leaf

HEAD = "c2sp.org/tlog-proof@v1"


def receipt(folder: str | os.PathLike, index: int) -> str:
    """The proof that an entry is in the log of a sealed trace, with its words if it still has them."""
    folder, lines = Path(folder), read_log(Path(folder))
    proof = inclusion([leaf(line) for line in lines], index)
    extra = {"entry": lines[index].decode()}
    if lines[index].startswith(EVENT):
        j = sum(line.startswith(EVENT) for line in lines[:index])
        text = [text for table in tables(folder).values() for text in table["text"].to_list()][j]
        salt = read_salts(folder)[1][j]
        if any(salt) or text != MARK:
            extra |= {"salt": salt.hex(), "text": text}
    body = [HEAD, f"extra {to_text(canonical(extra).encode())}", f"index {index}", *map(to_text, proof)]
    return "\n".join([*body, "", read(folder / HOME / "checkpoint").decode()])


def check_receipt(text: str, key: str | os.PathLike) -> dict[str, Any]:
    """What a receipt proves: the entry and, if they are there, its words. `key` is the verifier key.

    Raises:
        ValueError: it proves nothing, and why.
    """
    body, _, note = text.partition("\n\n")
    head, extra, index, *proof = body.split("\n") if body.count("\n") > 1 else (body, "", "")
    if head != HEAD or not extra.startswith("extra ") or not index.startswith("index "):
        raise ValueError(f"the receipt begins with {head[:60]!r}; wanted what ledger.receipt wrote: {HEAD}")
    checkpoint = open_checkpoint(note.encode(), load_key(key, private=False))
    held = json.loads(b64decode(extra[6:], validate=True))
    hashes = [to_bytes(one, 32) for one in proof]
    if not includes((checkpoint.size, checkpoint.root), int(index[6:]), held["entry"].encode(), hashes):
        raise ValueError(f"the receipt's entry is not entry {index[6:]} of the log {checkpoint.origin}")
    entry = json.loads(held["entry"])
    if "salt" not in held:
        return {"entry": entry}
    if sha256(bytes.fromhex(held["salt"]) + held["text"].encode()).hexdigest() != entry.get("text"):
        raise ValueError(f"the receipt's words are not those of entry {index[6:]} of {checkpoint.origin}")
    return {"entry": entry, "text": held["text"]}
