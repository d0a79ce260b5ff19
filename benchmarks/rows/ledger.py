"""The tamper-evident record, against hashing alone."""

from harness import Goal, Setup, Unit, compare, duel, heading, numpy, ours

TITLE = "Ledger"
EVENTS, CHUNKS = Unit("entries a second"), Unit("megabytes a second")


def lines(setup: Setup) -> list[str]:
    """Entries of words, then chunks of columns."""
    count, size = {"count": setup.size(40_000, 100)}, {"megabytes": setup.size(128, 1)}
    text = [
        "Sealing salts, hashes and writes every message as an entry, and signs the root of the tree; "
        "verifying reads the table, makes every entry again and compares. The floor only serializes and "
        "hashes.",
        "",
        *heading("entries, or megabytes, a second"),
    ]
    for what in ("seal", "verify"):
        sides = [ours(f"commonweal, {what}", "ledger.py", what, count, packages=("cryptography",))]
        sides.append(numpy("ledger.py", "chain", count, "json and hashlib, a chain"))
        text += compare(what, EVENTS, duel(sides, setup), {f"commonweal, {what}": Goal(80_000)})
    sides = [ours("commonweal, chunks", "ledger.py", "chunks", size, packages=("cryptography",))]
    sides.append(numpy("ledger.py", "plain", size, "hashlib in memory"))
    return text + compare("chunks", CHUNKS, duel(sides, setup), {"commonweal, chunks": Goal(500)})
