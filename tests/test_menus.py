"""Menus: the published tables and types, choices worked by hand, and points that are paid as told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import commonweal as cw
from commonweal.minds import Constant, Respondent
from commonweal.scenarios import Menus
from commonweal.scenarios.menus import KINDS, SURE, battery

PROFILES = {
    "plain": cw.Profile(),
    "altruist": cw.Profile(svo=90.0),
    "equal": cw.Profile(svo=44.0, envy=0.5, guilt=0.5),
    "rival": cw.Profile(svo=-45.0),
    "envious": cw.Profile(envy=0.85),
    "more envious": cw.Profile(envy=2.0),
    "prospect": cw.Profile(prospect=1.0),
    "sure": cw.Profile(overconfident=0.5),
}


@pytest.fixture(scope="module")
def answers():
    """What each profile does: (name, kind) -> its options, own and the other's points, item by item."""
    menus, some = Menus(n_agents=len(PROFILES)), list(PROFILES.values())
    trace = cw.run(cw.Society(menus, [Respondent(p) for p in some], some), 1)

    def of(name, kind):
        here, i = menus.items["kind"] == KINDS.index(kind), list(PROFILES).index(name)
        return (x[0, here, i] for x in (trace.events["chosen"].astype(int), trace.net, trace.events["other"]))

    return of


def test_the_sliders_are_the_published_ones():
    items = battery(("slider",))
    assert items["other"][0].tolist() == [85, 76, 68, 59, 50, 41, 33, 24, 15]
    assert items["high"][2].tolist() == [50, 54, 59, 63, 68, 72, 76, 81, 85]
    assert items["other"][3].tolist() == [100, 89, 79, 68, 58, 47, 36, 26, 15]
    assert items["high"][4].tolist() == [100, 94, 88, 81, 75, 69, 63, 56, 50]
    assert (items["low"] == items["high"]).all() and (items["chance"] == 1).all()


@pytest.mark.parametrize(("name", "angle"), [("altruist", 61.39), ("equal", 37.48), ("rival", -16.26)])
def test_the_published_angles_of_ideal_types(answers, name, angle):
    _, own, other = answers(name, "slider")
    found = np.rad2deg(np.arctan2(other.mean() - 50, own.mean() - 50))
    assert found == pytest.approx(angle, abs=0.005)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("plain", [5, 12, 20, 28, 34, 42]), ("envious", [34, 42]), ("more envious", [42])],
)
def test_who_is_envious_refuses_as_fehr_and_schmidt_say(answers, name, accepted):
    """An offer x of 100 is refused below 100 envy / (1 + 2 envy): 31.5 at 0.85, 40 at 2."""
    chosen, own, other = answers(name, "ultimatum")
    assert own[chosen == 0].tolist() == accepted and (own[chosen == 1] == 0).all()
    assert (own + other == np.where(chosen == 0, 100, 0)).all()


def test_lotteries_follow_the_printed_certainty_equivalents(answers):
    """10.0, 76.9, -8.3, -83.1 for 100 and -100 at 5 and 95 %; a loss of 40 is taken from a gain of 109.6."""
    items, (chosen, _, _) = battery(("lottery",)), answers("prospect", "lottery")
    plain, _, _ = answers("plain", "lottery")

    def takes(high, low, chance):
        here = (items["high"][:, 0] == high) & (items["low"][:, 0] == low) & (items["chance"][:, 0] == chance)
        return dict(zip(items["high"][here, 1], chosen[here] == 0, strict=True))

    assert takes(100, 0, 0.05) == {3: True, 7: True, 14: False}
    assert takes(100, 0, 0.95) == {66: True, 80: False, 93: False}
    assert takes(0, -100, 0.95) == {-3: False, -7: False, -14: True}
    assert takes(0, -100, 0.05) == {-66: False, -80: False, -93: True}
    mixed = items["low"][:, 0] == -40
    gains = items["high"][mixed, 0]
    assert gains[chosen[mixed] == 0].tolist() == [125, 160]
    assert gains[plain[mixed] == 0].min() == 45


