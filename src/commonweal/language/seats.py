"""Who sits where, said in text: scenarios, institutions and minds by the names of their shelves."""

import ast
import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jax

from .. import institutions as laws
from .. import minds, scenarios
from .._governed import Governed, Institution, under
from .._luck import seeded
from .._mind import Mind, Speaker
from ..lab.files import load
from ..report.catalog import task_name
from .llm import LLM

EXAMPLES = {"institutions": "ProtectedQuota('take', most=10)", "minds": "Constant(take=5)"}
OF_A_TASK = ("seeds", "institutions", "journal")  # what a task takes beside its scenario's parameters
OURS = "commonweal/"
REHEARSAL = OURS + "rehearsal"


def setting(scenario: str, institutions: str = "", knobs: Mapping[str, Any] | None = None) -> Governed:
    """A scenario under institutions, from text.

    - `scenario`: its name on the shelf, `earthquake`.
    - `institutions`: calls with literal arguments, `ProtectedQuota('take', most=10); PublicLedger()`.
    - `knobs`: parameters of the scenario.

    Raises:
        ValueError: no such scenario, institution or parameter.
    """
    make = {task_name(name): name for name in _names(scenarios)}
    if scenario not in make:
        raise ValueError(f"there is no scenario {scenario!r}; wanted one of {', '.join(sorted(make))}")
    kind, given = getattr(scenarios, make[scenario]), {k: _hashable(v) for k, v in (knobs or {}).items()}
    known = [*OF_A_TASK, *_parameters(kind)]
    for name in set(given) - set(known):
        near = next(iter(get_close_matches(name, known, n=1)), "horizon")
        raise ValueError(
            f"{scenario} came with {name}={given[name]!r}; wanted some of {', '.join(known)}: "
            f"-T {near}={given[name]}"
        )
    try:
        made = kind(**given)
    except TypeError as error:
        raise ValueError(f"{scenario} came with {dict(given)} ({error}); wanted some of {known}") from error
    rules = [_call(text, laws, Institution) for text in institutions.split(";") if text.strip()]
    governed = under(made, *rules)
    if rules:  # what they name and the scenario lacks is found here, and not in every world
        jax.eval_shape(lambda key: governed.advance(governed.init(key), governed.silent(), key), seeded(0))
    return governed


def _parameters(kind: Any) -> list[str]:
    """What a scenario may be made with; a function that hands on all it gets takes what its result takes."""
    signature = inspect.signature(kind, eval_str=True)
    own = [name for name, one in signature.parameters.items() if one.kind is not one.VAR_KEYWORD]
    return own if len(own) == len(signature.parameters) else [*own, *_parameters(signature.return_annotation)]


def seat(model: Any) -> Mind | Speaker:
    """The mind behind a model of Inspect: of our own provider the mind itself, else a language model.

    What a caller has set for the model (its temperature, say) is kept; nothing else is inherited.
    """
    name = str(model)
    if name.startswith(OURS) and not name.startswith(REHEARSAL):
        return mind(name.removeprefix(OURS))
    limits = {"patience": model.config.attempt_timeout, "total": model.config.timeout}
    given: dict[str, Any] = {name: float(seconds) for name, seconds in limits.items() if seconds}
    return LLM(model, **given)


def mind(text: str) -> Mind | Speaker:
    """A mind from text: `Greedy`, `Constant(take=5)`, or `path/to/file.py:name` of a user's file.

    Raises:
        ValueError: there is none of that name.
    """
    file, _, name = text.rpartition(":")
    if not file.endswith(".py"):
        return _call(text, minds, Mind)
    path = Path(file).resolve()
    found = getattr(_loaded(path, path.stat().st_mtime_ns if path.exists() else 0), name, None)
    found = found() if isinstance(found, type) else found
    if not isinstance(found, Mind | Speaker):
        raise ValueError(
            f"{file} holds no mind {name!r}; wanted a Mind or Speaker of that name: "
            "--model-role agent_1=commonweal/my_minds.py:fitted"
        )
    return found


@lru_cache(maxsize=64)
def _loaded(path: Path, changed: int) -> ModuleType:
    """The module of a file as it is now."""
    return load(path)


def _call(text: str, shelf: ModuleType, kind: type) -> Any:
    """What a call says, of something on a shelf with literal arguments; nothing else is ever run."""
    room = shelf.__name__.rpartition(".")[2]
    try:
        node = ast.parse(text.strip(), mode="eval").body
        made = _made(node, shelf)
    except (SyntaxError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{text.strip()!r} makes nothing ({error}); wanted a name from the shelf of {room}, called with "
            f"literal arguments: {EXAMPLES[room]}"
        ) from error
    if not isinstance(made, kind):
        raise ValueError(f"{text.strip()!r} is a {type(made).__name__}; wanted a {kind.__name__} of {room}")
    return made


def _made(node: ast.expr, shelf: ModuleType) -> Any:
    args = getattr(node, "args", [])
    keywords = {str(one.arg): _value(one.value, shelf) for one in getattr(node, "keywords", [])}
    named = node.func if isinstance(node, ast.Call) else node
    if isinstance(named, ast.Attribute):
        named = ast.Name(named.attr) if ast.unparse(named.value) == shelf.__name__.split(".")[-1] else named
    if not isinstance(named, ast.Name) or named.id not in _names(shelf):
        raise ValueError(f"{ast.unparse(named)} is not there; there are {', '.join(_names(shelf))}")
    return getattr(shelf, named.id)(*(_value(one, shelf) for one in args), **keywords)


def _value(node: ast.expr, shelf: ModuleType) -> Any:
    """A literal, or a thing of the same shelf."""
    if isinstance(node, ast.Call):
        return _made(node, shelf)
    return ast.literal_eval(node)


def _names(shelf: ModuleType) -> list[str]:
    """What a shelf exports, classes and functions."""
    return sorted(name for name, one in vars(shelf).items() if name[0] != "_" and callable(one))


def _hashable(value: Any) -> Any:
    """Lists of words as tuples: what is static must be hashable."""
    return tuple(value) if isinstance(value, list) and all(isinstance(x, str) for x in value) else value
