"""Tabular policy gradients in a commons against numba and NumPy."""

from harness import Goal, Setup, Unit, compare, duel, heading, numpy, ours, rival

TITLE = "Learning: tabular policy gradients"
UNIT = Unit("million env-steps/s, learning included", 1e6)


def lines(setup: Setup) -> list[str]:
    """One size: a thousand worlds of a hundred ticks an update."""
    worlds, ticks, updates = setup.size((1000, 100, 20), (16, 10, 2))
    sizes = {"worlds": worlds, "ticks": ticks, "updates": updates}
    plain = sizes | {"rate": 0.5, "noise": 0.01}
    sides = [
        ours("commonweal", "pool.py", "gradient", sizes | {"rate": 0.02}),
        rival("numba", "pool.py", "gradient_numba", plain, "numba"),
        numpy("pool.py", "gradient_numpy", plain),
    ]
    text = [
        f"Five agents with tables of 32 rows and 4 acts draw on a pool; {worlds:,} worlds of {ticks} "
        "ticks an update, rewards to go less their mean over worlds, one core a side. Ours is "
        "`Learner(Reinforce(), Table(...))`, which steps with Adam, the rivals with plain ascent, so only "
        "what all earn before they learn is compared.",
        "",
        *heading(UNIT.text),
    ]
    what = f"{updates} updates"
    return text + compare(what, UNIT, duel(sides, setup), {"numba": Goal(0.8)}, {"before": 0.02})
