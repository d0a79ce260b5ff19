"""Independent PPO with shared parameters: JaxMARL's own baseline, from its source."""

import importlib.util
import sys
import types
from pathlib import Path
from unittest import mock

SETTINGS = {
    "LR": 2.5e-4,
    "UPDATE_EPOCHS": 4,
    "NUM_MINIBATCHES": 4,
    "GAMMA": 0.99,
    "GAE_LAMBDA": 0.95,
    "CLIP_EPS": 0.2,
    "ENT_COEF": 0.01,
    "VF_COEF": 0.5,
    "MAX_GRAD_NORM": 0.5,
    "ACTIVATION": "tanh",
    "ANNEAL_LR": False,
}


class Categorical:
    """The three methods of distrax's that the baseline uses (it does not import under every JAX)."""

    def __init__(self, logits):
        import jax

        self.log_odds = jax.nn.log_softmax(logits)

    def sample(self, seed):
        import jax

        return jax.random.categorical(seed, self.log_odds)

    def log_prob(self, value):
        import jax.numpy as jnp

        return jnp.take_along_axis(self.log_odds, value[..., None], axis=-1)[..., 0]

    def entropy(self):
        import jax.numpy as jnp

        return -(jnp.exp(self.log_odds) * self.log_odds).sum(axis=-1)


def jaxmarl(source, name, worlds, ticks, updates):
    """So many updates from a fresh network; what only logs and plots is left out."""
    import jax
    import jaxmarl  # noqa: F401  (before anything is left out)

    for missing in ("hydra", "omegaconf", "wandb"):
        sys.modules[missing] = mock.MagicMock()
    sys.modules["distrax"] = types.SimpleNamespace(Categorical=Categorical)
    file = Path(source) / "baselines" / "IPPO" / "ippo_ff_mpe.py"
    spec = importlib.util.spec_from_file_location("baseline", file)
    baseline = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(baseline)
    steps = worlds * ticks * updates
    settings = {"ENV_NAME": name, "ENV_KWARGS": {}, "NUM_ENVS": worlds, "NUM_STEPS": ticks}
    train = jax.jit(baseline.make_train(SETTINGS | settings | {"TOTAL_TIMESTEPS": steps}))

    def play():
        found = train(jax.random.PRNGKey(0))
        returns = jax.device_get(found["metrics"]["returned_episode_returns"])
        return {"return": float(returns[-1])}

    return steps, play
