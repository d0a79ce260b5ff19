"""Strict numerics in every test: no silent promotion of dtypes or ranks; one CPU thread each."""

import gc
import itertools
import os
from importlib import metadata
from pathlib import Path

# All of these are read when JAX is first imported, so they come before it.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("NPROC", "1")
# Tests compile much and run little: cheap code is several times faster to make. XLA ends a process that
# names an option it does not know, so the newer one is named only to the versions known to have it.
CHEAP = ["--xla_backend_optimization_level=0"]
if metadata.version("jaxlib").startswith("0.10."):
    CHEAP.append("--xla_cpu_use_fusion_emitters=false")
os.environ.setdefault("XLA_FLAGS", " ".join(CHEAP))
# What one worker or one run has compiled, the next need not.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "jax")
)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # noqa: E402
import pytest  # noqa: E402

# Tracing makes hundreds of thousands of small objects that live: looking for garbage in them is a tenth of
# the time.
gc.set_threshold(200_000, 50, 100)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def getkey():
    """A function that gives a fresh random key at each call, the same ones in every run."""
    count = iter(range(1_000_000))
    root = jax.random.key(0)
    return lambda: jax.random.fold_in(root, next(count))


@pytest.fixture(autouse=True)
def _few_programs(request, done=itertools.count(1)):  # noqa: B008  (one count for the whole worker)
    """Forget compiled programs now and then: each holds memory maps, of which a process has 65,530."""
    yield
    if next(done) % 25 == 0:
        jax.clear_caches()


@pytest.fixture
def call(capsys):
    """Call the command line: (exit code, stdout, stderr)."""
    from commonweal.cli import main

    def calling(*args):
        with pytest.raises(SystemExit) as end:
            main([str(arg) for arg in args])
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return calling
