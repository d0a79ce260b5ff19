"""But for an agent from some round on: another mind takes its seat over, and everybody answers to that."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._channel import Channel
from .._mind import Mind, Odds, Values
from .._param import param
from .._run import _rollout, _rounds, _Task, _trace
from .._society import Society
from .._tick import Do
from .branches import Branches


class Turns(Mind):
    """Acts as `own`, but from round `start` to before `stop` as `other`; both watch all along.

    Where one answers with odds and the other with an act, the act is certain. Source: the baseline of a
    planted fault.
    """

    own: Mind
    other: Mind
    start: Float[Array, ""] = param(jnp.inf)
    stop: Float[Array, ""] = param(jnp.inf)

    def prepare(self, scenario, seat, key):
        both = (mind.prepare(scenario, seat, key) for mind in (self.own, self.other))
        return Turns(*both, self.start, self.stop)

    def init(self, seat, key):
        return jnp.float32(0.0), self.own.init(seat, key), self.other.init(seat, key)

    def act(self, memory, sight, channels, key):
        t, one, two = memory
        one, mine = self.own.act(one, sight, channels, key)
        two, theirs = self.other.act(two, sight, channels, key)
        now = (t >= self.start) & (t < self.stop)
        acts = {
            name: _either(now, theirs.get(name, c.silence), mine.get(name, c.silence), c, sight.legal[name])
            for name, c in channels.items()
            if name in mine or name in theirs
        }
        return (t + 1.0, one, two), acts


def _either(now: Array, one: Any, two: Any, channel: Channel, legal: Array) -> Any:
    """The first answer if `now`, else the second."""
    kinds = {type(x) for x in (one, two) if isinstance(x, Odds | Values)}
    if not kinds:
        kind = channel.silence.dtype
        return jnp.where(now, jnp.asarray(one).astype(kind), jnp.asarray(two).astype(kind))
    if kinds == {Odds}:
        return Odds(jnp.where(now, *(_odds(x, channel, legal) for x in (one, two))))
    if isinstance(one, Values) and isinstance(two, Values):
        return Values(jnp.where(now, one.q, two.q))
    raise ValueError(
        f"two minds in one seat answer with {type(one).__name__} and {type(two).__name__}, which cannot be "
        "joined; wanted acts or odds of both, or values of both"
    )


def _odds(answer: Any, channel: Channel, legal: Array) -> Array:
    """The odds themselves, or those of an act that is certain; one that is not legal is clipped as ever."""
    if isinstance(answer, Odds):
        return answer.p
    act = channel.clip(jnp.asarray(answer).astype(channel.silence.dtype), legal)
    return jnp.equal(jnp.arange(legal.shape[0]), act).astype(jnp.float32)


def takeovers(branches: Branches, stand_in: Any) -> np.ndarray:
    """Float[T, n]: the harm spared had the stand-in (or one a seat) taken an agent's seat over in a round.

    More than 0 where there would have been less harm; NaN in rounds that were not played. All in one
    compiled call, and in-graph only.

    Raises:
        ValueError: there are speakers.
    """
    if branches.speaks:
        raise ValueError(
            f"takeovers() came with speakers in seats {list(branches.society.speakers)}; wanted pure minds: "
            "decisions(trace, harm, budget=200) asks speakers"
        )
    scenario, profiles = branches.society.scenario, branches.society.profiles
    others = Society(scenario, stand_in, profiles).prepare().minds
    pairs = zip(branches.society.minds, others, strict=True)
    seats = Society(scenario, [Turns(own, other) for own, other in pairs], profiles)  # type: ignore[arg-type]
    rounds, n = branches.span
    start = np.full((rounds * n + 1, n), np.inf, np.float32)  # the last row is the world as it was
    t, i = (x.ravel() for x in np.indices((rounds, n)))
    start[np.arange(rounds * n), i] = t
    names = [branches.seed] * len(start)
    illegal, rows = _played(scenario, seats.groups(), jnp.asarray(start), jnp.asarray(names, jnp.uint32))
    rows = jax.tree.map(lambda x: np.swapaxes(np.asarray(x), 0, 1), rows)
    parts = _rounds(rows, scenario) | {"illegal": np.asarray(illegal)}
    values = branches.harm(_trace(_Task(seats, names, Do(), "graph", {}), parts, []))
    spared = (branches.sign * (values[-1] - values[:-1]) + 0.0).reshape(rounds, n)
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
