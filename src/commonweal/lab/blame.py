"""Accounts of all stored traces of a folder, under one budget of calls."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from .._measure import Measure
from .._mind import Mind
from ..accounts.account import account
from ..accounts.decisions import decisions
from .again import opened, stored


def accounts(
    folder: Path,
    harm: Measure,
    stand_in: Mind | None,
    *,
    by: tuple[str, ...],
    world: int = 0,
    theta: float | None = None,
    budget: int | None = None,
    called: str | None = None,
    trusted: bool = False,
) -> Iterator[tuple[str, str, Any]]:
    """Name of the trace, `agent` or `decision`, and the account by it; what one spends the next has not.

    `called` is what the stand-in is named in print, by default as one would write it.
    `trusted`: what the recipes name may be imported, see `opened`.

    Raises:
        ValueError: by agent without a stand-in, a theta that is no number.
    """
    if "agent" in by and stand_in is None:
        raise ValueError("by agent, somebody must sit there instead; wanted --stand-in FairShare")
    if theta is not None and not isfinite(theta):
        raise ValueError(f"theta came as {theta}; wanted a number in the measure's unit: --theta 10")
    for name, path in stored(folder, trusted).items():
        trace = opened(path, trusted, asks=bool(budget))
        for kind in by:
            if kind == "decision":
                found = decisions(trace, harm, world=world, budget=budget, stand_in=stand_in)
            else:
                assert stand_in is not None
                found = account(trace, harm, stand_in, theta=theta, budget=budget, called=called)
            budget = budget and budget - found.calls
            yield name, kind, found
