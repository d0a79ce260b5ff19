"""Which statements of the user's files a class or function reaches."""

import importlib
import linecache
import sys

import pytest

import commonweal as cw
from commonweal import _sources
from commonweal._sources import Lookup, held, own, sources
from commonweal._trust import named
from commonweal.lab.plan import of_measure
from commonweal.measures.alignment import alignment
from commonweal.minds.simple import Random

FILES = {
    "reached/__init__.py": "from .deep import value as shown\n",
    "reached/deep.py": "from . import sister\nvalue = sister.base + 1\nother = 2\n",
    "reached/sister.py": "base = 1\n",
    "reached/late.py": "x = 1\n",
    "reached/stars.py": "rate = 1\n",
    "reached/main.py": """
import json
from reached import shown
from .stars import *
TABLE = {}
TABLE["a"] = 1
NAMES = []
NAMES.append("a")
try:
    import nowhere_at_all as fast
except ImportError:
    fast = None
ALONE = 1

def user():
    from . import late
    return TABLE, NAMES, shown, late.x, fast, json

def star():
    return rate

def scaled(factor, more=1.0):
    def measured(trace):
        return factor * more
    return measured

class Loop:
    def again(self):
        return Loop, user
""",
}
EDITS = [
    ("reached/deep.py", "+ 1", "+ 2", True),
    ("reached/sister.py", "base = 1", "base = 2", True),
    ("reached/late.py", "x = 1", "x = 2", True),
    ("reached/main.py", '["a"] = 1', '["a"] = 2', True),
    ("reached/main.py", 'append("a")', 'append("b")', True),
    ("reached/main.py", "fast = None", "fast = 1", True),
    ("reached/deep.py", "other = 2", "other = 3", False),
    ("reached/main.py", "ALONE = 1", "ALONE = 2", False),
    ("reached/main.py", "factor * more", "factor", False),
]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Write the package, with an edit or without, and import its main module."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def start(file="", old="", new=""):
        for name, text in FILES.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text.replace(old, new) if name == file else text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "reached"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        return importlib.import_module("reached.main")

    yield start
    for name in [name for name in sys.modules if name.partition(".")[0] == "reached"]:
        del sys.modules[name]


@pytest.mark.parametrize(("file", "old", "new", "matters"), EDITS)
def test_an_edit_matters_where_it_is_reached(file, old, new, matters, place):
    place()
    before = sources([("reached.main", "Loop")])
    assert set(before) == {f"reached/{name}.py" for name in ("main", "deep", "sister", "late", "stars")} | {
        "reached/__init__.py"
    }
    place(file, old, new)
    after = sources([("reached.main", "Loop")])
    assert {name for name in before if before[name] != after[name]} == ({file} if matters else set())


def test_a_star_import_reaches_its_whole_module(place):
    place()
    before = sources([("reached.main", "star")])
    place("reached/stars.py", "rate = 1", "rate = 2")
    assert sources([("reached.main", "star")])["reached/stars.py"] != before["reached/stars.py"]


def test_values_that_a_measure_carries_are_part_of_it(place):
    main = place()
    told = [
        of_measure(cw.Measure("m", main.scaled(*given), "", "higher", ""), Lookup())
        for given in ((1,), (2,), (1, 3.0))
    ]
    assert len({one["held"] for one in told}) == 3 and len({str(one["code"]) for one in told}) == 1


def typed(text):
    """A notebook: a module without a file, whose source Python remembers line by line."""
    main = type(sys)("typed_of_a_test")
    linecache.cache["<cell>"] = (len(text), None, text.splitlines(True), "<cell>")
    exec(compile(text, "<cell>", "exec"), main.__dict__)
    return main


@pytest.mark.parametrize(("old", "new"), [("RATE = 1", "RATE = 2"), ("x + 0", "x + 1"), ("- 0", "- 1")])
def test_what_was_typed_is_followed_too(old, new, monkeypatch):
    text = "RATE = 1\ndef half(x):\n    return x + 0\ndef pay(trace):\n    return half(RATE) - 0\n"

    def found(text):
        monkeypatch.setitem(sys.modules, "typed_of_a_test", typed(text))
        return sources([("typed_of_a_test", "pay")])

    before = found(text)
    assert set(before) == {f"typed_of_a_test:{name}" for name in ("RATE", "half", "pay")}
    assert found(text.replace(old, new)) != before and found(text) == before


def test_what_is_installed_is_no_source_of_the_users():
    assert sources(named(cw.describe(Random()))) == {}
    assert sources([(alignment.__module__, "alignment"), ("numpy", "mean"), ("json", "dumps")]) == {}
    assert held(len) == held(sources) and len(own()) == 16


def test_of_many_components_each_file_is_read_once(place, monkeypatch):
    place()
    several = [("reached.main", name) for name in ("user", "star", "Loop", "scaled")]
    alone = [sources([one]) for one in several]
    pages, followed = [], []
    page, uses = _sources._page, _sources._uses
    monkeypatch.setattr(_sources, "_page", lambda module: pages.append(module) or page(module))
    monkeypatch.setattr(_sources, "_uses", lambda *told: followed.append(told[2]) or uses(*told))
    look = Lookup()
    assert [look([one]) for one in several * 10] == alone * 10
    assert len(pages) == len(set(pages)) and len(followed) == len(set(followed)) > 10
