"""The fishery against brute force, its growth by hand, its talk, and the rules that bite on it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import Audit, Contract, Suspension
from commonweal.minds import Constant, Random
from commonweal.scenarios import Fishery

CALM = Fishery(noise=0.0, talk=False)
FULL, QUOTA = 4, 1  # positions of the efforts 1 and .25


def pay(*efforts, game=CALM, worlds=1):
    """Mean pay a tick of each agent, who always makes one effort."""
    return cw.run(cw.Society(game, [Constant(effort=e) for e in efforts]), worlds).net.mean(axis=(0, 1))


@pytest.mark.parametrize(
    ("mine", "theirs", "wanted"), [(FULL, FULL, 0.237), (QUOTA, QUOTA, 1.243), (FULL, QUOTA, 3.445)]
)
def test_constant_efforts_earn_what_brute_force_says(mine, theirs, wanted):
    found = pay(mine, *[theirs] * 7)[0]
    assert found == pytest.approx(wanted, abs=5e-4)  # of an independent brute force
    assert CALM.constant(mine / 4, theirs / 4) == pytest.approx(found, rel=1e-5)


def test_full_effort_is_dominant_and_ruins_all():
    table = np.array([[CALM.constant(a / 4, b / 4) for b in range(5)] for a in range(5)])
    assert (table.argmax(axis=0) == FULL).all()
    assert table[FULL, FULL] < table[QUOTA, QUOTA] < 1.25  # G K / 4 / N is the most that lasts
    card = CALM.card()
    assert isinstance(card.oracle, cw.Oracle)
    assert card.oracle.nash == pytest.approx(table[FULL, FULL] * 8 * 40)
    assert card.oracle.best == pytest.approx(40.0 + 39 * 10.0)  # without luck


def test_the_temptation_at_the_quota():
    assert CALM.temptation() == pytest.approx(4.416, abs=1e-3)
    stock = 80 * (1 - 0.12 * 8 * 0.25 / 0.5)  # what the quota sustains: growth equals catch
    assert 0.5 * stock * (1 - stock / 80) == pytest.approx(0.12 * 8 * 0.25 * stock)
    assert CALM.temptation() == pytest.approx(0.12 * stock - 0.25 * 0.12**2 * 80 / 0.5)


def test_one_tick_by_hand():
    state = CALM.init(jax.random.key(0))
    acts = {"effort": jnp.array([4, 2, 1, 0, 0, 0, 0, 0], jnp.int32)}
    after, outcome = CALM.step(state, acts, jax.random.key(0))
    assert outcome.pay == pytest.approx([4.8, 2.4, 1.2, 0, 0, 0, 0, 0])
    assert float(after.stock) == pytest.approx(40 - 8.4 + 0.5 * 40 * 0.5)
    assert outcome.events["excess"] == pytest.approx([0.75, 0.25, 0, 0, 0, 0, 0, 0])
    assert outcome.events["cooperated"] == pytest.approx([0, 2 / 3, 1, 1, 1, 1, 1, 1])
    assert outcome.harm.sum() == 0.0


def test_luck_moves_growth_alone_and_by_its_size():
    lucky = Fishery(talk=False)
    trace = cw.run(cw.Society(lucky, Constant(effort=QUOTA)), 2000)
    second = trace.events["stock"][:, 1, 0]
    assert second.mean() == pytest.approx(40 - 9.6 + 10, abs=4 * 1.0 / np.sqrt(2000))
    assert second.std() == pytest.approx(0.1 * 10, rel=0.06)
    assert np.ptp(trace.events["catch"][:, 0]) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("game", "first"),
    [
        (Fishery(noise=1.0, horizon=2, talk=False), 0),  # wait, then take all: the lucky stock is large
        (Fishery(noise=0.0, growth=0.01, capacity=1.0, talk=False), FULL),  # lives on what cannot be fished
    ],
)
def test_the_bound_holds_in_every_world_not_only_on_average(game, first):
    acts = np.full((game.horizon, 8), FULL)
    acts[0] = first
    trace = cw.run(cw.Society(game, Random()), 500, do={"effort": (np.ones(acts.shape, bool), acts)})
    total = trace.objective.sum(axis=1)
    average = float(game.capacity) * (0.5 + float(game.growth) * game.horizon / 4.0)  # what grows on average
    assert game.card().oracle.certificate == "bound"
    assert total.max() > average
    assert total.max() <= game.card().oracle.best


def test_ruin_harms_by_excess():
    trace = cw.run(cw.Society(CALM, [Constant(effort=FULL)] * 4 + [Constant(effort=QUOTA)] * 4), 1)
    gone = trace.events["stock"][0, 1:, 0] < 4.0
    assert gone.any() and not gone[0]
    assert np.array_equal(trace.harm[0, :-1, :, 0].sum(axis=1) > 0.5, gone)
    assert trace.harm[0, -1, :, 0] == pytest.approx([0.25] * 4 + [0.0] * 4)


def test_talk_is_cheap_and_seen_by_all():
    talking = Fishery(noise=0.0, talk=True)
    liar = [Constant(effort=FULL, claim=0)] + [Constant(effort=QUOTA, claim=QUOTA)] * 7
    quiet = [Constant(effort=FULL)] + [Constant(effort=QUOTA)] * 7
    trace = cw.run(cw.Society(talking, liar), 1)
    assert np.array_equal(trace.net, cw.run(cw.Society(CALM, quiet), 1).net)
    state, _ = talking.step(
        talking.init(jax.random.key(0)), {k: x[0, 0] for k, x in trace.act.items()}, jax.random.key(0)
    )
    sight = talking.observe(state)
    assert sight["claims"].shape == (8, 8) and (sight["claims"][5] == jnp.array([0.0] + [0.25] * 7)).all()
    assert "claim" not in CALM.channels()
    row = jax.tree.map(lambda x: x[0], sight)
    assert "fisher 1: 25%" in talking.tell(row) and "fisher" not in CALM.tell(row)


def test_a_fine_above_the_temptation_takes_the_gain_away():
    law = Audit(1.0, fine=9.0)
    both = [Constant(effort=FULL)] + [Constant(effort=QUOTA)] * 7
    free, fined = (
        cw.run(cw.Society(cw.under(CALM, *laws), both), 1).net[0, :, 0].mean() for laws in ((), (law,))
    )
    assert free - fined == pytest.approx(9.0 * 0.75, abs=1e-4)
    assert fined < CALM.constant(0.25, 0.25) < free


def test_suspended_fishers_stay_ashore():
    game = cw.under(CALM, Suspension("effort", 1.0, ticks=3))
    trace = cw.run(cw.Society(game, Constant(effort=FULL)), 1)
    assert trace.act["effort"][0, :8, 0].tolist() == [4, 0, 0, 0, 4, 0, 0, 0]


def test_a_contract_that_binds_moves_pay_from_who_overfishes():
    game = cw.under(CALM, Contract(theta=6.0, quorum=5))
    signers = [Constant(effort=FULL, sign=0)] + [Constant(effort=QUOTA, sign=1)] * 7
    row = cw.run(cw.Society(game, signers), 1).book["contract"][0]
    assert row[0] == pytest.approx([-4.5] + [4.5 / 7] * 7) and row.sum() == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"levels": 1}, r"got levels=1, expected .* in \[2, 1000\]; try Fishery\(levels=5\)"),
        (
            {"n_agents": 9},
            r"expected a product below 1 .* is 1.08; try Fishery\(n_agents=9, catchability=0.1",
        ),
        ({"quota": 1.0}, r"got quota=1.0, expected a number in \[0, 1\)"),
    ],
)
def test_refusals(wrong, said):
    with pytest.raises(ValueError, match=said):
        Fishery(**wrong)


@pytest.mark.slow
def test_chance_play_is_worse_than_the_quota():
    trace = cw.run(cw.Society(Fishery(), Random()), 200)
    assert trace.net.mean() < 0.9 * CALM.constant(0.25, 0.25)
