"""The plan of a study: all that decides its results, JSON-able; and how a plan is extended.

More worlds, conditions and measures are added to the plan that a folder holds, and marked as later.
Whatever else differs is refused: results of two plans do not mix.
"""

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .._describe import describe, identity, identity_of
from .._measure import Measure
from .._secrets import keys
from .._society import Society
from .._sources import Lookup, held, own
from .._stored import PART, Damaged, steady, write
from .._trace import card_to_dict
from .._trust import named
from .store import read_json, seal, unseal

LIBRARIES = ("jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "polars")
FORMAT = 2  # from 2 on, cells carry digests
DECLARED = ("name", "baseline", "rule", "chunk", "keep", "reference", "theta", "trainings")
OWN = "commonweal source"
OLDER = "an older version of commonweal made it, and its cells carry no digests (reports still read it)"
FEW = 3  # names in an error


def slug(name: str) -> str:
    """The name as a file name: lower case, digits, dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


def slot(place: int, condition: str) -> str:
    """A condition's place among the others and its name, as its files are called."""
    return f"{place:02d}-{slug(condition)}"


def with_cells(plan: dict[str, Any]) -> dict[str, Any]:
    """The plan with its cells: a condition and a chunk of its worlds, and a digest of what they depend on."""
    cells = {}
    for place, (name, condition) in enumerate(plan["conditions"].items()):
        depends = [plan["made with"], plan["keep"], name, condition["identity"], condition["code"]]
        runs = condition["training"]["runs"] if "training" in condition else 0
        for low, high in plan["spans"]:
            for start in range(low, high, plan["chunk"]):
                stop = min(start + plan["chunk"], high)
                where, own = (
                    {"condition": name, "start": start, "stop": stop},
                    f"{slot(place, name)}-{start:07d}",
                )
                if not runs:
                    cells[own] = where | {"key": identity([*depends, start, stop])}
                for run in range(runs):
                    more = {"training": run, "of": runs}
                    if seeds(where | more):
                        key = identity([*depends, start, stop, run, runs])
                        cells[f"{own}-run{run}"] = where | more | {"key": key}
    return plan | {"cells": cells}


def seeds(cell: Mapping[str, Any]) -> range:
    """The worlds of a cell; those of a training run are every so many."""
    start, step = cell["start"], cell.get("of", 1)
    return range(start + (cell.get("training", 0) - start) % step, cell["stop"], step)


def of_condition(society: Society, trainings: int, look: Lookup) -> dict[str, Any]:
    """What the plan says of a condition; one that learns is trained `trainings` times."""
    what = describe(society)
    for _, name in named(what, ["class"]):
        if "<locals>" in name:
            raise ValueError(
                f"a study holds {name.replace('.<locals>', '()')}, defined inside a function, so "
                "that no recipe can name it; wanted its class at the top of its file"
            )
    laws = [
        {"name": law.name, "budget": law.budget, "told": bool(law.told), "what": _first_line(law)}
        for law in society.scenario.laws
    ]
    minds = [type(mind).__name__ for mind in society.minds]
    return {
        "identity": identity_of(what),
        "code": look(named(what)),
        "scenario": {
            "name": type(society.scenario.base).__name__,
            "what": _first_line(society.scenario.base),
        },
        "institutions": laws,
        "minds": {kind: minds.count(kind) for kind in dict.fromkeys(minds)},
        "profiles": sum(profile is not None for profile in society.profiles),
        "agents": society.scenario.n_agents,
        "horizon": society.scenario.horizon,
        "card": card_to_dict(society.scenario.card()),
        "society": what,
    } | ({"training": {"runs": trainings, "seats": list(society.learners)}} if society.learners else {})


def of_measure(one: Measure, look: Lookup) -> dict[str, Any]:
    """What the plan says of a measure."""
    names = ("unit", "better", "cites", "undefined", "per", "text", "one")
    values = held(one.function)
    what = [(one.function.__module__, getattr(one.function, "__qualname__", "*")), *named(values)]
    return {name: getattr(one, name) for name in names} | {
        "columns": list(one.columns),
        "family": one.function.__module__.rpartition(".")[2],
        "refused": one.why(True),
        "code": look(what),
        "held": identity(values),
    }


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(type(thing)) or "").partition("\n")[0]


def made_with() -> dict[str, str]:
    """Versions of all that is installed and decides bits."""
    import jax

    made = {"commonweal": sys.modules["commonweal"].__version__, OWN: own()}
    made |= {"platform": jax.devices()[0].platform, "python": ".".join(map(str, sys.version_info[:2]))}
    return made | {name: version(name) for name in LIBRARIES}


def read_plan(folder: Path) -> dict[str, Any]:
    """The plan that a folder holds.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it is not as it was written.
    """
    if not (folder / "study.json").is_file():
        raise FileNotFoundError(f"{folder} holds no study.json; wanted a folder that a study was run into")
    try:
        return unseal(folder / "study.json")
    except Damaged:
        old = _maybe(folder / "study.json")
        if old.get("format") == 1 and "digest" not in old:
            return old | {"spans": [[0, old["worlds"]]], "added": []}
        raise Damaged(
            f"{folder / 'study.json'} is not as it was written; bring it back from a copy, or run the "
            "study in a new folder: --out runs/new"
        ) from None


