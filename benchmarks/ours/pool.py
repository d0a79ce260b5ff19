"""The pool of `rivals/pool.py` as a scenario: tabular policy gradients, and every decision replaced."""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from worker import load

import commonweal as cw
from commonweal.accounts import alternatives
from commonweal.minds import Learner, Reinforce, Table
from commonweal.minds.learner import learn

RIVAL = load(str(Path(__file__).parent.parent / "rivals" / "pool.py"))
AGENTS, ACTS, ROWS = RIVAL.AGENTS, RIVAL.ACTS, RIVAL.ROWS


class Pool(cw.Scenario):
    """Five agents ask for up to three units of a pool that regrows by the logistic law."""

    n_agents: int = cw.count(AGENTS)
    horizon: int = cw.count(100)
    noise: jax.Array = cw.param(0.01)

    def channels(self):
        return {"take": cw.Choice(tuple(f"{i} units" for i in range(ACTS)))}

    def card(self):
        people, represents = cw.one_each([f"agent {i}" for i in range(AGENTS)], 0.0, 6.0)
        return cw.Card(
            title="Pool",
            citation="logistic growth: Schaefer 1954",
            setting="mixed",
            objective="units taken together",
            stakeholders=people,
            represents=represents,
            oracle=cw.Unknown("not worked out"),
        )

    def init(self, key):
        return jnp.float32(RIVAL.START)

    def step(self, state, actions, key):
        want = actions["take"].astype(jnp.float32) * RIVAL.UNIT
        total = want.sum()
        part = jnp.minimum(1.0, state / jnp.maximum(total, 1e-6))
        left = jnp.clip(state - total * part, 0.0, 1.0)
        luck = self.noise * (jax.random.uniform(key) - 0.5)
        left = jnp.clip(left + RIVAL.GROWTH * left * (1.0 - left) + luck, 0.0, 1.0)
        return jnp.where(left < RIVAL.GONE, 0.0, left), cw.Outcome(pay=want * part)

    def observe(self, state):
        return cw.Sight({"stock": jnp.broadcast_to(state, (AGENTS,))})

    def brief(self, agent):
        return "You draw on a pool that regrows."

    def tell(self, sight):
        return f"The pool stands at {float(sight['stock']):.3f}."


class Habit(cw.Mind):
    """Plays a table of odds by the level of the pool, drawn anew in every tick."""

    odds: jax.Array

    def act(self, memory, sight, channels, key):
        row = jnp.minimum((sight["stock"] * ROWS).astype(jnp.int32), ROWS - 1)
        return memory, {"take": cw.Odds(self.odds[row])}


def gradient(worlds, ticks, updates, rate):
    """A tabular `Learner` in every seat; updates after the first, which only measures."""
    edges = tuple(i / ROWS for i in range(1, ROWS))
    mind = Learner(Reinforce(rate=rate), Table({"stock": edges}), updates=updates + 1, worlds=worlds)
    society = cw.Society(Pool(horizon=ticks), mind)

    def play():
        _, curve = learn(society)
        earned = curve.book["pay"][0].sum(axis=-1)
        return {"before": float(earned[0]), "after": float(earned[-1])}

    return worlds * ticks * updates, play


def branches(ticks):
    """All branches of one world: every act of every agent in every tick, everybody reacting."""
    odds = np.eye(ACTS, dtype=np.float32)[np.array(RIVAL.habits())]
    minds = [Habit(jnp.asarray(table)) for table in odds]
    society = cw.Society(eqx.tree_at(lambda s: s.noise, Pool(horizon=ticks), jnp.float32(0.0)), minds)

    def play():
        found = alternatives(society, 0, "take")
        total = found.changed.sum(axis=-1)
        return {"mean": float(total.mean()), "spread": float(total.std())}

    return ticks * AGENTS * ACTS, play
