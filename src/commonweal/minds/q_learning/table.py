"""A repeated game and its learners as arrays: what long sessions are played from."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._channel import Choice
from ..._governed import BEFORE, Governed, owner_key, under
from ..._scenario import Scenario, Sight
from ..._stage import stage_game
from .luck import below, words
from .mind import QLearner
from .rewards import Reward

MOST = 2**31  # bytes of one session's tables and rewards


class Table(eqx.Module):
    """A repeated game and its learners as arrays, one row an agent.

    - `rewards`: Float[n, S or 1, S], by last and new joint act, both as the agent codes them.
    - `weights`: n by n, how each agent codes a joint act: acts @ weights[i], own act first.
    """

    rewards: Float[Array, "n s0 s"]
    values: Float[Array, "n s m"]
    rate: Float[Array, " n"]
    discount: Float[Array, " n"]
    minds: tuple[QLearner, ...]
    scenario: Governed
    n: int = eqx.field(static=True)
    m: int = eqx.field(static=True)
    blank: tuple[bool, ...] = eqx.field(static=True)

    @property
    def states(self) -> int:
        """S, the number of joint acts."""
        return self.m**self.n

    @property
    def weights(self) -> np.ndarray:
        """Int32[n, n]."""
        place = (np.arange(self.n)[None, :] - np.arange(self.n)[:, None]) % self.n
        return (self.m ** (self.n - 1 - place)).astype(np.int32)

    def code(self, acts: Int[Array, "*b n"]) -> Int[Array, "*b n"]:
        """The state of each agent after a joint act."""
        each = [sum(acts[..., k] * w for k, w in enumerate(row)) for row in self.weights.tolist()]
        return jnp.stack(each, axis=-1)

    def odds(self, t: Int[Array, "*b"]) -> Float[Array, "*b n"]:
        """The odds of a random act for each agent after t acts."""
        return jnp.stack([mind.explore.odds(t) for mind in self.minds], axis=-1)

    def luck(self, seed: Array, t: Array) -> Array:
        """UInt32[n, 2]: the words each agent's mind gets as its key in tick t of a world."""
        key = owner_key(jax.random.key(seed), t, "mind")
        return jnp.stack([words(jax.random.fold_in(key, i)) for i in range(self.n)])

    def first(self, seed: Array) -> Int[Array, " n"]:
        """The first state of each agent."""
        key = jax.random.key(seed)
        states = self.code(self.scenario.observe(self.scenario.init(key))["own"].astype(jnp.int32))
        luck = self.luck(seed, jnp.int32(BEFORE))
        drawn = [below(luck[i, 0], self.states) for i in range(self.n)]
        free = [mind.start == "random" for mind in self.minds]
        return jnp.stack([drawn[i] if free[i] else states[i] for i in range(self.n)])


def tabulate(scenario: Scenario, minds: QLearner | Sequence[QLearner]) -> Table:
    """The game and its learners as arrays.

    Raises:
        ValueError: there are other channels or states than one joint act of options, the pay depends
            on more than the joint act, or the minds differ in more than numbers and schedules.
    """
    game, n = under(scenario), scenario.n_agents
    some = [minds] * n if isinstance(minds, QLearner) else list(minds)
    channels = list(game.channels())
    seen = [mind.seen.facts == ("own", "others") and mind.seen.rounds == 1 for mind in some]
    if len(some) != n or channels != [some[0].channel] or not all(seen) or len(game.groups) > 1:
        raise ValueError(
            f"sessions came with {len(some)} minds of the channel {some[0].channel!r} for {n} agents with "
            f"the channels {channels}; wanted one learner a seat, one channel, all at once, the "
            f"state of Seen(): sessions(game, QLearner(channel={channels[0]!r}), seeds=100)"
        )
    if not isinstance(game.channels()[channels[0]], Choice):
        raise ValueError(f"the channel {channels[0]!r} has no options; wanted a Choice: MatrixGame(...)")
    ready = [mind.prepare(game, i, jax.random.key(0)) for i, mind in enumerate(some)]
    m = ready[0].acts
    joint = np.indices((m,) * n, np.int32).reshape(n, -1).T
    back = [_looks_back(game, mind, i) for i, mind in enumerate(ready)]
    refuse_large(n, m, any(back))
    rewards = [_felt(game, mind, i, joint, back[i]) for i, mind in enumerate(ready)]
    if all((r == r[:1]).all() for r in rewards):
        rewards = [r[:1] for r in rewards]
    kinds = max(map(len, rewards))  # of all S states before, or one row that stands for all
    start = [jnp.broadcast_to(mind.values, (m**n, m)) for mind in ready]
    return Table(
        jnp.stack([jnp.broadcast_to(jnp.asarray(r), (kinds, m**n)) for r in rewards]),
        jnp.stack(start),
        *(jnp.stack([getattr(mind, what) for mind in ready]) for what in ("rate", "discount")),
        minds=tuple(ready),
        scenario=game,
        n=n,
        m=m,
        blank=tuple(mind.blank == "random" for mind in ready),
    )


