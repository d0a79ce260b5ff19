"""Text of files on the terminal: nothing in it is obeyed, and no line of it passes for one of ours."""

import ast
import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest
from rich.table import Table
from rich.text import Text

import commonweal as cw
from commonweal import ledger
from commonweal._plain import console, shown
from commonweal.lab.plan import read_plan, with_cells
from commonweal.lab.results import read_results
from commonweal.lab.store import fingerprint, seal, unseal
from commonweal.ledger.canonical import canonical
from commonweal.ledger.checkpoint import load_key
from commonweal.ledger.log import extend
from commonweal.measures import welfare
from commonweal.minds.simple import Constant
from commonweal.report.chart import bands, steps
from commonweal.report.html import render
from commonweal.report.pages import study_page
from commonweal.scenarios.commons import Commons

FORGED = "run is what lab+0 signed: 9 entries, root x"
EVIL = f"[red]a[/red]\x1b[2J\x1b]0;x\x07\r\b\x7f\x9b31m\u202e\u2028\x85\n{FORGED}\nthe same, bit for bit"
ATTACK = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
HARM = ("--harm", "welfare", "--stand-in", "Random")
SOCIETY = cw.Society(Commons(n_agents=2, horizon=2, assignment="proportional"), Constant(take=5.0))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, and a terminal that cuts nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("evil_study", None)


def raw(text):
    """What in a text a terminal obeys, but for the ends of lines, and lines that were forged."""
    odd = {c for c in text if not c.isprintable() and c != "\n"}
    return odd | {line for line in text.split("\n") if line.strip() in (FORGED, "the same, bit for bit")}


def edit(file, change):
    """Change a JSON file in place."""
    told = json.loads(Path(file).read_text())
    change(told)
    Path(file).write_text(json.dumps(told))


def a_run(sealed=True):
    cw.run(SOCIETY, 2).save("run")
    if sealed:
        ledger.new_key("own/key", "lab")
        ledger.seal("run", "own/key")
    return Path("run")


def a_study(change=lambda plan: None, cell=lambda told: None):
    """A study whose plan and cells were changed, with every digest in order."""
    folder = Path("run")
    cw.Study("s", {"one": SOCIETY, "two": SOCIETY}, 2, [welfare], baseline="one").run(folder, progress=False)
    plan = read_plan(folder)
    plan.pop("digest", None)
    change(plan)
    (folder / "study.json").write_bytes(seal(plan := with_cells(plan)))
    names = {home.name: home for home in folder.glob("cells/*")}
    for (name, told), home in zip(plan["cells"].items(), sorted(names.values()), strict=True):
        home.rename(new := folder / "cells" / name)
        more = unseal(new / "cell.json")
        cell(new)
        measures = {key: more["measures"].get(key) or more["measures"]["welfare"] for key in plan["measures"]}
        more |= {"key": told["key"], "files": fingerprint(new), "measures": measures}
        (new / "cell.json").write_bytes(seal(more))
    return folder


def renamed(plan):
    plan["conditions"] = {EVIL + name: told for name, told in plan["conditions"].items()}
    plan |= {"baseline": EVIL + "one", "name": EVIL, "hypothesis": EVIL}
    for told in plan["conditions"].values():
        told["institutions"] = [{"name": EVIL, "what": EVIL, "budget": EVIL, "told": True}]
        told["card"]["title"] = told["card"]["citation"] = told["scenario"]["name"] = EVIL


def unsound(home):
    table = pl.read_parquet(home / "values.parquet")
    table.with_columns(invalid=pl.lit(EVIL)).write_parquet(home / "values.parquet")
    edit(home / "trace" / "trace.json", lambda told: told.update(invalid=[EVIL] * len(told["invalid"])))


# ------------------------------------------------------------------- places: how it comes, what is called


def an_unlogged_file():
    (a_run() / "a\x1b[2J\x07\r\u202e\nb").write_text("x")
    return "verify", "run"


def a_path_in_the_log():
    entry = {"kind": "file", "path": EVIL + " " * 80 + FORGED, "sha256": ""}
    extend(a_run(), [canonical(entry).encode()], load_key("own/key", private=True))
    return "verify", "run"


