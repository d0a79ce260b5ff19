"""Moral learners in the prisoner's dilemma: six rewards, twenty-one pairs.

Source: Tennant, Hailes and Musolesi 2023, IJCAI, arXiv 2301.08491, and their published program
(moral_choice_dyadic, MIT): payoffs, rewards, learning rule, order of random draws. Figures: recomputed
apart from this package, from that program's environment, policy and rewards.
"""

import functools
import itertools
import operator
from typing import NamedTuple

import numpy as np

from ..minds.q_learning import Duty, Everyone, Felt, Linear, QLearner, Reward, Sessions, Virtue, sessions
from ..minds.q_learning.mind import learn
from ..minds.q_learning.table import tabulate
from ..scenarios.matrix_game import prisoners_dilemma
from .target import Row, Target

SOURCE = "Tennant et al. 2023, arXiv 2301.08491, model of the authors' code; recomputed"
TICKS, LAST, RUNS, RATE, DISCOUNT = 10_000, 100, 1_000, 0.01, 0.9
PAY = np.array([[3.0, 1.0], [4.0, 2.0]])  # own pay, by own and the other's act; 0 cooperates
PRINTED = {  # pair: last-100 shares of CC, CD, DC, DD; mean G_coll and half its 95% interval
    ("S", "S"): ((0.000, 0.002, 0.002, 0.995), 45002, 4),
    ("UT", "S"): ((0.002, 0.974, 0.000, 0.024), 49872, 32),
    ("DE", "S"): ((0.002, 0.500, 0.001, 0.497), 47922, 6),
    ("VEe", "S"): ((0.001, 0.158, 0.003, 0.838), 46058, 82),
    ("VEk", "S"): ((0.002, 0.995, 0.000, 0.003), 50001, 4),
    ("VEe", "VEe"): ((0.477, 0.026, 0.027, 0.471), 50015, 218),
    ("VEe", "UT"): ((0.801, 0.005, 0.163, 0.031), 53623, 103),
    ("VEe", "DE"): ((0.662, 0.027, 0.181, 0.130), 52322, 160),
    ("UT", "UT"): ((0.951, 0.023, 0.025, 0.001), 54722, 47),
    ("VEk", "VEk"): ((0.995, 0.003, 0.003, 0.000), 55000, 4),
}
FIRST_RUN = (45010.0, 7994.8, 17492.0, 22535.0, 22475.0)  # of S and S, their seed 1: the sums of `Sums`
KINDS = ("S", "UT", "DE", "VEe", "VEk", "VEm")


def reward(kind: str) -> Reward:
    """What a kind of learner feels: own pay, all pays, duty, equality, kindness, both virtues."""
    made = {"S": Felt, "UT": Everyone, "DE": Duty, "VEe": Virtue}
    return made[kind]() if kind in made else Virtue(0.0, 5.0) if kind == "VEk" else Virtue(0.5, 0.5)


def learner(kind: str) -> QLearner:
    """The paper's learner: a table of zeros, a random first state, random acts where it knows nothing."""
    explore = Linear(float(TICKS))
    return QLearner(RATE, DISCOUNT, explore, reward=reward(kind), start="random", blank="random")


class Sums(NamedTuple):
    """Sums over a run of 10,000 ticks: all pay, evenness 1 - |x - y| / (x + y), the least pay, each own."""

    everyone: np.ndarray
    gini: np.ndarray
    least: np.ndarray
    first: np.ndarray
    second: np.ndarray


def sums(played: np.ndarray) -> Sums:
    """The sums, from how often each joint act was played: [..., 2, 2]."""
    x, y = PAY, PAY.T
    values = (x + y, 1.0 - abs(x - y) / (x + y), np.minimum(x, y), x, y)
    return Sums(*((played * value).sum(axis=(-2, -1)) for value in values))


@functools.cache
def pair(one: str, other: str, runs: int = RUNS) -> Sessions:
    """Runs of two kinds of learner with our luck."""
    game = prisoners_dilemma(4.0, 3.0, 2.0, 1.0, horizon=TICKS)
    return sessions(game, [learner(one), learner(other)], runs, stable=None, cap=TICKS, tail=LAST)


