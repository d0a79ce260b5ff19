"""Learning dynamics in small games: minds that adapt while they play, and the flows of mixed strategies.

The flows are exact and in double precision, on the host; x[i, a] is the probability that player i
plays act a, r[i, a] what the act earns it on average, T[i] its temperature. The minds keep what they
learn only for one world; where they need the payoffs they take them from ticks of the scenario.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.integrate import solve_ivp
from scipy.optimize import root
from scipy.special import softmax

from .._governed import Governed
from .._mind import Mind, Odds
from .._param import count, param, text
from .._stage import stage_game

Numbers = float | list[float] | np.ndarray


def returns(payoffs: np.ndarray, x: np.ndarray) -> np.ndarray:
    """r[i, a]: what act a earns player i when the others mix by x; payoffs as in a matrix game."""
    found = []
    for i, table in enumerate(np.asarray(payoffs, dtype=float)):
        for j in reversed(range(len(x))):
            if j != i:
                table = np.moveaxis(table, j, -1) @ x[j]
        found.append(table)
    return np.stack(found)


def smooth_flow(
    payoffs: np.ndarray, start: np.ndarray, times: Numbers, temperature: Numbers = 1.0, digits: int = 10
) -> np.ndarray:
    """Smooth Q-learning, x' = x (r - <x, r> - T (ln x - <x, ln x>)), at `times`: [times, n, m].

    With temperature 0 it is the replicator dynamics. Solved to `digits` as u' = r(softmax u) - T u,
    the values that the players learn, which is the same flow and cannot leave the simplex.
    Source: Leonardos, Piliouras and Spendlove 2021, arXiv 2106.12928; Taylor and Jonker 1978.
    """
    rate = np.broadcast_to(np.asarray(temperature, dtype=float), len(start))[:, None]

    def learn(u):
        return returns(payoffs, softmax(u, axis=-1)) - rate * u

    return softmax(_follow(learn, np.log(np.asarray(start, dtype=float)), times, digits), axis=-1)


def logit_flow(
    payoffs: np.ndarray, start: np.ndarray, times: Numbers, temperature: Numbers = 1.0
) -> np.ndarray:
    """Logit dynamics, x' = softmax(r / T) - x, at `times`: [times, n, m].

    Source: Fudenberg and Levine 1998, The Theory of Learning in Games, chapter 4.
    """
    return _follow(lambda x: -misfit(payoffs, x, temperature), np.asarray(start, dtype=float), times)


def misfit(payoffs: np.ndarray, x: np.ndarray, temperature: Numbers = 1.0) -> np.ndarray:
    """x - softmax(r / T): zero exactly at a quantal response equilibrium."""
    rate = np.broadcast_to(np.asarray(temperature, dtype=float), len(x))[:, None]
    return x - softmax(returns(payoffs, x) / rate, axis=-1)


def quantal_response(
    payoffs: np.ndarray, temperature: Numbers = 1.0, start: np.ndarray | None = None
) -> np.ndarray:
    """The quantal response equilibrium that smooth Q-learning reaches from `start` (even odds): [n, m].

    The flow comes near, Newton's method settles the last digits. It is the only equilibrium in
    weighted zero-sum games; elsewhere there may be others.
    Source: McKelvey and Palfrey 1995, Games and Economic Behavior 10:6.

    Raises:
        ValueError: a temperature that is not positive, or a flow that does not settle.
    """
    rate = np.asarray(temperature, dtype=float)
    if not (rate > 0.0).all():
        raise ValueError(
            f"quantal_response came with temperature={temperature}; wanted more than 0: "
            "quantal_response(payoffs, 0.5), or smooth_flow(..., temperature=0) for the replicator"
        )
    payoffs = np.asarray(payoffs, dtype=float)
    if start is None:
        start = np.full((len(payoffs), payoffs.shape[1]), 1.0 / payoffs.shape[1])
    near = smooth_flow(payoffs, start, 60.0 / float(rate.min()), temperature, digits=6)[-1]
    flat = root(
        lambda x: misfit(payoffs, x.reshape(near.shape), temperature).ravel(), near.ravel(), tol=1e-13
    )
    x = flat.x.reshape(near.shape)
    off = float(np.abs(misfit(payoffs, near, temperature)).max())
    if np.abs(misfit(payoffs, x, temperature)).max() > 1e-8 or np.abs(x - near).max() > 1e-4:
        raise ValueError(
            f"smooth Q-learning has not settled (off by {off:.1g}) at temperature {temperature}; wanted a "
            "game in which it does: raise the temperature, or look at smooth_flow(...)"
        )
    return x


def _follow(
    flow: Callable[[np.ndarray], np.ndarray], start: np.ndarray, times: Numbers, digits: int = 10
) -> np.ndarray:
    """The solution of y' = flow(y) from t = 0 at `times`."""
    at = np.atleast_1d(np.asarray(times, dtype=float))
    if not at.max() > 0.0:
        return np.broadcast_to(start, (len(at), *start.shape))
    found = solve_ivp(
        lambda _, y: flow(y.reshape(start.shape)).ravel(),
        (0.0, at.max()),
        start.ravel(),
        method="LSODA",
        t_eval=at,
        rtol=10.0**-digits,
        atol=10.0 ** (-digits - 2),
    )
    return found.y.T.reshape(-1, *start.shape)


