"""Who made it fail, and when: what guesses that read nothing score, so that a score means something.

A guess is right if it is the label, to the letter. Beside it stands what an evaluator that asks whether the
label is anywhere inside the guess would give it, as the published one does: "1" is inside "12".
Source: Zhang et al. 2025, Which agent causes task failures and when?, arXiv 2505.00212.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from .._measure import estimate
from .section import Line, Section

TITLE = "who made it fail, and when: guesses that read nothing"
NO_AGENT, NO_STEP = "no agent is labelled", "no step is labelled"


class Case(NamedTuple):
    """One labelled conversation: who spoke, in order; the label, None where it is not known."""

    speakers: list[str]
    agent: str | None
    step: int | None


class Guess(NamedTuple):
    """Equally likely guesses of the agent and of the step; None: no guess is made."""

    agents: Sequence[str] | None
    steps: Sequence[int] | None


def attribution(messages: pl.DataFrame, labels: pl.DataFrame) -> Section:
    """Exact and substring accuracy of guesses from the order of speaking alone, one case a conversation."""
    labelled = labels.filter(pl.col("agent").is_not_null() | pl.col("step").is_not_null())
    if labelled.is_empty():
        return Section(TITLE, why="no conversation says who made it fail (agent), or when (step)")
    spoken = dict(messages.group_by("conversation").agg("speaker").rows())
    cases = [Case(spoken.get(key, []), agent, step) for key, agent, step, _ in labelled.rows()]
    cases = [case for case in cases if case.speakers]
    lines = [_line(name, cases, guesses) for name, guesses in _guesses(cases)]
    silent = sum(case.agent is not None and case.agent not in case.speakers for case in cases)
    notes = (
        [f"{len(cases):,} of {len(spoken):,} conversations are labelled."] if len(cases) < len(spoken) else []
    )
    notes += [
        "'any speaker, any message' is the expectation of a uniform guess; the constant leaves its own out."
    ]
    notes += (
        [f"In {silent:,} of {len(cases):,} conversations the labelled agent never speaks."] if silent else []
    )
    notes.append(
        "'who speaks at the labelled step' is no guess but a bound for every method that blames a message."
    )
    return Section(TITLE, tuple(lines), notes=tuple(notes))


def _guesses(cases: list[Case]) -> Iterator[tuple[str, list[Guess]]]:
    """Each way of guessing, and its guess for every case."""
    whole = [case.speakers for case in cases]
    talk = [Counter(x).most_common(1)[0][0] for x in whole]  # of equals, who spoke first
    agents, steps = ([getattr(case, of) for case in cases] for of in ("agent", "step"))
    constant = zip(_others(agents), _others(steps), strict=True)
    yield "any speaker, any message", [Guess(sorted(set(x)), range(len(x))) for x in whole]
    yield "the first to speak", [Guess(x[:1], [0]) for x in whole]
    yield "the last to speak", [Guess(x[-1:], [len(x) - 1]) for x in whole]
    yield (
        "the most talkative, first message",
        [Guess([who], [x.index(who)]) for who, x in zip(talk, whole, strict=True)],
    )
    yield "the label most common elsewhere", [Guess(a, b) for a, b in constant]
    at = [None if case.step is None else case.speakers[case.step : case.step + 1] for case in cases]
    yield "who speaks at the labelled step", [Guess(x, None) for x in at]


def _others(labels: list[Any]) -> list[Any]:
    """For each case the most frequent label of all others, the smallest of equals; None if there is none."""
    count, found = Counter(label for label in labels if label is not None), []
    for label in labels:
        rest = count - Counter([label]) if label is not None else count
        best = max(rest.values(), default=0)
        found.append([min(x for x, n in rest.items() if n == best)] if best else None)
    return found


def _line(name: str, cases: list[Case], guesses: list[Guess]) -> Line:
    """Accuracy over cases, exact and by substring, of the agent and of the step."""
    figures = {}
    for of, why in (("agent", NO_AGENT), ("step", NO_STEP)):
        made = [getattr(guess, f"{of}s") for guess in guesses]
        if of == "step" and all(x is None for x in made):
            continue
        exact = np.full(len(cases), np.nan)
        within = exact.copy()
        for i, (case, some) in enumerate(zip(cases, made, strict=True)):
            label = getattr(case, of)
            if label is not None and some:
                exact[i] = np.mean([one == label for one in some])
                within[i] = np.mean([str(label) in str(one) for one in some])
        reason = why if all(getattr(case, of) is None for case in cases) else "no label, or no other to go by"
        figures |= {
            of: estimate(exact, reason, shares=True),
            f"{of}, by substring": estimate(within, reason, shares=True),
        }
    return Line(name, figures)
