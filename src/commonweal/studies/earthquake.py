"""The earthquake, exactly: all outcomes, what equilibrium play makes of it, and what would repair it.

Every agent serves its own principal without fault, no outcome is better for all principals, and one
district is left to die: alignment of each is not alignment of all (Carichon, Khandelwal, Fauchard,
Farnadi 2025). Numbers are exact: two rounds, no luck, 518,400 truthful joint plans.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from .._governed import Institution, under
from .._run import run
from .._society import Society
from .._trace import Trace
from ..institutions.audit import Audit
from ..institutions.commitment import Commitment
from ..institutions.quota import ProtectedQuota
from ..institutions.subsidy import Subsidy
from ..institutions.voting import elect
from ..measures.alignment import (
    objective_alignment,
    preference_minimum,
    rights_gate,
    satisfaction,
    value_alignment,
    value_satisfaction,
)
from ..minds.equilibrium import EquilibriumPlay, Game, Level, Solution, solve, unfold
from ..scenarios.earthquake import Earthquake

AGENTS = ("N", "A", "B", "L")
RULES = ("plurality", "approval", "borda", "copeland", "utilitarian", "nash", "maximin")
LIFE, IMPARTIALITY, CONDUCT = range(3)  # columns of the card's values
TOLERANCE = 1e-4
Row = dict[str, Any]


def laws(protected: float = 0.0, fund: float = 0.0, fine: float = 0.0) -> tuple[Institution, ...]:
    """X's loads protected (0 or 1), a fund that pays A per unit delivered to X, an audit that finds every
    unlawful act (here: a false report) and fines it; 0 is no such law."""
    gate, pay = ProtectedQuota("protect", least=protected), Subsidy("delivered_x", rate=fund)
    return gate, pay, Audit(probability=1.0, fine=fine)


# One composition in several doses: doses are numbers, so conditions share their compiled program.
LEADER = Commitment((1,))
CONDITIONS: dict[str, tuple[Institution, ...]] = {
    "none": laws(),
    "gate": laws(protected=1.0),
    "fund": laws(fund=2.0),
    "A first": (*laws(), LEADER),
    "audit": laws(fine=1.0),
    "gate + fund": laws(protected=1.0, fund=2.0),
    "gate + fund + audit": laws(protected=1.0, fund=2.0, fine=1.0),
    "gate + fund + A first": (*laws(protected=1.0, fund=2.0), LEADER),
    "all four": (*laws(protected=1.0, fund=2.0, fine=1.0), LEADER),
}
ELECTORATES = {
    "4 principals": (),
    "+ delegate of X": ("X",),
    "+ delegates of X and of life": ("X", "life"),
}


# ----------------------------------------------------------------------------------- all outcomes


def outcomes(game: Game, allowed: Sequence[np.ndarray]) -> Trace:
    """Every distinct course of a two-round game, one a world, with joint acts that lead to it.

    `allowed`: Bool[J] a round, which joint acts may be played (the same in every state). Two joint
    acts are the same if needs, utilities and conduct come out the same.
    """
    first, second = game.levels
    follow: dict[int, np.ndarray] = {}
    pairs = []
    for row in _different(first, 0, allowed[0]):
        s = int(first.after[row])
        if s not in follow:
            follow[s] = _different(second, s, allowed[1])
        pairs.append(np.stack([np.full(len(follow[s]), row), follow[s]]))
    rows = np.concatenate(pairs, axis=1)
    parts = [(level.outcome, level.acts, r) for level, r in zip(game.levels, rows, strict=True)]

    def column(pick, decimals: int = 4) -> np.ndarray:
        """[W, 2, ...]; the decimals that float32 adds are taken off again (payoffs have at most three)."""
        return np.stack([np.round(pick(o)[r].astype(float), decimals) for o, _, r in parts], axis=1)

    acts = np.stack([a[r] for _, a, r in parts], axis=1)
    return Trace(
        seeds=np.arange(rows.shape[1]),
        card=game.scenario.card(),
        book={"pay": column(lambda o: o.pay)},
        utility=column(lambda o: o.utility),
        objective=column(lambda o: o.objective),
        harm=column(lambda o: o.harm, 9),
        alive=np.ones((rows.shape[1], 2), bool),
        act={name: acts[..., i] for i, name in enumerate(game.channels)},
        events={"unmet": column(lambda o: o.events["unmet"])},
    )


def _different(level: Level, s: int, allowed: np.ndarray) -> np.ndarray:
    """One row of a state's joint acts for each distinct result, in order of appearance."""
    rows = level.block(s).start + np.flatnonzero(allowed)
    found = level.outcome
    result = [found.events["unmet"][rows], found.utility[rows], found.harm[rows, :, CONDUCT]]
    _, first = np.unique(np.round(np.concatenate(result, axis=1), 4), axis=0, return_index=True)
    return rows[np.sort(first)]


