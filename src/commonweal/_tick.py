"""One tick of a world, in two halves that both engines share: look and choose, then act and settle."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ._channel import Channel, check_channels, pick, total
from ._governed import BEFORE, Governed, GovernedState, owner_key
from ._luck import by_rows, seeded, uniform
from ._mind import Act, Odds, Values
from ._profile import Profile
from ._scenario import Actions, Sight
from ._society import Group


class World(eqx.Module):
    """One world between ticks. `illegal` is the first tick with an act out of range, or -1."""

    state: GovernedState
    memories: tuple[Any, ...]
    felt: Float[Array, " n"]
    over: Bool[Array, ""]
    illegal: Int[Array, ""]


class Do(eqx.Module):
    """Acts forced by an intervention: channel -> (Bool[T, n], values [T, n]); T counts rounds."""

    acts: dict[str, tuple[Array, Array]] = eqx.field(default_factory=dict)

    def at(self, t: Int[Array, ""]) -> dict[str, tuple[Array, Array]]:
        """Who is forced to what in round t: channel -> (Bool[n], values [n])."""
        return {name: (forced[t], value[t]) for name, (forced, value) in self.acts.items()}


class Change(eqx.Module):
    """One decision replaced: in round `t` the agent does `value` on the channel."""

    channel: str = eqx.field(static=True)
    n_agents: int = eqx.field(static=True)
    t: Int[Array, ""]
    agent: Int[Array, ""]
    value: Array

    def at(self, t: Int[Array, ""]) -> dict[str, tuple[Array, Array]]:
        """As `Do.at`."""
        mine = (jnp.arange(self.n_agents) == self.agent) & (t == self.t)
        return {self.channel: (mine, jnp.broadcast_to(self.value, (self.n_agents,)))}


class Chosen(NamedTuple):
    """What the pure minds chose: the world with new memories, sights, intent, odds where stated."""

    world: World
    sights: Sight
    intent: Actions
    odds: dict[str, Array]


def world_key(seed: Int[Array, ""]) -> PRNGKeyArray:
    """The key of a world, from its seed alone."""
    return seeded(seed)


def begin(scenario: Governed, groups: tuple[Group, ...], seed: Int[Array, ""]) -> World:
    """The world before its first tick."""
    key = world_key(seed)
    minds = owner_key(key, BEFORE, "mind")
    memories = []
    for group in groups:
        seats = jnp.array(group.seats, jnp.int32)
        keys = jax.vmap(lambda i: jax.random.fold_in(minds, i))(seats)
        memories.append(eqx.filter_vmap(lambda mind, seat, k: mind.init(seat, k))(group.minds, seats, keys))
    n = scenario.n_agents
    return World(scenario.init(key), tuple(memories), jnp.zeros(n), jnp.array(False), jnp.int32(-1))


def look(scenario: Governed, groups: tuple[Group, ...], do: Do | Change, seed: Array, world: World) -> Chosen:
    """First half: everyone sees, the minds choose; whose turn it is not neither learns nor is heard."""
    phases = len(scenario.groups)
    t, turn = world.state.t // phases, jnp.asarray(scenario.turns())[world.state.t % phases]
    sights = scenario.observe(world.state)
    n, channels = scenario.n_agents, scenario.channels()
    own = sights.tell(felt=world.felt, seat=jnp.arange(n, dtype=jnp.int32))
    memories, parts, odds = [], [], []
    for group, memory in zip(groups, world.memories, strict=True):
        learned, acts, stated = _choose(group, memory, own, channels, (world_key(seed), t))
        heard = turn[jnp.array(group.seats)]
        memories.append(jax.tree.map(lambda new, old: _where(heard, new, old), learned, memory))  # noqa: B023
        parts.append((group.seats, acts))
        odds.append((group.seats, stated))
    intent = {name: _gather(parts, name, silence) for name, silence in scenario.silent().items()}
    for name, (forced, value) in do.at(t).items():
        intent[name] = jnp.where(forced, value, intent[name])
    named = sorted({name for _, stated in odds for name in stated})
    blank = {name: jnp.full(sights.legal[name].shape, jnp.nan) for name in named}
    stated = {name: _gather(odds, name, blank[name]) for name in named}
    world = eqx.tree_at(lambda w: w.memories, world, tuple(memories))
    return Chosen(world, sights.tell(felt=world.felt), intent, stated)


def _choose(
    group: Group, memory: Any, sights: Sight, channels: dict[str, Channel], when: tuple[Array, Array]
):
    seats = jnp.array(group.seats, jnp.int32)
    everyone = group.seats == tuple(range(len(sights["seat"])))
    rows = sights if everyone else jax.tree.map(lambda x: x[seats], sights)

    def one(mind, profile: Profile | None, memory, sight: Sight, seat):
        def key(role: str):
            return jax.random.fold_in(owner_key(*when, role), seat)

        def luck(role: str):
            return uniform(owner_key(*when, role), seat)

        if profile is not None:
            sight = profile.perceive(sight, key("profile"))
        memory, acts = mind.act(memory, sight, channels, key("mind"))
        check_channels(channels, list(acts), type(mind).__name__)
        free = {name: act for name, act in acts.items() if not channels[name].lever}
        done = {
            name: _resolve(act, channels[name], sight.legal[name], profile, partial(luck, f"draw/{name}"))
            for name, act in sorted(free.items())
        }
        return (
            memory,
            {n: a for n, (a, _) in done.items()},
            {n: p for n, (_, p) in done.items() if p is not None},
        )

    return eqx.filter_vmap(one)(group.minds, group.profiles, memory, rows, seats)


def _resolve(act: Act, channel: Channel, legal: Array, profile: Profile | None, luck: Callable[[], Array]):
    """An act as a typed scalar, and the odds it was drawn with, if any; -1 for odds that are none."""
    stated = act.p if isinstance(act, Odds) else act.q if isinstance(act, Values) else None
    wanted = () if stated is None else legal.shape
    shape = jnp.shape(act) if stated is None else stated.shape  # type: ignore[arg-type]
    if shape != wanted or (stated is not None and legal.dtype != bool):
        what = "an act" if stated is None else type(act).__name__
        have = f"one number an option, shape {legal.shape}" if legal.dtype == bool else "a plain number"
        raise ValueError(
            f"a mind answered {channel.describe(np.ones(legal.shape, legal.dtype))} with {what} of shape "
            f"{shape}; wanted {'a scalar' if stated is None else have}: jnp.int32(1), or cw.Odds(p)"
        )
    if stated is None:
        return jnp.asarray(act).astype(channel.silence.dtype), None
    u = luck()
    if isinstance(act, Values):
        odds = (Profile() if profile is None else profile).choose(stated, legal)
        return by_rows(_drawn)(u, odds, jnp.isfinite(total(stated))), odds
    weights, even = jnp.where(legal, stated, 0.0), legal.astype(jnp.float32)
    some = total(weights) > 0.0
    odds = jnp.where(some, weights / jnp.where(some, total(weights), 1.0), even / total(even))
    if profile is not None:
        odds = profile.lapses(odds, legal)
        return by_rows(_drawn)(u, odds, _sound(stated)), odds
    return by_rows(_legal)(u, stated, legal), odds  # not from `odds`, which few need


def _sound(stated: Array) -> Array:
    """Whether these are odds; an infinity or NaN anywhere is one in the sum."""
    return jnp.isfinite(total(stated)) & (total((stated < 0.0).astype(jnp.float32)) == 0.0)


def _drawn(u: Array, odds: Array, sound: Array) -> Array:
    return jnp.where(sound, pick(u, odds), -1)


def _legal(u: Array, stated: Array, legal: Array) -> Array:
    """As stated among the legal options, evenly where nothing legal was stated."""
    weights = jnp.where(legal, stated, 0.0)
    some = (total(weights) > 0.0)[..., None]
    return _drawn(u, jnp.where(some, weights, legal.astype(jnp.float32)), _sound(stated))


def _where(seats: Array, new: Array, old: Array) -> Array:
    """`new` in the rows of these seats, `old` in the others."""
    return jnp.where(seats.reshape((-1,) + (1,) * (new.ndim - 1)), new, old)


def _gather(parts: list[tuple[tuple[int, ...], dict[str, Array]]], name: str, default: Array) -> Array:
    """One array over all seats from the groups' arrays, `default` where a seat says nothing."""
    seats = [i for group, acts in parts if name in acts for i in group]
    found = [acts[name] for _, acts in parts if name in acts]
    if not found:
        return default
    rest = [i for i in range(default.shape[0]) if i not in seats]
    if rest:
        found.append(default[jnp.array(rest)])
    joined = jnp.concatenate(found) if len(found) > 1 else found[0]
    order = seats + rest
    if order == sorted(order):
        return joined
    return joined[jnp.array([order.index(i) for i in range(len(order))])]


