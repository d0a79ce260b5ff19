"""Exact play: small games worked by hand, what is refused, and the minds that play the solution."""

import itertools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import Commitment, Subsidy
from commonweal.minds import EquilibriumPlay, Planned
from commonweal.minds.equilibrium import solve, unfold
from commonweal.scenarios import Commons
from commonweal.scenarios.matrix_game import MatrixGame

DILEMMA = [[[3, 0], [5, 1]], [[3, 5], [0, 1]]]  # acts: 0 cooperate, 1 defect
SEXES = [[[2, 0], [0, 1]], [[1, 0], [0, 2]]]
PENNIES = [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]


def duel(payoffs, horizon=1):
    return MatrixGame(payoffs, horizon=horizon)


class Trail(cw.Scenario):
    """Two agents give or keep, and a mark says whether both gave last time; then giving pays more."""

    n_agents: int = cw.count(2)
    horizon: int = cw.count(2)
    chance: jax.Array = cw.param(0.0)

    def channels(self):
        return {"give": cw.Choice(("keep", "give"))}

    def card(self):
        people, represents = cw.one_each([f"agent {i}" for i in range(self.n_agents)])
        return cw.Card("Trail", "by hand", "mixed", "coins", people, represents, cw.Unknown("by hand"))

    def init(self, key):
        return jnp.int32(0)

    def step(self, state, actions, key):
        give = actions["give"].astype(jnp.float32)
        back = jnp.where(state == 1, 1.5, 0.75)  # of each coin, to each: more than its price, or less
        luck = jax.random.bernoulli(key, self.chance).astype(jnp.float32)
        pay = give.sum() * back - give + luck
        mark = (give.sum() == 2).astype(jnp.int32)
        return mark, cw.Outcome(pay=pay, events={"cooperated": give, "excess": 1.0 - give})

    def observe(self, state):
        return cw.Sight({"mark": jnp.broadcast_to(state, (self.n_agents,))})

    def brief(self, agent):
        return "Give or keep."

    def tell(self, sight):
        return f"The mark is {int(sight['mark'])}."


class Parting(cw.Scenario):
    """Agent 0 picks a room: in the first the others match pennies, in the second they agree on one."""

    n_agents: int = cw.count(3)
    horizon: int = cw.count(1)
    alone: bool = cw.count(True)

    def channels(self):
        return {"act": cw.Choice(("left", "right"))}

    def card(self):
        people, represents = cw.one_each(["a", "b", "c"])
        return cw.Card("Parting", "by hand", "mixed", "coins", people, represents, cw.Unknown("by hand"))

    def init(self, key):
        return jnp.int32(0)

    def step(self, state, actions, key):
        room, x, y = actions["act"]
        same = (x == y).astype(jnp.float32)
        others = jnp.where(room == 0, jnp.stack([same, 1.0 - same]), jnp.stack([same, same]))
        pay = jnp.concatenate([jnp.where(room == 0, 5.0, 1.0)[None], others])
        return state + 1, cw.Outcome(pay=pay, events={"cooperated": jnp.ones(3), "excess": jnp.zeros(3)})

    def observe(self, state):
        return cw.Sight({"round": jnp.broadcast_to(state, (3,))})

    def brief(self, agent):
        return "Go left or right."

    def tell(self, sight):
        return "Choose."


# ------------------------------------------------------------------------------------------ solving


def test_the_prisoners_dilemma_has_one_equilibrium():
    found = solve(duel(DILEMMA))
    assert found.play["act"].tolist() == [[1, 1]]
    assert found.value.tolist() == [1.0, 1.0]
    assert found.equilibria.tolist() == [1]
    assert found.regret.max() <= 0.0  # nobody gains alone; keeping the act gains exactly nothing
    assert found.task_regret.tolist() == [3.0, 3.0]  # from 1 + 1 to 5 + 0: cooperating alone adds 3 in all


def test_of_several_equilibria_the_first_agents_pay_decides():
    found = solve(duel(SEXES))
    assert found.first["act"].tolist() == [[0, 0], [1, 1]]
    assert found.value.tolist() == [2.0, 1.0]


