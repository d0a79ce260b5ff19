"""What an agent may do or say in one tick.

In the shape descriptions `n` is agents and `m` is options. An act is a scalar per agent: int32 for
`Choice`, `Target` and `Words`, float32 for `Amount`. What is legal now comes from the sight:
Bool[n, m] for the first three, Float[n] (the most allowed) for `Amount`.
"""

import abc
import functools
import operator
import re
import zlib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import accumulate
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ._luck import by_rows
from ._param import Module, count, param, text

UNROLLED = 64  # options, up to which sums over them are written out: a reduction is slow in a batch


def total(weights: Float[Array, "*rows m"]) -> Float[Array, "*rows"]:
    """The sum over the last axis, in order."""
    m = weights.shape[-1]
    return weights.sum(axis=-1) if m > UNROLLED else sum(weights[..., i] for i in range(m))  # type: ignore[return-value]


def draw(key: Array, weights: Float[Array, "*rows m"]) -> Int[Array, "*rows"]:
    """For each row an index drawn in proportion to its weights, by inverting their sum: one uniform.

    An index of weight 0 is never drawn, unless all are 0.
    """
    return by_rows(pick)(jax.random.uniform(key, weights.shape[:-1]), weights)


def pick(u: Float[Array, "*rows"], weights: Float[Array, "*rows m"]) -> Int[Array, "*rows"]:
    """As `draw`, from numbers u in [0, 1)."""
    m = weights.shape[-1]
    if m > UNROLLED:
        reached = [jnp.cumsum(weights, axis=-1)]
    else:
        reached = [one[..., None] for one in accumulate(weights[..., i] for i in range(m))]
    u = u[..., None] * reached[-1][..., -1:]
    passed = sum((one <= u).sum(axis=-1, dtype=jnp.int32) for one in reached)
    return jnp.minimum(passed, m - 1)


def named_key(key: Array, name: str) -> Array:
    """A key of its own for one name (a channel, a fact), whatever other names there are."""
    return jax.random.fold_in(key, zlib.crc32(name.encode()))


class Channel(Module):
    """One thing an agent may do or say in a tick.

    A `lever` is a channel that no agent controls: its only legal act is silence, and only an
    institution's gate can move it.
    """

    unit: eqx.AbstractVar[str]
    lever: eqx.AbstractVar[bool]

    @property
    @abc.abstractmethod
    def silence(self) -> Array:
        """The act of doing nothing, a typed scalar."""

    @abc.abstractmethod
    def everything(self, n: int) -> Array:
        """What is legal when nothing is forbidden, for `n` agents."""

    @abc.abstractmethod
    def nothing(self, n: int) -> Array:
        """What is legal when only silence is."""

    @abc.abstractmethod
    def clip(self, act: Array, legal: Array) -> Array:
        """The act itself where it is legal, else the nearest legal one (silence for options)."""

    @abc.abstractmethod
    def allowed(self, act: Array, legal: Array) -> Bool[Array, "..."]:
        """Whether each act is within range and legal."""

    @abc.abstractmethod
    def sample(self, key: Array, legal: Array) -> Array:
        """A uniformly random legal act for each row of `legal`."""

    @abc.abstractmethod
    def describe(self, legal: np.ndarray) -> str:
        """The legal acts in words, for one agent (host side)."""

    @abc.abstractmethod
    def render(self, act: Any) -> str:
        """One act in words; `parse` reads it back."""

    @abc.abstractmethod
    def parse(self, said: str, legal: np.ndarray) -> int | float:
        """The act that a reply names. Raises ValueError saying what came and what was wanted."""


def _said_yes(legal: Bool[Array, "... m"], act: Array) -> Bool[Array, "..."]:
    """Whether the mask says yes to the act."""
    m = legal.shape[-1]
    if m > UNROLLED:
        return (legal & (jnp.arange(m) == act[..., None])).any(axis=-1)
    return functools.reduce(operator.or_, [legal[..., i] & (act == i) for i in range(m)])


def _named(options: Sequence[str], legal: np.ndarray) -> str:
    return ", ".join(name or "(silence)" for name, ok in zip(options, legal, strict=False) if ok)


