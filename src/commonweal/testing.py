"""The laws that every component must obey, and what to change where one does not.

`check(component)` raises `Lawless` with every fault found; `faults(component)` lists them. A fault
says what came, and the line that would mend it.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._card import Card
from ._channel import Channel
from ._governed import Governed, Institution, Transition, under
from ._luck import seeded
from ._measure import NA, Measure
from ._mind import Mind
from ._probe import Anyone, Probe
from ._run import run
from ._scenario import Actions, Outcome, Scenario, Sight, legal_acts
from ._society import Society
from ._validity import breaches

HIDDEN = r"(np|numpy)\.random\.|random\."  # how calls begin whose draws no key governs


class Fault(NamedTuple):
    """A law that a component breaks: which, what came, the line that would mend it, and where."""

    law: str
    came: str
    mend: str
    where: str = ""

    def __str__(self) -> str:
        at = f" ({self.where})" if self.where else ""
        return f"{self.law}: {self.came}{at}\n    mend: {self.mend}"


class Lawless(AssertionError):  # noqa: N818
    """Raised by `check`; its text lists every fault."""


def check(component: Any, scenario: Scenario | None = None) -> None:
    """Raise `Lawless` unless the component obeys every law of its kind.

    Institutions and minds are tried on `scenario`, by default a small one with an amount and a choice.
    """
    found = faults(component, scenario)
    if found:
        name = type(component).__name__
        raise Lawless(f"{name} breaks {len(found)} law(s):\n" + "\n".join(f"  {fault}" for fault in found))


def faults(component: Any, scenario: Scenario | None = None) -> list[Fault]:
    """Every law the component breaks, in the order in which they should be mended.

    Raises:
        TypeError: the thing is not a scenario, institution, mind or measure.
    """
    probe = Probe() if scenario is None else scenario
    kinds: list[tuple[type, Callable[[Any], Iterator[Fault]]]] = [
        (Scenario, _scenario_faults),
        (Institution, lambda law: _institution_faults(law, probe)),
        (Mind, lambda mind: _mind_faults(mind, probe)),
        (Measure, _measure_faults),
    ]
    for kind, laws in kinds:
        if isinstance(component, kind):
            found: list[Fault] = []
            try:
                found.extend(laws(component))  # what came before an error stays found
            except Exception as error:  # noqa: BLE001  (whatever it raises is a fault of the component)
                came = f"{type(error).__name__}: {error}".split("\n")[0]
                tried = type(probe).__name__.strip("_")
                mend = "mend the error that it raises, or try it in its own scenario: check(it, scenario)"
                return found or [Fault("it runs", came, mend, "" if kind is Scenario else f"in {tried}")]
            return found
    raise TypeError(
        f"{component!r} is a {type(component).__name__}; wanted an instance of a Scenario, Institution, "
        "Mind or Measure: cw.check(Commons())"
    )


# ------------------------------------------------------------------------------------- scenarios


def _scenario_faults(scenario: Scenario) -> Iterator[Fault]:
    yield from _number_faults(scenario)
    card = scenario.card()
    if card.n_agents != scenario.n_agents:
        came = f"represents has {card.n_agents} rows for {scenario.n_agents} agents"
        yield Fault("the card fits", came, "represents=np.eye(self.n_agents)", _where(scenario, "card"))
    if not card.citation.strip():
        came, mend = "the card has no citation", "citation='Author year, title'"
        yield Fault("it cites", came, mend, _where(scenario, "card"))
    for name, channel in scenario.channels().items():
        yield from _channel_faults(scenario, name, channel)
    if hidden := _hidden(scenario):
        came, mend = "a call draws outside the key", "draw from the key: jax.random.normal(key, shape)"
        yield Fault("all luck is keyed", came, mend, hidden)
    key = seeded(0)
    state = scenario.init(key)
    if not hidden:
        yield from _repeat_faults(scenario, "init", lambda: scenario.init(key))
    yield from _sight_faults(scenario, scenario.observe(state))
    actions = _some_acts(scenario, scenario.observe(state), key)
    after, outcome = scenario.step(state, actions, key)
    if not hidden:
        yield from _repeat_faults(scenario, "step", lambda: scenario.step(state, actions, key))
    yield from _drift_faults(scenario, "step", "state", state, after)
    yield from _outcome_faults(scenario, outcome, card)
    yield from _word_faults(scenario, scenario.observe(after))
    if not _hidden(scenario):  # engines would freeze or repeat hidden randomness; say the cause only
        yield from _engine_faults(Society(scenario, Anyone()))


def _number_faults(thing: Any) -> Iterator[Fault]:
    for name, value in vars(thing).items():
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        static = type(thing).__dataclass_fields__[name].metadata.get("static", False)
        if numeric and not static:
            kind = "cw.count" if isinstance(value, int) else "cw.param"
            came = f"field {name!r} holds a Python number, so every new value compiles again"
            yield Fault("numbers are leaves", came, f"{name} = {kind}({value!r})", type(thing).__name__)


def _channel_faults(scenario: Any, name: str, channel: Channel) -> Iterator[Fault]:
    n = scenario.n_agents
    where = _where(scenario, "channels")
    if not bool(channel.allowed(jnp.full(n, channel.silence), channel.nothing(n)).all()):
        came = f"channel {name!r} does not allow its own silence"
        yield Fault("silence is legal", came, "silent=0, an option that means doing nothing", where)
    for act in np.asarray(channel.sample(jax.random.key(1), channel.everything(n))):
        back = (
            channel.parse(channel.render(act), np.asarray(channel.everything(n))[0])
            if channel.render(act)
            else act
        )
        if not np.isclose(back, act, rtol=1e-4):
            came = f"channel {name!r} renders {act!r} as {channel.render(act)!r} and reads back {back!r}"
            yield Fault("words and numbers agree", came, "give the options distinct names", where)


def _sight_faults(scenario: Any, sight: Sight) -> Iterator[Fault]:
    n, where = scenario.n_agents, _where(scenario, "observe")
    for name, x in sight.facts.items():
        if jnp.ndim(x) == 0 or jnp.shape(x)[0] != n:
            came = f"fact {name!r} has shape {jnp.shape(x)}; wanted a leading agent axis of {n}"
            tail = "".join(f", {d}" for d in jnp.shape(x))
            mend = f'"{name}": jnp.broadcast_to({name}, (self.n_agents,{tail.lstrip(",")}))'
            yield Fault("every agent has its row", came, mend, where)
    channels = scenario.channels()
    for name, mask in sight.legal.items():
        if name not in channels:
            came = f"legal names the channel {name!r}; the channels are {sorted(channels)}"
            yield Fault("masks fit channels", came, "legal={...} keyed by channel name", where)
        elif mask.shape == channels[name].everything(n).shape:
            yield from _mask_faults(channels[name], name, mask, where)
        else:
            came = f"legal[{name!r}] has shape {mask.shape}; wanted {channels[name].everything(n).shape}"
            yield Fault("masks fit channels", came, f"channels['{name}'].nothing(self.n_agents)", where)


def _mask_faults(channel: Channel, name: str, mask: Any, where: str) -> Iterator[Fault]:
    full = channel.everything(mask.shape[0])
    if mask.dtype != full.dtype:
        came = f"legal[{name!r}] is {mask.dtype}; wanted {full.dtype}"
        yield Fault("masks fit channels", came, f"mask.astype(jnp.{full.dtype})", where)
    elif mask.dtype == bool and not bool(mask.any(axis=-1).all()):
        came = f"legal[{name!r}] leaves an agent without any legal act"
        yield Fault("masks fit channels", came, f"channels['{name}'].nothing(self.n_agents)", where)
    elif mask.dtype != bool and not bool(((mask >= 0.0) & (mask <= full)).all()):
        came = f"legal[{name!r}] is {np.asarray(mask)}, outside 0 to {np.asarray(full)}"
        yield Fault("masks fit channels", came, "jnp.clip(mask, 0.0, channel.high)", where)


def _outcome_faults(scenario: Any, outcome: Outcome, card: Card) -> Iterator[Fault]:
    n, k, v = scenario.n_agents, len(card.stakeholders), len(card.values)
    wanted = {"pay": (n,), "utility": (k,), "objective": (), "harm": (n, v), "over": ()}
    parts = {name: getattr(outcome, name) for name in wanted} | outcome.events
    for name, x in parts.items():
        shape = wanted.get(name, (n,))
        if jnp.shape(x) != shape:
            came = f"{name} has shape {jnp.shape(x)}; wanted {shape}"
            mend = f"{name}=jnp.broadcast_to({name}, {shape})"
            yield Fault("the outcome has its shapes", came, mend, _where(scenario, "step"))
        kind = bool if name == "over" else jnp.float32
        if x.dtype != kind:
            came = f"{name} is {x.dtype}; wanted {jnp.dtype(kind).name}"
            mend = f"{name}={name}.astype(jnp.{'bool_' if kind is bool else 'float32'})"
            yield Fault("the outcome has its dtypes", came, mend, _where(scenario, "step"))
        elif name != "over" and not bool(jnp.isfinite(x).all()):
            came = f"{name} is {np.asarray(x)} after random legal acts"
            yield Fault(
                "outcomes are finite",
                came,
                "guard the division: jnp.maximum(total, 1e-6)",
                _where(scenario, "step"),
            )


def _word_faults(scenario: Any, sight: Sight) -> Iterator[Fault]:
    for i in range(scenario.n_agents):
        row = jax.tree.map(lambda x, i=i: np.asarray(x)[i], sight)
        for method, text in (("brief", scenario.brief(i)), ("tell", scenario.tell(row))):
            if not isinstance(text, str) or not text.strip():
                came = f"{method} gave {text!r} for agent {i}; wanted words"
                yield Fault("it can be told", came, "return f'...'", _where(scenario, method))


def _engine_faults(society: Society) -> Iterator[Fault]:
    a, b = run(society, 2, engine="graph"), run(society, 2, engine="async")
    for name in a.act:
        exact = np.issubdtype(a.act[name].dtype, np.integer)
        same = (
            np.array_equal(a.act[name], b.act[name])
            if exact
            else np.allclose(a.act[name], b.act[name], atol=1e-4)
        )
        if not same:
            came = f"the two engines execute different acts on {name!r}"
            yield Fault("both engines agree", came, "branch with jnp.where, not with Python's if")


# ---------------------------------------------------------------------------------- institutions


def _institution_faults(law: Institution, scenario: Scenario) -> Iterator[Fault]:
    yield from _number_faults(law)
    society = under(scenario, law)
    n, key = society.n_agents, seeded(0)
    memory = law.init(scenario, key)
    yield from _repeat_faults(law, "init", lambda: law.init(scenario, key))
    state = society.init(key)
    sight = society.observe(state)
    yield from _sight_faults(society, sight)
    actions = _some_acts(society, sight, key)
    once = law.gate(memory, state.base, actions, key)
    if not eqx.tree_equal(once, law.gate(memory, state.base, once, key)):
        came = "applying the gate twice differs from applying it once"
        yield Fault("the gate is idempotent", came, "clip the act, do not scale it", _where(law, "gate"))
    yield from _drift_faults(law, "gate", "actions", actions, once)
    after, outcome = scenario.step(state.base, {c: once[c] for c in scenario.channels()}, key)
    happened = Transition(state.base, actions, once, after, outcome, jnp.int32(0), jnp.array(False))
    settled = law.settle(memory, happened, outcome.pay, key)
    yield from _repeat_faults(law, "settle", lambda: law.settle(memory, happened, outcome.pay, key))
    yield from _drift_faults(law, "settle", "memory", memory, settled.memory)
    if settled.delta.shape != (n,) or settled.delta.dtype != jnp.float32:
        came = f"delta is {settled.delta.dtype}{settled.delta.shape}; wanted float32({n},)"
        yield Fault("a delta for every agent", came, "delta = jnp.zeros_like(book)", _where(law, "settle"))
    other = law.settle(memory, happened, outcome.pay + 1.0 + jnp.arange(n, dtype=jnp.float32), key)
    if not law.reads_pay and not np.allclose(settled.delta, other.delta, equal_nan=True):
        came = "settle depends on the running payoff, and reads_pay is False"
        yield Fault("it says what it reads", came, "reads_pay: ClassVar[bool] = True", type(law).__name__)
    yield from _budget_faults(law, society)


def _budget_faults(law: Institution, society: Governed) -> Iterator[Fault]:
    total = run(Society(society, Anyone()), 8).book.get(law.name, np.zeros((1, 1, 1))).sum(axis=-1)
    if not np.isfinite(total).all():
        came = f"its deltas become {total[~np.isfinite(total)][0]} in a run of random acts"
        yield Fault(
            "deltas are finite", came, "guard the division: jnp.maximum(total, 1e-6)", _where(law, "settle")
        )
        return
    sums = {"balanced": np.abs(total), "burning": total, "minting": -total, "free": np.zeros(1)}
    if law.budget not in sums:
        yield Fault("its budget is declared", f"budget is {law.budget!r}", f"budget = one of {sorted(sums)}")
    elif sums[law.budget].max() > 1e-3 * (1.0 + np.abs(total).max()):
        most = total.flat[np.abs(total).argmax()]
        came = f"its deltas sum to {most:g} in a tick, though budget={law.budget!r}"
        truth = "burning" if (total < 1e-3).all() else "minting" if (total > -1e-3).all() else "free"
        yield Fault("the budget holds", came, f"budget: ClassVar[Budget] = {truth!r}", _where(law, "settle"))


# ------------------------------------------------------------------------------ minds and measures


def _mind_faults(mind: Mind, scenario: Scenario) -> Iterator[Fault]:
    yield from _number_faults(mind)
    governed, key = under(scenario), seeded(0)
    ready = mind.prepare(governed, 0, key)
    sight = governed.observe(governed.init(key))
    full = sight.tell(felt=jnp.zeros(scenario.n_agents), seat=jnp.arange(scenario.n_agents, dtype=jnp.int32))
    row = jax.tree.map(lambda x: x[0], full)
    memory = ready.init(jnp.int32(0), key)
    later, _ = ready.act(memory, row, governed.channels(), key)
    yield from _repeat_faults(mind, "act", lambda: ready.act(memory, row, governed.channels(), key))
    yield from _drift_faults(mind, "act", "memory", memory, later)
    yield from _engine_faults(Society(governed, mind))


def _measure_faults(measure: Measure) -> Iterator[Fault]:
    if not measure.text or not measure.cites.strip():
        came = f"docstring {measure.text[:30]!r}, cites {measure.cites!r}"
        yield Fault("it says what it is", came, "@cw.measure(..., cites='Author year') over a docstring")
    trace = run(Society(Probe(), Anyone()), 4)
    try:
        values = measure(trace)
    except NA:
        return
    if values.shape[:1] != (4,) or values.ndim > 2:
        came = f"it gives shape {values.shape} for 4 worlds; wanted (4,) or (4, columns)"
        yield Fault("one number a world", came, "sum over axes 1 and 2, never over axis 0")
        return
    yield from (Fault(*breach) for breach in breaches(measure, trace))


# ----------------------------------------------------------------------------------------- shared


def _some_acts(scenario: Scenario, sight: Sight, key: Any) -> Actions:
    channels = scenario.channels()
    legal = legal_acts(channels, sight, scenario.n_agents)
    return {name: channel.sample(key, legal[name]) for name, channel in channels.items()}


def _equal(first: Any, second: Any) -> bool:
    """Bit for bit, NaN being equal to NaN."""
    if jax.tree.structure(first) != jax.tree.structure(second):
        return False
    pairs = zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True)
    return all(np.array_equal(a, b, equal_nan=_real(a)) for a, b in pairs)


def _real(x: Any) -> bool:
    return jnp.issubdtype(jnp.asarray(x).dtype, jnp.floating)


def _repeat_faults(thing: Any, method: str, call: Callable[[], Any]) -> Iterator[Fault]:
    """Two calls with one key must agree, bit for bit."""
    first, second = call(), call()
    if not _equal(first, second):
        came = f"two calls of {method} with one key differ: something draws outside the key"
        mend = "draw from the key that is passed in: jax.random.normal(key, shape)"
        yield Fault("all luck is keyed", came, mend, _hidden(thing) or _where(thing, method))


def _drift_faults(thing: Any, method: str, what: str, before: Any, after: Any) -> Iterator[Fault]:
    """What a hook returns must have the structure, shapes and dtypes of what it was given."""
    if jax.tree.structure(before) != jax.tree.structure(after):
        came = f"{what} changes its structure: {jax.tree.structure(before)} to {jax.tree.structure(after)}"
        yield Fault(
            "structures are stable",
            came,
            f"return the same class of {what} from {method}",
            _where(thing, method),
        )
        return
    old = jax.tree_util.tree_leaves_with_path(before)
    for (path, x), y in zip(old, jax.tree.leaves(after), strict=True):
        name = what + jax.tree_util.keystr(path)
        x, y = jnp.asarray(x), jnp.asarray(y)
        if x.shape != y.shape:
            came = f"{name} has shape {x.shape} before {method} and {y.shape} after"
            yield Fault(
                "shapes are stable", came, f"{name} = jnp.reshape({name}, {x.shape})", _where(thing, method)
            )
        elif x.dtype != y.dtype:
            came = f"{name} is {x.dtype} before {method} and {y.dtype} after"
            leaf = name.rsplit(".", 1)[-1]
            yield Fault(
                "dtypes are stable", came, f"{leaf}={leaf}.astype(jnp.{x.dtype})", _where(thing, method)
            )


def _where(thing: Any, method: str) -> str:
    try:
        lines, start = inspect.getsourcelines(getattr(type(thing), method))
        return f"{inspect.getsourcefile(type(thing))}:{start}".rsplit("/", 1)[-1] + f" {lines[0].strip()}"
    except (OSError, TypeError, AttributeError):
        return f"{type(thing).__name__}.{method}"


def _hidden(thing: Any) -> str:
    """The first call in the component's methods that draws outside the key, as `file:line text`."""
    for method in filter(
        inspect.isfunction, map(inspect.unwrap, filter(callable, vars(type(thing)).values()))
    ):
        try:
            lines, start = inspect.getsourcelines(method)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):
            continue
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and re.match(HIDDEN, ast.unparse(call.func)):
                file = method.__code__.co_filename.rsplit("/", 1)[-1]
                return f"{file}:{start + call.lineno - 1} {lines[call.lineno - 1].strip()}"
    return ""
