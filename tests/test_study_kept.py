"""A study notices other code, and every byte of its folder that is not as it was written."""

import importlib
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal import _sources
from commonweal._sources import sources
from commonweal._trust import named
from commonweal.lab import store
from commonweal.lab.again import again, stored
from commonweal.lab.files import load
from commonweal.lab.gate import worlds_needed
from commonweal.lab.results import read_results
from commonweal.lab.statistics import proportion
from commonweal.lab.study import Study
from commonweal.measures import gini, objective_alignment, rights_violated, welfare
from commonweal.minds import Learner, Linear, Reinforce
from commonweal.minds.simple import Constant, Random
from commonweal.scenarios.commons import Commons
from commonweal.scenarios.matrix_game import prisoners_dilemma

LAKE = Commons(n_agents=2, horizon=3, assignment="proportional")
PLAYED = {"random": cw.Society(LAKE, Random()), "fair": cw.Society(LAKE, Constant(take=25.0))}
MEASURES = [objective_alignment, rights_violated]


def small(**changes):
    """Two conditions of ten worlds in four cells, the full trace of the first kept."""
    given = {"name": "kept", "conditions": PLAYED, "worlds": 10, "measures": MEASURES}
    given |= {"baseline": "random", "hypothesis": "restraint helps", "chunk": 5}
    return Study(**{**given, **changes})


def contents(folder):
    """Every file of a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of the small study, run at one go."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    small().run(folder, progress=False)
    return folder


@pytest.fixture
def copy(whole, tmp_path):
    """A copy of it, to damage."""
    return Path(shutil.copytree(whole, tmp_path / "run"))


# ------------------------------------------------------------------------------------------ other code

FILES = {
    "kept_rates.py": "RATE = 1.0\nUNUSED = 1\n",
    "kept_base.py": "from commonweal.minds.simple import Constant\nclass Base(Constant):\n    much = 1.0\n",
    "kept_study.py": '''
import commonweal as cw
import kept_rates
from kept_base import Base
from commonweal.scenarios.commons import Commons

SHARE = 1.0


def half(x):
    """Not the half."""
    return x * 1.0


def scaled(x):
    """What the measure uses."""
    return x * 1.0


class Mine(Base):
    """Takes what is told here and there."""

    def act(self, memory, sight, channels, key):
        memory, acts = super().act(memory, sight, channels, key)
        return memory, {"take": half(acts["take"]) * SHARE * self.much * kept_rates.RATE * 1.0}


@cw.measure(unit="pay", better="higher", cites="own")
def mine(trace):
    """Pay."""
    return scaled(trace.net.sum(axis=(1, 2)))


lake = Commons(n_agents=2, horizon=3, assignment="proportional")
one = {"mine": cw.Society(lake, Mine(take=25.0))}
study = cw.Study("edited", one, 5, [mine], hypothesis="it holds")
''',
}
EDITS = {
    "constant": ("kept_study.py", "SHARE = 1.0", "SHARE = 0.5"),
    "helper": (
        "kept_study.py",
        'Not the half."""\n    return x * 1.0',
        'Not the half."""\n    return x * 0.5',
    ),
    "base class": ("kept_base.py", "much = 1.0", "much = 0.5"),
    "imported module": ("kept_rates.py", "RATE = 1.0", "RATE = 0.5"),
    "measure's helper": ("kept_study.py", 'uses."""\n    return x * 1.0', 'uses."""\n    return x * 0.5'),
    "inside the class": ("kept_study.py", "RATE * 1.0}", "RATE * 0.5}"),
}


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Write the study's files, with an edit or without, and load the study anew."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def start(file="", old="", new=""):
        for name, text in FILES.items():
            assert name != file or text.count(old) == 1
            (tmp_path / name).write_text(text.replace(old, new) if name == file else text)
            sys.modules.pop(name.removesuffix(".py"), None)
        importlib.invalidate_caches()
        return load(tmp_path / "kept_study.py").study

    yield start
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


