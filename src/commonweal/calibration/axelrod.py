"""The iterated prisoner's dilemma, exactly: scores, noise, stability, extortion.

Model: points 5, 3, 1, 0; 200 turns where a length is needed. Our strategies play it in the round robin
and, as memory-one chains built from their own odds, for ever. Sources: Axelrod 1980, J. Conflict
Resolution 24:3; Axelrod and Hamilton 1981, Science 211:1390; Press and Dyson 2012, PNAS 109:10409;
scores measured with axelrod 4.14.0, the library of PyPI. That tit for tat wins a tournament is
no target: it depends on who enters.
"""

import jax
import jax.numpy as jnp
import numpy as np

from .._mind import Mind, Odds
from .._scenario import Sight
from ..lab.tournament import round_robin
from ..minds.strategies import (
    MemoryOne,
    TitForTwoTats,
    alternator,
    always_cooperate,
    always_defect,
    coin,
    extortion,
    generous_tit_for_tat,
    grim,
    suspicious_tit_for_tat,
    tit_for_tat,
    win_stay_lose_shift,
)
from ..scenarios.matrix_game import MatrixGame, prisoners_dilemma
from .target import Row, Target

MEASURED = "axelrod 4.14.0 (PyPI), run: 200 turns"
CHAIN = "points of Axelrod 1980, the stationary chain of a pair; closed form"
STABLE = "Axelrod and Hamilton 1981, Science 211:1390; closed form"
EXTORTED = "Press and Dyson 2012, PNAS 109:10409; closed form"
EIGHT: dict[str, Mind] = {
    "TFT": tit_for_tat(),
    "ALLC": always_cooperate(),
    "ALLD": always_defect(),
    "Grim": grim(),
    "WSLS": win_stay_lose_shift(),
    "TF2T": TitForTwoTats(),
    "STFT": suspicious_tit_for_tat(),
    "Alternator": alternator(),
}
MEMORY_ONE: dict[str, MemoryOne] = {
    "TFT": tit_for_tat(),
    "WSLS": win_stay_lose_shift(),
    "GTFT": generous_tit_for_tat(),
    "Grim": grim(),
    "ALLC": always_cooperate(),
}
SCORES = {  # of the row in 200 turns against each of the eight
    "TFT": (600, 600, 199, 600, 600, 600, 500, 498),
    "ALLC": (600, 600, 0, 600, 600, 600, 597, 300),
    "ALLD": (204, 1000, 200, 204, 600, 208, 200, 600),
    "Grim": (600, 600, 199, 600, 600, 600, 203, 597),
    "WSLS": (600, 600, 100, 600, 600, 600, 401, 450),
    "TF2T": (600, 600, 198, 600, 600, 600, 597, 300),
    "STFT": (500, 602, 200, 203, 401, 602, 200, 500),
    "Alternator": (503, 800, 100, 107, 450, 800, 500, 400),
}
NOISY = {"TFT": 2.25, "WSLS": 2.9511, "GTFT": 2.9703, "Grim": 1.0397, "ALLC": 2.9899}  # in self-play, 1 %
TURNS, SLIP, DRAWS = 200, 0.01, 64


def chain(one: Mind, two: Mind, slip: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """First joint odds [4] and transitions [4, 4] over CC, CD, DC, DD, from what the minds answer."""

    def odds(mind: Mind, own: int, other: int, started: float) -> float:
        did, share = jnp.float32((1 - own) * started), jnp.float32((1 - other) * started)
        facts = {"started": jnp.float32(started), "did": did, "share": share}
        acts = mind.act((), Sight(facts), {}, jax.random.key(0))[1]["act"]
        assert isinstance(acts, Odds)  # as every memory-one strategy answers
        p = float(acts.p[0])
        return p * (1.0 - slip) + (1.0 - p) * slip

    def joint(own: int, other: int, started: float) -> list[float]:
        p, q = odds(one, own, other, started), odds(two, other, own, started)
        return [p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)]

    return np.array(joint(0, 0, 0.0)), np.array([joint(a, b, 1.0) for a in (0, 1) for b in (0, 1)])


def points(one: Mind, two: Mind, slip: float = 0.0) -> np.ndarray:
    """What each of two minds earns a turn in the long run, without a simulation."""
    start, step = chain(one, two, slip)
    rows = np.vstack([step.T - np.eye(4), np.ones((1, 4))])
    if np.linalg.matrix_rank(rows[:-1]) == 3:  # one long run, wherever it starts
        share = np.linalg.lstsq(rows, np.array([0.0, 0, 0, 0, 1]), rcond=None)[0]
    else:
        share = np.mean([start @ np.linalg.matrix_power(step, k) for k in range(12)], axis=0)
    pay = np.asarray(prisoners_dilemma().payoffs, dtype=float).reshape(2, 4)
    return pay @ share


