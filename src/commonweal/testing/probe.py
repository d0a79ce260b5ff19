"""A small scenario to try institutions, minds and measures on, and a mind to try scenarios with."""

import equinox as eqx
import jax
import jax.numpy as jnp

from .._card import Card, Oracle, one_each
from .._channel import Amount, Choice, named_key
from .._luck import as_key
from .._mind import Mind
from .._scenario import Outcome, Scenario, Sight


class Probe(Scenario):
    """A small scenario to try components on: give some of 10, and say yes or no."""

    n_agents: int = eqx.field(static=True, default=3)
    horizon: int = eqx.field(static=True, default=3)

    def channels(self):
        return {"give": Amount(10.0, unit="coins"), "say": Choice(("no", "yes"))}

    def card(self):
        people, represents = one_each([f"player {i}" for i in range(self.n_agents)], 0.0, 90.0)
        known = Oracle(best=54.0, worst=0.0, certificate="exact")
        return Card("Probe", "commonweal", "mixed", "coins", people, represents, known)

    def init(self, key):
        return jnp.zeros(self.n_agents)

    def step(self, state, actions, key):
        give = actions["give"]
        pay = 10.0 - give + 0.6 * give.sum() + 0.1 * jax.random.normal(key, give.shape)
        events = {"cooperated": give / 10.0, "excess": 10.0 - give}
        return give, Outcome(pay=pay, events=events)

    def observe(self, state):
        return Sight({"gave": jnp.broadcast_to(state, (self.n_agents, self.n_agents))})

    def brief(self, agent):
        return "Give some of your 10 coins; what is given grows by 80 % and is shared."

    def tell(self, sight):
        return f"Last gifts: {sight['gave']}." if sight.started else "Nobody has given yet."


class Wayward(Mind):
    """Random legal acts; by a throw before the first tick, ever the same one or another each tick."""

    def init(self, seat, key):
        return jax.random.key_data(key), jax.random.bernoulli(jax.random.fold_in(key, 1))

    def act(self, memory, sight, channels, key):
        mine, steady = memory
        luck = as_key(jnp.where(steady, mine, jax.random.key_data(key)))
        return memory, {
            name: c.sample(named_key(luck, name), sight.legal[name]) for name, c in channels.items()
        }
