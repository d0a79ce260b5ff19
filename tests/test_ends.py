"""Clear ends: what is damaged, full, locked or set otherwise is one line that names it and what mends it."""

import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import polars as pl
import pytest

import commonweal as cw
from commonweal._journal import Entry
from commonweal._prompt import Where
from commonweal._stored import Damaged, one_line
from commonweal.cli import main
from commonweal.lab.results import read_results
from commonweal.lab.study import Study
from commonweal.measures import objective_alignment, welfare
from commonweal.minds import FairShare, Learner, Linear, Reinforce, learning_curve
from commonweal.minds.simple import Constant, Random
from commonweal.populations import well_mixed
from commonweal.report.html import Page, write
from commonweal.scenarios.commons import Commons
from commonweal.scenarios.matrix_game import prisoners_dilemma

SRC = Path(__file__).parents[1] / "src"
LAKE = Commons(n_agents=2, horizon=3, assignment="proportional")
SOCIETY = cw.Society(LAKE, Random())


def contents(folder):
    """Every file of a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def command(capsys, *args):
    """A command's exit code and what it says on stderr."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main([str(one) for one in args])
    return done.value.code, capsys.readouterr().err


# ------------------------------------------------------------------------------------------ damage


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 4
    path.write_bytes(raw)


def another(path):
    pl.DataFrame({"x": [1, 2]}).write_parquet(path)


def words(path):
    path.write_text("This is a note.\n")


def no_text(path):
    path.write_bytes(bytes(range(256)))


def a_list(path):
    path.write_text("[1, 2]")


