"""What no measure may depend on, as changes of a trace that must leave its numbers as they were.

A measure that reads who somebody is (the name of a model, the number of a seat), the unit in which a
utility is written, or a world that does not count, measures something else than what happened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._card import Stakeholder
from .._channel import Target
from .._describe import rebuild
from .._measure import NA, Measure, summarize
from .._stored import steady
from .._trace import Trace

SHUT = "the provider died"


class Breach(NamedTuple):
    """A law that a measure breaks: which, the numbers before and after, and what to do."""

    law: str
    came: str
    mend: str


def breaches(measure: Measure, trace: Trace, *, numbered: bool = False) -> Iterator[Breach]:
    """The laws that the measure breaks on this trace; none where it is NA.

    `numbered` says that the measure means certain agents by their numbers, in its arguments.
    """
    try:
        before = measure(trace)
    except NA:
        return
    n = trace.shape[2]
    order = np.roll(np.arange(n), 1)
    tried: list[tuple[str, Callable[[Trace], Trace], str]] = [
        ("names are not behavior", renamed, "read acts, events and books, never labels, names or titles"),
        ("the scale of a utility is nobody's merit", rescaled, "divide by the stakeholder's range"),
        ("who has no weight has no say", crowded, "weigh stakeholders by card.stakeholders[k].weight"),
    ]
    if not numbered:
        tried.append(("seats are interchangeable", lambda t: reseated(t, order), "name no agent by number"))
    for law, change, mend in tried:
        try:
            after = _value(measure, change(trace))
        except Exception as error:  # noqa: BLE001  (whatever it raises)
            came = steady(f"it raised {type(error).__name__}: {error}")
            yield Breach(law, came, "raise cw.NA('why') where something is missing, such as a recipe")
            continue
        if after is None:
            continue  # it runs the recipe again, which says the old
        wanted = before
        if law == "seats are interchangeable" and measure.per == "agent":
            wanted = before[:, order]
        if measure.per == "stakeholder" and before.ndim == 2:
            after = after[:, : before.shape[1]]
        if not _same(wanted, after):
            yield Breach(law, f"{_shown(wanted)} became {_shown(after)}", mend)
    yield from _dead(measure, trace, before)


def _dead(measure: Measure, trace: Trace, before: np.ndarray) -> Iterator[Breach]:
    """A world whose provider died changes no other world's number, and enters no mean."""
    if len(trace.seeds) < 2:
        return
    law, mend = "worlds are independent", "use no statistic over axis 0"
    after = _value(measure, trace.worlds(slice(1, None)))
    if after is not None and not _same(before[1:], after):
        yield Breach(law, f"{_shown(before[1:])} became {_shown(after)}", mend)
    columns = before[1:].reshape(len(before) - 1, -1).T
    for one, column in zip(summarize(measure, broken(trace, 0)), columns, strict=True):
        known = column[~np.isnan(column)]
        if one.n != len(known) or one.n and not np.isclose(one.value, known.mean(), rtol=1e-4, atol=1e-5):
            yield Breach(law, f"the mean of {_shown(known)} became {one}", mend)


def _value(measure: Measure, trace: Trace) -> np.ndarray | None:
    """The numbers; None where the recipe would have to be run again."""
    try:
        return measure(trace)
    except NA as reason:
        return np.full(1, np.nan) if "recipe" not in str(reason) else None
    except ValueError as error:
        if "the recipe names" in str(error):
            return None
        raise


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-5, equal_nan=True)


def _shown(x: np.ndarray | None) -> str:
    return "no number" if x is None else np.array2string(np.ravel(x)[:6], precision=4, separator=", ")


def renamed(trace: Trace) -> Trace:
    """The same behavior under other names: labels, title, the minds of the recipe."""
    card = replace(trace.card, title="Some", citation="somebody")
    labels = {name: x[:, ::-1] for name, x in trace.labels.items()}
    labels["model"] = np.full((len(trace.seeds), trace.shape[2]), "somebody/else")
    return replace(trace, card=card, labels=labels, recipe=_anonymous(trace.recipe))


