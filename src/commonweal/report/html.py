"""A page of sections, tables and pictures as one HTML file that needs nothing else: no network, no script."""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

from .._plain import shown
from .._stored import write as write_whole

PARTS = ("template.html.j2", "style.css")
POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; style-src-attr 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
KEPT = "\n\u00a0"  # a page may break its lines, and keep an interval on one of them
Tone = Literal["", "good", "bad", "muted"]


class Cell(NamedTuple):
    """A table cell: a text, a smaller note below it, a tone, and a share 0 to 1 drawn as a bar."""

    text: str
    note: str = ""
    tone: Tone = ""
    share: float | None = None


@dataclass(frozen=True)
class Section:
    """A titled part of a page: notes, pictures (SVG of our own), and a table whose first column names rows.

    `folded` shows the title only, until it is opened.
    """

    title: str
    notes: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Cell | str]] = ()
    figures: Sequence[str] = ()
    folded: bool = False

    @property
    def anchor(self) -> str:
        """The section's place in the page's address."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows, with every text a cell."""
        return [[Cell(x) if isinstance(x, str) else x for x in row] for row in self.rows]


@dataclass(frozen=True)
class Page:
    """A page: what it is, the question in words, facts at a glance, findings, sections."""

    title: str
    kind: str = "commonweal"
    lead: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    findings: Sequence[str] = ()
    sections: Sequence[Section] = ()


def render(page: Page) -> str:
    """The page as HTML; every text is plain and escaped, only `Section.figures` are taken as they are.

    Its content security policy lets a browser use the page's own style sheet and the widths of its bars:
    no script runs, and nothing is loaded, whatever gets into the page.
    """
    from jinja2 import Environment, StrictUndefined

    def plain(x: Any) -> Any:
        return "".join(c if c in KEPT else shown(c) for c in x) if type(x) is str else x  # Markup is our own

    text, style = ((files("commonweal.report") / name).read_text(encoding="utf-8") for name in PARTS)
    world = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=plain
    )
    known = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return world.from_string(text).render(page=page, style=style, policy=POLICY.format(known))


def write(page: Page, path: str | os.PathLike) -> Path:
    """Write the page; the file appears whole, or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(page).encode())
    return path
