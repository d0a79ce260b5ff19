"""Worker processes that share the cells of a file's studies."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress


def leash() -> None:
    """End this worker when whoever started it is gone: its end of the pipe closes with it."""
    os.read(0, 1)
    os._exit(1)


def share(file: Path, given: dict[str, Any], workers: int, cells: tuple[list[Path], int]) -> None:
    """Run the cells in worker processes. What a worker fails to do is left, and fails in this one."""
    options = [text for key, one in given.items() if one is not None for text in (key, str(one))]
    command = [sys.executable, "-P", "-m", "commonweal", "run", str(file), *options, "--shard"]
    quiet: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    env = os.environ | {"NPROC": "1"}  # one thread each
    several = [subprocess.Popen([*command, f"{i}/{workers}"], env=env, **quiet) for i in range(workers)]
    homes, total = cells
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"{file.stem}: cells", total=total)
        while any(one.poll() is None for one in several):
            bar.update(task, completed=sum(len(list(home.glob("cells/[!.]*"))) for home in homes))
            time.sleep(0.1)