def truthful(game: Game) -> np.ndarray:
    """Bool[J]: the joint acts of a round in which nobody misreports (which changes no payoff here)."""
    first = game.levels[0]
    return (first.acts[first.block(0), :, game.channels.index("report")] == 0).all(axis=1)


class Scores(NamedTuple):
    """Alignment of each world of a trace: O, P Float[W, k], P_min, life, impartiality, conduct, V, H.

    H = min(O, P_min, V): as aligned as its worst part. Never read without the parts.
    """

    O: np.ndarray
    P: np.ndarray
    P_min: np.ndarray
    life: np.ndarray
    impartiality: np.ndarray
    conduct: np.ndarray
    V: np.ndarray
    H: np.ndarray


def score(trace: Trace) -> Scores:
    """The package's own measures, world by world, to 6 decimals."""
    parts = objective_alignment(trace), preference_minimum(trace), value_alignment(trace)
    o, p, v = (np.round(x, 6) for x in parts)
    kept = np.round(value_satisfaction(trace), 6)
    h = np.minimum(np.minimum(o, p), v)
    life, impartiality, conduct = kept.T
    return Scores(o, np.round(satisfaction(trace), 6), p, life, impartiality, conduct, v, h)


def deaths(trace: Trace) -> np.ndarray:
    """Deaths in each world."""
    return np.round(trace.harm[..., LIFE].sum(axis=(1, 2)), 4)


def unmet(trace: Trace) -> np.ndarray:
    """Units still unmet at the end in zones A, B, X, [W, 3]."""
    return trace.events["unmet"][:, -1][:, [1, 2, 0]].round().astype(int)


def front(points: np.ndarray) -> np.ndarray:
    """The rows of points [m, d] that no other row dominates, equal rows included."""
    values, which = np.unique(np.round(points, 6), axis=0, return_inverse=True)
    kept: list[int] = []
    for i in np.argsort(-values.sum(axis=1), kind="stable"):
        rivals = values[kept]
        if not np.any((rivals >= values[i]).all(axis=1) & (rivals > values[i]).any(axis=1)):
            kept.append(i)
    return np.flatnonzero(np.isin(which.ravel(), kept))


def trade_offs(trace: Trace, plans: int) -> Row:
    """The Pareto front of the four principals, how much of it is decent, and how O, P and V correlate."""
    s = score(trace)
    on = front(s.P[:, :4])
    decent = on[s.V[on] >= 0.5]
    good = decent[(s.O[decent] >= 0.8) & (s.P_min[decent] >= 0.5)]
    size = [len(np.unique(s.P[rows, :4], axis=0)) for rows in (on, decent, good)]
    pairs = {"O~V": (s.O, s.V), "P_min~V": (s.P_min, s.V), "O~P_min": (s.O, s.P_min)}
    return {
        "kind": "front",
        "plans": plans,
        "outcomes": len(trace.seeds),
        "front": size[0],
        "V >= .5": size[1],
        "and O >= .8, every P >= .5": size[2],
        "deaths": [float(deaths(trace).min()), float(deaths(trace).max())],
        "deaths on the front": [float(deaths(trace)[on].min()), float(deaths(trace)[on].max())],
        "correlations": {name: float(np.corrcoef(*two)[0, 1]) for name, two in pairs.items()},
    }


# ------------------------------------------------------------------------- who could have repaired it


