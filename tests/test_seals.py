"""What a seal covers: each way around it is named, and redacted words are in no file of the run."""

import io
import json
import os
import shutil
import signal
from pathlib import Path

import polars as pl
import pytest

import commonweal as cw
from commonweal import ledger
from commonweal.cli import main
from commonweal.ledger.canonical import canonical
from commonweal.ledger.checkpoint import load_key, sign
from commonweal.ledger.log import top
from commonweal.measures import gini
from commonweal.minds import FairShare
from commonweal.scenarios import Commons

LAKE = Commons(n_agents=3, horizon=3, assignment="proportional")
SECRET = 'meet me "at" <the> pier, says Ærø'


class Teller(cw.Speaker):
    """Takes five and says the same words each time."""

    async def ask(self, prompt):
        return cw.Said(json.dumps({"take": 5, "notes": SECRET}), read=10, written=3, cost=5e-7)


@pytest.fixture(autouse=True)
def bounded():
    """Nothing here may wait: a pipe that is opened would, for ever."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
    signal.alarm(20)
    yield
    signal.alarm(0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A key, a sealed run, and a sealed study with a report; both with speakers."""
    root = tmp_path_factory.mktemp("made")
    ledger.new_key(root / "lab")
    society = cw.Society(LAKE, [Teller(), Teller(), FairShare()])
    cw.run(society, seeds=2).save(root / "run")
    study = cw.Study("lakes", {"told": society}, worlds=2, measures=[gini])
    study.run(root / "study", progress=False).report(root / "study" / "report.html")
    (root / "study" / "minds").mkdir()
    (root / "study" / "minds" / "x.eqx").write_bytes(b"weights")
    for name in ("run", "study"):
        ledger.seal(root / name, root / "lab")
    return root


@pytest.fixture
def at(made, tmp_path):
    return shutil.copytree(made, tmp_path / "copy")


def lines_of(folder):
    return (folder / "ledger" / "log.jsonl").read_bytes().split(b"\n")[:-1]


def write_and_sign(home, lines):
    """Another log, signed with the true key."""
    note = home / "ledger" / "checkpoint"
    origin = note.read_text().split("\n")[0]
    (home / "ledger" / "log.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    note.write_text(
        sign(ledger.Checkpoint(origin, len(lines), top(lines)), load_key(home.parent / "lab", True))
    )


def keep_columns_in(home, name):
    """The signer's own trick: the trace names a file for its columns, and is sealed anew."""
    shutil.rmtree(home / "ledger")
    meta = json.loads((home / "trace.json").read_text())
    old = next(iter(meta["shapes"]))
    meta["shapes"][name] = meta["shapes"].pop(old)
    (home / "trace.json").write_text(json.dumps(meta))
    place = Path(name) if Path(name).is_absolute() else home / name
    place.parent.mkdir(exist_ok=True)
    shutil.move(home / old, place)
    ledger.seal(home, home.parent / "lab")


def redaction(home, **parts):
    when = json.loads(lines_of(home)[0])["sealed"]
    entry = {"kind": "redaction", "of": 8, "why": "", "at": when} | parts
    write_and_sign(home, [*lines_of(home), canonical(entry).encode()])


def swap(path, put):
    path.unlink()
    put(path)


def link(to):
    return lambda path: path.symlink_to(to)


