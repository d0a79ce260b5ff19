"""Societies of surrogates: minds fitted to recorded language models, put where the models never were.

Two studies. `public_good`: recorded players of CoopEval under rules of ours. `naming`: populations
that agree on a name, against recorded populations. The data stay outside; every function takes a
path. What a surrogate cannot show is said in each study's hypothesis and printed with its results.
"""

import os
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from .._governed import under
from .._measure import measure
from .._mind import Mind
from .._society import Society
from .._trace import Trace
from ..institutions.contract import Contract
from ..institutions.redistribution import Redistribution
from ..institutions.sanction import PeerSanction
from ..interop.recordings import read_recordings, read_table
from ..lab.study import Study
from ..measures.alignment import objective_alignment, preference_minimum, preference_nash
from ..measures.cooperation import cooperation_rate, welfare
from ..measures.inequality import gini
from ..minds.compose import Both, OneOf, Punishes, Signs, When
from ..minds.fitted import Feature, Fit, fit_each, lagged, losses
from ..scenarios.naming_game import NamingGame
from ..scenarios.public_goods import PublicGoods

GIVE = ("CONTRIBUTE", "FREE_RIDE")
LAST_ROUND = (Feature("started"), Feature("share", (0.25, 0.75)), Feature("did"))
RETURN = 0.5  # to each member, per unit given, in the recordings (three members, multiplier 1.5)
FIVE = (0.5, 1.5, 2.5, 3.5, 4.5)
NAMED = (0.5, 1.5)
MEETINGS = (
    *(Feature(fact, NAMED) for fact in ("said_last", "heard_last", "said_before", "heard_before")),
    *(Feature(fact, FIVE) for fact in ("heard_first", "said_first")),
)
ASSUMED = (
    "Assumed, not recorded: the surrogates answer to last round's acts and to nothing else, so a rule moves "
    "them only where its own recordings exist. Without a contract in force they play as recorded under "
    "'repetition', whatever sanction or redistribution does to their pay: those conditions show what the "
    "rule books, not how models would respond. With a contract in force they contribute as recorded "
    "(one shot, 'contracting', all signed); each signs at the rate estimated from whether all signed, as if "
    "independently. The recorded contracts' terms are not known; ours pays {theta:g} per unit kept and binds "
    "all once {quorum} of {n} sign. Whoever can punish punishes the worst free rider with "
    "probability {punish:g}."
)
FEW = "Groups of {n} were never recorded (3 were): the return per unit is held at {back:g}, the rest is hope."


def public_good_fits(path: str | os.PathLike) -> tuple[dict[str, Fit], dict[str, Fit], dict[str, float]]:
    """By model: its policy when repeated, its policy under a contract all signed, its signing rate."""
    frame = read_recordings(path).frame.filter(pl.col("game") == "public_goods")
    repeated = lagged(frame.filter(pl.col("mechanism") == "repetition"), GIVE)
    contracts = frame.filter(pl.col("mechanism") == "contracting").join(
        read_table(path).select(pl.col("#line").cast(pl.Int64).alias("line"), "signed"), on="line"
    )
    signed = contracts.filter(pl.col("signed").cast(pl.Float64) == 1.0)
    one = partial(fit_each, by=["model"], acts=GIVE, channel="give")
    fits = [one(part, features=f) for part, f in ((repeated, LAST_ROUND), (signed, ()))]
    free, bound = ({model: fit for (model,), fit in some.items()} for some in fits)
    return free, bound, signing_rates(contracts)


def held_out(path: str | os.PathLike) -> pl.DataFrame:
    """How well each recorded player is predicted in each repeated game, beside its base rate.

    One row a game and model: losses in nats per decision on matches not fitted to, and a verdict.
    """
    frame = read_recordings(path).frame.filter(pl.col("mechanism") == "repetition")
    tables = []
    for (game,), part in sorted(frame.partition_by("game", as_dict=True).items()):
        order = part.group_by("action").agg(pl.col("cooperated").mean())
        acts = order.sort("cooperated", "action", descending=True)["action"].to_list()
        fits = fit_each(lagged(part, acts), ["model"], LAST_ROUND, acts=acts)
        tables.append(losses({(game, *key): one for key, one in fits.items()}, ["game", "model"]))
    return pl.concat(tables)


