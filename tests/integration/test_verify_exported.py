"""A metrics worker as it is run: what its samples find is on its port, for Prometheus."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from cli.embedded.valkey import EmbeddedValkey
from cli.ports import pick_port
from services.metrics.verify import repair
from shared import clock
from shared.db import Database
from shared.orgs import Org
from tests.integration.falsifying import by_hand
from tests.integration.killing import begin, ended
from tests.integration.test_rebuild import found
from tests.unit.test_deploy_observability import NAME, rules

pytestmark = pytest.mark.timeout(180)

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
_LAST_SUCCESS = ("earned_verify_last_success_timestamp_seconds", frozenset[tuple[str, str]]())
_HEADS = ("earned_verify_mismatches_total", frozenset({("check", "heads"), ("family", "")}))


async def exported(client: httpx.AsyncClient) -> Series:
    """Return what the worker exports; nothing while it is not there yet."""
    try:
        text = (await client.get("/metrics")).text
    except httpx.ConnectError:
        return {}
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def until(client: httpx.AsyncClient, holds: Callable[[Series], bool]) -> Series:
    """Ask until it holds, and return what was exported then."""
    async with asyncio.timeout(120):
        while not holds(series := await exported(client)):
            await asyncio.sleep(0.1)
    return series


async def test_a_wrong_figure_moves_a_series_and_a_repair_stops_it(
    database: Database, org: Org, database_url: str, tmp_path: Path
) -> None:
    await found(database, org)
    port = pick_port(8013)
    address = f"http://127.0.0.1:{port}"
    with EmbeddedValkey(tmp_path / "valkey") as valkey:
        environment = {
            "EARNED_DATABASE_URL": database_url,
            "EARNED_REDIS_URL": valkey.url,
            "EARNED_SECRET_KEY": b64encode(bytes(32)).decode(),
            "EARNED_METRICS_PORT": str(port),
            "EARNED_SWEEP_EVERY": "0.1",
            "EARNED_VERIFY_EVERY": "1",
        }
        worker = begin("work", "metrics", environment=environment)
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            series = await until(client, lambda found: found.get(_LAST_SUCCESS, 0) > 0)
            assert series[_HEADS] == 0
            assert of_rules() <= {name for name, _ in series}

            await by_hand(
                database_url, "UPDATE fact_head SET content_hash = 'x' WHERE org_id = $1", org.id
            )
            await until(client, lambda found: found[_HEADS] > 0)
            assert (await repair(database, org.id)).after.mismatches == 0
            repaired_at = clock.now().timestamp()
            await until(client, lambda found: found[_LAST_SUCCESS] > repaired_at)
        worker.terminate()
        assert ended(worker) == 0


def of_rules() -> set[str]:
    """Return the series of verification that the rules speak of."""
    named = {name for rule in rules() for name in NAME.findall(rule["expr"])}
    return {name for name in named if name.startswith("earned_verify_")}