def _maybe(path: Path) -> dict[str, Any]:
    """What a file tells, if it is a JSON object."""
    try:
        found = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def settle_plan(folder: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """The plan that the folder goes on with: the one that is there, extended by what this one has more.

    Raises:
        ValueError: the folder holds something else, or the study of another plan.
    """
    path = folder / "study.json"
    if not path.exists():
        other = [p.name for p in folder.iterdir() if not p.name.startswith(PART)]
        if other:
            raise ValueError(
                f"{folder} holds {sorted(other)[0]!r} and no study.json; wanted a new folder or that of this "
                "study: --out runs/new"
            )
        write(path, seal(plan))
        return plan
    if {p.name for p in folder.iterdir() if not p.name.startswith(PART)} == {"study.json"}:
        write(path, seal(plan))  # nothing was run yet
        return plan
    before = read_plan(folder)
    faults = list(_faults(before, plan, partial(_seen, folder)))
    if faults:
        more = f" and {len(faults) - FEW} more" if len(faults) > FEW else ""
        raise ValueError(
            f"{folder} holds the study of another plan: {', '.join(faults[:FEW])}{more}; results of two "
            "plans do not mix: run the old plan there, or the new one elsewhere: --out runs/new"
        )
    settled = _extended(before, plan)
    if _differ(settled, before):
        write(path, seal(settled))
    return settled


def _seen(folder: Path, measure: str) -> bool:
    """Whether a folder holds numbers of a measure."""
    return any(measure in _maybe(cell).get("measures", ()) for cell in folder.glob("cells/[!.]*/cell.json"))


def _faults(before: dict, now: dict, seen: Callable[[str], bool]) -> Iterator[str]:
    """What differs and is no extension, in words; `seen` says of which measures there are numbers."""
    if before["format"] != FORMAT:
        yield OLDER
        return
    yield from (
        f"{key} was {_short(before.get(key))} and came as {_short(now[key])}"
        for key in DECLARED
        if _differ(before.get(key), now[key])
    )
    theirs, ours = (keys([one["conditions"], one["reference"]]) for one in (before, now))
    if ours and theirs - ours:
        yield (
            "settings that may be secret were digested under another user's key (from there, bring "
            "~/.config/commonweal/digest.key)"
        )
    changed = _changed(before["reference code"], now["reference code"])
    for kind in ("conditions", "measures"):
        for name, old in before[kind].items():
            new = now[kind].get(name)
            if new is None:
                yield f"{kind[:-1]} {name!r} is gone"
            elif not _differ(old, new) or kind == "measures" and not seen(name):
                continue
            elif old["code"] != new["code"]:
                changed |= _changed(old["code"], new["code"])
            else:
                yield f"{kind[:-1]} {name!r} has other values"
    yield from (f"{file} has changed" for file in changed)
    if now["worlds"] < before["worlds"]:
        yield f"it has {before['worlds']} worlds and came with worlds={now['worlds']} (they can only grow)"
    added = {name for name in now["measures"] if name not in before["measures"]} | {
        name for one in before["added"] for name in one.get("measures", ())
    }
    a, b = before["made with"], now["made with"]
    yield from (
        "the source of commonweal itself has changed" if key == OWN else f"{key} was {a[key]} and is {b[key]}"
        for key in b
        if a.get(key) != b[key]
    )
    if set(before["primary"]) != set(now["primary"]) - added:
        yield f"primary was {_short(before['primary'])} and came as {_short(now['primary'])}"


def _changed(a: dict[str, str], b: dict[str, str]) -> dict[str, None]:
    """The files of which another digest came."""
    return dict.fromkeys(file for file in {**a, **b} if a.get(file) != b.get(file))


def _differ(a: Any, b: Any) -> bool:
    return json.dumps(a, sort_keys=True) != json.dumps(b, sort_keys=True)


def _short(value: Any) -> str:
    text = steady(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _extended(before: dict, now: dict) -> dict[str, Any]:
    """The plan before with what is new; what was declared stays, and the addition is noted."""
    more: dict[str, Any] = {}
    plan = dict(before)
    if now["worlds"] > before["worlds"]:
        more["worlds"] = span = [before["worlds"], now["worlds"]]
        plan |= {"worlds": now["worlds"], "spans": [*before["spans"], span]}
    for kind in ("conditions", "measures"):
        new = [name for name in now[kind] if name not in before[kind]]
        more |= {kind: new} if new else {}
        plan[kind] = {name: now[kind][name] for name in [*before[kind], *new]}
    words = [before["hypothesis"], *(one.get("hypothesis") for one in before["added"])]
    if now["hypothesis"] not in words:
        more["hypothesis"] = now["hypothesis"]
    plan["added"] = [*before["added"], more] if more else before["added"]
    return with_cells(plan)


def later(plan: Mapping[str, Any], kind: str) -> set[str]:
    """The conditions, or the measures, that were added when there were results."""
    return {name for one in plan["added"] for name in one.get(kind, ())}


def additions(plan: Mapping[str, Any]) -> Iterator[str]:
    """What was added to a study when there were results, a line each."""
    for one in plan["added"]:
        parts = []
        if "worlds" in one:
            parts.append(f"worlds {one['worlds'][0]} to {one['worlds'][1] - 1}")
        parts += [f"{kind} {', '.join(one[kind])}" for kind in ("conditions", "measures") if kind in one]
        if "hypothesis" in one:
            parts.append(f"the hypothesis {one['hypothesis']!r}")
        yield f"added when there were results, so not declared beforehand: {'; '.join(parts)}"
