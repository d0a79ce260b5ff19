"""The round robin against single matches, exact scores, and its own laws of luck."""

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import commonweal as cw
from commonweal import minds, scenarios
from commonweal.lab.matches import play
from commonweal.lab.tournament import round_robin

TWELVE = minds.classics()
NINE = tuple(TWELVE)[:9]
DILEMMA = scenarios.prisoners_dilemma(horizon=200)


@pytest.fixture(scope="module")
def twelve():
    return round_robin(DILEMMA, TWELVE, repetitions=400)


def at(found, one, two):
    i, j = (found.names.index(name) for name in (one, two))
    return found.scores[i, j], found.error[i, j]


def test_the_nine_without_luck_score_as_published(twelve):
    assert twelve.scores[:9, :9].sum() == pytest.approx(196.63, abs=1e-9)  # axelrod 4.14.0, our own run
    assert (twelve.error[:9, :9] == 0.0).all() and (twelve.error[9] > 0.0).all()
    swapped = scenarios.prisoners_dilemma(temptation=3.0, reward=5.0, horizon=200)  # a planted fault
    few = {name: TWELVE[name] for name in NINE[:7]}
    wrong, right = (round_robin(game, few).scores.sum() for game in (swapped, DILEMMA))
    assert right == pytest.approx(twelve.scores[:7, :7].sum(), abs=1e-9) and abs(wrong - right) > 1.0


def test_the_three_of_chance_score_as_published_and_by_hand(twelve):
    assert twelve.means[9:] == pytest.approx([2.227, 2.078, 2.612], abs=0.01)  # axelrod 4.14.0, our own run
    cheats = 199 / 200 * 0.1  # joss defects in a tenth of all rounds but the first
    for pair, wanted in {
        ("joss", "always_cooperate"): 3.0 + 2.0 * cheats,
        ("always_cooperate", "joss"): 3.0 - 3.0 * cheats,
        ("coin", "coin"): 2.25,
        ("coin", "always_defect"): 0.5,
        ("generous_tit_for_tat", "always_defect"): 1.0 - 1.0 / 200 - 199 / 600,
        ("generous_tit_for_tat", "tit_for_tat"): 3.0,
    }.items():
        score, error = at(twelve, *pair)
        assert abs(score - wanted) <= 4.0 * error + 1e-9, pair
        assert error < 0.02


def test_it_counts_the_turns_it_played(twelve):
    sure = [49, 7, 7, 1, 1, 1]  # matches without luck: seven alike, the two majorities and tit for two tats
    luck = [7 * 3, 3 * 3, 3, 3]
    assert twelve.turns == 200 * (sum(sure) + 400 * sum(luck))


def test_table_and_ranks(twelve):
    table = twelve.table
    assert table["mean"].is_sorted(descending=True) and table["rank"][0] == 1
    assert table.columns[:4] == ["rank", "mind", "mean", "cooperation"] and table.shape == (12, 16)
    row = table.row(by_predicate=pl.col("mind") == "always_defect", named=True)
    assert row["cooperation"] == 0.0 and row["against always_cooperate"] == 5.0


@pytest.mark.parametrize("pair", [("grim", "alternator"), ("tit_for_two_tats", "win_stay_lose_shift")])
def test_scores_without_luck_are_those_of_a_run(twelve, pair):
    trace = cw.run(cw.Society(DILEMMA, [TWELVE[name] for name in pair]), 1)
    ours = [at(twelve, *pair)[0], at(twelve, *pair[::-1])[0]]
    assert ours == pytest.approx(trace.net[0].mean(axis=0).tolist(), abs=1e-6)


@pytest.mark.slow
def test_scores_of_chance_are_those_of_a_run(twelve):
    trace = cw.run(cw.Society(DILEMMA, [TWELVE["joss"], TWELVE["generous_tit_for_tat"]]), 200)
    theirs = trace.net[..., 0].mean(axis=1)
    score, error = at(twelve, "joss", "generous_tit_for_tat")
    assert abs(score - theirs.mean()) < 4 * np.hypot(error, theirs.std() / np.sqrt(200))
    assert error * np.sqrt(800) == pytest.approx(theirs.std(), rel=0.3)  # 400 matches in either seat


@pytest.mark.slow
def test_noise_is_that_of_the_closed_form():
    game = scenarios.prisoners_dilemma(horizon=600)
    mind = minds.win_stay_lose_shift()
    found = round_robin(game, {"WSLS": mind}, 200, noise=0.01)
    wanted = minds.long_run(mind, mind, 0.01) @ np.array([3.0, 0.0, 5.0, 1.0])
    assert wanted == pytest.approx(2.9511, abs=1e-4)
    assert abs(found.scores[0, 0] - wanted) < 4 * found.error[0, 0] + 0.001
    assert 0.0 < found.error[0, 0] < 0.01


@pytest.mark.slow
def test_who_else_plays_shifts_nobodys_luck(twelve):
    names = ("tit_for_tat", "coin", "joss")
    few = round_robin(DILEMMA, {name: TWELVE[name] for name in names}, 400)
    places = [twelve.names.index(name) for name in names]
    assert np.array_equal(few.scores, twelve.scores[np.ix_(places, places)])
    other = round_robin(DILEMMA, {name: TWELVE[name] for name in names}, 400, seed=4)
    assert other.scores[0, 0] == 3.0 and (other.scores[1:] != few.scores[1:]).all()