def _anonymous(recipe: dict[str, Any]) -> dict[str, Any]:
    if "society" not in recipe:
        return recipe
    fields = recipe["society"]["fields"]
    nobody = {"tuple": [{"class": "nobody:Nobody", "fields": {}}]}
    return recipe | {"society": recipe["society"] | {"fields": fields | {"minds": nobody}}}


def rescaled(trace: Trace) -> Trace:
    """Every stakeholder's utility in another unit: k + 2 times as much and 5 more, its range with it."""
    people = []
    utility = np.array(trace.utility, dtype=float)
    first = np.argmax(trace.alive, axis=1)
    for k, one in enumerate(trace.card.stakeholders):
        low, high = (None if x is None else x * (k + 2) + 5 for x in (one.low, one.high))
        people.append(replace(one, low=low, high=high))
        utility[..., k] *= k + 2
        utility[np.arange(len(first)), first, k] += 5
    card = replace(trace.card, stakeholders=tuple(people))
    return replace(trace, utility=utility, card=card, recipe={})  # which would make the old unit again


def crowded(trace: Trace) -> Trace:
    """With one more stakeholder, of weight 0, whom everybody represents."""
    card = trace.card
    more = Stakeholder("dummy", 0.0, 1.0, weight=0.0)
    who = np.column_stack([card.represents, np.ones(card.n_agents)])
    utility = np.concatenate([trace.utility, np.zeros((*trace.utility.shape[:2], 1))], axis=2)
    card = replace(card, stakeholders=(*card.stakeholders, more), represents=who)
    return replace(trace, card=card, utility=utility)


def reseated(trace: Trace, order: Sequence[int] | np.ndarray) -> Trace:
    """The same behavior with agent `order[i]` in seat i; acts that name agents name the new seats."""
    order = np.asarray(order)
    back = np.append(np.argsort(order), len(order))  # old number -> new number, nobody last
    named = _targets(trace)

    def seats(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: x[:, :, order] for name, x in table.items()}

    def acts(table: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {k: back[x.astype(int)].astype(x.dtype) if k in named else x for k, x in seats(table).items()}

    odds = seats(trace.odds)
    wider = np.append(order, len(order))
    odds = {k: x[..., wider] if k in named else x for k, x in odds.items()}
    number = pl.col("agent").replace_strict(dict(enumerate(back[:-1].tolist())), return_dtype=pl.Int64)
    return replace(
        trace,
        intent=acts(trace.intent),
        act=acts(trace.act),
        odds=odds,
        book=seats(trace.book),
        events=seats(trace.events),
        harm=trace.harm[:, :, order],
        felt=None if trace.felt is None else trace.felt[:, :, order],
        refused=None if trace.refused is None else trace.refused[:, :, order],
        labels={name: x[:, order] for name, x in trace.labels.items()},
        messages=trace.messages.with_columns(agent=number),
        card=replace(trace.card, represents=trace.card.represents[order]),
        recipe={},  # luck is drawn by seat
    )


def _targets(trace: Trace) -> set[str]:
    """The channels whose acts are agents."""
    if "society" not in trace.recipe:
        return set()
    channels = rebuild(trace.recipe["society"]["fields"]["scenario"]).channels()
    return {name for name, channel in channels.items() if isinstance(channel, Target)}


def broken(trace: Trace, world: int) -> Trace:
    """As if the provider had died in one world: what stands there is rubbish."""

    def rubbish(x: Any) -> Any:
        if isinstance(x, dict):
            return {name: rubbish(one) for name, one in x.items()}
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            return x
        x = np.array(x)
        x[world] = 1e6
        return x

    columns = ("act", "intent", "book", "utility", "objective", "harm", "events", "odds")
    parts = {name: rubbish(getattr(trace, name)) for name in columns}
    invalid = tuple(SHUT if w == world else why for w, why in enumerate(trace.invalid))
    return replace(trace, **parts, invalid=invalid)
