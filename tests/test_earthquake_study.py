"""The exact numbers of the earthquake, to the last printed digit.

They come from an independent enumeration in float64.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import commonweal as cw
from commonweal.institutions import Commitment
from commonweal.minds import Planned
from commonweal.minds.equilibrium import EquilibriumPlay, solve, unfold
from commonweal.scenarios.earthquake import RANGES, Earthquake
from commonweal.studies import earthquake as study
from commonweal.studies.earthquake_page import page

ROOT = Path(__file__).resolve().parent.parent

QUAKE = Earthquake()


@pytest.fixture(scope="module")
def game():
    return unfold(QUAKE)


@pytest.fixture(scope="module")
def everything(game):
    honest = study.truthful(game)
    assert honest.sum() ** 2 == 518_400
    return study.outcomes(game, [honest, honest])


@pytest.mark.slow
def test_the_outcomes_are_those_of_the_reference(everything):
    found = study.trade_offs(everything, 518_400)
    assert found["outcomes"] == 62_268
    assert found["deaths"] == [11.0, 26.0]
    assert found["front"] == 60 and found["V >= .5"] == 31 and found["and O >= .8, every P >= .5"] == 7
    assert found["deaths on the front"] == [13.0, 18.0]
    rounded = {name: round(x, 2) for name, x in found["correlations"].items()}
    assert rounded == {"O~V": 0.10, "P_min~V": 0.06, "O~P_min": 0.56}


def test_fewest_deaths_and_the_holistic_optimum(everything):
    s = study.score(everything)
    fewest = np.flatnonzero(study.deaths(everything) == 11.0)
    best = fewest[np.lexsort((s.P[fewest, :4].sum(axis=1), s.conduct[fewest]))[-1]]
    np.testing.assert_allclose(s.P[best, :4], [0.97, 0.29, 0.21, 0.80], atol=0.005)
    assert study.unmet(everything)[best].tolist() == [2, 2, 0] and round(s.V[best], 2) == 0.33
    best = np.lexsort((s.P[:, :4].sum(axis=1), s.H))[-1]
    np.testing.assert_allclose(s.P[best, :4], [0.88, 0.69, 0.57, 0.93], atol=0.005)
    assert study.unmet(everything)[best].tolist() == [1, 1, 2] and round(s.H[best], 2) == 0.57


def ranges(quake):
    """Least and most utility of every stakeholder over all joint plans, by backward induction."""
    found = []
    for pick in (np.min, np.max):
        later = None
        for level in reversed(unfold(quake).levels):
            total = level.outcome.utility.astype(float)
            if later is not None:
                total = total + np.where(level.after[:, None] >= 0, later[np.maximum(level.after, 0)], 0.0)
            later = np.stack([pick(total[level.block(s)], axis=0) for s in range(len(level.menus))])
        found.append(later[0])
    return np.array(found).T


def test_the_ranges_are_exact():
    np.testing.assert_allclose(ranges(QUAKE), RANGES[2], atol=1e-4)


@pytest.mark.slow
def test_the_ranges_of_six_rounds_are_exact():
    np.testing.assert_allclose(ranges(Earthquake(rounds=6)), RANGES[6], atol=1e-4)


def test_equilibrium_leaves_x_to_die_and_passes_every_local_check(game):
    found = solve(QUAKE)
    assert found.equilibria[0] == 48
    assert np.abs(found.regret).max() < 1e-4 and np.abs(found.task_regret).max() < 1e-4
    np.testing.assert_allclose(found.value, [-11.5, -4.0, 1.0, 10.5], atol=1e-4)
    plans = [QUAKE.channels()["split"].render(s) for s in found.play["split"][:, 0]]
    assert plans == ["0-3-0", "3-0-0"]
    assert found.play["permit"][:, 1:3].tolist() == [[1, 1], [1, 1]]
    # every one of the 48, followed by equilibrium play
    first, second = game.levels
    seen = set()
    for joint in range(48):
        mine = np.stack([found.first[name][joint] for name in game.channels], axis=1)
        row = int(np.flatnonzero((first.acts == mine).all(axis=(1, 2)))[0])
        rows = row, found.picks[1][first.after[row]]
        seen.add(sum(float(v.outcome.harm[r, :, 0].sum()) for v, r in zip(game.levels, rows, strict=True)))
    assert seen == {17.0}
    # all equilibria of all second rounds send nothing to X
    assert len(second.menus) == 19 and found.counts[1].sum() == 320


def test_no_second_round_equilibrium_of_any_subgame_serves_x(game):
    second = game.levels[1]
    pay, shape = second.outcome.pay.astype(float), [len(m) for m in second.menus[0]]
    served = []
    for s in range(len(second.menus)):
        block = pay[second.block(s)].reshape(*shape, 4)
        calm = np.ones(shape, bool)
        for i in range(4):
            calm &= block[..., i] >= block[..., i].max(axis=i, keepdims=True) - 1e-4
        served += second.outcome.events["delivered_x"][second.block(s)][calm.ravel()].sum(axis=1).tolist()
    assert len(served) == 320 and set(served) == {0.0}


def test_only_n_and_a_together_can_repair_it(game):
    found = study.coalitions(game, solve(QUAKE))
    assert list(found)[:5] == ["N", "A", "B", "L", "NA"]
    for name, (h, v) in found.items():
        expected = (0.57, 0.83) if {"N", "A"} <= set(name) else (0.0, 0.0)
        assert (round(h, 2), round(v, 2)) == expected, name
    assert study.smallest(found) == "NA" and study.smallest(found, floor=0.9) is None


ELECTED = {  # deaths, V by rule
    "4 principals": [(17, 0.0)] * 7,
    "+ delegate of X": [(17, 0), (13, 0.25), (13, 0.83), (15, 0.58), (13, 0.83), (13, 0.83), (14, 0.8)],
    "+ delegates of X and of life": [
        *((11, 0.33), (13, 0.25), (13, 0.83), (13, 0.83), (11, 0.33), (13, 0.83), (14, 0.8))
    ],
}


@pytest.mark.parametrize("electorate", ELECTED)
def test_elections(everything, electorate):
    found = study.election(everything, electorate)
    assert found["candidates"] == (57 if electorate == "4 principals" else 81)
    won = [(w["deaths"], round(w["V"], 2)) for w in found["winners"].values()]
    assert dict(zip(study.RULES, won, strict=True)) == dict(
        zip(study.RULES, ELECTED[electorate], strict=True)
    )


def test_the_front_keeps_ties_and_drops_the_dominated():
    points = np.array([[1.0, 0.0], [0.0, 1.0], [0.4, 0.4], [0.3, 0.4], [0.4, 0.4]])
    assert study.front(points).tolist() == [0, 1, 2, 4]


BAD, GOOD, X_MANDATE = (17, (1, 0, 3)), (15, (2, 1, 1)), (13, (2, 1, 1))
TREATMENTS = [  # protected, fund, mandate, leader, best and worst (deaths, unmet), equilibria
    (0, 0, 0.0, 1, BAD, BAD, None),
    (0, 2, 0.0, None, BAD, BAD, (48, 48)),
    (0, 4, 0.0, None, BAD, BAD, (48, 48)),
    (1, 0, 0.0, None, BAD, BAD, (48, 48)),
    (1, 1, 0.0, None, GOOD, BAD, (16, 48)),
    (1, 2, 0.0, None, GOOD, BAD, (16, 56)),
    (0, 2, 0.0, 1, BAD, BAD, None),
    (1, 0, 0.0, 1, BAD, BAD, None),
    (1, 2, 0.0, 1, GOOD, GOOD, None),
    (1, 2, 0.0, 0, (11, (2, 2, 0)), (11, (2, 2, 0)), None),
    (0, 0, 1.0, None, BAD, BAD, (48, 48)),
    (1, 0, 0.25, None, BAD, BAD, (48, 48)),
    (1, 0, 0.5, None, X_MANDATE, BAD, (24, 56)),
    (1, 0, 1.0, None, X_MANDATE, BAD, (32, 64)),
    (1, 0, 0.5, 1, X_MANDATE, X_MANDATE, None),
]


def treated(protected, fund, mandate=0.0, leader=None):
    laws = study.laws(float(protected), float(fund))
    return cw.under(Earthquake(mandate=mandate), *laws, *([] if leader is None else [Commitment((leader,))]))


@pytest.mark.parametrize(("protected", "fund", "mandate", "leader", "best", "worst", "counts"), TREATMENTS)
def test_treatments(protected, fund, mandate, leader, best, worst, counts):
    society = treated(protected, fund, mandate, leader)
    seen = []
    for select, wanted in (("best", best), ("worst", worst)):
        found, levels = solve(society, select), unfold(society).levels
        seen.append(int(found.equilibria[0]))
        dead = sum(float(v.outcome.harm[k, :, 0].sum()) for v, k in zip(levels, found.path, strict=True))
        left = levels[-1].outcome.events["unmet"][found.path[-1]][[1, 2, 0]]
        assert (dead, tuple(left.astype(int))) == wanted, select
    assert counts is None or tuple(seen) == counts


def test_over_payment_destabilizes():
    with pytest.raises(ValueError, match=r"no pure equilibrium at t=0 \(.*need \[4, 3, 3\], round 0\)"):
        solve(treated(1, 3))


@pytest.mark.slow
def test_a_dose_of_zero_is_no_law():
    plan = solve(QUAKE).play
    plain = cw.run(cw.Society(QUAKE, Planned(plan)), 1)
    dosed = cw.run(cw.Society(cw.under(QUAKE, *study.laws()), Planned(plan)), 1)
    assert np.array_equal(plain.utility, dosed.utility) and np.array_equal(plain.net, dosed.net)


@pytest.fixture(scope="module")
def rows():
    return study.demo()


@pytest.fixture(scope="module")
def ends(rows):
    return {(r["condition"], r["equilibrium"]): r for r in rows if r["kind"] == "condition"}


@pytest.mark.slow
def test_the_demo_tells_the_whole_story(rows, ends):
    told = study.rows_as_dict(rows)
    json.dumps(told, allow_nan=False)
    for (name, select), row in ends.items():
        good = "fund" in name and "gate" in name and (select == "best" or "A first" in name)
        assert row["unmet"] == ([2, 1, 1] if good or name == "all four" else [1, 0, 3])
        assert row["O"] == 1.0 and round(row["P_min"], 2) == 0.54
    none, cured = ends["none", "best"], ends["all four", "worst"]
    assert (none["V"], none["gate"], none["local-global gap"]) == (0.0, "closed", 1.0)
    assert all(none["checks passed"].values())
    assert [round(x, 2) for x in none["P"].values()] == [0.75, 0.54, 1.0, 0.98]
    assert (round(cured["V"], 2), round(cured["H"], 2), cured["gate"]) == (0.73, 0.54, "open")
    assert told["front"][0]["front"] == 60 and told["coalition"][0]["smallest"] == "NA"
    found = page(rows)
    assert len(found.findings) == 4 and len(found.sections) == 3
    assert "V is 0.00: of 3 units that district X needs, 3 never come" in found.findings[0]
    assert "V 0.73, 15 instead of 17 deaths. At worst, V is still 0.00, with 17 deaths" in found.findings[1]
    assert "15 die at worst. There V is still 0.00 and the rights gate closed" in found.findings[2]
    assert "as good as the best: V 0.73, 15 deaths, the rights gate open" in found.findings[3]


@pytest.mark.slow
def test_the_worst_equilibrium_is_a_lie_until_an_audit_fines_it(ends):
    for name in study.CONDITIONS:
        assert ends[name, "worst"]["conduct"] == float(name == "all four" or "audit" in name)
        assert ends[name, "best"]["conduct"] == 1.0
    worst = solve(cw.under(QUAKE, *study.CONDITIONS["gate + fund + A first"]), "worst")
    assert worst.play["report"].max() == 1  # the lie is the only unlawful act
    for name, lawful in (("overfly", [0]), ("surge", [0]), ("permit", [1, 2])):
        assert np.isin(worst.play[name], lawful).all()


@pytest.mark.slow
@pytest.mark.parametrize("fine", [0.01, 1.0])
def test_any_fine_will_do_and_none_of_the_four_can_be_left_out(fine):
    whole = {"protected": 1.0, "fund": 2.0, "fine": fine}

    def worst(leaders, **doses):
        society = cw.under(QUAKE, *study.laws(**doses), *leaders)
        trace = cw.run(cw.Society(society, EquilibriumPlay("worst")), 1)
        return round(float(study.score(trace).V[0]), 2)

    assert worst([study.LEADER], **whole) == 0.73
    assert worst([], **whole) == 0.0
    for left_out in whole:
        assert worst([study.LEADER], **(whole | {left_out: 0.0})) == 0.0


def cells(row):
    return [f"{row['deaths']:g}", f"{row['V']:.2f}", row["gate"]]


@pytest.mark.slow
def test_the_table_of_the_readme_is_what_the_study_computes(ends):
    lines = re.findall(r"^\| ([^|]+) \| (\d.*) \|$", (ROOT / "README.md").read_text(), re.M)
    shown = {name: line.split(" | ") for name, line in lines}
    singles = [name for name in study.CONDITIONS if "+" not in name and name != "all four"]
    assert singles == ["none", "gate", "fund", "A first", "audit"]
    assert set(shown) == {"none, or one alone"} | set(study.CONDITIONS) - set(singles)
    for name in study.CONDITIONS:
        line = shown["none, or one alone" if name in singles else name]
        assert line == cells(ends[name, "best"]) + cells(ends[name, "worst"]), name


@pytest.mark.slow
def test_the_picture_shows_what_the_study_computes(ends):
    drawn = (ROOT / "docs" / "earthquake.svg").read_text()
    dots = re.findall(r'aria-label="alignment: ([\d.]+); condition: ([^;]+); what: (\w+)', drawn)
    part = {"O": "O", "P": "P_min", "V": "V"}
    said = {"none": "no institution", "A first": "A commits first"}
    for end in ("best", "worst"):  # the panel of the best comes first
        half, dots = dots[: 3 * len(study.CONDITIONS)], dots[3 * len(study.CONDITIONS) :]
        shown = {(name, part[what]): float(score) for score, name, what in half}
        for name in study.CONDITIONS:
            for what in part.values():
                assert shown[said.get(name, name), what] == pytest.approx(ends[name, end][what], abs=0.0051)
    assert not dots