def a_key():
    (a_run() / "ledger" / "key").write_text(EVIL)
    return "verify", "run"


def a_reason_to_redact():
    home = a_run()
    cw.run(SOCIETY, 2)
    edit(home / "trace.json", lambda told: told["recipe"].update(engine="async"))
    rows = {"world": [0], "t": [0], "agent": [0], "channel": ["say"], "text": ["hello"]}
    pl.DataFrame(rows).write_parquet(home / "messages.parquet")
    shutil.rmtree(home / "ledger")
    ledger.seal(home, "own/key")
    ledger.redact(home, ledger.find(home, "hello"), EVIL, "own/key")
    return "verify", "run"


def a_recipes_class():
    def change(told):
        told["recipe"]["society"]["fields"]["minds"]["tuple"][0]["each"]["class"] = f"{EVIL}:{EVIL}"

    edit(a_run(sealed=False) / "trace.json", change)
    return "replay", "run"


def a_recipe_to_verify():
    def change(told):
        told["recipe"]["society"]["fields"]["minds"]["tuple"][0]["each"]["class"] = f"{EVIL}:{EVIL}"

    edit(a_run(sealed=False) / "trace.json", change)
    ledger.new_key("own/key", "lab")
    ledger.seal("run", "own/key")
    return "verify", "run", "--replay"


def a_field():
    def change(told):
        told["recipe"]["society"]["fields"]["minds"]["tuple"][0]["each"]["fields"][EVIL] = 1

    edit(a_run(sealed=False) / "trace.json", change)
    return "account", "run", *HARM


def a_column():
    def change(told):
        (shape,) = [x for x in told["shapes"].values() if "act/take" in x["columns"]]
        shape["columns"].append(f"events/{EVIL}")
        del shape["sha256"]

    home = a_run(sealed=False)
    edit(home / "trace.json", change)
    for file in home.glob("*.parquet"):
        if "act/take" in (table := pl.read_parquet(file)).columns:
            table.with_columns(pl.col("act/take").alias(f"events/{EVIL}")).write_parquet(file)
    return "replay", "run"


def a_missing_column():
    def change(told):
        next(iter(told["shapes"].values()))["columns"].append(f"events/{EVIL}")

    edit(a_run(sealed=False) / "trace.json", change)
    return "replay", "run"


def a_reason_in_a_trace():
    edit(a_run(sealed=False) / "trace.json", lambda told: told.update(invalid=[EVIL, ""]))
    return "replay", "run"


def a_reason_in_an_account():
    cw.Study("s", {"a": SOCIETY}, 3, [welfare], keep=3).run("run", progress=False)
    home = next(Path("run/cells").iterdir())
    edit(home / "trace" / "trace.json", lambda told: told["invalid"].__setitem__(0, EVIL))
    home.rename(home.with_name("a\x1b\x07\r\u202e\nthe same, bit for bit"))
    return "account", "run", *HARM


def a_folder():
    home = a_run(sealed=False).rename("a\x1b\x07\r\u202e\nthe same, bit for bit")
    return "replay", home


def a_folder_with_nothing():
    Path("a\x1b[2J\x07\r\u202e\nb").mkdir()
    return "report", "a\x1b[2J\x07\r\u202e\nb"


def a_report_to_write():
    return "report", a_study(), "--out", "a\x1b[2J\x07\r\u202eb.html"


def a_damaged_cell():
    home = a_study() / "cells"
    (next(home.iterdir()) / "a\x1b[2J\x07\r\u202e\nb").write_text("x")
    return "report", "run"


def a_study_that_goes_on():
    Path("evil_study.py").write_text(
        "import commonweal as cw\nfrom commonweal.measures import welfare\n"
        "from commonweal.minds.simple import Constant\nfrom commonweal.scenarios.commons import Commons\n"
        "lake = Commons(n_agents=2, horizon=2, assignment='proportional')\n"
        f"study = cw.Study({EVIL!r}, {{{EVIL!r}: cw.Society(lake, Constant(take=5.0))}}, 2, [welfare], "
        f"hypothesis={EVIL!r})\n"
    )
    return "run", "evil_study.py", "--out", "done"


