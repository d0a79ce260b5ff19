"""Recorded conversations: every entry is kept or named, figures are those worked by hand, text stays text."""

import gzip
import json
import random
from collections import Counter
from io import StringIO
from types import SimpleNamespace as NS

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from commonweal._interval import mean_interval
from commonweal._plain import shown
from commonweal.interop import audit_any, audit_talk, from_trace, read_any, read_histories, read_spans
from commonweal.interop import operations as of_operations
from commonweal.interop.attribution import TITLE
from commonweal.interop.conversation import MOST, Collector, clean, files, number, pieces, truth
from commonweal.interop.exchange import giving_in, reciprocity, talking
from commonweal.interop.operations import Span
from commonweal.interop.section import ratio
from commonweal.interop.speech import add_messages
from commonweal.language.transcripts import _spans as of_logs

FAIL = "who made it fail"


def said(*names, **more):
    """A history in which these speak in turn."""
    return {
        "history": [{"role": "assistant", "name": name, "content": f"I am {name}"} for name in names]
    } | more


@pytest.fixture
def folder(tmp_path):
    """Write conversations as the files of a folder."""

    def write(*each, name="logs"):
        (tmp_path / name).mkdir(exist_ok=True)
        for i, one in enumerate(each, start=1):
            text = one if isinstance(one, str) else json.dumps(one)
            (tmp_path / name / f"{i}.json").write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def printed(found, width=80):
    text = StringIO()
    found.render(Console(file=text, width=width, color_system=None))
    return text.getvalue()


# ----------------------------------------------------------------------------------------- histories


def test_a_folder_of_histories_is_read_as_it_stands(folder):
    one = said("Ann", "Bob", mistake_agent="Bob", mistake_step="1", is_correct=False)
    two = {"history": [{"role": "human", "content": "go"}, {"role": "Boss (-> Cat)", "content": "look"}]}
    two["history"] += [
        {"role": "Boss (thought)", "content": "hm"},
        {"role": "Cat", "content": [{"text": "x"}]},
    ]
    two |= {"mistake_agent": "Cat", "mistake_step": 3, "is_corrected": True}
    found = read_histories(folder(one, two))
    assert found.messages.select("conversation", "t", "speaker", "to", "text").rows() == [
        ("1.json", 0, "Ann", None, "I am Ann"),
        ("1.json", 1, "Bob", None, "I am Bob"),
        ("2.json", 0, "human", None, "go"),
        ("2.json", 1, "Boss", ["Cat"], "look"),
        ("2.json", 2, "Boss", ["Boss"], "hm"),
        ("2.json", 3, "Cat", None, "x"),
    ]
    assert found.labels.rows() == [("1.json", "Bob", 1, False), ("2.json", "Cat", 3, True)]
    assert (found.read, found.kept, found.bad.height, found.doubts.height) == (6, 6, 0, 0)
    assert audit_talk(found)["outcomes"]["solved"]["share solved"].value == 0.5


def test_what_is_wrong_is_named_and_never_dropped(folder):
    broken = said("Ann", "Bob", "Ann", mistake_agent=7, mistake_step="2")
    broken["history"][1] = "no object"
    late = said("Ann", "Bob", mistake_agent="Bob", mistake_step="12")
    odd = {
        "history": [{"name": "Ann", "to": ["Bob", 3.5], "tokens_out": -1, "honest": "maybe", "content": 5}]
    }
    nobody = {"history": [{"name": "Bob"}, {"name": " "}]}
    found = read_histories(folder(broken, late, odd, "{", "[1, 2]", {"other": 1}, nobody))
    assert (found.read, found.kept, found.bad.height) == (11, 6, 5)
    reasons = dict(found.bad.rows())
    assert "wanted an object with a speaker" in reasons["1.json, message 1"]
    assert "no JSON (JSONDecodeError" in reasons["4.json"]
    assert "came a list of 2; wanted a list of messages" in reasons["5.json"]
    assert "came an object with 'other'" in reasons["6.json"]
    doubts = [": ".join(row) for row in found.doubts.rows()]
    for some in (
        "1.json: the agent is 7, wanted a name",
        "2.json: the step is '12', wanted a whole number from 0 to 1",
        "3.json, message 0, to: a list of 2, wanted names",
        "3.json, message 0, tokens_out: -1, wanted a whole number from 0",
        "3.json, message 0, honest: 'maybe', wanted true or false",
    ):
        assert any(one.startswith(some) for one in doubts), some
    assert found.labels["step"].to_list() == [1, None, None, None]  # entry 2 is message 1: entry 1 is bad
    text = printed(audit_talk(found))
    assert "11 entries read = 6 messages kept + 5 bad" in text.replace("\n", " ")
    assert "bad: 4.json: no JSON" in text and "doubt: 2.json" in text


