"""Norms that form, hold and tip: bystanders, conventions, committed minorities, drift, diversity.

`of` is a channel or an event, by default the only channel.
"""

from typing import Any, Literal, NamedTuple

import numpy as np

from .._bounds import limits
from .._formulas import entropy, jensen_shannon, takes
from .._measure import NA, Measure, column
from .._trace import Trace

ASHERY = "Ashery, Aiello, Baronchelli 2025, Science Advances 11 eadu9368"


def logistic(x: Any, successes: Any, trials: Any) -> tuple[float, float]:
    """(a, b) of the likeliest P = 1 / (1 + exp(-(a + b x))); NaN where it has no finite answer."""
    x, won, tried = (np.asarray(one, dtype=float) for one in (x, successes, trials))
    if np.ptp(x) == 0.0 or x[won > 0].min(initial=np.inf) >= x[won < tried].max(initial=-np.inf):
        return np.nan, np.nan  # a threshold parts them, upward
    if x[won < tried].min() >= x[won > 0].max():  # or downward
        return np.nan, np.nan
    design = np.stack([np.ones_like(x), (x - x.mean()) / x.std()])
    theta = np.zeros(2)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-theta @ design))
        step = np.linalg.solve((design * (tried * p * (1.0 - p))) @ design.T, design @ (won - tried * p))
        theta = theta + step / max(1.0, np.abs(step).max())
    b = theta[1] / x.std()
    return float(theta[0] - b * x.mean()), float(b)


class Bystanders(NamedTuple):
    """For each group size `n`: `p` that one helps, `any` that somebody does, `alone` 1 - (1 - p_1)^n.

    `slope` is that of the log-odds to help on ln n: below 0 in the bystander effect.
    """

    n: np.ndarray
    p: np.ndarray
    any: np.ndarray
    alone: np.ndarray
    slope: float


@takes("bystander_curve([1, 2], [1, 0])", present="worlds+: 1..", helped="worlds+: 0..")
def bystander_curve(present: Any, helped: Any) -> Bystanders:
    """Whether people help less the more of them are there.

    `present` Int[W], how many saw the emergency, and `helped` Int[W], how many of them helped. `alone` is
    what would follow if company changed nothing; NaN without worlds of one. Bias: helpers in one world
    copy one another, so the slope is surer than it looks. Source: Darley and Latane 1968.

    >>> bystander_curve([1, 1, 2, 2], [1, 0, 1, 0]).p
    array([0.5 , 0.25])
    """
    present, helped = np.asarray(present, dtype=float), np.asarray(helped, dtype=float)
    sizes = np.unique(present)
    p, any_ = (
        np.array([x[present == n].mean() for n in sizes])
        for x in (helped / present, (helped > 0).astype(float))
    )
    one = p[sizes == 1]
    alone = 1.0 - (1.0 - one[0]) ** sizes if len(one) else np.full_like(sizes, np.nan)
    return Bystanders(sizes.astype(int), p, any_, alone, logistic(np.log(present), helped, present)[1])


@takes("volunteers_dilemma(3, cost=0.5)", n="#", cost="", benefit="")
def volunteers_dilemma(n: int, cost: float, benefit: float = 1.0) -> tuple[float, float]:
    """(P that one volunteers, P that nobody does) in the symmetric mixed equilibrium of n players.

    1 - (c / b)^(1 / (n - 1)), and (c / b)^(n / (n - 1)): the larger the group, the surer nobody helps.
    c / b = 1/2: (.5, .25) for two, (.2929, .3536) for three. Source: Diekmann 1985, J. Conflict Res. 29:605.

    >>> volunteers_dilemma(2, cost=0.5)
    (0.5, 0.25)
    """
    if n < 2 or not 0.0 < cost < benefit:
        raise ValueError(
            f"n={n}, cost={cost}, benefit={benefit}; wanted n >= 2, 0 < cost < benefit: "
            "volunteers_dilemma(3, cost=0.5)"
        )
    idle = (cost / benefit) ** (1.0 / (n - 1))
    return 1.0 - idle, idle**n