@pytest.mark.parametrize(("leader", "value"), [(0, [2.0, 1.0]), (1, [1.0, 2.0])])
def test_a_leader_gets_the_equilibrium_it_likes(leader, value):
    found = solve(cw.under(duel(SEXES), Commitment((leader,))))
    assert found.value.tolist() == value
    assert found.play["act"].shape == (2, 2)  # two turns a round


def test_a_game_without_pure_equilibrium_says_where_and_what_would_work():
    with pytest.raises(ValueError, match=r"no pure equilibrium at t=0 .*; wanted .* move first"):
        solve(duel(PENNIES))
    assert solve(cw.under(duel(PENNIES), Commitment((0,)))).value.tolist() == [-1.0, 1.0]


def test_a_subgame_without_equilibrium_stops_those_who_choose_at_once():
    class Twice(cw.Institution):
        """Pennies in the second round if both chose act 0 in the first, else nothing at stake."""

        name: str = cw.text("twice")
        told: bool = cw.count(False)
        budget: ClassVar[str] = "free"

        def init(self, scenario, key):
            return jnp.int32(0)

        def settle(self, memory, transition, book, key):
            x, y = transition.act["act"]
            odd = jnp.where(x == y, 1.0, -1.0)
            delta = jnp.where(memory == 1, jnp.stack([odd, -odd]), jnp.zeros(2))
            return cw.Settlement(1 - (x | y), delta)

    calm = duel(np.zeros((2, 2, 2)), horizon=2)
    assert solve(calm).equilibria.tolist() == [4, 4]
    with pytest.raises(ValueError, match="no pure equilibrium at t=1"):
        solve(cw.under(calm, Twice()))


def test_a_leader_avoids_the_room_where_play_never_settles():
    with pytest.raises(ValueError, match="no pure equilibrium at t=0"):
        solve(Parting())  # all at once: whoever picks the rooms prefers the first
    found = solve(cw.under(Parting(), Commitment((0,))))
    assert found.play["act"][0, 0] == 1
    assert found.counts[1].tolist() == [0, 2]
    assert found.value.tolist() == [1.0, 1.0, 1.0]  # though the first room would pay the leader 5


def test_backward_induction_through_a_state_worked_by_hand():
    """With the mark, giving is worth 1.5 to the giver: both give, 2 each. To get it, both must give first.

    Round 1, both give: 2 * .75 - 1 = .5 each, then 2. One gives: .75 - 1 = -.25 and .75, then 0.
    So (give, give) is worth 2.5 and leaving it .75; (keep, keep) is worth 0 and leaving it -.25.
    """
    found = solve(Trail())
    assert found.first["give"].tolist() == [[0, 0], [1, 1]]
    assert found.play["give"].tolist() == [[1, 1], [1, 1]]
    np.testing.assert_allclose(found.value, [2.5, 2.5])
    assert [len(c) for c in found.counts] == [1, 2]
    assert found.table.t.tolist() == [0, 1, 1]
    assert found.table.facts["mark"][:, 0].tolist() == [0, 0, 1]
    assert found.table.acts["give"][:, 0].tolist() == [1, 0, 1]


def test_institutions_are_part_of_the_game():
    paid = cw.under(duel(DILEMMA), Subsidy("cooperated", rate=2.5))
    assert solve(paid).play["act"].tolist() == [[0, 0]]
    assert solve(paid).value.tolist() == [5.5, 5.5]


@pytest.mark.parametrize("seed", range(5))
def test_random_games_against_a_loop(seed):
    """Every joint act is called an equilibrium exactly if no deviation, tried one by one, gains."""
    pay = np.random.default_rng(seed).integers(0, 4, (3, 2, 2, 2)).astype(float)

    def stable(joint):
        gains = (
            pay[i][(*joint[:i], other, *joint[i + 1 :])] - pay[i][joint] for i in range(3) for other in (0, 1)
        )
        return max(gains) <= 0

    wanted = [list(joint) for joint in itertools.product((0, 1), repeat=3) if stable(joint)]
    if not wanted:
        with pytest.raises(ValueError, match="no pure equilibrium"):
            solve(duel(pay))
        return
    found = solve(duel(pay))
    assert found.first["act"].tolist() == wanted
    best = max(wanted, key=lambda joint: pay[0][tuple(joint)])
    assert found.play["act"][0].tolist() == best


