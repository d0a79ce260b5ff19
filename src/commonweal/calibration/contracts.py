"""When a binding contract makes cooperation dominant, found by play and not by formula.

Source: Haupt, Christoffersen, Damani and Hadfield-Menell 2022 (Christoffersen et al.),
arXiv 2208.10469: transfers for a harm, agreed beforehand, make every subgame-perfect equilibrium
optimal if contracts are rich enough. The units here are closed forms of two games.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from .._governed import under
from .._run import run
from .._scenario import Scenario
from .._society import Society
from ..institutions.contract import Contract
from ..minds.simple import Constant
from ..scenarios.matrix_game import prisoners_dilemma
from ..scenarios.public_goods import PublicGoods
from .target import Row, Target
from .thresholds import bisect

SOURCE = "arXiv 2208.10469; closed form"
DILEMMA = prisoners_dilemma(horizon=1)
POT = PublicGoods(n_agents=4, horizon=1, endowment=20.0, multiplier=1.6, binary=True)


def pays(game: Scenario, *laws: Contract, refuse: int = 0) -> np.ndarray:
    """Net pay by joint act, agent first: [n, 2, ..., 2]; all sign but the first `refuse` agents."""
    n, channel = game.n_agents, next(iter(game.channels()))
    joint = np.array(list(product(range(2), repeat=n)))[:, None, :]
    signs = [Constant(sign=float(i >= refuse) if laws else 0.0) for i in range(n)]
    minds = signs if laws else [Constant()] * n
    trace = run(
        Society(under(game, *laws), minds), len(joint), do={channel: (np.ones_like(joint, bool), joint)}
    )
    return trace.net[:, 0, :].T.reshape((n,) + (2,) * n).astype(float)


def dominant(table: np.ndarray) -> bool:
    """Whether act 0 is worth no less than act 1 to everyone, whatever the others do."""
    by_own = [np.moveaxis(one, i, 0) for i, one in enumerate(table)]
    return all((own[0] >= own[1] - 1e-4).all() for own in by_own)


def threshold(game: Scenario, event: str = "excess", high: float = 16.0) -> float:
    """The least payment per unit of the event from which on cooperation is dominant."""
    return bisect(lambda size: dominant(pays(game, Contract(size, game.n_agents, event))), high=high)


def welfare(table: np.ndarray) -> float:
    """What all earn together where everyone plays its dominant act; nan if there is none."""
    n = len(table)
    acts = (0,) * n if dominant(table) else (1,) * n
    if acts[0] and not dominant(np.flip(table, axis=tuple(range(1, n + 1)))):
        return float("nan")
    return float(table[(slice(None), *acts)].sum())


def rows() -> Sequence[Row]:
    """Thresholds, welfare without and with the contract, what signing is worth."""
    bare, bound = pays(DILEMMA), pays(DILEMMA, Contract(2.5, 2))
    null, veto = pays(DILEMMA, Contract(0.0, 2)), pays(DILEMMA, Contract(2.5, 2), refuse=1)
    gain = bound[:, 0, 0] - veto[:, 1, 1]
    return [
        Row("dilemma 5 3 1 0: least payment", threshold(DILEMMA), 2.0, 2e-4, SOURCE),
        Row("public good: least payment per token", threshold(POT, high=2.0), 0.6, 2e-4, SOURCE),
        Row("dilemma: welfare without", welfare(bare), 2.0, 1e-5, SOURCE),
        Row("dilemma: welfare under payment 2.5", welfare(bound), 6.0, 1e-5, SOURCE),
        Row("worth of signing to the one who gains least", gain.min(), 2.0, 1e-5, SOURCE),
        Row("null contract: largest change of pay", np.abs(null - bare).max(), 0.0, 0.0, SOURCE),
        Row("one veto: largest change of pay", np.abs(veto - bare).max(), 0.0, 0.0, SOURCE),
        Row("contract: largest imbalance", np.abs((bound - bare).sum(axis=0)).max(), 0.0, 1e-5, SOURCE),
    ]


def control() -> Sequence[Row]:
    """The contract pays for the wrong event, cooperation, so that it deters it."""
    wrong = pays(DILEMMA, Contract(2.5, 2, "cooperated"))
    return [
        Row("dilemma 5 3 1 0: least payment", threshold(DILEMMA, "cooperated"), 2.0, 2e-4, SOURCE),
        Row("dilemma: welfare under payment 2.5", welfare(wrong), 6.0, 1e-5, SOURCE),
    ]


def metamorphic() -> Sequence[Row]:
    """Points in another unit move the payment alike; points for nothing do not."""
    tripled = prisoners_dilemma(15.0, 9.0, 3.0, 0.0, horizon=1)
    raised = prisoners_dilemma(12.0, 10.0, 8.0, 7.0, horizon=1)
    return [
        Row("points times 3", threshold(tripled), 6.0, 2e-4, "units"),
        Row("points plus 7", threshold(raised), 2.0, 2e-4, "units"),
    ]


TARGET = Target(
    name="contracts",
    title="How large a contract's payment must be",
    model="prisoner's dilemma 5 3 1 0, and a public good (n = 4, return .4), under Contract of all",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    cost="4 s on one core",
    parameters={"payment": 2.5, "endowment": 20.0, "return_per_token": 0.4},
)
