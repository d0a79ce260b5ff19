"""Who saw what, what was open to them, what somebody else would have done; and what an act can have reached.

Layer 0 of an account: a world is played again with every act forced, so that nobody is asked anything,
and each agent's sights are told from the factual ones by their digest. An act whose replacement changes
neither the harm nor what anybody else is shown, and whose agent has no choice after it, has no effect,
whoever the others are.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, UInt32

from .._scenario import Sight
from .._society import Society
from .._tick import Do, act, begin, look


class Seen(NamedTuple):
    """What the agents of each branch had before them.

    - `legal`: channel -> [B, T, n, m] or, for amounts, [B, T, n]: what was open to each when it moved.
    - `acts`: channel -> [B, T, n], what the minds of the society would do there, forced or not.
    - `digest`: UInt32[B, T, n], of all that each was shown; 0 once the world is over.
    """

    legal: dict[str, np.ndarray]
    acts: dict[str, np.ndarray]
    digest: np.ndarray


def witness(society: Society, seeds: Sequence[int], do: dict[str, tuple[np.ndarray, np.ndarray]]) -> Seen:
    """Play worlds in which some acts are forced, and tell what everyone saw and would have done.

    `society` is prepared, its speakers sit silent; `do` is channel -> (Bool[B, T, n], values [B, T, n]).
    A mind whose acts are all forced still watches: what it would have done in that very sight, with the
    luck of its seat, is in `acts`.
    """
    scenario = society.scenario
    acts = Do(jax.tree.map(jnp.asarray, do))
    found = _watched(scenario, society.groups(), acts, jnp.asarray(np.asarray(seeds, np.uint32)))
    turns, phases = scenario.turns(), len(scenario.groups)
    own = turns.argmax(axis=0)  # the phase in which each agent moves

    def rounds(x):
        x = np.asarray(x)
        by_phase = x.reshape(len(x), -1, phases, *x.shape[2:])
        return np.stack([by_phase[:, :, phase, i] for i, phase in enumerate(own)], axis=2)

    legal, would, digest = found
    each = {name: rounds(x) for name, x in legal.items()}
    return Seen(each, {name: rounds(x) for name, x in would.items()}, rounds(digest))


@eqx.filter_jit
def _watched(scenario, groups, do: Do, seeds):
    phases = len(scenario.groups)

    def world(seed, do: Do):
        def step(now, _):
            t = now.state.t // phases
            chosen = look(scenario, groups, Do(), seed, now)
            intent = dict(chosen.intent)
            for name, (forced, value) in do.at(t).items():
                intent[name] = jnp.where(forced, value, intent[name])
            after, _ = act(scenario, groups, seed, chosen.world, intent)
            shown = jnp.where(now.over, jnp.uint32(0), _digest(chosen.sights, scenario.n_agents))
            return after, (chosen.sights.legal, chosen.intent, shown)

        return jax.lax.scan(step, begin(scenario, groups, seed), length=scenario.horizon)[1]

    return jax.vmap(world)(seeds, do)


def _digest(sights: Sight, n: int) -> UInt32[Array, " n"]:
    """A number for all that each agent is shown; equal sights have equal ones."""
    found = jnp.zeros(n, jnp.uint32)
    for name, x in sorted({**sights.facts, **{f"legal {k}": v for k, v in sights.legal.items()}}.items()):
        kind = jnp.float32 if jnp.issubdtype(x.dtype, jnp.floating) else jnp.int32
        words = jax.lax.bitcast_convert_type(x.astype(kind), jnp.uint32).reshape(n, -1)
        place = np.arange(words.shape[1], dtype=np.uint32) * np.uint32(2654435761)
        found = found + _mixed(_mixed(words) ^ (place + np.uint32(zlib.crc32(name.encode())))[None]).sum(
            axis=1, dtype=jnp.uint32
        )
    return found


def _mixed(x: Array) -> Array:
    """32 bits, stirred: the finalizer of MurmurHash3 (public domain)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> 13)) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> 16)


def told(digest: np.ndarray, factual: np.ndarray, agents: np.ndarray) -> np.ndarray:
    """Int[B]: the first round in which somebody else than the branch's agent is shown another thing, or -1.

    `digest` is [B, T, n], `factual` [T, n], `agents` Int[B].
    """
    other = digest != factual[None]
    other[np.arange(len(agents)), :, agents] = False
    anybody = other.any(axis=2)
    return np.where(anybody.any(axis=1), anybody.argmax(axis=1), -1)
