"""Local against global, condition by condition: each society taken apart beside a reference.

For O, V and P (Nash), v(S) is the mean over worlds with the agents in S themselves and the study's
`reference` in all other seats. What was computed is kept in the study's folder.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._describe import identity
from .._measure import NA, Measure
from .._mind import Mind
from .._run import run
from .._society import Society
from .._stored import Damaged, write
from ..accounts.coalitions import tables
from ..accounts.interaction import interaction
from .store import read_json, seal, unseal

PARTS = ("objective_alignment", "value_alignment", "preference_nash")
MOST = 64  # worlds: of every coalition
SPEAK = "some of its agents answer in words, and asking costs: commonweal account RUN --budget CALLS"


def take_apart(
    folder: Path,
    plan: Mapping[str, Any],
    societies: Mapping[str, Society],
    measures: Sequence[Measure],
    reference: Mind | Sequence[Mind],
) -> None:
    """Compute what is missing of each condition of a study, and write it into the study's folder."""
    for i, (condition, society) in enumerate(societies.items()):
        home, key = folder / "company" / f"{i:02d}.json", _key(plan, condition)
        if _stored(home, key):
            continue
        home.parent.mkdir(exist_ok=True)
        parts = {"": {"NA": SPEAK}} if society.speakers else dict(_parts(plan, society, measures, reference))
        write(home, seal({"condition": condition, "key": key, "parts": parts}))


def _stored(home: Path, key: str) -> bool:
    """Whether it is there, whole and of this plan; else it is computed again."""
    try:
        return unseal(home)["key"] == key
    except Damaged:
        return False


def changed_company(folder: Path) -> Iterator[str]:
    """What `take_apart` wrote and is not as it was written, in words."""
    for path in sorted((folder / "company").glob("*.json")):
        try:
            unseal(path)
        except Damaged as why:
            yield str(why)


def read_company(folder: Path, *, checked: bool = True) -> dict[str, dict[str, Any]]:
    """By condition and measure: what `take_apart` found, or under `NA` why there is nothing.

    Raises:
        Damaged: it is `checked` and not as it was written.
    """
    paths = sorted((folder / "company").glob("*.json"))
    told = [unseal(path) if checked else read_json(path) for path in paths]
    return {one["condition"]: one["parts"] for one in told}


def _key(plan: Mapping[str, Any], condition: str) -> str:
    """A digest of all that it depends on."""
    depends = [plan[name] for name in ("measures", "made with", "reference", "reference code", "theta")]
    told = plan["conditions"][condition]
    return identity([*depends, told["identity"], told["code"], min(plan["worlds"], MOST)])


def _parts(
    plan: Mapping[str, Any], society: Society, measures: Sequence[Measure], reference: Any
) -> Iterator[tuple[str, dict[str, Any]]]:
    trace, known = run(society, min(plan["worlds"], 2)), []
    for one in (one for one in measures if one.name in PARTS):
        try:
            one(trace)
            known.append(one)
        except NA as reason:
            yield one.name, {"NA": str(reason)}
    found = tables(society, min(plan["worlds"], MOST), known, stand_in=reference) if known else ()
    for one, table in zip(known, found, strict=True):
        yield one.name, interaction(table, one.better, plan["theta"]).as_dict()
