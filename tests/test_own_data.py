"""Anybody's data as a trace: from arrays and tables, with what is missing said, and every measure on it."""

import inspect
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import measures as m
from commonweal._card import NO_CARD
from commonweal._measure import Measure, summarize
from commonweal.report.catalog import measures as on_the_shelf

PD = {"C": {"C": 3.0, "D": 0.0}, "D": {"C": 5.0, "D": 1.0}}
GAMES = [("x", "CC", "CD"), ("y", "DC", "DD")]  # two matches of two rounds
ROWS = [
    {
        "match": w,
        "round": t + 1,
        "player": who,
        "choice": mine,
        "payoff": PD[mine][other],
        "nice": mine == "C",
    }
    for w, *rounds in GAMES
    for t, both in enumerate(rounds)
    for who, mine, other in (("ann", *both), ("bob", *both[::-1]))
]
COLUMNS = {"world": "match", "t": "round", "agent": "player"}


def table(rows=ROWS):
    return cw.trace_of(
        pl.DataFrame(rows), pay="payoff", acts="choice", events={"cooperated": "nice"}, **COLUMNS
    )


def test_numbers_by_hand_from_arrays():
    pay = [[[3.0, 3.0], [0.0, 5.0]], [[5.0, 0.0], [1.0, 1.0]]]
    trace = cw.trace_of(pay=pay, acts=[[["C", "C"], ["C", "D"]], [["D", "C"], ["D", "D"]]])
    assert trace.shape == (2, 2, 2) and trace.valid.all()
    assert m.welfare(trace).tolist() == [11.0, 7.0]
    assert m.gini(trace) == pytest.approx(
        [5 / 22, 5 / 14]
    )  # |3 - 8| / (2 * 2 * 5.5), |6 - 1| / (2 * 2 * 3.5)
    assert trace.act["act"].tolist() == [[[0, 0], [0, 1]], [[1, 0], [1, 1]]]
    assert trace.recipe["options"] == {"act": ["C", "D"]}
    assert trace.objective.tolist() == [[6.0, 5.0], [5.0, 2.0]]


def test_a_table_gives_what_its_arrays_give():
    found = table()
    arrays = cw.trace_of(
        pay=[[[3.0, 3.0], [0.0, 5.0]], [[5.0, 0.0], [1.0, 1.0]]],
        acts={"choice": [[["C", "C"], ["C", "D"]], [["D", "C"], ["D", "D"]]]},
        events={"cooperated": [[[1, 1], [1, 0]], [[0, 1], [0, 0]]]},
    )
    assert np.array_equal(found.net, arrays.net)
    assert np.array_equal(found.act["choice"], arrays.act["choice"])
    assert m.cooperation_rate(found).tolist() == m.cooperation_rate(arrays).tolist() == [0.75, 0.25]
    assert found.recipe["worlds"] == ["x", "y"] and found.recipe["ticks"] == [1, 2]
    assert found.recipe["agents"] == ["ann", "bob"]


@given(st.permutations(range(len(ROWS))))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_rows_is_nothing(order):
    assert np.array_equal(table([ROWS[i] for i in order]).net, table().net)


def test_a_table_may_be_of_any_kind():
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    arrays = {name: np.array(x) for name, x in columns.items()}

    class Pandas:  # what trace_of uses of a pandas DataFrame
        columns = list(arrays)

        def __getitem__(self, name):
            return arrays[name].astype(object) if name in ("match", "choice") else arrays[name]

    for kind in (columns, arrays, Pandas()):
        found = cw.trace_of(kind, pay="payoff", acts=["choice"], **COLUMNS)
        assert np.array_equal(found.net, table().net)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    found = cw.trace_of(pandas.DataFrame(ROWS), pay="payoff", acts="choice", **COLUMNS)
    assert np.array_equal(found.net, table().net)
    assert np.array_equal(found.act["choice"], table().act["choice"])


def test_fewer_axes_are_one_world_and_one_round():
    assert cw.trace_of(pay=[1, 2, 3]).shape == (1, 1, 3)
    assert cw.trace_of(pay=[[1, 2, 3]] * 4).shape == (1, 4, 3)
    one = cw.trace_of({"who": ["a", "b"], "got": [1, 3]}, pay="got", agent="who", world=None, t=None)
    assert one.shape == (1, 1, 2) and m.gini(one) == 0.25


# ------------------------------------------------------------------------------ what is missing


