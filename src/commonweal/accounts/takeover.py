"""But for an agent from some round on: another mind takes its seat over, and everybody answers to that."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._mind import Mind
from .._param import count, param
from .._run import _rollout, _rounds, _Task, _trace
from .._society import Society
from .._tick import Do
from .branches import Branches
from .either import Either, together
from .slips import came, stand_ins


class Turns(Mind):
    """Acts as `own`, but from round `start` to before `stop` as `other`; both watch all along.

    Where one answers with odds and the other with an act, the act is certain; with a profile in the seat
    (`plain` is false), which blurs odds alone, that is refused. Source: the baseline of a planted fault.
    """

    own: Mind
    other: Mind
    start: Float[Array, ""] = param(jnp.inf, "[0, inf]")
    stop: Float[Array, ""] = param(jnp.inf, "[0, inf]")
    plain: bool = count(True)

    def prepare(self, scenario, seat, key):
        both = (mind.prepare(scenario, seat, key) for mind in (self.own, self.other))
        return Turns(*both, self.start, self.stop, self.plain)

    def init(self, seat, key):
        return jnp.float32(0.0), self.own.init(seat, key), self.other.init(seat, key)

    def act(self, memory, sight, channels, key):
        t, *both = memory
        own = (t < self.start) | (t >= self.stop)
        both, acts = Either(self.own, self.other, own, self.plain).both(both, sight, channels, key)
        return (t + 1.0, *both), acts


def takeovers(branches: Branches, stand_in: Any) -> np.ndarray:
    """Float[T, n]: the harm spared had the stand-in (or one a seat) taken an agent's seat over in a round.

    More than 0 where there would have been less harm; NaN in rounds that were not played, and where the
    harm is undefined. In-graph only.

    Raises:
        ValueError: there are speakers; two minds answer in kinds that cannot be joined; the world does not
            come out again.
    """
    if not isinstance(branches, Branches):
        raise TypeError(
            f"branches came as {came(branches)}; wanted a world ready to be run: Branches(trace, harm)"
        )
    stand_ins(stand_in, branches.span[1])
    if branches.speaks:
        raise ValueError(
            f"takeovers() came with speakers in seats {list(branches.society.speakers)}; wanted pure minds: "
            "decisions(trace, harm, budget=200) asks speakers"
        )
    scenario, profiles = branches.society.scenario, branches.society.profiles
    others = Society(scenario, stand_in, profiles).prepare().minds
    trios = zip(branches.society.minds, others, profiles, strict=True)
    minds = [Turns(own, other, plain=one is None) for own, other, one in trios]  # type: ignore[arg-type]
    seats, recipe = Society(scenario, minds, profiles), branches.trace.recipe | {"forced": True}
    rounds, n = branches.span
    t, i = (x.ravel() for x in np.indices((rounds, n)))
    size = min(rounds * n + 1, together(scenario))
    start = np.full((-(-(rounds * n + 1) // size) * size, n), np.inf, np.float32)
    start[1 + np.arange(rounds * n), i] = t  # the first row is the world as it was
    names, values = [branches.seed] * size, []
    for some in start.reshape(-1, size, n):
        illegal, rows = _played(scenario, seats.groups(), jnp.asarray(some), jnp.asarray(names, jnp.uint32))
        rows = jax.tree.map(lambda x: np.swapaxes(np.asarray(x), 0, 1), rows)
        parts = _rounds(rows, scenario) | {"illegal": np.asarray(illegal)}
        values.append(branches.value(_trace(_Task(seats, names, Do(), "graph", recipe), parts, [])))
    was, *found = np.concatenate(values)[: 1 + rounds * n]
    branches.same(was)
    spared = (branches.sign * (was - np.array(found)) + 0.0).reshape(rounds, n)
    branches.replays += rounds * n
    return np.where(branches.trace.alive[0][:, None], spared, np.nan)


@eqx.filter_jit
def _played(scenario, groups, start, seeds):
    """Worlds [B] with start Float[B, n], when each seat is taken over: illegal [B], rows [T, B, ...]."""

    def world(seed, start):
        mine = tuple(
            eqx.tree_at(lambda g: g.minds.start, group, start[jnp.array(group.seats)]) for group in groups
        )
        illegal, rows = _rollout(scenario, mine, Do(), seed[None])
        return illegal[0], jax.tree.map(lambda x: x[:, 0], rows)

    return jax.vmap(world, out_axes=(0, 1))(seeds, start)
