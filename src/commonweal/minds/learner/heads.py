"""From a network's outputs to acts on every channel, and how likely given acts were.

Options get masked logits; amounts a Gaussian squashed onto 0 to the most allowed now. A channel
without a choice (a lever, one legal option, nothing allowed) adds nothing to a likelihood. Options
come first in every shape and moments last: long rows compile small and run fast.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ..._channel import UNROLLED, named_key
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
        parts[name] = out[at : at + (m or 2)]
        at += m or 2
    return parts


def _options(x: Array) -> Any:
    """An array [m, ...] as a list of few options, for which all is written out, or itself, for many.

    Few are faster one by one: moments or agents make the rows, and nothing is computed twice.
    """
    m = x.shape[0]
    return [jnp.squeeze(one, 0) for one in jax.lax.split(x, [1] * m)] if m <= UNROLLED else x


def _each(f: Callable[..., Array], *options: Any) -> Any:
    """The same of every option."""
    if isinstance(options[0], list):
        return [f(*one) for one in zip(*options, strict=True)]
    return jax.vmap(f)(*options)


def _sum(options: Any) -> Array:
    return reduce(jnp.add, options) if isinstance(options, list) else options.sum(axis=0)


def _masked(logits: Float[Array, "m ..."], legal: Array) -> Any:
    """Logits of all entries of the mask, at most 0; words that are free have none, so never occur."""
    free = legal.shape[0] - logits.shape[0]
    if free:
        logits = jnp.concatenate([logits, jnp.full((free, *logits.shape[1:]), FORBIDDEN)])
    options = _each(lambda x, ok: jnp.where(ok, x, FORBIDDEN), _options(logits), _options(legal))
    top = reduce(jnp.maximum, options) if isinstance(options, list) else options.max(axis=0)
    top = jax.lax.stop_gradient(top)
    return _each(lambda x: x - top, options)


def _gaussian(two: Float[Array, "2 ..."]) -> tuple[Array, Array]:
    return two[0], jnp.clip(two[1], *LOG_DEVIATION)


def answer(eyes: Eyes, out: Array, legal: dict[str, Array], key: PRNGKeyArray) -> dict[str, Act]:
    """The acts of one agent in one tick: odds for options, numbers for amounts."""
    acts: dict[str, Act] = {}
    for (name, m, _), part in zip(eyes.channels, _split(eyes, out).values(), strict=True):
        if m:
            weights = _each(jnp.exp, _masked(part, legal[name]))
            whole = _sum(weights)
            acts[name] = Odds(jnp.stack(_each(lambda x: x / whole, weights)))  # noqa: B023
        else:
            mean, log_deviation = _gaussian(part)
            z = mean + jnp.exp(log_deviation) * jax.random.normal(named_key(key, name))
            acts[name] = legal[name] * jax.nn.sigmoid(z)
    return acts


def score(
    eyes: Eyes, out: Array, legal: dict[str, Array], act: dict[str, Array], lapse: Array | None
) -> tuple[Array, Array]:
    """Joint log-likelihood of the acts, up to a constant, and entropy in nats, both [...].

    Outputs and masks are [m, ...], acts [...]. `lapse` [...] is the share of random acts that the
    profile mixes in; None is none anywhere. The entropy of an amount is that of the Gaussian, plus the
    log slope of the squashing at its mean.
    """
    likely = entropy = jnp.zeros(out.shape[1:])
    for (name, m, _), part in zip(eyes.channels, _split(eyes, out).values(), strict=True):
        one = _score_options if m else _score_amount
        a, b = one(part, legal[name], act[name], lapse)
        likely, entropy = likely + a, entropy + b
    return likely, entropy


def _score_options(logits, legal, act, lapse):
    logits = _masked(logits, legal)
    weights = _each(jnp.exp, logits)
    whole = jnp.log(_sum(weights))
    log_odds = _each(lambda x: x - whole, logits)
    entropy = -_sum(_each(lambda x: jnp.exp(x) * x, log_odds))
    if lapse is not None:
        free = _each(lambda ok: ok.astype(jnp.float32), _options(legal))
        some = _sum(free)
        share = jnp.minimum(lapse, 1.0 - EDGE)  # at 1 the slope of what is forbidden is not a number
        off, on = jnp.log1p(-share), jnp.log(share)
        log_odds = _each(lambda x, ok: jnp.logaddexp(off + x, on + jnp.log(ok / some)), log_odds, free)
    names = _options(jnp.arange(legal.shape[0], dtype=act.dtype))
    return _sum(_each(lambda x, i: jnp.where(act == i, x, 0.0), log_odds, names)), entropy


def _score_amount(two, legal, act, lapse):
    mean, log_deviation = _gaussian(two)
    share = jnp.clip(act / jnp.where(legal > 0.0, legal, 1.0), EDGE, 1.0 - EDGE)
    z = (jnp.log(share) - jnp.log1p(-share) - mean) * jnp.exp(-log_deviation)
    likely = -0.5 * jnp.square(z) - log_deviation
    slope = jax.nn.log_sigmoid(mean) + jax.nn.log_sigmoid(-mean)
    return jnp.where(legal > 0.0, likely, 0.0), jnp.where(legal > 0.0, log_deviation + slope, 0.0)