def test_worlds_of_different_length_are_shorter_and_not_poorer():
    short = table([row for row in ROWS if (row["match"], row["round"]) != ("y", 2)])
    assert short.valid.all() and short.alive.tolist() == [[True, True], [True, False]]
    assert m.welfare(short).tolist() == [11.0, 5.0] and m.cooperation_rate(short).tolist() == [0.75, 0.5]
    pay = np.array([[[3.0, 3.0], [0.0, 5.0]], [[5.0, 0.0], [np.nan, np.nan]]])
    padded = cw.trace_of(pay=pay, alive=np.array([[True, True], [True, False]]))
    assert np.array_equal(padded.net, short.net)


def test_a_missing_row_or_number_makes_its_world_invalid_and_counted():
    gone = table([row for row in ROWS if (row["match"], row["round"], row["player"]) != ("y", 2, "bob")])
    assert gone.invalid == ("", "pay is nan at t=2 (no row, or no number in it)")
    assert gone.act["choice"].dtype == np.int64  # options stay options
    assert str(summarize(m.welfare, gone)[0]).startswith(
        "11.00 (one world) [1 missing: 1 invalid: pay is nan"
    )
    holes = [row | {"choice": None} if row["match"] == "x" and row["round"] == 1 else row for row in ROWS]
    assert table(holes).invalid == ("act 'choice' is nan at t=1 (no row, or no number in it)", "")
    pay = np.ones((3, 2, 2))
    pay[1, 1, 0], pay[2, 0, 1] = np.nan, np.inf
    assert cw.trace_of(pay=pay).invalid == ("", "pay is nan at t=1", "pay is inf at t=0")
    seen = cw.trace_of(pay=np.ones((2, 1, 2)), events={"price": [[[1, 2]], [[1, np.nan]]]})
    assert seen.invalid == ("", "event 'price' is nan at t=0")


BAD = [
    (
        {"pay": [[1, np.nan]]},
        "no world of 1 is complete; in the first, pay is nan at t=0; wanted a number",
    ),
    ({"pay": [[1, 2], [3]]}, r"pay has shape none; wanted \[worlds, ticks, agents\].*pad worlds.*alive="),
    ({"pay": 3.0}, r"pay has shape \(\); wanted \[worlds"),
    (
        {"pay": np.ones((2, 3)), "acts": np.ones(3)},
        r"act 'act' has shape \(3,\); wanted that of pay, .2",
    ),
    ({"pay": ["a", "b"]}, "pay holds 'a'; wanted numbers, such as 1 for yes"),
    (
        {"pay": [1, 2], "alive": [1]},
        r"alive has shape \(1,\) and kind int64; wanted \[wor",
    ),
]


@pytest.mark.parametrize(("given", "said"), BAD)
def test_arrays_that_do_not_fit_are_refused_in_one_line(given, said):
    with pytest.raises(ValueError, match=said) as error:
        cw.trace_of(**given)
    assert "\n" not in str(error.value)


TABLES = [
    ({}, ValueError, "no column 'world' .wanted for world=.; it has match, round, player, .* world='match'"),
    (COLUMNS | {"pay": "pay"}, ValueError, "no column 'pay' .wanted for pay.; it has match"),
    (COLUMNS | {"t": None}, ValueError, "2 rows are of world x, agent ann; wanted one row for each"),
    (COLUMNS | {"pay": "choice"}, ValueError, "pay holds 'C'; wanted numbers"),
]


@pytest.mark.parametrize(("given", "kind", "said"), TABLES)
def test_tables_that_do_not_fit_are_refused_in_one_line(given, kind, said):
    with pytest.raises(kind, match=said) as error:
        cw.trace_of(pl.DataFrame(ROWS), **({"pay": "payoff"} | given))
    assert "\n" not in str(error.value)


def test_ticks_come_in_their_order():
    rows = {"world": ["a"] * 3, "t": ["10", "2", "1"], "agent": ["x"] * 3, "pay": [10.0, 2.0, 1.0]}
    trace = cw.trace_of(rows, pay="pay")
    assert trace.book["pay"].ravel().tolist() == [1.0, 2.0, 10.0] and trace.recipe["ticks"] == [1, 2, 10]
    days = np.array(["2026-03-10", "2026-03-02", "2026-03-01"], dtype="datetime64[D]")
    assert cw.trace_of(rows | {"t": days}, pay="pay").book["pay"].ravel().tolist() == [1.0, 2.0, 10.0]
    with pytest.raises(ValueError, match="column 't' holds 'round 1' for t; wanted numbers or dates"):
        cw.trace_of(rows | {"t": ["round 10", "round 2", "round 1"]}, pay="pay")


