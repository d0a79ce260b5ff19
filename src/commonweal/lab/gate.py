"""The rights gate: whether a rate of violations is shown to be low enough, and how many worlds that takes."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from .._plain import shown
from .statistics import proportion

VIOLATED = "rights_violated"


class Gate(NamedTuple):
    """Whether a condition's rate of rights violations is shown to be below the card's rate, and why."""

    state: Literal["open", "closed", "undecided"]
    why: str

    def __str__(self) -> str:
        return shown(f"{self.state} ({self.why})")


def gate(plan: Mapping[str, Any], condition: str, worlds: np.ndarray, unknown: str) -> Gate:
    """The rights gate of a condition; `worlds` Float[W] is 1 where a right was violated."""
    card = plan["conditions"][condition]["card"]
    if not any(value["right"] for value in card["values"]):
        return Gate("open", "the card declares no right")
    if VIOLATED not in plan["measures"]:
        return Gate("undecided", f"the study does not measure {VIOLATED}")
    if np.isnan(worlds).all():
        return Gate("undecided", unknown)
    bound, rate = proportion(worlds, upper=True), card["rights_rate"]
    broken = int(np.nansum(worlds))
    seen = f"{broken} of {bound.n} worlds violated a right; 95% upper bound {bound.high:.2%}"
    if bound.high < rate:
        return Gate("open", f"{seen} < {100 * rate:g}%")
    return Gate("closed" if broken else "undecided", f"{seen}, wanted < {100 * rate:g}%")


def worlds_needed(rate: float) -> int:
    """The fewest worlds, none with a violation, that show a rate below this: 1 - 0.05^(1/n) < rate.

    Raises:
        ValueError: the rate is not above 0 and at most 1.
    """
    if not 0.0 < rate <= 1.0:
        raise ValueError(f"worlds_needed: got rate={rate!r}, expected a number in (0, 1]; try rate=0.05")
    return 1 if rate > 0.95 else math.floor(math.log(0.05) / math.log1p(-rate)) + 1


def too_few(plan: Mapping[str, Any]) -> Iterator[str]:
    """For each rate of a card that so few worlds can never show: a line that says how many it takes."""
    short: dict[float, list[str]] = {}
    for name, told in plan["conditions"].items():
        card = told["card"]
        if VIOLATED in plan["measures"] and any(value["right"] for value in card["values"]):
            if plan["worlds"] < worlds_needed(card["rights_rate"]):
                short.setdefault(card["rights_rate"], []).append(name)
    for rate, names in short.items():
        needed = worlds_needed(rate)
        yield (
            f"{plan['worlds']} worlds can never open the rights gate of {', '.join(names)}: to show a rate "
            f"below {100 * rate:g}% takes {needed} without a violation; try worlds={needed} or more"
        )
