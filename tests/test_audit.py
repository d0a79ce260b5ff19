"""Recorded decisions: every row is kept or named, and the figures are those worked by hand."""

import gzip
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from commonweal._card import Oracle, Unknown
from commonweal.interop import Columns, audit, read_recordings, read_table, to_traces

DATA = Path(__file__).parents[2] / "shared" / "data" / "coopeval_decisions.csv.gz"
HEAD = "game,mechanism,match,round,seat,model,action,points"
# Match 1: A is exploited once, then both cooperate. Match 2: one round of mutual defection.
TWO = f"""{HEAD}
pd,none,1,0,1,A,COOPERATE,0
pd,none,1,0,2,B,DEFECT,3
pd,none,1,1,1,A,COOPERATE,2
pd,none,1,1,2,B,COOPERATE,2
pd,none,2,0,1,A,DEFECT,1
pd,none,2,0,2,B,DEFECT,1
"""


@pytest.fixture
def read(tmp_path):
    """Write a text as a table and read its recordings."""

    def write(text, name="t.csv", columns=None):
        (tmp_path / name).write_text(text)
        return read_recordings(tmp_path / name, columns)

    return write


def figures(found, title):
    """Key -> the values of a table."""
    rows = found[title].rows
    return {row.key: {k: e.value for k, e in row.figures.items()} for row in rows}


def close(**wanted):
    return pytest.approx(wanted, nan_ok=True)


def test_figures_worked_by_hand(read):
    # Match 1: mean points A (0+2)/2 = 1, B (3+2)/2 = 2.5, so Gini 2*1.5 / (2*4*1.75) = 3/14.
    found = audit(read(TWO))
    assert figures(found, "by game and mechanism") == {
        ("pd", "none"): close(cooperation=0.375, points=1.375, gini=3 / 28, gap=0.75)
    }
    assert figures(found, "by model") == {
        ("A",): close(cooperation=0.5, points=1.0, gini=3 / 28, exploitation=-0.75),
        ("B",): close(cooperation=0.25, points=1.75, gini=3 / 28, exploitation=0.75),
    }
    (row,) = found["by game and mechanism"].rows
    assert (row.decisions, row.matches, row.cooperated, row.declared) == (6, 2, 3, 6)
    assert row.figures["cooperation"].worlds.tolist() == [0.75, 0.0]


def test_bad_rows_are_named_by_line_and_the_rest_is_used(read):
    bad = [
        "pd,none,1,0,2,B,DEFECT,much",
        "pd,none,1,0,2,B,,3",
        "pd,none,1,0,2,B,DEFECT,nan",
        "pd,none,1,0,2,B,DEFECT,",
        "pd,none,1,-1,2,B,DEFECT,3",
        "pd,none,1,0.5,2,B,DEFECT,3",
        "pd,none,,0,2,B,DEFECT,3",
        "pd,none,1,0,,,DEFECT,3",
        "pd,none,1,0,2,B,DEFECT",
        "pd,none,1,0,2,B,DEFECT,3,4",
        "pd,none,1,0,1,B,DEFECT,3",
    ]
    good = "pd,none,1,0,1,A,COOPERATE,0"
    found = read("\n".join([HEAD, good, *bad, "", "pd,none,1,0,2,B,DEFECT,3"]))
    assert (found.read, found.kept, found.bad.height) == (13, 2, 11)
    assert found.bad.rows() == [
        (3, "points is 'much', wanted a number up to 1e+30"),
        (4, "action is empty"),
        (5, "points is 'nan', wanted a number up to 1e+30"),
        (6, "points is '', wanted a number up to 1e+30"),
        (7, "round is '-1', wanted a whole number from 0"),
        (8, "round is '0.5', wanted a whole number from 0"),
        (9, "every match column is empty"),
        (10, "seat is empty; model is empty"),
        (11, "7 cells, wanted 8"),
        (12, "9 cells, wanted 8"),
        (13, "seat 1 already decided in this round, on line 2"),
    ]
    assert found.frame["line"].to_list() == [2, 15]  # line 14 is blank, no row
    text = str(audit(found))
    assert "13 rows read = 2 decisions kept + 11 bad rows" in text
    assert "line 3: points is 'much'" in text and "and 1 more bad rows" in text
    assert "name what tells them apart: match=run,pair" in text
    assert len(audit(found).to_dict()["bad"]) == 11


