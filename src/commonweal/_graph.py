"""Who is next to whom, and who meets whom: graphs as arrays of weights, random pairings."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from ._param import _real


def adjacency(graph: Any) -> Any:
    """Float32[n, n] of weights, 0 or more, from a networkx graph (its `weight`) or an array; None stays.

    A directed edge goes from row to column. Nodes are numbered in the graph's own order.

    Raises:
        ValueError: not square, a negative weight, or an agent next to nobody.
    """
    if graph is None:
        return None
    if hasattr(graph, "adjacency"):
        import networkx

        graph = networkx.to_numpy_array(graph)
    weights = _real(graph)
    if not isinstance(np.shape(weights), tuple) or len(np.shape(weights)) != 2 or len(set(weights.shape)) > 1:
        raise ValueError(
            f"a graph came in shape {np.shape(weights)}; wanted a networkx graph or a square array of "
            "weights: networkx.circulant_graph(50, [1, 2])"
        )
    known = np.asarray(weights)
    if not (known >= 0.0).all() or not known.sum(axis=1).all():
        lonely = np.flatnonzero(known.sum(axis=1) == 0.0).tolist()
        raise ValueError(
            f"a graph came with weights down to {known.min():g} and agents next to nobody: {lonely}; wanted "
            "weights of 0 or more and a neighbor for everyone: networkx.circulant_graph(50, [1, 2])"
        )
    return weights


def pairing(key: PRNGKeyArray, n: int) -> Int[Array, " n"]:
    """Everybody's partner in a random pairing of n; with an odd number, one meets only itself."""
    half, line = n // 2, jnp.argsort(jax.random.uniform(key, (n,)))
    other = jnp.concatenate([line[half : 2 * half], line[:half], line[2 * half :]])
    return jnp.zeros_like(line).at[line].set(other)
