"""What authors of components get wrong, planted one at a time: each is named, with its line and its mend."""

import importlib.util
import random
import sys
import time

import jax
import numpy as np
import pytest

from commonweal.testing import faults
from commonweal.testing.watch import watching

HEAD = """
import random
import time
from random import random as throw
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

import commonweal as cw

rng = np.random
LUCK = np.random.default_rng(7)
SEEN = []
"""
ORCHARD = '''

class Orchard(cw.Scenario):
    """Pickers in one orchard, where the wind takes some of what they pick. Source: an assumption."""

    n_agents: int = cw.count(3)
    horizon: int = cw.count(4)
    ripe: jax.Array = cw.param(3.0)

    def channels(self):
        return {"pick": cw.Amount(4.0, unit="apples")}

    def card(self):
        people, represents = cw.one_each([f"picker {i}" for i in range(self.n_agents)], 0.0, 16.0)
        best = cw.Oracle(best=48.0, worst=0.0, certificate="bound")
        bare = (cw.Value("no tree is bare", worst=4.0),)
        return cw.Card("Orchard", "after Ostrom 1990", "mixed", "apples", people, represents, best, bare)

    def init(self, key):
        return jnp.zeros(self.n_agents)

    def step(self, picked, actions, key):
        wish = actions["pick"]
        wind = jax.random.uniform(key)
        got = wish * (1.0 - 0.1 * wind)
        harm = jnp.full((self.n_agents, 1), jnp.where(got.sum() > 6.0, 0.3, 0.0))
        kept = jnp.where(wish <= self.ripe, 1.0, 0.0)
        events = {"cooperated": kept, "excess": jnp.maximum(wish - self.ripe, 0.0)}
        return got, cw.Outcome(pay=got, harm=harm, events=events)

    def observe(self, picked):
        return cw.Sight({"picked": picked})

    def brief(self, agent):
        return f"You are picker {agent}. Pick up to 4 apples a day; more than {self.ripe:g} is too many."

    def tell(self, sight):
        return f"You hold {sight['picked']:.1f} apples of yesterday."


ready = Orchard()
'''
LEVY = '''

class Levy(cw.Institution):
    """A share of what the tick has brought goes to all alike. Source: an assumption."""

    share: jax.Array = cw.param(0.25)
    name: str = cw.text("levy")
    told: bool = cw.count(True)
    budget: ClassVar[str] = "balanced"
    reads_pay: ClassVar[bool] = True

    def settle(self, memory, transition, book, key):
        return cw.Settlement(memory, self.share * (book.mean() - book))

    def brief(self, agent):
        return f"{self.share:.0%} of what you earn is shared by all."


ready = Levy()
'''
HALF = '''

class Half(cw.Mind):
    """Gives a share of what may be given."""

    share: jax.Array = cw.param(0.5)

    def act(self, memory, sight, channels, key):
        return memory, {"give": self.share * sight.legal["give"]}


ready = Half()
'''
TOTAL = '''

@cw.measure(unit="coins", better="higher", cites="an assumption")
def total(trace):
    """All pay of a world."""
    pay = trace.book["pay"]
    return pay.sum(axis=(1, 2))


ready = total
'''
WIND = "wind = jax.random.uniform(key)"
LAWS = {  # a law, and a part of the mend that it names
    "luck": ("all luck is keyed", "draw from the key that the hook is given: jax.random.normal(key, shape)"),
    "key": ("all luck is keyed", "fold_in(key, 1)"),
    "twice": ("a key is drawn from once", "jax.random.split(key)"),
    "clock": ("no hook reads a clock", "count ticks in the state"),
    "lasting": ("hooks are functions", "keep what lasts in the state"),
    "in place": ("hooks change nothing", "x.at[i].set(value)"),
    "kind": ("hooks answer in kind", "return "),
    "arguments": ("hooks take what they are given", "def step(self, state, actions, key):"),
    "arguments of settle": (
        *("hooks take what they are given", "def settle(self, memory, transition, book, key):"),
    ),
    "spelling": ("hooks have their names", "name it "),
    "whole": ("it is whole", ""),
    "runs": ("it runs", ""),
    "dtype": ("the outcome has its dtypes", "jnp.asarray("),
    "events": ("it exports its events", '"cooperated": ...'),
    "acts": ("acts matter", 'actions["pick"]'),
    "bounds": ("harm and events have their ranges", "0.0"),
    "finite": ("outcomes are finite", "jnp.maximum(total, 1e-6)"),
    "oracle": ("the oracle is the best", "cw.Unknown("),
    "range": ("ranges hold every play", "the most that an episode can bring"),
    "wide": ("ranges fit the play", "not more"),
    "static": ("sizes are static", "horizon: int = cw.count(10)"),
    "nothing": ("a rule does something", "def settle("),
    "budget": ("the budget holds", "'burning'"),
    "reads": ("it says what it reads", "reads_pay: ClassVar[bool] = True"),
    "cites": ("it cites", "Source: Author year"),
    "told": ("what is told has words", "def brief("),
    "legal": ("acts are legal", "jnp.minimum("),
    "leaves": ("numbers are leaves", "cw.param(0.5)"),
    "infinite": ("no number is infinite", "np.nan"),
    "worlds": ("worlds are independent", "over axis 0"),
    "state": ("states are of arrays", "jnp.float32(0.0)"),
    "shape": ("the outcome has its shapes", ""),
    "stable": ("shapes are stable", "jnp.reshape("),
    "row": ("every agent has its row", "jnp.broadcast_to("),
    "same": ("one trace, one number", "default_rng(0)"),
}
MISTAKES = {  # a name: the source, what is replaced, the planted line, the law, a part of the mend
    "numpy's luck": (ORCHARD, WIND, "wind = np.random.rand()", "luck"),
    "numpy imported in the hook": (ORCHARD, WIND, "wind = __import__('numpy').random.rand()", "luck"),
    "numpy.random by another name": (ORCHARD, WIND, "wind = rng.uniform()", "luck"),
    "Python's luck, imported by name": (ORCHARD, WIND, "wind = throw()", "luck"),
    "Python's luck": (LEVY, "self.share * (", "random.choice([0, 1]) * (", "luck"),
    "a generator of the file": (ORCHARD, WIND, "wind = LUCK.uniform()", "luck"),
    "a generator made on the spot": (HALF, "self.share *", "np.random.default_rng(3).random() *", "luck"),
    "a key of its own": (ORCHARD, "uniform(key)", "uniform(jax.random.key(0))", "key"),
    "one key, two draws": (ORCHARD, WIND, f"{WIND} * jax.random.normal(key)", "twice"),
    "the clock": (ORCHARD, WIND, "wind = time.time() % 1.0", "clock"),
    "a list that grows": (ORCHARD, WIND, "wind = len(SEEN) / 99; SEEN.append(wind)", "lasting"),
    "a state changed in place": (
        ORCHARD.replace("jnp.zeros(self.n_agents)", "np.zeros(self.n_agents, np.float32)"),
        *(WIND, "picked[:] = wind = 0.5", "in place"),
    ),
    "a JAX array changed in place": (ORCHARD, WIND, "picked[0] = wind = 0.5", "runs", "x = x.at[i].set("),
    "a component that remembers": (ORCHARD, WIND, "self.last = wind = 0.5", "runs", "in the state or memory"),
    "a branch of Python": (ORCHARD, WIND, "wind = 0.5 if wish.sum() > 6.0 else 0.1", "runs", "jnp.where("),
    "a number taken out": (ORCHARD, WIND, "wind = float(wish.sum()) / 12.0", "runs", "stay in JAX"),
    "NumPy in a step": (ORCHARD, WIND, "wind = jnp.asarray(np.exp(-wish))[0]", "runs", "stay in JAX"),
    "a channel by another name": (ORCHARD, '"pick"]', '"picks"]', "runs", "write 'pick'"),
    "pay as a number": (ORCHARD, "pay=got", "pay=3.0", "runs", "jnp.full(self.n_agents, x)"),
    "over as a number": (ORCHARD, "events=events)", "events=events, over=got.sum())", "dtype", "bool_"),
    "whole pay": (ORCHARD, "pay=got", "pay=got.astype(int)", "dtype"),
    "no events": (ORCHARD, ", events=events)", ")", "events"),
    "acts unread": (ORCHARD, 'wish = actions["pick"]', "wish = picked", "acts"),
    "harm that heals": (ORCHARD, "harm = jnp", "harm = -jnp", "bounds", "jnp.maximum(harm, 0.0)"),
    "cooperation in apples": (ORCHARD, "1.0, 0.0)\n        events", "4.0, 0.0)\n        events", "bounds"),
    "a division by what may be gone": (
        *(ORCHARD, "pay=got", "pay=got / jnp.where(picked.sum() > 0.0, 0.0, 1.0)", "finite"),
    ),
    "an oracle below random play": (ORCHARD, "best=48.0", "best=5.0", "oracle"),
    "a range too small": (ORCHARD, "0.0, 16.0)", "0.0, 1.0)", "range", "P is flat"),
    "a range too large": (ORCHARD, "0.0, 16.0)", "0.0, 1e5)", "wide"),
    "a harm beyond its worst": (ORCHARD, "worst=4.0", "worst=0.1", "range"),
    "words that divide by last round": (ORCHARD, "You hold", "You {9 // int(sight['picked'])} hold", "runs"),
    "facts without a sight": (ORCHARD, 'cw.Sight({"picked": picked})', '{"picked": picked}', "kind"),
    "a forgotten return": (ORCHARD, "return got, cw", "got, cw", "kind", "return state, cw.Outcome(pay=...)"),
    "a step without a key": (ORCHARD, "picked, actions, key", "picked, actions", "arguments"),
    "a rule without a book": (LEVY, "transition, book, key", "transition, key", "arguments of settle"),
    "a horizon that is a number": (ORCHARD, "int = cw.count(4)", "jax.Array = cw.param(4)", "static"),
    "a misspelt method": (ORCHARD, "def observe(", "def obsreve(", "spelling", "'observe'"),
    "a method left out": (ORCHARD, "def tell(", "def speech(", "whole", "def tell(self, sight):"),
    "a misspelt hook": (LEVY, "def settle(", "def setle(", "spelling", "'settle'"),
    "a misspelt field": (LEVY, "reads_pay:", "read_pay:", "spelling", "'reads_pay'"),
    "a name left out": (LEVY, "    name: str", "    label: str", "whole", 'name: str = cw.text("levy")'),
    "a hook by another name": (LEVY, "def settle(", "def transfer(", "nothing"),
    "a delta alone": (LEVY, "cw.Settlement(memory, self.share", "(0, self.share", "kind"),
    "a tax that vanishes": (LEVY, "(book.mean() - book)", "-book", "budget"),
    "pay read in silence": (LEVY, "reads_pay: ClassVar[bool] = True", "reads_pay = False", "reads"),
    "no source": (LEVY, " Source: an assumption.", "", "cites"),
    "a rule nobody hears of": (LEVY, "def brief(", "def speak(", "told"),
    "acts alone": (HALF, "memory, {", "{", "kind", "return memory, {"),
    "an act out of reach": (HALF, "self.share *", "3.0 *", "legal"),
    "a number in the program": (HALF, "jax.Array = cw.param(0.5)", "float = cw.count(0.5)", "leaves"),
    "an infinite number": (TOTAL, "pay.sum(axis=(1, 2))", "pay.sum(axis=(1, 2)) + np.inf", "infinite"),
    "a mean over worlds": (TOTAL, "axis=(1, 2))", "axis=(1, 2)) - pay.mean()", "worlds"),
    "a state of Python's": (ORCHARD, "return jnp.zeros(self.n_agents)", "return 0.0", "state"),
    "harm left out": (ORCHARD, "harm=harm, ", "", "shape", "harm= one number an agent and value"),
    "a state that grows": (ORCHARD, "return got, cw", "return jnp.append(picked, got), cw", "stable"),
    "a fact for all": (ORCHARD, '{"picked": picked}', '{"picked": picked.sum()}', "row"),
    "one key for all channels": (
        *(HALF, '{"give": self.share * sight.legal["give"]}'),
        *("{n: c.sample(key, sight.legal[n]) for n, c in channels.items()}", "twice"),
    ),
    "a channel that is not there": (HALF, '{"give":', '{"gift":', "runs", "name one of them"),
    "an event that is not there": (LEVY, "book.mean()", "transition.event('exces', 'x')", "runs", "'excess'"),
    "a name that is taken": (LEVY, 'cw.text("levy")', 'cw.text("pay")', "runs", "name='pay 2'"),
    "a card that changes": (ORCHARD, "best=48.0", "best=48.0 + LUCK.random()", "lasting"),
    "a trace changed": (TOTAL, 'book["pay"]', 'book["pay"]; pay -= 1.0', "runs", "copy()"),
    "a measure that throws": (TOTAL, "axis=(1, 2))", "axis=(1, 2)) + np.random.rand()", "same"),
}


