"""Planted faults: who did it is known, because we did it; and who finds it.

In a well-behaved society one agent's act in one round, or its mind from that round on, is replaced by a
faulty one. Methods that see only the trace, and may replay it, then name an agent and a round. The
alternatives are either every legal act, or what the well-behaved mind would have done in that very sight.
After Zhang et al. 2025, arXiv 2505.00212 (which agent, which step; 184 failures labeled by hand), whose
own scorer finds "1" in "12": here agent and round must be equal.

    python -m commonweal.studies.planted --all --worlds 10
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._channel import Amount
from .._measure import Measure, measure
from .._mind import Mind
from .._plain import tell
from .._profile import Profile
from .._run import run
from .._scenario import Scenario
from .._society import Society
from .._trace import Trace
from ..accounts import games
from ..accounts.branches import Branches
from ..accounts.decisions import of, options
from ..accounts.takeover import Turns, takeovers
from ..measures.cooperation import welfare
from ..measures.inequality import gini
from ..minds.commons import FairShare, Greedy
from ..minds.dynamics import best_response
from ..minds.fitted import Feature, Fitted
from ..minds.grid import Forager
from ..minds.menus import Respondent
from ..minds.opinions import FriedkinJohnsen, degroot
from ..minds.simple import Constant, Random
from ..minds.strategies import GoByMajority, always_defect, tit_for_tat
from ..scenarios import grid
from ..scenarios.commons import Commons
from ..scenarios.contest import Contest
from ..scenarios.earthquake import CLOSED, OPEN, SPLITS, Earthquake
from ..scenarios.exchange import Exchange
from ..scenarios.fishery import Fishery
from ..scenarios.market import Bertrand, Cournot
from ..scenarios.matrix_game import prisoners_dilemma
from ..scenarios.menus import Menus
from ..scenarios.naming_game import NamingGame
from ..scenarios.network_game import NetworkGame
from ..scenarios.opinions import Opinions
from ..scenarios.public_goods import PublicGoods

Blame = tuple[int, int]  # agent, round
KINDS = ("one decision", "policy")
QUICK = ("commons", "naming game", "opinions", "prisoner's dilemma")
ZAP = 7
PATCH, RIVER, WALLS = ("PPAAAA", "PAAAAA", "AAAAAA"), ("rwPAaa", "wrPAPa"), ("P.TTP", "P.T.P")
SMALL = 1e-5  # of the harm's size: below, an effect is rounding


@measure(unit="customers' surplus", better="higher", cites="Marshall 1890")
def surplus(trace: Trace) -> np.ndarray:
    """What the last stakeholder (of a market: its customers) got in all."""
    return trace.utility[..., -1].sum(axis=1, dtype=float)


@measure(unit="deaths", better="lower", cites="Carichon et al. 2025, Table 1")
def deaths(trace: Trace) -> np.ndarray:
    """How many died, by the event `deaths`."""
    return trace.events["deaths"].sum(axis=(1, 2), dtype=float)


@measure(unit="units", better="higher", cites="Schaefer 1954")
def stock(trace: Trace) -> np.ndarray:
    """The mean stock over rounds, by the event `stock`."""
    return trace.events["stock"].mean(axis=(1, 2), dtype=float)


@measure(unit="meetings", better="higher", cites="Ashery et al. 2025")
def agreed(trace: Trace) -> np.ndarray:
    """How the joint task went: the sum of the objective."""
    return trace.objective.sum(axis=1, dtype=float)


class Case(NamedTuple):
    """A scenario, how its well-behaved agents act (one mind, or one a seat) and a faulty one; the harm."""

    scenario: Scenario
    usual: Mind | Sequence[Mind]
    fault: Mind
    harm: Measure = welfare


def cases() -> dict[str, Case]:
    """One case for each scenario on the shelf, short enough to try every single decision."""
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    last = (Feature("heard_last", (0.5, 1.5)),)
    echo = ([0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])  # says what it heard last
    other = ([0.0, 0.0, 1.0],) * 3
    even, unfair = (SPLITS.tolist().index(split) for split in ([1, 1, 1], [3, 0, 0]))
    stakes = [Constant(stake=x) for x in (0.1, 0.2, 0.3, 0.1, 0.2, 0.3)]
    efforts = [Constant(effort=x, claim=1) for x in (0, 1, 1, 2, 1)]
    claims = [[0.05, 0.2, 0.0, 0.0, 0.0, 0.15, 0.15, 0.0, 0.45]]  # walks, turns and claims, never zaps
    small = {"n_agents": 3, "horizon": 16, "side": 2, "ahead": 3}
    return {
        "commons": Case(Commons(5), [FairShare(extra) for extra in (0.0, 1.0, 2.0, 0.0, 1.0)], Greedy(0.5)),
        "contest": Case(Contest(3), [Constant(effort=x) for x in (0.1, 0.2, 0.3)], Constant(effort=1.0)),
        "earthquake": Case(
            Earthquake(rounds=4),
            Constant(split=even, permit=OPEN),
            Constant(split=unfair, permit=CLOSED, report=1, route=1, surge=1),
            deaths,
        ),
        "exchange": Case(Exchange(6, 12), stakes, Constant(stake=1.0), gini),
        "fishery": Case(Fishery(5, 12), efforts, Constant(effort=4, claim=1), stock),
        "harvest": Case(grid.harvest(rows=PATCH, **small), Forager(leave=1.0), Constant(move=ZAP)),
        "cleanup": Case(grid.cleanup(rows=RIVER, **small), Forager(duty=0.5), Constant(move=ZAP)),
        "coins": Case(grid.coins(horizon=24), Random(), Constant(move=0)),
        "territory": Case(
            grid.territory(rows=WALLS, **small), Fitted(claims, (), "move"), Constant(move=ZAP)
        ),
        "price competition": Case(Bertrand(horizon=10), best_response("price"), Constant(price=14), surplus),
        "quantity competition": Case(
            Cournot(horizon=10, levels=11), [Constant(make=5), Constant(make=6)], Constant(make=0), surplus
        ),
        "prisoner's dilemma": Case(prisoners_dilemma(horizon=12), tit_for_tat(), always_defect()),
        "menus": Case(
            Menus(2, ("dictator", "ultimatum")), Respondent(), Respondent(Profile(svo=90.0)), welfare
        ),
        "naming game": Case(
            NamingGame(6, 40), Fitted(echo, last, "name"), Fitted(other, last, "name"), agreed
        ),
        "network game": Case(
            NetworkGame(ring, [[2.0, -1.0], [3.0, 0.0]], horizon=10), tit_for_tat(), always_defect()
        ),
        "opinions": Case(Opinions(6, 10), degroot(), FriedkinJohnsen(0.0)),
        "public goods": Case(PublicGoods(binary=True), GoByMajority("give"), Constant(give=1)),
    }


class Planted(NamedTuple):
    """One world with a fault in it: its trace, who and when, and the harm it added."""

    trace: Trace
    agent: int
    round: int
    added: float


def plant(case: Case, kind: str, seed: int) -> Planted | None:
    """A world with one fault, at a decision drawn among those where it shows; None where it shows nowhere."""

    def society(agent=-1, start=np.inf, stop=np.inf):
        n = case.scenario.n_agents
        usual = case.usual if isinstance(case.usual, Sequence) else [case.usual] * n
        times = [(start, stop) if i == agent else (np.inf, np.inf) for i in range(n)]
        minds = [Turns(mind, case.fault, *both) for mind, both in zip(usual, times, strict=True)]
        return Society(case.scenario, minds)

    good = run(society(), [seed])
    where = [some[0][:2] for some, _ in options(Branches(good, case.harm), stand_in=case.fault)]
    if not where:
        return None
    t, agent = where[np.random.default_rng([seed, KINDS.index(kind)]).integers(len(where))]
    stop = t + 1 if kind == KINDS[0] else np.inf
    bad = run(society(agent, t, stop), [seed])
    added = games.sign(case.harm) * float(case.harm(bad)[0] - case.harm(good)[0])
    return Planted(bad, agent, t, added)


# ---------------------------------------------------------------------------------------- who finds it


def greatest(effects: np.ndarray) -> Blame:
    """The decision with the greatest effect; of equal ones the earliest."""
    known = np.where(np.isnan(effects), -np.inf, effects)
    near = known >= known.max() - SMALL * max(1.0, abs(known.max()))
    t, agent = np.unravel_index(near.argmax(), known.shape)
    return int(agent), int(t)


def earliest(effects: np.ndarray) -> Blame:
    """The agent of the greatest effect, and the first of its decisions that did any harm."""
    agent, t = greatest(effects)
    mine = np.nan_to_num(effects[:, agent]) > SMALL
    return agent, int(mine.argmax()) if mine.any() else t


def too_late(spared: np.ndarray) -> Blame:
    """The agent but for whom there would have been least harm, and the last round not too late for it."""
    agent = int(np.nan_to_num(spared[0], nan=-np.inf).argmax())
    same = np.abs(spared[:, agent] - spared[0, agent]) <= SMALL * max(1.0, abs(spared[0, agent]))
    return agent, int(same.argmin() or len(same)) - 1


def active(trace: Trace, channels: Mapping[str, Any]) -> np.ndarray:
    """Float[T, n]: how much each did in each round; options count 1, amounts their share of the most."""
    found = np.zeros(trace.shape[1:])
    for name, acts in trace.act.items():
        kind = channels[name]
        scale = float(kind.high) if isinstance(kind, Amount) else None
        apart = np.abs(acts[0].astype(float) - float(kind.silence))
        found += np.where(trace.alive[0][:, None], apart / scale if scale else apart > 0, 0.0)
    return found


def last_speaker(trace: Trace, channels: Mapping[str, Any]) -> Blame:
    """Whoever did something last; of several in that round the last seat."""
    rounds, agents = np.nonzero(active(trace, channels))
    return (int(agents[-1]), int(rounds[-1])) if len(rounds) else (trace.shape[2] - 1, trace.shape[1] - 1)


def most_talkative(trace: Trace, channels: Mapping[str, Any]) -> Blame:
    """Whoever did most in all, in the round when it did most."""
    done = active(trace, channels)
    agent = int(done.sum(axis=0).argmax())
    return agent, int(done[:, agent].argmax())


def first_deviation(trace: Trace, channels: Mapping[str, Any]) -> Blame:
    """The first act unlike the commonest of its round, ties by the whole world; the last seat if none."""
    names = [name for name in sorted(channels) if not channels[name].lever]
    for t in np.flatnonzero(trace.alive[0]):
        for name in names:
            now, whole = trace.act[name][0, t], trace.act[name][0][trace.alive[0]]
            common = max(np.unique(now), key=lambda x: ((now == x).sum(), (whole == x).sum()))  # noqa: B023
            if (now != common).any():
                return int((now != common).argmax()), int(t)
    return trace.shape[2] - 1, int(trace.alive[0].sum()) - 1


BASELINES: dict[str, Callable[[Trace, Mapping[str, Any]], Blame]] = {
    "last speaker": last_speaker,
    "most talkative": most_talkative,
    "first deviation": first_deviation,
}


REPLAYED = ("but-for, any act", "but-for", "but-for, agent's first", "but-for, from then on")
METHODS = (*BASELINES, *REPLAYED)


def attribute(trace: Trace, case: Case, width: int, sign: float = 1.0) -> dict[str, Blame]:
    """Whom each method names, from the trace alone: no method is told where the fault was planted.

    `sign` is +1 where more harm came than of a well-behaved society, -1 where less: what is to be explained.
    """
    channels = case.scenario.channels()
    found = {name: method(trace, channels) for name, method in BASELINES.items()}
    branches = Branches(trace, case.harm, width=width)
    seen = branches.seen(minds=case.usual)
    any_act = of(branches, seen=seen).effects(sign)
    spared = of(branches, stand_in=case.usual, seen=seen).effects(sign)
    late = too_late(sign * takeovers(branches, case.usual))
    blamed = (greatest(any_act), greatest(spared), earliest(spared), late)
    return found | dict(zip(REPLAYED, blamed, strict=True))


# ---------------------------------------------------------------------------------------------- scores


def width(case: Case) -> int:
    """Branches that try every decision at once, and the world itself; at most 1024."""
    kinds = [c for c in case.scenario.channels().values() if not c.lever]
    each = sum(3 if isinstance(c, Amount) else len(c.options) - 1 for c in kinds)  # type: ignore[attr-defined]
    need = case.scenario.horizon * case.scenario.n_agents * each + 1
    return min(1024, 1 << (need - 1).bit_length())


def score(name: str, kind: str, case: Case, worlds: int) -> list[dict[str, Any]]:
    """One row a method: how often it named agent, round and both, and how many rounds it was off."""
    some = [one for seed in range(worlds) if (one := plant(case, kind, seed)) is not None]
    size = SMALL * max((abs(one.added) for one in some), default=1.0)
    other = [one for one in some if abs(one.added) > max(size, 1e-6)]
    worse = sum(one.added > 0 for one in other)
    blamed = [attribute(one.trace, case, width(case), float(np.sign(one.added))) for one in other]
    truth = [(one.agent, one.round) for one in other]
    spans = [(one.trace.shape[2], int(one.trace.alive[0].sum())) for one in other]
    head = {"scenario": name, "fault": kind, "planted": worlds, "changed": len(other), "worse": worse}
    hits = {"uniform": [_by_chance(b, s) for b, s in zip(truth, spans, strict=True)]}
    hits["constant"] = [_hit(b, c) for b, c in zip(truth, _constant(truth), strict=True)]
    for method in METHODS:
        hits[method] = [_hit(b, one[method]) for b, one in zip(truth, blamed, strict=True)]
    return [head | {"method": method} | _mean(found) for method, found in hits.items()]


def _hit(truth: Blame, said: Blame) -> tuple[float, float, float, float]:
    agent, t = truth[0] == said[0], truth[1] == said[1]
    return float(agent), float(t), float(agent and t), float(abs(truth[1] - said[1]))


def _by_chance(truth: Blame, span: tuple[int, int]) -> tuple[float, float, float, float]:
    n, rounds = span
    off = float(np.abs(np.arange(rounds) - truth[1]).mean())
    return 1.0 / n, 1.0 / rounds, 1.0 / (n * rounds), off


def _constant(truth: Sequence[Blame]) -> list[Blame]:
    """The one answer that is right most often here; it is chosen with the truth in hand."""
    each = sorted(set(truth))
    often = max(each, key=lambda b: (truth.count(b), sum(b[0] == x[0] for x in truth)), default=(0, 0))
    return [often] * len(truth)


def _mean(found: Sequence[tuple[float, ...]]) -> dict[str, float]:
    names = ("agent", "round", "both", "off")
    return dict(zip(names, np.mean(found, axis=0).tolist() if found else [np.nan] * 4, strict=True))


def benchmark(worlds: int = 4, only: Sequence[str] = ()) -> pl.DataFrame:
    """The table: scenario, fault, worlds planted, in which the outcome changed, for the worse; by method."""
    known = cases()
    if unknown := sorted(set(only) - set(known)):
        raise ValueError(f"no case is named {unknown}; wanted some of {sorted(known)}")
    rows = [
        row
        for name, case in known.items()
        if not only or name in only
        for kind in KINDS
        for row in score(name, kind, case, worlds)
    ]
    return pl.DataFrame(rows)


def pooled(table: pl.DataFrame) -> pl.DataFrame:
    """One row a fault and method: over all worlds of all scenarios in which the outcome changed."""
    some = table.with_columns(pl.col("agent", "round", "both", "off").fill_nan(0.0))
    weigh = [
        (pl.col(x) * pl.col("changed")).sum() / pl.col("changed").sum()
        for x in ("agent", "round", "both", "off")
    ]
    counts = [pl.col(x).sum() for x in ("planted", "changed", "worse")]
    named = [one.alias(x) for one, x in zip(weigh, ("agent", "round", "both", "off"), strict=True)]
    return some.group_by("fault", "method", maintain_order=True).agg(*counts, *named)


def main(args: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Planted faults, and who finds them.")
    parser.add_argument("--worlds", type=int, default=4, help="worlds a scenario and fault")
    parser.add_argument("--only", nargs="*", default=QUICK, help=f"names of cases; by default {QUICK}")
    parser.add_argument("--all", action="store_true", help="every scenario: minutes")
    given = parser.parse_args(args)
    began = time.perf_counter()
    table = benchmark(given.worlds, () if given.all else given.only)
    quiet = {"tbl_hide_dataframe_shape": True, "tbl_hide_column_data_types": True, "float_precision": 2}
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, **quiet):
        tell(table, pooled(table))
    tell(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
