"""Two minds in one seat, of which one is heard: substitution without a new program."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from .._channel import Channel, check_channels
from .._mind import Act, Mind, Odds, Values
from .._param import count, param


class Unlike(Exception):  # noqa: N818  (handled here)
    """Two minds answer in kinds that cannot be joined, values and acts: they must be seated in turn."""


class Either(Mind):
    """Two minds of which `keep` says whether `own` or `other` is heard, without a new program.

    Both think, unless they differ only in their numbers.
    """

    own: Mind
    other: Mind
    keep: Bool[Array, ""] = param()
    plain: bool = count(True)  # no profile in this seat, which would blur odds but no acts

    def _one(self) -> Mind | None:
        """The mind that is heard, where only numbers differ."""
        (one, tree), (two, same) = (jax.tree.flatten(mind) for mind in (self.own, self.other))
        pairs = list(zip(one, two, strict=False))
        if tree != same or any(a is not b for a, b in pairs if not eqx.is_array(a)):
            return None
        if any((a.shape, a.dtype) != (b.shape, b.dtype) for a, b in pairs if eqx.is_array(a)):
            return None
        return tree.unflatten([jnp.where(self.keep, a, b) if eqx.is_array(a) else a for a, b in pairs])

    def init(self, seat, key):
        one = self._one()
        return one.init(seat, key) if one else (self.own.init(seat, key), self.other.init(seat, key))

    def act(self, memory, sight, channels, key):
        if one := self._one():
            return one.act(memory, sight, channels, key)
        one, mine = self.own.act(memory[0], sight, channels, key)
        two, theirs = self.other.act(memory[1], sight, channels, key)
        for mind, acts in ((self.own, mine), (self.other, theirs)):
            check_channels(dict(channels), list(acts), type(mind).__name__)
        free = {name: channels[name] for name in sorted({*mine, *theirs}) if not channels[name].lever}
        acts = {
            name: self._heard(mine.get(name, c.silence), theirs.get(name, c.silence), c, sight.legal[name])
            for name, c in free.items()
        }
        return (one, two), acts

    def _heard(self, one: Act, two: Act, channel: Channel, legal: Array) -> Act:
        for odd in (one, two):
            if not isinstance(odd, Odds | Values) and jnp.shape(odd) != ():
                return odd  # which the engine refuses, saying why
        kinds = {type(x) if isinstance(x, Odds | Values) else Array for x in (one, two)}
        if len(kinds) > 1 and (Values in kinds or not self.plain):
            raise Unlike
        if kinds == {Values}:
            return Values(jnp.where(self.keep, one.q, two.q))  # type: ignore[union-attr]
        plain = [
            x if isinstance(x, Odds) else jnp.asarray(x).astype(channel.silence.dtype) for x in (one, two)
        ]
        if kinds == {Array}:
            return jnp.where(self.keep, *plain)  # type: ignore[return-value]
        return Odds(jnp.where(self.keep, *(x.p if isinstance(x, Odds) else _sure(x, legal) for x in plain)))


def _sure(act: Array, legal: Array) -> Array:
    """The odds of an act that is certain; NaN, which the engine refuses, where it is not legal."""
    mine = jnp.equal(jnp.arange(legal.shape[0]), act)
    return jnp.where((mine & legal).any(), mine.astype(jnp.float32), jnp.nan)
