"""What the tests of the embedded servers share: launchers to kill, ends to wait for."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("embedded_launcher.py")
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Launched:
    """A running launcher process and what it reported."""

    process: subprocess.Popen[str]
    postgres_url: str
    valkey_url: str
    pids: list[int]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def launched(
    data_dir: Path, *options: str, prefix: Sequence[str] = (), search: Sequence[Path] = ()
) -> Iterator[Launched]:
    """Run the launcher until it reports; at the end kill it and wait for its children's ends."""
    with launcher_process(data_dir, *options, prefix=prefix, search=search) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the launcher ended; see its error above"
        report = Launched(process=process, **json.loads(line))
        with ends_of(report.pids) as wait_for_ends:
            try:
                yield report
            finally:
                report.kill()
                wait_for_ends()


@contextmanager
def launcher_process(
    data_dir: Path, *options: str, prefix: Sequence[str] = (), search: Sequence[Path] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """Start the launcher without waiting for its report.

    `prefix` goes before its command, `search` before the directories it finds packages in.
    """
    paths = os.pathsep.join(str(path) for path in (*search, ROOT))
    process = subprocess.Popen(
        [*prefix, sys.executable, str(LAUNCHER), str(data_dir), *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def ends_of(pids: list[int]) -> Iterator[Callable[[], None]]:
    """Yield a function that waits until all of `pids`, alive now, have ended."""
    descriptors = [os.pidfd_open(pid) for pid in pids]

    def wait() -> None:
        for pid, descriptor in zip(pids, descriptors, strict=True):
            ready, _, _ = select.select([descriptor], [], [], PATIENCE_SECONDS)
            assert ready, f"process {pid} outlived its launcher"

    try:
        yield wait
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def family(pid: int) -> list[int]:
    """Return `pid` and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(descendant for child in children for descendant in family(int(child)))]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return as soon as `condition` holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.001)


def sql(url: str, *statements: str) -> object:
    """Run statements on one connection; return the first value of the last one."""

    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def kill_and_reap(pid: int, poll: Callable[[], int | None]) -> None:
    """SIGKILL a child of this process and wait until its owner has noticed."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: poll() is not None)
