"""Schelling diagrams of Cleanup and Harvest: what cooperators and defectors get among each other.

Scripted specialists stand in for the trained ones, so the orderings are gates and the values are not;
an ordering counts where the whole 95% interval is on its side, and decides nothing where ours is not.
They walk straight to the next apple, so that apples must grow faster here than in the source before a
patch outlives three of them and falls to five: `FASTER` multiplies the table of chances.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import commonweal as cw
from commonweal.minds import Forager
from commonweal.scenarios import cleanup, harvest

from .target import Row, Target

PLAYERS, TICKS, FASTER = 5, 1000, 14.0
WORLDS = {"Cleanup": 8, "Harvest": 48}
SOURCE = "Hughes et al. 2018, arXiv 1803.08884, Schelling diagrams, read by eye: orderings only"
COOPERATES = {"Cleanup": {"duty": 0.7, "cycle": 200.0}, "Harvest": {"leave": 4.0}}
OPEN = "Harvest, 0 others cooperate: cooperator over defector"  # ours is 1 +- 34 in 192 worlds: open
TABLE = (0.0, 0.005 * FASTER, 0.02 * FASTER, 0.05 * FASTER)
GAMES = {
    "Cleanup": cleanup(n_agents=PLAYERS, horizon=TICKS),
    "Harvest": harvest(n_agents=PLAYERS, horizon=TICKS, regrowth=TABLE),
}


def population(game: cw.Scenario, cooperates: dict[str, float], k: int, worlds: int) -> np.ndarray:
    """Float[worlds, n]: pay of each seat when the first `k` cooperate."""
    minds = [Forager(**(cooperates if i < k else {})) for i in range(game.n_agents)]
    return cw.run(cw.Society(game, minds), worlds).net.sum(axis=1)


def diagram(game: cw.Scenario, cooperates: dict[str, float], worlds: int) -> tuple[np.ndarray, np.ndarray]:
    """Float[n, worlds] each: pay of a cooperator and of a defector among 0 to n - 1 cooperating others."""
    n = game.n_agents
    pays = [population(game, cooperates, k, worlds) for k in range(n + 1)]
    cooperator = np.stack([pays[k + 1][:, : k + 1].mean(axis=1) for k in range(n)])
    defector = np.stack([pays[k][:, k:].mean(axis=1) for k in range(n)])
    return cooperator, defector


def _rows(changes: dict[str, dict[str, Any]]) -> list[Row]:
    found = []
    for name, game in GAMES.items():
        changed = {key: jnp.asarray(value, jnp.float32) for key, value in changes[name].items()}
        keys, values = list(changed), list(changed.values())
        game = eqx.tree_at(lambda g, keys=keys: [getattr(g, key) for key in keys], game, values)
        cooperator, defector = diagram(game, COOPERATES[name], WORLDS[name])
        gaps = {"all cooperate over all defect": cooperator[-1] - defector[0]}  # same seeds on both sides
        gaps["0 others cooperate: cooperator over defector"] = cooperator[0] - defector[0]
        for k in range(1, PLAYERS):
            gaps[f"{k} others cooperate: defector over cooperator"] = defector[k] - cooperator[k]
        for label, gap in gaps.items():
            half, mean = float(1.96 * gap.std(ddof=1) / np.sqrt(len(gap))), float(gap.mean())
            label = f"{name}, {label}"
            found.append(Row(label, mean, 0.0, -half, SOURCE, "T", half, "at least", label == OPEN))
    return found


def rows() -> list[Row]:
    """Who gets more, at each number of cooperating others."""
    return _rows({"Cleanup": {}, "Harvest": {}})


def control() -> list[Row]:
    """The same where cleaning is needless and apples grow whatever is left: no dilemma remains."""
    return _rows({"Cleanup": {"clogged": 1e9}, "Harvest": {"regrowth": (TABLE[2],) * 4}})


def metamorphic() -> list[Row]:
    """Pay in another unit; a map turned half round, with everybody on it."""
    few = GAMES["Cleanup"]
    double = eqx.tree_at(lambda g: g.apple_pay, few, few.apple_pay * 2.0)
    pay, twice = (population(g, COOPERATES["Cleanup"], 3, 2).sum() for g in (few, double))
    there, turned = _turned()
    return [
        Row("Cleanup paid in half units", float(twice), 2.0 * float(pay), 1e-3, "scale of pay", "D"),
        Row("Harvest on a map turned half round", turned, there, 1e-3, "symmetry of the rules", "D"),
    ]


def _turned(ticks: int = 60) -> tuple[float, float]:
    """Apples eaten by random walks on the map and on the map turned half round, with the same luck."""
    game = harvest(regrowth=(0.0,) * 4)
    back = harvest(rows=tuple(row[::-1] for row in game.rows[::-1]), regrowth=(0.0,) * 4)
    last = len(game.plan.base) - 1
    first = game.init(jax.random.key(0))
    state = eqx.tree_at(lambda s: (s.place, s.facing), first, (last - first.place, (first.facing + 2) & 3))
    keys = jax.random.split(jax.random.key(1), ticks)
    acts = jax.random.randint(jax.random.key(2), (ticks, game.n_agents), 0, len(game.acts) - 1)

    def total(world, state):
        def tick(now, given):
            after, outcome = world.step(now, {"move": given[0]}, given[1])
            return after, outcome.pay.sum()

        return float(jax.jit(lambda s: jax.lax.scan(tick, s, (acts, keys))[1].sum())(state))

    return total(game, first), total(back, state)


TARGET = Target(
    name="schelling",
    title="Schelling diagrams of Cleanup and Harvest",
    model="five scripted foragers (not trained agents) on the full maps: cleaners and free riders, "
    "restrained and greedy ones; in Harvest apples grow 14 times as fast as in the source, and whether a "
    "lone cooperator gains there is not established: that row is shown only",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={
        "players": PLAYERS,
        "ticks": TICKS,
        "worlds_cleanup": WORLDS["Cleanup"],
        "worlds_harvest": WORLDS["Harvest"],
        "share_of_time_cleaning": COOPERATES["Cleanup"]["duty"],
        "neighbors_left": COOPERATES["Harvest"]["leave"],
        "growth_times_source": FASTER,
    },
    tier="slow",
    cost="54 s on one core",
)
