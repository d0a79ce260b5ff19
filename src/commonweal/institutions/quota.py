"""A hard bound on what is executed on one channel: a cap, a floor, a protected right."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .._channel import check_channels
from .._governed import Institution
from .._param import count, param, text


class ProtectedQuota(Institution):
    """Every agent's executed act on a channel is clipped to [least, most]; the intent stays on record.

    - `channel`: any channel of the scenario, also a lever that no agent controls.
    - `least`, `most`: bounds in the channel's unit, or positions of its options; None leaves it open.

    The floor binds even where the agent could not have done as much itself. Budget: balanced (it moves
    no payoffs). Predicted: a cap at the fair share sustains a commons whatever the minds want. Known
    failure: a cap above what would be taken anyway does nothing; a cap below it wastes.
    Source: an assumption; a floor is the protected loads of our own earthquake relief.
    """

    channel: str = text()
    least: Float[Array, ""] | None = param(None)
    most: Float[Array, ""] | None = param(None)
    name: str = text("quota")
    told: bool = count(True)

    def __check_init__(self):
        if self.least is None and self.most is None:
            raise ValueError(
                f"ProtectedQuota({self.channel!r}) came without bounds; wanted one or both: "
                f"ProtectedQuota({self.channel!r}, most=10.0)"
            )

    def init(self, scenario, key):
        check_channels(scenario.channels(), [self.channel], f"institution {self.name!r}")
        return ()

    def gate(self, memory, state, actions, key):
        act = actions[self.channel]
        for bound, clip in ((self.least, jnp.maximum), (self.most, jnp.minimum)):
            if bound is not None:
                act = clip(act, bound.astype(act.dtype))
        return actions | {self.channel: act}

    def brief(self, agent):
        bounds = {"at least": self.least, "at most": self.most}
        kept = " and ".join(f"{words} {x:g}" for words, x in bounds.items() if x is not None)
        return f"By law everyone's {self.channel!r} is {kept}; whatever lies outside is not carried out."
