"""Nonsense in every parameter of every component: taught in one line, never a raw error, never accepted.

From a call that works, one value at a time is replaced. What counts as nonsense is said here by the meaning
of names and kinds, and not by the ranges that the components declare.
"""

import inspect
import math
import re
import signal
from collections import Counter
from contextlib import contextmanager

import jax
import numpy as np
import pytest
from test_shelves import SCENARIOS, laws, some_minds

import commonweal as cw
from commonweal import institutions, measures, minds, populations, scenarios
from commonweal._measure import Measure
from commonweal._param import Module

SECONDS = 5
GAME = [[2.0, -1.0], [3.0, 0.0]]


class Thing:
    """An object of no meaning, which looks the same in every process."""

    def __repr__(self):
        return "Thing()"


VALUES = {
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "-3": -3,
    "0": 0,
    "2.5": 2.5,
    "7": 7,
    "1e30": 1e30,
    "2**33": 2**33,
    "True": True,
    "text": "3",
    "None": None,
    "list": [1, 2],
    "dict": {},
    "object": Thing(),
    "class": Thing,
    "function": len,
}
# Shares and probabilities, by name: nonsense outside 0 to 1, but for an owner's number that is called alike.
SHARES = set("probability mutation lapse sycophancy mach share clip discount trace duty pull quota".split())
SHARES |= set("aftershock decay split accuracy poor clogged pollution multiplier_share".split())
NO_SHARES = {("Exchange", "poor"), ("Exponential", "decay"), ("vote_gap", "quota"), ("voting_power", "quota")}
# Numbers of which some below 0 make sense.
SIGNED = set("rate mandate guilt reference svo extra act theta low high kind equal same different".split())
SIGNED |= set("zap_pay hit_pay coin_pay theft rent apple_pay values outside agreeable neurotic".split())
SIGNED |= set("conscientious openness overconfident penalty truth unsteered wrong silent".split())
NEVER = {("FairShare", "grab")}  # where infinite says never
# Made by others, and not by hand: what was learned, what was solved, what a learner sees.
HELPERS = {"ByTable", "Fitted", "Planned", "Seen", "Table"}
# Columns and options of a user's own, functions, and numbers that may be anything.
OPEN = {"seed", "of", "truth", "silent", "wrong", "shock", "control", "values", "signal"}


def bases():
    """Owner -> (what is called, arguments that work)."""
    found = {}
    parts = [*SCENARIOS.values(), *laws(SCENARIOS["commons"])]
    parts += [mind for mind, _ in some_minds()]
    parts += [cw.Profile(), cw.Amount(10.0), cw.Choice(("a", "b")), cw.Target(3), cw.Words(("hi",))]
    parts += [minds.PPO(), minds.Reinforce(), minds.MLP(), minds.Linear(), minds.Learner(), minds.Greedy()]
    for part in parts:
        if isinstance(part, Module):
            names = inspect.signature(type(part)).parameters
            known = {name: getattr(part, name) for name in names if hasattr(part, name)}
            found.setdefault(type(part).__name__, (type(part), known))
    for name, make in inspect.getmembers(measures, inspect.isfunction):
        known = inspect.signature(make).parameters
        gives = inspect.signature(make).return_annotation is Measure
        if gives and all(one.default is not one.empty for one in known.values()):
            found[name] = (make, {key: one.default for key, one in known.items()})
    found["well_mixed"] = (populations.well_mixed, {"game": GAME, "n": 6, "strength": 0.1, "runs": 2})
    found["moran"] = (populations.moran, {"r": 1.1, "n": 6})
    found["fixation"] = (populations.fixation, {"game": GAME, "n": 6, "strength": 0.1})
    return found


BASES = bases()


