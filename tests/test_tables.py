"""Tables of decisions as people have them: each is read as the plain table is, or what is wrong is named."""

import gzip
import json
import os

import polars as pl
import pytest

from commonweal.interop import Columns, audit_any, read_any, read_recordings
from commonweal.interop.conversation import MOST

NAMES = ["match", "round", "seat", "model", "action", "points"]
ROWS = [
    (m, t, i, f"m{i}", act, points)
    for m in range(3)
    for t in range(2)
    for i, (act, points) in enumerate([("DEFECT", 2.5), ("COOPERATE", 0.25 + m)])
]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
FRAME = pl.DataFrame(ROWS, NAMES, orient="row")


def text(separator=",", decimal=".", head=(), index=False, names=NAMES):
    lines = [list(names)] + [[str(x).replace(".", decimal) for x in row] for row in ROWS]
    if index:
        lines = [["" if i == 0 else str(i - 1), *line] for i, line in enumerate(lines)]
    return "\n".join([*head, *(separator.join(line) for line in lines)]) + "\n"


@pytest.fixture
def read(tmp_path):
    def read(name, content, columns=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_any(path, columns)

    return read


def decided(found):
    """The decisions that were read, whatever they were read from."""
    return found.frame.select("world", "round", "seat", "model", "action", "points").rows()


def columns_of(orient):
    by_row = {str(i): one for i, one in enumerate(RECORDS)}
    by_column = {name: {str(i): one[name] for i, one in enumerate(RECORDS)} for name in NAMES}
    return {
        "records": RECORDS,
        "columns": by_column,
        "index": by_row,
        "split": {"columns": NAMES, "index": list(by_row), "data": [list(row) for row in ROWS]},
        "table": {"schema": {"fields": []}, "data": [{"index": i} | one for i, one in enumerate(RECORDS)]},
        "list": {name: [one[name] for one in RECORDS] for name in NAMES},
        "under a key": {"version": 1, "results": RECORDS},
    }[orient]


ORIENTS = ["records", "columns", "index", "split", "table", "list", "under a key"]
NOTES = {
    "t.csv": (text(), ""),
    "semicolon.csv": (text(";"), ""),
    "bar.csv": (text("|"), ""),
    "comment.csv": (text(head=["# made by a tool, v1", ""]), "Comment lines, left out: 1."),
    "comments.csv": (text().replace("\n1,0,0", "\n# half way\n1,0,0"), "Comment lines, left out: 1."),
    "sep.csv": (text(";", head=["sep=;"]), ""),
    "index.csv": (text(index=True), "The column without a name is taken for pandas' index, and left out."),
    "comma.csv": (text(";", ","), "Decimal commas are read as points, in points."),
    "utf16.csv": (text().encode("utf-16"), ""),
    "bom.csv": (b"\xef\xbb\xbf" + text().encode(), ""),
    "windows.csv": (text().replace("\n", "\r\n"), ""),
    "long.csv": (text().replace("DEFECT,", "DEFECT,").replace("points\n", "points,prompt\n").replace(
        "5\n", f"5,{'x' * 200_000}\n").replace("\n\n", "\n"), ""),
    "packed.csv.gz": (gzip.compress(text().encode()), ""),
    "lines.jsonl": ("\n".join(map(json.dumps, RECORDS)), ""),
    **{f"{orient}.json": (json.dumps(columns_of(orient)), "") for orient in ORIENTS},
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_each_is_read_as_the_plain_table_is(name, read):
    content, note = NOTES[name]
    found = read(name, content)
    assert decided(found) == decided(read("plain.csv", text())) and found.read == found.kept == len(ROWS)
    assert list(found.notes) == [note] * bool(note)
    assert all(one in str(audit_any(found_path(read, name, content))) for one in found.notes)


def found_path(read, name, content):
    read(name, content)
    return next(cell.cell_contents for cell in read.__closure__) / name


def test_thousands_are_no_decimals_and_both_are_named(read):
    found = read("t.csv", "round;seat;model;action;points\n0;0;a;C;1,500\n0;1;b;C;2\n")
    assert found.bad.rows() == [(2, "points is '1,500', wanted a number up to 1e+30")]
    found = read("t.csv", 'round,seat,model,action,points\n0,0,a,C,"1,5"\n0,1,b,C,2\n')
    assert found.bad.rows() == [(2, "points is '1,5', wanted a number up to 1e+30")]


def test_cells_that_say_that_there_is_no_value_are_empty(read):
    found = read(
        "t.csv", "round,seat,model,action,points\n0,0,a,NA,1\n0,1,b,nan,1\n0,2,null,C,1\n0,3,d,none,1\n"
    )
    assert found.bad.rows() == [(2, "action is empty"), (3, "action is empty"), (4, "model is empty")]
    assert found.frame["action"].to_list() == ["none"]  # an act of that name


def test_without_a_match_column_all_is_one_match_unless_seats_decide_twice(read):
    lines = text().splitlines()
    one = [line.partition(",")[2] for line in [lines[0], *lines[1:5]]]
    found = read("one.csv", "\n".join(one))
    assert found.frame["world"].n_unique() == 1 and found.notes == (
        "No column names a match: all rows are one.",
    )
    several = "\n".join(line.partition(",")[2] for line in lines)
    with pytest.raises(ValueError, match=r"has no column for match \(looked for run, .* as in match=COLUMN$"):
        read("several.csv", several)


def test_a_folder_is_one_table_and_files_that_tell_of_the_same_decision_are_matches(read, tmp_path):
    (tmp_path / "f").mkdir()
    for name in ("a.csv", "b.csv"):
        (tmp_path / "f" / name).write_text(text())
    found = read_any(tmp_path / "f")
    assert found.kept == 2 * len(ROWS) and found.frame["world"].n_unique() == 6
    assert found.notes[1] == "Files tell of the same decisions: the file is part of what names a match."
    half = text().splitlines()
    (tmp_path / "f" / "a.csv").write_text("\n".join(half[:7]))
    (tmp_path / "f" / "b.csv").write_text("\n".join([half[0], *half[7:]]))
    found = read_any(tmp_path / "f")  # one table in two parts
    assert decided(found) == decided(read("plain.csv", text())) and found.notes == (
        "2 tables are read as one.",
    )
    (tmp_path / "f" / "c.csv").write_text("match,match\n")
    (tmp_path / "f" / "b.csv").write_text(text().replace("2.5", "much", 1))
    found = read_any(tmp_path / "f")
    assert any(
        "Left out: c.csv cannot be read as .csv (the header names 'match' twice)" in x for x in found.notes
    )
    assert found.bad.rows()[0] == (2, "b.csv: points is 'much', wanted a number up to 1e+30")


def test_the_folders_of_a_parquet_hive_are_columns(tmp_path):
    for game in ("pd", "stag"):
        (tmp_path / "h" / f"game={game}").mkdir(parents=True)
        FRAME.write_parquet(tmp_path / "h" / f"game={game}" / "part-0.parquet")
    found = read_any(tmp_path / "h")
    assert found.frame.group_by("game").len().sort("game").rows() == [("pd", 12), ("stag", 12)]
    assert found.frame["world"].n_unique() == 6 and found.notes == ("2 tables are read as one.",)


def test_the_environment_log_of_govsim_is_read_as_harvests(read):
    harvest = {"action": "harvesting", "concurrent_harvesting": True, "html_interactions": ["<p>"]}
    rows = [
        {"agent_id": f"persona_{i}", "round": t, "resource_collected": 8 + i, "wanted_resource": 10 + i}
        | harvest
        for t in range(2)
        for i in range(5)
    ]
    talk = {
        "agent_id": "persona_0",
        "agent_name": "John",
        "round": 0,
        "action": "utterance",
        "utterance": "hi",
    }
    found = read("log_env.json", json.dumps([*rows, talk]))
    assert (found.read, found.kept) == (10, 10) and found.frame["points"].to_list()[:2] == [8.0, 9.0]
    assert found.frame["action"].to_list()[:2] == ["10", "11"] and found.frame["world"].n_unique() == 1
    assert "Rows of talk, left out: 1." in found.notes


def test_records_that_are_none_are_named(read):
    found = read("t.json", json.dumps([*RECORDS, 3]))
    assert found.kept == 12 and found.bad.rows() == [(13, "came 3, wanted an object")]
    found = read("t.jsonl", "\n".join([*map(json.dumps, RECORDS), "{"]))
    assert found.kept == 12 and "no JSON" in found.bad["reason"][0]
    with pytest.raises(ValueError, match="t.json cannot be read as .json .it is no list of records"):
        read("t.json", '{"a": {"b": 1}, "c": {"d": 2}}', Columns(points="b"))


def test_a_name_is_advised_only_if_it_is_near(read):
    with pytest.raises(ValueError, match=r"no column for points; .* as in points=pointz$"):
        read("t.csv", text(names=[*NAMES[:-1], "pointz"]))
    with pytest.raises(ValueError, match=r"no column for points; .* as in points=COLUMN$"):
        read("t.csv", text(names=[*NAMES[:-1], "prompt"]))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("match,round,seat,,action,points", "column 4 of the header has no name"),
        ("match,round,seat,model,action,match", "the header names 'match' twice"),
    ],
)
def test_a_header_that_names_no_column_is_named(header, said, read):
    with pytest.raises(ValueError, match=said):
        read("t.csv", f"{header}\n0,0,0,a,C,1\n")


