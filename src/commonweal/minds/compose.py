"""Minds made of minds: one for each channel, one drawn by lot, one for each circumstance; simple rules.

They let a mind that knows only a game's own channels (a fitted one) live under institutions: the
rule for the new channels is then explicit, an assumption to vary and no finding.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._bounds import shown
from .._mind import Mind, Odds
from .._param import param, text


class Both(Mind):
    """Two minds in one seat: `second` answers on the channels that `first` leaves silent."""

    first: Mind
    second: Mind

    def prepare(self, scenario, seat, key):
        return Both(self.first.prepare(scenario, seat, key), self.second.prepare(scenario, seat, key))

    def init(self, seat, key):
        return self.first.init(seat, key), self.second.init(seat, jax.random.fold_in(key, 1))

    def act(self, memory, sight, channels, key):
        one, acts = self.first.act(memory[0], sight, channels, key)
        two, rest = self.second.act(memory[1], sight, channels, jax.random.fold_in(key, 1))
        return (one, two), rest | acts


class When(Mind):
    """Acts as `then` while a fact of the sight is true (not 0), else as `otherwise`."""

    fact: str = text()
    then: Mind
    otherwise: Mind

    def prepare(self, scenario, seat, key):
        ready = (mind.prepare(scenario, seat, key) for mind in (self.then, self.otherwise))
        return When(self.fact, *ready)

    def init(self, seat, key):
        return self.then.init(seat, key), self.otherwise.init(seat, key)

    def act(self, memory, sight, channels, key):
        one, acts = self.then.act(memory[0], sight, channels, key)
        two, rest = self.otherwise.act(memory[1], sight, channels, key)
        on = jnp.asarray(sight[self.fact]).astype(bool)
        return (one, two), jax.tree.map(lambda a, b: jnp.where(on, a, b), acts, rest)


def _several(minds: Any) -> tuple[Mind, ...]:
    """Minds as a tuple; TypeError where something else came."""
    some: tuple[Any, ...] = tuple(minds) if isinstance(minds, list | tuple) else (None,)
    if not all(isinstance(mind, Mind) for mind in some):
        example = "(tit_for_tat(), grim())"
        raise TypeError(f"OneOf: got minds={shown(minds)}, expected a tuple of minds; try OneOf({example})")
    return some


class OneOf(Mind):
    """One of several like minds, drawn evenly by lot for each seat at the start of each world."""

    minds: tuple[Mind, ...] = eqx.field(converter=_several)

    def __check_init__(self):
        kinds = {jax.tree.structure(mind) for mind in self.minds}
        if len(kinds) != 1:
            names = ", ".join(type(mind).__name__ for mind in self.minds) or "no mind"
            raise ValueError(
                f"OneOf came with {names}; wanted minds that differ only in their numbers: "
                "OneOf((tit_for_tat(), grim()))"
            )

    def _drawn(self, which: Array) -> Mind:
        arrays, rest = zip(*(eqx.partition(mind, eqx.is_array) for mind in self.minds), strict=True)
        return eqx.combine(jax.tree.map(lambda *x: jnp.stack(x)[which], *arrays), rest[0])

    def prepare(self, scenario, seat, key):
        return OneOf(tuple(mind.prepare(scenario, seat, key) for mind in self.minds))

    def init(self, seat, key):
        which = jax.random.randint(jax.random.fold_in(key, 1), (), 0, len(self.minds))
        return which, self._drawn(which).init(seat, key)

    def act(self, memory, sight, channels, key):
        which, inner = memory
        inner, acts = self._drawn(which).act(inner, sight, channels, key)
        return (which, inner), acts


class Punishes(Mind):
    """With probability `odds`, punishes whoever of the others did worst last tick, ties by lot.

    `offense` is the fact to look at, one number an agent, as `PeerSanction` shows it. Source: the
    rule is that of Fehr and Gachter 2000, AER 90:980 (the lowest contributors are punished most).
    """

    odds: Float[Array, ""] = param(1.0, "[0, 1]")
    offense: str = text("sanction:excess")
    channel: str = text("punish")

    def act(self, memory, sight, channels, key):
        offense = sight[self.offense]
        offense = jnp.where(jnp.arange(offense.shape[0]) == sight["seat"], 0.0, offense)
        worst = ((offense == offense.max()) & (offense > 0.0)).astype(jnp.float32)
        aim = self.odds * worst / jnp.maximum(worst.sum(), 1.0)
        return memory, {self.channel: Odds(jnp.append(aim, 1.0 - aim.sum()))}


class Signs(Mind):
    """Signs with probability `odds`, on a channel whose options are to refuse and to sign."""

    odds: Float[Array, ""] = param(1.0, "[0, 1]")
    channel: str = text("sign")

    def act(self, memory, sight, channels, key):
        return memory, {self.channel: Odds(jnp.stack([1.0 - self.odds, self.odds]))}
