"""A prize for which effort is spent that brings nothing else: the rent-seeking contest.

Source: Tullock 1980, Efficient Rent Seeking; Nitzan 1994, Eur. J. Political Economy 10:41.
"""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from .._bounds import shown
from .._card import Card, Oracle, one_each
from .._channel import Amount
from .._param import _real, count, param
from .._scenario import Outcome, Scenario, Sight


class Efforts(eqx.Module):
    """The state: last efforts and prize shares, and whether there was a round at all."""

    effort: Float[Array, " n"]
    share: Float[Array, " n"]
    started: Bool[Array, ""]


class Contest(Scenario):
    """Whoever spends x_i has the odds x_i^r / sum_j x_j^r of the prize; pay is prize_i odds_i - x_i.

    - `prize`: what it is worth, to all or to each; `power`: r, how far effort decides (0: not at all).
    - `lottery`: one winner is drawn; else all are paid their expected share.
    - `budget`: the most effort in a round; by default the largest prize.

    Channel `effort`. With no effort at all the odds are even. Facts (own first): `started`, `efforts`,
    `paid`; `own` and `share` (own last effort and odds), `others` (their mean effort). Events: `effort`,
    `excess` (the same: all effort is waste), `cooperated` (1 - effort / budget), `share`. The efforts of
    a round in the symmetric equilibrium: r (n - 1) prize / n^2 each if r <= n / (n - 1).
    """

    n_agents: int = count(within="[2, 10000]")
    horizon: int = count(within="[1, 1000000]")
    lottery: bool = count()
    prize: Float[Array, " n"] = param(within="(0, inf)")
    power: Float[Array, ""] = param(within="[0, 1000]")
    budget: Float[Array, ""] = param(within="(0, inf)")

    def __init__(
        self,
        n_agents: int = 2,
        horizon: int = 10,
        *,
        prize: float | Sequence[float] = 1.0,
        power: float = 1.0,
        budget: float | None = None,
        lottery: bool = False,
    ):
        if np.shape(prize) not in ((), (n_agents,)):
            raise ValueError(
                f"Contest: got prize of shape {np.shape(prize)}, expected one number or {n_agents}, one an "
                f"agent; try Contest(n_agents={np.size(prize)}, prize={shown(prize)})"
            )
        self.n_agents, self.horizon, self.lottery = n_agents, horizon, lottery
        self.prize = _real(np.broadcast_to(np.asarray(prize, float), (n_agents,)))
        self.power = _real(power)
        self.budget = _real(np.max(prize) if budget is None else budget)

    def channels(self):
        return {"effort": Amount(self.budget)}

    def equilibrium(self) -> np.ndarray | None:
        """Float64[n]: the efforts in the pure equilibrium where a closed form is known, else None.

        Equal prizes: r (n - 1) V / n^2 if r <= n / (n - 1). Two players, r <= 1:
        x_i = r V_i V_1^r V_2^r / (V_1^r + V_2^r)^2 (Nti 1999, Public Choice 98:415).
        """
        n, r, v = self.n_agents, float(self.power), np.asarray(self.prize, dtype=float)
        found = None
        if np.ptp(v) == 0.0 and r <= n / (n - 1):
            found = r * (n - 1) * v / n**2
        elif n == 2 and r <= 1.0:
            found = r * v * (v**r).prod() / (v**r).sum() ** 2
        return None if found is None or found.max() > float(self.budget) else found

    def card(self):
        n, ticks, prize = self.n_agents, self.horizon, np.asarray(self.prize, dtype=float)
        people, represents = one_each([f"contestant {i}" for i in range(n)])
        waste, nash = n * float(self.budget), self.equilibrium()
        even = np.ptp(prize) == 0.0
        fight = None
        if nash is not None:
            odds = nash ** float(self.power) / (nash ** float(self.power)).sum()
            fight = ticks * float((prize * odds - nash).sum())
        worst = (
            min(fight, ticks * prize.mean()) if fight is not None and fight < ticks * prize.max() else None
        )
        return Card(
            title="Contest",
            citation="Tullock 1980, Efficient Rent Seeking",
            setting="competitive",
            objective="what is left of the prize",
            stakeholders=tuple(
                type(p)(p.name, -ticks * float(self.budget), ticks * float(v))
                for p, v in zip(people, prize, strict=True)
            ),
            represents=represents,
            oracle=Oracle(
                best=ticks * prize.max(),  # of unequal prizes only a bound: the keenest wins without effort
                worst=ticks * (prize.min() - waste) if worst is None else worst,
                certificate="exact" if even else "bound",
                nash=fight,
                cooperative=ticks * float(prize.mean()),
            ),
        )

    def init(self, key):
        n = self.n_agents
        return Efforts(jnp.zeros(n), jnp.full(n, 1.0 / n), jnp.array(False))

    def odds(self, effort: Float[Array, " n"]) -> Float[Array, " n"]:
        """Each one's chance of the prize."""
        some = effort.sum() > 0.0
        log = jnp.log(jnp.where(effort > 0.0, effort, 1.0))
        force = jnp.where((effort > 0.0) | (self.power == 0.0), self.power * log, -jnp.inf)
        force = jnp.where(some, force, 0.0)
        return jax.nn.softmax(force)

    def step(self, state, actions, key):
        effort = actions["effort"]
        odds = self.odds(effort)
        share = odds
        if self.lottery:
            share = jax.nn.one_hot(jax.random.categorical(key, jnp.log(odds)), self.n_agents)
        events = {
            "cooperated": 1.0 - effort / self.budget,
            "excess": effort,
            "effort": effort,
            "share": share,
        }
        return Efforts(effort, share, jnp.array(True)), Outcome(self.prize * share - effort, events=events)

    def observe(self, state):
        n = self.n_agents
        seats = (np.arange(n)[:, None] + np.arange(n)[None, :]) % n
        paid = jnp.where(state.started, self.prize * state.share - state.effort, 0.0)
        return Sight(
            {
                "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
                "efforts": state.effort[seats],
                "paid": paid[seats],
                "own": state.effort,
                "share": state.share,
                "others": state.effort[seats[:, 1:]].mean(axis=1),
            }
        )

    def brief(self, agent):
        how = "one of you is drawn and has it all" if self.lottery else "each has that share of it"
        return (
            f"You are contestant {agent} of {self.n_agents} for a prize worth {float(self.prize[agent]):g} "
            f"to you. Each round all spend effort at once, up to {float(self.budget):g}; it is lost. Your "
            f"odds are your effort to the power {float(self.power):g}, over the sum of everybody's; {how}."
        )

    def tell(self, sight):
        if not sight.started:
            return "This is the first round."
        own, *rest = [f"{float(x):.4g}" for x in sight["efforts"]]
        mine, *theirs = [f"{float(x):.4g}" for x in sight["paid"]]
        return (
            f"Last round you spent {own}, the others, in order, {', '.join(rest)}; your share of the prize "
            f"was {float(sight['share']):.4g}, your pay {mine}, theirs, in order, {', '.join(theirs)}."
        )
