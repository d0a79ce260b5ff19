"""Quantity competition with linear demand, in one market or in several that firms may divide."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..._channel import Amount, Choice
from ..._param import _real, count, param
from ..._scenario import Outcome, Scenario, Sight
from .benchmark import Benchmark, Numbers, market_card, order, refuse_shape


class Amounts(eqx.Module):
    """The state: what each firm made of each good last tick, and whether there was a tick at all."""

    made: Float[Array, "n g"]
    started: Bool[Array, ""]


def linear_amounts(top: float, slope: float, cost: np.ndarray, capacity: np.ndarray, joint: float):
    """Float64[n, g]: where no firm would make another amount, if it cares `joint` (0 to 1) for the others.

    0 is the Cournot-Nash equilibrium, 1 the cartel (equal firms share alike). Firm i's best reply is
    q = max(0, (a - c_i - (1 + joint) b Q_-i - price of capacity) / 2b); replies are averaged, which
    climbs the game's potential. Cournot 1838; Monderer and Shapley 1996, GEB 14:124, section 2.
    """
    n = len(cost)
    q = np.zeros_like(cost)
    for _ in range(100_000):
        free = (top - cost - (1.0 + joint) * slope * (q.sum(axis=0) - q)) / (2.0 * slope)
        high = np.maximum(free.max(axis=1), 0.0)
        low = np.zeros(n)
        for _ in range(60 if (np.maximum(free, 0.0).sum(axis=1) > capacity).any() else 0):
            middle = (low + high) / 2.0
            over = np.maximum(free - middle[:, None], 0.0).sum(axis=1) > capacity
            low, high = np.where(over, middle, low), np.where(over, high, middle)
        step = (np.maximum(free - low[:, None], 0.0) - q) / n
        q = q + step
        if np.abs(step).max() < 1e-13 * top / slope:
            break
    return q


class Cournot(Scenario):
    """Firms choose amounts of one or more goods; each good's price falls with what is made of it.

    P_k = max(0, top - slope Q_k), pay sum_k (P_k - cost_ik) q_ik. What a firm wants beyond its capacity
    (of all goods together) is cut in proportion.

    - `cost`: anything that broadcasts to [n, goods]; `capacity`: one number or one a firm.
    - `levels`: 0 for any amount, else that many equal steps from nothing to the capacity.
    - `nash`, `monopoly`: the benchmarks' amounts [n, goods], set when it is made (see `Bertrand`).

    Channel `make`, or `make 0`, `make 1`, ... for several goods. Facts: `started`, `made` (last
    amounts [n, goods], own first), `prices`, `paid` (own first), `did`, `share` (own and the others'
    mean last restraint). Events: `cooperated` (restraint: 0 at the Nash total of the firm's goods, 1
    at its cartel total), `excess` (units withheld: the Nash total less what it made), `made`, `spread`
    (standard deviation of the own amounts over their mean: 0 in all goods alike, 1 in one of two).
    Source: Cournot 1838; two goods as in Lin et al. 2024, arXiv 2410.00031.
    """

    n_agents: int = count(within="[1, 1000]")
    horizon: int = count(within="[1, 1000000]")
    goods: int = count(within="[1, 100]")
    levels: int = count(within="[0, 10000]")
    top: Float[Array, ""] = param(within="(0, 1000000000]")
    slope: Float[Array, ""] = param(within="(0, 1000000000]")
    cost: Float[Array, "n g"] = param(within="[-1000000000, 1000000000]")
    capacity: Float[Array, " n"] = param(within="(0, 1000000000]")
    nash: Float[Array, "n g"] = param()
    monopoly: Float[Array, "n g"] = param()

    def __init__(
        self,
        n_agents: int = 2,
        horizon: int = 50,
        *,
        goods: int = 1,
        top: float = 100.0,
        slope: float = 1.0,
        cost: Numbers = 10.0,
        capacity: Numbers = 100.0,
        levels: int = 0,
    ):
        if levels == 1:
            raise ValueError(
                "Cournot: got levels=1, expected 0 (any amount) or 2 or more steps; try Cournot(levels=11)"
            )
        refuse_shape("Cournot", "cost", cost, n_agents, goods)
        refuse_shape("Cournot", "capacity", capacity, n_agents)
        self.n_agents, self.horizon, self.goods, self.levels = n_agents, horizon, goods, levels
        self.top, self.slope = _real(top), _real(slope)
        self.cost = _real(np.broadcast_to(np.asarray(cost, float), (n_agents, goods)))
        self.capacity = _real(np.broadcast_to(np.asarray(capacity, float), (n_agents,)))
        self.nash, self.monopoly = (_real(self._amounts(joint)) for joint in (0.0, 1.0))

    def _amounts(self, joint: float) -> np.ndarray:
        cost, capacity = (np.asarray(x, dtype=float) for x in (self.cost, self.capacity))
        return linear_amounts(float(self.top), float(self.slope), cost, capacity, joint)

    def benchmark(self) -> Benchmark:
        """Nash and monopoly amounts, profits and customers' surplus of the present numbers (host side)."""
        top, slope, cost = float(self.top), float(self.slope), np.asarray(self.cost, dtype=float)
        found = []
        for q in (self._amounts(0.0), self._amounts(1.0)):
            sold = np.minimum(q.sum(axis=0), top / slope)
            found.append((q, ((top - slope * sold - cost) * q).sum(axis=1), 0.5 * slope * (sold**2).sum()))
        (q, pi, cs), (qm, pim, csm) = found
        return Benchmark(q, qm, pi, pim, float(cs), float(csm))

    def price(self, made: Float[Array, "n g"]) -> Float[Array, " g"]:
        """Each good's price when the firms make these amounts."""
        return jnp.maximum(self.top - self.slope * made.sum(axis=0), 0.0)

    def profits(self, made: Float[Array, "n g"]) -> Float[Array, " n"]:
        """Each firm's profit in one tick when the firms make these amounts."""
        made = jnp.asarray(made, jnp.float32)
        return ((self.price(made)[None, :] - self.cost) * made).sum(axis=1)

    def surplus(self, made: Float[Array, "n g"]) -> Float[Array, ""]:
        """The customers' surplus in one tick, the area under the demand curves and above the prices."""
        sold = jnp.minimum(jnp.asarray(made, jnp.float32).sum(axis=0), self.top / self.slope)
        return 0.5 * self.slope * (sold**2).sum()

    def restraint(self, made: Float[Array, "n g"]) -> Float[Array, " n"]:
        """0 where a firm makes as much as in the Nash equilibrium or more, 1 as little as in the cartel."""
        room = (self.nash - self.monopoly).sum(axis=1)
        less = (self.nash - made).sum(axis=1)
        return jnp.clip(jnp.where(room > 0.0, less / jnp.where(room > 0.0, room, 1.0), 0.0), 0.0, 1.0)

    @property
    def makes(self) -> tuple[str, ...]:
        """The channels, one a good."""
        return ("make",) if self.goods == 1 else tuple(f"make {k}" for k in range(self.goods))

    def channels(self):
        steps = tuple(f"step {k}" for k in range(self.levels))
        return {name: Choice(steps) if steps else Amount(self.capacity.max()) for name in self.makes}

    def card(self):
        cap = np.asarray(self.capacity, dtype=float)
        top, slope, cost = float(self.top), float(self.slope), np.asarray(self.cost, dtype=float)
        own = np.clip((top - cost) / (2.0 * slope), 0.0, cap[:, None])
        high = ((top - slope * own - cost) * own).sum(axis=1)  # alone in every good: a bound only
        flood = np.maximum(top - slope * cap.sum(), 0.0) - cost.max(axis=1)
        ranges = np.stack([np.minimum(flood * cap, 0.0), high], axis=1)
        full, rest = divmod(cap.sum(), top / slope)  # customers gain most where one good is cheapest
        sold = np.where(np.arange(self.goods) < full, top / slope, 0.0)
        sold += np.where(np.arange(self.goods) == full, rest, 0.0)
        return market_card(
            "Quantity competition",
            "Cournot 1838; Lin, Ojha, Cai, Chen 2024, arXiv 2410.00031",
            self.horizon,
            np.vstack([ranges, [[0.0, 0.5 * slope * (sold**2).sum()]]]),
            self.benchmark(),
        )

    def init(self, key):
        return Amounts(jnp.zeros((self.n_agents, self.goods)), jnp.array(False))

    def step(self, state, actions, key):
        want = jnp.stack([actions[name] for name in self.makes], axis=1)
        if self.levels:
            want = want.astype(jnp.float32) * self.capacity[:, None] / (self.levels - 1)
        total = want.sum(axis=1)
        made = want * (jnp.minimum(total, self.capacity) / jnp.maximum(total, 1e-9))[:, None]
        pay, degree = self.profits(made), self.restraint(made)
        mean = made.mean(axis=1)
        events = {
            "cooperated": degree,
            "excess": jnp.maximum((self.nash - made).sum(axis=1), 0.0),
            "made": made.sum(axis=1),
            "spread": made.std(axis=1) / jnp.maximum(mean, 1e-9),
        }
        utility = jnp.append(pay, self.surplus(made))
        after = Amounts(made, jnp.array(True))
        return after, Outcome(pay, utility, pay.sum(), degree[:, None], events=events)

    def observe(self, state):
        n, made, seats = self.n_agents, state.made, order(self.n_agents)
        did = jnp.where(state.started, self.restraint(made), 0.0)
        paid = jnp.where(state.started, self.profits(made), 0.0)
        return Sight(
            {
                "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
                "made": made[seats],
                "prices": jnp.broadcast_to(self.price(made), (n, self.goods)),
                "paid": paid[seats],
                "did": did,
                "share": did[seats[:, 1:]].sum(axis=1) / max(n - 1, 1),
            }
        )

    def brief(self, agent):
        cost = ", ".join(f"{float(c):g}" for c in self.cost[agent])
        menu = f" Step k of {self.levels - 1} makes that share of your capacity." if self.levels else ""
        return (
            f"You are firm {agent} of {self.n_agents}. Each round all firms choose at once how much to make "
            f"of {self.goods} good(s); a unit costs you {cost}. A good's price is {float(self.top):g} less "
            f"{float(self.slope):g} for every unit that all make of it. You can make "
            f"{float(self.capacity[agent]):g} units in all.{menu}"
        )

    def tell(self, sight):
        if not sight.started:
            return "The market opens."
        made = ["/".join(f"{float(x):.4g}" for x in row) for row in sight["made"]]
        price = ", ".join(f"{float(x):.4g}" for x in sight["prices"])
        paid = ", ".join(f"{float(x):.4g}" for x in sight["paid"])
        did, share = (f"{100 * float(sight[name]):.4g}%" for name in ("did", "share"))
        return (
            f"Last round you made {made[0]}; the others, in order: {', '.join(made[1:]) or 'nobody'}. "
            f"On the market's scale of restraint you stood at {did}, the others at {share} on average. "
            f"Prices: {price}. Profits, yours first: {paid}."
        )
