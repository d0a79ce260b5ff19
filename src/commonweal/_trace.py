"""All that happened in a batch of worlds, in columns, and the recipe to run it again.

In the shape descriptions `W` is worlds, `T` ticks, `n` agents, `k` stakeholders, `v` values.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ._card import Card, Oracle, Stakeholder, Unknown, Value
from ._columns import column_files, refuse_misfits
from ._journal import REPLIES
from ._plain import shown
from ._stored import read_table, reading, write_table, writing

MESSAGES = {"world": pl.Int64, "t": pl.Int64, "agent": pl.Int64, "channel": pl.String, "text": pl.String}
TABLES = {"messages": MESSAGES, "replies": REPLIES}


def no_messages() -> pl.DataFrame:
    """An empty messages table: world, t, agent, channel, text."""
    return pl.DataFrame(schema=MESSAGES)


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """What happened, world by world.

    - `seeds`: Int[W], the name of each world.
    - `card`: the scenario's card.
    - `intent`, `act`: channel -> [W, T, n], what was chosen and what was executed.
    - `book`: row -> Float[W, T, n]; row `pay` is the material payoff, every institution that
      moved payoffs has a row of its own name.
    - `felt`: Float[W, T, n], the net payoff as each agent's profile values it.
    - `utility`: Float[W, T, k]; `objective`: Float[W, T]; `harm`: Float[W, T, n, v].
    - `events`: name -> Float[W, T, n], the scenario's named facts.
    - `odds`: channel -> Float[W, T, n, options], where minds state their choice probabilities.
    - `alive`: Bool[W, T], whether the tick was played; columns are 0 where it was not.
    - `invalid`: one string a world, empty when the world is valid, else the reason. A run's world is
      invalid where a speaker has no answer, or pay, a booking, utility, objective, harm or `felt` is NaN
      or infinite; invalid worlds enter no number, and are counted.
    - `messages`: table of world, t, agent, channel, text. What is no act stands under a channel in
      parentheses: (notes), (refusal), (malformed), (claim) NAME, (fact) NAME: what it then did or saw.
    - `refused`: Bool[W, T, n], decisions that a speaker would not take; it then did nothing.
    - `replies`: table of every answered call of a speaker (see `_journal`), from which a replay goes on.
    - `labels`: name -> [W, n], facts about who sat where (model, prompting), never read by measures
      of behavior.
    - `recipe`: JSON-able; how to run it again.

    Raises:
        ValueError: a column whose shape or kind does not fit pay and the card; seeds that are not one a
            world, or name a world twice (which only a trace with the recipe of a run may do).
    """

    seeds: np.ndarray
    card: Card
    book: dict[str, np.ndarray]
    utility: np.ndarray
    objective: np.ndarray
    harm: np.ndarray
    alive: np.ndarray
    intent: dict[str, np.ndarray] = field(default_factory=dict)
    act: dict[str, np.ndarray] = field(default_factory=dict)
    events: dict[str, np.ndarray] = field(default_factory=dict)
    felt: np.ndarray | None = None
    odds: dict[str, np.ndarray] = field(default_factory=dict)
    invalid: tuple[str, ...] = ()
    messages: pl.DataFrame = field(default_factory=no_messages)
    refused: np.ndarray | None = None
    replies: pl.DataFrame = field(default_factory=partial(pl.DataFrame, schema=REPLIES))
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if "pay" not in self.book:
            raise ValueError(
                f"a trace's book needs a row 'pay' (material payoff); came rows {sorted(self.book)}"
            )
        if not self.invalid:
            object.__setattr__(self, "invalid", ("",) * len(self.seeds))
        refuse_misfits(self)

    def __repr__(self) -> str:
        w, t, n = self.shape
        lost = int((~self.valid).sum())
        return f"Trace({shown(self.card.title)}: {w} worlds ({lost} invalid), {t} ticks, {n} agents)"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(worlds, ticks, agents)."""
        w, t, n = self.book["pay"].shape
        return w, t, n

    @property
    def valid(self) -> np.ndarray:
        """Bool[W]: the worlds that count."""
        return np.array([reason == "" for reason in self.invalid], dtype=bool)

    @property
    def net(self) -> np.ndarray:
        """Float[W, T, n]: material payoff plus every row of the book."""
        return np.sum(list(self.book.values()), axis=0)

    def worlds(self, keep) -> "Trace":
        """The trace of some worlds only; `keep` is a mask, a slice, a position or a list of positions."""
        where = np.asarray(keep) if isinstance(keep, list | tuple) else keep
        where = where.astype(int) if isinstance(where, np.ndarray) and not where.size else where
        index = np.atleast_1d(np.arange(len(self.seeds))[where])

        def cut(value):
            if isinstance(value, Mapping):
                return {name: array[index] for name, array in value.items()}
            return value[index] if isinstance(value, np.ndarray) else value

        renumber = pl.DataFrame(
            {"world": index, "new": np.arange(len(index))}, schema_overrides={"new": pl.Int64}
        )
        messages = self.messages.join(renumber, on="world", how="inner", maintain_order="left")
        messages = (
            messages.with_columns(world=pl.col("new")).drop("new").sort("world", "t", "agent", "channel")
        )
        replies = self.replies.filter(pl.col("seed").is_in(self.seeds[index].tolist()))
        skip = {"card", "recipe", "messages", "replies", "invalid"}
        parts = {f.name: cut(getattr(self, f.name)) for f in fields(self) if f.name not in skip}
        invalid = tuple(self.invalid[i] for i in index)
        return replace(self, **parts, messages=messages, replies=replies, invalid=invalid)

    def decisions(self) -> pl.DataFrame:
        """The long table, one row a world, tick and agent, of the ticks that were played."""
        w, t, n = self.shape
        grid = np.indices((w, t, n)).reshape(3, -1)
        columns = {"seed": np.asarray(self.seeds)[grid[0]], "world": grid[0], "t": grid[1], "agent": grid[2]}
        columns |= {f"intent:{name}": x.ravel() for name, x in self.intent.items()}
        columns |= {f"act:{name}": x.ravel() for name, x in self.act.items()}
        columns |= {f"book:{name}": x.ravel() for name, x in self.book.items()}
        columns |= {f"event:{name}": x.ravel() for name, x in self.events.items()}
        for i, value in enumerate(self.card.values):
            columns[f"harm:{value.name}"] = self.harm[..., i].ravel()
        for name, x in self.odds.items():
            columns |= {f"odds:{name}:{i}": x[..., i].ravel() for i in range(x.shape[-1])}
        for name, x in self.labels.items():
            columns[name] = np.broadcast_to(x[:, None], (w, t, n)).ravel()
        if self.felt is not None:
            columns["felt"] = self.felt.ravel()
        return pl.DataFrame(columns).filter(self.alive[grid[0], grid[1]])

    def to_pandas(self) -> Any:
        """`decisions` as a pandas DataFrame.

        Raises:
            ImportError: pandas or pyarrow is not there; the extra `commonweal[pandas]` brings both.
        """
        return in_pandas(self.decisions())

    def save(self, folder: str | os.PathLike) -> Path:
        """Write the trace to a new folder of Parquet files; all of it appears, or nothing."""
        folder = Path(folder)
        if folder.exists():
            raise FileExistsError(f"{folder} exists; a trace is never overwritten: save to a new folder")
        part = folder.with_name(f".{folder.name}.part-{os.getpid()}")
        shutil.rmtree(part, ignore_errors=True)
        try:
            with writing(folder):
                part.mkdir(parents=True)
                self._write(part)
                part.rename(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return folder

    def _write(self, part: Path) -> None:
        arrays = flatten(self)
        meta = {"format": 1, "shapes": {}, "card": card_to_dict(self.card), "invalid": list(self.invalid)}
        meta["recipe"] = self.recipe
        for shape in sorted({a.shape for a in arrays.values()}):
            group = {name: a for name, a in arrays.items() if a.shape == shape}
            file = "x".join(map(str, shape)) + ".parquet"
            digest = write_table(
                pl.DataFrame({name: group[name].ravel() for name in sorted(group)}), part / file
            )
            meta["shapes"][file] = {"shape": list(shape), "columns": sorted(group), "sha256": digest}
        for name in TABLES:  # without a digest, which would confirm a guess at words that were redacted since
            write_table(getattr(self, name), part / f"{name}.parquet")
        (part / "trace.json").write_text(json.dumps(meta, indent=1, sort_keys=True))


def in_pandas(table: pl.DataFrame) -> Any:
    """The table as a pandas DataFrame. Raises ImportError with the line that installs what is missing."""
    for name in ("pandas", "pyarrow"):
        if find_spec(name) is None:
            raise ImportError(
                f"to_pandas() needs {name}, which is not here: pip install 'commonweal[pandas]'"
            )
    return table.to_pandas()


def flatten(trace: Trace) -> dict[str, np.ndarray]:
    """Every array of the trace under a flat name, `column` or `table/column`."""
    flat = {}
    for f in fields(trace):
        value = getattr(trace, f.name)
        if isinstance(value, np.ndarray):
            flat[f.name] = value
        elif isinstance(value, Mapping) and f.name != "recipe":
            flat |= {f"{f.name}/{name}": array for name, array in value.items()}
    return flat


def load(folder: str | os.PathLike) -> Trace:
    """Read back what `Trace.save` wrote.

    Raises:
        FileNotFoundError: there is no trace in that folder.
        ValueError: it keeps columns elsewhere.
        Damaged: a file of it is not there, or is not as it was written.
    """
    folder = Path(folder)
    if not (folder / "trace.json").is_file():
        raise FileNotFoundError(f"{folder} holds no trace.json; wanted a folder that Trace.save wrote")
    with reading(folder / "trace.json"):
        meta = json.loads((folder / "trace.json").read_text(encoding="utf-8"))
    shapes = column_files(meta, folder)
    with reading(folder / "trace.json"):
        flat = dict(_columns(folder, shapes))
        card = card_from_dict(meta["card"])
        w, t = flat["alive"].shape
        n, k, v = card.n_agents, len(card.stakeholders), len(card.values)
        parts: dict[str, Any] = {
            "utility": np.zeros((w, t, k), np.float32),
            "harm": np.zeros((w, t, n, v), np.float32),
        }
        for name, array in flat.items():
            table, _, column = name.partition("/")
            if column:
                parts.setdefault(table, {})[column] = array
            else:
                parts[table] = array
        sealed = any("sha256" in what for what in shapes.values())
        for name, columns in TABLES.items():
            if sealed or (folder / f"{name}.parquet").exists():  # older versions left empty ones out
                parts[name] = read_table(folder / f"{name}.parquet", columns)
        return Trace(card=card, invalid=tuple(meta["invalid"]), recipe=meta["recipe"], **parts)


def _columns(folder: Path, shapes: Mapping[str, Any]) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of a stored trace, by its flat name."""
    for file, what in shapes.items():
        frame = read_table(folder / file, what["columns"], what.get("sha256"))
        for name in what["columns"]:
            with reading(folder / file):
                column = frame[name].to_numpy().reshape(what["shape"]).copy()
            yield name, column.astype(str) if column.dtype == object else column


def card_to_dict(card: Card) -> dict[str, Any]:
    """A card as JSON-able data."""
    known = isinstance(card.oracle, Oracle)
    return {
        **{
            name: getattr(card, name) for name in ("title", "citation", "setting", "objective", "rights_rate")
        },
        "stakeholders": [vars(s) for s in card.stakeholders],
        "values": [vars(v) for v in card.values],
        "represents": card.represents.tolist(),
        "oracle": {"kind": "oracle" if known else "unknown", **vars(card.oracle)},
    }


def card_from_dict(data: Mapping[str, Any]) -> Card:
    """The card that `card_to_dict` described."""
    oracle = dict(data["oracle"])
    kind = Oracle if oracle.pop("kind") == "oracle" else Unknown
    rest = {key: data[key] for key in ("title", "citation", "setting", "objective", "rights_rate")}
    return Card(
        **rest,
        stakeholders=tuple(Stakeholder(**s) for s in data["stakeholders"]),
        values=tuple(Value(**v) for v in data["values"]),
        represents=np.reshape(data["represents"], (len(data["represents"]), len(data["stakeholders"]))),
        oracle=kind(**oracle),
    )
