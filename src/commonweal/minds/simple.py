"""Minds that need no memory, the baselines of every study: random play, a constant act, a silent seat."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .._mind import Mind
from .._param import _real


class Random(Mind):
    """Uniformly random legal acts on every channel: the chance baseline."""

    def act(self, memory, sight, channels, key):
        acts = {
            name: channel.sample(jax.random.fold_in(key, i), sight.legal[name])
            for i, (name, channel) in enumerate(sorted(channels.items()))
        }
        return memory, acts


class Constant(Mind):
    """The same acts every tick, such as `Constant(take=10.0)`; other channels stay silent."""

    acts: dict[str, Array]

    def __init__(self, **acts: float):
        self.acts = {name: _real(value) for name, value in acts.items()}

    def act(self, memory, sight, channels, key):
        return memory, {name: jnp.asarray(value) for name, value in self.acts.items()}