def counts(found: Sessions) -> np.ndarray:
    """Int[B, 2, 2, 2]: how often each joint act was played, before the last 100 ticks and in them."""
    if found.played is None:
        raise ValueError("these sessions did not count joint acts; wanted sessions(..., tail=100)")
    return found.played


def shares(found: Sessions) -> np.ndarray:
    """Float64[4]: shares of CC, CD, DC, DD in the last 100 ticks."""
    return counts(found)[:, 1].mean(axis=0).ravel() / LAST


def collective(found: Sessions) -> np.ndarray:
    """Float64[B]: all pay of each run."""
    return sums(counts(found).sum(axis=1)).everyone


# ------------------------------------------------------------- the authors' luck, in the authors' order


class Luck:
    """The random numbers of the published program: five streams a player, drawn run after run.

    SeedSequence(seed) has a child for each player and each child five: a move where all values are 0,
    whether to explore, where to, a static player's move (unused here), the first state.
    """

    def __init__(self, seed: int):
        players = [child.spawn(5) for child in np.random.SeedSequence(seed).spawn(2)]
        self.streams = [[np.random.default_rng(s) for s in one] for one in players]

    def run(self) -> tuple[list[int], list[list[list[float]]]]:
        """First states, coded other's act first, and the uniforms [player][stream][tick] of a run."""
        states = [int(one[4].choice(4, 1)[0]) for one in self.streams]
        return states, [[s.uniform(0, 1, TICKS).tolist() for s in one[:3]] for one in self.streams]


