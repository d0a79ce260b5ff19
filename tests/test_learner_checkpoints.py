"""Training that stops goes on to the same bits; a folder of other training is refused."""

import importlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import Learner, Linear, Reinforce, learn, learning_curve
from commonweal.scenarios.matrix_game import prisoners_dilemma

CHILD = """
import sys
from pathlib import Path
import commonweal as cw
from commonweal.minds import Learner, Linear, Reinforce
from commonweal.scenarios.matrix_game import prisoners_dilemma
mind = Learner(Reinforce(), Linear(), updates=400, worlds=32, checkpoint_every=2)
cw.Society(prisoners_dilemma(horizon=4), mind).prepare(Path(sys.argv[1]))
"""


def society(updates=7, every=2, seed=0, rate=0.02):
    learner = Learner(Reinforce(rate), Linear(), updates=updates, worlds=8, checkpoint_every=every, seed=seed)
    return cw.Society(prisoners_dilemma(horizon=2), learner)


def bits(ready):
    return [np.asarray(x) for m in ready.minds for x in jax.tree.leaves(m.params)]


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.slow
def test_training_that_stopped_goes_on_to_the_same_bits(tmp_path):
    whole, curve = learn(society())
    part = society(updates=3).prepare(tmp_path / "a")
    assert not same(bits(part), bits(whole))
    resumed = society().prepare(tmp_path / "a")
    assert same(bits(resumed), bits(whole))
    again = learning_curve(tmp_path / "a")
    assert np.array_equal(again.book["pay"], curve.book["pay"]) and again.shape == (1, 7, 2)
    assert np.array_equal(again.events["cooperated"], curve.events["cooperated"])
    assert again.recipe["learning curve of"] == curve.recipe["learning curve of"]


def test_what_is_trained_is_not_trained_again(tmp_path):
    first = society().prepare(tmp_path)
    file = tmp_path / "learner.npz"
    stamp = file.stat().st_mtime_ns
    assert same(bits(society().prepare(tmp_path)), bits(first)) and file.stat().st_mtime_ns == stamp


def test_a_folder_of_other_training_is_refused(tmp_path):
    society().prepare(tmp_path)
    with pytest.raises(ValueError, match="holds training with other minds; wanted this society's"):
        society(seed=1).prepare(tmp_path)
    with pytest.raises(ValueError, match="holds 7 updates of training"):
        society(updates=5).prepare(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no trace.json"):
        learning_curve(tmp_path / "none")


TOLL = """
import commonweal as cw

class Toll(cw.Institution):
    toll: float = cw.param({toll})
    name: str = cw.text("toll")
    told: bool = cw.count(True)
    budget = "burning"

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, -{toll} * (transition.act["act"] == 1).astype(book.dtype))
"""


@pytest.mark.slow
def test_a_folder_that_other_code_trained_is_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "toll_of_a_test.py"

    def train(toll):
        sys.modules.pop("toll_of_a_test", None)
        file.write_text(TOLL.format(toll=toll))
        importlib.invalidate_caches()
        law = importlib.import_module("toll_of_a_test").Toll(toll=0.0)
        plain = society()
        return cw.Society(cw.under(plain.scenario, law), plain.minds).prepare(tmp_path / "learned")

    train(1.0)
    train(1.0)  # the same again
    with pytest.raises(ValueError, match="holds training with other code; wanted this society's"):
        train(2.0)


@pytest.mark.slow
def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path):
    env = os.environ | {"PYTHONPATH": str(Path(cw.__file__).parents[1])}

    def begin(folder):
        return subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], env=env)

    assert begin(tmp_path / "whole").wait() == 0
    luck, folder, kills = random.Random(0), tmp_path / "killed", 0
    while not (folder / "curve").exists():
        child = begin(folder)
        if kills < 4:
            while not (folder / "learner.npz").exists() and child.poll() is None:
                time.sleep(0.01)
            before = (folder / "learner.npz").read_bytes()
            while (folder / "learner.npz").read_bytes() == before and child.poll() is None:
                time.sleep(0.002)
            time.sleep(luck.uniform(0.0, 0.15))
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
    assert kills >= 2
    a, b = (np.load(tmp_path / name / "learner.npz") for name in ("whole", "killed"))
    assert a.files == b.files and all(a[k].tobytes() == b[k].tobytes() for k in a.files)
