"""One side of a comparison: a process that holds a piece of work ready and repeats it when asked.

    python worker.py FILE

FILE defines functions that take sizes and return (units, play): `play()` does the work once, waits
until it is done, and returns what can be compared with another side, name -> number. One JSON line is
read and one is answered, in turn:

    {"work": "name", "sizes": {...}, "imports": ["jax"]}
                                         -> {"units": 1000, "first": seconds, "check": {...}}
    {"least": 0.3}                       -> {"seconds": 0.31, "times": 4, "megabytes": 210}
    {"versions": ["jax"]}                -> {"jax": "0.10.2"}

Needs nothing but the standard library, so that it also runs in a rival's environment.
"""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import resource
import sys
import time
from pathlib import Path


def load(path: str):
    """The module in this file, whatever its name."""
    spec = importlib.util.spec_from_file_location(f"side_{Path(path).stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def repeat(play, least: float) -> dict:
    """Play until so many seconds have passed, at least once."""
    times, start = 0, time.perf_counter()
    while True:
        play()
        times += 1
        seconds = time.perf_counter() - start
        if seconds >= least:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            return {"seconds": seconds, "times": times, "megabytes": peak}


def version(name: str) -> str:
    """The installed version of a package, or nothing."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def serve(path: str, lines, answers) -> None:
    """Answer every line until there are no more; an error is an answer too."""
    module = play = None
    for line in lines:
        ask = json.loads(line)
        try:
            if "versions" in ask:
                found = {name: version(name) for name in ask["versions"]}
            elif "work" in ask:
                start = time.perf_counter()
                for name in ask.get("imports", ()):
                    importlib.import_module(name)
                module = module or load(path)
                loaded = time.perf_counter() - start
                units, play = getattr(module, ask["work"])(**ask["sizes"])
                check = play() or {}
                first = time.perf_counter() - start - loaded
                found = {"units": units, "import": loaded, "first": first, "check": check}
            else:
                found = repeat(play, ask["least"])
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:160]}
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def main() -> None:
    """Serve on the standard streams; whatever a library prints goes to the error stream."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.argv[1], sys.stdin, answers)


if __name__ == "__main__":
    main()
