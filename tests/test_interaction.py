"""Locally aligned, globally misaligned: each cause planted and found, and none found where there is none."""

import json

import numpy as np
import pytest
from planted import DECENT, loss, society, worth

import commonweal as cw
from commonweal.accounts import Table, coalitions, interaction
from commonweal.accounts.coalitions import plan
from commonweal.accounts.interaction import shown
from commonweal.measures import survived
from commonweal.minds import FairShare, Greedy
from commonweal.scenarios import Commons


def taken_apart(table, theta=0.5, luck=0.0, worlds=8, of=worth):
    found = coalitions(society(table, luck=luck), worlds, of, DECENT)
    return interaction(found, of.better, theta)


def test_each_half_harmless_both_illegal_by_hand():
    """v = 1, 1, 1, 0: gap 1, event, I = m({0, 1}) = -1."""
    found = taken_apart([1.0, 1.0, 1.0, 0.0])
    assert found.event and found.cause == "bad chemistry"
    assert (found.gap.value, found.effect.value, found.dividend.value) == (1.0, -1.0, -1.0)
    assert found.harmful == (0, 1) and found.realigns == ((0,), (1,)) and found.realign == (0,)
    assert {name: e.value for name, e in found.orders.items()} == {"by 2": -1.0}
    json.dumps(found.as_dict(), allow_nan=False)


def test_a_loss_is_read_the_other_way_round():
    """The same as a loss: values change their sign, what they mean does not."""
    found = taken_apart([1.0, 1.0, 1.0, 0.0], theta=-0.5, of=loss)
    assert found.event and found.cause == "bad chemistry" and found.harmful == (0, 1)
    assert (found.gap.value, found.effect.value, found.everyone.value) == (1.0, -1.0, 0.0)


def test_a_bad_apple():
    """Whoever sits with agent 1 fails: nothing is lost by being together."""
    found = taken_apart([1, 1, 0, 0, 1, 1, 0, 0])
    assert found.cause == "bad apple" and not found.event and found.gap.value == 0.0
    assert found.harmful is None and found.effect.value == 0.0 and found.realign == (1,)


def test_a_bad_institution():
    found = taken_apart([0.2] * 8)
    assert found.cause == "bad institution" and found.realign is None and not found.event


def test_a_society_that_passes_has_no_cause_whatever_its_chemistry():
    found = taken_apart([1.0, 1.0, 1.0, 0.9])
    assert found.cause == "none" and found.realign == () and found.harmful == (0, 1)


def test_failure_without_a_shown_cause_is_unclear():
    """On average over worlds, agent 0 alone is just at theta: neither shown to pass nor to fail."""
    one = np.array([0.6, 0.4] * 4)
    table = Table((0, 1), {0: np.ones(8), 1: one, 2: np.ones(8), 3: one - 0.4})
    found = interaction(table, "higher", 0.5)
    assert found.cause == "unclear" and found.harmful == (0, 1)


def test_three_who_are_harmful_only_together():
    """No pair does any harm; the smallest harmful coalition is all three of four."""
    table = [0.0 if mask & 7 == 7 else 1.0 for mask in range(16)]
    found = taken_apart(table, worlds=9)
    assert found.harmful == (0, 1, 2) and found.cause == "bad chemistry" and len(found.realign) == 1
    assert {name: e.value for name, e in found.orders.items()} == {"by 2": 0.0, "by 3": -1.0, "by 4": 0.0}


def test_one_greedy_fisher_in_the_commons():
    society = _lake([Greedy(), FairShare(), FairShare()])
    found = interaction(coalitions(society, 8, survived, FairShare()), "higher", 0.9)
    assert found.cause == "bad apple" and found.realign == (0,)


def test_fishers_modest_alone_and_too_many_together():
    """A little more than fair is nothing if one does it, and the end of the lake if all do."""
    society = _lake([FairShare(extra=6.0)] * 3)
    found = interaction(coalitions(society, 8, survived, FairShare()), "higher", 0.9)
    assert found.event and found.cause == "bad chemistry", found


@pytest.mark.parametrize(("collapse", "cause"), [(60.0, "bad institution"), (5.0, "none")])
def test_a_rule_under_which_even_fair_fishers_fail(collapse, cause):
    """The lake is closed below 60 tonnes, and a fair share leaves 50."""
    society = _lake([FairShare()] * 3, collapse=collapse)
    found = interaction(coalitions(society, 8, survived, FairShare()), "higher", 0.9)
    assert found.cause == cause


