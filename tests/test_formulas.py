"""The formulas on plain arrays: the examples run, the numbers are known ones, the measures use the same."""

import doctest
import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from tracing import make_trace

from commonweal import _formulas, measures
from commonweal.measures import formulas as f

EVERY = {name: x for name, x in vars(f).items() if inspect.isfunction(x)}
AMOUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=8).filter(any)


@pytest.mark.parametrize("name", EVERY)
def test_each_has_an_example_that_runs_and_a_line_in_the_list(name):
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner()
    home = vars(sys.modules[EVERY[name].__module__])
    (found,) = finder.find(EVERY[name], name, globs=dict(home))
    assert found.examples
    assert runner.run(found).failed == 0
    assert f"`{name}`" in f.__doc__


def test_an_example_that_lies_is_caught():
    lie = doctest.DocTestParser().get_doctest(">>> gini([1, 3])\n0.5\n", vars(_formulas), "lie", None, 0)
    assert doctest.DocTestRunner().run(lie, out=lambda told: None).failed == 1


def test_formulas_need_no_jax():
    code = "import sys; from commonweal import _formulas as f; f.gini([1, 3]); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ------------------------------------------------------------------------------------ known numbers


def test_inequality_by_hand():
    assert f.gini([1, 2, 3, 4]) == 0.25  # 20 / (2 * 16 * 2.5)
    assert f.gini([0, 0, 0, 1]) == 0.75 and f.gini([0, 0, 0, 1], normalized=True) == 1.0
    assert f.theil([1, 3]) == pytest.approx((0.5 * np.log(0.5) + 1.5 * np.log(1.5)) / 2)
    assert f.atkinson([1, 9]) == pytest.approx(1 - 4 / 5)  # ((1 + 3) / 2)^2 = 4
    assert f.atkinson([1, 4], 1.0) == pytest.approx(1 - 2 / 2.5) and f.atkinson([0, 4], 1.0) == 1.0
    assert np.isnan([f.gini([0, 0]), f.theil([0, 0]), f.atkinson([0, 0]), f.gini([3], normalized=True)]).all()
    assert f.gini([3]) == 0.0


def test_diversity_and_concentration_by_hand():
    assert f.entropy([1, 1, 2]) == 1.5 and f.entropy([1, 1, 1], base=3) == pytest.approx(1.0)
    assert f.jensen_shannon([3, 1], [1, 3]) == pytest.approx(jensenshannon([3, 1], [1, 3], base=2) ** 2)
    assert f.herfindahl([50, 30, 20]) == pytest.approx(0.38)
    assert np.isnan([f.entropy([0, 0]), f.herfindahl([0, 0]), f.agreement([0, 0, 0])]).all()
    assert np.isnan(f.jensen_shannon([0, 0], [1, 0]))


def test_agreement_by_its_definition():
    assert f.agreement([0, 0, 1, 1, 0, 0, 0]) == pytest.approx(1 - 1 / 6)
    assert f.agreement([1, 0, 0, 0, 0, 0, 1]) == -1.0 and f.agreement([1] * 7) == pytest.approx(0.0)
    assert f.agreement([[4, 0, 0], [1, 1, 1]]) == pytest.approx([1.0, 0.0])


# --------------------------------------------------------------------------------------- properties


@given(AMOUNTS, st.integers(1, 9))
def test_inequality_knows_neither_unit_nor_seat(x, unit):
    for one in (f.gini, f.theil, f.atkinson, f.herfindahl, f.entropy):
        assert one(x) == pytest.approx(one([unit * y for y in x[::-1]]), abs=1e-12)
        assert one([x, x])[1] == pytest.approx(one(x), abs=1e-12)
        assert one([7] * len(x)) == pytest.approx(
            {f.herfindahl: 1 / len(x), f.entropy: np.log2(len(x))}.get(one, 0)
        )