def gone(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def a_pipe(path):
    path.unlink()
    os.mkfifo(path)


DAMAGE = [cut, emptied, flipped, another, words, no_text, a_list, gone, a_folder]
SAID = {emptied: "is empty", gone: "is not there", a_folder: "is no file", a_pipe: "is no file"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A stored trace."""
    return cw.run(SOCIETY, 4).save(tmp_path_factory.mktemp("saved") / "trace")


@pytest.mark.parametrize("damage", [*DAMAGE, a_pipe])
@pytest.mark.parametrize(
    "name", ["4.parquet", "4x3.parquet", "4x3x2.parquet", "messages.parquet", "replies.parquet"]
)
def test_a_damaged_file_of_a_trace_is_named_with_its_mend(name, damage, saved, tmp_path, capsys):
    folder = Path(shutil.copytree(saved, tmp_path / "run"))
    damage(folder / name)
    said = (
        rf"{name} {SAID.get(damage, 'is not as it was written [(].*[)]')}; bring it back from a copy, or make"
    )
    with pytest.raises(Damaged, match=said) as error:
        cw.load(folder)
    assert "\n" not in str(error.value)
    code, told = command(capsys, "replay", folder)
    assert code == 2 and told == f"error: {error.value}\n"


@pytest.mark.parametrize("damage", [one for one in DAMAGE if one not in (gone, a_folder, flipped)])
def test_a_damaged_trace_json_is_named_too(damage, saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "run"))
    damage(folder / "trace.json")
    said = r"trace.json (is .*; bring it back from a copy|names no columns; wanted what Trace.save wrote)"
    with pytest.raises(ValueError, match=said) as error:
        cw.load(folder)
    assert "\n" not in str(error.value)


def test_each_flipped_bit_in_the_numbers_of_a_trace_is_noticed(saved, tmp_path):
    folder, luck = Path(shutil.copytree(saved, tmp_path / "run")), random.Random(0)
    for _ in range(100):
        path = luck.choice(sorted(folder.glob("4*.parquet")))
        good = path.read_bytes()
        bad = bytearray(good)
        bad[luck.randrange(len(bad))] ^= 1 << luck.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(Damaged, match=f"{path.name} is not as it was written .its digest is another"):
            cw.load(folder)
        path.write_bytes(good)
    assert cw.load(folder).seeds.tolist() == [0, 1, 2, 3]


def test_a_trace_of_an_older_version_has_no_digests_and_is_read(saved, tmp_path):
    folder = Path(shutil.copytree(saved, tmp_path / "run"))
    meta = json.loads((folder / "trace.json").read_text())
    for what in meta["shapes"].values():
        del what["sha256"]
    (folder / "trace.json").write_text(json.dumps(meta))
    (folder / "replies.parquet").unlink()  # which an older version left out
    assert np.array_equal(cw.load(folder).net, cw.load(saved).net)
    cut(folder / "4x3x2.parquet")
    with pytest.raises(
        Damaged, match="4x3x2.parquet is not as it was written .ComputeError: .*; bring it back"
    ):
        cw.load(folder)


def small(**changes):
    given = {
        "name": "small",
        "conditions": {"random": SOCIETY, "fair": cw.Society(LAKE, Constant(take=25.0))},
    }
    given |= {"worlds": 10, "measures": [objective_alignment, welfare], "chunk": 5, "baseline": "random"}
    return Study(**{**given, **changes})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a finished study."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    small().run(folder, progress=False)
    return folder


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["cell.json", "values.parquet", "trace/1x3.parquet", "trace/trace.json"])
def test_a_damaged_file_of_a_cell_is_named_and_computed_again(name, damage, whole, tmp_path, capsys):
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    path = folder / "cells" / "00-random-0000000" / name
    damage(path)
    code, told = command(capsys, "report", folder)
    assert (
        code == 2
        and told.count("\n") == 1
        and "is not as it was written" in told
        and str(path.parent) in told
    )
    assert f"compute it again: commonweal run FILE --out {folder}" in told
    small().run(folder, progress=False)
    assert "; it is computed again" in capsys.readouterr().err and contents(folder) == contents(whole)


@pytest.mark.parametrize("damage", [one for one in DAMAGE if one not in (gone, a_folder)])
def test_a_damaged_plan_is_named_with_its_mend(damage, whole, tmp_path, capsys):
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    damage(folder / "study.json")
    said = r"study.json is not as it was written; bring it back from a copy, or run .* --out runs/new"
    for attempt in (lambda: read_results(folder), lambda: small().run(folder, progress=False)):
        with pytest.raises(Damaged, match=said):
            attempt()
    code, told = command(capsys, "report", folder)
    assert code == 2 and told.count("\n") == 1 and str(folder / "study.json") in told


# ------------------------------------------------------------------------------------------ checkpoints


def pupils(seed=0):
    learner = Learner(Reinforce(), Linear(), updates=4, worlds=4, checkpoint_every=2, seed=seed)
    return cw.Society(prisoners_dilemma(horizon=2), learner)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a training that has ended."""
    folder = tmp_path_factory.mktemp("trained")
    pupils().prepare(folder)
    return folder


def foreign(path):
    np.savez(path, x=np.zeros(3))


def pickled(path):
    np.savez(path, who=np.array([{}], dtype=object))


def half(path):
    with np.load(path) as file:
        parts = {name: file[name] for name in file.files if name != "state/1"}
    np.savez(path, **parts)


@pytest.mark.parametrize("damage", [cut, emptied, another, words, a_folder, foreign, pickled, half])
def test_a_damaged_checkpoint_is_named_and_training_begins_anew_without_it(damage, trained, tmp_path):
    folder = Path(shutil.copytree(trained, tmp_path / "learned"))
    path = folder / "learner.npz"
    before = path.read_bytes()
    damage(path)
    with pytest.raises(
        Damaged, match=rf"{path} is .*; remove it, and training begins anew: rm -r {path}$"
    ) as error:
        pupils().prepare(folder)
    assert "\n" not in str(error.value)
    subprocess.run(str(error.value).rpartition(": ")[2].split(), check=True)  # what it says
    pupils().prepare(folder)
    assert path.read_bytes() == before


def test_a_flipped_bit_in_a_checkpoint_is_noticed_or_changes_no_number(trained, tmp_path):
    folder, luck, noticed = Path(shutil.copytree(trained, tmp_path / "learned")), random.Random(0), 0
    good, path = (trained / "learner.npz").read_bytes(), folder / "learner.npz"
    known = [x for mind in pupils().prepare(trained).minds for x in jax.tree.leaves(mind.params)]
    for at in (*luck.sample(range(len(good)), 30), good.rindex(b"rows/pay"), good.rindex(b"state/0")):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bad)
        try:
            found = [x for mind in pupils().prepare(folder).minds for x in jax.tree.leaves(mind.params)]
        except Damaged:
            noticed += 1
        else:  # such as the hour in the zip file
            assert all(np.array_equal(x, y) for x, y in zip(known, found, strict=True))
    assert noticed > 20


def test_a_damaged_learning_curve_is_named(trained, tmp_path):
    folder = Path(shutil.copytree(trained, tmp_path / "learned"))
    cut(folder / "curve" / "1x4.parquet")
    with pytest.raises(Damaged, match=r"curve/1x4.parquet is not as it was written"):
        learning_curve(folder)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, emptied, flipped, words, a_folder])
