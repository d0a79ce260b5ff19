"""Commands on a stranger's folder: nothing of it runs, unless the user says that it is his."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal import ledger
from commonweal._sources import sources
from commonweal.lab.plan import read_plan, with_cells
from commonweal.lab.store import fingerprint, seal, unseal
from commonweal.measures import welfare
from commonweal.minds.learner import school
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
HARM = ("--harm", "welfare", "--stand-in", "Random")
SOCIETY = cw.Society(Commons(n_agents=2, horizon=2, assignment="proportional"), Constant(take=5.0))


class Bomb:
    """What writes the mark when it is unpickled."""

    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


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
    np.savez(place / school.CHECKPOINT, who=np.array([Bomb()], dtype=object))
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


@pytest.mark.parametrize("make", [a_trace, a_study], ids=["trace", "study"])
def test_what_would_be_imported_is_said_and_is_where_the_user_trusts_it(here, call, make, monkeypatch):
    make(module)
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(here)])
    where = "run" if make is a_trace else "run/cells/00-one-0000000/trace"
    said = f"{where} names strange:Mine (strange.py in this folder), which would be imported; add --trust if"
    for command in ("replay", "account"):
        code, out, err = call(*COMMANDS[command])
        assert (code, out, err) == (2, "", f"error: {said} it is yours\n")
    code, out, _ = call(*COMMANDS["verify"])
    assert (
        code == 1 and "cannot be run again: the recipe names strange:Mine, which is imported only if" in out
    )
    assert not (here / MARK).exists()
    code, out, _ = call(*COMMANDS["replay"], "--trust")
    assert code == 0 and "the same, bit for bit" in out and (here / MARK).exists()
    code, out, _ = call(*COMMANDS["verify"], "--trust")
    assert code == 0 and "run again from the recipe" in out
    code, out, _ = call(*COMMANDS["account"], "--trust")
    assert code == 0 and "Shapley" in out
    sys.modules.pop("strange")
    (here / MARK).unlink()
    assert call(*COMMANDS["replay"], "--file", "strange.py")[0] == 0  # the user's own words


def test_what_is_no_component_is_said_too(here, call):
    a_trace(shell)
    _, _, err = call(*COMMANDS["replay"])
    assert err == "error: run names os:system, which would be called; add --trust if it is yours\n"
    _, _, err = call(*COMMANDS["replay"], "--trust")
    assert "the recipe makes something of os:system, which is no class of a component" in err
    assert not (here / MARK).exists()  # no recipe of ours calls a function


def test_a_trusted_recipe_whose_file_is_gone_says_so(here, call):
    a_trace(beneath)
    _, _, err = call(*COMMANDS["replay"], "--trust")
    assert "the recipe names strange.deeper:Mine, which cannot be imported" in err


def test_in_a_program_of_ones_own_what_is_imported_is_known(here):
    a_trace(module)
    trace = cw.load("run")
    with pytest.raises(ValueError, match="strange:Mine, which is imported only .*, import strange, or"):
        cw.replay(trace)
    with pytest.raises(ValueError, match=r"strange:Mine, .* society=\.\.\."):
        cw.account(trace, welfare, Constant(take=1.0))
    import strange  # noqa: F401  # pyright: ignore[reportMissingImports]

    assert (cw.replay(trace).net == trace.net).all()


def test_a_function_is_called_where_this_program_or_its_user_named_it(here, monkeypatch):
    told = {"function": "colorsys:rgb_to_hsv"}
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with pytest.raises(ValueError, match="colorsys:rgb_to_hsv, which is imported only if you trust it"):
        cw.rebuild(told)
    import colorsys

    with pytest.raises(
        ValueError, match=r"which is no component: if you trust it .* cw.trust\(trace.recipe\)"
    ):
        cw.rebuild(told)
    cw.trust(told)
    assert cw.rebuild(told) is colorsys.rgb_to_hsv
    assert cw.rebuild(cw.describe(colorsys.hsv_to_rgb)) is colorsys.hsv_to_rgb  # held by the program itself
    assert cw.rebuild({"function": f"{__name__}:each"}) is each  # of the user's own loaded file


@pytest.mark.parametrize(
    "path",
    [
        "commonweal.lab.share:subprocess.Popen",
        "commonweal._describe:functools.partial",
        "commonweal.lab.files:load",
        "commonweal.report.catalog:named",
        "commonweal.__main__:main",
        "commonweal.lab.study:Path",
        "commonweal.gone:Mind",
        "commonweal._mind:Mind.act",
        "builtins:eval",
        "pathlib:PosixPath",
        "dataclasses:Field",
        "jax.numpy:load",
        "numpy:load",
        "__main__:__builtins__",
        "",
        ":",
    ],
)
def test_a_recipe_names_components_and_nothing_that_they_reach(path):
    for told in (
        {"class": path, "settings": {"dict": {}}},
        {"class": path, "fields": {}},
        {"function": path},
    ):
        with pytest.raises(ValueError, match="the recipe (names|makes)"):
            cw.rebuild(told)


def test_a_recipe_sets_fields_and_no_methods(here):
    told = cw.describe(SOCIETY)
    told["fields"]["scenario"]["fields"]["base"]["fields"]["card"] = 1
    with pytest.raises(ValueError, match="gives a Commons a 'card', which is no field of it"):
        cw.rebuild(told)


@pytest.mark.parametrize(("flags", "names"), [(["-P"], ["commonweal/__init__", "jax"]), ([], ["jax"])])
def test_a_file_that_is_called_as_what_we_import_is_not_imported(here, flags, names):
    """Without -P Python itself looks here for the package, and it is given up as soon as that is found."""
    for name in (*names, "typer", "numpy/__init__", "rich"):
        (here / name).parent.mkdir(exist_ok=True)
        (here / f"{name}.py").write_text(STRANGE.replace("__file__", repr(str(here / "x"))))
    env = os.environ | {"PYTHONPATH": str(Path(cw.__file__).parents[1]), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, *flags, "-m", "commonweal", "list"]
    done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Commons" in done.stdout, done.stderr
    assert not (here / MARK).exists()


def test_a_pickled_checkpoint_is_refused(here):
    np.savez(school.CHECKPOINT, who=np.array([Bomb()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        school._resume(here, {}, (), 1)
    assert not (here / MARK).exists()


def test_a_model_that_would_run_here_is_not_asked_for_a_stranger(here, call):
    def local(society):
        settings = {"dict": {"model": "hf/stranger/weights"}}
        each(society).clear() or each(society).update(
            {"class": "commonweal.language.llm:LLM", "settings": settings}
        )

    a_trace(local)
    said = "run asks hf/stranger/weights, which would be run on this machine; add --trust if it is yours"
    assert call(*COMMANDS["account"]) == (2, "", f"error: {said}\n")


@pytest.mark.parametrize("command", ["report", "seal"])
def test_a_link_in_the_way_of_what_is_written_leads_nowhere(here, call, command):
    cw.Study("s", {"one": SOCIETY}, 2, [welfare]).run("run", progress=False)
    (here / "mine").write_text("kept")
    ledger.new_key("own/key", "stranger")
    (here / "run" / "ledger").mkdir()
    for name in (".part-report.html", "ledger/.part-log.jsonl", "ledger/.part-checkpoint"):
        (here / "run" / name).symlink_to(here / "mine")
    words = [command, "run", *["--key", "own/key"] * (command == "seal")]
    if command == "seal":
        code, _, err = call(*words)
        assert code == 2 and ".part-report.html is a link, no plain file" in err
        (here / "run" / ".part-report.html").unlink()
    code, _, err = call(*words)
    assert code == 0 and (here / "mine").read_text() == "kept", err
