"""Opinion dynamics: fixed points of averaging, the camps of bounded confidence.

Sources: DeGroot 1974; Friedkin and Johnsen 1990; Hegselmann and Krause 2002 with Fortunato,
cond-mat/0408648 (threshold near 0.2 where all hear all); Deffuant et al. 2000 (about 1 / (2 eps)
camps). Our minds play our `Opinions`. The number of agents matters: few agents shift the thresholds up.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from .._mind import Mind
from .._run import run
from .._society import Society
from ..minds.opinions import BoundedConfidence, Deffuant, FriedkinJohnsen, degroot
from ..scenarios.opinions import Opinions
from .target import Row, Target

W = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.1, 0.3, 0.6]])
FIRST = np.array([1.0, 0.0, 0.5])
INFLUENCE = (0.238095, 0.428571, 0.333333)
CONSENSUS = 0.404762
FIXED = (0.409218, 0.129888, 0.5)
OPENNESS = (0.9, 0.5, 0.0)
CLOSED = "closed form"
OWN = "own simulation, N=1000, all hear all"


def settled(minds: Sequence[Mind] | Mind, first: np.ndarray, weights: np.ndarray = W) -> np.ndarray:
    """What the three say after 80 ticks."""
    game = Opinions(3, 80, weights=weights, start=jnp.asarray(first, jnp.float32))
    return run(Society(game, minds), 1).act["say"][0, -1].astype(float)


def stubborn(openness: Sequence[float] = OPENNESS) -> list[Mind]:
    """Friedkin-Johnsen minds of these openings."""
    return [FriedkinJohnsen(x) for x in openness]


def exact() -> Sequence[Row]:
    """The weight of each first opinion in DeGroot's consensus; the fixed point with a stubborn leader."""
    rows = []
    for i, share in enumerate(INFLUENCE):
        weight = settled(degroot(), np.eye(3)[i])[0]  # only i holds 1: the consensus is its influence
        rows.append(Row(f"DeGroot: influence of {i}", weight, share, 2e-6, CLOSED))
    rows.append(Row("DeGroot: consensus", settled(degroot(), FIRST)[0], CONSENSUS, 2e-6, CLOSED))
    found = settled(stubborn(), FIRST)
    return rows + [Row(f"Friedkin-Johnsen: {i}", found[i], FIXED[i], 2e-6, CLOSED) for i in range(3)]


def exact_control() -> Sequence[Row]:
    """Listening turned round: each hears whom it should be heard by."""
    turned = W.T / W.T.sum(axis=1, keepdims=True)
    found = settled(stubborn(), FIRST, turned)
    return [Row(f"Friedkin-Johnsen: {i}", found[i], FIXED[i], 2e-6, CLOSED) for i in range(3)]


def exact_metamorphic() -> Sequence[Row]:
    """Halved opinions settle at half; renamed agents carry theirs along."""
    one, half = settled(stubborn(), FIRST), settled(stubborn(), FIRST / 2)
    turn = [2, 0, 1]
    named = settled(stubborn([OPENNESS[i] for i in turn]), FIRST[turn], W[np.ix_(turn, turn)])
    rows = [Row(f"halved: {i}", half[i], one[i] / 2, 2e-6, "scale") for i in range(3)]
    rows += [Row(f"renamed: {i}", named[k], one[i], 2e-6, "relabeling") for k, i in enumerate(turn)]
    return rows


def camps(mind: Mind, n: int, ticks: int, worlds: int, least: float = 0.01, gap: float = 0.01) -> np.ndarray:
    """How many camps (neighbors less than `gap` apart) of a share of `least` or more each world ends with."""
    trace = run(Society(Opinions(n, ticks), mind), worlds)
    counts = []
    for last in np.sort(trace.act["say"][:, -1], axis=1):
        edges = np.flatnonzero(np.diff(last) > gap)
        sizes = np.diff(np.concatenate([[0], edges + 1, [n]]))
        counts.append((sizes >= least * n).sum())
    return np.array(counts)


HK = {  # reach: mean number of camps, and ticks until nothing moves (a lone agent between two camps is slow)
    0.05: (8.1, 50),
    0.10: (3.9, 50),
    0.15: (2.75, 50),
    0.19: (2.0, 100),
    0.21: (1.65, 400),
    0.25: (1.0, 100),
}
PAIRS = {0.10: 4.6, 0.15: 3.0, 0.20: 2.2, 0.25: 2.0, 0.30: 1.0}


def _mean(name: str, counts: np.ndarray, published: float) -> Row:
    half = 1.96 * counts.std(ddof=1) / np.sqrt(len(counts))
    return Row(name, counts.mean(), published, 0.3, OWN, "M", half)


def simulated(n: int = 1000) -> Sequence[Row]:
    """Camps by reach, 20 worlds of Hegselmann-Krause and 10 of Deffuant; the chance of consensus."""
    rows = []
    for reach, (published, ticks) in HK.items():
        counts = camps(BoundedConfidence(reach), n, ticks, 20, 0.0)
        rows.append(_mean(f"HK: camps at reach {reach}", counts, published))
        if reach in (0.15, 0.25):
            share = float((counts == 1).mean())
            rows.append(Row(f"HK: consensus at reach {reach}", share, float(reach > 0.2), 0.0, OWN, "M"))
    for reach, published in PAIRS.items():
        counts = camps(Deffuant(reach), n, 600, 10)
        rows.append(_mean(f"Deffuant: major camps at reach {reach}", counts, published))
    return rows


def simulated_control() -> Sequence[Row]:
    """A reach that is half of what is said: a slip of diameter for radius."""
    counts = camps(BoundedConfidence(0.125), 1000, 100, 20, 0.0)
    return [_mean("HK: camps at reach 0.25", counts, HK[0.25][0])]


def simulated_metamorphic() -> Sequence[Row]:
    """Bounded confidence treats an opinion and its mirror image alike."""
    game = Opinions(200, 20, start=np.linspace(0, 1, 200) ** 2)
    turned = Opinions(200, 20, start=1 - np.linspace(0, 1, 200) ** 2)
    one, other = (run(Society(g, BoundedConfidence(0.15)), 1).act["say"][0, -1] for g in (game, turned))
    return [Row("mirrored", float(np.abs(one + other - 1.0).max()), 0.0, 1e-4, "symmetry")]


EXACT = Target(
    name="opinions",
    title="Averaging, and a stubborn leader",
    model="x' = openness W x + (1 - openness) x0; W = (.5 .3 .2; .2 .6 .2; .1 .3 .6), x0 = (1, 0, .5)",
    rows=exact,
    control=exact_control,
    metamorphic=exact_metamorphic,
    parameters={"openness_of_0": 0.9, "openness_of_1": 0.5, "openness_of_2": 0.0, "ticks": 80},
    cost="2 s on one core",
)
SIMULATED = Target(
    name="opinion-camps",
    title="How many camps bounded confidence leaves",
    model="Hegselmann-Krause (all at once) and Deffuant (random pairs, pull .5), 1000 agents from U[0, 1]",
    rows=simulated,
    control=simulated_control,
    metamorphic=simulated_metamorphic,
    parameters={"agents": 1000, "worlds_hk": 20, "worlds_deffuant": 10, "ticks_deffuant": 600},
    tier="slow",
    cost="45 s on one core",
)
