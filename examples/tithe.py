"""Everyone gives a tenth of what the tick has brought to a fund that is shared alike."""

from typing import ClassVar

import jax

import commonweal as cw


class Tithe(cw.Institution):
    """Moves `share` of the running payoff from each agent to all. Source: a rule of thumb."""

    share: jax.Array = cw.param(0.1)
    name: str = cw.text("tithe")
    told: bool = cw.count(True)
    budget: ClassVar[str] = "balanced"
    reads_pay: ClassVar[bool] = True

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, self.share * (book.mean() - book))

    def brief(self, agent):
        return f"{self.share:.0%} of what you earn goes to a fund that all share alike."
