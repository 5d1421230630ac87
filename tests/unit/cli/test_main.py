"""The command line: what it offers, how it refuses, how quick it is to help."""

import subprocess
import sys
from pathlib import Path

import pytest
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
