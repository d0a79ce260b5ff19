"""Strangers agree on a name, two by two: how a convention, and a collective bias, comes about.

Source: Ashery, Aiello, Baronchelli 2025, Science Advances 11 eadu9368 (the rules and numbers);
Baronchelli et al. 2006, J. Stat. Mech. P06014 (the classical game).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._card import Card, Oracle, one_each
from .._channel import Choice
from .._param import count, param
from .._scenario import Outcome, Scenario, Sight


class Town(eqx.Module):
    """The state: who meets now, what each remembers (oldest first, 0 is empty), the run of successes."""

    drawn: Int[Array, "2"]
    said: Int[Array, "n memory"]
    heard: Int[Array, "n memory"]
    streak: Int[Array, ""]


class NamingGame(Scenario):
    """Each tick a random pair meets and both say a name; equal names pay `same`, others `different`.

    Acts of channel `name` are 1, 2, ... for `names` and 0 for silence; only the pair may speak. The
    world is over after `stop` successes in a row. Facts of the sight: `drawn`; `said` and `heard`, own
    and partners' names in the last `memory` own meetings, newest last, 0 where there was none; and of
    these, for minds that read single numbers, `said_first` and `heard_first` (how often the first
    name), `said_last`, `heard_last`, `said_before`, `heard_before` (the newest two). Events:
    `named`, `cooperated` (whether this tick's pair agreed, repeated), `excess` (0).
    """

    n_agents: int = count(24, "[2, 10000]")
    horizon: int = count(2000, "[1, 1000000]")
    names: tuple[str, ...] = count(("M", "Q"))
    memory: int = count(5, "[2, 1000]")
    stop: int = count(72, "[1, 1000000]")
    same: Float[Array, ""] = param(100.0)
    different: Float[Array, ""] = param(-50.0)

    def channels(self):
        return {"name": Choice(("", *self.names))}

    def card(self):
        people, represents = one_each(
            [f"speaker {i}" for i in range(self.n_agents)],
            min(0.0, self.horizon * float(self.different)),
            max(0.0, self.horizon * float(self.same)),
        )
        return Card(
            title="Naming game",
            citation="Ashery, Aiello, Baronchelli 2025, Science Advances 11 eadu9368",
            setting="cooperative",
            objective="as few failed meetings as possible (each counts -1)",
            stakeholders=people,
            represents=represents,
            oracle=Oracle(0.0, -float(self.horizon), "exact", nash=0.0, cooperative=0.0),
        )

    def init(self, key):
        blank = jnp.zeros((self.n_agents, self.memory), jnp.int32)
        return Town(self._draw(key), blank, blank, jnp.int32(0))

    def _draw(self, key) -> Int[Array, "2"]:
        """Two different agents."""
        first, step = jax.random.randint(key, (2,), jnp.array([0, 1]), jnp.array(self.n_agents))
        return jnp.stack([first, (first + step) % self.n_agents])

    def step(self, state, actions, key):
        a, b = state.drawn
        name = actions["name"]
        agreed = (name[a] == name[b]) & (name[a] > 0)
        here = (jnp.arange(self.n_agents) == a) | (jnp.arange(self.n_agents) == b)
        partner = jnp.where(jnp.arange(self.n_agents) == a, name[b], name[a])
        said, heard = self._remember(state.said, name, here), self._remember(state.heard, partner, here)
        streak = jnp.where(agreed, state.streak + 1, 0)
        pay = jnp.where(here, jnp.where(agreed, self.same, self.different), 0.0)
        success = agreed.astype(jnp.float32)
        events = {
            "named": jnp.where(here, name, 0).astype(jnp.float32),
            "cooperated": jnp.broadcast_to(success, (self.n_agents,)),
            "excess": jnp.zeros(self.n_agents),
        }
        town = Town(self._draw(key), said, heard, streak)
        over = streak >= self.stop
        return town, Outcome(pay=pay, objective=success - 1.0, events=events, over=over)

    def _remember(self, memory, name, here):
        """The memory of those who met moves on by one."""
        moved = jnp.concatenate([memory[:, 1:], name[:, None]], axis=1)
        return jnp.where(here[:, None], moved, memory)

    def observe(self, state):
        drawn = (jnp.arange(self.n_agents)[:, None] == state.drawn[None, :]).any(axis=1)
        facts = {
            "drawn": drawn,
            "said": state.said,
            "heard": state.heard,
            "said_first": (state.said == 1).sum(axis=1),
            "heard_first": (state.heard == 1).sum(axis=1),
            "said_last": state.said[:, -1],
            "heard_last": state.heard[:, -1],
            "said_before": state.said[:, -2],
            "heard_before": state.heard[:, -2],
        }
        speaks = jnp.arange(len(self.names) + 1) > 0
        legal = jnp.where(drawn[:, None], speaks[None, :], ~speaks[None, :])
        return Sight(facts, {"name": legal})

    def brief(self, agent):
        return (
            f"You are speaker {agent} of {self.n_agents}. Whenever two of you meet, both say a name at once: "
            f"one of {', '.join(self.names)}. The same name brings each {self.same:g} points, different "
            f"names {self.different:g}. You do not know whom you meet."
        )

    def tell(self, sight):
        if not bool(sight["drawn"]):
            return "You meet nobody this time."
        words, score, rows = ("", *self.names), 0.0, []
        for i, j in zip(sight["said"], sight["heard"], strict=True):
            if int(j) > 0:
                points = float(self.same if int(i) == int(j) else self.different)
                score += points
                rows.append(f"you said {words[int(i)]}, the other {words[int(j)]}: {points:g} points")
        past = f"Your last meetings: {'; '.join(rows)}. Together: {score:g} points." if rows else ""
        return f"You meet someone. {past}".strip()
