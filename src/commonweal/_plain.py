"""Text that others wrote, made plain before it reaches a terminal."""

import io
import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO
from unicodedata import category

from ._secrets import hide as hide

UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def shapeless(c: str) -> bool:
    """Whether a character has no shape of its own: it is empty, obeyed, or turns what comes after it."""
    return category(c)[0] in "CZ" or bool(UNSEEN.match(c))


def shown(text: str, most: int | None = None) -> str:
    """Text on one line, with nothing in it that a terminal obeys; at most `most` characters of it.

    What moves the cursor, colors, turns the direction of writing, breaks the line or cannot be seen is
    spelled out, as `\\x1b`; every kind of space is a plain one.
    """
    if not text.isascii() or not text.isprintable():
        text = "".join(_spelled(c) if shapeless(c) else c for c in text)
    return text if most is None or len(text) <= most else text[: most - 1] + "…"


def _spelled(c: str) -> str:
    return " " if category(c) == "Zs" else c.encode("unicode_escape").decode()


def say(*lines: str, file: TextIO | None = None) -> None:
    """Print lines, each made plain, so that none of them makes another."""
    for line in lines:
        print(shown(hide(line)), file=file)


def tell(*things: object) -> None:
    """Print things as they write themselves, which over several lines is theirs to keep apart."""
    for one in things:
        say(*str(one).split("\n"))


def failed(error: Exception, mendable: str) -> int:
    """Say on stderr why a command failed, in this line if the user can mend it; the exit code."""
    if show := getattr(error, "show", None):  # typer's own: the call was wrong
        show(text := io.StringIO())
        code, lines = 2, text.getvalue().rstrip("\n").split("\n")
    elif mendable:
        code, lines = 2, [f"error: {mendable}"]
    else:
        code, lines = 1, _traced(error).rstrip("\n").split("\n")
    say(*lines, file=sys.stderr)
    return code


def _traced(error: Exception) -> str:
    """The traceback of an error and of those that led to it, in which a message is one line."""
    text, one = traceback.format_exc(), error
    while one is not None:
        text = text.replace(str(one) or "\0", shown(str(one)))
        one = one.__cause__ or one.__context__
    return text


@contextmanager
def plain_warnings() -> Iterator[None]:
    """Inside, warnings are shown as ever, and plain."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda *told: say(warnings.formatwarning(*told[:4]).rstrip(), file=sys.stderr)
        yield


def console() -> Any:
    """A console of rich's on which every part is made plain, once more where its own texts are."""
    from rich.console import Console, RenderHook  # imported late, as --help need not pay for it
    from rich.segment import Segment

    class Part:
        def __init__(self, part: Any):
            self.part = part

        def __rich_console__(self, console: Any, options: Any):
            for one in console.render(self.part, options):
                lines = hide(one.text).split("\n")
                yield one if one.control else Segment("\n".join(map(shown, lines)), one.style)

    class Plain(RenderHook):
        def process_renderables(self, renderables: list) -> list:
            return [Part(one) for one in renderables]

    made = Console()
    made.push_render_hook(Plain())
    return made
