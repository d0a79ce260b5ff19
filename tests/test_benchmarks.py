"""The benchmark's harness on tiny and made-up work; nothing here is a timed assertion."""

import importlib
import io
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SIDE = """
import time

def count(upto, part=(0, 1)):
    return upto // part[1], lambda: {"sum": float(sum(range(upto)))}

def other(upto):
    return upto, lambda: {"sum": 1.0 + sum(range(upto))}

def silent(upto):
    return upto, lambda: {}

def noisy(upto):
    print("a library that talks")
    return upto, lambda: print("and talks") or {"sum": float(sum(range(upto)))}

def broken(upto):
    raise RuntimeError("no such map")

def dies(upto):
    raise SystemExit(3)

def sleeps(upto):
    return upto, lambda: time.sleep(60)
"""


@pytest.fixture(autouse=True)
def path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def harness():
    return importlib.import_module("harness")


@pytest.fixture
def made(harness, tmp_path):
    """A side of made-up work."""
    file = tmp_path / "made.py"
    file.write_text(SIDE)
    return lambda work, name="commonweal", **more: harness.Side(name, str(file), work, {"upto": 10}, **more)


def setup_of(harness, **more):
    return harness.Setup(**({"rounds": 2, "least": 0.0, "patience": 30.0, "workers": 1} | more))


def test_two_sides_take_turns_and_agree(harness, made):
    setup = setup_of(harness)
    results = harness.duel([made("count"), made("noisy", "loud"), made("count", "two", workers=2)], setup)
    assert [len(one.rates) for one in results] == [2, 2, 2]
    assert all(rate > 0 for one in results for rate in one.rates)
    assert [one.check["sum"] for one in results] == [45.0] * 3
    lines = harness.compare("count", harness.Unit("x"), results, {"loud": harness.Goal(0.0)}, {"sum": 1e-6})
    assert lines[0].startswith("| count | commonweal |") and "| same | ≥ 0 | met |" in lines[1]


def test_a_planted_different_game_is_named(harness, made):
    results = harness.duel(
        [made("count"), made("other", "theirs"), made("silent", "mute")], setup_of(harness)
    )
    lines = harness.compare("count", harness.Unit("x"), results, {}, {"sum": 1e-6})
    assert "**differs**: sum 45, 46" in lines[1]
    assert "same" not in lines[2] and "differs" not in lines[2]  # nothing to compare is no agreement


@pytest.mark.parametrize(
    ("work", "said"),
    [("broken", "RuntimeError: no such map"), ("dies", "died with status 3"), ("missing", "AttributeError")],
)
def test_a_side_that_fails_says_why_and_stops_nobody(harness, made, work, said):
    results = harness.duel([made("count"), made(work, "theirs")], setup_of(harness))
    assert len(results[0].rates) == 2 and results[1].rates == []
    row = harness.compare("count", harness.Unit("x"), results, {"theirs": harness.Goal(2)})[1]
    assert "absent: " in row and said in row and "not measured" in row


def test_a_side_that_takes_too_long_is_stopped(harness, made):
    result = harness.duel([made("sleeps")], setup_of(harness, patience=0.5))[0]
    assert result.absent.startswith("no answer in")


def test_an_absent_rival_or_checkout_says_so(harness, made):
    setup = setup_of(harness, rivals="/nowhere/bin/python")
    results = harness.duel(
        [made("count"), made("count", "r", rival=True), made("count", "s", source="x")], setup
    )
    rows = harness.compare("count", harness.Unit("x"), results)
    assert "no environment for rivals" in rows[1] and "--x PATH" in rows[2]


def test_no_process_is_left_behind(harness, made):
    crew = harness.Crew(made("count", workers=2), setup_of(harness))
    assert crew.units == 10 and all(one.poll() is None for one in crew.all)
    crew.stop()
    assert all(one.poll() is not None for one in crew.all)


def test_no_new_round_begins_after_the_deadline(harness, made):
    result = harness.duel([made("count")], setup_of(harness, rounds=5, deadline=time.monotonic()))[0]
    assert len(result.rates) == 1
    assert "(1 of 5 rounds)" in harness.compare("count", harness.Unit("x"), [result])[0]


