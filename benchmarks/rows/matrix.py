"""Repeated matrix games against Axelrod-Python, numba and NumPy."""

from harness import Goal, Setup, Unit, compare, duel, heading, numpy, ours, rival

TITLE = "Repeated matrix games"
UNIT = Unit("million turns/s", 1e6)
GOALS = {"commonweal": Goal(300), "Axelrod-Python": Goal(2000), "numba": Goal(0.6)}


def lines(setup: Setup) -> list[str]:
    """Twelve strategies against each other and themselves; few and many repetitions."""
    text = [
        "Twelve strategies, each against each and itself, 200 turns a match, one core a side. The result "
        "is the sum of the mean scores of the nine strategies that use no luck. Ours is `round_robin` after "
        "a first call, which keeps what came of matches that luck cannot touch: only those with luck are "
        "played, and counted. The rivals count all; Axelrod-Python plays those without luck once, the "
        "others play all.",
        "",
        *heading(UNIT.text),
    ]
    turns = setup.size(200, 20)
    for repetitions in setup.size((10, 1000), (2,)):
        sizes = {"repetitions": repetitions, "turns": turns}
        sides = [
            ours("commonweal", "matrix.py", "round_robin", sizes),
            rival("Axelrod-Python", "matrix.py", "axelrod", sizes, "axelrod"),
            rival("numba", "matrix.py", "numba", sizes, "numba"),
            numpy("matrix.py", "numpy", sizes),
        ]
        if repetitions > 10:
            sides.pop(1)  # minutes
        results = duel(sides, setup)
        text += compare(f"{78 * repetitions:,} matches", UNIT, results, GOALS, {"score": 1e-5})
    return text
