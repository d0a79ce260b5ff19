"""Language minds against a server on the loopback, beside Inspect's bare `generate`."""

import math

from harness import Goal, Setup, duel, number, ours

TITLE = "Language minds"
CASES = ((1, 1, 40), (8, 1, 20), (8, 8, 4), (8, 32, 2))  # agents, worlds, rounds
DELAYS = (0.05, 1.0)
SHARE = Goal(1.0, upward=False)
FLAT = Goal(1.2, upward=False)


def lines(setup: Setup) -> list[str]:
    """How near to the server's limit, and what a decision costs besides the call."""
    text = [
        "The commons in words against an OpenAI-compatible server in a process of its own, on the loopback, "
        "which waits before each reply; in turns with the same calls by Inspect's `Model.generate` alone, "
        "over the same transport and with the same settings, each wave awaited before the next. Ideal: calls "
        "in flight / wait. CPU: milliseconds of the caller's process for a call; our own share is the median "
        "difference of a pair, the garbage of before the first left out of it.",
        "",
        "| in flight | wait, s | ideal calls/s | ours, calls/s [least, most] | of the ideal | "
        "Inspect alone, calls/s | CPU ms, ours | Inspect alone | our own share | target | |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for delay in setup.size(DELAYS, DELAYS[:1]):
        for agents, worlds, rounds in setup.size(CASES, CASES[:2]):
            rounds = rounds if delay < 1 else max(3, 16 // agents // worlds)
            sizes = {"agents": agents, "worlds": worlds, "rounds": rounds, "delay": delay}
            sizes["pairs"] = setup.size(11 if delay < 1 else 5, 1)
            found = duel([ours("both", "speech.py", "both", sizes)], setup, 1)[0]
            text.append(_row(found, agents * worlds, delay))
    return [*text, "", *(_alone(scene, setup) for scene in ("commons", "earthquake"))]


def _alone(scene: str, setup: Setup) -> str:
    """What our own loop takes when nobody is waited for."""
    rounds = setup.size(1000, 80)
    found = duel([ours("silent", "speech.py", "silent", {"scene": scene, "rounds": rounds})], setup)[0]
    late, each = found.check.get("late / early", math.nan), found.check.get("cpu ms", math.nan)
    (target, met), (most, enough) = FLAT.judge(late), SHARE.judge(each)
    return (
        f"- Speakers that answer at once, the {scene}, {rounds:,} ticks: {number(each)} ms of CPU a decision "
        f"(target {most}: {enough}); the last tenth of the ticks takes {number(late)} times as long as the "
        f"first (target {target}: {met})."
    )


def _row(found, flight: int, delay: float) -> str:
    ideal, head = flight / delay, [f"{flight}", f"{delay:g}", number(flight / delay)]
    if found.absent:
        return f"| {' | '.join(head)} | absent: {found.absent} |" + "  |" * 7
    told = found.check
    rate, ends = told["calls/s"], f"[{number(told['least'])}, {number(told['most'])}]"
    cells = [*head, f"{number(rate)} {ends}", f"{rate / ideal:.0%}", number(told["calls/s alone"])]
    cells += [number(told[name]) for name in ("cpu ms", "cpu ms alone", "share")]
    cells += SHARE.judge(told["share"])
    return "| " + " | ".join(cells) + " |"
