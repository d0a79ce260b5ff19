"""Fitted minds: planted policies come back, noise is called noise, and recorded models are brought back."""

import functools
import itertools
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import commonweal as cw
from commonweal import minds, scenarios
from commonweal.institutions import Contract, PeerSanction
from commonweal.measures import cooperation_rate
from commonweal.minds.fitted import Feature, fit, fit_each, lagged, losses, smooth
from commonweal.studies import fitted as studies

DATA = Path(__file__).parents[2] / "shared" / "data"
COOPEVAL, NAMING = DATA / "coopeval_decisions.csv.gz", DATA / "naming_game_llm.csv.gz"
needs = {
    path: pytest.mark.skipif(not path.exists(), reason=f"{path.name} is not in ../shared/data")
    for path in (COOPEVAL, NAMING)
}
ACTS = ("cooperate", "defect")
PLANTED = (0.9, 0.95, 0.3, 0.7, 0.1)
WHOLE = [Feature("started"), Feature("share"), Feature("did")]


@functools.cache
def decisions(*odds):
    """Recordings, as a frame, of 60 matches of self-play in the prisoner's dilemma; and their trace."""
    trace = cw.run(cw.Society(scenarios.prisoners_dilemma(horizon=30), minds.MemoryOne(*odds)), 60)
    frame = trace.decisions().select("world", pl.col("t").alias("round"), pl.col("agent").alias("seat"),
                                     pl.lit("planted").alias("model"), "act:act")  # fmt: skip
    names = pl.col("act:act").replace_strict({0: "cooperate", 1: "defect"}, return_dtype=pl.String)
    return frame.with_columns(action=names), trace


@pytest.mark.slow
def test_a_planted_policy_comes_back():
    frame, trace = decisions(*PLANTED)
    found = fit(lagged(frame, ACTS), WHOLE, acts=ACTS)
    start, dd, cd, dc, cc = np.asarray(found.mind.table)[[0, 4, 5, 6, 7], 0]
    assert (start, cc, cd, dc, dd) == pytest.approx(PLANTED, abs=0.07)
    odds = trace.odds["act"].max(axis=-1).astype(float)
    entropy = -(odds * np.log(odds) + (1 - odds) * np.log(1 - odds)).mean()
    assert found.loss.value == pytest.approx(entropy, abs=0.02)  # nothing is left to predict
    assert found.verdict == "below base rate" and found.gain.low > 0.1
    again = cw.run(cw.Society(scenarios.prisoners_dilemma(horizon=30), found.mind), 60)
    assert cooperation_rate(again).mean() == pytest.approx(cooperation_rate(trace).mean(), abs=0.06)


def test_shuffled_acts_are_not_below_the_base_rate():
    frame, _ = decisions(*PLANTED)
    noise = frame.with_columns(pl.col("action").shuffle(seed=3))
    found = fit(lagged(noise, ACTS), WHOLE, acts=ACTS)
    assert found.verdict == "not below base rate"
    assert found.loss.value == pytest.approx(found.base.value, abs=0.01)


def test_what_cannot_be_said_is_not_said():
    frame, _ = decisions(*PLANTED)
    few = frame.filter(pl.col("world") < 5)
    assert fit(lagged(few, ACTS), WHOLE, acts=ACTS).verdict == "too few data (5 matches, wanted 20)"
    same, _ = decisions(0, 0, 0, 0, 0)
    fits = fit_each(lagged(same, ACTS), ["model"], WHOLE, acts=ACTS)
    assert fits["planted",].verdict == "one act nearly always: nothing to predict"
    table = losses(fits, ["model"])
    assert table.select("model", "decisions", "matches").rows() == [("planted", 60 * 60, 60)]
    assert "nats a decision" in str(fits["planted",])


def test_no_match_is_in_two_folds():
    """Each match repeats one act of its own: only a leak could predict it."""
    rng = np.random.default_rng(0)
    match = np.repeat(np.arange(60), 20)
    frame = pl.DataFrame({"world": match, "action": np.array(ACTS)[rng.integers(0, 2, 60)][match]})
    found = fit(frame.with_columns(id=pl.col("world")), [Feature("id", tuple(range(60)))], acts=ACTS)
    assert found.verdict == "not below base rate"


def test_recorded_facts_are_the_facts_that_were_shown():
    frame, trace = decisions(*PLANTED)
    facts = lagged(frame.sample(fraction=1.0, shuffle=True, seed=1), ACTS).sort("world", "round", "seat")
    did = trace.events["cooperated"]
    before = np.concatenate([np.zeros_like(did[:, :1]), did[:, :-1]], axis=1)
    assert facts["did"].to_numpy().reshape(did.shape).tolist() == before.tolist()
    assert facts["share"].to_numpy().reshape(did.shape).tolist() == before[..., ::-1].tolist()
    assert facts["started"].to_numpy().reshape(did.shape)[0, :, 0].tolist() == [0] + [1] * 29


