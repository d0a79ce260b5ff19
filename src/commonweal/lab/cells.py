"""The cells of a study's folder: written with a digest of every byte, and checked when they are read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._describe import identity
from .._measure import NA, Measure
from .._stored import Damaged, reading, steady, write_table
from .._trace import Trace
from .acts import digests
from .speech import spoken
from .store import fingerprint, read_json, seal, unseal

OLD = 1  # the format of folders whose cells carry no digests


class State(NamedTuple):
    """What a folder lacks: cells, cells that do not match (why), measures of cells; and what cells tell."""

    missing: set[str]
    damaged: dict[str, str]
    lacking: dict[str, list[str]]
    told: dict[str, dict[str, Any]]

    @property
    def todo(self) -> set[str]:
        """The cells to run."""
        return self.missing | set(self.damaged) | set(self.lacking)


def fill(part: Path, trace: Trace, measures: Sequence[Measure], plan: Mapping[str, Any], name: str) -> dict:
    """Write a cell into a folder: numbers per world, what was not available, the first traces.

    Returned are the measures that failed, with why; they are not in the cell, and all others are.
    """
    columns: dict[str, Any] = {"seed": np.asarray(trace.seeds, np.int64), "invalid": trace.invalid}
    columns["acts"] = digests(trace)
    for row, x in trace.book.items():
        sums = x.sum(axis=(1, 2), dtype=float)
        columns[f"book:{row}"] = np.where(trace.valid & np.isfinite(sums), sums, np.nan)
    columns |= spoken(trace)
    found, missing, infinite, failed = {}, {}, {}, {}
    for one in measures:
        try:
            numbers = _numbers(one, trace)
        except NA as reason:
            missing[one.name] = steady(str(reason))
        except Exception as error:  # noqa: BLE001  (whatever a user's measure raises, the others are stored)
            own = isinstance(error, Misshapen)
            failed[one.name] = steady(str(error) if own else f"raised {type(error).__name__}: {error}")
        else:
            found[one.name] = list(numbers)
            lost = np.any([np.isinf(x) for x in numbers.values()], axis=0) if numbers else np.zeros(0)
            infinite |= {one.name: int(lost.sum())} if lost.any() else {}
            columns |= {key: np.where(np.isinf(x), np.nan, x) for key, x in numbers.items()}
    write_table(pl.DataFrame(columns), part / "values.parquet")
    kept = trace.seeds < plan["keep"]
    if kept.any():
        trace.worlds(kept).save(part / "trace")
    told = {"key": plan["cells"][name]["key"], "columns": found, "missing": missing, "infinite": infinite}
    told["measures"] = {key: identity(plan["measures"][key]) for key in [*found, *missing]}
    (part / "cell.json").write_bytes(seal(told | {"files": fingerprint(part)}))
    return failed


class Misshapen(ValueError):
    """A measure gave something else than one number, or one row, a world."""


def _numbers(one: Measure, trace: Trace) -> dict[str, np.ndarray]:
    """The measure's columns, Float[W] each, NaN in worlds that are not valid."""
    valid = trace.valid
    if not valid.any():
        return {}
    found = one(trace.worlds(valid))
    if found.ndim not in (1, 2) or len(found) != valid.sum():
        raise Misshapen(
            f"gave shape {found.shape} for {valid.sum()} worlds; wanted one number (or "
            "one row) a world: x.sum(axis=(1, 2))"
        )
    table = np.full((len(valid), found.size // len(found)), np.nan)
    table[valid] = found.reshape(len(found), -1)
    if found.ndim == 1:
        return {one.name: table[:, 0]}
    if one.per == "stakeholder":
        labels = [s.name for s in trace.card.stakeholders]
    elif one.columns:
        labels = list(one.columns)
    else:
        labels = [f"{one.per if one.per != 'world' else 'column'} {i}" for i in range(table.shape[1])]
    return {f"{one.name}:{label}": x for label, x in zip(labels, table.T, strict=True)}


def read_cell(folder: Path, plan: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a cell tells of itself.

    Raises:
        Damaged: a byte of it is not as it was written, or it is another cell.
    """
    home = folder / "cells" / name
    if plan["format"] == OLD:
        with reading(home / "cell.json"):
            told = read_json(home / "cell.json")
        if told["key"] != plan["cells"][name]["key"]:
            raise Damaged(f"{home} is the cell of another plan")
        return told | {"measures": dict.fromkeys(plan["measures"], ""), "infinite": {}}
    found = fingerprint(home)
    told = unseal(home / "cell.json")
    odd = [path for path in {**found, **told["files"]} if found.get(path) != told["files"].get(path)]
    if (
        home / "trace" / "ledger"
    ).is_dir():  # words may have been redacted since, which its log says and checks
        odd = [path for path in odd if path not in ("trace/messages.parquet", "trace/replies.parquet")]
    if odd:
        raise Damaged(f"{home / odd[0]} is not as it was written")
    if told["key"] != plan["cells"][name]["key"]:
        raise Damaged(f"{home} is another cell, or one of another plan")
    return told


def state(folder: Path, plan: Mapping[str, Any]) -> State:
    """Which cells of the plan the folder lacks, in whole or in part; every byte of the others is checked."""
    found = State(set(), {}, {}, {})
    wanted = {key: "" if plan["format"] == OLD else identity(one) for key, one in plan["measures"].items()}
    for name in plan["cells"]:
        home = folder / "cells" / name
        if not home.exists() and not home.is_symlink():
            found.missing.add(name)
            continue
        try:
            told = found.told[name] = read_cell(folder, plan, name)
        except Damaged as why:
            found.damaged[name] = str(why)
            continue
        lost = [key for key, one in wanted.items() if told["measures"].get(key) != one]
        if lost:
            found.lacking[name] = lost
    return found
