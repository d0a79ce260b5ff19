"""Pricing algorithms that learn to collude: the market's benchmarks, and what Q-learners do in it.

Source: Calvano, Calzolari, Denicolo and Pastorello 2020, AER 110:3267. The paper's own digits are not
open to us: the numbers are recomputed from its model by a program apart from this package.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .._run import replay, run
from .._society import Society
from ..minds.q_learning import ByTable, Exponential, QLearner, Sessions, sessions
from ..scenarios.market import Bertrand
from .target import Row, Target

MODEL = "Calvano et al. 2020, AER 110:3267, logit market; recomputed"
LEARNED = "Calvano et al. 2020, AER 110:3267; our own prototype"
Z = 3.29  # two-sided at 0.001
WARM, SHOWN, AFTER = 20, 10, 120  # ticks before a forced price, those printed, those counted


# --------------------------------------------------------------------------------- the market itself

BENCHMARKS = {  # firms: price, profit of one firm and customers' surplus, Nash and monopoly; critical delta
    2: (1.472927, 1.924981, 0.222927, 0.337490, 0.715098, 0.327078, 0.3931),
    3: (1.370163, 2.000000, 0.120163, 0.250000, 0.911111, 0.346574, 0.4893),
    4: (1.331461, 2.054411, 0.081461, 0.201103, 1.019386, 0.359819, 0.5630),
    5: (1.311521, 2.097231, 0.061521, 0.169446, 1.094003, 0.369771, None),
}


def critical_discount(market: Bertrand) -> float:
    """The least discount factor at which grim trigger holds the monopoly price, prices being free."""
    mark = market.benchmark()
    own = np.linspace(mark.nash[0], mark.monopoly[0], 4001)
    rest = np.broadcast_to(mark.monopoly[1:], (len(own), market.n_agents - 1))
    prices = jnp.asarray(np.column_stack([own, rest]), jnp.float32)
    best = float(jax.vmap(market.profits)(prices)[:, 0].max())
    return (best - mark.monopoly_profits[0]) / (best - mark.nash_profits[0])


def benchmarks(spread: float = 0.25) -> list[Row]:
    """Nash and monopoly of two to five firms."""
    rows = []
    for n, published in BENCHMARKS.items():
        market = Bertrand(n_agents=n, spread=spread)
        mark = market.benchmark()
        firm = (mark.nash, mark.monopoly, mark.nash_profits, mark.monopoly_profits)
        ours = [x[0] for x in firm] + [mark.nash_surplus, mark.monopoly_surplus]
        names = ("pN", "pM", "profit, Nash", "profit, monopoly", "surplus, Nash", "surplus, monopoly")
        for name, value, known in zip(names, ours, published, strict=False):
            rows.append(Row(f"{n} firms: {name}", float(value), known, 1e-5, MODEL))
        if published[6] is not None:
            found = critical_discount(market)
            rows.append(Row(f"{n} firms: critical discount", found, published[6], 1e-4, MODEL))
    prices, tests = jnp.array([1.5, 1.5]), "econ-evals-paper, its unit tests"
    market = Bertrand(spread=spread)
    rows.append(Row("sold at 1.5", float(market.sold(prices)[0]), 0.46831053, 1e-6, tests, "V"))
    rows.append(Row("profit at 1.5", float(market.profits(prices)[0]), 0.23415527, 1e-6, tests, "V"))
    return rows


def units() -> list[Row]:
    """Money in half units doubles prices and profits; a firm's name does not matter."""
    one, two = Bertrand(), Bertrand(quality=4.0, cost=2.0, spread=0.5)
    before, after = one.benchmark(), two.benchmark()
    rows = [
        Row(f"half units: {name}", float(b[0]), 2.0 * float(a[0]), 1e-9, "change of units")
        for name, a, b in (
            ("pN", before.nash, after.nash),
            ("pM", before.monopoly, after.monopoly),
            ("profit, Nash", before.nash_profits, after.nash_profits),
        )
    ]
    here, there = Bertrand(cost=[1.0, 1.2]).benchmark(), Bertrand(cost=[1.2, 1.0]).benchmark()
    return [*rows, Row("firms renamed: Nash", here.nash[0], there.nash[1], 1e-9, "symmetry")]


EXACT = Target(
    name="calvano",
    title="Competitive and collusive prices of the logit market",
    model="q_i = exp((a_i - p_i)/mu) / (sum_j exp((a_j - p_j)/mu) + exp(a_0/mu)), n = 2 to 5 firms",
    rows=benchmarks,
    control=lambda: benchmarks(spread=0.3),
    metamorphic=units,
    parameters={"quality": 2.0, "cost": 1.0, "outside": 0.0, "spread": 0.25},
    cost="2 s on one core",
)


# -------------------------------------------------------------------------------------- the learners


class Setting(NamedTuple):
    """Learning rate, decay of exploration by tick, discount factor, sessions, firms, and the most ticks."""

    rate: float = 0.15
    decay: float = 4e-6
    discount: float = 0.95
    worlds: int = 100
    firms: int = 2
    cap: int = 10_000_000


