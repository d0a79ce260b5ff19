"""Influence against series whose answer is known, and against chance."""

import numpy as np
import pytest
from tracing import make_trace

from commonweal import measures as m
from commonweal._measure import NA
from commonweal.measures.influence import network_centralization

STAR = np.zeros((5, 5))
STAR[0, 1:] = 1
RING = np.roll(np.eye(3), 1, axis=1)


def acting(*acts, odds=None, name="act"):
    """One world from the acts [T] of each agent."""
    x = np.stack(acts, axis=1)[None]
    stated = {} if odds is None else {name: np.asarray(odds, dtype=float)[None]}
    return make_trace(np.zeros(x.shape), act={name: x}, intent={name: x}, odds=stated)


def copied(ticks, seed=0):
    """A fair coin, and the same a tick later."""
    coin = np.random.default_rng(seed).permutation(np.arange(ticks) % 2)
    return coin, np.concatenate([[0], coin[:-1]])


def test_a_copy_is_told_by_its_source_and_tells_it_nothing():
    coin, copy = copied(20_000)
    there, back = m.transfer(coin, copy), m.transfer(copy, coin)
    assert there.raw == pytest.approx(0.99999, abs=2e-4) and there.p == pytest.approx(1 / 101)
    assert back.raw == pytest.approx(0.0, abs=1e-3) and back.excess == pytest.approx(0.0, abs=5e-4)


def test_by_hand_a_source_that_says_half():
    """y is 1 after a 1 of x, else a fair coin: H(1/4) - 1/2 bits, and none from its own past."""
    x = np.array([0, 0, 1, 1] * 600)
    rng = np.random.default_rng(1)
    x = rng.permutation(x)
    y = np.concatenate([[0], np.where(x[:-1] == 1, 1, rng.integers(0, 2, len(x) - 1))])
    want = -(0.25 * np.log2(0.25) + 0.75 * np.log2(0.75)) - 0.5
    assert m.transfer(x, y, permutations=20).raw == pytest.approx(want, abs=0.03)


def test_chance_is_taken_off_and_was_large():
    """Independent series: five symbols and 100 ticks show 0.67 bits, two symbols and 1,000 show 0.0014."""
    rng = np.random.default_rng(0)
    five = [m.transfer(*rng.integers(0, 5, (2, 100))) for _ in range(30)]
    assert np.mean([one.raw for one in five]) == pytest.approx(0.67, abs=0.02)
    assert np.mean([one.excess for one in five]) == pytest.approx(0.0, abs=0.02)
    assert np.mean([one.p < 0.1 for one in five]) < 0.3
    two = [m.transfer(*rng.integers(0, 2, (2, 1000)), permutations=2).raw for _ in range(60)]
    assert np.mean(two) == pytest.approx(1 / (2 * 1000 * np.log(2)) * 2, rel=0.25)  # Miller-Madow: .00144


def test_a_common_past_is_not_influence():
    """Both copy a third: pairwise it looks like influence (the planted fault), given the third it is none."""
    z, y = copied(3000)
    x = z  # x does at once what y does a tick later
    fooled = m.transfer(x, y, permutations=20)
    noisy = np.where(np.random.default_rng(3).random(3000) < 0.2, 1 - z, z)
    told = m.transfer(noisy, y, given=[z], permutations=20)
    assert fooled.excess > 0.9 and m.transfer(noisy, y, permutations=20).excess > 0.2
    assert told.excess == pytest.approx(0.0, abs=1e-3)


def test_transfer_entropy_of_a_trace_is_that_of_its_agents():
    coin, copy = copied(400)
    other = np.random.default_rng(5).integers(0, 2, 400)
    trace = acting(coin, copy, other)
    found = m.transfer_entropy("act")(trace)[0]
    assert found[0] == pytest.approx(0.5, abs=0.03) and np.abs(found[1:]).max() < 0.02  # mean over two others
    p = m.transfer_entropy("act", report="p")(trace)[0]
    assert p[0] < 0.01 < p[1:].min()
    given = m.transfer_entropy(conditional=True)(acting(coin, copy, coin))[0]
    assert np.abs(given).max() < 0.01  # two of them know the same
    short = acting(coin[:2], copy[:2])
    assert np.isnan(m.transfer_entropy("act")(short)).all()
    order = [2, 0, 1]
    assert m.transfer_entropy("act")(acting(other, coin, copy))[0] == pytest.approx(found[order], abs=1e-12)


