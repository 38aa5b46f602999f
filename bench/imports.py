"""Import time of each light door in a fresh interpreter, beside that of psycopg alone.

What a cold start pays before its first event, less the interpreter itself. Files are cached and compiled, as
in the layer that ships `.pyc`; the runs of all doors are interleaved.
"""

import subprocess
import sys

from bench.figures import Figure, beside
from infra.local.functions import PROJECT

_DOORS = ("webhook_twilio", "send_message", "tick", "retention_sweep", "ai_score")
_TIMED = "import time; t = time.perf_counter(); import {module}; print((time.perf_counter() - t) * 1000)"


def measure(*, quick: bool) -> list[Figure]:
    """One interpreter for each door and round."""
    rounds = 5 if quick else 15
    modules = {"psycopg": "psycopg", **{door: f"functions.{door}.handler" for door in _DOORS}}
    took: dict[str, list[float]] = {name: [] for name in modules}
    for number in range(rounds + 1):
        for name, module in modules.items():
            milliseconds = _import(module)
            if number:  # the first round compiles and warms
                took[name].append(milliseconds)
    return [
        beside(f"import {door}", took[door], "ms", took["psycopg"], "import psycopg", at_most=1.5)
        for door in _DOORS
    ]


def _import(module: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _TIMED.format(module=module)],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
    )
    return float(done.stdout)
