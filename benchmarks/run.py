"""Measure the speed on this machine, beside a rival in the same run, and write docs/benchmarks.md.

The work: the commons with five scripted agents, under none, one and two institutions, full traces
kept. One worker process per core, each with a single-threaded XLA pool. The rival is the same game
written in NumPy over all worlds at once. Rounds of rival and ours alternate; figures are medians.

    python benchmarks/run.py [--worlds 65536] [--rounds 5] [--workers 2]
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

AGENTS, TICKS, CAP, FINE = 5, 12, 10.0, 3.0
TAKES = [12.0, 12.0, 10.0, 10.0, 10.0]
PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


def worker() -> None:
    """Answer one line per line read: run the society with so many institutions, print seconds."""
    from commonweal import Society, run, under
    from commonweal.institutions import Audit, ProtectedQuota
    from commonweal.minds import Constant
    from commonweal.scenarios import Commons

    game = Commons(n_agents=AGENTS, horizon=TICKS, assignment="proportional")
    laws = [ProtectedQuota("take", most=CAP), Audit(probability=1.0, fine=FINE)]
    for line in sys.stdin:
        ask = json.loads(line)
        society = Society(under(game, *laws[: ask["laws"]]), [Constant(take=x) for x in TAKES])
        seeds = list(range(ask["first"], ask["first"] + ask["worlds"]))
        start = time.perf_counter()
        trace = run(society, seeds)
        took = time.perf_counter() - start
        print(json.dumps({"seconds": took, "net": float(trace.net.sum()) / len(seeds)}), flush=True)


def rival(worlds: int, laws: int) -> dict[str, float]:
    """The same game in NumPy, vectorized over worlds, full traces kept."""
    import numpy as np

    start = time.perf_counter()
    shape = (TICKS, worlds, AGENTS)
    intent, act, pay, fines, excess = (np.zeros(shape, np.float32) for _ in range(5))
    stock = np.full(worlds, 100.0, np.float32)
    over = np.zeros(worlds, bool)
    for t in range(TICKS):
        intent[t] = np.where(over[:, None], 0.0, np.float32(TAKES))
        act[t] = np.minimum(intent[t], CAP) if laws > 0 else intent[t]
        want = np.floor(act[t])
        total = want.sum(axis=1)
        got = want * np.minimum(1.0, stock / np.maximum(total, 1.0))[:, None]
        pay[t] = got
        fair = np.floor((stock - np.ceil(stock / 2.0)) / AGENTS)
        excess[t] = np.maximum(want - fair[:, None], 0.0)
        if laws > 1:
            fines[t] = -FINE * excess[t]
        left = stock - got.sum(axis=1)
        gone = left < 5.0
        over |= gone
        stock = np.where(gone, 0.0, np.minimum(100.0, 2.0 * left)).astype(np.float32)
    net = float((pay + fines).sum(dtype=np.float64)) / worlds
    return {"seconds": time.perf_counter() - start, "net": net}


def start_workers(count: int) -> list[subprocess.Popen]:
    """One process per core, each with a pool of one thread, set before JAX is imported."""
    env = os.environ | {"NPROC": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--worker"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return [subprocess.Popen(command, env=env, **pipes) for _ in range(count)]


def ours(workers: list[subprocess.Popen], worlds: int, laws: int) -> dict[str, float]:
    """The worlds shared out over the workers; wall time until the last is done."""
    share = worlds // len(workers)
    start = time.perf_counter()
    for i, one in enumerate(workers):
        one.stdin.write(json.dumps({"laws": laws, "worlds": share, "first": i * share}) + "\n")
        one.stdin.flush()
    answers = [json.loads(one.stdout.readline()) for one in workers]
    net = statistics.mean(a["net"] for a in answers)
    return {"seconds": time.perf_counter() - start, "net": net}


def cpu_seconds(command: list[str], times: int = 5) -> float:
    """Median user plus system seconds of a command."""
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(found)


def measure(worlds: int, rounds: int, count: int) -> list[dict]:
    """Rows of the table: by number of institutions, rates of both sides and their ratio."""
    workers = start_workers(count)
    try:
        rows = []
        for laws in (0, 1, 2):
            first, theirs = ours(workers, worlds, laws), rival(worlds, laws)  # compile, warm up, compare
            if abs(first["net"] - theirs["net"]) > 1e-3 * abs(theirs["net"]):
                raise SystemExit(f"the two sides played different games: {first['net']} and {theirs['net']}")
            pairs = [(ours(workers, worlds, laws), rival(worlds, laws)) for _ in range(rounds)]
            steps = worlds * TICKS * AGENTS / 1e6
            rate = [[steps / side["seconds"] for side in pair] for pair in pairs]
            ratios = [a / b for a, b in rate]
            rows.append(
                {
                    "institutions": laws,
                    "ours": statistics.median(a for a, _ in rate),
                    "low": min(a for a, _ in rate),
                    "high": max(a for a, _ in rate),
                    "numpy": statistics.median(b for _, b in rate),
                    "ratio": statistics.median(ratios),
                }
            )
        return rows
    finally:
        for one in workers:
            one.stdin.close()
            one.wait(timeout=30)


def main() -> None:
    """Measure, print the table and write it to the docs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=65_536)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        worker()
        return
    rows = measure(given.worlds, given.rounds, given.workers)
    help_cpu = cpu_seconds([sys.executable, "-m", "commonweal", "--help"])
    import_cpu = cpu_seconds(
        [sys.executable, "-c", "import commonweal, sys; assert 'jax' not in sys.modules"]
    )
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("jax", "equinox", "numpy"))
    lines = [
        "# Speed",
        "",
        "Written by `make bench`; never a timed test. The commons with "
        f"{AGENTS} scripted agents, {TICKS} ticks, {given.worlds:,} worlds, full traces kept, "
        f"{given.workers} workers; medians of {given.rounds} alternating rounds.",
        "",
        "| institutions | ours, M agent-steps/s [min, max] | NumPy, M agent-steps/s | ratio |",
        "|---|---|---|---|",
    ]
    for row in rows:
        ours_text = f"{row['ours']:.1f} [{row['low']:.1f}, {row['high']:.1f}]"
        lines.append(f"| {row['institutions']} | {ours_text} | {row['numpy']:.1f} | {row['ratio']:.1f} |")
    lines += [
        "",
        f"`commonweal --help`: {help_cpu:.2f} s of CPU; `import commonweal`: {import_cpu:.2f} s, no JAX.",
        "",
        f"Machine: {platform.machine()}, {os.cpu_count()} cores, CPU only. "
        f"Python {platform.python_version()}, {versions}.",
    ]
    print("\n".join(lines))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
