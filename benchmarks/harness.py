"""Two sides in turn: processes that do the same work, rounds that alternate, medians, tables."""

import json
import math
import os
import selectors
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ONE_THREAD = {
    name: "1"
    for name in ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
}


class Absent(Exception):
    """A side that cannot take part; the text is the reason."""


@dataclass(frozen=True)
class Setup:
    """What a run was asked for: environments, sources, how many rounds, how long."""

    python: str = sys.executable  # ours
    rivals: str = ""  # the interpreter of the rivals' environment
    sources: Mapping[str, str] = field(default_factory=dict)  # checkouts: name -> folder
    workers: int = os.cpu_count() or 1
    rounds: int = 5
    least: float = 0.3  # seconds of work a side and round
    quick: bool = False
    deadline: float = math.inf  # by time.monotonic(): no more rounds after it
    patience: float = 240.0  # seconds for one answer

    def size(self, full: Any, quick: Any) -> Any:
        """The one size or the other."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Side:
    """One participant: `file` holds the function `work`, which takes `sizes` (see `worker.py`).

    With `workers` above 1, so many processes work at once, each on its part: `part=(i, of)` is
    added to the sizes. `source` names the checkout that the side needs; its folder becomes a size.
    `packages` are imported before the clock starts, and their versions printed.
    """

    name: str
    file: str
    work: str
    sizes: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    rival: bool = False
    source: str = ""
    packages: tuple[str, ...] = ()


def ours(name: str, file: str, work: str, sizes: Mapping[str, Any], **more: Any) -> Side:
    """A side of ours; `more` as in `Side`."""
    return Side(name, f"ours/{file}", work, sizes, **({"packages": ("jax",)} | more))


def rival(
    name: str, file: str, work: str, sizes: Mapping[str, Any], *packages: str, source: str = ""
) -> Side:
    """A side in the rivals' environment, from a checkout if `source` names one."""
    return Side(name, f"rivals/{file}", work, sizes, rival=True, packages=packages, source=source)


def numpy(file: str, work: str, sizes: Mapping[str, Any], name: str = "NumPy") -> Side:
    """A side in plain NumPy, which our own environment has."""
    return Side(name, f"rivals/{file}", work, sizes, packages=("numpy",))


@dataclass
class Result:
    """What a side did: work per second by round, or why it is absent."""

    side: Side
    rates: list[float] = field(default_factory=list)
    first: float = math.nan
    check: dict[str, float] = field(default_factory=dict)
    versions: str = ""
    absent: str = ""
    megabytes: float = math.nan
    asked: int = 0  # rounds

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(self.rates) if self.rates else math.nan


class Crew:
    """The processes of one side, started once and stopped by their own ids."""

    def __init__(self, side: Side, setup: Setup):
        python = setup.rivals if side.rival else setup.python
        if side.rival and not Path(python).is_file():
            raise Absent("no environment for rivals; see above")
        sizes = dict(side.sizes)
        if side.source:
            if not Path(setup.sources.get(side.source) or "/nowhere").is_dir():
                raise Absent(f"no checkout; give --{side.source} PATH")
            sizes["source"] = setup.sources[side.source]
        self.patience = setup.patience
        file = Path(side.file) if os.path.isabs(side.file) else HERE / side.file
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        env = os.environ | ONE_THREAD | {"JAX_PLATFORMS": "cpu"}
        command = [python, str(HERE / "worker.py"), str(file)]
        self.all = [subprocess.Popen(command, env=env, text=True, **pipes) for _ in range(side.workers)]
        try:
            parts = [{"part": [i, side.workers]} if side.workers > 1 else {} for i in range(side.workers)]
            self.question = {"work": side.work, "imports": side.packages}
            self.sizes = [sizes | part for part in parts]
            self.prepare()
            found = self.ask([{"versions": side.packages}] * side.workers)[0] if side.packages else {}
        except Absent:
            self.stop()
            raise
        self.versions = ", ".join(f"{name} {v}" for name, v in found.items() if v)

    def prepare(self, **sizes: Any) -> None:
        """Get the work ready and do it once, with these sizes in place of those it began with."""
        self.ready = self.ask([self.question | {"sizes": one | sizes} for one in self.sizes])
        self.units = sum(one["units"] for one in self.ready)

    def ask(self, questions: list[dict]) -> list[dict]:
        """One question to each process at once; all answers, or the reason why there is none."""
        for one, question in zip(self.all, questions, strict=True):
            try:
                one.stdin.write(json.dumps(question) + "\n")
                one.stdin.flush()
            except OSError:
                raise Absent("the process died") from None
        end = time.monotonic() + self.patience
        return [self._answer(one, end) for one in self.all]

    def _answer(self, one: subprocess.Popen, end: float) -> dict:
        with selectors.DefaultSelector() as selector:
            selector.register(one.stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, end - time.monotonic())):
                raise Absent(f"no answer in {self.patience:.0f} s")
        line = one.stdout.readline()
        if not line:
            raise Absent(f"the process died with status {one.wait(10)}")
        answer = json.loads(line)
        if "error" in answer:
            raise Absent(answer["error"])
        return answer

    def play(self, least: float) -> tuple[float, float]:
        """Work per second of all processes together, and their peak memory in megabytes."""
        done = self.ask([{"least": least}] * len(self.all))
        rates = [one["units"] * d["times"] / d["seconds"] for one, d in zip(self.ready, done, strict=True)]
        return sum(rates), sum(d["megabytes"] for d in done)

    def stop(self) -> None:
        """End these processes, and only these."""
        for one in self.all:
            one.kill()
            one.wait(10)
            for pipe in (one.stdin, one.stdout):
                try:
                    pipe.close()
                except OSError:
                    pass