BASELINE, MIDDLE = Setting(), Setting(0.125, 1e-5, worlds=60)
THREE, FOUR = Setting(worlds=32, firms=3), Setting(worlds=22, firms=4, cap=100_000_000)
BLIND, SHORT = Setting(discount=0.0, worlds=30), Setting(discount=0.35, worlds=30)


def pay_table(market: Bertrand) -> np.ndarray:
    """Float64[n, m, ..., m]: the profit of each firm by joint price index."""
    n, m = market.n_agents, market.prices
    index = jnp.asarray(np.indices((m,) * n).reshape(n, -1).T, jnp.int32)
    pays = jax.vmap(lambda i: market.profits(market.at(i)))(index)
    return np.asarray(pays, float).T.reshape(n, *(m,) * n)


def learners(market: Bertrand, setting: Setting) -> list[QLearner]:
    """The paper's learners: first values as if the rivals played evenly for ever."""
    pay, s = pay_table(market), setting
    firms = range(market.n_agents)
    even = [pay[i].mean(axis=tuple(k for k in firms if k != i)) for i in firms]
    explore = Exponential(s.decay)
    return [
        QLearner(s.rate, s.discount, explore, values / (1.0 - s.discount), channel="price") for values in even
    ]


@functools.cache
def learned(setting: Setting) -> Sessions:
    """What groups of learners come to."""
    market = Bertrand(n_agents=setting.firms)
    return sessions(market, learners(market, setting), setting.worlds, cap=setting.cap)


def cycle_profits(market: Bertrand, found: Sessions) -> np.ndarray:
    """Float64[B, n]: mean profits on the cycle that the frozen firms of each session play."""
    pay, m, n, worlds = pay_table(market), market.prices, market.n_agents, np.arange(len(found.acts))
    seats = (np.arange(n)[None, :] - np.arange(n)[:, None]) % n
    code = m ** (n - 1 - seats)  # how each firm codes a joint act, its own first

    def after(acts):
        return np.stack([found.greedy[worlds, i, acts @ code[i]] for i in range(n)], axis=1)

    acts, half = found.acts, after(found.acts)
    while (going := (acts != half).any(axis=1)).any():  # one walks, one runs, until both are on the cycle
        acts, half = (
            np.where(going[:, None], x, y) for x, y in ((after(acts), acts), (after(after(half)), half))
        )
    start, going = acts, np.ones(len(acts), bool)
    total, length = np.zeros((len(acts), n)), np.zeros(len(acts))
    while going.any():
        total += np.where(going[:, None], pay[:, *acts.T].T, 0.0)
        length += going
        acts = after(acts)
        going &= (acts != start).any(axis=1)
    return total / length[:, None]


def gain(market: Bertrand, profits: np.ndarray) -> np.ndarray:
    """Delta: how far profits lie from Nash (0) to monopoly (1)."""
    mark = market.benchmark()
    low, high = mark.nash_profits.mean(), mark.monopoly_profits.mean()
    return (profits.mean(axis=-1) - low) / (high - low)


class Response(NamedTuple):
    """What follows one forced price, with all else the same: one row a session.

    - `price`, `calm`: Float64[B, AFTER, 2], with the forced price (firm 0, first tick) and without.
    - `profit`, `rest`: the same for profits.
    """

    price: np.ndarray
    calm: np.ndarray
    profit: np.ndarray
    rest: np.ndarray

    def gains(self, discount: float) -> np.ndarray:
        """Float64[B]: what the deviation adds to the deviator's discounted profits, as a share of them."""
        weights = discount ** np.arange(AFTER)
        with_it, without = self.profit[:, :, 0] @ weights, self.rest[:, :, 0] @ weights
        return with_it / without - 1.0


def deviate(found: Sessions) -> Response:
    """Freeze each pair, let it play on, replay the same world with one price cut: the best static reply.

    The strategies are frozen in `ByTable` minds; the world is replayed with `do=`.
    """
    market = Bertrand(horizon=WARM + AFTER)
    pay, shape, parts = pay_table(market), (market.horizon, 2), []
    for greedy, acts in zip(found.greedy, found.acts, strict=True):
        minds = [ByTable(table, channel="price") for table in greedy]
        when, what = np.zeros(shape, bool), np.zeros(shape, int)
        when[0], what[0] = True, acts
        calm = run(Society(market, minds), 1, do={"price": (when, what)})
        when[WARM, 0], what[WARM, 0] = True, pay[0, :, calm.act["price"][0, WARM, 1]].argmax()
        cut = replay(calm, do={"price": (when, what)})
        parts.append([x[0, WARM:] for t in (cut, calm) for x in (t.events["price"], t.net)])
    price, profit, calm_price, rest = (np.asarray(x, float) for x in zip(*parts, strict=True))
    return Response(price, calm_price, profit, rest)


# ------------------------------------------------------------------------------- beside the published

