"""Harvest and Cleanup against SocialJax and Melting Pot."""

from harness import Goal, Setup, Unit, compare, duel, heading, ours, rival

TITLE = "Harvest and Cleanup, random agents"
UNIT = Unit("thousand env-steps/s", 1e3)
GAMES = {
    "harvest": ("harvest_common_open", "commons_harvest__open"),
    "cleanup": ("clean_up", "clean_up"),
}
GOALS = {"SocialJax": Goal(150), "Melting Pot": Goal(150)}


def lines(setup: Setup) -> list[str]:
    """Both games at three numbers of worlds; Melting Pot steps one world."""
    text = [
        "Seven agents who each see 11 by 11 cells, one core a side, views computed in every step. Similar "
        "games, not the same: maps differ in detail, SocialJax shows planes of floats, Melting Pot pixels.",
        "",
        *heading(UNIT.text),
    ]
    for game, (jax_name, pot_name) in GAMES.items():
        for worlds in setup.size((64, 1024, 4096), (4,)):
            ticks = max(10, 40_000 // worlds) if not setup.quick else 5
            sizes = {"name": game, "worlds": worlds, "ticks": ticks}
            slow = {
                "name": jax_name,
                "worlds": worlds,
                "ticks": setup.size(max(1, 1024 // worlds), 2),
                "agents": 7,
            }
            small = {"name": pot_name, "ticks": setup.size(100, 5)}
            sides = [
                ours("commonweal", "grid.py", "world", sizes),
                rival("SocialJax", "grid.py", "socialjax", slow, "jax", source="socialjax"),
            ]
            if worlds <= 64:
                kept = sizes | {"ticks": min(ticks, 200)}
                sides.append(ours("commonweal, `cw.run` with traces", "grid.py", "engine", kept, packages=()))
                sides.append(
                    rival("Melting Pot", "grid.py", "meltingpot", small, "dmlab2d", source="meltingpot")
                )
            text += compare(f"{game}, {worlds:,} worlds", UNIT, duel(sides, setup), GOALS)
    return text