@contextmanager
def limited(seconds):
    """Raise TimeoutError in what takes longer."""

    def ended(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ended)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def nonsense(owner, name, usual, value):
    """Whether this value can mean nothing there: said by kinds and names alone."""
    whole = isinstance(usual, int | np.integer) and not isinstance(usual, bool)
    number = whole or isinstance(usual, float) or (hasattr(usual, "dtype") and np.ndim(usual) == 0)
    if name in OPEN or not (number or isinstance(usual, bool | str)):
        return False
    if isinstance(usual, bool):
        return not isinstance(value, bool)
    if isinstance(usual, str):
        return not isinstance(value, str) or name in ("wording", "assignment", "setting", "mapping", "report")
    if isinstance(value, list) and (owner, name) == ("Amount", "high"):
        return False  # one number an agent
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value is not None  # None may be a default that stands for something
    if math.isnan(value) or math.isinf(value):
        return (owner, name) not in NEVER
    if whole and (owner, name) != ("punishment", "act"):  # whose act may be an amount
        return value != int(value) or value < 0 or value >= 2**33
    if name in SHARES and (owner, name) not in NO_SHARES and not 0 <= value <= 1:
        return True
    return value < 0 and name not in SIGNED


def taught(error, name, value):
    """Whether an error says in one line what came and what is wanted."""
    text = str(error)
    if not isinstance(error, TypeError | ValueError) or "\n" in text.strip():
        return False
    came = re.search(r"\bgot\b|\bcame\b|came with|is not|cannot|not a", text) or name in text
    wanted = re.search(r"expected|wanted|try |: [A-Za-z_.]+\(", text)
    return bool(came and wanted)


def outcome(make, usual, name, value):
    """What one call comes to: taught, raw, accepted or endless; and the error."""
    try:
        with limited(SECONDS):
            make(**usual | {name: value})
    except TimeoutError:
        return "endless", None
    except Exception as error:  # noqa: BLE001  (whatever it raises is what is asked)
        return ("taught" if taught(error, name, value) else "raw"), error
    return "accepted", None


def tried(owner):
    """Each wrong value of each parameter of an owner: (parameter, value, outcome, error)."""
    make, usual = BASES[owner]
    for name, one in usual.items():
        for label, value in VALUES.items():
            yield name, label, nonsense(owner, name, one, value), *outcome(make, usual, name, value)


@pytest.mark.slow
@pytest.mark.parametrize("owner", sorted(BASES))
def test_no_nonsense_is_accepted_in_silence(owner):
    wrong, count = [], Counter()
    for name, label, senseless, what, error in tried(owner):
        silent = what == "accepted" and senseless
        count["silent" if silent else what] += 1
        if silent or what in ("raw", "endless"):
            wrong.append(f"{owner}({name}={label}): {'silent' if silent else what} {error!r}"[:240])
    print(owner, dict(count))
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.parametrize("owner", sorted(set(BASES) - {"Constant"}))  # which takes the names of channels
def test_a_misspelt_parameter_is_answered_with_the_nearest(owner):
    make, usual = BASES[owner]
    for name in usual:
        with pytest.raises(TypeError, match=f"{name}x"):
            make(**usual | {f"{name}x": 1})


def test_what_works_still_works():
    for owner, (make, usual) in BASES.items():
        assert make(**usual) is not None, owner


class Loose(Module):
    """The planted fault: a component that says no ranges."""

    probability: jax.Array = cw.param(0.5, None)


def test_a_component_without_ranges_is_caught():
    assert nonsense("Loose", "probability", 0.5, 7) and nonsense("Loose", "probability", 0.5, math.nan)
    assert outcome(Loose, {"probability": 0.5}, "probability", 7)[0] == "accepted"


def test_every_component_of_the_shelves_has_a_call_that_works():
    rooms = [minds, institutions, scenarios]
    shelf = {
        name
        for room in rooms
        for name, one in inspect.getmembers(room, inspect.isclass)
        if issubclass(one, Module) and not inspect.isabstract(one)
    }
    assert not shelf - set(BASES) - HELPERS, "give them a call that works in bases()"
