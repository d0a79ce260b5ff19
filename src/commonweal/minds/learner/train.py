"""The one training loop: play worlds, judge the acts, step the parameters; compiled in chunks of updates.

In the shape descriptions `G` is sets of parameters, `K` the learners that share one (L = G * K).
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray

from ..._mind import Mind
from ..._society import Society
from .heads import outputs, score
from .methods import Lesson, Method, standard
from .networks import Norm, Seen, measure_norm
from .rollout import Batch, play

FIRST_SEED = 2**31  # worlds of training are named from here up, so that judging meets new ones
MANY = 4096  # moments of a learner at once


class State(NamedTuple):
    """All that training changes, every leaf [G, ...]: parameters, Adam's state, what was measured once."""

    params: dict[str, Any]
    adam: Any
    norm: Norm
    unit: Array


class Class(NamedTuple):
    """Who learns together: the society, the learners' seats, methods stacked [G], lapses [G, K] or None."""

    society: Society
    seats: tuple[int, ...]
    method: Method
    lapse: Array | None

    @property
    def pupil(self) -> Any:
        """The learner in the first seat, without parameters: settings are everybody's."""
        return self.society.minds[self.seats[0]]

    @property
    def together(self) -> bool:
        """Whether all learners share one set of parameters."""
        return self.pupil.share

    def sets(self, x: Array) -> Array:
        """From [L, ..., T, W] to [G, ..., T, K, W]."""
        return jnp.moveaxis(x, 0, -2)[None] if self.together else x[..., None, :]

    def each(self, x: Array) -> Array:
        """Back to [L, ..., T, W]."""
        return jnp.moveaxis(x[0], -2, 0) if self.together else x[..., 0, :]


def gather(society: Society, seats: tuple[int, ...]) -> Class:
    """The class of a society's learners."""
    pupils = [society.minds[seat] for seat in seats]
    first = pupils[:1] if pupils[0].share else pupils  # type: ignore[union-attr]
    method = jax.tree.map(lambda *x: jnp.stack(x), *(mind.method for mind in first))  # type: ignore[union-attr]
    profiles = [society.profiles[seat] for seat in seats]
    lapse = None
    if any(p is not None for p in profiles):
        lapse = jnp.stack([jnp.float32(0.0) if p is None else p.lapse for p in profiles])
        lapse = lapse[None] if pupils[0].share else lapse[:, None]  # type: ignore[union-attr]
    return Class(society, seats, method, lapse)


def _adam(method: Method) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(method.norm), optax.adam(method.rate))  # type: ignore[arg-type]


def start(team: Class, key: PRNGKeyArray, seeds: Sequence[int]) -> tuple[State, PRNGKeyArray]:
    """The state before the first update, and the key of the worlds; `seeds` are the learners'.

    On the host, where nothing need be compiled.
    """
    pupil, eyes = team.pupil, team.pupil.eyes
    root = np.random.SeedSequence([*np.asarray(jax.random.key_data(key)).tolist(), *seeds])
    worlds, *own = root.spawn(2 if team.together else 1 + len(seeds))
    seen, codes = pupil.network.blind(eyes), pupil.network.codes(eyes)
    real, code = seen.real.size, seen.code.size
    central = pupil.method.critic == "central"
    wide = (len(team.seats) if central else 1) * (real + code * codes) + (eyes.seats if central else 0)
    params: list[dict[str, np.ndarray]] = []
    for one in own:
        luck = np.random.default_rng(one)
        params.append({"actor": pupil.network.init(luck, real + code * codes, outputs(eyes))})
        if pupil.method.critic != "none":
            params[-1]["critic"] = pupil.network.init(luck, wide, 1)
        if pupil.method.critic == "own" and outputs(eyes):
            params[-1] = {"both": np.stack(_alike(**params[-1], out=outputs(eyes)))}
    whole = jax.tree.map(lambda *x: jnp.asarray(np.stack(x)), *params)
    blank = jax.eval_shape(lambda: jax.vmap(lambda m, x: _adam(m).init(x))(team.method, whole))
    adam = jax.tree.map(lambda x: jnp.asarray(np.zeros(x.shape, x.dtype)), blank)
    zeros, ones = (np.full((len(own), real), x, np.float32) for x in (0.0, 1.0))
    norm = Norm(jnp.asarray(zeros), jnp.asarray(ones))
    state = State(whole, adam, norm, jnp.asarray(np.ones(len(own), np.float32)))
    return state, jax.random.key(int(worlds.generate_state(1)[0]))