def test_said_confidence_follows_the_profile(answers):
    truth = battery(("confidence",))["chance"][:, 0].tolist()
    (calibrated, _, _), (sure, _, _) = (answers(name, "confidence") for name in ("plain", "sure"))
    assert [SURE[calibrated[truth.index(p)]] for p in (0.6, 0.7, 0.9)] == [0.6, 0.7, 0.9]
    assert SURE[sure[truth.index(0.6)]] == 0.9  # .87 said, as printed


@pytest.mark.slow
def test_letters_are_shuffled_and_mean_what_is_told():
    menus = Menus(n_agents=2, kinds=("dictator",))
    trace = cw.run(cw.Society(menus, Constant(answer=1)), 50)
    kept = trace.net[:, 0]
    assert 4 < len(np.unique(kept)) <= 9  # always A, and yet no split in particular
    assert (trace.events["other"][:, 0] == 0.5 * (100 - kept)).all()  # half of what is passed on arrives
    assert (trace.utility[..., -1] == trace.events["other"].sum(axis=-1)).all()
    still = cw.run(cw.Society(Menus(kinds=("dictator",), shuffled=False), Constant(answer=3)), 3)
    assert (still.events["chosen"] == 2).all() and (still.net == 80).all()


def test_a_lottery_pays_what_it_says():
    menus = Menus(n_agents=400, kinds=("lottery",), shuffled=False)
    state, step, key = jax.jit(menus.init)(jax.random.key(0)), jax.jit(menus.step), jax.random.key(1)
    acts = [{"answer": jnp.full(400, place, jnp.int32)} for place in range(3)]
    (_, none), (_, out), (_, safe) = (step(state, act, key) for act in acts)
    assert set(out.pay.tolist()) == {0.0, 100.0}
    assert (out.pay > 0).mean() == pytest.approx(0.05, abs=0.033)  # three standard errors
    assert (safe.pay == 3).all() and (none.pay == 0).all() and (none.events["chosen"] == -1).all()


@pytest.mark.parametrize("level", [0.6, 0.9])
def test_stating_what_one_believes_pays_most(level):
    items = battery(("confidence",))
    row = np.abs(items["chance"][:, 0] - level).argmin()
    mean = items["chance"][row] * items["high"][row] + (1 - items["chance"][row]) * items["low"][row]
    assert SURE[mean.argmax()] == level
    assert items["high"][row][SURE.index(level)] == pytest.approx(100 * (1 - (1 - level) ** 2))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("slider", "A: you 85, the other 85; B: you 85, the other 76"),
        ("dictator", "B: you 90, the other 5"),
        ("ultimatum", "offers you 5 of them; refused, both get nothing. A: you 5, the other 95; B: you 0"),
        ("lottery", "A: 100 points with probability 5%, else 0; B: 3 points for sure."),
        ("confidence", "one has 55% red balls"),
    ],
)
def test_it_is_told(kind, words):
    menus = Menus(kinds=(kind,), shuffled=False)
    row = jax.tree.map(lambda x: np.asarray(x)[0], menus.observe(menus.init(jax.random.key(0))))
    assert words in menus.tell(row)
    assert row.legal["answer"].sum() == row["size"] and not row.legal["answer"][0]
    assert f"answer {menus.horizon} menus" in menus.brief(0)


@pytest.mark.slow
def test_the_respondent_obeys_the_laws():
    cw.check(Respondent(cw.Profile(prospect=1.0)), Menus(kinds=("ultimatum",)))


def test_unknown_kinds_are_refused():
    with pytest.raises(ValueError, match=r"kinds=\('raven',\).* Menus\(kinds=\('slider'"):
        Menus(kinds=("raven",))
    assert Menus().horizon == sum(Menus(kinds=(kind,)).horizon for kind in KINDS) == 56
