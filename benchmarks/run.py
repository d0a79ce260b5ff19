"""Measure the speed on this machine beside named rivals and write docs/benchmarks.md.

Every comparison is one run: rounds of ours and of the rivals alternate, each side a process of one
thread that is started, kept warm and stopped again. Rivals live in an environment of their own
(`python benchmarks/run.py --install .venv-rivals` makes one); those that are on no package index are
used from a checkout of their source. A rival that is absent is absent from the table, and it says so.

    python benchmarks/run.py [--rivals .venv-rivals] [--socialjax PATH] [--meltingpot PATH] [--jaxmarl PATH]
                             [--only ROW ...] [--quick] [--rounds 5] [--minutes 15]
"""

import argparse
import importlib
import importlib.metadata
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from harness import Setup
from rows import NAMES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SOURCES = ("socialjax", "meltingpot", "jaxmarl")
PACKAGES = "axelrod jaxmarl numba pettingzoo mpe2 pygame matplotlib".split()
POT = "dmlab2d dm-env dm-tree immutabledict ml-collections reactivex".split()  # what Melting Pot imports


def head(setup: Setup) -> list[str]:
    """What the figures are, and of which machine."""
    versions = ", ".join(
        f"{p} {importlib.metadata.version(p)}" for p in ("commonweal", "jax", "equinox", "numpy")
    )
    model = platform.processor() or platform.machine()
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        named = [
            x.partition(":")[2].strip() for x in cpu.read_text().splitlines() if x.startswith("model name")
        ]
        model = named[0] if named else model
    return [
        "# Speed",
        "",
        "Written by `make bench`; never a timed test. Median [least, most] of "
        f"{setup.rounds} rounds in which ours and the rivals take turns; a ratio is the median of "
        "the rounds' ratios, above 1 where ours is faster. First call: setting up and compiling, without "
        "imports. Result: whether both sides computed the same.",
        "",
        f"Machine: {model}, {os.cpu_count()} cores, CPU only, load {os.getloadavg()[0]:.1f} at the start. "
        f"{date.today()}, Python {platform.python_version()}, {versions}.",
    ]


def sections(page: str) -> dict[str, list[str]]:
    """The lines of a written page under each title."""
    found: dict[str, list[str]] = {}
    for block in page.split("\n## ")[1:]:
        title, _, rest = block.partition("\n")
        found[title] = rest.strip().splitlines()
    return found


def measure(setup: Setup, names: list[str]) -> dict[str, list[str]]:
    """The sections of these rows; a row that fails says so and stops no other."""
    found = {}
    for name in names:
        row = importlib.import_module(f"rows.{name}")
        begin = time.monotonic()
        if begin > setup.deadline:
            found[row.TITLE] = ["Not measured: the time was up."]
        else:
            try:
                found[row.TITLE] = row.lines(setup)
            except Exception as error:
                found[row.TITLE] = [f"Failed: {type(error).__name__}: {error}"]
        took = time.monotonic() - begin
        print(f"\n## {row.TITLE}\n\n" + "\n".join(found[row.TITLE]), f"\n\n({took:.0f} s)", flush=True)
    return found


def order() -> list[str]:
    """The titles in the order of the page."""
    return [importlib.import_module(f"rows.{name}").TITLE for name in NAMES]


def write(path: Path, top: list[str], new: dict[str, list[str]]) -> None:
    """The page, with these sections in place of those it had."""
    found = (sections(path.read_text()) if path.exists() else {}) | new
    text = "\n".join(top)
    for title in order():
        if title in found:
            text += f"\n\n## {title}\n\n" + "\n".join(found[title])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def install(folder: str) -> None:
    """An environment with the rivals that are on the package index."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [str(python), "-m", "pip", "install", "-q"]
    subprocess.run([*pip, *PACKAGES], check=True)
    subprocess.run([*pip, "--no-deps", *POT], check=False)  # only Melting Pot wants these


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", default=".venv-rivals", help="environment of the rivals")
    for source in SOURCES:
        parser.add_argument(f"--{source}", default="", help=f"checkout of {source}")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=None, help="these rows only")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round; writes no page")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=15.0, help="no new round after so many")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the tables are written")
    parser.add_argument("--install", metavar="FOLDER", help="make an environment of rivals and stop")
    return parser


def main() -> None:
    """Measure, print the tables and write them to the docs."""
    given = arguments().parse_args()
    if given.install:
        install(given.install)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    python = Path(given.rivals).absolute() / "bin" / "python"
    setup = Setup(
        rivals=str(python),
        sources={name: os.path.abspath(getattr(given, name)) for name in SOURCES if getattr(given, name)},
        workers=given.workers,
        rounds=1 if given.quick else given.rounds,
        least=0.0 if given.quick else 0.3,
        quick=given.quick,
        deadline=time.monotonic() + 60.0 * given.minutes,
    )
    if not python.is_file():
        print(f"no rivals at {given.rivals}; to have them: python benchmarks/run.py --install {given.rivals}")
    top = head(setup)
    for name in given.only or NAMES:
        found = measure(setup, [name])
        if not given.quick:  # row by row, so that nothing measured is lost
            write(given.page, top, found)


if __name__ == "__main__":
    main()