def test_content_that_is_no_text_is_named(folder):
    image, words = {"type": "image", "url": "x"}, {"type": "text", "text": "seen"}
    came = [{"text": "hidden"}, 7, [image], [words, image], [], None, "said"]
    found = read_histories(folder({"history": [{"name": "a", "content": one} for one in came]}))
    assert found.messages["text"].to_list() == [None, None, None, "seen", None, None, "said"]
    assert found.doubts.rows() == [
        ("1.json, message 0, text", "a dict of 1, wanted text"),
        ("1.json, message 1, text", "7, wanted text"),
        ("1.json, message 2, text", "1 of 1 parts, wanted text"),
        ("1.json, message 3, text", "1 of 2 parts, wanted text"),
    ]


def test_a_second_history_is_named_and_a_first_that_is_none_hides_no_other(folder):
    two = said("a") | {"messages": [{"name": "z", "content": "2"}] * 3, "conversation": "its name"}
    other = {"history": None, "messages": said("b")["history"]}
    found = read_histories(folder(two, other))
    assert found.messages["speaker"].to_list() == ["a", "b"] and found.bad.is_empty()
    assert found.doubts.rows() == [("1.json, messages", "a list of 3 beside history, which alone is read")]


def test_files_of_a_folder_that_are_not_read_are_named(folder):
    path = folder(said("A", "B"))
    (path / "t.csv").write_text("a,b\n1,2\n")
    (path / "m.ndjson").write_text(json.dumps(said("C")))
    found = read_any(path)
    assert found.messages["speaker"].to_list() == ["A", "B", "C"]
    assert found.notes == ("Not read, of another kind: t.csv.",)
    for i in range(7):
        (path / f"\x1b{i}.txt").write_text("")
    assert r"Not read, of another kind: \x1b0.txt, \x1b1.txt" in read_any(path).notes[0]
    assert read_any(path).notes[0].endswith(" and 3 more.")
    assert read_any(path / "1.json").notes == ()


def test_a_broken_log_is_a_fault_and_hides_no_json(folder):
    def logs(at):  # as `read_logs` does, without Inspect
        found = Collector(at.name, "logs")
        for file, label in files(at, ".eval"):
            if b"fine" in file.read_bytes():
                found.message("talk", "A", label)
            else:
                found.lost(label, "cannot be read")
        return found.done()

    path = folder(said("A", "B"))
    (path / "b.eval").write_bytes(b"no zip")
    found = read_any(path, logs=logs)
    assert (found.kind, found.kept, found.read) == ("JSON histories", 2, 3)
    ((where, reason),) = found.bad.rows()
    assert where == "b.eval" and "first fault is at b.eval: cannot be read" in reason
    (path / "a.eval").write_bytes(b"fine")
    found = read_any(path, logs=logs)
    assert (found.kind, found.kept, found.read) == ("logs", 1, 2)
    assert found.notes == ()  # what .json is no log, the reader of logs says
    with pytest.raises(ValueError, match="first fault is at b.eval: cannot be read"):
        read_any(path / "b.eval", logs=logs)
    (path / "a.eval").unlink()
    (path / "1.json").write_text("null")
    with pytest.raises(ValueError, match="first fault is at b.eval: cannot be read"):
        read_any(path, logs=logs)


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        (
            "t.jsonl.gz",
            gzip.compress(b'{"history": []}' * 50, mtime=0)[:-9],
            r"t.jsonl.gz: cannot be read \(EOFError",
        ),
        ("b.json", b"\x80\xff\x00", r"b.json: no JSON \(UnicodeDecodeError"),
        ("z.json", b"", "z.json: empty"),
        ("d.json", b"[" * 50_000, r"d.json: no JSON \(RecursionError"),
        ("n.json", b"null", "n.json: came None"),
        ("l.json", b"[1, 2, 3]", "l.json: came a list of 3"),
        ("s.json", b'[{"name": "chat", "spanId": "1"}]', "s.json: came a list of 1"),
        ("o.jsonl", b'5\n{"a": 1}', "o.jsonl, line 1: came 5"),
    ],
    ids=list("tbzdnlso"),
)
def test_what_holds_nothing_says_what_came(tmp_path, file, content, fault):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(ValueError, match=f"nothing that is known; the first fault is at {fault}.*; wanted a"):
        read_any(tmp_path / file)


def test_a_bare_list_of_messages_is_one_conversation(tmp_path):
    (tmp_path / "m.json").write_text(json.dumps([*said("A", "B")["history"], 5]))
    found = read_any(tmp_path / "m.json")
    assert found.messages.select("conversation", "speaker").rows() == [("m.json", "A"), ("m.json", "B")]
    assert found.bad["where"].to_list() == ["m.json, message 2"]


def test_a_folder_of_empty_tables_names_the_first(tmp_path):
    for name in ("b.csv", "a.csv"):
        (tmp_path / name).write_text("")
    with pytest.raises(
        ValueError, match=r"no table that can be read; wanted .* Left out: a\.csv has no rows"
    ):
        read_any(tmp_path)


