"""What a parameter may be is checked where a component is made, in one form of message."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Array, Float

import commonweal as cw
from commonweal._bounds import interval, limits, nearest
from commonweal._param import Module
from commonweal.institutions import Audit, Contract, ProtectedQuota, Vote
from commonweal.measures import gini
from commonweal.scenarios import Bertrand, Commons, Contest, Earthquake, MatrixGame


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("[0, 1]", (0.0, 0.5, 1.0), (-1e-9, 1.1, np.nan)),
        ("(0, 1)", (0.5,), (0.0, 1.0)),
        ("(0, inf)", (1e-30, 1e30), (0.0, np.inf)),
        ("[0, inf]", (0.0, np.inf), (-1.0, np.nan)),
        ("(-inf, inf)", (-1e30, 0.0), (np.inf, -np.inf, np.nan)),
    ],
)
def test_an_interval_holds_what_it_says(text, inside, outside):
    assert all(interval(text).holds(np.asarray(x)) for x in inside)
    assert not any(interval(text).holds(np.asarray(x)) for x in outside)
    assert interval(text).holds(np.asarray(interval(text).example()))


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_the_example_of_an_error_is_in_the_range(low, width):
    for text in (f"[{low}, {low + width}]", f"[{low}, inf)", f"(-inf, {low}]"):
        assert interval(text).holds(np.asarray(interval(text).example()))


def test_a_range_that_is_no_interval_is_refused():
    with pytest.raises(ValueError, match=r"got the range '0 to 1', expected an interval; try '\[0, 1\]'"):
        interval("0 to 1")


WRONG = [
    (lambda: Commons(n_agents=0), r"Commons: got n_agents=0, expected a whole number in \[1, 10000\]; try"),
    (lambda: Commons(n_agents=-3), r"got n_agents=-3, .*; try Commons\(n_agents=5\)"),
    (lambda: Commons(n_agents=2.5), "got n_agents=2.5, expected a whole number"),
    (lambda: Commons(n_agents="3"), "got n_agents='3', expected a whole number"),
    (lambda: Commons(n_agents=True), "got n_agents=True, expected a whole number"),
    (lambda: Commons(horizon=12.5), "got horizon=12.5, expected a whole number"),
    (lambda: Commons(horizon=0), "got horizon=0, expected a whole number"),
    (lambda: Commons(capacity=np.nan), r"got capacity=nan, expected .* try Commons\(capacity=100.0\)"),
    (lambda: Commons(capacity=1e30), r"got capacity=1e\+30, expected a number in \(0, 1000000\]"),
    (lambda: Commons(capacity="many"), "got capacity='many', expected a number"),
    (lambda: Commons(wording="fishrey"), r"expected one of 'fishery', .*; try Commons\(wording='fishery'\)"),
    (lambda: Commons(capcity=3), r"got capcity=3, expected one of n_agents, .*; try Commons\(capacity=3\)"),
    (
        lambda: Audit(),
        r"Audit: missing a required argument: 'probability'; expected Audit\(probability, fine",
    ),
    (lambda: Audit(0.5, [1.0, 2.0]), r"got fine=\[1.0, 2.0\], expected one number \(it has shape \(2,\)\)"),
    (lambda: Audit(7, fine=1.0), r"got probability=7, expected a number in \[0, 1\]"),
    (lambda: Audit(0.5, 1e39), "expected numbers up to 3.4.*e.38, the most that float32 holds"),
    (lambda: Audit(0.5, 1.0, told="yes"), r"got told='yes', expected True or False; try Audit\(told=True\)"),
    (lambda: ProtectedQuota("take", most=[10, 20]), "got most=.*, expected one number"),
    (lambda: ProtectedQuota("take", most=-5), "got most=-5, expected a number in"),
    (lambda: ProtectedQuota("take", least=7, most=5), "got least=7 and most=5, expected least at or below"),
    (lambda: Contest(prize=[1.0, 2.0, 3.0]), r"got prize of shape \(3,\), .* try Contest\(n_agents=3"),
    (lambda: Contest(lottery=3), "got lottery=3, expected True or False"),
    (lambda: Bertrand(reach=-1), r"Bertrand: got reach=-1, expected a number in \[0, 100\]"),
    (lambda: Earthquake(risk=7), "got risk=7, expected a number in"),
    (
        lambda: Vote({"a": {"take": (0, 3)}, "b": {}}, "bord"),
        r"got rule='bord', .*; try Vote\(rule='borda'\)",
    ),
    (
        lambda: MatrixGame([[[np.nan, 0], [5, 1]], [[3, 5], [0, 1]]]),
        r"has nan at \(0, 0, 0\)\); try MatrixGame\(payoffs=\[\[\[1.0, 0.0\], \[5.0, 1.0\]\], \[\[3.0, 5.0\]",
    ),
    (
        lambda: MatrixGame(np.full((2, 5, 5), np.inf)),
        r"finite number in each place \(it has inf at \(0, 0, 0",
    ),
    (lambda: cw.measure(unit="x", better="up", cites="own"), r"measure: got better='up', expected one of"),
    (lambda: cw.measure(unit="x", better="lower", cites="own", per="tick"), "measure: got per='tick'"),
    (lambda: cw.Profile(svo=3000), "got svo=3000, expected a number in"),
    (lambda: cw.Profile(sycophancy=9), "got sycophancy=9, expected a number in"),
    (lambda: cw.Choice("ab"), r"got options='ab', expected a tuple; try Choice\(options=\('a', 'b'\)\)"),
    (lambda: cw.Amount(-3.0), "got high=-3.0, expected a number in"),
    (lambda: cw.under(Commons(), Contract(2.0, quorum=9)), r"got quorum=9, .* try Contract\(quorum=5\)"),
]


@pytest.mark.parametrize(("make", "said"), WRONG)
def test_nonsense_is_refused_where_it_is_made(make, said):
    with pytest.raises((TypeError, ValueError), match=said) as refused:
        make()
    assert "\n" not in str(refused.value)


def test_an_option_that_a_channel_does_not_have_is_no_bound():
    game = cw.under(Earthquake(), ProtectedQuota("protect", least=1))
    assert game.laws[0].name == "quota"
    with pytest.raises(ValueError, match=r"got least=7.0, expected a position of the options .* 0 to 1; try"):
        cw.under(Earthquake(), ProtectedQuota("protect", least=7))


def test_what_is_meant_well_is_taken():
    assert type(Commons(n_agents=np.int64(3)).n_agents) is int
    assert cw.Choice(["a", "b"]).options == ("a", "b")
    assert float(Commons(capacity=50).capacity) == 50.0
    assert ProtectedQuota("take", most=None, least=np.float64(2.0)).most is None


def test_a_number_that_is_being_traced_is_not_looked_at():
    made = jax.vmap(lambda fine: Audit(0.5, fine))(jnp.arange(3.0))
    assert made.fine.tolist() == [0.0, 1.0, 2.0]


class Toll(cw.Institution):
    """A component of a user's own: ranges are checked there as here."""

    price: Float[Array, ""] = cw.param(1.0, "[0, 10]")
    sizes: tuple[int, ...] = cw.count((1, 2), "[1, 9]")
    kind: Literal["flat", "steep"] = cw.text("flat")
    name: str = cw.text("toll")
    told: bool = cw.count(True)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"price": 11}, r"Toll: got price=11, expected a number in \[0, 10\]; try Toll\(price=1.0\)"),
        ({"sizes": (1, 0)}, r"got sizes=0, expected a whole number in \[1, 9\]; try Toll\(sizes=\(2,\)\)"),
        ({"kind": "step"}, r"got kind='step', expected one of 'flat', 'steep'; try Toll\(kind='steep'\)"),
    ],
)
def test_components_of_users_are_checked_alike(values, said):
    with pytest.raises((TypeError, ValueError), match=said):
        Toll(**values)


