"""The commons against NumPy, traces kept or only measured, by number of institutions."""

from harness import Goal, Setup, Side, Unit, compare, duel, heading, numpy, ours

TITLE = "The commons, scripted agents"
UNIT = Unit("million env-steps/s", 1e6)
GAME = {"agents": 5, "ticks": 12, "takes": [12.0, 12.0, 10.0, 10.0, 10.0]}
CHUNK = 16_384  # worlds in one call where only measures are kept
SAME = {"net": 1e-4, "survival": 1e-6}


def _sides(setup: Setup, work: str, sizes: dict, keep: bool) -> list[Side]:
    mine = sizes if keep else sizes | {"chunk": CHUNK}
    every = ours("commonweal", "commons.py", work, mine, workers=setup.workers)
    one = ours("commonweal, one core", "commons.py", work, mine, packages=())
    return [every, one, numpy("commons.py", "numpy", sizes | {"keep": keep}, "NumPy, one core")]


def lines(setup: Setup) -> list[str]:
    """Full traces under none, one and two institutions; then measures only."""
    worlds = setup.size(65_536, 256)
    text = [
        f"Five agents, 12 ticks, {worlds:,} worlds; {setup.workers} worker(s) of one thread. The NumPy rival "
        "is vectorized over worlds and keeps the same columns. The result is what the agents earned and "
        "how long the pool lasted.",
        "",
        *heading(UNIT.text),
    ]
    for laws in setup.size((0, 1, 2), (1,)):
        sizes = GAME | {"worlds": worlds, "laws": laws}
        what = f"full trace, {laws} institution{'' if laws == 1 else 's'}"
        goals = {"commonweal": Goal(4)} if laws == 0 else {}
        text += compare(what, UNIT, duel(_sides(setup, "full", sizes, True), setup), goals, SAME)
    sizes = GAME | {"worlds": worlds, "laws": 0}
    results = duel(_sides(setup, "measured", sizes, False), setup)
    return text + compare("measures only", UNIT, results, {"commonweal": Goal(8)}, SAME)
