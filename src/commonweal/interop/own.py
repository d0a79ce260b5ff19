"""Anybody's data as a trace: arrays of pay and acts, or a table with one row a decision, without a card."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._bounds import nearest
from .._card import no_card
from .._columns import unsound
from .._trace import Trace
from .cells import Cells, cells

Given = Any  # of each: an array, or the name of a column
Columns = dict[tuple[str, str], Given]  # (column of the trace, name in it)


def trace_of(
    table: Any = None,
    *,
    pay: Given,
    acts: Given | Mapping[str, Given] = None,
    intents: Given | Mapping[str, Given] = None,
    events: Mapping[str, Given] | None = None,
    alive: Any = None,
    world: str | None = "world",
    t: str | None = "t",
    agent: str = "agent",
    title: str = "your data",
) -> Trace:
    """A trace of your own data, which every measure reads; what needs a card or a recipe is NA.

    From arrays: shape [worlds, ticks, agents], or [ticks, agents] of one world, or [agents] of one
    round. From a `table` (polars or pandas DataFrame, or a mapping of columns): one row for each world,
    tick and agent, and names of columns instead of arrays.

    **Main arguments**

    - `pay`: what each agent got. The objective of a tick is the sum of it.
    - `acts`: what each did, one array (the channel `act`) or several by name of the channel. Numbers, or
      words, which are options.
    - `events`: further numbers by name, as measures ask for them: `cooperated` (0 to 1), `catch`, `price`.

    **Other arguments**

    - `intents`: as `acts`, what each chose; pass the acts again if nothing stood between the two.
    - `alive`: Bool[W, T] (or [T]), the ticks that were played, where worlds differ in length. A table
      needs none: a tick of which a world has no row was not played in it.
    - `world`, `t`, `agent`: the columns of a table that say whose row it is; `world=None` says that all is
      one world, `t=None` that all is one round.
    - `title`: how the data is called in what is printed.

    A world in which a number is missing (no row, no value, NaN or infinite) is invalid, with the reason:
    it enters no number, and is counted.

    **Raises**

    - ValueError: shapes that differ, a column that is not there, two rows of one agent in one tick, words
      where numbers are wanted, no world without a gap.
    """
    columns: Columns = {("book", "pay"): pay}
    for kind, given in (("act", acts), ("intent", intents), ("events", events)):
        columns |= {(kind, name): x for name, x in _named(given, table).items()}
    recipe: dict[str, Any] = {"kind": "your data"}
    if table is None:
        raw = _arrays(columns)
        played = _alive(alive, raw["book", "pay"].shape[:2])
        return _trace(raw, played, np.arange(len(played)), title, recipe)
    if alive is not None:
        raise ValueError(
            "alive= came beside a table, where a tick without a row was not played: leave it out"
        )
    here = _cells(table, {"world": world, "t": t, "agent": agent})
    raw = {key: _column(table, x, _called(*key)) for key, x in columns.items()}
    recipe |= {k: x.tolist() for k, x in zip(("worlds", "ticks", "agents"), here.names, strict=True)}
    return _trace(raw, here.alive, here.names[0], title, recipe, here)


def _trace(
    raw: Columns,
    alive: np.ndarray,
    worlds: np.ndarray,
    title: str,
    recipe: dict[str, Any],
    here: Cells | None = None,
) -> Trace:
    """The trace of columns [W, T, n], or of a table's columns with the cell of each row."""
    numbers, options = _numbers(raw)
    found = {k: np.where(alive[..., None], here.fill(x) if here else x, 0.0) for k, x in numbers.items()}
    gap = " (no row, or no number in it)" if here else ""
    _shares(found.get(("events", "cooperated")))
    invalid = unsound(
        {_called(*key): x for key, x in found.items()},
        lambda t: f"at t={recipe['ticks'][t] if here else t}{gap}",
    )
    if all(invalid):
        raise ValueError(
            f"no world of {len(invalid)} is complete; in the first, {invalid[0]}; wanted a number for each "
            "agent in each tick that was played: fill in 0 where nothing happened, or drop the tick"
        )
    tables: dict[str, Any] = {"book": {}, "act": {}, "intent": {}, "events": {}}
    for (kind, name), x in found.items():
        whole = kind in ("act", "intent") and (name in options or raw[kind, name].dtype.kind in "iub")
        tables[kind][name] = np.where(np.isfinite(x), x, -1).astype(np.int64) if whole else x
    w, t, n = found["book", "pay"].shape
    return Trace(
        seeds=(worlds if worlds.dtype.kind in "iu" else np.arange(w)).astype(np.int64),
        card=no_card(n, title),
        utility=np.zeros((w, t, 0)),
        objective=found["book", "pay"].sum(axis=2),
        harm=np.zeros((w, t, n, 0)),
        alive=alive,
        invalid=tuple(invalid),
        recipe=recipe | {"options": options},
        **tables,
    )


def _shares(cooperated: np.ndarray | None) -> None:
    """Refuse what no share of cooperation can be; a number that is missing is found later."""
    wrong = np.empty(0) if cooperated is None else cooperated[(cooperated < 0.0) | (cooperated > 1.0)]
    if wrong.size:
        raise ValueError(
            f"event 'cooperated' holds {wrong[0]:g}; wanted 1 (yes), 0 (no) or a share between: "
            "events={'cooperated': acts == 1}"
        )


def _called(kind: str, name: str) -> str:
    """What a column is called in an error or a reason."""
    return name if kind == "book" else f"{kind.removesuffix('s')} {name!r}"


