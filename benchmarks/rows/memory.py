"""Peak memory against worlds, with traces kept, streamed to disk, and only summarized."""

from harness import Absent, Crew, Setup, number, ours

TITLE = "Memory"
GAME = {"agents": 5, "ticks": 12, "takes": [12.0, 12.0, 10.0, 10.0, 10.0], "laws": 2}
WAYS = {"kept": "full", "streamed to disk": "streamed", "summarized": "measured"}


def peak(work: str, worlds: int, setup: Setup) -> float:
    """Peak resident megabytes of a fresh process that does this."""
    crew = Crew(ours(work, "commons.py", work, GAME | {"worlds": worlds}), setup)
    try:
        return crew.play(0.0)[1]
    finally:
        crew.stop()


def lines(setup: Setup) -> list[str]:
    """One process a figure."""
    sizes = setup.size((1024, 16_384, 131_072), (64,))
    text = [
        "The commons with five agents, 12 ticks and two institutions; peak resident megabytes of a fresh "
        "process, JAX included. Streaming and summarizing take 4,096 worlds at a time.",
        "",
        f"| traces | {' | '.join(f'{n:,} worlds' for n in sizes)} |",
        f"|---|{'---|' * len(sizes)}",
    ]
    for name, work in WAYS.items():
        try:
            found = [number(peak(work, worlds, setup)) for worlds in sizes]
        except Absent as why:
            found = [f"absent: {why}"] + [""] * (len(sizes) - 1)
        text.append(f"| {name} | {' | '.join(found)} |")
    return text