@pytest.mark.parametrize("which", EDITS)
def test_an_edit_between_runs_is_noticed(which, edited, tmp_path):
    folder = tmp_path / "run"
    edited().run(folder, progress=False)
    before = contents(folder)
    file, old, new = EDITS[which]
    with pytest.raises(ValueError, match=rf"another plan: {file} has changed; .*--out runs/new") as error:
        edited(file, old, new).run(folder, progress=False)
    assert "\n" not in str(error.value) and contents(folder) == before
    edited().run(folder, progress=False)  # the old code goes on
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('hypothesis="it holds"', 'hypothesis="it holds, or not"'),
        ("class Mine", "class Other(Base):\n    pass\n\n\nclass Mine"),
        ("SHARE = 1.0", "# of what is there\nSHARE = 1.0"),
    ],
)
def test_what_no_result_depends_on_may_be_edited(old, new, edited, tmp_path):
    edited().run(tmp_path / "run", progress=False)
    edited("kept_study.py", old, new).run(tmp_path / "run", progress=False)


def test_other_code_of_the_reference_is_noticed(edited):
    plans = []
    for edit in ((), ("kept_base.py", "much = 1.0", "much = 2.0")):
        edited(*edit)
        plans.append(small(reference=sys.modules["kept_study"].Mine(take=1.0)).plan)
    a, b = (plan["reference code"] for plan in plans)
    assert {file for file in a if a[file] != b[file]} == {"kept_base.py"}


def test_other_source_of_the_library_is_noticed(copy, monkeypatch):
    monkeypatch.setattr("commonweal.lab.plan.own", lambda: "0" * 16)
    with pytest.raises(ValueError, match="the source of commonweal itself has changed"):
        small().run(copy, progress=False)


# ------------------------------------------------------------------------------------------ other bytes


def test_each_flipped_bit_in_the_cells_is_noticed(copy):
    luck = random.Random(0)
    files = [path for path in sorted((copy / "cells").rglob("*")) if path.is_file()]
    sizes = [path.stat().st_size for path in files]
    for _ in range(200):
        (path,) = luck.choices(files, sizes)
        good = path.read_bytes()
        bad = bytearray(good)
        bad[luck.randrange(len(bad))] ^= 1 << luck.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(store.Damaged, match="not as it was written; compute it again: commonweal run"):
            read_results(copy)
        path.write_bytes(good)
    read_results(copy)


def swapped(cells):
    """Two cells in each other's place."""
    (cells / "00-random-0000000").rename(cells / "x")
    (cells / "00-random-0000005").rename(cells / "00-random-0000000")
    (cells / "x").rename(cells / "00-random-0000005")


def linked(cells):
    """A cell that leads elsewhere, to the same bytes."""
    (cells / "00-random-0000005").rename(cells.parent.parent / "elsewhere")
    (cells / "00-random-0000005").symlink_to(cells.parent.parent / "elsewhere")


def rewritten(cells):
    """A value that somebody wrote over."""
    import polars as pl

    path = cells / "01-fair-0000000" / "values.parquet"
    pl.read_parquet(path).with_columns(objective_alignment=pl.lit(1.0)).write_parquet(path)


def more(cells):
    """A file that no run wrote."""
    (cells / "01-fair-0000000" / "notes.txt").write_text("mine")


@pytest.mark.parametrize("damage", [swapped, linked, rewritten, more])
def test_a_damaged_cell_is_named_and_computed_again(damage, copy, whole, capsys):
    damage(copy / "cells")
    with pytest.raises(store.Damaged, match="compute it again: commonweal run FILE --out"):
        read_results(copy)
    small().run(copy, progress=False)
    told = capsys.readouterr().err
    assert "; it is computed again" in told and str(copy / "cells") in told
    assert contents(copy) == contents(whole)


def test_a_plan_that_was_changed_is_noticed(copy):
    path = copy / "study.json"
    path.write_bytes(path.read_bytes().replace(b"restraint", b"greed    "))
    with pytest.raises(store.Damaged, match=r"study.json is not as it was written"):
        read_results(copy)


