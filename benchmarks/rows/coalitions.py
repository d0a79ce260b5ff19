"""A Shapley table of coalitions played with stand-ins, against plain simulation of as many worlds."""

from harness import Goal, Setup, Unit, compare, duel, heading, ours

TITLE = "Coalitions"
UNIT = Unit("million agent-steps/s", 1e6)


def lines(setup: Setup) -> list[str]:
    """Four agents, sixteen coalitions: what a table costs beside simulating the same society as often."""
    sizes = {"worlds": setup.size(256, 4), "ticks": setup.size(100, 5)}
    sides = [
        ours("Shapley table", "coalitions.py", "table", sizes),
        ours("plain simulation", "coalitions.py", "plain", sizes),
    ]
    text = [
        f"Four fishers, sixteen coalitions x {sizes['worlds']} worlds x {sizes['ticks']} ticks, one core "
        "a side. The table is `commonweal.accounts.coalitions` with its measure and its Shapley values; "
        "beside it as many worlds by `cw.run` alone.",
        "",
        *heading(UNIT.text),
    ]
    return text + compare("16 coalitions", UNIT, duel(sides, setup), {"plain simulation": Goal(0.5)})
