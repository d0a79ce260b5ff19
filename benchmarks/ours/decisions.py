"""Every single decision of four agents over a hundred rounds, replaced by the other act."""

import numpy as np

import commonweal as cw
from commonweal.accounts import alternatives
from commonweal.accounts.decisions import decisions
from commonweal.measures import welfare
from commonweal.minds import MemoryOne
from commonweal.scenarios import NetworkGame

AGENTS = 4


def society(ticks):
    """Four who mostly answer in kind, each with each."""
    game = NetworkGame(np.ones((AGENTS, AGENTS)) - np.eye(AGENTS), [[2.0, -1.0], [3.0, 0.0]], horizon=ticks)
    return cw.Society(game, MemoryOne(0.9, 0.95, 0.2, 0.8, 0.1))


def sums(ticks):
    """What all earn in each branch, all branches in one call."""
    played = society(ticks)

    def play():
        found = alternatives(played, 0, "act").effects.sum(axis=-1)
        return {"mean": float(found.sum(axis=-1).mean())}  # of the two acts one is what was done: 0

    return ticks * AGENTS, play


def account(ticks):
    """The same for any measure: whole traces, the measure of each, and the table."""
    trace = cw.run(society(ticks), [0])

    def play():
        return {"mean": float(np.mean(decisions(trace, welfare).effects()))}

    return ticks * AGENTS, play
