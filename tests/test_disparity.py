"""Whether wealth breeds wealth and ranks last, by hand."""

import numpy as np
import pytest
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures.disparity import matthew_coefficient


def owning(*ticks):
    """One world from what all own in each tick."""
    x = np.array(ticks, dtype=float)[None]
    return make_trace(np.zeros(x.shape), events={"wealth": x})


def test_matthew_by_hand():
    assert matthew_coefficient([1, 2, 4], [0.1, 0.2, 0.4]) == pytest.approx(1.0)
    assert matthew_coefficient([1, 2, 4], [3, 3, 3]) == 0.0
    assert matthew_coefficient([1, 2, 4], [1, 4, 16]) == pytest.approx(2.0)
    assert matthew_coefficient([1, 4], [2, 1]) == pytest.approx(-0.5)
    assert matthew_coefficient([1, 2, 4, 8], [0.1, 0.2, 0.4, -1]) == pytest.approx(1.0)  # losers are left out
    assert np.isnan(matthew_coefficient([2, 2], [1, 3])) and np.isnan(matthew_coefficient([1, 2], [0, 1]))


def test_matthew_of_levels_and_of_totals():
    assert m.matthew("wealth")(owning([1, 2, 4], [2, 4, 8])) == pytest.approx([1.0])
    assert m.matthew("wealth")(owning([1, 2, 4], [2, 3, 5])) == pytest.approx([0.0], abs=1e-12)
    pay = make_trace(np.array([[[1, 2], [1, 2], [3, 6], [3, 6.0]]]))
    assert m.matthew()(pay) == pytest.approx([1.0])
    assert m.matthew("wealth", total=True)(owning([1, 2], [5, 5])) == pytest.approx([0.0])
    early = make_trace(np.array([[[1, 4], [1, 1], [1, 1], [1, 1.0]]]))
    assert m.matthew(split=0.25)(early) == pytest.approx([0.0])
    assert np.isnan(m.matthew()(make_trace(np.ones((1, 1, 2)))))[0]
    with pytest.raises(NA, match="no event 'gold' here: name one of wealth"):
        m.matthew("gold")(owning([1, 2], [2, 4]))
    with pytest.raises(ValueError, match="split=1"):
        m.matthew(split=1)


def test_rank_persistence_by_hand():
    assert m.rank_persistence("wealth")(owning([1, 2, 3], [1, 5, 6])) == pytest.approx([1.0])
    assert m.rank_persistence("wealth")(owning([1, 2, 3], [3, 2, 1])) == pytest.approx([-1.0])
    assert m.rank_persistence("wealth")(owning([1, 2, 3], [2, 1, 3])) == pytest.approx([0.5])  # 1 - 6*2/24
    gains = make_trace(np.array([[[1, 2, 3], [30, 20, 10.0]]]))
    assert m.rank_persistence()(gains) == pytest.approx([-1.0])  # gains, not the total that contains them
    rng = np.random.default_rng(0)
    luck = make_trace(rng.random((200, 10, 6)))
    assert m.rank_persistence()(luck).mean() == pytest.approx(0.0, abs=0.08)
    assert np.isnan(m.rank_persistence()(make_trace(np.ones((1, 4, 3)))))[0]


def test_gini_of_an_event_in_both_conventions():
    trace = owning([9, 9, 9, 9], [1, 2, 3, 4])
    assert m.wealth_gini()(trace) == pytest.approx([0.25])
    assert m.wealth_gini(convention="normalized")(trace) == pytest.approx([1 / 3])
    one = owning([0, 0, 0, 0], [0, 0, 0, 1])
    assert m.wealth_gini()(one) == [0.75] and m.wealth_gini(convention="normalized")(one) == [1.0]
    assert np.isnan(m.wealth_gini()(owning([1, 1], [2, -1])))[0]
    assert m.wealth_gini(total=True)(owning([1, 2], [3, 2])) == [0.0]
    with pytest.raises(ValueError, match="convention='gini'"):
        m.wealth_gini(convention="gini")  # type: ignore[arg-type]
