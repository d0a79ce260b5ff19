"""A hard bound on what is executed on one channel: a cap, a floor, a protected right."""

import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from .._bounds import refusal
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
    least: Float[Array, ""] | None = param(None, "[0, inf)")
    most: Float[Array, ""] | None = param(None, "[0, inf)")
    name: str = text("quota")
    told: bool = count(True)

    def __check_init__(self):
        if self.least is None and self.most is None:
            raise ValueError(
                f"ProtectedQuota({self.channel!r}) came without bounds; wanted one or both: "
                f"ProtectedQuota({self.channel!r}, most=10.0)"
            )
        low, high = (0.0 if x is None or isinstance(x, Tracer) else float(x) for x in (self.least, self.most))
        if low > high and self.most is not None and not isinstance(self.most, Tracer):
            raise ValueError(
                f"ProtectedQuota: got least={low:g} and most={high:g}, expected least at or below most; try "
                f"ProtectedQuota({self.channel!r}, least={high:g}, most={low:g})"
            )

    def fits(self, scenario):
        channels = scenario.channels()
        check_channels(channels, [self.channel], f"institution {self.name!r}")
        options = getattr(channels[self.channel], "options", None)
        for name, bound in {"least": self.least, "most": self.most}.items():
            if options is None or bound is None or isinstance(bound, Tracer):
                continue
            if not 0 <= float(bound) <= len(options) - 1 or float(bound) % 1:
                wanted = f"a position of the options {options}, 0 to {len(options) - 1}"
                raise ValueError(refusal("ProtectedQuota", name, bound, wanted, len(options) - 1))

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
