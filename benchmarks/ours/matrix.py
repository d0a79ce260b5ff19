"""A round robin of the twelve strategies, by `commonweal.lab.tournament`."""

from commonweal.lab.tournament import round_robin as tournament
from commonweal.minds import classics
from commonweal.scenarios import prisoners_dilemma

LUCKY = 3  # the last of the twelve: Random, Joss, generous tit for tat


def round_robin(repetitions, turns):
    """Everybody against everybody and itself; only the turns that each call really plays count."""
    game, minds = prisoners_dilemma(horizon=turns), classics()
    sure = len(minds) - LUCKY

    def play():
        found = tournament(game, minds, repetitions=repetitions)
        return {"score": float(found.scores[:sure, :sure].sum())}

    pairs = LUCKY * len(minds)  # two of the lucky meet in both seats; what the sure did is kept
    return pairs * repetitions * turns, play