def signing_rates(frame: pl.DataFrame, steps: int = 200) -> dict[str, float]:
    """Each model's probability to sign, as if independent, where only `signed` (did all) is known.

    Maximum likelihood by expectation and maximization. Source: Dempster, Laird, Rubin 1977.
    """
    names, model = np.unique(frame["model"].to_numpy(), return_inverse=True)
    _, world = np.unique(frame["world"].to_numpy(), return_inverse=True)
    everyone = frame["signed"].cast(pl.Float64).to_numpy() == 1.0
    rate = np.full(len(names), 0.9)
    for _ in range(steps):
        p = rate[model]
        total = np.exp(np.bincount(world, np.log(p)))[world]
        missing = np.where(total < 1.0, (p - total) / np.maximum(1.0 - total, 1e-12), 1.0)
        rate = np.clip(np.bincount(model, np.where(everyone, 1.0, missing)) / np.bincount(model), 1e-6, 1.0)
    return dict(zip(names.tolist(), rate.tolist(), strict=True))


def public_good(
    path: str | os.PathLike,
    players: Sequence[str] | None = None,
    *,
    worlds: int = 1000,
    quorum: int | None = None,
    punish: float = 0.5,
) -> Study:
    """The binary public good of CoopEval among surrogates: as it was, and under three rules of ours.

    **Main arguments**

    - `path`: the table of recorded decisions.
    - `players`: one recorded model a seat, such as six different ones, or three times the same; by
      default three seats, each drawn from all models in each world, as the recordings pair them.

    **Other arguments**

    - `quorum`: signers the contract needs; a majority by default (the recorded ones needed all).
    - `punish`: the probability that a surrogate punishes, an assumption.
    """
    free, bound, signs = public_good_fits(path)
    lost = sorted(set(players or ()) - set(free))
    if lost:
        raise ValueError(f"players {lost} were not recorded; wanted some of {', '.join(free)}: players=None")
    n = 3 if players is None else len(players)
    theta, quorum = 2.0 * RETURN, n // 2 + 1 if quorum is None else quorum

    def seat(model: str, rule: str) -> Mind:
        plain = free[model].mind
        if rule == "sanction":
            return Both(plain, Punishes(punish, "sanction:excess"))
        if rule == "contract":
            return Both(When("contract:in_force", bound[model].mind, plain), Signs(signs[model]))
        return plain

    def society(rule: str, *laws) -> Society:
        game = PublicGoods(n, 15, endowment=1.0, multiplier=RETURN * n, binary=True)
        anyone = OneOf(tuple(seat(model, rule) for model in free))
        return Society(under(game, *laws), [seat(model, rule) for model in players] if players else anyone)

    said = ASSUMED.format(theta=theta, quorum=quorum, n=n, punish=punish)
    return Study(
        name="Recorded models and a public good: "
        + ("three drawn by lot" if players is None else ", ".join(players)),
        conditions={
            "none": society("none"),
            "peer sanction": society("sanction", PeerSanction(1 / 6, 0.5)),
            f"contract, {quorum} of {n}": society("contract", Contract(theta, quorum)),
            "redistribution": society("none", Redistribution(0.75)),
        },
        worlds=worlds,
        measures=[objective_alignment, preference_nash, preference_minimum, cooperation_rate, welfare, gini],
        baseline="none",
        rule="utilitarian",
        hypothesis=" ".join([said] + [FEW.format(n=n, back=RETURN)] * (n != 3)),
        primary=("objective_alignment", "preference_nash"),
    )


