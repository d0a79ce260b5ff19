"""Two Q-learners who set prices, by `commonweal.minds.q_learning.sessions`."""

import jax
import numpy as np

from commonweal.minds.q_learning import Exponential, QLearner, sessions
from commonweal.scenarios.market import Bertrand


def _profits(game):
    """Float[m, m, 2]: both firms' profits by both prices."""
    pairs = np.indices((game.prices, game.prices)).reshape(2, -1).T
    return np.asarray(jax.vmap(lambda index: game.profits(game.at(index)))(pairs)).reshape(-1, game.prices, 2)


def _learner(game, beta):
    """Calvano's learner; its first values are discounted mean profits against a uniform rival."""
    first = _profits(game)[..., 0].mean(axis=1) / 0.05
    return QLearner(
        rate=0.15, discount=0.95, explore=Exponential(beta), values=first, channel="price", start="random"
    )


def converge(count, beta, stable, most, engine="jax"):
    """Sessions until no greedy price has changed for `stable` periods; then what they earn."""
    game = Bertrand()
    mind, mark = _learner(game, beta), game.benchmark()
    m = game.prices
    low, high = float(mark.nash_profits.mean()), float(mark.monopoly_profits.mean())
    profit = _profits(game)

    def play():
        found = sessions(game, mind, seeds=count, stable=stable, cap=most, engine=engine)
        earned, acts = np.zeros(count), found.acts.copy()
        for _ in range(1000):
            code = np.stack([acts[:, 0] * m + acts[:, 1], acts[:, 1] * m + acts[:, 0]], axis=1)
            acts = np.take_along_axis(found.greedy, code[:, :, None], axis=2)[:, :, 0]
            earned += profit[acts[:, 0], acts[:, 1]].mean(axis=1) / 1000.0
        gain = (earned.mean() - low) / (high - low)
        return {"gain": float(gain), "periods": float(found.periods.mean())}

    return count, play


def periods(count, beta, most, engine="jax"):
    """So many periods of every session, converged or not."""
    game = Bertrand()
    mind = _learner(game, beta)

    def play():
        sessions(game, mind, seeds=count, stable=None, cap=most, engine=engine)
        return {}

    return count * most, play
