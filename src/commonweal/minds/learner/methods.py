"""How a learner learns: REINFORCE and PPO, with advantage alignment if wanted.

In the shape descriptions `T` is ticks, `K` the learners that share one set of parameters, `W`
worlds; `...` is nothing, or sets of parameters, the method's numbers then being [G, 1, 1, 1]. A world
is played to its end in every update, so no return is ever cut off.
"""

import abc
from collections.abc import Callable
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..._param import Module, count, param

Critic = Literal["none", "own", "central"]


class Lesson(NamedTuple):
    """What one update learns from; `old` is the log-likelihood when it was played."""

    alive: Bool[Array, "..."]
    old: Float[Array, "..."]
    advantage: Float[Array, "..."]
    target: Float[Array, "..."]


class Method(Module):
    """What advantage a choice had, and what loss makes better ones likelier. Rates never recompile."""

    rate: eqx.AbstractVar[Array]
    entropy: eqx.AbstractVar[Array]
    discount: eqx.AbstractVar[Array]
    norm: eqx.AbstractVar[Array]
    epochs: eqx.AbstractVar[int]
    minibatches: eqx.AbstractVar[int]
    critic: eqx.AbstractVar[Critic]
    aligns: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def judge(self, reward: Array, alive: Array, value: Array) -> tuple[Array, Array]:
        """Advantages and value targets, both [..., T, K, W], from rewards, who was alive, and values."""

    @abc.abstractmethod
    def align(self, advantage: Float[Array, "... T K W"], others: Float[Array, "... T K W"]) -> Array:
        """The advantage of one learner, given its own and the mean of the other learners'."""

    @abc.abstractmethod
    def loss(self, lesson: Lesson, likely: Array, entropy: Array, value: Array) -> Array:
        """The scalar to be made small: a mean over the moments that are alive."""


class Reinforce(Method):
    """The policy gradient with the mean return to go of the batch as baseline, one step per update.

    - `rate`: Adam's step size; `norm`: largest norm of a gradient.
    - `entropy`: reward per nat of entropy; `discount`: weight of the next tick's reward.

    Advantages are scaled to size 1 for each learner. Source: Williams 1992, Machine Learning 8:229.
    """

    rate: Float[Array, ""] = param(0.02, "(0, 100]")
    entropy: Float[Array, ""] = param(0.0, "[0, inf)")
    discount: Float[Array, ""] = param(1.0, "[0, 1]")
    norm: Float[Array, ""] = param(10.0, "(0, inf)")

    epochs = 1
    minibatches = 1
    critic = "none"
    aligns = False

    def judge(self, reward, alive, value):
        to_go = _decayed(reward, self.discount)
        played = jnp.maximum(alive.sum(axis=-1, keepdims=True), 1).astype(jnp.float32)
        return to_go - jnp.where(alive, to_go, 0.0).sum(axis=-1, keepdims=True) / played, to_go

    def align(self, advantage, others):
        return advantage

    def loss(self, lesson, likely, entropy, value):
        return -_mean(lesson.advantage * likely + self.entropy * entropy, lesson.alive)


class PPO(Method):
    """Proximal policy optimization, each learner for itself.

    **Main arguments**

    - `rate`: Adam's step size.
    - `entropy`: reward per nat of entropy.
    - `discount`, `trace`: of generalized advantage estimation (gamma and lambda).
    - `critic`: `own` values what the learner sees, `central` what all learners see (MAPPO).

    **Other arguments**

    - `clip`: how far the odds of an act may move in one update, as a share.
    - `weight`: of the value loss; `norm`: largest norm of a gradient.
    - `beta`: advantage alignment, which adds to A1_t for every tick
      beta * discount * (sum_{k<t} discount^{t-k} A1_k) * A2_t, A2 being the other learners' mean.
    - `epochs`, `minibatches`: passes over the worlds of an update, and parts of each pass.

    Sources: Schulman et al. 2017, arXiv 1707.06347; Yu et al. 2022, arXiv 2103.01955 (central critic);
    Duque et al. 2025, arXiv 2406.14662 (advantage alignment).
    """

    rate: Float[Array, ""] = param(3e-3, "(0, 100]")
    entropy: Float[Array, ""] = param(0.01, "[0, inf)")
    discount: Float[Array, ""] = param(0.99, "[0, 1]")
    trace: Float[Array, ""] = param(0.95, "[0, 1]")
    clip: Float[Array, ""] = param(0.2, "(0, 1]")
    weight: Float[Array, ""] = param(0.5, "[0, inf)")
    norm: Float[Array, ""] = param(0.5, "(0, inf)")
    beta: Float[Array, ""] = param(0.0, "[0, inf)")
    critic: Literal["own", "central"] = count("own")
    epochs: int = count(4, "[1, 10000]")
    minibatches: int = count(4, "[1, 10000]")

    aligns = True

    def judge(self, reward, alive, value):
        value = jnp.where(alive, value, 0.0)
        ahead = jax.lax.slice_in_dim(value, 1, None, axis=-3)
        later = jnp.concatenate([ahead, jnp.zeros_like(value[..., :1, :, :])], axis=-3)
        surprise = jnp.where(alive, reward + self.discount * later - value, 0.0)
        advantage = _decayed(surprise, self.discount * self.trace)
        return advantage, advantage + value

    def align(self, advantage, others):
        def tick(before, mine, their):
            return self.discount * (before + mine), mine + self.beta * self.discount * before * their

        return _through(tick, advantage, others)

    def loss(self, lesson, likely, entropy, value):
        ratio = jnp.exp(likely - lesson.old)
        kept = jnp.clip(ratio, 1.0 - self.clip, 1.0 + self.clip)
        gain = jnp.minimum(ratio * lesson.advantage, kept * lesson.advantage) + self.entropy * entropy
        return _mean(0.5 * self.weight * jnp.square(value - lesson.target) - gain, lesson.alive)


def standard(x: Float[Array, "... T K W"], alive: Array) -> Array:
    """Mean 0 and deviation 1 over ticks and worlds, for each learner; 0 after a world's end."""
    played = jnp.maximum(alive.sum(axis=(-3, -1), keepdims=True), 1).astype(jnp.float32)
    x = jnp.where(alive, x, 0.0)
    x = jnp.where(alive, x - x.sum(axis=(-3, -1), keepdims=True) / played, 0.0)
    return x / (jnp.sqrt(jnp.square(x).sum(axis=(-3, -1), keepdims=True) / played) + 1e-6)


def _mean(x: Array, alive: Array) -> Array:
    return jnp.where(alive, x, 0.0).sum() / jnp.maximum(alive.sum(), 1).astype(jnp.float32)


def _decayed(x: Float[Array, "... T K W"], rate: Array) -> Array:
    """For every tick, the sum of what comes, `rate` per tick discounted."""

    def tick(later, now):
        total = now + rate * later
        return total, total

    return _through(tick, x, back=True)


def _through(tick: Callable, *xs: Float[Array, "... T K W"], back: bool = False) -> Array:
    """What `tick` makes of each tick, with its carry from 0; no copy is made, as `scan` would."""
    ticks = xs[0].shape[-3]

    def one(i, now):
        carry, out = now
        t = ticks - 1 - i if back else i
        carry, new = tick(carry, *(jax.lax.dynamic_slice_in_dim(x, t, 1, axis=-3) for x in xs))
        return carry, jax.lax.dynamic_update_slice_in_dim(out, new, t, axis=-3)

    first = jnp.zeros_like(xs[0][..., :1, :, :])
    return jax.lax.fori_loop(0, ticks, one, (first, xs[0]))[1]
