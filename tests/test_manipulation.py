"""The manipulation check: planted profiles come back, wrong ones are flagged, and chance says nothing."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console
from tracing import make_trace

import commonweal as cw
from commonweal.minds import Constant, Random, Respondent
from commonweal.scenarios import Commons, Menus
from commonweal.scenarios.menus import KINDS
from commonweal.studies.manipulation import NAMES, RATES, Answers, check, numbers, realize

PLANTED = [
    cw.Profile(svo=40.0, precision=0.3),
    cw.Profile(envy=0.85, guilt=0.3, precision=0.5),
    cw.Profile(prospect=1.0, overconfident=0.4, precision=0.6, lapse=0.05),
]
SHARES = ("slider", "dictator", "ultimatum")
RISKS = ("lottery", "confidence")
ASKED = {0: SHARES, 1: SHARES, 2: RISKS}
WIDTHS = {"svo": 25, "envy": 0.8, "guilt": 0.5, "curve": 0.2, "loss": 1, "overconfident": 0.5, "lapse": 0.2}


def batteries(worlds):
    """Each planted profile, one that answers by chance and one that likes the letter A."""
    minds = [*(Respondent(p) for p in PLANTED), Random(), Constant(answer=1)]
    return cw.run(cw.Society(Menus(n_agents=5), minds, [*PLANTED, None, None]), worlds)


@pytest.fixture(scope="module")
def planted():
    return batteries(range(6, 12))  # 0 to 5 are a one in 300 case; the slow test says how often


def back(trace, agent, intended, kinds=SHARES):
    """What is realized of one agent, by its answers to some kinds of item alone."""
    every, menus = Menus(), Menus(n_agents=1, kinds=kinds)
    asked = np.isin(every.items["kind"], [KINDS.index(kind) for kind in kinds])
    chosen = trace.events["chosen"][:, asked][:, :, [agent]]
    cut = make_trace(
        0.0 * chosen, events={"chosen": chosen}, alive=trace.alive[:, asked], invalid=trace.invalid
    )
    return realize(cut, menus, 0, intended)


@pytest.mark.slow
@pytest.mark.parametrize("agent", range(len(PLANTED)))
def test_a_planted_profile_comes_back(planted, agent):
    found = back(planted, agent, PLANTED[agent], ASKED[agent])
    wanted = dict(zip(NAMES, numbers(PLANTED[agent]), strict=True))
    rows = [row for row in found.rows[:-1] if row.verdict != "NA"]
    assert len(rows) == {0: 4, 1: 4, 2: 8}[agent]
    assert found.p > 0.01 and found.worth > 5
    missed = {row.name for row in rows if not row.low <= wanted[row.name] <= row.high}
    assert len(missed) <= 1  # in twenty
    assert all(row.high - row.low < WIDTHS.get(row.name, 9.0) for row in rows)
    took = {row.name for row in rows if row.verdict == "took"}
    assert took | missed >= [{"svo"}, {"envy", "guilt"}, {"loss", "gain_weight", "overconfident"}][agent]
    assert found["svo" if agent == 1 else "envy"].verdict == "NA"


@pytest.mark.slow
def test_a_persona_that_did_not_take_is_flagged_where_it_did_not(planted):
    rival = back(planted, 0, cw.Profile(svo=-40.0))
    assert rival.p < 1e-6 and rival.verdict == "off" and rival["svo"].verdict == "off"
    assert rival["svo"].low < 40.0 < rival["svo"].high  # it says what was realized instead
    calm = back(planted, 2, cw.Profile(), RISKS)
    off = {row.name for row in calm.rows if row.verdict == "off"}
    assert calm.verdict == "off" and off >= {"curve", "loss", "gain_weight", "loss_weight", "overconfident"}
    kind = back(planted, 1, cw.Profile(svo=45.0))
    assert kind.verdict == "off" and "off" in (kind["svo"].verdict, kind["guilt"].verdict)


@pytest.mark.slow
@pytest.mark.parametrize("agent", [3, 4])
def test_chance_and_a_liking_for_a_letter_say_nothing(planted, agent):
    for kinds, name in ((SHARES, "svo"), (RISKS, "loss")):
        found = back(planted, agent, cw.Profile(svo=45.0), kinds)
        assert found.verdict == "NA" and np.isnan(found.p)
        assert all(row.verdict == "NA" for row in found.rows[:-1])
        assert "no better than chance" in found[name].reason
    assert found["svo"].reason == "shares: not asked"


@pytest.mark.slow
def test_batteries_that_repeat_one_another_count_as_one(planted):
    fresh, copied = (back(trace, 0, PLANTED[0]) for trace in (planted, planted.worlds([0] * 6)))
    assert fresh.worth > 5 and copied.worth < 2
    width = [one["svo"].high - one["svo"].low for one in (fresh, copied)]
    assert width[1] > 1.3 * width[0]


@pytest.mark.slow
def test_intervals_and_the_test_are_as_sure_as_they_say():
    """Full batteries of planted profiles: at 5 % each, misses stay within four standard errors."""
    trace, misses, rows, low = batteries(48), 0, 0, 0
    for agent, profile in enumerate(PLANTED):
        wanted = dict(zip(NAMES, numbers(profile), strict=True))
        for first in range(0, 48, 4):
            found = realize(trace.worlds(slice(first, first + 4)), Menus(n_agents=5), agent, profile)
            known = [row for row in found.rows[:-1] if row.verdict != "NA"]
            misses += sum(not row.low <= wanted[row.name] <= row.high for row in known)
            rows, low = rows + len(known), low + (found.p < 0.05)
    assert rows == 3 * 12 * 11 and misses / rows < 0.05 + 4 * (0.05 * 0.95 / rows) ** 0.5
    assert low / 36 < 0.05 + 4 * (0.05 * 0.95 / 36) ** 0.5


@pytest.mark.slow
def test_too_few_batteries_say_nothing(planted):
    chosen = planted.events["chosen"].copy()
    chosen[0, 3, 0] = -1  # one battery is not answered to the end
    lost = replace(planted, events={"chosen": chosen}, invalid=("", "", "no key", "no key", "no key", ""))
    found = back(lost, 0, PLANTED[0])
    assert found.verdict == "NA" and found["svo"].reason == "2 batteries, wanted 3"
    assert (found.worlds, found.missing) == (2, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "profile",
    [
        cw.Profile(svo=30.0, envy=0.4, guilt=0.2, precision=0.1, lapse=0.1, overconfident=-0.2),
        cw.Profile(svo=-20.0, prospect=1.0, precision=0.2, gain_weight=0.5, loss=1.5, reference=20.0),
    ],
)
def test_the_fit_and_the_mind_value_options_alike(profile):
    """Two programs, one model: jax for the mind, numpy for the likelihood."""
    menus = Menus(n_agents=1, shuffled=False)
    odds = cw.run(cw.Society(menus, Respondent(profile), profile), 1).odds["answer"][0, :, 0, 1:]
    reference = float(profile.reference) if float(profile.prospect) else 0.0
    x = numbers(profile)
    x[RATES:] = np.log(x[RATES:])
    found = Answers(menus.items, np.zeros_like(odds), reference).odds(x[None])[0]
    assert found == pytest.approx(odds, abs=2e-4)


class Reader(cw.Speaker):
    """Knows only what it reads: takes what its persona says it wants, or, deaf to it, the most for itself."""

    def __init__(self, deaf=False):
        self.deaf = deaf

    def settings(self):
        return {"deaf": self.deaf}

    async def ask(self, prompt):
        persona, news = ("" if self.deaf else prompt.system), prompt.turns[-1][1].split("\n")[0]
        weight = re.search(r"other parties' results at (-?[\d.]+) for", persona)
        kindness = float(weight[1]) if weight else 0.0
        best = {}
        if "How sure" in news:
            truth, shift = int(re.search(r"(\d+)% red", news)[1]) / 100, "very sure of your own" in persona
            said = 1 / (1 + (1 / truth - 1) * np.exp(-2.25 * shift))
            for letter, level in re.findall(r"([A-I]): (\d+)% sure", news):
                best[letter] = -abs(int(level) / 100 - said)
        for letter, own, other in re.findall(r"([A-I]): you ([\d.]+), the other ([\d.]+\d|\d)", news):
            best[letter] = float(own) + kindness * float(other)
        loss = re.search(r"matters ([\d.]+) times", persona)
        for letter, gamble in re.findall(r"([A-I]): (-?\d[^;]*points [^;]*)", news):
            high, chance, low = re.fullmatch(
                r"(\S+) points [a-z ]*(?:(\d+)%, else (\S+?))?\.?", gamble
            ).groups()
            p = int(chance or 100) / 100
            felt = [x * (float(loss[1]) if loss and x < 0 else 1) for x in (float(high), float(low or 0))]
            best[letter] = p * felt[0] + (1 - p) * felt[1]
        return cw.Said(json.dumps({"answer": max(best, key=lambda letter: best[letter])}))


@pytest.mark.slow
def test_the_check_goes_through_words():
    """Personas that are read take; one that is not read is flagged, beside what was realized."""
    wanted = [cw.Profile(svo=45.0, overconfident=0.75), cw.Profile(svo=-45.0), cw.Profile(svo=45.0)]
    menus = Menus(n_agents=3, kinds=(*SHARES, "confidence"))
    found = check(cw.Society(menus, [Reader(), Reader(), Reader(deaf=True)], wanted), 4).agents
    kind, rival, deaf = found
    assert kind["svo"].verdict == rival["svo"].verdict == kind["overconfident"].verdict == "took"
    assert kind.verdict == rival.verdict == "as intended"
    assert kind["slider angle"].reason == "prosocial" and rival["slider angle"].reason == "competitive"
    assert deaf.verdict == "off" and deaf["svo"].verdict == "off" and deaf["svo"].low < 0 < deaf["svo"].high
    assert deaf["slider angle"].reason == "individualistic"
    assert rival["overconfident"].verdict == "plain"


@pytest.mark.slow
def test_half_a_persona_takes_in_words():
    """A reader that heeds how much losses matter, and knows of no curve and no weights."""
    profile = cw.Profile(prospect=1.0)
    found = check(cw.Society(Menus(n_agents=1, kinds=("lottery",)), Reader(), profile), 4).agents[0]
    assert found.verdict == "off" and found["loss"].verdict == "took"
    assert found["curve"].verdict == found["gain_weight"].verdict == found["loss_weight"].verdict == "off"
    assert all(found[name].low <= 1.0 <= found[name].high for name in ("curve", "gain_weight", "loss_weight"))


@pytest.mark.slow
def test_it_is_printed_and_saved():
    rules = cw.Society(Menus(n_agents=1, kinds=SHARES[1:]), Respondent(PLANTED[1]), PLANTED[1])
    found = check(rules, 4)
    text = io.StringIO()
    found.render(Console(file=text, width=120))
    assert "agent 0: as intended" in text.getvalue() and "NA (held as intended)" in text.getvalue()
    saved = json.loads(json.dumps(found.to_dict()))["agents"][0]
    rows = {row["name"]: row for row in saved["rows"]}
    assert saved["verdict"] == "as intended" and rows["svo"]["realized"] is None
    assert rows["envy"]["low"] < 0.85 < rows["envy"]["high"]
    assert rows["slider angle"]["reason"] == "no sliders were asked"


def test_other_societies_are_refused():
    with pytest.raises(ValueError, match=r"over Commons and 5 profiles.* check\(cw.Society\(Menus"):
        check(cw.Society(Commons(), Random()))
    with pytest.raises(ValueError, match="and 1 profiles"):
        check(cw.Society(Menus(), Random()), intended=[cw.Profile()])