# -------------------------------------------------------------------------------------- what is refused


def test_amounts_luck_and_size_are_refused():
    with pytest.raises(ValueError, match="'take' takes any amount; an exact solution wants options only"):
        solve(Commons())
    with pytest.raises(ValueError, match="what follows at t=0 depends on luck"):
        solve(Trail(chance=0.2))
    with pytest.raises(ValueError, match="has 4,194,304 transitions by t=0; wanted at most 2,000,000"):
        solve(Trail(n_agents=22))
    with pytest.raises(ValueError, match="select='nicest'; wanted 'best' or 'worst'"):
        solve(Trail(), "nicest")


def test_an_unprepared_mind_says_what_to_do():
    with pytest.raises(TypeError, match="prepared for a game"):
        EquilibriumPlay().act(None, None, {}, None)


# --------------------------------------------------------------------------------------------- minds


@pytest.mark.slow
def test_equilibrium_play_is_the_solved_path_on_both_engines():
    society = cw.Society(Trail(), EquilibriumPlay())
    for engine in ("graph", "async"):
        trace = cw.run(society, 2, engine=engine)
        assert (trace.act["give"] == 1).all()
    np.testing.assert_allclose(trace.net.sum(axis=1)[0], solve(Trail()).value)
    assert np.array_equal(cw.replay(trace).net, trace.net)


def test_equilibrium_play_answers_off_the_path():
    """Agent 0 is made to keep in the first round: without the mark nobody gives any more."""
    force = {"give": (np.array([[True, False], [False, False]]), np.zeros((2, 2), int))}
    trace = cw.run(cw.Society(Trail(), EquilibriumPlay()), 1, do=force)
    assert trace.act["give"][0].tolist() == [[0, 1], [0, 0]]


def test_a_sight_that_is_in_no_state_gets_the_path():
    ready = EquilibriumPlay().prepare(cw.under(Trail()), 0, jax.random.key(0))
    memory, acts = ready.act(jnp.int32(1), cw.Sight({"mark": jnp.int32(7)}), {}, jax.random.key(0))
    assert int(acts["give"]) == 1 and int(memory) == 2
    _, acts = ready.act(jnp.int32(1), cw.Sight({"mark": jnp.int32(0)}), {}, jax.random.key(0))
    assert int(acts["give"]) == 0


@pytest.mark.slow
def test_followers_see_the_leader():
    society = cw.Society(cw.under(duel(SEXES), Commitment((1,))), EquilibriumPlay())
    assert cw.run(society, 1).act["act"][0, -1].tolist() == [1, 1]
    force = {"act": (np.array([[False, True]]), np.zeros((1, 2), int))}
    assert cw.run(society, 1, do=force).act["act"][0, -1].tolist() == [0, 0]


def test_a_plan_is_played_tick_by_tick():
    plan = {"act": np.array([[0, 1], [1, 0], [1, 1]])}
    trace = cw.run(cw.Society(duel(DILEMMA, horizon=4), Planned(plan)), 1)
    assert trace.act["act"][0].tolist() == [[0, 1], [1, 0], [1, 1], [1, 1]]
    again = cw.run(cw.Society(duel(DILEMMA, horizon=4), Planned({"act": trace.intent["act"][0]})), 1)
    assert np.array_equal(again.net, trace.net)


@pytest.mark.slow
def test_the_minds_obey_the_laws():
    cw.check(EquilibriumPlay(), Trail())
    cw.check(Planned({"give": np.array([[1, 0], [0, 1]])}), Trail())


def test_the_game_is_unfolded_once():
    assert unfold(Trail()) is unfold(Trail())
    assert unfold(Trail()) is not unfold(Trail(horizon=1))