@limits()
def intervention_rate(of: str = "cooperated", when: str | None = None, *, anyone: bool = False) -> Measure:
    """The measure `intervention_rate(of, when)`: the share who help, or whether `anyone` does.

    `of` is above 0 for who helps; `when` is an event above 0 for who sees an emergency (default: always).
    """

    def function(trace: Trace) -> np.ndarray:
        """How often somebody who sees an emergency helps.

        Of decisions (or, with `anyone`, of ticks) in which the emergency was seen, the share with help.
        Range 0 to 1, higher is better. Needs: an event of helping. Bias: compare group sizes by
        `bystander_curve`: in large groups each helps less, and somebody may still help more often.
        """
        seen = np.broadcast_to(trace.alive[..., None], trace.shape)
        seen = seen if when is None else seen & (column(trace, when) > 0)
        helped = seen & (column(trace, of) > 0)
        if anyone:
            seen, helped = seen.any(axis=2, keepdims=True), helped.any(axis=2, keepdims=True)
        return _ratio(helped.sum(axis=(1, 2)), seen.sum(axis=(1, 2)))

    name = f"intervention_rate({of}, when={when or 'always'}{', anyone' if anyone else ''})"
    cites = "Darley and Latane 1968, J. Pers. Soc. Psychol. 8:377"
    return Measure(name, function, "share", "higher", cites, "nobody saw an emergency")


# ------------------------------------------------------------------------------------- conventions


@limits(options="[2, 10000]", ticks="[1, 1000000]")
def convention_strength(
    of: str | None = None, *, options: int | None = None, ticks: int = 10, silent: float | None = None
) -> Measure:
    """The measure `convention_strength(of)` of the last `ticks` played ticks; `silent` acts do not count.

    `options`: how many acts there are to choose from; by default those seen in the world.
    """

    def function(trace: Trace) -> np.ndarray:
        """How far all do the same in the end.

        1 - H(a) / log K over agents and the last ticks, K the number of options. Range 0 (all alike
        frequent) to 1 (one convention). Needs: a channel of options. Bias: upward with few acts; an
        option that nobody ever took is not in K, unless `options` is given.
        """
        found = []
        for x in _played(trace, of, silent):
            names, last = np.unique(x[~np.isnan(x)]), x[-ticks:]
            k = len(names) if options is None else options
            if len(names) > k:
                raise NA(f"{len(names)} different acts are more than options={k}")
            counts = np.array([(last == name).sum() for name in names])
            known = counts.sum() > 0
            found.append((1.0 - entropy(counts, base=k) if k > 1 else 1.0) if known else np.nan)
        return np.array(found)

    name = f"convention_strength({of}, {f'{options} options' if options else 'options seen'}, {ticks} ticks)"
    return Measure(name, function, "share", "neither", ASHERY, "nobody acted in the last ticks")


@limits(share="(0, 1]", ticks="[1, 1000000]")
def time_to_consensus(
    of: str | None = None, *, share: float = 0.95, ticks: int = 3, silent: float | None = None
) -> Measure:
    """The measure `time_to_consensus(of)`; `silent` acts do not count."""

    def function(trace: Trace) -> np.ndarray:
        """When all came to do the same, and kept to it for a while.

        The first played tick (from 0) that begins `ticks` ticks, in each of which the most frequent act has
        at least the `share` of those who act. Range 0 to the horizon, lower is faster. Needs: a channel
        of options. Bias: worlds without consensus are missing: report how many, and see `Survival`.
        """
        found = []
        for x in _played(trace, of, silent):
            votes = (x[:, :, None] == x[:, None]).sum(axis=2).max(axis=1, initial=0)
            fine = (votes >= share * (~np.isnan(x)).sum(axis=1)) & (votes > 0)
            run = np.concatenate([[0], np.cumsum(fine)])
            starts = np.flatnonzero(run[ticks:] - run[:-ticks] == ticks)
            found.append(float(starts[0]) if len(starts) else np.nan)
        return np.array(found)

    name = f"time_to_consensus({of}, share={share:g}, ticks={ticks})"
    return Measure(name, function, "ticks", "neither", ASHERY, "no consensus within the horizon")


