"""Whether what came out is fair to each: by rank, by envy, by proportional share and by representation.

Unless something else is passed, what an agent intended is what it wanted, and what was executed is what
came out; they differ where institutions bend acts.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import numpy as np

from .._bounds import limits
from .._describe import called
from .._formulas import takes
from .._measure import INTENDED, NA, Measure, channel_of
from .._trace import Trace

SLACK = 1e-9  # of the largest worth
MOST = 12  # candidates, up to which sets of them are tried one by one
Axiom = Literal["JR", "PJR", "EJR", "EJR+", "core"]
NO_TICK = "no tick was played"

# ------------------------------------------------------------------------------------------ formulas


@takes("rank_agreement([3, 2, 1], [3, 1, 2])", x="options", y="options")
def rank_agreement(x: Any, y: Any) -> float:
    """1 - Kendall distance of two scorings of the same options / the largest possible; NaN below two.

    A pair ordered differently counts 1, a pair tied in one of them only 1/2. Source: Kendall 1938;
    Fagin et al. 2006, SIAM J. Discrete Mathematics 20:628, for ties.

    >>> rank_agreement([3, 2, 1], [3, 2, 1]), rank_agreement([3, 2, 1], [1, 2, 3])
    (1.0, 0.0)
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    i, j = np.triu_indices(len(x), 1)
    apart = np.abs(np.sign(x[i] - x[j]) - np.sign(y[i] - y[j])) / 2.0
    return float(1.0 - apart.mean()) if len(i) else np.nan


def worths(values: Any, shares: Any) -> np.ndarray:
    """Float[n, n]: what agent i would think of agent j's bundle, from values and shares, both [n, goods]."""
    return np.asarray(values, dtype=float) @ np.asarray(shares, dtype=float).T


@takes("most_envy([[1], [1]], [[3], [1]])", values="n goods", shares="n goods")
def most_envy(values: Any, shares: Any) -> float:
    """max_ij u_i(X_j) - u_i(X_i): 0 where nobody would swap. Source: Foley 1967.

    >>> most_envy([[1], [1]], [[3], [1]])
    2.0
    """
    worth = worths(values, shares)
    return float((worth - np.diag(worth)[:, None]).max())


@takes("proportional([[1], [1]], [[3], [1]])", values="n goods", shares="n goods")
def proportional(values: Any, shares: Any) -> np.ndarray:
    """Bool[n]: who thinks its own bundle worth 1/n of everything or more. Source: Steinhaus 1948.

    >>> proportional([[1], [1]], [[3], [1]]).tolist()
    [True, False]
    """
    worth = worths(values, shares)
    return np.diag(worth) >= worth.mean(axis=1) - SLACK * np.abs(worth).max()


@takes("free_but_one([[1], [1]], [[3], [1]])", values="n goods", shares="n goods")
def free_but_one(values: Any, shares: Any) -> bool:
    """Whether one unit less of some good would end each envy. Source: Budish 2011, JPE 119:1061.

    >>> free_but_one([[1], [1]], [[2], [1]]), free_but_one([[1], [1]], [[3], [1]])
    (True, False)
    """
    values, shares = np.asarray(values, dtype=float), np.asarray(shares, dtype=float)
    worth = worths(values, shares)
    unit = (values[:, None, :] * np.minimum(shares, 1.0)[None]).max(axis=2)  # [i, j], i's dearest of j's
    return bool((worth - unit <= np.diag(worth)[:, None] + SLACK * np.abs(worth).max()).all())