def _alike(actor: np.ndarray, critic: np.ndarray, out: int) -> tuple[np.ndarray, np.ndarray]:
    """Two networks that run as one: the critic has as many outputs, all but the first of them always 0."""
    weights = np.zeros(len(actor) - len(critic) - (out - 1), np.float32)
    return actor, np.concatenate([critic[:-1], weights, critic[-1:], np.zeros(out - 1, np.float32)])


def players(team: Class, state: State, keep: bool) -> list[Mind]:
    """The learners of the class with their parameters of now."""
    actor = state.params["both"][:, 0] if "both" in state.params else state.params["actor"]
    found = []
    for j, seat in enumerate(team.seats):
        g = 0 if team.together else j
        params = jax.tree.map(lambda x, g=g: x[g], {"actor": actor, "norm": state.norm})
        found.append(replace(team.society.minds[seat], params=params, keep=keep))  # type: ignore[type-var]
    return found


@eqx.filter_jit  # traced once, though named twice
def _update(team: Class, state: State, key: PRNGKeyArray, index: Array) -> tuple[State, dict[str, Any]]:
    """One update, all its luck from its key; the first only measures (inputs, size of rewards)."""
    worlds, epochs = team.pupil.worlds, team.pupil.method.epochs
    luck = jax.random.bits(key, (worlds + epochs,)) >> jnp.uint32(1)
    names, order = luck[:worlds] + jnp.uint32(FIRST_SEED), luck[worlds:] % worlds
    batch = play(team.society, team.seats, players(team, state, keep=True), names)
    measured = partial(_measure, team, state, batch)
    learned = partial(_learn, team, state, batch, order)
    state = jax.lax.cond(index == 0, measured, learned)
    return state, batch.sums


@eqx.filter_jit
def advance(team: Class, state: State, key: PRNGKeyArray, first: Array, last: Array, room: Array):
    """Updates `first` to `last` - 1, at most as many as `room` has rows, and their rows of the curve."""
    blank = jax.tree.map(
        lambda x: jnp.zeros((*room.shape, *x.shape), x.dtype),
        jax.eval_shape(lambda: _update(team, state, key, first)[1]),
    )

    def one(i, now):
        state, rows = now
        state, sums = _update(team, state, jax.random.fold_in(key, i), i)
        return state, jax.tree.map(lambda buffer, x: buffer.at[i - first].set(x), rows, sums)

    return jax.lax.fori_loop(first, last, one, (state, blank))


def _alive(team: Class, batch: Batch) -> Array:
    return team.sets(jnp.broadcast_to(batch.alive, batch.reward.shape))


def _measure(team: Class, state: State, batch: Batch) -> State:
    alive, seen, reward = _alive(team, batch), team.sets(batch.seen.real), team.sets(batch.reward)
    norm = jax.vmap(measure_norm)(seen, alive)
    to_go = jnp.flip(jnp.cumsum(jnp.flip(reward, 1), 1), 1)
    unit = jax.vmap(lambda x, on: _deviation(x, on))(to_go, alive)
    return state._replace(norm=norm, unit=jnp.where(unit > 1e-6, unit, 1.0))


def _deviation(x: Array, alive: Array) -> Array:
    played = jnp.maximum(alive.sum(), 1).astype(jnp.float32)
    middle = jnp.where(alive, x, 0.0).sum() / played
    return jnp.sqrt(jnp.where(alive, jnp.square(x - middle), 0.0).sum() / played)


