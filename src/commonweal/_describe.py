"""One canonical description of any component: what it is and every value in it, as JSON-able data.

It names conditions, keys stores and rebuilds a society for replay. Equal descriptions mean equal
components; `rebuild` needs the classes to be importable.
"""

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from contextvars import ContextVar
from types import CodeType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._mind import Speaker
from ._secrets import hidden
from ._stored import steady
from ._trust import component, home_of, noted, resolve

_ABOVE: ContextVar[tuple[Any, ...]] = ContextVar("_ABOVE", default=())  # functions being described


def describe(thing: Any) -> Any:
    """The thing as JSON-able data: qualified class names, static values, arrays with dtype.

    A speaker is described by its class and its `settings()`, so that what it remembers, and what it
    must not tell, stays out. Functions are named; those without a name of their own by a digest.
    """
    if isinstance(thing, float) and not math.isfinite(thing):
        return {"float": str(thing)}  # JSON has no infinity
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, jax.Array) and jnp.issubdtype(thing.dtype, jax.dtypes.prng_key):
        return {"key": describe(jax.random.key_data(thing))}
    if isinstance(thing, np.ndarray | np.generic | jax.Array):
        array = np.asarray(thing)
        values = [x if math.isfinite(x) else str(x) for x in array.ravel().tolist()]
        return {"array": values, "dtype": str(array.dtype), "shape": list(array.shape)}
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return {"class": _path(type(thing)), "fields": {k: describe(v) for k, v in thing._asdict().items()}}  # type: ignore[attr-defined]
    if isinstance(thing, tuple | list):
        return {type(thing).__name__: _runs([describe(x) for x in thing])}
    if isinstance(thing, Mapping):
        return {"dict": {str(key): describe(value) for key, value in thing.items()}}
    if isinstance(thing, Speaker):
        return {"class": _path(type(thing)), "settings": describe(hidden(dict(thing.settings())))}
    if callable(thing) and not eqx.is_array(thing) and not isinstance(thing, eqx.Module):
        return _function(thing)
    if dataclasses.is_dataclass(thing):
        values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
        return {"class": _path(type(thing)), "fields": {k: describe(v) for k, v in values.items()}}
    return {"opaque": _path(type(thing)), "text": repr(thing) if "0x" not in repr(thing) else ""}


def _path(kind: type) -> str:
    return f"{home_of(kind)}:{kind.__qualname__}"


def _function(thing: Any) -> dict[str, Any]:
    """A function by its name; partials by their parts, lambdas and closures by a digest of their code."""
    if isinstance(thing, functools.partial):
        return {"partial": [describe(thing.func), describe(thing.args), describe(thing.keywords)]}
    name = f"{home_of(thing)}:{getattr(thing, '__qualname__', type(thing).__qualname__)}"
    code = getattr(thing, "__code__", None)
    if "<" not in name or code is None or thing in _ABOVE.get():
        return {"function": noted(name)}
    mark = _ABOVE.set((*_ABOVE.get(), thing))  # a function may hold itself
    try:
        cells = [describe(cell.cell_contents) for cell in thing.__closure__ or ()]
    finally:
        _ABOVE.reset(mark)
    return {"function": name, "digest": identity_of([_code(code), cells])}


def _code(code: CodeType) -> list[Any]:
    """What code does: nothing of where it stands in a file, or in memory."""
    inner = [_code(x) if isinstance(x, CodeType) else _constant(x) for x in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), inner]


def _constant(x: Any) -> Any:
    """A constant of code, its sets in one order."""
    if isinstance(x, tuple | frozenset):
        parts = [_constant(one) for one in x]
        return [type(x).__name__, sorted(parts, key=repr) if isinstance(x, frozenset) else parts]
    return repr(x)


def _runs(items: list) -> list:
    """The items, a run of equal ones written once: a society of equal minds stays short."""
    runs = [list(same) for _, same in itertools.groupby(items, key=json.dumps)]  # 1, 1.0 and True differ
    return [run[0] if len(run) == 1 else {"times": len(run), "each": run[0]} for run in runs]


def identity(thing: Any) -> str:
    """A short digest (16 hexadecimal digits of SHA-256) of the thing's description."""
    return identity_of(describe(thing))


def identity_of(description: Any) -> str:
    """`identity` of what has this description."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()[:16]


REHEARSAL = "commonweal/rehearsal"  # how the names of models begin that are none
REHEARSED = "rehearsal: no language model was asked"


def models_of(society: Mapping[str, Any]) -> list[str]:
    """The language models that a society's description names, and the personas that stood in for one."""
    minds = [mind.get("each", mind) for mind in society["fields"]["minds"]["tuple"]]
    return sorted({str(mind.get("settings", {}).get("dict", {}).get("model", "")) for mind in minds} - {""})


