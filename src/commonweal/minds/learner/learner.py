"""A mind that learns by reinforcement in the society it is judged in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array

from ..._bounds import Limit, shown
from ..._mind import Mind
from ..._param import _number, count
from .heads import answer, outputs
from .methods import PPO, Method
from .networks import MLP, Eyes, Network, Norm, no_acts, open_eyes
from .school import teach


def _seed(value: Any) -> Array:
    """A seed as an array; refused where it is no whole number that int32 holds."""
    if not isinstance(value, Tracer | Array):
        Limit("Learner", "seed", int, "[0, 2147483647]", 0, static=True).check(value)
    return _number(value)


class Learner(Mind):
    """Learns, before any world is judged, from what it sees, does and gets, felt by its profile.

    **Main arguments**

    - `method`: `PPO(...)` or `Reinforce(...)`.
    - `network`: `MLP(width, depth, recurrent)`, `Linear()` or `Table({fact: values})`.
    - `updates`: how often it learns; the first time it only measures its inputs.
    - `worlds`: played to their end for each update.
    - `seed`: of its first parameters and of the worlds it learns in.

    **Other arguments**

    - `share`: one set of parameters for all learners of the society, which then see their seat.
    - `facts`: the facts it sees; None is all but `felt` (its last payoff) and `seat`. It also sees
      what is legal. A table sees its own facts only.
    - `codes`: facts that are codes of 0 to 15 (the cells of a view), so one-hot; 8-bit facts are too.
    - `checkpoint_every`: updates between checkpoints, where a folder is given.

    All learners of a society learn at once and must have the same settings but for numbers; their
    worlds have seeds from 2**31 up. Where facts are normalized, it is by the first batch, for good.
    Source: see `PPO` and `Reinforce`.
    """

    method: Method = eqx.field(default_factory=PPO)
    network: Network = eqx.field(default_factory=MLP)
    updates: int = count(200, "[1, 100000000]")
    worlds: int = count(64, "[1, 1000000]")
    share: bool = count(False)
    facts: tuple[str, ...] | None = count(None)
    codes: tuple[str, ...] = count(())
    checkpoint_every: int = count(50, "[1, 100000000]")
    seed: Array = eqx.field(default=0, converter=_seed)
    params: Any = None
    eyes: Eyes | None = count(None)
    keep: bool = count(False)

    def __check_init__(self):
        for name, part, kind in (("method", self.method, Method), ("network", self.network, Network)):
            if not isinstance(part, kind):
                example = "PPO()" if kind is Method else "MLP()"
                raise TypeError(
                    f"Learner: got {name}={shown(part)}, expected a {kind.__name__.lower()}; try "
                    f"Learner({name}={example})"
                )
        parts = self.method.minibatches
        if self.worlds % parts:
            raise ValueError(
                f"Learner: got worlds={self.worlds}, expected {parts} equal minibatches; try "
                f"Learner(worlds={16 * parts})"
            )

    @property
    def learns(self):
        return self.params is None

    def prepare(self, scenario, seat, key):
        eyes = open_eyes(scenario, self.network.reads or self.facts, self.share, self.codes)
        if self.params is not None and eyes != self.eyes:
            raise ValueError(
                f"this Learner was trained where it saw {self.eyes}, and is seated where it sees {eyes}; "
                "wanted the same facts and channels: train a new one there, Learner(...)"
            )
        return replace(self, eyes=eyes)  # type: ignore[type-var]

    def train(self, society, seats, key, folder: Path | None = None):
        return teach(society, seats, key, folder)

    def init(self, seat, key):
        if self.eyes is None:
            return ()
        memory: dict[str, Any] = {"hidden": jnp.zeros(self.network.hidden)}
        if self.keep:
            memory |= {"seen": self.network.blind(self.eyes), "legal": no_acts(self.eyes)}
        return memory

    def act(self, memory, sight, channels, key):
        if self.params is None or self.eyes is None:
            raise TypeError(
                "a Learner acts only once it is trained: run it in a society, cw.run(...), or train it "
                "first: society = society.prepare()"
            )
        seen = self.network.see(sight, self.eyes)
        x, codes = Norm(*self.params["norm"])(seen), self.network.codes(self.eyes)
        out, hidden = self.network.step(self.params["actor"], x, memory["hidden"], codes, outputs(self.eyes))
        legal = {name: sight.legal[name] for name, *_ in self.eyes.channels}
        kept = {"seen": seen, "legal": legal} if self.keep else {}
        return {"hidden": hidden, **kept}, answer(self.eyes, out, legal, key)
