"""Commands on a stranger's folder: nothing of it runs, unless the user says that it is his."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal import ledger
from commonweal._sources import sources
from commonweal.cli import main
from commonweal.lab.plan import read_plan, with_cells
from commonweal.lab.store import fingerprint, seal, unseal
from commonweal.measures import welfare
from commonweal.minds.simple import Constant
from commonweal.scenarios.commons import Commons

MARK = "ran"  # the file that a stranger's code writes
STRANGE = f"""
from pathlib import Path
Path(__file__).with_name("{MARK}").write_text("")
from commonweal.minds.simple import Constant

class Mine(Constant):
    pass
"""
PICKLE = b"cos\nsystem\n(S'touch ran'\ntR."
HARM = ("--harm", "welfare", "--stand-in", "Random")
SOCIETY = cw.Society(Commons(n_agents=2, horizon=2, assignment="proportional"), Constant(take=5.0))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A stranger's folder, which the user stands in, and which is on Python's path as well."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "strange.py").write_text(STRANGE)
    (tmp_path / "typer.py").write_text(STRANGE)
    yield tmp_path
    sys.modules.pop("strange", None)


@pytest.fixture
def call(capsys):
    """Call the command line: (exit code, stdout, stderr)."""

    def calling(*args):
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return calling


def each(society):
    """The description of the minds in a society's recipe."""
    return society["fields"]["minds"]["tuple"][0]["each"]


def touch(shape):
    """A call of the shell that writes the mark."""
    return {"class": shape, "settings": {"dict": {"args": {"list": ["touch", MARK]}}}}


def module(society):
    each(society)["class"] = "strange:Mine"


def shell(society):
    each(society).clear() or each(society).update(
        {"class": "os:system", "settings": {"dict": {"command": f"touch {MARK}"}}}
    )


def through(society):
    each(society).clear() or each(society).update(touch("commonweal.lab.share:subprocess.call"))


def script(society):
    told = {"class": "runpy:run_path", "settings": {"dict": {"path_name": "strange.py"}}}
    each(society).clear() or each(society).update(told)


def loader(society):
    told = {"room": "measures", "text": "strange.py:x", "kind": None}
    each(society).clear() or each(society).update(
        {"class": "commonweal.report.catalog:named", "settings": {"dict": told}}
    )


def method(society):
    call = {"partial": [{"function": "os:system"}, {"tuple": [f"touch {MARK}"]}, {"dict": {}}]}
    society["fields"]["scenario"]["fields"]["base"]["fields"]["card"] = call


def value(society):
    call = {"partial": [{"function": "os:system"}, {"tuple": [f"touch {MARK}"]}, {"dict": {}}]}
    told = {"class": "commonweal.language.person:Person", "settings": {"dict": {"read": call}}}
    each(society).clear() or each(society).update(told)


def beneath(society):
    each(society)["class"] = "strange.deeper:Mine"


ATTACKS = [module, shell, through, script, loader, method, value, beneath]
COMMANDS = {
    "replay": ("replay", "run"),
    "account": ("account", "run", *HARM, "--budget", "9"),
    "verify": ("verify", "run", "--replay"),
    "report": ("report", "run"),
    "audit": ("audit", "run"),
}


def a_trace(attack):
    """A sealed trace whose recipe names something of a stranger's."""
    cw.run(SOCIETY, 2).save("run")
    told = json.loads(Path("run/trace.json").read_text())
    attack(told["recipe"]["society"])
    Path("run/trace.json").write_text(json.dumps(told))
    ledger.new_key("own/key", "stranger")
    ledger.seal("run", "own/key")


def a_study(attack, folder="run"):
    """A sealed study whose plan and traces do the same, with every digest in order."""
    cw.Study("s", {"one": SOCIETY}, 2, [welfare]).run(folder, progress=False)
    plan = read_plan(Path(folder))
    plan.pop("digest", None)
    told = plan["conditions"]["one"]
    attack(told["society"])
    told["code"] = sources([("strange", "Mine")])
    plan = with_cells(plan)
    (Path(folder) / "study.json").write_bytes(seal(plan))
    for name, cell in plan["cells"].items():
        home = Path(folder, "cells", name)
        trace = json.loads((home / "trace" / "trace.json").read_text())
        attack(trace["recipe"]["society"])
        (home / "trace" / "trace.json").write_text(json.dumps(trace))
        more = unseal(home / "cell.json") | {"key": cell["key"], "files": fingerprint(home)}
        (home / "cell.json").write_bytes(seal(more))
    place = Path(folder, "minds", "00-one-run0")
    place.mkdir(parents=True)
    np.savez(place / "checkpoint.npz", who=np.array([{"a": 1}], dtype=object))
    (place / "state.pkl").write_bytes(PICKLE)
    place.with_suffix(".json").write_bytes(seal({"files": fingerprint(place, "")}))
    ledger.new_key("own/key", "stranger")
    ledger.seal(folder, "own/key")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("make", [a_trace, a_study], ids=["trace", "study"])
def test_nothing_of_a_strangers_folder_runs(here, call, make, attack, command):
    make(attack)
    call(*COMMANDS[command])
    assert not (here / MARK).exists()
