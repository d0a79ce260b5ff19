"""How time grows with agents, worlds, ticks and institutions."""

from harness import Absent, Setup, exponent, number, ours, sweep

TITLE = "Scaling"
BASE = {"worlds": 64, "agents": 5, "ticks": 12, "laws": 0}
RANGES = {
    "agents": (2, 5, 20, 100, 1000),
    "worlds": (1, 16, 256, 4096, 65_536),
    "ticks": (10, 100, 1000, 10_000),
    "laws": (0, 1, 2, 4, 8),
}


def lines(setup: Setup) -> list[str]:
    """Milliseconds a call at each size, and the exponents of time, over all sizes and the last two."""
    text = [
        "The commons through `cw.run`, traces kept, one core; one size varied at a time from 64 worlds, "
        "5 agents, 12 ticks, no institution. Exponent: time grows as size to this power.",
        "",
        "| varied | milliseconds a call | exponent, all sizes | largest two |",
        "|---|---|---|---|",
    ]
    for name, values in RANGES.items():
        some = list(values[:3] if setup.quick else values)
        side = ours("commonweal", "commons.py", "alike", BASE | {name: some[0]})
        try:
            found = sweep(side, name, some, setup)
        except Absent as why:
            text.append(f"| {name} | absent: {why} | | |")
            continue
        shown = ", ".join(f"{v:,}: {number(1e3 * s)}" for v, s in found)
        grown = [(v + (name == "laws"), s) for v, s in found]  # none counts as one
        sizes, seconds = [v for v, _ in grown], [s for _, s in grown]
        whole, last = exponent(sizes, seconds), exponent(sizes[-2:], seconds[-2:])
        label = "institutions (exponent of 1 + their number)" if name == "laws" else name
        text.append(f"| {label} | {shown} | {number(whole)} | {number(last)} |")
    return text
