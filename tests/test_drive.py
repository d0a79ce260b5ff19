"""A world driven from Python: the same world, one compiled call a tick."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

import commonweal as cw
from commonweal._drive import Drive, _compiled
from commonweal._tick import Do
from commonweal.institutions import Audit, Commitment
from commonweal.minds import Random
from commonweal.scenarios import Commons, NamingGame
from commonweal.scenarios.matrix_game import prisoners_dilemma

LAKE = Commons(n_agents=3, horizon=6, assignment="proportional")


def driven(society, seed):
    """Intents and payoffs, tick by tick, and the sights before each."""
    drive = Drive(society.prepare())
    at, now = drive.start(seed)
    intents, pays, seen = [], [], []
    for _ in range(society.scenario.horizon):
        seen.append(now.sights)
        at, row, now = drive.step(at, now.intent)
        intents.append(row["intent"])
        pays.append(row["book"]["pay"])
    return intents, np.stack(pays), seen


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario", [LAKE, cw.under(LAKE, Audit(probability=0.5, fine=1.0)), NamingGame(n_agents=4, horizon=5)]
)
def test_a_driven_world_is_the_world_that_run_gives(scenario):
    society = cw.Society(scenario, Random())
    trace = cw.run(society, [7, 8])
    intents, pays, _ = driven(society, 7)
    np.testing.assert_allclose(pays, trace.book["pay"][0], rtol=1e-6)
    for name in trace.intent:
        np.testing.assert_array_equal(np.stack([x[name] for x in intents]), trace.intent[name][0])


def test_what_is_told_keeps_its_kinds_and_shapes():
    society = cw.Society(cw.under(LAKE, Commitment(leaders=(0,))), Random()).prepare()
    _, now = Drive(society).start(0)
    assert now.over.dtype == bool and now.over.shape == () and not now.over
    assert now.sights["stock"].dtype == np.float32 and now.sights["stock"].tolist() == [100.0] * 3
    assert now.sights["turn"].dtype == np.int32
    assert now.sights.legal["take"].tolist() == [100.0, 0.0, 0.0]  # the leader moves first


@pytest.mark.slow
def test_a_new_number_compiles_nothing_new():
    before = _compiled.cache_info().currsize
    for fine in (1.0, 2.0, 3.0):
        law = Audit(probability=1.0, fine=fine)
        drive = Drive(cw.Society(cw.under(prisoners_dilemma(horizon=2), law), Random()))
        at, now = drive.start(0)
        _, row, _ = drive.step(at, {"act": np.array([1, 0], np.int32)})
        assert row["book"]["audit"].tolist() == [-fine, 0.0]
    assert _compiled.cache_info().currsize == before + 1
    assert drive._step._flat._cache_size() == 1


class Notice(cw.Institution):
    """Shows everybody some numbers, however many there are."""

    numbers: Array = cw.param()
    name: str = cw.text("notice")
    told: bool = cw.count(True)

    def view(self, memory, sights):
        return sights.tell(notice=jnp.broadcast_to(self.numbers, (2, *self.numbers.shape)))


@pytest.mark.slow
def test_numbers_of_another_shape_are_other_code():
    societies = [
        cw.Society(cw.under(prisoners_dilemma(horizon=2), Notice(numbers)), Random())
        for numbers in ([1.0, 2.0], [3.0, 4.0, 5.0])
    ]
    drives = [Drive(society) for society in societies]
    shown = [drive.start(0)[1].sights["notice"].tolist() for drive in drives]
    assert shown == [[[1.0, 2.0]] * 2, [[3.0, 4.0, 5.0]] * 2]
    at, _ = drives[0].start(1)  # the first again, after the second
    assert drives[0].step(at, {"act": np.zeros(2, np.int32)})[2].sights["notice"].shape == (2, 2)


class Keeper(cw.Mind):
    """Remembers a key, small numbers and truths, and acts by all of them."""

    def init(self, seat, key):
        return key, jnp.zeros(3, jnp.bfloat16), jnp.ones((2, 0)), jnp.int8(-3), jnp.array(False)

    def act(self, memory, sight, channels, key):
        kept, small, empty, count, flag = memory
        heads = jax.random.bernoulli(kept) ^ flag
        act = jnp.where((small[0] > 0.7) & (count > -2), 1, heads.astype(jnp.int32))
        return (
            jax.random.fold_in(kept, act),
            small + jnp.bfloat16(0.5),
            empty,
            count + jnp.int8(1),
            ~flag,
        ), {"act": act}


@pytest.mark.slow
def test_what_a_mind_remembers_comes_back_whatever_its_kind():
    society = cw.Society(prisoners_dilemma(horizon=8), Keeper())
    plain, stepped = (cw.run(society, 4, engine=engine) for engine in ("graph", "async"))
    assert np.array_equal(plain.act["act"], stepped.act["act"]) and 0 < plain.act["act"].mean() < 1


def test_a_world_goes_on_as_it_was_forced_whatever_starts_beside_it():
    drive = Drive(cw.Society(prisoners_dilemma(horizon=2), Random()).prepare())
    at, now = drive.start(0, Do({"act": (np.ones((2, 2), bool), np.ones((2, 2), np.int32))}))
    drive.start(0)
    assert now.intent["act"].tolist() == drive.step(at, now.intent)[2].intent["act"].tolist() == [1, 1]
