"""Spans in the dialects of five libraries, and calls that were recorded twice: each counts once."""

import gzip
import json

import pytest

from commonweal.interop import audit_any, read_any, read_histories, read_spans

SEC = 10**9


def span(id, parent="", at=0, until=None, kind="chat", **more):
    """A span with attributes as an object; __ is a dot in `more`, and gen_ai. comes before it."""
    about = {f"gen_ai.{key.replace('__', '.')}": value for key, value in more.items()}
    about |= {"gen_ai.operation.name": kind} if kind else {}
    times = {"startTimeUnixNano": str(at * SEC)}
    times |= {"endTimeUnixNano": str((at + 1 if until is None else until) * SEC)}
    return {"traceId": "t", "spanId": id, "parentSpanId": parent, "attributes": about} | times


def words(text, *before):
    return json.dumps([{"role": "assistant", "parts": [*before, {"type": "text", "content": text}]}])


def agent(id, name, parent="", at=0, until=10, **more):
    return span(id, parent, at, until, "invoke_agent", agent__name=name, **more)


def found(tmp_path, *spans, file="s.jsonl", **how):
    (tmp_path / file).write_text("\n".join(json.dumps(one, **how) for one in spans))
    return read_any(tmp_path / file)


def said(read):
    return read.messages.select("speaker", "text").rows()


# ------------------------------------------------------------------------------- recorded twice


def test_a_span_that_was_sent_twice_counts_once(tmp_path):
    one = [agent("a", "A"), span("b", "a", 1, output__messages=words("hi"))]
    read = found(tmp_path, *one, *one)
    assert said(read) == [("A", "hi")]
    assert "2 spans are copies of others (same trace and id), and are read as one." in read.notes


@pytest.mark.parametrize("turn", [1, -1])
def test_copies_from_the_start_and_the_end_are_one_span(tmp_path, turn):
    first, last = span("b", at=1, agent__name="A"), span("b", at=1, until=3, output__messages=words("hi"))
    first["endTimeUnixNano"], first["status"], last["status"] = None, {}, {"code": 2}
    read = found(tmp_path, *[first, last][::turn])
    assert read.messages.select("speaker", "text", "seconds", "failed").rows() == [("A", "hi", 2.0, True)]


def test_copies_that_say_different_things_are_doubted(tmp_path):
    read = found(tmp_path, *[span("b", agent__name="A", output__messages=words(x)) for x in ("yes", "no")])
    assert said(read) == [("A", "no")]
    assert read.doubts["reason"].to_list() == ["'no', but its copy at s.jsonl, line 1 differs"]


@pytest.mark.parametrize(
    ("inner", "calls"),
    [
        ({"output__messages": words("hi ")}, 1),  # framework and SDK
        ({"usage__output_tokens": 7}, 1),  # the SDK keeps no words
        ({"output__messages": words("hi"), "request__model": "m-2024"}, 1),
        ({"output__messages": words("other")}, 2),
        ({"output__messages": words("hi"), "request__model": "n"}, 2),
        ({"output__messages": words("hi"), "agent__name": "B"}, 2),
        ({"output__messages": words("hi"), "until": 9}, 2),  # it ends after the one around it
        ({}, 2),  # nothing says that it is the same
    ],
)
def test_a_call_inside_a_call_is_the_same_where_both_say_the_same(tmp_path, inner, calls):
    outer = {"output__messages": words("hi"), "usage__output_tokens": 7, "request__model": "m"}
    spans = [span("a", "", 0, 5, agent__name="A", **outer), span("w", "a", 1, 4, "step")]
    read = found(tmp_path, *spans, span("b", "w", **({"at": 2, "until": 3, "request__model": "m"} | inner)))
    assert read.kept == calls
    assert any("1 second record of a call" in note for note in read.notes) == (calls == 1)


def test_a_call_of_a_tool_inside_a_call_is_a_call(tmp_path):
    text = {"output__messages": words("hi"), "agent__name": "A"}
    tool = span("t", "a", 1, 4, "execute_tool")
    assert found(tmp_path, span("a", "", 0, 5, **text), tool, span("b", "t", 2, 3, **text)).kept == 2


def test_an_agent_inside_itself_that_is_asked_the_same_is_invoked_once(tmp_path):
    ask = {"input__messages": words("look")}
    spans = [agent("a", "Boss"), agent("b", "Cat", "a", 1, 9, **ask), agent("c", "Cat", "b", 2, 8, **ask)]
    read = found(tmp_path, *spans, span("d", "c", 3, output__messages=words("found")))
    assert said(read) == [("Boss", "look"), ("Cat", "found")]


