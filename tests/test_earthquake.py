"""The earthquake: single steps worked by hand, then the full version's phases, privacy, luck and mail."""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import ProtectedQuota, Subsidy
from commonweal.minds import Planned, Random
from commonweal.scenarios.earthquake import (
    COST,
    KNOWS,
    OWNERS,
    PHASE,
    PHRASES,
    Earthquake,
    Relief,
    deaths_range,
)

QUAKE = Earthquake()
CHANNELS = QUAKE.channels()
NAMES = {"split": 0, "overfly": 0, "route": 3, "surge": 3}


def acts(plan, a="open", b="open", *, protect="off", **other):
    """Joint acts in words: N's plan, A's and B's permits, then overfly=, route=, surge=, lie_a=, lie_b=."""
    said = {"split": (0, plan), "overfly": (0, other.get("overfly", "lawful"))}
    said |= {
        "route": (3, other.get("route", "as planned")),
        "surge": (3, other.get("surge", "contract price")),
    }
    done = {name: np.full(4, int(c.silence), np.int32) for name, c in CHANNELS.items()}
    for name, (seat, word) in said.items():
        done[name][seat] = CHANNELS[name].options.index(word)
    for seat, permit, lie in ((1, a, "lie_a"), (2, b, "lie_b")):
        done["permit"][seat] = CHANNELS["permit"].options.index(permit)
        done["report"][seat] = int(other.get(lie, False))
    done["protect"][:] = CHANNELS["protect"].options.index(protect)
    return {name: jnp.asarray(x) for name, x in done.items()}


@eqx.filter_jit
def one_step(quake, state, done, key):
    return quake.step(state, done, key)


@eqx.filter_jit
def many_steps(quake, state, done, keys):
    return jax.vmap(lambda key: quake.step(state, done, key)[0])(keys)


def step(done, need=(4, 3, 3), t=0, quake=QUAKE):
    state = Relief(jnp.array(need, jnp.int32), jnp.int32(t), {})
    after, outcome = one_step(quake, state, done, jax.random.key(0))
    return tuple(int(x - y) for x, y in zip(need, after.need, strict=True)), outcome


OWN, SHUT, CHEAP, FLY = "own citizens first", "closed", "cheapest first", "overfly"
BY_HAND = [  # acts, need, what arrives in A, B, X
    (acts("0-3-0", OWN, OWN), (4, 3, 3), (0, 3, 0)),  # A takes a load of B's, B takes it back
    (acts("0-3-0", OWN), (4, 3, 3), (1, 2, 0)),
    (acts("0-1-2", b=OWN), (4, 3, 3), (0, 2, 1)),  # X's loads are diverted before A's
    (acts("2-1-0", b=OWN), (4, 3, 3), (1, 2, 0)),
    (acts("2-1-0", b=OWN), (4, 1, 3), (2, 1, 0)),  # B has enough
    (acts("1-0-2", OWN), (4, 3, 3), (3, 0, 0)),  # the road to X ends in A
    (acts("1-1-1", SHUT), (4, 3, 3), (0, 1, 0)),  # X's load turns back, A's does not get in
    (acts("1-1-1", b=SHUT), (4, 3, 3), (1, 0, 1)),
    (acts("0-0-3", OWN, overfly=FLY), (4, 3, 3), (2, 0, 1)),  # one load flies in
    (acts("0-0-3", overfly=FLY), (4, 3, 3), (0, 0, 3)),  # the border is open: nothing to fly
    (acts("0-1-2", route=CHEAP), (4, 3, 3), (2, 1, 0)),
    (acts("0-1-2", route=CHEAP), (1, 3, 3), (1, 2, 0)),  # A needs one, B takes the other
    (acts("0-1-2", route=CHEAP, protect="on"), (4, 3, 3), (0, 1, 2)),
    (acts("1-0-2", b=OWN, protect="on"), (4, 3, 3), (0, 1, 2)),  # B may still take A's
    (acts("0-0-3", b=OWN, protect="on"), (4, 3, 3), (0, 0, 3)),
    (acts("0-0-3", OWN, protect="on"), (4, 3, 3), (3, 0, 0)),  # protection opens no border
    (acts("3-0-0"), (1, 3, 3), (1, 0, 0)),  # more than needed is of no use
]


@pytest.mark.parametrize(("done", "need", "brought"), BY_HAND)
def test_where_the_loads_go(done, need, brought):
    found, outcome = step(done, need)
    assert found == brought
    left = np.subtract(need, brought)
    assert float(outcome.objective) == sum(brought)
    assert float(outcome.harm[:, 0].sum()) == left @ [1, 1, 2]
    assert outcome.events["unmet"].tolist() == [left[2], left[0], left[1], 0.0]