@pytest.mark.parametrize("seed", range(3))
def test_whatever_breaks_every_row_is_kept_or_named(read, seed):
    rng = np.random.default_rng(seed)
    lines = [f"pd,none,{m},{t},{s},A,DEFECT,1" for m in range(9) for t in range(3) for s in (1, 2)]
    broken = sorted(rng.choice(len(lines), 20, replace=False))
    for i in broken:
        lines[i] = lines[i].replace(*[("DEFECT", ""), (",1", ",?"), (",A", "")][rng.integers(3)])
    found = read("\n".join([HEAD, *lines]))
    assert found.bad["line"].to_list() == [i + 2 for i in broken]
    assert found.kept == sum(row.decisions for row in audit(found)["by model"].rows) == 34


def test_a_missing_seat_costs_the_joint_figures_only(read):
    rows = "pg,none,{m},0,1,A,CONTRIBUTE,1\npg,none,{m},0,2,B,FREE_RIDE,2\npg,none,{m},0,3,C,"
    found = read("\n".join([HEAD, rows.format(m=1) + "FREE_RIDE,2", rows.format(m=2) + "FREE_RIDE,"]))
    (row,) = audit(found)["by game and mechanism"].rows
    cooperation, gini, gap = (row.figures[name] for name in ("cooperation", "gini", "gap"))
    assert cooperation.worlds == pytest.approx([1 / 3, 1 / 2])
    assert (gini.n, gini.missing, gini.reason) == (1, 1, "a seat is missing")
    assert gini.value == pytest.approx(4 / (2 * 9 * 5 / 3))  # (1, 2, 2): sum |x-y| = 4
    assert gap.worlds == pytest.approx([(1 + 0.5 + 0.5) / 3])
    assert "1 of 2 matches have no value: a seat is missing" in str(audit(found))
    trace = to_traces(found)["pg", "none"]
    assert trace.valid.all() and trace.alive.all()
    assert np.isnan(trace.book["pay"][1, 0, 2]) and np.isnan(trace.objective[1, 0])
    assert trace.act["action"][1, 0].tolist() == [0, 1, -1]
    assert trace.labels["model"].tolist() == [["A", "B", "C"], ["A", "B", ""]]


def test_what_is_undefined_is_na_with_a_reason(read):
    text = f"{HEAD}\nmp,none,1,0,1,A,HEADS,1\nmp,none,1,0,2,B,TAILS,-1\n"
    found = audit(read(text + "solo,none,1,0,1,A,GIVE,0\n"))
    values = figures(found, "by game and mechanism")
    assert values["mp", "none"] == close(cooperation=np.nan, points=0, gini=np.nan, gap=2)
    assert values["solo", "none"] == close(cooperation=1, points=0, gini=np.nan, gap=np.nan)
    text = str(found)
    for reason in ("no cooperative act", "points below 0", "one seat only"):
        assert f"NA ({reason})" in text
    assert "mp none" in text  # the cooperative acts of the game
    row = found.to_dict()["tables"]["by game and mechanism"][0]
    assert row["cooperation"]["value"] is None
    assert row["cooperation"]["reason"] == "no cooperative act"
    json.dumps(found.to_dict(), allow_nan=False)


def test_seats_that_change_hands(read):
    # Reputation: the pairing changes each round. A: 0, 2; B: 3; C: 2. Means 1, 3, 2 -> Gini 2/9.
    rows = ["1,0,1,A,COOPERATE,0", "1,0,2,B,DEFECT,3", "1,1,1,C,COOPERATE,2", "1,1,2,A,COOPERATE,2"]
    found = read("\n".join([HEAD, *(f"pd,reputation,{row}" for row in rows)]))
    values = figures(audit(found), "by model")
    assert values["A",] == close(cooperation=1, points=1, gini=2 / 9, exploitation=-1.5)
    assert values["B",] == close(cooperation=0, points=3, gini=2 / 9, exploitation=3)
    trace = to_traces(found)["pd", "reputation"]
    assert trace.labels["model"].tolist() == [["(changes)", "(changes)"]]
    players = np.array(trace.recipe["players"])[trace.events["player"].astype(int)]
    assert players.tolist() == [[["A", "B"], ["C", "A"]]]


