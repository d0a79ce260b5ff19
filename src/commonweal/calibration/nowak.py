"""Five rules for the evolution of cooperation, at the population sizes at which we simulate.

Source: Nowak 2006, Science 314:1560, table 1; finite forms: Nowak, Sasaki, Taylor, Fudenberg 2004,
Nature 428:646; Traulsen and Nowak 2006, PNAS 103:10952; Allen et al. 2017, Nature 544:227. The rules as
quoted hold in infinite populations only: at the sizes of a testbed they are off by up to a third.
"""

import networkx as nx
import numpy as np

from .._run import run
from .._society import Society
from ..minds.strategies import always_defect, tit_for_tat
from ..populations import solve
from ..scenarios.matrix_game import prisoners_dilemma
from .target import Row, Target

RULES = "Nowak 2006, Science 314:1560, table 1"
FINITE = "Nowak et al. 2004, Nature 428:646"
GRAPHS = "Allen et al. 2017, Nature 544:227"
GROUPS = "Traulsen and Nowak 2006, PNAS 103:10952"
DEATH_BIRTH = {(20, 2): 2.25, (50, 2): 2.086957, (50, 4): 4.571429, (100, 4): 4.260870, (60, 6): 7.25}


def donation(benefit: float, cost: float = 1.0) -> np.ndarray:
    """Give b at cost c, or not."""
    return np.array([[benefit - cost, -cost], [benefit, 0.0]])