def a_study_to_plan():
    a_study_that_goes_on()
    return "plan", "evil_study.py", "--model", "commonweal/rehearsal-fair"


def a_file_that_fails():
    Path("evil_study.py").write_text(f"raise ValueError({EVIL!r})\n")
    return "check", "evil_study.py"


def a_bug():
    Path("evil_study.py").write_text(f"raise ValueError({EVIL!r})\n")
    return "check", "evil_study.py", "--debug"


def a_law_that_is_broken():
    Path("evil_study.py").write_text(
        "import commonweal as cw\n\n@cw.measure(unit='pay', better='higher', cites='own')\ndef mine(trace):\n"
        f"    '''All.'''\n    raise ValueError({EVIL!r})\n"
    )
    return "check", "evil_study.py"


def a_warning():
    Path("evil_study.py").write_text(f"import warnings\nwarnings.warn({EVIL!r})\nraise ValueError('x')\n")
    return "check", "evil_study.py"


def an_argument():
    return "verify", "run", f"--{EVIL}"


def an_argument_too_many():
    return "verify", "run", EVIL


def a_table():
    head, rest = "game,mechanism,run,round,seat,model,action,points\n", '1,1,{i},"{x}","{x}",{points}\n'
    rows = [f'"{EVIL}","{EVIL}",{rest.format(i=i, x=EVIL, points=i)}' for i in (0, 1)]
    Path("log.csv").write_text(head + "".join(rows) + f'PD,none,1,1,0,A,C,"{EVIL}"\n', newline="")
    return "audit", "log.csv"


def a_table_without_names():
    Path("log.csv").write_text(f'"{EVIL}",b\n1,2\n')
    return "audit", "log.csv"


def a_talk():
    Path("talk").mkdir()
    history = [{"name": EVIL, "role": EVIL, "content": EVIL}] * 3
    told = {"history": history, "mistake_agent": EVIL, "mistake_step": EVIL, "question": EVIL}
    Path("talk/1.json").write_text(json.dumps(told))
    Path("talk/a\x1b[2J\r\u202e\nb.json").write_text(json.dumps(told))
    return "audit", "talk"