RUN = {
    "columns in a page": (lambda h: keep_columns_in(h, "data.html"), "keeps columns in 'data.html'"),
    "columns in a hidden file": (lambda h: keep_columns_in(h, ".x.parquet"), "keeps columns in '.x.parquet'"),
    "columns below": (lambda h: keep_columns_in(h, "minds/x.parquet"), "keeps columns in 'minds/x.parquet'"),
    "columns above": (lambda h: keep_columns_in(h, "../x.parquet"), "keeps columns in '../x.parquet'"),
    "columns anywhere": (
        lambda h: keep_columns_in(h, str(h.parent / "y.parquet")),
        "y.parquet'; wanted a plain file of its own folder",
    ),
    "a hidden file": (lambda h: (h / ".x").write_text("x"), ".x is in the folder and not in the log"),
    "a page": (lambda h: (h / "x.html").write_text("x"), "x.html is in the folder and not in the log"),
    "a folder of files": (
        lambda h: [(h / "minds").mkdir(), (h / "minds" / "x").write_text("x")],
        "minds/x is in the folder and not in the log",
    ),
    "another trace inside": (
        lambda h: [(h / "t").mkdir(), shutil.copy(h / "trace.json", h / "t")],
        "t is in the folder and not in the log",
    ),
    "a link in place of a file": (
        lambda h: swap(h / "replies.parquet", link("/dev/zero")),
        "replies.parquet is a link, no plain file, or no part of a log",
    ),
    "a ring of links": (lambda h: link(h)(h / "ring"), "ring is a link"),
    "a pipe": (lambda h: os.mkfifo(h / "pipe"), "pipe is a link, no plain file"),
    "a pipe in place of a table": (
        lambda h: swap(h / "messages.parquet", os.mkfifo),
        "messages.parquet is a link, no plain file",
    ),
    "a pipe in place of the checkpoint": (
        lambda h: swap(h / "ledger" / "checkpoint", os.mkfifo),
        "checkpoint is a link, or no plain file",
    ),
    "a pipe in place of the key": (
        lambda h: swap(h / "ledger" / "key", os.mkfifo),
        "key is a link, or no plain file",
    ),
    "a pipe in place of the salts": (
        lambda h: swap(h / "ledger" / "salts", os.mkfifo),
        "salts is a link, or no plain file",
    ),
    "a device in place of the salts": (
        lambda h: swap(h / "ledger" / "salts", link("/dev/zero")),
        "salts is a link, or no plain file",
    ),
    "a folder in place of a file": (
        lambda h: swap(h / "trace.json", Path.mkdir),
        "trace.json, of which entry 7 tells, is not in the folder",
    ),
    "a file beside the log": (
        lambda h: (h / "ledger" / "x.parquet").write_text("x"),
        "ledger/x.parquet is a link, no plain file, or no part of a log",
    ),
    "more bytes in the salts": (
        lambda h: (h / "ledger" / "salts").write_bytes((h / "ledger" / "salts").read_bytes() + b"x"),
        "the salts are not one for each",
    ),
    "more salts": (
        lambda h: (h / "ledger" / "salts").write_bytes((h / "ledger" / "salts").read_bytes() + bytes(16)),
        "the salts are not one for each",
    ),
    "an entry nested deeply": (
        lambda h: write_and_sign(h, [*lines_of(h), b"[" * 100_000]),
        "is not one of ours",
    ),
    "an entry of no kind": (
        lambda h: write_and_sign(h, [*lines_of(h), b'{"kind":"covered","path":"x"}']),
        "is not one of ours",
    ),
    "an entry that is no text": (
        lambda h: write_and_sign(h, [*lines_of(h), b"\xff\xfe"]),
        "is not one of ours",
    ),
    "a key that is no text": (
        lambda h: (h / "ledger" / "key").write_bytes(b"\xff\xfe"),
        "the key in the folder is not",
    ),
    "no entry": (lambda h: write_and_sign(h, []), "the log is empty"),
    "a redaction of nothing": (lambda h: redaction(h, of=10**9), "redacts what is no message"),
    "a redaction of a file": (lambda h: redaction(h, of=1), "redacts what is no message"),
    "a redaction of true": (lambda h: redaction(h, of=True), "redacts what is no message"),
    "a redaction of a list": (lambda h: redaction(h, of=[8]), "redacts what is no message"),
    "a redaction without words": (lambda h: redaction(h, why=None), "redacts what is no message"),
    "a redaction before the sealing": (
        lambda h: redaction(h, at="2001-01-01T00:00:00+00:00"),
        "is a redaction of 2001-01-01T00:00:00+00:00, before the sealing at 2",
    ),
    "a redaction at no time": (lambda h: redaction(h, at="soon"), "something is not of our making"),
}
STUDY = {
    "the report": ("report.html", "report.html is not the file of which entry"),
    "a trained mind": ("minds/x.eqx", "minds/x.eqx is not the file of which entry"),
    "what was paid for": (
        "replies/00-told-0000000.jsonl",
        "00-told-0000000.jsonl is not the file of which entry",
    ),
    "a cell": ("cells/00-told-0000000/cell.json", "cell.json is not the file of which entry"),
    "the plan": ("study.json", "study.json is not the file of which entry"),
}


@pytest.mark.parametrize("way", RUN)
def test_each_way_around_the_seal_of_a_run_is_named(at, way):
    does, said = RUN[way]
    does(at / "run")
    found = ledger.verify(at / "run", at / "lab.vkey")
    assert not found.ok and said in found.fault


@pytest.mark.parametrize("way", STUDY)
def test_each_way_around_the_seal_of_a_study_is_named(at, way):
    path, said = STUDY[way]
    assert ledger.verify(at / "study", at / "lab.vkey").ok
    with (at / "study" / path).open("ab") as file:
        file.write(b" ")
    assert said in ledger.verify(at / "study", at / "lab.vkey").fault


