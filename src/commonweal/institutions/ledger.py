"""A public ledger: what each agent verifiably did, shown to all, without any payoff."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._governed import Institution, Settlement
from .._param import count, param, text


class PublicLedger(Institution):
    """Every agent sees each agent's record of an event, as the fact `<name>:<event>` [n, n].

    - `event`: the event that is recorded, in its own unit.
    - `delay`: ticks until a tick's record is public, 1 or more (1: the next tick).
    - `decay`: weight of the past in the record, 0 (the last act only) to below 1. Record =
      decay * record + (1 - decay) * event. Before anything is recorded it is 0.

    Budget: balanced (it moves no payoffs). Predicted: named histories sustain cooperation among minds
    that use them (McKee et al. 2021, arXiv 2103.04982). Known failure: alone it changes nothing for
    minds that look at payoffs only; it is also the monitoring that cartels need
    (both our own prototype, the commons of `studies.learned_commons`).
    """

    event: str = text("excess")
    delay: int = count(1, "[1, 10000]")
    decay: Float[Array, ""] = param(0.0, "[0, 1)")
    name: str = text("ledger")
    told: bool = count(True)

    def init(self, scenario, key):
        return jnp.zeros((self.delay, scenario.n_agents))  # the record of each tick not yet public, then now

    def view(self, memory, sights):
        n = memory.shape[1]
        return sights.tell(**{f"{self.name}:{self.event}": jnp.broadcast_to(memory[0], (n, n))})

    def settle(self, memory, transition, book, key):
        happened = transition.event(self.event, self.name)
        record = self.decay * memory[-1] + (1.0 - self.decay) * happened
        return Settlement(jnp.concatenate([memory[1:], record[None]]), jnp.zeros_like(book))

    def brief(self, agent):
        return f"A public ledger shows everyone each agent's verified record of {self.event!r}."

    def tell(self, sight):
        if sight.t is not None and sight.t < self.delay:
            return ""
        rows = enumerate(sight[f"{self.name}:{self.event}"])
        return f"Ledger, {self.event}: " + ", ".join(f"agent {i}: {x:g}" for i, x in rows) + "."
