"""A society whose worth is known by coalition: whoever is `Itself` pushes, whoever is `Decent` does not."""

import jax
import jax.numpy as jnp
import numpy as np

import commonweal as cw
from commonweal.minds import Constant

SELF, DECENT = Constant(act=1.0), Constant(act=0.0)


class Planted(cw.Scenario):
    """Worth `table[S]` to all, S being who pushes, as a bit mask; and luck, each pusher's own included."""

    n_agents: int = cw.count()
    table: jax.Array = cw.param()
    luck: jax.Array = cw.param(0.0)
    horizon: int = cw.count(1)

    def channels(self):
        return {"act": cw.Choice(("rest", "push"))}

    def card(self):
        people, represents = cw.one_each([f"agent {i}" for i in range(self.n_agents)])
        return cw.Card("Planted", "test", "mixed", "worth", people, represents, cw.Unknown("planted"))

    def init(self, key):
        return jnp.zeros(())

    def step(self, state, actions, key):
        pushes = actions["act"]
        mask = (pushes << jnp.arange(self.n_agents)).sum()
        own = jax.random.normal(key, (self.n_agents + 1,))
        noise = own[0] + (own[1:] * pushes.astype(jnp.float32)).sum()
        worth = self.table[mask] + self.luck * noise
        return state, cw.Outcome(pay=1.0 + pushes.astype(jnp.float32), objective=worth)

    def observe(self, state):
        return cw.Sight({"calm": jnp.broadcast_to(state, (self.n_agents,))})

    def brief(self, agent):
        return f"You are agent {agent} of {self.n_agents}. Rest or push."

    def tell(self, sight):
        return "Rest or push?"


@cw.measure(unit="worth", better="higher", cites="test")
def worth(trace):
    """What the society is worth."""
    return trace.objective.sum(axis=1)


@cw.measure(unit="loss", better="lower", cites="test")
def loss(trace):
    """The same, as a loss."""
    return -trace.objective.sum(axis=1)


def society(table, mind=SELF, luck=0.0):
    """A society of one mind in every seat, worth this much by coalition."""
    n = len(table).bit_length() - 1
    return cw.Society(Planted(n, np.asarray(table, float), luck), mind)


class Habit(cw.Scenario):
    """Agents do a, b or c; each sees its own last act alone, and only the last round is paid."""

    n_agents: int = cw.count(2)
    horizon: int = cw.count(4)
    masked: bool = cw.count(False)  # c is never legal

    def channels(self):
        return {"act": cw.Choice(("a", "b", "c"))}

    def card(self):
        people, represents = cw.one_each([f"agent {i}" for i in range(self.n_agents)])
        return cw.Card("Habit", "test", "mixed", "sum", people, represents, cw.Unknown("planted"))

    def init(self, key):
        return jnp.zeros(self.n_agents, jnp.int32), jnp.int32(0)

    def step(self, state, actions, key):
        acts = actions["act"]
        paid = acts.astype(jnp.float32) * (state[1] == self.horizon - 1).astype(jnp.float32)
        return (acts, state[1] + 1), cw.Outcome(pay=paid, objective=acts.sum().astype(jnp.float32))

    def observe(self, state):
        legal = jnp.broadcast_to(jnp.array([True, True, not self.masked]), (self.n_agents, 3))
        return cw.Sight({"mine": state[0]}, {"act": legal})

    def brief(self, agent):
        return "a, b or c?"

    def tell(self, sight):
        return "a, b or c?"


class AsBefore(cw.Mind):
    """Does what it did last."""

    def act(self, memory, sight, channels, key):
        return memory, {"act": sight["mine"]}


class Stated(cw.Mind):
    """States its odds."""

    p: jax.Array = cw.param((1.0, 0.0, 0.0))

    def act(self, memory, sight, channels, key):
        return memory, {"act": cw.Odds(self.p)}