def ring(n: int, k: int) -> nx.Graph:
    """A ring in which everyone has the k nearest as neighbors."""
    return nx.circulant_graph(n, list(range(1, k // 2 + 1)))


def repeated(rounds: int = 10) -> np.ndarray:
    """What tit for tat (row 0) and always defect earn from each other, played by our minds."""
    game, minds = prisoners_dilemma(horizon=rounds), (tit_for_tat(), always_defect())
    total = [[run(Society(game, [a, b])).net[0, :, 0].sum() for b in minds] for a in minds]
    return np.array(total, dtype=float)


def _moran() -> list[Row]:
    game = repeated()
    points = zip(game.ravel(), (30, 9, 14, 10), ("30", "9", "14", "10"), strict=True)
    rows = [
        Row(f"points over 10 rounds: {name}", ours, want, 0, "hand: 3051, 10 rounds")
        for ours, want, name in points
    ]
    published = {10: 1.135, 20: 1.329, 50: 1.846, 100: 2.475, 200: 3.246}
    rows += [
        Row(
            f"N rho, tit for tat into always defect, N={n}",
            n * solve.fixation(game, n, 0.01),
            want,
            6e-4,  # published to three places, some rounded twice
            FINITE,
        )
        for n, want in published.items()
    ]
    back = 50 * solve.fixation(game[::-1, ::-1], 50, 0.01)
    closed = (1 - 1 / 1.1) / (1 - 1.1**-100)
    rows += [
        Row("N rho, always defect into tit for tat, N=50", back, 0.0887, 5e-5, FINITE),
        Row("rho of constant fitness 1.1, N=100", solve.moran(1.1, 100), 0.090916, 5e-7, "Moran 1958"),
        Row(
            "the same by the chain of a game",
            solve.fixation([[1.1, 1.1], [1.0, 1.0]], 100, 1.0),
            closed,
            1e-9,
            FINITE,
        ),
    ]
    return rows


def _reciprocity() -> list[Row]:
    published = {
        20000: {0.5: 4.001, 0.75: 2.000, 0.9: 1.333},
        50: {0.5: 4.333, 0.75: 2.064, 0.9: 1.350},
    }
    rows = []
    for n, by_chance in published.items():
        for w, want in by_chance.items():
            ours = solve.threshold(
                lambda b, w=w, n=n: n * solve.fixation(solve.reciprocity(b, 1, w), n, 1e-7) - 1
            )
            rows.append(Row(f"direct: b/c where N rho = 1, w={w:g}, N={n}", ours, want, 5e-4, FINITE))
    shares = {"stable": (1.0, 1.0), "risk-dominant": (0.5, 2.0), "advantageous": (1 / 3, 3.0)}
    for what, (share, level) in shares.items():
        for rule, x in (("direct", 0.5), ("indirect", 0.75)):
            ours = solve.threshold(lambda b, x=x, s=share: solve.replicator(solve.reciprocity(b, 1, x), s))
            want = (level - (level - 1) * x) / x
            rows.append(Row(f"{rule}: b/c where giving is {what}, chance {x:g}", ours, want, 1e-9, RULES))
    return rows


def _kin() -> list[Row]:
    rows = []
    for r in (0.25, 0.5):
        for share in (0.1, 0.9):
            ours = solve.threshold(
                lambda b, r=r, s=share: solve.replicator(solve.assorted(donation(b), r), s)
            )
            rows.append(Row(f"kin: b/c at r={r:g}, share {share:g}", ours, 1 / r, 1e-9, RULES))
    return rows


def _networks(critical=solve.graph_threshold) -> list[Row]:
    rows = []
    for (n, k), want in DEATH_BIRTH.items():
        ours = critical(ring(n, k))
        rows.append(Row(f"network: (b/c)* on a ring, N={n}, k={k}", ours, want, 1e-6, GRAPHS, "M"))
        name = f"network: meeting times and (N-2)/(N/k-2) agree, N={n}, k={k}"
        rows.append(Row(name, ours, solve.regular_threshold(n, k), 1e-4, GRAPHS))
    star = 1.0 / critical(nx.star_graph(9))
    rows.append(Row("network: c/b a star of 10 can bear", star, 0.0, 1e-9, GRAPHS))
    lost = 8 * solve.graph_fixation(donation(100.0), ring(8, 2), 1e-3, np.arange(8) < 1, rule="birth-death")
    rows.append(
        Row("birth-death on a ring: N rho of giving 100 at cost 1", lost, 1.0, 0.0, GRAPHS, holds="at most")
    )
    return rows


def _groups(critical=solve.group_threshold) -> list[Row]:
    ours = solve.threshold(lambda b: solve.group_fixation(b, 1, 4, 16, 0.05) - 1)
    rows = [
        Row("groups: b/c where N rho = 1, n=4, m=16", ours, 9 / 7, 1e-9, GROUPS),
        Row("groups: (b/c)* = 1 + n/(m-2)", critical(4, 16), 1.2857142857142858, 1e-9, GROUPS),
    ]
    for b, want in {1.05: 0.917, 2.0: 1.250, 3.0: 1.600}.items():
        first = solve.group_fixation(b, 1, 4, 16, 0.05)
        rows.append(Row(f"groups: N rho at b/c={b:g}, w=.05", first, want, 6e-4, GROUPS))
    return rows


def rows() -> list[Row]:
    """All five rules."""
    return [*_moran(), *_reciprocity(), *_kin(), *_networks(), *_groups()]


def control() -> list[Row]:
    """The rules as usually quoted, k and 1 + n/m, where the population is small."""

    def quoted(graph: nx.Graph) -> float:
        return float(np.mean([d for _, d in graph.degree()]))

    return [*_networks(quoted), *_groups(lambda n, m: solve.group_threshold(n, m, largest=True))]


def metamorphic() -> list[Row]:
    """Adding a constant to all pay, naming the agents, the types or the unit otherwise, changes nothing."""
    game, n = np.array([[3.0, 0.2], [4.5, 1.0]]), 30
    rows = [
        Row(
            "all pay + 7: the sign of weak selection",
            solve.weak_selection(game + 7, n),
            solve.weak_selection(game, n),
            1e-9,
            "relation",
        ),
        Row(
            "A wins from 1 = B loses from n - 1",
            solve.fixation(game, n, 0.1),
            1 - solve.fixation(game[::-1, ::-1], n, 0.1, start=n - 1),
            1e-12,
            "relation",
        ),
        Row(
            "pay in tenths, selection ten times weaker",
            solve.fixation(10 * game, n, 0.01, mapping="exponential"),
            solve.fixation(game, n, 0.1, mapping="exponential"),
            1e-12,
            "relation",
        ),
    ]
    graph = nx.barbell_graph(5, 1)
    order = np.random.default_rng(0).permutation(len(graph))
    weights = nx.to_numpy_array(graph)
    other = 3.0 * weights[np.ix_(order, order)]
    ours, same = solve.graph_threshold(other), solve.graph_threshold(weights)
    return [*rows, Row("agents renamed, weights times 3: (b/c)*", ours, same, 1e-9, "relation")]


TARGET = Target(
    name="nowak",
    title="Five rules for the evolution of cooperation: exact thresholds",
    model="Moran and death-birth processes of givers and keepers: direct and indirect reciprocity, kin, "
    "networks, groups",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"selection": 0.01, "rounds": 10, "groups_n": 4, "groups_m": 16},
    cost="3 s on one core, cold",
)
