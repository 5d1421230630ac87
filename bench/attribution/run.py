"""attribution.*: exact credit of a million journeys beside the best published library.

Every contender is a process of its own, ours too, so memory can be compared. The libraries cannot
live in the product's environment: ``EARNED_BENCH_PEERS`` names a Python that has them. Without any
of them there is no anchor and the benchmark is skipped, visibly.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

import orjson

from bench.context import QUICK, Context
from bench.progress import say
from bench.result import Result, Skipped, from_times

__all__ = ["run_heuristics", "run_markov", "run_shapley"]

_SIZE: Final = 1_000_000
_QUICK_SIZE: Final = 100_000
_PEERS: Final[Mapping[str, tuple[str, ...]]] = {
    "heuristics": ("ChannelAttribution", "mam"),
    "markov": ("ChannelAttribution", "mam"),
    "shapley": ("shapley_attribution", "mam"),
}
#: Ours needs at most this part of what `mam` needs.
_MEMORY: Final = 4


class _Run(NamedTuple):
    seconds: float
    peak_kb: int


async def run_heuristics(context: Context) -> Result:
    """Five heuristics, to the cent of each deal; the libraries compute three or five of them."""
    return await _run(context, "heuristics")


async def run_markov(context: Context) -> Result:
    """Removal effects of order 1, exact; the fastest library simulates them."""
    return await _run(context, "markov")


async def run_shapley(context: Context) -> Result:
    """Shapley values of the sum game, exact."""
    return await _run(context, "shapley")


async def _run(context: Context, task: str) -> Result:
    size = _QUICK_SIZE if context.scale is QUICK else _SIZE
    best = await _best(task, size)
    ours, anchors = [], []
    for _ in range(context.scale.rounds):
        mine = await _measure("ours", task, size)
        theirs = await _measure("peers", f"{best}:{task}", size)
        assert mine is not None
        assert theirs is not None
        ours.append(mine.seconds)
        anchors.append(theirs.seconds)
    return from_times("s", ours, anchors)


async def _best(task: str, size: int) -> str:
    """Return the fastest library there is; say what each took, and what it needed."""
    mine = await _measure("ours", task, size)
    assert mine is not None
    found: dict[str, _Run] = {}
    for peer in _PEERS[task]:
        run = await _measure("peers", f"{peer}:{task}", size)
        if run is None:
            say(f"  {peer} is not installed for {_python('peers')}: skipped")
            continue
        found[peer] = run
        say(f"  {peer}: {run.seconds:.2f} s, {run.peak_kb / 1024:.0f} MB; {_against(mine, run)}")
    if not found:
        raise Skipped("no library to compare with; EARNED_BENCH_PEERS names a Python with them")
    if "mam" in found and mine.peak_kb * _MEMORY > found["mam"].peak_kb:
        raise AssertionError(f"{mine.peak_kb} kB are more than a quarter of what mam needs")
    return min(found, key=lambda peer: found[peer].seconds)


def _against(mine: _Run, other: _Run) -> str:
    times = other.seconds / mine.seconds
    return f"ours {mine.seconds:.3f} s, {mine.peak_kb / 1024:.0f} MB: {times:.0f} times as fast"


def _python(side: str) -> str:
    return (
        os.environ.get("EARNED_BENCH_PEERS", sys.executable) if side == "peers" else sys.executable
    )


async def _measure(side: str, task: str, size: int) -> _Run | None:
    """Return what one contender took; None if its library is not installed."""
    process = await asyncio.create_subprocess_exec(
        _python(side),
        *("-m", f"bench.attribution.{side}", task, str(size)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    told, complaint = await process.communicate()
    if process.returncode:
        if b"ModuleNotFoundError" in complaint:
            return None
        raise RuntimeError(complaint.decode(errors="replace"))
    # Some libraries greet on the way: the last line is ours.
    return _Run(**orjson.loads(told.splitlines()[-1]))