def test_recorded_meetings_are_the_meetings_that_were_shown(tmp_path):
    game = scenarios.NamingGame(n_agents=4, horizon=40, stop=99)
    step, state, rows, shown = eqx.filter_jit(game.step), game.init(jax.random.key(0)), [], []
    for t in range(40):
        a, b = map(int, state.drawn)
        name = np.random.default_rng(t).integers(1, 3, 4)
        sight = game.observe(state)
        shown += [[int(sight[f.fact][i]) for f in studies.MEETINGS] for i in (a, b)]
        rows.append(("x", 0, t, a, b, game.names[name[a] - 1], game.names[name[b] - 1]))
        state, _ = step(state, {"name": jnp.asarray(name, jnp.int32)}, jax.random.key(t))
    columns = ["model", "run", "interaction", "player_a", "player_b", "name_a", "name_b"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    copy = table.with_columns(run=pl.lit(1, pl.Int64))  # the same run under another number
    pl.concat([table, copy]).write_csv(tmp_path / "runs.csv")
    found = studies.meetings(tmp_path / "runs.csv")
    assert found["world"].unique().to_list() == ["x/0"]
    assert found.select(f.fact for f in studies.MEETINGS).rows() == [tuple(row) for row in shown]


@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.0, 5.0]))
@settings(max_examples=30, deadline=None)
def test_cells_without_data_take_the_odds_of_the_coarser_cell(seed, strength):
    counts = np.random.default_rng(seed).integers(0, 4, (2, 3, 3)).astype(float)
    counts[..., 0] = 0.0
    counts[1, 2] = 0.0
    odds = smooth(counts, strength * np.array([0.0, 1.0, 1.0])).reshape(2, 3, 3)
    assert odds.sum(axis=-1) == pytest.approx(np.ones((2, 3)))
    assert (odds[..., 0] == 0.0).all() and (odds[..., 1:] > 0.0).all()
    coarse = smooth(counts.sum(axis=1), strength * np.array([0.0, 1.0, 1.0]))
    assert odds[1, 2] == pytest.approx(coarse[1])


def test_frames_and_channels_that_do_not_fit_are_refused():
    frame, _ = decisions(0, 0, 0, 0, 0)
    with pytest.raises(ValueError, match=r"wanted rows, and also started"):
        fit(frame, WHOLE, acts=ACTS)
    with pytest.raises(ValueError, match=r"acts \['defect'\], which are not among acts=\['give'\]"):
        fit(frame, [], acts=["give"])
    found = fit(frame, [], acts=ACTS)
    with pytest.raises(ValueError, match=r"among 2 acts on channel 'act', which here has 4 \(claim 5"):
        cw.run(cw.Society(scenarios.travelers_dilemma(), found.mind), 1)


# --- minds made of minds


@pytest.mark.slow
def test_one_of_several_minds_is_drawn_by_lot():
    lot = minds.OneOf((minds.always_cooperate(), minds.always_defect()))
    trace = cw.run(cw.Society(scenarios.prisoners_dilemma(horizon=4), lot), 400)
    did = trace.events["cooperated"]
    assert (did == did[:, :1]).all()  # for the whole world
    joint = [(did[:, 0] == pair).all(axis=1).mean() for pair in itertools.product((0, 1), repeat=2)]
    assert joint == pytest.approx([0.25] * 4, abs=0.09)
    with pytest.raises(ValueError, match=r"OneOf came with MemoryOne, Greedy; wanted minds that differ"):
        minds.OneOf((minds.grim(), minds.Greedy()))


def test_a_mind_may_turn_on_a_fact():
    meek = minds.When("started", minds.always_defect(), minds.always_cooperate())
    trace = cw.run(cw.Society(scenarios.prisoners_dilemma(horizon=3), meek), 1)
    assert trace.events["cooperated"][0].tolist() == [[1, 1], [0, 0], [0, 0]]


def test_punishers_aim_at_the_worst_and_never_at_themselves():
    game = cw.under(scenarios.PublicGoods(n_agents=4, horizon=200), PeerSanction(1.0, 3.0))
    gives = [5.0, 5.0, 0.0, 20.0]
    seats = [minds.Both(minds.Constant(give=x), minds.Punishes(0.5)) for x in gives]
    aims = cw.run(cw.Society(game, seats), 1).act["punish"][0]
    assert (aims[0] == 4).all()  # nothing is known yet
    assert set(aims[1:, 3]) == {2, 4} and (aims[1:, 3] == 2).mean() == pytest.approx(0.5, abs=0.15)
    assert set(aims[1:, 2]) == {0, 1, 4}  # two alike: by lot