@pytest.mark.slow
@pytest.mark.parametrize("stored", ["minds", "company"])
def test_trained_minds_and_what_was_computed_of_them_are_checked(stored, tmp_path, capsys):
    learner = Learner(Reinforce(), Linear(), updates=2, worlds=4, checkpoint_every=1)
    taught = {"taught": cw.Society(prisoners_dilemma(horizon=2), learner)}
    given = {"conditions": taught, "baseline": None, "worlds": 4, "reference": Random()}
    one = small(**given, measures=[objective_alignment])
    one.run(tmp_path / "run", progress=False)
    before = contents(tmp_path / "run")
    (path, *_) = (tmp_path / "run" / stored).rglob("*.npz" if stored == "minds" else "*.json")
    if stored == "minds":
        with np.load(path) as file:
            parts = {name: file[name] * 0 if name.startswith("state") else file[name] for name in file.files}
        with path.open("wb") as file:
            np.savez(file, **parts)  # all parameters are zero
    else:
        path.write_bytes(path.read_bytes().replace(b"1", b"2"))
    with pytest.raises(store.Damaged, match=f"{path.name} is not as it was written; compute it again"):
        read_results(tmp_path / "run")
    one.run(tmp_path / "run", progress=False)
    assert f"{path} is not as it was written; it is " in capsys.readouterr().err
    assert contents(tmp_path / "run") == before


# ------------------------------------------------------------------------------------------ more of it


def test_more_worlds_are_those_of_a_longer_study(copy, tmp_path):
    longer = small(worlds=20).run(copy, progress=False)
    at_once = small(worlds=20).run(tmp_path / "once", progress=False)
    assert longer.table.sort("condition", "seed").equals(at_once.table.sort("condition", "seed"))
    assert longer.plan["added"] == [{"worlds": [10, 20]}] and at_once.plan["added"] == []
    assert "not declared beforehand: worlds 10 to 19" in str(longer)
    assert longer.as_dict()["added"] == longer.plan["added"]
    before = contents(copy)
    small(worlds=20).run(copy, progress=False)  # again: nothing more is added
    assert contents(copy) == before
    with pytest.raises(ValueError, match="it has 20 worlds and came with worlds=10"):
        small().run(copy, progress=False)


def test_a_measure_that_is_added_is_exploratory(copy, whole):
    before = read_results(whole)
    found = small(measures=[gini, *MEASURES], hypothesis="restraint helps a bit").run(copy, progress=False)
    assert list(found.plan["measures"]) == ["objective_alignment", "rights_violated", "gini"]
    assert found.plan["added"] == [{"measures": ["gini"], "hypothesis": "restraint helps a bit"}]
    assert found.plan["hypothesis"] == "restraint helps" and found.plan["primary"] == before.plan["primary"]
    assert found.adjusted == before.adjusted and set(found.explored["fair"]) == {"rights_violated", "gini"}
    assert found.table.select(before.table.columns).equals(before.table)
    assert found.estimates["fair"]["gini"].n == 10


def test_a_condition_that_is_added_stays_out_of_the_declared_family(copy, whole):
    before = read_results(whole)
    more = {"careful": cw.Society(LAKE, Constant(take=20.0))} | PLAYED
    found = small(conditions=more).run(copy, progress=False)
    assert found.conditions == ["random", "fair", "careful"]
    assert found.adjusted == before.adjusted and "careful" not in found.adjusted
    assert "objective_alignment" in found.explored["careful"]
    page = found.report(copy / "page.html").read_text()
    assert "not declared beforehand: conditions careful." in page


def test_before_there_are_cells_a_plan_is_only_a_plan(tmp_path):
    small().run(tmp_path, progress=False, shard=(0, 100))  # no cell is the first hundredth
    found = small(worlds=5, hypothesis="another").run(tmp_path, progress=False)
    assert found.plan["added"] == [] and found.plan["worlds"] == 5


def test_a_folder_of_the_first_format_is_read_and_not_extended(copy):
    plan = store.unseal(copy / "study.json")
    for path in copy.glob("cells/*/cell.json"):
        told = store.unseal(path)
        path.write_bytes(store.to_json({key: told[key] for key in ("key", "columns", "missing")}))
    old = {key: value for key, value in plan.items() if key not in ("spans", "added")} | {"format": 1}
    (copy / "study.json").write_bytes(store.to_json(old))
    found = read_results(copy)
    assert found.estimates["fair"]["objective_alignment"].value == 0.75
    assert "its cells carry no digests" in str(found)
    with pytest.raises(ValueError, match="an older version of commonweal made it.*--out runs/new"):
        small().run(copy, progress=False)
    for name in ("values.parquet", "cell.json"):
        path = copy / "cells" / "01-fair-0000000" / name
        path.write_bytes(path.read_bytes()[:50])
        with pytest.raises(store.Damaged, match=rf"01-fair-0000000/{name} is not as it was written"):
            read_results(copy)


