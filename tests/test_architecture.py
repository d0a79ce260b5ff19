"""The house is as drawn in `architecture.py`, and every check there names a planted fault."""

from pathlib import Path

import architecture
import pytest

SRC = Path(__file__).parents[1] / "src" / "commonweal"
CHECKS = ["floors", "circles", "sizes", "towers", "copies"]
BODY = "".join(f"    x{i} = {i}\n" for i in range(61))
SOUND = {
    "__init__.py": "import typing as t\nif t.TYPE_CHECKING:\n    from .cli import main\n",
    "_card.py": "",
    "_scenario.py": "from abc import ABC\nfrom ._card import Card\nclass Scenario(ABC): ...\n",
    "_mind.py": "from . import _scenario\nclass Mind: ...\n",
    "scenarios/__init__.py": "from .lake import Lake as Lake\n",
    "scenarios/lake.py": "from .._scenario import Scenario\nclass Lake(Scenario): ...\n",
    "scenarios/quake/map.py": "",
    "scenarios/quake/game.py": "from .map import Map\n",
    "minds/greedy.py": "import commonweal._mind as m\nclass Greedy(m.Mind): ...\n",
    "lab/study.py": "from ..accounts import replay\nfrom .store import Store\n",
    "lab/store.py": "",
    "accounts/__init__.py": "",
    "accounts/replay.py": "",
    "language/tasks.py": "import inspect_ai\nfrom commonweal.scenarios import Lake\n",
    "studies/quake.py": "import commonweal as cw\n",
    "cli.py": "from .studies import quake\ndef main(a, b, c, d, e, f, *, g): ...\n",
}
FAULTS = [
    ("floors", {"_card.py": "from ._mind import Mind"}, "_card.py:1: _card may not import _mind"),
    ("floors", {"_card.py": "def f():\n    from . import _mind"}, "_card.py:2: _card may not"),
    ("floors", {"_card.py": "from .lab.store import x"}, "_card may not import lab"),
    ("floors", {"_card.py": "import commonweal as cw"}, "_card may not import door"),
    ("floors", {"_extra.py": ""}, "_extra.py: no floor is drawn for _extra"),
    ("floors", {"attic/a.py": ""}, "no floor is drawn for attic"),
    ("floors", {"testing.py": "from .scenarios.lake import Lake"}, "testing may not import scen"),
    ("floors", {"scenarios/sea.py": "from .lake import Lake"}, "sea.py:1: files of a shelf never"),
    ("floors", {"scenarios/sea.py": "from commonweal.scenarios import Lake"}, "files of a shelf"),
    (
        "floors",
        {"scenarios/sea.py": "from ..minds import greedy"},
        "scenarios may not import minds",
    ),
    ("floors", {"scenarios/__init__.py": "from ..minds import greedy"}, "may not import minds"),
    ("floors", {"accounts/replay.py": "from ..lab import store"}, "accounts may not import lab"),
    (
        "floors",
        {"interop/zoo.py": "from ..accounts import replay"},
        "interop may not import accounts",
    ),
    ("floors", {"report/page.py": "from ..accounts import replay"}, "report may not import accounts"),
    ("floors", {"studies/quake.py": "from ..cli import main"}, "studies may not import cli"),
    (
        "floors",
        {"lab/store.py": "import inspect_ai.log"},
        "inspect_ai is imported only in language/",
    ),
    (
        "circles",
        {"lab/store.py": "def f():\n    from . import study"},
        "lab/store.py -> lab/study.py",
    ),
    (
        "floors",
        {"lab/store.py": "from importlib import import_module\nimport_module('commonweal.report')"},
        "lab/store.py:2: commonweal.report is imported by string",
    ),
    ("sizes", {"_card.py": "x = 1\n" * 401}, "_card.py has 401 lines, at most 400"),
    ("sizes", {"_card.py": "async def f():\n" + BODY}, "_card.py:1: f has 62 lines, at most 60"),
    ("sizes", {"_card.py": "def f(a, b, c, d, e, f, g): ..."}, "f has 7 positional parameters"),
    (
        "towers",
        {"scenarios/pond.py": "from .lake import Lake\nclass P(Lake): ..."},
        "P subclasses L",
    ),
    ("towers", {"_card.py": "class A: ...\nclass B(A): ..."}, "_card.py:2: B subclasses A"),
    (
        "towers",
        {"studies/s.py": "import commonweal as cw\nclass P(cw.Lake): ..."},
        "P subclasses La",
    ),
    (
        "copies",
        {"lab/a.py": BODY.replace("    ", ""), "lab/b.py": BODY.replace("    ", "")},
        "lab/b",
    ),
]


def complaints(check, src):
    """What the check says of the package in this folder."""
    return list(getattr(architecture, check)(src))


def plant(folder, texts):
    """Write a package to try the checks on."""
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("check", CHECKS)
def test_the_house_is_as_drawn(check):
    assert not (said := complaints(check, SRC)), "\n" + "\n".join(said)


@pytest.mark.parametrize("check", CHECKS)
def test_a_sound_house_passes(check, tmp_path):
    assert complaints(check, plant(tmp_path, SOUND)) == []


@pytest.mark.parametrize(("check", "fault", "said"), FAULTS)
def test_a_planted_fault_is_named(check, fault, said, tmp_path):
    assert any(said in line for line in complaints(check, plant(tmp_path, SOUND | fault)))
