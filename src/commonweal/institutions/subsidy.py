"""A fund that pays for an event, or a tax on it."""

from jax.core import Tracer
from jaxtyping import Array, Float

from .._governed import Budget, Institution, Settlement
from .._param import count, param, text


class Subsidy(Institution):
    """Each agent is paid `rate` per unit of an event of its own; a negative rate is a tax.

    - `event`: the scenario's event that is paid for, in the event's unit.
    - `rate`: payoff per unit.

    Budget: minting, free if the rate is negative (or traced). Predicted: in a linear public good with
    marginal return m, contributing becomes dominant iff rate >= 1 - m per unit contributed; a tax
    equal to the marginal external harm restores the optimum. Known failure: below its threshold the
    fund pays for what would have happened anyway and changes nothing. Source: Pigou 1920; the
    corridor fund of our own earthquake relief.
    """

    event: str = text()
    rate: Float[Array, ""] = param()
    name: str = text("subsidy")
    told: bool = count(True)

    @property
    def budget(self) -> Budget:
        return "minting" if not isinstance(self.rate, Tracer) and (self.rate >= 0.0).all() else "free"

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        return Settlement(memory, self.rate * happened)

    def brief(self, agent):
        verb = "are paid" if self.rate >= 0.0 else "are charged"
        return f"You {verb} {abs(self.rate):g} per unit of your own {self.event!r}."