def _named(given: Any, table: Any) -> dict[str, Given]:
    """Columns by name: none, several, or one; an array is then called `act`, a column by its name."""
    if given is None or isinstance(given, Mapping):
        return dict(given or {})
    if table is None:
        return {"act": given}
    return {str(one): one for one in ([given] if isinstance(given, str) else given)}


def _arrays(columns: Columns) -> dict[tuple[str, str], np.ndarray]:
    """Each as [W, T, n]."""
    found, shape = {}, None
    for key, given in columns.items():
        try:
            x = np.asarray(given)
        except ValueError:  # rows of different length
            x = np.empty(0)
        shape = x.shape if shape is None else shape
        if x.shape != shape or not 1 <= x.ndim <= 3 or not x.size:
            like = "[worlds, ticks, agents], [ticks, agents] or [agents]"
            like = like if key[0] == "book" else f"that of pay, {shape}"
            raise ValueError(
                f"{_called(*key)} has shape {x.shape if x.size else 'none'}; wanted {like}: pad worlds of "
                "different length and say alive=, or pass a table"
            )
        found[key] = x.reshape((1,) * (3 - x.ndim) + x.shape)
    return found


def _alive(given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Bool[W, T]; all ticks where nothing is said."""
    found = np.ones(shape, bool) if given is None else np.asarray(given)
    if found.dtype != bool or found.shape not in (shape, shape[1:] if shape[0] == 1 else shape):
        raise ValueError(
            f"alive has shape {found.shape} and kind {found.dtype}; wanted [worlds, ticks], {shape}, of "
            "bool: alive=np.arange(ticks) < lengths[:, None]"
        )
    return found.reshape(shape)


def _numbers(raw: Columns) -> tuple[dict[tuple[str, str], np.ndarray], dict[str, list[str]]]:
    """The columns as numbers, NaN where there is none; and the options of acts that are words, by channel.

    A word becomes the number of its option, in alphabetic order.
    """
    found, said, options = {}, {}, dict[str, list[str]]()
    for key, x in raw.items():
        try:
            found[key] = x.astype(float)
        except (TypeError, ValueError):
            known = np.array([one is not None and one == one for one in x.ravel()], bool).reshape(x.shape)
            if key[0] not in ("act", "intent"):
                came = f"{_called(*key)} holds {str(x[known][0])!r}"
                raise ValueError(f"{came}; wanted numbers, such as 1 for yes and 0 for no") from None
            said[key] = known, x[known].astype(str)
            options[key[1]] = sorted({*options.get(key[1], ()), *said[key][1].tolist()})
    for key, (known, words) in said.items():
        found[key] = np.full(known.shape, np.nan)
        found[key][known] = np.searchsorted(options[key[1]], words)
    return found, options


def _column(table: Any, given: Given, what: str) -> np.ndarray:
    """A column of a table of any kind."""
    names = [str(name) for name in (table if isinstance(table, Mapping) else table.columns)]
    if not isinstance(given, str) or given not in names:
        like = nearest(str(given), names)
        raise ValueError(
            f"the table has no column {given!r} (wanted for {what}); it has {', '.join(names)}: name one "
            f"of them, {what.split()[0].rstrip('=')}={like!r}"
        )
    column = table[given]
    found = np.asarray(column.to_numpy() if hasattr(column, "to_numpy") else column)
    if found.ndim != 1:
        raise ValueError(f"column {given!r} has shape {found.shape}; wanted one value a row: flatten it")
    return found


def _in_order(ticks: np.ndarray, name: str) -> np.ndarray:
    """Ticks that are written as words, as numbers: as words, 10 would come before 2."""
    for one in np.unique(ticks.astype(str)).tolist():
        try:
            float(one)
        except ValueError:
            said = f"column {name!r} holds {one!r} for t; wanted numbers or dates, which say what comes first"
            raise ValueError(f"{said}: number the ticks") from None
    return ticks.astype(float)


def _cells(table: Any, roles: dict[str, str | None]) -> Cells:
    """Whose row each is; refuses a row that does not say it, and two rows of the same."""
    if not isinstance(table, Mapping) and not hasattr(table, "columns"):
        raise TypeError(
            f"the table came as {type(table).__name__}; wanted a DataFrame or a mapping of columns: "
            'cw.trace_of(polars.read_csv("games.csv"), pay="payoff")'
        )
    found = {role: _column(table, name, f"{role}=") for role, name in roles.items() if name is not None}
    rows = len(next(iter(found.values())))
    for role, x in found.items():
        empty = np.array([one is None or one != one for one in x.tolist()], bool)
        if empty.any() or not rows:
            said = f"row {int(empty.argmax())} has no {role}" if rows else "the table has no rows"
            raise ValueError(
                f"{said}; wanted world, t and agent in each row (column {roles[role]!r}): fill it in"
            )
        found[role] = x.astype(str) if x.dtype.kind in "OM" else x
        if role == "t" and found[role].dtype.kind == "U" and x.dtype.kind != "M":
            found[role] = _in_order(x, str(roles[role]))
    here = cells(*(found.get(role, np.zeros(rows, int)) for role in roles))
    _, first, times = np.unique(
        np.ravel_multi_index(here.at, here.shape), return_index=True, return_counts=True
    )
    if (times > 1).any():
        row = first[times.argmax()]
        says = ", ".join(f"{role} {x[row]}" for role, x in found.items())
        raise ValueError(
            f"{times.max()} rows are of {says}; wanted one row for each world, tick and agent: name the "
            'columns that tell them apart, world="match", t="round", agent="player"'
        )
    return here
