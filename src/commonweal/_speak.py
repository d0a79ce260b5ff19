"""Asking the speakers of a world: what they are told, how often, and how their replies are read."""

import asyncio
import math
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._channel import Words
from ._describe import identity
from ._drive import Now
from ._governed import owner_key
from ._journal import Entry, Journal, digest
from ._luck import seeded
from ._mind import Budget, NoAnswer, Speaker
from ._prompt import RESERVED, Prompt, Reply, Said, Story, Where, compose, plain, quote, read, repair, whole
from ._scenario import Actions
from ._secrets import hidden, hide
from ._society import Society

SHOWN = 500  # characters of what went wrong
Aside = tuple[int, int, str, str]  # round, agent, what it is, text: a row of the messages


class Observer:
    """Is told what happens in worlds with speakers while they are played; this one ignores it."""

    def round(self, seed: int, t: int) -> AbstractAsyncContextManager:
        """Around everything that happens in a round."""
        return nullcontext()

    def agent(self, seed: int, t: int, seat: int) -> AbstractAsyncContextManager:
        """Around one agent's decision, and all its calls."""
        return nullcontext()

    def recalled(self, where: Where, said: Said) -> None:
        """A reply that the journal knew, so that nobody was asked."""

    def settled(self, seed: int, t: int, row: Mapping[str, Any]) -> None:
        """After a round, with its row of the trace."""


