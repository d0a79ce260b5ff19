"""People who hear each other's opinions and say their own, tick by tick: consensus, camps, capture.

The costs are those under which averaging is the best reply: Bindel, Kleinberg and Oren 2011, FOCS.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Int

from .._card import Card, Oracle, Unknown, one_each
from .._channel import Amount
from .._graph import pairing
from .._param import count, param
from .._scenario import Outcome, Scenario, Sight


class Debate(eqx.Module):
    """The state: what all said first and last (0 to 1), and whom each meets now (oneself: nobody)."""

    first: Float[Array, " n"]
    opinion: Float[Array, " n"]
    partner: Int[Array, " n"]
    started: Bool[Array, ""]


class Opinions(Scenario):
    """Each agent says an opinion from 0 to 1 and is paid for agreeing with those it hears, and for truth.

    pay_i = -conform sum_j w_ij (x_i - x_j)^2 - anchor (x_i - first_i)^2 - stake (x_i - truth)^2

    - `weights`: [n, n], how much i hears j, rows summing to 1; without them all hear all alike.
    - `start`: the first opinions; without them they are drawn evenly from 0 to 1 in each world.
    - `truth`: nobody sees it; it counts if `stake` is above 0.

    Channel `say` (silence is 0, an opinion too). Facts: `started`, `own`, `first`, `heard` (the
    weighted mean of those heard), `opinions` and `weights` [n, n] by seat, and of a random pairing in
    each tick `partner` (oneself where the number is odd) and `met` (the partner's opinion). Events:
    `excess` (distance from the mean of those heard, after all have spoken), `cooperated` (1 - excess),
    `opinion`, `error` (distance from the truth). Source: DeGroot 1974; Bindel et al. 2011.
    """

    n_agents: int = count(10, "[1, 10000]")
    horizon: int = count(20, "[1, 1000000]")
    weights: Float[Array, "n n"] | None = param(None, "[0, 1]")
    start: Float[Array, " n"] | None = param(None, "[0, 1]")
    conform: Float[Array, ""] = param(1.0, "[0, inf)")
    anchor: Float[Array, ""] = param(0.0, "[0, inf)")
    stake: Float[Array, ""] = param(0.0, "[0, inf)")
    truth: Float[Array, ""] = param(0.5, "[0, 1]")

    def __check_init__(self):
        n, w, x = self.n_agents, self.weights, self.start
        if (w is not None and w.shape != (n, n)) or (x is not None and x.shape != (n,)):
            shapes = [None if a is None else a.shape for a in (w, x)]
            raise ValueError(
                f"Opinions came with n_agents={n} and weights, start of shapes {shapes}; wanted {(n, n)} and "
                f"{(n,)}: Opinions(n_agents=2, weights=[[0.5, 0.5], [0.0, 1.0]], start=[0.0, 1.0])"
            )
        if w is None or isinstance(w, Tracer):
            return
        sums = np.asarray(w).sum(axis=1)
        for row in np.flatnonzero(abs(sums - 1.0) > 1e-4)[:1]:
            raise ValueError(
                f"Opinions: got weights whose row {row} sums to {sums[row]:g}, expected sums of 1; try "
                "Opinions(n_agents=2, weights=[[0.5, 0.5], [0.0, 1.0]])"
            )

    def channels(self):
        return {"say": Amount(1.0, unit="on a scale from 0 to 1")}

    def _chance(self) -> float:
        """The expected total pay of a tick in which all say an opinion drawn evenly from 0 to 1."""
        n, alone = self.n_agents, 1.0
        if self.weights is not None:
            alone = float(np.trace(np.asarray(self.weights)))
        first = np.full(n, 1 / 6) if self.start is None else 1 / 12 + (np.asarray(self.start) - 0.5) ** 2
        truth = 1 / 12 + (float(self.truth) - 0.5) ** 2
        apart = float(self.conform) * (n - alone) / 6
        return -(apart + float(self.anchor) * first.sum() + float(self.stake) * truth * n)

    def card(self):
        truth = float(self.truth)
        most = float(self.conform) + float(self.anchor) + float(self.stake) * max(truth, 1.0 - truth) ** 2
        people, represents = one_each(
            [f"member {i}" for i in range(self.n_agents)], -self.horizon * most, 0.0
        )
        chance, free = self.horizon * self._chance(), float(self.anchor) == 0.0
        known = Unknown("no opinion costs anything")
        if chance < 0.0:
            known = Oracle(0.0, chance, "exact" if free else "bound", cooperative=0.0 if free else None)
        return Card(
            title="Opinions",
            citation="DeGroot 1974, JASA 69:118; Bindel, Kleinberg, Oren 2011, FOCS",
            setting="cooperative",
            objective="as little disagreement, and error, as possible",
            stakeholders=people,
            represents=represents,
            oracle=known,
        )

    def init(self, key):
        drawn = jax.random.uniform(jax.random.fold_in(key, 1), (self.n_agents,))
        first = drawn if self.start is None else self.start
        return Debate(first, first, pairing(key, self.n_agents), jnp.array(False))

    def heard(self, opinion: Float[Array, " n"]) -> Float[Array, " n"]:
        """The mean opinion that each hears."""
        if self.weights is None:
            return jnp.broadcast_to(opinion.mean(), (self.n_agents,))
        return (self.weights * opinion[None, :]).sum(axis=1)

    def step(self, state, actions, key):
        x = actions["say"]
        mean = self.heard(x)
        apart = jnp.maximum(self.heard(x**2) - 2.0 * x * mean + x**2, 0.0)
        cost = self.conform * apart + self.anchor * (x - state.first) ** 2
        off = jnp.abs(x - mean)
        error = jnp.abs(x - self.truth)
        events = {"cooperated": 1.0 - off, "excess": off, "opinion": x, "error": error}
        after = Debate(state.first, x, pairing(key, self.n_agents), jnp.array(True))
        return after, Outcome(pay=-cost - self.stake * error**2, events=events)

    def observe(self, state):
        n = self.n_agents
        weights = jnp.full((n, n), 1.0 / n) if self.weights is None else self.weights
        return Sight(
            {
                "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
                "own": state.opinion,
                "first": state.first,
                "heard": self.heard(state.opinion),
                "opinions": jnp.where(weights > 0.0, state.opinion[None], -1.0),  # -1: not heard
                "weights": weights,
                "partner": state.partner,
                "met": state.opinion[state.partner],
            }
        )

    def brief(self, agent):
        parts = [
            f"You are member {agent} of {self.n_agents}. Each round all say at once what they think (0 to 1)."
        ]
        costs = [
            (self.conform, "the squared distance from those you hear, by how much you hear them"),
            (self.anchor, "the squared distance from what you thought at first"),
            (self.stake, "the squared distance from the truth, which nobody sees"),
        ]
        parts += [f"You lose {float(c):g} times {what}." for c, what in costs if float(c) != 0.0]
        return " ".join(parts)

    def tell(self, sight):
        first, own, mean, met = (f"{float(sight[name]):.4g}" for name in ("first", "own", "heard", "met"))
        alike = np.ptp([float(w) for w in sight["weights"] if float(w) > 0.0]) == 0.0
        heard = [
            f"member {j}: {float(x):.4g}" + ("" if alike else f" (counts {float(w):.4g})")
            for j, (x, w) in enumerate(zip(sight["opinions"], sight["weights"], strict=True))
            if float(w) > 0.0
        ]
        said = f"{', '.join(heard)}; on average {mean}"
        meets = f"You meet member {int(sight['partner'])}, who"
        if not sight.started:
            return f"Nobody has spoken yet. You think {own}. Opinions are {said}. {meets} thinks {met}."
        return f"At first you thought {first}; last you said {own}. You hear {said}. {meets} said {met}."
