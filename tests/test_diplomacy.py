"""The Diplomacy recordings: dialogues worked by hand, and the counts of the real files."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from commonweal.interop import audit_talk, read_any, read_diplomacy
from commonweal.interop.claims import claims

DATA = Path(__file__).parents[2] / "shared" / "data"
REAL = [DATA / f"diplomacy_deception_{name}.jsonl.gz" for name in ("train", "validation")]
CLAIMS = "claims: "
needs_data = pytest.mark.skipif(
    not REAL[0].exists(), reason="../shared/data/diplomacy_deception_*.jsonl.gz absent"
)

DIALOGUE = {
    "messages": ["hi", "hello", "trust me", "sure"],
    "speakers": ["italy", "turkey", "italy", "turkey"],
    "receivers": ["turkey", "italy", "turkey", "italy"],
    "sender_labels": [True, True, False, False],
    "receiver_labels": [True, False, True, "NOANNOTATION"],
    "game_score": ["3", "4", "3", "4"],
    "game_score_delta": ["-1", "1", "-1", "1"],
    "game_id": 4,
}


def write(path, *lines):
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines))
    return path


def test_a_dialogue_worked_by_hand(tmp_path):
    found = read_any(write(tmp_path / "d.jsonl", DIALOGUE))
    assert found.kind == "Diplomacy dialogues"
    columns = ("speaker", "to", "honest", "believed", "ahead", "group")
    assert found.messages.select(columns).rows() == [
        ("italy", ["turkey"], True, True, -1.0, "game 4"),
        ("turkey", ["italy"], True, False, 1.0, "game 4"),
        ("italy", ["turkey"], False, True, -1.0, "game 4"),
        ("turkey", ["italy"], False, None, 1.0, "game 4"),
    ]
    found = audit_talk(found)[CLAIMS]
    assert found["lies told"]["all"].value == 0.5
    assert found["trust: share believed"]["all"].value == pytest.approx(2 / 3)
    assert found["trust: share believed"]["ahead less behind"].value == 0.0 - 1.0
    assert found["lies caught"]["all"].value == 0.0 and found.lines[2].about == "0 of 1"


def test_bad_dialogues_are_named(tmp_path):
    short = DIALOGUE | {"speakers": ["italy"]}
    bare = {key: DIALOGUE[key] for key in ("messages", "sender_labels")}
    odd = DIALOGUE | {
        "sender_labels": [True, "perhaps", False, None],
        "score_delta": [1],
        "game_score_delta": 0,
    }
    found = read_diplomacy(
        write(tmp_path / "d.jsonl", DIALOGUE, short, bare, "{", odd, DIALOGUE | {"speakers": 3})
    )
    assert (found.kept, found.read) == (8, 12)
    reasons = found.bad["reason"].to_list()
    assert "lists of different length: 4 messages, 1 speakers" in reasons[0]
    assert reasons[1].startswith("no list speakers, receivers, receiver_labels; wanted")
    assert reasons[2].startswith("no JSON") and reasons[3].startswith("no list speakers;")
    assert found.doubts.rows() == [
        ("d.jsonl, line 5", "1 score differences for 4 messages"),
        ("d.jsonl, line 5, message 1, honest", "'perhaps', wanted true or false"),
    ]
    five = read_diplomacy(write(tmp_path / "f.jsonl", DIALOGUE | {"messages": ["x", 5, "y", "z"]}))
    assert five.doubts.rows() == [("f.jsonl, line 1, message 1, text", "5, wanted text")]
    with pytest.raises(ValueError, match="no message that can be used .* line 1: lists of different length"):
        read_diplomacy(write(tmp_path / "e.jsonl", short))


def plain(path):
    """The dialogues, read without us."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@needs_data
@pytest.mark.parametrize(("path", "dialogues", "messages"), [(REAL[0], 189, 13_132), (REAL[1], 21, 1_416)])
def test_counts_equal_the_files(path, dialogues, messages):
    found, raw = read_any(path), plain(path)
    assert (len(raw), found.kept, found.read) == (dialogues, messages, messages)
    assert f"{dialogues:,} dialogues of two players read" in found.notes[0]
    flat = [(s, r) for one in raw for s, r in zip(one["sender_labels"], one["receiver_labels"], strict=True)]
    rows = found.messages
    assert rows["honest"].to_list() == [s for s, _ in flat]
    assert rows["believed"].to_list() == [None if r == "NOANNOTATION" else r for _, r in flat]
    assert rows["text"].to_list() == [text for one in raw for text in one["messages"]]
    assert found.doubts.is_empty() and found.bad.is_empty()


@pytest.mark.slow
@needs_data
def test_lies_told_lies_caught_and_trust_by_power(tmp_path):
    for path in REAL:
        (tmp_path / path.name).symlink_to(path)
    rows = read_any(tmp_path).messages
    assert rows.height == 14_548 and (~rows["honest"]).sum() == 647
    (lines, games, _), raw = claims(rows), [one for path in REAL for one in plain(path)]
    about = {line.name: line.about for line in lines.lines}
    assert about["lies told"] == "647 of 14,548" and about["lies caught"] == "69 of 595"
    assert lines["lies told"]["all"].value == 647 / 14_548
    assert lines["lies caught"]["all"].value == 69 / 595

    def trust(sign):
        each = [
            (r, int(d))
            for one in raw
            for r, d in zip(one["receiver_labels"], one["game_score_delta"], strict=True)
        ]
        return np.mean([r for r, d in each if r != "NOANNOTATION" and np.sign(d) == sign])

    for name, sign in (("sender behind", -1), ("even", 0), ("sender ahead", 1)):
        assert lines["trust: share believed"][name].value == pytest.approx(trust(sign))
    gap = lines["trust: share believed"]["ahead less behind"]
    assert gap.value == pytest.approx(trust(1) - trust(-1)) and gap.low < gap.value < gap.high
    for line in lines.lines:  # every figure has an interval that holds it
        assert all(e.low < e.value < e.high for e in line.figures.values()), line.name
    by_game = games["lies told"]["all"]
    assert by_game.n == 10 and by_game.value == lines["lies told"]["all"].value


@pytest.mark.slow
@needs_data
def test_shuffled_power_shows_no_asymmetry(tmp_path):
    """A control: the sign of the difference dealt anew, message by message, moves neither lies nor trust."""
    raw, rng = plain(REAL[0]), np.random.default_rng(0)
    pool = rng.permutation([d for one in raw for d in one["game_score_delta"]]).tolist()
    for one in raw:
        one["game_score_delta"] = [pool.pop() for _ in one["messages"]]
    dealt, true = (
        next(claims(read_diplomacy(path).messages))["lies told"]["ahead less behind"]
        for path in (write(tmp_path / "d.jsonl", *raw), REAL[0])
    )
    assert dealt.low < 0 < dealt.high and true.low > 0 and abs(dealt.value) < true.value / 3
