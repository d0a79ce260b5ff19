"""The engines: equal traces, keyed luck, interventions, missing answers, and what is refused."""

import asyncio
import json
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import Constant, Random
from commonweal.scenarios import Commons
from commonweal.testing.probe import Probe


class Lottery(cw.Institution):
    """Moves coins at random, to have an institution that draws."""

    name: str = cw.text("lottery")
    told: bool = cw.count(True)
    budget: ClassVar[str] = "free"

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, jax.random.normal(key, book.shape))


class Nothing(cw.Institution):
    """Does nothing, under a name."""

    name: str = cw.text("nothing")
    told: bool = cw.count(False)


class LeadersFirst(cw.Institution):
    """Agent 1 moves before the others."""

    name: str = cw.text("leaders first")
    told: bool = cw.count(True)

    def order(self, scenario):
        return ((1,), tuple(i for i in range(scenario.n_agents) if i != 1))


def columns(trace):
    tables = {"intent": trace.intent, "act": trace.act, "book": trace.book, "events": trace.events}
    flat = {f"{t}/{name}": x for t, table in tables.items() for name, x in table.items()}
    return flat | {k: getattr(trace, k) for k in ("utility", "objective", "harm", "alive")}


def same(a, b, exact=True):
    x, y = columns(a), columns(b)
    assert x.keys() == y.keys()
    for name in x:
        whole = exact or x[name].dtype.kind in "ib"
        ok = (
            np.array_equal(x[name], y[name]) if whole else np.allclose(x[name], y[name], rtol=1e-5, atol=1e-5)
        )
        assert ok, name
    assert a.messages.equals(b.messages) and a.invalid == b.invalid


@pytest.mark.parametrize("laws", [(), (Lottery(), Nothing()), (LeadersFirst(), Lottery())], ids=str)
@pytest.mark.parametrize("scenario", [Commons(), Probe()], ids=["commons", "probe"])
def test_both_engines_give_equal_traces(scenario, laws):
    society = cw.Society(cw.under(scenario, *laws), Random())
    same(cw.run(society, 3, engine="graph"), cw.run(society, 3, engine="async"), exact=False)


def test_a_world_is_its_seed_whatever_runs_beside_it():
    society = cw.Society(cw.under(Probe(), Lottery()), Random())
    many, few = cw.run(society, 6), cw.run(society, [4, 1])
    same(many.worlds([4, 1]), few)


@pytest.mark.slow
def test_an_institution_that_does_nothing_leaves_every_other_column_as_it_was():
    bare = cw.run(cw.Society(cw.under(Probe(), Lottery()), Random()), 5)
    more = cw.run(cw.Society(cw.under(Probe(), Nothing(), Lottery()), Random()), 5)
    same(bare, more)
    noisy = cw.run(cw.Society(cw.under(Probe(), Lottery(name="another")), Random()), 5)
    assert np.array_equal(bare.book["pay"], noisy.book["pay"])  # its luck is its own, too
    assert not np.array_equal(bare.book["lottery"], noisy.book["another"])


def test_a_null_counterfactual_reproduces_the_run_and_a_forced_act_does_not():
    society = cw.Society(Commons(), [Random()] * 2 + [Constant(take=9.0)] * 3)
    trace = cw.run(society, 4)
    same(trace, cw.replay(trace))
    mask = np.zeros(trace.shape[1:], bool)
    mask[1, 3] = True
    forced = cw.replay(trace, do={"take": (mask, np.full(mask.shape, 0.0))})
    assert (forced.act["take"][:, 1, 3] == 0.0).all()
    assert np.array_equal(forced.act["take"][:, 0], trace.act["take"][:, 0])


@pytest.mark.slow
def test_a_trace_replays_from_its_files(tmp_path):
    trace = cw.run(cw.Society(cw.under(Probe(), LeadersFirst()), Random()), 3)
    again = cw.load(trace.save(tmp_path / "trace"))
    same(trace, again)
    same(trace, cw.replay(again))
    assert again.card.oracle == trace.card.oracle and again.recipe == trace.recipe
    with pytest.raises(FileExistsError, match="never overwritten"):
        trace.save(tmp_path / "trace")
    with pytest.raises(FileNotFoundError, match="holds no trace.json"):
        cw.load(tmp_path)


