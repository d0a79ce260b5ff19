"""The measures there are, as rows and as pages, from what each says of itself."""

import inspect
import re
from types import ModuleType
from typing import Any

from .._measure import Measure

DIRECTIONS = {"higher": "higher is better", "lower": "lower is better", "neither": "neither is better"}


def measures(shelf: ModuleType) -> dict[str, Any]:
    """The measures of a shelf by name, and the functions that make one, in alphabetic order."""
    found = {}
    for name, thing in sorted(vars(shelf).items()):
        made = inspect.isfunction(thing) and inspect.signature(thing, eval_str=True).return_annotation
        if isinstance(thing, Measure) or made is Measure:
            found[name] = thing
    return found


def row(name: str, thing: Any) -> dict[str, Any]:
    """What a measure says of itself; `needs` is empty where it needs no more than any trace has."""
    made = _made(thing)
    text = made.text if made else inspect.getdoc(thing) or ""
    first, _, rest = text.partition("\n")
    needs = re.search(r"\bNeeds: (.*?)(?:\.\s|\.$|$)", " ".join(rest.split()))
    return {
        "name": name,
        "call": name if isinstance(thing, Measure) else f"{name}({_arguments(thing)})",
        "definition": first,
        "source": made.cites if made else "",
        "needs": needs[1] if needs else "",
        "direction": made.better if made else "",
        "unit": made.unit if made else "",
        "per": made.per if made else "",
    }


def page(name: str, thing: Any) -> str:
    """All that a measure says of itself, as a page of text."""
    told, made = row(name, thing), _made(thing)
    lines = [told["call"], "", inspect.cleandoc(made.text if made else inspect.getdoc(thing) or "")]
    if made and not isinstance(thing, Measure):
        lines += ["", "Its arguments:", inspect.getdoc(thing) or ""]
    if made:
        lines += ["", f"one number a {made.per}, in {made.unit}; {DIRECTIONS[made.better]}"]
        lines += [f"NA or NaN: {made.undefined}", f"source: {made.cites}"]
    return "\n".join(lines)


def _arguments(function: Any) -> str:
    """The arguments of a function with their defaults, as one would write them."""
    parts = []
    for p in inspect.signature(function).parameters.values():
        default = getattr(p.default, "__name__", repr(p.default))
        parts.append(p.name if p.default is p.empty else f"{p.name}={default}")
    return ", ".join(parts)


def _made(thing: Any) -> Measure | None:
    """The measure itself, or the one that a function makes of its defaults, if it has them all."""
    if isinstance(thing, Measure):
        return thing
    kinds = inspect.signature(thing).parameters.values()
    return thing() if all(p.default is not p.empty or p.kind == p.VAR_KEYWORD for p in kinds) else None
