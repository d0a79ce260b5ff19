"""What is wrong with a study's arguments, each in one line: what came, what was wanted, what would work."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .._bounds import nearest, shown
from .._measure import Measure
from .._mind import Mind
from .._society import Society
from .results import DECLARABLE

SIZES = {"worlds": 64, "chunk": 250, "keep": 1, "trainings": 5}
MOST = 2**31 - 1  # worlds: seeds are 32 bits wide
RESERVED = ("condition", "seed", "invalid", "acts", "training")


def faults(study: Any) -> Iterator[str]:
    """What is wrong with a study, the first first: each is true only if those before it are mended."""
    if not isinstance(study.name, str):
        yield f"came with name={shown(study.name)}; wanted a text: name='mine'"
    yield from _conditions(study)
    yield from _sizes(study)
    yield from _measures(study)
    yield from _declared(study)
    yield from _beside(study)


def _conditions(study: Any) -> Iterator[str]:
    works = "conditions={'none': cw.Society(Commons(), Random())}"
    if not isinstance(study.conditions, Mapping):
        kind = type(study.conditions).__name__
        yield f"came with a {kind} as conditions; wanted names and societies: {works}"
    elif not study.conditions:
        yield f"has no conditions: {works}"
    for name, society in study.conditions.items():
        if not isinstance(name, str):
            yield f"has a condition called {shown(name)}; wanted a text: {works}"
        if not isinstance(society, Society):
            kind = society.__name__ if isinstance(society, type) else type(society).__name__
            yield f"has a {kind} as condition {name!r}; wanted a society: cw.Society({kind}(...), minds)"


def _sizes(study: Any) -> Iterator[str]:
    for name, usual in SIZES.items():
        value = getattr(study, name)
        low = 0 if name == "keep" else 1
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            yield f"came with {name}={shown(value)}; wanted a whole number: {name}={usual}"
        elif not low <= value <= MOST:
            least = "none or more" if low == 0 else "at least one"
            wanted = f"wanted {least if value < low else f'at most {MOST}'}"
            yield f"came with {name}={value}; {wanted}: {name}={usual}"


def _measures(study: Any) -> Iterator[str]:
    given = study.measures
    if isinstance(given, Measure):
        yield f"came with measures={given.name}, one measure; wanted a list: measures=[{given.name}]"
    elif isinstance(given, str) or not isinstance(given, Sequence):
        yield f"came with measures={shown(given)}; wanted a list of measures: measures=[gini]"
    some: Sequence[Any] = study.measures
    if not some:
        yield "has no measures: measures=commonweal.measures.HOLISTIC"
    for one in some:
        if isinstance(one, str):
            known = [name for name in dir(sys.modules["commonweal"].measures) if name[0] != "_"]
            near = nearest(one, ["gini", *known])
            yield (
                f"has the text {one!r} as a measure; wanted the measure itself: from commonweal.measures "
                f"import {near}"
            )
        elif not isinstance(one, Measure):
            kind = one.__name__ if callable(one) and hasattr(one, "__name__") else type(one).__name__
            yield f"has {kind} as a measure, which is none; wanted @cw.measure(...) above its function"
    names = [one.name for one in some]
    for name in names:
        if names.count(name) > 1:
            yield f"measures {name!r} {names.count(name)} times; wanted each measure once"
        if name in RESERVED:
            yield f"has a measure named {name!r}, which the table of results needs; rename the measure"
        if ":" in name or not name:
            mended = name.replace(":", "_") or "mine"
            yield f"has a measure named {name!r}; wanted a name without a colon, say {mended!r}: rename it"


def _beside(study: Any) -> Iterator[str]:
    """The hypothesis, the reference and from where on a society passes."""
    if not isinstance(study.hypothesis, str):
        yield f"came with hypothesis={shown(study.hypothesis)}; wanted a text: hypothesis='A tax helps.'"
    given = study.reference
    for mind in given if isinstance(given, list | tuple) else [given] if given is not None else []:
        if not isinstance(mind, Mind):
            made = f"{mind.__name__}()" if isinstance(mind, type) else "FairShare()"
            yield f"came with reference={shown(mind)}; wanted a mind known to behave: reference={made}"
    theta = study.theta
    number = isinstance(theta, int | float | np.number) and not isinstance(theta, bool)
    if theta is not None and not (number and np.isfinite(theta)):
        yield f"came with theta={shown(theta)}; wanted a finite number, or None: theta=0.5"


def _declared(study: Any) -> Iterator[str]:
    names = [one.name for one in study.measures]
    if isinstance(study.primary, str) or not isinstance(study.primary, Sequence):
        yield f"came with primary={shown(study.primary)}; wanted a list of names: primary=['gini']"
    if not isinstance(study.rule, str | None):
        known = ", ".join(DECLARABLE)
        yield f"came with rule={shown(study.rule)}; wanted one of {known}, or None: rule='nash'"
    for name in study.primary:
        if name not in names and tuple(study.primary) != type(study).primary:
            known = f"wanted one of {', '.join(names)}"
            yield f"declares {name!r} primary and does not measure it; {known}: try {nearest(name, names)!r}"
    if study.baseline is not None and study.baseline not in study.conditions:
        known = ", ".join(map(repr, study.conditions))
        near = nearest(str(study.baseline), study.conditions)
        yield (
            f"has no condition {study.baseline!r} for its baseline; wanted one of {known}, or None: "
            f"baseline={near!r}"
        )
    if study.rule is not None and study.rule not in DECLARABLE:
        near = nearest(str(study.rule), DECLARABLE)
        known = ", ".join(DECLARABLE)
        yield f"declares the rule {study.rule!r}; wanted one of {known}, or None: rule={near!r}"