def test_pay_of_the_first_equilibrium_round():
    """10 dead: N -5; A -4 + .5; B .5; L three units to B at 3 - 1.5; X six dead. Nothing is off plan."""
    _, outcome = step(acts("0-3-0", OWN, OWN))
    np.testing.assert_allclose(outcome.pay, [-5.0, -3.5, 0.5, 4.5])
    np.testing.assert_allclose(outcome.utility, [-5.0, -3.5, 0.5, 4.5, -6.0])
    assert not outcome.harm[:, 1:].any() and outcome.events["cooperated"].tolist() == [1.0] * 4


def test_pay_of_rerouting():
    """2-1-0 arrives of the plan 0-1-2: 2 off plan; 10 dead; L 2 * 2 + 1.5 - 2 * .25."""
    _, outcome = step(acts("0-1-2", route=CHEAP))
    np.testing.assert_allclose(outcome.pay, [-5.0 - 0.02, -2.0, -2.0, 5.0], rtol=1e-6)
    assert outcome.events["rerouted"].tolist() == [0.0, 0.0, 0.0, 2.0]


def test_pay_of_surging():
    """9 dead; N also .45 a unit; A .25 for X's unit; L 3 * 3.9 - 5 - 4."""
    _, outcome = step(acts("1-1-1", surge="surge"))
    np.testing.assert_allclose(outcome.pay, [-4.5 - 1.35, -3.25, -2.0, 2.7], rtol=1e-6)
    assert outcome.events["excess"].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert outcome.events["delivered_x"].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_pay_of_flying_without_permission():
    """9 dead (2, 3, 4); 6 for the flight; 2 off plan; A own first and a unit to X; L 2 * 2 + .5."""
    _, outcome = step(acts("0-0-3", OWN, overfly=FLY))
    np.testing.assert_allclose(outcome.pay, [-4.5 - 6.0 - 0.02, -2.0 + 0.5 - 0.25, -3.0, 4.5], rtol=1e-6)
    assert outcome.harm[:, 2].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert outcome.events["flown"].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_the_coverage_gap_is_booked_in_the_last_round():
    """Covered 3/4, 1, 0: the gap is 1; deaths 1 + 6; L earned 6."""
    _, outcome = step(acts("3-0-0"), (4, 0, 3), t=1)
    np.testing.assert_allclose(outcome.pay, [-3.5 - 3.0, -1.0, 0.0, 6.0])
    np.testing.assert_allclose(outcome.harm, [[7 / 4, 1 / 4, 0]] * 4)
    assert bool(outcome.over)


def test_unlawful_conduct():
    for done, who in (
        (acts("1-1-1", SHUT), 1),
        (acts("1-1-1", b=SHUT), 2),
        (acts("1-1-1", lie_a=True), 1),
        (acts("1-1-1", lie_b=True), 2),
    ):
        assert step(done)[1].harm[:, 2].tolist() == [float(i == who) for i in range(4)]


def test_the_mandate_moves_pay_and_no_utility():
    plain, moved = (step(acts("1-1-1"), quake=Earthquake(mandate=m))[1] for m in (0.0, 0.5))
    np.testing.assert_allclose(plain.pay - moved.pay, [0.0, 0.5 * 4, 0.0, 0.0])  # two unmet in X: four dead
    assert np.array_equal(plain.utility, moved.utility)


def test_silence_is_lawful():
    silent = {name: jnp.full(4, c.silence) for name, c in CHANNELS.items()}
    found, outcome = step(silent)
    assert found == (1, 1, 1) and not outcome.harm[:, 2].any()


def test_the_card_says_what_is_known():
    card = QUAKE.card()
    assert (card.values[0].least, card.values[0].worst) == (11.0, 26.0) == deaths_range(2)
    assert (card.oracle.best, card.oracle.certificate) == (6.0, "exact")
    assert card.stakeholders[4].third_party and card.stakeholders[4].minority
    assert not card.represented[4] and card.represented[:4].all()
    assert Earthquake.full().card().oracle.certificate == "bound"
    assert Earthquake(lever=0.0).card().stakeholders[0].low is None  # other numbers, other ranges
    with pytest.raises(ValueError, match="got rounds=0, expected a whole number"):
        Earthquake(rounds=0)


@pytest.mark.slow
def test_protection_is_a_gate_and_the_fund_is_booked_apart():
    quota, fund = ProtectedQuota("protect", least=1), Subsidy("delivered_x", rate=2.0)
    done = {name: np.asarray(x)[None] for name, x in acts("0-1-2", route=CHEAP).items()}
    trace = cw.run(cw.Society(cw.under(QUAKE, quota, fund), Planned(done)), 1)
    assert (trace.intent["protect"] == 0).all() and (trace.act["protect"] == 1).all()
    assert trace.events["delivered_x"][0, 0].tolist() == [0.0, 2.0, 0.0, 0.0]
    assert trace.book["subsidy"][0, 0].tolist() == [0.0, 4.0, 0.0, 0.0]
    assert float(trace.utility[0, 0, 1]) == -4.0 - 0.5  # the fund is in nobody's utility


