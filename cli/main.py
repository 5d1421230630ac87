"""The `earned` command. Each command imports what it needs when it runs: `--help` stays quick."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import upkeep
from cli.keys import keys_app
from cli.options import (
    DATA_DIR,
    END_DAY,
    FIRST_DAY,
    ApiUrl,
    CollectorUrl,
    DatabaseUrl,
    DataDir,
    EndDay,
    FirstDay,
    Key,
    PreviousSecretKeys,
    RedisUrl,
    SecretKey,
    of_redis,
    told,
)

app = typer.Typer(
    name="earned",
    help="Measures what employee advocacy earns, and proves it.",
    epilog="A command ends with 0 if it did what was asked, with 1 if it could not or found "
    "something wrong, and says what; with 2 if it was typed wrongly. Further codes: `verify`, "
    "`serve`, `work`, `sandbox`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_ENDS_OF_PROCESS = "Runs until SIGTERM. Ends with 3 if its port is taken."


class HttpProcess(StrEnum):
    """The processes that answer HTTP."""

    API = "api"
    COLLECTOR = "collector"


class Worker(StrEnum):
    """The processes that work off what is due."""

    COLLECTOR = "collector"
    METRICS = "metrics"


class ImportKind(StrEnum):
    """What an imported file holds."""

    ROSTER = "roster"
    MEMBERSHIP = "membership"
    COSTS = "costs"
    SSI = "ssi"
    SURVEYS = "surveys"
    FIGURES = "figures"
    QUOTAS = "quotas"
    TRAININGS = "trainings"
    LEAVERS = "leavers"


@app.command()
def up(
    *,
    empty: Annotated[bool, typer.Option("--empty", help="Without the demo.")] = False,
    data_dir: DataDir = DATA_DIR,
    database_url: DatabaseUrl = None,
    redis_url: RedisUrl = None,
    api_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="8000, or another free one, if none.")
    ] = None,
    collector_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="8001, or another free one, if none.")
    ] = None,
) -> None:
    """Run everything on this machine until Ctrl-C, with PostgreSQL and Valkey unless given."""
    from cli.output import Terminal
    from cli.up import UpOptions
    from cli.up import up as run

    options = UpOptions(
        data_dir=data_dir,
        is_empty=empty,
        database_url=database_url,
        redis_url=redis_url,
        api_port=api_port,
        collector_port=collector_port,
    )
    with told():
        run(options, Terminal())


@app.command()
def demo(
    *,
    sandbox_url: Annotated[
        str | None,
        typer.Option(
            "--sandbox-url",
            help="Address of the vendor look-alikes; what `earned up` runs if none.",
        ),
    ] = None,
    api_url: ApiUrl = None,
    collector_url: CollectorUrl = None,
    key: Key = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Load the demo year into an installation that runs, and print its statement."""
    from cli import golden, statement
    from cli.client import Client
    from cli.output import Terminal
    from cli.running import find

    with told():
        found = find(data_dir, api=api_url, collector=collector_url, sandbox=sandbox_url, key=key)
        with (
            Client(found.need("api"), key=found.need("key")) as api,
            Client(found.need("collector"), key=found.need("key")) as collector,
            Client(found.need("sandbox")) as sandbox,
        ):
            golden.load(golden.Doors(api=api, collector=collector, sandbox=sandbox), Terminal())
            figures = statement.read_figures(
                api, first_day=golden.FIRST_DAY, end_day=golden.END_DAY, model="linear"
            )
        typer.echo(statement.render(figures))