@limits(ticks="[1, 1000000]")
def flipped(of: str | None = None, *, ticks: int = 10, silent: float | None = None) -> Measure:
    """The measure `flipped(of)`: compares the first and the last `ticks` ticks (at most half of them)."""

    def function(trace: Trace) -> np.ndarray:
        """Whether the convention at the end is another than at the start, 1 or 0.

        1 if the most frequent act of the last ticks differs from that of the first. Range 0 to 1. Needs: a
        channel of options, and a start that has a convention. Bias: where there is none, chance decides.
        Over worlds with committed minorities of several sizes it is what `critical_mass` needs.
        """
        found = []
        for x in _played(trace, of, silent):
            k = min(ticks, len(x) // 2)
            one, other = _mode(x[:k]), _mode(x[len(x) - k :])
            found.append(np.nan if np.isnan(one + other) else float(one != other))
        return np.array(found)

    name = f"flipped({of}, {ticks} ticks)"
    return Measure(name, function, "share of worlds", "neither", ASHERY, "no single most frequent act")


@takes("critical_mass([0.1, 0.3], [False, True])", fractions="worlds: 0..1", flips="worlds: 0..1")
def critical_mass(fractions: Any, flips: Any) -> float:
    """The committed share of a population at which a convention flips in half of the worlds.

    `fractions` [W], of committed agents, and `flips` Bool[W]. Where a logistic curve through them is at
    1/2; where one threshold parts them, half-way between its sides; 0 where all flip (a dictator), NaN
    where none does, or more committed agents flip less. Bias: only as fine as the fractions tried.
    Source: Ashery et al. 2025, where it is 2 % to 67 % by model; Xie et al. 2011: .0979 in theory.

    >>> critical_mass([0.1, 0.2, 0.3, 0.4], [False, False, True, True])
    0.25
    """
    x, won = np.asarray(fractions, dtype=float), np.asarray(flips, dtype=bool)
    if won.all() or not won.any():
        return 0.0 if won.all() else float("nan")
    if x[~won].max() < x[won].min():
        return float((x[~won].max() + x[won].min()) / 2)
    a, b = logistic(x, won, np.ones_like(x))
    return -a / b if b > 0 else float("nan")


@takes("retained([True, True], [True, False])", flips="worlds: 0..1", after="worlds: 0..1")
def retained(flips: Any, after: Any) -> float:
    """Hysteresis: the share of flipped worlds that stay so without the committed; NaN if none flipped.

    >>> retained([True, True, False], [True, False, False])
    0.5
    """
    flips, after = np.asarray(flips, dtype=bool), np.asarray(after, dtype=bool)
    return float(after[flips].mean()) if flips.any() else float("nan")


class CollectiveBias(NamedTuple):
    """`bias`, the total variation found, and the mean and `p` of as many groups drawn from solo choices."""

    bias: float
    chance: float
    p: float

    @property
    def excess(self) -> float:
        """bias - chance."""
        return self.bias - self.chance


@takes("collective_bias([0, 1], [0.5, 0.5])", consensus="worlds+: 0..", solo="... options+: 0..")
def collective_bias(consensus: Any, solo: Any, draws: int = 1000) -> CollectiveBias:
    """How far what groups agree on differs from what their members choose alone.

    Total variation between the distribution of `consensus` Int[W] over options and the mean of `solo`
    [n, options] (or [options]). Range 0 to 1; solo even, all groups the first: 1/2. Bias: upward with few
    groups, hence the chance level. Source: Ashery et al. 2025; Flint et al. 2025, arXiv 2510.22422.

    >>> collective_bias([0, 0, 0, 0], [0.5, 0.5]).bias
    0.5
    """
    alone = np.atleast_2d(np.asarray(solo, dtype=float)).mean(axis=0)
    share = np.bincount(np.asarray(consensus, dtype=int), minlength=len(alone)) / len(consensus)
    found = np.abs(share - alone).sum() / 2
    null = np.random.default_rng(0).multinomial(len(consensus), alone / alone.sum(), draws) / len(consensus)
    null = np.abs(null - alone).sum(axis=1) / 2
    return CollectiveBias(
        float(found), float(null.mean()), float((1 + (null >= found - 1e-9).sum()) / (1 + draws))
    )


# ------------------------------------------------------------------------------ drift and diversity


@takes("value_drift([1, 0], [0, 1], profile='raw')", before="... values", after="... values")
def value_drift(
    before: Any,
    after: Any,
    twin: tuple[Any, Any] | None = None,
    *,
    distance: Literal["angle", "jsd"] = "angle",
    profile: Literal["centered", "raw"] = "centered",
) -> np.ndarray:
    """How far probed value profiles [..., values] moved, less how far an isolated `twin`'s did.

    `angle`: degrees between profiles, each first `centered` on its own mean (as Schwartz's scores must be)
    or `raw`; `jsd`: bits between distributions. `twin`: (before, after). 0 for identical profiles.
    Bias: upward, by the noise of probes; twins take off only as much as they have themselves.

    >>> round(float(value_drift([1, 0], [0, 1], profile='raw')), 1)
    90.0
    """
    if distance not in ("angle", "jsd") or profile not in ("centered", "raw"):
        raise ValueError(
            f"distance={distance!r}, profile={profile!r}; wanted 'angle' or 'jsd', 'centered' or 'raw': "
            "value_drift(before, after, distance='angle')"
        )
    moved = jensen_shannon if distance == "jsd" else lambda x, y: _angle(x, y, profile == "centered")
    return moved(before, after) - (0.0 if twin is None else moved(*twin))


def _angle(x: Any, y: Any, centered: bool) -> np.ndarray:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if centered:
        x, y = (one - one.mean(axis=-1, keepdims=True) for one in (x, y))
    size = np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1))
    return np.degrees(np.arccos(np.clip((x * y).sum(axis=-1) / np.where(size == 0, np.nan, size), -1.0, 1.0)))


