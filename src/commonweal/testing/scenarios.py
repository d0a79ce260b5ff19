"""The laws of scenarios."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .._card import Card, Oracle
from .._channel import Channel
from .._luck import seeded
from .._run import run
from .._scenario import Actions, Outcome, Scenario, Sight
from .._society import Society
from .._trace import Trace
from .fault import Fault, where
from .hooks import Trial, drift_faults, engine_faults, form_faults, some_acts
from .probe import Wayward
from .watch import Call

WORLDS = 32  # of the play that bounds and ranges are tried on
SLACK = 1e-3  # of a range, for rounding
OFTEN = 0.25  # of the worlds of random play, that a range may miss by a little
STILL = 0.01  # of its range, that a stakeholder's utility moves at least


def scenario_faults(scenario: Scenario, seen: list[Call]) -> Iterator[Fault]:
    """Every law of scenarios, in the order in which what it breaks should be mended."""
    yield from form_faults(scenario)
    trial, key = Trial(scenario, seen), seeded(0)
    card = yield from trial("card")
    if card.n_agents != scenario.n_agents:
        came = f"represents has {card.n_agents} rows for {scenario.n_agents} agents"
        mend = "represents=np.eye(self.n_agents)"
        yield Fault("the card fits", came, mend, where(scenario, "card", "represents|one_each"))
    if not card.citation.strip():
        came, mend = "the card has no citation", "citation='Author year, title'"
        yield Fault("it cites", came, mend, where(scenario, "card", "Card"))
    channels = yield from trial("channels")
    for name, channel in channels.items():
        yield from _channel_faults(scenario, name, channel)
    state = yield from trial("init", key)
    sight = yield from trial("observe", state)
    shapeless = list(sight_faults(scenario, sight, where(scenario, "observe", r"return|Sight\(")))
    yield from shapeless
    yield from () if shapeless else _word_faults(scenario, sight)
    acts = some_acts(scenario, sight, key)
    after, outcome = yield from trial("step", state, acts, key)
    yield from drift_faults(scenario, "step", "state", state, after)
    yield from _outcome_faults(scenario, outcome, card)
    yield from _act_faults(scenario, state, acts)
    yield from () if shapeless else _word_faults(scenario, scenario.observe(after))
    if not trial.lucky:  # compiled, hidden luck would be frozen: say the cause only
        society = Society(scenario, Wayward())
        trace = run(society, WORLDS, engine="graph")
        yield from _play_faults(scenario, trace)
        yield from engine_faults(trace, society)


def _channel_faults(scenario: Any, name: str, channel: Channel) -> Iterator[Fault]:
    n = scenario.n_agents
    line = where(scenario, "channels")
    if not bool(channel.allowed(jnp.full(n, channel.silence), channel.nothing(n)).all()):
        came = f"channel {name!r} does not allow its own silence"
        yield Fault("silence is legal", came, "silent=0, an option that means doing nothing", line)
    for act in np.asarray(channel.sample(jax.random.key(1), channel.everything(n))):
        back = (
            channel.parse(channel.render(act), np.asarray(channel.everything(n))[0])
            if channel.render(act)
            else act
        )
        if not np.isclose(back, act, rtol=1e-4):
            came = f"channel {name!r} renders {act!r} as {channel.render(act)!r} and reads back {back!r}"
            yield Fault("words and numbers agree", came, "give the options distinct names", line)


def sight_faults(scenario: Any, sight: Sight, line: str) -> Iterator[Fault]:
    """Every fact has a row for every agent, every mask its channel's shape and a legal act."""
    n = scenario.n_agents
    for name, x in sight.facts.items():
        if jnp.ndim(x) == 0 or jnp.shape(x)[0] != n:
            came = f"fact {name!r} has shape {jnp.shape(x)}; wanted a leading agent axis of {n}"
            tail = "".join(f", {d}" for d in jnp.shape(x))
            mend = f'"{name}": jnp.broadcast_to({name}, (self.n_agents,{tail.lstrip(",")}))'
            yield Fault("every agent has its row", came, mend, line)
    channels = scenario.channels()
    for name, mask in sight.legal.items():
        if name not in channels:
            came = f"legal names the channel {name!r}; the channels are {sorted(channels)}"
            yield Fault("masks fit channels", came, "legal={...} keyed by channel name", line)
        elif mask.shape == channels[name].everything(n).shape:
            yield from _mask_faults(channels[name], name, mask, line)
        else:
            came = f"legal[{name!r}] has shape {mask.shape}; wanted {channels[name].everything(n).shape}"
            yield Fault("masks fit channels", came, f"channels['{name}'].nothing(self.n_agents)", line)


