"""Operations of agents, as spans record them, and what the tree that they form says of each.

An operation is known by its trace and its id, and is part of at most one other. Rings are survived.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

CALLS = ("chat", "generate_content", "text_completion")
INVOKE = "invoke_agent"
GRADERS = ("scorer", "scorers", "evaluator", "grader")
AGAIN = "second record of a call"
UNKNOWN = "(no operation)"
Key = tuple[str, str]  # of an operation: its trace and its id


class Span(NamedTuple):
    """One operation: `id` and the `parent` it is part of; `start`, `end` in seconds.

    `operation` is a model call (`chat`), `invoke_agent` or anything else; `asked` and `said` are its last
    input and its output as text; `home` is the agent that its process is, `thoughts` counts the parts of
    reasoning that `said` leaves out. None where it was not recorded.
    """

    where: str
    id: str
    parent: str | None
    trace: str
    operation: str
    start: float | None = None
    end: float | None = None
    agent: str | None = None
    conversation: str | None = None
    model: str | None = None
    asked: str | None = None
    said: str | None = None
    tokens_in: Any = None
    tokens_out: Any = None
    failed: bool | None = None
    home: str | None = None
    thoughts: int = 0


class Around(NamedTuple):
    """Of an operation and those that it is part of, the nearest `agent`, `conversation`, `home` and
    `invoked` agent, the nearest invoked agent `before` that of another name, and whether one is a grader."""

    agent: str | None = None
    conversation: str | None = None
    invoked: str | None = None
    before: str | None = None
    home: str | None = None
    grades: bool = False


def around(one: Span, by_id: Mapping[Key, Span], known: dict[Key, Around]) -> Around:
    """What is around an operation, itself included; `known` holds what was found before, and grows."""
    return _around(one, _above(one, by_id, known))


def _around(one: Span, above: Around) -> Around:
    """What is around an operation, from what is around the one that it is part of."""
    invoked, before = above.invoked, above.before
    if one.operation == INVOKE and one.agent and one.agent != invoked:
        invoked, before = one.agent, invoked
    moved = one.home if one.home != above.home else None  # the outermost of its process
    agent, talk = one.agent or moved or above.agent, one.conversation or above.conversation
    grades = above.grades or one.operation in GRADERS
    return Around(agent, talk, invoked, before, one.home or above.home, grades)


def _above(one: Span, by_id: Mapping[Key, Span], known: dict[Key, Around]) -> Around:
    """What is around the operation that this is part of; each is looked at once (twice in a ring)."""
    path, at = dict[Key, Span](), parent(one)
    while at in by_id and at not in known and at not in path:
        path[at] = by_id[at]
        at = parent(path[at])
    for _ in range(2 if at in path else 1):
        found = known.get(at, Around())
        for key, each in reversed(path.items()):
            found = known[key] = _around(each, found)
    return known.get(parent(one), Around())


def parent(one: Span) -> Key:
    """The key of the operation that this is part of."""
    return one.trace, one.parent or ""


def calling(by_id: Mapping[Key, Span]) -> set[Key]:
    """The operations that a model call is part of."""
    found = set[Key]()
    for one in by_id.values():
        at = parent(one)
        while one.operation in CALLS and at in by_id and at not in found:
            found.add(at)
            at = parent(by_id[at])
    return found
