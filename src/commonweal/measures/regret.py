"""Regret: what an agent could have had by one fixed act, the others acting as they did."""

import numpy as np

from .._channel import Amount, Channel
from .._describe import rebuild
from .._measure import NA, measure
from .._run import run
from .._society import Silent, Society
from .._trace import Trace

GRID = 5  # how many amounts, from 0 to the most, stand for a channel of amounts


@measure(unit="payoff", better="lower", cites="Hannan 1957", per="agent")
def external_regret(trace: Trace) -> np.ndarray:
    """Best total net payoff of a fixed act on one channel, minus the agent's own: Float[W, n].

    max over channels c and acts a of sum_t r_i(a on c, all else as intended) - sum_t r_i. The world
    is run again for every alternative, all other intents forced to what they were, so later states
    follow from the change. Amounts are tried on a grid of five. Range: any; 0 for one who always
    played the best fixed act, negative for one who did better than any. Needs: a recipe whose
    scenario can be rebuilt. Bias: none, except the grid.
    """
    if "society" not in trace.recipe:
        raise NA("the trace has no recipe to run again (recordings have none)")
    scenario = rebuild(trace.recipe["society"]["fields"]["scenario"])
    society, seeds = Society(scenario, Silent()), [int(s) for s in trace.seeds]
    played = np.broadcast_to(trace.alive[:, :, None], trace.shape)  # past the end, the others are silent
    best = np.full((len(seeds), trace.shape[2]), -np.inf)
    for name, channel in scenario.channels().items():
        for act in [] if channel.lever else _acts(channel):
            for i in range(trace.shape[2]):
                forced = {c: (played, x) for c, x in trace.intent.items()}
                mask, changed = played.copy(), trace.intent[name].copy()
                mask[:, :, i], changed[:, :, i] = True, act
                again = run(society, seeds, do=forced | {name: (mask, changed)})
                best[:, i] = np.maximum(best[:, i], again.net[:, :, i].sum(axis=1))
    return best - trace.net.sum(axis=1)


def _acts(channel: Channel) -> np.ndarray:
    if isinstance(channel, Amount):
        return np.linspace(0.0, float(channel.high), GRID, dtype=np.float32)
    return np.arange(channel.everything(1).shape[1], dtype=np.int32)