# ------------------------------------------------------------------------------------- full version


FULL = Earthquake.full()


@pytest.fixture(scope="module")
def random_play():
    """Random play of the full version, states and sights kept: [T, ...] of several worlds in a row."""

    @jax.jit
    def play(key):
        def tick(state, t):
            sight, here = FULL.observe(state), jax.random.fold_in(key, t)
            done = {
                name: c.sample(jax.random.fold_in(here, i), sight.legal.get(name, c.nothing(4)))
                for i, (name, c) in enumerate(FULL.channels().items())
            }
            after, outcome = FULL.step(state, done, jax.random.fold_in(here, 99))
            return after, (state, sight, outcome)

        start = FULL.init(key)
        return jax.lax.scan(tick, start, jnp.arange(FULL.horizon))[1]

    keys = jax.random.split(jax.random.key(5), 8)
    return jax.tree.map(np.asarray, jax.vmap(play)(keys))


@pytest.mark.slow
def test_outside_its_phase_a_channel_has_one_legal_act(random_play):
    _, sight, _ = random_play
    for name, owners in OWNERS.items():
        choices = sight.legal[name].sum(axis=-1)  # [worlds, ticks, n]
        for t in range(FULL.horizon):
            for i in range(4):
                open_ = t % 4 == PHASE[name] and i in owners
                assert (choices[:, t, i] == (sight.legal[name].shape[-1] if open_ else 1)).all(), (name, t, i)


def test_a_round_is_booked_when_it_is_executed(random_play):
    _, _, outcome = random_play
    waiting = np.arange(FULL.horizon) % 4 != 3
    for x in (outcome.pay, outcome.utility, outcome.harm, outcome.objective):
        assert not x[:, waiting].any()
    assert (outcome.events["cooperated"][:, waiting] == 1.0).all()
    assert outcome.harm[:, ~waiting, :, 0].any()
    gap = outcome.harm[..., 1].sum(axis=-1)
    assert not gap[:, :-1].any() and gap[:, -1].any()


@pytest.mark.slow
def test_phases_change_nothing_but_time():
    """Without luck the staged version brings what the instance brings, for the same acts."""
    staged = Earthquake(staged=True)
    rng = np.random.default_rng(0)
    plan = {name: rng.integers(0, len(c.options), (2, 4)) for name, c in CHANNELS.items() if not c.lever}
    for name in plan:
        others = [i for i in range(4) if i not in OWNERS[name]]
        plan[name][:, others] = int(CHANNELS[name].silence)
    slow = {name: np.repeat(x, 4, axis=0) for name, x in plan.items()}
    once = cw.run(cw.Society(QUAKE, Planned(plan)), 1)
    steps = cw.run(cw.Society(staged, Planned(slow)), 1)
    assert steps.shape == (1, 8, 4)
    for name in ("utility", "harm", "objective", "net"):
        np.testing.assert_allclose(
            getattr(steps, name).sum(axis=1), getattr(once, name).sum(axis=1), rtol=1e-5, atol=1e-5
        )
    assert once.harm.sum() > 0


@pytest.mark.parametrize("agent", range(4))
def test_others_private_facts_do_not_reach_an_agent(random_play, agent):
    states, _, _ = random_play
    for tick in (0, 5, 14, 23):
        state = jax.tree.map(lambda x, tick=tick: jnp.asarray(x[0, tick]), states)
        own = KNOWS[agent]
        shuffled = jnp.where(jnp.asarray(own), state.need, jnp.array([7, 8, 9], jnp.int32))
        other = Relief(shuffled, state.t, state.more)
        rows = [jax.tree.map(lambda x: np.asarray(x)[agent], FULL.observe(s)) for s in (state, other)]
        assert all(np.array_equal(x, y) for x, y in zip(*map(jax.tree.leaves, rows), strict=True))
        assert FULL.tell(rows[0]) == FULL.tell(rows[1])
        if own.any():  # a control: what is the agent's own business does reach it
            mine = Relief(jnp.where(jnp.asarray(own), 7, state.need), state.t, state.more)
            row = jax.tree.map(lambda x: np.asarray(x)[agent], FULL.observe(mine))
            assert FULL.tell(row) != FULL.tell(rows[0])


def test_costs_are_told_to_the_haulier_only():
    sight = FULL.observe(FULL.init(jax.random.key(0)))
    assert sight["cost"][3].tolist() == COST.tolist() and (sight["cost"][:3] == -1).all()
    told = [FULL.tell(jax.tree.map(lambda x, i=i: np.asarray(x)[i], sight)) for i in range(4)]
    assert ["Cost" in text for text in told] == [False, False, False, True]
    assert (QUAKE.observe(QUAKE.init(jax.random.key(0)))["need"] == jnp.array([[4, 3, 3]] * 4)).all()


