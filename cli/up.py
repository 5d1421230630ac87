"""`earned up`: every process of the product on one machine, until Ctrl-C.

What only the demo, or a later stage, needs is imported there: the database starts at once.
"""

import asyncio
import json
import os
import shlex
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cli.directory import DataDirectory, DemoRecord, private_write
from cli.embedded import EmbeddedPostgres, EmbeddedValkey
from cli.fleet import Addresses, Stores, choose_addresses, inherited, programs
from cli.forkserver import ForkServer
from cli.options import DATA_DIR
from cli.output import Terminal
from cli.ports import wait_for_turn
from cli.supervisor import StopRequestedError, Supervisor
from shared.migrations.runner import migrate
from shared.text import comma_separated

__all__ = ["UpOptions", "outdated_figures", "secrets_are_opened", "up", "whereabouts"]

_READY_WITHIN = timedelta(seconds=90)


@dataclass(frozen=True, slots=True)
class UpOptions:
    """What `earned up` was asked for; None stands for "choose"."""

    data_dir: Path
    is_empty: bool
    database_url: str | None
    redis_url: str | None
    api_port: int | None
    collector_port: int | None


def up(options: UpOptions, terminal: Terminal) -> None:
    """Start everything, load the demo unless told otherwise, and stay until a signal.

    Raises:
        cli.embedded.EmbeddedServerError, cli.supervisor.NotReadyError, cli.ports.PortTakenError:
            it could not be started; the text says what to do.
        cli.golden.NotSettledError, cli.client.RefusedError, cli.client.UnreachableError: the demo
            could not be loaded; starting again goes on where it stopped.
        shared.security.keyring.KeyRingError: a secret key was given that is none.
    """
    _require_secret_keys()
    directory = DataDirectory(options.data_dir)
    directory.create()
    with (
        directory.held(),
        suppress(StopRequestedError),
        Supervisor() as supervisor,
        # First of all: what follows has its own imports, and a database to make, meanwhile.
        ForkServer(directory.logs, env=inherited()) as forks,
    ):
        _log_to_standard_error()
        with terminal.stage("PostgreSQL and Valkey"):
            threading.Thread(target=_load_migration_code, name="load", daemon=True).start()
            stores = _start_stores(supervisor, directory, options)
        with terminal.stage("schema"):
            supervisor.watch(lambda: migrate(stores.database_url))
        try:
            _run(supervisor, forks, directory, options, stores, terminal)
        finally:
            directory.running.unlink(missing_ok=True)
            directory.curl_config.unlink(missing_ok=True)


def _require_secret_keys() -> None:
    """Refuse a key that is none at once: each process would, after everything was made for it."""
    given = [key for key in (os.environ.get("EARNED_SECRET_KEY"), *_previous_keys()) if key]
    if given:
        from shared.security.keyring import KeyRing

        KeyRing.from_base64(*given)


def _run(
    supervisor: Supervisor,
    forks: ForkServer,
    directory: DataDirectory,
    options: UpOptions,
    stores: Stores,
    terminal: Terminal,
) -> None:
    with terminal.stage("processes") as stage:
        turn = supervisor.watch(lambda: wait_for_turn(_READY_WITHIN))
        addresses = choose_addresses(
            api_port=options.api_port,
            collector_port=options.collector_port,
            with_sandbox=not options.is_empty,
        )
        fleet = programs(directory, stores, addresses, start=forks.start)
        supervisor.watch(forks.wait_until_ready)
        for one in fleet:
            supervisor.start(one)
        forks.close()
        demo = None if options.is_empty else _demo_record(supervisor, directory, options, stores)
        supervisor.wait_until_ready(_READY_WITHIN)
        turn.release()
        stage.update(", ".join(one.name for one in fleet))
    _announce(directory, stores, addresses, demo)
    if demo is not None:
        text = supervisor.watch(
            lambda: _load_demo(directory, options.database_url, addresses, demo, terminal)
        )
        terminal.print(f"\n{text}")
    outdated = supervisor.watch(lambda: outdated_figures(stores.database_url))
    is_opened = supervisor.watch(lambda: secrets_are_opened(stores))
    terminal.print(
        "\n" + whereabouts(directory, addresses, demo, outdated=outdated, is_opened=is_opened)
    )
    supervisor.wait_for_stop()
    terminal.print("Stopping.")


def _load_migration_code() -> None:
    """Import what the next stage needs while the database is being made: about as long."""
    import alembic.command  # noqa: F401
    import sqlalchemy.dialects.postgresql.asyncpg  # noqa: F401


def _start_stores(supervisor: Supervisor, directory: DataDirectory, options: UpOptions) -> Stores:
    """Start the servers that no address was given for."""
    database_url, redis_url = options.database_url, options.redis_url
    if database_url is None:
        postgres = EmbeddedPostgres(directory.postgres)
        supervisor.start(postgres)
        database_url = postgres.url
    if redis_url is None:
        valkey = EmbeddedValkey(directory.valkey)
        supervisor.start(valkey)
        redis_url = valkey.url
    secret_key = os.environ.get("EARNED_SECRET_KEY") or directory.secret_key()
    return Stores(database_url, redis_url, secret_key)


def _demo_record(
    supervisor: Supervisor, directory: DataDirectory, options: UpOptions, stores: Stores
) -> DemoRecord:
    from cli.tenant import ensure_demo
    from sandbox.golden import program

    file = directory.demo(options.database_url)
    return supervisor.watch(
        lambda: ensure_demo(
            file,
            stores.database_url,
            stores.secret_key,
            name=program.ORGANIZATION,
            time_zone=program.ZONE.key,
            currency=program.CURRENCY,
            previous_secret_keys=_previous_keys(),
        )
    )


