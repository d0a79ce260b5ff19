"""One canonical description of any component: what it is and every value in it, as JSON-able data.

It names conditions, keys stores and rebuilds a society for replay. Equal descriptions mean equal
components; `rebuild` needs the classes to be importable.
"""

import dataclasses
import hashlib
import importlib
import itertools
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def describe(thing: Any) -> Any:
    """The thing as JSON-able data: qualified class names, static values, arrays with dtype."""
    if isinstance(thing, float) and not math.isfinite(thing):
        return {"float": str(thing)}  # JSON has no infinity
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.ndarray | np.generic) or type(thing).__module__.startswith("jax"):
        array = np.asarray(thing)
        values = [x if math.isfinite(x) else str(x) for x in array.ravel().tolist()]
        return {"array": values, "dtype": str(array.dtype), "shape": list(array.shape)}
    if isinstance(thing, tuple | list):
        return {type(thing).__name__: _runs([describe(x) for x in thing])}
    if isinstance(thing, Mapping):
        return {"dict": {str(key): describe(value) for key, value in thing.items()}}
    if callable(thing) and hasattr(thing, "__qualname__"):
        return {"function": f"{thing.__module__}:{thing.__qualname__}"}
    kind = type(thing)
    if dataclasses.is_dataclass(thing):
        values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    else:
        values = vars(thing)
    return {
        "class": f"{kind.__module__}:{kind.__qualname__}",
        "fields": {k: describe(v) for k, v in values.items()},
    }


def _runs(items: list) -> list:
    """The items, a run of equal ones written once: a society of equal minds stays short."""
    runs = [(item, len(list(same))) for item, same in itertools.groupby(items)]
    return [item if n == 1 else {"times": n, "each": item} for item, n in runs]


def identity(thing: Any) -> str:
    """A short digest (16 hexadecimal digits of SHA-256) of the thing's description."""
    text = json.dumps(describe(thing), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def rebuild(data: Any) -> Any:
    """The thing that `describe` described.

    Raises:
        ValueError: a class is not importable, say because it was defined in a script.
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
    if "function" in data:
        return _find(data["function"])
    kind = _find(data["class"])
    thing = object.__new__(kind)
    for name, value in data["fields"].items():
        object.__setattr__(thing, name, rebuild(value))
    return thing


def _array(data: Mapping[str, Any]):
    import jax.numpy as jnp  # late: descriptions are read without JAX too

    array = np.array(data["array"], dtype=data["dtype"]).reshape(data["shape"])
    return jnp.asarray(array)


def _find(path: str) -> Any:
    module, _, name = path.partition(":")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"the recipe names {path}, which cannot be imported ({error}); put its file on the Python "
            "path under that module name, or pass the society itself: cw.replay(trace, society=...)"
        ) from error
    return found
