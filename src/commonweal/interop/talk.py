"""An audit of recorded conversations: whatever their columns allow, with intervals, and NA with a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

import numpy as np
import polars as pl

from .._measure import estimate
from .._plain import shown
from .attribution import attribution
from .claims import claims
from .conversation import Conversations, print_whole
from .exchange import conformity, influence, talking, to_whom
from .section import FEW, WIDE, Line, Section, drawn

SHOWN = 10  # faults listed in a terminal; to_dict has them all
LEGEND = (
    "Shares are over messages; in brackets the 95 % interval, with conversations as the unit (or groups, "
    "where a title says so). * fewer than 6: the interval says little.",
)


@dataclass(frozen=True, eq=False)
class Talk:
    """What the conversations show; `print` it, `render` it on a rich console, or take `to_dict()`."""

    conversations: Conversations
    sections: tuple[Section, ...]

    def __getitem__(self, title: str) -> Section:
        """The section whose title begins so."""
        found = [one for one in self.sections if one.title.startswith(title)]
        if not found:
            raise KeyError(
                f"{title!r} begins no section; wanted one of {[one.title for one in self.sections]}"
            )
        return found[0]

    def to_dict(self) -> dict:
        """JSON-able: counts, every fault, every section with its estimates, notes."""
        source = self.conversations
        return {
            "source": source.source,
            "kind": source.kind,
            "read": source.read,
            "kept": source.kept,
            "left": dict(source.left),
            "conversations": source.messages["conversation"].n_unique(),
            "bad": source.bad.to_dicts(),
            "doubts": source.doubts.to_dicts(),
            "sections": [section.to_dict() for section in self.sections],
            "notes": [*LEGEND, *source.notes],
        }

    def render(self, console) -> None:
        """Print to a rich console; nothing in the recordings is taken as markup or moves the cursor."""
        from rich.text import Text

        for line in _head(self.conversations):
            console.print(Text(line))
        for section in self.sections:
            for part in drawn(section, console.width):
                print_whole(console, part)
        console.print()
        for note in (*LEGEND, *self.conversations.notes):
            console.print(Text(f"- {note}"))

    def __str__(self) -> str:
        from rich.console import Console  # imported late, as --help need not pay for it

        text = StringIO()
        self.render(Console(file=text, width=WIDE, color_system=None))
        return text.getvalue()


def audit_talk(found: Conversations) -> Talk:
    """Who talks, to whom, who moves whom, claims, conformity, outcomes, and who made it fail."""
    rows = found.messages
    sections = [talking(rows), to_whom(rows), influence(rows), *claims(rows), conformity(rows)]
    return Talk(found, (*sections, _outcomes(found.labels), attribution(rows, found.labels)))


def _outcomes(labels: pl.DataFrame) -> Section:
    """How many conversations came to what they were for."""
    known = labels["solved"].drop_nulls()
    if known.is_empty():
        return Section("outcomes", why="no conversation says whether it was solved")
    share = {
        "share solved": estimate(
            labels["solved"].cast(pl.Float64).fill_null(np.nan).to_numpy(), "not said", shares=True
        )
    }
    return Section("outcomes", (Line("solved", share, f"{known.sum():,} of {len(known):,} conversations"),))


def _head(source: Conversations) -> Iterator[str]:
    """What was read, and what could not be used."""
    rows, n = source.messages, source.messages["conversation"].n_unique()
    left, people = sum(source.left.values()), rows["speaker"].n_unique()
    yield (
        f"{shown(source.source)} ({source.kind}): {source.read:,} entries read = {source.kept:,} messages "
        f"kept + {source.bad.height:,} bad{f' + {left:,} left out' if left else ''}; {n:,} conversations, "
        f"{people:,} speakers"
    )
    for what, faults in (("bad", source.bad), ("doubt", source.doubts)):
        for where, reason in faults.head(SHOWN).iter_rows():
            yield f"  {what}: {shown(where, 80)}: {shown(reason, 200)}"
        if faults.height > SHOWN:
            yield f"  and {faults.height - SHOWN:,} more, all named by --json"
    if n < FEW:
        yield f"  only {n} conversations: figures describe them, and little else"