def test_a_call_beside_its_agent_is_part_of_it(tmp_path):
    step, a = span("x", "", 0, 20, "step"), agent("a", "Weather", "x", 1, 9)
    call = span("b", "x", 2, 3, output__messages=words("sunny"), request__model="m")
    read = found(tmp_path, step, a, call)
    assert said(read) == [("Weather", "sunny")]
    assert any(note.startswith("1 model calls are part of no agent, and are read as") for note in read.notes)
    lost = [agent("a", "Weather", "", 1, 9), call | {"parentSpanId": "not recorded"}]
    assert said(found(tmp_path, *lost)) == [("Weather", "sunny")]
    later = found(tmp_path, step, a, call | {"startTimeUnixNano": str(11 * SEC), "endTimeUnixNano": None})
    assert said(later)[-1] == ("m", "sunny")
    two = found(tmp_path, step, a, agent("c", "Writer", "x", 1, 9), call)
    assert ("m", "sunny") in said(two)
    assert (
        "1 model calls are part of no agent and run beside several; their speaker is their model."
        in two.notes
    )


# ------------------------------------------------------------------------------- what is no speech


def test_reasoning_is_no_speech_and_is_counted(tmp_path):
    thoughts = [{"type": "reasoning", "content": "secret"}, {"type": "thinking", "thinking": "secret"}]
    gemini = {"content": {"parts": [{"text": "secret", "thought": True}, {"text": "hello"}]}}
    more = {"gcp.vertex.agent.llm_response": json.dumps(gemini), "gen_ai.request.model": "g"}
    spans = [span("a", agent__name="A", output__messages=words("hi", *thoughts)), span("b", "a", kind=None)]
    spans[1]["attributes"] = more
    read = found(tmp_path, *spans)
    assert said(read) == [("A", "hi"), ("A", "hello")]
    assert read.notes[-1] == "3 parts of reasoning are not read as speech."


def test_what_graders_say_is_no_speech_and_is_counted(tmp_path):
    grader = {"openinference.span.kind": "EVALUATOR"}
    spans = [span("e", kind=None) | {"attributes": grader}, span("b", "e", output__messages=words("C"))]
    read = found(tmp_path, span("a", agent__name="A", output__messages=words("hi")), *spans)
    assert said(read) == [("A", "hi")] and read.notes[1] == "No messages: 1 chat of a grader, 1 evaluator."


# ------------------------------------------------------------------------------- times


def test_a_span_that_ends_before_it_starts_has_no_duration(tmp_path):
    read = found(
        tmp_path, span("1", at=5, until=2, agent__name="A"), span("2", at=6, until=8, agent__name="A")
    )
    assert read.messages["seconds"].to_list() == [None, 2.0]
    assert "it ends 3 seconds before it starts" in read.doubts["reason"][0]
    assert audit_any(tmp_path / "s.jsonl")["who talks"]["A"]["seconds a message"].value == 2.0


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        (1_700_000_000, 1_700_000_001.5, 1.5),
        (1_700_000_000_000, 1_700_000_001_500, 1.5),
        (1_700_000_000_000_000, "1700000001500000", 1.5),
        (1_700_000_000_000_000_000, 1_700_000_001_500_000_000, 1.5),
        ([1_700_000_000, 0], [1_700_000_001, 500_000_000], 1.5),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:01.500Z", 1.5),
        (3, 1_700_000_000, None),
        ("yesterday", 1_700_000_000, None),
    ],
)
def test_the_unit_of_a_time_is_told_by_its_size_or_doubted(tmp_path, start, end, seconds):
    one = span("a", agent__name="A") | {"start_time": start, "end_time": end}
    del one["startTimeUnixNano"], one["endTimeUnixNano"]
    read = found(tmp_path, one)
    assert read.messages["seconds"][0] == (pytest.approx(seconds) if seconds else None)
    wanted = [] if seconds else [f"{start!r}, wanted Unix nanoseconds or ISO 8601"]
    assert read.doubts["reason"].to_list() == wanted


# ------------------------------------------------------------------------------- words and names