@pytest.mark.parametrize(
    "name", ["00-taught-run0/learner.npz", "00-taught-run0.json", "00-taught-run0/curve/trace.json"]
)
def test_damaged_minds_of_a_study_are_trained_again(name, damage, tmp_path, capsys):
    one = small(conditions={"taught": pupils()}, baseline=None, worlds=4, trainings=1)
    one.run(tmp_path / "run", progress=False)
    before = contents(tmp_path / "run")
    damage(tmp_path / "run" / "minds" / name)
    one.run(tmp_path / "run", progress=False)
    assert "is not as it was written; it is trained again" in capsys.readouterr().err
    assert contents(tmp_path / "run") == before


# ------------------------------------------------------------------------------------------ journals


class Clerk(cw.Speaker):
    """Counts how often it is asked."""

    calls = 0

    def settings(self):
        return {}

    async def ask(self, prompt):
        self.calls += 1
        return cw.Said(json.dumps(dict.fromkeys(prompt.choices, "25")), False, 7, 3)


def asked(path):
    """Run two agents for three ticks in two worlds with this journal; how many calls were made."""
    clerk = Clerk()
    trace = cw.run(cw.Society(LAKE, clerk), 2, journal=cw.Journal(path))
    assert trace.valid.all()
    return clerk.calls


def no_json(line):
    return line.replace(b"[[", b"[(", 1)


def no_utf8(line):
    return line.replace(b"25", b"\xff\xfe", 1)


def without_a_part(line):
    return json.dumps(json.loads(line)[:2]).encode()


def a_name_for_a_number(line):
    return line.replace(b"[[", b'[["', 1).replace(b",", b'",', 1)


def no_words(line):
    where, prompt, said = json.loads(line)
    return json.dumps([where, prompt, [None, *said[1:]]]).encode()


def half_a_line(line):
    return line[: len(line) // 2]


def contradicted(line):
    return line + b"\n" + line.replace(b"25", b"26", 1)


SPOILT = [
    no_json,
    no_utf8,
    without_a_part,
    a_name_for_a_number,
    no_words,
    half_a_line,
    contradicted,
    lambda _: b"{}",
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_damaged_line_of_a_journal_is_named_and_without_it_one_call_is_made_again(spoil, tmp_path):
    path = tmp_path / "calls.jsonl"
    assert asked(path) == 12 and asked(path) == 0
    lines = path.read_bytes().splitlines()
    lines[4] = spoil(lines[4])
    path.write_bytes(b"\n".join(lines) + b"\n")
    number, calls = (6, 0) if spoil is contradicted else (5, 1)
    said = rf"line {number} of {path} is not as it was written .*; take it out, .*: sed -i {number}d {path}"
    with pytest.raises(Damaged, match=said) as error:
        asked(path)
    assert "\n" not in str(error.value)
    subprocess.run(str(error.value).rpartition(": ")[2].split(), check=True)  # what it says
    assert asked(path) == calls and asked(path) == 0


def test_a_line_that_stands_twice_is_one_call_and_a_cut_last_line_is_written_over(tmp_path):
    path = tmp_path / "calls.jsonl"
    asked(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[3], lines[0][:-9]]))
    assert asked(path) == 0 and path.read_bytes() == b"".join([*lines, lines[3]])
    path.unlink()
    path.mkdir()
    with pytest.raises(Damaged, match=r"calls.jsonl is no file; move it away, and all its calls are made"):
        cw.Journal(path)


# ------------------------------------------------------------------------------------------ no room, no right


@contextmanager
def room(size):
    """No file may grow beyond so many bytes: the system then answers as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


FULL = r"cannot be written .file too large.; what was stored before is whole: make room there, and run again$"


def test_on_a_full_disk_no_cell_that_was_stored_is_lost(whole, tmp_path):
    folder = tmp_path / "run"  # what it compiles, `whole` has compiled and stored
    small().run(folder, progress=False, shard=(0, 2))
    before = contents(folder)
    with room(1000), pytest.raises(OSError, match=r"01-fair-0000000/values.parquet " + FULL) as error:
        small().run(folder, progress=False)
    assert "\n" not in str(error.value) and contents(folder) == before
    small().run(folder, progress=False)
    assert contents(folder) == contents(whole)


def test_on_a_full_disk_a_trace_or_a_page_appears_not_at_all(tmp_path):
    trace = cw.run(SOCIETY, 4)
    with room(500), pytest.raises(OSError, match=r"parquet " + FULL):
        trace.save(tmp_path / "trace")
    with room(500), pytest.raises(OSError, match=r"page.html " + FULL):
        write(Page("One"), tmp_path / "page.html")
    assert not (tmp_path / "trace").exists() and not (tmp_path / "page.html").exists()
    trace.save(tmp_path / "trace")


def test_on_a_full_disk_a_checkpoint_stays_as_it_was(trained, tmp_path):
    folder = Path(shutil.copytree(trained, tmp_path / "learned"))
    (folder / "learner.npz").unlink()
    with room(600), pytest.raises(OSError, match=r"learner.npz " + FULL):
        pupils().prepare(folder)
    pupils().prepare(folder)
    assert (folder / "learner.npz").read_bytes() == (trained / "learner.npz").read_bytes()


def test_on_a_full_disk_a_journal_keeps_whole_lines_and_goes_on(tmp_path):
    path = tmp_path / "calls.jsonl"
    asked(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:6]))
    journal, (where, prompt, said) = cw.Journal(path), json.loads(lines[6])
    with room(path.stat().st_size + 9), pytest.raises(OSError, match=r"calls.jsonl cannot be .*make room"):
        journal.keep(Entry(Where(*where), prompt, cw.Said(*said)))
    assert path.read_bytes() == b"".join(lines[:6])
    assert asked(path) == 6


LOCKED = ("4x3.parquet", "values.parquet")


@pytest.fixture
def locked():
    """A folder in which nobody may do anything, and nobody is who runs the test."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    root = os.geteuid() == 0
    yield place, lambda: os.seteuid(65534) if root else None
    if root:
        os.seteuid(0)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(place)