@given(AMOUNTS)
def test_the_gini_is_that_of_all_pairs(x):
    y = np.asarray(x, dtype=float)
    assert f.gini(x) == pytest.approx(np.abs(y[:, None] - y).mean() / (2 * y.mean()))
    assert 0 <= f.gini(x) <= 1 - 1 / len(x) + 1e-12 and f.gini([5] * len(x)) == 0.0


@given(AMOUNTS)
def test_the_measures_compute_the_same(x):
    trace = make_trace(np.array([[x]], dtype=float))
    for name in ("gini", "theil"):
        assert getattr(measures, name)(trace)[0] == pytest.approx(getattr(f, name)(x), abs=1e-12)
    assert measures.atkinson(2.0)(trace)[0] == pytest.approx(f.atkinson(x, 2.0), abs=1e-12)
    assert measures.gini_normalized(trace)[0] == pytest.approx(f.gini(x, normalized=True), abs=1e-12)


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["gini", "theil", "atkinson", "entropy", "herfindahl"])
def test_what_cannot_be_read_is_refused_in_one_line(name):
    one = getattr(f, name)
    for came, said in [
        ([1, -3], rf"{name}\(\) came with -3; wanted numbers of 0 or more: {name}\("),
        ([1, np.inf], rf"{name}\(\) came with inf; wanted numbers of 0 or more: {name}\("),
        (["a", "b"], rf"{name}\(\) came with \['a', 'b'\]; wanted numbers.*: {name}\("),
        ([[1, 2], [3]], rf"{name}\(\) came with .*; wanted numbers, rows of one length: {name}\("),
        (3.0, rf"{name}\(\) came with shape \(\); wanted \[\.\.\., \w+\]: {name}\("),
        ([], rf"{name}\(\) came with shape \(0,\)"),
    ]:
        with pytest.raises(ValueError, match=said) as error:
            one(came)
        assert "\n" not in str(error.value)
    assert np.isnan(one([1.0, np.nan]))


@pytest.mark.parametrize("name", [name for name in EVERY if name != "transfer"])  # whose symbols may be words
@pytest.mark.parametrize(
    "rubbish", ["abc", ["a", "b"], [[1, 2], [3]], object()], ids=["text", "texts", "ragged", "object"]
)
def test_no_formula_fails_without_saying_what_it_wants(name, rubbish):
    known = inspect.signature(EVERY[name]).parameters.values()
    needed = [rubbish for one in known if one.default is one.empty]
    with pytest.raises(ValueError, match=r"came with .*; wanted numbers.*: \w+\(") as error:
        EVERY[name](*needed)
    assert "\n" not in str(error.value)


def test_what_belongs_together_has_one_size():
    with pytest.raises(ValueError, match=r"landau\(\) came with shape \(1, 2\); wanted \[n, n\]: landau\("):
        f.landau([[0, 1]])
    with pytest.raises(ValueError, match=r"loop_area\(\) came with shape \(2,\); wanted \[ticks\]"):
        f.loop_area([0, 1, 0], [1, 2])
    with pytest.raises(ValueError, match=r"conformity\(\) came with 2; wanted numbers of 0 to 1"):
        f.conformity([2, 0], [1, 0])
    with pytest.raises(ValueError, match=r"recovery\(\) came with 2.5; wanted a whole number"):
        f.recovery([1, 1, 0, 1], shock=2.5)


def test_other_slips():
    with pytest.raises(ValueError, match=r"shape \(2,\); wanted \[..., options\]"):
        f.jensen_shannon([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="epsilon=0 is no inequality aversion"):
        f.atkinson([1, 2], 0)
    for came, said in [([3], "a scale of 1 answers"), ([1, -3], "came with -3; wanted numbers of 0 or more")]:
        with pytest.raises(ValueError, match=said):
            f.agreement(came)
    with pytest.raises(ValueError, match="count=3, n=2"):
        f.rate_bound(3, 2)
