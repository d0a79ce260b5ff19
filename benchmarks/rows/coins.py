"""Coins against JaxMARL and SocialJax."""

from harness import Goal, Setup, Unit, compare, duel, heading, ours, rival

TITLE = "Coins, random agents"
UNIT = Unit("thousand env-steps/s", 1e3)


def lines(setup: Setup) -> list[str]:
    """Three numbers of worlds."""
    text = [
        "Two agents, one core a side. Ours and JaxMARL's have 3 by 3 cells, SocialJax's has 16 by 11.",
        "",
        *heading(UNIT.text),
    ]
    for worlds in setup.size((64, 1024, 4096), (4,)):
        ticks = max(20, 200_000 // worlds) if not setup.quick else 5
        sizes = {"name": "coins", "worlds": worlds, "ticks": ticks}
        slow = {
            "name": "coin_game",
            "worlds": worlds,
            "ticks": setup.size(max(1, 4096 // worlds), 2),
            "agents": 2,
        }
        theirs = sizes | {"name": "coin_game"}
        sides = [
            ours("commonweal", "grid.py", "world", sizes),
            rival("JaxMARL", "grid.py", "jaxmarl", theirs, "jaxmarl", "jax"),
            rival("SocialJax", "grid.py", "socialjax", slow, "jax", source="socialjax"),
        ]
        text += compare(f"{worlds:,} worlds", UNIT, duel(sides, setup), {"JaxMARL": Goal(3)})
    return text