@pytest.mark.parametrize(("odds", "force"), [(1.0, True), (0.0, False)])
def test_whoever_signs_is_bound(odds, force):
    game = cw.under(scenarios.prisoners_dilemma(horizon=3), Contract(2.0, quorum=2))
    sights = cw.run(cw.Society(game, minds.Both(minds.always_defect(), minds.Signs(odds))))
    assert (sights.act["sign"][0, 0] == odds).all()
    assert bool(sights.book["contract"].any()) is False  # both defect alike: transfers cancel
    lone = [
        minds.Both(minds.always_defect(), minds.Signs(odds)),
        minds.Both(minds.always_cooperate(), minds.Signs(odds)),
    ]
    assert bool(cw.run(cw.Society(game, lone)).book["contract"].any()) is force


def test_signing_rates_are_told_from_whether_all_signed():
    rng, rates = np.random.default_rng(0), {"a": 1.0, "b": 0.9, "c": 0.6}
    rows = []
    for world in range(3000):
        group = rng.choice(list(rates), 3)
        signed = int(all(rng.random() < rates[m] for m in group))
        rows += [(world, m, signed) for m in group]
    found = studies.signing_rates(pl.DataFrame(rows, schema=["world", "model", "signed"], orient="row"))
    assert found == pytest.approx(rates, abs=0.03)


# --- recorded models


def recordings(folder):
    """A small table like CoopEval's: a model that gives, one that does not; contracts all signed."""
    rows = [
        (
            "public_goods",
            mechanism,
            match,
            t,
            seat,
            model,
            "CONTRIBUTE" if model == "kind" else "FREE_RIDE",
            1,
        )
        for mechanism, rounds in (("repetition", 4), ("contracting", 1))
        for match in range(24)
        for t in range(rounds)
        for seat, model in enumerate(("kind", "cold", ("kind", "cold")[match % 2]))
    ]
    names = ["game", "mechanism", "match", "round", "seat", "model", "action", "signed"]
    frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(points=pl.lit(1.0))
    frame.write_csv(folder / "table.csv")
    return folder / "table.csv"


@pytest.mark.slow
def test_the_public_good_study_says_what_it_assumes(tmp_path):
    path = recordings(tmp_path)
    study = studies.public_good(path, ["kind", "kind", "cold"], worlds=20)
    assert list(study.conditions) == ["none", "peer sanction", "contract, 2 of 3", "redistribution"]
    assert "not how models would respond" in study.hypothesis and "hope" not in study.hypothesis
    assert "hope" in studies.public_good(path, ["kind"] * 6).hypothesis
    trace = cw.run(study.conditions["none"], 20)
    assert trace.events["cooperated"].mean(axis=(0, 1)) == pytest.approx([1, 1, 0], abs=0.05)
    with pytest.raises(ValueError, match=r"players \['odd'\] were not recorded; wanted some of cold, kind"):
        studies.public_good(path, ["odd"] * 3)


@needs[COOPEVAL]
def test_recorded_public_good_players_are_below_their_base_rate():
    free, bound, signs = studies.public_good_fits(COOPEVAL)
    assert len(free) == len(bound) == 6
    assert {one.verdict for one in free.values()} == {"below base rate"}
    assert all(one.matches == 91 and one.loss.value < 0.4 for one in free.values())
    assert free["claude-sonnet-4.5 (CoT)"].loss.value == pytest.approx(0.157, abs=0.02)
    assert signs["gpt-4o-2024-05-13 (CoT)"] == pytest.approx(0.90, abs=0.01) and min(signs.values()) > 0.85


@pytest.mark.slow
@needs[COOPEVAL]
def test_surrogates_cooperate_as_the_recorded_groups_did():
    society = studies.public_good(COOPEVAL, worlds=1).conditions["none"]
    recorded = 0.242  # mean over the 216 recorded groups of three, 15 rounds
    assert cooperation_rate(cw.run(society, 1000)).mean() == pytest.approx(recorded, abs=0.05)


@pytest.mark.slow
@needs[NAMING]
def test_surrogate_populations_bring_back_the_collective_bias(tmp_path):
    study = studies.naming(NAMING, worlds=400)
    assert "llama2_70b 0.9 (30 distinct runs)" in study.hypothesis  # ten of its forty are copies
    results = study.run(tmp_path / "naming", progress=False)
    shares = {name: row["ends_on_first"].value for name, row in results.estimates.items()}
    recorded = {"claude": 26 / 40, "llama2_70b": 36 / 40, "llama3_70b": 1.0, "llama31_70b": 1.0}
    assert shares == pytest.approx(recorded, abs=0.12)
    assert min(shares, key=shares.get) == "claude"
    fits = studies.naming_fits(studies.meetings(NAMING))
    assert all(fit.verdict == "below base rate" for fit in fits.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "mind",
    [
        minds.OneOf((minds.always_cooperate(), minds.grim())),
        minds.When("started", minds.grim(), minds.always_defect()),
        minds.Both(minds.grim(), minds.tit_for_tat()),
        minds.Fitted(np.full((2, 2), 0.5), (Feature("started"),)),
    ],
    ids=lambda mind: type(mind).__name__,
)
def test_composed_minds_obey_the_laws(mind):
    cw.check(mind, scenarios.prisoners_dilemma(horizon=3))
