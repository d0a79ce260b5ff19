"""Scripted specialists of grid worlds: they walk to the nearest apple, or clean the river first.

The cooperators and defectors of Schelling diagrams: Hughes et al. 2018, arXiv 1803.08884, who trained
theirs; these are written by hand (an assumption), so only orderings can be compared.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._mind import Mind
from .._param import param

APPLE, WASTE, ME = 2, 4, 14  # codes of the view
BLOCKED = (1, 7, 8, 9, 10, 11, 12, 13, 15)  # walls and other agents
WALK = ("forward", "right", "back", "left")
AHEAD, ASIDE = np.array([1, 0, -1, 0], np.int32), np.array([0, 1, 0, -1], np.int32)


class Errand(NamedTuple):
    """What a forager remembers: ticks so far, where its duty begins in the cycle, where it walks to."""

    t: Int[Array, ""]
    shift: Float[Array, ""]
    goal: Int[Array, ""]


class Forager(Mind):
    """Walks to the nearest apple that it sees, else from one apple cell to another.

    It leaves apples with fewer than `leave` neighbors, and for a share `duty` of each `cycle` of ticks
    it goes to the river and cleans. Source: the specialists of Hughes et al. 2018 (an assumption of form).
    """

    leave: Float[Array, ""] = param(0.0, "[0, 100]")
    duty: Float[Array, ""] = param(0.0, "[0, 1]")
    cycle: Float[Array, ""] = param(60.0, "[1, 1000000]")
    apples: Any = None
    river: Any = None

    def prepare(self, scenario, seat, key):
        world: Any = getattr(scenario, "base", scenario)
        if not hasattr(world, "plan") or not len(world.plan.apples):
            raise ValueError(
                f"Forager came into {type(world).__name__}, which has no map with apples; wanted a grid "
                "world: cw.Society(harvest(), Forager())"
            )
        plan = world.plan
        cells = plan.river if len(plan.river) and "clean" in world.acts else plan.apples
        apples, river = (self._spots(plan, some) for some in (plan.apples, cells))
        return Forager(self.leave, self.duty, self.cycle, apples, river)

    @staticmethod
    def _spots(plan, cells):
        """Int[cells, 2]: row and column, as the fact `spot` has them."""
        return jnp.asarray(np.stack([cells // plan.stride, cells % plan.stride], 1) - plan.margin, jnp.int32)

    def init(self, seat, key):
        shift, goal = jax.random.uniform(key, (2,))
        return Errand(jnp.int32(0), shift, (goal * 65536.0).astype(jnp.int32))

    def act(self, memory, sight, channels, key):
        view, move = sight["view"].astype(jnp.int32), channels["move"]
        options: tuple[str, ...] = move.options  # type: ignore[attr-defined]
        ahead, aside = _places(view)
        noise, fresh, lucky = jax.random.split(key, 3)
        now = memory.t.astype(jnp.float32) / self.cycle + memory.shift
        dutiful = now - jnp.floor(now) < self.duty
        apples = view == APPLE
        thin = apples & (_around(apples) < self.leave)
        wanted = jnp.where(dutiful, view == WASTE, apples & ~thin)
        # where to: the nearest wanted cell in sight, else the errand's cell, by the map
        far = jnp.abs(ahead) + jnp.abs(aside) + jnp.where(wanted, 0, 1000)
        nearest = (jnp.arange(far.size) == far.argmin()).reshape(far.shape)
        spot = jnp.where(dutiful, self._at(self.river, memory.goal), self._at(self.apples, memory.goal))
        down, along = spot - sight["spot"]
        south, east = -jnp.asarray(AHEAD)[sight["facing"]], jnp.asarray(ASIDE)[sight["facing"]]
        known = (down * south + along * east, down * east - along * south)
        seen = tuple(jnp.where(nearest, x, 0).sum() for x in (ahead, aside))
        target = tuple(jnp.where(wanted.any(), x, y) for x, y in zip(seen, known, strict=True))
        # one step: the way that comes nearest, not into anybody and not onto a spared apple
        gap = jnp.abs(target[0] - jnp.asarray(AHEAD)) + jnp.abs(target[1] - jnp.asarray(ASIDE))
        shut = jnp.isin(view, jnp.asarray(BLOCKED)) | (thin & ~dutiful)
        beside = zip(AHEAD, ASIDE, strict=True)
        stop = jnp.stack([(shut & (ahead == f) & (aside == s)).any() for f, s in beside])
        cost = gap.astype(jnp.float32) + 1000.0 * stop.astype(jnp.float32)
        cost = cost + jax.random.uniform(noise, (4,), maxval=1.5)
        steps = jnp.array([options.index(way) for way in WALK])
        act = steps[cost.argmin()]
        if "clean" in options:
            reached = (view == WASTE) & (ahead >= 1) & (ahead <= 3) & (jnp.abs(aside) <= 1)
            behind = dutiful & wanted.any() & (target[0] < 1) & (jnp.abs(target[0]) + jnp.abs(target[1]) <= 3)
            act = jnp.where(behind, options.index("turn right"), act)
            act = jnp.where(dutiful & reached.any(), options.index("clean"), act)
        there = jnp.abs(known[0]) + jnp.abs(known[1]) <= 1
        goal = jnp.where(there, jax.random.randint(fresh, (), 0, 65536), memory.goal)
        return Errand(memory.t + 1, memory.shift, goal), {"move": act}

    @staticmethod
    def _at(spots, goal):
        return spots[goal * len(spots) >> 16]


def _places(view: Int[Array, "V U"]) -> tuple[Int[Array, "V U"], Int[Array, "V U"]]:
    """How far ahead and to the right each cell of the window lies; the agent itself is in it."""
    rows, columns = (jax.lax.broadcasted_iota(jnp.int32, view.shape, axis) for axis in (0, 1))
    me = (view == ME).any(axis=1).argmax().astype(jnp.int32)
    return me - rows, columns - view.shape[1] // 2


def _around(apples: Bool[Array, "V U"]) -> Float[Array, "V U"]:
    """How many of the eight cells around hold an apple; none beyond the window."""
    (height, width), wide = apples.shape, jnp.pad(apples.astype(jnp.float32), 1)
    offsets = [(j, k) for j in range(3) for k in range(3) if (j, k) != (1, 1)]
    return jnp.stack([wide[j : j + height, k : k + width] for j, k in offsets]).sum(axis=0)
