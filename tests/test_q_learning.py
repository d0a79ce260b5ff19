"""Q-learning by hand: one update, ties, schedules, moral rewards, histories, legal acts, frozen tables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.calibration import calvano, tennant
from commonweal.calibration.target import judge
from commonweal.minds import ByTable, Constant, QLearner, Seen
from commonweal.minds.q_learning import Duty, Everyone, Exponential, Felt, Linear, Sessions, Steady, Virtue
from commonweal.minds.q_learning.luck import below, uniform
from commonweal.minds.q_learning.mind import learn, pick
from commonweal.scenarios import MatrixGame
from commonweal.scenarios.market import Bertrand
from commonweal.scenarios.matrix_game import prisoners_dilemma
from commonweal.studies import collusion

GAME = prisoners_dilemma(horizon=6)
GREEDY = Steady(0.0)


def words(u, v):
    """The two words of a key that would draw the uniform u and the fraction v of all acts."""
    return jnp.array([int(u * 2**32), int(v * 2**32)], jnp.uint32)


def played(mind, *facts):
    """The memories and acts of a mind that is shown one row of facts after another."""
    mind = mind.prepare(cw.under(GAME), 0, jax.random.key(0))
    memory, found = mind.init(jnp.int32(0), jax.random.key(1)), []
    for t, (own, other, felt) in enumerate(facts):
        sight = cw.Sight({"own": jnp.int32(own), "others": jnp.array([other]), "felt": jnp.float32(felt)})
        memory, acts = mind.act(memory, sight, GAME.channels(), jax.random.fold_in(jax.random.key(2), t))
        found.append((memory, int(acts["act"])))
    return found


@pytest.mark.slow
def test_one_update_by_hand():
    table = jnp.array([[0.0, 2.0], [0.0, 0.0], [5.0, 3.0], [1.0, 4.0]])
    mind = QLearner(0.5, 0.9, GREEDY, table)
    (_, first), (memory, second) = played(mind, (0, 0, 0.0), (1, 0, 7.0))
    assert (first, second) == (1, 0)  # in state 0 (own 0, other 0), then in state 2 (own 1, other 0)
    assert memory.q[0, 1] == 2.0 + 0.5 * (7.0 + 0.9 * 5.0 - 2.0)
    assert np.array_equal(np.delete(memory.q, 1), np.delete(table, 1))  # nothing else has changed
    assert float(learn(2.0, 0.5, 7.0, 0.9, 5.0)) == 6.75


def test_a_rate_of_zero_learns_nothing():
    (_, _), (memory, _) = played(QLearner(0.0, 0.9, GREEDY, 1.0), (0, 0, 0.0), (1, 0, 7.0))
    assert (memory.q == 1.0).all()


def test_ties_and_luck():
    row, blank = jnp.array([1.0, 3.0, 3.0]), jnp.zeros(3)
    assert pick(row, 0.25, words(0.3, 0.99), "first") == 1  # the first of the best
    assert pick(row, 0.25, words(0.2, 0.99), "first") == 2  # explores, the last third of word 1
    assert pick(blank, 0.0, words(0.3, 0.99), "first") == 0
    assert pick(blank, 0.0, words(0.3, 0.99), "random") == 2
    assert pick(jnp.array([-jnp.inf, 3.0, 4.0]), 1.0, words(0.3, 0.1), "first") == 1  # among the legal
    assert uniform(jnp.uint32(2**32 - 1)) < 1.0


@pytest.mark.parametrize("n", [2, 15, 225, 50_625])
def test_a_number_below(n):
    some = jax.random.bits(jax.random.key(0), (1000,), jnp.uint32)
    assert np.array_equal(below(some, n), (np.asarray(some, np.uint64) * n) >> 32)


def test_schedules():
    t = jnp.array([0, 5_000, 10_000, 20_000])
    assert np.asarray(Linear(10_000.0).odds(t)) == pytest.approx([1.0, 0.5, 0.0, 0.0])
    assert np.asarray(Exponential(1e-4).odds(t)) == pytest.approx(np.exp([0, -0.5, -1, -2]), rel=1e-6)
    assert np.asarray(Steady(0.2).odds(t)) == pytest.approx([0.2] * 4)


@pytest.mark.parametrize(
    ("reward", "felt"),
    # own act and the other's act, own and other's pay, the other's act before: 1 after C, 1 after D
    [(Felt(), (4, 4)), (Everyone(), (5, 5)), (Duty(), (-5, 0)), (Virtue(), (0.4, 0.4))],
    ids=lambda x: type(x).__name__,
)
def test_rewards_of_a_defection_against_a_cooperator(reward, felt):
    sight = cw.Sight(
        {"own": jnp.int32(1), "others": jnp.array([0]), "paid": jnp.array([4.0, 1.0]), "felt": jnp.float32(4)}
    )
    found = [float(reward.feel(sight, jnp.array([0, before]))) for before in (0, 1)]
    assert found == pytest.approx(felt)


def test_kindness_and_the_mixture():
    sight = cw.Sight({"own": jnp.int32(0), "paid": jnp.array([3.0, 3.0])})
    assert float(Virtue(0.0, 5.0).feel(sight, jnp.zeros(2, int))) == 5.0
    assert float(Virtue(0.5, 0.5).feel(sight, jnp.zeros(2, int))) == 1.0


def test_nothing_for_either_is_equal():
    sight = cw.Sight({"own": jnp.int32(1), "paid": jnp.zeros(2)})
    assert float(Virtue().feel(sight, jnp.zeros(2, int))) == 1.0


def test_states_of_several_rounds():
    seen = Seen(("own", "others"), (2, 3), rounds=2)
    sight = cw.Sight({"own": jnp.int32(1), "others": jnp.array([2])})
    state, past = seen.code(sight, jnp.array([4]))
    assert seen.states == 36 and (int(state), past.tolist()) == (5 + 6 * 4, [5])
    assert seen.numbers(state).tolist() == [1, 2]
    assert Seen((), (), rounds=0).states == 1


@pytest.mark.slow
def test_longer_memory_learns_a_longer_game():
    """The other plays C, D, C, D: with the round before last in sight the learner answers each."""
    prize = [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]  # a point for doing as the other does
    game = MatrixGame(prize, horizon=600)
    turns = cw.minds.alternator()
    for rounds, least in ((2, 0.9), (0, 0.0)):
        mind = QLearner(0.2, 0.0, Linear(300.0), seen=Seen(("others",), rounds=rounds))
        trace = cw.run(cw.Society(game, [mind, turns]), 8)
        late = trace.net[:, 450:, 0].mean()
        assert late > least
        assert rounds > 0 or late < 0.7  # blind, it cannot do well: the planted fault


@pytest.mark.slow
def test_only_legal_acts():
    quota = cw.institutions.ProtectedQuota("act", most=0.0)
    society = cw.Society(cw.under(GAME, quota), QLearner(values=jnp.array([0.0, 9.0])))
    legal = np.asarray(society.scenario.observe(society.scenario.init(jax.random.key(0))).legal["act"])
    acts = cw.run(society, 4).intent["act"]
    assert legal[np.arange(2), acts].all()


@pytest.mark.slow
def test_a_table_is_played():
    tit_for_tat = ByTable([0, 1, 0, 1])  # own act first: answers the other's
    trace = cw.run(cw.Society(GAME, [tit_for_tat, cw.minds.alternator()]), 1)
    other = trace.act["act"][0, :, 1]
    assert trace.act["act"][0, :, 0].tolist() == [0, *other[:-1]]


def test_it_learns_to_defect():
    mind = QLearner(0.2, 0.0, Linear(200.0))
    trace = cw.run(cw.Society(prisoners_dilemma(horizon=400), mind), 16)
    assert trace.events["cooperated"][:, 300:].mean() < 0.1  # a few never tried again
    assert trace.events["cooperated"][:, :50].mean() > 0.3


def test_faults_are_explained():
    with pytest.raises(ValueError, match=r"wanted a channel with options.*\['act'\]"):
        cw.run(cw.Society(GAME, QLearner(channel="price")), 1)
    with pytest.raises(ValueError, match="wanted one size a number"):
        cw.run(cw.Society(GAME, QLearner(seen=Seen(sizes=(2,)))), 1)
    with pytest.raises(ValueError, match="wanted one act a state"):
        cw.run(cw.Society(GAME, [ByTable([0, 1]), Constant(act=0)]), 1)


@pytest.mark.slow
@pytest.mark.parametrize("mind", [QLearner(), ByTable([0, 1, 0, 1])], ids=lambda m: type(m).__name__)
def test_they_obey_the_laws(mind):
    cw.check(mind, prisoners_dilemma(horizon=3))


@pytest.mark.slow
def test_exact_calibrations():
    assert judge(calvano.EXACT).passed
    assert judge(tennant.EXACT).passed


@pytest.mark.slow
def test_a_cut_is_answered():
    """Strategies by hand: match the rival's last price; one cut is followed for ever, by both in turn."""
    match = np.tile(np.arange(15), 15)
    tables, none = np.zeros((2, 2, 225, 15), np.float32), np.zeros(2, int)
    acts = np.full((2, 2), 12)
    found = Sessions(tables, np.tile(match, (2, 2, 1)), none, none == 0, acts, None, "by hand")
    response = calvano.deviate(found)
    grid = np.asarray(Bertrand().grid)[0]
    cut = int(calvano.pay_table(Bertrand())[0][:, 12].argmax())
    assert np.allclose(response.calm, grid[12])
    assert np.allclose(response.price[:, :4, 0], grid[[cut, 12, cut, 12]])
    assert np.allclose(response.price[:, :4, 1], grid[[12, cut, 12, cut]])
    assert collusion.path(response, 4)["rival"].to_list() == response.price[0, :4, 1].round(3).tolist()


@pytest.mark.slow
def test_the_learned_punishment():
    response = collusion.undercut()
    drop = response.calm[:, 1, 1] - response.price[:, 1, 1]
    assert drop.mean() > 0.1 and abs(response.calm[:, 40] - response.price[:, 40]).mean() < 0.1
    assert "Delta 0.8" in collusion.show() or "Delta 0.7" in collusion.show()