class _Options(Channel):
    """Acts that are one of `m` named options."""

    options: eqx.AbstractVar[tuple[str, ...]]
    silent: eqx.AbstractVar[int]

    @property
    def silence(self) -> Int[Array, ""]:
        return jnp.int32(self.silent)

    @property
    def width(self) -> int:
        """How many entries a row of the mask has."""
        return len(self.options)

    def everything(self, n: int) -> Bool[Array, "n m"]:
        return self.nothing(n) if self.lever else jnp.ones((n, self.width), bool)

    def nothing(self, n: int) -> Bool[Array, "n m"]:
        only = jnp.arange(self.width) == self.silent
        return jnp.broadcast_to(only, (n, self.width))

    def clip(self, act, legal):
        first = jnp.argmax(legal, axis=-1).astype(jnp.int32)  # where even silence is not legal
        fallback = jnp.where(legal[..., self.silent], self.silence, first)
        return jnp.where(self.allowed(act, legal), act, fallback)

    def allowed(self, act, legal):
        inside = (act >= 0) & (act < len(self.options))
        return inside & _said_yes(legal, act)

    def sample(self, key, legal):
        return draw(key, legal.astype(jnp.float32))

    def describe(self, legal):
        return "one of: " + _named(self.options, legal)

    def render(self, act):
        return self.options[int(act)]

    def parse(self, said, legal):
        wanted = said.strip().casefold()
        wanted = "" if wanted == "(silence)" else wanted
        for i, option in enumerate(self.options):
            if option.casefold() == wanted and legal[i]:
                return i
        raise ValueError(f"the reply {said!r} is not a legal act; wanted {self.describe(legal)}")


class Choice(_Options):
    """One of several named options, such as `Choice(("cooperate", "defect"))`."""

    options: tuple[str, ...] = count()
    silent: int = count(0, "[0, 9999]")
    unit: str = text("")
    lever: bool = count(False)

    def __check_init__(self):
        if len(set(self.options)) != len(self.options) or not 0 <= self.silent < len(self.options):
            raise ValueError(
                f"Choice got options {self.options!r} with silent={self.silent}; wanted distinct names "
                "and the position of one of them: cw.Choice(('share', 'keep'), silent=1)"
            )


class Target(_Options):
    """One of the agents, or nobody (the last option, which is silence)."""

    n_agents: int = count(within="[1, 10000]")
    unit: str = text("agent")
    lever: bool = count(False)

    @property
    def options(self):
        return tuple(f"agent {i}" for i in range(self.n_agents)) + ("nobody",)

    @property
    def silent(self):
        return self.n_agents


class Amount(Channel):
    """A number from 0 to `high`; silence is 0 and the mask is the most allowed now."""

    high: Array = param(within="[0, inf)")
    unit: str = text("units")
    lever: bool = count(False)

    @property
    def silence(self):
        return jnp.float32(0.0)

    def everything(self, n):
        return self.nothing(n) if self.lever else jnp.broadcast_to(self.high, (n,))

    def nothing(self, n):
        return jnp.zeros(n, jnp.float32)

    def clip(self, act, legal):
        return jnp.clip(act, 0.0, legal)

    def allowed(self, act, legal):
        return (act >= 0.0) & (act <= legal)

    def sample(self, key, legal):
        return jax.random.uniform(key, legal.shape) * legal

    def describe(self, legal):
        return f"a number from 0 to {self.render(legal)} {self.unit}"

    def render(self, act):
        return str(np.float32(act)).removesuffix(".0")  # the shortest that reads back as it was

    def parse(self, said, legal):
        number = rf"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(?:{re.escape(self.unit)})?\s*"
        found = re.fullmatch(number, said, re.ASCII | re.IGNORECASE)
        if not found or not 0.0 <= np.float32(found[1]) <= legal:
            raise ValueError(f"the reply {said!r} is not a legal act; wanted {self.describe(legal)}")
        return float(np.float32(found[1])) + 0.0  # never -0


class Words(_Options):
    """Something said. In the graph it is a code: a phrase of the phrasebook (0 is silence).

    Free text of a speaker gets a code beyond the phrasebook and stands in the trace's messages; the
    last entry of the mask says whether it is legal.
    """

    phrases: tuple[str, ...] = count(())
    unit: str = text("")
    lever: bool = count(False)

    @property
    def options(self):
        return ("", *self.phrases)

    @property
    def silent(self):
        return 0

    @property
    def width(self):
        return len(self.options) + 1

    def allowed(self, act, legal):
        phrase = (act < len(self.options)) & _said_yes(legal, act)
        return (act >= 0) & (phrase | ((act >= len(self.options)) & legal[..., -1]))

    def sample(self, key, legal):
        phrases = jax.lax.broadcasted_iota(jnp.int32, legal.shape, legal.ndim - 1) < len(self.options)
        return draw(key, (legal & phrases).astype(jnp.float32))

    def describe(self, legal):
        if legal[-1]:
            return "your words, or nothing"
        return "one of: " + _named(self.options, legal)

    def render(self, act):
        return self.options[int(act)] if int(act) < len(self.options) else "(words)"


def check_channels(channels: dict[str, Channel], names: Sequence[str], whose: str) -> None:
    """Raise ValueError when `names` holds a channel the society does not have."""
    for name in names:
        if name not in channels:
            raise ValueError(
                f"{whose} uses the channel {name!r}, which is unknown here; the channels are "
                f"{sorted(channels)}: name {near(name, channels, 'one of them')}"
            )


def near(name: str, known: Iterable[str], default: str) -> str:
    """Of the names that are known the one most like an unknown one, in quotes; else the default."""
    found = get_close_matches(name, list(known), n=1)
    return repr(found[0]) if found else default
