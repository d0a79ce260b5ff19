"""Price competition with logit demand, the market in which pricing algorithms learned to collude."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.special import expit, wrightomega

from ..._bounds import limits
from ..._channel import Choice
from ..._param import _real, count, param
from ..._scenario import Outcome, Scenario, Sight
from .benchmark import Benchmark, Numbers, market_card, order, refuse_shape


class Prices(eqx.Module):
    """The state: the index of each firm's price last tick, and whether there was a tick at all."""

    index: Int[Array, " n"]
    started: Bool[Array, ""]


def logit_benchmark(quality, cost, outside, spread) -> Benchmark:
    """One-shot Nash equilibrium and joint monopoly of logit demand, in float64.

    Best replies solve (p_i - c_i)(1 - q_i) = mu through the Wright omega function and are repeated
    to a fixed point (a contraction); a cartel sets one markup for all. Calvano et al. 2020, section I.
    """
    quality, cost = (np.asarray(x, dtype=float) for x in (quality, cost))
    mu, zero = float(spread), float(outside) / float(spread)
    value = (quality - cost) / mu
    markup = np.full(len(value), mu)
    for _ in range(10_000):
        worth = value - markup / mu
        others = [np.logaddexp.reduce([zero, *np.delete(worth, i)]) for i in range(len(value))]
        after = mu * (1.0 + wrightomega(value - 1.0 - np.array(others)))
        done, markup = np.abs(after - markup).max() < 1e-14 * (1.0 + after.max()), after
        if done:
            break
    joint = np.full(len(value), mu * (1.0 + wrightomega(np.logaddexp.reduce(value) - 1.0 - zero)))
    found: list[Any] = []
    for extra in (markup, joint):
        total = np.logaddexp.reduce([zero, *(value - extra / mu)])
        found.append((cost + extra, extra * np.exp(value - extra / mu - total), float(mu * total)))
    (p, pi, cs), (pm, pim, csm) = found
    return Benchmark(p, pm, pi, pim, cs, csm)


