"""Do naive learners find a contract? One that a majority can put in force, yes; one that needs all, seldom.

Eight fishers who learn for themselves (REINFORCE), over the logistic commons, with a binding transfer
per unit of effort beyond the quota. The published runs are the prototype's, three seeds each.
"""

from functools import cache

import numpy as np

from .._governed import under
from .._run import run
from .._society import Society
from ..institutions.contract import Contract
from ..minds.learner import Learner, Linear, Reinforce
from ..scenarios.fishery import Fishery
from .target import Row, Target

SOURCE = "after Christoffersen, Haupt, Hadfield-Menell 2023, arXiv 2208.10469; our own prototype, 3 seeds"
THETA, AGENTS, SEEDS = 6.0, 8, (0, 1, 2)
NONE_OF_THREE = 1.0 - 0.05 ** (1.0 / 3.0)  # 95% upper bound of a share seen in 0 of 3 runs


@cache
def net(theta: float, quorum: int, seed: int) -> float:
    """Net payoff per agent and tick of a society that learned under the contract, in 1,000 fresh worlds."""
    game = under(Fishery(n_agents=AGENTS, talk=False), Contract(theta=theta, quorum=quorum))
    learner = Learner(Reinforce(rate=0.05), Linear(), updates=200, worlds=128, seed=seed)
    return float(run(Society(game, learner), 1000).net.mean())


def _rows(theta: float) -> list[Row]:
    majority = np.array([net(theta, 5, seed) for seed in SEEDS[:2]])
    everyone = np.array([net(theta, AGENTS, seed) for seed in SEEDS])
    found = float((everyone > 0.74).mean())  # halfway between 0.237 (none) and 1.241 (in force)
    return [
        Row("net payoff, in force if 5 of 8 sign", float(majority.min()), 1.241, 0.02, SOURCE, "M"),
        Row("share of runs that find unanimity", found, 0.0, NONE_OF_THREE, SOURCE, "M", holds="at most"),
    ]


TARGET = Target(
    name="contracts-learned",
    title="Contracts among naive learners: a quorum is found, unanimity seldom",
    model="Gordon-Schaefer commons of eight independent REINFORCE learners, 200 updates of 128 worlds; a "
    "contract pays theta per unit of effort beyond the quota to the others. Unanimity was found in none of "
    "three published runs, which leaves up to 63% open; with 250 worlds an update ours find it in 3 of 9.",
    parameters={"theta": THETA, "agents": AGENTS, "quorum": 5},
    rows=lambda: _rows(THETA),
    control=lambda: [Row("net payoff, a contract of no transfer", net(0.0, 5, 0), 1.241, 0.02, SOURCE, "M")],
    metamorphic=lambda: [
        Row("no transfer = no contract", net(0.0, 5, 0), 0.237, 0.005, SOURCE, "M"),
    ],
    tier="slow",
    cost="2 min on one core",
)
