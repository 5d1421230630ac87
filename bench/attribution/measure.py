"""What a contender does: make the journeys, lay them out as it wants them, compute, report.

Only the computation is timed. A process each, so that the peak of its memory is its own.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.attribution.made import Made, make

__all__ = ["main"]

#: Takes the journeys, lays them out, and returns what is timed.
Prepare = Callable[[Made], Callable[[], Any]]


def main(tasks: Mapping[str, Prepare]) -> None:
    """Run one task of the command line and print what came of it as a line of JSON."""
    task, size = sys.argv[1], int(sys.argv[2])
    compute = tasks[task](make(size))
    _forget_peak()
    before = _memory("VmRSS")
    started, worked = time.perf_counter(), time.process_time()
    compute()
    # What computes in one thread takes its processor time: waiting for other work is left out. What
    # computes in several takes the time on the clock.
    seconds = min(time.perf_counter() - started, time.process_time() - worked)
    grown = _memory("VmHWM") - before
    print(json.dumps({"seconds": seconds, "peak_kb": grown}))


def _forget_peak() -> None:
    # The journeys took more to make than to hold: the kernel is told to count from here.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _memory(name: str) -> int:
    """Return a figure of this process in kB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(value)
