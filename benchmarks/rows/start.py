"""How long it takes to begin: imports, the command line, the first scenario."""

import subprocess
import time
from pathlib import Path

from harness import Goal, Setup, spread

TITLE = "Starting up"
FIRST = (
    "import commonweal as cw; from commonweal.minds import Constant; "
    "from commonweal.scenarios import Commons; "
    "cw.run(cw.Society(Commons(assignment='proportional'), Constant(take=10.0)), 64)"
)
LAZY = "import commonweal, sys; assert 'jax' not in sys.modules"
OURS = {
    "`import commonweal` (no JAX)": (["-c", LAZY], Goal(0.3, upward=False)),
    "`commonweal --help`": (["-m", "commonweal", "--help"], Goal(0.3, upward=False)),
    "start, import, compile and run the commons": (["-c", FIRST], Goal(3, upward=False)),
}
RIVALS = ("numpy", "jax", "numba", "jaxmarl", "axelrod")


def seconds(command: list[str], times: int, warm: bool = False) -> list[float]:
    """Wall seconds of a fresh process, so many times after one that warms the disk; none if it fails."""
    found = []
    for _ in range(times + (not warm)):
        begin = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return []
        if done.returncode:
            return []
        found.append(time.perf_counter() - begin)
    return found[not warm :]


def lines(setup: Setup) -> list[str]:
    """Fresh processes, one after the other."""
    times = setup.size(5, 1)
    text = ["| in a fresh process | s [least, most] | target | |", "|---|---|---|---|"]
    for what, (command, goal) in OURS.items():
        found = seconds([setup.python, *command], times)
        value = sorted(found)[len(found) // 2] if found else float("nan")
        text.append(f"| {what} | {spread(found) if found else 'failed'} | {' | '.join(goal.judge(value))} |")
    for package in RIVALS:
        there = Path(setup.rivals).is_file()
        found = seconds([setup.rivals, "-c", f"import {package}"], min(times, 2), warm=True) if there else []
        text.append(f"| `import {package}` | {spread(found) if found else 'absent'} | | |")
    return text
