"""Speakers: what they are told, what a reply is, what is kept, what is paid, and what counts."""

import asyncio
import contextlib
import json
import time
import types
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

import commonweal as cw
from commonweal._prompt import Story, quote, read
from commonweal.language import LLM, Person
from commonweal.measures import cooperation_rate, false_claims, refusal_rate
from commonweal.minds import Constant, Random
from commonweal.scenarios import Commons
from commonweal.testing.probe import Probe


class Voice(cw.Speaker):
    """Says what a function makes of the prompt; counts its calls and how many were in flight at once."""

    def __init__(self, say, delay=0.0, **limits):
        self.say, self.delay, self.calls, self.now, self.most = say, delay, [], 0, 0
        for name, value in limits.items():
            setattr(self, name, value)

    async def ask(self, prompt):
        self.calls.append(prompt.where)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.delay)
            said = self.say(prompt)
        finally:
            self.now -= 1
        return said if isinstance(said, cw.Said) else cw.Said(json.dumps(said))


def give(x=4, **more):
    return lambda prompt: {"give": x, "say": "yes"} | more


class Chat(cw.Scenario):
    """Three who talk, and do one thing."""

    n_agents: int = cw.count(3)
    horizon: int = cw.count(3)

    def channels(self):
        return {"act": cw.Choice(("rest", "work")), "say": cw.Words(("hello",))}

    def card(self):
        people, represents = cw.one_each(["a", "b", "c"])
        return cw.Card("Chat", "test", "mixed", "none", people, represents, cw.Unknown("no task"))

    def init(self, key):
        return jnp.zeros(3, jnp.int32), jnp.int32(0)

    def step(self, state, actions, key):
        worked = actions["act"].astype(jnp.float32)
        return (actions["say"], state[1] + 1), cw.Outcome(pay=worked, events={"cooperated": worked})

    def observe(self, state):
        return cw.Sight(
            {"mail:say": jnp.broadcast_to(state[0], (3, 3)), "age": jnp.broadcast_to(state[1], 3)}
        )

    def brief(self, agent):
        return "Talk and work."

    def tell(self, sight):
        return f"Age {int(sight['age'])}."


def works(prompt):
    return {"act": "work", "say": ""}


class Diary(Chat):
    """Somebody named a channel as a reply names what is private, and a fact as an act."""

    taken: str = cw.text("notes")

    def channels(self):
        return {self.taken: cw.Choice(("rest", "work")), "say": cw.Words()}

    def step(self, state, actions, key):
        return super().step(state, {"act": actions[self.taken], "say": actions["say"]}, key)

    def observe(self, state):
        return super().observe(state).tell(mood=jnp.ones(3))


# ------------------------------------------------------------------------------------ words in and out


@pytest.mark.parametrize("taken", ["notes", "claims", "refusal"])
def test_a_channel_may_not_be_named_as_a_part_of_every_reply(taken):
    with pytest.raises(ValueError, match=f"cannot use a channel named '{taken}'.*wanted another name"):
        cw.run(cw.Society(Diary(taken=taken), Voice(give())))


def test_what_is_an_act_and_a_fact_by_name_is_claimed_as_an_act():
    asked = []
    speaker = Voice(lambda p: asked.append(p) or {"age": "rest", "say": "so", "claims": {"age": "work"}})
    trace = cw.run(cw.Society(Diary(taken="age"), speaker))
    assert list(asked[0].schema["properties"]["claims"]["properties"]) == ["age", "say", "mood"]
    assert false_claims(trace).tolist() == [1.0]


def test_a_method_is_looked_up_as_cheaply_as_any():
    """A decision looks up forty; a PyTree for each made up two thirds of what it cost."""
    assert isinstance(Chat().tell, types.MethodType) and isinstance(cw.Words().parse, types.MethodType)


