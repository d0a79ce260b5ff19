"""Fairness: rankings, envy, shares and representation, by hand, by brute force and by another library."""

import itertools

import numpy as np
import pytest
from scipy import stats
from tracing import make_trace, totals

import commonweal as cw
from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures import fairness as f
from commonweal.minds import Random
from commonweal.scenarios import prisoners_dilemma

AXIOMS = ("JR", "PJR", "EJR", "EJR+", "core")


def bent(intent, act, **rest):
    """A trace in which others than the intended acts were executed, Int[W, T, n]."""
    intent, act = np.asarray(intent), np.asarray(act)
    return make_trace(np.ones(intent.shape), intent={"pick": intent}, act={"pick": act}, **rest)


# --- rank satisfaction


def test_rank_agreement():
    assert f.rank_agreement([3, 2, 1], [9, 5, 1]) == 1.0
    assert f.rank_agreement([3, 2, 1], [1, 2, 3]) == 0.0
    assert f.rank_agreement([3, 2, 1], [2, 3, 1]) == pytest.approx(2 / 3)  # one pair of three
    assert f.rank_agreement([1, 1], [1, 2]) == 0.5  # a tie in one of them
    assert f.rank_agreement([1, 1], [5, 5]) == 1.0
    x, y = np.random.default_rng(0).permutation(8), np.arange(8)
    assert f.rank_agreement(x, y) == pytest.approx((1 + stats.kendalltau(x, y).statistic) / 2)


def test_rank_satisfaction_with_rankings_and_without():
    done = bent([[[0, 1]] * 3], [[[0, 0], [0, 0], [1, 2]]])  # option 0 four times, 1 and 2 once
    assert m.rank_satisfaction(rankings=[[3, 2, 1], [1, 2, 3]])(done) == pytest.approx(
        np.array([[1 - 0.5 / 3, 0.5 / 3]])
    )
    kept = bent([[[0, 1], [0, 1]]], [[[0, 0], [0, 0]]])
    assert m.rank_satisfaction()(kept).tolist() == [[1.0, 0.0]]
    assert np.isnan(m.rank_satisfaction()(bent([[[0, 0]]], [[[0, 0]]]))).all()  # nothing to order
    with pytest.raises(NA, match="rankings of 3 agents, and 2 took part"):
        m.rank_satisfaction(rankings=np.ones((3, 2)))(kept)
    with pytest.raises(NA, match=r"no channel of options 'x' here; wanted one of \['pick'\]"):
        m.rank_satisfaction("x")(kept)


# --- envy