def test_a_worker_answers_a_line_with_a_line(tmp_path):
    worker = importlib.import_module("worker")
    (tmp_path / "made.py").write_text(SIDE)
    asked = [{"work": "count", "sizes": {"upto": 4}}, {"least": 0.0}, {"versions": ["numpy", "nothing"]}]
    said = io.StringIO()
    worker.serve(str(tmp_path / "made.py"), [json.dumps(one) for one in asked], said)
    first, played, versions = [json.loads(line) for line in said.getvalue().splitlines()]
    assert first["units"] == 4 and first["check"] == {"sum": 6.0}
    assert played["times"] == 1 and played["megabytes"] > 1
    assert versions["numpy"] and versions["nothing"] == ""


def test_figures_are_printed_as_people_read_them(harness):
    assert [harness.number(x) for x in (0.0, 0.01234, 1.0, 99.96, 123.4, 123_456.0, math.nan)] == [
        "0",
        "0.0123",
        "1",
        "100",
        "123",
        "123,000",
        "–",
    ]
    assert harness.spread([3.0, 1.0, 2.0]) == "2 [1, 3]" and harness.spread([]) == "–"
    assert harness.Unit("us", 1e6, seconds=True)(50_000.0) == 20.0


def test_goals_point_both_ways(harness):
    assert harness.Goal(2).judge(2.0) == ("≥ 2", "met")
    assert harness.Goal(2).judge(1.9)[1] == "**not met**"
    assert harness.Goal(40, upward=False).judge(41.0) == ("≤ 40", "**not met**")
    assert harness.Goal(40, upward=False).judge(39.0)[1] == "met"


def test_the_exponent_of_a_power_law_is_found(harness):
    assert harness.exponent([1, 10, 100], [3.0, 300.0, 30_000.0]) == pytest.approx(2.0)
    assert math.isnan(harness.exponent([1], [3.0]))


def test_only_some_rows_leave_the_others_on_the_page(tmp_path):
    run = importlib.import_module("run")
    titles, page = run.order(), tmp_path / "page.md"
    assert len(set(titles)) == len(titles) >= 12
    run.write(page, ["# Speed"], {titles[1]: ["old 1"], titles[0]: ["old 0"]})
    run.write(page, ["# Speed", "", "anew"], {titles[1]: ["new 1"]})
    text = page.read_text()
    assert "old 0" in text and "new 1" in text and "old 1" not in text and "anew" in text
    assert text.index(titles[0]) < text.index(titles[1])


def test_a_row_that_breaks_stops_no_other(monkeypatch, harness):
    run = importlib.import_module("run")
    row, other = importlib.import_module("rows.memory"), importlib.import_module("rows.step")
    monkeypatch.setattr(row, "lines", lambda setup: 1 / 0)
    monkeypatch.setattr(other, "lines", lambda setup: ["fine"])
    found = run.measure(setup_of(harness), ["memory", "step"])
    assert "ZeroDivisionError" in found[row.TITLE][0] and found[other.TITLE] == ["fine"]
    late = run.measure(setup_of(harness, deadline=0.0), ["step"])
    assert late[other.TITLE] == ["Not measured: the time was up."]


def test_the_rivals_in_numpy_play_what_theory_says():
    """Sure strategies, the logit market and the pool, by numbers known from elsewhere."""
    load = importlib.import_module("worker").load
    matrix, calvano, pool = (
        load(str(BENCHMARKS / "rivals" / f"{f}.py")) for f in ("matrix", "calvano", "pool")
    )
    units, play = matrix.numpy(repetitions=1, turns=200)
    assert units == 78 * 200 and play()["score"] == pytest.approx(196.63, abs=0.005)
    profit, low, high = calvano.market()
    assert profit.shape == (2, 15, 15) and profit[0, 3, 7] == pytest.approx(profit[1, 7, 3])
    assert (low, high) == pytest.approx((0.22293, 0.33749), abs=1e-4)  # at prices 1.4729 and 1.9250
    units, play = pool.branches_numpy(ticks=3)
    found = play()
    assert units == 60 and 0.0 < found["mean"] < 3 * 5 * 0.06 and found["spread"] > 0.0


@pytest.mark.slow
def test_a_quick_row_runs_from_the_command_line():
    command = [
        sys.executable,
        str(BENCHMARKS / "run.py"),
        "--quick",
        "--only",
        "branches",
        "--rivals",
        "/nowhere",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "no rivals at /nowhere" in done.stdout and "absent: no environment for rivals" in done.stdout
    ours = next(line for line in done.stdout.splitlines() if "| commonweal" in line)
    numpy = next(line for line in done.stdout.splitlines() if "| NumPy" in line)
    assert "absent" not in ours and "| same |" in numpy
