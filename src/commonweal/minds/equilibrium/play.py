"""Minds that play a solved game, or a plan."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._mind import Mind
from ..._param import text
from .solve import Select, solve

SPARE = 64  # tables are padded to a multiple of this, so that games of like size compile once


class EquilibriumPlay(Mind):
    """Plays its part of an exact equilibrium (see `solve`), also off the path.

    Preparing it solves the game under its institutions. It recognizes the state by the tick and its
    own sight; a sight that is in no state of the game (a profile blurred it) gets the act that the
    equilibrium path has at this tick.
    """

    select: Select = text("best")

    def prepare(self, scenario, seat, key):
        found = solve(scenario, self.select)
        turn = next(i for i, group in enumerate(scenario.groups) if seat in group)  # it acts once a round
        table = found.table
        names, rows = tuple(sorted(table.facts)), len(table.t)
        seen = np.concatenate([table.facts[name][:, seat].reshape(rows, -1) for name in names], axis=1)
        spare = -rows % SPARE
        when = np.concatenate([table.t // len(scenario.groups), np.full(spare, -1, np.int32)])
        mine = {name: jnp.asarray(np.pad(x[:, seat], (0, spare))) for name, x in table.acts.items()}
        path = {name: jnp.asarray(x[turn :: len(scenario.groups), seat]) for name, x in found.play.items()}
        seen = jnp.asarray(np.pad(seen, ((0, spare), (0, 0))), jnp.float32)
        return _ByTable(names, jnp.asarray(when), seen, mine, path)

    def act(self, memory, sight, channels, key):
        raise TypeError(
            "EquilibriumPlay acts only once it is prepared for a game: run it in a society, cw.run(...), "
            "or call mind.prepare(scenario, seat, key) first"
        )


class _ByTable(Mind):
    """One seat's solved play: what it sees in each state, what it then does, and the path by round."""

    names: tuple[str, ...] = text()
    t: Int[Array, " R"]
    seen: Float[Array, "R facts"]
    acts: dict[str, Int[Array, " R"]]
    path: dict[str, Int[Array, " T"]]

    def init(self, seat, key):
        return jnp.int32(0)

    def act(self, memory, sight, channels, key):
        now = jnp.concatenate([jnp.ravel(sight[name]).astype(jnp.float32) for name in self.names])
        same = (jnp.abs(self.seen - now[None, :]) < 1e-4).all(axis=1) & (self.t == memory)
        row, known = jnp.argmax(same), same.any()
        acts = {
            name: jnp.where(known, x[row], _row(self.path[name], memory)) for name, x in self.acts.items()
        }
        return memory + 1, acts


class Planned(Mind):
    """Plays its row of a joint plan, channel -> Int[T, n], tick by tick; after its end the last row again."""

    plan: dict[str, Array]

    def __init__(self, plan: dict[str, Any]):
        self.plan = {name: jnp.asarray(np.asarray(x)) for name, x in plan.items()}

    def init(self, seat, key):
        return seat, jnp.int32(0)

    def act(self, memory, sight, channels, key):
        seat, t = memory
        return (seat, t + 1), {name: _row(x, t)[seat] for name, x in self.plan.items()}


def _row(rows: Array, t: Array) -> Array:
    return rows[jnp.minimum(t, rows.shape[0] - 1)]
