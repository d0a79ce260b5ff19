"""Exact thresholds of three dilemmas: sharing, guilt, motives; and the optimum of the escape room.

Sources: payoffs of Tennant, Hailes and Musolesi 2023, arXiv 2301.08491; sharing, Willis et al. 2023
(reward transfer); the escape room, Yang et al. 2020, arXiv 2006.06051. The thresholds are found by
bisection on our institutions and profiles, not by formula.
"""

from collections.abc import Callable, Sequence
from itertools import product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._governed import Institution, under
from .._profile import Profile
from ..institutions.redistribution import Redistribution
from ..institutions.subsidy import Subsidy
from ..minds.dynamics import payoff_table
from ..scenarios.matrix_game import MatrixGame
from .target import Row, Target

POINTS = "points of Tennant et al. 2023, arXiv 2301.08491"
SHARE = f"{POINTS}; rule of Willis et al. 2023, arXiv 2310.12928; recomputed"
GUILT_OF = f"{POINTS}; guilt of Fehr and Schmidt 1999; recomputed"
MOTIVE = f"{POINTS}, its rewards; recomputed"
ESCAPE = "Yang et al. 2020, arXiv 2006.06051, the authors' code"
GAMES = {  # what the row player gets in CC, CD, DC, DD
    "prisoner's dilemma": (3.0, 1.0, 4.0, 2.0),
    "volunteer's dilemma": (4.0, 2.0, 5.0, 1.0),
    "stag hunt": (5.0, 1.0, 4.0, 2.0),
}
GUILT = dict(zip(GAMES, (1 / 3, 1 / 3, 0.0), strict=True))
NASH = {  # motive and game: the pure equilibria
    ("selfish", "prisoner's dilemma"): {"DD"},
    ("sum of both", "prisoner's dilemma"): {"CC"},
    ("equality", "prisoner's dilemma"): {"CC", "DD"},
    ("kindness", "prisoner's dilemma"): {"CC"},
    ("selfish", "volunteer's dilemma"): {"CD", "DC"},
    ("selfish", "stag hunt"): {"CC", "DD"},
}
MOTIVES: dict[str, tuple[tuple[Institution, ...], Profile]] = {
    "selfish": ((), Profile()),
    "sum of both": ((), Profile(svo=45.0)),
    "equality": ((), Profile(envy=100.0, guilt=100.0)),  # so much that points hardly matter
    "kindness": ((Subsidy("cooperated", rate=5.0),), Profile()),
}


def dilemma(name: str, scale: float = 1.0) -> MatrixGame:
    """One of the three games, its points times `scale`."""
    row = scale * np.array(GAMES[name]).reshape(2, 2)
    return MatrixGame(np.stack([row, row.T]), ("C", "D"), 1)


def pays(game: MatrixGame, *laws: Institution) -> np.ndarray:
    """Net pay under the institutions by joint act, player first."""
    return payoff_table(under(game, *laws), "act", "the calibration")


@eqx.filter_jit
def _utilities(profile: Profile, both):
    return jax.vmap(jax.vmap(profile.utility, (None, 0)), (0, None))(jnp.arange(2), both)


def felt(table: np.ndarray, profile: Profile) -> np.ndarray:
    """What the players' profile makes of the pays: [2, 2, 2]."""
    return np.asarray(_utilities(profile, jnp.asarray(table.reshape(2, 4).T)), dtype=float).reshape(2, 2, 2)


def equilibria(worth: np.ndarray) -> set[str]:
    """The joint acts from which nobody gains by leaving."""
    calm = np.all([w >= w.max(axis=i, keepdims=True) - 1e-5 for i, w in enumerate(worth)], axis=0)
    return {"".join("CD"[a] for a in joint) for joint in zip(*np.nonzero(calm), strict=True)}


