"""A mind that learns a repeated game by following gradients of exact values, then plays what it learned."""

import functools
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jaxtyping import Array, Float

from ..._channel import Choice
from ..._governed import Governed
from ..._mind import Mind, Odds
from ..._param import count, param, text
from ..._stage import stage_game
from ..._stored import write_table
from .iterated import Repeated
from .rules import Lola, Rule, descend

POLICY = ("start", "cc", "cd", "dc", "dd")


class GradientPlay(Mind):
    """Learns a policy with memory one by gradient, before the run, and then plays it unchanged.

    In a game of two players and two acts that is repeated without end, the value of every pair of
    policies is exact, and so is its gradient; luck is only in the first logits. It learns against the
    other seat: another `GradientPlay`, or a fixed `MemoryOne` strategy. What it wants is its profile's
    utility of the pays after every institution; its lapses are known to it.

    - `rule`: how gradients become steps (`Naive`, `Lola`, ...); `rate`, `steps`: their size and number.
    - `discount`: what a round is worth next to the one before, from 0 to below 1.
    - `spread`: standard deviation of the first logits; `seed`: names them, seat by seat.

    ValueError or TypeError: another kind of game, pays that depend on luck or on what came before, an
    opponent whose policy is not known, learners of unequal `steps` or `discount`.
    Source: Foerster et al. 2018, arXiv 1709.04326 (exact gradients of the iterated dilemma).
    """

    rule: Rule = eqx.field(default_factory=Lola)
    rate: Float[Array, ""] = param(1.0, "[0, inf)")
    steps: int = count(400, "[0, 10000000]")
    discount: Float[Array, ""] = param(0.96, "[0, 1)")
    spread: Float[Array, ""] = param(1.0, "[0, inf)")
    seed: int = count(0, "[0, 4294967295]")

    @property
    def learns(self):
        return True

    def train(self, society, seats, key, folder=None):
        payoffs, channel = stage(society.scenario)
        profiles = society.profiles
        lapse = jnp.stack([jnp.float32(0.0) if p is None else p.lapse for p in profiles])
        held = [np.full(5, np.nan) if i in seats else _known(m) for i, m in enumerate(society.minds)]
        game = Repeated(felt(payoffs, profiles), self.discount, lapse, np.stack(held))
        learners = [self._fellow(society.minds[i]) if i in seats else self for i in (0, 1)]
        first = jnp.stack([_first(mind, seat) for seat, mind in enumerate(learners)])
        rates = jnp.stack([mind.rate for mind in learners])
        rules = [mind.rule for mind in learners]
        same = eqx.tree_equal(*rules) is True  # one rule compiles faster than two
        logits, losses = _descend(self.rule if same else rules, game, first, rates, self.steps)
        if folder is not None:
            _write(folder, np.asarray(-losses * (1.0 - self.discount)), seats)
        chosen = jax.nn.sigmoid(logits)  # the engine adds the lapses
        return [_Learned(chosen[seat], channel) for seat in seats]

    def _fellow(self, mind: Any) -> "GradientPlay":
        """The mind itself, if it can learn together with this one."""
        if not isinstance(mind, GradientPlay):
            raise TypeError(
                f"GradientPlay cannot learn together with {type(mind).__name__}; wanted GradientPlay in both "
                "seats, or a fixed strategy in one: minds=[GradientPlay(), tit_for_tat()]"
            )
        if mind.steps != self.steps or float(mind.discount) != float(self.discount):
            raise ValueError(
                f"two learners came with steps {self.steps} and {mind.steps}, discount "
                f"{float(self.discount):g} and {float(mind.discount):g}; wanted the same in both: "
                f"GradientPlay(steps={self.steps}, discount={float(self.discount):g})"
            )
        return mind

    def act(self, memory, sight, channels, key):
        raise TypeError(
            "GradientPlay acts only once it is trained in a society: run it there, cw.run(society), or take "
            "the minds of society.prepare()"
        )


class _Learned(Mind):
    """Plays act 0 with the probability that belongs to both players' last acts."""

    odds: Float[Array, " 5"]
    channel: str = text()

    def act(self, memory, sight, channels, key):
        cell = 1 + 2 * sight["own"] + sight["other"]  # after the start: CC, CD, DC, DD
        p = jnp.where(sight["started"] > 0.0, self.odds[cell], self.odds[0])
        return memory, {self.channel: Odds(jnp.stack([p, 1.0 - p]))}


_descend = eqx.filter_jit(
    lambda rules, game, first, rates, steps: descend(rules, game.losses, first, rates, steps)
)


def _first(mind: GradientPlay, seat: int) -> Float[Array, " 5"]:
    return mind.spread * jax.random.normal(jax.random.fold_in(jax.random.key(mind.seed), seat), (5,))


def _known(mind: Any) -> np.ndarray:
    """The policy of a mind that does not learn: Float[5]."""
    if not all(hasattr(mind, name) for name in POLICY):
        raise TypeError(
            f"GradientPlay learns against {type(mind).__name__}, whose policy it cannot read; wanted another "
            "GradientPlay or a strategy with memory one: minds=[GradientPlay(), tit_for_tat()]"
        )
    return np.array([float(getattr(mind, name)) for name in POLICY])


def felt(payoffs: Float[Array, "2 2 2"], profiles) -> Float[Array, "2 2 2"]:
    """What each player makes of both pays, joint act by joint act; the own pay without a profile."""

    def one(i, profile):
        if profile is None:
            return payoffs[i]
        utility = functools.partial(profile.utility, jnp.int32(i))
        return jax.vmap(utility)(payoffs.reshape(2, 4).T).reshape(2, 2)

    return jnp.stack([one(i, profile) for i, profile in enumerate(profiles)])


def stage(scenario: Governed) -> tuple[Float[Array, "2 2 2"], str]:
    """The net pay of a round by joint act, player first, and the channel; from ticks of the scenario."""
    kinds = {name: c for name, c in scenario.channels().items() if not c.lever}
    sizes = [len(c.options) if isinstance(c, Choice) else 0 for c in kinds.values()]
    fit = scenario.n_agents == 2 and sizes == [2] and len(scenario.groups) == 1
    start = scenario.init(jax.random.key(0)).base
    if not fit or not {"own", "other", "started"} <= set(scenario.base.observe(start).facts):
        raise ValueError(
            f"GradientPlay came into {type(scenario.base).__name__} with {scenario.n_agents} agents, "
            f"channels {sorted(kinds)} and moves {scenario.groups}; wanted a matrix game of two players who "
            "choose at once between two acts: prisoners_dilemma(), its institutions without acts or orders"
        )
    (channel,) = kinds
    found = stage_game(scenario, channel, jnp.array([[0, 0], [0, 1], [1, 0], [1, 1]], jnp.int32))
    if not found.drift < 1e-5 * (1.0 + jnp.abs(found.pays).max()):
        raise ValueError(
            f"the pays of {type(scenario.base).__name__} under {[law.name for law in scenario.laws]} depend "
            "on luck or on what came before; GradientPlay wants a pay for each joint act, always the same: "
            "institutions without memory, such as Redistribution(0.5)"
        )
    return found.pays.T.reshape(2, 2, 2), channel


def _write(folder: Path, curve: np.ndarray, seats: tuple[int, ...]) -> None:
    """The learning curve, one row a step: what each learning seat would earn a round."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {f"value:{seat}": curve[:, seat] for seat in seats}
    frame = pl.DataFrame({"step": np.arange(len(curve))} | columns)
    write_table(frame, folder / "gradient_play.parquet")
