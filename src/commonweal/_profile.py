"""What makes an agent unique: how it sees, what it wants, how it chooses, and the same in words.

One object for every kind of mind. The numbers are array leaves, so profiles stack and vmap. Every
arrow from a trait to a number is a modeling assumption to be varied, never a finding. Source of the
values: Tversky and Kahneman 1992, Fehr and Schmidt 1999; the arrows are our own assumptions.
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._channel import named_key
from ._param import Module, param
from ._scenario import Sight


def even_odds(legal: Array) -> Float[Array, " m"]:
    """The uniform distribution over what is legal."""
    weight = legal.astype(jnp.float32)
    return weight / weight.sum()


class Profile(Module):
    """The traits of one agent; the default profile is a plain maximizer of its own pay.

    - `curve`, `loss`, `gain_weight`, `loss_weight`, `reference`, `prospect` (0 or 1): prospect theory.
    - `envy`, `guilt`: inequity aversion, per unit behind or ahead, over the other agents' mean.
    - `svo`: social value orientation in degrees (45 prosocial, -45 competitive).
    - `precision`, `lapse`, `attention`: logit precision per unit of value, probability of a random
      act, price of attention (0: none; else precision is its inverse).
    - `noise`: standard deviation added to every real-valued fact seen.
    - `agreeable`, `neurotic`, `conscientious`, `openness`, `overconfident` (below 0: too little) in
      [-1, 1], `mach`, `sycophancy` in [0, 1]: traits, mapped to the numbers above by `with_traits`.
    """

    curve: Float[Array, ""] = param(0.88, "(0, 10]")
    loss: Float[Array, ""] = param(2.25, "[0, inf)")
    gain_weight: Float[Array, ""] = param(0.61, "(0, 10]")
    loss_weight: Float[Array, ""] = param(0.69, "(0, 10]")
    reference: Float[Array, ""] = param(0.0)
    prospect: Float[Array, ""] = param(0.0, "[0, 1]")
    envy: Float[Array, ""] = param(0.0, "[0, inf)")
    guilt: Float[Array, ""] = param(0.0, "(-inf, inf)")
    svo: Float[Array, ""] = param(0.0, "[-180, 180]")
    precision: Float[Array, ""] = param(50.0, "[0, inf)")
    lapse: Float[Array, ""] = param(0.0, "[0, 1]")
    attention: Float[Array, ""] = param(0.0, "[0, inf)")
    noise: Float[Array, ""] = param(0.0, "[0, inf)")
    agreeable: Float[Array, ""] = param(0.0, "[-1, 1]")
    neurotic: Float[Array, ""] = param(0.0, "[-1, 1]")
    conscientious: Float[Array, ""] = param(0.0, "[-1, 1]")
    openness: Float[Array, ""] = param(0.0, "[-1, 1]")
    mach: Float[Array, ""] = param(0.0, "[0, 1]")
    overconfident: Float[Array, ""] = param(0.0, "[-1, 1]")
    sycophancy: Float[Array, ""] = param(0.0, "[0, 1]")

    def value(self, x: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """Prospect-theory value of a material outcome; the outcome itself when `prospect` is 0."""
        d = x - self.reference
        size = jnp.where(d == 0.0, 1.0, jnp.abs(d)) ** self.curve
        felt = jnp.where(d >= 0.0, size, -self.loss * size)
        return jnp.where(self.prospect > 0.0, jnp.where(d == 0.0, 0.0, felt), x)

    def utility(self, i: Int[Array, ""], pays: Float[Array, " n"]) -> Float[Array, ""]:
        """What the payoffs of all mean to agent `i`: own value, others' (svo), inequity."""
        others = max(pays.shape[0] - 1, 1)
        own, rest = pays[i], (pays.sum() - pays[i]) / others
        behind, ahead = jnp.maximum(pays - own, 0.0).sum(), jnp.maximum(own - pays, 0.0).sum()
        angle = jnp.deg2rad(self.svo)
        social = jnp.cos(angle) * self.value(own) + jnp.sin(angle) * rest
        return social - (self.envy * behind + self.guilt * ahead) / others

    def perceive(self, sight: Sight, key: PRNGKeyArray) -> Sight:
        """What the agent makes of its sight: Gaussian noise on every real-valued fact."""

        def blur(name, x):
            if not jnp.issubdtype(x.dtype, jnp.floating):
                return x
            return x + self.noise * jax.random.normal(named_key(key, name), x.shape)

        facts = {name: blur(name, x) for name, x in sight.facts.items()}
        return Sight(facts, sight.legal)

    def choose(
        self, values: Float[Array, " m"], legal: Array, prior: Array | None = None
    ) -> Float[Array, " m"]:
        """Choice probabilities from values: logit with precision or attention price, prior, lapse."""
        prior = even_odds(legal) if prior is None else prior
        rate = jnp.where(self.attention > 0.0, 1.0 / jnp.maximum(self.attention, 1e-6), self.precision)
        logits = jnp.where(legal, rate * values + jnp.log(jnp.maximum(prior, 1e-30)), -jnp.inf)
        return self.lapses(jax.nn.softmax(logits), legal)

    def lapses(self, odds: Float[Array, " m"], legal: Array) -> Float[Array, " m"]:
        """The odds with a share `lapse` spread evenly over the legal acts."""
        return (1.0 - self.lapse) * odds + self.lapse * even_odds(legal)

    def with_traits(self) -> "Profile":
        """The profile with its traits turned into numbers, by arrows that are assumptions."""
        arrows = {
            "svo": self.svo + 22.5 * self.agreeable * (1.0 - self.mach),
            "guilt": self.guilt * (1.0 - self.mach),
            "loss": self.loss * (1.0 + 0.5 * self.neurotic),
            "lapse": jnp.clip(self.lapse * (1.0 - 0.8 * self.conscientious), 0.0, 1.0),
            "precision": self.precision * jnp.exp(-0.7 * self.openness),
        }
        return eqx.tree_at(lambda p: [getattr(p, a) for a in arrows], self, list(arrows.values()))

    def confidence(self, accuracy: Float[Array, "*s"]) -> Float[Array, "*s"]:
        """What it says about its accuracy; overconfidence shifts the log-odds by 3 per unit."""
        return jax.nn.sigmoid(jnp.log(accuracy / (1.0 - accuracy)) + 3.0 * self.overconfident)

    def listen(self, own: Array, others: Float[Array, " m"], status: Float[Array, " m"]) -> Array:
        """Belief after hearing others: sycophancy moves it toward speakers of high status."""
        weights = jax.nn.softmax(3.0 * status)
        return (1.0 - self.sycophancy) * own + self.sycophancy * (weights * others).sum()

    def persona(self, name: str, principal: str) -> str:
        """The same profile in words, for a mind that reads."""
        told = [f"You are {name}. You act for {principal}.", _social(float(self.svo))]
        if float(self.prospect):
            told.append(
                f"A loss from the reference point {float(self.reference):g} matters {float(self.loss):.2f} "
                "times as much as an equal gain; small chances feel larger than they are."
            )
        if float(self.envy) or float(self.guilt):
            told.append(
                f"Being behind another by 1 costs you {float(self.envy):.2f}; being ahead by 1 costs "
                f"you {float(self.guilt):.2f}."
            )
        told += [_graded(trait, float(getattr(self, trait))) for trait in TRAITS]
        return " ".join(filter(None, told))


