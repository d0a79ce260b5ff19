"""The documentation does not lie: its examples run, and print what they say they print."""

import contextlib
import io
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import commonweal as cw

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = {"accounts.md", "learning.md", "tutorial.md"}  # `make docs` reads them too
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def disagreements(page: str) -> list[str]:
    """What a page's Python blocks print that the text block after them does not say."""
    blocks, space, wrong = FENCE.findall(page), {"__name__": "page"}, []
    for (kind, code), after in itertools.pairwise([*blocks, ("", "")]):
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, space)
            if after[0] == "text" and printed.getvalue().rstrip() != after[1].rstrip():
                wrong.append(f"printed:\n{printed.getvalue()}\nthe page says:\n{after[1]}")
    return wrong


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] * (p.name in LONG)) for p in PAGES]
)
def test_the_examples_of_a_page_run_and_print_what_it_says(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert disagreements(page.read_text()) == []


def test_a_page_that_lies_is_caught():
    assert disagreements("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert not disagreements("```python\nprint(1)\n```\n\n```text\n1\n```\n")


def test_the_readme_shows_the_two_commands_and_every_command_is_documented():
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme and "make test" in readme
    told = subprocess.run(
        [sys.executable, "-m", "commonweal", "--help"], capture_output=True, text=True, check=True
    )
    commands = re.findall(r"^  (\w+)  ", told.stdout.split("Commands:")[1], re.M)
    assert len(commands) >= 6
    for command in commands:
        assert f"commonweal {command}" in readme, command


def test_contributing_is_short_and_its_examples_are_as_long_as_it_says():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert len(text.splitlines()) < 60
    for name, lines in re.findall(r"`examples/(\w+\.py)` \([^)]*?(\d+) lines\)", text):
        assert len((ROOT / "examples" / name).read_text().splitlines()) == int(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["well.py", "tithe.py"])
def test_the_examples_run_with_nothing_but_the_command(name, tmp_path):
    command = [sys.executable, "-m", "commonweal", "run", str(ROOT / "examples" / name), "--worlds", "8"]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
def test_the_test_inside_the_example_passes():
    space: dict = {"__name__": "well"}
    exec((ROOT / "examples" / "well.py").read_text(), space)
    space["test_a_short_well_is_shared_in_proportion"]()


def test_every_public_name_exists():
    for name in cw.__all__:
        assert getattr(cw, name) is not None