def test_traces_hold_every_decision(read):
    trace = to_traces(read(TWO))["pd", "none"]
    assert trace.shape == (2, 2, 2) and trace.seeds.tolist() == [0, 1]
    assert trace.alive.tolist() == [[True, True], [True, False]]
    assert trace.book["pay"].tolist() == [[[0, 3], [2, 2]], [[1, 1], [0, 0]]]
    assert trace.objective.tolist() == [[3, 4], [2, 0]]
    assert trace.events["cooperated"].tolist() == [[[1, 0], [1, 1]], [[0, 0], [0, 0]]]
    assert trace.recipe["actions"] == ["COOPERATE", "DEFECT"]
    assert trace.decisions().height == 6
    assert [s.name for s in trace.card.stakeholders] == ["seat 1", "seat 2"]
    assert trace.card.oracle == Unknown("matches differ in length")


def test_the_oracle_is_read_off_a_complete_payoff_table(read):
    pairs = {"COOPERATE COOPERATE": "2 2", "COOPERATE DEFECT": "0 3"}
    pairs |= {"DEFECT COOPERATE": "3 0", "DEFECT DEFECT": "1 1"}
    rows = [HEAD]
    for m, (acts, points) in enumerate(pairs.items()):
        for seat, (act, point) in enumerate(zip(acts.split(), points.split(), strict=True)):
            rows.append(f"pd,none,{m},0,{seat},A,{act},{point}")

    def oracle(*more):
        return to_traces(read("\n".join([*rows, *more])))["pd", "none"].card

    assert oracle().oracle == Oracle(best=4, worst=3, certificate="best known")
    assert (oracle().stakeholders[0].low, oracle().stakeholders[0].high) == (0, 3)
    paid = oracle("pd,none,9,0,0,A,DEFECT,2", "pd,none,9,0,1,A,DEFECT,2").oracle
    assert "more than the actions decides" in paid.reason
    twice = [f"{row[:10]}1{row[11:]}" for row in rows[1:]]  # the same again in round 1
    assert oracle(*twice).oracle == Oracle(best=8, worst=6, certificate="best known")
    del rows[3:5]
    assert oracle().oracle == Unknown("1 of 4 joint actions were never played")


@pytest.mark.parametrize("seed", range(3))
def test_swapping_labels_swaps_the_rows_and_leaves_the_totals(read, seed):
    rng = np.random.default_rng(seed)
    rows = [HEAD]
    for match in range(8):
        models = rng.choice(["A", "B"], 2)
        for t in range(3):
            for seat, model in enumerate(models):
                act = rng.choice(["COOPERATE", "DEFECT"])
                rows.append(f"pd,none,{match},{t},{seat},{model},{act},{rng.integers(5)}")
    one = read("\n".join(rows))
    swapped = pl.col("model").replace({"A": "B", "B": "A"})
    two = replace(one, frame=one.frame.with_columns(swapped))
    before, after = audit(one), audit(two)
    assert before["by game and mechanism"] == after["by game and mechanism"]
    for title in ("by model", "by mechanism and model", "by game and model"):
        a, b = (figures(found, title) for found in (before, after))
        assert len(a) == 2
        for key, values in a.items():
            assert b[(*key[:-1], {"A": "B", "B": "A"}[key[-1]])] == close(**values)


def test_every_way_in_gives_the_same_recordings(read, tmp_path):
    wanted = read(TWO).frame
    assert read(TWO.replace(",", ";")).frame.equals(wanted)
    assert read(TWO.replace(",", "\t"), "t.tsv").frame.equals(wanted)
    assert read("\ufeff" + TWO.replace("\n", "\r\n")).frame.equals(wanted)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TWO.encode()))
    assert read_recordings(tmp_path / "t.csv.gz").frame.equals(wanted)
    pl.read_csv(StringIO(TWO)).write_parquet(tmp_path / "t.parquet")
    parquet = read_recordings(str(tmp_path / "t.parquet")).frame
    assert parquet.drop("line").equals(wanted.drop("line"))
    assert parquet["line"].to_list() == [1, 2, 3, 4, 5, 6]


