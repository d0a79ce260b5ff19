"""A provider that dies after k calls, for every k of a short study: what is lost is counted, never scored."""

import json

import numpy as np
import pytest
from inspect_ai.model import get_model

import commonweal as cw
from commonweal.lab.study import Study
from commonweal.language import LLM
from commonweal.measures import HOLISTIC, welfare
from commonweal.minds import Constant
from commonweal.testing.probe import Probe

WORLDS = 3
GAME = Probe(n_agents=2, horizon=2)  # pays with luck: every world has numbers of its own
CALLS = 2 * WORLDS * (2 + 1)  # two rounds; two speakers, and one beside a rule


def study(calls):
    """Two conditions whose language models share one provider, which lives for so many calls."""
    model = get_model("commonweal/rehearsal-fair", memoize=False, calls=calls)
    voice = LLM(model, attempts=1)
    conditions = {"two speak": cw.Society(GAME, voice)}
    conditions["one speaks"] = cw.Society(GAME, [voice, Constant(give=3.0)])
    return Study("short", conditions, WORLDS, [*HOLISTIC, welfare], chunk=2, keep=0), model.api


def answered(folder):
    """Replies on disk by condition and world."""
    found = {}
    for file in (folder / "replies").glob("*.jsonl"):
        for line in file.read_text().splitlines():
            world = (file.name[:2], json.loads(line)[0][0])
            found[world] = found.get(world, 0) + 1
    return found


def same(one, other):
    """Whether two tables hold the same bits."""
    return one.columns == other.columns and all(
        np.array_equal(one[c].to_numpy(), other[c].to_numpy(), equal_nan=one[c].dtype.is_float())
        for c in one.columns
    )


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    plan, api = study(10**9)
    results = plan.run(tmp_path_factory.mktemp("healthy") / "run", progress=False)
    assert api._made == CALLS and not any(results.invalid.values())
    return results


@pytest.mark.parametrize("k", range(CALLS + 1))
def test_no_world_counts_that_lacks_a_call(k, healthy, tmp_path):
    plan, api = study(k)
    results = plan.run(tmp_path / "run", progress=False)
    calls = answered(tmp_path / "run")
    assert sum(calls.values()) == k  # all that the provider said is kept, and nothing else
    kept = 0
    for place, name in enumerate(results.conditions):
        rows, full = results._rows[name], healthy._rows[name]
        whole = np.array([calls.get((f"{place:02d}", w), 0) == 2 * (2 - place) for w in range(WORLDS)])
        assert ((rows["invalid"] == "").to_numpy() == whole).all()
        assert all(bool(reason) != ok for reason, ok in zip(rows["invalid"], whole, strict=True))
        lost = results.invalid[name]
        assert sum(lost.values()) + whole.sum() == WORLDS
        assert all("dead" in reason for reason in lost)
        kept += int(whole.sum())
        told = ("condition", "seed", "invalid", "acts", "training")  # and no scores
        scored = [c for c in rows.columns if c not in told and "speech:" not in c]
        for column in scored:
            mine, theirs = rows[column].fill_null(np.nan).to_numpy(), full[column].to_numpy()
            assert np.array_equal(mine, np.where(whole, theirs, np.nan), equal_nan=True), column
        for column, found in results.estimates[name].items():
            known = whole.any() and healthy.estimates[name][column].n
            assert (found.n, found.n + found.missing) == (whole.sum() if known else 0, WORLDS), column
            assert bool(found.reason) == bool(found.missing)
    cells = [results.cell(name, "welfare") for name in results.conditions]
    print(f"\n| {k} | {kept} | {2 * WORLDS - kept} | {' | '.join(cells)} |")
    again, revived = study(10**9)
    mended = again.run(tmp_path / "run", progress=False, retry=True)
    assert same(mended.table, healthy.table) and str(mended) == str(healthy)
    assert revived._made == CALLS - k  # what was paid for is not asked again