def _mask_faults(channel: Channel, name: str, mask: Any, line: str) -> Iterator[Fault]:
    full = channel.everything(mask.shape[0])
    if mask.dtype != full.dtype:
        came = f"legal[{name!r}] is {mask.dtype}; wanted {full.dtype}"
        yield Fault("masks fit channels", came, f"mask.astype(jnp.{full.dtype})", line)
    elif mask.dtype == bool and not bool(mask.any(axis=-1).all()):
        came = f"legal[{name!r}] leaves an agent without any legal act"
        yield Fault("masks fit channels", came, f"channels['{name}'].nothing(self.n_agents)", line)
    elif mask.dtype != bool and not bool(((mask >= 0.0) & (mask <= full)).all()):
        came = f"legal[{name!r}] is {np.asarray(mask)}, outside 0 to {np.asarray(full)}"
        yield Fault("masks fit channels", came, "jnp.clip(mask, 0.0, channel.high)", line)


def _outcome_faults(scenario: Any, outcome: Outcome, card: Card) -> Iterator[Fault]:
    line = where(scenario, "step", r"Outcome\(")
    n, k, v = scenario.n_agents, len(card.stakeholders), len(card.values)
    wanted = {"pay": (n,), "utility": (k,), "objective": (), "harm": (n, v), "over": ()}
    parts = {name: getattr(outcome, name) for name in wanted} | outcome.events
    if outcome.utility is outcome.pay and k == n:
        del parts["utility"]  # by default
    for name, x in parts.items():
        shape = wanted.get(name, (n,))
        if jnp.shape(x) != shape:
            came = f"{name} has shape {jnp.shape(x)}; wanted {shape}"
            each = {"utility": "a stakeholder", "harm": "an agent and value"}.get(name, "an agent")
            mend = f"{name}= one number {each}" if jnp.ndim(x) else f"jnp.broadcast_to({name}, {shape})"
            yield Fault("the outcome has its shapes", came, mend, line)
        kind = bool if name == "over" else jnp.float32
        if getattr(x, "dtype", None) != kind:
            came = f"{name} is {getattr(x, 'dtype', type(x).__name__)}; wanted {jnp.dtype(kind).name}"
            mend = f"{name}=jnp.asarray({name}, jnp.{'bool_' if kind is bool else 'float32'})"
            yield Fault("the outcome has its dtypes", came, mend, line)
        elif name != "over" and not bool(jnp.isfinite(x).all()):
            came = f"{name} is {np.asarray(x)} after random legal acts"
            yield Fault("outcomes are finite", came, "guard the division: jnp.maximum(total, 1e-6)", line)
    for name, least in (
        ("cooperated", "0 to 1"),
        ("excess", "0 or more, in the act's unit, beyond the norm"),
    ):
        if name not in outcome.events:
            came = f"step exports no event {name!r} ({least}), which institutions and measures read"
            mend = f'cw.Outcome(..., events={{"{name}": ...}}), one number an agent'
            yield Fault("it exports its events", came, mend, line)


class _Read(dict):
    """Acts that know whether anybody read one of them."""

    read = False

    def __getitem__(self, name: str) -> Any:
        self.read = True
        return super().__getitem__(name)

    def __iter__(self):
        self.read = True
        return super().__iter__()

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default

    def items(self):
        self.read = True
        return super().items()

    def values(self):
        self.read = True
        return super().values()


def _act_faults(scenario: Scenario, state: Any, acts: Actions) -> Iterator[Fault]:
    """Whoever forgets to read what the agents do has written a film, not a game."""
    told = _Read(acts)
    scenario.step(state, told, seeded(0))
    if not told.read:
        came, mend = "step reads none of the acts", f'actions["{next(iter(acts), "take")}"]'
        yield Fault("acts matter", came, mend, where(scenario, "step"))


