"""Every single decision of a world, replaced by every alternative, in one compiled call.

All luck is kept (draws are keyed by tick and owner, never by what was done), so a branch differs
from the world that was only by what follows from the one replaced decision; and a decision replaced
by itself changes nothing, bit for bit.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._channel import Channel
from .._society import Society
from .._tick import Change, Do, begin, tick
from .slips import a_society, came, several, whole

WIDTH = 512  # branches that start together: enough to fill vector units, few enough to skip much


class Alternatives(NamedTuple):
    """What would have been: totals over the world's ticks.

    - `factual`: [...], the total in the world as it was.
    - `changed`: [T, n, m, ...], the total had agent i done option a in round t.
    - `values`: [m], the acts that were tried.
    """

    factual: np.ndarray
    changed: np.ndarray
    values: np.ndarray

    @property
    def effects(self) -> np.ndarray:
        """[T, n, m, ...]: what each alternative would have added; 0 for the act itself."""
        return self.changed - self.factual


def net(row: dict[str, Any]) -> jax.Array:
    """Float[n]: payoff and every row of the book, of one tick."""
    return jnp.sum(jnp.stack(list(row["book"].values())), axis=0)


def alternatives(
    society: Society,
    seed: int,
    channel: str,
    *,
    values: Sequence[float] | None = None,
    of: Callable[[dict[str, Any]], jax.Array] = net,
) -> Alternatives:
    """Replay one world with each decision on a channel replaced by each alternative.

    **Main arguments**

    - `society`: pure minds only; `seed`: the world.
    - `channel`: whose decisions are replaced.

    **Other arguments**

    - `values`: the alternatives; by default every option of the channel.
    - `of`: what is summed over ticks, from one tick's row of the trace (`book`, `events`, `harm`,
      `utility`, `objective`, `act`, ...).

    **Raises**

    - ValueError: speakers, an unknown channel, or amounts without `values`.
    """
    a_society(society)
    whole(seed=seed)
    if not callable(of):
        raise TypeError(
            f"of came as {came(of)}; wanted a function of a tick's row: of=lambda row: row['events']"
        )
    ready = society.prepare()
    if society.speakers:
        raise ValueError(
            f"alternatives() came with speakers in seats {list(society.speakers)}, who cannot be replayed by "
            "the thousand; wanted pure minds only: force one act at a time, cw.replay(trace, do=...)"
        )
    tried = _tried(ready.scenario.channels(), channel, values)
    what = (channel, jnp.asarray(tried))
    factual, changed = _alternatives(ready.scenario, ready.groups(), np.uint32(seed), what, of)
    return Alternatives(np.asarray(factual), np.asarray(changed), tried)


def _tried(channels: dict[str, Channel], name: str, values: Sequence[float] | None) -> np.ndarray:
    if name not in channels:
        raise ValueError(f"no channel {name!r} here; wanted one of {sorted(channels)}")
    options = getattr(channels[name], "options", None)
    if values is None and options is None:
        raise ValueError(
            f"the channel {name!r} takes amounts, of which there are too many; wanted those to try: "
            "values=[0.0, 5.0, 10.0]"
        )
    several("values", values, "[0.0, 5.0, 10.0]")
    given = np.arange(len(options or ())) if values is None else np.asarray(values)
    return given.astype(channels[name].silence.dtype)


@eqx.filter_jit
def _alternatives(scenario, groups, seed, what, of):
    channel, values = what
    phases, n, m = len(scenario.groups), scenario.n_agents, len(values)
    rounds = scenario.base.horizon
    together = max(1, min(rounds, WIDTH // max(n * m, 1)))  # rounds whose branches start at the same tick
    buckets = -(-rounds // together)

    def step(world, do):
        after, row, _ = tick(scenario, groups, do, seed, world)
        return after, of(row)

    def more(now, do):
        after, amount = step(now[0], do)
        return after, jax.tree.map(jnp.add, now[1], amount)

    first = begin(scenario, groups, seed)
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(step, first, Do())[1])
    after, before = jax.lax.scan(
        lambda now, _: (more(now, Do()), now), (first, nothing), length=rounds * phases
    )
    starts = jnp.arange(buckets) * together
    began = jax.tree.map(lambda x: x[:: together * phases], before)

    def bucket(given):
        at, now = given
        t, i, a = (
            x.ravel() for x in jnp.meshgrid(at + jnp.arange(together), jnp.arange(n), values, indexing="ij")
        )

        def branch(t, i, a):
            change = Change(channel, n, t, i, a)
            return jax.lax.fori_loop(at * phases, rounds * phases, lambda _, x: more(x, change), now)[1]

        return jax.vmap(branch)(t, i, a)

    found = jax.lax.map(bucket, (starts, began))
    changed = jax.tree.map(lambda x: x.reshape(buckets * together, n, m, *x.shape[2:])[:rounds], found)
    return after[1], changed
