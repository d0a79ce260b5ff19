"""Costly punishment among peers: each agent may fine another, at a price."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._channel import Target
from .._governed import Budget, Institution, Settlement
from .._param import count, param, text


class PeerSanction(Institution):
    """Each tick an agent may punish one other on the channel `punish`: it pays, the target loses more.

    - `cost`: payoff the punisher pays; `effect`: payoff the target loses; both 0 or more.
    - `event`: the offense; last tick's is shown to all (fact `<name>:<event>` [n, n]), as is how many
      punished oneself (`<name>:punished`). Whom to punish, and for what, is the agent's own choice.

    Budget: burning. Predicted: with k sure punishers an offense is deterred iff k * effect >= its gain
    (1 : 3 in Fehr and Gaechter 2002). Known failure: a punisher earns `cost` less than one who leaves
    it to others (second-order free riding: selfish learners stop); contributors can be punished too
    (antisocial punishment, Rand and Nowak 2011).
    """

    cost: Float[Array, ""] = param(1.0, "[0, inf)")
    effect: Float[Array, ""] = param(3.0, "[0, inf)")
    event: str = text("excess")
    name: str = text("sanction")
    told: bool = count(True)
    budget: ClassVar[Budget] = "burning"

    def channels(self, scenario):
        return {"punish": Target(n_agents=scenario.n_agents)}

    def init(self, scenario, key):
        return jnp.zeros(scenario.n_agents), jnp.zeros(scenario.n_agents)  # last tick's offenses, blows

    def view(self, memory, sights):
        offense, blows = memory
        n = len(blows)
        sights = sights.restrict(Target(n_agents=n), "punish", ~jnp.eye(n, n + 1, dtype=bool))
        shown = jnp.broadcast_to(offense, (n, n))
        return sights.tell(**{f"{self.name}:{self.event}": shown, f"{self.name}:punished": blows})

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        n, target = len(book), transition.act["punish"]
        blows = jax.nn.one_hot(target, n).sum(0)  # nobody (n) counts nowhere
        delta = -self.cost * (target < n).astype(jnp.float32) - self.effect * blows
        return Settlement((happened, blows), delta)

    def brief(self, agent):
        return f"Each round you may punish one agent: it costs you {self.cost:g}, and them {self.effect:g}."

    def tell(self, sight):
        if not sight.started:
            return ""
        seen = ", ".join(f"agent {i}: {x:g}" for i, x in enumerate(sight[f"{self.name}:{self.event}"]))
        return f"Latest {self.event}: {seen}. Punished you: {sight[f'{self.name}:punished']:g}."
