"""Numbers and sizes of a component: numbers are array leaves, sizes are static."""

import dataclasses
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

WIDE = 120  # characters of a component that is written out in full
MANY = 8  # numbers of an array that is written out

if TYPE_CHECKING:

    class Module:
        """What components are, to a type checker: converters accept more than the fields' types say."""

        def __init__(self, *args: Any, **values: Any) -> None: ...

else:

    class Module(eqx.Module):
        """What components are: a frozen PyTree whose methods are plain methods.

        Equinox makes a PyTree of a method each time that it is looked up, which costs some 30
        microseconds; a speaker's decision looks up forty. Pass the component itself to `jax.jit`.
        """

        def __getattribute__(self, name):
            return object.__getattribute__(self, name)

        def __repr__(self):
            return _written(self)


def _written(component: Any) -> str:
    """A component as one would make it; where that is long, without some of what is as by default."""
    parts = {}
    for field in dataclasses.fields(component):
        if field.repr and hasattr(component, field.name):
            value = _value(getattr(component, field.name))
            parts[f"{field.name}={value}"] = value == _value(field.default)
    room = WIDE - sum(len(part) + 2 for part, default in parts.items() if not default)
    shown = []
    for part, default in parts.items():
        room -= (len(part) + 2) * default
        if not default or room >= 0:
            shown.append(part)
    return f"{type(component).__name__}({', '.join([*shown, *['...'] * (len(shown) < len(parts))])})"


def _value(value: Any) -> str:
    """A number, or a short array, by its values; what is traced or long by its kind and shape."""
    if isinstance(value, list | tuple):
        inner = ", ".join(map(_value, value)) + "," * (isinstance(value, tuple) and len(value) == 1)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_value(x)}" for k, x in value.items()) + "}"
    if isinstance(value, float | np.floating):
        return f"{value:g}"
    if not isinstance(value, np.ndarray | jax.Array | jax.ShapeDtypeStruct):
        return repr(value)
    held = not isinstance(value, Tracer | jax.ShapeDtypeStruct)
    if held and value.size <= MANY and getattr(value.dtype, "kind", "?") in "biuf":
        return _value(np.asarray(value).tolist())
    return f"{value.dtype}{list(value.shape)}"


def _number(value: Any) -> Any:
    """Float32 (or int32, bool) array, strongly typed, so that a new value never recompiles."""
    if isinstance(value, bool | int | float | list | tuple | np.ndarray | np.generic):
        value = jnp.asarray(value)
    if hasattr(value, "dtype") and hasattr(value, "weak_type"):
        kind = {"f": jnp.float32, "i": jnp.int32, "u": jnp.uint32, "b": jnp.bool_}[value.dtype.kind]
        return value.astype(kind)
    return value


def _real(value: Any):
    """As `_number`, integers becoming floats."""
    value = _number(value)
    return value.astype(jnp.float32) if getattr(value, "dtype", None) == jnp.int32 else value


def param(default: Any = ...) -> Any:
    """A number (or array) of a component: stored as a float32 leaf, so a new value never recompiles."""
    return eqx.field(converter=_real) if default is ... else eqx.field(default=default, converter=_real)


def count(default: Any = ...) -> Any:
    """A size of a component (agents, ticks, options): static, part of the compiled program."""
    return eqx.field(static=True) if default is ... else eqx.field(default=default, static=True)


def text(default: Any = ...) -> Any:
    """A word of a component (a name, a mode, a channel): static."""
    return count(default)