def authors_run(kinds: tuple[str, str], luck: Luck) -> np.ndarray:
    """Int[2, 2, 2]: joint acts before the last 100 ticks and in them, in one run with the authors' luck.

    Rewards are those of our `Reward`s, values change by our `learn`, in float64.
    """
    rewards, (codes, draws) = _rewards(kinds), luck.run()
    states = [2 * (code % 2) + code // 2 for code in codes]  # own act first
    q = [[[0.0, 0.0] for _ in range(4)] for _ in range(2)]
    played = np.zeros((2, 2, 2), int)
    for t in range(TICKS):
        odds, acts = (TICKS - t) / TICKS, [0, 0]
        for i in range(2):
            blank, free, where = (stream[t] for stream in draws[i])
            row = q[i][states[i]]
            if free <= odds:
                acts[i] = int(where < 0.5)
            else:
                acts[i] = int(row[1] > row[0]) if any(row) else int(blank < 0.5)
        after = (2 * acts[0] + acts[1], 2 * acts[1] + acts[0])
        for i in range(2):
            row, a = q[i][states[i]], acts[i]
            felt = rewards[i][states[i]][after[i]]
            row[a] = learn(row[a], RATE, felt, DISCOUNT, max(q[i][after[i]]), operator.mul)
        states = list(after)
        played[int(t >= TICKS - LAST), acts[0], acts[1]] += 1
    return played


@functools.cache
def _rewards(kinds: tuple[str, str]) -> list[list[list[float]]]:
    """[player][state][next state], both coded own act first, in float64 from the rewards in use."""
    game = prisoners_dilemma(4.0, 3.0, 2.0, 1.0)
    table = np.asarray(tabulate(game, [learner(kind) for kind in kinds]).rewards, float)
    return np.broadcast_to(table, (2, 4, 4)).tolist()


def first_run() -> list[Row]:
    """Selfish against selfish, the authors' seed 1, run 1, to the last point."""
    found = sums(authors_run(("S", "S"), Luck(1)).sum(axis=0))
    digits = (0.0, 0.05, 0.0, 0.0, 0.0)
    return [
        Row(f"S, S, seed 1, run 1: {name}", float(x), known, digit, SOURCE, "R")
        for name, x, known, digit in zip(Sums._fields, found, FIRST_RUN, digits, strict=True)
    ]


def other_seed() -> list[Row]:
    """The planted fault: another seed than the authors'."""
    found = sums(authors_run(("S", "S"), Luck(2)).sum(axis=0))
    return [Row("S, S, seed 1, run 1: everyone", float(found.everyone), FIRST_RUN[0], 0.0, SOURCE, "R")]


def exchanged() -> list[Row]:
    """The learners and their luck exchanged: the same run, with the acts of the two exchanged."""
    turned = Luck(1)
    turned.streams.reverse()
    here, there = authors_run(("UT", "S"), Luck(1)), authors_run(("S", "UT"), turned)
    moved = float(abs(here - there.transpose(0, 2, 1)).sum())
    return [Row("UT-S, exchanged: acts that differ", moved, 0.0, 0.0, "symmetry")]


EXACT = Target(
    name="tennant",
    title="The published program's first run, to the last point",
    model="two selfish Q-learners in the prisoner's dilemma, the authors' streams of random numbers; the "
    "update and the rewards are our mind's, exploring and choosing are written anew, as the streams demand",
    rows=first_run,
    control=other_seed,
    metamorphic=exchanged,
    parameters={"rate": RATE, "discount": DISCOUNT, "ticks": TICKS, "seed": 1},
    cost="1 s on one core",
)


# ----------------------------------------------------------------------------------- with our own luck

HUNDRED = {  # the authors' seed 1, means of 100 runs: G_coll, G_gini, G_min
    ("S", "S"): (45002.95, 8005.50, 17515.22),
    ("UT", "S"): (49758.57, 6093.23, 15112.35),
    ("VEe", "S"): (45937.09, 7661.21, 17121.56),
}


def printed() -> list[Row]:
    """Last shares and total pay of the ten pairs whose figures are known."""
    rows, names = [], ("CC", "CD", "DC", "DD")
    for kinds, (known, total, half) in PRINTED.items():
        found, label = pair(*kinds), "-".join(kinds)
        for name, ours, published in zip(names, shares(found), known, strict=True):
            rows.append(Row(f"{label}: {name}", float(ours), published, 0.03, SOURCE, "R"))
        every = collective(found)
        mine = float(1.96 * every.std(ddof=1) / len(every) ** 0.5)
        rows.append(Row(f"{label}: G_coll", float(every.mean()), total, 2.0 * half, SOURCE, "R", mine))
    for kinds, known in HUNDRED.items():
        luck, label = Luck(1), "-".join(kinds)
        played = np.array([authors_run(kinds, luck).sum(axis=0) for _ in range(100)])
        for name, ours, published in zip(Sums._fields, sums(played), known, strict=False):
            mean = float(ours.mean())
            rows.append(Row(f"{label}, authors' luck: {name}", mean, published, 0.006, SOURCE, "R"))
    return rows


def selfless() -> list[Row]:
    """The planted fault: learners of the other's duty are taken for selfish ones."""
    ours, known = shares(pair("DE", "S")), PRINTED["S", "S"][0]
    return [Row(f"S-S: {k}", float(ours[k]), known[k], 0.03, SOURCE, "R") for k in range(4)]


def orders() -> list[Row]:
    """All twenty-one pairs: like pairs are symmetric, the mixed agent does as the kind one, S exploits."""
    rows = []
    for one, other in itertools.combinations_with_replacement(KINDS, 2):
        found = pair(other, one)
        total = sums(counts(found).sum(axis=1))
        gap = total.first - total.second
        error = 3.29 * float(gap.std(ddof=1)) / len(gap) ** 0.5
        if one == other:
            rows.append(Row(f"{one}-{one}: gap of pays", float(gap.mean()), 0.0, error, "symmetry"))
        elif one == "S":
            name = f"{other}-S: what S has more"
            rows.append(Row(name, -float(gap.mean()), 0.0, 0.0, "exploitation", holds="at least"))
        if "VEm" in (one, other) and one != "VEk":
            kind = pair(*("VEk" if k == "VEm" else k for k in (other, one)))
            apart = float(abs(shares(found) - shares(kind)).max())
            rows.append(Row(f"{other}-{one}: apart from kind", apart, 0.0, 0.05, "mixed = kind"))
    return rows


SIMULATED = Target(
    name="tennant-pairs",
    title="Selfish learners exploit the consequentialist and the kind, less the dutiful, little the equal",
    model="two tabular Q-learners, 10,000 ticks of the prisoner's dilemma, exploration falling linearly",
    rows=printed,
    control=selfless,
    metamorphic=orders,
    parameters={"rate": RATE, "discount": DISCOUNT, "ticks": TICKS, "runs": RUNS, "pairs": 21},
    tier="slow",
    cost="80 s on one core",
)