def test_a_finished_study_that_starts_again_reads_each_cell_twice_and_runs_nothing(copy, whole, monkeypatch):
    """Once to find what is missing, once for the results; neither for the plan, nor once a measure."""
    seen, read = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: seen.append(path) or read(path))
    monkeypatch.setattr("commonweal.lab.study.run", lambda *_, **__: pytest.fail("a cell was run again"))
    small().run(copy, progress=False)
    counts = Counter(path for path in seen if "cells" in path.parts)
    assert set(counts.values()) == {2} and len(counts) == len(list((copy / "cells").rglob("*.*")))
    assert contents(copy) == contents(whole)


def test_the_plan_of_many_conditions_looks_each_source_up_once(edited, monkeypatch):
    seen, page, mine = [], _sources._page, edited().conditions["mine"]
    monkeypatch.setattr(_sources, "_page", lambda module: seen.append(module) or page(module))
    one = small(conditions={f"{i}": mine for i in range(30)}, baseline=None).plan["conditions"]
    assert seen.count("kept_study") == seen.count("kept_rates") == 1
    assert one["0"]["code"] == one["29"]["code"] == sources(named(one["0"]["society"]))


# ------------------------------------------------------------------------------------------ measures


@cw.measure(unit="pay", better="higher", cites="own")
def endless(trace):
    """Infinite in the first world of a chunk."""
    return np.where(np.asarray(trace.seeds) % 5 == 0, np.inf, 1.0)


@cw.measure(unit="pay", better="higher", cites="own")
def broken(trace):
    """Fails."""
    return trace.net / (1 // 0)


def test_an_infinite_value_is_missing_and_counted(tmp_path):
    found = small(measures=[welfare, endless]).run(tmp_path, progress=False)
    one = found.estimates["fair"]["endless"]
    assert (one.n, one.missing, one.value) == (8, 2, 1.0)
    assert one.reason == "endless was infinite in 2 worlds, where it counts as missing"
    assert found.estimates["fair"]["welfare"].n == 10


def test_a_measure_that_fails_is_named_and_all_else_is_stored(tmp_path):
    said = (
        r"measure 'broken' raised ZeroDivisionError: .* \(in worlds 0 to 4 of 'random'\); all else is stored"
    )
    with pytest.raises(ValueError, match=said):
        small(measures=[*MEASURES, broken]).run(tmp_path, progress=False)
    assert len(list((tmp_path / "cells").iterdir())) == 4
    with pytest.raises(ValueError, match="lacks the measure 'broken'"):
        read_results(tmp_path)
    mended = cw.Measure("broken", welfare.function, "pay", "higher", "own")
    found = small(measures=[*MEASURES, mended]).run(tmp_path, progress=False)
    assert found.plan["added"] == [] and found.estimates["fair"]["broken"].n == 10


# ------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"measures": gini}, r"measures=gini, one measure; wanted a list: measures=\[gini\]"),
        ({"measures": ["gini"]}, "the text 'gini' as a measure; .* from commonweal.measures import gini"),
        ({"measures": ["ginni"]}, r"the text 'ginni' as a measure; .* from commonweal.measures import gini$"),
        ({"measures": ["x y"]}, r"the text 'x y' as a measure; .* import gini$"),
        ({"measures": "gini"}, r"measures='gini'; wanted a list of measures"),
        ({"measures": [len]}, "has len as a measure, which is none; wanted @cw.measure"),
        ({"conditions": [PLAYED["fair"]]}, "a list as conditions; wanted names and societies: conditions="),
        ({"worlds": "64"}, "worlds='64'; wanted a whole number: worlds=64"),
        ({"worlds": 2**33}, "worlds=8589934592; wanted at most 2147483647: worlds=64"),
        ({"worlds": True}, "worlds=True; wanted a whole number: worlds=64"),
        ({"worlds": 2.5}, "worlds=2.5; wanted a whole number: worlds=64"),
        ({"baseline": "randon"}, "no condition 'randon' .* baseline='random'"),
        ({"rule": "nahs"}, "declares the rule 'nahs'; .* rule='nash'"),
        ({"primary": "gini"}, r"primary='gini'; wanted a list of names: primary=\['gini'\]"),
        ({"measures": [cw.Measure("a:b", len, "", "higher", "")]}, "named 'a:b'; .* say 'a_b'"),
    ],
)
def test_an_argument_that_cannot_be_is_refused(changes, said):
    with pytest.raises(ValueError, match=said) as error:
        small(**changes)
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_are_numbers(tmp_path):
    given = {"worlds": np.int64(10), "chunk": np.int32(5), "keep": np.int8(1), "trainings": np.uint8(5)}
    plan = small(**given, theta=np.float32(0.5)).run(tmp_path, progress=False).plan
    assert plan == small(theta=0.5).plan


