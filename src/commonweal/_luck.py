"""Luck: keys with JAX's own bits, whose hash is written out straight.

JAX rolls the hash into a loop on a CPU, of which XLA compiles and runs every round as calls of their
own; straight, it takes a third to a half of the time, to compile and to run. On any backend a draw
with such a key equals, bit for bit, the draw with `jax.random.key(seed)`; only `jax.random.poisson`
insists on JAX's own kind: `jax.random.wrap_key_data(jax.random.key_data(key))` makes it, of equal bits.
Source of the hash: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3, SC11.
"""

import math
import operator
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.extend.random import define_prng_impl
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA

Pair = tuple[Array, Array]  # of words


@jax.jit  # traced once a shape
def threefry(key: Pair | UInt32[Array, " 2"], x: UInt32[Array, "*s"], y: UInt32[Array, "*s"]) -> Pair:
    """Two words for each pair of counters: threefry 2x32 with 20 rounds, under the two words of a key."""
    words = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x, y = x + words[0], y + words[1]
    for block in range(5):
        for left in ROTATIONS[block % 2]:
            x = x + y
            y = x ^ ((y << jnp.uint32(left)) | (y >> jnp.uint32(32 - left)))
        x = x + words[(block + 1) % 3]
        y = y + (words[(block + 2) % 3] + jnp.uint32(block + 1))
    return x, y


def hold(x: Array) -> Array:
    """The same array, computed once: XLA on a CPU computes a thing anew in all that reads it.

    A loop of one round, whose number of rounds is hidden while XLA simplifies, is what it does not open.
    """

    def held(x):
        rounds = jax.lax.optimization_barrier(jnp.int32(1))
        return jax.lax.fori_loop(0, rounds, lambda _, y: x, jnp.zeros_like(x))

    return jax.lax.platform_dependent(x, cpu=held, default=lambda x: x)


def by_rows(function: Callable[..., Array]) -> Callable[..., Array]:
    """The function of rows [B, ...] as one of a single row; all axes it is mapped over become rows.

    The rows are one long axis, which fills vector units; the last of many short ones would not. There is
    no gradient through it.
    """

    @jax.custom_batching.custom_vmap
    def rows(*given):
        return hold(function(*given))

    @rows.def_vmap
    def _(size, batched, *given):
        pairs = zip(given, batched, strict=True)
        first, *rest = (x if every else jnp.broadcast_to(x, (size, *x.shape)) for x, every in pairs)
        first = first if batched[0] else hold(first)
        each = first.shape[1]
        found = rows(*(x.reshape(size * each, *x.shape[2:]) for x in (first, *rest)))
        return found.reshape(size, each, *found.shape[1:]), True

    def one(*given):
        return rows(*(jax.lax.stop_gradient(x)[None] for x in given))[0]

    return one


def uniform(key: PRNGKeyArray, number: Int[Array, ""]) -> Float[Array, ""]:
    """`jax.random.uniform(jax.random.fold_in(key, number))`, without the key between."""

    def drawn(number, *words):
        zero = jnp.zeros_like(number)
        x, y = threefry(threefry(words, zero, number), zero, zero)
        fraction = ((x ^ y) >> jnp.uint32(9)) | jnp.uint32(0x3F800000)  # 23 bits of a float from 1 to 2
        return jax.lax.bitcast_convert_type(fraction, jnp.float32) - 1.0

    words = jax.random.key_data(key)
    return by_rows(drawn)(number.astype(jnp.uint32), words[0], words[1])


def _counters(shape: tuple[int, ...]) -> Pair:
    return jnp.zeros(shape, jnp.uint32), jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)


def _seed(seed: Array | int) -> UInt32[Array, " 2"]:
    return jnp.stack([jnp.uint32(0), jnp.asarray(seed).astype(jnp.uint32)])


def _fold_in(key: Array, number: Array | int) -> UInt32[Array, " 2"]:
    return hold(jnp.stack(threefry(key, *_seed(number))))


def _split(key: Array, shape: tuple[int, ...]) -> UInt32[Array, "*shape 2"]:
    return jnp.stack(threefry(key, *_counters(shape)), axis=-1)


def _bits(key: Array, width: int, shape: tuple[int, ...]) -> Array:
    words = hold(operator.xor(*threefry(key, *_counters(shape))))
    return words.astype({8: jnp.uint8, 16: jnp.uint16, 32: jnp.uint32}[width])


_STRAIGHT = define_prng_impl(
    key_shape=(2,), seed=_seed, split=_split, random_bits=_bits, fold_in=_fold_in, name="commonweal", tag="cw"
)


def refuse_wide() -> None:
    """Raise ValueError where JAX is set to 64 bits: the same seed would give other numbers there."""
    if jax.config.jax_enable_x64:  # type: ignore[attr-defined]
        raise ValueError(
            "JAX is set to 64 bits (JAX_ENABLE_X64=1, or jax_enable_x64 in the code); commonweal wants 32, "
            "in which a seed gives the same numbers everywhere: unset JAX_ENABLE_X64, or "
            "jax.config.update('jax_enable_x64', False)"
        )


def seeded(seed: Array | int) -> PRNGKeyArray:
    """The key of a seed."""
    refuse_wide()
    return jax.random.key(seed, impl=_STRAIGHT)


def as_key(words: UInt32[Array, "*s 2"]) -> PRNGKeyArray:
    """The key of these two words."""
    return jax.random.wrap_key_data(words, impl=_STRAIGHT)
