"""Logs of Inspect as people have them: JSON, older versions, graders, reasoning, replies that stand apart."""

import json
import os
import zipfile

import pytest

from commonweal.interop import read_any
from commonweal.language.transcripts import read_logs

TIME = "2024-11-05T13:31:{:02}-05:00"


def call(second, content, **more):
    """A model call; content is a text or parts."""
    message = {"role": "assistant", "content": content, "source": "generate"}
    out = {"model": "m", "choices": [{"message": message, "stop_reason": "stop"}]}
    out |= {"usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}
    event = {"event": "model", "timestamp": TIME.format(second), "model": "m", "input": [], "tools": []}
    return event | {"tool_choice": "auto", "config": {}, "output": out} | more


def step(second, action, kind, name):
    return {"event": "step", "timestamp": TIME.format(second), "action": action, "type": kind, "name": name}


def sample(*events, **more):
    base = {"id": 1, "epoch": 1, "input": "?", "target": "x", "messages": [], "store": {}, "metadata": {}}
    return base | {"output": {"model": "m", "choices": []}, "events": list(events), "attachments": {}} | more


def log(*samples, status="success"):
    """A log as versions of 2024 wrote it: its data set lists no samples."""
    spec = {"task": "t", "dataset": {}, "model": "m", "config": {}, "created": TIME.format(0)}
    return {"version": 2, "status": status, "eval": spec, "samples": list(samples)}


def read(tmp_path, *samples):
    (tmp_path / "log.json").write_text(json.dumps(log(*samples)))
    return read_any(tmp_path / "log.json", logs=read_logs)


def said(found):
    return found.messages.select("speaker", "text").rows()


OLD = sample(
    step(1, "begin", "solver", "generate"),
    call(2, "attachment://long"),
    step(3, "end", "solver", "generate"),
    step(4, "begin", "scorer", "model_graded_fact"),
    call(5, "GRADE: C"),
    step(6, "end", "scorer", "model_graded_fact"),
    call(7, "after"),
    attachments={"long": "a long reply"},
)


def test_replies_that_stand_apart_are_read_and_graders_are_not(tmp_path):
    found = read(tmp_path, OLD)
    assert found.kind == "Inspect logs" and said(found) == [("m", "a long reply"), ("m", "after")]
    assert found.notes[1] == "No messages: 1 chat of a grader, 1 scorer, 1 solver."


def test_a_reply_that_stands_apart_and_is_not_there_is_doubted(tmp_path):
    found = read(tmp_path, sample(call(2, "attachment://gone")))
    assert said(found) == [("m", None)]
    assert found.doubts["reason"].to_list() == [
        "attachment://gone, wanted an attachment that the sample holds"
    ]


def test_graders_are_known_by_role_or_span_and_reasoning_is_no_speech(tmp_path):
    begin = {
        "event": "span_begin",
        "timestamp": TIME.format(3),
        "id": "s",
        "type": "scorers",
        "name": "scorers",
    }
    parts = [{"type": "reasoning", "reasoning": "secret"}, {"type": "text", "text": "hi"}]
    grader = call(2, "C", role="grader")
    found = read(tmp_path, sample(call(1, parts, role="Ann"), grader, begin, call(4, "I", span_id="s")))
    assert said(found) == [("Ann", "hi")]
    assert found.notes[1:] == (
        "No messages: 2 chat of a grader, 1 scorers.",
        "1 parts of reasoning are not read as speech.",
    )


def test_calls_that_an_older_tool_holds_are_its_agents(tmp_path):
    tool = {"event": "tool", "timestamp": TIME.format(2), "id": "c", "function": "handoff", "arguments": {}}
    tool |= {"agent": "Cat", "result": "", "events": [call(3, "attachment://long")], "type": "function"}
    subtask = {"event": "subtask", "timestamp": TIME.format(5), "name": "f", "input": {}, "result": {}}
    found = read(
        tmp_path, sample(tool, subtask | {"events": [call(6, "done")]}, attachments={"long": "found"})
    )
    assert said(found) == [("Cat", "found"), ("m", "done")]


def test_a_sample_without_events_is_read_from_its_messages(tmp_path):
    talk = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "hi"}]
    found = read(tmp_path, sample(messages=talk))
    assert said(found) == [("m", "hi")]
    assert found.notes[-1] == "1 samples have no events; what their assistants say is read."


def test_a_folder_of_logs_of_both_kinds_names_what_is_none(tmp_path):
    (tmp_path / "listing.json").write_text("{}")
    with zipfile.ZipFile(tmp_path / "b.eval", "w") as archive:
        whole = log(sample(call(1, "packed")))
        archive.writestr("header.json", json.dumps({k: v for k, v in whole.items() if k != "samples"}))
        archive.writestr("samples/1_epoch_1.json", json.dumps(whole["samples"][0]))
    (tmp_path / "a.json").write_text(json.dumps(log(sample(call(1, "plain")))))
    found = read_any(tmp_path, logs=read_logs)
    assert sorted(said(found)) == [("m", "packed"), ("m", "plain")]
    assert "Not read, no log: listing.json." in found.notes


def test_a_log_needs_its_reader_and_one_that_says_nothing_is_named(tmp_path):
    (tmp_path / "log.json").write_text(json.dumps(log(sample())))
    with pytest.raises(ValueError, match=r"log.json is an Inspect log; wanted a reader"):
        read_any(tmp_path / "log.json")
    with pytest.raises(ValueError, match="log.json holds no message that can be used .Inspect logs."):
        read_any(tmp_path / "log.json", logs=read_logs)


def test_a_log_of_which_a_part_is_too_large_unpacked_is_named_and_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("commonweal.language.transcripts.MOST", 1 << 20)
    (tmp_path / "fine.json").write_text(json.dumps(log(OLD)))
    with zipfile.ZipFile(tmp_path / "bomb.eval", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", bytes((1 << 20) + 1))
    os.mkfifo(tmp_path / "pipe.eval")
    found = read_any(tmp_path, logs=read_logs)
    (where, reason), *_ = found.bad.rows()
    assert where == "bomb.eval" and "header.json holds more than 1 MiB" in reason and found.kept == 2
    assert any("pipe.eval" in note for note in found.notes)
