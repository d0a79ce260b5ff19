"""What a learner computes with: a perceptron (recurrent if wanted), a linear map, or a table.

In the shape descriptions `d` is real inputs, `c` codes; `...` is any batch of ticks and worlds, last
since long rows compile small and run fast.
"""

import abc
import functools
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._governed import Governed
from ..._param import Module, count, param
from ..._scenario import Sight

CODES = 16  # values of an 8-bit fact, a cell of a view say; greater ones count as the last
FAR = 10.0  # normalized inputs are cut off here


class Seen(NamedTuple):
    """Sights as numbers: Float[d, ...] and Int[c, ...]."""

    real: Array
    code: Array


class Eyes(NamedTuple):
    """What is read of a sight (static): facts and their sizes; channels, their options and mask widths.

    An amount has 0 options. `seats` is the length of the one-hot seat that shared parameters see,
    else 0.
    """

    facts: tuple[tuple[str, int], ...]
    codes: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int, int], ...]
    seats: int


def open_eyes(
    scenario: Governed, facts: tuple[str, ...] | None, share: bool, codes: tuple[str, ...] = ()
) -> Eyes:
    """The eyes for a scenario under its institutions; `facts` None is every fact but `felt` and `seat`.

    Facts named in `codes`, and all of 8-bit integers, are codes.

    Raises:
        ValueError: a fact that the scenario does not show.
    """
    n = scenario.n_agents
    shown = jax.eval_shape(lambda: scenario.observe(scenario.init(jax.random.key(0)))).facts
    shown = shown | {"felt": jax.ShapeDtypeStruct((n,), jnp.float32)}
    names = sorted(set(shown) - {"felt"}) if facts is None else sorted(facts)
    for name in (*names, *codes):
        if name not in shown:
            raise ValueError(
                f"Learner is to see the fact {name!r}; here are {sorted(shown)}: name some of them, or "
                "leave facts=None for all but 'felt'"
            )
    sizes = {name: shown[name].size // n for name in names}
    small = [name for name in names if shown[name].dtype.itemsize == 1 and shown[name].dtype != bool]
    coded = [name for name in names if name in small or name in codes]
    channels = {name: c for name, c in scenario.channels().items() if not c.lever}
    return Eyes(
        tuple((name, sizes[name]) for name in names if name not in coded),
        tuple((name, sizes[name]) for name in coded),
        tuple(
            (name, len(getattr(c, "options", ())), getattr(c, "width", 0))
            for name, c in sorted(channels.items())
        ),
        n if share else 0,
    )


def no_acts(eyes: Eyes) -> dict[str, Array]:
    """Masks of the channels, with nothing legal, for one agent."""
    return {name: jnp.zeros(width, bool) if m else jnp.float32(0.0) for name, m, width in eyes.channels}


def _joined(parts: list[Array], dtype: Any) -> Array:
    flat = [jnp.ravel(jnp.asarray(x)).astype(dtype) for x in parts]
    return jnp.concatenate(flat) if flat else jnp.zeros(0, dtype)


class Network(Module):
    """A function from what is seen to the parameters of all acts; its own parameters are kept apart."""

    widths: eqx.AbstractVar[tuple[int, ...]]
    recurrent: eqx.AbstractVar[bool]
    spread: eqx.AbstractVar[Array]

    @property
    def reads(self) -> tuple[str, ...]:
        """The facts it must see, if it says."""
        return ()

    def codes(self, eyes: Eyes) -> int:
        """How many values a code has."""
        return CODES

    @abc.abstractmethod
    def see(self, sight: Sight, eyes: Eyes) -> Seen:
        """The sight of one agent as numbers, not yet normalized."""

    def blind(self, eyes: Eyes) -> Seen:
        """What is remembered as seen before the first tick."""
        shown = {name: jnp.zeros(size) for name, size in eyes.facts}
        shown |= {name: jnp.zeros(size, jnp.int8) for name, size in eyes.codes}
        return self.see(Sight(shown | {"seat": jnp.int32(0)}, no_acts(eyes)), eyes)

    @property
    def hidden(self) -> int:
        """How many numbers it remembers from tick to tick."""
        return self.widths[-1] if self.recurrent else 0

    def _shapes(self, size: int, out: int) -> list[tuple[int, int]]:
        """Of all weight matrices: layers, gates of the recurrent unit, outputs."""
        sizes = (size, *self.widths)
        w = sizes[-1]
        gates = [(2 * w, 2 * w), (2 * w, w)] if self.recurrent else []
        return [*itertools.pairwise(sizes), *gates, (w, out)]

    def init(self, luck: np.random.Generator, size: int, out: int) -> np.ndarray:
        """Parameters as one vector (few leaves train fast): normal weights of variance 1 / inputs.

        `spread` scales those of the last layer; all else is zero. On the host: nothing to compile.
        """
        shapes, parts = self._shapes(size, out), []
        for i, (a, b) in enumerate(shapes):
            scale = float(self.spread) if i == len(shapes) - 1 else 1.0
            weights = luck.standard_normal((a, b)).T * (scale / max(a, 1) ** 0.5)
            parts += [weights.ravel(), np.zeros(b)]
        return np.concatenate(parts).astype(np.float32)

    def _layers(self, p: Array, size: int, out: int) -> list[tuple[Array, Array]]:
        """Weights and biases out of the vector of parameters."""
        shapes = self._shapes(size, out)
        parts = jax.lax.split(p, [n for a, b in shapes for n in (a * b, b)])
        return [
            (w.reshape(b, a), bias) for (a, b), w, bias in zip(shapes, parts[::2], parts[1::2], strict=True)
        ]

    def step(self, p: Array, seen: Seen, h: Array, codes: int, out: int) -> tuple[Array, Array]:
        """One tick, normalized, of `codes` values a code: `out` outputs and the new memory."""
        layers = self._layers(p, _width(seen, codes), out)
        x = self._deep(layers, seen, codes)
        if self.recurrent:
            h = x = _gru(layers[-3:-1], x, h)
        return (_linear(layers[-1], x) if self.widths else x), h

    def over(self, p: Array, seen: Seen, codes: int, out: int, ticks: int) -> Array:
        """Whole worlds at once, sights [d, N], tick after tick: outputs [out, N]."""
        layers = self._layers(p, _width(seen, codes), out)
        x = self._deep(layers, seen, codes)
        if self.recurrent:

            def tick(h, now):
                h = _gru(layers[-3:-1], now, h)
                return h, h

            each = jnp.moveaxis(x.reshape(len(x), ticks, -1), 1, 0)
            each = jax.lax.scan(tick, jnp.zeros_like(each[0]), each)[1]
            x = jnp.moveaxis(each, 0, 1).reshape(x.shape)
        return _linear(layers[-1], x) if self.widths else x

    def _deep(self, layers, seen: Seen, codes: int) -> Array:
        """What comes out of the layers of units, or out of the only layer."""
        x = self._enter(layers[0], seen, codes)
        for layer in layers[1 : len(self.widths)]:
            x = _linear(layer, jnp.tanh(x))
        return jnp.tanh(x) if self.widths else x

    def _enter(self, layer, seen: Seen, codes: int) -> Array:
        return _linear(layer, inputs(seen, codes))


class MLP(Network):
    """A perceptron of `depth` layers of `width` units (tanh), for acts and for values apart.

    With `recurrent`, a gated recurrent unit of the same width on top remembers the world so far
    (Cho et al. 2014, arXiv 1406.1078).
    """

    width: int = count(32, "[1, 65536]")
    depth: int = count(2, "[0, 100]")
    recurrent: bool = count(False)
    spread: Float[Array, ""] = param(0.01, "[0, inf)")

    def __check_init__(self):
        if self.recurrent and not self.depth:
            raise ValueError(
                "MLP: got depth=0 and recurrent=True, expected one layer or more below a recurrent one; try "
                "MLP(depth=1, recurrent=True)"
            )

    @property
    def widths(self):
        return (self.width,) * self.depth

    def see(self, sight, eyes):
        return _all_seen(sight, eyes)


class Linear(Network):
    """Logits linear in the normalized sight, from zero (uniform play) if `spread` is 0."""

    spread: Float[Array, ""] = param(0.0, "[0, inf)")

    recurrent = False
    widths = ()

    def see(self, sight, eyes):
        return _all_seen(sight, eyes)


class Table(Network):
    """A row of numbers for every combination of some facts, from zero (uniform play) if `spread` is 0.

    `facts` says which, each with its number of values 0, 1, ... (vectors have as many places) or
    with the edges of its bins: `Table({"own": 2, "other": 2, "stock": (20.0, 50.0)})`.
    """

    facts: tuple[tuple[str, Any], ...] = count()
    spread: Float[Array, ""] = param(within="[0, inf)")

    recurrent = False
    widths = ()

    def __init__(self, facts: Mapping[str, int | tuple[float, ...]], spread: Any = 0.0):
        self.facts = tuple((name, x if isinstance(x, int) else tuple(x)) for name, x in dict(facts).items())
        self.spread = jnp.asarray(spread, jnp.float32)

    @property
    def reads(self):
        return tuple(name for name, _ in self.facts)

    def codes(self, eyes):
        size, sizes = 1, dict(eyes.facts + eyes.codes)
        for name, bins in self.facts:
            size *= (bins if isinstance(bins, int) else len(bins) + 1) ** sizes[name]
        return size * max(eyes.seats, 1)

    def see(self, sight, eyes):
        code = sight["seat"] if eyes.seats else jnp.int32(0)
        for name, bins in self.facts:
            for x in jnp.ravel(jnp.asarray(sight[name]).astype(jnp.float32)):
                if isinstance(bins, int):
                    part, size = jnp.clip(jnp.round(x), 0, bins - 1).astype(jnp.int32), bins
                else:
                    part = sum(
                        ((x > edge).astype(jnp.int32) for edge in map(jnp.float32, bins)), jnp.int32(0)
                    )
                    size = len(bins) + 1
                code = code * size + part
        return Seen(jnp.zeros(0), code[None])

    def _enter(self, layer, seen, codes):
        w, real = layer[0], len(seen.real)
        parts = [w[:, real + i * codes : real + (i + 1) * codes] for i in range(len(seen.code))]
        y = functools.reduce(jnp.add, map(_columns, parts, seen.code))
        y = y + jnp.tensordot(w[:, :real], seen.real, 1) if real else y
        return y + _beside(layer[1], y)


def _all_seen(sight: Sight, eyes: Eyes) -> Seen:
    """Every fact of the eyes, what is legal on every channel, and the seat where parameters are shared."""
    parts = [sight[name] for name, _ in eyes.facts]
    parts += [sight.legal[name][:m] if m else sight.legal[name] for name, m, _ in eyes.channels]
    parts += [jax.nn.one_hot(sight["seat"], eyes.seats)] if eyes.seats else []
    return Seen(
        _joined(parts, jnp.float32),
        _joined([jnp.clip(sight[name], 0, CODES - 1) for name, _ in eyes.codes], jnp.int8),
    )


class Norm(NamedTuple):
    """Mean and scale of the real inputs, measured once, on the first batch of worlds."""

    shift: Float[Array, " d"]
    scale: Float[Array, " d"]

    def __call__(self, seen: Seen) -> Seen:
        """The sight with real inputs near 0 and of size 1, cut off at 10."""
        shift, scale = (_beside(x, seen.real) for x in self)
        return Seen(jnp.clip((seen.real - shift) / scale, -FAR, FAR), seen.code)


def measure_norm(seen: Float[Array, "d T K W"], alive: Array) -> Norm:
    """The norm of a batch: inputs end up within -1 to 1 about their mean, so that rare ones stay rare.

    An input that hardly varied is scaled by a tenth of its size.
    """
    weight = alive[None].astype(jnp.float32)
    total = jnp.maximum(weight.sum(), 1.0)
    shift = (seen * weight).sum(axis=(1, 2, 3)) / total
    reach = (jnp.abs(seen - _beside(shift, seen)) * weight).max(axis=(1, 2, 3))
    size = jnp.abs(seen * weight).max(axis=(1, 2, 3))
    return Norm(shift, jnp.where(size > 0.0, jnp.maximum(reach, 0.1 * size), 1.0))


def inputs(seen: Seen, codes: int) -> Float[Array, "i ..."]:
    """What enters the first layer: real inputs, then each code one-hot."""
    if not len(seen.code):
        return seen.real
    hot = jax.nn.one_hot(jnp.minimum(seen.code.astype(jnp.int32), codes - 1), codes, axis=1)
    return jnp.concatenate([seen.real, hot.reshape(-1, *hot.shape[2:])])


def _width(seen: Seen, codes: int) -> int:
    """How many numbers `inputs` makes of a sight."""
    return len(seen.real) + len(seen.code) * codes


@jax.custom_vjp
def _columns(table: Float[Array, "o r"], at: Array) -> Float[Array, "o ..."]:
    """A column of the table for each place; its slope is a product, as scattering is slow."""
    return jnp.moveaxis(jnp.take(table.T, at, axis=0, mode="clip"), -1, 0)


def _columns_forward(table: Array, at: Array):
    return _columns(table, at), (at, table.shape[1])


def _columns_slope(kept, slope: Array):
    at, size = kept
    return slope @ jax.nn.one_hot(at, size, axis=0).T, np.zeros(at.shape, jax.dtypes.float0)


_columns.defvjp(_columns_forward, _columns_slope)


def _linear(layer: tuple[Array, Array], x: Array) -> Array:
    y = jnp.tensordot(layer[0], x, 1)
    return y + _beside(layer[1], y)


def _beside(bias: Float[Array, " d"], x: Float[Array, "d ..."]) -> Array:
    """One number a row, the same in every column."""
    return jnp.broadcast_to(bias.reshape(-1, *(1,) * (x.ndim - 1)), x.shape)


def _gru(gates: list[tuple[Array, Array]], x: Array, h: Array) -> Array:
    """A gated recurrent unit (Cho et al. 2014)."""
    keep, reset = jnp.split(jax.nn.sigmoid(_linear(gates[0], jnp.concatenate([x, h]))), 2)
    new = jnp.tanh(_linear(gates[1], jnp.concatenate([x, reset * h])))
    return keep * h + (1.0 - keep) * new