def _lake(minds, **more):
    return cw.Society(Commons(n_agents=3, horizon=6, assignment="proportional", **more), minds)


@pytest.mark.slow
def test_luck_alone_is_neither_chemistry_nor_a_cause():
    """Additive in the mean, noisy in every world: of 40 such societies hardly one is called harmful."""
    rng, harmful, causes = np.random.default_rng(0), 0, []
    for _ in range(40):
        noise = {mask: 1.0 - 0.1 * mask.bit_count() + rng.normal(size=30) for mask in range(32)}
        found = interaction(Table(tuple(range(5)), noise), "higher", -5.0)
        harmful += found.harmful is not None
        causes.append(found.cause)
    assert harmful <= 4 and set(causes) == {"none"}
    worse = noise | {31: noise[31] - 8.0}  # the planted fault
    assert interaction(Table(tuple(range(5)), worse), "higher", -5.0).harmful == (0, 1, 2, 3, 4)


def test_luck_that_is_shared_leaves_no_trace_in_the_dividends():
    """Each pusher's own luck adds up: dividends are exactly 0 in each world, whatever the rounding."""
    found = taken_apart([3.0, 2.0, 2.0, 1.0], luck=1.0, worlds=50, theta=0.0)
    assert found.effect.value == found.effect.low == found.effect.high == 0.0 and found.harmful is None


def test_beyond_eight_players_pairs_and_the_rest():
    """Nine players: a pair costs 2, any five or more cost 3 besides."""
    n = 9
    table = [-2.0 * (m & 3 == 3) - 3.0 * (m.bit_count() >= 5) for m in range(1 << n)]
    found = taken_apart(table, theta=-1.0, worlds=12)
    assert found.orders["by 2"].value == -2.0 and found.orders["by more"].value == -3.0
    assert found.effect.value == -5.0 and found.harmful == (0, 1) and found.cause == "bad chemistry"


def test_clones_come_along_and_no_theta_is_said():
    table = coalitions(society([1.0, 1.0, 1.0, 0.0]), 4, worth, DECENT)
    found = interaction(table, "higher", clones=np.zeros((2, 4)))
    assert found.event is None and "no theta" in found.cause and "no theta" in str(found)
    assert [e.value for e in found.clones] == [0.0, 0.0] and "clones" in str(found)


def test_shown_means_by_its_bound():
    assert shown(np.ones(6), strict=True) and shown(np.zeros(6)) and not shown(np.zeros(6), strict=True)
    assert not shown(np.ones(1)), "one world shows nothing"
    assert not shown(np.ones(5)) and not shown(np.ones(6), tests=2) and shown(np.ones(7), tests=2)
    rng = np.random.default_rng(1)
    for n, false in ((2, 0.04), (3, 0.04), (8, 0.04)):  # where there is nothing, it is shown in 2.5 %
        assert np.mean([shown(rng.normal(size=n)) for _ in range(500)]) <= false
    some = np.random.default_rng(3).normal(0.5, 1.0, 40)
    assert shown(some) and not shown(some, tests=1000)


def test_a_measure_without_direction():
    with pytest.raises(ValueError, match="wanted 'higher' or 'lower'"):
        interaction(Table((0,), {0: np.ones(2), 1: np.ones(2)}), "neither")


def test_who_passes_has_no_bad_institution_though_the_reference_fails():
    values = {0: 0.5, 1: 0.95, 2: 0.95, 3: 1.0}
    found = interaction(Table((0, 1), {m: np.full(8, x) for m, x in values.items()}), "higher", 0.9)
    assert found.cause == "none" and found.realign == ()


def test_the_gap_is_the_worst_of_all_singles_or_not_known():
    """Agent 0 alone is the worst; where it was not reached, or in that world, there is no gap."""
    nan = np.nan
    rows = {0: [1.0, 1.0], 1: [0.2, nan], 2: [0.9, 0.1], 3: [0.1, 0.1]}
    table = Table((0, 1), {m: np.array(x) for m, x in rows.items()}, {1: "no more calls"})
    found = interaction(table, "higher")
    assert found.gap.value == pytest.approx(0.1) and (found.gap.n, found.gap.missing) == (1, 1)
    lost = Table((0, 1), table.values | {1: np.full(2, nan)}, {1: "no more calls"})
    assert str(interaction(lost, "higher").gap) == "NA (no more calls)"


