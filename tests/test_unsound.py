"""A world whose accounts are no numbers is invalid, with what and when, in both engines and in evolution."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal._columns import unsound
from commonweal._measure import summarize
from commonweal.institutions import DeathBirth
from commonweal.measures import welfare
from commonweal.minds import Constant
from commonweal.minds.strategies import always_cooperate
from commonweal.scenarios import MatrixGame
from commonweal.testing.probe import Probe

WHERE = ["", "pay", "utility", "objective", "harm"]


class Cracked(cw.Scenario):
    """A game of two that pays 1 a tick; in half of the worlds, at t=1, one column is no number."""

    where: jnp.ndarray = cw.param()  # which of WHERE
    what: jnp.ndarray = cw.param(within=None)
    horizon: int = cw.count(3)
    n_agents: int = cw.count(2)

    def channels(self):
        return {"say": cw.Choice(("no", "yes"))}

    def card(self):
        people, represents = cw.one_each(["a", "b"], 0.0, 9.0)
        unknown = cw.Unknown("by hand")
        return cw.Card("Cracked", "", "mixed", "pay", people, represents, unknown, (cw.Value("life"),))

    def init(self, key):
        return jnp.int32(0), jax.random.bernoulli(key)

    def step(self, state, actions, key):
        t, bad = state
        hit = jnp.where((t == 1) & bad, self.what, 0.0)
        at = [jnp.where(self.where == i, hit, 0.0) for i in range(5)]
        outcome = cw.Outcome(
            pay=1.0 + jnp.where(jnp.arange(2) == 1, at[1], 0.0),
            utility=jnp.ones(2) + at[2],
            objective=2.0 + at[3],
            harm=jnp.zeros((2, 1)) + at[4],
        )
        return (t + 1, bad), outcome

    def observe(self, state):
        return cw.Sight({"t": jnp.full(2, state[0], jnp.float32)})

    def brief(self, agent):
        return "Say yes or no."

    def tell(self, sight):
        return ""


class Leaky(cw.Institution):
    """Books 1 / 0 from t=1 on."""

    name: str = cw.text("leaky")
    told: bool = cw.count(False)

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, 1.0 / jnp.where(transition.t == 1, 0.0, jnp.ones_like(book)))


def society(where, what):
    return cw.Society(Cracked(where=float(where), what=what), Constant(say=1))


@pytest.mark.parametrize("engine", ["graph", "async"])
@pytest.mark.parametrize(("what", "said"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_what_is_no_number_makes_its_world_invalid(engine, what, said):
    for where, name in enumerate(WHERE):
        trace = cw.run(society(where, what), 8, engine=engine)
        sound = np.isfinite(trace.net).all(axis=(1, 2)) if name == "pay" else None
        told = {why for why in trace.invalid if why}
        assert told == ({f"{name} is {said} at t=1"} if name else set())
        if sound is not None:
            assert 0 < sound.sum() < 8 and np.array_equal(trace.valid, sound)


def test_the_lost_worlds_are_counted_and_never_averaged_away():
    trace = cw.run(society(1, np.nan), 8)
    lost = 8 - int(trace.valid.sum())
    (found,) = summarize(welfare, trace)
    assert found.value == 6.0 and found.n == 8 - lost and found.missing == lost
    assert f"{lost} invalid: pay is nan at t=1" in found.reason  # it was 6.00 without a word
    assert f"{lost} invalid: pay is nan at t=1" in str(cw.alignment(trace))


def test_what_an_institution_booked_is_named():
    trace = cw.run(cw.Society(cw.under(Probe(n_agents=2, horizon=3), Leaky()), Constant(give=1.0)), 2)
    assert trace.invalid == ("what 'leaky' booked is inf at t=1",) * 2


def test_the_first_column_and_tick_are_named_and_sound_ones_pass():
    pay, harm = np.ones((3, 4, 2)), np.zeros((3, 4, 2, 1))
    pay[1, 2, 0], harm[1, 1, 1, 0], pay[2, 3, 1] = np.nan, np.inf, -np.inf
    assert unsound({"pay": pay, "harm": harm}) == ["", "harm is inf at t=1", "pay is -inf at t=3"]
    assert unsound({"pay": np.full((1, 2, 3), 3e38, np.float32)}) == [""]  # whose sum alone overflows
    assert unsound({"pay": np.zeros((0, 2, 3))}) == []


def test_a_generation_that_earned_no_number_is_invalid_also_where_it_was_not_recorded():
    broken = MatrixGame([[[3.0, 0.0], [5.0, 1.0]], [[3.0, 5.0], [0.0, 1.0]]], horizon=1)
    broken = eqx.tree_at(lambda g: g.payoffs, broken, jnp.full((2, 2, 2), jnp.nan))
    home = cw.Society(cw.under(broken, DeathBirth()), [always_cooperate()] * 2)
    assert cw.evolve(home, 4, 2, every=2).trace.invalid == ("pay is nan in generation 0",) * 2
