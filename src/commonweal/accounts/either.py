"""Two minds in one seat, of which one is heard: substitution without a new program."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from .._channel import Channel, check_channels
from .._governed import Governed
from .._mind import Act, Mind, Odds, Values
from .._param import count, param

STEPS = 4_000_000  # rounds of an agent, of all worlds, in one compiled call


def together(scenario: Governed) -> int:
    """How many worlds are played in one compiled call."""
    return max(2, STEPS // (scenario.horizon * scenario.n_agents))


class Unlike(ValueError):  # noqa: N818  (handled in `coalitions`)
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
        return self.both(memory, sight, channels, key)

    def both(self, memory, sight, channels, key):
        """As `act`, where both watch; what they remember is a pair."""
        one, mine = self.own.act(memory[0], sight, channels, key)
        two, theirs = self.other.act(memory[1], sight, channels, key)
        for mind, acts in ((self.own, mine), (self.other, theirs)):
            check_channels(dict(channels), list(acts), type(mind).__name__)
        free = {name: channels[name] for name in sorted({*mine, *theirs}) if not channels[name].lever}
        acts = {
            name: joined(
                self.keep, [x.get(name, c.silence) for x in (mine, theirs)], c, sight.legal[name], self.plain
            )
            for name, c in free.items()
        }
        return (one, two), acts


def joined(first: Array, answers: Sequence[Any], channel: Channel, legal: Array, plain: bool = True) -> Act:
    """The first answer where `first` says so, else the second; an act beside odds is certain.

    Raises:
        Unlike: they cannot be joined, or would not be what the mind alone would have done in a seat with a
            profile (`plain` is false), which blurs odds and leaves acts as they are.
    """
    for odd in answers:
        if not isinstance(odd, Odds | Values) and jnp.shape(odd) != ():
            return odd  # which the engine refuses, saying why
    kinds = {type(x) if isinstance(x, Odds | Values) else Array for x in answers}
    if len(kinds) > 1 and (Values in kinds or not plain):
        who = " and ".join(sorted("an act" if kind is Array else kind.__name__ for kind in kinds))
        where = "" if plain else " under a profile"
        raise Unlike(
            f"two minds in one seat answer with {who}, which cannot be joined{where}; wanted acts or odds of "
            "both, or values of both"
        )
    one, two = answers
    if isinstance(one, Values) and isinstance(two, Values):
        return Values(jnp.where(first, one.q, two.q))
    if kinds == {Array}:
        return jnp.where(first, *(jnp.asarray(x).astype(channel.silence.dtype) for x in answers))
    return Odds(jnp.where(first, *(_odds(x, channel, legal) for x in answers)))


def _odds(answer: Any, channel: Channel, legal: Array) -> Array:
    """The odds themselves, or of an act, which the engine would clip, or refuse (NaN) outside the channel."""
    if isinstance(answer, Odds):
        return answer.p
    act = jnp.asarray(answer).astype(channel.silence.dtype)
    sure = jnp.equal(jnp.arange(legal.shape[0]), channel.clip(act, legal)).astype(jnp.float32)
    return jnp.where(channel.allowed(act, channel.everything(1)[0]), sure, jnp.nan)
