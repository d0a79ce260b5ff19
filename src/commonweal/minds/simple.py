"""Minds that need no memory, the baselines of every study: random play, a constant act, a silent seat."""

import jax.numpy as jnp
from jaxtyping import Array

from .._channel import named_key
from .._mind import Mind
from .._param import _real


class Random(Mind):
    """Uniformly random legal acts on every channel: the chance baseline."""

    def act(self, memory, sight, channels, key):
        return memory, {
            name: channel.sample(named_key(key, name), sight.legal[name])
            for name, channel in channels.items()
        }


class Constant(Mind):
    """The same acts every tick, such as `Constant(take=10.0)`; other channels stay silent."""

    acts: dict[str, Array]

    def __init__(self, **acts: float):
        self.acts = {name: _real(value) for name, value in acts.items()}

    def act(self, memory, sight, channels, key):
        return memory, {name: jnp.asarray(value) for name, value in self.acts.items()}
