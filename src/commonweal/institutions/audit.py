"""Regulation by random audits and fines."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._governed import Budget, Institution, Settlement
from .._param import count, param, text


class Audit(Institution):
    """Each tick each agent is audited by chance, and fined per unit of the event found.

    - `probability`: of an audit, per agent and tick.
    - `fine`: payoff lost per unit of the event, 0 or more.
    - `event`: what is audited.
    - `immune`: the first so many agents are never fined (a captured regulator).

    Agents are told their own fine in the next tick (fact `<name>:fine`). Budget: burning. Predicted: an
    offense is deterred iff probability * fine >= its marginal private gain; with gains Exp(1) a share
    exp(-pF) offends. Known failure: below the threshold it burns money and changes nothing; captured,
    it leaves the immune free and breeds inequality. Source: Becker 1968; the capture is our
    own prototype, the commons of `studies.learned_commons`.
    """

    probability: Float[Array, ""] = param(within="[0, 1]")
    fine: Float[Array, ""] = param(within="[0, inf)")
    event: str = text("excess")
    immune: int = count(0, "[0, 10000]")
    name: str = text("audit")
    told: bool = count(True)
    budget: ClassVar[Budget] = "burning"

    def init(self, scenario, key):
        return jnp.zeros(scenario.n_agents)

    def view(self, memory, sights):
        return sights.tell(**{f"{self.name}:fine": memory})

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        hit = jax.random.bernoulli(key, self.probability, book.shape) & (jnp.arange(len(book)) >= self.immune)
        fines = jnp.where(hit, self.fine * happened, 0.0)
        return Settlement(fines, -fines)

    def brief(self, agent):
        return (
            f"Each round you are audited with probability {self.probability:g}; "
            f"an audit costs {self.fine:g} per unit of {self.event!r} found."
        )

    def tell(self, sight):
        fine = sight[f"{self.name}:fine"]
        return f"You were audited and fined {fine:g}." if fine > 0.0 else ""
