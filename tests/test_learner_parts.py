"""Parts of a learner, by hand: advantages, alignment, likelihoods, norms, tables, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import MLP, PPO, Constant, Learner, Linear, Reinforce, Table
from commonweal.minds.learner import heads, train
from commonweal.minds.learner.heads import answer, score
from commonweal.minds.learner.methods import Lesson, standard
from commonweal.minds.learner.networks import Eyes, Seen, inputs, measure_norm, open_eyes
from commonweal.scenarios import Commons
from commonweal.scenarios.matrix_game import prisoners_dilemma

TWO = Eyes((), (), (("act", 2, 2), ("take", 0, 0)), 0)


def column(*x):
    """One learner, one world: [T, 1, 1]."""
    return jnp.array(x)[:, None, None]


def test_generalized_advantages_by_hand():
    # r = 1, 2, 3; V = 1, 1, 2; discount 1/2, trace 1/2. Surprises: 1+.5-1 = .5; 2+1-1 = 2; 3-2 = 1.
    # Advantages from the end: 1; 2 + .25*1 = 2.25; .5 + .25*2.25 = 1.0625. Targets add V.
    method = PPO(discount=0.5, trace=0.5)
    on = column(True, True, True)
    advantage, target = method.judge(column(1.0, 2.0, 3.0), on, column(1.0, 1.0, 2.0))
    assert advantage.ravel().tolist() == [1.0625, 2.25, 1.0]
    assert target.ravel().tolist() == [2.0625, 3.25, 3.0]
    # A world that ended after the second tick has no value left there: 2 - 1 = 1; .5 + .25*1 = .75.
    ended, _ = method.judge(column(1.0, 2.0, 0.0), column(True, True, False), column(1.0, 1.0, 2.0))
    assert ended.ravel().tolist() == [0.75, 1.0, 0.0]


def test_aligned_advantages_by_hand():
    # A1 = 1, 2, 3 and A2 = 10, 20, 30, discount 1/2, beta 2. Sums of the past, sum_{k<t} d^{t-k} A1_k:
    # 0; .5*1 = .5; .25*1 + .5*2 = 1.25. A* = 1; 2 + 2*.5*.5*20 = 12; 3 + 2*.5*1.25*30 = 40.5.
    method = PPO(beta=2.0, discount=0.5)
    mine, their = column(1.0, 2.0, 3.0), column(10.0, 20.0, 30.0)
    assert method.align(mine, their).ravel().tolist() == [1.0, 12.0, 40.5]
    assert PPO(beta=0.0).align(mine, their).ravel().tolist() == [1.0, 2.0, 3.0]


def test_reinforce_subtracts_the_mean_return_to_go_of_the_worlds_still_played():
    reward = jnp.array([[1.0, 3.0], [2.0, 0.0]])[:, None]  # two ticks, two worlds; the second ends early
    on = jnp.array([[True, True], [True, False]])[:, None]
    advantage, _ = Reinforce().judge(reward, on, jnp.zeros_like(reward))
    assert advantage[:, 0].tolist() == [[0.0, 0.0], [0.0, -2.0]]  # to go: 3, 3; 2 and none
    scaled = standard(advantage + column(1.0, 5.0), on)
    assert scaled[1, 0, 1] == 0.0 and np.isclose(np.square(scaled).sum() / 3, 1.0)


def test_a_clipped_step_has_no_slope():
    one = jnp.ones((1, 1, 1))
    for ratio, moves in [(1.0, True), (1.3, False), (0.7, True)]:  # a good act, already much likelier
        lesson = Lesson(one.astype(bool), -jnp.log(ratio) * one, one, one)
        slope = jax.grad(lambda x, e=lesson: PPO(clip=0.2).loss(e, x * one, one, one))(0.0)  # noqa: B023
        assert (slope != 0.0) == moves


def test_likelihoods_are_those_of_the_odds_that_were_stated():
    out = jnp.array([0.3, -0.7, 0.2, -0.5])
    legal = {"act": jnp.array([True, True]), "take": jnp.float32(10.0)}
    acts = answer(TWO, out, legal, jax.random.key(0))
    z = np.log(acts["take"] / (10.0 - acts["take"]))
    for i in range(2):
        likely, entropy = score(TWO, out, legal, {"act": jnp.int32(i), "take": acts["take"]}, None)
        normal = -0.5 * ((z - 0.2) / np.exp(-0.5)) ** 2 + 0.5
        assert np.isclose(likely, np.log(acts["act"].p[i]) + normal, atol=1e-4)
    p = np.asarray(acts["act"].p)
    slope = np.log(1 / (1 + np.exp(-0.2)) / (1 + np.exp(0.2)))
    assert np.isclose(entropy, -(p * np.log(p)).sum() - 0.5 + slope, atol=1e-5)


def test_a_lapse_is_part_of_the_likelihood():
    out, legal = jnp.array([2.0, 0.0, 0.0, 0.0]), {"act": jnp.ones(2, bool), "take": jnp.float32(0.0)}
    act = {"act": jnp.int32(1), "take": jnp.float32(0.0)}
    p = 1.0 / (1.0 + np.exp(2.0))
    assert np.isclose(score(TWO, out, legal, act, jnp.float32(0.0))[0], np.log(p))
    assert np.isclose(score(TWO, out, legal, act, jnp.float32(0.4))[0], np.log(0.6 * p + 0.4 * 0.5))


@pytest.mark.slow
def test_many_options_are_as_likely_as_few(monkeypatch):
    eyes, out = Eyes((), (), (("act", 3, 4),), 0), jnp.array([0.3, -0.7, 0.2])
    legal, act = {"act": jnp.array([True, False, True, True])}, {"act": jnp.int32(2)}

    def both(x):
        return jnp.stack(score(eyes, x, legal, act, jnp.float32(0.2)))

    few = both(out), jax.jacobian(both)(out), answer(eyes, out, legal, jax.random.key(0))["act"].p
    monkeypatch.setattr(heads, "UNROLLED", 2)
    many = both(out), jax.jacobian(both)(out), answer(eyes, out, legal, jax.random.key(0))["act"].p
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(few, many, strict=True))
    e = np.exp([0.3, 0.2])
    assert np.isclose(few[0][0], np.log(0.8 * e[1] / e.sum() + 0.2 / 3)) and few[2][3] == 0.0


@pytest.mark.slow
def test_a_slope_is_the_same_a_few_ticks_at_a_time(monkeypatch):
    game = prisoners_dilemma(horizon=6)

    def taught():
        learner = Learner(PPO(minibatches=2), MLP(4, 1), updates=3, worlds=8, checkpoint_every=3)
        return np.asarray(cw.Society(game, learner).prepare().minds[0].params["actor"])

    whole = taught()
    monkeypatch.setattr(train, "MANY", 8)  # two ticks of four worlds
    jax.clear_caches()
    assert np.allclose(taught(), whole, atol=1e-5) and not (whole == 0.0).all()


def test_all_lapse_has_a_slope_of_nothing_where_an_option_is_forbidden():
    eyes = Eyes((), (), (("act", 3, 3),), 0)
    legal, act = {"act": jnp.array([True, True, False])}, {"act": jnp.int32(0)}
    slope = jax.grad(lambda x: score(eyes, x, legal, act, jnp.float32(1.0))[0])(jnp.arange(3.0))
    assert np.allclose(slope, 0.0, atol=1e-5)


def test_a_channel_without_a_choice_adds_nothing_and_has_no_slope():
    legal = {"act": jnp.array([False, True]), "take": jnp.float32(0.0)}
    act = {"act": jnp.int32(1), "take": jnp.float32(0.0)}
    for part in (0, 1):
        one = jax.value_and_grad(lambda x, i=part: score(TWO, x, legal, act, None)[i])
        value, slope = one(jnp.arange(4.0))
        assert value == 0.0 and (slope == 0.0).all()
    assert answer(TWO, jnp.arange(4.0), legal, jax.random.key(0))["act"].p.tolist() == [0.0, 1.0]
    assert answer(TWO, jnp.arange(4.0), legal, jax.random.key(0))["take"] == 0.0


def test_inputs_are_normalized_by_what_was_played_and_codes_are_one_hot():
    seen = jnp.array([[1.0, 3.0, 99.0], [7.0, 7.0, 99.0], [0.0, 0.0, 99.0]])[
        :, :, None, None
    ]  # 3 facts, 3 ticks
    norm = measure_norm(seen, column(True, True, False))
    assert norm.shift.tolist() == [2.0, 7.0, 0.0] and np.allclose(norm.scale, [1.0, 0.7, 1.0])
    assert norm(Seen(jnp.array([4.0, 7.0, 500.0]), jnp.zeros(0, jnp.int8))).real.tolist() == [2.0, 0.0, 10.0]
    hot = inputs(Seen(jnp.array([0.5]), jnp.array([1, 9], jnp.int8)), 3)
    assert hot.tolist() == [0.5, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]


def test_a_table_counts_its_rows():
    table = Table({"a": 3, "b": (10.0, 20.0)})
    eyes = Eyes((("a", 1), ("b", 2)), (), (), 0)
    assert table.codes(eyes) == 3 * 3 * 3
    sight = cw.Sight({"a": jnp.int32(2), "b": jnp.array([15.0, 99.0]), "seat": jnp.int32(0)})
    assert table.see(sight, eyes).code.tolist() == [2 * 9 + 1 * 3 + 2]


def test_eyes_see_every_fact_but_the_last_payoff():
    eyes = open_eyes(cw.under(prisoners_dilemma()), None, True)
    assert [name for name, _ in eyes.facts] == ["did", "other", "others", "own", "paid", "share", "started"]
    assert eyes.channels == (("act", 2, 2),) and eyes.seats == 2
    coded = open_eyes(cw.under(prisoners_dilemma()), ("own", "did"), False, ("own",))
    assert coded.facts == (("did", 1),) and coded.codes == (("own", 1),)
    assert open_eyes(cw.under(prisoners_dilemma()), ("felt", "own"), False).facts == (("felt", 1), ("own", 1))


def learners(**other):
    return [Learner(updates=1, worlds=4), Learner(**({"updates": 1, "worlds": 4} | other))]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Learner(updates=0),
            r"got updates=0, expected .*; try Learner\(updates=200",
        ),
        (lambda: Learner(worlds=10), "got worlds=10, expected 4 equal minibatches; try Learner.worlds=64"),
        (lambda: PPO(critic="other"), "got critic='other', expected one of 'own', 'central'"),
        (lambda: MLP(depth=0, recurrent=True), "expected one layer or more below a recurrent one"),
        (lambda: cw.Society(prisoners_dilemma(), learners(network=Linear())).prepare(), "differ in network"),
        (lambda: cw.Society(prisoners_dilemma(), learners(updates=2)).prepare(), "differ in updates"),
        (lambda: cw.run(cw.Society(prisoners_dilemma(), Learner(facts=("x",)))), "fact 'x'; here are"),
        (
            lambda: cw.run(
                cw.Society(prisoners_dilemma(), [Learner(PPO(beta=1.0)), Constant(act=1)]),
            ),
            "wanted at least two learners",
        ),
        (
            lambda: cw.Society(
                prisoners_dilemma(), [Learner(share=True), Learner(share=True, seed=1)]
            ).prepare(),
            "share their parameters and differ in numbers",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_an_untrained_learner_does_not_act():
    with pytest.raises(TypeError, match="only once it is trained"):
        Learner().act((), cw.Sight({}), {}, jax.random.key(0))


@pytest.mark.slow
def test_a_trained_learner_is_seated_where_it_was_trained():
    learner = Learner(Reinforce(), Linear(), updates=1, worlds=2, checkpoint_every=1)
    taught = cw.Society(prisoners_dilemma(horizon=2), learner).prepare().minds[0]
    cw.check(taught, prisoners_dilemma(horizon=2))
    with pytest.raises(ValueError, match="trained where it saw"):
        cw.Society(Commons(n_agents=2), taught).prepare()


def test_learners_beside_speakers_are_refused():
    class Mute(cw.Speaker):
        async def ask(self, prompt):
            raise cw.NoAnswer

    with pytest.raises(ValueError, match="cannot train beside the speakers in seats"):
        cw.Society(prisoners_dilemma(), [Learner(), Mute()]).prepare()


@pytest.mark.parametrize("real", [0, 2])
def test_a_table_takes_every_code_and_real_number_that_it_sees(real):
    """As a network without units that sees the codes one-hot: a central critic sees all learners' codes."""
    codes, out, rng = 4, 3, np.random.default_rng(0)
    seen = Seen(
        jnp.asarray(rng.normal(size=(real, 5)), jnp.float32), jnp.asarray([[0, 1, 3, 2, 2], [3, 3, 0, 1, 2]])
    )
    layer = tuple(jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((out, real + 2 * codes), (out,)))
    found = Table({"a": codes})._enter(layer, seen, codes)
    np.testing.assert_allclose(found, Linear()._enter(layer, seen, codes), rtol=1e-5)
    other = Seen(seen.real, seen.code.at[1].set(0))
    assert not np.allclose(found, Table({"a": codes})._enter(layer, other, codes))
