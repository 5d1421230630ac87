"""The processes that `earned up` starts: their addresses, environment and command lines."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from cli.directory import DataDirectory
from cli.forkserver import EARNED
from cli.ports import LOOPBACK, pick_port, require_port
from cli.programs import Program, Starter, start_afresh

__all__ = ["Addresses", "Stores", "choose_addresses", "inherited", "programs"]

_GRACE_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the data are, and the key that protects the secrets among them."""

    database_url: str
    redis_url: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base addresses of the processes; `sandbox` is empty when it does not run."""

    api: str
    collector: str
    collector_worker: str
    metrics_worker: str
    sandbox: str

    def as_dict(self) -> dict[str, str]:
        """Return name → address."""
        return asdict(self)


def choose_addresses(
    *, api_port: int | None, collector_port: int | None, with_sandbox: bool
) -> Addresses:
    """Take the ports that were asked for, the usual ones where free, any free ones otherwise.

    Raises:
        cli.ports.PortTakenError: a port that was asked for is in use.
    """
    taken: set[int] = set()

    def address(preferred: int, wanted: int | None = None) -> str:
        port = pick_port(preferred, taken=taken) if wanted is None else require_port(wanted)
        taken.add(port)
        return f"http://{LOOPBACK}:{port}"

    # First what was asked for, so that nothing else picks it.
    api = address(8000, api_port) if api_port is not None else ""
    collector = address(8001, collector_port) if collector_port is not None else ""
    return Addresses(
        api=api or address(8000),
        collector=collector or address(8001),
        collector_worker=address(8012),
        metrics_worker=address(8013),
        sandbox=address(8090) if with_sandbox else "",
    )


def programs(
    directory: DataDirectory,
    stores: Stores,
    addresses: Addresses,
    *,
    start: Starter = start_afresh,
) -> list[Program]:
    """Return the processes in the order they are started."""
    return list(_programs(directory, stores, addresses, start))


def _programs(
    directory: DataDirectory, stores: Stores, addresses: Addresses, start: Starter
) -> Iterator[Program]:
    common = _environment(stores, addresses)
    for name, arguments, address, variable in (
        ("api", ("serve", "api"), addresses.api, "EARNED_HTTP_PORT"),
        ("collector", ("serve", "collector"), addresses.collector, "EARNED_HTTP_PORT"),
        (
            "collector-worker",
            ("work", "collector"),
            addresses.collector_worker,
            "EARNED_METRICS_PORT",
        ),
        ("metrics-worker", ("work", "metrics"), addresses.metrics_worker, "EARNED_METRICS_PORT"),
    ):
        environment = {**common, variable: _port(address)}
        yield _program(name, arguments, address, environment, directory.logs, start)
    if addresses.sandbox:
        # It plays strangers: nothing of the installation's secrets reaches it.
        yield _program(
            "sandbox",
            (
                *("sandbox", "--port", _port(addresses.sandbox)),
                *("--journal", str(directory.sandbox_journal)),
            ),
            addresses.sandbox,
            inherited(),
            directory.logs,
            start,
        )


def _program(
    name: str,
    arguments: tuple[str, ...],
    address: str,
    environment: Mapping[str, str],
    logs: Path,
    start: Starter,
) -> Program:
    return Program(
        name,
        [*EARNED, *arguments],
        env=environment,
        log_dir=logs,
        ready_url=f"{address}/readyz",
        grace=timedelta(seconds=_GRACE_SECONDS + 1),
        start=start,
    )


def _environment(stores: Stores, addresses: Addresses) -> dict[str, str]:
    environment = inherited() | {
        "EARNED_DATABASE_URL": stores.database_url,
        "EARNED_REDIS_URL": stores.redis_url,
        "EARNED_SECRET_KEY": stores.secret_key,
        "EARNED_HTTP_HOST": LOOPBACK,
        "EARNED_PUBLIC_URL": addresses.collector,
        # One organization and one person who waits: look for due work every second.
        "EARNED_SWEEP_EVERY": "1",
        # No load balancer has to look away first.
        "EARNED_DRAIN_DELAY": "0",
        "EARNED_SHUTDOWN_GRACE": str(_GRACE_SECONDS),
        "EARNED_LOG_FORMAT": os.environ.get("EARNED_LOG_FORMAT", "json"),
    }
    if addresses.sandbox:
        # The vendors of the demo live on this machine.
        environment["EARNED_ALLOW_PRIVATE_VENDORS"] = "true"
    return environment


def inherited() -> dict[str, str]:
    """Return the launcher's environment without settings that are meant for one process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARNED_")}
    for name in (
        "EARNED_ALLOWED_ORIGINS",
        "EARNED_LOG_LEVEL",
        "EARNED_PREVIOUS_SECRET_KEYS",
        "EARNED_REVISION",
    ):
        if name in os.environ:
            kept[name] = os.environ[name]
    # The children import the code that the launcher runs, wherever they are started.
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _port(address: str) -> str:
    return address.rpartition(":")[2]
