"""What chooses: a `Mind` is pure and in-graph, a `Speaker` answers in words and in its own time."""

import abc
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._channel import Channel
from ._governed import Governed
from ._param import Module
from ._profile import Profile
from ._prompt import Prompt, Said
from ._scenario import Sight


class Odds(eqx.Module):
    """Choice probabilities over a channel's options; the engine masks, renormalizes and draws."""

    p: Float[Array, " m"]


class Values(eqx.Module):
    """Values of a channel's options; the profile's choice rule turns them into odds."""

    q: Float[Array, " m"]


Act = Array | Odds | Values


class Mind(Module):
    """A pure mind: sees its own row, answers with acts; channels it does not name stay silent."""

    def prepare(self, scenario: Governed, seat: int, key: PRNGKeyArray) -> "Mind":
        """Get ready for the scenario under its institutions: learn, solve; by default nothing."""
        return self

    @property
    def learns(self) -> bool:
        """Whether `train` must come before `act`."""
        return False

    def train(
        self, society: Any, seats: tuple[int, ...], key: PRNGKeyArray, folder: Path | None = None
    ) -> "Sequence[Mind]":
        """The minds of the seats that learn, trained together in the society they are judged in.

        `folder`, if given, holds checkpoints and the learning curve; training goes on from there.
        """
        return [society.minds[seat] for seat in seats]

    def init(self, seat: Int[Array, ""], key: PRNGKeyArray) -> Any:
        """What the mind remembers before the first tick."""
        return ()

    @abc.abstractmethod
    def act(
        self, memory: Any, sight: Sight, channels: Mapping[str, Channel], key: PRNGKeyArray
    ) -> tuple[Any, dict[str, Act]]:
        """New memory and this tick's acts; `sight` is the agent's own row, with `felt` and `seat`."""


class Budget(NamedTuple):
    """The most that one agent may spend in one world: calls, tokens (read and written), US dollars.

    Tokens of which a provider tells nothing, or nonsense, are estimated at four characters of prompt and
    reply each. After a call whose dollars are not told, a budget in dollars cannot be kept, and ends.
    """

    calls: float = math.inf
    tokens: float = math.inf
    cost: float = math.inf


class NoAnswer(Exception):  # noqa: N818  (an outcome, not a fault of the program)
    """Raised by a speaker that has no answer; the world becomes invalid with this reason."""


class Speaker(abc.ABC):
    """A mind that answers in words, in its own time: a language model, a person.

    It reads a prompt and writes a text; what it is told, and how its reply is read, is the same for all.

    - `attempts`: calls that may fail one after another before the world is given up. A reply that
      came and cannot be read is no failure: it is repaired once.
    - `patience`: seconds for one attempt; `total`: seconds for a decision, with all its attempts.
    - `budget`: what it may spend in a world; the call that would come after is not made.
    - `memory`: how many of its own earlier messages and replies it is shown again.
    - `profile`: its traits, told as its persona, where the society gives its seat none.
    """

    attempts: int = 3
    patience: float = 300.0
    total: float = 900.0
    budget: Budget = Budget()
    memory: int = 4
    profile: Profile | None = None

    def settings(self) -> Mapping[str, Any]:
        """What made this speaker what it is, as arguments that would make it again; enters the recipe.

        Leave out what must stay secret; by default nothing is told.
        """
        return {}

    @classmethod
    def again(cls, settings: Mapping[str, Any]) -> "Speaker":
        """The speaker that a recipe tells of, which may be a stranger's: make nothing unsafe of it."""
        return cls(**settings)

    def session(self) -> AbstractAsyncContextManager:
        """Around all the worlds of a run: the place to open and to close what it talks through."""
        return nullcontext()

    @abc.abstractmethod
    async def ask(self, prompt: Prompt) -> Said:
        """What it says to this; the text should be one JSON object, see `prompt.schema`.

        Raises:
            NoAnswer: there is none; any other error counts as a failed attempt.
        """
