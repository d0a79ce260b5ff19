"""The share of committed speakers that flips a convention.

Source: Xie et al. 2011, Physical Review E 84:011130, naming game with two names and a committed
minority of share p: dA/dt = -AB + X^2 + AX + 1.5 p X, dB/dt = -AB + X^2 + BX - pB, X = 1 - p - A - B;
the old name falls above p_c = .0979. Speaker and hearer have roles in that game (only the hearer learns
a word), which our `NamingGame`, where both speak at once, does not: so it is simulated here directly.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from .target import Row, Target
from .thresholds import bisect

SOURCE = "Xie et al. 2011, arXiv 1102.3931; recomputed"
CRITICAL = 0.0979


def end(p: float, taught: float = 1.5, turned: bool = False) -> float:
    """The share of all who are left with the old name only, long after all had it; `taught` is 1.5."""

    def flow(_, now):
        a, b = now
        x = 1.0 - p - a - b
        return [-a * b + x * x + a * x + taught * p * x, -a * b + x * x + b * x - p * b]

    def mirror(t, now):  # the same with the names exchanged
        return flow(t, now[::-1])[::-1]

    start = [1.0 - p, 0.0] if turned else [0.0, 1.0 - p]
    found = solve_ivp(mirror if turned else flow, (0.0, 2e4), start, method="LSODA", rtol=1e-9, atol=1e-12)
    return float(found.y[0 if turned else 1, -1])


def critical(taught: float = 1.5, turned: bool = False) -> float:
    """The least committed share with which the old name falls."""
    return bisect(lambda p: end(p, taught, turned) < 0.1, high=0.3)


def rows() -> Sequence[Row]:
    """The critical share; what is left of the old name just below and just above it."""
    return [
        Row("critical share", critical(), CRITICAL, 2e-4, SOURCE, "R"),
        Row("old name left at 9 %", end(0.09), 0.5, 0.0, SOURCE, "R", holds="at least"),
        Row("old name left at 10 %", end(0.10), 0.01, 0.0, SOURCE, "R", holds="at most"),
    ]


def control() -> Sequence[Row]:
    """A committed speaker convinces a hearer only as a common one would."""
    return [Row("critical share", critical(1.0), CRITICAL, 2e-4, SOURCE, "R")]


def metamorphic() -> Sequence[Row]:
    """The names are only names."""
    return [Row("names exchanged", critical(turned=True), critical(), 1e-4, "symmetry")]


# Who knows which words: bit 1 is the new name, bit 2 the old one.
NEW, OLD, BOTH = 1, 2, 3


def meetings(key: jax.Array, n: int, committed: int, sweeps: int, new: int = NEW) -> jax.Array:
    """Float[sweeps]: the share left with the old name only after each sweep of n meetings.

    `new` is the committed's name, NEW or OLD; whoever knows both says theirs by the same toss.
    """
    old = BOTH ^ new

    def meet(words, drawn):
        who, hearer, coin = drawn
        said = jnp.where(words[who] == BOTH, coin, words[who])
        known = (words[hearer] & said) > 0
        speaker = jnp.where(known & (who >= committed), said, words[who])
        heard = jnp.where(known, said, words[hearer] | said)
        heard = jnp.where(hearer >= committed, heard, words[hearer])
        return words.at[who].set(speaker).at[hearer].set(heard), None

    def sweep(words, key):
        who, step, coin = jax.random.randint(
            key, (3, n), jnp.array([0, 1, NEW])[:, None], jnp.array([n, n, BOTH])[:, None]
        )
        said = jnp.where(coin == NEW, new, old)
        words, _ = jax.lax.scan(meet, words, (who, (who + step) % n, said))
        return words, (words == old).mean()

    first = jnp.where(jnp.arange(n) < committed, new, old)
    return jax.lax.scan(sweep, first, jax.random.split(key, sweeps))[1]


def flips(share: float, n: int = 1000, worlds: int = 10, sweeps: int = 300, seed: int = 0) -> float:
    """The share of worlds in which less than a tenth keeps the old name in the end."""
    keys = jax.random.split(jax.random.key(seed), worlds)
    left = jax.jit(jax.vmap(lambda k: meetings(k, n, round(share * n), sweeps)))(keys)
    return float((np.asarray(left)[:, -1] < 0.1).mean())


def simulated() -> Sequence[Row]:
    """A town of 1000: at 10 percent every convention falls, at 9 none."""
    return [
        Row("1000 speakers: flips at 10 %", flips(0.10), 1.0, 0.0, SOURCE, "R"),
        Row("1000 speakers: flips at 9 %", flips(0.09), 0.0, 0.0, SOURCE, "R"),
    ]


def exchanged() -> Sequence[Row]:
    """The names are only names: exchanged, with all luck the same, the town does the same."""
    one, other = (meetings(jax.random.key(0), 200, 30, 50, new) for new in (NEW, OLD))
    apart, moved = float(abs(one - other).max()), float(one[0] - one[-1])
    return [
        Row("names exchanged: most that shares differ", apart, 0.0, 0.0, "symmetry"),
        Row("names exchanged: share that changed its name", moved, 0.1, 0.0, "symmetry", holds="at least"),
    ]


def simulated_control() -> Sequence[Row]:
    """Too few: a third of the critical share."""
    return [Row("1000 speakers: flips at 10 %", flips(0.03, worlds=4), 1.0, 0.0, SOURCE, "R")]


EXACT = Target(
    name="naming",
    title="The critical mass of committed speakers",
    model="mean field of the naming game with two names, from a full convention",
    rows=rows,
    control=control,
    metamorphic=metamorphic,
    parameters={"time": 2e4},
    cost="1 s on one core",
)
SIMULATED = Target(
    name="naming-town",
    title="The critical mass in a town of 1000",
    model="naming game with two names, one random meeting at a time, 300 sweeps, 10 worlds",
    rows=simulated,
    control=simulated_control,
    metamorphic=exchanged,
    parameters={"agents": 1000, "sweeps": 300, "worlds": 10},
    tier="slow",
    cost="8 s on one core",
)