def _word_faults(scenario: Any, sight: Sight) -> Iterator[Fault]:
    for i in range(scenario.n_agents):
        row = jax.tree.map(lambda x, i=i: np.asarray(x)[i], sight)
        for method, text in (("brief", scenario.brief(i)), ("tell", scenario.tell(row))):
            if not isinstance(text, str) or not text.strip():
                came = f"{method} gave {text!r} for agent {i}; wanted words"
                yield Fault("it can be told", came, "return f'...'", where(scenario, method, "return"))


def _play_faults(scenario: Scenario, trace: Trace) -> Iterator[Fault]:
    """What no play may bring, and random legal acts already do."""
    line = where(scenario, "step", r"Outcome\(")
    parts = {"pay": trace.book["pay"], "utility": trace.utility, "objective": trace.objective}
    parts |= {"harm": trace.harm, **trace.events}
    wrong = [name for name, x in parts.items() if not np.isfinite(x).all()]
    for name in wrong[:1]:  # what follows from pay is no other fault
        t = int(np.argwhere(~np.isfinite(parts[name]))[0][1])
        came = f"{name} is not finite at t={t} of random legal acts"
        yield Fault("outcomes are finite", came, "guard the division: jnp.maximum(total, 1e-6)", line)
    if wrong:
        return
    bounds = {"harm": (0.0, np.inf), "cooperated": (0.0, 1.0), "excess": (0.0, np.inf)}
    for name, (low, high) in bounds.items():
        x = parts.get(name, np.zeros(1))
        if x.size and (x.min() < low - SLACK or x.max() > high + SLACK):
            worst = x.min() if x.min() < low - SLACK else x.max()
            came = f"{name} becomes {worst:.3g}; wanted {low:g} {'or more' if high > 1 else 'to 1'}"
            mend = f"{name}=jnp.maximum({name}, 0.0)" if high > 1 else f"jnp.clip({name}, 0.0, 1.0)"
            yield Fault("harm and events have their ranges", came, mend, where(scenario, "step", name))
    yield from _yardstick_faults(scenario, trace)


def _yardstick_faults(scenario: Scenario, trace: Trace) -> Iterator[Fault]:
    """The oracle and the ranges on the card hold what random play brings; O, V and P are read on them."""
    card, earned = trace.card, trace.objective.sum(axis=1).max()
    known = card.oracle
    if isinstance(known, Oracle) and earned > known.best + SLACK * (known.best - known.worst):
        came = f"random play earns {earned:.6g} in an episode, more than the oracle's best={known.best:g}"
        mend = f"best= what the best play earns, {earned:.6g} at least; or cw.Unknown('no optimum is known')"
        yield Fault("the oracle is the best", came, mend, where(scenario, "card", r"Oracle\("))
    got, harm = trace.utility.sum(axis=1), trace.harm.sum(axis=(1, 2))
    outside, moved = [], []
    for k, one in enumerate(card.stakeholders):
        if one.low is not None and one.high is not None and one.high > one.low:
            x, span = got[:, k], one.high - one.low
            moved.append((x.max() - x.min()) / span)
            beyond = np.maximum(x - one.high, one.low - x)
            if (beyond > SLACK * span).mean() > OFTEN:
                most = f"{x[beyond.argmax()]:.4g}"
                outside.append(f"{one.name!r} gets {most} where its range is {one.low:g} to {one.high:g}")
    line = where(scenario, "card", r"one_each\(|Stakeholder\(")
    if outside:
        came = f"in random play {outside[0]}" + f", and {len(outside) - 1} more" * (len(outside) > 1)
        mend = "low and high = the least and the most that an episode can bring; beyond, P is flat at 0 or 1"
        yield Fault("ranges hold every play", came, mend, line)
    elif moved and max(moved) < STILL:
        came = f"random play moves no stakeholder by more than {max(moved):.1g} of its range, so P is flat"
        mend = "low and high = the least and the most that an episode can bring, not more"
        yield Fault("ranges fit the play", came, mend, line)
    for v, value in enumerate(card.values):
        beyond, once = harm[:, v] - value.worst, value.right and value.floor == 1.0  # any harm breaks it
        if (beyond > SLACK * (value.worst - value.least)).mean() > OFTEN and not once:
            most = harm[:, v].max()
            came = f"in random play {value.name!r} is harmed by {most:.4g}, beyond its worst, {value.worst:g}"
            mend = f"cw.Value({value.name!r}, worst=...), the most that an episode can bring"
            yield Fault("ranges hold every play", came, mend, where(scenario, "card", r"Value\("))
