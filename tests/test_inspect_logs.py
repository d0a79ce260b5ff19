"""Traces as logs of Inspect and back; a killed evaluation goes on, and asks nothing twice."""

import asyncio
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from inspect_ai.event import timeline_build
from inspect_ai.log import EvalSampleLimit, read_eval_log, write_eval_log

import commonweal as cw
from commonweal.institutions import PeerSanction
from commonweal.language import LLM, read_eval, write_eval
from commonweal.language.rehearsal import answer
from commonweal.minds import Constant, Random
from commonweal.scenarios import Commons, Earthquake, PublicGoods


def same(a, b):
    """Every column, its kind, and all tables equal."""
    for name in (f.name for f in fields(a)):
        x, y = getattr(a, name), getattr(b, name)
        if isinstance(x, dict) and name != "recipe":
            assert x.keys() == y.keys(), name
            assert all(x[k].dtype == y[k].dtype and np.array_equal(x[k], y[k]) for k in x), name
        elif isinstance(x, np.ndarray):
            assert x.dtype == y.dtype and np.array_equal(x, y), name
        elif isinstance(x, pl.DataFrame):
            assert x.equals(y), name
        elif name != "card":
            assert x == y, name
    assert a.card.oracle == b.card.oracle and a.card.stakeholders == b.card.stakeholders


def lanes(sample):
    """The agents' spans of a sample, by name."""
    found = {}

    def look(root):
        for one in root.content:
            if one.type == "span":
                if one.span_type == "agent":
                    found.setdefault(one.name, []).append(one)
                look(one)

    look(timeline_build(sample.events).root)
    return found


@pytest.fixture(scope="module")
def trace():
    """Ten worlds in the graph, with profiles, an institution that books, and odd numbers."""
    society = cw.Society(
        cw.under(PublicGoods(n_agents=3, horizon=4), PeerSanction()),
        [Random(), Random(), Constant(give=1.0)],
        [None, cw.Profile(envy=0.5), None],
    )
    return cw.run(society, [9, 3, *range(20, 28)])


@pytest.mark.slow
def test_a_trace_goes_out_and_comes_back_with_every_column(trace, tmp_path):
    path = write_eval(trace, tmp_path, worlds=3)
    same(read_eval(path), trace.worlds(slice(3)))
    same(cw.replay(read_eval(path)), trace.worlds(slice(3)))

    async def inside():
        return read_eval(write_eval(trace, tmp_path / "more", worlds=1))

    same(asyncio.run(inside()), trace.worlds(slice(1)))  # also where a loop runs already


def test_an_exported_log_has_scores_and_a_lane_for_each_agent(trace, tmp_path):
    log = read_eval_log(str(write_eval(trace, tmp_path, worlds=2, rounds=3)))
    assert log.status == "success" and {s.id for s in log.samples} == {"world-9", "world-3"}
    for sample in log.samples:
        found = lanes(sample)
        assert {name: len(spans) for name, spans in found.items()} == {f"agent_{i}": 3 for i in range(3)}
        times = [(s.start_time(), s.end_time()) for s in found["agent_1"]]
        gaps = [(b - a).total_seconds() for (_, a), (b, _) in zip(times, times[1:], strict=False)]
        assert min(gaps) > 0.1  # nearer than that, the viewer makes two lanes of one
    alone = cw.alignment(trace.worlds([0]))
    first = next(s for s in log.samples if s.id == "world-9")
    assert first.scores["holistic"].value["O"] == pytest.approx(alone["O"].value)
    net = trace.net[0].sum(axis=0)
    assert first.scores["agents"].value["agent_2"] == pytest.approx(float(net[2]), rel=1e-6)


@pytest.mark.slow
def test_what_speakers_said_stands_in_their_lanes(tmp_path):
    said = cw.run(cw.Society(Earthquake(staged=True), LLM("commonweal/rehearsal-fair")))
    path = write_eval(said, tmp_path)
    same(read_eval(path), said)
    words = said.messages.filter(pl.col("agent") == 0)["text"][0]
    first = lanes(read_eval_log(str(path)).samples[0])["agent_0"][0]
    shown = [item.event.output.completion for item in first.content]
    assert any(words in text for text in shown)


