"""A study runs into a folder, survives being killed, refuses to mix plans, and says what it found."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal import _stored
from commonweal.lab import store
from commonweal.lab import study as study_module
from commonweal.lab.files import load
from commonweal.lab.results import read_results
from commonweal.lab.study import Study
from commonweal.measures import (
    gini,
    minority_gap,
    objective_alignment,
    preference_mean,
    preference_minimum,
    preference_nash,
    rights_violated,
    satisfaction,
    value_alignment,
)
from commonweal.minds.simple import Constant, Random
from commonweal.scenarios.commons import Commons

SRC = Path(__file__).parents[1] / "src"
LAKE = Commons(n_agents=2, horizon=3, assignment="proportional")
MEASURES = (
    objective_alignment,
    value_alignment,
    preference_mean,
    preference_nash,
    preference_minimum,
    rights_violated,
    satisfaction,
)
PLAYED = {"random": cw.Society(LAKE, Random()), "fair": cw.Society(LAKE, Constant(take=25.0))}


class Toll(cw.Institution):
    """Every agent pays 1 a tick."""

    name: str = cw.text("toll")
    told: bool = cw.count(True)
    budget = "burning"

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, -jnp.ones_like(book))


class Mute(cw.Speaker):
    """Answers in even worlds only."""

    async def ask(self, prompt):
        if prompt.where.seed % 2:
            raise cw.NoAnswer("it said nothing")
        return cw.Said(json.dumps(dict.fromkeys(prompt.choices, "25")))


def small(**changes):
    """Two conditions of ten worlds in four cells."""
    given = {"name": "small", "conditions": PLAYED, "worlds": 10, "measures": MEASURES}
    given |= {"baseline": "random", "rule": "nash", "hypothesis": "restraint helps", "chunk": 5}
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


# ------------------------------------------------------------------------------------------ findings


@pytest.mark.slow
def test_the_numbers_by_hand(whole):
    """Both take 25 of 100 for three ticks: 150 units, of at most 50 + 50 + 100."""
    found = read_results(whole)
    fair = found.estimates["fair"]
    assert fair["objective_alignment"].value == 0.75 and fair["objective_alignment"].n == 10
    assert fair["value_alignment"].value == 1.0
    # each gets 75, and can get at most 200 less the other's one unit in each of two ticks
    assert fair["satisfaction:fisher 1"].value == pytest.approx(75 / 198)
    assert found.budgets["fair"]["pay"].value == 150
    gap = found.differences["fair"]["objective_alignment"].difference.value
    assert gap == pytest.approx(0.75 - found.estimates["random"]["objective_alignment"].value)
    assert set(found.adjusted["fair"]) == {"objective_alignment", "value_alignment", "preference_nash"}
    p = found.differences["fair"]["value_alignment"].p
    assert found.adjusted["fair"]["value_alignment"] == pytest.approx(3 * p)  # all three are the smallest


def test_ten_clean_worlds_do_not_open_the_gate(whole):
    found = read_results(whole)
    assert found.gates["random"].state == "closed"
    assert found.gates["fair"].state == "undecided"
    assert "0 of 10 worlds violated a right; 95% upper bound 25.89%" in found.gates["fair"].why
    assert found.selection.points == {} and set(found.selection.excluded) == {"random", "fair"}


def test_enough_clean_worlds_open_it_and_the_declared_rule_chooses(tmp_path):
    found = small(worlds=60, chunk=60, conditions={"fair": PLAYED["fair"]}, baseline=None).run(
        tmp_path / "run", progress=False
    )
    assert found.gates["fair"].state == "open" and found.selection.front == ("fair",)
    assert [v.chosen for v in found.selection.verdicts if v.declared] == [("fair",)]
    assert found.differences == {} and "nash" in str(found)


def test_what_is_missing_is_said(tmp_path):
    measures = [objective_alignment, minority_gap, rights_violated]
    mute = {"mute": cw.Society(LAKE, [Mute(), Constant(take=25.0)])}
    found = small(conditions=mute, measures=measures, baseline=None, worlds=4).run(
        tmp_path / "run", progress=False
    )
    assert found.invalid == {
        "mute": {"agent 0 gave no answer at t=0 (it said nothing)": 2},
    }
    known = found.estimates["mute"]["objective_alignment"]
    assert (known.n, known.missing, known.value) == (2, 2, 0.75) and "2 invalid" in known.reason
    unknown = found.estimates["mute"]["minority_gap"]
    assert unknown.n == 0 and "no stakeholder of the minority" in unknown.reason
    assert [row[:3] for row in found.not_available] == [
        ("objective_alignment", ["mute"], 2),
        ("minority_gap", ["mute"], 4),
        ("rights_violated", ["mute"], 2),
    ]
    assert "mute: 2 worlds invalid" in str(found) and "* minority_gap: NA in 4 worlds" in str(found)


def test_no_gate_opens_unmeasured(tmp_path):
    found = small(measures=[objective_alignment], worlds=5).run(tmp_path / "run", progress=False)
    assert found.gates["fair"] == ("undecided", "the study does not measure rights_violated")


def test_institutions_are_accounted_by_name(tmp_path):
    taxed = {"toll": cw.Society(cw.under(LAKE, Toll()), Constant(take=25.0))}
    found = small(conditions=taxed, baseline=None, worlds=5).run(tmp_path / "run", progress=False)
    assert {row: x.value for row, x in found.budgets["toll"].items()} == {"pay": 150, "toll": -6}
    assert found.plan["conditions"]["toll"]["institutions"] == [
        {"name": "toll", "budget": "burning", "told": True, "what": "Every agent pays 1 a tick."}
    ]


def test_rounding_is_no_difference(whole):
    found = read_results(whole)
    moved = found.table.with_columns(value_alignment=found.table["value_alignment"] + 5e-8)
    near = np.arange(20) < 10  # of the first condition only
    table = found.table.with_columns(value_alignment=np.where(near, moved["value_alignment"], 0.0))
    again = type(found)(found.plan, table, found.missing, found.columns, found.folder)
    assert again.differences["fair"]["value_alignment"].p == 1.0


def test_as_dict_is_what_is_stored(whole):
    found = read_results(whole)
    assert store.to_json(found.as_dict()) == (whole / "results.json").read_bytes()
    assert {"estimates", "differences", "holm", "selection", "budgets", "gates"} <= set(found.as_dict())


def test_a_trace_is_kept_and_replays(whole):
    kept = read_results(whole).trace("random")
    assert kept.seeds.tolist() == [0]
    again = cw.replay(kept)
    assert np.array_equal(again.act["take"], kept.act["take"])


# ------------------------------------------------------------------------------------------ the folder


@pytest.mark.slow
def test_a_run_goes_on_where_it_was(whole, tmp_path):
    folder = tmp_path / "run"
    assert small().run(folder, progress=False, shard=(0, 2)) is None
    done = {p: p.stat().st_mtime_ns for p in (folder / "cells").rglob("*.parquet")}
    assert len(list((folder / "cells").iterdir())) == 2 and not (folder / "results.json").exists()
    small().run(folder, progress=False)
    assert {p: p.stat().st_mtime_ns for p in done} == done
    assert contents(folder) == contents(whole)


def test_shards_together_are_the_whole(whole, tmp_path):
    folder = tmp_path / "run"
    for i in (2, 0, 1):
        small().run(folder, progress=False, shard=(i, 3))
    assert len(list((folder / "cells").iterdir())) == 4
    small().run(folder, progress=False)
    assert contents(folder) == contents(whole)


def test_no_more_worlds_than_a_chunk_are_in_memory(whole, tmp_path, monkeypatch):
    asked, play = [], study_module.run
    monkeypatch.setattr(
        study_module, "run", lambda society, seeds, **more: asked.append(len(seeds)) or play(society, seeds)
    )
    small(worlds=12).run(tmp_path / "run", progress=False)
    assert asked == [5, 5, 2] * 2


def test_results_name_no_machine_and_no_time(whole):
    for name, data in contents(whole).items():
        for word in (
            str(whole),
            str(Path.home()),
            str(SRC),
            time.strftime("%Y-%m-%d"),
            str(os.getpid()) + ".",
        ):
            assert word.encode() not in data, (name, word)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"worlds": 5}, "it has 10 worlds and came with worlds=5"),
        ({"primary": ["satisfaction"]}, "primary was .* and came as"),
        ({"measures": MEASURES[:-1]}, "measure 'satisfaction' is gone"),
        ({"conditions": {"random": PLAYED["random"]}}, "condition 'fair' is gone"),
        ({"rule": "egalitarian"}, "rule was 'nash' and came as 'egalitarian'"),
        (
            {"conditions": PLAYED | {"fair": cw.Society(LAKE, Constant(take=24.0))}},
            "condition 'fair' has other values",
        ),
    ],
)
def test_two_plans_do_not_mix(whole, changes, said):
    before = contents(whole)
    with pytest.raises(ValueError, match=said) as error:
        small(**changes).run(whole, progress=False)
    assert "--out" in str(error.value) and "\n" not in str(error.value) and len(str(error.value)) < 400
    assert contents(whole) == before


def test_changed_code_is_another_plan(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    file, folder = tmp_path / "own_measure.py", tmp_path / "run"
    text = "import commonweal as cw\n@cw.measure(unit='pay', better='higher', cites='own')\n"
    text += "def mine(trace):\n    '''Pay.'''\n    return trace.net.sum(axis=(1, 2)) * FACTOR\n"
    file.write_text(text.replace("FACTOR", "1"))
    small(measures=[load(file).mine], worlds=5, primary=["mine"]).run(folder, progress=False)
    file.write_text(text.replace("FACTOR", "100"))  # not as long: a byte code cache would hide it
    with pytest.raises(ValueError, match="own_measure.py has changed"):
        small(measures=[load(file).mine], worlds=5, primary=["mine"]).run(folder, progress=False)


def test_a_component_made_inside_a_function_is_refused(tmp_path):
    class Mine(Constant):
        pass

    with pytest.raises(ValueError, match=r"refused\(\)\.Mine, defined inside a function.*top of its file"):
        small(conditions={"mine": cw.Society(LAKE, Mine())}, baseline=None).run(tmp_path / "run")


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"holds 'thesis.tex' and no study.json; wanted a new folder"):
        small().run(tmp_path, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_unfinished_study_has_no_results(tmp_path):
    small().run(tmp_path / "run", progress=False, shard=(0, 2))
    with pytest.raises(ValueError, match="lacks 2 of 4 cells; finish the study first"):
        read_results(tmp_path / "run")
    with pytest.raises(FileNotFoundError, match="holds no study.json"):
        read_results(tmp_path)


# ------------------------------------------------------------------------------------------ the store


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    _stored.write(tmp_path / "a", b"before")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        _stored.write(tmp_path / "a", b"after")
    assert (tmp_path / "a").read_bytes() == b"before"
    store.clean(tmp_path)
    assert contents(tmp_path) == {"a": b"before"}


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with pytest.raises(ZeroDivisionError), store.whole(tmp_path / "cell") as part:
        (part / "values").write_bytes(b"half")
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
    with store.whole(tmp_path / "cell") as part:
        assert not (tmp_path / "cell").exists()
        (part / "values").write_bytes(b"all")
    assert contents(tmp_path) == {"cell/values": b"all"}


def test_what_a_killed_run_left_is_removed(tmp_path):
    small(worlds=5).run(tmp_path, progress=False)
    before = contents(tmp_path)
    (tmp_path / "cells" / ".part-00-random-0000000").mkdir()
    (tmp_path / "cells" / ".part-00-random-0000000" / "values.parquet").write_bytes(b"half")
    (tmp_path / ".part-results.json").write_bytes(b"half")
    small(worlds=5).run(tmp_path, progress=False)
    assert contents(tmp_path) == before


@pytest.mark.slow
def test_one_run_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.0)
    with store.lock(tmp_path), pytest.raises(ValueError, match="another run is at work in .*; wait for it"):
        small().run(tmp_path, progress=False)
    with store.lock(tmp_path, shared=True), store.lock(tmp_path, shared=True):
        pass


# ------------------------------------------------------------------------------------------ empty studies


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"conditions": {}}, "has no conditions: conditions={'none': cw.Society"),
        ({"worlds": 0}, "worlds=0; wanted at least one: worlds=64"),
        ({"measures": []}, r"has no measures: measures="),
        (
            {"baseline": "anarchy"},
            "has no condition 'anarchy' for its baseline; wanted one of 'random', 'fair'",
        ),
        ({"rule": "gut feeling"}, "declares the rule 'gut feeling'; wanted one of utilitarian, nash"),
        (
            {"conditions": {"bare": LAKE}, "baseline": None},
            "has a Commons as condition 'bare'; wanted a society",
        ),
        ({"measures": [gini, gini]}, "measures 'gini' 2 times; wanted each measure once"),
        (
            {"primary": ["joy"]},
            "declares 'joy' primary and does not measure it; wanted one of objective_alignment",
        ),
        ({"chunk": 0}, "chunk=0; wanted at least one: chunk=250"),
    ],
)
def test_a_study_that_says_nothing_is_refused(changes, said):
    with pytest.raises(ValueError, match=said) as error:
        small(**changes)
    assert "\n" not in str(error.value) and "study 'small'" in str(error.value)


def test_a_measure_of_the_wrong_shape_is_named(tmp_path):
    @cw.measure(unit="pay", better="higher", cites="none")
    def total(trace):
        """One number for all worlds."""
        return trace.net.sum()

    with pytest.raises(ValueError, match=r"measure 'total' gave shape \(\) for 5 worlds; wanted one number"):
        small(measures=[total]).run(tmp_path / "run", progress=False)


# ------------------------------------------------------------------------------------------ kill -9

FILE = """
import commonweal as cw
from commonweal.measures import objective_alignment, rights_violated
from commonweal.minds.simple import Random
from commonweal.scenarios.commons import Commons