def discounted(one: Mind, two: Mind, w: float) -> float:
    """What `one` earns a turn if each turn is followed by another with probability `w`."""
    start, step = chain(one, two)
    share = (1.0 - w) * start @ np.linalg.inv(np.eye(4) - w * step)
    return float(np.asarray(prisoners_dilemma().payoffs, dtype=float)[0].ravel() @ share)


def matches(game: MatrixGame) -> list[Row]:
    """The eight exact rows of scores, in the round robin."""
    found = round_robin(game, EIGHT).scores * TURNS
    return [
        Row(f"{name} against {other}", float(found[i, j]), SCORES[name][j], 1e-6, MEASURED, "M")
        for i, name in enumerate(EIGHT)
        for j, other in enumerate(EIGHT)
    ]


def reproduced() -> list[Row]:
    """Scores, noise, stability, extortion; and a score of the first tournament, shown only."""
    rows = matches(prisoners_dilemma(horizon=TURNS))
    noisy = {name: MEMORY_ONE[name] for name in NOISY}
    rows += [
        Row(f"{name} with itself, 1 % noise", float(points(mind, mind, SLIP)[0]), NOISY[name], 5e-5, CHAIN)
        for name, mind in noisy.items()
    ]
    for w, earned in ((0.6, 3.125), (0.7, 2.941)):
        invader = discounted(alternator(start=0.0), tit_for_tat(), w)
        rows.append(Row(f"Alternator (D first) against TFT, w = {w}", invader, earned, 5e-4, STABLE))
    low, high = (discounted(alternator(start=0.0), tit_for_tat(), 2 / 3 + x) for x in (-1e-3, 1e-3))
    rows.append(Row("Alternator against TFT below w = 2/3", low, 3.0, 0.0, STABLE, holds="at least"))
    rows.append(Row("Alternator against TFT above w = 2/3", high, 3.0, 0.0, STABLE, holds="at most"))
    mine, theirs = points(extortion(), always_cooperate())
    rows.append(Row("Extort-3 against ALLC", float(mine), 3.72727, 1e-5, EXTORTED))
    rows.append(Row("ALLC against Extort-3", float(theirs), 1.90909, 1e-5, EXTORTED))
    rows.append(Row("Extort-3, surplus ratio, worst of 64", extorted(extortion()), 3.0, 1e-4, EXTORTED))
    start, step = chain(tit_for_tat(), coin())
    pay = np.asarray(prisoners_dilemma().payoffs, dtype=float)[0].ravel()
    row = sum(float(start @ np.linalg.matrix_power(step, t) @ pay) for t in range(TURNS))
    return [*rows, Row("TFT against RANDOM, 200 turns", row, 441.0, 0.0, "Axelrod 1980, five matches", "mem")]


def extorted(mind: MemoryOne) -> float:
    """(own - P) / (other's - P) against random memory-one opponents, where it is farthest from 3."""
    rng = np.random.default_rng(0)
    found = [points(mind, MemoryOne(0.5, *rng.uniform(0.05, 0.95, 4))) - 1.0 for _ in range(DRAWS)]
    ratios = np.array([mine / theirs for mine, theirs in found])
    return float(ratios[np.abs(ratios - 3.0).argmax()])


def faulty() -> list[Row]:
    """The planted fault: temptation and reward change places in the payoffs."""
    return matches(prisoners_dilemma(temptation=3.0, reward=5.0, horizon=TURNS))


def relations() -> list[Row]:
    """Payoffs times two are scores times two; the long run agrees with the round robin under noise."""
    game = prisoners_dilemma(10.0, 6.0, 2.0, 0.0, horizon=TURNS)
    one, two = (round_robin(x, EIGHT).scores.sum() for x in (prisoners_dilemma(horizon=TURNS), game))
    rows = [Row("sum of all scores, points doubled", float(two), 2.0 * float(one), 1e-6, "units")]
    noisy = {name: MEMORY_ONE[name] for name in ("WSLS", "ALLC")}
    found = round_robin(prisoners_dilemma(horizon=TURNS), noisy, 400, noise=SLIP)
    for i, (name, mind) in enumerate(noisy.items()):
        half = 1.96 * float(found.error[i, i])
        told = f"{name} with itself, 1 % noise, simulated"
        exact = float(points(mind, mind, SLIP)[0])
        rows.append(Row(told, float(found.scores[i, i]), exact, 2.0 * half + 0.001, "long run", half=half))
    return rows


TARGET = Target(
    name="axelrod",
    title="The iterated prisoner's dilemma: exact scores, noise, stability, extortion",
    model="two players, points 5, 3, 1, 0; 200 turns, or for ever",
    rows=reproduced,
    control=faulty,
    metamorphic=relations,
    parameters={"turns": TURNS, "noise": SLIP, "T": 5, "R": 3, "P": 1, "S": 0},
    tier="fast",
    cost="4 s on one core",
)
