"""Language minds against a server on the loopback, beside Inspect's bare `generate`."""

import math

from harness import Goal, Setup, duel, number, ours, spread

TITLE = "Language minds"
CASES = ((1, 1, 40), (8, 1, 20), (8, 8, 4), (8, 32, 2))  # agents, worlds, rounds
DELAYS = (0.05, 1.0)
SHARE = Goal(1.0, upward=False)
FLAT = Goal(1.2, upward=False)


def lines(setup: Setup) -> list[str]:
    """How near to the server's limit, and what a decision costs besides the call."""
    text = [
        "The commons in words against an OpenAI-compatible server in a process of its own, on the loopback, "
        "which waits before each reply; the same calls by Inspect's `Model.generate` alone, over the same "
        "transport, each wave awaited before the next. Ideal: calls in flight / wait. CPU: milliseconds of "
        "the caller's process for a call; our own share is the difference.",
        "",
        "| in flight | wait, s | ideal calls/s | ours, calls/s [least, most] | of the ideal | "
        "Inspect alone, calls/s | CPU ms, ours | Inspect alone | our own share | target | |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for delay in setup.size(DELAYS, DELAYS[:1]):
        for agents, worlds, rounds in setup.size(CASES, CASES[:2]):
            sizes = {"agents": agents, "worlds": worlds, "rounds": rounds if delay < 1 else 3, "delay": delay}
            sides = [
                ours("society", "speech.py", "society", sizes),
                ours("bare", "speech.py", "bare", sizes),
            ]
            text.append(_row(*duel(sides, setup, min(setup.rounds, 3)), agents * worlds, delay))
    rounds = setup.size(1000, 50)
    found = duel([ours("silent", "speech.py", "silent", {"rounds": rounds})], setup)[0]
    late, each = found.check.get("late / early", math.nan), found.check.get("cpu ms", math.nan)
    target, met = FLAT.judge(late)
    return [
        *text,
        "",
        f"Speakers that answer at once, {rounds:,} rounds: {number(each)} ms of CPU a decision; the last "
        f"tenth of the rounds takes {number(late)} times as long as the first (target {target}: {met}).",
    ]


def _row(society, bare, flight: int, delay: float) -> str:
    ideal = flight / delay
    if society.absent or bare.absent:
        return (
            f"| {flight} | {delay:g} | {number(ideal)} | absent: {society.absent or bare.absent} |"
            + "  |" * 7
        )
    cost, alone = society.check["cpu ms"], bare.check["cpu ms"]
    cells = [f"{flight}", f"{delay:g}", number(ideal), spread(society.rates), f"{society.rate / ideal:.0%}"]
    cells += [
        spread(bare.rates),
        number(cost),
        number(alone),
        number(cost - alone),
        *SHARE.judge(cost - alone),
    ]
    return "| " + " | ".join(cells) + " |"
