"""Organizations and keys without the API: made once, whatever crashes in between."""

import base64
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.directory import DataDirectory, DemoFile, DemoRecord
from cli.main import app
from cli.tenant import (
    AmbiguousOrganizationError,
    UnknownOrganizationError,
    ensure_demo,
    issue_key,
    list_keys,
    withdraw_key,
)

SECRET = base64.b64encode(bytes(range(32))).decode()


def _ensure(file: DemoFile, database_url: str, name: str) -> DemoRecord:
    return ensure_demo(
        file, database_url, SECRET, name=name, time_zone="Europe/Warsaw", currency="USD"
    )


def test_the_demo_is_made_once_and_found_again(tmp_path: Path, database_url: str) -> None:
    file = DataDirectory(tmp_path).demo(None)

    first = _ensure(file, database_url, "Once")
    again = _ensure(file, database_url, "Once")

    assert again == first
    assert len(list_keys(database_url, organization="Once")) == 1


def test_a_key_whose_commit_was_lost_is_replaced(tmp_path: Path, database_url: str) -> None:
    # Written before the commit, so this is what a crash in between leaves behind.
    file = DataDirectory(tmp_path).demo(None)
    lost = _ensure(file, database_url, "Elsewhere").api_key
    withdraw_key(database_url, organization="Elsewhere", key_id=lost.split("_")[2])

    record = _ensure(file, database_url, "Made anew")

    assert record.api_key != lost
    assert file.read() == record
    assert len(list_keys(database_url, organization="Made anew")) == 1


def test_a_key_for_a_new_organization_and_one_more(database_url: str) -> None:
    scopes = ["kpis:read"]
    first = issue_key(
        database_url,
        SECRET,
        organization="New",
        name="one",
        scopes=scopes,
        new_organization=("UTC", "EUR"),
    )
    second = issue_key(database_url, SECRET, organization="New", name="two", scopes=scopes)

    assert [key["id"] for key in list_keys(database_url, organization="New")] == [
        first.id,
        second.id,
    ]


def test_an_organization_has_to_be_named_without_doubt(database_url: str) -> None:
    for _ in range(2):
        issue_key(
            database_url,
            SECRET,
            organization="Twice",
            name="k",
            scopes=["kpis:read"],
            new_organization=("UTC", "EUR"),
        )

    with pytest.raises(AmbiguousOrganizationError):
        list_keys(database_url, organization="Twice")
    with pytest.raises(UnknownOrganizationError):
        list_keys(database_url, organization="Nobody")


def test_keys_are_listed_and_revoked_with_the_database_alone(
    database_url: str, tmp_path: Path
) -> None:
    key = issue_key(
        database_url,
        SECRET,
        organization="Elsewhere run",
        name="partner",
        scopes=["kpis:read"],
        new_organization=("UTC", "EUR"),
    )
    where = ["--organization", "Elsewhere run", "--database-url", database_url]
    where += ["--data-dir", str(tmp_path / "none")]
    runner = CliRunner()

    listed = runner.invoke(app, ["keys", "list", *where])
    revoked = runner.invoke(app, ["keys", "revoke", key.id, *where])
    after = runner.invoke(app, ["keys", "list", *where])

    assert (listed.exit_code, revoked.exit_code, after.exit_code) == (0, 0, 0)
    assert listed.output.split() == [key.id, "valid", "used", "never", "partner"]
    assert after.output.split() == [key.id, "revoked", "used", "never", "partner"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--time-zone", "Mars/Phobos"], "unknown time zone: Mars/Phobos"),
        (["--currency", "eur"], "eur is no currency"),
        (["--currency", "XTS"], "XTS is no currency"),
        (["--organization", ""], "1 to 200 characters"),
        (["--scope", "kpis:all"], "kpis:read"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_in_a_sentence(
    database_url: str, tmp_path: Path, wrong: list[str], said: str
) -> None:
    where = ["--database-url", database_url, "--secret-key", SECRET, "--data-dir", str(tmp_path)]

    refused = CliRunner().invoke(
        app, ["keys", "create", "--organization", "Mistyped", "--new", *where, *wrong]
    )

    assert refused.exit_code == 1
    assert said in refused.output
    assert isinstance(refused.exception, SystemExit)
    with pytest.raises(UnknownOrganizationError):
        list_keys(database_url, organization="Mistyped")


def test_a_key_that_is_not_there_is_named(database_url: str, tmp_path: Path) -> None:
    issue_key(
        database_url,
        SECRET,
        organization="Keyless",
        name="k",
        scopes=["kpis:read"],
        new_organization=("UTC", "EUR"),
    )
    where = ["--database-url", database_url, "--data-dir", str(tmp_path)]

    refused = CliRunner().invoke(
        app, ["keys", "revoke", "abcdefgh", "--organization", "Keyless", *where]
    )

    assert refused.exit_code == 1
    assert refused.output.strip() == "earned: Keyless has no key abcdefgh"
