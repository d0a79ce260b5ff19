"""What a stored recipe may name: a folder of a stranger's must run nothing.

A recipe may name component classes of commonweal and of modules that this program has loaded already, and
functions of the user's own loaded files. Nothing else is imported or handed out before `trust` was called.
"""

import dataclasses
import functools
import importlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from ._mind import Speaker

HOUSE = __name__.partition(".")[0]
HERE = Path(__file__).resolve().parent
STANDARD = {Path(sysconfig.get_paths()[name]).resolve() for name in ("stdlib", "platstdlib")}
INSTALLED = {"site-packages", "dist-packages"}
_trusted = set[str]()  # what a recipe named when its user trusted it


def named(description: Any, kinds: Iterable[str] = ("class", "function")) -> Iterator[tuple[str, str]]:
    """Module and name of every class and function in what `describe` returned."""
    if isinstance(description, dict):
        if "array" in description:
            return  # numbers, which may be many
        for kind in kinds:
            if isinstance(description.get(kind), str):
                module, _, name = description[kind].partition(":")
                yield module, name
        description = list(description.values())
    for part in description if isinstance(description, list) else ():
        if isinstance(part, dict | list):
            yield from named(part, kinds)


def home_of(thing: Any) -> str:
    """The module of a class or function, as recipes call it; a script's, `__main__`, by its file's name."""
    module = getattr(thing, "__module__", "")
    return _script() or module if module == "__main__" else module


def _script() -> str:
    """The name under which the running script can be imported; "" if it cannot."""
    main = sys.modules["__main__"]
    file, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    name = spec.name if spec else Path(file).stem if file else ""
    other = getattr(sys.modules.get(name), "__file__", file)
    same = file and other and Path(other).resolve() == Path(file).resolve()
    return name if same and all(part.isidentifier() for part in name.split(".")) else ""


def module_of(name: str) -> ModuleType | None:
    """The loaded module of this name, as recipes call it; None if it is not loaded."""
    return sys.modules.get(name) or (sys.modules["__main__"] if name and name == _script() else None)


def search(module: str, places: Iterable[str | Path]) -> Path | None:
    """The file of a module in one of these folders; nothing is run to find it."""
    for start in places:
        base = Path(start or ".").joinpath(*module.split("."))
        for file in (base / "__init__.py", base.with_name(base.name + ".py")):
            if file.is_file():
                return file
    return None


def elsewhere(file: Path) -> bool:
    """Whether a file is no user's: of Python, installed, or commonweal's own."""
    parents = {*file.resolve().parents}
    return bool(HERE in parents or parents & STANDARD or INSTALLED & set(file.parts))


def strange(recipe: Any) -> list[str]:
    """What a recipe names, `module:name`, that only `trust` would import or call."""
    names = {f"{module}:{name}": module_of(module) for module, name in named(recipe)}
    trusted = {path for path, there in names.items() if there and path in _trusted}
    return [path for path in names if path not in trusted and _known(path) is None]


def trust(recipe: Any) -> None:
    """Import what a recipe names, and let it be called from now on: only for recipes of your own.

    Raises:
        ValueError: something is not there.
    """
    for path in strange(recipe):
        try:
            importlib.import_module(path.partition(":")[0])
        except ImportError as error:
            raise ValueError(
                f"the recipe names {path}, which cannot be imported ({error}); put its file on the Python "
                "path under that module name, or pass the society itself: cw.replay(trace, society=...)"
            ) from error
        _trusted.add(path)


def noted(name: str) -> str:
    """The name of a function that this program holds itself, noted as one that it may be handed back."""
    _trusted.add(name)
    return name


def resolve(path: str) -> Any:
    """The class or function that a recipe names, `module:name`.

    Raises:
        ValueError: it is none that a recipe may name before it is trusted, or it is not there.
    """
    module, _, name = path.partition(":")
    found = _known(path)
    if path in _trusted:
        found = functools.reduce(lambda x, part: getattr(x, part, None), name.split("."), module_of(module))
    if found is None:
        mend = "or pass the society itself: cw.replay(trace, society=...)"
        raise ValueError(f"the recipe names {path}, {_why(path)}; {mend}")
    return found


def _why(path: str) -> str:
    """Why there is nothing to hand out, and what to do."""
    module, _, name = path.partition(":")
    if module_of(module) is None and not _ours(module):
        return f"which is imported only if you trust it: if it is yours, import {module}, or add --trust"
    if _walked(module_of(module), name) is None:
        return f"and {module} does not hold it: bring back the version that made the trace"
    return "which is no component: if you trust it all the same, cw.trust(trace.recipe), or add --trust"


def _ours(module: str) -> bool:
    return module.startswith(f"{HOUSE}.") and not module.endswith("__main__")


def _walked(place: Any, name: str) -> Any:
    """What stands under a dotted name, and in nothing but a module or a class."""
    for part in name.split("."):
        place = vars(place).get(part) if isinstance(place, ModuleType | type) else None
    return place


def _known(path: str) -> Any:
    """The class or function of this name if every recipe may name it, else None."""
    module, _, name = path.partition(":")
    if _ours(module) and module_of(module) is None:
        try:
            importlib.import_module(module)
        except ImportError:
            return None
    found = _walked(module_of(module), name)
    if found is None or f"{home_of(found)}:{getattr(found, '__qualname__', '')}" != path:
        return None  # also what is only imported there
    if module.partition(".")[0] in sys.stdlib_module_names:
        return None
    if isinstance(found, type):
        return found if component(found) else None
    file = getattr(module_of(module), "__file__", None)
    own = module == "__main__" if file is None else not elsewhere(Path(file))
    return found if own and callable(found) else None


def component(kind: Any) -> bool:
    """Whether this is a class of those that `describe` takes apart: data, or a speaker."""
    if not isinstance(kind, type):
        return False
    record = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return record or dataclasses.is_dataclass(kind) or issubclass(kind, Speaker)
