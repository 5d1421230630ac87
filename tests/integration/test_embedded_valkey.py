"""The embedded Valkey carries arq's jobs, over its socket alone."""

import asyncio
from pathlib import Path

import pytest
from arq.connections import ArqRedis, RedisSettings, create_pool

from cli.embedded import DirectoryInUseError, EmbeddedValkey
from tests.integration.embedded_support import kill_and_reap


async def connect(url: str) -> ArqRedis:
    return await create_pool(RedisSettings.from_dsn(url))


def test_arq_enqueues_and_a_killed_server_comes_back_at_the_same_url(tmp_path: Path) -> None:
    async def enqueue(url: str) -> tuple[int, dict[str, str]]:
        pool = await connect(url)
        try:
            await pool.enqueue_job("fold.run", 1)
            settings = await pool.config_get("*")
            return len(await pool.queued_jobs()), settings
        finally:
            await pool.aclose()

    with EmbeddedValkey(tmp_path / "data") as server:
        queued, settings = asyncio.run(enqueue(server.url))
        assert queued == 1
        assert settings["port"] == "0"
        assert settings["save"] == ""
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["unixsocketperm"] == "700"
        assert (tmp_path / "data" / "run").stat().st_mode & 0o777 == 0o700

        url, pid = server.url, server.pid
        assert pid is not None
        kill_and_reap(pid, server.poll)
        server.start()

        assert server.url == url
        # Nothing is kept: what was due is known to the database.
        assert asyncio.run(enqueue(url))[0] == 1

    assert server.pid is None


def test_a_second_launcher_is_refused(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path), pytest.raises(DirectoryInUseError):
        EmbeddedValkey(tmp_path).start()