@pytest.mark.parametrize("pair", [(0, 1), (2, 7), (3, 4)])
def test_beyond_eight_players_the_smallest_to_realign_is_found_or_said_not_to_be_known(pair):
    """Ten players of whom a pair spoils everything, if either is there."""
    bad = sum(1 << i for i in pair)
    values = {m: np.full(16, 0.0 if m & bad else 1.0) for m in plan(10)}
    assert interaction(Table(tuple(range(10)), values), "higher", 0.9).realign == pair
    cut = {m: x for m, x in values.items() if m != 1023 ^ bad}
    found = interaction(Table(tuple(range(10)), cut), "higher", 0.9)
    assert found.realign is None and found.as_dict()["why"] == "not all coalitions lacking 2 were played"
    assert "smallest coalition to realign: not known: not all coalitions lacking 2 were played" in str(found)
    cut[1023 ^ bad] = np.where(np.arange(16) < 2, 1.0, np.nan)  # a budget that ended in it
    assert interaction(Table(tuple(range(10)), cut), "higher", 0.9).realign is None


@pytest.mark.parametrize("slip", range(6))
def test_all_coalitions_that_are_alike_are_named_whatever_rounding_says(slip):
    """Of three any two are too many: three pairs are as harmful, and any two re-align."""
    rng = np.random.default_rng(slip)
    rows = {m: np.full(12, 1.0 - max(m.bit_count() - 1, 0)) * 7.0 + 1e-6 * rng.normal() for m in range(8)}
    found = interaction(Table((1, 4, 6), rows), "higher", 3.0)
    assert found.harmful == (1, 4) and found.harmfuls == ((1, 4), (1, 6), (4, 6))
    assert found.realign == (1, 4) and found.realigns == found.harmfuls and found.searched == (3, 3)
    said = "agent 1, agent 4; or agent 1, agent 6; or agent 4, agent 6 (3 alike)"
    assert f"smallest harmful coalition: {said}, dividend -7.00" in str(found)
    assert f"smallest coalition to realign: {said}\n" in str(found)
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert told["harmfuls"] == told["realigns"] == [[1, 4], [1, 6], [4, 6]]
    worse = rows | {5: rows[5] - 0.01, 3: rows[3] + 0.01}  # the planted fault: a difference that is one
    found = interaction(Table((1, 4, 6), worse), "higher", 3.0)
    assert found.harmfuls == ((1, 6),) and "alike" not in str(found).split("realign")[0]
    assert found.realigns == ((1, 4), (1, 6), (4, 6)), "each leaves one, and all of those are worth the same"


def test_of_many_that_are_alike_the_first_are_named_and_all_are_counted():
    values = {m: np.full(16, -float(m.bit_count() >= 2)) for m in plan(10)}
    found = interaction(Table(tuple(range(10)), values), "higher", -0.5)
    assert len(found.harmfuls) == 45 and found.harmfuls == tuple(sorted(found.harmfuls))
    said = "agent 0, agent 1; or agent 0, agent 2; or agent 0, agent 3; and 42 more (45 alike)"
    assert said in str(found)


def test_of_a_size_that_was_not_played_whole_that_is_said():
    """Ten of whom any eight or more fail: three must be re-aligned, and not all threes were played."""
    values = {m: np.full(32, -float(m.bit_count() >= 8)) for m in plan(10)}
    found = interaction(Table(tuple(range(10)), values), "higher", -0.5)
    here, of = found.searched
    assert of == 120 and 10 < here < 120 and len(found.realigns) == here
    assert f"(of the {here} of 120 of its size that were played)" in str(found)


def test_the_scale_is_the_games_own():
    """A small game behind a large constant, and a tiny one: what is more than rounding is told apart."""
    rows = {m: np.full(12, 1e5 - 3.0 * (m == 3) - 2.0 * (m == 5)) for m in range(8)}
    assert interaction(Table((0, 1, 2), rows), "higher").harmfuls == ((0, 1),)
    tiny = {m: np.full(12, -1e-9 * (m.bit_count() >= 2)) for m in range(8)}
    assert len(interaction(Table((0, 1, 2), tiny), "higher").harmfuls) == 3
