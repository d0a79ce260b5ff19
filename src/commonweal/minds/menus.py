"""Answers menus as a profile says: the planted truth behind a check of what a persona did."""

import jax
import jax.numpy as jnp

from .._mind import Mind, Values
from .._param import text
from .._profile import Profile, prospect_value
from .._scenario import Sight


class Respondent(Mind):
    """Values each option of a menu by its `profile`; its seat's profile chooses by those values.

    Shares are worth the profile's utility of (own, other); a lottery, which concerns nobody else, its
    prospect value (its mean where `prospect` is 0); a stated confidence the points expected under the
    profile's own confidence in a guess of known accuracy, less the most it could expect. Reads the
    facts of `Menus`. Source: Tversky and Kahneman 1992; Fehr and Schmidt 1999; Brier 1950.
    """

    profile: Profile = Profile()
    channel: str = text("answer")

    def act(self, memory, sight, channels, key):
        worth = jax.vmap(self.worth, (None, 0))(sight, jnp.arange(len(sight["high"])))
        return memory, {self.channel: Values(jnp.concatenate([jnp.zeros(1), worth]))}  # silence first

    def worth(self, sight: Sight, i):
        """What option `i` of the menu is worth to the profile."""
        high, low, chance = (sight[name][i] for name in ("high", "low", "chance"))
        odds = jnp.stack([1.0 - chance, chance])
        outcomes = jnp.stack([low, high])
        felt = prospect_value(self.profile, outcomes, odds)
        gamble = jnp.where(self.profile.prospect > 0.0, felt, (odds * outcomes).sum())
        share = self.profile.utility(jnp.int32(0), jnp.stack([high, sight["other"][i]]))
        said = self.profile.confidence(jnp.clip(chance, 1e-3, 1.0 - 1e-3))
        sure = -100.0 * (sight["level"][i] - said) ** 2
        return jnp.where(sight["kind"] == 4, sure, jnp.where(sight["kind"] == 3, gamble, share))
