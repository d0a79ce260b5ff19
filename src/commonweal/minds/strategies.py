"""Strategies that remember one round (or two): reciprocity, forgiveness, exploitation.

They read the facts `started`, `did` and `share` (whether there was a round, how much I cooperated
in it, how much the others did on average) and choose among two acts, the first of which is the
cooperative one. With more than one other agent, `share` mixes the answers to C and D.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._mind import Mind, Odds
from .._param import param, text


class MemoryOne(Mind):
    """Cooperates with probability `start` at first, then `cc`, `cd`, `dc` or `dd` (own act first).

    Source: Nowak and Sigmund 1990, Acta Applicandae Mathematicae 20:247.
    """

    start: Float[Array, ""] = param(within="[0, 1]")
    cc: Float[Array, ""] = param(within="[0, 1]")
    cd: Float[Array, ""] = param(within="[0, 1]")
    dc: Float[Array, ""] = param(within="[0, 1]")
    dd: Float[Array, ""] = param(within="[0, 1]")
    channel: str = text("act")

    def act(self, memory, sight, channels, key):
        did, share = sight["did"], sight["share"]
        after_c = share * self.cc + (1.0 - share) * self.cd
        after_d = share * self.dc + (1.0 - share) * self.dd
        p = jnp.where(sight["started"] > 0.0, did * after_c + (1.0 - did) * after_d, self.start)
        return memory, {self.channel: Odds(jnp.stack([p, 1.0 - p]))}


class TitForTwoTats(Mind):
    """Defects only after two defections in a row. Source: Axelrod 1980, J. Conflict Resolution 24:3."""

    channel: str = text("act")

    def init(self, seat, key):
        return jnp.float32(1.0)  # what the others did in the round before last

    def act(self, memory, sight, channels, key):
        share = jnp.where(sight["started"] > 0.0, sight["share"], 1.0)
        p = jnp.maximum(memory, share)
        return share, {self.channel: Odds(jnp.stack([p, 1.0 - p]))}


class GoByMajority(Mind):
    """Cooperates if the others have cooperated at least half the time so far, and at first.

    The soft majority. Source: Axelrod 1984, The Evolution of Cooperation, appendix A; Mathieu,
    Beaufils and Delahaye 1999.
    """

    channel: str = text("act")

    def init(self, seat, key):
        return jnp.float32(0.0)  # rounds of cooperation minus rounds of defection

    def act(self, memory, sight, channels, key):
        memory = jnp.where(sight["started"] > 0.0, memory + 2.0 * sight["share"] - 1.0, 0.0)
        return memory, {self.channel: (memory < 0.0).astype(jnp.int32)}


def tit_for_tat(channel="act") -> MemoryOne:
    """Does what the other did, first C. Source: Rapoport in Axelrod 1980, J. Conflict Resolution 24:3."""
    return MemoryOne(1, 1, 0, 1, 0, channel)


def suspicious_tit_for_tat(channel="act") -> MemoryOne:
    """Does what the other did, first D. Source: Boyd and Lorberbaum 1987, Nature 327:58."""
    return MemoryOne(0, 1, 0, 1, 0, channel)


def always_cooperate(channel="act") -> MemoryOne:
    """ALLC. Source: Axelrod and Hamilton 1981, Science 211:1390."""
    return MemoryOne(1, 1, 1, 1, 1, channel)


def always_defect(channel="act") -> MemoryOne:
    """ALLD. Source: Axelrod and Hamilton 1981, Science 211:1390."""
    return MemoryOne(0, 0, 0, 0, 0, channel)


def grim(channel="act") -> MemoryOne:
    """Cooperates until one defection, own or the other's. Source: Friedman 1971, Rev. Econ. Studies 38:1."""
    return MemoryOne(1, 1, 0, 0, 0, channel)


def win_stay_lose_shift(channel="act") -> MemoryOne:
    """Keeps an act that did well (Pavlov). Source: Nowak and Sigmund 1993, Nature 364:56."""
    return MemoryOne(1, 1, 0, 0, 1, channel)


def alternator(start=1.0, channel="act") -> MemoryOne:
    """C, D, C, D, whatever the other does. Source: Axelrod and Hamilton 1981, Science 211:1390."""
    return MemoryOne(start, 0, 0, 1, 1, channel)


def generous_tit_for_tat(generosity=1 / 3, channel="act") -> MemoryOne:
    """Forgives a defection now and then. Source: Nowak and Sigmund 1992, Nature 355:250."""
    return MemoryOne(1, 1, generosity, 1, generosity, channel)


def coin(odds=0.5, channel="act") -> MemoryOne:
    """RANDOM: cooperates with probability `odds`. Source: Axelrod 1980, J. Conflict Resolution 24:3."""
    return MemoryOne(odds, odds, odds, odds, odds, channel)


def joss(odds=0.9, channel="act") -> MemoryOne:
    """Tit for tat that cheats after one cooperation in ten. Source: Joss in Axelrod 1980."""
    return MemoryOne(1, odds, 0, odds, 0, channel)


def classics(channel="act") -> dict[str, Mind]:
    """Twelve classical strategies by name: nine that luck cannot touch, then three of chance."""
    plain = (always_cooperate, always_defect, tit_for_tat, grim, win_stay_lose_shift, suspicious_tit_for_tat)
    lucky = (coin, joss, generous_tit_for_tat)
    found: dict[str, Mind] = {make.__name__: make(channel=channel) for make in (*plain, alternator)}
    found |= {"tit_for_two_tats": TitForTwoTats(channel), "go_by_majority": GoByMajority(channel)}
    return found | {make.__name__: make(channel=channel) for make in lucky}


def extortion(factor=3.0, phi=1 / 26, payoffs=(5.0, 3.0, 1.0, 0.0), channel="act") -> MemoryOne:
    """Takes `factor` times the other's surplus over P, whatever the other does.

    `phi` sets how fast; the default gives (11/13, 1/2, 7/26, 0). Source: Press and Dyson 2012,
    PNAS 109:10409, equations 12 and 14.
    """
    t, r, p, s = payoffs
    unit = p - s
    cc = 1.0 - phi * (factor - 1.0) * (r - p) / unit
    cd = 1.0 - phi * (1.0 + factor * (t - p) / unit)
    return MemoryOne(1.0, cc, cd, phi * (factor + (t - p) / unit), 0.0, channel)


def long_run(mine: MemoryOne, other: MemoryOne, noise: float = 0.0) -> np.ndarray:
    """The share of rounds in CC, CD, DC, DD in a very long match; each act flips with `noise`.

    The average over time of the Markov chain of both strategies. Source: Press and Dyson 2012.
    """

    def odds(mind: MemoryOne, order):
        p = np.array([float(x) for x in (mind.cc, mind.cd, mind.dc, mind.dd)])[order]
        return p * (1.0 - noise) + (1.0 - p) * noise, abs(float(mind.start) - noise)

    (p, p0), (q, q0) = odds(mine, [0, 1, 2, 3]), odds(other, [0, 2, 1, 3])
    step = np.stack([p * q, p * (1 - q), (1 - p) * q, (1 - p) * (1 - q)], axis=1)
    mean, power = np.eye(4), step
    for _ in range(60):  # the mean of the first 2**60 powers, by doubling
        mean, power = (mean + power @ mean) / 2, power @ power
        power = power / power.sum(axis=1, keepdims=True)
    return np.array([p0 * q0, p0 * (1 - q0), (1 - p0) * q0, (1 - p0) * (1 - q0)]) @ mean
