"""Smooth Q-learning in zero-sum games: one quantal response equilibrium for each temperature.

Source: Leonardos, Piliouras and Spendlove 2021, arXiv 2106.12928 (theorem: in weighted zero-sum
polymatrix games the flow converges to the only such equilibrium). The paper's own figures could
not be opened: the numbers are of two instances, solved by a prototype apart from this package.
"""

import functools
from collections.abc import Sequence

import numpy as np

from .._governed import under
from .._run import run
from .._society import Society
from ..minds.dynamics import QuantalResponse, SmoothQ, misfit, payoff_table, quantal_response, smooth_flow
from ..scenarios.matrix_game import MatrixGame
from .target import Row, Target

SOURCE = "Leonardos et al. 2021, arXiv 2106.12928; our own prototype of this instance"
ROW = np.array([[2.0, -1.0], [-1.0, 1.0]])
POINTS = {
    0.1: (0.408727, 0.392615),
    0.5: (0.449132, 0.379582),
    1.0: (0.488674, 0.390938),
    2.0: (0.517082, 0.427342),
    5.0: (0.517648, 0.470622),
}
STARTS = ((0.9, 0.2), (0.05, 0.6), (0.5, 0.99))
KL = {0: (0.632, 5e-4), 1: (0.0989, 5e-5), 2: (0.0142, 5e-5), 3: (0.00194, 2e-5)}  # from STARTS[0], T = 1
CYCLE = ((0.37269, 0.57388, 0.05344), (0.26318, 0.40628, 0.33054), (0.05266, 0.46136, 0.48597))
TEMPERATURES = np.array([0.3, 0.7, 1.2])  # of the players of the cycle


def duel(row: np.ndarray = ROW, horizon: int = 10) -> MatrixGame:
    """A zero-sum game of two players from the row player's points."""
    return MatrixGame(np.stack([row, -row]), ("first", "second"), horizon)


def cycle() -> MatrixGame:
    """Three players on a ring; on each edge i gets M / w_i and j gets -M' / w_j."""
    draws, weights = np.random.default_rng(3), (1.0, 2.0, 0.5)
    payoffs = np.zeros((3, 3, 3, 3))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        edge = draws.standard_normal((3, 3))
        table = np.expand_dims(edge if i < j else edge.T, 3 - i - j)
        payoffs[i] += table / weights[i]
        payoffs[j] -= table / weights[j]
    return MatrixGame(payoffs, ("a", "b", "c"))


def _table(game: MatrixGame) -> np.ndarray:
    return payoff_table(under(game), "act", "the calibration")


def _pair(start: tuple[float, float]) -> np.ndarray:
    return np.array([[p, 1.0 - p] for p in start])


def _far(target: np.ndarray, x: np.ndarray) -> float:
    """The divergence of x from the target, summed over players."""
    return float((target * np.log(target / x)).sum())


def _points(wrong: bool = False) -> list[Row]:
    """What `QuantalResponse` plays; `wrong` takes the temperature for a precision."""
    rows, game = [], duel()
    for temperature, published in POINTS.items():
        ready = Society(game, QuantalResponse(1.0 / temperature if wrong else temperature)).prepare()
        for who, mind, value in zip("xy", ready.minds, published, strict=True):
            ours = float(mind.odds[0])  # type: ignore[union-attr]
            rows.append(Row(f"{who}1 at T={temperature:g}", ours, value, 1e-6, SOURCE, "M"))
    return rows


