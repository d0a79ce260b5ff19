"""Whether sellers collude: their gain, their shares, whether deviation is punished, how still prices are.

Screens find what looks like collusion, not agreement; each has a null. A market's benchmarks are those of
the card (episode totals at the one-shot equilibrium and of a cartel), or of the scenario itself.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from .._bounds import limits
from .._card import Unknown
from .._describe import called, rebuild
from .._formulas import entropy, herfindahl, takes
from .._measure import NA, Measure
from .._run import replay
from .._trace import Trace

CALVANO = "Calvano, Calzolari, Denicolo, Pastorello 2020, AER 110:3267"
LIN = "Lin, Ojha, Cai, Chen 2024, arXiv 2410.00031"
NOBODY = "nothing was sold, or less than nothing"

# ------------------------------------------------------------------------------------------ formulas


@takes("profit_gain(7, nash=6, monopoly=8)", profit="...", nash="...", monopoly="...")
def profit_gain(profit: Any, nash: Any, monopoly: Any) -> np.ndarray:
    """(profit - nash) / (monopoly - nash): 0 in competition, 1 in a cartel; NaN where they are the same.

    >>> float(profit_gain(7.0, nash=6.0, monopoly=8.0))
    0.5
    """
    profit, nash, monopoly = (np.asarray(x, dtype=float) for x in (profit, nash, monopoly))
    return (profit - nash) / np.where(monopoly != nash, monopoly - nash, np.nan)


@takes("market_concentration([[3, 0], [1, 4]])", sales="... firms markets: 0..")
def market_concentration(sales: Any) -> np.ndarray:
    """`herfindahl` of each market of sales [..., firms, markets], markets weighted by size.

    >>> float(market_concentration([[3, 0], [1, 4]]))
    0.8125
    """
    sales = np.asarray(sales, dtype=float)
    size, each = sales.sum(axis=-2), np.asarray(herfindahl(np.swapaxes(sales, -1, -2)))
    total = size.sum(axis=-1)
    return np.where(size > 0, each * size, 0.0).sum(axis=-1) / np.where(total > 0, total, np.nan)


@takes("division([[3, 0], [1, 4]])", sales="... firms markets: 0..")
def division(sales: Any) -> np.ndarray:
    """I(firm; market) / min(H(firm), H(market)) of sales [..., firms, markets]; NaN where either is 0.

    >>> float(division([[9, 0], [0, 9]])), float(division([[5, 5], [5, 5]]))
    (1.0, 0.0)
    """
    sales = np.asarray(sales, dtype=float)
    firm, market = np.asarray(entropy(sales.sum(axis=-1))), np.asarray(entropy(sales.sum(axis=-2)))
    both = np.asarray(entropy(sales.reshape(*sales.shape[:-2], -1)))
    least = np.minimum(firm, market)
    return (firm + market - both) / np.where(least > 1e-12, least, np.nan)


def division_null(sales: Any, draws: int = 200, seed: int = 0) -> np.ndarray:
    """Float[draws]: the index of sales [ticks, firms, markets] had each firm chosen its markets blindly.

    Each firm's sales of each tick are shuffled over the markets, whatever the others do, and then summed.
    """
    sales, rng = np.asarray(sales, dtype=float), np.random.default_rng(seed)
    blind = rng.permuted(np.broadcast_to(sales, (draws, *sales.shape)), axis=3).sum(axis=1)
    return np.nan_to_num(division(blind), nan=0.0)


@takes("variation([1.0, 1.2])", prices="ticks")
def variation(prices: Any) -> float:
    """sd / mean of a price path, sd with n - 1; NaN below two prices or where the mean is not positive.

    >>> round(variation([1.0, 2.0, 3.0]), 4)
    0.5
    """
    prices = np.asarray(prices, dtype=float)
    fine = len(prices) > 1 and prices.mean() > 0
    return float(prices.std(ddof=1) / prices.mean()) if fine else np.nan


@takes("variation_fall([1, 3, 2, 2], at=2)", prices="ticks", at="#")
def variation_fall(prices: Any, at: int) -> float:
    """The coefficient of variation before tick `at` less that from it on.

    >>> round(variation_fall([1.0, 3.0, 2.0, 2.0], at=2), 4)
    0.7071
    """
    prices = np.asarray(prices, dtype=float)
    return variation(prices[:at]) - variation(prices[at:])


def fall_null(prices: Any, at: int, draws: int = 200, seed: int = 0) -> np.ndarray:
    """Float[draws]: the fall in variation at the same break with the order of the ticks shuffled."""
    prices, rng = np.asarray(prices, dtype=float), np.random.default_rng(seed)
    return np.array([variation_fall(rng.permutation(prices), at) for _ in range(draws)])


# ----------------------------------------------------------------------------------- profits, shares


@limits(last="[1, 1000000]")
def calvano_delta(last: int | None = None) -> Measure:
    """The measure of how much of the gain from collusion was had; `last`: only that many played ticks."""

    def function(trace: Trace) -> np.ndarray:
        """How far profits lie from competition (0) to the cartel (1).

        (mean profit - nash) / (cooperative - nash) per played tick, profits of the industry. Range: any; 0
        competitive, 1 collusive, lower is better for customers. Needs: an oracle with `nash` and
        `cooperative` on the card. Bias: a learner that stumbles on high prices looks as one that punishes.
        """
        oracle = trace.card.oracle
        if isinstance(oracle, Unknown):
            raise NA(f"no oracle: {oracle.reason}")
        if oracle.nash is None or oracle.cooperative is None:
            raise NA("the card's oracle names no equilibrium (nash) or no cartel (cooperative)")
        late = trace.alive[:, ::-1].cumsum(axis=1)[:, ::-1] <= (last or trace.shape[1])
        use = trace.alive & late
        ticks = use.sum(axis=1)
        mean = (trace.objective * use).sum(axis=1, dtype=float) / np.where(ticks == 0, np.nan, ticks)
        return profit_gain(mean * trace.shape[1], oracle.nash, oracle.cooperative)

    name = called("calvano_delta", last=(last, None))
    return Measure(name, function, "share", "lower", CALVANO, "no tick was played, or a cartel gains nothing")


def _sales(trace: Trace, sold: Sequence[str] | None) -> np.ndarray:
    """Float[W, T, n, markets]: what each firm sold in each market."""
    tables = {**trace.act, **trace.events}
    if sold is None:
        goods = sorted(name for name in trace.act if name.startswith("make "))
        sold = next(([name] for name in ("sold", "made") if name in tables), [])
        sold = goods if len(goods) > 1 else sold
    missing = [name for name in sold if name not in tables]
    if missing or not sold:
        raise NA(f"no event or channel says what was sold (of {sorted(tables)}): pass sold=[...]")
    made = np.stack([np.where(trace.alive[..., None], tables[name], 0.0) for name in sold], axis=-1)
    return np.where((made < 0.0) | np.isinf(made), np.nan, made)


def concentration(sold: Sequence[str] | None = None) -> Measure:
    """The measure of how concentrated markets are.

    `sold`: an event or channel for each market; by default `sold`, or the goods of a quantity game.
    """

    def function(trace: Trace) -> np.ndarray:
        """How concentrated sales are (Herfindahl-Hirschman).

        sum_i s_i^2, s_i the firm's share of a market over the episode; markets weighted by what was sold.
        Range 1/n to 1, lower is less concentrated. Needs: sales. Bias: of one firm better than the others
        it says the same as of a division of markets.
        """
        return market_concentration(_sales(trace, sold).sum(axis=1))

    cites = "Hirschman 1945; Herfindahl 1950; " + LIN
    return Measure(called("concentration", sold=(sold, None)), function, "index", "lower", cites, NOBODY)


@limits(chance="[0, 100000]")
def market_division(sold: Sequence[str] | None = None, chance: int = 0) -> Measure:
    """The measure of who leaves which market to whom.

    `sold`: as for `concentration`; if there is one market only, its ticks are the markets (taking turns).
    `chance`: how many shuffles say what chance gives, which is subtracted (0: nothing is).
    """

    def function(trace: Trace) -> np.ndarray:
        """How much the market says of the firm, as firms that divide markets have it.

        I(firm; market) / min(H(firm), H(market)) of sales; less its mean had each firm shuffled its sales
        of a tick over the markets if `chance` is above 0. Range 0 (all alike everywhere) to 1 (each its own),
        lower is better. Needs: sales in two markets or ticks, by two firms. Bias: raw it is above 0 by
        chance, the more so the fewer units; with costs that differ, specialists need no agreement. Less
        chance it takes markets to be alike, and is below 0 where firms follow the same demand.
        """
        sales = _sales(trace, sold)
        sales = sales if sales.shape[3] > 1 else np.swapaxes(sales, 1, 3)  # ticks as markets
        found = division(sales.sum(axis=1))
        for w in range(len(found) if chance else 0):
            found[w] -= division_null(sales[w], chance).mean()
        return found

    name = called("market_division", sold=(sold, None), chance=(chance, 0))
    undefined = "one firm or one market had all sales, or less than nothing was sold"
    return Measure(
        name, function, "share of bits", "lower", LIN + "; normalized mutual information", undefined
    )


@limits()
def surplus_ratio(customers: str = "customers") -> Measure:
    """The measure of what those who buy have; `customers`: the name of the stakeholder."""

    def function(trace: Trace) -> np.ndarray:
        """What customers have, as a share of what they would have in competition.

        CS / CS(one-shot equilibrium) per played tick. Range 0 upward; 1 is competitive, higher is better.
        Needs: a stakeholder who buys, and a recipe whose scenario has a benchmark. Bias: a price war reads
        above 1, and may be a punishment that holds a cartel together.
        """
        names = [s.name for s in trace.card.stakeholders]
        if not names:
            raise NA(trace.card.lacks("names no stakeholder"))
        if customers not in names:
            raise NA(f"no stakeholder {customers!r} here; wanted one of {names}")
        if "society" not in trace.recipe:
            raise NA("the trace has no recipe that names its market (recordings have none)")
        base = rebuild(trace.recipe["society"]["fields"]["scenario"]).base
        if not hasattr(base, "benchmark"):
            raise NA(f"{type(base).__name__} has no benchmark()")
        ticks = trace.alive.sum(axis=1)
        had = trace.utility[..., names.index(customers)].sum(axis=1, dtype=float)
        return had / np.where(ticks == 0, np.nan, ticks) / base.benchmark().nash_surplus

    name = called("surplus_ratio", customers=(customers, "customers"))
    return Measure(name, function, "ratio", "higher", LIN, "no tick was played")


# --------------------------------------------------------------------------------------- punishment


class _Impulse(NamedTuple):
    """One forced act in otherwise the same world: which, where, and what is compared."""

    agent: int
    at: int | None
    act: float
    channel: str
    event: str

    def __call__(self, trace: Trace) -> tuple[int, np.ndarray, np.ndarray]:
        """The tick, and by tick what changed [W, T]: the rivals' mean event, the deviator's net pay."""
        _, t, n = trace.shape
        at = t // 2 if self.at is None else self.at
        if "society" not in trace.recipe or trace.recipe["forced"]:
            raise NA("the trace has no recipe, or forced acts in it: it cannot be run again with one more")
        if self.channel not in trace.act or self.event not in trace.events:
            raise NA(
                f"no channel {self.channel!r} or no event {self.event!r} here: channel='make', event='made'"
            )
        if n < 2 or not 0 <= at < t or not 0 <= self.agent < n:
            raise NA(f"no rival, or no agent {self.agent} or tick {at} in {n} agents and {t} ticks")
        mask, value = np.zeros((t, n), bool), np.zeros((t, n), trace.act[self.channel].dtype)
        mask[at, self.agent], value[at, self.agent] = True, self.act
        after = replay(trace, do={self.channel: (mask, value)})
        rivals = np.arange(n) != self.agent
        path = (after.events[self.event] - trace.events[self.event])[:, :, rivals].mean(axis=2)
        return at, path.astype(float), (after.net - trace.net)[:, :, self.agent].astype(float)


@limits(agent="[0, 9999]", at="[0, 1000000]", act="(-inf, inf)", discount="[0, 1]", tolerance="[0, 1]")
def punishment(
    what: Literal["depth", "ticks", "gain"] = "depth",
    agent: int = 0,
    at: int | None = None,
    act: float = 0,
    *,
    channel: str = "price",
    event: str = "price",
    discount: float = 1.0,
    tolerance: float = 1e-4,
) -> Measure:
    """The measure of how rivals answer one forced deviation, all luck being the same.

    **Main arguments**

    - `what`: `depth`, how far they fall at most; `ticks`, how long they stay down; `gain`, whether it paid.
    - `agent`, `at`, `act`: who deviates, when (half-way by default), to what (the lowest option).

    **Other arguments**

    - `channel`, `event`: where it acts, and what is compared; with quantities, a rise is a fall in price.
    - `discount`: of the deviator's later pay; `tolerance`: below it an event is as it was.
    """
    impulse = _Impulse(agent, at, act, channel, event)

    def function(trace: Trace) -> np.ndarray:
        """How rivals answer a price cut of one tick: the impulse response of the same world.

        With d_t the rivals' mean price less what it was: depth max(0, -min d_t) and ticks #(d_t < 0) after
        the cut, gain sum_(t >= cut) discount^(t - cut) (deviator's pay less what it was). Range 0 upward
        (gain: any). Needs: channel, event and a recipe. Bias: one deviation at one tick; a rival who
        always follows the market down looks as one who punishes, until prices come back.
        """
        start, path, pay = impulse(trace)
        fall = np.where(path[:, start + 1 :] < -tolerance, -path[:, start + 1 :], 0.0)
        if what == "depth":
            return fall.max(axis=1, initial=0.0)
        if what == "ticks":
            return (fall > 0).sum(axis=1)
        return pay[:, start:] @ discount ** np.arange(pay.shape[1] - start, dtype=float)

    unit = {"depth": "price", "ticks": "ticks", "gain": "pay"}[what]
    usual = {"what": (what, "depth"), "agent": (agent, 0), "at": (at, None), "act": (act, 0)}
    usual |= {"channel": (channel, "price"), "event": (event, "price")}
    name = called("punishment", **usual, discount=(discount, 1.0), tolerance=(tolerance, 1e-4))
    return Measure(name, function, unit, "neither", CALVANO + ", section IV")


# ------------------------------------------------------------------------------------------ screens


def _prices(trace: Trace, event: str) -> list[np.ndarray]:
    """The mean over agents of an event, in each world's played ticks."""
    if event not in trace.events:
        raise NA(f"the scenario exports no event {event!r}; it has {sorted(trace.events)}")
    mean = trace.events[event].mean(axis=2, dtype=float)
    return [y[a] for y, a in zip(mean, trace.alive, strict=True)]


ABRANTES = "Abrantes-Metz, Froeb, Geweke, Taylor 2006, Int. J. Industrial Organization 24:467"


@limits(last="[1, 1000000]")
def variance_screen(event: str = "price", last: int | None = None) -> Measure:
    """The measure of how still prices are; `last`: only that many played ticks."""

    def function(trace: Trace) -> np.ndarray:
        """How much the market's price varies over time.

        CV = sd / mean of the agents' mean price by tick. Range 0 upward; a low one is a sign of collusion.
        Needs: the event, two ticks. Bias: still for other reasons too (nothing changes, prices on a coarse
        grid); a cartel that breaks up varies most.
        """
        return np.array([variation(y[-(last or len(y)) :]) for y in _prices(trace, event)])

    undefined = "fewer than two ticks were played, or the mean price is not positive"
    name = called("variance_screen", event=(event, "price"), last=(last, None))
    return Measure(name, function, "sd per mean", "neither", ABRANTES, undefined)


@limits(at="[0, 1000000]", draws="[1, 100000]")
def variance_fall(
    event: str = "price", at: int | None = None, value: Literal["fall", "p"] = "fall", draws: int = 200
) -> Measure:
    """The measure of whether prices became stiller at a break.

    `at`: its tick (half-way by default); `value`: the `fall` in variation, or its permutation `p`, from
    that many `draws`.
    """

    def function(trace: Trace) -> np.ndarray:
        """How much less the market's price varies after a break than before it.

        CV before - CV after; or its p, the share of shuffles of the ticks (and the path itself) in which it
        falls as much. Range: any; above 0 is a sign of collusion that began (p: 0 to 1). Needs: the event,
        two ticks on each side. Bias: shuffling takes ticks to be independent, so p is too small where
        prices move slowly; learners that settle look alike.
        """
        found = []
        for y in _prices(trace, event):
            middle = len(y) // 2 if at is None else at
            fall = variation_fall(y, middle)
            if value == "p" and not np.isnan(fall):
                fall = (1.0 + (fall_null(y, middle, draws) >= fall - 1e-12).sum()) / (1.0 + draws)
            found.append(fall)
        return np.array(found)

    undefined = "fewer than two ticks were played on a side of the break, or a mean is not positive"
    usual = {"event": (event, "price"), "at": (at, None), "value": (value, "fall"), "draws": (draws, 200)}
    name = called("variance_fall", **usual)
    return Measure(name, function, "sd per mean", "neither", ABRANTES, undefined)