SERIES = {  # mean prices from the forced one on: the deviator's, its rival's
    "deviator": (1.610, 1.580, 1.585, 1.647, 1.693, 1.744, 1.760, 1.775, 1.785, 1.793),
    "rival": (1.788, 1.565, 1.576, 1.635, 1.699, 1.738, 1.769, 1.773, 1.781, 1.785),
}
DELTAS = {  # of the prototype: mean Delta, its standard error (None: not kept), how many sessions
    BASELINE: (0.8458, 0.0067, 300),
    MIDDLE: (0.821, 0.012, 60),
    BLIND: (0.224, None, 80),
    SHORT: (0.154, 0.020, 80),
}


def _mean(name: str, ours: np.ndarray, published: float, theirs: tuple[float | None, int]) -> Row:
    """A mean over sessions beside another's, of which (standard error, number of sessions) are known.

    Where the error is not known, their sessions are taken to spread as ours do, and the row says so.
    """
    spread, source = float(ours.std(ddof=1)), f"{LEARNED}, {theirs[1]} sessions"
    error, other = spread / len(ours) ** 0.5, theirs[0]
    if other is None:
        other, source = spread / theirs[1] ** 0.5, f"{source}, spread as ours"
    return Row(name, float(ours.mean()), published, Z * math.hypot(error, other), source, "M", 1.96 * error)


@functools.cache
def _deltas(setting: Setting) -> np.ndarray:
    market = Bertrand()
    return gain(market, cycle_profits(market, learned(setting)))


@functools.cache
def _response(setting: Setting) -> Response:
    return deviate(learned(setting))


def outcomes() -> list[Row]:
    """Gain, periods, deviations and the response to one forced price."""
    names = {BASELINE: "baseline", MIDDLE: "mid-grid", BLIND: "discount 0", SHORT: "discount .35"}
    rows = [_mean(f"{names[s]}: Delta", _deltas(s), DELTAS[s][0], DELTAS[s][1:]) for s in DELTAS]
    rows.append(Row("baseline: Delta, the paper's", rows[0].ours, 0.85, 0.03, "Calvano et al. 2020", "mem"))
    for setting, periods in ((BASELINE, 1.88e6), (MIDDLE, 0.952e6)):
        mine = learned(setting).periods.astype(float)
        rows.append(_mean(f"{names[setting]}: periods", mine, periods, (None, DELTAS[setting][2])))
    response = _response(BASELINE)
    gains = response.gains(BASELINE.discount)
    lost = (gains < 1e-9).astype(float)
    known = 0.943
    error = math.sqrt(known * (1.0 - known) / 300)
    rows.append(_mean("a price cut does not pay, share of sessions", lost, known, (error, 300)))
    rows.append(_mean("a price cut, mean gain", gains, -0.028, (None, 300)))
    for firm, (who, series) in enumerate(SERIES.items()):
        for t, published in enumerate(series):
            mine = response.price[:, t, firm]
            rows.append(_mean(f"{who}, {t} after the cut: price", mine, published, (None, 300)))
    return rows


def impatient() -> list[Row]:
    """The planted fault: learners to whom the future is worth nothing, judged as the baseline."""
    known, error, number = DELTAS[BASELINE]
    return [_mean("baseline: Delta", _deltas(BLIND), known, (error, number))]


def relations() -> list[Row]:
    """Money in half units changes no act; the longer the view, the higher the gain."""
    acts = []
    for market in (Bertrand(), Bertrand(quality=4.0, cost=2.0, spread=0.5)):
        short = sessions(
            market, learners(market, Setting(decay=1e-3)), 4, stable=None, cap=10_000, engine="jax"
        )
        acts.append(short.greedy)
    changed = float((acts[0] != acts[1]).mean())
    lift = _deltas(BASELINE).mean() - max(_deltas(BLIND).mean(), _deltas(SHORT).mean())
    punished = _drop(BASELINE) - _drop(BLIND)
    return [
        Row("half units: share of greedy acts that differ", changed, 0.0, 0.0, "change of units"),
        Row("Delta: patient less impatient", float(lift), 0.4, 0.0, "deterrence", "D", holds="at least"),
        Row("rival's cut: patient less impatient", punished, 0.1, 0.0, "deterrence", "D", holds="at least"),
    ]


def _drop(setting: Setting) -> float:
    """By how much the rival cuts its price in the tick after the deviation."""
    response = _response(setting)
    return float((response.calm[:, 1, 1] - response.price[:, 1, 1]).mean())


SIMULATED = Target(
    name="calvano-learned",
    title="Q-learners learn to collude, and punish a price cut that no one told them to punish",
    model="tabular Q on the last two of 15 prices, exp(-beta t) exploration, until calm for 100,000 ticks",
    rows=outcomes,
    control=impatient,
    metamorphic=relations,
    parameters={"rate": 0.15, "decay": 4e-6, "discount": 0.95, "prices": 15, "sessions": BASELINE.worlds},
    tier="slow",
    cost="56 s on one core with numba, about 2 min (from rates) without",
)
