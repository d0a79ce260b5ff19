"""`check` names each planted fault, and the line that would mend it."""

import importlib.util
import textwrap

import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.testing import Lawless, check, faults
from commonweal.testing.probe import Probe

SOUND = '''
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import commonweal as cw


class Well(cw.Scenario):
    """A well that fills at random."""

    n_agents: int = cw.count(3)
    horizon: int = cw.count(4)

    def channels(self):
        return {"draw": cw.Amount(5.0, unit="buckets")}

    def card(self):
        people, represents = cw.one_each(["a", "b", "c"])
        return cw.Card("Well", "a test", "mixed", "buckets", people, represents, cw.Unknown("none is known"))

    def init(self, key):
        return jnp.float32(20.0)

    def step(self, level, actions, key):
        got = actions["draw"]
        rain = jax.random.uniform(key)
        level = jnp.maximum(level - got.sum() + rain, 0.0)
        events = {"cooperated": (got < 1.0).astype(jnp.float32), "excess": jnp.maximum(got - 1.0, 0.0)}
        return level, cw.Outcome(pay=got, events=events)

    def observe(self, level):
        return cw.Sight({"level": jnp.broadcast_to(level, (self.n_agents,))})

    def brief(self, agent):
        return "Draw water."

    def tell(self, sight):
        return f"The well holds {sight['level']:.0f} buckets."
'''
PLANTED = {
    "sound": ("", "", "", ""),
    "hidden randomness": (
        "rain = jax.random.uniform(key)",
        "rain = jnp.float32(np.random.uniform())",
        "all luck is keyed",
        "jax.random.normal(key, shape)",
    ),
    "dtype drift": (
        "return level, cw.Outcome",
        "return jnp.round(level).astype(jnp.int32), cw.Outcome",
        "dtypes are stable",
        "astype(jnp.float32)",
    ),
    "missing agent axis": (
        "jnp.broadcast_to(level, (self.n_agents,))",
        "level",
        "every agent has its row",
        '"level": jnp.broadcast_to(level, (self.n_agents,))',
    ),
    "a wrong shape": ("pay=got", "pay=got, utility=got.sum()", "the outcome has its shapes", "broadcast_to"),
    "a Python number": (
        "    horizon: int = cw.count(4)",
        "    horizon: int = cw.count(4)\n    rate: float = 0.5",
        "numbers are leaves",
        "cw.param(0.5)",
    ),
    "no words": ('return "Draw water."', 'return ""', "it can be told", "return f'...'"),
    "no citation": ('"a test"', '""', "it cites", "citation="),
    "a division by zero": ("pay=got", "pay=got / (got - got)", "outcomes are finite", "jnp.maximum"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_named_with_the_line_that_mends_it(name, tmp_path):
    before, after, law, mend = PLANTED[name]
    assert before in SOUND
    path = tmp_path / "my_scenario.py"
    path.write_text(textwrap.dedent(SOUND).replace(before, after) if before else SOUND)
    spec = importlib.util.spec_from_file_location("my_scenario", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = faults(module.Well())
    if not before:
        assert found == []
        return
    assert found[0].law == law and mend in found[0].mend, found
    with pytest.raises(Lawless, match=law):
        check(module.Well())


class Tilted(cw.Institution):
    """Breaks four laws, one at a time. Source: an assumption."""

    fault: str = cw.text()
    name: str = cw.text("tilted")
    told: bool = cw.count(False)

    def init(self, scenario, key):
        return jnp.zeros(())

    def gate(self, memory, state, actions, key):
        return actions | {"give": actions["give"] * (0.5 if self.fault == "gate" else 1.0)}

    def settle(self, memory, transition, book, key):
        delta = {"budget": -jnp.ones_like(book), "reads": book - book.mean()}.get(
            self.fault, jnp.zeros_like(book)
        )
        memory = jnp.zeros((), jnp.int32) if self.fault == "drift" else memory
        return cw.Settlement(memory, delta)


@pytest.mark.parametrize(
    ("fault", "law"),
    [
        ("gate", "the gate is idempotent"),
        ("budget", "the budget holds"),
        ("reads", "it says what it reads"),
        ("drift", "dtypes are stable"),
        ("none", None),
    ],
)
def test_an_institution_is_held_to_its_laws(fault, law):
    assert [f.law for f in faults(Tilted(fault=fault))][:1] == ([] if law is None else [law])


class Forgetful(cw.Mind):
    """Changes the dtype of its memory."""

    def init(self, seat, key):
        return jnp.zeros(())

    def act(self, memory, sight, channels, key):
        return jnp.int32(1), {}


@pytest.mark.slow
def test_minds_and_measures_are_held_to_theirs():
    assert faults(Forgetful())[0].law == "dtypes are stable"

    @cw.measure(unit="coins", better="higher", cites="test")
    def deviation(trace):
        """Distance from the mean over worlds, which a measure must not take."""
        total = trace.net.sum((1, 2))
        return total - np.cumsum(total)

    @cw.measure(unit="coins", better="higher", cites="test")
    def total(trace):
        """One number for all worlds."""
        return trace.net.sum()

    assert faults(deviation)[0].law == "worlds are independent"
    assert faults(total)[0].law == "one number a world"


def test_only_components_can_be_checked():
    with pytest.raises(TypeError, match="wanted an instance of a Scenario"):
        check(Probe)


def test_a_scenario_that_draws_with_jax_is_tried_in_both_engines(tmp_path):
    branchy = SOUND.replace("got = actions", "got = actions").replace(
        "        level = jnp.maximum",
        "        if got.sum() > 5:\n            got = got\n        level = jnp.maximum",
    )
    path = tmp_path / "my_branchy.py"
    path.write_text(branchy)
    spec = importlib.util.spec_from_file_location("my_branchy", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "TracerBoolConversionError" in faults(module.Well())[0].came


@pytest.mark.parametrize(
    ("mask", "came"),
    [
        (jnp.ones((3, 2), jnp.int32), "is int32; wanted bool"),
        (jnp.zeros((3, 2), bool), "without any legal act"),
        (jnp.ones((2, 2), bool), r"has shape (2, 2)"),
    ],
)
def test_masks_must_fit(mask, came):
    class Masked(Probe):
        def observe(self, state):
            return cw.Sight({"gave": jnp.broadcast_to(state, (3, 3))}, {"say": mask})

    assert any(f.law == "masks fit channels" and came in f.came for f in faults(Masked()))


@pytest.mark.slow
def test_nan_is_no_hidden_randomness():
    class Undefined(Probe):
        def step(self, state, actions, key):
            return state, cw.Outcome(pay=actions["give"] * jnp.nan)

    assert faults(Undefined())[0].law == "outcomes are finite"


def test_three_planted_faults_in_one_scenario_are_all_named(tmp_path):
    text = SOUND
    for name in ("hidden randomness", "dtype drift", "missing agent axis"):
        before, after, _, _ = PLANTED[name]
        text = text.replace(before, after)
    path = tmp_path / "my_three.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("my_three", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    laws = [fault.law for fault in faults(module.Well())]
    assert laws[:3] == ["all luck is keyed", "every agent has its row", "dtypes are stable"]
    assert "np.random.uniform" in faults(module.Well())[0].where