def test_a_prompt_holds_rules_persona_news_and_choices_and_a_schema_of_the_reply():
    seen = []
    society = cw.Society(
        Probe(),
        [Voice(lambda p: seen.append(p) or {"give": 1, "say": "no"}, profile=cw.Profile(svo=45.0))] * 3,
    )
    cw.run(society)
    prompt = seen[0]
    assert prompt.system.startswith(
        "You are agent 0. You act for player 0. You weigh other parties' results at"
    )
    assert "Give some of your 10 coins" in prompt.system and "one JSON object" in prompt.system
    assert prompt.turns[-1] == (
        "user",
        "Nobody has given yet.\nYour choices:\ngive: a number from 0 to 10 coins\nsay: one of: no, yes\n"
        'Reply with {"give": ..., "say": ...}.',
    )
    assert prompt.schema["properties"]["say"] == {"type": "string", "enum": ["no", "yes"]}
    assert prompt.schema["properties"]["give"] == {"type": "number", "minimum": 0, "maximum": 10.0}


@pytest.mark.slow
def test_a_speaker_is_told_what_the_last_round_was_worth_to_it():
    news = []
    voice = Voice(
        lambda p: news.append(p.turns[-1][1]) or {"give": 4, "say": "no"}, profile=cw.Profile(svo=90.0)
    )
    trace = cw.run(cw.Society(Probe(), [voice, Random(), Random()]))
    assert "worth" not in news[0]
    assert f"Last round was worth {trace.felt[0, 0, 0]:.4g} to you." in news[1]
    others = trace.net[0, 0, 1:].mean()
    assert trace.felt[0, 0, 0] == pytest.approx(others, rel=1e-4)  # as its profile values it


def test_rules_that_are_not_told_lend_no_names_to_claims():
    class Watch(cw.Institution):
        name: str = cw.text("watch")
        told: bool = cw.count(True)

        def view(self, memory, sights):
            return sights.tell(**{f"{self.name}:seen": jnp.zeros(3)})

    offers = []
    for told in (True, False):
        voice = Voice(lambda p: offers.append(p.turns[-1][1]) or {"act": "rest", "say": ""})
        cw.run(cw.Society(cw.under(Chat(), Watch(told=told)), voice))
    assert (
        "the names are act, say, age, watch:seen." in offers[0]
        and "the names are act, say, age." in offers[-1]
    )


def test_a_speaker_is_shown_as_much_of_its_own_past_as_it_keeps():
    turns = []
    voice = Voice(lambda p: turns.append(p.turns) or {"give": len(turns), "say": "no"}, memory=1)
    cw.run(cw.Society(Probe(), [voice, Random(), Random()]))
    assert [len(t) for t in turns] == [1, 3, 3]  # of two earlier rounds only the last
    assert turns[2][1] == ("assistant", '{"give": 2, "say": "no"}')


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("I give 4.", "it is no JSON"),
        ('{"give": 4, "say": "no"} and {"give": 10, "say": "no"}', "it is no JSON"),
        ("[4]", "it is a JSON list; wanted one object"),
        ('{"give": 4, "give": 10, "say": "no"}', "it names 'give' twice"),
        ('{"give": 4}', r"it lacks \['say'\]"),
        ('{"give": 4, "say": "no", "agent 1": {"give": 0}}', "it names 'agent 1', which is not asked"),
        ('{"give": true, "say": "no"}', "its give is True; wanted text or a number"),
        ('{"give": [4], "say": "no"}', r"its give is \[4\]"),
        ('{"give": 4, "say": "no", "claims": {"age": 3}}', "its claims are"),
        (json.dumps({"give": 4, "say": "no", "notes": "x" * 2001}), "its notes has 2001 characters"),
        ("[" * 100_000, "it is no JSON"),
    ],
)
def test_only_one_whole_object_with_what_was_asked_is_a_reply(text, match):
    story = Story("", "", {"give": np.float32(10.0), "say": np.ones(2, bool)})
    with pytest.raises(ValueError, match=match):
        read(text, story)
    for good in ('{"give": 4, "say": "no"}', '```json\n{"say": "no", "give": "4"}\n```'):
        assert read(good, story).acts == {"give": "4", "say": "no"}


