"""The laws of institutions."""

import re
import sys
from collections.abc import Iterator

import jax.numpy as jnp
import numpy as np

from .._governed import Governed, Institution, Transition, under
from .._luck import seeded
from .._run import run
from .._scenario import Scenario, Sight, legal_acts
from .._society import Anyone, Society
from .fault import Fault, functions, of_class, where
from .hooks import Trial, drift_faults, equal, form_faults, name_faults, some_acts
from .scenarios import sight_faults
from .watch import Call

SOURCE = r"[12]\d\d\d|baseline|assumption|rule of thumb|[Ss]ource"
RULES = {"channels", "order", "view", "gate", "settle", "epoch"}  # the hooks that change anything


def institution_faults(law: Institution, scenario: Scenario, seen: list[Call]) -> Iterator[Fault]:
    """Every law of institutions, tried on the scenario, in the order in which to mend what it breaks."""
    kind = type(law)
    yield from form_faults(law)
    yield from _word_faults(law)
    if not any(name_faults(kind)) and all(
        getattr(kind, rule) is getattr(Institution, rule) for rule in RULES
    ):
        came = "it has no hook that changes anything"
        mend = "def settle(self, memory, transition, book, key):"
        yield Fault("a rule does something", came, mend, of_class(kind))
    trial, society, key = Trial(law, seen), under(scenario, law), seeded(0)
    n = society.n_agents
    memory = yield from trial("init", scenario, key)
    state = society.init(key)
    plain = scenario.observe(state.base)
    yield from trial("view", memory, Sight(plain.facts, legal_acts(society.channels(), plain, n)))
    sight = society.observe(state)
    yield from sight_faults(society, sight, where(law, "view", "return"))
    acts = some_acts(society, sight, key)
    once = yield from trial("gate", memory, state.base, acts, key)
    yield from drift_faults(law, "gate", "actions", acts, once)
    if not equal(once, law.gate(memory, state.base, once, key)):
        came = "applying the gate twice differs from applying it once"
        yield Fault("the gate is idempotent", came, "clip the act, do not scale it", where(law, "gate"))
    after, outcome = scenario.step(state.base, {c: once[c] for c in scenario.channels()}, key)
    happened = Transition(state.base, acts, once, after, outcome, jnp.int32(0), jnp.array(False))
    settled = yield from trial("settle", memory, happened, outcome.pay, key)
    yield from drift_faults(law, "settle", "memory", memory, settled.memory)
    delta = settled.delta
    if jnp.shape(delta) != (n,) or getattr(delta, "dtype", None) != jnp.float32:
        came = f"delta is {getattr(delta, 'dtype', type(delta).__name__)}{jnp.shape(delta)}"
        mend = "delta = jnp.zeros_like(book) + delta"
        line = where(law, "settle", "Settlement")
        yield Fault("a delta for every agent", f"{came}; wanted float32({n},)", mend, line)
    other = law.settle(memory, happened, outcome.pay + 1.0 + jnp.arange(n, dtype=jnp.float32), key)
    if not law.reads_pay and not np.allclose(delta, other.delta, equal_nan=True):
        came = "settle depends on the running payoff, and reads_pay is False"
        line = where(law, "settle", r"\bbook\b")
        yield Fault("it says what it reads", came, "reads_pay: ClassVar[bool] = True", line)
    if not trial.lucky:
        yield from _budget_faults(law, society)


def _word_faults(law: Institution) -> Iterator[Fault]:
    """It cites whom it is of, and what is told has words."""
    kind = type(law)
    own, file = kind.__doc__ or "", sys.modules.get(kind.__module__)
    said = own * (not own.startswith(f"{kind.__name__}(")) + (file.__doc__ or "" if file else "")
    if not re.search(SOURCE, said):
        came = "its docstring names no source"
        mend = '"""What it does, in one line. Source: Author year."""; or Source: an assumption'
        yield Fault("it cites", came, mend, of_class(kind))
    if law.told and not law.brief(0).strip() and "tell" not in functions(kind):
        came = "told is True, and neither brief nor tell has words: who plays by words never hears of it"
        mend = "def brief(self, agent): return f'...'; or told: bool = cw.count(False)"
        yield Fault("what is told has words", came, mend, of_class(kind, r"^\s*told\b|def brief"))


def _budget_faults(law: Institution, society: Governed) -> Iterator[Fault]:
    total = run(Society(society, Anyone()), 8).book.get(law.name, np.zeros((1, 1, 1))).sum(axis=-1)
    if not np.isfinite(total).all():
        came = f"its deltas become {total[~np.isfinite(total)][0]} in a run of random acts"
        mend, line = "guard the division: jnp.maximum(total, 1e-6)", where(law, "settle", "Settlement")
        yield Fault("deltas are finite", came, mend, line)
        return
    sums = {"balanced": np.abs(total), "burning": total, "minting": -total, "free": np.zeros(1)}
    line = of_class(type(law), r"^\s*budget\s*[:=]")
    if law.budget not in sums:
        mend = f"budget: ClassVar[str] = one of {sorted(sums)}"
        yield Fault("its budget is declared", f"budget is {law.budget!r}", mend, line)
    elif sums[law.budget].max() > 1e-3 * (1.0 + np.abs(total).max()):
        most = total.flat[np.abs(total).argmax()]
        came = f"its deltas sum to {most:g} in a tick, though budget={law.budget!r}"
        truth = "burning" if (total < 1e-3).all() else "minting" if (total > -1e-3).all() else "free"
        yield Fault("the budget holds", came, f"budget: ClassVar[str] = {truth!r}", line)
