"""Conversations as a dozen tools write them: who says what to whom; what nobody says is counted apart."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

from commonweal.interop import Conversations, audit_any, audit_talk, read_any, read_histories, read_messages
from commonweal.interop.entry import SPEAKER, TEXT, TIMES, moment, plain, said, speaker
from commonweal.interop.threads import HISTORY, copies, holds, threads

SHARED = Path(__file__).parents[2] / "shared" / "data" / "recordings_small"
LINES = "\n".join


def says(*who, key="name", text="content"):
    """Messages of these, one after another."""
    return [{key: one, text: f"I am {one}"} for one in who]


def lc(kind, /, **kwargs):
    """A message as LangChain writes it."""
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", kind], "kwargs": kwargs}


@pytest.fixture
def read(tmp_path):
    """Read a value as a file of JSON, or a text as a file of that name."""

    def write(value, name="talk.json"):
        (tmp_path / name).write_text(value if isinstance(value, str) else json.dumps(value))
        return read_any(tmp_path / name)

    return write


TEAM = {
    "type": "TeamState",
    "agent_states": {
        "coder": {"agent_state": {"llm_context": {"messages": says("user", key="source")}}},
        "Manager": {"message_thread": says("user", "coder", key="source")},
    },
}
SHAREGPT = says("human", "gpt", key="from", text="value")
SPOKEN = {  # file: value, who speaks; a name twice says it twice
    "list.json": ([{"history": says("a", "b")}, {"history": says("a", "b")}], "abab"),
    "lists.json": ([says("a", "b"), says("a")], "aba"),
    "conversations.json": ({"conversations": [{"history": says("a")}, {"messages": says("b")}]}, "ab"),
    "data.json": ({"data": says("a", "b")}, "ab"),
    "output.json": ({"output": says("a", text="output", key="role")}, "a"),
    "outputs.json": ({"messages": says("a", key="role", text="output")}, "a"),
    "chat_history.json": ({"chat_history": says("a", key="role")}, "a"),
    "by_name.json": ({"debate 1": says("a", "b"), "debate 2": says("c")}, "abc"),
    "state.json": ({"values": {"messages": [lc("HumanMessage", content="x")]}}, ["human"]),
    "team.json": (TEAM, ["user", "coder"]),
    "sharegpt.json": ([{"conversations": SHAREGPT}], ["human", "gpt"]),
    "lines.jsonl": (LINES(map(json.dumps, says("a", "b"))), "ab"),
    "camel.json": ({f"message_{i}": says(who, key="role_name")[0] for i, who in ((2, "b"), (1, "a"))}, "ab"),
    "wrapped.jsonl": (json.dumps({"type": "user", "message": {"role": "user", "content": "x"}}), ["user"]),
    "sender.json": (says("a", key="sender"), "a"),
    "agent_name.json": (says("a", key="agent_name"), "a"),
    "agentName.json": (says("a", key="agentName"), "a"),
    "author.json": (says({"name": "a"}, key="author"), "a"),
    "beside.json": ([{"role": "assistant", "sent_from": "a", "content": "x"}], "a"),
    "empty.json": ([{"role": "Human", "sent_from": "", "content": "x"}], ["Human"]),
    "numbers.json": ([{"player": 0, "content": "x"}, {"agent": 1, "content": "y"}], "01"),
    "source.json": ([{"role": "user", "source": "a data set", "content": "x"}], ["user"]),
    "type.json": (says("human", "ai", key="type"), ["human", "ai"]),
    "lc.json": ([lc("HumanMessage", content="x"), lc("AIMessage", content="y", name="a")], ["human", "a"]),
    "lc_dict.json": ([{"type": "ai", "data": {"content": "x", "type": "ai"}}], ["ai"]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "who"), [(k, *v) for k, v in SPOKEN.items()], ids=list(SPOKEN))
def test_who_speaks_is_read_from_what_people_have(read, name, value, who):
    found = read(value, name)
    assert found.messages["speaker"].to_list() == list(who)
    assert found.bad.is_empty() and found.messages["text"].null_count() == 0


@pytest.mark.parametrize("key", ["to", "receiver", "recipient", "send_to", "sent_to", "visible_to"])
def test_whom_it_is_said_to(read, key):
    one = {"sender": "a", "content": "x"}
    to = [one | {key: to} for to in ("b", ["b", "c"], "all", ["<all>"], 0, "")]
    assert read(to).messages["to"].to_list() == [["b"], ["b", "c"], None, None, ["0"], None]


def test_a_handoff_is_said_to_its_target_and_no_other_target_is(read):
    one = {"source": "a", "content": "x", "target": "b"}
    found = read([one | {"type": "HandoffMessage"}, one | {"type": "TextMessage"}])
    assert found.messages["to"].to_list() == [["b"], None]


def test_reasoning_and_calls_are_no_words_and_are_counted(read):
    parts = [
        {"type": "thinking", "thinking": "?"},
        {"type": "reasoning", "text": "hm"},
        {"type": "text", "text": "Yes"},
    ]
    call = {"type": "tool_use", "id": "1", "name": "f", "input": {}}
    talk = [
        {"role": "a", "content": [*parts, call], "tool_calls": [{"name": "f"}]},
        {"role": "b", "content": "<think>who?</think>\nMe", "reasoning_content": None},
        {"role": "c", "content": "It says <think> there", "reasoning_content": "a lot"},
        {"role": "d", "content": None, "tool_calls": [{}, {}]},
        {"role": "e", "content": "<think>cut off at the lim"},
    ]
    found = read(talk)
    assert found.messages["text"].to_list() == ["Yes", "Me", "It says <think> there", None, ""]
    assert found.notes == ("Parts not counted as said: 5 of reasoning, 3 calls of tools.",)
    assert found.doubts.is_empty()


UNSAID = {
    "from or to a tool": [
        {"role": "tool", "name": "search", "content": "42"},
        {"type": "tool", "name": "search", "content": "42"},
        lc("ToolMessage", content="42", name="search"),
        {"from": "observation", "value": "42"},
        {"type": "FunctionExecutionResultMessage", "content": [{"call_id": "1", "content": "42"}]},
        {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
    ],
    "instruction": [{"role": "system", "content": "Be"}, {"type": "SystemMessage", "content": "Be"}],
    "ThoughtEvent": [{"source": "a", "type": "ThoughtEvent", "content": "hm"}],
    "reasoning": [{"type": "reasoning", "content": "hm"}],
}


def test_what_nobody_says_is_left_out_and_counted(read):
    found = read([*says("a"), *(one for each in UNSAID.values() for one in each)])
    assert found.left == {what: len(each) for what, each in UNSAID.items()}
    assert (found.read, found.kept, found.bad.height) == (11, 1, 0)
    assert "11 entries read = 1 messages kept + 0 bad + 10 left out" in str(audit_talk(found)).replace(
        "\n", " "
    )
    assert audit_talk(found).to_dict()["left"]["instruction"] == 2
    assert "Entries left out: 6 from or to a tool, 2 instruction" in found.notes[0]
    named = read([{"role": "system", "name": "Moderator", "content": "Night falls"}])
    assert named.messages["speaker"].to_list() == ["Moderator"]


def test_one_message_sent_twice_counts_once_and_other_words_under_its_id_are_told(read):
    a, b = ({"name": who, "content": who, "id": i} for who, i in (("a", "1"), ("b", 2)))
    found = read([a, a, b, b | {"content": "else"}, *says("c"), *says("c")])
    assert found.messages["text"].to_list() == ["a", "b", "else", "I am c", "I am c"]
    assert found.left == {"with a repeated id": 1}
    ((where, reason),) = found.doubts.rows()
    assert where == "talk.json" and reason.startswith(
        "1 messages have the id of another that says something else"
    )


def test_memories_and_earlier_states_of_a_conversation_are_no_others(read):
    talk = [one | {"id": str(i)} for i, one in enumerate(says("a", "b", "a"))]
    found = read([talk[:1], talk, talk[:2], talk, says("a")])
    assert found.messages["conversation"].unique(maintain_order=True).to_list() == [
        "talk.json, conversation 1",
        "talk.json, conversation 4",
    ]
    assert found.left == {"in a repeated conversation": 6} and found.read == 10
    apart = read([talk, [talk[0], *says("c")]])
    assert apart.kept == 5 and "1 messages are in talk.json, conversation 0 too" in apart.doubts.row(0)[1]
    assert copies([]) == set()


def test_times_that_run_backwards_are_put_in_order_and_it_is_said(read):
    def at(*times, key="timestamp"):
        return [{"name": "a", "content": str(i)} | ({key: t} if t else {}) for i, t in enumerate(times)]

    late, soon = "2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z"
    found = read({"history": at(late, soon), "mistake_agent": "a", "mistake_step": 0})
    assert found.messages["text"].to_list() == ["1", "0"]
    assert found.labels["step"].to_list() == [1]  # entry 0 is said second
    assert found.doubts.rows() == [
        ("talk.json", "times run backwards 1 times; its messages are put in their order")
    ]
    some = read(at(late, soon, None))
    assert some.messages["text"].to_list() == ["0", "1", "2"]
    assert some.doubts.row(0)[1].startswith(
        "times run backwards 1 times, and some are missing; the order is that of"
    )
    assert read(at(2, 1, 3, key="turn")).messages["text"].to_list() == ["1", "0", "2"]
    for fine in (at(soon, late), at(1, 2, 1, 2, key="turn"), at("noon", "dawn")):
        assert read(fine).doubts.is_empty() and read(fine).messages["text"][0] == "0"


def test_a_round_in_which_somebody_speaks_twice_is_not_said_at_once(read):
    once = [one | {"round": r} for r in (1, 2) for one in says("a", "b")]
    assert read(once).messages["round"].to_list() == [1, 1, 2, 2]
    found = read([*once, says("b")[0] | {"round": 2}])
    assert found.messages["round"].null_count() == 5
    assert found.doubts.rows() == [("talk.json", "b speaks 2 times in round 2; rounds are not used")]


def test_moments_are_numbers_or_iso_times():
    assert moment({"ts": "1700000000.5"}) == 1700000000.5
    assert (
        moment({"timestamp": "1970-01-01 00:00:10"}) == moment({"created_at": "1970-01-01T00:00:10Z"}) == 10
    )
    assert moment({"time": 2.5}) is None  # it may have taken so long
    assert moment({"time": 1700000000}) == 1700000000
    assert moment({"time": "Day 1"}) is None and moment({"date": None}) is None


def test_a_step_counts_entries_and_not_the_messages_that_are_left(read):
    talk = [{"role": "system", "content": "Be"}, *says("a", "b"), {"role": "tool", "content": "42"}]
    labelled = [{"history": talk, "mistake_agent": "b", "mistake_step": step} for step in ("2", 3)]
    found = read(labelled)
    assert found.labels["step"].to_list() == [1, None]
    assert found.doubts["reason"].to_list() == ["the step 3 is an entry that is no message; it is not used"]
    numbered = {"history": says(0, 1, key="agent"), "mistake_agent": 1, "mistake_step": 1}
    assert read(numbered).labels.row(0)[1:3] == ("1", 1)


def test_messages_say_of_which_conversation_they_are(read):
    lines = [one | {"conversation_id": i} for one in says("a", "b") for i in (1, 2)]
    found = read(LINES(map(json.dumps, lines)), "talk.jsonl")
    assert found.messages.select("conversation", "speaker").rows() == [
        ("talk.jsonl, 1", "a"), ("talk.jsonl, 1", "b"), ("talk.jsonl, 2", "a"), ("talk.jsonl, 2", "b"),
    ]  # fmt: skip
    assert read({"data": lines}).messages["conversation"].n_unique() == 2
    scenes = [one | {"Season": s, "Scene_ID": i} for one in says("a", "b") for s in (1, 2) for i in (1, 2)]
    assert read(scenes).messages["conversation"].n_unique() == 4  # a scene is numbered within its season
    own = [one | {"session_id": i} for i, one in enumerate(says("a", "b", "a"))]
    assert read(own).messages["conversation"].n_unique() == 1  # an id of each is none of a conversation


def test_what_stands_beside_a_conversation_is_named(read):
    beside = read({"messages": says("a"), "memories": {"a": says("a", "b")}, "topic": "x"})
    assert beside.kept == 1
    assert beside.doubts.rows() == [
        ("talk.json, memories", "a dict of 1 beside messages, which alone is read")
    ]
    assert read(TEAM).doubts.row(0) == (
        "talk.json, coder",
        "a dict of 1 beside message_thread, which alone is read",
    )
    turns = read([{"act": "go"}, {"act": "tell", "heard": {"log": says("a")}}, 5])
    assert turns.doubts.rows() == [("talk.json", "2 of 3 values hold no conversation")]
    event = {"kind": "memory", "payload": {"memory": says("a")}}
    lines = read(LINES(map(json.dumps, [event, *({"payload": one} for one in says("a", "b"))])), "log.jsonl")
    assert lines.kept == 2 and lines.bad["reason"].to_list() == [
        "1 messages in a value, where other values are messages themselves"
    ]


def test_tokens_and_model_stand_where_tools_write_them(read):
    usage = {"prompt_tokens": 10, "completion_tokens": 0}
    talk = [
        {"source": "a", "content": "x", "models_usage": usage},
        {
            "role": "a",
            "content": "x",
            "usage_metadata": {"input_tokens": 3, "output_tokens": 4},
            "tokens_in": 5,
        },
        lc("AIMessage", content="x", response_metadata={"model_name": "m"}),
    ]
    found = read(talk).messages
    assert found.select("tokens_in", "tokens_out").rows() == [(10, 0), (5, 4), (None, None)]
    assert found["model"].to_list() == [None, None, "m"]


@pytest.mark.parametrize("end", ["csv", "tsv", "parquet"])
def test_a_table_of_messages_is_read_as_conversations(tmp_path, end):
    rows = pl.DataFrame(
        {"conversation_id": [1, 1, 2, 2], "turn": [1, 0, 0, 1], "Speaker": list("abab"), "text": list("wxyz")}
    )
    path = tmp_path / f"t.{end}"
    rows.write_parquet(path) if end == "parquet" else rows.write_csv(
        path, separator="," if end == "csv" else "\t"
    )
    found = read_any(path)
    assert isinstance(found, Conversations) and audit_any(path).to_dict()["kept"] == 4
    assert found.kind == "a table of messages" and found.messages["text"].to_list() == list("xwyz")
    assert found.messages["conversation"].n_unique() == 2
    assert found.doubts["reason"].to_list() == [
        "turns run backwards 1 times; its messages are put in their order"
    ]


def test_a_table_with_conversations_in_its_cells_is_read(tmp_path):
    nested = pl.DataFrame({"id": [1, 2], "conversations": [SHAREGPT] * 2})
    nested.write_parquet(tmp_path / "t.parquet")
    found = read_any(tmp_path / "t.parquet")
    assert isinstance(found, Conversations)
    assert found.messages["conversation"].n_unique() == 2 and found.kept == 4


def test_a_row_that_cannot_be_read_is_named_and_decisions_stay_decisions(tmp_path):
    (tmp_path / "t.csv").write_text("speaker,text\na,x\nb\n")
    found = read_messages(tmp_path / "t.csv")
    assert found.kept == 1 and found.bad.rows() == [("t.csv, line 3", "1 cells, wanted 2")]
    (tmp_path / "d.csv").write_text("agent,message,action,points\na,hi,C,3\n")
    assert read_any(tmp_path / "d.csv").frame["points"].to_list() == [3.0]
    (tmp_path / "d.json").write_text(
        '[{"agent": 0, "round": 1, "action": "C", "points": 3, "message": "hi"}]'
    )
    assert read_any(tmp_path / "d.json").frame["points"].to_list() == [3.0]


@pytest.mark.parametrize(
    "value",
    [
        {"scripts": {"test": "x"}, "contributors": [{"name": "a", "email": "b"}]},
        {"headers": [{"name": "Accept", "value": "json"}]},
        [[[[[[[[[[[says("a")]]]]]]]]]]],
    ],
)
def test_what_is_no_conversation_is_not_read_as_one(value, read):
    assert not holds(value)
    with pytest.raises(
        ValueError, match=r"wanted a file or folder of conversations .* tables of decisions or of messages"
    ):
        read(value)


def test_a_key_that_is_nearly_right_is_named_and_no_other_is(read):
    found = read(
        {
            "history": [
                *says("a"),
                {"speakr": "b", "content": "x"},
                {"topic": "b", "content": "x"},
                {"name": []},
            ]
        }
    )
    near, none, empty = found.bad["reason"]
    assert near.endswith("or another known key: rename 'speakr' to 'speaker'")
    assert (
        none.endswith("or another known key") and empty == "the speaker (name) is a list of 0, wanted a name"
    )


def test_parts_of_a_message(read):
    empty = read([{"name": "a", "text": ""}, {"name": "b", "content": None}, *says("c")])
    assert empty.messages["text"].to_list() == ["", None, "I am c"]
    assert said(["a", {"text": "b"}, {"type": "text", "content": "c"}]).text == "a\nb\nc"
    assert said([{"image": 1}, {"arguments": "{}"}, {"text": "?", "thought": True}]) == (None, 1, 1, 1)
    assert speaker(plain({"lc_id": ["m", "AIMessageChunk"], "lc_kwargs": {"content": "x"}})) == "ai"


@pytest.mark.parametrize("seed", range(4))
def test_whatever_stands_in_a_file_is_read_or_named(tmp_path, seed):
    rng = random.Random(seed)
    keys = [
        *SPEAKER,
        *TEXT,
        *TIMES,
        *HISTORY,
        "id",
        "type",
        "to",
        "kwargs",
        "tool_calls",
        "usage",
        "agent_states",
    ]
    leaves = [None, True, "", " ", "a", "tool", "system", "<think>x</think>", 0, -1.5, 10**400, float("nan")]

    def junk(deep):
        if deep > 5 or rng.random() < 0.3:
            return rng.choice(leaves)
        some = [junk(deep + 1) for _ in range(rng.randrange(4))]
        return some if rng.random() < 0.4 else dict(zip(rng.sample(keys, len(some)), some, strict=True))

    for i in range(150):
        (tmp_path / f"{i}.json").write_text(json.dumps([junk(0), {"history": junk(0)}, *says("a")]))
    found = read_histories(tmp_path)
    assert found.kept >= 150 and found.read == found.kept + found.bad.height + sum(found.left.values())
    ring = '{"content": ' * 900 + "1" + "}" * 900
    (tmp_path / "0.json").write_text('{"message": ' * 400 + '{"name": "a", "content": "x"}' + "}" * 400)
    (tmp_path / "1.json").write_text(
        f'[{ring}, {{"name": {ring.replace("content", "name")}, "content": "x"}}]'
    )
    assert read_histories(tmp_path).kept >= 148


def test_conversations_are_named_by_where_they_stand():
    deep = {"runs": [{"a": {"history": says("x")}}, {"b": says("y")}]}
    assert [one.where for one in threads("f", deep)] == [
        "f, runs, conversation 0, a",
        "f, runs, conversation 1, b",
    ]


SMALL = {  # of `recordings_small`: kept, left out, doubts, conversations, speakers
    "talk_from_value.jsonl": (2, 0, 0, 1, ["gpt", "human"]),
    "talk_list_of_conversations.json": (4, 0, 0, 2, ["A", "B"]),
    "talk_one_message_a_line.jsonl": (4, 0, 0, 2, ["A", "B"]),
    "talk_output_key.json": (2, 0, 0, 1, ["Researcher", "Writer"]),
    "talk_same_id_twice.json": (2, 1, 0, 1, ["A", "B"]),
    "talk_sender_beside_role.json": (3, 0, 0, 1, ["Agent A", "Agent B", "user"]),
    "talk_sender_receiver.json": (2, 0, 0, 1, ["A", "B"]),
    "talk_source_key.json": (2, 2, 0, 1, ["planner", "user"]),
    "talk_table.csv": (4, 0, 0, 2, ["Ann", "Bob"]),
    "talk_times_run_backwards.json": (2, 0, 1, 1, ["A", "B"]),
    "talk_type_human_ai.json": (3, 1, 0, 1, ["human", "supervisor", "writer"]),
    "talk_type_only.json": (2, 0, 0, 1, ["ai", "human"]),
    "talk_whole_number_agents.json": (3, 0, 0, 1, ["0", "1", "2"]),
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the small recordings are not here")
@pytest.mark.parametrize("name", SMALL)
def test_small_recordings_are_read_as_a_reader_reads_them(name):
    found = read_any(SHARED / name)
    assert isinstance(found, Conversations)
    rows = found.messages
    seen = (found.kept, sum(found.left.values()), found.doubts.height, rows["conversation"].n_unique())
    assert (*seen, sorted(rows["speaker"].unique())) == SMALL[name]
    assert found.bad.is_empty()