def _learn(team: Class, state: State, batch: Batch, offset: Array) -> State:
    """Judge every act, then step through the worlds in minibatches, each pass from its own offset on."""
    pupil, alive = team.pupil, _alive(team, batch)
    method = jax.tree.map(lambda x: x[:, None, None, None], team.method)
    seen = jax.vmap(lambda norm, x: norm(x))(state.norm, jax.tree.map(team.sets, batch.seen))
    data = (seen, _whole(team, seen), *(jax.tree.map(team.sets, x) for x in (batch.legal, batch.act)))
    look = jax.vmap(partial(_evaluate, team))(state.params, data, team.lapse)
    likely, _, value = (x.reshape(alive.shape) for x in look)
    reward = team.sets(batch.reward) / state.unit[:, None, None, None]
    advantage, target = method.judge(reward, alive, value)
    advantage = standard(advantage, alive)
    if method.aligns and len(team.seats) > 1:
        advantage = standard(_align(team, method, advantage), alive)
    lesson = Lesson(alive, likely, advantage, target)
    parts = pupil.method.minibatches
    order = (offset.astype(jnp.int32)[:, None] + jnp.arange(pupil.worlds)[None]) % pupil.worlds
    order = order.reshape(-1, pupil.worlds // parts)

    def step(now, where):
        data_now, lesson_now = data, lesson
        if parts > 1:
            part = partial(jnp.take, indices=where, axis=-1, mode="clip")
            data_now, lesson_now = jax.tree.map(part, (data, lesson))
        params, adam = now
        slope = _slope(team, params, data_now, lesson_now)
        return jax.vmap(_step)(params, adam, team.method, slope), None

    (params, adam), _ = jax.lax.scan(step, (state.params, state.adam), order)
    return state._replace(params=params, adam=adam)


def _slope(team: Class, params: dict[str, Any], data: tuple, lesson: Lesson) -> dict[str, Any]:
    """The slope of the loss; many moments are taken a few ticks at a time, which stay in the cache."""

    def one(params, method, data, lapse, lesson):
        lesson = jax.tree.map(jnp.ravel, lesson)
        return jax.grad(lambda p: method.loss(lesson, *_evaluate(team, p, data, lapse)))(params)

    def part(i, sums):
        now, then = jax.tree.map(
            partial(jax.lax.dynamic_slice_in_dim, start_index=i * few, slice_size=few, axis=-3),
            (data, lesson),
        )
        share = then.alive.sum(axis=(1, 2, 3)).astype(jnp.float32) / played
        slope = jax.vmap(one)(params, team.method, now, team.lapse, then)
        return jax.tree.map(lambda x, y: x + jax.vmap(jnp.multiply)(y, share), sums, slope)

    ticks, moments = lesson.alive.shape[1], lesson.alive[0, 0].size
    few = next(k for k in range(ticks, 0, -1) if ticks % k == 0 and (k * moments <= MANY or k == 1))
    if few == ticks or team.pupil.network.recurrent:
        return jax.vmap(one)(params, team.method, data, team.lapse, lesson)
    played = jnp.maximum(lesson.alive.sum(axis=(1, 2, 3)), 1).astype(jnp.float32)
    return jax.lax.fori_loop(0, ticks // few, part, jax.tree.map(jnp.zeros_like, params))


def _step(params: dict[str, Any], adam: Any, method: Method, slope: dict[str, Any]) -> tuple[dict, Any]:
    """One step of one set of parameters."""
    with jax.numpy_dtype_promotion("standard"):  # optax counts in int32
        change, adam = _adam(method).update(slope, adam, params)
    return jax.tree.map(jnp.add, params, change), adam


def _whole(team: Class, seen: Seen) -> Seen | None:
    """What a central critic sees [G, ..., T, K, W]: everything that all learners see, whoever asks."""
    if team.pupil.method.critic != "central":
        return None

    def joined(x):
        every = team.each(x)
        every = every.reshape(-1, *every.shape[2:])
        return team.sets(jnp.broadcast_to(every, (len(team.seats), *every.shape)))

    real, code = joined(seen.real), joined(seen.code)
    if team.together:
        who = jax.nn.one_hot(jnp.array(team.seats), team.pupil.eyes.seats, axis=0)[None, :, None, :, None]
        real = jnp.concatenate([real, jnp.broadcast_to(who, (1, who.shape[1], *real.shape[2:]))], axis=1)
    return Seen(real, code)


def _evaluate(team: Class, params: dict[str, Any], data: tuple, lapse: Array | None):
    """Log-likelihood, entropy and value [T * K * W] of one set's acts, under these parameters."""
    shape = data[0].real.shape[1:]
    seen, whole, legal, act = jax.tree.map(lambda x: x.reshape(*x.shape[:-3], math.prod(shape)), data)
    network, eyes, ticks = team.pupil.network, team.pupil.eyes, shape[0]
    codes, wide = network.codes(eyes), outputs(eyes)
    lapse = None if lapse is None else jnp.broadcast_to(lapse[None, :, None], shape).ravel()
    if "both" in params:
        out = jax.vmap(lambda p: network.over(p, seen, codes, wide, ticks))(params["both"])
        return *score(eyes, out[0], legal, act, lapse), out[1, 0]
    found = score(eyes, network.over(params["actor"], seen, codes, wide, ticks), legal, act, lapse)
    if "critic" not in params:
        return *found, jnp.zeros_like(found[0])
    return *found, network.over(params["critic"], seen if whole is None else whole, codes, 1, ticks)[0]


def _align(team: Class, method: Method, advantage: Array) -> Array:
    """Advantage alignment between the learners."""
    every = advantage.sum(axis=(0, 2), keepdims=True)
    others = (jnp.broadcast_to(every, advantage.shape) - advantage) / (len(team.seats) - 1)
    return method.align(advantage, others)
