"""A round robin: every mind meets every mind, itself too, in a game of two, many times over.

Matches are independent, so that they are played as dense arrays, one small compiled loop for each
pair of kinds of mind, with no world around them. Acts and odds are the minds' own, payoffs the
game's; `run` gives the same scores, slower. Source: Axelrod 1980, J. Conflict Resolution 24:3.
"""

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Float, Int, UInt32

from .._bounds import limits
from .._governed import under
from .._luck import seeded
from .._mind import Mind
from .._scenario import Scenario
from .matches import Kind, Still, explore, play


@dataclass(frozen=True)
class RoundRobin:
    """What everybody earned against everybody.

    - `names`: the m minds, in the order given.
    - `scores`: Float[m, m], points a turn of the row mind against the column mind, over both seats.
    - `error`: Float[m, m], standard error of `scores` over repetitions; 0 where luck plays no part.
    - `cooperation`: Float[m, m], how cooperative the row mind was against the column mind, 0 to 1.
    - `turns`: how many turns were played; a match without luck is played once.
    """

    names: tuple[str, ...]
    scores: Float[np.ndarray, "m m"]
    error: Float[np.ndarray, "m m"]
    cooperation: Float[np.ndarray, "m m"]
    turns: int

    @property
    def means(self) -> Float[np.ndarray, " m"]:
        """Points a turn, averaged over all opponents, itself among them."""
        return self.scores.mean(axis=1)

    @property
    def ranks(self) -> Int[np.ndarray, " m"]:
        """1 for the highest mean; means closer than a millionth share the better rank."""
        return 1 + (self.means[None, :] > self.means[:, None] + 1e-6).sum(axis=1)

    @property
    def table(self) -> pl.DataFrame:
        """One row a mind, best first: rank, mean, cooperation, and the score against each."""
        head = {"rank": self.ranks, "mind": self.names, "mean": self.means}
        head |= {"cooperation": self.cooperation.mean(axis=1)}
        head |= {f"against {name}": x for name, x in zip(self.names, self.scores.T, strict=True)}
        return pl.DataFrame(head).sort("rank", maintain_order=True)


@limits(repetitions="[1, 1000000000]", seed="[0, 4294967295]", noise="[0, 1]")
def round_robin(
    game: Scenario, minds: Mapping[str, Mind], repetitions: int = 10, seed: int = 0, noise: float = 0.0
) -> RoundRobin:
    """Every mind against every mind, itself too, in `repetitions` matches of `game.horizon` turns.

    - `game`: a game of two players, such as `prisoners_dilemma(horizon=200)`; if it is not
      symmetric, every pair plays in both seats.
    - `minds`: by name. The seed and the two names are all the luck of a match, whoever else plays.
    - `noise`: probability, 0 to 1, that an act comes out as another; both see what came out.

    What came of matches that luck cannot touch is kept for the next call with the same game and minds.

    Raises:
        ValueError: no game of two, no minds, no repetitions, a mind that has yet to learn.
    """
    _check(game, minds)
    society, luck = _Same((game, *minds.values())), (np.uint32(seed), _sums(tuple(minds)))
    slips = np.float32(noise) if noise > 0.0 else None
    each, (arrays, still) = _ready(society)
    shape, turns = (len(minds),) * 2, 0
    mean, error = np.zeros((2, *shape)), np.zeros(shape)
    for met in _meetings(society, slips is not None):
        if met.lucky:
            how = dict(still=still, blocks=met.blocks, repetitions=repetitions)
            counts = np.asarray(play(arrays, luck, slips, **how), dtype=float)
        else:
            counts = _sure(society)
        points = np.einsum("kj,jpr->kpr", each, counts / game.horizon)
        seats = np.concatenate([points[[0, 2]], points[[1, 3]]], axis=1)
        ours, where = (seats[:, met.one] + seats[:, met.other]) / 2.0, met.pairs
        mean[:, *where] = ours.mean(axis=-1)
        if counts.shape[-1] > 1:
            error[where] = ours[0].std(axis=-1, ddof=1) / np.sqrt(counts.shape[-1])
        elif met.lucky:
            error[where] = np.nan
        turns += game.horizon * counts[0].size
    return RoundRobin(tuple(minds), mean[0], error, mean[1], turns)


def _check(game: Any, minds: Mapping[str, Mind]) -> None:
    if game.n_agents != 2 or not hasattr(game, "payoffs"):
        raise ValueError(
            f"round_robin() came with {type(game).__name__} for {game.n_agents} agents; wanted a matrix game "
            "of two: round_robin(prisoners_dilemma(horizon=200), minds)"
        )
    if not minds:
        raise ValueError(
            "round_robin() came with 0 minds; wanted one mind or more: "
            "round_robin(game, {'TFT': tit_for_tat()})"
        )
    for name, mind in minds.items():
        if mind.learns:
            raise ValueError(
                f"the mind {name!r} has yet to learn; wanted what it learned: "
                "cw.Society(game, [mind, teacher]).prepare().minds[0]"
            )


# ------------------------------------------------------------------------------------ kinds and luck


class _Same(tuple):
    """Things that are alike only if they are the same ones, so that what was found of them can be kept."""

    def __hash__(self):
        return hash(tuple(map(id, self)))

    def __eq__(self, other):
        return len(self) == len(other) and all(a is b for a, b in zip(self, other, strict=True))

    def __ne__(self, other):
        return not self == other


class _Met(NamedTuple):
    """Blocks of kinds that meet, all with luck or none; which two minds, row mind and column mind.

    `one` and `other` say where the row mind's points stand: in the first seats of all matches, then the
    second. They differ if a pair plays in both seats.
    """

    blocks: tuple[tuple[int, int], ...]
    lucky: bool
    pairs: tuple[np.ndarray, np.ndarray]
    one: np.ndarray
    other: np.ndarray