def act(
    scenario: Governed, groups: tuple[Group, ...], seed: Array, world: World, intent: Actions
) -> tuple[World, dict[str, Any]]:
    """Second half: gates, step, settles; the next world and one row of the trace.

    After `over` the state freezes, and the row is all zeros with `alive` false.
    """
    n, phases = scenario.n_agents, len(scenario.groups)
    t, phase = world.state.t // phases, world.state.t % phases
    step = scenario.advance(world.state, intent, world_key(seed))
    alive, done = ~world.over, phase == phases - 1
    net = sum(step.book.values(), jnp.zeros_like(world.felt))
    felt = _felt(groups, net)
    outcome = step.outcome
    row: dict[str, Any] = {"intent": step.intent, "act": step.act, "book": step.book}
    row |= {
        "events": outcome.events,
        "utility": outcome.utility,
        "objective": outcome.objective,
        "harm": outcome.harm,
    }
    if any(group.profiles is not None for group in groups):
        row["felt"] = felt
    row = jax.tree.map(lambda x: jnp.where(alive, x, jnp.zeros_like(x)), row) | {"alive": alive}
    fine, turn = jnp.array(True), jnp.asarray(scenario.turns())[phase]
    for name, channel in scenario.channels().items():
        fine = fine & (channel.allowed(intent[name], channel.everything(n)) | ~turn).all()
    illegal = jnp.where((world.illegal < 0) & ~fine & alive, t, world.illegal)
    state = jax.tree.map(lambda new, old: jnp.where(alive, new, old), step.state, world.state)
    state = eqx.tree_at(lambda s: s.t, state, world.state.t + 1)
    felt = jnp.where(done, felt, world.felt)
    return World(state, world.memories, felt, world.over | outcome.over, illegal), row


def tick(
    scenario: Governed, groups: tuple[Group, ...], do: Do | Change, seed: Array, world: World
) -> tuple[World, dict[str, Any], Chosen]:
    """Both halves, when every mind is pure: the next world, the row of the trace, what was chosen."""
    chosen = look(scenario, groups, do, seed, world)
    return *act(scenario, groups, seed, chosen.world, chosen.intent), chosen


def _felt(groups: tuple[Group, ...], net: Array) -> Array:
    """The net payoff of each agent as its profile values it."""
    felt = net
    for group in groups:
        if group.profiles is not None:
            seats = jnp.array(group.seats, jnp.int32)
            mine = jax.vmap(lambda p, i: p.utility(i, net))(group.profiles, seats)
            felt = felt.at[seats].set(mine)
    return felt