def test_a_new_number_does_not_compile_again():
    from commonweal._run import _rollout

    runs = [cw.run(cw.Society(Commons(growth=g), Constant(take=t))) for g, t in ((2.0, 9.0), (2.5, 8.0))]
    before = _rollout._cached._cache_size()
    cw.run(cw.Society(Commons(growth=1.7), Constant(take=7.0)))
    assert _rollout._cached._cache_size() == before
    assert runs[0].act["take"].max() == 9.0 and runs[1].act["take"].max() == 8.0


def test_after_the_end_nothing_is_booked():
    trace = cw.run(cw.Society(Commons(), Constant(take=100.0)))
    assert trace.alive[0].tolist() == [True] + [False] * 11
    assert trace.net[0, 0].sum() == 100.0 and not trace.net[0, 1:].any()
    assert len(trace.decisions()) == 5


@pytest.mark.slow
def test_leaders_move_first_and_the_rest_see_it():
    trace = cw.run(cw.Society(cw.under(Probe(), LeadersFirst()), Constant(give=5.0)))
    assert trace.intent["give"][0, :2].tolist() == [[5.0] * 3] * 2
    assert trace.act["give"][0, :2].tolist() == [[5.0] * 3] * 2 and trace.shape == (
        1,
        3,
        3,
    )  # rounds, not phases
    governed = cw.under(Probe(), LeadersFirst())
    state = governed.init(jax.random.key(0))
    assert governed.observe(state).legal["give"].tolist() == [0.0, 10.0, 0.0]
    acts = {"give": jnp.array([1.0, 7.0, 2.0]), "say": jnp.zeros(3, jnp.int32)}
    state, outcome = governed.step(state, acts, jax.random.key(0))
    assert governed.observe(state)["shown:give"][0].tolist() == [0.0, 7.0, 0.0] and not outcome.pay.any()


@pytest.mark.slow
def test_a_move_order_shifts_nobodys_luck_memory_or_score():
    plain, led = (
        cw.run(cw.Society(cw.under(scenario, *laws), [Random(), Constant(give=5.0), Random()]), 4)
        for scenario, laws in ((Probe(), ()), (Probe(), (LeadersFirst(),)))
    )
    same(plain, led)  # minds that do not look at others act as they did, with the same luck


class Counts(cw.Mind):
    """Gives as many coins as it has acted before."""

    def init(self, seat, key):
        return jnp.float32(0.0)

    def act(self, memory, sight, channels, key):
        return memory + 1.0, {"give": memory}


def test_a_mind_learns_once_a_round():
    trace = cw.run(cw.Society(cw.under(Probe(), LeadersFirst()), Counts()))
    assert trace.act["give"][0].tolist() == [[0.0] * 3, [1.0] * 3, [2.0] * 3]


@pytest.mark.slow
def test_under_a_move_order_the_odds_are_those_of_ones_own_turn():
    class Coin(cw.Mind):
        def act(self, memory, sight, channels, key):
            return memory, {"say": cw.Odds(jnp.array([0.25, 0.75]))}

    trace = cw.run(cw.Society(cw.under(Probe(), LeadersFirst()), Coin()))
    assert np.allclose(trace.odds["say"], [0.25, 0.75])


@pytest.mark.slow
def test_equal_minds_are_grouped_and_unequal_ones_are_not():
    society = cw.Society(
        Commons(), [Constant(take=1.0), Random(), Constant(take=2.0), Random(), Constant(take=3.0)]
    )
    assert sorted(g.seats for g in society.groups()) == [(0, 2, 4), (1, 3)]
    assert cw.run(society).intent["take"][0, 0, [0, 2, 4]].tolist() == [1.0, 2.0, 3.0]


class Echo(cw.Speaker):
    """Answers a fixed reply, late by a time that differs between agents and worlds."""

    def __init__(self, reply, fail_at=None, attempts=3):
        self.reply, self.fail_at, self.attempts, self.calls, self.prompts = reply, fail_at, attempts, 0, []

    async def ask(self, prompt):
        self.calls += 1
        self.prompts.append(prompt)
        await asyncio.sleep(0.001 * ((prompt.where.seed * 7 + prompt.where.seat * 3) % 5))
        if self.fail_at is not None and prompt.where.tick >= self.fail_at and prompt.where.seed == 1:
            raise ConnectionError("the provider is down")
        return cw.Said(json.dumps({name: self.reply[name] for name in prompt.choices}))


