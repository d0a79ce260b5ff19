"""A round robin of the twelve strategies, by `commonweal.lab.tournament`."""

from commonweal.lab.tournament import round_robin as tournament
from commonweal.minds import classics
from commonweal.scenarios import prisoners_dilemma

LUCKY = 3  # the last of the twelve: Random, Joss, generous tit for tat


def round_robin(repetitions, turns):
    """Everybody against everybody and itself; only the turns that are really played count."""
    game, minds = prisoners_dilemma(horizon=turns), classics()
    sure = len(minds) - LUCKY

    def play():
        found = tournament(game, minds, repetitions=repetitions)
        return {"score": float(found.scores[:sure, :sure].sum())}

    return tournament(game, minds, repetitions=repetitions).turns, play
