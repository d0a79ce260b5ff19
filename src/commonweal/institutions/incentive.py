"""The paper's three settings (collaborative, cooperative, competitive) as one switch over any task."""

from typing import ClassVar, Literal

from jaxtyping import Array, Float

from .._governed import Budget, Institution, Settlement
from .._param import count, param, text

SHIFT = {"collaborative": -1.0, "cooperative": 0.0, "competitive": 1.0}


class Incentive(Institution):
    """Each agent is paid s (own pay - mean pay) on top; s is -1, 0 or `spread`, by setting.

    - `setting`: `collaborative` (everyone gets the mean), `cooperative` (everyone keeps their own),
      `competitive` (standing is paid).
    - `spread`: reward per unit of pay above the mean when competitive, 0 or more.

    Budget: balanced; reads the running pay. Predicted: in a linear public good with marginal return
    m, contributing is dominant iff m - 1 - s (1 - 1/n) >= 0; so iff m >= 1/n when collaborative.
    Known failure: competition makes defection dominant where contributing was in everyone's own
    interest (m > 1); collaboration pays those who do nothing. Source: Carichon et al. 2025; prize
    spread, Lazear and Rosen 1981.
    """

    setting: Literal["collaborative", "cooperative", "competitive"] = text("cooperative")
    spread: Float[Array, ""] = param(1.0, "[0, inf)")
    name: str = text("incentive")
    told: bool = count(True)
    budget: ClassVar[Budget] = "balanced"
    reads_pay: ClassVar[bool] = True

    def settle(self, memory, transition, book, key):
        rate = SHIFT[self.setting] * (self.spread if self.setting == "competitive" else 1.0)
        return Settlement(memory, rate * (book - book.mean()))

    def brief(self, agent):
        return {
            "collaborative": "Payoffs are pooled: everyone gets the average.",
            "cooperative": "Everyone keeps their own payoff.",
            "competitive": f"You get {self.spread:g} more for each unit that your payoff is above the mean, "
            "and as much less for each unit below it.",
        }[self.setting]
