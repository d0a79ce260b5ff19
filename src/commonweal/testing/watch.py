"""Who draws luck, and from what: what a component's own lines call while its hooks are tried.

For a while recorders stand in for the functions of numpy.random, random, time and jax.random, in those
modules and in the author's. They do what the function does, and note the author's line that called.
"""

import random
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from .fault import HOUSE, Fault, at, functions, owner

CLOCKS = "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns".split()
KEYS = ("key", "PRNGKey")  # of jax.random: what makes a key from a number
NO_DRAWS = {*KEYS, "wrap_key_data", "key_data", "key_impl", "fold_in", "split", "clone"}
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
HERE = str(Path(__file__).parent)


class Call(NamedTuple):
    """A call from one of the author's lines: its kind, what was called, where, the key of a draw."""

    kind: str
    name: str
    where: str
    key: bytes = b""


class Recorder:
    """Stands in for a function, a class or a generator, and notes who calls it."""

    def __init__(self, thing: Any, kind: str, name: str, note: Callable[[str, str, bytes], None]):
        self._is = thing, kind, name, note

    def __call__(self, *args: Any, **named: Any) -> Any:
        thing, kind, name, note = self._is
        answer = thing(*args, **named)
        known = kind == "draw" and not isinstance(answer, Tracer)  # of a compiled branch, one is taken
        note(kind, name, _bits(*(args or tuple(named.values()))[:1]) if known else b"")
        return answer

    def __getattr__(self, name: str) -> Any:
        thing, kind, called, note = self._is
        found = getattr(thing, name)
        draws = isinstance(thing, GENERATORS) and callable(found)
        return Recorder(found, kind, f"{called}.{name}", note) if draws else found

    def __instancecheck__(self, one: Any) -> bool:
        return isinstance(one, self._is[0])

    def __subclasscheck__(self, one: Any) -> bool:
        return issubclass(one, self._is[0])

    def __or__(self, other: Any) -> Any:
        return self._is[0] | other


@contextmanager
def watching(thing: Any) -> Iterator[list[Call]]:
    """The calls that the component's own lines make inside the block, in order."""
    own, seen = owner(thing), []

    def note(kind: str, name: str, key: bytes) -> None:
        frame = sys._getframe(2)
        while frame and not own(file := frame.f_code.co_filename) and file.startswith(HOUSE):
            frame = None if file.startswith(HERE) else frame.f_back  # the house draws for the author's line
        if frame and own(frame.f_code.co_filename) and not _on_the_host(frame):
            line = traceback.extract_stack(frame, limit=1)[0]
            seen.append(Call(kind, name, at(line.filename, line.lineno or 0, line.line or ""), key))

    stands = list(_stands(thing, note))
    for space, name, _, recorder in stands:
        space[name] = recorder
    try:
        yield seen
    finally:
        for space, name, before, _ in stands:
            space[name] = before


def _stands(thing: Any, note: Callable) -> Iterator[tuple[dict, str, Any, Recorder]]:
    """(namespace, name, what is there, its recorder), for all that is recorded."""
    public = [name for name in vars(jax.random) if name[0].islower() and callable(vars(jax.random)[name])]
    sources: list[tuple[Any, str, Sequence[str]]] = [
        (np.random, "luck", [n for n in np.random.__all__ if n not in ("Generator", "BitGenerator")]),
        (random, "luck", [*random.__all__]),
        (secrets, "luck", [*secrets.__all__]),
        (time, "clock", CLOCKS),
        (jax.random, "draw", [n for n in public if n not in NO_DRAWS]),
        (jax.random, "key", [*KEYS]),
    ]
    made = {}
    for module, kind, names in sources:
        for name in names:
            there = vars(module)[name]
            short = module.__name__.replace("numpy", "np")
            made[id(there)] = recorder = Recorder(there, kind, f"{short}.{name}", note)
            yield vars(module), name, there, recorder
    for space in {id(f.__globals__): f.__globals__ for f in functions(thing).values()}.values():
        for name, there in list(space.items()):
            if id(there) in made:
                yield space, name, there, made[id(there)]
            elif isinstance(there, GENERATORS):
                yield space, name, there, Recorder(there, "luck", name, note)


def _on_the_host(frame: FrameType | None) -> bool:
    """Whether this happens before any world: a seeded search for the optimum is nobody's luck."""
    while frame and not frame.f_code.co_filename.startswith(HERE):
        if frame.f_code.co_name in ("card", "prepare", "train"):
            return True
        frame = frame.f_back
    return False


def _bits(key: Any = None) -> bytes:
    """The bits of a key, of anything else none."""
    try:
        return np.asarray(jax.random.key_data(key)).tobytes()
    except TypeError:
        return b""


def luck_faults(seen: list[Call]) -> Iterator[Fault]:
    """Calls whose result no key governs, one fault a line."""
    told = set()
    for call in seen:
        if call.kind in ("luck", "clock") and call.where not in told:
            told.add(call.where)
            if call.kind == "luck":
                came = f"{call.name} draws outside the key; compiled, it draws once and never again"
                mend = "draw from the key that the hook is given: jax.random.normal(key, shape)"
                yield Fault("all luck is keyed", came, mend, call.where)
            else:
                came = f"{call.name} reads the clock, so a world cannot be played again"
                mend = "count ticks in the state: return state + 1, cw.Outcome(...); settle has transition.t"
                yield Fault("no hook reads a clock", came, mend, call.where)


def key_faults(calls: list[Call]) -> Iterator[Fault]:
    """In the calls of one hook that is given a key: a key of its own making, a key drawn from twice."""
    for call in {c.where: c for c in calls if c.kind == "key"}.values():
        came = f"{call.name} makes a key of its own: all worlds and ticks get the same luck"
        mend = "draw from the key that the hook is given: jax.random.fold_in(key, 1) makes another of it"
        yield Fault("all luck is keyed", came, mend, call.where)
    draws = [c for c in calls if c.kind == "draw" and c.key]
    for i, call in enumerate(draws):
        first = next((c for c in draws[:i] if c.key == call.key), None)
        if first:
            came = f"{call.name} draws from a key that {first.name} drew from, so both draw the same luck"
            mend = "one, two = jax.random.split(key), and a key for each draw"
            yield Fault("a key is drawn from once", came, mend, call.where)
            return
