"""The commons through `cw.run`: traces kept, and streamed through measures chunk by chunk."""

import tempfile

import commonweal as cw
from commonweal.institutions import Audit, ProtectedQuota
from commonweal.measures.commons import survival_months
from commonweal.minds import Constant
from commonweal.scenarios import Commons


def _society(agents, ticks, takes, laws, cap, fine):
    game = Commons(n_agents=agents, horizon=ticks, capacity=20.0 * agents, assignment="proportional")
    rules = [ProtectedQuota("take", most=cap), Audit(probability=1.0, fine=fine)]
    rules += [Audit(probability=0.5, fine=fine, name=f"audit {i}") for i in range(3, laws + 1)]
    return cw.Society(cw.under(game, *rules[:laws]), [Constant(take=x) for x in takes])


def _names(worlds, part):
    share = worlds // part[1]
    return list(range(part[0] * share, (part[0] + 1) * share))


def full(worlds, agents, ticks, takes, laws=0, cap=10.0, fine=3.0, part=(0, 1)):
    """One call, the whole trace kept."""
    society, seeds = _society(agents, ticks, takes, laws, cap, fine), _names(worlds, part)

    def play():
        trace = cw.run(society, seeds)
        return {"net": float(trace.net.sum()) / len(seeds), "survival": float(survival_months(trace).mean())}

    return len(seeds) * ticks, play


def alike(worlds, agents, ticks, laws):
    """Agents who all ask for the same, never too much: `full` for any number of them."""
    return full(worlds, agents, ticks, [8.0] * agents, laws)


def streamed(worlds, agents, ticks, takes, laws=0, chunk=4096):
    """Chunk by chunk, each trace written to disk before the next is made."""
    society = _society(agents, ticks, takes, laws, 10.0, 3.0)

    def play():
        with tempfile.TemporaryDirectory() as folder:
            for first in range(0, worlds, chunk):
                seeds = range(first, min(first + chunk, worlds))
                cw.run(society, seeds).save(f"{folder}/{first}")
        return {}

    return worlds * ticks, play


def measured(worlds, agents, ticks, takes, laws=0, cap=10.0, fine=3.0, chunk=4096, part=(0, 1)):
    """Chunk by chunk: what each world earned and how long its pool lasted; the traces are dropped."""
    society, seeds = _society(agents, ticks, takes, laws, cap, fine), _names(worlds, part)

    def play():
        net = months = 0.0
        for first in range(0, len(seeds), chunk):
            trace = cw.run(society, seeds[first : first + chunk])
            net += float(trace.net.sum())
            months += float(survival_months(trace).sum())
        return {"net": net / len(seeds), "survival": months / len(seeds)}

    return len(seeds) * ticks, play
