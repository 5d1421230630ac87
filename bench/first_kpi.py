"""start.first_kpi: from an empty directory to the first KPI answered over HTTP.

What is measured is what a newcomer waits for after the installation: ``earned up --empty`` makes a
database, migrates it and starts every process; one fact is posted, folded by the metrics worker
and read back as a KPI. The anchor is the part nobody can avoid: a cluster made by the same binaries
and started.
"""

import asyncio
import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.context import Context
from bench.result import Result, from_times
from bench.server import scratch_directory
from cli.client import Client
from cli.directory import DataDirectory
from cli.embedded import EmbeddedPostgres
from cli.ports import pick_port
from cli.programs import Program
from cli.tenant import issue_key
from shared.security.keys import SCOPES

__all__ = ["StartFailed", "run"]

_MOST_ROUNDS = 3
_PATIENCE_SECONDS = 120
_LOOK_EVERY_SECONDS = 0.01
_DAY = "2025-03-03"
_POST = {
    "kind": "post.published",
    "source": "bench",
    "external_id": "first",
    "occurred_at": f"{_DAY}T10:00:00Z",
    "post": "first",
    "employee": "E1",
    "network": "linkedin",
}


class StartFailed(RuntimeError):
    """The system did not answer; carries its last log lines."""


async def run(context: Context) -> Result:
    """Measure the seconds from launch to KPI against those of a bare cluster."""
    ours, anchors = [], []
    for _ in range(min(context.scale.rounds, _MOST_ROUNDS)):
        with scratch_directory() as directory:
            anchors.append(_bare_cluster_seconds(directory))
        with scratch_directory() as directory:
            ours.append(await _first_kpi_seconds(directory / "earned"))
    return from_times("s", ours, anchors)


def _bare_cluster_seconds(directory: Path) -> float:
    postgres = EmbeddedPostgres(directory / "postgres")
    started = time.perf_counter()
    postgres.start()
    try:
        return time.perf_counter() - started
    finally:
        postgres.stop()


async def _first_kpi_seconds(directory: Path) -> float:
    launcher = _launcher(directory)
    started = time.perf_counter()
    launcher.start()  # here: a child bound to its launcher is spawned by the main thread
    try:
        await asyncio.to_thread(_ask, directory, launcher)
        return time.perf_counter() - started
    finally:
        await asyncio.to_thread(launcher.stop)


def _launcher(directory: Path) -> Program:
    api_port = pick_port(18_000)
    collector_port = pick_port(18_001, taken={api_port})
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EARNED_")}
    return Program(
        "earned-up",
        [
            *(sys.executable, "-m", "cli.main", "up", "--empty", "--data-dir", str(directory)),
            *("--api-port", str(api_port), "--collector-port", str(collector_port)),
        ],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[1])},
        log_dir=directory.parent,
        grace=timedelta(seconds=30),
    )


def _ask(directory: Path, launcher: Program) -> None:
    """Make an organization and its key, post one fact, and wait until a KPI shows it."""
    running = _wait_until_running(DataDirectory(directory), launcher)
    key = issue_key(
        running["database_url"],
        DataDirectory(directory).secret_key(),
        organization="First",
        name="bench",
        scopes=SCOPES,
        new_organization=("Europe/Warsaw", "USD"),
    )
    with Client(running["api"], key=key.plaintext) as api:
        api.post("/v1/facts", {"facts": [_POST]})
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _shares(api) != "1":
            _pause_until(deadline, launcher)


def _shares(api: Client) -> str | None:
    period = {"from": _DAY, "to": "2025-03-04"}
    answer: Any = api.get("/v1/kpis/shares/series", **period)
    value: str | None = answer["points"][0]["value"]
    return value


def _wait_until_running(directory: DataDirectory, launcher: Program) -> dict[str, str]:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not directory.running.exists():
        _pause_until(deadline, launcher)
    running: dict[str, str] = json.loads(directory.running.read_text(encoding="utf-8"))
    return running


def _pause_until(deadline: float, launcher: Program) -> None:
    if launcher.poll() is not None or time.monotonic() > deadline:
        lines = "\n  ".join(launcher.log.last_lines(20))
        raise StartFailed(f"no KPI within {_PATIENCE_SECONDS} s. Last lines:\n  {lines}")
    time.sleep(_LOOK_EVERY_SECONDS)