def test_numbers_are_cut_and_missing_columns_named():
    coin, copy = copied(300)
    rng = np.random.default_rng(0)
    blurred = acting(coin + rng.uniform(-0.2, 0.2, 300), copy + rng.uniform(-0.2, 0.2, 300))
    assert m.transfer_entropy(bins=2)(blurred)[0] == pytest.approx([0.97, 0.0], abs=0.05)
    with pytest.raises(NA, match="no channel or event 'vote' here: name one of act"):
        m.transfer_entropy("vote")(blurred)
    with pytest.raises(ValueError, match=r"try transfer_entropy\(report='excess'\)"):
        m.transfer_entropy("act", report="bits")  # type: ignore[arg-type]
    with pytest.raises(NA, match="nobody to influence"):
        m.transfer_entropy()(acting(coin))


def test_causal_influence_by_hand():
    assert m.causal_influence(np.eye(2), [0.5, 0.5]) == 1.0  # a copier of a fair coin
    assert m.causal_influence(np.eye(2), [0.25, 0.75], taken=0) == pytest.approx(2.0)
    assert m.causal_influence([[0.3, 0.7], [0.3, 0.7]], [0.5, 0.5]) == 0.0
    two = np.stack([np.eye(2), np.full((2, 2), 0.5)], axis=1)  # one copies, one tosses a coin
    assert m.causal_influence(two, [0.5, 0.5]) == 1.0


def test_observed_influence_is_that_on_stated_odds():
    coin, _ = copied(400)
    odds = np.full((400, 2, 2), 0.5)
    odds[1:, 1] = np.eye(2)[coin[:-1]]  # the second does what the first did
    trace = acting(coin, np.zeros(400, int), odds=odds)
    found = m.observed_influence("act")(trace)[0]
    assert found == pytest.approx([1.0, 0.0], abs=0.01)
    deaf = acting(coin, np.zeros(400, int), odds=np.where(np.arange(2)[:, None] == 1, 0.5, odds))
    assert m.observed_influence("act")(deaf)[0] == pytest.approx([0.0, 0.0], abs=0.01)
    silent = np.where(np.arange(2)[:, None] == 1, np.nan, odds)  # the second states none
    assert np.isnan(m.observed_influence()(acting(coin, coin, odds=silent))[0]).tolist() == [True, False]
    with pytest.raises(NA, match="states its odds on 'act'"):
        m.observed_influence("act")(acting(coin, coin))


@pytest.mark.parametrize(("how", "star"), [("betweenness", 1.0), ("reaching", 1.0), ("flow", 1.0)])
def test_a_star_is_central_and_a_ring_is_not(how, star):
    assert network_centralization(STAR, how) == star
    assert network_centralization(RING, how) == 0.0
    assert np.isnan(network_centralization(np.eye(4), how))  # nobody turns to another


def test_a_line_by_hand():
    line = np.diag(np.ones(3), 1)  # 0 -> 1 -> 2 -> 3
    assert network_centralization(line, "betweenness") == pytest.approx(4 / 9)  # b = 0, 2/3, 2/3, 0
    assert network_centralization(line, "reaching") == pytest.approx((0 + 1 + 2 + 3) / 9)
    back = line + line.T  # every tie in a cycle of two
    assert network_centralization(back, "flow") == 0.0 == network_centralization(back, "reaching")


def test_centralization_reads_a_channel_of_targets():
    nobody = 3
    trace = acting([1, 2, 3], [nobody] * 3, [nobody] * 3, name="punish")
    assert m.centralization("punish", "reaching")(trace) == [1.0]
    assert np.isnan(m.centralization()(acting([3, 3], [3, 3], [3, 3], name="punish")))[0]
    with pytest.raises(NA, match="does not name agents"):
        m.centralization("act")(acting([0.5, 1], [0, 1]))
    with pytest.raises(ValueError, match="centralization"):
        m.centralization("punish", how="degree")  # type: ignore[arg-type]