def test_empty_columns_without_a_name_are_no_columns(read):
    lines = text(";").splitlines()
    assert decided(read("t.csv", "\n".join(f"{line};;" for line in lines))) == decided(read("p.csv", text()))


def test_what_is_too_much_or_never_ends_is_refused_in_one_line(tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.csv.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        for _ in range((MOST >> 20) + 1):
            file.write(bytes(1 << 20))
    with pytest.raises(ValueError, match="more than 256 MiB unpacked: split it, or save it as Parquet"):
        read_recordings(bomb)
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", "/dev/zero"):
        with pytest.raises(FileNotFoundError, match="is a pipe or a device, and is not waited for; wanted"):
            read_any(path)


def test_the_columns_of_a_simulation_without_match_and_model(read):
    found = read(
        "t.csv", "round,Agent ID,move,payoff\n0,0,cooperate,1\n0,1,defect,2\n1,0,defect,0\n1,1,defect,0\n"
    )
    assert found.frame["model"].to_list() == ["0", "1", "0", "1"] and found.columns.seat == "Agent ID"
    assert found.notes == (
        "No column names a match: all rows are one.",
        "No column names a model: each seat is one.",
    )


@pytest.mark.parametrize(("points", "suspect"), [([1, 2, 3, 3, 5, 6], True), ([1, 2, 3, 2, 5, 6], False)])
def test_running_totals_are_suspected(points, suspect, read, tmp_path):
    rows = [f"{t},{i},C,{x + i}" for t, x in enumerate(points) for i in range(2)]
    read("t.csv", "\n".join(["round,agent,action,score", *rows]))
    assert ("are they running totals?" in str(audit_any(tmp_path / "t.csv"))) == suspect


def test_whole_numbers_with_a_gap_name_the_same_seat(read):
    found = read("t.csv", "round,agent,action,points\n0,1.0,2.0,1\n0,01,2,2\n1,1,2.50,0\n")
    assert found.frame.select("seat", "action").rows() == [("1", "2"), ("01", "2"), ("1", "2.50")]


def test_a_row_of_several_decisions_is_told_from_a_missing_column(read):
    with pytest.raises(
        ValueError, match=r"if a row is several decisions \(player_a, player_b\), make one row"
    ):
        read("t.csv", "round,player_a,player_b,move_a,move_b\n0,x,y,C,D\n")


def test_a_parquet_file_of_too_many_cells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("commonweal.interop.tables.CELLS", 10)
    FRAME.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"72 cells, more than 10: split it"):
        read_any(tmp_path / "t.parquet")