def test_what_may_not_be_read_or_written_is_named_with_its_mend(locked, saved, whole, tmp_path, capsys):
    place, become = locked
    shutil.copytree(saved, place / "run")
    shutil.copytree(whole, place / "study")
    trace = cw.load(saved)
    for path in place.rglob("*"):
        path.chmod(0 if path.name in LOCKED and "00-" not in str(path) else 0o755)
    become()
    right = "may not be read by whoever runs this; wanted the right to: chmod"
    with pytest.raises(PermissionError, match=rf"run/4x3.parquet {right}"):
        cw.load(place / "run")
    with pytest.raises(PermissionError, match=rf"values.parquet {right}"):  # no damage, and not written over
        read_results(place / "study")
    with pytest.raises(
        PermissionError, match=r"locked cannot be written .permission denied.*get the right to write"
    ):
        trace.save(place / "locked")
    with pytest.raises(
        PermissionError, match=r"locked cannot be written .permission denied.*get the right to write"
    ):
        small().run(place / "locked", progress=False)
    code, told = command(capsys, "report", place / "study")
    assert code == 2 and told.count("\n") == 1 and "values.parquet may not be read" in told


# ------------------------------------------------------------------------------------------ 64 bits

WIDE = r"JAX is set to 64 bits .*commonweal wants 32, (?s:.)*: unset JAX_ENABLE_X64, or jax.config.update"


@pytest.mark.parametrize(
    "door",
    [
        lambda: cw.Society(LAKE, Random()),
        lambda: cw.under(LAKE),
        lambda: cw.run(SOCIETY, 2),
        lambda: cw.run(cw.rebuild(cw.describe(SOCIETY)), 2),
        lambda: cw.run(SOCIETY, 2, engine="async"),
        lambda: cw.check(Commons(n_agents=2, horizon=3)),
        lambda: well_mixed(np.ones((2, 2)), 5, 0.1, runs=10),
        lambda: pupils().prepare(),
    ],
)
def test_64_bits_are_refused_at_every_door(door):
    with jax.enable_x64(True), pytest.raises((ValueError, AssertionError), match=WIDE):
        door()