def coalitions(game: Game, solution: Solution) -> dict[str, tuple[float, float]]:
    """Best H and best V when a coalition is re-aligned and everyone else keeps equilibrium play.

    By coalition, smallest first; truthful plans only.
    """
    path = np.stack([solution.play[name] for name in game.channels], axis=-1)  # [T, n, C]
    first, honest = game.levels[0], truthful(game)
    acts = first.acts[first.block(0)]
    found = {}
    for size in range(1, len(AGENTS) + 1):
        for members in itertools.combinations(range(len(AGENTS)), size):
            rest = [i for i in range(len(AGENTS)) if i not in members]
            kept = [honest & (acts[:, rest] == now[rest]).all(axis=(1, 2)) for now in path]
            s = score(outcomes(game, kept))
            found["".join(AGENTS[i] for i in members)] = (float(s.H.max()), float(s.V.max()))
    return found


def smallest(found: Mapping[str, tuple[float, float]], floor: float = 0.5) -> str | None:
    """The smallest re-alignment coalition: the first that reaches H >= `floor`."""
    return next((name for name, (h, _) in found.items() if h >= floor), None)


def election(trace: Trace, electorate: str) -> Row:
    """Who wins under seven rules when the electorate votes over the Pareto front of lawful plans."""
    s = score(trace)
    voters = {"X": s.P[:, 4], "life": s.life}
    lawful = np.flatnonzero(s.conduct == 1.0)
    ballots = np.column_stack([s.P[:, :4], *(voters[name] for name in ELECTORATES[electorate])])[lawful]
    on = front(ballots)
    slate, first = np.unique(ballots[on], axis=0, return_index=True)
    candidates = lawful[on[first]]
    winners = {rule: int(candidates[int(elect(jnp.asarray(slate), rule))]) for rule in RULES}
    return {
        "kind": "election",
        "electorate": electorate,
        "candidates": len(slate),
        "winners": {r: {"deaths": float(deaths(trace)[w]), "V": float(s.V[w])} for r, w in winners.items()},
    }


# ---------------------------------------------------------------------------------------- treatments


def treat(name: str, select: Literal["best", "worst"]) -> Row:
    """One condition at its best or worst equilibrium: simulated, and scored as any trace is."""
    game = under(Earthquake(), *CONDITIONS[name])
    solution = solve(game, select)
    trace = run(Society(game, EquilibriumPlay(select)), 1)
    s = score(trace)
    clean = trace.harm[0, :, :, CONDUCT].sum(axis=0) == 0
    local = (solution.regret <= TOLERANCE) & (solution.task_regret <= TOLERANCE) & clean
    parts = ("O", "life", "impartiality", "conduct", "V", "P_min", "H")
    row: Row = {"kind": "condition", "condition": name, "equilibrium": select}
    row |= {part: float(getattr(s, part)[0]) for part in parts}
    return row | {
        "P": dict(zip(AGENTS, s.P[0, :4].tolist(), strict=True)),
        "deaths": float(deaths(trace)[0]),
        "unmet": unmet(trace)[0].tolist(),
        "gate": rights_gate(trace, worlds=1).state,
        "checks passed": {agent: bool(ok) for agent, ok in zip(AGENTS, local, strict=True)},
        "local-global gap": float(local.min() - s.H[0]),
        "equilibria": int(solution.equilibria[0]),
    }


# ---------------------------------------------------------------------------------------------- demo


def demo() -> list[Row]:
    """The whole study as JSON-able rows: conditions, the front, elections, coalitions (`kind` says which)."""
    rows = [treat(name, select) for name in CONDITIONS for select in ("best", "worst")]
    game = unfold(Earthquake())
    honest = truthful(game)
    everything = outcomes(game, [honest, honest])
    rows.append(trade_offs(everything, int(honest.sum()) ** 2))
    rows += [election(everything, name) for name in ELECTORATES]
    found = coalitions(game, solve(Earthquake()))
    table = {name: {"H": h, "V": v} for name, (h, v) in found.items()}
    return [*rows, {"kind": "coalition", "smallest": smallest(found), "coalitions": table}]


def rows_as_dict(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by kind, JSON-able."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return {
        kind: [{k: v for k, v in r.items() if k != "kind"} for r in rows if r["kind"] == kind]
        for kind in kinds
    }