class SmoothQ(Mind):
    """Learns a value for each act from what it felt after it; plays the softmax of value / temperature.

    - `temperature`: above 0, in the unit of the pay; small is greedy.
    - `rate`: how far one experience moves a value, 0 to 1.
    - `adjusted`: divide the rate by the probability of the act (at most to 1), so that on average all
      values move alike, which is smooth Q-learning's flow; else rare acts learn slowly.
    - `values`: what it starts with; zeros.

    It has no look-ahead: a round is a game of its own. Needs the facts `own` and `started`.
    Source: Leonardos et al. 2021, arXiv 2106.12928; the adjustment, Kaisers and Tuyls 2010 (AAMAS).
    """

    temperature: Float[Array, ""] = param(1.0, "(0, inf)")
    rate: Float[Array, ""] = param(0.01, "[0, 1]")
    adjusted: bool = count(True)
    channel: str = text("act")
    values: Any = param(None)

    def prepare(self, scenario, seat, key):
        zeros = jnp.zeros(_options(scenario, self.channel, "SmoothQ"))
        values = zeros if self.values is None else self.values
        return SmoothQ(self.temperature, self.rate, self.adjusted, self.channel, values)

    def init(self, seat, key):
        return self.values

    def act(self, memory, sight, channels, key):
        played = (jnp.arange(memory.shape[0]) == sight["own"]) & (sight["started"] > 0.0)
        rate = self.rate
        if self.adjusted:
            odds = jax.nn.softmax(memory / self.temperature)
            rate = jnp.minimum(rate / jnp.maximum(odds, 1e-9), 1.0)
        values = memory + jnp.where(played, rate * (sight["felt"] - memory), 0.0)
        return values, {self.channel: Odds(jax.nn.softmax(values / self.temperature))}


class FictitiousPlay(Mind):
    """Answers best to how often the others did what, jointly, so far; equally good acts by even odds.

    - `keep`: what a round counts next to the one after it: 1 all rounds alike, 0 the last one only.
    - `prior`: how many rounds of each joint act of the others it begins with; above 0.

    It goes by the net pay of single rounds, its own only (no profile). Needs the facts `others` and
    `started`. Source: Brown 1951, in Activity Analysis of Production and Allocation.
    """

    keep: Float[Array, ""] = param(1.0, "[0, 1]")
    prior: Float[Array, ""] = param(1.0, "(0, inf)")
    channel: str = text("act")
    pays: Any = param(None)

    def prepare(self, scenario, seat, key):
        table = payoff_table(scenario, self.channel, "FictitiousPlay")
        mine = np.moveaxis(table[seat], range(scenario.n_agents), _places(seat, scenario.n_agents))
        return FictitiousPlay(self.keep, self.prior, self.channel, mine.reshape(mine.shape[0], -1))

    def init(self, seat, key):
        return jnp.broadcast_to(self.prior, self.pays.shape[1:])

    def act(self, memory, sight, channels, key):
        place = jnp.int32(0)
        for other in sight["others"]:
            place = place * self.pays.shape[0] + other
        seen = (jnp.arange(memory.shape[0]) == place).astype(jnp.float32)
        counts = jnp.where(sight["started"] > 0.0, self.keep * memory + seen, memory)
        worth = self.pays @ (counts / counts.sum())
        best = (worth >= worth.max() - 2e-6 * (self.pays.max() - self.pays.min())).astype(jnp.float32)
        return counts, {self.channel: Odds(best / best.sum())}


def best_response(channel="act") -> FictitiousPlay:
    """Answers best to what the others did last. Source: Cournot 1838; Brown 1951."""
    return FictitiousPlay(0.0, 1.0, channel)


class QuantalResponse(Mind):
    """Plays its part of a quantal response equilibrium of the single round (see `quantal_response`).

    `temperature` is everybody's. Source: McKelvey and Palfrey 1995, Games and Economic Behavior 10:6.
    """

    temperature: Float[Array, ""] = param(1.0, "(0, inf)")
    channel: str = text("act")
    odds: Any = param(None)

    def prepare(self, scenario, seat, key):
        table = payoff_table(scenario, self.channel, "QuantalResponse")
        odds = quantal_response(table, float(self.temperature))[seat]
        return QuantalResponse(self.temperature, self.channel, odds)

    def act(self, memory, sight, channels, key):
        return memory, {self.channel: Odds(self.odds)}


def _places(seat: int, n: int) -> list[int]:
    """Where each player's axis goes when `seat` comes first and the others follow in a circle."""
    return [(j - seat) % n for j in range(n)]


def _options(scenario: Governed, channel: str, whose: str) -> int:
    """How many options the channel has."""
    options = getattr(scenario.channels().get(channel), "options", ())
    if not options:
        raise ValueError(
            f"{whose} came into {type(scenario.base).__name__}, whose channels are "
            f"{scenario.channels()}; wanted options on {channel!r}: {whose}(channel=...) of a matrix game"
        )
    return len(options)


def payoff_table(scenario: Governed, channel: str, whose: str) -> Float[np.ndarray, "n ..."]:
    """The net pay of a round by joint act, player first, silent on other channels; from ticks played.

    Raises:
        ValueError: a joint act is not always paid the same, or the agents move in turn.
    """
    n, m = scenario.n_agents, _options(scenario, channel, whose)
    joint = jnp.asarray(np.indices((m,) * n).reshape(n, -1).T, jnp.int32)
    found = stage_game(scenario, channel, joint)
    if len(scenario.groups) > 1 or not found.drift < 1e-5 * (1.0 + jnp.abs(found.pays).max()):
        raise ValueError(
            f"the pays of {type(scenario.base).__name__} under {[law.name for law in scenario.laws]} depend "
            f"on luck, a move order or what came before; {whose} wants a pay for each joint act, always the "
            "same: prisoners_dilemma(), or cw.under(prisoners_dilemma(), Redistribution(0.5))"
        )
    return np.asarray(found.pays).T.reshape((n,) + (m,) * n)
