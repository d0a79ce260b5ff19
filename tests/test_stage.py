"""The stage game, read off ticks; rules that remember or draw are refused by all who need one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import Audit, Redistribution
from commonweal.minds import FictitiousPlay, GradientPlay, QLearner, QuantalResponse, sessions
from commonweal.minds.dynamics import payoff_table
from commonweal.scenarios.matrix_game import prisoners_dilemma


class Late(cw.Institution):
    """Books something for everybody, from some tick on: a pay that depends on more than the joint act."""

    first: int = cw.count(2)
    every: int = cw.count(1)
    amount: jax.Array = cw.param(-100.0)
    name: str = cw.text("late")
    told: bool = cw.count(True)
    budget = "free"

    def init(self, scenario, key):
        return jnp.int32(0)

    def settle(self, memory, transition, book, key):
        due = (memory >= self.first) & ((memory - self.first) % self.every == 0)
        return cw.Settlement(memory + 1, jnp.where(due, self.amount, 0.0) * jnp.ones_like(book))


class Grudge(cw.Institution):
    """Fines everybody for ever after both have cooperated once."""

    name: str = cw.text("grudge")
    told: bool = cw.count(True)
    budget = "burning"

    def init(self, scenario, key):
        return jnp.array(False)

    def settle(self, memory, transition, book, key):
        fine = jnp.where(memory, -100.0, 0.0) * jnp.ones_like(book)
        return cw.Settlement(memory | (transition.act["act"] == 0).all(), fine)


class Last(cw.Institution):
    """Fines everybody in the last tick."""

    name: str = cw.text("last")
    told: bool = cw.count(True)
    budget = "burning"

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, jnp.where(transition.last, -100.0, 0.0) * jnp.ones_like(book))


READERS = {
    "gradients": lambda game: cw.Society(game, GradientPlay(steps=1)).prepare(),
    "fictitious play": lambda game: cw.Society(game, FictitiousPlay()).prepare(),
    "quantal response": lambda game: cw.Society(game, QuantalResponse()).prepare(),
    "sessions": lambda game: sessions(game, QLearner(), seeds=2, stable=10, cap=20, engine="jax"),
}


@pytest.mark.parametrize(
    "law", [Late(1), Late(2), Late(700), Grudge(), Last(), Audit(0.5, fine=1.0)], ids=str
)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_rule_that_remembers_or_draws_is_refused_however_late_it_shows(reader, law):
    with pytest.raises(ValueError, match="depend"):
        reader(cw.under(prisoners_dilemma(horizon=1000), law))


DUST = Late(1, 2, 4.8e-7)  # every other tick what rounding may: the last bit of 4


@pytest.mark.parametrize("reader", [READERS["sessions"], READERS["quantal response"]])
def test_a_pay_that_differs_by_rounding_is_the_same_pay(reader):
    reader(cw.under(prisoners_dilemma(horizon=1000), DUST))


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_rule_of_the_tick_alone_is_read(reader):
    reader(cw.under(prisoners_dilemma(horizon=1000), Redistribution(0.5)))


def test_the_stage_game_of_a_dilemma_whose_pay_is_shared():
    found = payoff_table(cw.under(prisoners_dilemma(), Redistribution(1.0)), "act", "it")
    assert np.allclose(found[0], [[3.0, 2.5], [2.5, 1.0]]) and np.allclose(found[0], found[1])