def test_a_component_without_ranges_lets_nonsense_pass():
    """The negative control: it is the declared range that refuses."""

    class Loose(Module):
        price: Float[Array, ""] = cw.param(1.0, None)

    assert np.isnan(Loose(np.nan).price)


def test_functions_say_their_ranges_too():
    @limits(share="[0, 1]")
    def tax(share: float, years: int = 3, mode: Literal["net", "gross"] = "net", of: str | None = None):
        return share

    assert tax(0.5, 2, mode="gross", of="wealth") == 0.5
    for wrong, said in [
        ({"share": 2}, r"tax: got share=2, expected a number in \[0, 1\]; try tax\(share=0.5\)"),
        ({"share": 0.5, "years": 1.5}, r"tax: got years=1.5, expected a whole number; try tax\(years=3\)"),
        ({"share": 0.5, "mode": "nett"}, r"expected one of 'net', 'gross'; try tax\(mode='net'\)"),
    ]:
        with pytest.raises((TypeError, ValueError), match=said):
            tax(**wrong)


def test_the_nearest_name_is_the_one_that_was_meant():
    assert nearest("horizn", ["n_agents", "horizon"]) == "horizon"
    assert nearest("Gini", ["gini", "theil"]) == "gini"


TRACELESS = [
    (lambda: gini([1.0, 2.0]), r"gini: got \[1.0, 2.0\], expected a trace; try gini\(cw.run"),
    (lambda: cw.alignment(None), "alignment: got None, expected a trace"),
    (lambda: cw.replay(None), "replay: got None, expected a trace"),
    (lambda: cw.summarize("gini", None), "got 'gini' and None, expected a measure and a trace"),
    (lambda: cw.estimate("abc"), "estimate: got 'abc', expected one number a world"),
    (
        lambda: cw.under(Commons, Audit(0.5, 1.0)),
        "came with Commons, a class, no instance of it; wanted a ",
    ),
    (
        lambda: cw.under(Commons(), ProtectedQuota),
        "ProtectedQuota, a class, no instance of it; wanted inst",
    ),
    (lambda: cw.run(None, seeds=[True, False]), "wanted a society"),
]


@pytest.mark.parametrize(("call", "said"), TRACELESS)
def test_what_takes_a_trace_says_so(call, said):
    with pytest.raises(TypeError, match=said) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_what_is_infinite_is_missing():
    found = cw.estimate(np.array([1.0, 2.0, np.inf, 3.0]))
    assert (found.value, found.n, found.missing, found.reason) == (2.0, 3, 1, "infinite in 1 worlds")
