"""A round robin of the twelve strategies, by `commonweal.lab.tournament`."""

import jax.numpy as jnp

from commonweal import Mind, Odds
from commonweal.lab.tournament import round_robin as tournament
from commonweal.minds import MemoryOne, TitForTwoTats
from commonweal.scenarios import prisoners_dilemma


class GoByMajority(Mind):
    """Does what the other has done more often so far, C if equally often."""

    def init(self, seat, key):
        return jnp.float32(0.0)

    def act(self, memory, sight, channels, key):
        lead = memory + sight["started"] * (2.0 * sight["share"] - 1.0)
        p = jnp.where(lead >= 0.0, 1.0, 0.0)
        return lead, {"act": Odds(jnp.stack([p, 1.0 - p]))}


MINDS = {
    "Cooperator": MemoryOne(1, 1, 1, 1, 1),
    "Defector": MemoryOne(0, 0, 0, 0, 0),
    "TitForTat": MemoryOne(1, 1, 0, 1, 0),
    "TitFor2Tats": TitForTwoTats(),
    "Grudger": MemoryOne(1, 1, 0, 0, 0),
    "WinStayLoseShift": MemoryOne(1, 1, 0, 0, 1),
    "SuspiciousTitForTat": MemoryOne(0, 1, 0, 1, 0),
    "Alternator": MemoryOne(1, 0, 0, 1, 1),
    "GoByMajority": GoByMajority(),
    "Random": MemoryOne(0.5, 0.5, 0.5, 0.5, 0.5),
    "FirstByJoss": MemoryOne(1, 0.9, 0, 0.9, 0),
    "GTFT": MemoryOne(1, 1, 1 / 3, 1, 1 / 3),
}
SURE = 9


def round_robin(repetitions, turns):
    """Everybody against everybody and itself."""
    game = prisoners_dilemma(horizon=turns)
    m = len(MINDS)

    def play():
        found = tournament(game, MINDS, repetitions=repetitions)
        return {"score": float(found.scores[:SURE, :SURE].sum())}

    return m * (m + 1) // 2 * repetitions * turns, play
