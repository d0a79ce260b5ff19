"""Sealing, verifying and redacting stored runs; every kind of tampering is planted and named."""

import dataclasses
import json
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import ledger
from commonweal.ledger.canonical import canonical
from commonweal.ledger.checkpoint import load_key, sign
from commonweal.ledger.log import EVENT, entry_of, events, read_salts, tables, top
from commonweal.measures import gini
from commonweal.minds import FairShare, Greedy
from commonweal.scenarios import Commons

LAKE = Commons(n_agents=3, horizon=3, assignment="proportional")


class Teller(cw.Speaker):
    """Takes five and tells who and when in its notes."""

    async def ask(self, prompt):
        notes = f"I am {prompt.where.seat} in round {prompt.where.tick}, says Ærø"
        return cw.Said(json.dumps({"take": 5, "notes": notes}), read=10, written=3, cost=5e-7)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two keys, a sealed run with speakers, one in the graph, and the traces themselves."""
    root = tmp_path_factory.mktemp("made")
    for name in ("lab", "other"):
        ledger.new_key(root / name, f"example.org/{name}")
    for name, minds in {"said": [Teller(), Teller(), FairShare()], "graph": FairShare()}.items():
        cw.run(cw.Society(LAKE, minds), seeds=2).save(root / name)
        ledger.seal(root / name, root / "lab", about={"reviewed by": "A. Person", "keep until": "2027-06-01"})
    return root


@pytest.fixture
def at(made, tmp_path):
    """A copy of all that."""
    return shutil.copytree(made, tmp_path / "copy")


def lines_of(folder):
    return (folder / "ledger" / "log.jsonl").read_bytes().split(b"\n")[:-1]


def write_lines(folder, lines):
    (folder / "ledger" / "log.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def redact(folder, which, why, key):
    """Redact some of several entries that hold the same words, and be told so."""
    with pytest.warns(
        UserWarning, match=r"the words still stand in .*\.parquet.* of .*everywhere=True\) takes"
    ):
        return ledger.redact(folder, which, why, key)


def fault(folder, key=None, **more):
    found = ledger.verify(folder, key, **more)
    assert found.ok == (found.fault == "") and (found.ok or f"does not verify: {found.fault}" in str(found))
    return found.fault


def test_a_copied_folder_verifies_and_replays_from_its_files_alone(at, made):
    key = (made / "lab.vkey").read_text().strip()
    for name, size in {"said": 1 + 7 + 12 + 12, "graph": 1 + 7}.items():
        found = ledger.verify(at / name, key, replay=True)
        assert (found.ok, found.entries, found.replayed, found.signer) == (True, size, 1, key), found
        assert "the same bit for bit: 1" in str(found) and "pass the key" not in str(found)
        assert "pass the key you trust" in str(ledger.verify(at / name))
        json.dumps(found.as_dict())


def test_verifying_imports_no_jax(at):
    code = "import sys, commonweal.ledger as x; print(x.verify(sys.argv[1]).ok, 'jax' in sys.modules)"
    command = [sys.executable, "-c", code, at / "said"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_what_is_in_the_log(at):
    lines = lines_of(at / "said")
    assert all(canonical(json.loads(line)).encode() == line for line in lines)
    kinds = [json.loads(line)["kind"] for line in lines]
    assert kinds == ["statement"] + ["file"] * 7 + ["message"] * 12 + ["reply"] * 12
    assert json.loads(lines[0])["about"]["reviewed by"] == "A. Person"
    trace, message = cw.load(at / "said"), json.loads(lines[8])
    salt = read_salts(at / "said")[1][0]
    text = trace.messages["text"][0]
    assert message.pop("text") == sha256(salt + text.encode()).hexdigest()
    assert message == {"kind": "message", "world": 0, "t": 0, "agent": 0, "channel": "(notes)"}
    assert b'"cost":5e-7' in lines[20]  # as RFC 8785 writes it
    chunk = json.loads(lines_of(at / "graph")[2])
    assert chunk["sha256"] == sha256((at / "graph" / chunk["path"]).read_bytes()).hexdigest()
    assert "trace.json" in {json.loads(line).get("path") for line in lines_of(at / "graph")}  # the recipe
    assert not any(line.startswith(EVENT) for line in lines_of(at / "graph"))


@pytest.mark.parametrize("name", ["said", "graph"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_any_flipped_bit_of_any_file_is_rejected(data, at, made, name):
    files = sorted(path for path in (at / name).rglob("*") if path.is_file())
    file = data.draw(st.sampled_from(files))
    whole = file.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    file.write_bytes(bytes(x ^ (1 << bit % 8) if i == bit // 8 else x for i, x in enumerate(whole)))
    try:
        assert fault(at / name, data.draw(st.sampled_from([None, made / "lab.vkey"])))
    finally:
        file.write_bytes(whole)


def test_the_file_or_the_entry_with_the_flipped_byte_is_named(at):
    chunk = next((at / "graph").glob("2x3x3.parquet"))
    data = chunk.read_bytes()
    chunk.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    assert fault(at / "graph") == "2x3x3.parquet is not the file of which entry 3 tells"
    lines = lines_of(at / "said")
    write_lines(at / "said", [*lines[:9], lines[9].replace(b'"agent":1', b'"agent":2'), *lines[10:]])
    assert fault(at / "said") == (
        "entry 9 is not the message of agent 1 in world 0, tick 0 in the tables; "
        "and the log has not the root that was signed"
    )
    write_lines(at / "said", [lines[0], lines[1].replace(b":", b";", 1), *lines[2:]])
    assert fault(at / "said").startswith("entry 1 of the log is not one of ours; and")


def test_a_word_changed_in_the_tables_is_rejected(at):
    path = at / "said" / "replies.parquet"
    table = pl.read_parquet(path)
    table.with_columns(
        text=pl.col("text").str.replace("I am 1 in round 2", "I am 1 in round 3")
    ).write_parquet(path)
    assert fault(at / "said") == "replies.parquet is not the file of which entry 6 tells"
    salts = at / "said" / "ledger" / "salts"
    table.write_parquet(path)
    data = salts.read_bytes()
    salts.write_bytes(data[:-1] + b"?")
    assert fault(at / "said") == "entry 31 is not the reply of agent 1 in seed 1, tick 2 in the tables"


def test_rows_that_were_never_logged_are_rejected_whoever_signed(at):
    home, lines = at / "said", lines_of(at / "said")
    write_lines(home, lines[:-1])
    resign(home, at / "lab")
    assert fault(home, at / "lab.vkey") == "the log tells of 23 messages and replies, the tables hold 24"


def resign(home, key):
    """Sign whatever the log holds now."""
    note, lines = home / "ledger" / "checkpoint", lines_of(home)
    origin = note.read_text().split("\n")[0]
    note.write_text(sign(ledger.Checkpoint(origin, len(lines), top(lines)), load_key(key, private=True)))


@pytest.mark.parametrize(
    ("i", "j", "said"),
    [
        (8, 9, "entry 8 is not the message of agent 0 in world 0, tick 0 in the tables; and"),
        (2, 3, "every entry matches the files; and the log has not the root that was signed"),
    ],
)
def test_two_swapped_entries_are_rejected(at, i, j, said):
    lines = lines_of(at / "said")
    lines[i], lines[j] = lines[j], lines[i]
    write_lines(at / "said", lines)
    assert fault(at / "said").startswith(said)


def test_a_dropped_tail_is_rejected_with_the_newest_checkpoint_and_with_an_old_one(at):
    lines, old = lines_of(at / "said"), (at / "said" / "ledger" / "checkpoint").read_bytes()
    write_lines(at / "said", lines[:-2])
    assert fault(at / "said") == "the checkpoint signs 32 entries, the log has 30"
    write_lines(at / "said", lines)
    redact(at / "said", [8], "was asked to", at / "lab")
    assert len(lines_of(at / "said")) == 34 and not fault(at / "said")
    write_lines(at / "said", lines)  # as if it had never been redacted
    (at / "said" / "ledger" / "checkpoint").write_bytes(old)
    assert fault(at / "said") == "messages.parquet is not the file of which entry 5 tells"


def test_a_whole_older_state_is_rejected_by_who_has_seen_a_newer_checkpoint(at):
    shutil.copytree(at / "said", at / "before")
    redact(at / "said", [8], "was asked to", at / "lab")
    newer, older = at / "said" / "ledger" / "checkpoint", at / "before" / "ledger" / "checkpoint"
    assert not fault(at / "before")  # its files alone cannot tell
    said = "the log does not extend the checkpoint that was seen, of 34 entries"
    assert fault(at / "before", seen=newer) == said
    assert not fault(at / "said", seen=older)
    assert "does not extend" in fault(at / "said", seen=at / "graph" / "ledger" / "checkpoint")


def replaced(at):
    """Put other words into a run: the table, its salt, its entries and the root all say so."""
    home = at / "said"
    table = pl.read_parquet(home / "messages.parquet")
    words = ["I gave it all away", *table["text"].to_list()[1:]]
    table.with_columns(text=pl.Series(words)).write_parquet(home / "messages.parquet")
    files, salts = read_salts(home)
    lines = lines_of(home)
    lines[8:] = list(events(tables(home), salts))
    for i in range(1, 8):
        path = home / json.loads(lines[i])["path"]
        lines[i] = canonical(entry_of("file", path, home, files)).encode()
    write_lines(home, lines)
    return lines


def test_a_replaced_entry_with_all_later_hashes_recomputed_is_rejected(at):
    lines, note = replaced(at), at / "said" / "ledger" / "checkpoint"
    assert fault(at / "said") == "every entry matches the files; and the log has not the root that was signed"
    origin, size, _, *rest = note.read_text().split("\n")
    forged = ledger.Checkpoint(origin, int(size), top(lines))
    note.write_text("\n".join([*forged.text.split("\n")[:3], *rest]))
    assert fault(at / "said") == "the checkpoint is not what example.org/lab signed"


def test_a_checkpoint_by_another_key_is_rejected(at):
    lines, home = replaced(at), at / "said" / "ledger"
    other = load_key(at / "other", private=True)
    origin = f"example.org/other/{json.loads(lines[0])['log']}"
    (home / "checkpoint").write_text(sign(ledger.Checkpoint(origin, len(lines), top(lines)), other))
    assert fault(at / "said").startswith("the checkpoint is signed by example.org/other+")
    shutil.copy(at / "other.vkey", home / "key")
    assert fault(at / "said", at / "lab.vkey").startswith("the checkpoint is signed by example.org/other+")
    rewritten = ledger.verify(at / "said")  # what no log of its own can show: see docs/ledger.md
    assert rewritten.ok and "so who signed is not shown" in str(rewritten)


def test_a_checkpoint_of_another_run_is_rejected(at):
    shutil.copy(at / "graph" / "ledger" / "checkpoint", at / "said" / "ledger" / "checkpoint")
    assert fault(at / "said") == "the checkpoint signs 8 entries, the log has 32"
    resign(at / "said", at / "lab")  # the size and root of the one under the name of the other
    assert fault(at / "said").startswith("the checkpoint is of another log, example.org/lab/")


@pytest.mark.parametrize("name", ["act", "messages"])
def test_a_trace_that_its_recipe_does_not_make_is_rejected_only_by_running_it_again(at, name):
    trace = cw.load(at / "said")
    if name == "act":
        trace.act["take"][1, 2, 0] += 1.0
    else:
        words = ["something else", *trace.messages["text"].to_list()[1:]]
        trace = dataclasses.replace(trace, messages=trace.messages.with_columns(text=pl.Series(words)))
    trace.save(at / "false")
    ledger.seal(at / "false", at / "lab")
    found = ledger.verify(at / "false", at / "lab.vkey", replay=True)
    assert ledger.verify(at / "false", at / "lab.vkey").ok and found.replayed == 0
    if name == "act":
        assert found.fault == "its recipe does not make it: act/take[1, 2, 0] is 6.0, and comes out as 5.0"
    else:
        assert found.fault == "its recipe does not make it: its messages or replies are others"


def test_what_cannot_be_run_again_says_why(at):
    trace = cw.load(at / "graph")
    dataclasses.replace(trace, recipe=trace.recipe | {"forced": True}).save(at / "forced")
    ledger.seal(at / "forced", at / "lab")
    assert "cannot be run again: this trace was run with forced acts" in fault(at / "forced", replay=True)
    society = json.loads(json.dumps(trace.recipe["society"]).replace("commonweal.scenarios", "nowhere"))
    dataclasses.replace(trace, recipe=trace.recipe | {"society": society}).save(at / "lost")
    ledger.seal(at / "lost", at / "lab")
    assert "cannot be run again: the recipe names nowhere" in fault(at / "lost", replay=True)


def test_a_redacted_entry_is_accepted_and_its_words_are_gone(at, made):
    home, key = at / "said", at / "lab.vkey"
    which = ledger.find(home, "I am 1 in round 2")
    assert which == [13, 19, 25, 31]
    before = lines_of(home)
    redact(home, which[:2], "the speaker's wish", at / "lab")
    found = ledger.verify(home, key, replay=True, seen=made / "said" / "ledger" / "checkpoint")
    assert found.ok and found.replayed == 1  # its replies are still there
    assert found.redacted[0] == "entry 13, message of agent 1 in world 0, tick 2: the speaker's wish"
    assert "redacted: entry 19, message of agent 1 in world 1, tick 2: the speaker's wish" in str(found)
    ledger.redact(home, which[2:], "the speaker's wish", at / "lab")
    assert ledger.verify(home, key).ok and lines_of(home)[:32] == before
    assert "cannot be run again: a reply that this needs is redacted" in fault(home, replay=True)
    assert ledger.find(home, "I am 1 in round 2") == [] and len(ledger.find(home, "(redacted)")) == 4
    assert all(read_salts(home)[1][i - 8] == bytes(16) for i in which)
    files, old = read_salts(home)[0], read_salts(made / "said")[0]
    assert all(files[name] != old[name] for name in files)  # nor does the old file's hash confirm a guess


def test_words_taken_out_or_put_back_by_another_hand_are_rejected(at):
    home = at / "said"
    path, salts = home / "messages.parquet", home / "ledger" / "salts"
    table = pl.read_parquet(path)
    blank = table.with_columns(text=pl.Series(["(redacted)", *table["text"].to_list()[1:]]))
    blank.write_parquet(path)
    kept = salts.read_bytes()
    salts.write_bytes(kept[:32] + bytes(16) + kept[48:])
    assert fault(home) == "messages.parquet is not the file of which entry 5 tells"
    table.write_parquet(path)
    salts.write_bytes(kept)
    redact(home, [8], "was asked to", at / "lab")
    words = ["I am innocent", *pl.read_parquet(path)["text"].to_list()[1:]]
    table.with_columns(text=pl.Series(words)).write_parquet(path)
    assert fault(home) == "messages.parquet is not the file of which entry 32 tells"
    lines = lines_of(home)  # not even the one who signs can put other words in their place
    lines[32] = canonical(entry_of("file", path, home, read_salts(home)[0])).encode()
    write_lines(home, lines)
    resign(home, at / "lab")
    assert fault(home) == "entry 8 is not the message of agent 0 in world 0, tick 0 in the tables"


def test_redaction_refuses_what_it_cannot_do(at):
    with pytest.raises(ValueError, match=r"entries \[1\] came to be redacted; wanted some that are messages"):
        ledger.redact(at / "said", [1], "why", at / "lab")
    with pytest.raises(ValueError, match=r"entries \[\] came to be redacted"):
        ledger.redact(at / "said", ledger.find(at / "said", "no such words"), "why", at / "lab")
    with pytest.raises(ValueError, match=r"is signed by example.org/lab\+.*; wanted example.org/other"):
        ledger.redact(at / "said", [8], "why", at / "other")
    lines = lines_of(at / "said")
    write_lines(at / "said", [lines[0], lines[2], lines[1], *lines[3:]])
    with pytest.raises(ValueError, match="is not the one that was signed"):
        ledger.redact(at / "said", [8], "why", at / "lab")


def test_a_killed_sealing_or_redaction_is_done_again(at, monkeypatch):
    home = at / "said"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("commonweal.ledger.log.sign", interrupt)
        ledger.redact(home, [8], "was asked to", at / "lab")
    assert fault(home) == "the checkpoint signs 32 entries, the log has 34"
    ledger.redact(home, [8], "was asked to", at / "lab")
    assert not fault(home)
    shutil.rmtree(home / "ledger")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("commonweal.ledger.log.sign", interrupt)
        ledger.seal(home, at / "lab")
    ledger.seal(home, at / "lab")
    assert not fault(home)


def interrupt(*_):
    raise KeyboardInterrupt


def test_sealing_refuses_what_it_must(at):
    with pytest.raises(FileExistsError, match="is sealed already, a trace is sealed once"):
        ledger.seal(at / "said", at / "lab")
    with pytest.raises(FileNotFoundError, match="holds no trace.json, no study.json"):
        ledger.seal(at / "said" / "ledger", at / "lab")
    with pytest.raises(FileNotFoundError, match="has no ledger; to make one: ledger.seal"):
        ledger.verify(at)
    shutil.rmtree(at / "said" / "ledger")
    with pytest.raises(ValueError, match=r"came the other half; wanted the private half, FILE of"):
        ledger.seal(at / "said", at / "lab.vkey")
    with pytest.raises(ValueError, match=r"came the other half; wanted the verifier key, FILE.vkey"):
        ledger.verify(at / "graph", at / "lab")
    shutil.copy(at / "lab", at / "said" / "mine")
    with pytest.raises(ValueError, match="is inside .*, which will be given away; make another"):
        ledger.seal(at / "said", at / "said" / "mine")
    with pytest.raises(ValueError, match="is a private key; wanted it outside of what is given away"):
        ledger.seal(at / "said", at / "lab")


def test_a_path_out_of_the_folder_is_not_followed(at):
    home = at / "graph"
    lines = lines_of(home)
    lines.append(canonical({"kind": "file", "path": "../lab", "sha256": "00"}).encode())
    write_lines(home, lines)
    resign(home, at / "lab")
    assert fault(home) == "../lab, of which entry 8 tells, is not in the folder"


def test_a_receipt_stands_alone(at):
    one = ledger.receipt(at / "said", 13)
    found = ledger.check_receipt(one, at / "lab.vkey")
    assert found["text"] == "I am 1 in round 2, says Ærø" and found["entry"]["agent"] == 1
    assert one.startswith("c2sp.org/tlog-proof@v1\nextra ") and "\nindex 13\n" in one
    key = at / "lab.vkey"
    assert ledger.check_receipt(ledger.receipt(at / "graph", 3), key)["entry"]["path"] == "2x3x3.parquet"
    with pytest.raises(ValueError, match="is not entry 12 of the log example.org/lab/"):
        ledger.check_receipt(one.replace("index 13", "index 12"), key)
    with pytest.raises(ValueError, match=r"wanted example.org/other"):
        ledger.check_receipt(one, at / "other.vkey")
    with pytest.raises(ValueError, match="wanted what ledger.receipt wrote"):
        ledger.check_receipt("hello\n" + one, key)
    with pytest.raises(ValueError, match="wanted what ledger.receipt wrote"):
        ledger.check_receipt("c2sp.org/tlog-proof@v1\nindex 0", key)
    redact(at / "said", [13], "was asked to", at / "lab")
    assert "text" not in ledger.check_receipt(ledger.receipt(at / "said", 13), key)
    assert ledger.check_receipt(one, key) == found  # who has it keeps it


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    ledger.new_key(root / "lab")
    minds = {"greedy": Greedy(), "told": [Teller(), Teller(), FairShare()]}
    conditions = {name: cw.Society(LAKE, some) for name, some in minds.items()}
    cw.Study("lakes", conditions, worlds=2, measures=[gini]).run(root / "run", progress=False)
    ledger.seal(root / "run", root / "lab")
    return root


def test_a_study_is_sealed_with_its_traces_and_grows(study, tmp_path):
    at = shutil.copytree(study, tmp_path / "copy")
    home, traces = at / "run", ["cells/00-greedy-0000000/trace", "cells/01-told-0000000/trace"]
    found = ledger.verify(home, at / "lab.vkey", replay=True)
    assert found.ok and found.replayed == 2, found
    told = [json.loads(line) for line in lines_of(home)]
    assert [one["path"] for one in told if one["kind"] == "trace"] == traces
    assert {"study.json", "results.json", "results.parquet"} <= {one.get("path") for one in told}
    first = (home / "ledger" / "checkpoint").read_bytes()
    (at / "first").write_bytes(first)
    assert ledger.seal(home, at / "lab").text == first.decode().partition("\n\n")[0] + "\n"  # nothing new
    (home / "thoughts.txt").write_text("more to say")
    assert fault(home) == "thoughts.txt is in the folder and not in the log"
    ledger.seal(home, at / "lab")
    assert not fault(home, seen=at / "first")
    redact(home / traces[1], [8], "was asked to", at / "lab")
    found = ledger.verify(home)
    assert found.redacted == (f"{traces[1]}: entry 8, message of agent 0 in world 0, tick 0: was asked to",)


def test_tampering_with_a_study_is_named(study, tmp_path):
    home = shutil.copytree(study / "run", tmp_path / "run")
    trace = home / "cells" / "00-greedy-0000000" / "trace"
    kept = (trace / "trace.json").read_text()
    (trace / "trace.json").write_text(kept + " ")
    assert fault(home).startswith("cells/00-greedy-0000000/trace: trace.json is not the file of which entry")
    (trace / "trace.json").write_text(kept)
    shutil.copytree(trace, tmp_path / "kept")
    shutil.rmtree(trace)
    shutil.copytree(home / "cells" / "01-told-0000000" / "trace", trace)  # another true trace in its place
    assert "its log does not extend the one of which entry" in fault(home)
    shutil.rmtree(trace)
    shutil.copytree(tmp_path / "kept", trace)
    results = home / "results.json"
    kept = results.read_text()
    results.write_text(kept.replace("greedy", "gentle"))
    assert fault(home).startswith("results.json is not the file of which entry")
    results.write_text(kept)
    shutil.rmtree(trace / "ledger")
    assert "00-greedy-0000000/trace has no ledger" in fault(home)
    shutil.rmtree(home / "cells" / "00-greedy-0000000")
    assert fault(home).startswith("cells/00-greedy-0000000/cell.json, of which entry")
    assert fault(home).endswith("is not in the folder")


def test_provenance_says_who_did_what_for_whom(at):
    trace = cw.load(at / "said")
    doc = json.loads(json.dumps(ledger.to_prov(trace, world=1)))
    assert doc["activity"]["cw:run"] == {"cw:seed": 1, "cw:title": trace.card.title, "cw:invalid": ""}
    assert doc["activity"]["cw:decision/2/0"]["cw:act:take"] == 5.0
    assert len(doc["activity"]) == 1 + 3 * 3
    assert len(doc["wasAssociatedWith"]) == 9
    message = next(name for name, x in doc["entity"].items() if "I am 1 in round 2" in x.get("cw:text", ""))
    links = doc["wasGeneratedBy"].values()
    assert {"prov:entity": message, "prov:activity": "cw:decision/2/1"} in links
    delegation = list(doc["actedOnBehalfOf"].values())
    named = trace.card.stakeholders[0].name
    assert delegation[0] == {"prov:delegate": "cw:agent/0", "prov:responsible": f"cw:stakeholder/{named}"}
    assert len(delegation) == 3
    total = doc["entity"][f"cw:outcome/{named}"]["cw:utility"]
    assert np.isclose(total, trace.utility[1].sum(axis=0)[0])
    ends = {"entity": "entity", "activity": "activity", "agent": "agent", "informed": "activity"}
    ends |= {"informant": "activity", "delegate": "agent", "responsible": "agent"}
    relations = set(doc) - {"prefix", "entity", "activity", "agent"}
    for relation in relations:  # every end of every relation is there, and of the right kind
        for link in doc[relation].values():
            assert all(name in doc[ends[end.removeprefix("prov:")]] for end, name in link.items())


def test_a_key_by_path_or_by_text(at):
    text = (at / "lab.vkey").read_text().strip()
    for key in (text, at / "lab.vkey", str(at / "lab.vkey"), Path(at / "lab.vkey")):
        assert ledger.verify(at / "graph", key).given
    with pytest.raises(FileNotFoundError):
        ledger.verify(at / "graph", at / "nobody.vkey")
    with pytest.raises(ValueError, match="cannot be read"):
        ledger.verify(at / "graph", text + "x")