class Talk:
    """The speakers of one world, what they have been told and have said."""

    def __init__(self, society: Society, seed: int, journal: Journal, observer: Observer):
        self.seed, self._society, self._journal, self._observer = seed, society, journal, observer
        scenario = society.scenario
        self._channels, self._phases, card = scenario.channels(), len(scenario.groups), scenario.card()
        self._who = {i: _voice(society.minds[i]) for i in society.speakers}  # type: ignore[arg-type]
        self._briefs = {i: _brief(society, card, i) for i in society.speakers}
        self._past: dict[int, list[tuple[str, str]]] = {i: [] for i in society.speakers}
        self._spent = {i: Budget(0, 0, 0) for i in society.speakers}
        self._untold = dict.fromkeys(society.speakers, 0)  # calls whose tokens are estimated
        self._spoken = {name: c for name, c in self._channels.items() if isinstance(c, Words)}
        for name in set(RESERVED) & set(self._channels):
            raise ValueError(
                f"speakers cannot use a channel named {name!r}: a reply holds something else under that name "
                f"({', '.join(RESERVED)} are taken); wanted another name for it"
            )
        self._phrases = max((len(c.options) for c in self._spoken.values()), default=0)  # above: free words
        untold = (f"{law.name}:" for law in scenario.laws if not law.told)
        self._hidden = ("mail:", "shown:", "felt", *untold)  # facts of which nothing can be claimed
        self.said: dict[int, tuple[str, Mapping[str, str]]] = {}  # words and claims beside, by code
        self.asides: list[Aside] = []
        self.refused: set[tuple[int, int]] = set()  # (round, agent)
        self.entries: list[Entry] = []

    async def listen(self, now: Now, tick: int, forced: Mapping[str, np.ndarray]) -> Actions:
        """The intent with every speaker's answer in it; all are asked at once, and taken in seat order.

        `forced` is channel -> Bool[n], acts that an intervention has taken from them.

        Raises:
            NoAnswer: somebody had none; of several, the one in the first seat says why.
        """
        choices = self._choices(now.sights, forced)
        speakers = [i for i in self._society.speakers if any(free[i] for free in choices.values())]
        asked = {i: self._story(now.sights, i, tick, choices) for i in speakers}
        work = [self._decide(i, story, tick) for i, story in asked.items()]
        if len(work) == 1:  # one alone needs no task of its own
            replies = [await work[0]]
        else:
            replies = await asyncio.gather(*work, return_exceptions=True)
        for reply in replies:
            if isinstance(reply, BaseException):
                raise reply
        intent: dict[str, Any] = {name: np.array(x) for name, x in now.intent.items()}
        seats, talked = len(self._society.minds), list(self._spoken)
        for (i, story), answer in zip(asked.items(), replies, strict=True):
            reply, acts = answer  # type: ignore[misc]
            self._note(i, tick // self._phases, story, reply)
            for name, one in acts.items():
                if isinstance(one, str):  # a code of its own, whoever else speaks
                    code = self._phrases + (tick * seats + i) * len(talked) + talked.index(name)
                    self.said[code], one = (one, reply.claims), code
                intent[name][i] = one
        return intent

    def _choices(self, sights, forced: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Channel -> Bool[n]: who has a choice there, and may make it."""
        free = {}
        for name, mask in sights.legal.items():
            if not self._channels[name].lever:
                several = mask.sum(axis=1) > 1 if mask.dtype == bool else mask > 0
                free[name] = several & ~forced[name] if name in forced else several
        return free

    def _story(self, sights, i: int, tick: int, choices: Mapping[str, np.ndarray]) -> Story:
        scenario, profile = self._society.scenario, self._society.profiles[i]
        row = jax.tree.map(lambda x: x[i], sights)
        if profile is not None and float(profile.noise):
            when = jnp.uint32(self.seed), jnp.int32(tick // self._phases), jnp.int32(i)
            row = jax.tree.map(np.asarray, _perceived(profile, jax.tree.map(jnp.asarray, row), *when))
        legal = {name: row.legal[name] for name, free in choices.items() if free[i]}
        row = row.at(tick // self._phases)
        news = [scenario.tell(row)]
        if row.started and scenario.period:
            news.append(f"Last {scenario.period} was worth {float(row['felt']):.4g} to you.")
        for name, channel in self._spoken.items():
            heard = row.facts.get(f"mail:{name}", [])
            news += [f"agent {j} says: {self._heard(channel, int(c))}" for j, c in enumerate(heard) if c]
        talks = any(name in self._spoken and mask[-1] for name, mask in legal.items())
        known = {name: x for name, x in row.facts.items() if talks and self._claimable(name)}
        facts = {name: ", ".join(f"{one:g}" for one in np.ravel(x).tolist()) for name, x in known.items()}
        return Story(self._briefs[i], "\n".join(filter(None, news)), legal, facts)

    def _claimable(self, fact: str) -> bool:
        """Whether something can be claimed of it: it was told, and is not mistaken for an act."""
        return not fact.startswith(self._hidden) and fact not in self._channels

    def _heard(self, channel, code: int) -> str:
        if code not in self.said:
            return quote(channel.render(code))
        words, beside = self.said[code]
        claims = ", ".join(f"{name} = {quote(value)}" for name, value in beside.items())
        return quote(words) + (f" (claiming {claims})" if claims else "")

    async def _decide(self, i: int, story: Story, tick: int) -> tuple[Reply, dict[str, Any]]:
        """One answer, parsed, or NoAnswer with the agent and the round."""
        t = tick // self._phases
        async with self._observer.agent(self.seed, t, i):
            try:
                return await self._answer(i, story, Where(self.seed, tick, i))
            except NoAnswer as reason:
                why = plain(hide(str(reason)))[:SHOWN]
                raise NoAnswer(f"agent {i} gave no answer at t={t} ({why})") from None

    async def _answer(self, i: int, story: Story, where: Where) -> tuple[Reply, dict[str, Any]]:
        """What came and cannot be read is sent back once, with what is wrong with it."""
        speaker: Speaker = self._society.minds[i]  # type: ignore[assignment]
        past = self._past[i][-speaker.memory :] if speaker.memory else []
        prompt = compose(story, self._channels, past, where)
        asked, fault = prompt.turns[-1][1], ""
        for draw in (1, 2):
            said = await self._paid(speaker, prompt)
            try:
                reply = Reply({}, refusal=said.text or "(none)") if said.refused else read(said.text, story)
                acts = self._acts(reply, story)
            except ValueError as error:
                fault = " ".join(str(error).split())[:SHOWN]
                self.asides.append((where.tick // self._phases, i, "(malformed)", said.text))
                more = (("assistant", said.text), ("user", repair(fault)))
                prompt = prompt._replace(turns=prompt.turns + more, where=where._replace(draw=draw))
            else:
                self._past[i].append((asked, said.text))
                return reply, acts
        raise NoAnswer(f"malformed twice: {fault}")

    async def _paid(self, speaker: Speaker, prompt: Prompt) -> Said:
        """The journal's answer, or a call; a call that fails is tried again, within all limits."""
        i, key = prompt.where.seat, digest(prompt, self._who[prompt.where.seat])
        at, journal = (prompt.where, key), self._journal
        while (said := journal.find(*at)) is None and at in journal.asking:
            await journal.asking[at].wait()  # another branch of this world asks the very same
        if said is None:
            for what, mine, most in zip(Budget._fields, self._spent[i], speaker.budget, strict=True):
                if math.isnan(mine) and math.isfinite(most):
                    raise NoAnswer(
                        f"its budget of {most:g} {what} cannot be kept: a call's dollars are not told"
                    )
                if mine >= most:
                    untold = self._untold[i] if what == "tokens" else 0
                    told = f"; of {untold} calls they are unknown, and estimated" if untold else ""
                    raise NoAnswer(f"its budget of {most:g} {what} is spent{told}")
            journal.asking[at] = done = asyncio.Event()
            try:
                said = await _call(speaker, prompt, journal)
                journal.keep(Entry(prompt.where, key, said))
            finally:
                del journal.asking[at]
                done.set()
        else:
            self._observer.recalled(prompt.where, said)
        calls, tokens, cost = self._spent[i]
        used, told = said.tokens(prompt)
        self._untold[i] += not told
        self._spent[i] = Budget(
            calls + 1, tokens + used, cost + (math.nan if said.cost is None else said.cost)
        )
        self.entries.append(Entry(prompt.where, key, said))
        return said

    def _acts(self, reply: Reply, story: Story) -> dict[str, Any]:
        """The acts as codes and numbers; words that are in no phrasebook stay text. A refusal has none."""
        if not reply.refusal:
            return {name: self._act(name, reply, mask) for name, mask in story.legal.items()}
        for name, mask in story.legal.items():
            channel = self._channels[name]
            if not channel.allowed(channel.silence, jnp.asarray(mask)):
                wanted = f"{name} must be {channel.describe(mask)}"
                raise NoAnswer(f"refused, where doing nothing is not legal: {wanted} ({reply.refusal})")
        return {}

    def _act(self, name: str, reply: Reply, legal: np.ndarray) -> int | float | str:
        channel, said = self._channels[name], reply.acts[name]
        if isinstance(channel, Words) and legal[-1] and (reply.claims or not _known(channel, said, legal)):
            return said.strip()
        return channel.parse(said, legal)

    def _note(self, i: int, t: int, story: Story, reply: Reply) -> None:
        """Keep what is no act: notes, refusals, and claims beside what the agent saw."""
        if reply.refusal:
            self.refused.add((t, i))
            self.asides.append((t, i, "(refusal)", reply.refusal))
        if reply.notes:
            self.asides.append((t, i, "(notes)", reply.notes))
        for name, value in reply.claims.items():
            true = reply.acts[name] if name in reply.acts else story.facts[name]
            self.asides += [(t, i, f"(claim) {name}", value), (t, i, f"(fact) {name}", true)]


def _brief(society: Society, card, i: int) -> str:
    """Persona and rules, told at the head of every prompt."""
    profile = society.profiles[i]
    mine = [s.name for s, w in zip(card.stakeholders, card.represents[i], strict=True) if w]
    persona = "" if profile is None else profile.persona(f"agent {i}", " and ".join(mine) or "nobody")
    return "\n".join(filter(None, [persona, society.scenario.brief(i)]))


def _voice(speaker: Speaker) -> str:
    """A digest of who speaks; what the engine keeps to (limits) or tells (traits, the past) is no part."""
    settings = {k: v for k, v in hidden(speaker.settings()).items() if k not in Speaker.__annotations__}
    return identity([type(speaker).__qualname__, settings])


def _known(channel: Words, said: str, legal: np.ndarray) -> bool:
    """Whether a reply is silence or a phrase of the phrasebook."""
    try:
        channel.parse(said, legal)
    except ValueError:
        return False
    return True


@eqx.filter_jit
def _perceived(profile, sight, seed, t, seat):
    """An agent's own row as its profile makes it out, with the luck that a pure mind in its seat has."""
    return profile.perceive(sight, jax.random.fold_in(owner_key(seeded(seed), t, "profile"), seat))


async def _call(speaker: Speaker, prompt: Prompt, journal: Journal) -> Said:
    """One finished call, after as many failed ones as the speaker and the journal allow.

    Raises:
        NoAnswer: all failed, or all the time is spent.
    """
    last = "it was not asked"
    try:
        async with asyncio.timeout(None if math.isinf(speaker.total) else speaker.total):
            for _ in range(speaker.attempts):
                if journal.allowance < 1:
                    raise NoAnswer("no more calls are allowed in this replay, and this was not asked before")
                journal.allowance -= 1
                try:
                    async with asyncio.timeout(None if math.isinf(speaker.patience) else speaker.patience):
                        said = await speaker.ask(prompt)
                    if not isinstance(said, Said) or not isinstance(said.text, str):
                        raise TypeError(f"ask() gave {said!r}; wanted cw.Said(text)")
                    return said._replace(text=hide(whole(said.text))).counted()
                except NoAnswer:
                    raise
                except asyncio.CancelledError:
                    if (task := asyncio.current_task()) and task.cancelling():
                        raise
                    last = "the call was cancelled"
                except TimeoutError:
                    last = f"no reply within {speaker.patience:g} s"
                except Exception as error:  # noqa: BLE001  (whatever a provider raises is missing data)
                    last = f"{type(error).__name__}: {error}"
    except TimeoutError:
        last = f"no reply within {speaker.total:g} s in all; last: {last}"
    raise NoAnswer(last)
