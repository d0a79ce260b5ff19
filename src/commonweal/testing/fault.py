"""A broken law: which, what came, the line that would mend it, and where it stands in the user's file."""

import dataclasses
import functools
import inspect
import linecache
import os
import re
import sysconfig
import textwrap
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import jax

from .._stored import steady

HOUSE = f"{Path(__file__).parents[1]}{os.sep}"
LIBRARIES = (*{sysconfig.get_path(p) for p in ("stdlib", "purelib", "platlib")}, HOUSE, "<")


class Fault(NamedTuple):
    """A law that a component breaks: which, what came, the line that would mend it, and where."""

    law: str
    came: str
    mend: str
    where: str = ""

    def __str__(self) -> str:
        at = f"\n    at: {self.where}" if self.where else ""
        return f"{self.law}: {self.came}{at}\n    mend: {self.mend}"

    def wrapped(self, width: int) -> str:
        """As its text, in lines of this width; what follows on is indented further."""
        fill = functools.partial(textwrap.fill, width=width, break_long_words=False, break_on_hyphens=False)
        return "\n".join(fill(line, subsequent_indent=" " * 10) for line in f"  {self}".split("\n"))


class Lawless(AssertionError):  # noqa: N818
    """Raised by `check`; its text lists every fault."""


class Unfit(Exception):  # noqa: N818  (ends the trial of one component)
    """Raised after a fault that leaves nothing to try further."""


def functions(thing: Any) -> dict[str, Callable]:
    """The functions that a component's class defines, or a measure's one."""
    if isinstance(function := getattr(thing, "function", None), Callable):
        return {"function": function}
    kind = thing if isinstance(thing, type) else type(thing)
    found = {name: getattr(one, "fget", one) for name, one in vars(kind).items()}
    own = {name: inspect.unwrap(one) for name, one in found.items() if callable(one) and name[:2] != "__"}
    return {name: one for name, one in own.items() if inspect.isfunction(one)}


def owner(thing: Any) -> Callable[[str], bool]:
    """Tells which files are the author's: the component's own, and all that stand in no library."""
    mine = {f.__code__.co_filename for f in functions(thing).values() if hasattr(f, "__code__")}
    return lambda file: file in mine or not file.startswith(LIBRARIES)


def where(thing: Any, method: str, pattern: str = "") -> str:
    """`file:line text` of the last line of a method with the pattern, else of its first."""
    kind = thing if isinstance(thing, type) else type(thing)
    function = functions(thing).get(method) or getattr(kind, method, None)
    try:
        lines, start = inspect.getsourcelines(inspect.unwrap(function))  # type: ignore[arg-type]
        file = inspect.getsourcefile(inspect.unwrap(function))  # type: ignore[arg-type]
    except (OSError, TypeError):
        return f"{kind.__name__}.{method}"
    head = next((i for i, line in enumerate(lines) if "def " in line), 0)
    hits = [i for i, line in enumerate(lines) if pattern and i > head and re.search(pattern, line)]
    i = hits[-1] if hits else head
    return at(file or "", start + i, lines[i])


def at(file: str, line: int, text: str) -> str:
    """A line as a fault shows it."""
    return f"{Path(file).name}:{line} {' '.join(text.split())}"


def of_class(kind: type, pattern: str = "") -> str:
    """`file:line text` of the first line of a class with the pattern, else of its `class` line."""
    for function in functions(kind).values():
        file = function.__code__.co_filename
        lines = linecache.getlines(file)
        heads = [i for i, line in enumerate(lines) if re.match(rf"\s*class {kind.__name__}\b", line)]
        if heads:
            hits = [i for i in range(heads[0], len(lines)) if pattern and re.search(pattern, lines[i])]
            i = (hits or heads)[0]
            return at(file, i + 1, lines[i])
    return kind.__name__


def raised(thing: Any, error: Exception, known: list[str]) -> Fault:
    """The fault of a component that raised, at the last line of the author's; `known` are names at hand."""
    own, tail = owner(thing), traceback.extract_tb(error.__traceback__)
    frames = [f for f in tail if own(f.filename)]
    line = at(frames[-1].filename, frames[-1].lineno or 0, frames[-1].line or "") if frames else ""
    kind = thing if isinstance(thing, type) else type(thing)
    line = line or (where(thing, "act", "return") if "act" in functions(thing) else of_class(kind))
    came, mend = steady(f"{type(error).__name__}: {error}".split("\n")[0]), _mend(error, known)
    if tail[-1].filename.startswith(HOUSE) and ": " in str(error):
        came, _, mend = " ".join(str(error).split()).rpartition(": ")  # it says what would work
    return Fault("it runs", came, mend, line)


def _mend(error: Exception, known: list[str]) -> str:
    if isinstance(error, jax.errors.TracerBoolConversionError | jax.errors.NonConcreteBooleanIndexError):
        return "jnp.where(condition, a, b): inside a compiled step no value is known to Python's if, and, max"
    if isinstance(error, jax.errors.ConcretizationTypeError | jax.errors.TracerArrayConversionError):
        return "stay in JAX: jnp.exp(x), x.astype(jnp.int32), not np.exp(x), int(x), float(x)"
    if isinstance(error, dataclasses.FrozenInstanceError):
        return "a component never changes: put it in the state or memory that the hook returns"
    if re.search("arrays are immutable|does not support item assignment", str(error)):
        return "x = x.at[i].set(value): arrays of JAX do not change in place"
    if "read-only" in str(error):
        return "work on a copy: x = x.copy()"
    if re.search(r"'(float|int|list|tuple)' object has no attribute", str(error)):
        return "give arrays: jnp.full(self.n_agents, x), jnp.stack(list)"
    if isinstance(error, KeyError) and (near := get_close_matches(str(error).strip("'"), known, n=1)):
        return f"the channels are {known}: write {near[0]!r}"
    return "mend the error that it raises, or try it in its own scenario: check(it, scenario)"
