"""Which gradient rule reaches the joint optimum of a two-player toy game.

Source: Li et al. 2024, arXiv 2402.12416 (AgA). It prints no table of this game that could be opened, so
ours stands beside our own prototype, apart from this package: 200 starts, welfare at most 2. A run that
diverges has no welfare and is left out of the mean, which flatters the rule; its share is shown.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..minds.differentiable import (
    Altruistic,
    Collective,
    Consensus,
    Naive,
    Rule,
    Symplectic,
    descend,
)
from .target import Row, Target

SOURCE = "toy game of Li et al. 2024, arXiv 2402.12416; our own prototype, 200 starts"
STARTS, STEPS, RATE, THEIRS = 2000, 3000, 0.01, 200
Z = 3.29  # two-sided at 0.001


def toy(x: Float[Array, "2 1"]) -> Float[Array, " 2"]:
    """The losses -sin(a b + b^2) and -cos(1 + a - (1 + b)^2 + a b^2)."""
    a, b = x[:, 0]
    return jnp.stack([-jnp.sin(a * b + b * b), -jnp.cos(1.0 + a - (1.0 + b) ** 2 + a * b * b)])


def swapped(x: Float[Array, "2 1"]) -> Float[Array, " 2"]:
    """The same game with the names of the players exchanged."""
    return toy(x[::-1])[::-1]


class Found(NamedTuple):
    """Mean and standard deviation of the welfare of the runs that converged, and the share that did not."""

    welfare: float
    spread: float
    diverged: float


@eqx.filter_jit
def _ends(rule: Rule, starts: Float[Array, "s 2 1"], rate: Float[Array, ""]) -> Float[Array, " s"]:
    def one(start):
        return -toy(descend(rule, toy, start, jnp.stack([rate, rate]), STEPS)[0]).sum()

    return jax.vmap(one)(starts)


@functools.cache
def starts() -> Float[Array, "s 2 1"]:
    """Where the runs begin: uniform on [-2, 2]^2."""
    return jax.random.uniform(jax.random.key(0), (STARTS, 2, 1), minval=-2.0, maxval=2.0)


def follow(rule: Rule) -> Found:
    """What a rule reaches in the toy game."""
    ends = np.asarray(_ends(rule, starts(), jnp.float32(RATE)), dtype=float)
    good = ends[np.isfinite(ends)]
    return Found(float(good.mean()), float(good.std()), 1.0 - good.size / ends.size)


def _row(name: str, found: Found, published: float) -> Row:
    """A mean beside a mean of 200 runs; the tolerance holds the chance of both samples."""
    tolerance = max(0.01, Z * found.spread * (1 / STARTS + 1 / THEIRS) ** 0.5)
    half = 1.96 * found.spread / STARTS**0.5
    return Row(f"{name}: mean welfare", found.welfare, published, tolerance, SOURCE, "R", half)


def rows() -> Sequence[Row]:
    """The table of rules."""
    aligned = follow(Altruistic())
    table = [
        _row("individual", follow(Naive()), 1.35),
        _row("CGA", follow(Consensus()), 1.04),
        _row("SGA", follow(Symplectic()), 0.84),
        _row("collective", follow(Collective()), 2.00),
        _row("AgA", aligned, 2.00),
        _row("AgA, fixed sign", follow(Altruistic(align=False)), 1.00),
    ]
    chance = Z * (0.16 * 0.84 * (1 / STARTS + 1 / THEIRS)) ** 0.5
    table.append(Row("AgA: share of runs that diverge", aligned.diverged, 0.16, chance, SOURCE, "R"))
    return table


def control() -> Sequence[Row]:
    """AgA whose sign is not chosen."""
    return [_row("AgA", follow(Altruistic(align=False)), 2.00)]


def metamorphic() -> Sequence[Row]:
    """Players renamed; and in a game of common interest everyone's own gradient is the shared one."""
    x, rules = starts()[0], (Naive(), Consensus(), Symplectic(), Altruistic())
    moved = [(rule.direction(toy, x), rule.direction(swapped, x[::-1])[::-1]) for rule in rules]
    apart = max(float(jnp.abs(one - other).max()) for one, other in moved)

    def common(y):
        return jnp.stack([toy(y).sum() / 2.0] * 2)

    own, shared = (rule.direction(common, x) for rule in (Naive(), Collective()))
    gap = float(jnp.abs(2.0 * own - shared).max())
    return [
        Row("players renamed: steps of four rules apart", apart, 0.0, 1e-4, "symmetry"),
        Row("common interest: own and shared gradient apart", gap, 0.0, 1e-5, "symmetry"),
    ]


TARGET = Target(
    name="aga",
    title="Only the shared gradient and AgA with its sign chosen reach the joint optimum",
    model="l1 = -sin(ab + b^2), l2 = -cos(1 + a - (1 + b)^2 + a b^2), gradient steps from uniform starts",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"starts": STARTS, "steps": STEPS, "rate": RATE, "weight": 1.0, "starts_published": THEIRS},
    tier="slow",
    cost="12 s on one core",
)