def test_short_reprs(whole):
    assert repr(small()) == "Study('kept': 2 conditions, 10 worlds, 2 measures)"
    assert repr(read_results(whole)) == "Results('kept': 2 conditions, 10 worlds, 2 measures)"
    assert repr(PLAYED["fair"]) == "Society(Commons: 2 Constant)"


# ------------------------------------------------------------------------------------------ the gate


@pytest.mark.parametrize(("rate", "needed"), [(0.05, 59), (0.01, 299), (0.1, 29), (0.5, 5), (1.0, 1)])
def test_how_many_clean_worlds_show_a_rate(rate, needed):
    assert worlds_needed(rate) == needed
    assert proportion(np.zeros(needed), upper=True).high < rate
    assert needed == 1 or proportion(np.zeros(needed - 1), upper=True).high >= rate


@pytest.mark.parametrize("rate", [0.0, -1.0, 2.0, float("nan")])
def test_a_rate_that_no_worlds_show(rate):
    with pytest.raises(ValueError, match=r"expected a number in \(0, 1\]; try rate=0.05"):
        worlds_needed(rate)


def test_too_few_worlds_for_the_gate_are_said_before_anything_runs(tmp_path, monkeypatch, capsys, whole):
    said = (
        "10 worlds can never open the rights gate of random, fair: to show a rate below 5% takes 59 without"
    )
    monkeypatch.setattr("commonweal.lab.study.run", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        small().run(tmp_path / "run")
    assert said in capsys.readouterr().err
    assert said in str(read_results(whole)) and [note for note in small().notes if said in note]
    assert small(worlds=59).notes == [] and small(measures=[gini], worlds=5).notes == []


# ------------------------------------------------------------------------------------------ scripts

SCRIPT = """
import commonweal as cw
from commonweal.measures import welfare
from commonweal.minds.simple import Constant
from commonweal.scenarios.commons import Commons

class Mine(Constant):
    "Takes a lot."

lake = Commons(n_agents=2, horizon=3, assignment="proportional")
if __name__ == "__main__":
    found = cw.Study("script", {"one": cw.Society(lake, Mine(take=25.0))}, 5, [welfare]).run("runs/script")
    cw.replay(found.trace("one"))
"""


@pytest.mark.slow
def test_a_study_of_a_script_replays_in_another_process(tmp_path, monkeypatch):
    (tmp_path / "kept_script.py").write_text(SCRIPT)
    env = os.environ | {"PYTHONPATH": str(Path(cw.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "kept_script.py"], cwd=tmp_path, env=env, check=True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "kept_script.py").write_text(SCRIPT.replace("Takes a lot.", "Takes more."))
    with pytest.raises(ValueError, match="the recipe names kept_script:Mine, which cannot be imported"):
        [again(path, True) for path in stored(tmp_path / "runs" / "script", True).values()]
    (tmp_path / "kept_script.py").write_text(SCRIPT)
    found = stored(tmp_path / "runs" / "script", True)
    assert {name: again(path, True) for name, path in found.items()} == {"00-one-0000000": ""}
    sys.modules.pop("kept_script")


def test_the_classes_of_a_running_script_have_a_name(monkeypatch, tmp_path):
    main = type(sys)("__main__")
    main.__file__ = str(tmp_path / "kept_main.py")
    Path(main.__file__).write_text(SCRIPT)
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(SCRIPT.replace("if __name__", "if not __name__"), main.__dict__)
    told = cw.describe(main.Mine(take=25.0))
    assert told["class"] == "kept_main:Mine" and type(cw.rebuild(told)) is main.Mine
    assert list(sources(named(told))) == ["kept_main.py"]