def planted(text, folder):
    """What a file with this text calls `ready`, or the class that cannot be made."""
    path = folder / "planted_mistake.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        return module.ready
    except TypeError:
        return next(thing for name, thing in vars(module).items() if name in ("Orchard", "Levy", "Half"))
    finally:
        del sys.modules[path.stem]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_line_and_its_mend(name, tmp_path):
    source, before, after, law, *mend = MISTAKES[name]
    assert before in source
    found = faults(planted(HEAD + source.replace(before, after), tmp_path))
    assert found and found[0].law == LAWS[law][0], found
    assert LAWS[law][1] in found[0].mend and all(part in found[0].mend for part in mend)
    assert found[0].where.startswith("planted_mistake.py:"), found[0]


@pytest.mark.parametrize("text", [ORCHARD, LEVY, HALF, TOTAL], ids=["orchard", "levy", "half", "total"])
def test_what_is_sound_obeys_every_law(text, tmp_path):
    assert faults(planted(HEAD + text, tmp_path)) == []


FREE = {  # what looks like a mistake and is none
    "a seeded search for the optimum": (
        *("best = cw.Oracle(best=48.0", "best = cw.Oracle(best=48.0 + np.random.default_rng(7).random()"),
    ),
    "one key in branches of which one is taken": (
        WIND,
        "draw = jax.random; "
        "wind = jax.lax.cond(picked.sum() > 1.0, lambda: draw.uniform(key), lambda: draw.normal(key))",
    ),
    "two keys of one": (
        WIND,
        "one, two = jax.random.split(key); wind = jax.random.uniform(one) * jax.random.uniform(two)",
    ),
    "a right that one harm breaks": (
        '"no tree is bare", worst=4.0',
        '"no tree", worst=0.1, right=True, floor=1.0',
    ),
    "a method of its own": ("def brief(", "def stepped(self):\n        return 1\n\n    def brief("),
}


@pytest.mark.parametrize("name", FREE)
def test_there_is_no_false_alarm(name, tmp_path):
    before, after = FREE[name]
    assert before in ORCHARD
    assert faults(planted(HEAD + ORCHARD.replace(before, after), tmp_path)) == []


def test_recorders_draw_as_what_they_stand_for_and_are_gone_afterwards(tmp_path):
    before = np.random.rand, random.random, time.time, jax.random.uniform
    np.random.seed(3)
    wanted = np.random.rand()
    np.random.seed(3)
    with watching(planted(HEAD + ORCHARD, tmp_path)) as seen:
        assert isinstance(np.random.RandomState(1), np.random.RandomState)
        assert np.random.rand() == wanted
    assert "np.random.rand" in [call.name for call in seen]
    assert (np.random.rand, random.random, time.time, jax.random.uniform) == before