def meetings(path: str | os.PathLike, names: tuple[str, str] = ("M", "Q"), memory: int = 5) -> pl.DataFrame:
    """Recorded meetings as decisions with the facts that `NamingGame` shows, one row a speaker.

    Runs that repeat another run of their model exactly are dropped: they are no independent worlds,
    and would stand in training and test folds at once.
    """
    table = pl.read_csv(Path(path)).sort("model", "run", "interaction")
    rows, seen = [], set()
    for (model, run), one in table.group_by("model", "run", maintain_order=True):
        met = tuple(one.select("player_a", "player_b", "name_a", "name_b").iter_rows())
        if (model, met) not in seen:
            rows += [(f"{model}/{run}", model, *row) for row in _speakers(met, names, memory)]
        seen.add((model, met))
    facts = [f.fact for f in MEETINGS]
    return pl.DataFrame(rows, schema=["world", "model", "action", *facts], orient="row")


def _speakers(met: Sequence[tuple], names: Sequence[str], memory: int) -> Iterator[tuple]:
    """The act of each speaker of each meeting, and what it remembered then."""
    code = {name: i + 1 for i, name in enumerate(names)}
    past = defaultdict(lambda: deque([(0, 0)] * memory, maxlen=memory))
    for a, b, name_a, name_b in met:
        for speaker, name in ((a, name_a), (b, name_b)):
            said, heard = zip(*past[speaker], strict=True)
            newest = said[-1], heard[-1], said[-2], heard[-2]
            yield name, *newest, heard.count(1), said.count(1)
        past[a].append((code[name_a], code[name_b]))
        past[b].append((code[name_b], code[name_a]))


def naming_fits(frame: pl.DataFrame, names: tuple[str, str] = ("M", "Q")) -> dict[str, Fit]:
    """By model: how it chose a name, given its last five meetings; `frame` is what `meetings` read."""
    fits = fit_each(frame, ["model"], MEETINGS, acts=("", *names), channel="name")
    return {model: fit for (model,), fit in fits.items()}


@measure(
    unit="share of worlds",
    better="neither",
    cites="Ashery, Aiello, Baronchelli 2025, Science Advances 11 eadu9368",
    undefined="no name had won by the horizon",
)
def ends_on_first(trace: Trace) -> np.ndarray:
    """Whether a naming game ended on the first name of its pool, 1 or 0.

    Read from the last meeting of a world that was over before its horizon. Needs: `named`.
    Bias: slow worlds are cut off at the horizon and left out.
    """
    last = trace.alive.sum(axis=1) - 1
    name = trace.events["named"][np.arange(len(last)), last].max(axis=1)
    return np.where(last + 1 < trace.shape[1], (name == 1).astype(float), np.nan)


@measure(unit="meetings", better="lower", cites="Ashery, Aiello, Baronchelli 2025")
def meetings_played(trace: Trace) -> np.ndarray:
    """How many meetings it took, the final run of successes included.

    Played ticks. Range 1 to the horizon. Needs: nothing. Bias: cut off at the horizon.
    """
    return trace.alive.sum(axis=1).astype(float)


def naming(path: str | os.PathLike, names: tuple[str, str] = ("M", "Q"), *, worlds: int = 200) -> Study:
    """Populations of 24 surrogates of one recorded model each, agreeing on one of two names."""
    frame = meetings(path, names)
    fits = naming_fits(frame, names)
    ends = frame.group_by("model", "world", maintain_order=True).last().group_by("model", maintain_order=True)
    real = ends.agg((pl.col("action") == names[0]).mean().round(2), pl.len()).rows()
    return Study(
        name="Naming game among surrogates",
        conditions={model: Society(NamingGame(names=names), fit.mind) for model, fit in fits.items()},
        worlds=worlds,
        measures=[ends_on_first, meetings_played],
        hypothesis=f"The share of worlds that end on {names[0]} is within .12 of the recorded share: "
        + ", ".join(f"{model} {share:g} ({runs} distinct runs)" for model, share, runs in real)
        + ". The surrogates see the newest two of their last five meetings and counts of all five.",
        chunk=50,
        keep=0,
    )
