"""The command line: what it offers, how it refuses, how quick it is to help."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[3]
HEAVY = ("sqlalchemy", "fastapi", "httpx", "alembic", "asyncpg", "structlog")


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner(env={"EARNED_DATABASE_URL": "", "EARNED_API_KEY": ""})


def test_help_names_every_command(runner: CliRunner) -> None:
    shown = runner.invoke(app, ["--help"]).output

    for command in (
        *("up", "demo", "report", "import", "explain", "keys", "rebuild"),
        *("doctor", "migrate", "serve", "work", "sandbox"),
    ):
        assert command in shown


def _commands(command: object, name: str = "") -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Yield every command with what is typed for it, groups of commands among them."""
    assert isinstance(command, TyperCommand | TyperGroup)
    yield name, command
    for word, part in getattr(command, "commands", {}).items():
        yield from _commands(part, f"{name} {word}".strip())


def test_every_option_says_what_it_is_for_without_another_one() -> None:
    commands = dict(_commands(get_command(app)))
    unsaid = [
        f"{name} {option.name}"
        for name, command in commands.items()
        for option in command.params
        if not getattr(option, "help", None) and option.name not in {"process", "worker"}
    ]
    # Options are listed by themselves: there is nothing before them that they could be like.
    leaning = [
        f"{name} {option.name}"
        for name, command in commands.items()
        for option in command.params
        if "likewise" in (getattr(option, "help", None) or "")
    ]

    assert {"keys create", "verify", "up"} <= commands.keys()
    assert (unsaid, leaning) == ([], [])


def test_help_says_what_a_command_ends_with() -> None:
    ends = {name: command.epilog or "" for name, command in _commands(get_command(app))}

    assert [code for code in "012" if f"with {code}" not in ends[""]] == []
    assert [code for code in "013" if f"with {code}" not in ends["verify"]] == []
    assert "with 1" in ends["doctor"]
    for process in ("serve", "work", "sandbox"):
        assert "with 3" in ends[process]
        assert f"`{process}`" in ends[""]


@pytest.mark.parametrize(
    "typed",
    [
        ("verify", "--database-url", "hunter4"),
        ("keys", "list", "--organization", "Any", "--database-url", "mysql://hunter4@db"),
        ("up", "--database-url", "postgresql://earned@db:hunter4/earned"),
        ("up", "--redis-url", "hunter4"),
        ("doctor", "--redis-url", "redis://redis:hunter4"),
        ("report", "--key", "hunter4…"),
        ("explain", "shares", "--key", "hunter4\n"),
    ],
)
def test_what_nothing_can_be_reached_with_is_refused_without_being_shown(
    runner: CliRunner, typed: tuple[str, ...]
) -> None:
    refused = runner.invoke(app, list(typed))

    assert refused.exit_code == 2
    assert typed[-2] in refused.output
    assert "hunter4" not in refused.output


def test_a_port_that_is_taken_ends_a_process_as_its_help_says() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = subprocess.run(
            [sys.executable, "-m", "cli.main", "sandbox", "--port", port],
            capture_output=True,
            cwd=ROOT,
            check=False,
            timeout=60,
        )

    assert ended.returncode == 3


def test_help_loads_nothing_heavy() -> None:
    script = (
        f"import sys; from cli.main import app; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert loaded.stdout.strip() == "[]"


def test_a_command_without_an_installation_says_what_to_do(
    runner: CliRunner, tmp_path: Path
) -> None:
    result = runner.invoke(app, ["report", "--data-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert "earned up" in result.output
    assert "--api-url" in result.output
    assert "Traceback" not in result.output


def test_missing_settings_are_named_without_values(
    runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARNED_SECRET_KEY", "not-a-key-but-secret")

    result = runner.invoke(app, ["serve", "api"])

    assert result.exit_code == 1
    assert "EARNED_REDIS_URL" in result.output
    assert "not-a-key-but-secret" not in result.output


def test_a_port_out_of_range_is_refused(runner: CliRunner) -> None:
    assert runner.invoke(app, ["up", "--api-port", "0"]).exit_code == 2
