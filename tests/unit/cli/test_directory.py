"""The data directory: what is remembered, and who can read it."""

import stat
from pathlib import Path

import pytest

from cli.directory import DataDirectory, DemoRecord, private_write
from cli.running import NothingRunsError, find, stored_access, stored_database
from shared.security.keyring import KeyRing


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)

    key = directory.secret_key()

    assert DataDirectory(tmp_path).secret_key() == key
    assert KeyRing.from_base64(key)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_a_private_file_stays_private_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)

    private_write(path, "new")

    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_each_database_has_a_demo_of_its_own(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    record = DemoRecord(api_key="k", sandbox_url="http://127.0.0.1:8090", is_loaded=True)

    directory.demo("postgresql://ann:old@db.example:5432/earned").write(record)

    assert directory.demo("postgresql://bob:new@db.example:5432/earned").read() == record
    assert directory.demo("postgresql://ann:old@db.example:5432/other").read() is None
    assert directory.demo("postgresql://ann@/earned?host=/run/pg").read() is None
    assert directory.demo(None).read() is None


def test_the_running_installation_is_found_and_its_key_stays_with_it(tmp_path: Path) -> None:
    private_write(tmp_path / "running.json", '{"api": "http://127.0.0.1:8000", "key": "demo"}')

    assert find(tmp_path, api=None, key=None).need("key") == "demo"
    assert find(tmp_path, api=None, key="mine").need("key") == "mine"
    with pytest.raises(NothingRunsError, match="--key"):
        find(tmp_path, api="https://elsewhere.example", key=None).need("key")


def test_without_an_installation_the_missing_option_is_named(tmp_path: Path) -> None:
    with pytest.raises(NothingRunsError, match="--collector-url"):
        find(tmp_path).need("collector")
    with pytest.raises(NothingRunsError, match="--database-url"):
        stored_access(tmp_path, None)


def test_a_database_alone_does_not_make_a_secret_key(tmp_path: Path) -> None:
    elsewhere = "postgresql://db.example/earned"

    with pytest.raises(NothingRunsError, match="--secret-key"):
        stored_access(tmp_path / "none", elsewhere)
    assert stored_access(tmp_path / "none", elsewhere, "given").secret_key == "given"
    assert stored_database(tmp_path / "none", elsewhere) == elsewhere
    assert list(tmp_path.iterdir()) == []

    made = DataDirectory(tmp_path).secret_key()
    assert stored_access(tmp_path, elsewhere).secret_key == made