@takes("represented([[1, 0], [1, 0]], [1, 0])", approvals="voters options: 0..1", committee="options: 0..1")
def represented(approvals: Any, committee: Any, axiom: Axiom = "EJR+") -> bool:
    """Whether every group that is large and agrees has its share of the committee.

    `approvals` Bool[n, m], `committee` Bool[m] with k members. A group of at least l n / k voters who
    all approve the same l candidates deserves: under EJR one member with l approved winners, under PJR l
    winners approved by someone of them, under JR (l = 1) one. EJR+: such a group that agrees on one
    candidate left out, each with fewer than l. Core: no group of |T| n / k or more would all have more
    of T. Sources: Aziz et al. 2017, Social Choice and Welfare 48:461; Sanchez-Fernandez et al. 2017, AAAI;
    Brill and Peters 2023, EC.

    >>> represented([[1, 0], [1, 0]], [1, 0]), represented([[1, 0], [1, 0]], [0, 1])
    (True, False)

    Raises:
        ValueError: more than twelve candidates, where sets of them must be tried.
    """
    who, won = np.asarray(approvals, dtype=bool), np.asarray(committee, dtype=bool)
    (n, m), k = who.shape, int(won.sum())
    if axiom in ("PJR", "EJR", "core") and m > MOST:
        raise ValueError(
            f"{axiom} of {m} candidates would try {2**m:,} sets of them; wanted at most {MOST}: "
            'represented(approvals, committee, axiom="EJR+")'
        )
    have = (who & won).sum(axis=1)

    def large(group: Any, share: int) -> bool:
        return bool(group.sum() * k >= share * n and group.any())

    if axiom == "core":
        sets = (list(t) for size in range(1, k + 1) for t in combinations(range(m), size))
        return not any(large(who[:, t].sum(axis=1) > have, len(t)) for t in sets)
    if axiom in ("JR", "EJR+"):
        outside = np.flatnonzero(~won)
        sizes = range(1, (1 if axiom == "JR" else k) + 1)
        return not any(large(who[:, c] & (have < l), l) for l in sizes for c in outside)
    for l in range(1, k + 1):
        agreed = [who[:, list(t)].all(axis=1) for t in combinations(range(m), l)]
        if axiom == "EJR" and any(large(group & (have < l), l) for group in agreed):
            return False
        for some in combinations(np.flatnonzero(won), l - 1) if axiom == "PJR" else ():
            only = ~(who & won & ~np.isin(np.arange(m), some)).any(axis=1)  # whose winners are all in here
            if any(large(group & only, l) for group in agreed):
                return False
    return True


# ------------------------------------------------------------------------------------------ measures


def _counts(trace: Trace, channel: str | None) -> tuple[np.ndarray, np.ndarray]:
    """How often each agent intended [W, n, options], and all together executed [W, options], each option."""
    options = {name: x for name, x in trace.intent.items() if x.dtype.kind in "iu"}
    name = channel_of(options, channel, f"{INTENDED} on a channel of options", "channel of options")
    wanted, done = (table[name] for table in (trace.intent, trace.act))
    options = np.arange(max(wanted.max(initial=0), done.max(initial=0)) + 1)
    want, did = ((x[..., None] == options) & trace.alive[..., None, None] for x in (wanted, done))
    return want.sum(axis=1), did.sum(axis=(1, 2))


def rank_satisfaction(channel: str | None = None, rankings: Any = None) -> Measure:
    """The measure of how far the order of the outcome is each agent's own.

    `channel`: of options (by default the only one); `rankings`: scores [n, options], more is better, by
    default how often each intended which.
    """

    def function(trace: Trace) -> np.ndarray:
        """How much of an agent's order of the options the outcome kept, one column per agent.

        1 - Kendall distance / its largest, between how often each option was executed and the agent's
        scores; a tie in one of them counts half. Range 0 (reversed) to 1, higher is better. Needs: a
        channel of options, two of them in use. Bias: without rankings, an option never tried ranks last.
        """
        want, done = _counts(trace, channel)
        if rankings is not None:
            own = np.asarray(rankings, dtype=float)
            if own.shape[0] != trace.shape[2]:
                raise NA(f"rankings of {own.shape[0]} agents, and {trace.shape[2]} took part")
            done = np.pad(done, ((0, 0), (0, max(0, own.shape[1] - done.shape[1]))))[:, : own.shape[1]]
            return np.array([[rank_agreement(one, out) for one in own] for out in done])
        used = [(x.sum(axis=0) + y) > 0 for x, y in zip(want, done, strict=True)]
        rows = zip(want, done, used, strict=True)
        return np.array([[rank_agreement(one[on], out[on]) for one in all_] for all_, out, on in rows])

    undefined = "fewer than two options were in use"
    name = called("rank_satisfaction", channel=(channel, None), rankings=(rankings, None))
    return Measure(name, function, "share", "higher", "Kendall 1938, Biometrika 30:81", undefined, "agent")


