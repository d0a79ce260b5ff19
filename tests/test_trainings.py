"""A trained condition's unit is the training run, and a learner that has not converged is called so."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import commonweal as cw
from commonweal._curve import learned
from commonweal._interval import mean_chance, mean_interval
from commonweal.institutions import Subsidy
from commonweal.lab.results import read_results
from commonweal.lab.selection import Constrained
from commonweal.lab.statistics import compare
from commonweal.lab.study import Study
from commonweal.lab.trainings import means, over_runs, run_of
from commonweal.measures import HOLISTIC, welfare
from commonweal.minds import Learner, Linear, Reinforce
from commonweal.minds.simple import Constant, Random
from commonweal.report.pages import study_page
from commonweal.scenarios import PublicGoods

GAME = PublicGoods(n_agents=2, horizon=2, binary=True)
PUPIL = Learner(Reinforce(rate=0.1), Linear(), updates=4, worlds=8)
NOISE = np.random.default_rng(0).normal(size=(5, 60))
TIME = np.arange(60)


@pytest.mark.parametrize(
    ("curves", "ended"),
    [
        (10 * TIME / 60 + NOISE, False),  # still rising
        (10 * (1 - np.exp(-TIME / 25)) + 0.1 * NOISE, False),  # slower and slower, and still rising
        (NOISE, True),  # flat, and noisy: nothing was learned
        (10 * (1 - np.exp(-TIME / 4)) + NOISE, True),  # converged
        (np.zeros((3, 60)), True),
        (10 * TIME[None] / 60, False),  # no noise at all
        (np.ones((1, 60)) + 1e-9 * TIME, True),  # rounding
    ],
)
def test_a_curve_ends_where_its_last_third_is_flat(curves, ended):
    assert learned(curves).ended == ended


def test_one_run_that_still_moves_is_found_among_others_that_do_not():
    curves = 10 * (1 - np.exp(-TIME / 4)) + NOISE
    curves[3] += np.where(TIME > 40, TIME - 40, 0)
    found = learned(curves)
    assert not found.ended
    assert "1 of 5 training runs" in str(found) or "3 of 5" in str(found)


def test_flat_noise_is_called_moving_in_one_of_twenty():
    rng = np.random.default_rng(1)
    assert np.mean([not learned(rng.normal(size=(5, 60))).ended for _ in range(400)]) < 0.08


def test_a_few_updates_are_too_few_to_say():
    assert "too few to say" in str(learned(np.zeros((5, 12))))
    assert not learned(np.zeros((5, 12))).ended


def test_means_of_training_runs_leave_unknown_worlds_out():
    values, seeds = np.array([1.0, 2.0, 3.0, np.nan, 5.0, np.nan]), np.arange(6)
    assert means(values, seeds, 3).tolist() == pytest.approx([1.0, 3.5, 3.0])
    assert np.isnan(means(np.array([np.nan, 1.0]), np.arange(2), 2)).tolist() == [True, False]
    assert means(values, seeds, 0) is values


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=9), st.floats(-3, 3))
def test_p_is_below_a_twentieth_where_the_interval_leaves_out_0(some, shift):
    x = np.array(some) + shift
    low, high = mean_interval(x)
    p = mean_chance(x)
    if not np.isnan(p) and min(abs(low), abs(high)) > 1e-6 * np.abs(x).max():
        assert (p < 0.05) == (low > 0 or high < 0)


def test_training_runs_are_compared_by_t_where_signs_say_little():
    a, b = np.array([1.0, 1.2, 0.9, 1.1, 1.05]), np.zeros(5)
    found = over_runs(compare(a, b), a, b)
    assert found.unit == "training runs" and found.difference.n == 5 and found.p < 0.01
    constant = over_runs(compare(np.ones(5) * 0.5, b), np.ones(5) * 0.5, b)
    assert constant.test == "exact sign-flip" and constant.p == 2 / 32 and np.isnan(constant.d_z)


def test_training_runs_differ_in_luck_only():
    society = cw.Society(GAME, PUPIL)
    assert [int(m.seed) for m in run_of(society, 2).minds] == [2, 2]
    assert [int(m.seed) for m in run_of(society, 0).minds] == [0, 0]


@pytest.fixture(scope="module")
def learners(tmp_path_factory):
    places = {"none": GAME, "subsidy": cw.under(GAME, Subsidy("gave", rate=0.8))}
    some = {name: cw.Society(place, PUPIL) for name, place in places.items()}
    some |= {"random": cw.Society(GAME, Random())}
    study = Study("learners", some, 7, [*HOLISTIC, welfare], baseline="none", trainings=3)
    folder = tmp_path_factory.mktemp("learners")
    return study, folder, study.run(folder, progress=False)


@pytest.mark.slow
def test_a_study_trains_each_condition_several_times(learners):
    study, folder, results = learners
    assert sorted(path.parent.name for path in folder.glob("minds/*/curve")) == [
        f"0{i}-{name}-run{run}" for i, name in enumerate(("none", "subsidy")) for run in range(3)
    ]
    assert results.estimates["none"]["welfare"].n == 3
    assert results.estimates["random"]["welfare"].n == 7
    rows = results.table.filter(results.table["condition"] == "none")
    assert (rows["seed"] % 3 == rows["training"]).all() and sorted(rows["seed"]) == list(range(7))
    by_hand = [rows.filter(rows["training"] == run)["welfare"].mean() for run in range(3)]
    assert results.estimates["none"]["welfare"].value == pytest.approx(np.mean(by_hand))
    for name in ("subsidy", "random"):
        assert results.differences[name]["welfare"].difference.n == 3
        assert results.differences[name]["welfare"].unit == "training runs"
    assert str(read_results(folder)) == str(results)
    assert study.plan["trainings"] == 3
    json.dumps(results.as_dict(), allow_nan=False)


@pytest.mark.slow
def test_what_is_not_known_of_learning_stands_where_the_numbers_stand(learners):
    _, _, results = learners
    text, page = str(results), study_page(results)
    assert "none, subsidy: trained 3 times; n and the intervals are over training runs" in text
    assert "none: 4 updates are too few to say whether learning had ended" in text
    assert "whether learning had ended in subsidy and none is not known" in text
    assert any("trained 3 times" in line for line in page.findings)
    section = next(one for one in page.sections if one.title == "Learning")
    assert [row[0] for row in section.rows] == ["none", "subsidy"] and "<svg" in section.figures[0]


@pytest.mark.slow
def test_more_worlds_change_no_world_of_a_training_run(learners, tmp_path):
    study, _, results = learners
    few = Study("few", study.conditions, 4, study.measures, baseline="none", trainings=3)
    a = few.run(tmp_path, progress=False)
    assert a is not None
    for name in few.conditions:
        assert (a.worlds(name, "welfare") == results.worlds(name, "welfare")[:4]).all()


@pytest.mark.slow
def test_a_run_with_a_learner_says_that_it_was_trained_once():
    trace = cw.run(cw.Society(GAME, PUPIL), 4)
    lines = str(cw.alignment(trace)).splitlines()
    assert lines[1] == "one training run; its luck is not in the intervals"
    assert lines[2] == "4 updates are too few to say whether learning had ended"
    assert "one training run" not in str(cw.alignment(cw.run(cw.Society(GAME, Random()), 4)))


@pytest.mark.parametrize("wrong", [0, -1, 2.5, True, "3"])
def test_trainings_are_counted(wrong):
    with pytest.raises(ValueError, match="trainings=.*: trainings=5"):
        Study("s", {"a": cw.Society(GAME, Random())}, 4, HOLISTIC, trainings=wrong)


def test_conditions_whose_acts_are_equal_are_called_so(tmp_path):
    places = {"none": GAME, "subsidy": cw.under(GAME, Subsidy("gave", rate=0.8))}
    some = {name: cw.Society(place, Constant(give=1)) for name, place in places.items()}
    some |= {"other": cw.Society(GAME, Constant(give=0))}
    results = Study("same", some, 4, [*HOLISTIC, welfare], baseline="none").run(tmp_path, progress=False)
    assert results is not None
    words = "all acts equal those of none: these minds (Constant) do not react to subsidy"
    assert results.identical == {"subsidy": words}
    mine, other = str(results).split("paired by world")[1:]
    assert words in mine and "0.00 [0.00, 0.00]" not in mine
    assert "all acts" not in other
    page = study_page(results)
    assert f"subsidy: {words}." in page.findings
    primary = next(one for one in page.sections if one.title.endswith("primary"))
    assert not any(row[1] == "subsidy" and row[2].text == "0.00" for row in primary.rows)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (Constrained(1.2, 0.1), "no outcome can meet it: V cannot exceed 1"),
        (Constrained(0.5, 1.5), "no outcome can meet it: P_min cannot exceed 1"),
        (Constrained(0.5, 0.5), "no eligible condition meets it: the largest P_min is 0.20"),
    ],
)
def test_a_rule_that_chooses_nothing_says_why(rule, reason):
    assert rule.why_none(np.array([[1.0, 1.0, 0.2, 0.2], [0.5, 0.9, 0.1, 0.1]])) == reason


def test_each_holistic_measure_says_what_1_means():
    told = {one.name: one.one for one in HOLISTIC}
    for name in ("objective_alignment", "value_alignment", "preference_nash", "preference_minimum"):
        assert told[name]
    assert "five equal shares of one pool are .20" in told["preference_nash"]
