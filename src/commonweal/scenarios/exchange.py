"""Wealth that changes hands by luck: how equals become unequal without anyone's fault.

Three rules of econophysics in one scenario, and the agents decide how much they risk. Each exchange
is fair (nobody gains in the mean), yet `pool` ends in an exponential distribution, `yard sale` in
one owner of everything; `growth` is the urn of cumulative advantage.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._card import Card, Unknown, Value, one_each
from .._channel import Amount
from .._graph import pairing
from .._param import count, param, text
from .._scenario import Outcome, Scenario, Sight

RULES = {
    "pool": "both stakes go into one pot, which is split between the two of you at a random point",
    "yard sale": "the smaller of the two stakes is won by one of you, by the toss of a coin",
    "growth": "one new unit goes to somebody in town, drawn with odds in proportion to the stakes",
}


class Purses(eqx.Module):
    """The state: wealth of each in units, whom each meets now, and whether there was a tick at all."""

    wealth: Float[Array, " n"]
    partner: Int[Array, " n"]
    started: Bool[Array, ""]


class Exchange(Scenario):
    """Each tick all meet in random pairs and put a share of what they own at stake.

    - `rule`: `pool`, `yard sale` or `growth` (see `RULES`; growth has no pairs). Staking 1 under
      `pool` is Dragulescu and Yakovenko's game, staking 1 - s that with a saving share s.
    - `start`: what everyone owns at first; `poor`: poverty is less than this share of the mean.

    Channel `stake`: 0 (stay out) to 1, a share of one's own wealth. Facts: `wealth`, `met` (the
    partner's wealth), `mean`, `rank` (share of the agents who own less). Pay is what wealth gains; the
    first tick also pays out the start, so that net pay adds up to wealth (an institution's transfers
    are paid besides it and are not at stake). Events: `wealth`, `excess` (wealth above the mean),
    `cooperated` (0 for whoever gained from somebody poorer). Harm: leaving a partner poor.

    Predicted: Gini 0.5 under pool and about that of a gamma law of shape 1 + 3 s / (1 - s) with saving;
    1 in the end under yard sale; shares of two agents even from 0 to 1 under growth. Source: Dragulescu
    and Yakovenko 2000, Eur. Phys. J. B 17:723; Chakraborti and Chakrabarti 2000; Chakraborti 2002;
    Polya 1930.
    """

    n_agents: int = count(10, "[2, 10000]")
    horizon: int = count(50, "[1, 1000000]")
    rule: Literal["pool", "yard sale", "growth"] = text("pool")
    start: Float[Array, ""] = param(1.0, "(0, 1000000]")
    poor: Float[Array, ""] = param(0.1, "[0, inf)")

    def channels(self):
        return {"stake": Amount(1.0, unit="of your wealth")}

    def card(self):
        n, ticks = self.n_agents, self.horizon
        most = n * float(self.start) + (ticks if self.rule == "growth" else 0)
        people, represents = one_each([f"trader {i}" for i in range(n)], 0.0, most)
        return Card(
            title="Exchange",
            citation="Dragulescu and Yakovenko 2000, Eur. Phys. J. B 17:723; Boghosian 2014, PRE 89:042804",
            setting="competitive",
            objective="units of all together, which nobody can change",
            stakeholders=people,
            represents=represents,
            values=(Value("nobody is left poor", least=0.0, worst=float(n * ticks) / 2, right=True),),
            oracle=Unknown("exchange only moves wealth: the total is the same whatever they do"),
        )

    def init(self, key):
        wealth = jnp.broadcast_to(self.start, (self.n_agents,))
        return Purses(wealth, pairing(key, self.n_agents), jnp.array(False))

    def _gain(self, state, risked, key):
        """What each one's wealth gains; the two of a pair share their luck through the earlier seat."""
        seats, mate = jnp.arange(self.n_agents), state.partner
        first = jnp.minimum(seats, mate)
        lead = seats == first
        u = jax.random.uniform(key, (self.n_agents,))[first]
        if self.rule == "pool":
            part = jnp.where(lead, u, 1.0 - u)
            won = part * (risked + risked[mate]) - risked
        else:
            sign = jnp.where((u < 0.5) == lead, 1.0, -1.0)
            won = sign * jnp.minimum(risked, risked[mate])
        return jnp.where(mate == seats, 0.0, won)

    def step(self, state, actions, key):
        old, mate = state.wealth, state.partner
        risked = actions["stake"] * old
        if self.rule == "growth":
            lucky = jax.random.categorical(key, jnp.log(risked))
            gain = jax.nn.one_hot(lucky, self.n_agents) * (risked.sum() > 0.0).astype(jnp.float32)
        else:
            gain = self._gain(state, risked, key)
        wealth = jnp.maximum(old + gain, 0.0)
        mean = wealth.mean()
        won = (gain > 0.0) & (self.rule != "growth")  # growth takes from nobody
        took, left_poor = won & (old[mate] < old), won & (wealth[mate] < self.poor * mean)
        events = {
            "cooperated": 1.0 - took.astype(jnp.float32),
            "excess": jnp.maximum(wealth - mean, 0.0),
            "wealth": wealth,
        }
        pay = wealth - jnp.where(state.started, old, 0.0)
        after = Purses(wealth, pairing(jax.random.fold_in(key, 1), self.n_agents), jnp.array(True))
        return after, Outcome(pay=pay, harm=left_poor.astype(jnp.float32)[:, None], events=events)

    def observe(self, state):
        n, wealth = self.n_agents, state.wealth
        below = jnp.searchsorted(jnp.sort(wealth), wealth)
        return Sight(
            {
                "wealth": wealth,
                "met": wealth[state.partner],
                "mean": jnp.broadcast_to(wealth.mean(), (n,)),
                "rank": below.astype(jnp.float32) / n,
            }
        )

    def brief(self, agent):
        meet = "say" if self.rule == "growth" else "meet somebody and both say"
        return (
            f"You are trader {agent} of {self.n_agents}; each begins with {float(self.start):g} units. Each "
            f"round you {meet} which share of your wealth you stake; then {RULES[self.rule]}."
        )

    def tell(self, sight):
        return (
            f"You own {float(sight['wealth']):.4g} units, whom you meet {float(sight['met']):.4g}; the mean "
            f"is {float(sight['mean']):.4g}, and {100 * float(sight['rank']):.4g}% own less than you."
        )
