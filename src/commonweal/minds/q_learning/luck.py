"""How a tabular mind uses its key: the two 32-bit words of the key are its draws, with no more hashing.

The engine makes the key fresh for each tick and seat by a threefry hash (`owner_key`, `fold_in`), so
its words are uniform and independent. Word 0 decides whether to explore, word 1 what. A kernel
needs nothing but that hash to draw the very same luck.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt32

BITS = 24  # of word 0 make the uniform: as many as a float32 holds


def words(key: PRNGKeyArray) -> UInt32[Array, " 2"]:
    """The two words of a key."""
    return jax.random.key_data(key)


def uniform(word: UInt32[Array, "*s"]) -> Float[Array, "*s"]:
    """A number in [0, 1), exact in float32."""
    return (word >> (32 - BITS)).astype(jnp.float32) * jnp.float32(2.0**-BITS)


def below(word: UInt32[Array, "*s"], n: Int[Array, "*s"] | int) -> Int[Array, "*s"]:
    """A whole number from 0 to n - 1: the high half of word times n, for n up to 65,536."""
    n = jnp.asarray(n).astype(jnp.uint32)
    low = ((word & jnp.uint32(0xFFFF)) * n) >> 16
    return (((word >> 16) * n + low) >> 16).astype(jnp.int32)
