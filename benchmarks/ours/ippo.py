"""Independent PPO on cooperative navigation: `Learner` on the task of MPE's simple_spread.

Three agents push themselves about a plane without walls and are paid, half, for the distance of each
landmark to the agent next to it and, half, for not bumping into each other. Source: Lowe et al. 2017,
arXiv 1706.02275; the numbers as JaxMARL has them, whose worlds last 26 ticks.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

import commonweal as cw
from commonweal.minds import MLP, PPO, Learner
from commonweal.minds.learner import learn

N, TICKS = 3, 26
DT, DAMPING, FORCE, PUSH, MARGIN, TOUCH = 0.1, 0.25, 5.0, 100.0, 1e-3, 0.3
PUSHES = ((0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))


class Plane(NamedTuple):
    """Where everybody is and how fast, and where the landmarks are: [3, 2] each."""

    place: jax.Array
    speed: jax.Array
    marks: jax.Array


class Spread(cw.Scenario):
    """Three agents are to cover three landmarks."""

    n_agents: int = cw.count(N)
    horizon: int = cw.count(TICKS)

    def channels(self):
        return {"push": cw.Choice(("no", "west", "east", "south", "north"))}

    def card(self):
        people, represents = cw.one_each([f"agent {i}" for i in range(N)], -500.0, 0.0)
        return cw.Card(
            title="Spread",
            citation="Lowe et al. 2017, arXiv 1706.02275",
            setting="common",
            objective="landmarks covered",
            stakeholders=people,
            represents=represents,
            oracle=cw.Unknown("not worked out"),
        )

    def init(self, key):
        place = jax.random.uniform(key, (2, N, 2), minval=-1.0, maxval=1.0)
        return Plane(place[0], jnp.zeros((N, 2)), place[1])

    def step(self, state, actions, key):
        force = FORCE * jnp.asarray(PUSHES)[actions["push"]] + self._contact(state.place)
        place = state.place + DT * state.speed
        speed = state.speed * (1.0 - DAMPING) + DT * force
        gaps = jnp.linalg.norm(place[:, None] - state.marks[None], axis=-1)
        apart = jnp.linalg.norm(place[:, None] - place[None], axis=-1) + jnp.eye(N)
        hits = (apart < TOUCH).sum(axis=1).astype(jnp.float32)
        pay = -0.5 * hits - 0.5 * gaps.min(axis=0).sum()
        return Plane(place, speed, state.marks), cw.Outcome(pay=pay)

    def _contact(self, place):
        away = place[:, None] - place[None]
        gap = jnp.sqrt((away**2).sum(axis=-1) + jnp.eye(N))
        push = PUSH * MARGIN * jax.nn.softplus((TOUCH - gap) / MARGIN) / gap
        return (away * (push * (1.0 - jnp.eye(N)))[..., None]).sum(axis=1)

    def observe(self, state):
        others = jnp.array([[j for j in range(N) if j != i] for i in range(N)])
        near = state.place[others] - state.place[:, None]
        marks = state.marks[None] - state.place[:, None]
        parts = (state.speed, state.place, marks.reshape(N, -1), near.reshape(N, -1), jnp.zeros((N, 4)))
        return cw.Sight({"seen": jnp.concatenate(parts, axis=1)})

    def brief(self, agent):
        return "Cover the landmarks together, one each, and do not bump into each other."

    def tell(self, sight):
        return "You see " + ", ".join(f"{x:.2f}" for x in sight["seen"])


def train(worlds, updates):
    """So many updates of shared parameters; one more comes first, which only measures."""
    method = PPO(rate=2.5e-4, entropy=0.01, discount=0.99, trace=0.95, clip=0.2, epochs=4, minibatches=4)
    network = MLP(width=64, depth=2)
    mind = Learner(method, network, updates=updates + 1, worlds=worlds, share=True, facts=("seen",))
    society = cw.Society(Spread(), mind)

    def play():
        _, curve = learn(society)
        return {"return": float(N * curve.book["pay"][0].mean(axis=-1)[-1])}

    return worlds * TICKS * updates, play