@limits(permutations="[1, 100000]")
def behavior_drift(
    of: str | None = None, *, permutations: int = 100, report: Literal["excess", "raw", "p"] = "excess"
) -> Measure:
    """The measure `behavior_drift(of)`; the null shuffles an agent's ticks."""

    def function(trace: Trace) -> np.ndarray:
        """How far an agent's acts in the second half differ from those in the first: Float[W, n].

        Jensen-Shannon divergence of the two distributions of acts, less the mean of the same with ticks
        shuffled (`report`). Range about 0 to 1 bit. Needs: a channel of options, four ticks. Bias: raw,
        upward in short series; a world that changed moves acts too: subtract what an isolated twin shows.
        """
        found = np.full(trace.shape[::2], np.nan)
        for w, x in enumerate(_played(trace, of)):
            for i, mine in enumerate(x.T if len(x) > 3 else ()):
                mine = mine[~np.isnan(mine)]
                if len(mine) > 3:
                    found[w, i] = _halves(mine, permutations, report)
        return found

    unit, why = "probability" if report == "p" else "bits", "fewer than four decisions"
    return Measure(f"behavior_drift({of}, {report})", function, unit, "neither", "Lin 1991", why, "agent")


def _halves(x: np.ndarray, permutations: int, report: str) -> float:
    """Divergence of the acts [T] of the first and the second half, against shuffles of them."""
    many = np.tile(x, (1 + permutations, 1))
    many[1:] = np.random.default_rng(0).permuted(many[1:], axis=1)
    one = many[..., None] == np.unique(x)
    half = len(x) // 2
    bits = jensen_shannon(one[:, :half].mean(axis=1), one[:, half:].mean(axis=1))
    if report == "p":
        return float((1 + (bits[1:] >= bits[0] - 1e-9).sum()) / (1 + permutations))
    return float(bits[0] - (bits[1:].mean() if report == "excess" else 0.0))


@takes("policy_diversity([[[1, 0]], [[0, 1]]])", policies="n states options: 0..")
def policy_diversity(policies: Any) -> float:
    """Mean over pairs of agents, and over states, of the Jensen-Shannon divergence of their policies.

    `policies` [n, states, options]. Range 0 (clones) to 1 (disjoint) bit. NaN for one agent alone.

    >>> policy_diversity([[[1, 0]], [[0, 1]]])
    1.0
    """
    p = np.asarray(policies, dtype=float)
    i, j = np.triu_indices(len(p), 1)
    return float(jensen_shannon(p[i], p[j]).mean()) if len(i) else float("nan")


def behavioral_diversity(channel: str | None = None) -> Measure:
    """The measure `behavioral_diversity(channel)`, see `policy_diversity`."""

    def function(trace: Trace) -> np.ndarray:
        """How differently agents would act at the same time.

        Mean over played ticks and pairs of the Jensen-Shannon divergence of their stated odds. Range 0
        (clones) to 1 (disjoint) bit. Needs: `odds` of two minds or more on the channel. Bias: agents who
        see different things act differently though their policies be the same.
        """
        name = next(iter(trace.odds)) if channel is None and len(trace.odds) == 1 else channel
        if name not in trace.odds:
            raise NA(f"no mind states odds on {name!r}; there are {', '.join(sorted(trace.odds)) or 'none'}")
        found = []
        for odds, alive in zip(trace.odds[name], trace.alive, strict=True):
            p = odds[alive].astype(float)
            p = p[:, (np.nansum(p, axis=2) > 0.5).all(axis=0)]  # those who state them throughout
            found.append(policy_diversity(np.swapaxes(p, 0, 1)) if len(p) else np.nan)
        return np.array(found)

    why = "fewer than two minds state their odds"
    return Measure(f"behavioral_diversity({channel})", function, "bits", "neither", "Lin 1991", why)


def _mode(x: np.ndarray) -> float:
    """The most frequent number; NaN where it is none, or more than one."""
    names, counts = np.unique(x[~np.isnan(x)], return_counts=True)
    top = names[counts == counts.max(initial=0)]
    return float(top[0]) if len(top) == 1 else float("nan")


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / np.where(whole == 0, np.nan, whole)


def _played(trace: Trace, of: str | None, silent: float | None = None) -> list[np.ndarray]:
    """Float[ticks, n] of the played ticks of each world; NaN for who is silent."""
    x = column(trace, of)
    x = np.where(x == silent, np.nan, x) if silent is not None else x
    return [one[alive] for one, alive in zip(x, trace.alive, strict=True)]
