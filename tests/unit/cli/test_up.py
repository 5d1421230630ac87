"""What a start prints: commands that can be typed as they stand."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.directory import DataDirectory, DemoRecord
from cli.fleet import Addresses
from cli.main import app
from cli.up import whereabouts

ADDRESSES = Addresses(
    api="http://127.0.0.1:8000",
    collector="http://127.0.0.1:8001",
    collector_worker="http://127.0.0.1:8012",
    metrics_worker="http://127.0.0.1:8013",
    sandbox="http://127.0.0.1:8090",
)


@pytest.mark.parametrize("demo", [None, DemoRecord("earned_live_x")])
def test_printed_commands_find_the_installation_they_are_printed_by(
    demo: DemoRecord | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    usual = whereabouts(DataDirectory(Path(".earned")), ADDRESSES, demo)
    other = whereabouts(DataDirectory(Path("else where")), ADDRESSES, demo)

    command = "explain enrollment_rate" if demo else "keys create"
    (plain,) = [line for line in usual.splitlines() if command in line]
    (located,) = [line for line in other.splitlines() if command in line]
    assert "--data-dir" not in plain
    assert located == f"{plain} --data-dir 'else where'"


@pytest.mark.parametrize(
    ("outdated", "said"), [(1, "Figures of 1 organization "), (7, "Figures of 7 organizations ")]
)
def test_figures_of_older_rules_are_hinted_at_with_the_command_that_says_more(
    outdated: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = DataDirectory(Path("else where"))

    text = whereabouts(elsewhere, ADDRESSES, None, outdated=outdated)

    (line,) = [line for line in text.splitlines() if "older rules" in line]
    assert line.startswith(said)
    assert "doctor --data-dir 'else where'` says" in line
    assert "older rules" not in whereabouts(elsewhere, ADDRESSES, None)


def test_credentials_under_another_secret_key_are_hinted_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = DataDirectory(Path("else where"))

    text = whereabouts(elsewhere, ADDRESSES, None, is_opened=False)

    (line,) = [line for line in text.splitlines() if "another secret key" in line]
    assert "doctor --data-dir 'else where'` says" in line
    assert "another secret key" not in whereabouts(elsewhere, ADDRESSES, None)


@pytest.mark.parametrize("name", ["EARNED_SECRET_KEY", "EARNED_PREVIOUS_SECRET_KEYS"])
def test_a_key_that_is_none_is_refused_before_anything_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "c2hvcnQ=")

    ended = CliRunner().invoke(app, ["up", "--empty", "--data-dir", str(tmp_path / "made")])

    assert ended.exit_code == 1
    assert ended.output == "earned: a secret key must be 32 bytes\n"
    assert not (tmp_path / "made").exists()


def test_a_second_one_on_a_folder_is_refused_with_servers_of_ones_own_too(tmp_path: Path) -> None:
    elsewhere = "postgresql://nobody@127.0.0.1:1/nothing"
    command = ["up", "--empty", "--data-dir", str(tmp_path), "--database-url", elsewhere]
    redis = ["--redis-url", "redis://127.0.0.1:1/0"]

    with DataDirectory(tmp_path).held():
        second = CliRunner().invoke(app, [*command, *redis])
    with DataDirectory(tmp_path).held():
        assert second.exit_code == 1
    assert "is in use by another `earned up`" in second.output
