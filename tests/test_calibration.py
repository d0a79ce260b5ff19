"""Published results come back, and every planted fault is caught."""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from commonweal.calibration import TARGETS, Row, Target, judge
from commonweal.calibration.present import page, render, to_dict, wanted
from commonweal.calibration.target import no_rows
from commonweal.cli import app

PAGE = Path(__file__).resolve().parent.parent / "docs" / "calibration.md"
QUICK = {"calvano", "contest", "naming", "nowak", "opinions"}  # a second or two: in every run of the tests
TIERS = {target.name: [] if target.name in QUICK else [pytest.mark.slow] for target in TARGETS}


def judged(target):
    """The verdict, JSON-able; a slow one from the command line, which compiles for speed, as users do."""
    if target.tier == "fast":
        return to_dict(judge(target))
    env = {name: x for name, x in os.environ.items() if name != "XLA_FLAGS"}
    command = [sys.executable, "-m", "commonweal", "calibrate", target.name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=1800)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return json.loads(done.stdout)[0]


@pytest.mark.parametrize("target", [pytest.param(t, id=t.name, marks=TIERS[t.name]) for t in TARGETS])
def test_a_published_result_comes_back_and_its_planted_fault_does_not(target):
    verdict = judged(target)
    gates = [row for row in verdict["rows"] + verdict["metamorphic"] if row["gates"]]
    assert gates and [row for row in gates if not row["passed"]] == []
    assert verdict["control_failed"] and verdict["passed"]
    assert [row for row in verdict["metamorphic"] if row["gates"]], "no relation that decides anything"
    numbers = ("ours", "published", "tolerance", "holds")
    rows = [
        Row(row["name"], source="", **{x: math.inf if row[x] is None else row[x] for x in numbers})
        for row in verdict["rows"]
    ]
    said = {row.name: " | ".join(x.replace("|", "/") for x in (row.name, wanted(row))) for row in rows}
    told = PAGE.read_text()
    if (
        target.tier == "slow"
    ):  # a tolerance may be the spread of our own runs, whose low bits are the machine's
        said = {name: line.partition(" ±")[0] for name, line in said.items()}
    lost = [name for name, line in said.items() if f"| {line}" not in told]
    assert lost == [], "docs/calibration.md is out of date: commonweal calibrate --tier all --page FILE"


def test_the_page_of_the_docs_shows_every_target_and_no_failure():
    told = PAGE.read_text()
    assert told.count("\n## ") == len(TARGETS) and "FAILS" not in told and "NOT caught" not in told
    assert all(f"(`{target.name}`)" in told for target in TARGETS)
    assert set(re.findall(r"\w+\.md\b", told)) == {"calibration.md"}, "a source that no reader has"


def undeclared(targets):
    """Names of targets without a relation, or without a planted fault of their own."""
    faults = [t.name for t in targets if t.control in (t.rows, no_rows)]
    return [t.name for t in targets if t.metamorphic in (no_rows, t.rows)] + faults


def test_every_target_declares_a_relation_and_a_planted_fault():
    assert undeclared(TARGETS) == []
    bare, fooled = coin(), replace(coin(), metamorphic=lambda: [coin().rows()[0]], control=no_rows)
    assert undeclared([bare]) == ["coin"] == undeclared([fooled])


def coin(p=0.5, off=0.0, mark="D", holds="equal"):
    row = Row("heads", p + off, 0.5, 0.01, "Bernoulli 1713", mark, holds=holds)
    wrong = Row("heads of a bent coin", p + off + 0.2, 0.5, 0.01, "Bernoulli 1713")
    return Target("coin", "A coin", "One toss.", rows=lambda: [row], control=lambda: [wrong])


def test_a_row_passes_within_its_tolerance_and_on_the_side_it_claims():
    at_least = Row("x", 0.9, 0.5, 0.1, "", holds="at least")
    assert at_least.passed and not replace(at_least, ours=0.3).passed
    assert replace(at_least, ours=0.3, holds="at most").passed
    assert replace(at_least, ours=0.45, holds="equal").passed
    assert not replace(at_least, ours=float("nan")).passed


def test_a_value_from_memory_is_shown_and_decides_nothing():
    verdict = judge(coin(off=0.3, mark="mem"))
    assert not verdict.rows[0].passed and not verdict.rows[0].gates
    assert not verdict.passed  # a target without a gate proves nothing


def test_a_row_that_is_only_shown_decides_nothing_and_an_interval_may_have_to_lie_beyond():
    row = Row("gap", 43.0, 0.0, -76.0, "", "T", 76.0, "at least")
    assert row.gates and not row.passed and replace(row, ours=77.0).passed
    assert wanted(row) == ">= 0 + 76"
    assert not replace(row, shown=True).gates


def test_a_target_whose_planted_fault_passes_is_not_believed():
    fooled = replace(coin(), control=lambda: [Row("heads", 0.5, 0.5, 0.01, "")])
    assert judge(coin()).passed
    assert not judge(fooled).passed


def test_a_broken_relation_fails_the_target():
    broken = replace(coin(), metamorphic=lambda: [Row("heads = 1 - tails", 0.5, 0.4, 1e-9, "")])
    assert not judge(broken).passed


def test_a_verdict_prints_as_a_table_as_json_and_as_a_page(capsys):
    verdict = judge(coin(off=0.3))
    told = to_dict(verdict)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["rows"][0]["passed"] is False and told["control_failed"] is True
    render([verdict], Console(width=100), rows=False)  # a failure shows its rows unasked
    printed = capsys.readouterr().out
    assert "fails" in printed and "FAILS" in printed and "0.5 ± 0.01" in printed
    assert "| heads | 0.5 ± 0.01 | 0.8 | FAILS | Bernoulli 1713 (D) |" in page([verdict])


def test_the_command_line_refuses_an_unknown_target():
    result = CliRunner().invoke(app, ["calibrate", "phlogiston"])
    assert result.exit_code == 1
    assert "wanted one of" in str(result.exception)


def test_names_of_targets_are_unique():
    names = [target.name for target in TARGETS]
    assert len(set(names)) == len(names)
