"""What both kinds of market share: their two benchmarks, their card, the order in which firms are told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._bounds import refusal
from ..._card import Card, Oracle, Stakeholder, Unknown, Value

Numbers = float | Sequence[float]
FAIR = "customers are not exploited"


class Benchmark(NamedTuple):
    """The two points between which a market lies: decisions, each firm's profit, customers' surplus."""

    nash: np.ndarray
    monopoly: np.ndarray
    nash_profits: np.ndarray
    monopoly_profits: np.ndarray
    nash_surplus: float
    monopoly_surplus: float


def refuse_shape(owner: str, name: str, value: Any, *shape: int) -> None:
    """Raise ValueError unless a value is a number, or an array that broadcasts to the shape."""
    try:
        np.broadcast_to(np.asarray(value, dtype=float), shape)
    except (TypeError, ValueError):
        wanted = f"one number or an array that fits the shape {shape}"
        raise ValueError(refusal(owner, name, value, wanted, 1.0)) from None


def order(n: int) -> np.ndarray:
    """Int[n, n]: for each firm all firms, itself first and then round the table."""
    return (np.arange(n)[:, None] + np.arange(n)[None, :]) % n


def market_card(title: str, citation: str, horizon: int, ranges: np.ndarray, mark: Benchmark) -> Card:
    """The card of a market. `ranges[n + 1, 2]`: least and most in a tick, the firms', the customers'."""
    n = len(ranges) - 1
    low, high = horizon * ranges.T
    names = [*(f"firm {i}" for i in range(n)), "customers"]
    nash, monopoly = (horizon * x.sum() for x in (mark.nash_profits, mark.monopoly_profits))
    known = Unknown("a cartel would earn no more than competitors do")
    if monopoly > nash:
        known = Oracle(monopoly, nash, "bound", nash=nash, cooperative=monopoly)
    return Card(
        title=title,
        citation=citation,
        setting="competitive",
        objective="profits of the industry",
        stakeholders=tuple(
            Stakeholder(name, a, b, third_party=name == "customers")
            for name, a, b in zip(names, low, high, strict=True)
        ),
        represents=np.eye(n, n + 1),
        values=(Value(FAIR, least=0.0, worst=float(horizon * n), right=True),),
        oracle=known,
    )