def bisect(holds: Callable[[float], bool], low: float = 0.0, high: float = 1.0) -> float:
    """The smallest value from which on `holds` is true, to 1e-4; nan if it is not even at `high`."""
    if not holds(high):
        return float("nan")
    if holds(low):
        return low
    while high - low > 1e-4:
        middle = (low + high) / 2.0
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def retained(game: MatrixGame) -> float:
    """The largest share of its own pay a player may keep, the other getting the rest, for C to dominate."""

    def dominates(share: float) -> bool:
        worth = pays(game, Redistribution(share))[0]
        return bool((worth[0] >= worth[1] - 1e-6).all())

    return 1.0 - bisect(dominates) / 2.0  # of a pot split evenly, half comes back


def guilt(game: MatrixGame, envy: bool = False) -> float:
    """The least guilt with which CC is an equilibrium; with `envy` the other half of inequity instead."""
    table = pays(game)

    def calm(size: float) -> bool:
        return "CC" in equilibria(felt(table, Profile(envy=size) if envy else Profile(guilt=size)))

    return bisect(calm)


def motives(name: str, motive: str) -> set[str]:
    """The pure equilibria of a game for two players of one motive."""
    laws, profile = MOTIVES[motive]
    return equilibria(felt(pays(dilemma(name), *laws), profile))


def escape_room(n: int, levers: int, prize: float = 10.0) -> MatrixGame:
    """Stay, pull the lever or take the door: a move costs 1, the door pays if enough pull the lever."""
    table = np.zeros((n,) + (3,) * n)
    for joint in product(range(3), repeat=n):
        opened = joint.count(1) >= levers
        for i, act in enumerate(joint):
            table[(i, *joint)] = (0.0, -1.0, prize if opened else -1.0)[act]
    return MatrixGame(table, ("stay", "lever", "door"), 1)


def _best(game: MatrixGame) -> float:
    return float(pays(game).sum(axis=0).max())


def rows() -> Sequence[Row]:
    """Sharing, guilt, pure equilibria (1 where the set is the published one), escape rooms."""
    found = [Row(f"{g}: share to keep", retained(dilemma(g)), 2 / 3, 1e-4, SHARE, "R") for g in GAMES]
    found += [Row(f"{g}: least guilt", guilt(dilemma(g)), GUILT[g], 2e-4, GUILT_OF, "R") for g in GAMES]
    for (motive, game), published in NASH.items():
        same = float(motives(game, motive) == published)
        name = f"{game}, {motive}: equilibria are {', '.join(sorted(published))}"
        found.append(Row(name, same, 1.0, 0.0, MOTIVE, "R"))
    for n, levers, best in ((2, 1, 9.0), (3, 2, 8.0)):
        found.append(
            Row(f"escape room ({n}, {levers})", _best(escape_room(n, levers)), best, 1e-6, ESCAPE, "C")
        )
    return found


def control() -> Sequence[Row]:
    """Envy in guilt's place: the sign slip by which being ahead is no burden."""
    return [
        Row(f"{g}: least guilt", guilt(dilemma(g), envy=True), GUILT[g], 2e-4, GUILT_OF, "R") for g in GAMES
    ]


def metamorphic() -> Sequence[Row]:
    """Other units move no threshold; a room with one more at the door is worth one prize more."""
    found = []
    for name in GAMES:
        one, three = dilemma(name), dilemma(name, scale=3.0)
        found.append(Row(f"{name}, tripled: share to keep", retained(three), retained(one), 1e-4, "units"))
        found.append(Row(f"{name}, tripled: least guilt", guilt(three), guilt(one), 1e-4, "units"))
    more = _best(escape_room(4, 2)) - _best(escape_room(3, 2))
    found.append(Row("escape room: worth of one more at the door", more, 10.0, 1e-6, "10 (N - M) - M"))
    return found


TARGET = Target(
    name="thresholds",
    title="How much sharing or guilt makes cooperation an equilibrium",
    model="payoffs (CC, CD, DC, DD) 3 1 4 2, 4 2 5 1 and 5 1 4 2, under Redistribution, Subsidy and profiles",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"kindness_rate": 5.0, "envy_and_guilt_for_equality": 100.0, "prize": 10.0},
    cost="2 s on one core",
)
