"""Who moves whom: transfer entropy, the influence of acts on others' odds, and who turns to whom.

`of` is a channel or an event, by default the only channel. Information is in bits. What short series
show by chance is found by shuffling them, and `report` says what is printed: the `excess` over the mean
of the shuffles, the `raw` number, or `p`, the chance of as much without any influence.
"""

import zlib
from typing import Any, Literal, NamedTuple

import numpy as np

from .._bounds import limits
from .._formulas import takes
from .._measure import NA, Measure, column
from .._trace import Trace

Report = Literal["excess", "raw", "p"]
DISTINCT = 10  # so many different numbers stay symbols; more are cut into bins


class Chance(NamedTuple):
    """What was found, and `null` [permutations]: what was found where there is nothing to find."""

    raw: float
    null: np.ndarray

    @property
    def excess(self) -> float:
        """What was found beyond the mean of the null."""
        return self.raw - float(self.null.mean())

    @property
    def p(self) -> float:
        """The share of the null, and of what was found, that is as large (Phipson and Smyth 2010)."""
        return float((1 + (self.null >= self.raw - 1e-9).sum()) / (1 + len(self.null)))


def _codes(*columns: np.ndarray) -> np.ndarray:
    """Int[T]: a symbol for each distinct row, numbered as they first appear."""
    _, first, code = np.unique(np.stack(columns), axis=1, return_index=True, return_inverse=True)
    return first.argsort().argsort()[code.ravel()]