def test_words_and_arrays_say_the_same(random_play):
    """Two sights are told alike exactly if their facts are alike (mail apart: the engine tells it)."""
    _, sight, _ = random_play
    seen, worlds = {}, len(sight.facts["round"])
    for w, t, i in np.ndindex(worlds, FULL.horizon, 4):
        row = jax.tree.map(lambda x, at=(w, t, i): x[at], sight)
        facts = b"".join(x.tobytes() for name, x in sorted(row.facts.items()) if not name.startswith("mail:"))
        seen.setdefault(FULL.tell(row), set()).add(facts)
    assert len(seen) > 100
    assert all(len(facts) == 1 for facts in seen.values())
    assert len(set().union(*seen.values())) == len(seen)


def shocks(chance, worlds=500):
    quake = Earthquake(staged=True, rounds=6, aftershock=chance)
    trace = cw.run(cw.Society(quake, Random()), worlds)
    return trace.events["aftershock"][:, :, 0]


def test_aftershocks_come_as_often_as_said():
    """2,500 chances at .15: standard error .007. The same test tells .15 from .11 and .19."""
    found = shocks(0.15)
    chances = found[:, 3:20:4]
    assert not np.delete(found, np.arange(3, 20, 4), axis=1).any()  # between rounds, never after the last
    assert abs(chances.mean() - 0.15) < 0.022
    for wrong in (0.11, 0.19):
        assert abs(shocks(wrong)[:, 3:20:4].mean() - 0.15) > 0.022


def test_an_aftershock_adds_one_unit_somewhere():
    quake = Earthquake(staged=True, rounds=6, aftershock=1.0)
    state = quake.init(jax.random.key(0))
    ready = Relief(state.need, jnp.int32(3), state.more)
    silent = {name: jnp.full(4, c.silence) for name, c in quake.channels().items()}
    after = many_steps(quake, ready, silent, jax.random.split(jax.random.key(1), 300))
    new = np.asarray(after.more["ever"]) - [4, 3, 3]
    assert (new.sum(axis=1) == 1).all() and (new.sum(axis=0) > 60).all()
    assert (np.asarray(after.need) == np.array([3, 2, 2]) + new).all()  # silence splits 1-1-1


@pytest.mark.parametrize("lie", [0, 1])
def test_reports_are_off_by_one_at_most(lie):
    state = FULL.init(jax.random.key(0))
    said = {name: jnp.full(4, c.silence) for name, c in FULL.channels().items()}
    said["report"] = jnp.array([0, lie, lie, 0], jnp.int32)
    after = many_steps(FULL, state, said, jax.random.split(jax.random.key(2), 3000))
    off = np.asarray(after.more["reported"]) - np.array([4, 3]) * (1 + lie)
    for value in (-1, 0, 1):
        assert abs((off == value).mean() - 1 / 3) < 0.03
    exact = Earthquake(staged=True)
    state, _ = one_step(exact, exact.init(jax.random.key(0)), said, jax.random.key(3))
    assert state.more["reported"].tolist() == [4 * (1 + lie), 3 * (1 + lie)]


class Clerk(cw.Speaker):
    """Government A in words: it writes what it likes and keeps what it was told."""

    def __init__(self):
        self.heard = []

    async def ask(self, prompt):
        self.heard.append(prompt)
        said = {"say": "Roads are bad this week.", "permit": "open", "report": "true"}
        return cw.Said(json.dumps({name: said[name] for name in prompt.choices}))


@pytest.mark.slow
def test_mail_reaches_the_others_in_the_next_phase():
    clerk, listener = Clerk(), Clerk()
    quake = Earthquake(staged=True, private=True)
    trace = cw.run(cw.Society(quake, [Planned({"say": np.full((8, 4), 2)}), clerk, listener, Random()]), 1)
    assert trace.valid.all()
    assert [p.where.tick for p in clerk.heard] == [0, 1, 4, 5]  # asked only where there is a choice
    assert sorted(clerk.heard[0].choices) == ["report", "say"] and clerk.heard[1].choices == ("permit",)
    news = listener.heard[1].turns[-1][1]
    assert 'agent 1 says: "Roads are bad this week."' in news and f'agent 0 says: "{PHRASES[1]}"' in news
    assert "agent 2 says" not in news and "Units needed now: B 3." in news
    written = trace.messages.filter((trace.messages["t"] == 0) & (trace.messages["agent"] == 1))
    assert written["text"].to_list() == ["Roads are bad this week."]


@pytest.mark.slow
@pytest.mark.parametrize("quake", [QUAKE, FULL, Earthquake(private=True)])
def test_the_laws(quake):
    cw.check(quake)
