"""The drawing of the house: arrows down, no circles, small rooms, no towers, few copies.

Each check takes the folder of the package and yields its complaints, one line each.
"""

import ast
import functools
import graphlib
from collections import Counter
from pathlib import Path

# The core, lowest first: a file may import any to its left.
CORE = "_secrets _plain _stored _formulas _card _bounds _param _luck _graph _channel _prompt".split()
CORE += "_journal _scenario _governed _stage _profile _mind _columns _trace _interval _curve".split()
CORE += "_measure _survival _trust _describe _sources _society _tick _drive _refuse _speak".split()
CORE += "_play _run _evolve".split()
SHELVES = ["scenarios", "institutions", "minds", "profiles", "measures"]
HOUSE = [*CORE, "testing", *SHELVES, "accounts", "ledger", "lab", "report", "interop", "populations"]
DOOR = Path("__init__.py")  # the front door is lazy: it may name anything

# room: the rooms it may import, besides itself
MAY = {room: set(CORE[:floor]) for floor, room in enumerate(CORE)}
MAY |= {room: set(CORE) for room in ["testing", *SHELVES, "accounts", "ledger", "interop", "populations"]}
MAY |= {"lab": {*CORE, "accounts"}, "report": {*CORE, "lab"}, "language": set(HOUSE)}
MAY["accounts"] |= {"measures"}
MAY["interop"] |= {"measures"}
MAY |= {room: {*HOUSE, "language", "door"} for room in ["studies", "calibration"]}
MAY |= {"cli": {*MAY, "door"}, "__main__": {"cli"}}
MAY["studies"] |= {"calibration"}
ONLY = {"inspect_ai": "language"}  # a package: the one room that may import it
OPEN = {
    "Institution",
    "Mind",
    "Module",
    "Observer",
}  # completed by subclasses though nothing in them is abstract
MARKS = {"abstractmethod", "AbstractVar", "AbstractClassVar", "ABC", "ABCMeta", "Protocol"}
FILE_LINES, FUNCTION_LINES, POSITIONAL, WINDOW, COPIED = 400, 60, 6, 8, 0.08


@functools.cache
def files(src):
    """Each file, relative to the package, with its syntax tree; read once."""
    return {p.relative_to(src): ast.parse(p.read_text()) for p in sorted(src.rglob("*.py"))}


def nodes(tree, *kinds):
    """The nodes of these kinds, wherever they stand."""
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def imports(src, path, tree):
    """(line, package, file of ours or None, name) of each import, also inside functions."""
    typing = [i for i in tree.body if isinstance(i, ast.If) and "TYPE_CHECKING" in ast.dump(i.test)]
    skipped = {n for i in typing for n in ast.walk(i)} if path.name == "__init__.py" else set()
    for node in nodes(tree, ast.Import, ast.ImportFrom):
        up = getattr(node, "level", 0)
        base = ["commonweal", *path.parent.parts][: len(path.parts) + 1 - up] if up else []
        base += (getattr(node, "module", None) or "").split(".")
        for alias in node.names if node not in skipped else []:
            dotted = [part for part in [*base, *alias.name.split(".")] if part]
            options = [src.joinpath(*dotted[1:]), src.joinpath(*dotted[1:-1])]
            options = [q for o in options for q in (o.with_suffix(".py"), o / "__init__.py")]
            known = (q.relative_to(src) for q in options if q.is_file() and q.is_relative_to(src))
            ours = next(known, DOOR) if dotted[0] == "commonweal" else None
            yield node.lineno, dotted[0], ours, alias.asname or alias.name


def room(path):
    """The room a file stands in."""
    return "door" if path == DOOR else path.parts[0].removesuffix(".py")