TRAITS = {
    "openness": "curious",
    "conscientious": "careful and dutiful",
    "agreeable": "warm and trusting",
    "neurotic": "anxious about losses",
    "mach": "willing to mislead others when it pays",
    "sycophancy": "inclined to agree with whoever has authority",
    "overconfident": "sure of your own judgment",
}
GRADES = ("not at all", "a little", "moderately", "very", "extremely")


def _social(degrees: float) -> str:
    if abs(degrees) < 10:
        return "You weigh only your principal's result."
    rate = math.tan(math.radians(degrees))
    return f"You weigh other parties' results at {rate:.2f} for each 1.00 of your principal's."


def _graded(trait: str, amount: float) -> str:
    """A trait in words, graded over its range: -1 to 1, or 0 to 1."""
    if abs(amount) <= 0.2:
        return ""
    share = amount if trait in ("mach", "sycophancy", "overconfident") else (amount + 1) / 2
    return f"You are {GRADES[round(share * 4)]} {TRAITS[trait]}."


def prospect_value(
    profile: Profile, outcomes: Float[Array, " m"], odds: Float[Array, " m"]
) -> Float[Array, ""]:
    """Cumulative prospect theory's value of a lottery (rank dependent). Source: Tversky, Kahneman 1992."""

    def weigh(q, bend):
        q = jnp.clip(q, 1e-12, 1.0)
        return q**bend / (q**bend + (1.0 - q) ** bend) ** (1.0 / bend)

    order = jnp.argsort(outcomes)
    x, q = outcomes[order], odds[order]
    tail, head = jnp.cumsum(q[::-1])[::-1], jnp.cumsum(q)
    up = weigh(tail, profile.gain_weight) - weigh(tail - q, profile.gain_weight)
    down = weigh(head, profile.loss_weight) - weigh(head - q, profile.loss_weight)
    valued = eqx.tree_at(lambda p: p.prospect, profile, jnp.float32(1.0)).value(x)
    return (jnp.where(x >= profile.reference, up, down) * valued).sum()
