"""Every decision of an episode replaced by every alternative, against numba, NumPy and Python; an account."""

from harness import Goal, Setup, Unit, compare, duel, heading, numpy, ours, rival

TITLE = "Counterfactuals"
UNIT = Unit("thousand branches/s", 1e3)


def lines(setup: Setup) -> list[str]:
    """One episode of a hundred ticks: two thousand branches, all luck kept, everybody reacting."""
    ticks = setup.size(100, 10)
    sizes = {"ticks": ticks}
    sides = [
        ours("commonweal", "pool.py", "branches", sizes),
        rival("numba", "pool.py", "branches_numba", sizes, "numba"),
        numpy("pool.py", "branches_numpy", sizes),
        numpy("pool.py", "branches_python", sizes | {"every": 10}, "Python"),
    ]
    text = [
        f"Five agents, {ticks} ticks, four acts: {ticks * 20:,} branches, one core a side. Ours is "
        "`commonweal.accounts.alternatives`. The result is mean and spread over branches of what all earn.",
        "",
        *heading(UNIT.text),
    ]
    same = {"mean": 1e-5, "spread": 1e-4}
    text += compare(f"{ticks * 20:,} branches", UNIT, duel(sides, setup), {"commonweal": Goal(900)}, same)
    return [*text, "", *decisions(setup)]


def decisions(setup: Setup) -> list[str]:
    """One world of four agents and a hundred rounds: its sums, and its whole account for any measure."""
    ticks = setup.size(100, 10)
    sides = [
        ours("decisions", "decisions.py", "account", {"ticks": ticks}),
        ours("alternatives", "decisions.py", "sums", {"ticks": ticks}),
    ]
    text = [
        f"Four agents, {ticks} rounds, two acts: all {ticks * 4} single-decision counterfactuals of one "
        "world. `alternatives` sums what all earn, in one call; `decisions` keeps whole traces, takes any "
        "measure of them, and makes the table.",
        "",
        *heading(UNIT.text),
    ]
    return text + compare(f"{ticks * 4} branches", UNIT, duel(sides, setup), {}, {"mean": 1e-3})