def duel(sides: list[Side], setup: Setup, rounds: int | None = None) -> list[Result]:
    """Every side once a round, in turn, for all rounds; a side that fails says why."""
    rounds = rounds or setup.rounds
    results, crews = [Result(side, asked=rounds) for side in sides], {}
    try:
        for i, side in enumerate(sides):
            try:
                crews[i] = crew = Crew(side, setup)
                results[i].first = max(one["first"] for one in crew.ready)
                results[i].check = crew.ready[0]["check"]
                results[i].versions = crew.versions
            except Absent as why:
                results[i].absent = str(why)
        for done in range(rounds):
            if done and time.monotonic() > setup.deadline:
                break
            for i, crew in list(crews.items()):
                try:
                    rate, results[i].megabytes = crew.play(setup.least)
                    results[i].rates.append(rate)
                except Absent as why:
                    results[i].absent = str(why)
                    crews.pop(i).stop()
    finally:
        for crew in crews.values():
            crew.stop()
    return results


def agree(ours: Result, theirs: Result, within: Mapping[str, float]) -> str:
    """Whether what both sides computed is the same, by name and relative tolerance."""
    names = [name for name in within if name in ours.check and name in theirs.check]
    if not names:
        return ""
    off = {}
    for name in names:
        a, b = ours.check[name], theirs.check[name]
        if not abs(a - b) <= within[name] * max(abs(a), abs(b), 1e-12):
            off[name] = f"**differs**: {name} {a:.4g}, {b:.4g}"
    exact = all(within[name] <= 1e-3 for name in names)
    return "; ".join(off.values()) or ("same" if exact else "alike")


@dataclass(frozen=True)
class Goal:
    """A target: at least (or at most) a number."""

    least: float
    upward: bool = True

    def judge(self, value: float) -> tuple[str, str]:
        """The target in words, and whether it is met."""
        words = f"{'≥' if self.upward else '≤'} {number(self.least)}"
        if math.isnan(value):
            return words, "not measured"
        return words, "met" if (value >= self.least) == self.upward or value == self.least else "**not met**"


@dataclass(frozen=True)
class Unit:
    """How a rate is printed: per second in multiples of `scale`, or its inverse, `scale` x seconds."""

    text: str
    scale: float = 1.0
    seconds: bool = False

    def __call__(self, rate: float) -> float:
        return self.scale / rate if self.seconds else rate / self.scale


def number(x: float) -> str:
    """Three digits, with commas and without exponents."""
    if math.isnan(x):
        return "–"
    if abs(x) >= 100:
        return f"{round(x, 2 - math.floor(math.log10(abs(x)))):,.0f}"
    return f"{x:.3g}" if abs(x) >= 1e-3 or x == 0 else f"{x:.1e}"


def spread(values: list[float]) -> str:
    """Median [least, most]."""
    if not values:
        return "–"
    return f"{number(statistics.median(values))} [{number(min(values))}, {number(max(values))}]"


def compare(
    what: str,
    unit: Unit,
    results: list[Result],
    goals: Mapping[str, Goal] = {},  # noqa: B006  (never written)
    within: Mapping[str, float] = {},  # noqa: B006
) -> list[str]:
    """Lines of the table of one work: ours first, then each rival with the ratio of the rates.

    `goals` by the name of the side: of ours, on the figure; of a rival, on the ratio ours / theirs.
    """
    ours, lines = results[0], []
    for result in results:
        who = f"{result.side.name} ({result.versions})" if result.versions else result.side.name
        figure = spread([unit(r) for r in result.rates])
        ratio, same, value = "", "", unit(result.rate) if result.rates else math.nan
        if result is not ours:
            ratios = [a / b for a, b in zip(ours.rates, result.rates, strict=False)]
            value = statistics.median(ratios) if ratios else math.nan
            ratio, same = spread(ratios), agree(ours, result, within)
        goal = goals.get(result.side.name)
        target, met = goal.judge(value) if goal else ("", "")
        if 0 < len(result.rates) < result.asked:
            figure += f" ({len(result.rates)} of {result.asked} rounds)"
        if result.absent:
            figure = f"absent: {result.absent}" if not result.rates else f"{figure}; then {result.absent}"
        lines.append(
            f"| {what if result is ours else ''} | {who} | {figure} | {number(result.first)} | {ratio} | "
            f"{same} | {target} | {met} |"
        )
    return lines


def heading(unit: str) -> list[str]:
    """The head of a table of comparisons."""
    return [
        f"| work | who | {unit} [least, most] | first call, s | ours / theirs | result | target | |",
        "|---|---|---|---|---|---|---|---|",
    ]


def exponent(sizes: list[float], seconds: list[float]) -> float:
    """The power of size that time grows with: the least-squares slope in logarithms."""
    if len(sizes) < 2:
        return math.nan
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    mx, my = statistics.fmean(x), statistics.fmean(y)
    return sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)


def sweep(side: Side, name: str, values: list, setup: Setup) -> list[tuple[Any, float]]:
    """Seconds for the work once at each value of one of its sizes, the median of three times."""
    crew, found = Crew(side, setup), []
    try:
        for value in values:
            if found and time.monotonic() > setup.deadline:
                break
            crew.prepare(**{name: value})
            found.append((value, statistics.median(crew.units / crew.play(0.05)[0] for _ in range(3))))
    finally:
        crew.stop()
    return found
