"""What is wrong with a scenario or a run, in one line: what came, what was wanted, what would work."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ._bounds import shown
from ._card import Card
from ._channel import Channel
from ._luck import seeded
from ._scenario import Outcome, Scenario, Sight, legal_acts

FEW = 12  # names; of more, an error tells the nearest and where all are listed


def wanted(name: str, names: Iterable[str], listing: str = "commonweal list") -> str:
    """What one who wrote `name` may have wanted: all names where they are few, else the nearest."""
    known = {one.lower(): one for one in sorted(names)}
    if len(known) <= FEW:
        return f"wanted one of {', '.join(known.values())}"
    near = [known[one] for one in get_close_matches(name.lower(), known, n=3)]
    likely = f"{' or '.join(near)}, " if near else ""
    return f"wanted {likely}one of the {len(known)} that `{listing}` prints"


def refuse_malformed(scenario: Scenario) -> None:
    """Raise TypeError for the first thing that a scenario's methods return and should not.

    Called when a run has failed, to give the cause where the scenario is the cause.
    """
    for fault in _faults(scenario):
        raise TypeError(f"{type(scenario).__name__}.{fault}") from None


def _faults(scenario: Scenario) -> Iterator[str]:
    n, channels = scenario.n_agents, scenario.channels()
    if not isinstance(channels, Mapping) or not all(isinstance(c, Channel) for c in channels.values()):
        came = f"channels() gave {shown(channels)}"
        yield f"{came}; wanted names and channels: return {{'take': cw.Amount(10.0)}}"
        return
    if not isinstance(scenario.card(), Card):
        yield f"card() gave a {type(scenario.card()).__name__}; wanted a card: return cw.Card(...)"
    key = seeded(0)
    state = scenario.init(key)
    sight = scenario.observe(state)
    if not isinstance(sight, Sight):
        yield f"observe() gave a {type(sight).__name__}; wanted a sight: return cw.Sight({{'stock': ...}})"
        return
    for name, x in sight.facts.items():
        if jnp.shape(x)[:1] != (n,):
            yield (
                f"observe() gave the fact {name!r} in shape {jnp.shape(x)}; wanted one row an agent, shape "
                f"({n}, ...): jnp.broadcast_to({name}, (self.n_agents,))"
            )
    legal = legal_acts(channels, sight, n)
    acts = {name: c.clip(jnp.broadcast_to(c.silence, (n,)), legal[name]) for name, c in channels.items()}
    stepped = scenario.step(state, acts, key)
    if not isinstance(stepped, tuple) or len(stepped) != 2 or not isinstance(stepped[1], Outcome):
        yield (
            "step() gave something else than a state and an outcome: return state, cw.Outcome(pay=...), with "
            f"pay of shape ({n},)"
        )
        return
    for what, x in {"pay": stepped[1].pay, **stepped[1].events}.items():
        if jnp.shape(x) != (n,):
            yield (
                f"step() gave {what} in shape {jnp.shape(x)}; wanted one number an agent, shape ({n},): "
                f"jnp.broadcast_to({what}, (self.n_agents,))"
            )
    before, after = jax.tree.structure(state), jax.tree.structure(stepped[0])
    if before != after:
        yield f"step() turns the state {before} into {after}; wanted the same: return the same class"
    for old, new in zip(jax.tree.leaves(state), jax.tree.leaves(stepped[0]), strict=True):
        old, new = jnp.asarray(old), jnp.asarray(new)
        if (old.shape, old.dtype) != (new.shape, new.dtype):
            yield (
                f"step() turns a state leaf of {old.dtype}{list(old.shape)} into {new.dtype}"
                f"{list(new.shape)}; wanted the same: leaf.astype(jnp.{old.dtype})"
            )


def refuse_unfit(card: Card, parts: Mapping[str, Any]) -> None:
    """Raise ValueError when a run's arrays do not fit the scenario's card."""
    if not isinstance(card, Card):
        raise ValueError(f"the scenario's card() gave {shown(card)}; wanted a card: return cw.Card(...)")
    n, k, v = parts["book"]["pay"].shape[-1], len(card.stakeholders), len(card.values)
    found = (card.n_agents, parts["utility"].shape[-1], parts["harm"].shape[-1])
    if found != (n, k, v):
        raise ValueError(
            f"card {card.title!r} has {card.n_agents} rows in represents, {k} stakeholders, {v} values; "
            f"the run has {n} agents, utilities of {found[1]} and harm in {found[2]}: make them fit, "
            "cw.Outcome(pay=..., utility=[k], harm=[n, v])"
        )


def refuse_illegal(
    intent: Mapping[str, np.ndarray], illegal: np.ndarray, names: list[int], channels: Mapping[str, Channel]
) -> None:
    """Raise ValueError naming the first act that lay outside its channel; `illegal` is its round, or -1."""
    for world in np.flatnonzero(illegal >= 0)[:1]:
        t = int(illegal[world])
        for name, channel in channels.items():
            n = intent[name].shape[-1]
            reach = channel.everything(n)
            fine = np.asarray(channel.allowed(jnp.asarray(intent[name][world, t]), reach))
            for agent in np.flatnonzero(~fine)[:1]:
                wanted = channel.describe(np.asarray(reach)[agent])
                raise ValueError(
                    f"agent {agent} chose {name}={intent[name][world, t, agent]!s} at t={t} in world "
                    f"{names[world]}; wanted {wanted}: clip it in the mind, or widen the channel"
                )
