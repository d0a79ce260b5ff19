"""Numbers and sizes of a component: numbers are array leaves, sizes are static; both have a range.

A component checks what it is given where it is made: names, kinds and axes from the annotations of
its fields, ranges from `within`.
"""

import dataclasses
import functools
import inspect
import typing
import weakref
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from ._bounds import Limit, refuse_arguments
from ._stored import steady

WIDE = 120  # characters of a component that is written out in full
MANY = 8  # numbers of an array that is written out

# What an `__init__` of a component's own says that it takes, before Equinox writes over it: it may take more
# than the fields hold.
TAKEN: weakref.WeakKeyDictionary[type, dict[str, Any]] = weakref.WeakKeyDictionary()

if TYPE_CHECKING:

    class Module:
        """What components are, to a type checker: converters accept more than the fields' types say."""

        def __init__(self, *args: Any, **values: Any) -> None: ...

else:

    class Checked(type(eqx.Module)):
        """The metaclass of components: it checks the arguments before a component is made."""

        def __new__(mcs, name, bases, namespace, **how):
            taken = dict(getattr(namespace.get("__init__"), "__annotations__", {}))
            cls = super().__new__(mcs, name, bases, namespace, **how)
            if "__init__" in namespace:
                TAKEN[cls] = taken
            return cls

        def __call__(cls, *args, **values):
            refuse_values(cls, args, values)
            return super().__call__(*args, **values)

    class Module(eqx.Module, metaclass=Checked):
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
        return steady(repr(value))
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
    """As `_number`, integers becoming floats, however large."""
    if isinstance(value, int | list | tuple | np.ndarray | np.generic) and not isinstance(value, bool):
        plain = np.asarray(value)
        value = plain.astype(np.float32) if plain.dtype.kind in "iu" else value
    value = _number(value)
    return value.astype(jnp.float32) if getattr(value, "dtype", None) == jnp.int32 else value


def _static(value: Any) -> Any:
    """A static value as it is stored: hashable, of Python's own kinds."""
    if isinstance(value, list):
        return tuple(value)
    return value.item() if isinstance(value, np.generic) else value


def _field(default: Any, within: str | None, **how: Any) -> Any:
    given = {} if default is ... else {"default": default}
    return eqx.field(**given, **how, metadata={"limited": True, "within": within})


def param(default: Any = ..., within: str | None = "(-inf, inf)") -> Any:
    """A number (or array) of a component: stored as a float32 leaf, so a new value never recompiles.

    `within`: its range as an interval, `[0, 1]` or `(0, inf)`; by default any finite number; None
    checks nothing.
    """
    return _field(default, within, converter=_real)


def count(default: Any = ..., within: str | None = None) -> Any:
    """A size of a component (agents, ticks, options): static, part of the compiled program.

    `within`: the range of a whole number, such as `[1, 1000]`.
    """
    return _field(default, within, converter=_static, static=True)


def text(default: Any = ...) -> Any:
    """A word of a component (a name, a mode, a channel): static; a `Literal` lists what it may be."""
    return count(default)


def refuse_values(component: type, args: tuple, values: dict[str, Any]) -> None:
    """Raise TypeError or ValueError, in one line, for an argument that the component cannot take."""
    signature, limits = _limits(component)
    given = dict(zip(signature.parameters, args, strict=False)) | values
    if (
        len(args) > len(signature.parameters)
        or not given.keys() >= _needed(component)
        or (not given.keys() <= signature.parameters.keys())
    ):
        given = refuse_arguments(component.__name__, signature, args, values)
    for name, limit in limits.items():
        if name in given and not isinstance(given[name], Tracer | jax.ShapeDtypeStruct):
            limit.check(given[name])


@functools.cache
def _needed(component: type) -> frozenset[str]:
    """The names of the arguments that have no default."""
    kinds = inspect.Parameter
    return frozenset(
        name
        for name, one in _limits(component)[0].parameters.items()
        if one.default is kinds.empty and one.kind not in (kinds.VAR_KEYWORD, kinds.VAR_POSITIONAL)
    )


@functools.cache
def _limits(component: type) -> tuple[inspect.Signature, dict[str, Limit]]:
    """The signature of a component, and what each of its arguments that is a parameter may be."""
    signature = inspect.signature(component)
    try:
        kinds = TAKEN.get(component) or typing.get_type_hints(component)
    except NameError:  # an annotation that only a type checker sees
        kinds = {}
    found = {}
    for field in dataclasses.fields(component):
        if field.metadata.get("limited") and field.name in signature.parameters:
            default = signature.parameters[field.name].default
            kind, within = kinds.get(field.name, Any), field.metadata["within"]
            found[field.name] = Limit(
                component.__name__,
                field.name,
                kind,
                within,
                ... if default is inspect.Parameter.empty else default,
                static=field.metadata.get("static", False),
            )
    return signature, found
