"""A linear public good: what is given is multiplied and shared by all, also by those who gave nothing.

Source: Isaac and Walker 1988; Fehr and Gachter 2000 (n=4, endowment 20, return 0.4 per token).
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._card import Card, Oracle, Unknown, one_each
from .._channel import Amount, Choice
from .._param import count, param
from .._scenario import Outcome, Scenario, Sight


class Round(eqx.Module):
    """The state: what each agent gave last, and whether there was a last round at all."""

    gave: Float[Array, " n"]
    started: Bool[Array, ""]


class PublicGoods(Scenario):
    """Each agent keeps what it does not give; the gifts, multiplied, are split evenly.

    Channel `give`: an amount up to the endowment or, with `binary`, all or nothing. Facts of the
    sight: `started`, `gifts` (everyone's last gift, own first), `did` and `share` (own and the
    others' mean last gift as a share of the endowment). Events: `cooperated` (share given),
    `excess` (units kept), `gave` (units).
    """

    n_agents: int = count(4, "[1, 10000]")
    horizon: int = count(10, "[1, 1000000]")
    endowment: Float[Array, ""] = param(20.0, "(0, 1000000000]")
    multiplier: Float[Array, ""] = param(1.6, "[0, 1000000]")
    binary: bool = count(False)

    def channels(self):
        return {
            "give": Choice(("contribute", "free ride"), silent=1) if self.binary else Amount(self.endowment)
        }

    def card(self):
        n, ticks = self.n_agents, self.horizon
        own, m = float(self.endowment), float(self.multiplier)
        keep, give = ticks * n * own, ticks * n * own * m
        people, represents = one_each([f"member {i}" for i in range(n)])
        low = ticks * own * min(1.0, m / n)
        high = ticks * own * max(m, 1.0 + m * (n - 1) / n)
        oracle = Unknown("a multiplier of 1 makes giving worth as much as keeping")
        if m != 1.0:
            oracle = Oracle(max(keep, give), min(keep, give), "exact", keep if m < n else give, give)
        return Card(
            title="Public good",
            citation="Isaac and Walker 1988; Fehr and Gachter 2000, AER 90:980",
            setting="mixed",
            objective="units of all members together",
            stakeholders=tuple(type(p)(p.name, low, high) for p in people),
            represents=represents,
            oracle=oracle,
        )

    def init(self, key):
        return Round(jnp.zeros(self.n_agents), jnp.array(False))

    def step(self, state, actions, key):
        act = actions["give"]
        gave = self.endowment * (act == 0).astype(jnp.float32) if self.binary else act
        pay = self.endowment - gave + self.multiplier * gave.mean()
        events = {"cooperated": gave / self.endowment, "excess": self.endowment - gave, "gave": gave}
        return Round(gave, jnp.array(True)), Outcome(pay=pay, events=events)

    def observe(self, state):
        n = self.n_agents
        order = np.array([[(i + j) % n for j in range(n)] for i in range(n)])
        gifts, part = state.gave[order], state.gave / self.endowment
        started = jnp.broadcast_to(state.started.astype(jnp.float32), (n,))
        share = part[order[:, 1:]].sum(axis=1) / max(n - 1, 1)
        return Sight({"started": started, "gifts": gifts, "did": part, "share": share})

    def brief(self, agent):
        how = "all of it or nothing" if self.binary else "any part of it"
        return (
            f"You are member {agent} of {self.n_agents}. Each round each member has {self.endowment:g} units "
            f"and may give {how} to a common pot. What is in the pot is multiplied by {self.multiplier:g} "
            "and split evenly among all members, whatever they gave; what you do not give is yours."
        )

    def tell(self, sight):
        if not sight.started:
            return "This is the first round."
        own, *rest = [f"{float(x):g}" for x in sight["gifts"]]
        return f"Last round you gave {own} units; the others, in order, gave: {', '.join(rest)}."