def floors(src):
    """Imports that point up or sideways, and rooms that nobody has drawn."""
    for path, tree in files(src).items():
        here = room(path)
        if path != DOOR and here not in MAY:
            yield f"{path}: no floor is drawn for {here}; add it to {Path(__file__).name}"
        for call in nodes(tree, ast.Call):
            named = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if "import_module" in ast.dump(call.func) and named and path != DOOR:
                yield f"{path}:{call.lineno}: {named[0]} is imported by string, where no drawing shows it"
        for line, package, target, _ in imports(src, path, tree):
            at, there = f"{path}:{line}", target and room(target)
            if ONLY.get(package, here) != here:
                yield f"{at}: {package} is imported only in {ONLY[package]}/"
            if target and there == here and here in SHELVES and path.name != "__init__.py":
                if path.parts[:2] != target.parts[:2]:
                    yield f"{at}: files of a shelf never import each other (came {target})"
            elif target and there != here and there not in MAY.get(here, {there}) | {here}:
                if path != DOOR:
                    yield f"{at}: {here} may not import {there} ({target})"


def circles(src):
    """Files that import each other in a ring."""
    graph = {p: {t for _, _, t, _ in imports(src, p, tree)} for p, tree in files(src).items()}
    graph = {p: targets - {None, DOOR} for p, targets in graph.items() if p != DOOR}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield "circle: " + " -> ".join(str(p) for p in reversed(error.args[1]))


def sizes(src):
    """Files and functions that are too long, functions with too many positional parameters."""
    for path, tree in files(src).items():
        found = [(path, (src / path).read_text().count("\n"), "lines", FILE_LINES)]
        for f in nodes(tree, ast.FunctionDef, ast.AsyncFunctionDef):
            names = [a.arg for a in f.args.posonlyargs + f.args.args]
            named, free = f"{path}:{f.lineno}: {f.name}", names[:1] in (["self"], ["cls"])
            found.append((named, f.end_lineno - f.lineno + 1, "lines", FUNCTION_LINES))
            found.append((named, len(names) - free, "positional parameters", POSITIONAL))
        yield from (f"{at} has {n} {what}, at most {top}" for at, n, what, top in found if n > top)


def is_abstract(c):
    """Whether a class says that others complete it."""
    words = {getattr(n, "id", getattr(n, "attr", None)) for n in ast.walk(c)}
    return c.name in OPEN or c.name.startswith("Abstract") or bool(words & MARKS)


def towers(src):
    """Classes of ours that stand on a concrete class of ours."""
    house = files(src)
    classes = {p: {c.name: c for c in nodes(t, ast.ClassDef)} for p, t in house.items()}
    everywhere = {name: c for here in classes.values() for name, c in here.items()}
    for path, here in classes.items():
        ours = {n.split(".")[0] for _, _, t, n in imports(src, path, house[path]) if t} | set(here)
        for c in here.values():
            for base in (ast.unparse(b).split("[")[0].split(".") for b in c.bases):
                parent = here.get(base[-1], everywhere.get(base[-1]))
                if base[0] in ours and parent and not is_abstract(parent):
                    yield f"{path}:{c.lineno}: {c.name} subclasses {parent.name}, which is final"


def copies(src):
    """Too large a share of code lines lying in a window that occurs more than once."""
    code, copied = {}, Counter()
    for path, tree in files(src).items():
        prose = nodes(tree, ast.Import, ast.ImportFrom)
        prose += [e for e in nodes(tree, ast.Expr) if isinstance(e.value, ast.Constant)]
        dropped = {line for n in prose for line in range(n.lineno, n.end_lineno + 1)}
        lines = enumerate((src / path).read_text().splitlines(), start=1)
        lines = [text.strip() for line, text in lines if line not in dropped]
        code[path] = [text for text in lines if text and not text.startswith("#")]
    windows = {p: [tuple(c[i : i + WINDOW]) for i in range(len(c) - WINDOW + 1)] for p, c in code.items()}
    count = Counter(window for here in windows.values() for window in here)
    for path, here in windows.items():
        starts = [i for i, window in enumerate(here) if count[window] > 1]
        copied[path] = len({i + j for i in starts for j in range(WINDOW)})
    share = sum(copied.values()) / max(1, sum(map(len, code.values())))
    if share > COPIED:
        worst = ", ".join(f"{path} ({n})" for path, n in copied.most_common(4) if n)
        yield f"{share:.0%} of the code lines are copies, at most {COPIED:.0%}: {worst}"