def rows() -> Sequence[Row]:
    """The points, three ways to them, the fall of the divergence, the ring, the constant of motion."""
    table, found = _table(duel()), _points()
    for temperature in POINTS:
        ends = [quantal_response(table, temperature, _pair(start)) for start in STARTS]
        apart = max(np.abs(end - ends[0]).max() for end in ends)
        off = max(np.abs(misfit(table, end, temperature)).max() for end in ends)
        for name, ours in (("three starts apart", apart), ("off the fixed point", off)):
            found.append(Row(f"{name}, T={temperature:g}", ours, 0.0, 1e-8, SOURCE, "M", holds="at most"))
    target = quantal_response(table)
    path = smooth_flow(table, _pair(STARTS[0]), np.array([*KL], dtype=float))
    for t, x in zip(KL, path, strict=True):
        found.append(Row(f"divergence at t={t}, T=1", _far(target, x), *KL[t], SOURCE, "M"))
    ring = quantal_response(_table(cycle()), TEMPERATURES)
    for i, published in enumerate(CYCLE):
        for a, value in enumerate(published):
            found.append(Row(f"ring: player {i}, act {a}", float(ring[i, a]), value, 1e-5, SOURCE, "M"))
    nash, path = (
        np.full((2, 2), (0.4, 0.6)),
        smooth_flow(table, _pair(STARTS[0]), np.linspace(0, 50, 11), 0.0),
    )
    drift = float(np.ptp([_far(nash, x) for x in path]))
    found.append(Row("replicator (T=0): drift of the divergence", drift, 0.0, 1e-6, SOURCE, holds="at most"))
    return found


def control() -> Sequence[Row]:
    """A temperature taken for its inverse."""
    return _points(wrong=True)


def metamorphic() -> Sequence[Row]:
    """Other units, seats swapped, acts renamed, a bonus for everyone: the same play."""
    base = quantal_response(_table(duel()), 0.5)
    tripled = quantal_response(_table(duel(3.0 * ROW)), 1.5)
    swapped = quantal_response(_table(duel(-ROW.T)), 0.5)[::-1]
    renamed = quantal_response(_table(duel(ROW[::-1, ::-1])), 0.5)[:, ::-1]
    raised = quantal_response(_table(duel()) + 7.0, 0.5)
    others = {"points and T tripled": tripled, "seats swapped": swapped, "acts renamed": renamed}
    others["7 points for everyone"] = raised
    return [
        Row(f"{name}: {who}1", float(x[i, 0]), float(base[i, 0]), 1e-8, "symmetry")
        for name, x in others.items()
        for i, who in enumerate("xy")
    ]


ROUNDS, BURN, WORLDS = 20_000, 8_000, 8


@functools.cache
def _learned(temperature: float, adjusted: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """The mean odds of both first acts once learned, and half their intervals over worlds."""
    society = Society(duel(horizon=ROUNDS), SmoothQ(temperature, 0.001, adjusted))
    odds = run(society, WORLDS).odds["act"][:, BURN:, :, 0].mean(axis=1)
    return odds.mean(axis=0), 1.96 * odds.std(axis=0, ddof=1) / np.sqrt(WORLDS)


def _sampled(heat: float = 1.0, adjusted: bool = True) -> list[Row]:
    rows = []
    for temperature in (0.5, 1.0, 2.0):
        ours, half = _learned(heat * temperature, adjusted)
        for i, who in enumerate("xy"):
            name, value = f"{who}1 at T={temperature:g}, learned", POINTS[temperature][i]
            rows.append(Row(name, float(ours[i]), value, 0.01, SOURCE, "M", float(half[i])))
    return rows


EXACT = Target(
    name="smooth-q",
    title="Smooth Q-learning settles on one quantal response equilibrium for each temperature",
    model="x' = x (r - <x, r> - T (ln x - <x, ln x>)), in [[2, -1], [-1, 1]] and on a weighted ring of three",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"starts": str(STARTS), "ring_temperatures": "0.3, 0.7, 1.2", "ring_weights": "1, 2, 0.5"},
    cost="2 s on one core",
)
SIMULATED = Target(
    name="smooth-q-learned",
    title="Learners from sampled pay come to the same equilibrium",
    model="SmoothQ against SmoothQ through run; odds averaged over the rounds after the first 8,000",
    rows=_sampled,
    control=lambda: _sampled(heat=2.0),
    metamorphic=lambda: _sampled(adjusted=False),  # another speed, the same rest point
    parameters={"rate": 0.001, "rounds": ROUNDS, "worlds": WORLDS},
    tier="slow",
    cost="6 s on one core",
)