@pytest.mark.parametrize("make", [str, lambda p: p.mkdir(), lambda p: p.write_text("{")])
@pytest.mark.parametrize("name", ["\x1b[31mred", "\x1b[31mred.json", "\x1b[31mred.csv"])
def test_errors_spell_out_the_path(tmp_path, make, name):
    make(tmp_path / name)
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        read_any(tmp_path / name)
    assert "\x1b" not in str(error.value) and r"\x1b[31mred" in str(error.value)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_breaks_every_entry_is_kept_or_named(folder, seed):
    rng = random.Random(seed)
    junk = [None, 3, "x", [], {}, {"name": 4.5}, {"name": " "}, {"content": "no one"}]
    each = [[{"name": "A", "content": "x"} if rng.random() < 0.6 else rng.choice(junk) for _ in range(9)]
            for _ in range(4)]  # fmt: skip
    each[0][0] = {"name": "A"}
    found = read_histories(folder(*({"history": one} for one in each)))
    good = sum(isinstance(x, dict) and x.get("name") == "A" for one in each for x in one)
    assert (found.kept, found.read) == (good, 36)


@pytest.mark.parametrize(
    ("make", "said_so"),
    [
        (lambda p: p / "none", "is not a file or folder; wanted a file or folder of conversations"),
        (lambda p: p, "holds no file that ends in .json"),
    ],
)
def test_nothing_there_is_an_error_that_teaches(tmp_path, make, said_so):
    with pytest.raises((ValueError, FileNotFoundError), match=said_so):
        read_any(make(tmp_path))


def test_a_folder_without_conversations_says_what_was_wanted(folder):
    with pytest.raises(
        ValueError, match="first fault is at 1.json: came an object with 'a'; wanted a file or folder of"
    ):
        read_any(folder({"a": 1}))
    with pytest.raises(ValueError, match="no message that can be used .* at 1.json: came an object with 'a'"):
        read_histories(folder({"a": 1}))
    (folder(name="odd") / "\x1b[2J.json").write_text("{}")
    with pytest.raises(ValueError, match=r"first fault is at \\x1b\[2J.json"):
        read_histories(folder(name="odd"))
    with pytest.raises(ValueError, match="holds two kinds: .*read_"):
        read_any(folder({"a": 1}, said("A"), {"resourceSpans": []}))


# ------------------------------------------------------------------------------------------- figures


def test_who_talks_worked_by_hand(folder):
    # A: 3 of 4 and 1 of 2 messages: 4/6. Gini of (1, 3): (3-1)/(2*4) = 1/4; of (1, 1): 0.
    found = audit_any(folder(said("A", "B", "A", "A"), said("B", "A")))
    talk = found["who talks"]
    assert talk["A"]["share of messages"].value == pytest.approx(4 / 6)
    assert talk["A"]["words a message"].value == 3
    assert talk["Gini of talk in a conversation"]["share of messages"].value == pytest.approx(1 / 8)
    # after whom: B A, A B, (A A: oneself), A B: two pairs of A-B
    ties = found["who speaks after whom"]
    assert ties["B after A"]["share"].value == pytest.approx(1 / 3)
    assert ties["A after B"]["share"].value == pytest.approx(2 / 3)
    assert ties["reciprocity"]["share"].value == pytest.approx((1.0 + 0.0) / 2)
    assert "1 messages after oneself are in no pair." in ties.notes


def test_figures_are_the_same_each_time(folder):
    rng = random.Random(0)
    rows = read_histories(folder(*(said(*rng.choices("ABCDE", k=rng.randrange(5, 40))) for _ in range(60))))
    once = {talking(rows.messages).to_dict()["lines"][0]["share of messages"]["value"] for _ in range(30)}
    assert len(once) == 1  # a sum in another order ends in another digit


def test_speakers_without_a_line_are_counted(folder):
    found = audit_any(folder(said(*(f"s{i}" for i in range(40)))))
    assert found["who talks"].notes == ("10 more speakers have no line.",)
    assert found["who speaks after"].notes == ("9 more pairs have no line.",)
    with pytest.raises(KeyError, match="begins no section; wanted one of"):
        found["lies"]


def test_reciprocity_is_returned_messages_and_falls_when_receivers_are_shuffled():
    assert reciprocity(["a", "a", "b"], ["b", "b", "a"])[0] == pytest.approx(2 / 3)
    assert np.isnan(reciprocity(["a", "b"], ["b", "a"])[1])
    names = [chr(97 + i) for i in range(12)]
    who = [x for i in range(0, 12, 2) for x in (names[i], names[i + 1])] * 4
    to = [x for i in range(0, 12, 2) for x in (names[i + 1], names[i])] * 4
    kept, shuffled = reciprocity(who, to)
    assert kept == 1.0 and shuffled < 0.5


def test_named_receivers_are_counted_where_nearly_all_are_named(folder):
    talk = [{"name": a, "to": b, "content": ""} for a, b in ("ab", "ba", "ac", "ab")]
    talk.append({"name": "c", "to": ["a", "b"], "content": ""})
    ties = audit_any(folder({"history": talk}))["who talks to whom (named"]
    # w: ab 2, ba 1, ac 1, ca 1, cb 1: returned min(2,1)*2 + min(1,1)*2 + 0 = 4 of 6
    assert ties["reciprocity"]["share"].value == pytest.approx(4 / 6)
    assert ties["a -> b"]["share"].value == pytest.approx(2 / 6)


