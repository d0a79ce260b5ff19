"""Whether two conditions acted alike: a digest of all acts of each world, compared world by world."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from .._trace import Trace

READS = ("minds", "profiles")  # of a society: what decides how it reacts


def digests(trace: Trace) -> list[str]:
    """One digest a world of everything that was done in it, channel by channel, while it lasted."""
    found = [hashlib.blake2b(digest_size=8) for _ in trace.seeds]
    for name in sorted(trace.act):
        acts = np.asarray(trace.act[name])
        alive = trace.alive.reshape(*trace.alive.shape, *(1,) * (acts.ndim - 2))
        for one, world in zip(found, np.where(alive, acts, 0), strict=True):
            one.update(name.encode() + np.ascontiguousarray(world).tobytes())
    return [one.hexdigest() for one in found]


def same_acts(plan: Mapping[str, Any], name: str, here: pl.DataFrame, base: pl.DataFrame) -> str:
    """That all acts of a condition equal those of the baseline, and why if it is known; else nothing."""
    if not {"acts"} <= {*here.columns} & {*base.columns}:  # of an older version
        return ""
    valid = (here["invalid"] == "") & (base["invalid"] == "")
    if not valid.any() or (here["acts"] != base["acts"]).fill_null(True).filter(valid).any():
        return ""
    told, other = (plan["conditions"][one] for one in (name, plan["baseline"]))
    fact = f"all acts equal those of {plan['baseline']}"
    mine, its = (one["society"]["fields"] for one in (told, other))
    laws = [{law["name"]: law for law in one["institutions"]} for one in (told, other)]
    more = [law for law in {**laws[0], **laws[1]} if (law in laws[0]) != (law in laws[1])]
    if any(mine[part] != its[part] for part in READS) or not more:
        return fact
    return f"{fact}: these minds ({', '.join(told['minds'])}) do not react to {' or '.join(more)}"