def test_columns_are_guessed_or_mapped(read):
    text = TWO.replace(HEAD, "Scenario,treatment,episode,t,player,llm,choice,payoff")
    guessed = read(text)
    assert guessed.frame.equals(read(TWO).frame)
    assert guessed.columns.points == "payoff" and guessed.columns.match == ("episode",)
    odd = TWO.replace(HEAD, "a,b,c,d,e,f,g,h")
    pairs = ["game=a", "mechanism=b", "match=c", "round=d", "seat=e", "model=f,b", "action=g"]
    mapped = read(odd, columns=Columns.parse([*pairs, "points=h", "cooperative=pd:defect"]))
    assert mapped.frame["model"].unique(maintain_order=True).to_list() == ["A (none)", "B (none)"]
    assert mapped.frame["cooperated"].to_list() == [0, 1, 0, 0, 1, 1]
    rows = (f"travellers_dilemma,1,0,{seat},A,CLAIM_{seat},1" for seat in range(4))
    claims = read("\n".join([HEAD.replace("mechanism,", ""), *rows])).frame
    assert claims["cooperated"].to_list() == [0, 0, 0, 1]
    bare = read("match,seat,model,action,points\n1,10,x/A,GIVE,1\n1,9,y/B,KEEP,1\n").frame
    assert bare.select("game", "mechanism", "round").unique().rows() == [("all", "all", 0)]
    assert bare["seat"].to_list() == [10, 9] and bare["model"].to_list() == ["A", "B"]
    assert read(TWO, columns=Columns(game="")).frame["game"].unique().to_list() == ["all"]
    kept = read("match,seat,model,action,points\n1,1,x/A,GIVE,1\n1,2,y/A,KEEP,1\n").frame
    assert kept["model"].to_list() == ["x/A", "y/A"]  # two providers of one name stay apart


ERRORS = [
    (
        "t.csv",
        TWO.replace("points", "z"),
        {},
        "t.csv has no column for points; .*: say .* points=COLUMN$",
    ),
    ("t.csv", TWO, {"action": "choise"}, "no column 'choise' .wanted for action.; it has game, "),
    ("t.csv", TWO, {"model": ("model", "prompt")}, "no column 'prompt' .wanted for model"),
    ("t.csv", TWO, {"cooperative": ("SHARE",)}, "'SHARE' is never played in t.csv; it has COOP"),
    ("t.csv", HEAD + "\n", {}, "t.csv has no rows; wanted a header line and then one line per"),
    ("t.csv", "", {}, "t.csv has no rows"),
    (
        "t.csv",
        HEAD + "\n" + 'pd,none,1,0,1,A,"C,1\n',
        {},
        "line 2: unexpected end of data.; wanted",
    ),
    ("t.csv", "game,game\n1,2\n", {}, "the header names 'game' twice.; wanted UTF-8"),
    ("t.csv", "\n1,2\n", {}, "t.csv has no rows"),
    ("t.csv", HEAD + "\npd,none,1,0,1,A,C,?\n", {}, "none of the 1 rows .* line 2: points is '.'"),
    ("t.xlsx", "?", {}, "t.xlsx ends in .xlsx; wanted a table .*: save it as t.csv"),
    ("t.parquet", "?", {}, "t.parquet cannot be read as .parquet"),
    ("t.csv.gz", "?", {}, "t.csv.gz cannot be read as .csv .Not a gzipped file"),
]


@pytest.mark.parametrize("name, text, columns, match", ERRORS)
def test_errors_say_what_came_and_what_would_work(read, name, text, columns, match):
    with pytest.raises(ValueError, match=match) as error:
        read(text, name, Columns(**columns))
    assert "\n" not in str(error.value)


