"""From a network's outputs to acts on every channel, and how likely given acts were.

Options get masked logits; amounts a Gaussian squashed onto 0 to the most allowed now. A channel
without a choice (a lever, one legal option, nothing allowed) adds nothing to a likelihood.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..._channel import named_key, total
from ..._mind import Act, Odds
from .networks import Eyes

FORBIDDEN = -1e9  # the logit of what is not legal
LOG_DEVIATION = (-4.0, 1.0)
EDGE = 1e-6  # a share of the most allowed is kept this far from 0 and 1


def outputs(eyes: Eyes) -> int:
    """How many numbers the network must give: one an option, two an amount."""
    return sum(m or 2 for _, m, _ in eyes.channels)


def _split(eyes: Eyes, out: Array) -> dict[str, Array]:
    parts, at = {}, 0
    for name, m, _ in eyes.channels:
        parts[name] = out[..., at : at + (m or 2)]
        at += m or 2
    return parts


def _log_odds(logits: Float[Array, "... m"], legal: Array) -> Array:
    """Log-probabilities of all entries of the mask; words that are free have no logit, so never occur."""
    free = legal.shape[-1] - logits.shape[-1]
    logits = jnp.concatenate([logits, jnp.full((*logits.shape[:-1], free), FORBIDDEN)], axis=-1)
    logits = jnp.where(legal, logits, FORBIDDEN)
    top = jax.lax.stop_gradient(logits.max(axis=-1, keepdims=True))
    return logits - (top + jnp.log(total(jnp.exp(logits - top))[..., None]))


def _gaussian(two: Float[Array, "... 2"]) -> tuple[Array, Array]:
    return two[..., 0], jnp.clip(two[..., 1], *LOG_DEVIATION)


def answer(eyes: Eyes, out: Array, legal: dict[str, Array], key: PRNGKeyArray) -> dict[str, Act]:
    """The acts of one agent in one tick: odds for options, numbers for amounts."""
    acts: dict[str, Act] = {}
    for (name, m, _), part in zip(eyes.channels, _split(eyes, out).values(), strict=True):
        if m:
            acts[name] = Odds(jnp.exp(_log_odds(part, legal[name])))
        else:
            mean, log_deviation = _gaussian(part)
            z = mean + jnp.exp(log_deviation) * jax.random.normal(named_key(key, name))
            acts[name] = legal[name] * jax.nn.sigmoid(z)
    return acts


def score(
    eyes: Eyes, out: Array, legal: dict[str, Array], act: dict[str, Array], lapse: Array | None
) -> tuple[Array, Array]:
    """Joint log-likelihood of the acts, up to a constant, and entropy in nats, both [...].

    `lapse` [...] is the share of random acts that the profile mixes in; None is none anywhere. The
    entropy of an amount is that of the Gaussian, plus the log slope of the squashing at its mean.
    """
    likely: Any = 0.0
    entropy: Any = 0.0
    for (name, m, _), part in zip(eyes.channels, _split(eyes, out).values(), strict=True):
        one = _score_options if m else _score_amount
        a, b = one(part, legal[name], act[name], lapse)
        likely, entropy = likely + a, entropy + b
    return likely, entropy


def _score_options(logits, legal, act, lapse):
    log_odds = _log_odds(logits, legal)
    entropy = -total(jnp.exp(log_odds) * log_odds)
    if lapse is not None:
        even = jnp.log(legal.astype(jnp.float32) / legal.sum(axis=-1, keepdims=True).astype(jnp.float32))
        share = jnp.minimum(lapse, 1.0 - EDGE)  # at 1 the slope of what is forbidden is not a number
        share = jnp.broadcast_to(share[..., None], log_odds.shape)
        log_odds = jnp.logaddexp(jnp.log1p(-share) + log_odds, jnp.log(share) + even)
    hot = jax.nn.one_hot(act, log_odds.shape[-1], dtype=bool)
    return total(jnp.where(hot, log_odds, 0.0)), entropy


def _score_amount(two, legal, act, lapse):
    mean, log_deviation = _gaussian(two)
    share = jnp.clip(act / jnp.where(legal > 0.0, legal, 1.0), EDGE, 1.0 - EDGE)
    z = (jnp.log(share) - jnp.log1p(-share) - mean) * jnp.exp(-log_deviation)
    likely = -0.5 * jnp.square(z) - log_deviation
    slope = jax.nn.log_sigmoid(mean) + jax.nn.log_sigmoid(-mean)
    return jnp.where(legal > 0.0, likely, 0.0), jnp.where(legal > 0.0, log_deviation + slope, 0.0)
