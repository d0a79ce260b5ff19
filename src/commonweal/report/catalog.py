"""What is on the shelves, from what each component says of itself; and a component by what one calls it."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .._governed import Institution
from .._measure import Measure
from .._mind import Mind
from .._refuse import wanted
from .._scenario import Scenario
from .._stored import steady
from ..lab.files import components, load

HOUSE = __name__.partition(".")[0]

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
        default = getattr(p.default, "__name__", steady(repr(p.default)))
        parts.append(p.name if p.default is p.empty else f"{p.name}={default}")
    return ", ".join(parts)


def _made(thing: Any) -> Measure | None:
    """The measure itself, or the one that a function makes of its defaults, if it has them all."""
    if isinstance(thing, Measure):
        return thing
    kinds = inspect.signature(thing).parameters.values()
    return thing() if all(p.default is not p.empty or p.kind == p.VAR_KEYWORD for p in kinds) else None


def shelves() -> dict[str, dict[str, str]]:
    """Each shelf with its components by name, and what each says of itself in a line; and Inspect's tasks."""
    found = {name: dict(sorted(_shelf(name))) for name in ("scenarios", "institutions", "minds", "measures")}
    tasks = {f"{HOUSE}/{task_name(name)}": text for name, text in found["scenarios"].items()}
    return found | {"tasks": dict(sorted(tasks.items()))}


def task_name(name: str) -> str:
    """The name that a scenario has as a task of Inspect: `PublicGoods` is `public_goods`."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name.removesuffix("()")).lstrip("_")


def _shelf(name: str) -> Iterator[tuple[str, str]]:
    """Each component of a shelf, with the first line of what it says of itself."""
    room = importlib.import_module(f"{HOUSE}.{name}")
    for info in pkgutil.iter_modules(room.__path__):
        for key, thing in components(importlib.import_module(f"{room.__name__}.{info.name}")).items():
            text = inspect.getdoc(thing) if isinstance(thing, type) else thing.text
            yield key, (text or "").partition("\n")[0]
    for key, thing in vars(room).items():  # functions that make one of them: the classical games, strategies
        if inspect.isfunction(thing) and _makes(thing, Institution, Measure, Mind, Scenario):
            yield f"{key}()", (inspect.getdoc(thing) or "").partition("\n")[0]


def _makes(function: Any, *kinds: type) -> bool:
    """Whether a function says that it returns a component of one of these kinds."""
    made = inspect.signature(function, eval_str=True).return_annotation
    return isinstance(made, type) and issubclass(made, kinds)


def named(room: str, text: str, kind: type) -> Any:
    """The component that a user calls `FairShare`, `Greedy(0.5)`, `tit_for_tat()` or `FILE.py:name`.

    Arguments are numbers and words, and nothing in the text is run.

    Raises:
        ValueError: there is none of that name, or it cannot be made so.
    """
    call = re.fullmatch(r"(?:(?P<file>.+\.py):)?(?P<name>\w+)(?P<given>\(.*\))?", text.strip())
    if not call:
        raise ValueError(f"{text!r} names no {_a(kind)}; wanted {EXAMPLES[kind]}")
    module = load(Path(call["file"])) if call["file"] else importlib.import_module(f"{HOUSE}.{room}")
    thing = getattr(module, call["name"], None)
    if isinstance(thing, kind) and not call["given"]:
        return thing
    if thing is None or not _fits(thing, kind):
        known = [k for k, x in vars(module).items() if not k.startswith("_") and _fits(x, kind)]
        where = call["file"] or f"the shelf of {room}"
        raise ValueError(f"{where} has no {_a(kind)} {call['name']!r}; {wanted(call['name'], known)}")
    try:
        tree = ast.parse(f"f{call['given'] or '()'}", mode="eval").body
        assert isinstance(tree, ast.Call)
        given = [ast.literal_eval(x) for x in tree.args]
        return thing(*given, **{x.arg: ast.literal_eval(x.value) for x in tree.keywords if x.arg})
    except (SyntaxError, ValueError, TypeError, AssertionError) as error:
        raise ValueError(f"{text} cannot be made ({error}); wanted {EXAMPLES[kind]}") from None


EXAMPLES = {Measure: "a name, such as gini, or FILE.py:NAME", Mind: "such as FairShare or Greedy(0.5)"}


def _fits(thing: Any, kind: type) -> bool:
    if isinstance(thing, type):
        return issubclass(thing, kind) and not inspect.isabstract(thing)
    return isinstance(thing, kind) or (inspect.isfunction(thing) and _makes(thing, kind))


def _a(kind: type) -> str:
    return kind.__name__.lower()