EVENTS = [
    [{"name": "gen_ai.choice", "attributes": {"gen_ai.event.content": '{"message": {"content": "go"}}'}}],
    [{"name": "gen_ai.choice", "attributes": {"message": '[{"text": "go"}]', "finish_reason": "stop"}}],
    [{"name": "gen_ai.choice", "attributes": {"message": {"role": "assistant", "content": "go"}}}],
    [{"name": "gen_ai.content.completion", "attributes": {"gen_ai.completion": "go"}}],
    [
        {
            "name": "gen_ai.client.inference.operation.details",
            "attributes": {"gen_ai.output.messages": words("go")},
        }
    ],
]


@pytest.mark.parametrize("events", EVENTS)
def test_words_in_events_are_read(tmp_path, events):
    asked = {"name": "gen_ai.user.message", "attributes": {"content": "no answer"}}
    assert said(found(tmp_path, span("a", agent__name="A") | {"events": [asked, *events]})) == [("A", "go")]


def test_an_answer_that_is_json_is_kept_as_it_was_written(tmp_path):
    answer = '{"text": "no", "vote": 3}'
    about = {"ai.operationId": "ai.generateText.doGenerate", "ai.response.text": answer, "ai.model.id": "m"}
    assert said(found(tmp_path, span("a") | {"attributes": about})) == [("m", answer)]
    about = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": "A", "output.value": '{"vote": 3}'}
    assert said(found(tmp_path, span("a") | {"attributes": about})) == [("A", '{"vote": 3}')]


@pytest.mark.parametrize("kind", [None, "completion", "call_llm", "generate_text"])
def test_a_call_is_known_by_its_model_and_its_words_or_tokens(tmp_path, kind):
    more = {"request__model": "m", "usage__output_tokens": 3}
    assert said(found(tmp_path, agent("a", "A"), span("b", "a", 1, kind=kind, **more))) == [("A", None)]
    no_words = found(tmp_path, agent("a", "A"), span("b", "a", 1, kind=kind, request__model="m"))
    assert f"No messages: 1 {kind or '(no operation)'}." in no_words.notes
    other = found(tmp_path, agent("a", "A"), span("b", "a", 1, kind="embeddings", **more))
    assert "No messages: 1 embeddings." in other.notes


def test_spans_of_which_none_speaks_say_what_came_and_what_is_wanted(tmp_path):
    with pytest.raises(
        ValueError, match=r"2 spans \(1 \(no operation\), 1 embeddings\); wanted a model call"
    ):
        found(tmp_path, span("a", kind="embeddings"), span("b", kind=None))


def resource(name, *spans, **more):
    about = [{"key": k, "value": {"stringValue": v}} for k, v in ({"service.name": name} | more).items()]
    return {"resource": {"attributes": about}, "scopeSpans": [{"spans": list(spans)}]}


def test_the_agent_of_a_process_speaks_where_its_spans_name_none(tmp_path):
    call = span("b", "a", 2, output__messages=words("hi"), request__model="m")
    boss = resource("s", span("a", "", 0, 9, "step"), call, **{"gen_ai.agent.name": "Boss"})
    assert said(found(tmp_path, {"resourceSpans": [boss]})) == [("Boss", "hi")]
    inside = resource("s", agent("a", "Cat"), call, **{"gen_ai.agent.name": "Boss"})
    assert said(found(tmp_path, {"resourceSpans": [inside]})) == [("Cat", "hi")]
    far = [resource("s", agent("a", "Cat")), resource("s", call, **{"gen_ai.agent.name": "Dog"})]
    assert said(found(tmp_path, {"resourceSpans": far})) == [("Dog", "hi")]


def test_services_are_agents_only_where_there_are_several(tmp_path):
    calls = [span(i, at=int(i), output__messages=words("hi"), request__model="m") for i in "12"]
    one = {"resourceSpans": [resource("front", *calls)]}
    assert said(found(tmp_path, one)) == [("m", "hi")] * 2
    two = {"resourceSpans": [resource("front", calls[0]), resource("back", calls[1])]}
    assert said(found(tmp_path, two)) == [("front", "hi"), ("back", "hi")]


# ------------------------------------------------------------------------------- dialects and files