def test_a_share_of_cooperation_is_from_0_to_1():
    """A rate of 1.5 came out before; a missing number makes its world invalid and is no slip."""
    pay = np.ones((2, 3, 2))
    for wrong in (1.5, -1.0, np.inf):
        with pytest.raises(ValueError, match=r"'cooperated' holds .*; wanted 1 .yes.*acts == 1"):
            cw.trace_of(pay=pay, events={"cooperated": np.full((2, 3, 2), wrong)})
    rates = np.full((2, 3, 2), 0.5)
    rates[1, 0, 0] = np.nan
    assert cw.trace_of(pay=pay, events={"cooperated": rates}).valid.tolist() == [True, False]


def test_other_slips_with_tables():
    with pytest.raises(TypeError, match="the table came as str; wanted a DataFrame.*read_csv"):
        cw.trace_of("games.csv", pay="payoff")
    lost = [row | {"player": None} if i == 2 else row for i, row in enumerate(ROWS)]
    with pytest.raises(ValueError, match="row 2 has no agent; .*column 'player'"):
        table(lost)
    with pytest.raises(ValueError, match="the table has no rows"):
        cw.trace_of(pl.DataFrame(ROWS).clear(), pay="payoff", **COLUMNS)
    with pytest.raises(ValueError, match="alive= came beside a table"):
        cw.trace_of(pl.DataFrame(ROWS), pay="payoff", alive=[True], **COLUMNS)
    with pytest.raises(ValueError, match=r"trace \(your data\) has no recipe of a run"):
        cw.replay(table())


# ---------------------------------------------------------------------------------- all measures


def data(kind):
    rng = np.random.default_rng(0)
    shape = (5, 8, 3)
    acts = rng.integers(0, 3, shape)
    names = ("cooperated", "catch", "stock", "fair", "price", "sold", "wealth", "control", "was_hit")
    return {
        "pay": lambda: cw.trace_of(pay=rng.uniform(0, 5, shape)),
        "acts": lambda: cw.trace_of(pay=rng.uniform(0, 5, shape), acts=acts),
        "a round": lambda: cw.trace_of(pay=[3.0, 0.0, 1.0], acts=["C", "D", "C"]),
        "alone": lambda: cw.trace_of(pay=np.ones((5, 1)), acts=np.ones((5, 1))),
        "full": lambda: cw.trace_of(
            pay=rng.normal(0, 5, shape),
            acts=acts,
            intents=acts,
            events={name: rng.uniform(0, 1, shape) for name in names},
        ),
        "ragged": lambda: cw.trace_of(
            pay=rng.uniform(0, 5, shape), acts=acts, alive=np.arange(8) < np.array([1, 2, 3, 8, 8])[:, None]
        ),
    }[kind]()


@pytest.mark.parametrize("kind", ["pay", "acts", "a round", "alone", "full", "ragged"])
def test_every_measure_gives_numbers_or_a_reason(kind):
    trace, reasons, shelf = data(kind), {}, on_the_shelf(m)
    assert len(shelf) > 90
    for name, thing in shelf.items():
        one = thing if isinstance(thing, Measure) else thing(**_needed(thing))
        for found in summarize(one, trace):
            assert found.n or found.reason, name
            assert not found.n or np.isfinite(found.value), name
            reasons[name] = found.reason
    carded = ["satisfaction", "value_alignment", "rights_violated", "preference_nash", "minority_gap"]
    carded += ["violation_rate", "third_party_harm", "norm_alignment", "surplus_ratio", "value_congruence"]
    assert {reasons[name] for name in carded} == {NO_CARD}
    assert reasons["objective_alignment"] == reasons["calvano_delta"] == f"no oracle: {NO_CARD}"
    if kind == "acts":
        assert reasons["overton_coverage"].startswith("no intended acts")


def _needed(thing):
    blank = inspect.Parameter.empty
    return {k: [[0, 1], [1, 0]] for k, p in inspect.signature(thing).parameters.items() if p.default is blank}


def test_what_needs_a_card_has_none_until_there_is_one(tmp_path):
    trace = cw.trace_of(pay=[[[1.0, 3.0]], [[2.0, 2.0]]])
    whole = cw.alignment(trace)
    assert NO_CARD in str(whole["P_mean"]) and whole.gate.state == "undecided"
    assert cw.load(trace.save(tmp_path / "mine")).card.blank
    people, represents = cw.one_each(["a", "b"], low=0.0, high=4.0)
    card = cw.Card("mine", "", "mixed", "pay", people, represents, cw.Oracle(8.0, 0.0, "bound"))
    told = cw.alignment(replace(trace, card=card, utility=trace.net))
    assert told["O"].value == 0.5 and told["P_min"].value == 0.375