def test_a_trace_that_keeps_columns_elsewhere_is_not_read(at):
    keep_columns_in(at / "run", "../x.parquet")
    with pytest.raises(ValueError, match=r"keeps columns in '../x.parquet'; wanted a plain file of its own"):
        cw.load(at / "run")


@pytest.mark.parametrize("put", [link("/dev/zero"), os.mkfifo], ids=["link", "pipe"])
def test_what_no_seal_covers_is_not_sealed(at, put):
    shutil.rmtree(at / "run" / "ledger")
    put(at / "run" / "more")
    with pytest.raises(ValueError, match=r"more is a link, no plain file.*put a copy of what it leads to"):
        ledger.seal(at / "run", at / "lab")


def test_what_is_removed_from_a_study_is_told_at_the_next_sealing(at):
    home = at / "study"
    (home / "report.html").unlink()
    assert "report.html, of which entry" in ledger.verify(home).fault
    ledger.seal(home, at / "lab")
    assert ledger.verify(home).ok
    shutil.copy(home / "study.json", home / "report.html")
    assert ledger.verify(home).fault == "report.html is in the folder and not in the log"
    ledger.seal(home, at / "lab")
    assert ledger.verify(home).ok


def forms():
    """The words as a page, JSON and JSON within JSON would hold them."""
    for ascii in (True, False):
        once = json.dumps(SECRET, ensure_ascii=ascii)[1:-1]
        yield from (once, json.dumps(once, ensure_ascii=ascii)[1:-1])
    yield from (SECRET, "at&quot; &lt;the&gt; pier", "the> pier")


def holding(folder):
    """The files in which the words are, in any form; found by reading each file whole."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.suffix == ".parquet":
            out = io.StringIO()
            pl.read_parquet(path).cast(pl.String).write_ndjson(out)
            data += out.getvalue().encode() + str(pl.read_parquet(path).rows()).encode()
        if any(form.encode() in data for form in forms()):
            yield path.relative_to(folder).as_posix()


def test_redacted_words_are_named_where_they_still_stand_and_removed_from_every_file(at):
    home, trace = at / "study", at / "study" / "cells" / "00-told-0000000" / "trace"
    (home / "report.html").write_text("<p>meet me &quot;at&quot; &lt;the&gt; pier, says Ærø</p>")
    ledger.seal(home, at / "lab")
    places = ["cells/00-told-0000000/trace/replies.parquet", "replies/00-told-0000000.jsonl", "report.html"]
    assert set(places) <= set(holding(home))
    which = ledger.find(trace, "meet me")[:1]
    with pytest.warns(UserWarning, match="the words still stand in .*") as told:
        ledger.redact(trace, which, "the speaker's wish", at / "lab")
    assert all(place in str(told[0].message) for place in places)
    assert "redact(..., everywhere=True) takes them out" in str(told[0].message)
    rest = ledger.find(trace, "meet me")[:1]
    ledger.redact(trace, rest, "the speaker's wish", at / "lab", everywhere=True)
    assert list(holding(home)) == [] and ledger.find(trace, "meet me") == []
    found = ledger.verify(home, at / "lab.vkey")
    assert found.ok and len(found.redacted) == 1 + 11, found  # the one, and all others in one go
    assert "(redacted)" in (home / "report.html").read_text()
    assert (home / "replies" / "00-told-0000000.jsonl").read_bytes() == b""


def test_words_in_what_makes_the_run_again_are_named_and_left(at):
    home = at / "run"
    meta = (home / "trace.json").read_text()
    shutil.rmtree(home / "ledger")
    (home / "trace.json").write_text(meta.replace('"card"', f'"about": {json.dumps(SECRET)}, "card"', 1))
    ledger.seal(home, at / "lab")
    with pytest.warns(UserWarning, match=r"the words still stand in trace.json of .*; edit or delete these"):
        ledger.redact(home, ledger.find(home, "meet me")[:1], "a wish", at / "lab", everywhere=True)
    assert list(holding(home)) == ["trace.json"] and ledger.verify(home).ok


def test_the_command_line_redacts_words_everywhere(at, capsys, monkeypatch):
    monkeypatch.chdir(at)
    words = ["redact", "study", "the> pier", "--why", "a wish", "--key", "lab"]
    with pytest.raises(SystemExit, match="0"):
        main(words)
    out = capsys.readouterr().out
    assert "redacted 12 messages and replies of study/cells/00-told-0000000/trace" in out
    assert "the words still stand in replies/00-told-0000000.jsonl of " in out and "--everywhere" in out
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "holds 'the> pier' (in its files: replies/00-told" in capsys.readouterr().err
    assert ledger.redact_words(at / "run", "the> pier", "a wish", at / "lab", everywhere=True)
    assert list(holding(at / "run")) == [] and ledger.verify(at / "run").ok