INFERENCE = [
    ("1", "", {"openinference.span.kind": "AGENT", "agent.name": "Planner", "output.value": "ok"}),
    ("2", "1", {"openinference.span.kind": "LLM", "llm.model_name": "m", "llm.token_count.completion": 3,
                "llm.input_messages.0.message.content": "do it",
                "llm.output_messages.0.message.role": "assistant",
                "llm.output_messages.0.message.contents.0.message_content.type": "text",
                "llm.output_messages.0.message.contents.0.message_content.text": "plan one"}),
]  # fmt: skip
NESTED = [
    ("1", "", {"openinference": {"span": {"kind": "AGENT"}}, "agent": {"name": "Planner"}}),
    ("2", "1", {"openinference": {"span": {"kind": "LLM"}}, "llm": {"model_name": "m",
                "token_count": {"completion": 3},
                "output_messages": [{"message.role": "assistant", "message.content": "plan one"}]}}),
]  # fmt: skip
LOOPED = [
    ("1", "", {"traceloop.span.kind": "agent", "traceloop.entity.name": "Planner"}),
    ("2", "1", {"llm.request.type": "chat", "gen_ai.request.model": "m", "gen_ai.prompt.0.content": "do it",
                "gen_ai.usage.completion_tokens": 3, "gen_ai.completion.0.role": "assistant",
                "gen_ai.completion.0.content": '[{"type": "text", "text": "plan one"}]'}),
]  # fmt: skip
VERCEL = [
    ("1", "", {"operation.name": "ai.generateText Planner", "ai.telemetry.functionId": "Planner"}),
    ("2", "1", {"operation.name": "ai.generateText.doGenerate Planner", "ai.response.text": "plan one",
                "ai.prompt.messages": '[{"role": "user", "content": "do it"}]', "ai.model.id": "m",
                "ai.usage.completionTokens": 3}),
]  # fmt: skip


@pytest.mark.parametrize("dialect", [INFERENCE, NESTED, LOOPED, VERCEL])
def test_a_dialect_is_read(tmp_path, dialect):
    read = found(
        tmp_path, *[span(i, above, int(i), 9) | {"attributes": about} for i, above, about in dialect]
    )
    assert read.messages.select("speaker", "text", "model", "tokens_out").rows() == [
        ("Planner", "plan one", "m", 3)
    ]
    assert not read.doubts.height


PAIR = [agent("a", "A"), span("b", "a", 1, output__messages=words("hi"))]


@pytest.mark.parametrize("file", ["s.json", "s.jsonl"])
def test_indented_objects_one_after_another_are_read(tmp_path, file):
    assert said(found(tmp_path, *PAIR, file=file, indent=4)) == [("A", "hi")]
    text = (tmp_path / file).read_text()
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    assert said(read_any(tmp_path / "z.jsonl.gz")) == [("A", "hi")]
    (tmp_path / file).write_text(text.replace('"hi', '"hi" broken "') + "\n" + json.dumps(PAIR[1], indent=1))
    read = read_any(tmp_path / file)
    assert said(read) == [("A", "hi")]
    assert read.bad["where"].to_list() == [f"{file}, from line 12"]


def test_lists_of_spans_and_spans_inside_each_other_are_read(tmp_path):
    assert said(found(tmp_path, PAIR, file="s.json")) == [("A", "hi")]
    assert said(found(tmp_path, [{"resourceSpans": [resource("s", *PAIR)]}], file="s.json")) == [("A", "hi")]
    assert said(found(tmp_path, {"spans": PAIR}, file="s.json")) == [("A", "hi")]
    inner = {"span_id": "b", "parent_span_id": "a", "span_attributes": PAIR[1]["attributes"]}
    outer = {"span_id": "a", "span_attributes": PAIR[0]["attributes"], "child_spans": [inner]}
    assert said(found(tmp_path, {"trace_id": "t", "spans": [outer]}, file="s.json")) == [("A", "hi")]
    read = found(tmp_path, [*PAIR, 3, [4]], file="s.json")
    assert read.bad["where"].to_list() == ["s.json, span 2", "s.json, span 3"]


def test_a_key_that_stands_twice_is_named(tmp_path):
    (tmp_path / "t.json").write_text('[{"name": "A", "content": "no", "content": "yes"}]')
    read = read_histories(tmp_path / "t.json")
    assert read.messages["text"].to_list() == ["yes"]
    why = "the key 'content' stands twice in an object, wanted it once; the last is read"
    assert read.doubts.rows() == [("t.json", why)]
    (tmp_path / "s.jsonl").write_text(json.dumps(span("a", agent__name="A"))[:-1] + ', "spanId": "b"}')
    assert "'spanId' stands twice" in read_spans(tmp_path / "s.jsonl").doubts["reason"][0]
