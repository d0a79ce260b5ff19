"""A binding contract: transfers that pay for harm, in force if enough agents sign."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._bounds import refusal
from .._channel import Choice
from .._governed import Institution, Settlement
from .._param import count, param, text

SIGN = Choice(options=("refuse", "sign"))


class Contract(Institution):
    """In the first tick everyone may sign; with a quorum of signers it binds all, from that tick on.

    - `theta`: payoff that an agent pays per unit of the event, split evenly among the others.
    - `quorum`: signers needed, 1 to n; n is unanimity, fewer is a vote that binds the rest.
    - `event`: what is paid for.

    The sight opens the channel `sign` in the first tick only and shows `<name>:in_force`. Budget:
    balanced. Predicted: the optimum is dominant iff theta >= the marginal private gain of the event
    (prisoner's dilemma 5, 3, 1, 0: theta >= 2). Known failure: one hold-out blocks unanimity, and
    naive learners never find it (a random population of 8 signs once in 256); a quorum of offenders
    binds their victims. Source: Haupt et al. 2022, arXiv 2208.10469; what naive learners
    find is our own measurement, calibration `contracts-learned`.
    """

    theta: Float[Array, ""] = param(within="[0, inf)")
    quorum: int = count(within="[1, 10000]")
    event: str = text("excess")
    name: str = text("contract")
    told: bool = count(True)

    def fits(self, scenario):
        if self.quorum > scenario.n_agents:
            wanted = f"1 to {scenario.n_agents}, the number of agents"
            raise ValueError(refusal("Contract", "quorum", self.quorum, wanted, scenario.n_agents))

    def channels(self, scenario):
        return {"sign": SIGN}

    def init(self, scenario, key):
        return jnp.array(True), jnp.array(False)  # can one still sign, and is it in force

    def view(self, memory, sights):
        still, force = memory
        n = len(sights.legal["sign"])
        sights = sights.restrict(SIGN, "sign", jnp.where(still, SIGN.everything(n), SIGN.nothing(n)))
        return sights.tell(**{f"{self.name}:in_force": jnp.broadcast_to(force, (n,))})

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        still, force = memory
        force = jnp.where(still, (transition.act["sign"] == 1).sum() >= self.quorum, force)
        paid = jnp.where(force, self.theta * happened, 0.0)
        received = (paid.sum() - paid) / max(len(book) - 1, 1)
        return Settlement((jnp.array(False), force), received - paid)

    def brief(self, agent):
        return (
            f"In the first round you may sign a contract: whoever causes {self.event!r} pays the others "
            f"{self.theta:g} per unit. If {self.quorum} or more sign, it binds everyone."
        )

    def tell(self, sight):
        return f"The contract is {'' if sight[f'{self.name}:in_force'] else 'not '}in force."