def test_ratio_is_pooled_and_its_interval_is_that_of_the_units():
    top, bottom = np.array([1, 9, 0]), np.array([10, 10, 0])
    found = ratio(top, bottom, "nothing said")
    assert (found.value, found.n, found.missing, found.reason) == (0.5, 2, 1, "nothing said")
    assert np.isnan([found.low, found.high]).all()  # two units give no interval
    even = ratio(np.array([1, 5, 19]), np.full(3, 10))  # units of one size: the interval of the mean
    assert (even.low, even.high) == pytest.approx(mean_interval(np.array([0.1, 0.5, 1.9])))
    share = ratio(np.array([1, 5, 9]), np.full(3, 10))  # of a share it stays between 0 and 1
    assert (share.low, share.high) == (0.0, 1.0)
    gap = ratio(np.array([[3, 1], [1, 1]]), np.array([[4, 4], [4, 4]]), "", (1.0, -1.0))
    assert gap.value == pytest.approx(0.5 - 0.25)
    assert ratio(np.zeros((3, 2)), np.array([[1, 0]] * 3), "none").reason == "none"
    # the usual interval of a share, where each unit is one draw; far too narrow if draws of a unit are alike
    rng = np.random.default_rng(1)
    one = ratio((rng.random(400) < 0.3).astype(float), np.ones(400))
    assert one.high - one.low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 400), rel=0.15)
    alike = (rng.random(40) < 0.3).astype(float)
    wide = ratio(10 * alike, np.full(40, 10.0))
    assert wide.high - wide.low > 2 * (one.high - one.low)


def test_units_without_a_value_have_a_footnote(folder):
    labels = [{"mistake_agent": "A", "mistake_step": "0"}] + [{"mistake_agent": "B"}] * 2
    found = audit_any(folder(*(said("A", "B", **labels[i] if i < 3 else {}) for i in range(9))))
    text = printed(found, 150)
    assert "(a) 2 of 3 conversations have no value: no label, or no other to go by" in text
    assert "3 of 9 conversations are labelled." in text
    assert "0.500* (a)" in text  # any speaker, any message: the step of one of three
    one = audit_any(folder(said("A", "B"), name="one"))
    assert "(a) one conversation, no interval" in printed(one)
    talk = one["who talks"]
    assert talk.told(talk["A"]["share of messages"]) == "0.50 (one conversation)"


def test_claims_worked_by_hand(folder):
    def messages(*each):
        rows = [dict(zip(("name", "honest", "believed", "ahead"), one, strict=True)) for one in each]
        return {"history": [row | {"to": "z", "content": "x"} for row in rows]}

    one = messages(
        ("a", False, True, 2), ("a", False, False, 2), ("a", True, True, -1), ("a", True, False, 0)
    )
    two = messages(("b", True, True, -3), ("b", False, None, -1), ("b", True, True, 1))
    claims = audit_any(folder(one, two))["claims: "]
    value = {line.name: {k: e.value for k, e in line.figures.items()} for line in claims.lines}
    assert value["lies told"] == pytest.approx(
        {"all": 3 / 7, "sender behind": 1 / 3, "even": 0, "sender ahead": 2 / 3, "ahead less behind": 1 / 3}
    )
    assert value["trust: share believed"]["all"] == pytest.approx(4 / 6)
    assert value["lies caught"]["all"] == pytest.approx(1 / 2)
    assert value["truths doubted"]["all"] == pytest.approx(1 / 4)
    assert value["caught less doubted"]["all"] == pytest.approx(1 / 4)
    assert claims["lies caught"]["sender behind"].reason == "no lie says whether it was believed"
    assert claims.lines[0].about == "3 of 7"


def test_stances_that_give_in():
    # b meets a's x with y and joins; then shares it, and leaves it
    talk = [("a", "x", None), ("b", "y", None), ("a", "x", None), ("b", "x", None), ("b", "z", None)]
    assert giving_in(talk) == (1, 2, 1, 1)  # a met b's y and stayed
    # two against two is no majority; said at once, nobody hears the others of the round
    assert giving_in([("a", "x", None), ("b", "y", None), ("c", "z", None), ("c", "z", None)]) == (0, 0, 0, 0)
    rounds = [("a", "x", 0), ("b", "y", 0), ("a", "y", 1), ("b", "x", 1)]
    assert giving_in(rounds) == (2, 2, 0, 0)
    assert giving_in([(who, stance, None) for who, stance, _ in rounds]) == (1, 1, 1, 1)


def stances(rng, follows, n=60):
    """A speaks at random; B repeats what A said in the round before, or speaks at random too."""
    a, rows = rng.integers(0, 2, n), []
    b = np.concatenate([[0], a[:-1]]) if follows else rng.integers(0, 2, n)
    for t in range(n):
        rows += [{"name": x, "vote": f"{v[t]}", "round": t, "content": ""} for x, v in (("A", a), ("B", b))]
    return {"history": rows}


