"""How much agents cooperate, what they have together, and who lives at whose expense."""

import numpy as np

from .._measure import NA, measure
from .._trace import Trace


@measure(
    unit="share of acts",
    better="higher",
    cites="Rapoport and Chammah 1965, Prisoner's Dilemma",
    undefined="no tick was played, or what counts as cooperation is not known in some decision",
)
def cooperation_rate(trace: Trace) -> np.ndarray:
    """How cooperative the acts were, on average.

    Mean over agents and played ticks of the event `cooperated`. Range 0 to 1, higher is better.
    Needs: `events["cooperated"]`. Bias: long worlds and their late ticks weigh no more than one
    world; what counts as cooperation is the scenario's own definition.
    """
    if "cooperated" not in trace.events:
        raise NA("the scenario exports no event 'cooperated'")
    if trace.alive.any() and np.isnan(trace.events["cooperated"][trace.alive]).all():
        raise NA(
            "no act is declared cooperative here: read_recordings(path, Columns(cooperative=('SHARE',)))"
        )
    acts = trace.alive.sum(axis=1) * trace.shape[2]
    total = (trace.events["cooperated"] * trace.alive[..., None]).sum(axis=(1, 2), dtype=float)
    return total / np.where(acts == 0, np.nan, acts)


@measure(unit="pay", better="higher", cites="Bentham 1789")
def welfare(trace: Trace) -> np.ndarray:
    """What all agents together were left with.

    Sum of net pay (material payoff and every institution's bookings) over agents and ticks.
    Range: the game's. Higher is better. Needs: the book.
    Bias: a minting institution raises it without making anything.
    """
    return trace.net.sum(axis=(1, 2), dtype=float)


@measure(unit="pay", better="neither", cites="Tennant, Hailes, Musolesi 2023, IJCAI", per="agent")
def exploitation(trace: Trace) -> np.ndarray:
    """How much more each agent got than the others did, one column per agent.

    Own net pay minus the mean of the others'. Range: the game's; sums to 0; above 0 the agent
    gained more than its company. Needs: the book, two agents or more.
    Bias: also positive for an agent with better luck or a better seat; swap seats to tell.
    """
    total = trace.net.sum(axis=1, dtype=float)
    n = total.shape[1]
    if n < 2:
        raise NA("one agent has nobody to be compared with")
    return total - (total.sum(axis=1, keepdims=True) - total) / (n - 1)
