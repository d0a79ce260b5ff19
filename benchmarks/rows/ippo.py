"""Independent PPO against JaxMARL's baseline on the same task."""

from harness import Goal, Setup, Unit, compare, duel, heading, ours, rival

TITLE = "Learning: independent PPO"
UNIT = Unit("thousand env-steps/s, learning included", 1e3)


def lines(setup: Setup) -> list[str]:
    """Cooperative navigation; the same steps, network and settings on both sides."""
    updates = setup.size(40, 2)
    ticks, worlds = 128, setup.size(16, 4)
    mine = {"worlds": setup.size(80, 8), "updates": updates}
    theirs = {"name": "MPE_simple_spread_v3", "worlds": worlds, "ticks": ticks, "updates": updates}
    sides = [
        ours("commonweal", "ippo.py", "train", mine),
        rival("JaxMARL IPPO", "ippo.py", "jaxmarl", theirs, "jaxmarl", "jax", source="jaxmarl"),
    ]
    text = [
        "MPE's simple_spread with three agents, one network of two layers of 64 for all, clip 0.2, 4 epochs "
        f"of 4 minibatches, {updates} updates, one core a side. Ours plays 80 worlds of 26 ticks an update "
        "to their end, JaxMARL 16 worlds of 128. The result is the last mean return, times three as "
        "JaxMARL logs it.",
        "",
        *heading(UNIT.text),
    ]
    results = duel(sides, setup)
    text += compare("simple_spread", UNIT, results, {"JaxMARL IPPO": Goal(3)}, {"return": 0.15})
    compiled = results[0].first - mine["worlds"] * 26 * updates / results[0].rate
    target, met = Goal(3, upward=False).judge(compiled)
    return [*text, "", f"Ours compiles in {compiled:.1f} s (target {target} s: {met})."]
