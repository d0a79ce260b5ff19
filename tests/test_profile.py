"""Profiles against printed numbers of an independent program, and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import Constant
from commonweal.scenarios import Commons

PLAIN = cw.Profile()


def test_prospect_theory_certainty_equivalents_show_the_fourfold_pattern():
    def equivalent(x, q):
        v = float(cw.prospect_value(PLAIN, jnp.array([0.0, x]), jnp.array([1 - q, q])))
        return np.sign(v) * (abs(v) / (1.0 if v > 0 else 2.25)) ** (1 / 0.88)

    found = [
        equivalent(*lottery) for lottery in ((100.0, 0.05), (100.0, 0.95), (-100.0, 0.05), (-100.0, 0.95))
    ]
    assert found == pytest.approx([10.0, 76.9, -8.3, -83.1], abs=0.06)


def test_a_loss_of_100_is_accepted_from_a_gain_of_274():
    def worth(gain):
        return float(cw.prospect_value(PLAIN, jnp.array([-100.0, gain]), jnp.array([0.5, 0.5])))

    assert worth(273.5) < 0 < worth(274.7)


def test_utilities_of_one_payoff_row_as_printed():
    pays = jnp.array([5.0, 1.0, 2.0, 2.0])
    kinds = [
        PLAIN,
        cw.Profile(svo=45.0),
        cw.Profile(prospect=1.0, reference=2.0),
        cw.Profile(envy=2.0, guilt=0.6),
    ]
    found = [float(p.utility(jnp.int32(i), pays)) for i, p in enumerate(kinds)]
    assert found == pytest.approx([5.0, 2.83, 0.0, -0.2], abs=0.005)


@pytest.mark.parametrize(("guilt", "gives"), [(0.55, False), (0.65, True)])
def test_a_free_rider_among_givers_gives_from_guilt_one_minus_mpcr(guilt, gives):
    def pay(gift):
        return jnp.array([1 - gift, 0.0, 0.0, 0.0]) + 0.4 * (gift + 3.0)

    profile = cw.Profile(guilt=guilt)
    better = profile.utility(jnp.int32(0), pay(1.0)) > profile.utility(jnp.int32(0), pay(0.0))
    assert bool(better) is gives


@pytest.mark.parametrize(("price", "right"), [(0.25, 0.982), (1.0, 0.731), (4.0, 0.562)])
def test_the_price_of_attention_sets_how_often_the_better_act_is_chosen(price, right):
    odds = cw.Profile(attention=price).choose(jnp.array([1.0, 0.0]), jnp.array([True, True]))
    assert float(odds[0]) == pytest.approx(right, abs=5e-4)


def test_traits_confidence_and_sycophancy_as_printed():
    traits = cw.Profile(svo=5.0, mach=0.6, neurotic=0.6, overconfident=0.5).with_traits()
    assert float(traits.loss) == pytest.approx(2.925, abs=1e-3)
    assert float(traits.confidence(jnp.float32(0.6))) == pytest.approx(0.87, abs=0.005)
    heard = cw.Profile(sycophancy=0.8).listen(jnp.float32(0.2), jnp.array([0.9, 0.1]), jnp.array([1.0, 0.0]))
    assert float(heard) == pytest.approx(0.73, abs=0.005)


def test_the_persona_says_what_the_numbers_say():
    told = cw.Profile(svo=45.0, prospect=1.0, reference=4.0, mach=0.8).persona("agent 1", "country A")
    assert "at 1.00 for each 1.00" in told and "matters 2.25 times" in told and "mislead" in told
    assert "mislead" not in PLAIN.persona("agent 1", "country A")


@pytest.mark.slow
def test_the_engine_blurs_what_is_seen_and_values_what_is_paid():
    societies = [cw.Society(Commons(), Constant(take=8.0), p) for p in (None, cw.Profile(svo=45.0))]
    plain, social = (cw.run(s) for s in societies)
    assert plain.felt is None and social.felt is not None
    assert np.allclose(social.felt, np.sqrt(2) * 8.0, atol=1e-5)
    assert np.array_equal(plain.net, social.net)
    rows = cw.Sight({"x": jnp.zeros(4), "i": jnp.arange(4)})
    seen = cw.Profile(noise=1.0).perceive(rows, jax.random.key(0))
    assert (seen["x"] != 0).all() and (seen["i"] == jnp.arange(4)).all()


def test_lapses_spread_over_legal_acts_only():
    odds = cw.Profile(lapse=0.3).choose(jnp.array([9.0, 0.0, 0.0]), jnp.array([True, True, False]))
    assert odds.tolist() == pytest.approx([0.85, 0.15, 0.0], abs=1e-5)
