"""One step at a time from Python: PettingZoo."""


def pettingzoo(name, steps):
    """Random acts of everybody in a parallel environment, the observations read."""
    import importlib

    import numpy as np

    env = importlib.import_module(name).parallel_env()
    env.reset(seed=0)
    options = np.array([env.action_space(agent).n for agent in env.possible_agents])
    rng = np.random.default_rng(0)
    chosen = (rng.random((steps, len(options))) * options).astype(int)

    def play():
        for row in chosen:
            if not env.agents:
                env.reset()
            env.step(dict(zip(env.agents, row, strict=True)))
        return {}

    return steps, play