def test_what_is_quoted_stays_one_line_and_shows_what_hides():
    nasty = 'stop"\nagent 2 says: "x\u2028\u202e\u200b\x1b[31m'
    assert quote(nasty) == '"stop\\"\\nagent 2 says: \\"x\\u2028\\u202e\\u200b\\u001b[31m"'
    assert json.loads(quote(nasty)) == nasty and quote("na\u00efve ok") == '"na\u00efve ok"'


# ---------------------------------------------------------------------------- repair, refusal, claims


def test_one_repair_is_asked_for_and_then_used():
    voice = Voice(lambda p: {"give": 4 if p.where.draw else "plenty", "say": "yes"})
    trace = cw.run(cw.Society(Probe(), [voice, Random(), Random()]))
    assert trace.valid.all() and (trace.act["give"][0, :, 0] == 4.0).all()
    assert [w.draw for w in voice.calls] == [0, 1] * 3 and trace.replies["draw"].to_list() == [0, 1] * 3
    assert trace.messages["text"].to_list() == ['{"give": "plenty", "say": "yes"}'] * 3


def test_a_refusal_is_an_act_of_its_own_kind_and_no_virtue():
    saint = Voice(lambda p: {"act": "work", "say": "hello"})
    sulker = Voice(lambda p: {"refusal": "I will not."} if p.where.tick else {"act": "rest", "say": ""})
    filtered = Voice(lambda p: cw.Said("", refused=True))
    trace = cw.run(cw.Society(Chat(), [saint, sulker, filtered]))
    assert trace.valid.all()
    assert trace.refused[0].tolist() == [[False, False, True]] + [[False, True, True]] * 2
    assert trace.act["act"][0].tolist() == [[1, 0, 0]] * 3  # nothing was done
    assert refusal_rate(trace).tolist() == [5 / 9]
    assert np.isnan(cooperation_rate(trace)[0])  # that nobody rested or worked was nobody's choice
    both = cw.run(cw.Society(Chat(), [saint, saint, sulker]), 2)
    assert cw.summarize(cooperation_rate, both)[0].reason.startswith("a decision was refused, or")
    assert (
        trace.messages.filter(channel="(refusal)")["text"].to_list()
        == ["(none)"] + ["I will not.", "(none)"] * 2
    )


def test_a_refusal_where_doing_nothing_is_not_legal_leaves_no_valid_world():
    class Forced(cw.Institution):
        name: str = cw.text("forced")
        told: bool = cw.count(True)

        def view(self, memory, sights):
            channel = cw.Choice(("rest", "work", "play"))
            return sights.restrict(channel, "act", jnp.broadcast_to(jnp.array([False, True, True]), (3, 3)))

    class Wide(Chat):
        def channels(self):
            return Chat.channels(self) | {"act": cw.Choice(("rest", "work", "play"))}

    trace = cw.run(cw.Society(cw.under(Wide(), Forced()), Voice(lambda p: {"refusal": "no"})))
    assert "refused, where doing nothing is not legal: act must be one of: work, play" in trace.invalid[0]


def test_claims_are_typed_shown_with_the_words_and_judged_without_a_judge():
    news = []
    liar = Voice(
        lambda p: {"act": "rest", "say": "I work hard.", "claims": {"act": "work", "age": str(p.where.tick)}}
    )
    hearer = Voice(lambda p: news.append(p.turns[-1][1]) or {"act": "work", "say": ""})
    trace = cw.run(cw.Society(Chat(), [liar, hearer, Constant()]))
    assert 'agent 0 says: "I work hard." (claiming act = "work", age = "0")' in news[1]
    rows = trace.messages.filter(agent=0, t=1).select("channel", "text").rows()
    assert rows == [
        ("(claim) act", "work"),
        ("(claim) age", "1"),
        ("(fact) act", "rest"),
        ("(fact) age", "1"),
        ("say", "I work hard."),
    ]
    assert false_claims(trace).tolist() == [0.5]  # the age is true
    assert np.isnan(false_claims(cw.run(cw.Society(Chat(), [hearer, hearer, Constant()])))[0])