def _load_demo(
    directory: DataDirectory,
    given_database_url: str | None,
    addresses: Addresses,
    demo: DemoRecord,
    terminal: Terminal,
) -> str:
    """Load what is missing of the year and return the statement.

    A year that is in is not loaded again: what was changed since then stays changed.
    """
    from cli import golden, statement
    from cli.client import Client

    with (
        Client(addresses.api, key=demo.api_key) as api,
        Client(addresses.collector, key=demo.api_key) as collector,
        Client(addresses.sandbox) as sandbox,
    ):
        doors = golden.Doors(api=api, collector=collector, sandbox=sandbox)
        if not demo.is_loaded:
            golden.load(doors, terminal)
        elif demo.sandbox_url != addresses.sandbox:
            golden.connect(doors, terminal)
        loaded = DemoRecord(demo.api_key, sandbox_url=addresses.sandbox, is_loaded=True)
        directory.demo(given_database_url).write(loaded)
        figures = statement.read_figures(
            api, first_day=golden.FIRST_DAY, end_day=golden.END_DAY, model="linear"
        )
    return statement.render(figures)


def _announce(
    directory: DataDirectory, stores: Stores, addresses: Addresses, demo: DemoRecord | None
) -> None:
    """Tell the other commands, and curl, where everything is and which key opens it."""
    running = {
        **addresses.as_dict(),
        "database_url": stores.database_url,
        "key": demo.api_key if demo else "",
    }
    private_write(directory.running, json.dumps(running))
    if demo is not None:
        header = f'header = "Authorization: Bearer {demo.api_key}"'
        private_write(directory.curl_config, header)


def whereabouts(
    directory: DataDirectory,
    addresses: Addresses,
    demo: DemoRecord | None,
    *,
    outdated: int = 0,
    is_opened: bool = True,
) -> str:
    """Return the lines that say where everything is, and what can be typed next.

    ``outdated`` is how many organizations are answered from figures of before an upgrade;
    ``is_opened`` says whether the secret keys open what is stored.
    """
    lines = [
        f"API          {addresses.api}/docs",
        f"collector    {addresses.collector}/docs",
        "metrics      "
        + " ".join(
            f"{address}/metrics"
            for name, address in addresses.as_dict().items()
            if name != "sandbox"
        ),
        f"logs         {_shown(directory.logs)}",
    ]
    if demo is None:
        lines.append(
            f"first key    {_command()} keys create --organization NAME --new"
            f" --time-zone Europe/Warsaw --currency EUR{_elsewhere(directory)}"
        )
    else:
        from cli import golden

        question = f"from={golden.FIRST_DAY}&to={golden.END_DAY}"
        curl = f"curl -sK {_shown(directory.curl_config)}"
        lines += [
            f"sandbox      {addresses.sandbox}/_sandbox/requests",
            "explain      " + f"{curl} '{addresses.api}/v1/roi/explain?model=linear&{question}'",
            f"             {_command()} explain enrollment_rate"
            f" --from {golden.FIRST_DAY} --to {golden.END_DAY}{_elsewhere(directory)}",
        ]
    if outdated:
        lines += ["", _hint(directory, outdated)]
    if not is_opened:
        lines += ["", _other_key(directory)]
    return "\n".join([*lines, "", "Running. Stop with Ctrl-C."])


def outdated_figures(database_url: str) -> int:
    """Return how many organizations are answered from figures that older rules made."""
    import asyncpg

    from services.metrics.outdated import outdated

    async def ask() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            return len(await outdated(connection))
        finally:
            await connection.close()

    return asyncio.run(ask())


def secrets_are_opened(stores: Stores) -> bool:
    """Return whether the keys that processes were started with open what older ones have stored."""
    from cli.reencrypting import look
    from shared.security.keyring import KeyRing

    ring = KeyRing.from_base64(stores.secret_key, *_previous_keys())
    return all(each.is_readable for each in asyncio.run(look(stores.database_url, ring)))


def _previous_keys() -> tuple[str, ...]:
    return comma_separated(os.environ.get("EARNED_PREVIOUS_SECRET_KEYS", ""))


def _hint(directory: DataDirectory, outdated: int) -> str:
    """Return the line that says that figures are of before an upgrade, and who knows more."""
    whose = "1 organization" if outdated == 1 else f"{outdated} organizations"
    return (
        f"Figures of {whose} were folded by older rules than this version's:"
        f" `{_command()} doctor{_elsewhere(directory)}` says what changed and what to run."
    )


def _other_key(directory: DataDirectory) -> str:
    """Return the line that says that stored credentials were made with another key."""
    return (
        "Stored credentials were encrypted with another secret key than this:"
        f" `{_command()} doctor{_elsewhere(directory)}` says whose."
    )


def _elsewhere(directory: DataDirectory) -> str:
    """Return the option without which another command looks for the installation elsewhere."""
    is_usual = directory.path == DATA_DIR.absolute()
    return "" if is_usual else f" --data-dir {shlex.quote(_shown(directory.path))}"


def _shown(path: Path) -> str:
    """Return a path as short as it can be typed here."""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _command() -> str:
    """Return what to type for another command of the same installation."""
    program = Path(sys.argv[0])
    return _shown(program.absolute()) if program.name == "earned" else "earned"


def _log_to_standard_error() -> None:
    """Keep what the supervisor reports apart from what was asked for."""
    import structlog

    structlog.configure(
        processors=[_one_line], logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )


def _one_line(_logger: object, _method: str, event: Mapping[str, object]) -> str:
    name = event["event"]
    fields = " ".join(f"{key}={value}" for key, value in event.items() if key != "event")
    return f"  {name} {fields}"
