"""One operation that was recorded twice counts once; a call beside its agent is put into it.

- Spans of one trace and one id are one span: what the copy that ended says, and where it is silent the other.
- A call inside a call is the same one where both say the same words (or the words of one are not recorded and
  both have as many tokens out), and neither model, agent nor times speak against it. An invoked agent
  inside itself is the same one where both are asked the same. Its second record is no message.
- A call that no agent is around is part of the invoked agent beside it: the only one of the same parent (or,
  like the call, of none that was recorded) that runs at that time, and that no call is part of.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from .conversation import Collector
from .operations import AGAIN, CALLS, INVOKE, UNKNOWN, Around, Key, Span, around, calling, parent

NEAR = 4  # operations between two records of one call, at most
SLACK = 1e-3  # seconds by which a call may stand out of the one around it


def once(spans: Sequence[Span], found: Collector) -> tuple[dict[Key, Span], list[str]]:
    """The operations by key, each once, and notes that count what was put together."""
    by_id = dict[Key, Span]()
    for one in spans:
        key = (one.trace, one.id)
        by_id[key] = _merged(by_id[key], one, found) if key in by_id else one
    for key, inner in by_id.items():
        outer = _wrapper(inner, by_id)
        if outer is not None:
            by_id[outer.trace, outer.id] = _filled(outer, by_id[key])
            by_id[key] = by_id[key]._replace(operation=AGAIN)
    moved, unclear = _into_agents(by_id)
    told = (
        (len(spans) - len(by_id), "spans are copies of others (same trace and id), and are read as one"),
        (moved, "model calls are part of no agent, and are read as those of the one that runs beside them"),
        (unclear, "model calls are part of no agent and run beside several; their speaker is their model"),
    )
    return by_id, [f"{n:,} {what}." for n, what in told if n]


def _merged(first: Span, second: Span, found: Collector) -> Span:
    """Two copies of one span as one."""
    if first.end is not None and second.end is None:
        first, second = second, first
    for what in ("said", "agent"):
        some = (getattr(first, what), getattr(second, what))
        if None not in some and some[0] != some[1]:
            found.doubt(f"{second.where}, {what}", f"{some[1]!r:.40}, but its copy at {first.where} differs")
    return _filled(second, first)


def _filled(one: Span, other: Span) -> Span:
    """A span, with what it does not say taken from its other record."""
    better = {key: value for key, value in other._asdict().items() if getattr(one, key) in (None, UNKNOWN)}
    return one._replace(**better, thoughts=max(one.thoughts, other.thoughts))


def _wrapper(inner: Span, by_id: Mapping[Key, Span]) -> Span | None:
    """The other record of this call or invoked agent that it is inside of, if there is one."""
    if inner.operation not in (*CALLS, INVOKE):
        return None
    at = parent(inner)
    for _ in range(NEAR):
        outer = by_id.get(at)
        if outer is None or outer is inner or "tool" in outer.operation:
            return None
        if outer.operation in (*CALLS, INVOKE):
            return outer if _same(outer, inner) else None
        at = parent(outer)
    return None


def _same(outer: Span, inner: Span) -> bool:
    """Whether two records, one inside the other, are of one operation."""
    starts, ends = (outer.start, inner.start), (inner.end, outer.end)
    if any(None not in pair and pair[0] > pair[1] + SLACK for pair in (starts, ends)):  # type: ignore[operator]
        return False
    if (outer.operation == INVOKE) != (inner.operation == INVOKE):
        return False
    if outer.operation == INVOKE:
        return None not in (outer.agent, outer.asked) and (outer.agent, outer.asked) == inner[7:11:3]
    agents, models = (outer.agent, inner.agent), (outer.model or "", inner.model or "")
    if (None not in agents and agents[0] != agents[1]) or not (
        models[0] in models[1] or models[1] in models[0]
    ):
        return False
    if outer.said and inner.said:
        return outer.said.strip() == inner.said.strip()
    return outer.tokens_out is not None and str(outer.tokens_out) == str(inner.tokens_out)


def _into_agents(by_id: dict[Key, Span]) -> tuple[int, int]:
    """Put calls that no agent is around into the one beside them; how many, and how many could not be."""
    known, full, beside = dict[Key, Around](), calling(by_id), defaultdict[Key, list[Span]](list)
    for key, one in by_id.items():
        if one.operation == INVOKE and one.agent and key not in full and None not in (one.start, one.end):
            beside[_under(one, by_id)].append(one)
    alone = [
        (key, one, beside[_under(one, by_id)])
        for key, one in by_id.items()
        if one.operation in CALLS and _under(one, by_id) in beside and around(one, by_id, known).agent is None
    ]
    moved = unclear = 0
    for key, one, some in alone:
        runs = [agent for agent in some if _during(one, agent)]
        if len(runs) == 1:
            by_id[key] = one._replace(parent=runs[0].id)
        moved, unclear = moved + (len(runs) == 1), unclear + (len(runs) > 1)
    return moved, unclear


def _under(one: Span, by_id: Mapping[Key, Span]) -> Key:
    """The operation that this is part of; whatever is part of none that was recorded stands side by side."""
    at = parent(one)
    return at if at in by_id else (one.trace, "")


def _during(one: Span, agent: Span) -> bool:
    """Whether an operation lies within the time of an agent."""
    times = (agent.start, one.start, one.end, agent.end)
    a, b, c, d = (float("nan") if x is None else x for x in times)
    return a - SLACK <= b and c <= d + SLACK
