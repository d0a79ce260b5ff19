"""Linear redistribution: a share of every payoff goes into a pot that is split evenly."""

from typing import ClassVar, Literal

from jaxtyping import Array, Float

from .._governed import Budget, Institution, Settlement
from .._param import count, param, text


class Redistribution(Institution):
    """Each agent gets share * (mean pay - own pay). The same map is a tax, kin selection, shared reward.

    - `share`: 0 (nothing) to 1 (equal split).
    - `base`: `net` mixes the payoff as it stands after the institutions listed before; `gross` the
      scenario's own payoff, wherever it stands.

    Budget: balanced; reads the running pay when net. Predicted: an agent keeps w = 1 - s + s/n of its
    own marginal product; so contributing to a linear public good is dominant iff s >= (1 - m) / (1 - 1/n),
    and crowding falls with w. Known failure: it dilutes fines booked before it to the same w (.475 at
    s = .6, n = 8; base gross does not), and effort at a private quadratic cost falls to w of its worth.
    Source: Zheng et al. 2022; reward transfer, Willis et al. 2023, arXiv 2310.12928.
    """

    share: Float[Array, ""] = param(within="[0, 1]")
    base: Literal["net", "gross"] = text("net")
    name: str = text("redistribution")
    told: bool = count(True)
    budget: ClassVar[Budget] = "balanced"

    @property
    def reads_pay(self) -> bool:
        return self.base == "net"

    def settle(self, memory, transition, book, key):
        pay = book if self.base == "net" else transition.outcome.pay
        return Settlement(memory, self.share * (pay.mean() - pay))

    def brief(self, agent):
        return f"A share of {self.share:g} of everyone's {self.base} payoff is pooled and split evenly."
