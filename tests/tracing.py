"""A trace made by hand from arrays, for tests of whatever reads traces."""

import numpy as np

from commonweal._card import Card, Unknown, one_each
from commonweal._trace import Trace


def make_card(stakeholders=None, represents=None, *, n=2, oracle=None, values=(), rights_rate=0.05):
    """A card for n agents; without stakeholders each agent has its own, with utilities in 0..1."""
    if stakeholders is None:
        stakeholders, represents = one_each([f"s{i}" for i in range(n)], low=0.0, high=1.0)
    return Card(
        title="by hand",
        citation="none",
        setting="mixed",
        objective="total pay",
        stakeholders=tuple(stakeholders),
        represents=np.eye(len(stakeholders)) if represents is None else represents,
        oracle=oracle or Unknown("made by hand"),
        values=tuple(values),
        rights_rate=rights_rate,
    )


def make_trace(
    pay,
    *,
    utility=None,
    harm=None,
    events=None,
    card=None,
    objective=None,
    alive=None,
    book=None,
    **rest,
):
    """A trace from pay [W, T, n].

    utility [W, T, k] is the pay where every agent has a stakeholder, else 0; objective [W, T] is
    the sum of pay; harm [W, T, n, v] and events are none; every tick is alive. `book` holds rows
    besides `pay`; `rest` goes to `Trace` (seeds, invalid, labels, ...).
    """
    pay = np.asarray(pay, dtype=float)
    w, t, n = pay.shape
    card = card or make_card(n=n)
    k = len(card.stakeholders)
    if utility is None:
        utility = pay if k == n else np.zeros((w, t, k))
    if harm is None:
        harm = np.zeros((w, t, n, len(card.values)))
    return Trace(
        seeds=np.asarray(rest.pop("seeds", np.arange(w))),
        card=card,
        book={"pay": pay} | {name: np.asarray(x, dtype=float) for name, x in (book or {}).items()},
        utility=np.asarray(utility, dtype=float),
        objective=pay.sum(axis=2) if objective is None else np.asarray(objective, dtype=float),
        harm=np.asarray(harm, dtype=float),
        alive=np.ones((w, t), dtype=bool) if alive is None else np.asarray(alive, dtype=bool),
        events={name: np.asarray(x, dtype=float) for name, x in (events or {}).items()},
        **rest,
    )


def totals(*worlds):
    """Pay [W, 1, n] of worlds that last one tick."""
    return np.asarray(worlds, dtype=float)[:, None, :]