def test_64_bits_in_the_environment_end_a_command_in_one_line(tmp_path):
    (tmp_path / "wide_study.py").write_text(
        "import commonweal as cw\nfrom commonweal.minds.simple import Random\n"
        "from commonweal.scenarios.commons import Commons\nfrom commonweal.measures import welfare\n"
        "study = cw.Study('wide', {'one': cw.Society(Commons(), Random())}, 2, [welfare])\n"
    )
    command = [sys.executable, "-m", "commonweal", "run", "wide_study.py", "--out", "run"]
    env = os.environ | {"JAX_ENABLE_X64": "1", "PYTHONPATH": str(SRC)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not (tmp_path / "run").exists()
    assert done.stderr.startswith("error: wide_study.py, line 5, raised ValueError: JAX is set to 64 bits")


# ------------------------------------------------------------------------------------------ files of ours

OWN = {
    "notes.txt": ("hello", "notes.txt is no Python file; wanted a Python file, NAME.py"),
    "nowhere_ends.py": (None, "there is no file nowhere_ends.py; wanted a Python file"),
    "leaves_ends.py": ("import sys\nsys.exit(3)", "leaves_ends.py, line 2, raised SystemExit: 3"),
    "latin_ends.py": (b"x = '\xe9'", "raised SyntaxError: .unicode error. 'utf-8' codec"),
    "null_ends.py": (b"\0", "null_ends.py raised SyntaxError: source code string cannot contain null bytes"),
    "open_ends.py": ("x = (", "raised SyntaxError: '.' was never closed .open_ends.py, line 1."),
    "odd_ends.py": (
        "class T: pass\nraise ValueError(T())",
        "line 2, raised ValueError: <odd_ends.T object>$",
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_a_file_that_is_no_study_ends_a_command_in_one_line(name, tmp_path, monkeypatch, capsys):
    text, said = OWN[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    if text is not None:
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    code, told = command(capsys, "run", name)
    assert code == 2 and told.count("\n") == 1 and re.search(said, told.strip()), told


# ------------------------------------------------------------------------------------------ addresses


class Thing:
    """Prints with its address."""


class Doorless(cw.Scenario):
    """Has a thing for channels."""

    n_agents: int = cw.count(1)
    horizon: int = cw.count(1)

    def channels(self):
        return {"thing": Thing()}

    card = brief = tell = observe = init = step = lambda self, *_: None


def test_no_reason_holds_the_address_of_an_object(tmp_path, capsys):
    class Lost(cw.Speaker):
        def settings(self):
            return {}

        async def ask(self, prompt):
            raise RuntimeError(f"no answer from {Thing()}")

    @cw.measure(unit="pay", better="higher", cites="own")
    def missing(trace):
        """Is nowhere available."""
        raise cw.NA(f"{Thing()} is missing")

    @cw.measure(unit="pay", better="higher", cites="own")
    def broken(trace):
        """Fails."""
        raise RuntimeError(f"{Thing()} and {len} and {missing.function}")

    trace = cw.run(cw.Society(LAKE, [Lost(), Constant(take=1.0)]), 2)
    assert "no answer from <" in trace.invalid[0]
    trace.save(tmp_path / "trace")
    lost = {"lost": SOCIETY}
    with pytest.raises(ValueError, match="RuntimeError: <"):
        small(conditions=lost, measures=[missing, broken], baseline=None).run(
            tmp_path / "run", progress=False
        )
    small(conditions=lost, measures=[missing], baseline=None).run(tmp_path / "other", progress=False)
    errors = []
    for slip in (
        lambda: cw.Society(Thing(), Random()),
        lambda: cw.Society(LAKE, Thing()),
        lambda: Commons(capacity=Thing()),
        lambda: small(worlds=Thing()),
        lambda: small(reference=Thing()),
        lambda: cw.account(trace, harm=Thing(), stand_in=FairShare()),
        lambda: cw.check(Thing()),
        lambda: replace(trace, card=Thing()),
        lambda: replace(LAKE.card(), oracle=Thing()),
        lambda: cw.run(cw.Society(Doorless(), Random())),
        lambda: cw.run(Thing()),
        lambda: cw.replay(Thing()),
        lambda: cw.account(trace, harm=welfare, stand_in=Thing()),
        lambda: small(measures=[missing, broken], conditions=lost, baseline=None).run(
            tmp_path / "x", progress=False
        ),
    ):
        with pytest.raises((ValueError, TypeError)) as error:
            slip()
        errors.append(one_line(error.value))
    told = " ".join([*errors, *map(str, trace.invalid), str(read_results(tmp_path / "other"))])
    stored = [p for p in tmp_path.rglob("*") if p.suffix in (".json", ".html", ".jsonl")]
    told += " ".join(p.read_text() for p in stored) + str(
        pl.read_parquet(tmp_path / "run/cells/*/values.parquet")
    )
    assert len(stored) > 5 and "0x" not in told
    assert "0x" in repr(Thing())  # as it would have been


def test_what_an_unnamed_function_is_depends_on_no_address(tmp_path):
    text = """
import commonweal as cw

def make(f, much=1.0):
    return lambda x: [f(y) * much for y in x if y in {"a", "b", "c"}] + [(lambda z: z)(1)]

def double(x):
    return 2 * x

def itself():
    def again(x):
        return again(x - 1) if x else 0
    return again

kinds = [make(double), make(make(double)), make(double, 2.0), lambda x: x.one, lambda x: x.two, itself()]
print([cw.identity(one) for one in kinds])
"""
    (tmp_path / "unnamed.py").write_text(text)
    env = os.environ | {"PYTHONPATH": str(SRC)}
    told = {
        subprocess.run(
            [sys.executable, "unnamed.py"], cwd=tmp_path, env=env, capture_output=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(told) == 1 and len(set(json.loads(told.pop().decode().replace("'", '"')))) == 6
