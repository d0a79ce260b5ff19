"""Common slips in what an account is asked for, each answered in one line: what came, what was wanted."""

import importlib
import inspect
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any

from .._measure import Measure
from .._mind import Mind, Speaker
from .._refuse import wanted
from .._society import Society
from .._stored import steady
from .._trace import Trace

SHELVES: dict[type, tuple[str, str]] = {Measure: ("measures", "gini"), Mind: ("minds", "FairShare()")}
MAKE = {
    Measure: "@cw.measure(unit='units', better='lower', cites='own') above it",
    Mind: "a subclass of cw.Mind",
}


def came(x: Any) -> str:
    """What came, in a few letters."""
    if isinstance(x, type):
        return f"the class {x.__name__}"
    if inspect.isroutine(x):
        return f"the function {x.__name__}"
    text, kind = steady(repr(x)), type(x).__name__
    kind = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    return kind if len(text) > 60 or "\n" in text else f"{text}, {kind}"


def component(x: Any, kind: type, what: str) -> None:
    """Raise TypeError unless x is a measure, or a mind: for its name, its class, or what would make it.

    `what` is the argument's name.
    """
    if isinstance(x, kind):
        return
    room, example = SHELVES[kind]
    a = f"a {kind.__name__.lower()}"
    if isinstance(x, str):
        shelf, name = vars(importlib.import_module(f"..{room}", __package__)), x.split("(")[0]
        there = name in shelf
        known = wanted(name, [k for k in shelf if k[0] != "_"]).removeprefix("wanted ")
        near = f"wanted {a} itself" + f", {known}" * (not there)
        call = x if "(" in x else f"{name}()"
        make = example if not there else name if isinstance(shelf[name], kind) else call
        line = f"from commonweal.{room} import {make.split('(')[0]}; {what}={make}"
        raise TypeError(f"{what} came as {x!r}, a name; {near}: {line}")
    if isinstance(x, type) and issubclass(x, kind):
        raise TypeError(f"{what} came as {came(x)}; wanted {a}, one of them: {what}={x.__name__}()")
    if inspect.isroutine(x):
        made = inspect.signature(x).return_annotation
        makes = made in (kind, kind.__name__) or isinstance(made, type) and issubclass(made, kind)
        line = f"what it makes, {what}={x.__name__}()" if makes else f"{a}: {MAKE[kind]}"
        raise TypeError(f"{what} came as {came(x)}; wanted {line}")
    raise TypeError(f"{what} came as {came(x)}; wanted {a}: {what}={example}")


def stand_ins(x: Any, n: int) -> None:
    """Raise unless x is a mind, or a list of one a seat of n; speakers are refused where they would sit."""
    if isinstance(x, str) or not isinstance(x, Sequence):
        return None if isinstance(x, Speaker) else component(x, Mind, "stand_in")
    for one in x:
        if not isinstance(one, Speaker):
            component(one, Mind, "stand_in")
    if len(x) != n:
        raise ValueError(
            f"stand_in came with {len(x)} minds for {n} agents; wanted one for all, or one a seat: "
            "stand_in=FairShare()"
        )
    return None


def a_trace(x: Any) -> None:
    """Raise TypeError unless x is a trace."""
    if isinstance(x, Trace):
        return
    lines = {Society: "cw.run(society, seeds=64)", str: "cw.load(folder)"}
    near = next((line for kind, line in lines.items() if isinstance(x, kind)), None)
    line = near or ("cw.load(folder)" if hasattr(x, "__fspath__") else "trace = cw.run(society, seeds=64)")
    raise TypeError(f"trace came as {came(x)}; wanted a trace: {line}")


def a_society(x: Any) -> None:
    """Raise TypeError unless x is a society."""
    if not isinstance(x, Society):
        raise TypeError(
            f"society came as {came(x)}; wanted a society, who plays what: cw.Society(scenario, minds)"
        )


def whole(least: int = 0, **given: Any) -> None:
    """Raise unless each is a whole number of at least `least`; None passes."""
    for name, x in given.items():
        if x is None:
            continue
        try:
            good = not isinstance(x, bool) and operator.index(x) >= least
        except TypeError:
            good = False
        if not good:
            raise ValueError(
                f"{name} came as {came(x)}; wanted a whole number, {least} or more: "
                f"{name}={max(least, {'budget': 200}.get(name, 1))}"
            )


def number(example: float, **given: Any) -> None:
    """Raise unless each is a finite number; None passes."""
    for name, x in given.items():
        try:
            good = x is None or not isinstance(x, str | bool) and math.isfinite(x)
        except TypeError:
            good = False
        if not good:
            raise ValueError(f"{name} came as {came(x)}; wanted a number: {name}={example:g}")


def several(name: str, x: Any, example: str) -> None:
    """Raise TypeError unless x is None or several, such as a list."""
    if x is not None and (isinstance(x, str | bytes | Mapping) or not hasattr(x, "__len__")):
        raise TypeError(f"{name} came as {came(x)}; wanted several: {name}={example}")
