"""The documentation does not lie: its examples run, and print what they say they print."""

import ast
import contextlib
import io
import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import commonweal as cw
from commonweal import ledger
from commonweal.cli import app, main
from commonweal.language import LLM
from commonweal.minds import FairShare
from commonweal.scenarios import Commons

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = {"accounts.md", "learning.md", "tutorial.md"}  # `make docs` reads them too
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")


def disagreements(page: str, spans: bool = False) -> list[str]:
    """What a page's Python blocks print that the text block after them does not say.

    With `spans`, the calls in the running text are run too, after all blocks.
    """
    blocks, space, wrong = FENCE.findall(page), {"__name__": "page"}, []
    for (kind, code), after in itertools.pairwise([*blocks, ("", "")]):
        if kind == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(code, space)
            if after[0] == "text" and printed.getvalue().rstrip() != after[1].rstrip():
                wrong.append(f"printed:\n{printed.getvalue()}\nthe page says:\n{after[1]}")
    for code in filter(_is_call, SPAN.findall(FENCE.sub("", page)) if spans else []):
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, space)
    return wrong


def _is_call(code: str) -> bool:
    """Whether it is a call in Python, as `cw.replay(trace)`."""
    try:
        return isinstance(ast.parse(code, mode="eval").body, ast.Call)
    except SyntaxError:
        return False


def shell_lines(page: str) -> list[str]:
    """The lines for a shell that start with `commonweal`, without comments, in blocks and in the text."""
    text = FENCE.sub("", page)
    blocks = [
        code.replace("\\\n", " ") for kind, code in FENCE.findall(page) if kind not in ("python", "text")
    ]
    lines = [*SPAN.findall(text), *(line for code in blocks for line in code.splitlines())]
    return [line.split("#")[0].strip() for line in lines if re.match(r"commonweal [a-z-]", line)]


def misread(line: str) -> str:
    """What the command line cannot make of this line: an unknown command or option, a missing value."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(re.sub(r"[\[\]]", "", line))[1:]
    try:
        context = command.make_context("commonweal", words)
        while words := [*context._protected_args, *context.args]:  # a group: its command comes next
            name, command, words = context.command.resolve_command(context, words)
            context = command.make_context(name, words or ["--help"], parent=context)
            if not hasattr(command, "resolve_command"):
                return f"{words} is left over" if context.args else ""
    except typer.Exit:  # the name of a command alone shows its help
        return ""
    except Exception as error:  # noqa: BLE001  (whatever the parser says is what is wrong)
        return str(error) or type(error).__name__
    return ""


@pytest.mark.parametrize(
    "page", [pytest.param(p, id=p.name, marks=[pytest.mark.slow] * (p.name in LONG)) for p in PAGES]
)
def test_the_examples_of_a_page_run_and_print_what_it_says(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert disagreements(page.read_text(), spans=page.name in ("README.md", "tutorial.md")) == []


def test_a_page_that_lies_is_caught():
    assert disagreements("```python\nprint(1)\n```\n\n```text\n2\n```\n")
    assert not disagreements("```python\nprint(1)\n```\n\n```text\n1\n```\n")
    with pytest.raises(NameError, match="gini"):
        disagreements("`print(gini)` says who. `commonweal list` is no Python.", spans=True)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_every_line_for_the_shell_is_one_that_the_command_line_takes(page):
    found = shell_lines(page.read_text())
    assert [(line, misread(line)) for line in found if misread(line)] == []
    assert len(found) > 10 or page.name != "README.md"
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"(?:^|`)make (\w+)", page.read_text(), re.M)) <= set(targets)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("commonweal rum FILE.py", "No such command"),
        ("commonweal run FILE.py --modle x", "--modle"),
        ("commonweal account DIR", "harm"),
        ("commonweal measures shew gini", "No such command"),
    ],
)
def test_a_line_that_the_command_line_does_not_take_is_caught(line, said):
    assert said in misread(line)


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
    known = typer.main.get_command(app).commands.items()  # type: ignore[attr-defined]
    mute = {name for name, c in known if not any("--json" in p.opts for p in c.params)}
    assert mute == {"report", "seal", "redact"} and "`report`, `seal` and `redact` have `--json`" in readme


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


STUDY = """import commonweal as cw
from commonweal.measures import objective_alignment
from commonweal.minds import FairShare, Greedy
from commonweal.scenarios import Commons

lake = Commons(n_agents=3, horizon=3)
society = cw.Society(lake, [Greedy()] + [FairShare()] * 2)
study = cw.Study("lake", {"greedy": society}, 6, [objective_alignment], keep=6)
"""
DECISIONS = "game,mechanism,world,round,seat,model,action,points\n" + "".join(
    f"PD,none,1,{t},{i},{who},COOPERATE,3\n" for t in (1, 2) for i, who in enumerate("ab")
)


def spoken():
    """A run in which somebody speaks, sealed under the key that a line before has made."""
    lake = Commons(n_agents=2, horizon=2, assignment="proportional")
    trace = cw.run(cw.Society(lake, [LLM("commonweal/rehearsal-fair"), FairShare()]), 1)
    ledger.seal(trace.save("spoken"), "lab.key")
    return "spoken"


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_they_say(monkeypatch, tmp_path, capsys):
    """Each line of the table is run, `run` first; what is in capitals there is made here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    Path("decisions.csv").write_text(DECISIONS)
    Path("lake.py").write_text(STUDY)
    Path("my_well.py").write_text((ROOT / "examples" / "well.py").read_text())
    readme = (ROOT / "README.md").read_text()
    lines = shell_lines("\n".join(re.findall(r"^\| (`commonweal .*?) \|", readme, re.M)))
    lines.sort(key=lambda line: not line.startswith("commonweal run"))
    made = {"[NAME]": "nowak", "[show NAME]": "show gini", "PATH": "decisions.csv", "WORDS": "take"}
    for line in lines:
        made |= {"FILE.py": "my_well.py" if "check" in line else "lake.py", "--key FILE": "--key lab.key"}
        made["DIR"] = spoken() if "redact" in line else "runs/lake"
        for word, thing in made.items():
            line = line.replace(word, thing)
        with pytest.raises(SystemExit) as end:
            main(shlex.split(line)[1:])
        told = capsys.readouterr()
        assert not end.value.code and len(told.out) > 20, (line, told.err)


@pytest.mark.slow
def test_the_line_for_inspect_of_the_readme_runs(tmp_path):
    (line,) = re.findall(r"`(inspect eval [^`]+)`", (ROOT / "README.md").read_text())
    command = [str(Path(sys.executable).with_name("inspect")), *shlex.split(line)[1:]]
    done = subprocess.run([*command, "-T", "seeds=1"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and list((tmp_path / "logs").glob("*.eval")), done.stderr
    assert "nan" not in done.stdout