def test_a_recording_without_a_recipe_is_shown_in_numbers(trace, tmp_path):
    recorded = replace(trace, recipe={"recording": "by hand"})
    path = write_eval(recorded, tmp_path, worlds=1, title="By hand")
    same(read_eval(path), recorded.worlds(slice(1)))
    text = lanes(read_eval_log(str(path)).samples[0])["agent_2"][0].content[0].event.output.completion
    assert json.loads(text)["give"] == "1" and path.name.endswith("_by-hand.eval")


def test_a_world_that_left_no_trace_is_there_and_invalid(trace, tmp_path):
    path = write_eval(trace, tmp_path, worlds=3)
    log = read_eval_log(str(path))
    log.samples[1].store.clear()
    log.samples[1].limit = EvalSampleLimit(type="time", limit=1, reason="it took too long")
    write_eval_log(log, str(path))
    back = read_eval(path)
    assert back.invalid == ("", "cut off (it took too long)", "") and list(back.seeds) == [9, 3, 20]
    same(back.worlds([0, 2]), trace.worlds([0, 2]))
    assert not back.alive[1].any() and "2 of 3 worlds" in str(cw.alignment(back))
    for sample in log.samples:
        sample.store.clear()
    write_eval_log(log, str(path))
    with pytest.raises(ValueError, match="holds no trace .*wanted the log of a world that ended"):
        read_eval(path)


# ------------------------------------------------------------------------------------------- killed


class Server(http.server.ThreadingHTTPServer):
    """A model server on the loopback: answers as a persona would, after a while, and counts."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls = 0

    def handle_error(self, request, client_address):
        """A client that was killed is no error."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))["messages"]
        system = "\n\n".join(m["content"] for m in asked if m["role"] in ("system", "developer"))
        turns = [(m["role"], m["content"]) for m in asked if m["role"] in ("user", "assistant")]
        time.sleep(0.1)
        self.server.calls += 1
        message = {"role": "assistant", "content": answer("fair", system, turns)}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        told = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "usage": usage}
        body = json.dumps(told | {"choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server():
    """A server, for as long as a test."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["eval", "eval-set"])
def test_after_a_kill_no_finished_call_is_made_again(server, tmp_path, how):
    env = os.environ | {"FAKE_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1", "FAKE_API_KEY": "x"}
    env |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_DATA_HOME": str(tmp_path / "data")}
    worlds, rounds, agents = 4, 4, 3
    need, inspect = worlds * rounds * agents, str(Path(sys.executable).parent / "inspect")
    knobs = f"-T seeds={worlds} -T horizon={rounds} -T n_agents={agents} --max-samples 2".split()
    command = [inspect, how, "commonweal/commons", "--model", "openai-api/fake/m", *knobs]
    to = ["--log-dir", str(tmp_path / "logs"), "--display", "none"]
    quiet = {"env": env, "cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    first, patience = subprocess.Popen([*command, *to], **quiet), time.monotonic() + 100
    while server.calls < need // 2 and first.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    assert first.wait(10) == -signal.SIGKILL
    time.sleep(0.5)  # what was on its way arrives nowhere
    journals = list((tmp_path / "cache").glob("commonweal/journals/*/*.jsonl"))
    known = sum(len(file.read_bytes().splitlines()) for file in journals)
    assert need // 2 - 2 * agents <= known <= server.calls < need
    before = server.calls
    killed = next((tmp_path / "logs").glob("*.eval"))
    again = [inspect, "eval-retry", str(killed)] if how == "eval" else command
    subprocess.run([*again, *to], check=True, timeout=100, **quiet)
    assert server.calls - before == need - known  # all that was missing, and nothing else
    logs = sorted((tmp_path / "logs").glob("*.eval"), key=lambda path: path.stat().st_mtime)
    found = read_eval(logs[-1])
    assert found.valid.all() and found.replies.height == need
    society = cw.Society(Commons(n_agents=agents, horizon=rounds), LLM("commonweal/rehearsal-fair"))
    assert np.array_equal(found.act["take"], cw.run(society, worlds).act["take"])


@pytest.mark.parametrize("damage", [lambda raw: raw[: len(raw) // 2], lambda raw: b"", lambda raw: b"notes"])
def test_a_damaged_log_is_named_with_its_mend(damage, tmp_path):
    path = write_eval(cw.run(cw.Society(Commons(n_agents=2, horizon=2), Random()), 1), tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    said = r"cannot be read as a log of Inspect .*; bring it back from a copy, or run it again: inspect eval"
    with pytest.raises(ValueError, match=said) as error:
        read_eval(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_eval(tmp_path / "nowhere.eval")
