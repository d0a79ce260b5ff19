"""What a study would ask of language models, counted in a dry run before anything is spent."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .._journal import digest
from .._mind import Mind, Speaker
from .._plain import shown
from .._prompt import Prompt, Said
from .._run import run
from .._society import Anyone, Society
from .study import Study

LETTERS = 4  # of English a token, about
MODEST = 10  # a tenth of what is legal, so that worlds last: rather too many calls than too few
TRIED, MANY = 2, 1000  # worlds in the dry run of a condition; conditions beyond which it is one
WORDS = "I think that we should say what each of us needs, take a fair share, and keep to it."
NOTES = "The others may take more than their share; I watch what they do, and answer in kind."


@dataclass(frozen=True)
class Forecast:
    """What one condition would cost: of its `worlds`, calls, tokens read and written, calls in a row.

    `cells` of a study run one after another, the worlds of each at once. Tokens are estimates, of four
    letters each; retries and repairs are not counted.
    """

    condition: str
    speakers: int
    worlds: int
    calls: float
    read: float
    written: float
    depth: float
    cells: int = 1


class Dry(Speaker):
    """Asks nobody: options by lot, a little of each amount, some words."""

    def __init__(self, memory: int, written: int):
        self.memory, self._written = memory, written

    async def ask(self, prompt: Prompt) -> Said:
        dice = int(digest(prompt, "dry"), 16)
        acts = {name: _some(prompt.schema["properties"][name], dice) for name in prompt.choices}
        text = json.dumps(acts | {"notes": NOTES})
        letters = (
            len(prompt.system) + sum(len(said) for _, said in prompt.turns) + len(json.dumps(prompt.schema))
        )
        return Said(
            text, False, math.ceil(letters / LETTERS), max(self._written, math.ceil(len(text) / LETTERS))
        )


def _some(what: dict[str, Any], dice: int) -> Any:
    """One of the values that a schema allows."""
    if "enum" in what:
        return what["enum"][dice % len(what["enum"])]
    return round(what["maximum"] / MODEST, 3) if what["type"] == "number" else WORDS


def forecast(study: Study, written: int = 0) -> Iterator[Forecast]:
    """Each condition of a study with speakers; `written` is the fewest tokens a reply is thought to have.

    Learners are not trained for it: they act by lot.
    """
    tried = TRIED if len(study.conditions) <= MANY else 1
    for name, society in study.conditions.items():
        if not society.speakers:
            continue
        worlds = min(tried, study.worlds)
        trace = run(_dry(society, written), worlds)
        table, more = trace.replies, study.worlds / worlds
        ticks = table.group_by("seed").agg(pl.col("tick").n_unique())["tick"].to_list()
        cells = math.ceil(study.worlds / study.chunk)
        sums = (table.height, table["read"].sum(), table["written"].sum())
        calls, read, wrote = (float(x) * more for x in sums)
        who = (name, len(society.speakers), study.worlds)
        yield Forecast(*who, calls, read, wrote, float(max(ticks, default=0)), cells)


def to_dict(study: str, one: Forecast, price: str, seconds: float, in_flight: int) -> dict[str, Any]:
    """A forecast with its time (calls of so many seconds, so many in flight) and dollars (None: no price).

    `price` is two numbers, dollars for a million tokens read and for a million written.

    Raises:
        ValueError: the price is something else.
    """
    took = max(one.depth * seconds * one.cells, one.calls * seconds / in_flight)
    dollars = None
    if price:
        try:
            read, written = map(float, price.split(","))
        except ValueError:
            raise ValueError(f"the price came as {price!r}; wanted two numbers: --price 1.25,10") from None
        dollars = (one.read * read + one.written * written) / 1e6
    return {"study": study} | asdict(one) | {"seconds": took, "dollars": dollars}


def render(told: list[dict[str, Any]], console: Console) -> None:
    """The forecasts as a table."""
    if not told:
        console.print("no language models here: nothing is asked; seat one with --model openai/gpt-5")
        return
    table = Table("condition", box=None, pad_edge=False)
    for name in ("speakers", "worlds", "calls", "in a row", "read", "written", "time", "dollars"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in told:
        cost = "NA" if one["dollars"] is None else f"{one['dollars']:,.2f}"
        tokens = (_short(one[name]) for name in ("read", "written"))
        where = (
            escape(shown(one["condition"])),
            f"{one['speakers']}",
            f"{one['worlds']:,}",
            f"{one['calls']:,.0f}",
        )
        table.add_row(*where, f"{one['depth']:,.0f}", *tokens, _time(one["seconds"]), cost)
    console.print(table)
    known = (
        "" if told[0]["dollars"] is not None else "; dollars need --price READ,WRITTEN for a million tokens"
    )
    console.print(
        f"read and written: tokens, estimated at {LETTERS} letters each; retries come on top{known}"
    )


def _short(tokens: float) -> str:
    return f"{tokens / 1e6:,.2f} M" if tokens >= 1e6 else f"{tokens / 1e3:,.1f} k"


def _time(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"


def _dry(society: Society, written: int) -> Society:
    minds = [
        Dry(mind.memory, written)
        if isinstance(mind, Speaker)
        else Anyone()
        if isinstance(mind, Mind) and mind.learns
        else mind
        for mind in society.minds
    ]
    return Society(society.scenario, minds, society.profiles)