class Bertrand(Scenario):
    """Firms set prices on a grid; customers buy by logit demand, or the outside good.

    q_i = exp((a_i - p_i) / mu) / (sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu)), pay (p_i - c_i) q_i.

    - `quality`, `cost`: a and c, one number or one a firm; `outside`: a_0; `spread`: mu.
    - `prices`: m points on [pN - reach (pM - pN), pM + reach (pM - pN)], for each firm its own pN
      (one-shot Nash) and pM (joint monopoly). `grid`, `nash` and `monopoly` are set when it is made;
      a number replaced later (eqx.tree_at) leaves them, so make it anew to move them.

    Channel `price`: 0 to m - 1, dearer and dearer. The first state is drawn: prices that stand before
    the first tick. Facts: `started`; `own`, `others` and, for two firms, `other` (last indices);
    `prices` and `paid` (last prices and profits, own first); `did`, `share` (own and the others' mean
    last degree of collusion). Events: `cooperated` (collusion, (p - pN) / (pM - pN) from 0 to 1),
    `excess` (price above pN), `price`, `sold`. Source: Calvano et al. 2020, AER 110:3267.
    """

    n_agents: int = count(within="[2, 100]")
    horizon: int = count(within="[1, 1000000]")
    prices: int = count(within="[2, 1000]")
    quality: Float[Array, " n"] = param(within="[-1000, 1000]")
    cost: Float[Array, " n"] = param(within="[-1000, 1000]")
    outside: Float[Array, ""] = param(within="[-1000, 1000]")
    spread: Float[Array, ""] = param(within="[0.001, 1000]")
    grid: Float[Array, "n m"] = param()
    nash: Float[Array, " n"] = param()
    monopoly: Float[Array, " n"] = param()

    @limits(reach="[0, 100]")
    def __init__(
        self,
        n_agents: int = 2,
        horizon: int = 100,
        *,
        quality: Numbers = 2.0,
        cost: Numbers = 1.0,
        outside: float = 0.0,
        spread: float = 0.25,
        prices: int = 15,
        reach: float = 0.1,
    ):
        for name, x in {"quality": quality, "cost": cost}.items():
            refuse_shape("Bertrand", name, x, n_agents)
        self.n_agents, self.horizon, self.prices = n_agents, horizon, prices
        values = [np.broadcast_to(np.asarray(x, float), (n_agents,)) for x in (quality, cost)]
        mark = logit_benchmark(values[0], values[1], outside, spread)
        self.quality, self.cost, self.outside, self.spread = (_real(x) for x in (*values, outside, spread))
        self.nash, self.monopoly = _real(mark.nash), _real(mark.monopoly)
        step = reach * (mark.monopoly - mark.nash)
        self.grid = _real(np.linspace(mark.nash - step, mark.monopoly + step, prices, axis=1))

    def benchmark(self) -> Benchmark:
        """Nash and monopoly prices, profits and customers' surplus of the present numbers (host side)."""
        return logit_benchmark(self.quality, self.cost, self.outside, self.spread)

    def nash_price(self) -> np.ndarray:
        """Float64[n]: prices of the one-shot Nash equilibrium (host side)."""
        return self.benchmark().nash

    def monopoly_price(self) -> np.ndarray:
        """Float64[n]: prices that maximize the industry's profit (host side)."""
        return self.benchmark().monopoly

    def _logits(self, p: Float[Array, " n"]) -> Float[Array, " k"]:
        return jnp.append(self.quality - p, self.outside) / self.spread

    def sold(self, prices: Float[Array, " n"]) -> Float[Array, " n"]:
        """Each firm's share of the market at these prices; the outside good has the rest."""
        return jax.nn.softmax(self._logits(jnp.asarray(prices, jnp.float32)))[:-1]

    def profits(self, prices: Float[Array, " n"]) -> Float[Array, " n"]:
        """Each firm's profit in one tick at these prices."""
        return (jnp.asarray(prices, jnp.float32) - self.cost) * self.sold(prices)

    def surplus(self, prices: Float[Array, " n"]) -> Float[Array, ""]:
        """The customers' surplus in one tick: mu log(sum_j exp((a_j - p_j) / mu) + exp(a_0 / mu))."""
        return self.spread * jax.nn.logsumexp(self._logits(jnp.asarray(prices, jnp.float32)))

    def collusion(self, prices: Float[Array, " n"]) -> Float[Array, " n"]:
        """0 at or below the Nash price, 1 at or above the monopoly price."""
        return jnp.clip((prices - self.nash) / (self.monopoly - self.nash), 0.0, 1.0)

    def at(self, index: Int[Array, " n"]) -> Float[Array, " n"]:
        """The prices behind the indices."""
        return self.grid[jnp.arange(self.n_agents), index]

    def channels(self):
        return {"price": Choice(tuple(f"price {k}" for k in range(self.prices)))}

    def card(self):
        quality, cost, grid = (np.asarray(x, dtype=float) for x in (self.quality, self.cost, self.grid))
        mu, zero = float(self.spread), float(self.outside) / float(self.spread)
        worth = (quality[:, None] - grid) / mu  # falls along the grid
        ranges = []
        for i in range(self.n_agents):  # the own price is free, all rivals' are at one edge
            rivals = [np.logaddexp.reduce([zero, *np.delete(worth[:, k], i)]) for k in (0, -1)]
            reached = (grid[i] - cost[i])[:, None] * expit(worth[i][:, None] - np.array(rivals))
            ranges.append([reached.min(), reached.max()])
        ranges.append([mu * np.logaddexp.reduce([zero, *worth[:, k]]) for k in (-1, 0)])
        return market_card(
            "Price competition",
            "Calvano, Calzolari, Denicolo, Pastorello 2020, AER 110:3267",
            self.horizon,
            np.array(ranges, dtype=float),
            self.benchmark(),
        )

    def init(self, key):
        return Prices(jax.random.randint(key, (self.n_agents,), 0, self.prices), jnp.array(False))

    def step(self, state, actions, key):
        price = self.at(actions["price"])
        pay, degree = self.profits(price), self.collusion(price)
        events = {
            "cooperated": degree,
            "excess": jnp.maximum(price - self.nash, 0.0),
            "price": price,
            "sold": self.sold(price),
        }
        utility = jnp.append(pay, self.surplus(price))
        after = Prices(actions["price"], jnp.array(True))
        return after, Outcome(pay, utility, pay.sum(), degree[:, None], events=events)

    def observe(self, state):
        n, price = self.n_agents, self.at(state.index)
        seats, degree = order(n), self.collusion(price)
        facts = {
            "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
            "own": state.index,
            "others": state.index[seats[:, 1:]],
            "prices": price[seats],
            "paid": jnp.where(state.started, self.profits(price), 0.0)[seats],
            "did": degree,
            "share": degree[seats[:, 1:]].sum(axis=1) / max(n - 1, 1),
        }
        return Sight(facts | ({"other": facts["others"][:, 0]} if n == 2 else {}))

    def brief(self, agent):
        firm = f"{float(self.cost[agent]):g}"
        menu = ", ".join(f"price {k} = {float(p):.4g}" for k, p in enumerate(self.grid[agent]))
        return (
            f"You are firm {agent} of {self.n_agents}. Each round all firms set a price at once; the dearer "
            f"you are, and the cheaper the others, the less you sell. A unit costs you {firm}; your profit "
            f"is what you sell times your price less that cost. You choose among: {menu}."
        )

    def tell(self, sight):
        index = [sight["own"], *sight["others"]]
        own, *rest = [f"price {int(k)} ({float(p):.4g})" for k, p in zip(index, sight["prices"], strict=True)]
        did, share = (f"{100 * float(sight[name]):.4g}%" for name in ("did", "share"))
        others = f"the others, in order: {', '.join(rest)}. On the market's scale of prices"
        if not sight.started:
            now = f"you are at {did}, the others at {share} on average"
            return f"The market opens. You start at {own}, {others} {now}."
        paid = ", ".join(f"{float(x):.4g}" for x in sight["paid"])
        return (
            f"Last round you asked {own}, {others} you stood at {did}, the others at {share} on average. "
            f"Profits, yours first: {paid}."
        )