@pytest.mark.slow
def test_what_is_kept_of_one_society_is_not_taken_for_anothers():
    few = {name: minds.classics()[name] for name in ("tit_for_tat", "alternator", "joss")}
    before = round_robin(DILEMMA, few)
    again, late = round_robin(DILEMMA, few), round_robin(DILEMMA, few, seed=1)
    assert np.array_equal(before.scores, again.scores) and before.turns == again.turns == late.turns
    assert np.array_equal(before.scores[:2, :2], late.scores[:2, :2])
    assert (before.scores[2] != late.scores[2]).all()
    noisy = round_robin(DILEMMA, few, noise=0.2)
    assert (noisy.scores[:2, :2] != before.scores[:2, :2]).all()
    other = round_robin(scenarios.prisoners_dilemma(temptation=4.0, horizon=200), few)
    assert other.scores[0, 1] != before.scores[0, 1]  # 4 where it was 5


@pytest.mark.slow
def test_other_numbers_are_not_compiled_anew():
    def mild(p):
        return {"a": minds.MemoryOne(1, 1, p, 1, 0), "b": minds.MemoryOne(1, p, 0, 1, 0)}

    found = [round_robin(DILEMMA, mild(0.25))]
    compiled = play._cache_size()  # type: ignore[attr-defined]
    found.append(round_robin(DILEMMA, mild(0.75)))
    assert play._cache_size() == compiled and (found[0].scores != found[1].scores).any()  # type: ignore
    round_robin(DILEMMA, mild(0.75), repetitions=11)
    assert play._cache_size() > compiled  # type: ignore[attr-defined]


class Late(cw.Mind):
    """Cooperates for five rounds, then by chance."""

    def init(self, seat, key):
        return jnp.float32(0.0)

    def act(self, memory, sight, channels, key):
        p = jnp.where(memory < 5.0, 1.0, 0.5)
        return memory + 1.0, {"act": cw.Odds(jnp.stack([p, 1.0 - p]))}


@pytest.mark.slow
def test_any_game_of_two_and_any_mind_may_play():
    claims = scenarios.travelers_dilemma(horizon=10)  # 5, 4, 3, 2; the lower claim, give or take 2
    some = {"high": minds.Constant(act=0), "low": minds.Constant(act=3), "any": minds.Random()}
    found = round_robin(claims, some, 300)
    assert found.scores[:2, :2] == pytest.approx(np.array([[5.0, 0.0], [4.0, 2.0]]))
    wanted = np.mean([5.0, 2.0, 1.0, 0.0])
    assert abs(found.scores[0, 2] - wanted) < 4 * found.error[0, 2]
    assert found.cooperation[0].tolist() == [1.0, 1.0, 1.0]
    assert abs(found.cooperation[2, 2] - 0.5) < 0.03


@pytest.mark.slow
def test_both_seats_count_where_they_differ():
    stage = scenarios.battle_of_the_sexes(horizon=4)
    some = {"opera": minds.Constant(act=0), "boxing": minds.Constant(act=1)}
    found = round_robin(stage, some)
    assert found.scores == pytest.approx(np.array([[2.5, 0.0], [0.0, 2.5]]))  # 3 in one seat, 2 in the other
    late = round_robin(scenarios.prisoners_dilemma(horizon=25), {"late": Late()}, 200)
    assert late.error[0, 0] > 0.0  # its first rounds look sure, and its luck was found all the same
    assert abs(late.scores[0, 0] - (5 * 3.0 + 20 * 2.25) / 25) < 4 * late.error[0, 0]


def test_refusals():
    tft = {"TFT": minds.tit_for_tat()}
    with pytest.raises(
        ValueError, match=r"round_robin\(\) came with PublicGoods for 4 agents; wanted a matrix"
    ):
        round_robin(scenarios.PublicGoods(n_agents=4), tft)
    with pytest.raises(ValueError, match=r"0 minds; wanted one mind or more"):
        round_robin(DILEMMA, {})
    for wrong in (
        {"repetitions": 0},
        {"repetitions": 2.5},
        {"noise": 7},
        {"noise": np.nan},
        {"seed": -1},
        {"seed": 1.5},
    ):
        with pytest.raises((TypeError, ValueError), match=rf"got {next(iter(wrong))}=.*try round_robin\("):
            round_robin(DILEMMA, tft, **wrong)
    with pytest.raises(ValueError, match=r"'new' has yet to learn; wanted what it learned"):
        round_robin(DILEMMA, {"new": minds.Learner()})
    with pytest.raises(ValueError, match="MemoryOne: got start=nan, expected a number in"):
        minds.MemoryOne(np.nan, 1, 1, 1, 1)
    with pytest.raises(ValueError, match=r"odds or an act that are none in a game of 2 acts"):
        round_robin(DILEMMA, {"wrong": minds.Constant(act=7)})
