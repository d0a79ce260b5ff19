"""A trace is checked where it is made: shapes, kinds, seeds and names, each fault in one line."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracing import make_card, make_trace

import commonweal as cw
from commonweal.measures import cooperation_rate, gini
from commonweal.minds import Random
from commonweal.scenarios import MatrixGame

SHAPE = W, T, N = 4, 5, 3
PAY = np.ones(SHAPE)
VALUE = cw.Value("life")

FAULTS = [
    ({"events": {"cooperated": np.ones((W, T))}}, r"events\['cooperated'\] has shape \(4, 5\); wanted "
     r"\[worlds, ticks, agents\], \(4, 5, 3\): np.broadcast_to\(x\[..., None\], \(4, 5, 3\)\)"),
    ({"events": {"cooperated": np.ones((W, N, T))}}, r"has shape \(4, 3, 5\).*\(4, 5, 3\): np.zeros"),
    ({"seeds": np.arange(2)}, r"seeds has shape \(2,\); wanted \[worlds\], \(4,\)"),
    ({"seeds": np.array([0, 1, 1, 2])}, r"seeds name world 1 2 times; wanted each world once: .*arange\(4\)"),
    ({"seeds": np.arange(4.0)}, "seeds is of kind float64; wanted np.int64: x.astype"),
    ({"card": make_card(n=2)}, r"card 'by hand' is of 2 agents .*book\['pay'\] of 3.*represents=np.eye\(3\)"),
    ({"utility": np.ones((W, T, 2))}, r"utility has shape.*\[worlds, ticks, stakeholders\], \(4, 5, 3\)"),
    ({"harm": np.zeros((W, T, N, 1))}, r"harm has shape.*\[worlds, ticks, agents, values\], \(4, 5, 3, 0\)"),
    ({"objective": np.ones(W)}, r"objective has shape \(4,\); .*\(4, 5\): np.broadcast_to\(x\[..., None\]"),
    ({"alive": np.ones(T, bool)}, r"alive has shape \(5,\); .*np.broadcast_to\(x\[None\], \(4, 5\)\)"),
    ({"book": {"tax": np.ones((W, T))}}, r"book\['tax'\] has shape \(4, 5\)"),
    ({"act": {"take": PAY[:2]}}, r"act\['take'\] has shape \(2, 5, 3\)"),
    ({"intent": {"take": [1, 2]}}, r"intent\['take'\] came as list; wanted a NumPy array: np.asarray"),
    ({"act": {"take": np.full(SHAPE, "C")}}, r"act\['take'\] is of kind <U1; wanted float: x.astype"),
    ({"odds": {"take": PAY}}, r"odds\['take'\] has shape.*\(4, 5, 3, options\)"),
    ({"labels": {"model": np.array(["a", "b", "c"])}}, r"labels\['model'\] has shape \(3,\).*x\[None"),
    ({"felt": np.ones((W, T))}, r"felt has shape \(4, 5\)"),
    ({"refused": np.zeros(SHAPE)}, "refused is of kind float64; wanted bool"),
    ({"invalid": ("",)}, r"invalid has 1 reasons for 4 worlds; .*invalid=\(''[,]\) \* 4"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "said"), FAULTS)
def test_what_does_not_fit_is_named(fault, said):
    with pytest.raises(ValueError, match=said) as error:
        make_trace(PAY, **fault)
    assert "\n" not in str(error.value)


def test_what_is_no_card_is_no_card():
    with pytest.raises(ValueError, match="card came as 'prisoners'; wanted a card"):
        replace(make_trace(PAY), card="prisoners")


def test_pay_of_one_world_is_sent_to_the_door_that_takes_it():
    with pytest.raises(ValueError, match=r"book\['pay'\] has shape \(5, 3\).*cw.trace_of"):
        cw.Trace(np.arange(5), make_card(n=3), {"pay": PAY[0]}, PAY[0], PAY[0], PAY[0], PAY[0] > 0)


def test_a_rate_by_tick_is_no_rate_of_agents():
    rate = np.full((1, 2), 1.0)  # read as [1, 2, 1] it gave 1.5 of three agents
    with pytest.raises(ValueError, match="cooperated"):
        cooperation_rate(make_trace(np.ones((1, 2, 3)), events={"cooperated": rate}))
    fine = make_trace(np.ones((1, 2, 3)), events={"cooperated": np.broadcast_to(rate[..., None], (1, 2, 3))})
    assert cooperation_rate(fine) == 1.0


def test_only_a_run_may_hold_a_world_twice():
    game = MatrixGame([[[3, 0], [5, 1]], [[3, 5], [0, 1]]], horizon=2)
    trace = cw.run(cw.Society(game, Random()), 2)
    assert trace.worlds([0, 0, 1]).seeds.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="seeds name world 0 2 times"):
        replace(trace, recipe={}).worlds([0, 0, 1])


@given(st.tuples(*[st.integers(1, 4)] * 3), st.data())
def test_any_other_shape_is_refused(shape, data):
    other = data.draw(st.lists(st.integers(0, 4), max_size=4).map(tuple).filter(lambda x: x != shape))
    with pytest.raises(ValueError, match=r"events\['seen'\] has shape"):
        make_trace(np.ones(shape), events={"seen": np.zeros(other)})


def test_no_world_is_a_trace_too():
    none = make_trace(PAY).worlds([])
    assert none.shape == (0, T, N) and gini(none).shape == (0,)


def test_pandas_is_an_extra_and_named(monkeypatch):
    trace = make_trace(PAY)
    for name in ("pandas", "pyarrow"):
        monkeypatch.setattr("commonweal._trace.find_spec", lambda x, name=name: None if x == name else True)
        with pytest.raises(ImportError, match=rf"needs {name}, .*pip install 'commonweal\[pandas\]'"):
            trace.to_pandas()
    told = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert re.search(r"^pandas = \[.*pandas.*pyarrow", told, re.M)


def test_pandas_gets_every_decision():
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    found = make_trace(PAY).to_pandas()
    assert list(found.columns)[:4] == ["seed", "world", "t", "agent"] and len(found) == PAY.size