def _looks_back(game: Governed, mind: QLearner, i: int) -> bool:
    """Whether the reward reads the state before at all, by the operations that it takes."""
    sight = game.observe(game.init(jax.random.key(0)))
    row = jax.tree.map(lambda x: x[i], sight).tell(felt=jnp.float32(0.0))
    before = jnp.zeros(game.n_agents, jnp.int32)
    steps = jax.make_jaxpr(lambda before: mind.reward.feel(row, before))(before).jaxpr
    read = [x for step in steps.eqns for x in step.invars] + list(steps.outvars)
    return any(x is steps.invars[0] for x in read)


def refuse_large(n: int, m: int, back: bool) -> None:
    """Raise ValueError where the tables of one session and the rewards would not fit into `MOST` bytes.

    `back`: whether rewards differ by the state before, which takes as many rows as there are states.
    """
    states = m**n
    size = 4 * n * states * (m + (states if back else 1))
    if size > MOST:
        why = ", and a reward that reads the state before" * back
        raise ValueError(
            f"sessions came with {n} agents of {m} acts each, which make {states:,} states{why}: "
            f"{size / 2**30:,.1f} GB for one session; wanted at most {MOST / 2**30:g} GB: "
            + ("reward=Felt()" if back else f"fewer acts, say {int((MOST / 8 / n) ** (1 / (n + 1)))}")
        )


def _felt(game: Governed, mind: QLearner, i: int, joint: np.ndarray, back: bool) -> np.ndarray:
    """Float32[S or 1, S]: the reward of agent i after a state, for the next one, both as it codes them.

    One row stands for all states before, where the reward does not look `back` at them.
    """
    channel, n = mind.channel, game.n_agents
    order = (np.arange(n) + i) % n

    mine = np.empty_like(joint)
    mine[:, order] = joint  # row k is the joint act that agent i codes as k
    found = stage_game(game, channel, jnp.asarray(mine))
    sights = jax.vmap(game.observe)(found.after)
    told = np.concatenate([np.asarray(sights["own"])[:, i, None], np.asarray(sights["others"])[:, i]], axis=1)
    rounding = 1e-5 * (1.0 + jnp.abs(found.pays).max())  # one pay, compiled twice
    if not (found.drift < rounding and np.array_equal(told, joint)):
        raise ValueError(
            "sessions came with a game whose pay or sight depends on more than the last joint act; wanted a "
            "repeated game without other state or luck, such as MatrixGame(...): run the others with cw.run"
        )

    rows = jax.tree.map(lambda x: x[:, i], sights).tell(felt=found.pays[:, i])
    before = jnp.asarray(joint if back else joint[:1])
    return np.asarray(_rewards(mind.reward, rows, before), np.float32)


@eqx.filter_jit
def _rewards(reward: Reward, rows: Sight, before: Array) -> Array:
    """Float[B, S]: the reward in each row of the sight, after each of B states."""
    return jax.vmap(lambda before: jax.vmap(lambda row: reward.feel(row, before))(rows))(before)


@eqx.filter_jit
def first(table: Table, seeds: Array) -> Int[Array, "b n"]:
    """The first state of each agent in each world."""
    return jax.vmap(table.first)(seeds)


class Stop(NamedTuple):
    """When a session ends: greedy acts unchanged for `stable` ticks, or `cap` ticks; and the tail."""

    stable: Array
    cap: Array
    tail: Array


class Ended(NamedTuple):
    """Sessions at their end, as an engine leaves them: one row each."""

    q: np.ndarray
    state: np.ndarray
    t: np.ndarray
    last: np.ndarray
    played: np.ndarray