lake = Commons(n_agents=2, horizon=2, assignment="proportional")
conditions = {name: cw.Society(lake, Random()) for name in ("one", "two")}
measures = [objective_alignment, rights_violated]
study = cw.Study("killed", conditions, 20, measures, baseline="one", chunk=1, keep=3)
if __name__ == "__main__":
    import sys
    from commonweal.lab.files import load  # under its own name, as the command line does
    from pathlib import Path
    load(Path(__file__)).study.run(sys.argv[1], progress=False)
"""


@pytest.fixture
def start(tmp_path):
    """Start the study of FILE in a process of its own."""
    file = tmp_path / "killed.py"
    file.write_text(FILE)
    env = os.environ | {"PYTHONPATH": str(SRC), "JAX_PLATFORMS": "cpu", "NPROC": "1"}
    env |= {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "xla"), "PYTHONDONTWRITEBYTECODE": "1"}
    env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    return lambda folder: subprocess.Popen([sys.executable, str(file), str(folder)], env=env)


def finish(process):
    assert process.wait(timeout=300) == 0


def kill(process):
    process.send_signal(signal.SIGKILL)
    return process.wait(timeout=60)


@pytest.mark.slow
def test_killed_and_none_the_worse(start, tmp_path):
    finish(start(tmp_path / "whole"))
    folder, least = tmp_path / "run", random.Random(0).randint(1, 36)
    process = start(folder)
    while process.poll() is None and len(list(folder.glob("cells/[!.]*"))) < least:
        time.sleep(0.001)
    assert kill(process) == -signal.SIGKILL
    assert not (folder / "results.json").exists()
    finish(start(folder))
    assert contents(folder) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_killed_at_twenty_random_moments(start, tmp_path):
    finish(start(tmp_path / "whole"))
    began = time.monotonic()
    finish(start(tmp_path / "timed"))
    lasted, luck = time.monotonic() - began, random.Random(1)
    kills = rounds = 0
    while kills < 20:
        folder = tmp_path / f"run {rounds}"
        rounds += 1
        ended = None
        while ended != 0 and kills < 20:
            process = start(folder)
            time.sleep(luck.uniform(0.3, 1.0) * lasted)
            ended = kill(process)
            kills += ended != 0
        finish(start(folder))
        assert contents(folder) == contents(tmp_path / "whole")
