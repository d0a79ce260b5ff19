"""The floor: what Python's own library takes to serialize and hash the same, and nothing besides."""

import hashlib
import json
import os

WORDS = "I would take {} tonnes, as all of us agreed yesterday; what do you say to that?"


def chain(count):
    """Each message as JSON, hashed together with the hash before it."""
    rows = [
        {"agent": i % 5, "channel": "say", "t": i // 640, "text": WORDS.format(i), "world": i % 64}
        for i in range(count)
    ]

    def play():
        last = b""
        for row in rows:
            text = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            last = hashlib.sha256(last + text.encode()).digest()
        return {}

    return count, play


def plain(megabytes):
    """Bytes in memory, hashed."""
    data = os.urandom(1_000_000) * megabytes
    return megabytes, lambda: {"bytes": hashlib.sha256(data).digest_size}
