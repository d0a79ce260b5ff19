"""One symmetric game, played by every agent with each of its neighbors on a graph.

As in `matrix_game`, acts are listed from the most to the least cooperative.
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._card import Card, Oracle, Unknown, one_each
from .._channel import Choice
from .._graph import adjacency
from .._param import count, param, text
from .._scenario import Outcome, Scenario, Sight


class Round(eqx.Module):
    """The state: what each agent did last, and whether there was a last round at all."""

    act: Int[Array, " n"]
    started: Bool[Array, ""]


class NetworkGame(Scenario):
    """An agent that acts a earns `payoffs[a, b]` from each neighbor that acts b; one act for all of them.

    - `graph`: any networkx graph, or an array of weights [n, n]; a game with a neighbor counts as often as
      the edge weighs.
    - `payoffs`: points of the row player, [m, m], in the order of `acts`.
    - `pooled`: `averaged` over neighbors (weights sum to 1), or `accumulated`.

    Facts of the sight (zero before the first round, when `started` is 0): `own` last act; `did` its
    cooperativeness (0 to 1), `share` the neighbors' mean one; `paid` own last pay; `neighbors` how many.
    Events: `cooperated`, `excess` (1 - cooperated). Source: Nowak and May 1992, Nature 359:826;
    Ohtsuki, Hauert, Lieberman, Nowak 2006, Nature 441:502.
    """

    graph: Float[Array, "n n"] = eqx.field(converter=adjacency)
    payoffs: Float[Array, "m m"] = param()
    acts: tuple[str, ...] = count(("cooperate", "defect"))
    horizon: int = count(1, "[1, 1000000]")
    pooled: Literal["averaged", "accumulated"] = text("averaged")

    def __check_init__(self):
        m = len(self.acts)
        if self.graph is None or m < 2 or self.payoffs.shape != (m, m):
            raise ValueError(
                f"NetworkGame came with payoffs of shape {self.payoffs.shape} for the acts {self.acts}; "
                "wanted a graph, two acts or more, and one row and one column each: "
                "NetworkGame(networkx.circulant_graph(50, [1, 2]), [[2, -1], [3, 0]])"
            )

    @property
    def n_agents(self) -> int:
        return self.graph.shape[0]

    @property
    def meetings(self) -> Float[Array, "n n"]:
        """How much each agent (row) earns from a game with each other one (column)."""
        rows = self.graph.sum(axis=1, keepdims=True)
        return self.graph / rows if self.pooled == "averaged" else self.graph

    def channels(self):
        return {"act": Choice(self.acts, silent=len(self.acts) - 1)}

    def cooperativeness(self, act: Int[Array, "*s"]) -> Float[Array, "*s"]:
        """1 for act 0, down to 0 for the last act."""
        return 1.0 - act.astype(jnp.float32) / (len(self.acts) - 1)

    def init(self, key):
        return Round(jnp.zeros(self.n_agents, jnp.int32), jnp.array(False))

    def earned(self, act: Int[Array, " n"]) -> Float[Array, " n"]:
        """What each agent earns in a round."""
        done = jax.nn.one_hot(act, len(self.acts))
        return ((self.meetings @ done) * self.payoffs[act]).sum(axis=1)

    def step(self, state, actions, key):
        act = actions["act"]
        cooperated = self.cooperativeness(act)
        events = {"cooperated": cooperated, "excess": 1.0 - cooperated}
        return Round(act, jnp.array(True)), Outcome(pay=self.earned(act), events=events)

    def observe(self, state):
        n = self.n_agents
        did = jnp.where(state.started, self.cooperativeness(state.act), 0.0)
        facts = {
            "started": jnp.broadcast_to(state.started.astype(jnp.float32), (n,)),
            "own": state.act,
            "did": did,
            "share": (self.graph @ did) / self.graph.sum(axis=1),
            "paid": jnp.where(state.started, self.earned(state.act), 0.0),
            "neighbors": (self.graph > 0.0).sum(axis=1).astype(jnp.float32),
        }
        return Sight(facts)

    def bounds(self) -> tuple[float, float, float, float | None, float]:
        """One round's total: most (a bound, pair by pair), most if all act alike, by chance, Nash, act 0."""
        pay, meet = np.asarray(self.payoffs, dtype=float), np.asarray(self.meetings, dtype=float)
        pairs = meet[:, :, None, None] * pay + np.swapaxes(meet, 0, 1)[:, :, None, None] * pay.T
        best = pairs.max(axis=(2, 3))[np.triu_indices(len(meet), 1)].sum()
        best += np.trace(meet) * np.diag(pay).max()
        alike = np.diag(pay) * meet.sum()
        near = 1e-6 * np.ptp(pay)  # of rounding, on the scale of the game
        nash = [float(alike[a]) for a in range(len(pay)) if pay[a, a] >= pay[:, a].max() - near]
        return (
            float(best),
            float(alike.max()),
            float(meet.sum() * pay.mean()),
            min(nash, default=None),
            alike[0],
        )

    def card(self):
        ticks, meet, pay = self.horizon, np.asarray(self.meetings), np.asarray(self.payoffs, dtype=float)
        people, represents = one_each([f"player {i}" for i in range(self.n_agents)])
        games = meet.sum(axis=1)
        best, alike, chance, nash, cooperative = self.bounds()
        near = 1e-6 * np.ptp(pay) * games.sum()
        worst = nash if nash is not None and nash < best - near else chance
        oracle = Unknown("every outcome has the same total: there is no joint task")
        if worst < best - near:
            oracle = Oracle(
                best=ticks * best,
                worst=ticks * worst,
                certificate="exact" if abs(best - alike) <= 10 * near else "bound",
                nash=None if nash is None else ticks * nash,
                cooperative=ticks * cooperative,
            )
        return Card(
            title="Game on a graph",
            citation="Nowak and May 1992, Nature 359:826; Ohtsuki et al. 2006, Nature 441:502",
            setting="mixed",
            objective="points of all players together",
            stakeholders=tuple(
                type(one)(one.name, ticks * float(g) * pay.min(), ticks * float(g) * pay.max())
                for one, g in zip(people, games, strict=True)
            ),
            represents=represents,
            oracle=oracle,
        )

    def brief(self, agent):
        mine = [
            f"{j} (times {w:g})" if w != 1.0 else str(j)
            for j, w in enumerate(np.asarray(self.graph)[agent])
            if w > 0.0
        ]
        pay = np.asarray(self.payoffs)
        rows = [
            f"You are player {agent} of {self.n_agents}. Each round you choose one of {', '.join(self.acts)} "
            f"and meet your neighbors, players {', '.join(mine)}, who choose at once.",
            f"Points from each neighbor, {self.pooled} over neighbors, by your act and the neighbor's:",
        ]
        for a, own in enumerate(self.acts):
            rows += [f"- {own}, {other}: {pay[a, b]:g}" for b, other in enumerate(self.acts)]
        return "\n".join(rows)

    def tell(self, sight):
        if not sight.started:
            return "This is the first round."
        return (
            f"Last round you played {self.acts[int(sight['own'])]} for {float(sight['paid']):g} points; your "
            f"neighbors' cooperativeness was {100 * float(sight['share']):.4g}% on average."
        )