def test_unreadable_files_are_one_line_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not a file; wanted .*audit recordings\.csv"):
        read_table(tmp_path / "nowhere.csv")
    pl.DataFrame({"match": [1], "seat": [1], "model": ["A"], "action": [["C"]], "points": [1]}).write_parquet(
        tmp_path / "nested.parquet"
    )
    with pytest.raises(ValueError, match=r"'action' holds List\(String\); wanted one text"):
        read_recordings(tmp_path / "nested.parquet")
    (tmp_path / "latin.csv").write_bytes(HEAD.encode() + b"\n\xff\xfe")
    with pytest.raises(ValueError, match="latin.csv cannot be read .* wanted UTF-8"):
        read_table(tmp_path / "latin.csv")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(TWO.encode())[:-20])
    with pytest.raises(ValueError, match="cut.csv.gz cannot be read"):
        read_table(tmp_path / "cut.csv.gz")


@pytest.mark.parametrize("pair", ["action", "act=choice", "points=", "=x"])
def test_a_mapping_that_is_none_says_what_would_work(pair):
    with pytest.raises(ValueError, match=rf"came as '{pair}'; wanted key=column .*: action=choice"):
        Columns.parse([pair])


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_the_terminal(read, width):
    text = TWO + TWO.partition("\n")[2].replace("none,1", "none,3").replace("none,2", "none,4")
    text = text.replace(",A,", ",a-model-with-a-rather-long-name (CoT),")
    out = StringIO()
    audit(read(text)).render(Console(file=out, width=width))
    assert max(map(len, out.getvalue().splitlines())) <= width
    assert "0.50\n" not in out.getvalue() and "[0.12, 0.88]" in out.getvalue()


def test_no_number_is_cut_where_there_is_no_room(read):
    """A terminal of 30 columns gets a wider table, with every number in it."""
    out, wide = StringIO(), StringIO()
    audit(read(TWO)).render(Console(file=out, width=30))
    audit(read(TWO)).render(Console(file=wide, width=100))
    assert "…" not in out.getvalue()
    assert "cooperation" in out.getvalue() and out.getvalue().count("0.50") == wide.getvalue().count("0.50")


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_file(), reason="needs ../shared/data (recordings not ours to ship)")
def test_real_recordings_are_fully_accounted_for():
    found = read_recordings(DATA)
    assert (found.read, found.kept, found.bad.height) == (29_088, 29_088, 0)
    assert found.frame["model"].n_unique() == 6
    traces = to_traces(found)
    assert len(traces) == 36
    assert sum(np.isfinite(x.book["pay"][x.alive]).sum() for x in traces.values()) == 29_088
    counts = found.frame.group_by("game").agg(pl.col("cooperated").sum(), pl.len()).rows()
    assert {game: (did, n) for game, did, n in counts} == {
        "prisoners_dilemma": (2127, 3312),
        "public_goods": (4219, 14_688),
        "stag_hunt": (3171, 3312),
        "trust_game": (2590, 3312),
        "travellers_dilemma": (585, 2232),
        "matching_pennies": (0, 2232),
    }
    report = audit(found)
    assert all(sum(row.decisions for row in table.rows) == 29_088 for table in report.tables)
    for row in report["by game and mechanism"].rows:  # the table says what the traces say
        trace = traces[row.key]
        did = np.where(trace.alive[..., None], trace.events["cooperated"], np.nan)
        if row.declared:
            assert row.figures["cooperation"].value == pytest.approx(np.nanmean(did, axis=(1, 2)).mean())
        assert len(trace.seeds) == row.matches
    json.dumps(report.to_dict(), allow_nan=False)


def test_what_a_mediator_did_is_not_passed_off_as_a_models_choice(tmp_path):
    path = tmp_path / "t.csv"
    rows = ["game,match,round,seat,model,action,points,mediated", "pd,1,0,1,a,C,3,1", "pd,1,0,2,b,C,3,"]
    path.write_text("\n".join(rows) + "\n")
    noted = " ".join(audit(read_recordings(path)).to_dict()["notes"])
    assert "In 1 rows a mediator acted for the player" in noted
    path.write_text(path.read_text().replace(",3,1", ",3,"))
    assert "mediator" not in " ".join(audit(read_recordings(path)).to_dict()["notes"])
