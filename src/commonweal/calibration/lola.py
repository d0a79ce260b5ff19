"""Learning that foresees the others' learning cooperates in the iterated prisoner's dilemma.

Source: Foerster et al. 2018, arXiv 1709.04326 (LOLA with exact gradients); means over 200 pairs of
a prototype apart from this package. How many pairs play tit for
tat depends on how that is told and on the size of the steps, so it decides nothing here.
"""

import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._governed import under
from .._run import run
from .._society import Society
from ..minds.differentiable import GradientPlay, Lola, Naive, Repeated, Rule, descend, values
from ..minds.differentiable.play import stage
from ..scenarios.matrix_game import MatrixGame, matching_pennies, prisoners_dilemma
from .target import Row, Target

SOURCE = "Foerster et al. 2018, arXiv 1709.04326; our own prototype, 200 pairs"
PAPER = "Foerster et al. 2018, table of exact gradients"
PAIRS, THEIRS, STEPS, DISCOUNT = 1000, 200, 400, 0.96
Z = 3.29  # two-sided at 0.001


def dilemma(scale: float = 1.0, horizon: int = 100) -> MatrixGame:
    """The paper's points: 0 for temptation, -1, -2, -3 for the sucker; `scale` is their unit."""
    return prisoners_dilemma(0.0, -1.0 * scale, -2.0 * scale, -3.0 * scale, horizon)


@eqx.filter_jit
def _ends(rule: Rule, game: Repeated, rate, logits, steps: int):
    def one(start):
        return game.values(descend(rule, game.losses, start, jnp.stack([rate, rate]), steps)[0])

    return jax.vmap(one)(logits)


def logits() -> jax.Array:
    """Where the pairs begin: five standard normal logits each."""
    return jax.random.normal(jax.random.key(0), (PAIRS, 2, 5))


def learn(rule: Rule, rate: float, game: MatrixGame, steps: int = STEPS, *, start=None) -> np.ndarray:
    """What each of many pairs earns a round once it has learned: [pairs, 2]."""
    repeated = Repeated(stage(under(game))[0], DISCOUNT)
    first = logits() if start is None else start
    return np.asarray(_ends(rule, repeated, jnp.float32(rate), first, steps))


@functools.cache
def _dilemma(look_ahead: float | None, rate: float) -> np.ndarray:
    return learn(Naive() if look_ahead is None else Lola(look_ahead), rate, dilemma())


def _mean(name: str, found: np.ndarray, published: float, wide: float | None = None) -> Row:
    """The mean pay beside one over 200 pairs; by default the tolerance holds the chance of both samples."""
    pairs = found.mean(axis=1, dtype=float)
    chance, half = Z * pairs.std() * (1 / PAIRS + 1 / THEIRS) ** 0.5, 1.96 * pairs.std() / PAIRS**0.5
    return Row(
        name, float(pairs.mean()), published, float(chance) if wide is None else wide, SOURCE, "R", half
    )


def _near(name: str, found: np.ndarray, published: float) -> Row:
    """The share of pairs that earn more than -1.2 a round; the tolerance holds the chance of both samples."""
    share = float((found.mean(axis=1) > -1.2).mean())
    tolerance = Z * (published * (1.0 - published) * (1 / PAIRS + 1 / THEIRS)) ** 0.5
    half = 1.96 * (share * (1.0 - share) / PAIRS) ** 0.5
    return Row(name, share, published, tolerance, SOURCE, "R", half)


def _foresight(one: np.ndarray) -> list[Row]:
    """What is claimed of rate 1 and look-ahead 1."""
    return [
        _mean("LOLA, rate 1, look-ahead 1: pay", one, -1.07),
        _mean("LOLA, rate 1, look-ahead 1: pay in [-1.10, -1.00]", one, -1.05, 0.05),
        _near("LOLA, rate 1, look-ahead 1: pairs near CC", one, 0.87),
    ]


def rows() -> Sequence[Row]:
    """The dilemma with and without foresight; matching pennies; what the paper's table says."""
    naive, other = _dilemma(None, 1.0), _dilemma(3.0, 0.5)
    found = [_mean("naive, rate 1: pay", naive, -1.97, 0.05), *_foresight(_dilemma(1.0, 1.0))]
    found.append(_mean("LOLA, rate 0.5, look-ahead 3: pay", other, -1.04))
    found.append(_near("LOLA, rate 0.5, look-ahead 3: pairs near CC", other, 0.94))
    for name, rule in (("naive", Naive()), ("LOLA", Lola(1.0))):
        first = learn(rule, 1.0, matching_pennies())[:, :1]
        found.append(_mean(f"matching pennies, {name}: pay of the first player", first, 0.0, 0.05))
    shown = (("naive", naive, -1.98), ("LOLA, rate 0.5, look-ahead 3", other, -1.04))
    for name, pays, published in shown:
        found.append(Row(f"{name}: pay, in the paper", float(pays.mean()), published, 0.05, PAPER, "mem"))
    return found


def control() -> Sequence[Row]:
    """A look-ahead of 0: nobody foresees anything."""
    return _foresight(_dilemma(0.0, 1.0))


def metamorphic() -> Sequence[Row]:
    """Units, seats, names of the acts; and a trained pair earns in a run what its policies are worth.

    The first three hold after a few steps; later, rounding decides which way a pair near a ridge goes.
    """
    few, acts = 5, MatrixGame(dilemma().payoffs[:, ::-1, ::-1])
    start = logits()[:200]
    mirrored = -start[:, :, jnp.array([0, 4, 3, 2, 1])]
    base = learn(Lola(1.0), 1.0, dilemma(), few, start=start)
    others = {
        "points doubled": learn(Lola(0.5), 0.5, dilemma(scale=2.0), few, start=start) / 2.0,
        "seats swapped": learn(Lola(1.0), 1.0, dilemma(), few, start=start[:, ::-1])[:, ::-1],
        "acts renamed": learn(Lola(1.0), 1.0, acts, few, start=mirrored),
    }
    found = [
        Row(f"{name}: largest change of a pay", float(np.abs(x - base).max()), 0.0, 0.01, "symmetry")
        for name, x in others.items()
    ]
    learners = [GradientPlay(Lola(3.0), 0.5, seed=seed) for seed in (0, 1)]
    society = Society(dilemma(), learners).prepare()
    pay = run(society, 64).net @ np.ones(2) / 2.0  # world, round
    weight = DISCOUNT ** np.arange(100)
    policies = jnp.stack([mind.odds for mind in society.minds])  # type: ignore[union-attr]
    worth = float(values(policies, dilemma().payoffs, jnp.float32(DISCOUNT)).mean())
    played = pay @ weight / weight.sum()
    wide = Z * float(played.std()) / 8.0 + 0.02  # 64 worlds; rounds after the 100th weigh 0.017
    found.append(Row("a pair played through run: pay, discounted", float(played.mean()), worth, wide, "law"))
    return found


TARGET = Target(
    name="lola",
    title="Foreseeing the other's learning step brings cooperation; naive learning brings defection",
    model="iterated prisoner's dilemma, policies with memory one, exact gradients of the discounted sum",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"payoffs": "CC -1, CD -3, DC 0, DD -2", "discount": DISCOUNT, "steps": STEPS, "pairs": PAIRS}
    | {"first_logits": "N(0, 1)", "pairs_published": THEIRS},
    tier="slow",
    cost="30 s on one core",
)
