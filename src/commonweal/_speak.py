"""Asking the speakers of a world: what they are told, how often, and how their replies are read."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ._channel import Channel, Words
from ._drive import Now
from ._governed import owner_key
from ._mind import NoAnswer, Speaker, Story
from ._scenario import Actions
from ._society import Society
from ._tick import world_key


class Moment(NamedTuple):
    """When speakers are asked: the world's seed, the round, and channel -> Bool[n], acts that are forced."""

    seed: int
    t: int
    forced: Mapping[str, np.ndarray]


async def listen(
    society: Society, memories: dict[int, Any], now: Now, when: Moment, said: list[str]
) -> Actions:
    """The intent with every speaker's answer in it; all are asked at once, and taken in seat order.

    New memories go into `memories`, words that are not in a phrasebook are appended to `said`.

    Raises:
        NoAnswer: somebody had none.
    """
    channels = society.scenario.channels()
    phrasebook = {name: (*c.options, *said) for name, c in channels.items() if isinstance(c, Words)}
    stories = {i: _story(society, now.sights, i, when, phrasebook) for i in society.speakers}
    asked = {i: story for i, story in stories.items() if story.legal}
    replies = await asyncio.gather(
        *(_ask(society.minds[i], memories[i], story, channels) for i, story in asked.items())  # type: ignore[arg-type]
    )
    intent: dict[str, Any] = {name: np.array(x) for name, x in now.intent.items()}
    for i, (memory, acts) in zip(asked, replies, strict=True):
        memories[i] = memory
        for name, one in acts.items():
            if isinstance(one, str):
                said.append(one)
                one = len(channels[name].options) + len(said) - 1  # type: ignore[attr-defined]
            intent[name][i] = one
    return intent


def _story(
    society: Society, sights, i: int, when: Moment, phrasebook: Mapping[str, tuple[str, ...]]
) -> Story:
    scenario, profile = society.scenario, society.profiles[i]
    row = jax.tree.map(lambda x: x[i], sights)
    if profile is not None:
        key = owner_key(world_key(jnp.uint32(when.seed)), jnp.int32(when.t), "profile")
        row = profile.perceive(jax.tree.map(jnp.asarray, row), jax.random.fold_in(key, i))
        row = jax.tree.map(np.asarray, row)
    channels, card = scenario.channels(), scenario.card()
    legal = {
        name: mask
        for name, mask in row.legal.items()
        if not channels[name].lever
        and not (name in when.forced and when.forced[name][i])
        and (mask.sum() > 1 if mask.dtype == bool else mask > 0)
    }
    mine = [s.name for s, w in zip(card.stakeholders, card.represents[i], strict=True) if w]
    persona = "" if profile is None else profile.persona(f"agent {i}", " and ".join(mine) or "nobody")
    news = [scenario.tell(row)]
    for name, phrases in phrasebook.items():
        codes = row.facts.get(f"mail:{name}", [])
        heard = {j: phrases[c] if c < len(phrases) else "(words)" for j, c in enumerate(codes) if c}
        news += [f"agent {j} says: {words!r}" for j, words in heard.items()]
    brief = "\n".join(filter(None, [persona, scenario.brief(i)]))
    return Story(i, when.seed, when.t, brief, "\n".join(filter(None, news)), legal)


async def _ask(speaker: Speaker, memory: Any, story: Story, channels: Mapping[str, Channel]):
    """One answer, parsed; failures are retried, and what still fails makes the world invalid."""
    last = "it was not asked"
    for _ in range(speaker.attempts):
        try:
            later, replies = await speaker.answer(memory, story, channels)
            missing = set(story.legal) - set(replies)
            if missing:
                raise ValueError(f"the reply lacks {sorted(missing)}")
            return later, {name: _read(channels[name], replies[name], m) for name, m in story.legal.items()}
        except NoAnswer as reason:
            last = str(reason)
            break
        except Exception as error:  # noqa: BLE001  (whatever a provider raises is missing data)
            last = f"{type(error).__name__}: {error}"
    raise NoAnswer(f"agent {story.seat} gave no answer at t={story.t} ({last})")


def _read(channel: Channel, reply: str, legal: np.ndarray) -> int | float | str:
    """A reply as a code or a number; words that are not in the phrasebook stay text."""
    if not isinstance(reply, str):
        raise ValueError(f"the reply {reply!r} is a {type(reply).__name__}; wanted words")
    try:
        return channel.parse(reply, legal)
    except ValueError:
        if isinstance(channel, Words) and legal[-1]:
            return reply.strip()
        raise