def _bundles(trace: Trace, goods: Sequence[str] | None, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """What each thinks a unit of each good worth [n, goods], and what each has [W, n, goods]."""
    if goods is None:
        shares = trace.net.sum(axis=1, dtype=float)[..., None]
    else:
        missing = [name for name in goods if name not in trace.events]
        if missing:
            raise NA(f"the scenario exports no event {missing[0]!r}; it has {sorted(trace.events)}")
        shares = np.stack([trace.events[name].sum(axis=1, dtype=float) for name in goods], axis=-1)
    worth = np.ones(shares.shape[1:]) if values is None else np.asarray(values, dtype=float)
    if worth.shape != shares.shape[1:]:
        raise NA(f"values have shape {worth.shape}; wanted agents and goods, {shares.shape[1:]}")
    return worth, shares


def envy(goods: Sequence[str] | None = None, values: Any = None) -> Measure:
    """The measure of who would rather have another's bundle.

    `goods`: events that say what each got of each good; by default there is one, net pay. `values`:
    [n, goods], what a unit is worth to whom; by default 1.
    """

    def function(trace: Trace) -> np.ndarray:
        """How much better off somebody would be with another's bundle.

        max_ij u_i(X_j) - u_i(X_i), X the episode's totals. Range 0 upward, in the unit of the values,
        lower is better. Needs: the book, or events. Bias: one pair decides; grows with the stakes.
        """
        worth, shares = _bundles(trace, goods, values)
        return np.array([most_envy(worth, x) for x in shares])

    name = called("envy", goods=(goods, None), values=(values, None))
    return Measure(name, function, "utility", "lower", "Foley 1967, Yale Economic Essays 7:45")


def proportionality(goods: Sequence[str] | None = None, values: Any = None) -> Measure:
    """The measure of who has an equal share by its own lights; arguments as `envy`."""

    def function(trace: Trace) -> np.ndarray:
        """How many think that they have a fair share.

        Share of agents with u_i(X_i) >= u_i(everything) / n. Range 0 to 1, higher is better. Needs: the
        book, or events. Bias: an even split of what little was made is fair too.
        """
        worth, shares = _bundles(trace, goods, values)
        return np.array([proportional(worth, x).mean() for x in shares])

    name = called("proportionality", goods=(goods, None), values=(values, None))
    return Measure(name, function, "share of agents", "higher", "Steinhaus 1948, Econometrica 16:101")


def envy_free_but_one(goods: Sequence[str] | None = None, values: Any = None) -> Measure:
    """The measure of EF1, for goods that come in units; arguments as `envy`."""

    def function(trace: Trace) -> np.ndarray:
        """Whether one unit less in the other's bundle would end any envy (EF1), 1 or 0 per world.

        For all i, j some good g: u_i(X_j less a unit of g) <= u_i(X_i). Higher is better. Needs: the
        book, or events that count units. Bias: of goods that can be divided it says little; `envy` does.
        """
        worth, shares = _bundles(trace, goods, values)
        return np.array([free_but_one(worth, x) for x in shares], dtype=float)

    name = called("envy_free_but_one", goods=(goods, None), values=(values, None))
    return Measure(name, function, "share of worlds", "higher", "Budish 2011, JPE 119:1061")


@limits()
def justified_representation(
    axiom: Axiom = "EJR+", channel: str | None = None, approvals: Any = None
) -> Measure:
    """The measure of whether large groups that agree got their share of what was chosen.

    `axiom`: JR, PJR, EJR, EJR+ or core (see `represented`); `channel`: of options (by default the only
    one); `approvals`: Bool[n, options], by default what each intended at least once.
    """

    def function(trace: Trace) -> np.ndarray:
        """Whether every large group that agrees is represented in what was done, 1 or 0 per world.

        The committee is what anybody executed; a group of l n / k agents who agree deserves l of its k
        (see `represented`). Higher is better. Needs: a channel of options. Bias: true of any outcome that
        nobody's wishes were bent for; says nothing of small groups, nor how much was denied.
        """
        want, done = _counts(trace, channel)
        who = np.broadcast_to(np.asarray(approvals, bool), (len(want), *np.shape(approvals)))
        who = want > 0 if approvals is None else who
        if who.shape[1] != trace.shape[2] or who.shape[2] < done.shape[1]:
            raise NA(f"approvals have shape {who.shape[1:]}; wanted agents and options, {want.shape[1:]}")
        won = np.pad(done > 0, ((0, 0), (0, who.shape[2] - done.shape[1])))
        if axiom in ("PJR", "EJR", "core") and who.shape[2] > MOST:
            raise NA(f"{axiom} is checked for at most {MOST} options, here are {who.shape[2]}: use EJR+")
        rows = zip(who, won, strict=True)
        return np.array([represented(a, c, axiom) if c.any() else np.nan for a, c in rows])

    given = {"axiom": (axiom, "EJR+"), "channel": (channel, None), "approvals": (approvals, None)}
    return Measure(
        called("justified_representation", **given),
        function,
        unit="share of worlds",
        better="higher",
        cites="Aziz et al. 2017, Social Choice and Welfare 48:461; Brill and Peters 2023, EC",
        undefined=NO_TICK,
    )
