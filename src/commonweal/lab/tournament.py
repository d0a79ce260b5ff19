"""A round robin: every mind meets every mind, itself too, in a game of two, many times over.

Matches are dense and independent, so that XLA makes one small loop of each pair of kinds of mind:
no world is simulated around them. Acts, payoffs and odds are those of the minds and of the game
itself; `run` gives the same scores, slower. Source: Axelrod 1980, J. Conflict Resolution 24:3.
"""

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float, Int, UInt

from .._governed import BEFORE, owner_key, under
from .._mind import Mind, Odds, Values
from .._profile import Profile
from .._scenario import Scenario, Sight
from .._tick import world_key

UNROLL = 8  # turns in one pass over the matches
ROUNDS = ((13, 15, 26, 6), (17, 29, 16, 24))  # rotations of threefry 2x32
SEATS = ("first", "second")


@dataclass(frozen=True)
class RoundRobin:
    """What everybody earned against everybody.

    - `names`: the minds, in the order given (m of them).
    - `scores`: Float[m, m], points a turn of the row mind against the column mind, over both seats.
    - `cooperation`: Float[m, m], the row mind's mean cooperativeness against the column mind.
    - `error`: Float[m, m], standard error of `scores` over repetitions (0 where luck plays no part;
      not a number with a single repetition).
    - `turns`: turns played in all, matches times their length.
    """

    names: tuple[str, ...]
    scores: Float[np.ndarray, "m m"]
    cooperation: Float[np.ndarray, "m m"]
    error: Float[np.ndarray, "m m"]
    turns: int

    @property
    def means(self) -> Float[np.ndarray, " m"]:
        """Points a turn, averaged over all opponents, itself among them."""
        return self.scores.mean(axis=1)

    @property
    def ranks(self) -> Int[np.ndarray, " m"]:
        """1 for the highest mean; equal means (to a millionth) share the better rank."""
        return 1 + (self.means[None, :] > self.means[:, None] + 1e-6).sum(axis=1)

    @property
    def table(self) -> pl.DataFrame:
        """One row a mind, best first: rank, mean, cooperation and the score against each."""
        head = {"rank": self.ranks, "mind": self.names, "mean": self.means}
        head |= {"cooperation": self.cooperation.mean(axis=1)}
        against = {name: self.scores[:, j] for j, name in enumerate(self.names)}
        return pl.DataFrame(head | against).sort("rank", maintain_order=True)


def round_robin(
    game: Scenario, minds: Mapping[str, Mind], repetitions: int = 10, seed: int = 0, noise: float = 0.0
) -> RoundRobin:
    """Every mind against every mind and itself, in both seats, `repetitions` times each.

    - `game`: a symmetric or asymmetric game of two players, such as `prisoners_dilemma(horizon=200)`.
    - `minds`: by name; a name and the seed are all of a mind's luck, whoever else plays.
    - `noise`: probability that an act comes out as another one (which both then see), 0 to 1.

    Raises:
        ValueError: not a game of two, no minds, a mind that must be trained first.
    """
    ready = _prepared(game, minds)
    kinds = _kinds(game, ready)
    names, m = list(minds), len(minds)
    acts = len(game.acts)  # type: ignore[attr-defined]
    keys = _keys(names, seed)
    found = np.zeros((m, m, repetitions, acts, acts))
    for one, two in itertools.product(kinds, kinds):
        block = np.ix_(one.places, two.places)
        chance = (not one.sure or noise > 0.0, not two.sure or noise > 0.0)
        plays = _play(game, (one.minds, two.minds), keys[block], repetitions, chance, jnp.float32(noise))
        found[block] = np.stack([np.asarray(x) for x in plays], axis=-1).reshape(
            *plays[0].shape, acts, acts
        )
    return _result(game, names, found)
