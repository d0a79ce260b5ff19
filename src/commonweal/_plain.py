"""Text that others wrote, made plain before it reaches a terminal."""

from unicodedata import category


def shown(text: str, most: int | None = None) -> str:
    """Text on one line, with nothing in it that a terminal obeys; at most `most` characters of it.

    What moves the cursor, colors, turns the direction of writing or breaks the line is spelled out, as
    `\\x1b`; every kind of space is a plain one.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _spelled(c) for c in text)
    return text if most is None or len(text) <= most else text[: most - 1] + "…"


def _spelled(c: str) -> str:
    return " " if category(c) == "Zs" else c.encode("unicode_escape").decode()