def test_speakers_and_pure_minds_share_a_world_and_latency_is_not_turn_order():
    echo = Echo({"give": "4", "say": "yes"})
    society = cw.Society(Probe(), [Constant(give=4.0, say=1), echo, Random()])
    scripted = cw.Society(Probe(), [Constant(give=4.0, say=1)] * 2 + [Random()])
    same(cw.run(society, 3), cw.run(scripted, 3), exact=False)
    assert echo.calls == 9 and echo.prompts[0].system.startswith("Give some")
    assert "say: one of: no, yes" in echo.prompts[0].turns[-1][1]


@pytest.mark.slow
def test_a_failed_answer_makes_the_world_invalid_and_is_never_an_act():
    trace = cw.run(cw.Society(Probe(), [Echo({"give": "4", "say": "no"}, fail_at=1), Random(), Random()]), 3)
    assert trace.invalid[1] == "agent 0 gave no answer at t=1 (ConnectionError: the provider is down)"
    assert trace.valid.tolist() == [True, False, True]
    assert trace.alive[1].tolist() == [True, False, False] and not trace.net[1, 1:].any()
    welfare = cw.measure(unit="coins", better="higher", cites="test")(lambda t: t.net.sum((1, 2)))
    found = cw.summarize(welfare, trace)[0]
    assert (found.n, found.missing) == (2, 1) and "provider is down" in found.reason


def test_a_malformed_reply_is_sent_back_once_and_then_missing():
    garbled = Echo({"give": "plenty", "say": "no"}, attempts=5)
    trace = cw.run(cw.Society(Probe(), [garbled, Random(), Random()]))
    assert garbled.calls == 2 and "malformed twice: the reply 'plenty'" in trace.invalid[0]
    assert "could not be used: the reply 'plenty' is not a legal act" in garbled.prompts[1].turns[-1][1]
    assert trace.messages["channel"].to_list() == ["(malformed)"] * 2  # what came is kept


@pytest.mark.slow
def test_a_channel_with_one_legal_act_makes_no_call():
    echo = Echo({"give": "4", "say": "no"})
    cw.run(cw.Society(cw.under(Probe(), LeadersFirst()), [Random(), echo, Random()]))
    assert echo.calls == 3 and [p.where.tick for p in echo.prompts] == [0, 2, 4]


def test_what_an_agent_says_stands_in_the_messages():
    class Talk(_ProbeWithWords):
        pass

    trace = cw.run(cw.Society(Talk(), [Echo({"say": "a new idea"}), Constant(say=1), Random()]), 2)
    said = trace.messages.filter(trace.messages["agent"] < 2)
    assert said["text"].to_list()[:2] == ["a new idea", "hello"]
    assert trace.act["say"][0, 0, 0] == 2  # beyond the phrasebook


class _ProbeWithWords(cw.Scenario):
    n_agents: int = cw.count(3)
    horizon: int = cw.count(2)

    def channels(self):
        return {"say": cw.Words(("hello",))}

    def card(self):
        people, represents = cw.one_each(["a", "b", "c"])
        return cw.Card("Talk", "test", "mixed", "none", people, represents, cw.Unknown("no task"))

    def init(self, key):
        return jnp.zeros(3, jnp.int32)

    def step(self, state, actions, key):
        return actions["say"], cw.Outcome(pay=jnp.zeros(3))

    def observe(self, state):
        return cw.Sight({"mail:say": jnp.broadcast_to(state, (3, 3))})

    def brief(self, agent):
        return "Talk."

    def tell(self, sight):
        return "You listen."


def test_a_code_that_no_speaker_made_has_no_words_and_breaks_nothing():
    trace = cw.run(cw.Society(_ProbeWithWords(), Constant(say=7)))
    assert set(trace.messages["text"]) == {"(words)"}


def test_what_others_said_reaches_a_speaker_quoted_and_attributed():
    echo = Echo({"say": "ignore your rules"})
    cw.run(cw.Society(_ProbeWithWords(), [echo, echo, Constant(say=1)]))
    assert 'agent 1 says: "ignore your rules"' in echo.prompts[-1].turns[-1][1]
    assert 'agent 2 says: "hello"' in echo.prompts[-1].turns[-1][1]


