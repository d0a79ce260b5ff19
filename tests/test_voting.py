"""The seven voting rules, against the prototype's formulas and the printed table of the earthquake study."""

import jax
import numpy as np
import pytest

from commonweal.institutions import elect

RULES = ["plurality", "approval", "borda", "copeland", "utilitarian", "nash", "maximin"]

# Seven of the 81 outcomes on the earthquake's front: what the four principals, a delegate of zone X and a
# delegate for life make of each, and (deaths, human-value alignment). They elect what the 81 elect.
FRONT = {
    (17, 0.00): [(0.754, 0.771, 0.643, 1.000, 0.000, 0.600)],
    (13, 0.25): [(0.904, 0.200, 0.714, 0.829, 0.667, 0.867)],
    (15, 0.58): [
        (0.904, 0.457, 0.643, 0.927, 0.333, 0.733),
        (0.904, 0.457, 0.571, 0.927, 0.333, 0.733),
    ],
    (14, 0.80): [(0.972, 0.371, 0.500, 0.854, 0.500, 0.800)],
    (11, 0.33): [(0.973, 0.286, 0.214, 0.805, 1.000, 1.000)],
    (13, 0.83): [(0.999, 0.314, 0.571, 0.854, 0.667, 0.867)],
}
OUTCOMES = [outcome for outcome, rows in FRONT.items() for _ in rows]
SCORES = np.array([row for rows in FRONT.values() for row in rows])

# Printed by an independent enumeration of the earthquake in float64, in the order of RULES.
TABLE = {
    "4 principals": (4, [(17, 0.0)] * 7),
    "and a delegate of X": (
        5,
        [(17, 0.0), (13, 0.25), (13, 0.83), (15, 0.58), (13, 0.83), (13, 0.83), (14, 0.8)],
    ),
    "and one for life": (
        6,
        [(11, 0.33), (13, 0.25), (13, 0.83), (13, 0.83), (11, 0.33), (13, 0.83), (14, 0.8)],
    ),
}


@jax.jit
def vote(elections):
    """The winner of each election under each rule."""
    return jax.vmap(lambda u: {rule: elect(u, rule) for rule in RULES})(elections)


def reference(u):
    """The prototype's winner under each rule, in double precision; ties by total score."""
    tie, n = 1e-6 * u.sum(1), len(u)
    rank = np.argsort(np.argsort(u, 0, kind="stable"), 0, kind="stable")
    beats = (u[:, None, :] > u[None] + 1e-9).sum(2)
    merits = {
        "plurality": (rank == n - 1).sum(1) + tie,
        "approval": (u >= 0.6).sum(1) + tie,
        "borda": rank.sum(1) + tie,
        "copeland": (beats > beats.T).sum(1) + tie,
        "utilitarian": u.sum(1),
        "nash": np.log(u + 1e-9).sum(1),
        "maximin": u.min(1) + tie,
    }
    return {rule: int(np.argmax(merit)) for rule, merit in merits.items()}


@pytest.mark.parametrize("electorate", TABLE)
def test_the_printed_table_of_the_earthquake(electorate):
    voters, printed = TABLE[electorate]
    winners = vote(SCORES[None, :, :voters])
    assert [OUTCOMES[int(winners[rule][0])] for rule in RULES] == printed


@pytest.mark.parametrize("rule", RULES)
def test_it_elects_as_the_prototype_and_more_support_never_unseats(rule):
    rng = np.random.default_rng(0)
    scores = rng.random((300, 4, 5)).astype(np.float32)
    scores[::2] = rng.integers(0, 5, (150, 4, 5)) / 4  # with many ties
    winners = np.asarray(vote(scores)[rule])
    # The prototype does not break ties of the Nash product: there only untied elections compare.
    compared = slice(1, None, 2) if rule == "nash" else slice(None)
    wanted = [reference(u.astype(float))[rule] for u in scores[compared]]
    assert winners[compared].tolist() == wanted
    assert winners.dtype == np.int32
    more = scores.copy()
    more[np.arange(300), winners, rng.integers(0, 5, 300)] += 0.3
    assert (np.asarray(vote(more)[rule]) == winners).all()


def test_ties_go_to_the_larger_total_then_to_the_first():
    ties = [[[0.7, 0.7], [0.8, 0.7]], [[0.25, 1.0], [0.5, 0.5]], [[0.5, 1.0], [1.0, 0.5]]]
    winners = vote(np.array(ties))
    assert [int(winners[rule][i]) for i, rule in enumerate(("approval", "nash", "utilitarian"))] == [1, 0, 0]


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="'dictator' is not one of .*'plurality'"):
        elect(np.eye(2), "dictator")