def rehearsed(society: Mapping[str, Any]) -> list[str]:
    """The personas that stood in for a language model, from a society's description."""
    return [model for model in models_of(society) if model.startswith(REHEARSAL)]


def called(name: str, **given: tuple[Any, Any]) -> str:
    """The name with those arguments that are not as usual, (value, usual): what differs never shares one."""
    told = {k: x for k, (x, usual) in given.items() if identity(x) != identity(usual)}
    plain = {k: x if isinstance(x, str | int | float) else identity(x)[:6] for k, x in told.items()}
    return name + f"({', '.join(f'{k}={x}' for k, x in plain.items())})" * bool(plain)


SHORT = 60  # letters of a component as it is written


def written(thing: Any) -> str:
    """A component as one would write it, with the values that are not as usual: `Greedy(share=0.5)`."""
    name = type(thing).__name__
    if not dataclasses.is_dataclass(thing):
        return name
    given = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing) if _unusual(thing, f)}
    for key in [key for key, x in given.items() if isinstance(x, Mapping)]:
        given |= given.pop(key)  # Constant(act=0) keeps its acts in a table
    told = f"{name}({', '.join(f'{k}={_value(x)}' for k, x in given.items())})"
    return name if not given else told if len(told) <= SHORT else f"{name}(...)"


def _unusual(thing: Any, field: dataclasses.Field) -> bool:
    make = field.default_factory
    usual = field.default if make is dataclasses.MISSING else make()
    return _value(getattr(thing, field.name)) != _value(usual)


def _value(x: Any) -> str:
    """A value in few letters; of a larger array, its shape."""
    if isinstance(x, np.ndarray | np.generic | jax.Array | int | float) and not isinstance(x, bool):
        array = np.asarray(x)
        if array.size > 4:
            return f"<{' x '.join(map(str, array.shape))}>"
        return f"{array.item():.6g}" if array.ndim == 0 else str(np.round(array, 6).tolist())
    if dataclasses.is_dataclass(x):
        return written(x)
    return getattr(x, "__name__", None) or steady(repr(x))


def rebuild(data: Any) -> Any:
    """The thing that `describe` described.

    Nothing is imported but commonweal's own: what else it names must be loaded, or trusted (`trust`).

    Raises:
        ValueError: it names something else, or sets what is no field.
    """
    if not isinstance(data, Mapping):
        return data
    if "float" in data:
        return float(data["float"])
    if "array" in data:
        return _array(data)
    if "tuple" in data or "list" in data:
        kind, items = next(iter(data.items()))
        several = [x if isinstance(x, Mapping) and "times" in x else {"times": 1, "each": x} for x in items]
        return (tuple if kind == "tuple" else list)(
            rebuild(x["each"]) for x in several for _ in range(x["times"])
        )
    if "dict" in data:
        return {key: rebuild(value) for key, value in data["dict"].items()}
    if "key" in data:
        return jax.random.wrap_key_data(rebuild(data["key"]))
    if "partial" in data:
        function, args, keywords = (rebuild(x) for x in data["partial"])
        return functools.partial(function, *args, **keywords)
    if "function" in data:
        return resolve(data["function"])
    if "opaque" in data:
        raise ValueError(
            f"the recipe holds a {data['opaque']}, which cannot be made again; pass the society itself: "
            "cw.replay(trace, society=...)"
        )
    kind = resolve(data["class"])
    if not component(kind) or "settings" in data and not issubclass(kind, Speaker):
        raise ValueError(f"the recipe makes something of {data['class']}, which is no class of a component")
    if "settings" in data:
        try:
            return kind.again(rebuild(data["settings"]))
        except TypeError as error:
            raise ValueError(
                f"a {kind.__name__} cannot be made from its settings ({error}); let settings() return the "
                "arguments that make it, or pass the society itself: cw.replay(trace, society=...)"
            ) from error
    fields = {name: rebuild(value) for name, value in data["fields"].items()}
    record = issubclass(kind, tuple)
    known = kind._fields if record else [field.name for field in dataclasses.fields(kind)]  # type: ignore[attr-defined]
    if odd := sorted(fields.keys() - {*known}):  # a method, say, which would be called
        raise ValueError(f"the recipe gives a {kind.__name__} a {odd[0]!r}, which is no field of it")
    if record:
        return kind(**fields)
    thing = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(thing, name, value)
    return thing


def _array(data: Mapping[str, Any]) -> jax.Array:
    array = np.array(data["array"], dtype=data["dtype"]).reshape(data["shape"])
    return jnp.asarray(array)
