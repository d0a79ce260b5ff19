"""Human values: harm counted by hand, counterfactual baselines in real worlds, congruence, conflict."""

import numpy as np
import pytest
from scipy import stats
from tracing import make_card, make_trace

import commonweal as cw
from commonweal import measures as m
from commonweal._card import Value
from commonweal._formulas import rate_bound
from commonweal._measure import NA
from commonweal.measures import values as v
from commonweal.minds import Constant, Random
from commonweal.scenarios import Bertrand, prisoners_dilemma

LIFE, FAIR = Value("life", 0.0, 10.0, weight=3.0), Value("fairness", 2.0, 4.0)
HARM = np.array([[[[0, 1], [2, 0]], [[0, 0], [6, 0]]], [[[0, 0], [0, 0]], [[0, 0], [0, 0]]]], float)


def harmed(harm=HARM, **rest):
    card = make_card(values=(LIFE, FAIR), n=harm.shape[2])
    return make_trace(np.ones(harm.shape[:3]), harm=harm, card=card, **rest)


def test_violations_by_hand():
    assert m.violation_rate(harmed()).tolist() == [[0.5, 0.25], [0.0, 0.0]]
    assert m.violation_severity(harmed()).tolist() == [[2.0, 0.25], [0.0, 0.0]]
    short = harmed(alive=[[True, False], [False, False]])
    assert m.violation_severity(short)[0].tolist() == [1.0, 0.5]  # what was not played does not count
    assert np.isnan(m.violation_rate(short)[1]).all()
    with pytest.raises(NA, match="declares no value"):
        m.violation_rate(make_trace(np.ones((1, 1, 2))))


def test_none_seen_is_not_none_possible():
    for n in (1, 10, 59):
        assert rate_bound(0, n) == pytest.approx(1 - 0.05 ** (1 / n))
    assert rate_bound(0, 59) == pytest.approx(0.0495, abs=5e-5)
    assert rate_bound(3, 3) == 1.0
    assert stats.binom.cdf(2, 20, rate_bound(2, 20)) == pytest.approx(0.05)


@pytest.mark.slow
def test_random_play_is_as_bad_as_random_play():
    market = Bertrand(horizon=3)
    random = cw.run(cw.Society(market, Random()), 16)
    assert m.relative_severity(16)(random).mean() == pytest.approx(1.0, abs=1e-5)
    cartel = cw.run(cw.Society(market, Constant(price=13)), 2)
    bad = m.violation_severity(random).mean()
    assert m.relative_severity(16)(cartel)[:, 0] == pytest.approx([1.0 / bad] * 2, rel=1e-4)
    with pytest.raises(NA, match="no recipe"):
        m.relative_severity()(harmed())
    with pytest.raises(ValueError, match="plays=0"):
        m.relative_severity(0)


@pytest.mark.slow
def test_third_party_harm():
    market = Bertrand(horizon=2)
    dear, cheap = (cw.run(cw.Society(market, Constant(price=k)), 2) for k in (14, 0))
    customers = market.card().stakeholders[-1]
    assert customers.third_party and customers.low is not None and customers.high is not None
    lost = 2 * float(market.surplus(market.grid[:, 0]) - market.surplus(market.grid[:, 14]))
    want = lost / (customers.high - customers.low)
    assert m.third_party_harm()(dear) == pytest.approx([want] * 2, rel=1e-4)
    assert m.third_party_harm()(cheap) == pytest.approx([0.0, 0.0])
    assert m.third_party_harm(Constant(price=14))(dear).tolist() == [0.0, 0.0]  # next to itself
    assert m.third_party_harm(Constant(price=14))(cheap).tolist() == [0.0, 0.0]  # a gain is no harm
    # what one loses another's gain does not make up: 3 of 10 lost, 5 of 10 won
    assert v.shortfall(np.array([[1.0, 9.0]]), np.array([[4.0, 4.0]]), np.array([10.0, 10.0])) == [0.3]
    with pytest.raises(NA, match="no third party"):
        m.third_party_harm()(cw.run(cw.Society(prisoners_dilemma(), Random())))


def test_norm_alignment_telescopes():
    y = np.array([[0.2, 0.9, 0.1, 0.8], [0.5, 0.5, 0.5, 0.5]])
    trace = make_trace(np.ones((2, 4, 2)), alive=[[True] * 4, [True, True, False, False]])
    assert m.norm_alignment(lambda _: y)(trace) == pytest.approx([(0.8 - 0.2) / 3, 0.0])
    rises = m.norm_alignment(lambda _: y, lambda a, b: np.sign(b - a))
    assert rises(trace) == pytest.approx([(1 - 1 + 1) / 3, 0.0])
    alone = make_trace(np.ones((1, 3, 2)), alive=[[True, False, False]])
    assert np.isnan(m.norm_alignment(lambda _: y[:1, :3])(alone)).all()


