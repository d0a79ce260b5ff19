"""What chooses: a `Mind` is pure and in-graph, a `Speaker` answers in words and in its own time."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._channel import Channel
from ._governed import Governed
from ._param import Module
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


@dataclass(frozen=True)
class Story:
    """All that a speaker is told in one tick.

    `brief` holds rules and persona (told once, repeated here), `news` this tick's facts, `legal` the
    channels on which there is a choice, with what is legal for this agent.
    """

    seat: int
    seed: int
    t: int
    brief: str
    news: str
    legal: Mapping[str, np.ndarray]

    def choices(self, channels: Mapping[str, Channel]) -> str:
        """The legal acts in words, one channel a line."""
        return "\n".join(f"{name}: {channels[name].describe(mask)}" for name, mask in self.legal.items())


class NoAnswer(Exception):  # noqa: N818  (an outcome, not a fault of the program)
    """Raised by a speaker that has no answer; the world becomes invalid with this reason."""


class Speaker(abc.ABC):
    """A mind that answers in words, asynchronously: a language model, a person."""

    attempts: int = 3

    def settings(self) -> Mapping[str, Any]:
        """What made this speaker what it is, as arguments that would make it again; enters the recipe.

        Leave out what it remembers and what must stay secret; by default nothing is told.
        """
        return {}

    def begin(self, seat: int, seed: int) -> Any:
        """What the speaker remembers before the first tick of a world."""
        return None

    @abc.abstractmethod
    async def answer(
        self, memory: Any, story: Story, channels: Mapping[str, Channel]
    ) -> tuple[Any, dict[str, str]]:
        """New memory and a reply in words for each channel with a choice; the channel parses it.

        Raises:
            NoAnswer: there is none; any other error counts as a failed attempt.
        """