def _entropy(codes: np.ndarray) -> np.ndarray:
    """Bits of each row of Int[rows, T], from its counts."""
    rows, ticks = codes.shape
    size = int(codes.max()) + 1
    found, counts = np.unique(codes + size * np.arange(rows)[:, None], return_counts=True)
    return np.log2(ticks) - np.bincount(found // size, counts * np.log2(counts), rows) / ticks


def _shuffled(x: np.ndarray, within: np.ndarray, permutations: int) -> np.ndarray:
    """[1 + permutations, T]: x, and x shuffled among the ticks alike in `within`.

    The luck depends on the series alone: neither on seats nor on other worlds.
    """
    rng = np.random.default_rng(zlib.crc32(np.stack([x, within]).astype(np.int64).tobytes()))
    order = (within + rng.random((permutations, len(x)))).argsort(axis=1)
    many = np.tile(x, (1 + permutations, 1))
    many[1:, within.argsort(kind="stable")] = x[order]
    return many


def transfer(source: Any, target: Any, *, past: int = 1, given: Any = (), permutations: int = 100) -> Chance:
    """Bits that the source's past adds to the target's own past about the target's present.

    H(y_t | y-) - H(y_t | y-, x-), plug-in; `source` and `target` are symbols [T], `past` ticks of each
    are looked at, and of each series in `given` (then conditional). The null shuffles the source's past
    among ticks with the same y- and given, so that it keeps what both have in common. Bias: 0 needs
    long series (independent ones with five symbols and T = 100 give 0.67 raw); a target that remembers
    more than `past` ticks reads as influenced. Source: Schreiber 2000, Phys. Rev. Lett. 85:461.

    >>> x = [0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0] * 20
    >>> round(transfer(x, [0, *x[:-1]]).raw, 1)
    1.0
    """
    x, y, *more = (_codes(np.asarray(one)) for one in (source, target, *given))
    ticks = len(y) - past
    if past < 1 or ticks < 2:
        raise ValueError(f"{len(y)} ticks and past={past}; wanted past >= 1, two ticks more: transfer(x, y)")

    def before(*series):
        return _codes(*(one[past - k : len(y) - k] for one in series for k in range(1, past + 1)))

    now, own, other = _codes(y[past:])[None], before(y, *more), before(x)
    with_x = _shuffled(other, own, permutations) * (own.max() + 1) + own
    alone = _entropy(now * (own.max() + 1) + own) - _entropy(own[None])
    bits = alone - (_entropy(with_x * (now.max() + 1) + now) - _entropy(with_x))
    return Chance(float(bits[0]), bits[1:])


@limits(bins="[2, 100]", past="[1, 100]", permutations="[1, 100000]")
def transfer_entropy(
    of: str | None = None,
    *,
    bins: int = 3,
    past: int = 1,
    conditional: bool = False,
    permutations: int = 100,
    report: Report = "excess",
) -> Measure:
    """The measure `transfer_entropy(of)`, see `transfer`.

    More than ten different numbers are cut into `bins` of equal share. `conditional`: given the pasts
    of all third agents. A hundred permutations take some 4 ms a pair of agents and world of 300 ticks.
    """

    def function(trace: Trace) -> np.ndarray:
        """Bits an agent's past tells of each other's next act, beyond that other's own past: Float[W, n].

        Mean over j of H(y_j,t | y_j-) - H(y_j,t | y_j-, x_i-), less the mean of its permutation null
        (`report`). Range about 0 to log2 of the symbols. Needs: a channel or event, a dozen ticks.
        Bias: plug-in, upward, which the null takes off; a common cause reads as influence.
        """
        return _by_agent(trace, of, bins, past + 2, one, report)

    def one(x: np.ndarray, i: int, j: int) -> Chance:
        rest = [x[:, k] for k in range(x.shape[1]) if conditional and k not in (i, j)]
        return transfer(x[:, i], x[:, j], past=past, given=rest, permutations=permutations)

    name = f"transfer_entropy({of}, past={past}, {'given all, ' if conditional else ''}{report})"
    cites, unit = "Schreiber 2000, Phys. Rev. Lett. 85:461", "probability" if report == "p" else "bits"
    return Measure(name, function, unit, "neither", cites, "too few ticks", "agent")


def _by_agent(trace: Trace, of: str | None, bins: int, least: int, one, report: Report) -> np.ndarray:
    """Float[W, n]: `report` of the mean over others j of one(symbols [T, n], i, j)."""
    acts, n = column(trace, of), trace.shape[2]
    if n < 2:
        raise NA("one agent has nobody to influence")
    found = np.full((len(acts), n), np.nan)
    for w, alive in enumerate(trace.alive):
        if alive.sum() < least:
            continue
        x = _symbols(acts[w, alive], bins)
        for i in range(n):
            pairs = [one(x, i, j) for j in range(n) if j != i]
            null = np.mean([pair.null for pair in pairs], axis=0)
            found[w, i] = getattr(Chance(float(np.mean([pair.raw for pair in pairs])), null), report)
    return found


def _symbols(x: np.ndarray, bins: int) -> np.ndarray:
    """Int[T, n]: equal numbers as equal symbols, many different ones in bins; -1 where there is none."""
    known = np.unique(x[~np.isnan(x)])
    if len(known) > DISTINCT:
        known = np.unique(np.nanquantile(x, np.arange(bins) / bins))
    return np.where(np.isnan(x), -1, np.searchsorted(known, x, side="right"))


@takes("causal_influence([[1, 0], [0, 1]], [0.5, 0.5])", odds="...", prior="acts: 0..")
def causal_influence(odds: Any, prior: Any, taken: int | None = None) -> float:
    """Bits by which an agent's act moves what others do, summed over them.

    sum_j KL(p(a_j | a_i) || sum_a' p(a_j | a') p(a')), in expectation over a_i ~ prior, or for the one
    act `taken`. `odds` [acts, others, options] (or [acts, options]) is what each other would do after
    each act of agent i, from replays or from its policy; `prior` [acts]. 0 or more; a copier of a fair
    coin: 1. Bias: none, where the odds are counterfactual and not observed.
    Source: Jaques et al. 2019, arXiv 1810.08647, equation 1.

    >>> causal_influence([[1, 0], [0, 1]], [0.5, 0.5])
    1.0
    """
    odds, prior = np.asarray(odds, dtype=float), np.asarray(prior, dtype=float)
    odds = odds[:, None] if odds.ndim == 2 else odds
    moved = _divergence(odds, np.tensordot(prior, odds, 1)).sum(axis=1)
    return float(prior @ moved if taken is None else moved[taken])


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """KL(p || q) in bits over the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(p > 0.0, p * np.log2(p / q), 0.0).sum(axis=-1)


@limits(permutations="[1, 100000]")
def observed_influence(
    channel: str | None = None, *, permutations: int = 100, report: Report = "excess"
) -> Measure:
    """The measure `observed_influence(channel)`: `causal_influence` as far as a trace shows it."""

    def function(trace: Trace) -> np.ndarray:
        """Bits by which an agent's act goes with what the others then say they will do: Float[W, n].

        Mean over j of sum_a p(a) KL(mean odds_j,t+1 after a || mean odds_j), less the mean of the
        same with i's acts shuffled (`report`). Range about 0 to log2 of the options. Needs: `odds` of
        the minds on the channel. Bias: observed, not replayed: a common cause reads as influence.
        """
        acts, name = column(trace, channel), next(iter(trace.act)) if channel is None else channel
        if name not in trace.odds:
            raise NA(f"no mind states its odds on {name!r}")
        found = np.full(acts.shape[::2], np.nan)
        for w, alive in enumerate(trace.alive):
            x, odds = _symbols(acts[w, alive], 3)[:-1], trace.odds[name][w, alive][1:].astype(float)
            stated = np.nansum(odds, axis=2).all(axis=0)  # a mind that states none is moved by nobody
            for i in range(x.shape[1]) if len(x) else ():
                theirs = odds[:, stated & (np.arange(x.shape[1]) != i)]
                if theirs.shape[1]:
                    found[w, i] = getattr(_moved(x[:, i], theirs, permutations), report)
        return found

    name, unit = f"observed_influence({channel}, {report})", "probability" if report == "p" else "bits"
    why = "fewer than two ticks, or no other agent states its odds"
    return Measure(name, function, unit, "neither", "Jaques et al. 2019, arXiv 1810.08647", why, "agent")


def _moved(acts: np.ndarray, odds: np.ndarray, permutations: int) -> Chance:
    """Mean over others of the bits between acts [T] and the odds [T, others, m] that followed."""
    many = _shuffled(acts, np.zeros_like(acts), permutations)
    bits = np.zeros(len(many))
    for a in np.unique(acts):
        after = np.tensordot((many == a) / (acts == a).sum(), odds, 1)  # shuffles keep the counts
        bits = bits + (acts == a).mean() * _divergence(after, odds.mean(axis=0)).mean(axis=1)
    return Chance(float(bits[0]), bits[1:])


# ---------------------------------------------------------------------------------- who turns to whom


@takes("network_centralization([[0, 1], [0, 0]], 'reaching')", ties="n n: 0..")
@limits()
def network_centralization(
    ties: Any, how: Literal["betweenness", "reaching", "flow"] = "betweenness"
) -> float:
    """How far a network hangs on few: from ties [n, n], where i -> j if ties[i, j] > 0.

    - `betweenness`: Freeman's centralization of betweenness, ties taken both ways: sum_i (max - b_i) /
      (n - 1), b from 0 to 1; a star has 1, a ring 0.
    - `reaching`: global reaching centrality: sum_i (max - r_i) / (n - 1), r the share of the others
      whom i reaches (Mones, Vicsek, Vicsek 2012); a star from its center has 1, a ring 0.
    - `flow`: the share of ties that are in no cycle (Luo and Magee 2011); a tree has 1, a ring 0.

    NaN without ties, or where three agents are needed; weights that differ are refused. Source: Freeman
    1979, Social Networks 1:215.

    >>> network_centralization([[0, 1, 1], [0, 0, 0], [0, 0, 0]], 'reaching')
    1.0
    """
    import networkx as nx  # imported late: --help need not pay

    there, weights = np.asarray(ties) > 0, np.unique(ties)
    if len(weights[weights > 0]) > 1:
        raise ValueError(
            f"network_centralization() came with weights from {weights[weights > 0][0]:g} to "
            f"{weights[-1]:g}, and this formula reads no weights; wanted ties that are there or not: "
            "network_centralization(np.asarray(ties) > 0)"
        )
    n = len(there)
    graph = nx.from_numpy_array(there & ~np.eye(n, dtype=bool), create_using=nx.DiGraph)
    if not graph.number_of_edges() or (how == "betweenness" and n < 3):
        return float("nan")
    if how == "flow":
        return float(nx.flow_hierarchy(graph))
    if how == "reaching":
        each = np.array([len(nx.descendants(graph, i)) for i in graph]) / (n - 1)
    else:
        each = np.array(list(nx.betweenness_centrality(graph.to_undirected()).values()))
    return float((each.max() - each).sum() / (n - 1))


@limits()
def centralization(
    channel: str | None = None, how: Literal["betweenness", "reaching", "flow"] = "betweenness"
) -> Measure:
    """The measure `centralization(channel, how)` of a channel of targets, see `network_centralization`."""

    def function(trace: Trace) -> np.ndarray:
        """How far the network of who turned to whom hangs on few agents.

        Ties i -> j where i's act on the channel of targets ever was j; then as
        `network_centralization`. Range 0 to 1. Needs: a channel of targets (options are the agents).
        Bias: once counts as often; with few acts a sparse network looks like a hierarchy.
        """
        x, n = column(trace, channel), trace.shape[2]
        if not np.isin(x[~np.isnan(x)], np.arange(n + 1)).all():
            raise NA(f"the channel {channel!r} does not name agents")
        ties = (x[..., None] == np.arange(n)).any(axis=1)
        return np.array([network_centralization(one, how) for one in ties])

    cites = {"reaching": "Mones, Vicsek, Vicsek 2012, PLoS ONE 7:e33799", "flow": "Luo and Magee 2011"}
    source = cites.get(how, "Freeman 1979, Social Networks 1:215")
    why = "nobody turned to anybody, or fewer than three agents"
    return Measure(f"centralization({channel}, {how})", function, "share", "neither", source, why)
