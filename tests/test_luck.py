"""Keys whose hash is written straight: the bits of JAX's own keys, in whatever company."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from commonweal._channel import draw
from commonweal._luck import as_key, by_rows, hold, seeded, threefry, uniform

DRAWS = {
    "bits of 8": lambda key: jax.random.bits(key, (3, 5), jnp.uint8),
    "bits of 16": lambda key: jax.random.bits(key, (7,), jnp.uint16),
    "uniform": lambda key: jax.random.uniform(key, (3, 5)),
    "one uniform": jax.random.uniform,
    "normal": lambda key: jax.random.normal(key, (7,)),
    "whole numbers": lambda key: jax.random.randint(key, (7,), 0, 9),
    "permutation": lambda key: jax.random.permutation(key, 9),
    "folded in": lambda key: jax.random.uniform(jax.random.fold_in(key, 7)),
    "split": lambda key: jax.vmap(jax.random.uniform)(jax.random.split(key, 4)),
    "nothing": lambda key: jax.random.uniform(key, (0, 2)),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_every_draw_has_jaxs_own_bits(draw):
    for seed in (0, 5, 2**32 - 1):
        assert np.array_equal(draw(seeded(seed)), draw(jax.random.key(np.uint32(seed))))
    seeds = jnp.arange(6, dtype=jnp.uint32)
    mapped = jax.jit(jax.vmap(lambda seed: draw(seeded(seed))))(seeds)
    assert np.array_equal(mapped, np.stack([draw(jax.random.key(seed)) for seed in seeds]))


def test_the_hash_is_the_published_one():
    # the known answers of Random123 (Salmon et al. 2011), kat_vectors, threefry2x32 with 20 rounds
    zeros, ones = jnp.zeros(2, jnp.uint32), jnp.full(2, 0xFFFFFFFF, jnp.uint32)
    assert [int(x) for x in threefry(zeros, *zeros)] == [0x6B200159, 0x99BA4EFE]
    assert [int(x) for x in threefry(ones, *ones)] == [0x1CB996FC, 0xBB002BE7]
    words = jnp.array([3, 4], jnp.uint32)
    assert np.array_equal(jnp.stack(threefry(words, *ones)), threefry_2x32(words, ones))


def test_a_uniform_number_without_the_key_between():
    numbers = jnp.arange(5)
    wanted = jax.vmap(lambda i: jax.random.uniform(jax.random.fold_in(jax.random.key(3), i)))(numbers)
    assert np.array_equal(jax.vmap(lambda i: uniform(seeded(3), i))(numbers), wanted)


def test_a_key_of_words_is_the_key_that_has_them():
    key = jax.random.fold_in(seeded(3), 4)
    assert np.array_equal(jax.random.uniform(as_key(jax.random.key_data(key))), jax.random.uniform(key))


def test_what_is_held_is_the_same_in_any_company():
    x = jnp.arange(6.0).reshape(2, 3)
    assert np.array_equal(hold(x), x) and np.array_equal(jax.jit(jax.vmap(hold))(x), x)


@pytest.mark.slow
def test_rows_are_rows_however_they_are_mapped():
    weigh = by_rows(lambda u, w: u * w.sum(axis=-1))
    u, w = jnp.arange(12.0).reshape(2, 3, 2), jnp.arange(1.0, 25.0).reshape(2, 3, 2, 2)
    each = jax.vmap(jax.vmap(jax.vmap(weigh)))(u, w)
    assert np.array_equal(each, u * w.sum(axis=-1))
    assert np.array_equal(
        jax.vmap(jax.vmap(jax.vmap(weigh), (None, 0)), (0, None))(u[0], w[0]).shape, (3, 3, 2)
    )
    shared = jax.vmap(weigh, (None, 0))(jnp.float32(2.0), w[0, 0])
    assert np.array_equal(shared, 2.0 * w[0, 0].sum(axis=-1))


def test_a_draw_stops_no_gradient_beside_it():
    def earned(x):
        return x * x + weigh(x, jnp.ones(2))

    weigh = by_rows(lambda u, w: u * w.sum(axis=-1))
    assert jax.grad(earned)(jnp.float32(3.0)) == 6.0  # what is drawn has none


@pytest.mark.slow
def test_no_rows_are_no_rows():
    none = jax.vmap(lambda w: draw(seeded(0), w))(jnp.ones((0, 3)))
    assert none.shape == (0,) and jax.vmap(lambda w: draw(seeded(0), w))(jnp.ones((2, 0, 3))).shape == (2, 0)
