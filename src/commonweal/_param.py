"""Numbers and sizes of a component: numbers are array leaves, sizes are static."""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

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
