"""A Shapley table: every coalition of four fishers being itself, in the same worlds."""

import numpy as np

import commonweal as cw
from commonweal.accounts import coalitions, games
from commonweal.measures import survival_months
from commonweal.minds import FairShare, Greedy
from commonweal.scenarios import Commons

AGENTS = 4


def society(ticks):
    """Two greedy fishers, one too many by a little, one fair."""
    lake = Commons(n_agents=AGENTS, horizon=ticks, assignment="proportional")
    return cw.Society(lake, [Greedy(0.3), FairShare(extra=2.0), Greedy(0.5), FairShare()])


def table(worlds, ticks):
    """Sixteen coalitions, and the Shapley values of how long the lake lasts."""
    played = society(ticks)

    def play():
        found = games.shapley(coalitions(played, worlds, survival_months, FairShare()).whole())
        return {"blame": float(found.sum())}

    return (1 << AGENTS) * worlds * ticks * AGENTS, play


def plain(worlds, ticks):
    """As many worlds of the same society, simulated, and nothing else."""
    played, many = society(ticks), (1 << AGENTS) * worlds

    def play():
        return {"pay": float(np.asarray(cw.run(played, many).book["pay"][0, 0]).sum())}

    return many * ticks * AGENTS, play