@pytest.mark.parametrize("follows", [True, False])
def test_influence_of_stances_is_found_where_there_is_some_and_only_there(folder, follows):
    rng = np.random.default_rng(0)
    found = audit_any(folder(*(stances(rng, follows) for _ in range(8))))
    a, b = (found["influence"][who]["stances"] for who in "AB")
    assert (a.low > 0.8) if follows else (a.low <= 0.0 <= a.high or abs(a.value) < 0.02)
    assert abs(b.value) < 0.02
    assert found["who talks to whom"].why == "receivers are not named, and a round is said at once"


def test_influence_is_looked_at_within_bounds_and_it_says_so(folder, monkeypatch):
    path = folder(*(said(*"ABC" * 5) for _ in range(9)))
    assert "in 9 of 9 conversations" in audit_any(path)["influence"].notes[0]
    monkeypatch.setattr("commonweal.interop.exchange.WORK", 7 * 6 * (150 + 15))  # 6 pairs, 15 messages
    found = audit_any(path)["influence"]
    assert "in 7 of 9 conversations" in found.notes[0] and found["A"]["whose turn"].n == 7
    monkeypatch.setattr("commonweal.interop.exchange.WORK", 0)
    assert "in 6 of 9 conversations" in audit_any(path)["influence"].notes[0]  # enough for an interval


def test_influence_of_turns_needs_three(folder):
    rng = np.random.default_rng(0)
    free = [said(*rng.choice(list("ABC"), 40)) for _ in range(10)]
    called = [
        said(*(x for y in rng.choice(list("BC"), 20) for x in ("A" + "a" * (y == "C"), y))) for _ in range(10)
    ]
    quiet = audit_any(folder(*free, name="free"))["influence"]
    assert all(abs(line.figures["whose turn"].value) < 0.02 for line in quiet.lines)
    loud = audit_any(folder(*called, name="called"))["influence"]  # Aa calls C, A calls B
    assert loud["A"]["whose turn"].low > 0.05
    two = audit_any(folder(*(said(*"AB" * 20) for _ in range(3)), name="two"))["influence"]
    assert two.why.startswith("no conversation of 12 messages with three speakers")


# --------------------------------------------------------------------------------------- attribution


def test_guesses_worked_by_hand_and_a_substring_that_would_score(folder):
    # Label B at step 1 of 13 messages: the last message is 12, and "1" is inside "12".
    one = said("A", "B", *"A" * 10, "C", mistake_agent="B", mistake_step="1")
    two = said("B", "A", "B", mistake_agent="B", mistake_step="2")
    three = said("Bo", "B", "Bo", mistake_agent="A", mistake_step=0)
    found = audit_any(folder(one, two, three))[FAIL]
    value = {line.name: {k: e.value for k, e in line.figures.items()} for line in found.lines}
    last = value["the last to speak"]
    assert last["step"] == pytest.approx(1 / 3) and last["step, by substring"] == pytest.approx(2 / 3)
    assert last["agent"] == pytest.approx(1 / 3)
    whole = value["any speaker, any message"]
    assert whole["agent"] == pytest.approx((1 / 3 + 1 / 2 + 0) / 3)
    assert whole["step"] == pytest.approx((1 / 13 + 1 / 3 + 1 / 3) / 3)
    assert whole["step, by substring"] == pytest.approx((4 / 13 + 1 / 3 + 1 / 3) / 3)  # 1, 10, 11, 12
    first = value["the first to speak"]
    assert (first["agent"], first["step"]) == pytest.approx((1 / 3, 1 / 3))
    most = value["the most talkative, first message"]  # A (step 0), B (0), Bo (0)
    assert (most["agent"], most["step"]) == pytest.approx((1 / 3, 1 / 3))
    # leaving one out: others' agents (B, A), (B, A), (B, B) -> A, A, B: never right
    assert value["the label most common elsewhere"]["agent"] == 0
    assert value["who speaks at the labelled step"]["agent"] == pytest.approx(2 / 3)
    assert "In 1 of 3 conversations the labelled agent never speaks." in found.notes


def test_a_constant_that_saw_its_own_label_would_score(folder):
    each = [said("A", "B", mistake_agent=x, mistake_step=0) for x in "AABB"]
    found = audit_any(folder(*each))[FAIL]
    assert found["the label most common elsewhere"]["agent"].value == 0  # a majority of all four gives 1/2
    assert found["the label most common elsewhere"]["step"].value == 1


def test_without_labels_it_is_na_with_a_reason(folder):
    found = audit_any(folder(said("A", "B"), said("B", "A", mistake_agent=None)))
    reasons = {section.title: section.why for section in found.sections if section.why}
    assert reasons[TITLE] == "no conversation says who made it fail (agent), or when (step)"
    assert reasons["outcomes"] == "no conversation says whether it was solved"
    assert reasons["claims: were lies told, and caught?"].startswith("no message says")
    assert reasons["conformity: stances that give in"].startswith("no message carries a stance")
    assert "NA (no conversation says whether it was solved)" in printed(found)
    json.dumps(found.to_dict(), allow_nan=False)
    lone = audit_any(folder(said("A", "B", mistake_agent="A"), name="lone"))[FAIL]
    assert lone["any speaker, any message"]["step"].reason == "no step is labelled"
    assert lone["the label most common elsewhere"]["agent"].reason == "no label, or no other to go by"


