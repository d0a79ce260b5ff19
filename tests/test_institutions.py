"""Each institution: its budget, its effect by a closed form, how it fails; and the laws of `under`."""

import dataclasses
import functools
from types import SimpleNamespace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import (
    Audit,
    Commitment,
    Contract,
    Incentive,
    PeerSanction,
    ProtectedQuota,
    PublicLedger,
    Redistribution,
    Subsidy,
    Suspension,
    Vote,
)
from commonweal.lab.commutator import commutator
from commonweal.minds.simple import Constant, Random
from commonweal.scenarios.commons import Commons
from commonweal.scenarios.matrix_game import MatrixGame
from commonweal.scenarios.public_goods import PublicGoods


@pytest.fixture(autouse=True, scope="module")
def quick_compiles():
    """Many small programs, each run once: compiling them well would be most of the time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


class Task(cw.Scenario):
    """Pay = talent * effort * (1 - crowd * total effort); effort is the offense; `guard` is a lever."""

    talent: jax.Array = cw.param()
    crowd: jax.Array = cw.param(0.0)
    horizon: int = cw.count(1)

    @property
    def n_agents(self):
        return self.talent.shape[0]

    def channels(self):
        guard = cw.Choice(("off", "on"), lever=True)
        return {"effort": cw.Amount(jnp.float32(2.0)), "guard": guard}

    def card(self):
        people, represents = cw.one_each([f"worker {i}" for i in range(self.n_agents)])
        unknown = cw.Unknown("made for a test")
        return cw.Card("Task", "a test", "mixed", "pay", people, represents, unknown)

    def init(self, key):
        return jnp.int32(0)

    def step(self, state, actions, key):
        effort = actions["effort"]
        pay = self.talent * effort * (1.0 - self.crowd * effort.sum())
        events = {"excess": effort, "cooperated": (effort == 0.0).astype(jnp.float32)}
        return state, cw.Outcome(pay=pay, events=events)

    def observe(self, state):
        return cw.Sight({"talent": self.talent})

    def brief(self, agent):
        return "Work."

    def tell(self, sight):
        return f"Your talent is {sight['talent']:g}."


@eqx.filter_jit
def _play(scenario, seeds, acts):
    def world(seed, acts):
        def tick(state, now):
            sight = scenario.observe(state)
            step = scenario.advance(state, now, jax.random.fold_in(jax.random.key(seed), state.t))
            return step.state, (step.book, step.act, step.outcome.events, sight)

        return jax.lax.scan(tick, scenario.init(jax.random.key(seed)), acts)[1]

    return jax.vmap(world)(seeds, acts)


def play(scenario, *laws, worlds=1, **acts):
    """What given acts bring, without minds. An act is [n], [ticks, n] or [batch, ticks, n].

    Returns book, act, events, sight and net, each [batch * worlds, ticks, n, ...]; every batch row is
    played in the same worlds, world after world.
    """
    society = cw.under(scenario, *laws)
    acts = {name: np.asarray(x, float) for name, x in acts.items()}
    acts = {name: x.reshape((1,) * (3 - x.ndim) + x.shape) for name, x in acts.items()}
    shape = np.broadcast_shapes(*(x.shape for x in acts.values()))
    full = {}
    for name, channel in society.channels().items():
        some = np.broadcast_to(acts.get(name, channel.silence), shape)
        full[name] = jnp.asarray(np.repeat(some, worlds, axis=0)).astype(channel.silence.dtype)
    seeds = jnp.tile(jnp.arange(worlds, dtype=jnp.uint32), shape[0])
    book, act, events, sight = jax.tree.map(np.asarray, _play(society, seeds, full))
    net = sum(book[name] for name in sorted(book))
    return SimpleNamespace(book=book, act=act, events=events, sight=sight, net=net)


RETURN = 0.4  # marginal return of the public good: 1.6 / 4
GOOD = PublicGoods(n_agents=4, horizon=2, endowment=1.0, multiplier=1.6)


def gain(*laws, others=(0.0, 0.0, 0.0), good=GOOD, worlds=1, **acts):
    """What agent 0 gains by contributing 1 instead of 0, in expectation, while the others give `others`."""
    give = [[[x, *others]] for x in (1.0, 0.0)]
    net = play(good, *laws, worlds=worlds, give=give, **acts).net[:, 0, 0].reshape(2, worlds).mean(1)
    return net[0] - net[1]


# ------------------------------------------------------------------- every institution, both engines

COMMONS = Commons(n_agents=4, horizon=3, assignment="proportional")
EVERY = [
    Incentive("competitive"),
    Subsidy("catch", 2.0),
    PublicLedger("excess", delay=2, decay=0.5),
    Audit(0.5, fine=1.0, immune=1),
    Suspension("take", 0.5, ticks=2),
    PeerSanction(),
    Contract(theta=1.0, quorum=2),
    Redistribution(0.5),
    Vote({"low": {"take": (0, 5)}, "high": {"take": (5, 50)}}, "borda", delegate=[1.0, 0.0]),
    Commitment(leaders=(1, 2)),
    ProtectedQuota("take", least=1.0, most=12.0),
]


@functools.cache
def random_play(*at, engine="graph"):
    laws = [EVERY[i] for i in at]
    return cw.run(cw.Society(cw.under(COMMONS, *laws), Random()), 4, engine=engine)


def same(a, b, exact=False, leaving=()):
    """Whether two traces have equal columns; integers exactly, floats to rounding unless `exact`."""
    for name in ("intent", "act", "book", "events", "utility", "objective", "harm", "alive"):
        one, other = getattr(a, name), getattr(b, name)
        if isinstance(one, dict):
            assert set(one) - set(leaving) == set(other) - set(leaving)
            pairs = [(one[k], other[k]) for k in one if k not in leaving]
        else:
            pairs = [(one, other)]
        for x, y in pairs:
            if exact or not np.issubdtype(x.dtype, np.floating):
                np.testing.assert_array_equal(x, y, err_msg=name)
            else:
                np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("at", range(len(EVERY)), ids=[law.name for law in EVERY])
def test_it_keeps_its_budget_and_runs_alike_in_both_engines(at):
    law, trace = EVERY[at], random_play(at)
    same(trace, random_play(at, engine="async"))
    total = trace.book.get(law.name, np.zeros((1, 1, 1))).sum(axis=-1)
    if law.budget == "balanced":
        np.testing.assert_allclose(total, 0.0, atol=1e-4)
    else:
        assert (total <= 0.0).all() if law.budget == "burning" else (total >= 0.0).all()
        assert np.abs(total).max() > 0.0


@pytest.mark.parametrize("law", EVERY, ids=lambda law: law.name)
def test_it_tells_its_rule_and_news_unless_it_is_not_told(law):
    told, silent = cw.under(COMMONS, law), cw.under(COMMONS, dataclasses.replace(law, told=False))
    sights = jax.eval_shape(lambda key: told.observe(told.init(key)), jax.random.key(0))
    row = jax.tree.map(lambda x: np.ones(x.shape[1:], x.dtype), sights)
    assert law.brief(0) and law.brief(0) in told.brief(0) and law.brief(0) not in silent.brief(0)
    wordless = Incentive | Subsidy | Redistribution | ProtectedQuota | Commitment  # the rule says it all
    quiet = isinstance(law, wordless)
    assert bool(law.tell(row)) != quiet and law.tell(row) in told.tell(row)
    if not isinstance(law, Commitment):  # a move order shows the acts as facts, told or not
        assert silent.tell(row) == COMMONS.tell(row)


@pytest.mark.slow
def test_seven_institutions_stack_and_run_alike_in_both_engines():
    at = [
        i for i, law in enumerate(EVERY) if not isinstance(law, Subsidy | Incentive | Vote | ProtectedQuota)
    ]
    assert len(at) == 7
    trace = random_play(*at)
    same(trace, random_play(*at, engine="async"))
    assert set(trace.book) == {"pay"} | {EVERY[i].name for i in at} - {"commitment"}


# --------------------------------------------------------------------------------- one by one


def test_incentive_is_one_switch_over_three_settings():
    share = 1.0 - 1.0 / 4.0
    for setting, s in (("collaborative", -1.0), ("cooperative", 0.0), ("competitive", 1.0)):
        assert gain(Incentive(setting)) == pytest.approx(RETURN - 1.0 - s * share, abs=1e-5)
    assert gain(Incentive("competitive", spread=2.0)) == pytest.approx(RETURN - 1.0 - 2.0 * share, abs=1e-5)


def test_incentive_fails_competition_makes_defection_dominant_and_pooling_pays_the_idle():
    harmony = eqx.tree_at(lambda g: g.multiplier, GOOD, jnp.float32(4.8))  # contributing pays its giver 1.2
    assert gain(Incentive("cooperative"), good=harmony) > 0.0
    for others in ([0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]):
        assert gain(Incentive("competitive"), good=harmony, others=others) < 0.0
    pooled = play(GOOD, Incentive("collaborative"), give=[1.0, 0.0, 1.0, 1.0]).net[0, 0]
    np.testing.assert_allclose(pooled, pooled[0], atol=1e-6)
    with pytest.raises(ValueError, match="setting='rival', expected one of"):
        Incentive("rival")


def test_subsidy_works_from_its_threshold_and_below_it_mints_for_nothing():
    assert gain(Subsidy("cooperated", 0.61)) > 0.0 > gain(Subsidy("cooperated", 0.59))
    fund = play(GOOD, Subsidy("cooperated", 0.59), give=[1.0, 0.0, 0.0, 0.0])
    assert fund.book["subsidy"].sum() == pytest.approx(0.59) and fund.net[0, 0, 0] < fund.net[0, 0, 1]
    assert (Subsidy("cooperated", 1.0).budget, Subsidy("excess", -1.0).budget) == ("minting", "free")
    assert gain(Subsidy("excess", -0.6)) == pytest.approx(0.0, abs=1e-6)  # the same threshold as a tax


def test_ledger_publishes_verified_acts_late_and_faded_and_moves_nothing():
    take = np.array([[30.0, 2.0, 2.0, 2.0], [2.0, 20.0, 2.0, 2.0], [2.0] * 4, [2.0] * 4])
    seen = play(COMMONS, PublicLedger("want", delay=2, decay=0.5), take=take)
    shown = seen.sight.facts["ledger:want"][0]  # [tick, who sees, of whom]
    np.testing.assert_array_equal(shown[:2], 0.0)
    np.testing.assert_array_equal(shown[2], np.broadcast_to(take[0] / 2.0, (4, 4)))
    np.testing.assert_array_equal(shown[3], np.broadcast_to(take[0] / 4.0 + take[1] / 2.0, (4, 4)))
    assert "agent 0: 15" in PublicLedger("want").tell(cw.Sight({"ledger:want": shown[2, 1]}))


def test_ledger_fails_it_changes_nothing_for_minds_that_do_not_read_it():
    same(random_play(), random_play(2), exact=True, leaving=["ledger"])
    assert not random_play(2).book["ledger"].any()


@pytest.mark.slow
def test_audit_deters_from_its_threshold_and_a_share_exp_minus_pf_offends():
    assert gain(Audit(0.5, fine=1.3), worlds=4096) > 0.0 > gain(Audit(0.5, fine=1.1), worlds=4096)
    talent = -np.log1p(-(np.arange(1000) + 0.5) / 1000)  # gains distributed Exp(1)
    for p, fine in ((0.5, 2.0), (0.5, 4.0), (0.25, 12.0)):
        net = play(Task(talent=talent), Audit(p, fine), worlds=500, effort=np.ones(1000)).net
        assert (net[:, 0].mean(0) > 0.0).mean() == pytest.approx(np.exp(-p * fine), abs=0.03)


@pytest.mark.slow
def test_audit_fails_below_its_threshold_it_burns_and_captured_it_breeds_inequality():
    weak = play(GOOD, Audit(0.5, fine=1.1), worlds=4096, give=[[[1.0, 0.0, 0.0, 0.0]], [[0.0] * 4]])
    contributes, offends = weak.net[:, 0].reshape(2, 4096, 4).mean(1)[:, 0]
    assert contributes < offends
    assert weak.book["audit"][4096:].mean() == pytest.approx(-0.55, abs=0.02)
    captured = Audit(1.0, fine=1.0, immune=2)
    assert gain(captured) == pytest.approx(RETURN - 1.0) and gain(Audit(1.0, fine=1.0)) > 0.0
    free = play(GOOD, captured, give=[0.0, 0.0, 1.0, 1.0]).net[0, 0]
    np.testing.assert_allclose(free, [1.8, 1.8, 0.8, 0.8], atol=1e-6)  # all were 1.6
    with pytest.raises(ValueError, match="probability=1.2, expected a number in .0, 1."):
        Audit(1.2, fine=1.0)


@pytest.mark.slow
def test_suspension_silences_a_steady_offender_for_its_ticks():
    seen = play(
        Task(talent=[1.0, 1.0]), Suspension("effort", 1.0, ticks=3), effort=np.tile([2.0, 0.0], (8, 1))
    )
    np.testing.assert_array_equal(seen.act["effort"][0, :, 0], [2, 0, 0, 0, 2, 0, 0, 0])
    np.testing.assert_array_equal(seen.sight.legal["effort"][0, :, 0], [2, 0, 0, 0, 2, 0, 0, 0])
    np.testing.assert_array_equal(seen.sight.facts["suspension:left"][0, :, 0], [0, 3, 2, 1, 0, 3, 2, 1])
    np.testing.assert_array_equal(seen.sight.legal["effort"][0, :, 1], 2.0)
    half = play(
        Task(talent=[1.0]), Suspension("effort", 0.5, ticks=2), worlds=64, effort=np.ones((400, 1))
    ).act["effort"]
    assert half.mean() == pytest.approx(1 / (1 + 0.5 * 2), abs=0.01)


def test_suspension_fails_it_feeds_itself_where_silence_is_the_offense():
    give = np.ones((6, 4))
    give[0, 0] = 0.0  # one slip, then the will to contribute for ever
    seen = play(GOOD, Suspension("give", 1.0, ticks=1), give=give)
    np.testing.assert_array_equal(seen.act["give"][0, :, 0], 0.0)


def test_sanction_deters_from_its_impact_threshold():
    light = PeerSanction(cost=0.1, effect=0.3)  # two punishers make up for the gain of .6
    nobody = 4
    for punishers, deterred in ((1, False), (3, True)):
        punish = [[[nobody, *([0] * punishers + [nobody] * (3 - punishers))]]]
        on_offense = np.concatenate([np.full((1, 1, 4), nobody), punish])  # rows: contribute, offend
        assert (gain(light, punish=on_offense) > 0.0) == deterred


def test_sanction_fails_punishing_is_a_second_dilemma_and_contributors_can_be_hit():
    punish = [1, 4, 0, 0]  # agent 0 hits the free rider; agents 2 and 3 hit the contributor 0
    seen = play(GOOD, PeerSanction(), give=[[1.0, 0.0, 1.0, 1.0], [1.0] * 4], punish=punish)
    np.testing.assert_allclose(seen.book["sanction"][0, 0], [-1.0 - 6.0, -3.0, -1.0, -1.0])
    assert seen.net[0, 0, 1] > seen.net[0, 0, 0]  # the free rider is better off than who contributed
    np.testing.assert_array_equal(seen.sight.facts["sanction:excess"][0, 1], np.tile([0, 1, 0, 0], (4, 1)))
    np.testing.assert_array_equal(seen.sight.facts["sanction:punished"][0, 1], [2, 1, 0, 0])
    assert not seen.sight.legal["punish"][0, :, np.arange(4), np.arange(4)].any()  # never oneself
    shirk = play(GOOD, PeerSanction(), give=[[1.0, 0.0, 1.0, 1.0]] * 2, punish=[4, 4, 0, 0]).net[0, 0, 0]
    assert shirk - seen.net[0, 0, 0] == pytest.approx(1.0)  # leaving it to others saves the cost


DILEMMA = MatrixGame([[[3.0, 0.0], [5.0, 1.0]], [[3.0, 5.0], [0.0, 1.0]]], horizon=2)  # act 1: defect


def test_contract_makes_cooperation_dominant_from_theta_2_in_the_dilemma():
    acts = np.array([[a, b] for a in (0, 1) for b in (0, 1)])[:, None]
    for theta, dominant in ((1.9, False), (2.1, True)):
        net = play(DILEMMA, Contract(theta, quorum=2), act=acts, sign=[1, 1]).net[:, 0, 0].reshape(2, 2)
        assert (net[0] > net[1]).all() == dominant


def test_contract_fails_one_hold_out_blocks_unanimity_and_a_quorum_binds_the_rest():
    held = play(DILEMMA, Contract(2.0, quorum=2), act=[[1, 0]] * 2, sign=[[1, 0], [0, 1]])
    assert not held.book["contract"].any() and not held.sight.facts["contract:in_force"].any()
    bound = play(DILEMMA, Contract(2.0, quorum=1), act=[[1, 0]] * 2, sign=[[0, 1], [0, 0]])
    np.testing.assert_allclose(bound.book["contract"][0], [[-2.0, 2.0]] * 2)  # it holds in every tick
    np.testing.assert_array_equal(bound.sight.legal["sign"][0, :, 0], [[True, True], [True, False]])
    assert bound.sight.facts["contract:in_force"][0, :, 0].tolist() == [False, True]
    with pytest.raises(ValueError, match="quorum=3, expected 1 to 2"):
        cw.under(DILEMMA, Contract(2.0, quorum=3))


def test_redistribution_restores_the_public_good_at_its_threshold():
    assert gain(Redistribution(0.81)) > 0.0 > gain(Redistribution(0.79))  # (1 - m) / (1 - 1/n) = .8


def efforts(share, crowd, others):
    """Efforts of agent 0 of eight from 0 to 1, and what each pays while the others choose `others`."""
    grid = np.linspace(0.0, 1.0, 501)
    effort = np.full((501, 1, 8), others)
    effort[:, 0, 0] = grid
    task = Task(talent=np.ones(8), crowd=crowd)
    return grid, play(task, Redistribution(share), effort=effort).net[:, 0, 0]


@pytest.mark.parametrize(("share", "printed"), [(0.0, 0.463), (0.5, 0.426), (0.9, 0.328), (1.0, 0.260)])
def test_redistribution_saves_a_crowded_commons_by_the_sharing_law(share, printed):
    keep = 1.0 - share + share / 8.0
    equilibrium = keep / (0.24 * (1.0 + keep * 8.0))  # institutions_checks.out.txt, Q / G = .24
    assert equilibrium == pytest.approx(printed, abs=5e-4)
    grid, pay = efforts(share, crowd=0.24, others=equilibrium)
    assert grid[pay.argmax()] == pytest.approx(equilibrium, abs=3e-3)  # the best reply to itself


def test_redistribution_fails_it_kills_effort_that_pays_only_oneself():
    for share in (0.0, 0.6, 1.0):
        grid, pay = efforts(share, crowd=0.0, others=0.5)
        best = grid[(pay - grid**2 / 2.0).argmax()]  # the toil is private: nobody shares it
        assert best == pytest.approx(1.0 - share + share / 8.0, abs=2e-3)
    with pytest.raises(ValueError, match="share=1.5"):
        Redistribution(1.5)


@pytest.mark.slow
def test_redistribution_dilutes_the_fines_before_it_and_the_commutator_is_exact():
    fine, share, keep = Audit(1.0, fine=10.0), Redistribution(0.6), 1.0 - 0.6 + 0.6 / 8.0
    acts, eight = {"effort": [1.0] + [0.0] * 7}, Task(talent=np.ones(8))
    before, after = play(eight, fine, share, **acts), play(eight, share, fine, **acts)
    assert keep == pytest.approx(0.475)
    bare = play(eight, share, **acts).net
    np.testing.assert_allclose((before.net - bare)[0, 0], [-10 * keep] + [-0.75] * 7, atol=1e-5)
    np.testing.assert_allclose((after.net - bare)[0, 0], [-10.0] + [0.0] * 7, atol=1e-5)
    d = before.book["audit"]
    predicted = 0.6 * (d.mean(-1, keepdims=True) - d)  # M d - d
    np.testing.assert_allclose(before.net - after.net, predicted, atol=1e-5)
    gross = play(eight, fine, Redistribution(0.6, base="gross"), **acts)
    np.testing.assert_allclose(gross.net, after.net, atol=1e-5)
    assert (share.reads_pay, Redistribution(0.6, base="gross").reads_pay) == (True, False)


BARGAIN = {"greedy": {"take": (0, 50)}, "fair": {"take": (0, 5)}}


def test_vote_binds_everyone_from_the_second_tick_on():
    scores = {"score:greedy": [1, 0, 0, 0], "score:fair": [0.2, 0.9, 0.9, 0.9]}
    seen = play(COMMONS, Vote(BARGAIN, "plurality"), take=np.full((3, 4), 20.0), **scores)
    np.testing.assert_array_equal(seen.act["take"][0], [[20.0] * 4, [5.0] * 4, [5.0] * 4])
    assert seen.sight.facts["vote:winner"][0, :, 0].tolist() == [2, 1, 1]
    assert seen.sight.legal["score:fair"][0, :, 0].tolist() == [1.0, 0.0, 0.0]
    words = [Vote(BARGAIN).tell(cw.Sight({"vote:winner": x})) for x in (2, 1)]
    assert words == ["The vote is open.", "The vote chose 'fair'."]


@pytest.mark.slow
def test_vote_fails_a_majority_harms_the_unrepresented_and_a_delegate_mends_it_under_some_rules():
    scores = {"score:greedy": [1.0] * 4, "score:fair": [0.8] * 4}
    rules = {"utilitarian": "fair", "nash": "fair", "plurality": "greedy"}
    for rule, mended in rules.items():
        for delegate, wanted in ((None, "greedy"), ([0.0, 1.0], mended)):
            law = Vote(BARGAIN, rule, delegate=delegate)
            assert chosen(law, scores) == wanted
    with pytest.raises(ValueError, match=r"2 candidates and delegate scores of shape \(3,\)"):
        Vote(BARGAIN, "nash", delegate=[1.0, 0.0, 0.0])


def chosen(law, scores):
    """The label that wins a vote, settled once."""
    acts = {name: jnp.asarray(x, jnp.float32) for name, x in scores.items()}
    happened = SimpleNamespace(act=acts)
    settled = law.settle((jnp.array(True), jnp.int32(2)), happened, jnp.zeros(4), None)
    return law.slate[int(settled.memory[1])][0]


class Answer(cw.Mind):
    """Plays `first` when it leads; else the best reply to what the other one has been shown to do."""

    payoffs: jax.Array = cw.param()  # [own act, the other's act]
    first: jax.Array = cw.param()

    def act(self, memory, sight, channels, key):
        other = sight["shown:act"][1 - sight["seat"]]
        reply = jnp.argmax(self.payoffs[:, other])
        return memory, {"act": jnp.where(sight["turn"] == 0, self.first.astype(jnp.int32), reply)}


def led(row, column, leader, first):
    """Total pay of two players over one round when `leader` commits to `first`."""
    row, column = np.array(row, float), np.array(column, float)
    game = MatrixGame(np.stack([row, column]), acts=("a", "b"), horizon=1)
    minds = [Answer(row, first), Answer(column.T, first)]
    trace = cw.run(cw.Society(cw.under(game, Commitment(leaders=(leader,))), minds))
    assert trace.shape[1] == 1  # however many turns it takes, a round is a row
    return trace.net.sum(axis=1)[0].tolist()


def test_commitment_selects_the_leaders_equilibrium_and_fails_by_extortion():
    sexes = ([[2, 0], [0, 1]], [[1, 0], [0, 2]])
    assert led(*sexes, leader=0, first=0) == [2.0, 1.0]
    assert led(*sexes, leader=1, first=1) == [1.0, 2.0]
    chicken = ([[3, 1], [4, 0]], [[3, 4], [1, 0]])  # both swerve: 3, 3
    assert led(*chicken, leader=0, first=1) == [4.0, 1.0]
    assert led(*chicken, leader=1, first=1) == [1.0, 4.0]
    with pytest.raises(ValueError, match=r"leaders=\(0, 1\); wanted different seats from 0 to 1"):
        cw.under(DILEMMA, Commitment(leaders=(0, 1)))


def test_commitment_shows_what_the_leader_did():
    law = Commitment(leaders=(1,))
    seen = play(COMMONS, law, take=np.full((2, 4), 7.0))
    np.testing.assert_array_equal(seen.sight.facts["shown:take"][0, 1, 0], [0.0, 7.0, 0.0, 0.0])
    np.testing.assert_array_equal(seen.sight.legal["take"][0, :, 0] > 0.0, [False, True])
    np.testing.assert_array_equal(seen.act["take"][0], [[0.0] * 4, [7.0] * 4])
    row = jax.tree.map(lambda x: x[0, 1, 0], seen.sight)
    told = cw.under(COMMONS, law).tell(jax.tree.map(np.asarray, row))
    assert told.endswith("Already fixed this round: agent 1 chose take = 7.")


def test_quota_sustains_the_commons_and_fails_above_the_stock():
    fishery = Commons(n_agents=5, horizon=12)
    sustained = play(fishery, ProtectedQuota("take", most=10.0), take=np.full((12, 5), 100.0))
    np.testing.assert_array_equal(sustained.net[0].sum(0), 120.0)
    np.testing.assert_array_equal(sustained.events["stock"][0], 100.0)
    idle = play(fishery, ProtectedQuota("take", most=200.0), take=np.full((12, 5), 100.0))
    assert idle.net.sum() == 100.0 and not idle.events["stock"][0, 1:].any()
    with pytest.raises(ValueError, match="without bounds"):
        ProtectedQuota("take")


def test_quota_moves_a_lever_that_nobody_controls():
    seen = play(Task(talent=[1.0, 1.0]), ProtectedQuota("guard", least=1), effort=[1.0, 1.0])
    np.testing.assert_array_equal(seen.act["guard"], 1)


# --------------------------------------------------------------------------------- laws of `under`


class Nothing(cw.Institution):
    """No rule at all."""

    name: str = cw.text("nothing")
    told: bool = cw.count(True)


@pytest.mark.slow
def test_an_institution_that_does_nothing_leaves_everything_bit_identical():
    idle = cw.run(cw.Society(cw.under(COMMONS, Nothing()), Random()), 4)
    same(random_play(), idle, exact=True)


def test_names_and_channels_are_unique():
    with pytest.raises(ValueError, match="'audit' is taken"):
        cw.under(COMMONS, Audit(0.1, 1.0), Audit(0.2, 1.0))
    with pytest.raises(ValueError, match="adds the channel 'sign', which institution 'contract' has"):
        cw.under(COMMONS, Contract(1.0, 2), Contract(2.0, 3, name="second"))
    with pytest.raises(ValueError, match="each fix a move order"):
        cw.under(COMMONS, Commitment(), Commitment(leaders=(0,), name="second"))


@pytest.mark.parametrize(
    "law",
    [
        Subsidy("loot", 1.0),
        PublicLedger("loot"),
        Audit(0.5, 1.0, event="loot"),
        Suspension("take", 0.5, 1, event="loot"),
        PeerSanction(event="loot"),
        Contract(1.0, 2, event="loot"),
    ],
    ids=lambda law: law.name,
)
def test_an_unknown_event_is_named_with_what_there_is(law):
    society = cw.under(COMMONS, law)
    acts = {name: jnp.broadcast_to(c.silence, (4,)) for name, c in society.channels().items()}
    with pytest.raises(ValueError, match=r"event 'loot'; the scenario has \['catch', .*'want'\]: name one"):
        jax.eval_shape(lambda key: society.step(society.init(key), acts, key), jax.random.key(0))


@pytest.mark.parametrize(
    "law", [Suspension("fly", 0.5, 1), ProtectedQuota("fly", most=1.0), Vote({"a": {"fly": (0, 1)}, "b": {}})]
)
def test_an_unknown_channel_is_named_with_what_there_is(law):
    with pytest.raises(ValueError, match=rf"'{law.name}' uses the channel 'fly'.*\['take'\]"):
        jax.eval_shape(cw.under(COMMONS, law).init, jax.random.key(0))


@pytest.mark.slow
def test_only_what_reads_the_pay_fails_to_commute():
    minds = [Constant(give=x) for x in (0.0, 0.25, 0.5, 1.0)]
    laws = [Audit(0.5, fine=0.5), Subsidy("cooperated", 0.3), Redistribution(0.5)]
    found = commutator(GOOD, minds, laws, seeds=16)
    assert ((found.matrix == 0.0) == [[True, True, False], [True, True, False], [False, False, True]]).all()
    np.testing.assert_allclose(found.matrix, found.matrix.T)
    d = cw.run(cw.Society(cw.under(GOOD, laws[0], laws[2]), minds), 16).book["audit"]
    predicted = np.abs(0.5 * (d.mean(-1, keepdims=True) - d)).mean()
    assert found.matrix[0, 2] == pytest.approx(predicted, rel=1e-4)
    head, audit, *_ = str(found).splitlines()
    assert head.split()[-3:] == ["audit", "subsidy", "redistribution"]
    assert audit.split() == ["audit", "0.0000", f"{found.matrix[0, 2]:.4f}"]
