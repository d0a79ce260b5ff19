"""An outside library trains the agents of a commons, through the PettingZoo view.

    pip install "commonweal[rl]" cma
    python examples/outside_learner.py

CMA-ES (Hansen 2016, arXiv 1604.00772; the package `cma`, BSD 3-clause) evolves one policy for all seats:
the share of the most that an agent takes is a sigmoid of what it sees.
"""

import sys

import numpy as np

import commonweal as cw
from commonweal.institutions import PublicLedger
from commonweal.scenarios import Commons

try:
    import cma

    from commonweal.interop import parallel_env
except ImportError as missing:
    sys.exit(f"error: {missing}; wanted both libraries: pip install 'commonweal[rl]' cma")

scenario = cw.under(Commons(horizon=12), PublicLedger())
env = parallel_env(scenario)
space = env.action_space("agent_0")
SIZE = env.observation_space("agent_0").shape[0]


def mean_return(weights, worlds):
    """What an agent gets in a world, on average over agents and worlds."""
    total = 0.0
    for world in worlds:
        seen, _ = env.reset(seed=world)
        while env.agents:
            inputs = np.clip(np.stack([seen[agent] for agent in env.agents]) / 100.0, -1.0, 1.0)
            share = 1.0 / (1.0 + np.exp(-inputs @ weights[:-1] - weights[-1]))
            acts = {agent: space.high * x for agent, x in zip(env.agents, share, strict=True)}
            seen, pays, *_ = env.step(acts)
            total += sum(pays.values())
    return total / len(worlds) / scenario.n_agents


train, judge = range(4), range(1000, 1020)  # judged in worlds that it was not trained in
start = np.zeros(SIZE + 1)
search = cma.CMAEvolutionStrategy(start, 1.0, {"seed": 1, "maxiter": 100, "verbose": -9})
while not search.stop():
    tried = search.ask()
    search.tell(tried, [-mean_return(weights, train) for weights in tried])

print(f"before training: {mean_return(start, judge):6.1f} tonnes an agent and world")
print(f"after training:  {mean_return(search.result.xfavorite, judge):6.1f}")
print(f"the most there is: {scenario.card().oracle.best / scenario.n_agents:4.1f}")