# --------------------------------------------------------------------------------------------- spans


def span(id, parent=None, at=0, **about):
    """A span as OTLP/JSON has it; `about` are GenAI attributes, _ for a dot."""
    some = {f"gen_ai.{key.replace('__', '.')}": value for key, value in about.items()}
    kinds = {str: "stringValue", int: "intValue"}
    attributes = [{"key": k, "value": {kinds[type(v)]: str(v)}} for k, v in some.items()]
    times = {"startTimeUnixNano": str(at * 10**9), "endTimeUnixNano": str((at + 2) * 10**9)}
    return {"traceId": "t1", "spanId": id, "parentSpanId": parent or "", "attributes": attributes} | times


def output(text):
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}]}])


SPANS = [
    span("1", None, 0, operation__name="invoke_agent", agent__name="Boss", conversation__id="c"),
    span("2", "1", 1, operation__name="chat", request__model="m", output__messages=output("go"),
         usage__input_tokens=10, usage__output_tokens=5),
    span("3", "1", 4, operation__name="invoke_agent", agent__name="Cat", input__messages=output("look")),
    span("4", "3", 5, operation__name="chat", request__model="m", output__messages=output("found"),
         usage__output_tokens=7),
    span("5", "4", 5, operation__name="execute_tool"),
]  # fmt: skip
WANTED = [
    ("c", 0, "Boss", None, "go", 10, 5, 2.0),
    ("c", 1, "Boss", ["Cat"], "look", None, None, None),
    ("c", 2, "Cat", ["Boss"], "found", None, 7, 2.0),
]
COLUMNS = ("conversation", "t", "speaker", "to", "text", "tokens_in", "tokens_out", "seconds")


def resource(*spans):
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]})


@pytest.mark.parametrize("shape", ["object", "lines", "spans", "flat", "gz"])
def test_spans_become_messages(tmp_path, shape):
    path = tmp_path / ("spans.json" if shape == "object" else "spans.jsonl")
    text = resource(*SPANS)
    if shape == "lines":
        text = resource(*SPANS[3:]) + "\n" + resource(*SPANS[:3])
    if shape == "spans":
        text = "\n".join(map(json.dumps, SPANS))
    if shape == "flat":  # as the console exporter writes them: ids in the context, attributes as an object
        flat = []
        for one in SPANS:
            about = {a["key"]: next(iter(a["value"].values())) for a in one["attributes"]}
            at = int(one["startTimeUnixNano"]) // 10**9
            flat.append({"context": {"trace_id": "t1", "span_id": one["spanId"]}, "attributes": about,
                         "parent_id": one["parentSpanId"] or None, "status": {"status_code": "UNSET"},
                         "start_time": f"2025-01-01T00:00:{at:02}Z",
                         "end_time": f"2025-01-01T00:00:{at + 2:02}Z"})  # fmt: skip
        text = "\n".join(map(json.dumps, flat))
    path.write_text(text)
    if shape == "gz":
        path = tmp_path / "spans.jsonl.gz"
        path.write_bytes(gzip.compress("\n".join(map(json.dumps, SPANS)).encode()))
    found = read_any(path)
    assert found.messages.select(COLUMNS).rows() == WANTED
    assert found.notes[1] == "No messages: 1 execute_tool."
    ties = audit_talk(found)["who speaks after whom"]
    assert ties["Cat after Boss"]["share"].value == 1.0


def test_spans_that_are_none_and_rings_are_survived(tmp_path):
    ring = [
        span("a", "b", 0, operation__name="chat", agent__name="X"),
        span("b", "a", 1, operation__name="chat"),
    ]
    lines = [json.dumps(x) for x in (*ring, 3, {"spanId": "x", "attributes": 4})] + ["{broken"]
    (tmp_path / "s.jsonl").write_text("\n".join(lines))
    found = read_spans(tmp_path / "s.jsonl")
    assert found.messages["speaker"].to_list() == ["X", "X"]
    assert found.bad["where"].to_list() == ["s.jsonl, line 3", "s.jsonl, line 4", "s.jsonl, line 5"]


def random_spans(rng, n):
    """Spans of which some are in rings, or part of what is not there."""
    ids, kinds = [str(i) for i in range(n)], ["chat", "invoke_agent", "invoke_agent", "tool"]
    for i in ids:
        parent, agent, talk = rng.choice([*ids, None, "?"]), rng.choice(["A", "B", None]), rng.choice("cd ")
        yield Span("x", i, parent, "t", rng.choice(kinds), None, None, agent, talk.strip() or None, "m")