@functools.lru_cache(maxsize=16)
def _meetings(society: _Same, noisy: bool) -> tuple[_Met, ...]:
    """Who meets whom without luck, and with."""
    (game, *minds), kinds, found = society, _kinds(society), []
    pay = np.asarray(game.payoffs)
    mirrored, every = bool((pay[0] == pay[1].T).all()), range(len(kinds))
    for lucky in (False, True):
        blocks = [(a, b) for a in every for b in every if a <= b or not mirrored]
        blocks = [(a, b) for a, b in blocks if (noisy or kinds[a].lucky or kinds[b].lucky) == lucky]
        matches = [(i, j) for a, b in blocks for i in kinds[a].places for j in kinds[b].places]
        if not matches:
            continue
        at = np.full((len(minds),) * 2, -1)
        at[tuple(np.transpose(matches))] = np.arange(len(matches))
        i, j = np.nonzero((at >= 0) | (at.T >= 0))
        first, second = at[i, j], np.where(at[j, i] >= 0, at[j, i] + len(matches), -1)
        one, other = np.where(first >= 0, first, second), np.where(second >= 0, second, first)
        found.append(_Met(tuple(blocks), lucky, (i, j), one, other))
    return tuple(found)


@functools.lru_cache(maxsize=8)
def _ready(society: _Same) -> tuple[np.ndarray, tuple[Any, Still]]:
    """By joint act, both minds' points and cooperativeness, [4, acts * acts]; game and kinds of minds."""
    game, m = society[0], len(society[0].acts)
    pay = np.asarray(game.payoffs, dtype=float)
    kind = np.asarray(game.cooperativeness(jnp.arange(m)), dtype=float)
    each = np.stack([*pay, *np.broadcast_arrays(kind[:, None], kind[None, :])]).reshape(4, m * m)
    arrays, rest = eqx.partition((game, _kinds(society)), eqx.is_array)
    return each, (arrays, Still(rest))


@functools.lru_cache(maxsize=8)
def _sure(society: _Same) -> np.ndarray:
    """How often each joint act comes in the matches that luck cannot touch: always the same."""
    (met, *_), (_, (arrays, still)) = _meetings(society, False), _ready(society)
    luck = (np.uint32(0), np.zeros((len(society) - 1,) * 2, np.uint32))
    return np.asarray(play(arrays, luck, None, still=still, blocks=met.blocks, repetitions=1), dtype=float)


@functools.lru_cache(maxsize=8)
def _kinds(society: _Same) -> tuple[Kind, ...]:
    """The minds by structure, and by whether luck plays a part in what they do."""
    game, *minds = society
    scenario, key = under(game), seeded(0)
    ready = [tuple(mind.prepare(scenario, seat, key) for seat in (0, 1)) for mind in minds]
    alike: dict[Any, list[int]] = {}
    for i, pair in enumerate(ready):
        arrays, rest = eqx.partition(pair, eqx.is_array)
        shapes = tuple((x.shape, str(x.dtype)) for x in jax.tree.leaves(arrays))
        static = tuple(map(id, jax.tree.leaves(rest)))
        alike.setdefault((jax.tree.structure(arrays), shapes, static), []).append(i)
    kinds = []
    for places in alike.values():
        drawn, keyed = _luck(game, _stack([ready[i] for i in places]), len(places))
        for luck in (False, True):
            here = tuple(i for i, some in zip(places, drawn, strict=True) if some == luck)
            kinds += [Kind(here, _stack([ready[i] for i in here]), luck, keyed)] if here else []
    return tuple(kinds)


def _stack(pairs: list) -> Any:
    arrays, rest = zip(*(eqx.partition(pair, eqx.is_array) for pair in pairs), strict=True)
    return eqx.combine(_pile(arrays), rest[0])


@jax.jit
def _pile(trees: tuple) -> Any:
    return jax.tree.map(lambda *x: jnp.stack(x), *trees)


def _luck(game: Any, pairs: tuple[Mind, Mind], minds: int) -> tuple[np.ndarray, bool]:
    """Bool[minds], which of them may need a draw; and whether they use their key.

    Who answers with acts needs no draw. Odds are tried in every situation that a mind can come into
    in `DEPTH` turns: it needs none if one act has all the weight and it remembers nothing new by then.
    """
    drawn, keyed = np.zeros(minds, bool), False
    for seat, mind in enumerate(pairs):
        stated, uses, layers = explore(game, mind, seat, minds)
        keyed |= uses
        layers = [(jax.tree.leaves(memory), np.asarray(weights)) for memory, weights in layers]
        if any(not ((w >= 0.0) & (w < np.inf)).all() or not w.any(axis=-1).all() for _, w in layers):
            raise ValueError(
                f"a mind answered with odds or an act that are none in a game of {len(game.acts)} acts; "
                "wanted an act from 0 on, or odds that are finite, 0 or more, and not all 0: cw.Odds(p)"
            )
        for i in range(minds):
            seen, new = set(), set()
            for memory, weights in layers:
                states = weights.shape[1]
                rows = [np.asarray(x)[i].reshape(states, -1) for x in memory]
                new = {tuple(x[k].tobytes() for x in rows) for k in range(states)} - seen
                seen |= new
                drawn[i] |= stated and (np.count_nonzero(weights[i], axis=-1) != 1).any()
            drawn[i] |= stated and (bool(new) or uses)
    return drawn, keyed


@functools.lru_cache(maxsize=8)
def _sums(names: tuple[str, ...]) -> UInt32[np.ndarray, "m m"]:
    """A number for each pair of names."""
    return np.array([[zlib.crc32(f"{one}/{two}".encode()) for two in names] for one in names], np.uint32)
