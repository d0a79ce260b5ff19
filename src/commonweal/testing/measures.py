"""The laws of measures."""

from collections.abc import Iterator

import numpy as np

from .._measure import NA, Measure
from .._run import run
from .._society import Anyone, Society
from .fault import Fault, where
from .hooks import equal
from .probe import Probe
from .validity import Breach, breaches

WORLDS = 4


def measure_faults(measure: Measure) -> Iterator[Fault]:
    """Every law of measures, tried on a small trace on which it says something."""
    line = where(measure, "function")
    if not measure.text or not measure.cites.strip():
        came = f"docstring {measure.text[:30]!r}, cites {measure.cites!r}"
        mend = "@cw.measure(..., cites='Author year') over a docstring"
        yield Fault("it says what it is", came, mend, line)
    trace = run(Society(Probe(), Anyone()), WORLDS)
    try:
        values = measure(trace)
    except NA:
        return
    if not equal(values, measure(trace)):
        came, mend = "two calls on one trace differ", "rng = np.random.default_rng(0)"
        yield Fault("one trace, one number", came, mend, where(measure, "function", "random"))
        return
    if values.shape[:1] != (WORLDS,) or values.ndim > 2:
        came = f"it gives shape {values.shape} for {WORLDS} worlds; wanted ({WORLDS},) or ({WORLDS}, columns)"
        mend = "sum over axes 1 and 2, never over axis 0"
        yield Fault("one number a world", came, mend, where(measure, "function", r"^\s*return\b"))
        return
    if np.isinf(values).any():
        came, mend = f"it gives {values[np.isinf(values)][0]}", "np.where(total > 0.0, x / total, np.nan)"
        yield Fault("no number is infinite", came, mend, where(measure, "function", r"^\s*return\b"))
        return
    found: dict[str, Breach] = {}
    for breach in breaches(measure, trace):
        found.setdefault(breach.law, breach)
    yield from (Fault(*breach, where=line) for breach in found.values())


def untried(measure: Measure) -> str:
    """Why nothing but its words could be tried, or "": the reason for which it is NA on the small trace."""
    try:
        measure(run(Society(Probe(), Anyone()), WORLDS))
    except NA as reason:
        return str(reason)
    return ""
