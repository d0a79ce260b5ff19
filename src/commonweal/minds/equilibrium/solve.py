"""Backward induction: a pure Markov-perfect equilibrium of a game, and how it stands up to local checks.

Source: Maskin and Tirole 2001, Journal of Economic Theory 100 (Markov-perfect equilibrium).
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from ..._describe import identity
from ..._scenario import Scenario
from .unfold import Game, Level, remember, rows_of, unfold

Select = Literal["best", "worst"]


class Table(NamedTuple):
    """What equilibrium play does in each of `R` states: tick [R], facts [R, n, ...], acts [R, n]."""

    t: np.ndarray
    facts: dict[str, np.ndarray]
    acts: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Solution:
    """An equilibrium of a game, and how it stands up to the agents' own checks.

    - `value`: Float[n], each agent's pay over the episode; `play`: channel -> Int[T, n], the path;
      `path`: Int[T], the same as rows of the game's levels.
    - `equilibria`: Int[T], how many pure equilibria the stage game has along the path; `first`: channel
      -> Int[E, n], all of them at the first tick.
    - `regret`, `task_regret`: Float[n], the most that one deviation of the agent alone, anywhere along
      the path, would add to its own pay, or to the joint objective.
    - `counts`: Int[S] per tick, the equilibria of every state; `picks`: Int[S] per tick, the joint act
      played there (its row in the level); `table`: what to do in every state.
    """

    value: np.ndarray
    play: dict[str, np.ndarray]
    path: np.ndarray
    equilibria: np.ndarray
    first: dict[str, np.ndarray]
    regret: np.ndarray
    task_regret: np.ndarray
    counts: list[np.ndarray]
    picks: list[np.ndarray]
    table: Table


class Worth(NamedTuple):
    """What play from each state of a level brings: pay, harm to the first value, objective; or no play."""

    pay: np.ndarray
    toll: np.ndarray
    objective: np.ndarray
    lost: np.ndarray


def solve(scenario: Scenario, select: Select = "best", tolerance: float = 1e-4) -> Solution:
    """A pure Markov-perfect equilibrium of a game, by backward induction.

    Where a stage has several equilibria, `best` plays the cleanest (least harm this tick to the
    card's inviolable values, floor 1), then the one with least harm to come to its first other value,
    then the highest pay of agent 0, then the first; `worst` reverses the two harms. A leader who
    moves alone may not choose an act after which there is no pure equilibrium. Payoffs within
    `tolerance` are equal.

    Raises:
        ValueError: there is no pure equilibrium, or the game cannot be unfolded (see `unfold`).
    """
    if select not in ("best", "worst"):
        raise ValueError(
            f"select={select!r}; wanted 'best' or 'worst' among several equilibria: solve(game, 'best')"
        )
    game = unfold(scenario)
    key = ("solution", identity(game.scenario), select, tolerance)
    return remember(key, lambda: _solve(game, select, tolerance))


def _solve(game: Game, select: Select, tolerance: float) -> Solution:
    picks, counts, totals = [], [], []
    later: Worth | None = None
    for t in reversed(range(len(game.levels))):
        level = game.levels[t]
        total = _total(game, level, later)
        _refuse_lost(game, t, total.lost)
        found = [_equilibria(level, total, s, tolerance) for s in range(len(level.menus))]
        rank = _ranking(game, level, total, select, tolerance)
        pick = np.array([ok[np.lexsort(rank[:, ok])[0]] if len(ok) else -1 for ok in found])
        worth = rows_of(total, np.maximum(pick, 0))._replace(lost=pick < 0)
        picks, counts, totals = (
            [pick, *picks],
            [np.array([len(ok) for ok in found]), *counts],
            [total, *totals],
        )
        later, first = worth, found[0]
    if later is None or later.lost[0]:
        raise ValueError(_no_equilibrium(game, 0, 0))
    path = _path(game, picks)
    regret = np.max([_regret(game.levels[t], totals[t], s, k) for t, (s, k) in enumerate(path)], axis=0)
    play = np.stack([game.levels[t].acts[k] for t, (_, k) in enumerate(path)])
    return Solution(
        value=later.pay[0],
        play=_by_channel(game, play),
        path=np.array([k for _, k in path]),
        equilibria=np.array([counts[t][s] for t, (s, _) in enumerate(path)]),
        first=_by_channel(game, game.levels[0].acts[first]),
        regret=regret[0],
        task_regret=regret[1],
        counts=counts,
        picks=picks,
        table=_table(game, picks),
    )


def _total(game: Game, level: Level, later: Worth | None) -> Worth:
    """What each joint act of a level brings now and in the play that follows."""
    soft = [i for i, v in enumerate(game.scenario.card().values) if not _inviolable(v)][:1]
    now = level.outcome
    total = Worth(
        np.asarray(now.pay, float),
        np.asarray(now.harm, float)[:, :, soft].sum(axis=(1, 2)),
        np.asarray(now.objective, float),
        np.zeros(len(level.after), bool),
    )
    if later is None:
        return total
    goes_on = level.after >= 0
    rest = rows_of(later, np.maximum(level.after, 0))
    parts = [
        x + np.where(goes_on.reshape(-1, *[1] * (x.ndim - 1)), y, 0) for x, y in zip(total, rest, strict=True)
    ]
    return Worth(*parts[:3], lost=goes_on & rest.lost)


def _inviolable(value: Any) -> bool:
    return value.right and value.floor >= 1.0


def _equilibria(level: Level, total: Worth, s: int, tolerance: float) -> np.ndarray:
    """The rows of a state's pure stage equilibria: nobody gains by another act of their own."""
    block = level.block(s)
    shape = [len(m) for m in level.menus[s]]
    pay = np.where(total.lost[block, None], -np.inf, total.pay[block]).reshape(*shape, -1)
    stable = ~total.lost[block].reshape(shape)
    for i in range(len(shape)):
        stable &= pay[..., i] >= pay[..., i].max(axis=i, keepdims=True) - tolerance
    return block.start + np.flatnonzero(stable)


def _ranking(game: Game, level: Level, total: Worth, select: Select, tolerance: float) -> np.ndarray:
    """Sort keys [3, J] as `np.lexsort` takes them: the last is the first to count, less is preferred."""
    strict = [i for i, v in enumerate(game.scenario.card().values) if _inviolable(v)]
    dirt = level.outcome.harm[:, :, strict].sum(axis=(1, 2), dtype=float)
    sign = 1.0 if select == "best" else -1.0
    return np.round(np.stack([-total.pay[:, 0], sign * total.toll, sign * dirt]) / tolerance)


def _refuse_lost(game: Game, t: int, lost: np.ndarray) -> None:
    """A subgame without equilibrium is a lone leader's to avoid; where several choose at once, stop."""
    level = game.levels[t]
    for s, menu in enumerate(level.menus):
        block = level.block(s)
        if lost[block].any() and sum(len(m) > 1 for m in menu) > 1:
            row = block.start + int(np.argmax(lost[block]))
            raise ValueError(_no_equilibrium(game, t + 1, int(level.after[row])))


def _no_equilibrium(game: Game, t: int, s: int) -> str:
    seen = {
        name: x[s, 0].tolist() for name, x in game.levels[t].facts.items() if not name.startswith("shown:")
    }
    place = ", ".join(f"{name} {x}" for name, x in seen.items())
    return (
        f"no pure equilibrium at t={t} ({place}); wanted a game that has one: let someone move first (an "
        "institution with an `order`), change a payoff, or use learning minds"
    )


def _path(game: Game, picks: list[np.ndarray]) -> list[tuple[int, int]]:
    """State and joint act (its row) at each tick of equilibrium play."""
    path, s = [], 0
    for level, pick in zip(game.levels, picks, strict=True):
        path.append((s, int(pick[s])))
        s = int(level.after[pick[s]])
        if s < 0:
            break
    return path


def _regret(level: Level, total: Worth, s: int, k: int) -> np.ndarray:
    """What one agent's deviation here would add at most to its own pay and to the objective, [2, n]."""
    block, shape = level.block(s), [len(m) for m in level.menus[s]]
    here = np.unravel_index(k - block.start, shape)
    most = []
    for i in range(len(shape)):
        line = (*here[:i], slice(None), *here[i + 1 :])
        rows = np.arange(block.start, block.stop).reshape(shape)[line]
        rows = rows[~total.lost[rows]]
        gains = total.pay[rows, i] - total.pay[k, i], total.objective[rows] - total.objective[k]
        most.append([gain.max() for gain in gains])
    return np.array(most).T


def _by_channel(game: Game, acts: np.ndarray) -> dict[str, np.ndarray]:
    return {name: acts[..., i] for i, name in enumerate(game.channels)}


def _table(game: Game, picks: list[np.ndarray]) -> Table:
    kept = [np.flatnonzero(pick >= 0) for pick in picks]
    acts = np.concatenate([v.acts[p[s]] for v, p, s in zip(game.levels, picks, kept, strict=True)])
    facts = [rows_of(level.facts, s) for level, s in zip(game.levels, kept, strict=True)]
    when = np.concatenate([np.full(len(s), t, np.int32) for t, s in enumerate(kept)])
    return Table(when, jax.tree.map(lambda *x: np.concatenate(x), *facts), _by_channel(game, acts))
