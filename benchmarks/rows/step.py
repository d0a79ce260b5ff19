"""One step driven from Python, against PettingZoo."""

from harness import Goal, Setup, Unit, compare, duel, heading, ours, rival

TITLE = "One step from Python"
UNIT = Unit("microseconds a step", 1e6, seconds=True)


def lines(setup: Setup) -> list[str]:
    """What a language model or a person waits for besides itself."""
    steps = setup.size(1000, 10)
    theirs = {"name": "mpe2.simple_spread_v3", "steps": setup.size(200, 10)}
    sides = [
        ours("commonweal, commons", "step.py", "drive", {"steps": steps}),
        rival("PettingZoo, simple_spread", "step.py", "pettingzoo", theirs, "pettingzoo"),
    ]
    text = [
        "Five agents (PettingZoo: three); what they see, choose and get is read back in every step. "
        "JAX waits for each call (`jax_cpu_enable_async_dispatch` off), as nothing overlaps here.",
        "",
        *heading(UNIT.text),
    ]
    results = duel(sides, setup)
    text += compare("a step", UNIT, results, {"commonweal, commons": Goal(40, upward=False)})
    leaves = results[0].check.get("leaves", float("nan"))
    target, met = Goal(10, upward=False).judge(leaves)
    return [*text, "", f"The state has {leaves:.0f} arrays (target {target}: {met})."]