def test_notes_are_private():
    news = []
    schemer = Voice(lambda p: {"act": "rest", "say": "hi", "notes": "betray them"})
    hearer = Voice(lambda p: news.append(str(p)) or {"act": "work", "say": ""})
    trace = cw.run(cw.Society(Chat(), [schemer, hearer, Constant()]))
    assert trace.messages.filter(channel="(notes)")["text"].to_list() == ["betray them"] * 3
    assert not any("betray" in one for one in news)


# --------------------------------------------------------------------------- journal, resume, replay


def test_a_killed_run_pays_for_no_finished_call_twice(tmp_path):
    paid = []

    def society(stop):
        def say(p):
            if len(paid) >= stop:
                raise KeyboardInterrupt  # as sudden as a kill: nothing is tidied up
            paid.append(p.where)
            return {"give": p.where.seat, "say": "yes"}

        return cw.Society(Probe(), [Voice(say)] * 3)

    whole = cw.run(society(99), 2)
    paid.clear()
    for stop in (1, 4, 5, 11, 99):
        try:
            trace = cw.run(society(stop), 2, journal=cw.Journal(tmp_path / "replies.jsonl"))
        except KeyboardInterrupt:
            continue
    assert len(paid) == len(set(paid)) == 18 and whole.replies.equals(trace.replies)
    assert np.array_equal(whole.act["give"], trace.act["give"])


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path):
    path = tmp_path / "replies.jsonl"
    voice = Voice(give())
    society = cw.Society(Probe(), [voice, Random(), Random()])
    cw.run(society, journal=cw.Journal(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    cw.run(society, journal=cw.Journal(path))
    assert len(voice.calls) == 4 and path.read_bytes() == whole


def test_a_limit_that_was_raised_pays_for_nothing_again_and_another_model_for_all(tmp_path):
    for voice, calls in ((Voice(give(), budget=cw.Budget(calls=2)), 2), (Voice(give()), 1), (Other(), 3)):
        trace = cw.run(cw.Society(Probe(), [voice, Random(), Random()]), journal=cw.Journal(tmp_path / "r"))
        assert len(voice.calls) == calls
    assert trace.valid.all()


class Other(Voice):
    def __init__(self):
        super().__init__(give())


@pytest.mark.slow
def test_a_replay_asks_nobody_and_a_counterfactual_only_where_the_prompt_changed(tmp_path):
    voice = Voice(lambda p: {"give": 1 if "[0. 0. 0.]" in p.turns[-1][1] else 2, "say": "yes"})
    society = cw.Society(Probe(), [voice, Constant(give=3.0), Constant(give=3.0)])
    trace = cw.run(society, 2)
    loaded = cw.load(trace.save(tmp_path / "trace"))
    again = cw.replay(loaded, society=society)
    assert len(voice.calls) == 6 and again.replies.equals(trace.replies)
    assert np.array_equal(again.book["pay"], trace.book["pay"]) and again.messages.equals(trace.messages)
    mask = np.zeros(trace.shape[1:], bool)
    mask[1, 2] = True  # agent 2 gives nothing in round 1: round 2 looks otherwise
    cw.replay(loaded, society=society, do={"give": (mask, np.zeros(mask.shape))})
    assert [(w.seed, w.tick) for w in voice.calls[6:]] == [(0, 2), (1, 2)]


def test_branches_of_one_world_that_ask_the_same_pay_for_it_once():
    asked = []

    class Slow(Voice):
        async def ask(self, prompt):
            asked.append((prompt.where, prompt.turns))
            await asyncio.sleep(0.01)
            return await super().ask(prompt)

    society = cw.Society(Chat(), [Slow(works), Constant(act=1), Constant(act=1)])
    trace = cw.run(society)
    blank = replace(trace.worlds([0] * 4), replies=trace.replies.clear())
    asked.clear()
    mask = np.zeros((4, *trace.shape[1:]), bool)
    many = cw.replay(blank, society=society, do={"act": (mask, mask)})
    assert many.valid.all() and many.replies.height == 4 * 3 and len(asked) == 3


def test_failed_attempts_count_as_calls_that_are_allowed():
    class Flaky(Voice):
        tries = 0

        async def ask(self, prompt):
            Flaky.tries += 1
            if Flaky.tries % 3:
                raise OSError("reset")
            return await super().ask(prompt)

    society = cw.Society(Chat(), [Flaky(works), Constant(), Constant()])
    journal = cw.Journal()
    journal.allowance = 5
    trace = cw.run(society, journal=journal)
    assert Flaky.tries == 5 and journal.allowance == 0
    assert "no more calls are allowed" in trace.invalid[0] and trace.replies.height == 1


def test_worlds_cut_out_of_a_trace_keep_their_replies():
    trace = cw.run(cw.Society(Probe(), [Voice(give()), Random(), Random()]), [5, 9])
    assert trace.worlds([1]).replies["seed"].unique().to_list() == [9]


# ---------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("voice", "why", "calls"),
    [
        (lambda: Voice(give(), budget=cw.Budget(calls=1)), "its budget of 1 calls is spent", 1),
        (
            lambda: Voice(
                lambda p: cw.Said('{"give": 1, "say": "no"}', False, 30, 10), budget=cw.Budget(tokens=40)
            ),
            "its budget of 40 tokens is spent",
            1,
        ),
        (
            lambda: Voice(
                lambda p: cw.Said('{"give": 1, "say": "no"}', cost=0.3), budget=cw.Budget(cost=0.5)
            ),
            "its budget of 0.5 cost is spent",
            2,
        ),
        (lambda: Voice(give(), delay=5.0, patience=0.01, attempts=3), "no reply within 0.01 s", 3),
        (lambda: Voice(give(), delay=5.0, total=0.02), "no reply within 0.02 s in all", 1),
        (lambda: Voice(lambda p: 1 / 0, attempts=2), "ZeroDivisionError", 2),
        (lambda: Voice(lambda p: cw.Said(None)), "wanted cw.Said", 3),
    ],
)
def test_every_limit_ends_in_an_invalid_world_with_its_reason(voice, why, calls):
    one = voice()
    trace = cw.run(cw.Society(Probe(), [one, Random(), Random()]))
    assert why in trace.invalid[0] and len(one.calls) == calls


def test_of_several_without_an_answer_the_first_seat_says_why_and_all_are_heard_out():
    def dead(after):
        async def ask(prompt):
            await asyncio.sleep(after)
            raise cw.NoAnswer(f"dead after {after}")

        voice = Voice(give())
        voice.ask = ask
        return voice

    alive = Voice(give(), delay=0.02)
    trace = cw.run(cw.Society(Probe(), [dead(0.01), dead(0.0), alive]))
    assert "agent 0 gave no answer at t=0 (dead after 0.01)" in trace.invalid[0]
    assert len(alive.calls) == 1 and alive.now == 0  # nobody is left talking to nobody


# ----------------------------------------------------------------------------------- together in time


@pytest.mark.parametrize("n", [2, 8])
def test_a_round_takes_one_call_however_many_agents_and_worlds_overlap(n):
    voice = Voice(lambda p: {"give": 1, "say": "no"}, delay=0.05)
    society = cw.Society(Probe(n_agents=n, horizon=3), voice)
    cw.run(society, 2)  # compiles
    began, voice.most = time.perf_counter(), 0
    cw.run(society, 3)
    assert voice.most == 3 * n  # all agents of all worlds
    assert time.perf_counter() - began < 0.05 * 3 * n  # far from one after another


def test_prompts_and_stored_bytes_do_not_grow_with_the_past(tmp_path):
    letters, sizes = [], []
    for horizon in (60, 600):
        voice = Voice(lambda p: letters.append(sum(len(x) for _, x in p.turns)) or {"give": 1, "say": "no"})
        trace = cw.run(cw.Society(Probe(horizon=horizon), [voice, Constant(), Constant()]))
        folder = trace.save(tmp_path / str(horizon))
        sizes.append((folder / "replies.parquet").stat().st_size)
    assert max(letters) - letters[10] < 5  # as much of the past as it keeps, and no more
    assert sizes[1] < 10 * sizes[0]


def test_an_observer_is_told_of_every_round_and_decision():
    told = []

    class Watch(cw.Observer):
        def settled(self, seed, t, row):
            told.append((seed, t, float(row["act"]["give"][0])))

    cw.run(cw.Society(Probe(), [Voice(give()), Random(), Random()]), [7], observer=Watch())
    assert told == [(7, 0, 4.0), (7, 1, 4.0), (7, 2, 4.0)]


def test_play_is_run_inside_a_loop():
    async def main():
        return await cw.play(cw.Society(Probe(), [Voice(give()), Random(), Random()]), 2)

    trace = asyncio.run(main())
    assert trace.replies.equals(cw.run(cw.Society(Probe(), [Voice(give()), Random(), Random()]), 2).replies)


# ------------------------------------------------------------------------------ a person, and an LLM


def test_a_person_reads_the_rules_once_and_types_an_act_for_each_choice():
    lines, shown = iter(["", "5", "yes", "x", "no", "3", "no", "refuse I am tired", ""]), []
    person = Person(read=lambda ask: next(lines), write=shown.append)
    trace = cw.run(cw.Society(Probe(), [person, Random(), Random()]))
    assert trace.act["give"][0, :, 0].tolist() == [5.0, 3.0, 0.0] and trace.refused[0, 2, 0]
    text = "\n".join(shown)
    assert text.count("Give some of your 10 coins") == 1 and text.count("could not be used") == 1
    assert trace.messages.filter(channel="(refusal)")["text"].to_list() == ["I am tired"]


def test_a_person_who_has_gone_leaves_an_invalid_world():
    def gone(ask):
        raise EOFError("end of input")

    trace = cw.run(cw.Society(Probe(), [Person(read=gone, write=lambda text: None), Random(), Random()]))
    assert "EOFError" in trace.invalid[0]


def test_a_model_that_is_set_otherwise_is_another_speaker():
    from inspect_ai.model import GenerateConfig, get_model

    plain = LLM("commonweal/rehearsal-fair")
    cold = get_model("commonweal/rehearsal-fair", config=GenerateConfig(top_p=0.1), memoize=False)
    assert LLM(cold).settings()["config"] == plain.settings()["config"] | {"top_p": 0.1}
    assert plain.config["cache"] is False  # or worlds would be copies


def test_dollars_are_no_limit_where_no_price_is_known(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    rich = LLM("openai/gpt-5", budget=cw.Budget(cost=0.1))
    with pytest.raises(ValueError, match="no price is known; wanted one: .*or a budget in tokens"):
        cw.run(cw.Society(Probe(), [rich, Random(), Random()]))


def test_a_missing_key_is_one_line(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ValueError, match="Inspect cannot reach openai/gpt-5: .*OPENAI_API_KEY"):
        cw.run(cw.Society(Probe(), [LLM("openai/gpt-5"), Random(), Random()]))


def test_a_model_that_is_seated_anew_keeps_its_limits():
    from commonweal.language import seated

    old = LLM("openai/gpt-5", budget=cw.Budget(tokens=9), memory=0, patience=5)
    study = cw.Study("s", {"a": cw.Society(Probe(), [old, Random(), Random()])}, 1, [cooperation_rate])
    new = seated(study, "commonweal/rehearsal-fair").conditions["a"].minds
    assert new[0].settings() == old.settings() | {"model": "commonweal/rehearsal-fair"}
    assert isinstance(new[1], Random)


def test_words_keep_their_owner_when_somebody_elses_are_forced():
    news = []

    def talker(name):
        return Voice(
            lambda p: news.append(p.turns[-1][1]) or {"act": "rest", "say": f"{name} says {p.where.tick}"}
        )

    society = cw.Society(Chat(), [talker("A"), talker("B"), Constant()])
    trace = cw.run(society)
    mask = np.zeros(trace.shape[1:], bool)
    mask[0, 0] = True
    news.clear()
    cw.replay(trace, society=society, do={"say": (mask, trace.act["say"][0])})
    assert not any('agent 0 says: "B' in one for one in news)


def test_a_claim_is_judged_by_what_its_speaker_could_see():
    def honest(p):
        age = p.turns[-1][1].split("Age ")[1].split(".")[0]
        return {"act": "rest", "say": "so old", "claims": {"age": age}}

    class Hazy(Chat):
        def observe(self, state):
            age = jnp.broadcast_to(state[1].astype(jnp.float32) * 10.0, 3)
            return cw.Sight({"mail:say": jnp.broadcast_to(state[0], (3, 3)), "age": age})

        def tell(self, sight):
            return f"Age {round(float(sight['age']))}."

    speaker = Voice(honest, profile=cw.Profile(noise=40.0))
    trace = cw.run(cw.Society(Hazy(), [speaker, Constant(), Constant()]))
    facts = trace.messages.filter(channel="(fact) age")["text"].to_list()
    assert all(abs(float(x) - 10 * t) > 1e-3 for t, x in enumerate(facts))  # as it was blurred


def test_one_world_that_fails_ends_the_others_before_their_session_does():
    calls, closed = [], []

    class Shop(Voice):
        @contextlib.asynccontextmanager
        async def session(self):
            try:
                yield
            finally:
                closed.append(len(calls))

    class Breaks(Chat):
        def tell(self, sight):
            if int(sight["age"]) == 1 and len(calls) > 3:
                raise KeyError("a fact that is not there")
            return "Talk."

    voice = Shop(lambda p: calls.append(p.where) or {"act": "rest", "say": ""}, delay=0.01)
    with pytest.raises(KeyError, match="not there"):
        asyncio.run(cw.play(cw.Society(Breaks(), voice), 4))
    assert closed == [len(calls)]  # nobody was asked after closing time


def test_what_cannot_be_read_twice_may_be_tried_anew(tmp_path):
    journal = cw.Journal(tmp_path / "r.jsonl")
    society = cw.Society(
        Probe(), [Voice(lambda p: {"give": "plenty" if p.where.tick else 1, "say": "no"})] * 3
    )
    trace = cw.run(society, journal=journal)
    journal.forget(0)
    better = Voice(lambda p: {"give": 1, "say": "no"})
    again = cw.run(cw.Society(Probe(), better), journal=cw.Journal(tmp_path / "r.jsonl"))
    assert not trace.valid.all() and again.valid.all() and len(better.calls) == 6  # two rounds of three


def test_what_shows_when_a_call_is_cancelled_from_within():
    def cancelled(p):
        raise asyncio.CancelledError

    trace = cw.run(cw.Society(Probe(), [Voice(cancelled), Random(), Random()]))
    assert "the call was cancelled" in trace.invalid[0]


class Flaky(cw.Speaker):
    """Takes 2, while it is not down; it is down in the last round of world 1."""

    attempts = 1
    calls: list
    down: bool

    async def ask(self, prompt):
        Flaky.calls.append(prompt.where)
        if Flaky.down and prompt.where.seed == 1 and prompt.where.tick == 2:
            raise ConnectionError("down")
        return cw.Said('{"take": 2}', read=10, written=5)


@pytest.mark.slow
def test_a_study_counts_what_speech_cost_and_tries_what_failed_again(tmp_path):
    Flaky.calls, Flaky.down = [], True
    lake = Commons(n_agents=2, horizon=3)
    study = cw.Study("talk", {"words": cw.Society(lake, [Flaky(), Random()])}, 2, [cooperation_rate])
    first = study.run(tmp_path)
    assert first.invalid["words"] == {"agent 0 gave no answer at t=2 (ConnectionError: down)": 1}
    assert first.speech == {"words": "5 calls, 75 tokens, price unknown"} and "5 calls" in str(first)
    Flaky.down = False
    assert study.run(tmp_path).invalid["words"]  # what is finished stays
    again = study.run(tmp_path, retry=True)
    assert not again.invalid["words"] and len(Flaky.calls) == 6 + 1  # the failed call alone was made again
    assert pl.read_parquet(tmp_path / "results.parquet")["speech:calls"].to_list() == [3.0, 3.0]