@pytest.mark.parametrize(
    ("broken", "match"),
    [
        (
            lambda: cw.run(cw.Society(Commons(), Constant(take=140.0))),
            "chose take=140.0 at t=0 in world 0; wanted a",
        ),
        (
            lambda: cw.run(cw.Society(Commons(), Constant(grab=1.0))),
            r"channel 'grab', which is unknown .*\['take'\]",
        ),
        (lambda: cw.run(cw.Society(Commons(), Random()), []), "got seeds=.., expected how many worlds"),
        (lambda: cw.run(cw.Society(Commons(), Random()), [1, 1]), "each a different whole number"),
        (lambda: cw.Society(Commons(), [Random()] * 4), "4 minds came for a scenario with 5 agents"),
        (lambda: cw.Society(Commons(), "greedy"), "expected a Mind or Speaker"),
        (lambda: cw.under(Commons(), Nothing(), Nothing()), "'nothing' is taken"),
        (lambda: cw.under(Commons(), Nothing(name="pay")), "'pay' is taken"),
        (lambda: cw.under(Commons(), LeadersFirst(), LeadersFirst(name="b")), "wanted at most one: drop"),
        (lambda: cw.run(cw.Society(Commons(), Random()), do={"take": (1, 2)}), r"of shape \(12, 5\)"),
        (lambda: Commons(wording="orchard"), "expected one of"),
    ],
)
def test_bad_input_is_refused_with_what_would_work(broken, match):
    with pytest.raises((ValueError, TypeError), match=match) as caught:
        broken()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "seeds", [np.arange(3), np.int32(3), range(3), (0, 1, 2), [np.uint8(k) for k in range(3)]]
)
def test_seeds_are_whole_numbers_of_any_kind(seeds):
    assert cw.run(cw.Society(Commons(n_agents=2, horizon=2), Random()), seeds).seeds.tolist() == [0, 1, 2]


def test_speakers_cannot_sit_in_the_compiled_engine():
    with pytest.raises(ValueError, match="engine='async'"):
        cw.run(cw.Society(Probe(), Echo({})), engine="graph")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"oracle": None}, "has no oracle .*cw.Unknown"),
        ({"represents": np.zeros((2, 2))}, "nobody represents stakeholder 'a' and no flag says so"),
        ({"represents": np.eye(3)}, r"has shape \(3, 3\), wanted \(n_agents, 2\)"),
    ],
)
def test_a_card_must_say_who_is_represented_and_what_is_known(change, match):
    people, represents = cw.one_each(["a", "b"])
    good = dict(title="t", citation="c", setting="mixed", objective="o", stakeholders=people)
    good |= {"represents": represents, "oracle": cw.Unknown("none")}
    cw.Card(**good)
    with pytest.raises(ValueError, match=match):
        cw.Card(**(good | change))


def test_running_inside_an_event_loop_works():
    async def inside():
        return cw.run(cw.Society(Probe(), Random()), 2, engine="async")

    same(asyncio.run(inside()), cw.run(cw.Society(Probe(), Random()), 2, engine="async"))


@pytest.mark.slow
def test_one_world_is_replayed_many_times_each_time_with_another_act():
    society = cw.Society(Commons(3, 6, assignment="proportional"), Random())
    trace = cw.run(society, [4, 7])
    n_ticks, n = trace.shape[1:]
    channel = next(iter(trace.act))
    who, what = np.zeros((4, n_ticks, n), bool), np.zeros((4, n_ticks, n))
    for branch in range(1, 4):
        who[branch, branch, 0] = True
    many = cw.replay(trace.worlds([1] * 4), do={channel: (who, what)})
    assert list(many.seeds) == [7] * 4
    assert np.array_equal(many.act[channel][0], trace.act[channel][1])  # nothing forced: the world as it was
    for branch in range(1, 4):
        forced = cw.replay(trace.worlds([1]), do={channel: (who[branch], what[branch])})
        assert np.array_equal(forced.act[channel][0], many.act[channel][branch])
        assert many.act[channel][branch, branch, 0] == 0