@pytest.mark.parametrize("seed", range(200))
def test_who_speaks_to_whom_is_what_walking_up_says(seed):
    rng = random.Random(seed)
    spans = list(random_spans(rng, rng.randint(1, 9)))
    by_id = {one.id: one for one in spans}

    def above(one):
        seen = {one.id}
        while one.parent in by_id and one.parent not in seen:
            seen.add(one.parent)
            one = by_id[one.parent]
            yield one

    def first(some):
        return next((one for one in some if one), None)

    called = {x.id for one in spans if one.operation == "chat" for x in above(one)}
    wanted = []
    for one in spans:
        line = [one, *above(one)]
        who = first(x.agent for x in line) or "m"
        caller = first(x.agent for x in line if x.operation == "invoke_agent" and x.agent != who)
        talk = first(x.conversation for x in line) or "t"
        invoked = one.operation == "invoke_agent"
        wanted += [(talk, caller, one.agent)] if invoked and caller and one.agent else []
        if one.operation == "chat" or (invoked and one.id not in called):
            wanted.append((talk, who, caller))
    found = Collector("spans", "spans")
    add_messages(spans, found)
    if wanted:
        rows = found.done().messages.select("conversation", "speaker", pl.col("to").list.first()).rows()
        assert sorted(rows, key=str) == sorted(wanted, key=str)


def test_deep_spans_take_time_in_proportion():
    def looked(n):
        spans, steps = (
            [Span("x", str(i), str(i - 1), "t", "chat", i, i, f"a{i}") for i in range(n)],
            Counter(),
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(of_operations, "parent", lambda one: steps.update(n=1) or (one.trace, one.parent))
            add_messages(spans, Collector("spans", "spans"))
        return steps["n"]

    assert looked(2_000) <= 2.1 * looked(1_000)


def test_a_status_that_was_not_recorded_is_no_success(tmp_path):
    one = span("1", None, 0, operation__name="chat", agent__name="A")
    said = [{}, {"status": {}}, {"status": {"code": 1}}, {"status": {"code": 2}}]
    rows = [one | {"spanId": str(i)} | status for i, status in enumerate(said)]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_spans(tmp_path / "s.jsonl").messages["failed"].to_list() == [None, False, False, True]
    (tmp_path / "s.jsonl").write_text(json.dumps(one))
    assert "share failed" not in audit_any(tmp_path / "s.jsonl")["who talks"]["A"]


def test_a_time_that_was_not_recorded_is_none():
    usage, at = NS(input_tokens=1, output_tokens=1), NS(timestamp=lambda: 5.0)
    more = {"timestamp": at, "role": "A", "model": "m", "error": None, "uuid": None, "span_id": "s"}
    calls = [
        NS(event="model", working_time=x, output=NS(usage=usage, completion="hi", choices=[]), **more)
        for x in (None, 2.0)
    ]
    alone = NS(event="span_begin", timestamp=at, type="agent", name="B", id="z", parent_id=None)
    found = Collector("logs", "logs")
    add_messages(list(of_logs([*calls, alone], "talk")), found)
    assert sorted(found.done().messages.select("speaker", "seconds").rows(), key=str) == [
        ("A", 2.0), ("A", None), ("B", None)
    ]  # fmt: skip


def test_an_agent_without_recorded_calls_speaks_when_it_ends(tmp_path):
    one = span(
        "1", None, 0, operation__name="invoke_agent", agent__name="Solo", output__messages=output("done")
    )
    (tmp_path / "s.json").write_text(resource(one | {"status": {"code": 2}}))
    (row,) = (
        read_spans(tmp_path / "s.json").messages.select("speaker", "text", "failed", "conversation").rows()
    )
    assert row == ("Solo", "done", True, "t1")


# ---------------------------------------------------------------------------------------------- logs


@pytest.mark.slow
def test_a_trace_is_a_conversation_of_stances():
    import commonweal as cw
    from commonweal.minds import Random
    from commonweal.scenarios import PublicGoods

    trace = cw.run(cw.Society(PublicGoods(n_agents=3, horizon=4), [Random()] * 3), seeds=2)
    found = from_trace(trace)
    assert found.messages.select("conversation", "t", "speaker", "round").row(4) == (
        "world 0",
        4,
        "agent_1",
        1,
    )
    acts = next(iter(trace.act.values()))
    assert found.messages["stance"].to_list() == [f"{x:g}" for x in acts.ravel()]
    assert found.kept == 24


@pytest.mark.slow
def test_logs_of_inspect_ours_and_others(tmp_path):
    import commonweal as cw
    from commonweal.language import write_eval
    from commonweal.language.transcripts import read_logs
    from commonweal.minds import Random
    from commonweal.scenarios import PublicGoods

    inspect_ai = pytest.importorskip("inspect_ai")
    from inspect_ai.agent import AgentState, agent, as_solver, run
    from inspect_ai.dataset import Sample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import match

    trace = cw.run(cw.Society(PublicGoods(n_agents=3, horizon=4), [Random()] * 3), seeds=2)
    ours = read_any(write_eval(trace, tmp_path / "ours"), logs=read_logs)
    assert ours.messages["stance"].equals(from_trace(trace).messages["stance"]) and ours.kept == 24

    @agent
    def helper():
        async def execute(state: AgentState) -> AgentState:
            state.output = await get_model().generate("help")
            return state

        return execute

    @agent
    def boss():
        async def execute(state: AgentState) -> AgentState:
            await get_model().generate("plan")
            await run(helper(), "help me")
            state.output = await get_model().generate("end")
            return state

        return execute

    replies = [ModelOutput.from_content("m", text) for text in ("plan", "help", "end")]
    for one in replies:  # without this it would be counted, for which a vocabulary is fetched
        one.usage = ModelUsage(input_tokens=4, output_tokens=2, total_tokens=6)
    task = inspect_ai.Task([Sample("q", target="end")], solver=as_solver(boss()), scorer=match())
    model = get_model("mockllm/model", custom_outputs=replies)
    inspect_ai.eval(task, model=model, log_dir=str(tmp_path / "other"), display="none")
    theirs = read_any(tmp_path / "other", logs=read_logs)
    talk = theirs.messages.select("speaker", "to").rows()
    assert talk == [("boss", None), ("boss", ["helper"]), ("helper", ["boss"]), ("boss", None)]
    assert theirs.messages["text"].to_list() == ["plan", None, "help", "end"]
    assert theirs.messages["tokens_out"].to_list() == [2, None, 2, 2]
    assert theirs.labels["solved"].to_list() == [True]
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.eval").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="holds no message that can be used .* x.eval: cannot be read"):
        read_any(tmp_path / "bad", logs=read_logs)
    with pytest.raises(ValueError, match="is an Inspect log; wanted a reader"):
        read_any(tmp_path / "bad")


# --------------------------------------------------------------------------------------- other's text

HOSTILE = [
    "[bold red]x[/bold red]",
    "[/]",
    "\x1b[2J\x1b]0;title\x07",
    "<script>alert(1)</script>",
    "a\nb\rc",
    "\u202egnp",
]


@pytest.mark.parametrize("width", [80, 150])
def test_nothing_in_a_recording_is_markup_or_moves_the_cursor(folder, width):
    logs = [said(*HOSTILE, mistake_agent=HOSTILE[0], mistake_step="[red]") for _ in range(2)]
    logs.append({"history": [{"name": "A", "honest": HOSTILE[2]}, HOSTILE[0]]})
    text = printed(audit_any(folder(*logs)), width)
    assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}
    flat = "".join(text.split())
    for some in (
        "[boldred]x[/boldred]",
        "[/]",
        r"\x1b[2J",
        "<script>",
        r"a\nb\rc",
        r"\u202egnp",
    ):
        assert some in flat, some


