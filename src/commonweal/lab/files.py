"""A researcher's Python file: loaded as a module, searched for components.

A component is a scenario, institution or mind class, a speaker class, or a measure.
"""

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from .._governed import Institution
from .._measure import Measure
from .._mind import Mind, Speaker
from .._scenario import Scenario


def load(file: Path) -> ModuleType:
    """The file as a module under its own name, so that replay finds it under that name again."""
    path, name = file.resolve(), file.stem
    if not path.is_file() or path.suffix != ".py":
        there = f"{file} is no Python file" if path.exists() else f"there is no file {file}"
        raise FileNotFoundError(f"{there}; wanted a Python file, NAME.py: commonweal run my_study.py")
    known = importlib.util.find_spec(name) if name.isidentifier() else None
    if not name.isidentifier() or (known and known.origin != str(path)):
        raise ValueError(f"{file} cannot be a module named {name!r}; wanted a name of its own: my_study.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    sys.path.insert(0, str(path.parent))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        at = f", line {lines[-1]}," if lines else ""
        raise ValueError(f"{file}{at} raised {type(error).__name__}: {error}") from error
    return module


def components(module: ModuleType) -> dict[str, Any]:
    """The component classes and the measures that a module (or a package in its files) defines."""

    def ours(thing: Any) -> bool:
        if isinstance(thing, type):
            partial = inspect.isabstract(thing) or getattr(thing, "__abstractvars__", ())
            fit = issubclass(thing, Scenario | Institution | Mind | Speaker) and not partial
            home = thing.__module__
        else:
            fit = isinstance(thing, Measure)
            home = thing.function.__module__ if fit else ""
        return fit and f"{home}.".startswith(f"{module.__name__}.")

    return {k: thing for k, thing in vars(module).items() if not k.startswith("_") and ours(thing)}


def instances(module: ModuleType, *kinds: type) -> dict[str, Any]:
    """The measures among these kinds, the instances in the file, and of other classes a default one.

    Raises:
        ValueError: a class needs arguments, and the file holds no instance of it.
    """
    found: dict[str, Any] = {}
    for name, thing in components(module).items():
        if isinstance(thing, kinds):
            found[name] = thing
        elif isinstance(thing, type) and issubclass(thing, kinds):
            ready = {key: one for key, one in vars(module).items() if type(one) is thing}
            try:
                found |= ready or {name: thing()}
            except TypeError as error:
                raise ValueError(
                    f"{name} cannot be made without arguments ({error}); wanted an instance in the file: "
                    f"example = {name}(...)"
                ) from error
    return found


def fewest(tries: Iterator[list]) -> list:
    """The first try without a fault, or else the one with the fewest: an institution needs its scenario."""
    found: list[list] = []
    for some in tries:
        if not some:
            return some
        found.append(some)
    return min(found, key=len)
