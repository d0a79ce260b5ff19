"""The source that a component depends on, so that a changed constant or helper is noticed, wherever it is.

Followed are classes with their bases, functions, and all names that they use, through the user's own
files. What is installed is known by its version; commonweal itself by one digest.
"""

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ._describe import describe
from ._trust import HERE, elsewhere, module_of, search

ALL = "*"  # every statement of a file

Names = Iterable[tuple[str, str]]  # module and name


class Page(NamedTuple):
    """A file of the user's: its name among modules, its statements, and which of them bind which name."""

    title: str
    package: str
    body: list[ast.stmt]
    binds: dict[str, list[int]]


def held(function: Any) -> Any:
    """The values that a function carries besides its source: of its closure, its defaults, a partial."""
    if isinstance(function, functools.partial):
        return describe(function)
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    defaults = getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None)
    return describe([*cells, *(one for one in defaults if one)])


def sources(names: Names) -> dict[str, str]:
    """By file of the user's: a digest of the statements that these classes and functions reach.

    What has no file, typed at a prompt or in a notebook, stands under its own name.
    """
    return Lookup()(names)


class Lookup:
    """`sources` of many components at one moment: every file is read and every statement followed once."""

    def __init__(self):
        self._page = functools.cache(_page)
        self._statements: dict[tuple[str, int], tuple[str, list[tuple[str, str]]]] = {}
        self._known: dict[tuple, dict[str, str]] = {}

    def __call__(self, names: Names) -> dict[str, str]:
        """See `sources`."""
        wanted = tuple(dict.fromkeys(names))
        if wanted not in self._known:
            self._known[wanted] = self._follow(wanted)
        return self._known[wanted].copy()

    def _follow(self, names: Names) -> dict[str, str]:
        todo, done, found = [pair for one in names for pair in _family(*one)], set(), {}
        nowhere: dict[str, str] = {}
        while todo:
            pair = todo.pop()
            if pair in done:
                continue
            done.add(pair)
            module, name = pair
            page = self._page(module)
            if page is None:
                for told, more in _typed(module, name):
                    nowhere |= told
                    todo += more
                continue
            reached = found.setdefault(page.title, {})
            whole = range(len(page.body))
            bound = whole if name == ALL else page.binds.get(name, whole)
            for i in [*bound, *page.binds.get(ALL, ())]:
                if i not in reached:
                    reached[i], more = self._statement(module, page, i)
                    todo += more
        told = {title: _digest(some[i] for i in sorted(some)) for title, some in found.items()}
        return dict(sorted((nowhere | told).items()))

    def _statement(self, module: str, page: Page, i: int) -> tuple[str, list[tuple[str, str]]]:
        """A statement as text without its layout, and what it uses."""
        if (module, i) not in self._statements:
            self._statements[module, i] = ast.dump(page.body[i]), list(_uses(module, page, page.body[i]))
        return self._statements[module, i]


@functools.cache
def own() -> str:
    """A digest of all of commonweal's source, which an editable install may change without a version."""
    texts = [str(file.relative_to(HERE)).encode() + file.read_bytes() for file in sorted(HERE.rglob("*.py"))]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def _digest(statements: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]


def _family(module: str, name: str) -> Iterator[tuple[str, str]]:
    """Where a name is defined, and if it is a class, where its bases are."""
    yield module, ALL if name.startswith("<") else name.partition(".")[0]
    thing: Any = module_of(module)
    for part in name.split("."):
        thing = getattr(thing, part, None)
    for base in inspect.getmro(thing)[1:] if inspect.isclass(thing) else ():
        yield base.__module__, base.__qualname__.partition(".")[0]


def _typed(module: str, name: str) -> Iterator[tuple[dict[str, str], list[tuple[str, str]]]]:
    """A digest of what was typed at a prompt, and what it uses; nothing for what has a file."""
    there = module_of(module)
    if there is None or getattr(there, "__file__", None) or module in sys.builtin_module_names:
        return
    thing: Any = getattr(there, name, None)
    home = thing.__name__ if inspect.ismodule(thing) else getattr(thing, "__module__", module)
    if home != module and (inspect.ismodule(thing) or hasattr(thing, "__qualname__")):
        yield {}, [(home, ALL if inspect.ismodule(thing) else thing.__qualname__.partition(".")[0])]
        return
    try:
        text = inspect.getsource(thing)  # type: ignore[arg-type]
        names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    except (OSError, TypeError, SyntaxError):  # a value, or what Python has no source of
        text, names = repr(describe(thing)), set()
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    yield {f"{module}:{name}": digest}, [(module, one) for one in sorted(names) if one in vars(there)]


def _page(module: str) -> Page | None:
    """A module of the user's; None for what is installed, built in, or not there."""
    there = module_of(module)
    file = Path(getattr(there, "__file__", None) or search(module, sys.path) or "")
    if file.suffix != ".py" or not file.is_file():
        return None
    if elsewhere(file):
        return None
    alone = module == "__main__"
    package = file.name == "__init__.py"
    title = file.name if alone else "/".join(module.split(".")) + ("/__init__.py" if package else ".py")
    body = ast.parse(file.read_bytes()).body
    binds: dict[str, list[int]] = {}
    for i, statement in enumerate(body):
        for name in set(_bound(statement)):
            binds.setdefault(name, []).append(i)
    return Page(title, "" if alone else module if package else module.rpartition(".")[0], body, binds)


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement at the top of a file binds, or changes: `x = 1`, `x[0] = 1`, `x.add(1)`."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield _root(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield _root(node.value.func)


def _root(node: ast.expr) -> str:
    """`x` of `x.y[0].z`; "" where it is no name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _uses(module: str, page: Page, statement: ast.stmt) -> Iterator[tuple[str, str]]:
    """Module and name of what a statement refers to; of a star import, every name of its module."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and node.id in page.binds:
            yield module, node.id
        elif isinstance(node, ast.Import):
            yield from ((alias.name, ALL) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = (
                page.package.split(".")[: len(page.package.split(".")) + 1 - node.level] if node.level else []
            )
            base = ".".join([part for part in [*up, node.module or ""] if part])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield (inner, ALL) if module_of(inner) or search(inner, sys.path) else (base, alias.name)