@app.command()
def report(
    *,
    first_day: FirstDay = FIRST_DAY,
    end_day: EndDay = END_DAY,
    model: Annotated[str, typer.Option(help="Attribution model of the verdict.")] = "linear",
    api_url: ApiUrl = None,
    key: Key = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Print the ROI statement of a period."""
    from cli import statement
    from cli.client import Client
    from cli.running import find

    with told():
        found = find(data_dir, api=api_url, key=key)
        with Client(found.need("api"), key=found.need("key")) as api:
            figures = statement.read_figures(
                api, first_day=first_day.date(), end_day=end_day.date(), model=model
            )
        typer.echo(statement.render(figures))


@app.command()
def explain(
    kpi: Annotated[str, typer.Argument(help="Id of the KPI, such as enrollment_rate.")],
    *,
    first_day: FirstDay = FIRST_DAY,
    end_day: EndDay = END_DAY,
    lines: Annotated[int, typer.Option(min=0, help="Most facts to list of each input.")] = 10,
    api_url: ApiUrl = None,
    key: Key = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show where a KPI comes from: its arithmetic, its inputs and the facts behind them."""
    from cli.client import Client
    from cli.explanation import explain as run
    from cli.running import find

    with told():
        found = find(data_dir, api=api_url, key=key)
        with Client(found.need("api"), key=found.need("key")) as api:
            text = run(
                api, kpi, first_day=first_day.date(), end_day=end_day.date(), most_lines=lines
            )
        typer.echo(text)


@app.command("import")
def import_(
    kind: Annotated[ImportKind, typer.Argument(help="What the file holds.")],
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="UTF-8, with a header.")
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it.")] = False,
    collector_url: CollectorUrl = None,
    key: Key = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Import a CSV file: all of it, or nothing if a row is wrong."""
    from cli.client import Client
    from cli.running import find

    with told():
        found = find(data_dir, collector=collector_url, key=key)
        with Client(found.need("collector"), key=found.need("key")) as collector:
            answer = collector.post_file(
                f"/v1/imports/{kind}", file.read_bytes(), media_type="text/csv", dry_run=dry_run
            )
        typer.echo(
            f"{answer['rows']} rows: {answer['inserted']} new, {answer['corrected']} corrected, "
            f"{answer['unchanged']} known already" + (" (nothing written)" if dry_run else "")
        )


app.command("verify", epilog=upkeep.ENDS_OF_VERIFY)(upkeep.verify)
app.command("rebuild")(upkeep.rebuild)
app.add_typer(keys_app, name="keys")


@app.command(epilog="Ends with 1 if there is a fault.")
def doctor(
    *,
    database_url: DatabaseUrl = None,
    redis_url: Annotated[
        str | None,
        typer.Option(
            "--redis-url",
            envvar="EARNED_REDIS_URL",
            callback=of_redis,
            help="redis://… or unix://…; not looked at if none.",
        ),
    ] = None,
    secret_key: SecretKey = None,
    previous_secret_keys: PreviousSecretKeys = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Check this machine and what it is configured for; say what to do about each fault."""
    from cli.doctor import examine

    with told():
        checks = examine(
            data_dir,
            database_url=database_url,
            redis_url=redis_url,
            secret_key=secret_key,
            previous_secret_keys=previous_secret_keys,
        )
        for check in checks:
            typer.echo(check.line)
        if any(check.is_fault for check in checks):
            raise typer.Exit(1)


@app.command("migrate")
def migrate_() -> None:
    """Bring the database at EARNED_DATABASE_URL to the newest schema, as its owner."""
    from shared.migrations.runner import head_revision, migrate
    from shared.settings import MigrateSettings

    with told():
        settings = MigrateSettings.from_environment()
        migrate(settings.database_url.get_secret_value())
        typer.echo(f"The schema serves this version, which needs {head_revision()}.")


@app.command(epilog=_ENDS_OF_PROCESS)
def serve(process: HttpProcess) -> None:
    """Run a process that answers HTTP, configured by EARNED_* variables."""
    from cli import processes

    with told():
        if process is HttpProcess.API:
            processes.serve_api()
        else:
            processes.serve_collector()


@app.command(epilog=_ENDS_OF_PROCESS)
def work(worker: Worker) -> None:
    """Run a worker, configured by EARNED_* variables."""
    from cli import processes

    with told():
        if worker is Worker.COLLECTOR:
            processes.work_collector()
        else:
            processes.work_metrics()


@app.command(epilog=_ENDS_OF_PROCESS)
def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8090,
    journal: Annotated[Path | None, typer.Option(help="Keeps changes across restarts.")] = None,
) -> None:
    """Run the vendor look-alikes: HubSpot, LinkedIn and Google Analytics on one port."""
    from sandbox.app import run

    run(host, port, journal=journal)


if __name__ == "__main__":
    app()