def test_nobody_envies_after_cut_and_choose():
    """The cutter makes halves that it finds equal; the chooser takes the one it likes better."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        cake = rng.dirichlet(np.ones(6), size=2)  # what each of six slices is worth to either
        sums = {
            s: abs(cake[0, list(s)].sum() - 0.5)
            for k in range(7)
            for s in itertools.combinations(range(6), k)
        }
        piece = np.isin(np.arange(6), min(sums, key=sums.__getitem__)).astype(float)
        piece = piece if cake[1] @ piece >= 0.5 else 1 - piece  # the chooser's
        found = f.most_envy(cake, [1 - piece, piece])
        assert found <= 2 * min(sums.values()) + 1e-12  # only what could not be cut evenly
    assert f.most_envy([[1, 1], [3, 1]], [[0, 1], [1, 0]]) == 0.0


def test_envy_by_hand():
    values, shares = [[5, 3, 1], [1, 4, 4]], [[0, 0, 1], [1, 1, 0]]
    assert f.most_envy(values, shares) == 7.0  # 8 for 1
    assert f.proportional(values, shares).tolist() == [False, True]  # 1 < 4.5, 5 >= 4.5
    assert not f.free_but_one(values, shares)  # without the dearest, 3 are left for 1
    assert f.free_but_one(values, [[0, 1, 0], [1, 0, 1]])  # 6 for 3, and 1 without the first good
    paid = make_trace(totals((3, 1, 2), (2, 2, 2)))
    assert m.envy()(paid).tolist() == [2.0, 0.0]
    assert m.proportionality()(paid) == pytest.approx([2 / 3, 1.0])
    assert m.envy_free_but_one()(paid).tolist() == [0.0, 1.0]
    goods = make_trace(totals((0, 0)), events={"apples": totals((2, 0)), "pears": totals((0, 3))})
    taste = [[2.0, 1.0], [1.0, 2.0]]
    assert m.envy(("apples", "pears"), taste)(goods).tolist() == [0.0]  # 4 against 3; 6 against 2
    assert m.envy(("apples", "pears"))(goods).tolist() == [1.0]  # if all liked all alike
    with pytest.raises(NA, match=r"no event 'plums'; it has \['apples', 'pears'\]"):
        m.envy(("plums",))(goods)
    with pytest.raises(NA, match=r"values have shape \(3, 1\)"):
        m.envy(values=np.ones((3, 1)))(goods)


def test_round_robin_is_free_of_envy_but_one():
    """A theorem: who picks in turns envies at most by one good. Giving all to one is the planted fault."""
    rng = np.random.default_rng(1)
    for _ in range(30):
        values, shares, left = rng.uniform(size=(3, 7)), np.zeros((3, 7)), set(range(7))
        for turn in range(7):
            best = max(left, key=lambda g, i=turn % 3: values[i, g])
            shares[turn % 3, best] = 1.0
            left.remove(best)
        assert f.free_but_one(values, shares)
        assert not f.free_but_one(values, np.eye(3)[[0]].T @ np.ones((1, 7)))


# --- representation


def cohesive(who, won, axiom):
    """The definitions, group by group of voters: another way to the same answers."""
    (n, m_), k = who.shape, int(won.sum())
    for group in itertools.product([False, True], repeat=n):
        some = np.array(group)
        if not some.any():
            continue
        together, have = who[some].all(axis=0), (who[some] & won).sum(axis=1)
        for l in range(1, k + 1):
            if some.sum() * k < l * n:
                continue
            deserves = together.sum() >= l
            broken = {
                "JR": l == 1 and deserves and have.max() < 1,
                "PJR": deserves and (who[some].any(axis=0) & won).sum() < l,
                "EJR": deserves and have.max() < l,
                "EJR+": (together & ~won).any() and have.max() < l,
                "core": any(
                    (who[some][:, t].sum(axis=1) > have).all()
                    for t in map(list, itertools.combinations(range(m_), l))
                ),
            }
            if broken[axiom]:
                return False
    return True


def elections(count, n=5, m_=5, k=3):
    rng = np.random.default_rng(0)
    for _ in range(count):
        won = np.zeros(m_, bool)
        won[rng.choice(m_, k, replace=False)] = True
        yield rng.uniform(size=(n, m_)) < 0.45, won


def test_a_quarter_of_the_voters_deserves_nothing_of_two():
    who = np.array([[1, 1, 0, 0]] * 3 + [[0, 0, 1, 1]], bool)
    for axiom in AXIOMS:
        assert f.represented(who, [1, 1, 0, 0], axiom), axiom
        assert not f.represented(who, [0, 0, 1, 1], axiom), axiom  # three of four left out: planted
    half = who[[0, 0, 3, 3]]
    for axiom in AXIOMS:
        assert not f.represented(half, [1, 1, 0, 0], axiom), axiom  # half of the voters deserve one of two
        assert f.represented(half, [1, 0, 1, 0], axiom), axiom


def test_axioms_part():
    """Three elections by hand: each axiom asks for more than the one before."""
    alike = np.array([[1, 1, 0]] * 4, bool)  # all agree on two and have one of two
    assert [f.represented(alike, [1, 0, 1], axiom) for axiom in AXIOMS] == [True, False, False, False, False]
    # voters 0 and 1 agree on two (a, b) and deserve two of four; between them they have two, each one
    apart = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], [0] * 4 + [1, 0], [0] * 5 + [1]], bool)
    won = [0, 0, 1, 1, 1, 1]
    assert [f.represented(apart, won, axiom) for axiom in AXIOMS] == [True, True, False, False, False]
    # they agree on a only, which is left out, and have one each: EJR has no quarrel with that, EJR+ has
    won, apart = won[1:], apart[:, 1:].copy()
    apart[:2, 0] = True
    assert [f.represented(apart, won, axiom) for axiom in AXIOMS[:4]] == [True, True, True, False]


@pytest.mark.parametrize("axiom", AXIOMS)
def test_representation_is_what_its_definition_says(axiom):
    found = [(f.represented(who, won, axiom), cohesive(who, won, axiom)) for who, won in elections(60)]
    assert all(fast == slow for fast, slow in found) and len({fast for fast, _ in found}) == 2


def test_representation_is_that_of_another_library():
    reason = "abcvoting is not installed: nothing to compare with"
    properties = pytest.importorskip("abcvoting.properties", reason=reason)
    profile = pytest.importorskip("abcvoting.preferences", reason=reason).Profile
    checks = {"JR": "check_JR", "PJR": "check_PJR", "EJR": "check_EJR", "EJR+": "check_EJR_plus"}
    for who, won in elections(40, n=6, m_=6, k=3):
        people = profile(6)
        people.add_voters([set(np.flatnonzero(row).tolist()) for row in who])
        team = set(np.flatnonzero(won).tolist())
        for axiom, name in checks.items():
            how = {"algorithm": "brute-force"} if axiom in ("PJR", "EJR") else {}
            assert getattr(properties, name)(people, team, **how) == f.represented(who, won, axiom), axiom
        core = properties.check_core(people, team, algorithm="brute-force")
        assert core == f.represented(who, won, "core")


def test_stronger_axioms_imply_weaker_ones():
    for who, won in elections(80):
        jr, pjr, ejr, plus, core = (f.represented(who, won, axiom) for axiom in AXIOMS)
        assert jr >= pjr >= ejr >= plus and ejr >= core


def test_too_many_candidates_are_refused_and_the_cheap_axiom_is_named():
    who, won = np.ones((3, 20), bool), np.arange(20) < 2
    with pytest.raises(ValueError, match=r'1,048,576 sets of them; wanted at most 12.*axiom="EJR\+"'):
        f.represented(who, won, "core")
    assert f.represented(who, won, "EJR+")
    wide = bent([[[0, 19]]], [[[0, 19]]])
    with pytest.raises(NA, match="at most 12 options, here are 20: use EJR"):
        m.justified_representation("core")(wide)
    assert m.justified_representation()(wide).tolist() == [1.0]


def test_representation_of_what_was_wanted_in_what_was_done():
    want = [[[0, 0, 1, 1], [2, 2, 1, 1]]]
    free, captured = bent(want, want), bent(want, [[[0, 0, 0, 0], [2, 2, 2, 2]]])
    for axiom in AXIOMS:
        assert m.justified_representation(axiom)(free).tolist() == [1.0]
        assert m.justified_representation(axiom)(captured).tolist() == [0.0]
    told = m.justified_representation("JR", approvals=[[1, 0, 0]] * 4)
    assert told(captured).tolist() == [1.0]
    nobody = bent(want, want, alive=[[False, False]])
    assert np.isnan(m.justified_representation()(nobody)).all()
    with pytest.raises(NA, match="wanted agents and options"):
        m.justified_representation(approvals=[[1, 0]] * 4)(captured)
    with pytest.raises(ValueError, match="axiom='FJR'"):
        m.justified_representation("FJR")  # type: ignore[arg-type]


def test_they_obey_the_laws_and_run_on_a_game():
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=3), Random()), 3)
    for one in (m.rank_satisfaction(), m.envy(), m.proportionality(), m.envy_free_but_one()):
        cw.check(one)
        assert one(trace).shape[0] == 3
    cw.check(m.justified_representation())
    assert m.justified_representation()(trace).tolist() == [1.0] * 3  # nothing bends acts here
