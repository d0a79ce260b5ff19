"""Exact solvers against formulas, each other and hand-worked chains; simulation against the solvers."""

import networkx as nx
import numpy as np
import pytest

from commonweal.populations import (
    Fixation,
    assorted,
    coalescence,
    fixation,
    graph_fixation,
    graph_threshold,
    group_fixation,
    group_threshold,
    moran,
    on_graph,
    reciprocity,
    regular_threshold,
    replicator,
    splitting,
    threshold,
    weak_selection,
    well_mixed,
)


def donation(benefit, cost=1.0):
    """Give b at cost c, or not."""
    return np.array([[benefit - cost, -cost], [benefit, 0.0]])


def ring(n, k):
    """A ring with k neighbors."""
    return nx.circulant_graph(n, range(1, k // 2 + 1))


# ------------------------------------------------------------------------------------- exact solvers


def test_moran_by_hand():
    assert moran(2.0, 2) == pytest.approx(2 / 3)
    assert moran(2.0, 3, start=2) == pytest.approx((1 - 1 / 4) / (1 - 1 / 8))
    assert moran(1.0, 7, start=3) == 3 / 7
    assert moran(1.1, 100) == pytest.approx(0.090916, abs=5e-7)
    assert moran(0.5, 3) == pytest.approx(1 / 7) and moran(0.5, 2000) == 0.0  # no overflow


def test_fixation_by_hand():
    # two agents of each other's kind: f = b, g = c; the mutant wins with b / (b + c)
    assert fixation([[9.0, 3.0], [2.0, 9.0]], 2, 1.0) == pytest.approx(3 / 5)
    assert fixation([[2.0, 2.0], [1.0, 1.0]], 9, 1.0) == pytest.approx(moran(2.0, 9), abs=1e-12)
    assert fixation(donation(3.0), 20, 0.0) == pytest.approx(1 / 20)
    both = fixation(donation(3.0), 20, 0.05) + fixation(donation(3.0)[::-1, ::-1], 20, 0.05, start=19)
    assert both == pytest.approx(1.0, abs=1e-12)


def test_fixation_refuses_negative_fitness():
    with pytest.raises(ValueError, match="fitness falls to -0.4 .*mapping='exponential'"):
        fixation([[0.0, -1.8], [0.0, 0.0]], 2, 0.5)


def test_weak_selection_is_the_slope_of_fixation():
    game, n = np.array([[3.0, 0.0], [5.0, 1.0]]), 12
    slope = (fixation(game, n, 1e-6) - 1 / n) / 1e-6
    assert np.sign(slope) == np.sign(weak_selection(game, n))
    assert slope == pytest.approx(weak_selection(game, n) / (6 * n), rel=1e-3)
    assert weak_selection(game + 3.7, n) == pytest.approx(weak_selection(game, n))


@pytest.mark.parametrize(("n", "k"), [(20, 2), (50, 2), (50, 4), (100, 4), (60, 6)])
def test_meeting_times_give_the_formula_on_rings(n, k):
    assert graph_threshold(ring(n, k)) == pytest.approx(regular_threshold(n, k), abs=1e-4)
    assert abs(graph_threshold(ring(n, k)) - k) > 0.05  # the rule as quoted


def test_meeting_times_by_hand():
    # on two nodes whoever moves meets the other: tau = 1; two steps lead back
    assert coalescence(nx.complete_graph(2)).tolist() == [1.0, 0.0, 1.0]
    # on a triangle a move of either meets with chance 1/2: tau = 2; 2 steps return half of the time
    assert coalescence(nx.complete_graph(3))[:2].tolist() == pytest.approx([2.0, 1.0])


def test_graphs_that_bear_nothing():
    assert graph_threshold(nx.star_graph(9)) == float("inf")
    assert graph_threshold(nx.complete_graph(6)) < 0.0  # spite
    assert regular_threshold(8, 4) == float("inf")
    with pytest.raises(ValueError, match="directed or in parts"):
        graph_threshold(nx.empty_graph(3))


def test_the_exact_chain_crosses_at_the_threshold_of_meeting_times():
    graph, half = ring(9, 2), np.arange(9) < 1
    critical = graph_threshold(graph)
    for factor, side in ((0.85, -1), (1.15, 1)):
        rho = graph_fixation(donation(factor * critical), graph, 1e-4, half)
        assert np.sign(rho - 1 / 9) == side
    at = graph_fixation(donation(critical), graph, 1e-5, half)
    assert abs(9 * at - 1) < 1e-8


def test_the_exact_chain_of_a_complete_graph_is_the_well_mixed_one():
    start = np.arange(6) < 2
    rho = graph_fixation(donation(4.0), nx.complete_graph(6), 0.2, start, rule="birth-death")
    assert rho == pytest.approx(fixation(donation(4.0), 6, 0.2, start=2, mapping="exponential"), abs=1e-12)


@pytest.mark.parametrize("graph", [ring(8, 2), ring(8, 4), nx.hypercube_graph(3)])
def test_birth_death_never_favors_giving_where_all_places_are_alike(graph):
    one = np.arange(8) < 1
    assert 8 * graph_fixation(donation(50.0), graph, 1e-3, one, rule="birth-death") < 1.0


def test_large_graphs_are_refused():
    with pytest.raises(ValueError, match=r"13 nodes have 2\*\*13 states.*on_graph"):
        graph_fixation(donation(2.0), ring(13, 2), 0.1, np.arange(13) < 1)


def test_thresholds_of_the_other_rules():
    assert group_threshold(4, 16) == pytest.approx(1.2857142857)
    assert group_threshold(4, 16, largest=True) == 1.25
    assert group_threshold(4, 2) == float("inf")
    assert group_fixation(9 / 7, 1, 4, 16, 0.05) == pytest.approx(1.0)
    for r in (0.2, 0.5):
        found = threshold(lambda b, r=r: replicator(assorted(donation(b), r), 0.3))
        assert found == pytest.approx(1 / r)
    stable = threshold(lambda b: replicator(reciprocity(b, 1, 0.4), 1.0))
    assert stable == pytest.approx(1 / 0.4)
    assert threshold(lambda b: -1.0) == float("inf")


# ---------------------------------------------------------------------------------------- simulation


def near(found, exact):
    """Within 3 standard errors."""
    return abs(found.chance - exact) < 3 * found.se


def test_a_share_has_its_error():
    assert Fixation(25, 100).chance == 0.25
    assert Fixation(25, 100).se == pytest.approx(np.sqrt(0.25 * 0.75 / 100))
    assert Fixation(0, 98).se > 0.0


@pytest.mark.slow
def test_the_well_mixed_simulation_is_exact():
    game = donation(6.0)
    found = well_mixed(game, 20, 0.1, runs=20_000, start=5)
    assert near(found, fixation(game, 20, 0.1, start=5))
    assert not near(well_mixed(game, 20, 0.0, runs=20_000, start=5), fixation(game, 20, 0.1, start=5))
    assert near(well_mixed(game, 20, 0.0, runs=20_000, start=5), 0.25)


@pytest.mark.parametrize("rule", ["death-birth", "birth-death"])
@pytest.mark.parametrize("graph", [ring(7, 2), nx.house_graph()], ids=["ring", "house"])
def test_the_simulation_on_graphs_is_exact(graph, rule):
    start = np.arange(len(graph)) < 2
    exact = graph_fixation(donation(5.0), graph, 0.3, start, rule=rule)
    assert near(on_graph(donation(5.0), graph, 0.3, runs=5000, start=start, rule=rule), exact)
    assert not near(on_graph(donation(5.0), graph, 0.0, runs=5000, start=start, rule=rule), exact)


@pytest.mark.slow
def test_graphs_of_more_than_one_word():
    found = on_graph(donation(5.0), ring(40, 12), 0.0, runs=2000, start=10)
    assert near(found, 0.25)


def test_a_simulation_is_repeatable():
    once = on_graph(donation(5.0), ring(7, 2), 0.3, runs=500, start=3, seed=4)
    assert once == on_graph(donation(5.0), ring(7, 2), 0.3, runs=500, start=3, seed=4)
    assert once != on_graph(donation(5.0), ring(7, 2), 0.3, runs=500, start=3, seed=5)


def test_groups_drift_without_selection():
    assert near(splitting(donation(3.0), 3, 4, 0.0, runs=3000, splits=0.05, start=3), 0.25)


@pytest.mark.slow
def test_one_common_rule_decides_within_and_between_groups():
    """Givers lose in 2 large groups, and win among 12 small ones."""
    within = splitting(donation(1.5), 12, 2, 0.1, runs=2000, splits=0.01, start=12)
    between = splitting(donation(3.0), 2, 12, 0.1, runs=2000, splits=0.01, start=12)
    assert within.chance + 3 * within.se < 0.5 < between.chance - 3 * between.se


@pytest.mark.slow
def test_splitting_groups_follow_the_first_order_theory():
    n = 24
    for benefit in (0.25, 3.0):
        first = 0.5 + (group_fixation(benefit, 1, 3, 8, 0.03) - 1) * n / (4 * (n - 1))
        found = splitting(donation(benefit), 3, 8, 0.03, runs=20_000, splits=1e-4, start=12)
        assert abs(found.chance - first) < 3 * found.se + 0.003
        assert abs(found.chance - 0.5) > 3 * found.se


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: on_graph(donation(2.0), nx.DiGraph([(0, 1), (1, 2), (2, 0)]), 0.1, runs=2),
            "wanted plain edges",
        ),
        (
            lambda: on_graph(donation(2.0), ring(5, 2), 0.1, runs=2, rule="both"),
            "rule='both', expected",
        ),
        (
            lambda: splitting(donation(2.0), 1, 4, 0.1, runs=2),
            "got size=1, expected a whole number",
        ),
        (lambda: well_mixed(donation(2.0), 5, 0.9, runs=8), "fitness may fall to -0.8.*'exponential'"),
    ],
)
def test_errors_teach(make, said):
    with pytest.raises(ValueError, match=said):
        make()
