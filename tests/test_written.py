"""How components are written: with their values, on one line, whatever their numbers are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_shelves import SCENARIOS, laws

import commonweal as cw
from commonweal import scenarios
from commonweal.institutions import ProtectedQuota
from commonweal.minds import Greedy
from commonweal.scenarios import Commons, Contest, Earthquake


def test_a_component_shows_its_values():
    assert repr(Commons()) == (
        "Commons(n_agents=5, horizon=12, capacity=100, growth=2, collapse=5, wording='fishery', "
        "assignment='stochastic')"
    )
    assert repr(Greedy(0.3)) == "Greedy(share=0.3, channel='take')"
    assert repr(ProtectedQuota("take", most=10)) == (
        "ProtectedQuota(channel='take', least=None, most=10, name='quota', told=True)"
    )
    ruled = cw.under(Commons(), ProtectedQuota("take", most=10))
    assert repr(ruled) == f"Governed(base={ruled.base!r}, laws=({ruled.laws[0]!r},))"


def test_what_is_long_is_cut_and_what_was_chosen_is_not():
    assert repr(Earthquake()).startswith("Earthquake(staged=False, private=False, rounds=2, lever=0.5, ")
    assert repr(Earthquake()).endswith(", ...)") and len(repr(Earthquake())) < 150
    assert "noise=0.25, ...)" in repr(Earthquake(noise=0.25))
    assert "prize=[1, 2, 3]" in repr(Contest(3, prize=[1.0, 2.0, 3.0]))
    assert "prize=float32[9]" in repr(Contest(9, prize=np.ones(9)))


def test_what_has_no_values_shows_its_shape():
    assert "growth=float32[]" in repr(jax.eval_shape(Commons))
    seen = []
    jax.jit(lambda lake: seen.append(repr(lake)) or lake.growth)(Commons())
    eqx.filter_vmap(lambda x: seen.append(repr(Commons(capacity=x))) or x)(jnp.ones(3))
    assert len(seen) == 2 and all("capacity=float32[]" in text for text in seen)
    assert "key<fry>[]" in repr(cw.Sight({"key": jax.random.key(0)}))


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_component_is_written_on_one_line(name):
    for component in (SCENARIOS[name], *laws(SCENARIOS[name])):
        text = repr(component)
        assert text.startswith(f"{type(component).__name__}(") and "\n" not in text and "f32" not in text


def test_no_two_scenarios_have_one_title_nor_the_name_of_another():
    named = {name.casefold() for name in vars(scenarios) if name[0].isupper()}
    titles = {}
    for scenario in [*SCENARIOS.values(), Commons(wording="pollution")]:
        titles.setdefault(scenario.card().title, set()).add(type(scenario).__name__)
    for title, makers in titles.items():
        assert len(makers) == 1, (title, makers)
        assert title.casefold() not in named - {maker.casefold() for maker in makers}, title
    assert repr(cw.run(cw.Society(Commons(horizon=2), Greedy()), 1)).startswith(
        "Trace(Commons (fishery): 1 w"
    )
