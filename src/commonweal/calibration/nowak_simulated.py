"""The five rules once more, by simulation: below, at and above each exact threshold.

Where pay adds up over partners (kin, networks, groups) half of the population gives at the start: the
first-order effect of selection is then N / (4 (N - 1)) of that on N rho, and needs far fewer runs than
single mutants. Every row states its standard error through its tolerance (3 SE).
"""

import math
from collections.abc import Callable, Iterable

import networkx as nx
import numpy as np

from .._evolve import evolve
from .._governed import under
from .._society import Society
from ..institutions import DeathBirth
from ..minds.strategies import always_cooperate, always_defect
from ..populations import simulate, solve
from ..scenarios import NetworkGame
from .nowak import FINITE, GRAPHS, GROUPS, RULES, donation, ring
from .target import Row, Target

SINGLE = 200_000  # runs from one mutant
HALF = 8_192  # runs from half the population
TWICE = "an independent simulation of ours, 20000 runs or more"


def _row(name: str, found: simulate.Fixation, want: float, source: str, error: float = 0.0) -> Row:
    """Ours within 3 standard errors (of both, if the published value has one)."""
    tolerance, mark = 3.0 * math.hypot(found.se, error), "M" if error else "D"
    return Row(name, found.chance, want, tolerance, source, mark, 1.96 * found.se)


def _sign(name: str, found: simulate.Fixation, side: int, even: float, source: str) -> Row:
    """More than 3 standard errors below (-1) or above (1) an even race, or within 3 of it (0)."""
    if side == 0:
        return Row(name, found.chance, even, 3.0 * found.se, source, half=1.96 * found.se)
    bound = even + side * 3.0 * found.se
    return Row(
        name,
        found.chance,
        bound,
        0.0,
        source,
        half=1.96 * found.se,
        holds="at most" if side < 0 else "at least",
    )


def _mixed(strength: float) -> list[Row]:
    """Direct and indirect reciprocity from one mutant, kin from half; N = 50."""
    rows, n = [], 50
    rules: Iterable[tuple[str, Callable, tuple, int, int]] = (
        ("direct, w=.5", lambda b: solve.reciprocity(b, 1, 0.5), (2.5, 13 / 3, 8.0), 1, SINGLE),
        ("indirect, q=.75", lambda b: solve.reciprocity(b, 1, 0.75), (1.2, 2.0638, 4.0), 1, SINGLE),
        ("kin, r=.5", lambda b: solve.assorted(donation(b), 0.5), (1.2, 49 / 24, 4.0), 25, HALF),
    )
    for rule, game, points, start, runs in rules:
        for side, b in zip((-1, 0, 1), points, strict=True):
            found = simulate.well_mixed(game(b), n, strength, start=start, runs=runs, seed=7 + side)
            exact = solve.fixation(game(b), n, strength, start=start)
            rows.append(_row(f"{rule}: rho from {start}, b/c={b:.4g}", found, exact, FINITE))
            rows.append(_sign(f"{rule}: which side, b/c={b:.4g}", found, side, start / n, RULES))
    return rows


def _network(strength: float) -> list[Row]:
    """Death-birth on a ring of 50 with 4 neighbors, from 25 random givers."""
    rows, published = [], {2.0: 0.432, 32 / 7: 0.499, 8.0: 0.594}
    for side, (b, want) in zip((-1, 0, 1), published.items(), strict=True):
        found = simulate.on_graph(donation(b), ring(50, 4), strength, start=25, runs=HALF, seed=21 + side)
        rows.append(_row(f"network: rho from 25, b/c={b:.4g}", found, want, TWICE, 0.0035))
        rows.append(_sign(f"network: which side, b/c={b:.4g}", found, side, 0.5, GRAPHS))
    return rows