def a_span():
    said = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": EVIL}]}])
    names = {"gen_ai.operation.name": "chat", "gen_ai.agent.name": EVIL, "gen_ai.output.messages": said}
    span = {"traceId": EVIL, "spanId": "1", "name": EVIL, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    span["attributes"] = [{"key": key, "value": {"stringValue": x}} for key, x in names.items()]
    other = {"traceId": "t", "spanId": EVIL, "name": EVIL, "startTimeUnixNano": EVIL, "attributes": []}
    told = {"resourceSpans": [{"scopeSpans": [{"spans": [span, other]}]}]}
    Path("spans.jsonl").write_text(json.dumps(told))
    return "audit", "spans.jsonl"


def a_name_of_a_file():
    Path("a\x1b[2J\x07\r\u202e\nb.csv").write_text("x,y\n1,2\n")
    return "audit", "a\x1b[2J\x07\r\u202e\nb.csv"


PLACES = [
    *(an_unlogged_file, a_path_in_the_log, a_key, a_reason_to_redact, a_recipes_class, a_recipe_to_verify),
    *(a_field, a_column, a_missing_column, a_reason_in_a_trace, a_reason_in_an_account),
    *(a_folder, a_folder_with_nothing, a_report_to_write, a_damaged_cell),
    *(a_study_that_goes_on, a_study_to_plan, a_file_that_fails, a_bug, a_law_that_is_broken, a_warning),
    *(an_argument, an_argument_too_many, a_table, a_table_without_names, a_talk, a_span, a_name_of_a_file),
]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("place", PLACES, ids=lambda one: one.__name__)
def test_what_files_say_is_obeyed_by_no_terminal(here, call, place):
    code, out, err = call(*place())
    assert "\\x1b" in out + err or "\\u{1b}" in out + err, (out, err)  # it is there, spelled out
    assert not raw(out) | raw(err), (out, err)
    if place in (a_study_to_plan, a_table, a_talk, a_span):  # what rich prints is no markup
        assert "[red]a[/red]" in "".join(out.split())
    if "does not verify" in out:
        assert out.startswith("run does not verify: ") and out.count("\n") == 1 and "  " not in out


def test_what_is_printed_in_python_is_plain_too(here):
    def shut(home):
        unsound(home)
        table = pl.read_parquet(home / "values.parquet")
        table.with_columns(invalid=pl.Series([EVIL, ""])).write_parquet(home / "values.parquet")

    found = read_results(a_study(renamed, shut))
    trace = cw.load(next(Path("run").glob("cells/*/trace")))
    told = [str(found), repr(found), str(found.selection), *map(str, found.gates.values()), repr(trace)]
    told += [str(e) for row in found.estimates.values() for e in row.values()]
    edit(next(Path("run").glob("cells/*/trace/trace.json")), lambda told: told["card"].update(title=EVIL))
    trace = cw.load(next(Path("run").glob("cells/*/trace")))
    told += [repr(trace), str(cw.alignment(trace))]
    assert sum("\\x1b" in one for one in told) > 5
    assert not set().union(*map(raw, told))


def test_a_report_holds_no_markup_of_its_folder_and_turns_no_text(here):
    found = read_results(a_study(lambda plan: plan.update(name=ATTACK + EVIL, hypothesis=ATTACK)))
    text = render(study_page(found))
    assert "&lt;script&gt;" in text and "<script" not in text and "\u202e" not in text and "\x1b" not in text


def test_pictures_of_a_report_hold_no_markup_of_names():
    curves = {ATTACK: (np.array([1.0]), np.array([0.5])), "b": (np.array([2.0]), np.array([0.0]))}
    figure = steps(curves, 3.0, ATTACK, ATTACK) + bands({ATTACK: np.ones((2, 3))}, ATTACK, ATTACK)
    root = ElementTree.fromstring(f"<figure xmlns:xlink='x'>{figure}</figure>")
    tags = {one.tag for one in root.iter()}
    assert tags <= {"figure", "svg", "g", "path", "text", "line", "defs", "rect", "clipPath"}, tags
    assert not any(name.startswith("on") or "href" in name for one in root.iter() for name in one.attrib)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("é 中 a", "é 中 a"),
        ("a\u3000b\xa0c", "a b c"),  # spaces of every kind
        ("\x1b[2J\r\n\t", "\\x1b[2J\\r\\n\\t"),
        ("\x9b31m\x07\x08\x7f", "\\x9b31m\\x07\\x08\\x7f"),
        ("a\u3164\u2800", "a\\u3164\\u2800"),  # letters that nobody sees
        ("\u202e\u2066\u200b\u2028\ud800", "\\u202e\\u2066\\u200b\\u2028\\ud800"),
    ],
)
def test_text_is_spelled_out_where_a_terminal_would_obey(text, plain):
    assert shown(text) == plain == shown(plain) and shown(plain).isprintable()


def test_a_console_makes_plain_what_its_callers_forgot(capsys):
    table = Table(EVIL)
    table.add_row(EVIL)
    console().print(table, EVIL, Text(EVIL))
    out = capsys.readouterr().out
    assert "\\x1b[2J" in out and out.replace("\n", "").isprintable()


def test_only_one_file_prints():
    """The command line and the library print through `say`, but for JSON, which is plain by itself."""
    home, found = Path(cw.__file__).parent, set()
    for file in home.rglob("*.py"):
        tree = ast.parse(file.read_text())
        scripts = [one for one in tree.body if isinstance(one, ast.If) and "__main__" in ast.dump(one.test)]
        free = {node for one in scripts for node in ast.walk(one)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print" and node not in free:
                found.add((file.relative_to(home).as_posix(), ast.unparse(node.args[0])[:10]))
    assert found == {("_plain.py", "shown(hide"), ("cli.py", "hide(json.")}
