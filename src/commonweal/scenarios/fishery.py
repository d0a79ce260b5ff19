"""The fishery of Gordon and Schaefer: effort is cheap, the stock is common, and all of it is fished down.

Each tick the agents choose an effort; the catch is in proportion to effort and stock; the stock then
grows logistically, with luck. Sources: Gordon 1954, J. Political Economy 62:124; Schaefer 1954,
Bull. Inter-American Tropical Tuna Commission 1:27; the default numbers are our own.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._card import Card, Oracle, Value, one_each
from .._channel import Choice
from .._param import count, param
from .._scenario import Outcome, Scenario, Sight

LEAST = 0.5  # units of stock that cannot be fished away
FAR = 4.0  # luck beyond so many standard deviations counts as so many


class Stock(eqx.Module):
    """The state: the stock before this tick's catch, and what each agent last claimed as its effort."""

    stock: Float[Array, ""]
    claims: Float[Array, " n"]


class Fishery(Scenario):
    """`n_agents` choose one of `levels` efforts from 0 to 1, tick by tick (mixed motives).

    - `capacity`: stock K in units without fishing; the stock starts at half of it.
    - `growth`: G a tick; `catchability`: Q, the share of the stock that one whole effort catches.
    - `noise`: standard deviation of the growth factor around 1; it stays within four of them.
    - `quota`: the effort that all could keep up, 0 to 1.
    - `talk`: whether agents also claim an effort, which costs nothing and binds nobody.

    With stock R and efforts e: catch = pay = Q e R, R' = R - sum(catch) + G R (1 - R / K) luck, kept
    between .5 and K. N Q must stay below 1. Facts of the sight: `stock` (as a share of K) and `claims`
    [n]. Events: `effort`, `catch`, `excess` (effort beyond the quota), `cooperated`, `stock`.
    """

    n_agents: int = count(8, "[1, 10000]")
    horizon: int = count(40, "[1, 1000000]")
    levels: int = count(5, "[2, 1000]")
    capacity: Float[Array, ""] = param(80.0, "(0, 1000000000]")
    growth: Float[Array, ""] = param(0.5, "[0, 1000]")
    catchability: Float[Array, ""] = param(0.12, "(0, 1)")
    noise: Float[Array, ""] = param(0.1, "[0, 10]")
    quota: Float[Array, ""] = param(0.25, "[0, 1)")
    talk: bool = count(True)

    def __check_init__(self):
        whole = self.n_agents * float(self.catchability)
        if whole >= 1.0:
            raise ValueError(
                f"Fishery: got n_agents={self.n_agents} and catchability={float(self.catchability):g}, "
                f"expected a product below 1 (nobody catches what is not there), it is {whole:g}; try "
                f"Fishery(n_agents={self.n_agents}, catchability={0.9 / self.n_agents:.3g})"
            )

    def channels(self):
        names = tuple(f"{100 * x:.4g} %" for x in np.linspace(0.0, 1.0, self.levels))
        effort = {"effort": Choice(names)}
        return effort | ({"claim": Choice(names)} if self.talk else {})

    def card(self):
        n, ticks = self.n_agents, self.horizon
        cap, growth = float(self.capacity), float(self.growth)
        alone = ticks * float(self.catchability) * cap
        people, represents = one_each([f"fisher {i}" for i in range(n)], 0.0)
        most = growth * cap / 4 * (1.0 + FAR * abs(float(self.noise)))  # grows in the luckiest tick
        best = cap / 2 + (ticks - 1) * max(most, LEAST)  # what grows after the last catch is nobody's
        return Card(
            title="Gordon-Schaefer fishery",
            citation="Gordon 1954, J. Political Economy 62:124; Schaefer 1954",
            setting="mixed",
            objective="catch of all together over the episode",
            stakeholders=tuple(type(p)(p.name, 0.0, alone) for p in people),
            represents=represents,
            values=(Value("the stock lasts", least=0.0, worst=float(ticks), right=True),),
            oracle=Oracle(
                best=best, worst=0.0, certificate="bound", nash=self.constant(1.0, 1.0) * n * ticks
            ),
        )

    def constant(self, mine: float, theirs: float) -> float:
        """Pay a tick of one whose effort is always `mine`, the others' `theirs`, without luck."""
        stock, total = float(self.capacity) / 2, 0.0
        cap, growth, share = (float(x) for x in (self.capacity, self.growth, self.catchability))
        for _ in range(self.horizon):
            total += share * mine * stock
            caught = share * stock * (mine + (self.n_agents - 1) * theirs)
            stock = min(max(stock - caught + growth * stock * (1.0 - stock / cap), LEAST), cap)
        return total / self.horizon

    def temptation(self) -> float:
        """What one more unit of effort is worth a tick to one agent, at the stock that the quota sustains."""
        cap, growth, share, quota = (
            float(x) for x in (self.capacity, self.growth, self.catchability, self.quota)
        )
        stock = cap * (1.0 - share * self.n_agents * quota / growth)
        return share * stock - quota * share**2 * cap / growth

    def init(self, key):
        return Stock(self.capacity / 2.0, jnp.broadcast_to(self.quota, (self.n_agents,)))

    def step(self, state, actions, key):
        n, whole = self.n_agents, self.levels - 1
        effort = actions["effort"].astype(jnp.float32) / whole
        claims = actions["claim"].astype(jnp.float32) / whole if self.talk else state.claims
        caught = self.catchability * effort * state.stock
        luck = 1.0 + self.noise * jnp.clip(jax.random.normal(key), -FAR, FAR)
        grown = self.growth * state.stock * (1.0 - state.stock / self.capacity) * luck
        stock = jnp.clip(state.stock - caught.sum() + grown, LEAST, self.capacity)
        excess = jnp.maximum(effort - self.quota, 0.0)
        low = stock < self.capacity / 20.0
        harm = jnp.where(low, excess / jnp.maximum(excess.sum(), 1e-6), 0.0)[:, None]
        events = {
            "effort": effort,
            "catch": caught,
            "excess": excess,
            "cooperated": 1.0 - excess / (1.0 - self.quota),
            "stock": jnp.broadcast_to(state.stock, (n,)),
        }
        return Stock(stock, claims), Outcome(pay=caught, harm=harm, events=events)

    def observe(self, state):
        n = self.n_agents
        share = state.stock / self.capacity
        return Sight(
            {"stock": jnp.broadcast_to(share, (n,)), "claims": jnp.broadcast_to(state.claims, (n, n))}
        )

    def brief(self, agent):
        said = " and say what effort you make, which may be true or not" if self.talk else ""
        return (
            f"You are fisher {agent} of {self.n_agents}. Each round you choose how hard to fish{said}. At "
            f"full effort you catch {float(self.catchability):.0%} of the stock; an effort of "
            f"{float(self.quota):.0%} by everyone can be kept up forever."
        )

    def tell(self, sight):
        said = ", ".join(f"fisher {i}: {100 * x:.4g}%" for i, x in enumerate(np.asarray(sight["claims"])))
        claims = f" Efforts claimed last round: {said}." if self.talk and sight.started else ""
        return f"The stock is at {100 * float(sight['stock']):.4g}% of what the water can hold.{claims}"
