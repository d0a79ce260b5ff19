"""Pricing by Q-learning, to convergence, against numba; the rate of a fixed number of periods."""

from harness import Goal, Setup, Unit, compare, duel, heading, numpy, ours, rival

TITLE = "Algorithmic pricing (Calvano et al. 2020)"
ROUNDS = 3  # a round takes half a minute


def lines(setup: Setup) -> list[str]:
    """Sessions to convergence, then periods a second."""
    sessions = setup.size(100, 2)
    ends = {
        "beta": setup.size(4e-6, 4e-4),
        "stable": setup.size(100_000, 5_000),
        "most": setup.size(10_000_000, 200_000),
    }
    unit = Unit("s", sessions, seconds=True)
    mine = ends | {"count": sessions}
    sides = [
        ours(
            "commonweal[fast]",
            "calvano.py",
            "converge",
            mine | {"engine": "kernel"},
            packages=("jax", "numba"),
        ),
        rival("numba", "calvano.py", "numba", ends | {"sessions": sessions}, "numba"),
        ours("commonweal, without numba", "calvano.py", "converge", mine),
    ]
    text = [
        f"Two learners, 15 prices, one period of memory, one core a side. {sessions} sessions, each until no "
        f"greedy price has changed for {ends['stable']:,} periods; medians of {ROUNDS} rounds. The result is "
        "the share of the collusive gain and the periods it took, which luck moves a little. "
        "`commonweal[fast]` plays the same sessions, bit for bit, in a kernel of numba.",
        "",
        *heading(f"{sessions} sessions, s"),
    ]
    results = duel(sides, setup, rounds=setup.size(ROUNDS, setup.rounds))
    alike = {"gain": 0.15, "periods": 0.15}
    text += compare("to convergence", unit, results, {"numba": Goal(0.5)}, alike)
    rate = Unit("million periods/s", 1e6)
    some = {"beta": 4e-6}
    short = setup.size(131_072, 512)
    sides = [
        ours("commonweal", "calvano.py", "periods", some | {"count": sessions, "most": short}),
        numpy("calvano.py", "numpy", some | {"sessions": sessions, "periods": short // 64}),
    ]
    text += ["", *heading(rate.text)]
    return text + compare(f"{short:,} periods each", rate, duel(sides, setup))
