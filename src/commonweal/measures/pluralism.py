"""Whether many views have a place: which are voiced, how they are spread, how many are left, who can steer.

Unless something else is passed, the views of a population are what its agents intended, and the
outcome is what was executed; they differ where institutions bend acts. A channel of amounts is cut into
views at `edges`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._bounds import Limit, limits
from .._describe import called
from .._formulas import entropy, jensen_shannon, takes
from .._measure import INTENDED, NA, Measure, channel_of
from .._trace import Trace

NO_TICK = "no tick was played"
SORENSEN = "Sorensen et al. 2024, A Roadmap to Pluralistic Alignment, arXiv 2402.05070"

# ------------------------------------------------------------------------------------------ formulas


@takes("coverage([True, False], [5, 5])", voiced="... views: 0..1", window="... views: 0..")
def coverage(voiced: Any, window: Any, weighted: bool = False) -> np.ndarray:
    """How much of the window (weights, 0 outside of it) is voiced (Bool), along the last axis.

    >>> float(coverage([True, True, False], [5, 0, 5]))
    0.5
    """
    voiced, window = np.asarray(voiced, dtype=bool), np.asarray(window, dtype=float)
    weight = window if weighted else (window > 0).astype(float)
    total = weight.sum(axis=-1)
    return (weight * voiced).sum(axis=-1) / np.where(total > 0, total, np.nan)


def null(population: Any, size: int, draws: int = 1000, seed: int = 0) -> np.ndarray:
    """Float[draws]: 1 - JSD to the population of fair random samples of `size`: what chance alone gives."""
    p = np.asarray(population, dtype=float)
    samples = np.random.default_rng(seed).multinomial(size, p / p.sum(), size=draws)
    return 1.0 - jensen_shannon(samples, p)


# ------------------------------------------------------------------------------------------ measures


def _views(trace: Trace, channel: str | None, edges: Any) -> tuple[np.ndarray, np.ndarray, int]:
    """Views intended and executed, Int[W, T, n], -1 in ticks not played; and how many views there are."""
    name = channel_of(trace.intent, channel, INTENDED)
    both = [table[name] for table in (trace.intent, trace.act)]
    if both[0].dtype.kind == "f" and edges is None:
        raise NA(f"the channel {name!r} takes amounts: say where views part, edges=[0.25, 0.5, 0.75]")
    if edges is not None:
        both = [np.digitize(x, np.asarray(edges, dtype=float)) for x in both]
    want, done = (np.where(trace.alive[..., None], x, -1) for x in both)
    return want, done, max(int(want.max(initial=0)), int(done.max(initial=0))) + 1


def _spread(views: np.ndarray, m: int) -> np.ndarray:
    """Int[W, m]: how often each view occurs in a world, from Int[W, ...]."""
    return np.stack([(views == k).sum(axis=tuple(range(1, views.ndim))) for k in range(m)], axis=-1)


def _fit(weights: Any, m: int) -> np.ndarray:
    """The weights of the first m views or more, with zeros for those that were not named."""
    weights = np.asarray(weights, dtype=float)
    return np.pad(weights, (0, max(0, m - len(weights))))


@limits()
def overton_coverage(
    channel: str | None = None, window: Any = None, weighted: bool = False, edges: Any = None
) -> Measure:
    """The measure of how many of the views that people hold are voiced.

    `window`: weight of each view in the population, 0 if it is outside; by default how often it was
    intended. `weighted`: views count by their weight instead of alike.
    """

    def function(trace: Trace) -> np.ndarray:
        """How much of the window of views was voiced at least once.

        |voiced and in the window| / |window|, or the same weighted by population. Range 0 to 1, higher is
        better. Needs: a channel. Bias: one mention is enough, and longer worlds have more of them; what is
        voiced outside of the window is not seen.
        """
        want, done, m = _views(trace, channel, edges)
        held = _spread(want, m) if window is None else _fit(window, m)
        voiced = np.pad(_spread(done, m) > 0, ((0, 0), (0, held.shape[-1] - m)))
        return coverage(voiced, np.broadcast_to(held, voiced.shape), weighted)

    given = {"channel": (channel, None), "window": (window, None), "edges": (edges, None)}
    return Measure(
        called("overton_coverage", **given, weighted=(weighted, False)),
        function,
        unit="share of views",
        better="higher",
        cites="OvertonScore, arXiv 2512.01351; " + SORENSEN,
        undefined="nobody holds any view",
    )


def steerability(
    wanted: Sequence[int] | np.ndarray | None = None,
    unsteered: float | Trace = 0.0,
    channel: str | None = None,
    edges: Any = None,
) -> Measure:
    """The measure of how far agents do what they were steered to do.

    `wanted`: Int[n], the view that each was steered to; `unsteered`: the same agents without steering, or
    the chance to agree without.
    """

    if not isinstance(unsteered, Trace):
        Limit("steerability", "unsteered", float, "[-1, 1]", 0.0, static=False).check(unsteered)

    def agreement(trace: Trace) -> np.ndarray:
        want, _, _ = _views(trace, channel, edges)
        goal = np.asarray(wanted)
        if goal.shape != want.shape[2:]:
            raise NA(f"views of {goal.shape} agents were wanted, and {want.shape[2]} took part")
        seen = (want >= 0).sum(axis=1)
        return (want == goal).sum(axis=1) / np.where(seen == 0, np.nan, seen)

    def function(trace: Trace) -> np.ndarray:
        """How much more often an agent does what it was steered to do than without, one column per agent.

        Share of its decisions that intend the wanted view, less that of the unsteered (its mean over
        worlds). Range -1 to 1, higher is better. Needs: `wanted`, and a channel. Bias: one who would do it
        anyway cannot be seen to be steered.
        """
        if wanted is None:
            raise NA("to what was each steered? steerability(wanted=[0, 2, 1], unsteered=1 / 3)")
        if not isinstance(unsteered, Trace):
            return agreement(trace) - unsteered
        base = agreement(unsteered)
        known = (~np.isnan(base)).sum(axis=0)
        return agreement(trace) - np.nansum(base, axis=0) / np.where(known == 0, np.nan, known)

    base = (unsteered.intent, unsteered.seeds) if isinstance(unsteered, Trace) else unsteered
    given = {"wanted": (wanted, None), "unsteered": (base, 0.0), "channel": (channel, None)}
    name = called("steerability", **given, edges=(edges, None))
    return Measure(name, function, "share", "higher", SORENSEN, NO_TICK, "agent")


@limits(chance="[0, 100000]")
def distributional_pluralism(
    channel: str | None = None, population: Any = None, edges: Any = None, chance: int = 0
) -> Measure:
    """The measure of whether views come out as often as people hold them.

    `population`: how many hold each view, by default how often each was intended; `chance`: how many
    random samples of the population as large as the outcome say what chance gives, which is subtracted
    (0: nothing is).
    """

    def function(trace: Trace) -> np.ndarray:
        """How alike the outcome's distribution and the population's are.

        1 - JSD in bits, of the executed acts against the population; less its mean over random samples
        of the population if `chance` is above 0. Range 0 to 1 (with chance -1 to about 0), higher is better.
        Needs: a channel. Bias: without chance, few acts read too low even if drawn fairly.
        """
        want, done, m = _views(trace, channel, edges)
        held = _spread(want, m) if population is None else _fit(population, m)[None]
        out = _spread(done, m)
        out = np.pad(out, ((0, 0), (0, held.shape[1] - m)))
        held = np.broadcast_to(held, out.shape)
        like = 1.0 - jensen_shannon(out, held)
        for w in range(len(like) if chance else 0):
            if not np.isnan(like[w]):
                like[w] -= null(held[w], int(out[w].sum()), chance).mean()
        return like

    given = {"channel": (channel, None), "population": (population, None), "edges": (edges, None)}
    return Measure(
        called("distributional_pluralism", **given, chance=(chance, 0)),
        function,
        unit="1 - bits",
        better="higher",
        cites=SORENSEN + "; Lin 1991, IEEE Trans. Information Theory 37:145",
        undefined="no tick was played, or nobody is in the population",
    )


def diversity_retained(channel: str | None = None, edges: Any = None) -> Measure:
    """The measure of how many views are left in the end."""

    def function(trace: Trace) -> np.ndarray:
        """How much of the diversity of views with which the agents began is left at the end.

        H(last executed acts) / H(first intended ones), entropies over agents. Range 0 (consensus) upward; 1
        is as diverse as before. Needs: a channel, and agents who begin with different views. Bias: in small
        groups both entropies read too low; says nothing of which views were lost.
        """
        want, done, m = _views(trace, channel, edges)
        t = want.shape[1]
        first, last = trace.alive.argmax(axis=1), t - 1 - trace.alive[:, ::-1].argmax(axis=1)
        begun, ended = (
            entropy(_spread(x[np.arange(len(x)), at], m)) for x, at in ((want, first), (done, last))
        )
        return ended / np.where(begun > 0, begun, np.nan)

    return Measure(
        called("diversity_retained", channel=(channel, None), edges=(edges, None)),
        function,
        unit="share of bits",
        better="higher",
        cites="Shannon 1948, A Mathematical Theory of Communication",
        undefined="all began with the same view, or no tick was played",
    )