def test_the_same_holds_of_tables_of_decisions(tmp_path):
    head = "game,match,round,seat,model,action,points"
    rows = [f"pd,{m},0,{s},{HOSTILE[2]}[red],COOPERATE,1" for m in (1, 2) for s in (1, 2)]
    (tmp_path / "t.csv").write_text("\n".join([head, *rows, f"pd,3,0,1,A,C,{HOSTILE[2]}"]))
    text = printed(audit_any(tmp_path / "t.csv"))
    assert not set(text) & {"\x1b", "\x07"} and "[red]" in text


def test_sizes_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("commonweal.interop.conversation.MOST", 1 << 20)
    bomb = tmp_path / "bomb.jsonl.gz"
    line = json.dumps(said("A", "B")).encode() + b"\n"
    bomb.write_bytes(gzip.compress(line + b" " * (1 << 22)))
    found = read_any(bomb)
    assert found.kept == 2 and "more than 1 MiB unpacked" in found.bad["reason"][0]
    (tmp_path / "none.jsonl").write_text("\n \n")
    assert [p.fault for p in pieces(tmp_path / "none.jsonl")] == ["empty"]
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (piece,) = pieces(tmp_path / "deep.json")
    assert piece.fault.startswith("no JSON (") and MOST > 1 << 20
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(line * 9)[:-9])
    assert [p.fault for p in pieces(tmp_path / "cut.jsonl.gz")][-1].startswith("cannot be read (EOFError")
    (tmp_path / "latin.jsonl").write_bytes(line + b'{"history": "\xe9"}\n')
    assert "UnicodeDecodeError" in list(pieces(tmp_path / "latin.jsonl"))[1].fault


def test_single_values():
    assert [number(x) for x in (3, "2.5", True, "x", float("nan"), 10**400, None)] == [3, 2.5, *[None] * 5]
    assert [truth(x) for x in (True, "False", 1, "0", "no", None, 2)] == [
        True,
        False,
        True,
        False,
        *[None] * 3,
    ]
    assert clean("a\ud800b") == "a?b" and shown("x" * 9, 4) == "xxx…" and shown("é 中") == "é 中"


def test_the_common_table_has_the_kinds_it_says(folder):
    found = read_any(folder(said("A", "B")))
    assert found.messages.schema["to"] == pl.List(pl.String) and found.messages.schema["t"] == pl.Int64
