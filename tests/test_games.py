"""Games against their payoffs, worked by hand: any matrix game, the public good, the naming game."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import minds, scenarios
from commonweal.measures import objective_alignment, satisfaction

PD = scenarios.prisoners_dilemma


def play(game, *acts, channel="act"):
    """The trace of one world in which every agent always acts alike."""
    return cw.run(cw.Society(game, [minds.Constant(**{channel: a}) for a in acts]), 1)


# --- matrix games


@pytest.mark.parametrize(("acts", "share"), [((0, 0), 1.0), ((1, 1), 0.0), ((0, 1), 0.75), ((1, 0), 0.75)])
def test_alignment_in_the_prisoners_dilemma(acts, share):
    trace = play(PD(), *acts)
    assert objective_alignment(trace) == pytest.approx([share])
    assert trace.events["cooperated"][0, 0].tolist() == [1 - a for a in acts]
    assert trace.events["excess"][0, 0].tolist() == list(acts)


def test_what_a_player_may_expect_is_its_own_range():
    assert play(PD(), 0, 1).net.sum(axis=1).tolist() == [[0, 50]]
    assert satisfaction(play(PD(), 0, 1)).tolist() == [[0, 1]]
    trust = [(s.low, s.high) for s in scenarios.trust_game(horizon=2).card().stakeholders]
    assert trust == [(0, 20), (4, 40)]


EQUILIBRIA = [  # game, totals in its pure Nash equilibria, best total, W-
    (scenarios.prisoners_dilemma(), [2], 6, 2),
    (scenarios.donation_game(benefit=3, cost=1), [0], 4, 0),
    (scenarios.stag_hunt(), [10, 6], 10, 6),
    (scenarios.hawk_dove(prize=2, injury=4), [2, 2], 2, 1.0),
    (scenarios.chicken(), [5, 5], 6, 5),
    (scenarios.battle_of_the_sexes(), [5, 5], 5, 2.5),
    (scenarios.coordination(), [2, 2], 2, 1),
    (scenarios.harmony(), [6], 6, 3),
    (scenarios.deadlock(), [4], 4, 3),
    (scenarios.travelers_dilemma(), [4], 10, 4),
    (scenarios.trust_game(), [8], 20, 8),
    (scenarios.volunteers_dilemma(3), [5, 5, 5], 5, 3.75),
    (scenarios.matching_pennies(), [], 0, None),
]


@pytest.mark.parametrize(("game", "nash", "best", "worst"), EQUILIBRIA, ids=lambda x: getattr(x, "title", ""))
def test_classical_games_have_their_equilibria(game, nash, best, worst):
    assert sorted(game.totals()[1]) == sorted(nash)
    card = game.card()
    assert len(card.citation) > 8
    if worst is None:
        assert isinstance(card.oracle, cw.Unknown) and card.setting == "competitive"
        return
    oracle = card.oracle
    assert oracle.certificate == "exact"
    assert (oracle.best, oracle.worst) == pytest.approx((10 * best, 10 * worst))
    assert oracle.nash == pytest.approx(10 * min(nash))
    assert oracle.cooperative == pytest.approx(10 * game.totals()[0].flat[0])


def test_travelers_are_paid_the_lower_claim():
    pay = np.asarray(scenarios.travelers_dilemma(low=2, high=100).payoffs)
    assert pay[:, 0, 0].tolist() == [100, 100]  # claims of 100 each
    assert pay[:, 0, 1].tolist() == [97, 101]  # 100 against 99
    assert pay[:, -1, 0].tolist() == [4, 0]  # 2 against 100


@given(st.integers(2, 3), st.integers(2, 3), st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_any_tensor_pays_what_it_says_and_names_do_not_matter(n, m, seed):
    rng = np.random.default_rng(seed)
    pay = rng.integers(-5, 6, (n,) + (m,) * n).astype(np.float32)
    turn = rng.permutation(n)
    turned = pay[turn].transpose(0, *(1 + turn))  # agent i of this game was agent turn[i] of that
    games = [
        scenarios.MatrixGame(x, tuple("abc"[:m]), horizon=1) for x in (pay, np.ascontiguousarray(turned))
    ]
    act = rng.integers(0, m, n)
    paid = [
        np.asarray(g.step(g.init(None), {"act": jnp.asarray(a, jnp.int32)}, None)[1].pay)
        for g, a in zip(games, (act, act[turn]), strict=True)
    ]
    assert paid[0].tolist() == [pay[(i, *act)] for i in range(n)]
    assert paid[1].tolist() == paid[0][turn].tolist()
    (total, nash), (other, same) = (g.totals() for g in games)
    assert sorted(nash) == sorted(same) and total.max() == other.max()
    better = [[pay[(i, *a)] < pay[(i, *a[:i], b, *a[i + 1 :])] for i in range(n) for b in range(m)]
              for a in itertools.product(range(m), repeat=n)]  # fmt: skip
    assert len(nash) == sum(not any(row) for row in better)


def test_a_player_is_told_what_it_sees():
    game = PD(horizon=3)
    state = game.init(None)
    assert "first round" in game.tell(jax.tree.map(lambda x: x[0], game.observe(state)))
    assert not np.any([game.observe(state)[f] for f in ("started", "did", "share")])
    state, _ = game.step(state, {"act": jnp.array([0, 1])}, None)
    sight = game.observe(state)
    seen = {f: np.asarray(sight[f]).tolist() for f in ("own", "other", "did", "share", "paid")}
    assert seen == {"own": [0, 1], "other": [1, 0], "did": [1, 0], "share": [0, 1], "paid": [[0, 5], [5, 0]]}
    told = game.tell(jax.tree.map(lambda x: x[0], sight))
    assert told == "Last round you played cooperate for 0 points; the others, in order: defect, 5 points."
    assert "- cooperate, defect: 0, 5" in game.brief(0)


def test_the_others_come_in_the_order_of_the_seats_after_mine():
    game = scenarios.volunteers_dilemma(3)
    state, _ = game.step(game.init(None), {"act": jnp.array([0, 1, 1])}, None)
    sight = game.observe(state)
    assert sight["others"].tolist() == [[1, 1], [1, 0], [0, 1]]
    assert sight["share"].tolist() == [0, 0.5, 0.5]
    assert sight["paid"].tolist() == [[1, 2, 2], [2, 2, 1], [2, 1, 2]]


def test_payoffs_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 2, 3\) and 2 acts; wanted"):
        scenarios.MatrixGame(np.zeros((2, 2, 3)))


def test_silence_is_not_cooperation():
    for game in (PD(), scenarios.PublicGoods(binary=True)):
        (channel,) = game.channels().values()
        assert channel.options[int(channel.silence)] in ("defect", "free ride")


# --- the public good


def test_the_public_good_by_hand():
    game = scenarios.PublicGoods(horizon=1)
    assert play(game, *[0.0] * 4, channel="give").net.sum(axis=1).tolist() == [[20] * 4]
    assert play(game, *[20.0] * 4, channel="give").net.sum(axis=1).tolist() == [[32] * 4]
    assert play(game, 20.0, 0, 0, 0, channel="give").net.sum(axis=1).tolist() == [[8, 28, 28, 28]]
    oracle = game.card().oracle
    assert (oracle.best, oracle.worst, oracle.nash, oracle.cooperative) == pytest.approx((128, 80, 80, 128))
    assert [(s.low, s.high) for s in game.card().stakeholders] == [pytest.approx((8, 44))] * 4


@given(st.lists(st.booleans(), min_size=4, max_size=4))
@settings(max_examples=10, deadline=None)
def test_all_or_nothing_is_the_same_game(gives):
    amounts, choices = scenarios.PublicGoods(), scenarios.PublicGoods(binary=True)
    give = np.array(gives)
    acts = [{"give": jnp.asarray(20.0 * give, jnp.float32)}, {"give": jnp.asarray(~give, jnp.int32)}]
    both = [g.step(g.init(None), a, None) for g, a in zip((amounts, choices), acts, strict=True)]
    assert both[0][1].pay.tolist() == both[1][1].pay.tolist()
    assert both[0][1].events["excess"].tolist() == both[1][1].events["excess"].tolist()
    sights = [g.observe(s) for g, (s, _) in zip((amounts, choices), both, strict=True)]
    rows = [jax.tree.map(lambda x: x[1], s) for s in sights]
    assert amounts.tell(rows[0]) == choices.tell(rows[1])


def test_giving_pays_when_the_return_is_above_one():
    assert scenarios.PublicGoods(multiplier=5.0).card().oracle.nash == pytest.approx(4000)
    assert scenarios.PublicGoods(multiplier=0.5).card().oracle.best == pytest.approx(800)
    assert isinstance(scenarios.PublicGoods(multiplier=1.0).card().oracle, cw.Unknown)


# --- the naming game


def test_a_town_of_one_mind_agrees_at_once():
    trace = play(scenarios.NamingGame(n_agents=6, horizon=100), *[1.0] * 6, channel="name")
    assert trace.alive.sum() == 72 and trace.objective.sum() == 0
    assert objective_alignment(trace) == pytest.approx([1.0])
    assert trace.net.sum() == 72 * 200
    assert ((trace.net[0, :72] == 100).sum(axis=1) == 2).all()


@pytest.mark.slow
def test_only_those_who_meet_speak_are_paid_and_remember():
    game = scenarios.NamingGame(n_agents=5, horizon=60, stop=99)
    trace = play(game, 1.0, 1.0, 1.0, 2.0, 2.0, channel="name")
    met, named = trace.act["name"][0] > 0, trace.events["named"][0]
    assert (met.sum(axis=1) == 2).all() and ((named > 0) == met).all()
    agreed = np.array([len(set(row[row > 0])) == 1 for row in named])
    assert (trace.net[0] == np.where(met, np.where(agreed, 100, -50)[:, None], 0)).all()
    assert (trace.objective[0] == agreed - 1.0).all()


def test_meetings_are_even_and_memory_is_five_long():
    game = scenarios.NamingGame(n_agents=4, horizon=12, stop=99)
    states = jax.vmap(game.init)(jax.random.split(jax.random.key(0), 6000))
    pairs = np.bincount(np.asarray(states.drawn @ jnp.array([4, 1])), minlength=16).reshape(4, 4)
    assert (np.diag(pairs) == 0).all()
    assert pairs[~np.eye(4, dtype=bool)] == pytest.approx(np.full(12, 500), abs=100)  # 4.7 SD

    state, past, step = game.init(jax.random.key(0)), {i: [] for i in range(4)}, eqx.filter_jit(game.step)
    for t in range(40):
        a, b = np.asarray(state.drawn)
        name = np.random.default_rng(t).integers(1, 3, 4)
        past[a].append((name[a], name[b]))
        past[b].append((name[b], name[a]))
        state, _ = step(state, {"name": jnp.asarray(name, jnp.int32)}, jax.random.key(t))
    sight = game.observe(state)
    for i, meetings in past.items():
        said, heard = zip(*meetings[-5:], strict=True)
        assert sight["said"][i].tolist() == list(said) and sight["heard"][i].tolist() == list(heard)
        assert sight["said_first"][i] == said.count(1) and sight["heard_before"][i] == heard[-2]
    a = int(state.drawn[0])
    row = jax.tree.map(lambda x: np.asarray(x)[a], sight)
    score = sum(100 if i == j else -50 for i, j in past[a][-5:])
    assert game.tell(row).endswith(f"Together: {score} points.")
    assert game.tell(row).count("you said") == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    "game",
    [
        scenarios.prisoners_dilemma(horizon=3),
        scenarios.volunteers_dilemma(3, horizon=3),
        scenarios.travelers_dilemma(horizon=3),
        scenarios.PublicGoods(horizon=3),
        scenarios.PublicGoods(horizon=3, binary=True),
        scenarios.NamingGame(n_agents=4, horizon=6),
    ],
    ids=lambda game: type(game).__name__,
)
def test_games_obey_the_laws(game):
    cw.check(game)
