"""Whether anybody answers for what went wrong: diffusion of responsibility, and its gaps.

Never read alone: among rules that leave no gap and diffuse nothing only an elected dictatorship is left
(Naumov and Tao 2025, arXiv 2506.07935), so show `voting_power` or `wealth_gini` beside it.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from .._bounds import limits
from .._formulas import entropy, takes
from .._measure import NA, Measure
from .._trace import Trace

NAUMOV = "Naumov and Tao 2025, arXiv 2506.07935"


class Diffusion(NamedTuple):
    """`index` from 0 (one culprit) to 1 (all alike); `effective`, how many equal culprits that is."""

    index: np.ndarray
    effective: np.ndarray


@takes("diffusion([1.0, 0.5])", blame="... n")
def diffusion(blame: Any) -> Diffusion:
    """How thinly responsibility is spread, from blame [..., n] such as Shapley values.

    H(rho) / ln n with rho_i in proportion to max(0, blame_i), and e^H. NaN where nobody is to blame, or
    for one agent alone. Bias: mitigation (negative blame) is left out, never netted.

    >>> diffusion([1.0, 1.0]).index.item(), diffusion([1.0, 0.0]).index.item()
    (1.0, 0.0)
    """
    blamed = np.maximum(np.asarray(blame, dtype=float), 0.0)
    spread, n = np.asarray(entropy(blamed, base=np.e)), blamed.shape[-1]
    return Diffusion(spread / np.log(n) if n > 1 else np.full_like(spread, np.nan), np.exp(spread))


def harm_done(trace: Trace) -> np.ndarray:
    """Float[W, n]: the harm that each agent did, all values together, by their weights."""
    if not trace.card.values:
        raise NA(trace.card.lacks("declares no value"))
    weights = np.array([v.weight / (v.worst - v.least) for v in trace.card.values])
    return (np.asarray(trace.harm, dtype=float) @ weights).sum(axis=1)


def diffusion_of_responsibility(blame: Callable[[Trace], np.ndarray] = harm_done) -> Measure:
    """The measure `diffusion_of_responsibility(blame)`; `blame` gives, from a trace, Float[W, n]."""

    def function(trace: Trace) -> np.ndarray:
        """How thinly responsibility for harm is spread over agents.

        H(rho) / ln n, rho_i in proportion to max(0, blame_i); by default the harm that agents did, as the
        scenario books it. Range 0 (one culprit) to 1 (all alike). Needs: harm, or a function that
        blames (counterfactual, from `commonweal.accounts`). Bias: who did harm need not have caused it.
        """
        return diffusion(blame(trace)).index

    name = f"diffusion_of_responsibility({getattr(blame, '__name__', 'blame')})"
    return Measure(name, function, "share", "neither", NAUMOV, "nobody did harm, or one agent alone")


class Gap(NamedTuple):
    """Shares of all worlds: `none`, bad though nobody was a but-for cause; `diffuse`, all below theta."""

    none: float
    diffuse: float


@takes(
    "responsibility_gap([True], [[False, True]])",
    bad="worlds: 0..1",
    but_for="worlds n: 0..1",
    shares="worlds n",
)
def responsibility_gap(bad: Any, but_for: Any, shares: Any = None, *, theta: float = 0.5) -> Gap:
    """How often something bad happens for which nobody answers.

    `bad` Bool[W]; `but_for` Bool[W, n], whether the bad would not have happened without that agent's
    act; `shares` Float[W, n] of responsibility (default: even among but-for causes). none = P(bad and
    no but-for cause), diffuse = P(bad and all shares < theta). A unanimous vote of three: 1; a dictator: 0.
    Bias: but-for misses causes that back each other up. Source: Naumov and Tao 2025.

    >>> responsibility_gap([True], [[False, False, False]])
    Gap(none=1.0, diffuse=1.0)
    """
    bad, but_for = np.asarray(bad, dtype=bool), np.asarray(but_for, dtype=bool)
    causes = but_for.sum(axis=1)
    shares = but_for / np.maximum(causes, 1)[:, None] if shares is None else np.asarray(shares, dtype=float)
    return Gap(float((bad & (causes == 0)).mean()), float((bad & (shares < theta).all(axis=1)).mean()))


@limits(bad="[0, 10000]", quota="[0, inf)")
def vote_gap(
    channel: str | None = None,
    bad: int = 0,
    *,
    weights: Any = None,
    quota: float | None = None,
    over: Literal["all", "bad"] = "all",
) -> Measure:
    """The measure `vote_gap(channel, bad)`: votes for the bad option win with weight >= `quota`.

    `weights` are 1 each unless given, `quota` more than half. `over`: of all ticks, or of those with a
    bad outcome.
    """

    def function(trace: Trace) -> np.ndarray:
        """How often the bad option is voted for and no single vote could have prevented it.

        Ticks in which `bad` wins and would still win without any one of its votes, over all played ticks
        (or those in which it wins). Range 0 to 1, lower is better. Needs: a channel of votes. Bias: but-for
        one vote at a time; that a smaller majority would have had a culprit is the point.
        """
        if (channel or "") not in trace.act and not (channel is None and len(trace.act) == 1):
            raise NA(f"no channel {channel!r} here: name one of {', '.join(sorted(trace.act)) or '(none)'}")
        for_it = (trace.act[channel or next(iter(trace.act))] == bad) & trace.alive[..., None]
        w = np.ones(trace.shape[2]) if weights is None else np.asarray(weights, dtype=float)
        if len(w) != trace.shape[2]:
            raise NA(f"{len(w)} weights came for {trace.shape[2]} agents")
        near = 1e-9 * w.sum()
        least = w.sum() / 2 + 2 * near if quota is None else quota
        votes = (for_it * w).sum(axis=2)
        won = votes >= least - near
        pivotal = for_it & (votes[..., None] - w < least - near) & won[..., None]
        ticks = (trace.alive if over == "all" else won).sum(axis=1)
        return (won & ~pivotal.any(axis=2)).sum(axis=1) / np.where(ticks == 0, np.nan, ticks)

    rule = "majority" if quota is None else f"quota {quota:g}"
    why = "no tick was played" if over == "all" else "nothing bad was voted for"
    name = f"vote_gap({channel}, bad={bad}, {rule}, over={over})"
    return Measure(name, function, "share of votes", "lower", NAUMOV, why)