def test_kept_by_tick_is_what_v_would_be_if_all_ticks_were_like_it():
    kept = v.kept_by_tick(harmed())
    # tick 0: life 2 x 2 ticks of 10, fairness 1 x 2 ticks (its least); tick 1: life 12 of 10
    assert kept[0] == pytest.approx([(3 * 0.6 + 1 * 1.0) / 4, (3 * 0.0 + 1 * 1.0) / 4])
    assert m.norm_alignment()(harmed()) == pytest.approx([0.25 - 0.7, 0.0])
    steady = harmed(np.repeat(HARM[:, :1], 3, axis=1))
    satisfied = m.value_satisfaction(steady) @ [0.75, 0.25]
    assert v.kept_by_tick(steady).mean(axis=1) == pytest.approx(satisfied)


def test_congruence_is_of_shapes_and_not_of_levels():
    x = np.arange(1.0, 6.0)
    assert v.congruence(x, x + 1) == pytest.approx(1.0)
    assert v.congruence(x, x[::-1]) == pytest.approx(-1.0)
    assert v.congruence(x, x[::-1], centered=False) == pytest.approx(35 / 55)  # 0.636: the tempting way
    assert v.congruence(x, x**3, "spearman") == pytest.approx(1.0) != v.congruence(x, x**3)
    assert v.congruence([1, 2, 3], [2, 1, 3]) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, (2, 8))
    assert v.congruence(a, b) == pytest.approx(stats.pearsonr(a, b).statistic)
    assert v.congruence(a, b, "spearman") == pytest.approx(stats.spearmanr(a, b).statistic)
    assert np.isnan(v.congruence(x, np.ones(5)))


def test_value_congruence_of_agents():
    wanted = m.value_congruence(lambda trace: np.array([[[1, 2, 3], [3, 2, 1]]] * 2), [10, 20, 30])
    assert wanted(harmed()) == pytest.approx(np.array([[1.0, -1.0]] * 2))
    # agent 0 did no harm to life, agent 1 none to fairness; of world 1 all was kept: a flat profile
    found = m.value_congruence()(harmed())
    assert found[0] == pytest.approx([np.nan, -1.0], nan_ok=True) and np.isnan(found[1]).all()
    with pytest.raises(NA, match="profiles of 2 values, and 3 were wanted"):
        m.value_congruence(wanted=[1, 2, 3])(harmed())
    with pytest.raises(ValueError, match="kind='pearson'"):
        m.value_congruence(kind="pearson")  # type: ignore[arg-type]


def said(goals, name="say", **rest):
    goals = np.asarray(goals)
    return make_trace(np.ones(goals.shape), intent={name: goals}, act={name: goals}, **rest)


def test_population_misalignment():
    camps = said([[[0] * 5 + [1] * 5], [[0] * 10], [[0, 1] + [0] * 8]])
    assert m.population_misalignment()(camps) == pytest.approx([25 / 45, 0.0, 9 / 45])
    calm = m.population_misalignment(weights=[0.25] * 10)
    assert calm(camps) == pytest.approx([25 / 45 / 4, 0.0, 9 / 45 / 4])
    spread = said(np.array([[[0.0, 0.5, 1.0]], [[0.0, 3.0, 6.0]]]))
    assert m.population_misalignment(conflict="distance")(spread) == pytest.approx([2 / 3, 1.0])
    moved = said([[[0, 0], [0, 1], [1, 1]]], alive=[[True, True, False]])
    assert m.population_misalignment()(moved).tolist() == [1.0]  # the last that was played
    with pytest.raises(NA, match=r"no channel 'vote' here; wanted one of \['say'\]"):
        m.population_misalignment("vote")(moved)


def test_the_index_is_zero_where_any_part_or_the_gate_is():
    assert m.holistic_index(0.5, 0.5, 0.5) == pytest.approx(0.5)
    assert m.holistic_index(1.0, 0.8, 0.1) == pytest.approx(0.08 ** (1 / 3))
    for zero in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (-0.5, 1, 1), (1, 1, 1, False)]:
        assert m.holistic_index(*zero) == 0.0


def test_they_obey_the_laws_of_measures():
    every = (m.violation_rate, m.relative_severity(4), m.third_party_harm(), m.norm_alignment())
    for one in (*every, m.value_congruence(), m.population_misalignment("say")):
        cw.check(one)