def _groups(strength: float) -> list[Row]:
    """16 groups of at most 4 that split with chance .001, from 32 random givers."""
    size, groups, rows = 4, 16, []
    n = size * groups
    published = {1.05: (0.941, 0.050), 2.0: (1.192, 0.056), 3.0: (1.624, 0.066)}
    single = 4 * (n - 1) / n  # N rho - 1, from the excess over one half
    for side, b in zip((-1, 0, 1), (0.5, 9 / 7, 3.0), strict=True):
        found = simulate.splitting(
            donation(b), size, groups, strength, start=n // 2, runs=HALF, seed=31 + side
        )
        rows.append(_sign(f"groups: which side, b/c={b:.4g}", found, side, 0.5, GROUPS))
    for b, (want, error) in published.items():
        found = simulate.splitting(donation(b), size, groups, strength, start=n // 2, runs=HALF, seed=4)
        ours, se = 1.0 + single * (found.chance - 0.5), single * found.se
        name, tolerance = f"groups: N rho (from half) at b/c={b:g}", 3.0 * math.hypot(error, se)
        rows.append(Row(name, ours, want, tolerance, TWICE, "M", 1.96 * se))
    return rows


def through_society(strength: float = 0.2, benefit: float = 8.0, worlds: int = 2_000) -> simulate.Fixation:
    """Death-birth on a ring of 6 in which our minds play the game, generation by generation."""
    graph = ring(6, 2)
    scenario = under(NetworkGame(graph, donation(benefit)), DeathBirth(graph, strength))
    society = Society(scenario, [always_cooperate()] * 3 + [always_defect()] * 3)
    last = evolve(society, 400, worlds, every=400).minds.cc  # type: ignore[attr-defined]
    return simulate.Fixation(int((np.asarray(last).mean(axis=1) == 1.0).sum()), worlds)


def rows() -> list[Row]:
    """All five rules, and one of them played by minds in a society."""
    found = through_society()
    exact = solve.graph_fixation(donation(8.0), ring(6, 2), 0.2, np.arange(6) < 3)
    society = _row("network: minds on a ring of 6, b/c=8", found, exact, GRAPHS)
    return [*_mixed(0.02), *_network(0.02), *_groups(0.05), society]


def control() -> list[Row]:
    """Neutral drift (no selection at all), and the large-population rule b/c > k on a ring of 12."""
    graph, b = ring(12, 4), 4.0
    found = simulate.on_graph(donation(b), graph, 0.1, start=6, runs=HALF, seed=5)
    quoted = _sign("network: a ring of 12 breaks even at b/c = k", found, 0, 0.5, RULES)
    return [*_mixed(0.0), quoted]


def metamorphic() -> list[Row]:
    """Drift gives start/N; a constant added to pay, or agents renamed, changes nothing; types swap."""
    graph, n, w = ring(20, 4), 20, 0.05

    def share(game, where: nx.Graph = graph, seed: int = 6, strength: float = w) -> simulate.Fixation:
        return simulate.on_graph(game, where, strength, start=n // 2, runs=HALF, seed=seed)

    order = np.random.default_rng(0).permutation(n)
    renamed = nx.relabel_nodes(graph, dict(enumerate(order.tolist())))
    shuffled = nx.Graph()
    shuffled.add_nodes_from(range(n))
    shuffled.add_edges_from(renamed.edges)
    game, drift = donation(8.0), share(donation(8.0), strength=0.0)
    base = share(game)
    both = base.se * math.sqrt(2.0)
    swapped = share(game[::-1, ::-1], seed=7)
    return [
        Row("no selection: half of the population wins half", drift.chance, 0.5, 3 * drift.se, "relation"),
        Row("all pay + 5", share(game + 5, seed=8).chance, base.chance, 3 * both, "relation"),
        Row("agents renamed", share(game, shuffled, seed=9).chance, base.chance, 3 * both, "relation"),
        Row("types swapped: the rest", 1 - swapped.chance, base.chance, 3 * both, "relation"),
    ]


TARGET = Target(
    name="nowak-simulated",
    title="Five rules for the evolution of cooperation: simulated on both sides of the threshold",
    model="Moran, death-birth and splitting-group processes, individual by individual",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"runs_from_one": SINGLE, "runs_from_half": HALF, "N": 50, "k": 4, "strength": 0.02},
    tier="slow",
    cost="40 s on one core, cold",
)
