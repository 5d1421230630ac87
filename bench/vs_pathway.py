"""fold.vs_pathway: a refresh by 10,000 facts of additive kinds against Pathway, in memory.

Pathway cannot live in the product's environment: ``EARNED_BENCH_PEERS`` names a Python that has it.
It gets every advantage: typed rows, teams looked up and corrections turned into differences
beforehand, no ledger, no log, nothing durable, fewer measures, and the form of rows that it is
fastest with. Both keep the sums of the same facts in the same nine slices by day, and in the end
the sums must be the same.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import asyncpg
import orjson

from bench.context import Context
from bench.facts import COUNTERS, typed
from bench.history import Past
from bench.pathway_sql import HELD, ROWS, SUMS
from bench.progress import say
from bench.result import Result, Skipped, from_times
from bench.server import scratch_directory
from bench.tenant import GENERATION
from shared.ledger import head_position

__all__ = ["run"]

_BATCH: Final = 10_000
#: See :mod:`bench.pathway_peer`; the faster one counts.
_FORMS: Final = ("columns", "arrays")
_LONGEST_ANSWER: Final = 1 << 20


class _Answer(NamedTuple):
    seconds: float
    amounts: Mapping[str, Sequence[int]]


class _Peer:
    """The process of Pathway. It stands still unless it is asked: idle, it looks for work."""

    def __init__(self, process: asyncio.subprocess.Process, rows: Path) -> None:
        self._process = process
        self._rows = rows

    async def refresh(self, rows: Sequence[asyncpg.Record]) -> _Answer:
        """Hand over rows; return how long it took until every sum was there."""
        self._rows.write_bytes(orjson.dumps([tuple(row) for row in rows]))
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        self._process.send_signal(signal.SIGCONT)
        stdin.write(f"{self._rows}\n".encode())
        answer = await stdout.readline()
        if not answer:
            raise RuntimeError("Pathway ended")
        self._process.send_signal(signal.SIGSTOP)
        return _Answer(**orjson.loads(answer))


async def run(context: Context) -> Result:
    """Measure seconds until 10,000 more facts are in the sums, both ways."""
    folding: list[float] = []
    appending: list[float] = []
    theirs: dict[str, list[float]] = {form: [] for form in _FORMS}
    async with (
        _peers() as peers,
        context.histories.copy(context.scale.small, "vs_pathway", mix=COUNTERS) as past,
        context.server.owner(past.database) as owner,
    ):
        for peer in peers.values():
            await peer.refresh(await _rows(owner, past, after=0))
        for number in range(context.scale.rounds + 1):
            position = await head_position(owner, past.tenant.org.id)
            appended, folded = await _refresh(past)
            rows = await _rows(owner, past, after=position)
            answers = {form: await peer.refresh(rows) for form, peer in peers.items()}
            if number:  # the first round opened connections and made plans
                folding.append(folded)
                appending.append(appended)
                for form, answer in answers.items():
                    theirs[form].append(answer.seconds)
        held = await _held(owner, past)
        for form, answer in answers.items():
            assert held == answer.amounts, f"Pathway sums up to something else, in {form}"
    for form, seconds in theirs.items():
        say(f"  Pathway, {form}: {median(seconds):.3f} s; ours {_told(folding, appending)}")
    return from_times("s", folding, min(theirs.values(), key=median))


def _told(folding: Sequence[float], appending: Sequence[float]) -> str:
    together = [sum(both) for both in zip(folding, appending, strict=True)]
    return f"{median(folding):.3f} s, {median(together):.3f} s with the append"


async def _refresh(past: Past) -> tuple[float, float]:
    """Append 10,000 facts and fold them; return the seconds that each took."""
    facts = typed(past.program.today(_BATCH))
    started = time.perf_counter()
    await past.tenant.append(facts)
    appended = time.perf_counter()
    await past.tenant.fold(2 * _BATCH)
    return appended - started, time.perf_counter() - appended


async def _rows(
    owner: "asyncpg.Connection[asyncpg.Record]", past: Past, *, after: int
) -> list[asyncpg.Record]:
    return await owner.fetch(ROWS, past.tenant.org.id, after, list(COUNTERS.kinds))


async def _held(
    owner: "asyncpg.Connection[asyncpg.Record]", past: Past
) -> dict[str, Sequence[int]]:
    """Return what each slice of the rollups adds up to, as Pathway says it."""
    rows = await owner.fetch(HELD, past.tenant.org.id, GENERATION)
    held: dict[str, dict[str, int]] = {}
    for slice_name, measure, amount in rows:
        held.setdefault(slice_name, {})[measure] = amount
    return {
        slice_name: [sum(amounts.get(measure, 0) for measure in one.measures) for one in SUMS]
        for slice_name, amounts in held.items()
    }


@asynccontextmanager
async def _peers() -> AsyncIterator[Mapping[str, _Peer]]:
    python = os.environ.get("EARNED_BENCH_PEERS", sys.executable)
    if await _exit_code(python, "-c", "import pathway"):
        raise Skipped(f"{python} has no Pathway; EARNED_BENCH_PEERS names a Python that has")
    async with AsyncExitStack() as stack:
        directory = stack.enter_context(scratch_directory())
        yield {
            form: await stack.enter_async_context(_peer(python, form, directory)) for form in _FORMS
        }


@asynccontextmanager
async def _peer(python: str, form: str, directory: Path) -> AsyncIterator[_Peer]:
    process = await asyncio.create_subprocess_exec(
        *(python, "-m", "bench.pathway_peer", form, str(len(SUMS))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LONGEST_ANSWER,
    )
    try:
        yield _Peer(process, directory / f"{form}.json")
    finally:
        process.kill()
        await process.wait()


async def _exit_code(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()
