"""The laws of minds."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

from .._governed import under
from .._luck import seeded
from .._mind import Mind
from .._run import run
from .._scenario import Scenario
from .._society import Society
from .fault import Fault, where
from .hooks import Trial, drift_faults, engine_faults, form_faults
from .watch import Call


def mind_faults(mind: Mind, scenario: Scenario, seen: list[Call]) -> Iterator[Fault]:
    """Every law of minds, tried in the first seat of the scenario, then in all."""
    yield from form_faults(mind)
    governed, key = under(scenario), seeded(0)
    ready = Society(governed, mind).prepare().minds[0] if mind.learns else mind.prepare(governed, 0, key)
    trial = Trial(ready, seen)
    sight = governed.observe(governed.init(key))
    full = sight.tell(felt=jnp.zeros(scenario.n_agents), seat=jnp.arange(scenario.n_agents, dtype=jnp.int32))
    row = jax.tree.map(lambda x: x[0], full)
    memory = yield from trial("init", jnp.int32(0), key)
    later, _ = yield from trial("act", memory, row, governed.channels(), key)
    yield from drift_faults(mind, "act", "memory", memory, later)
    if trial.lucky:
        return
    society = Society(governed, ready if mind.learns else mind)
    try:
        trace = run(society, 2, engine="graph")
    except ValueError as error:
        if " chose " not in str(error):
            raise
        mend = "jnp.minimum(act, sight.legal[name]); of options cw.Odds(p), of which a legal one is drawn"
        yield Fault("acts are legal", str(error), mend, where(mind, "act", "return"))
        return
    yield from engine_faults(trace, society)
