"""`earned up`, whole: the Golden Ratio year goes in by the real doors, its figures come out."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.installation import (
    ROOT,
    RUNNING,
    Installation,
    data_directory,
    environment,
    installation,
    pages,
    run_command,
    wait_for,
)
from tests.e2e.tour import printed_by_make_run, shown_commands, without_chances
from tests.integration.embedded_support import ends_of, family

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="watches processes as Linux does"),
]

PERIOD = {"from": "2025-01-01", "to": "2025-04-01"}
CREDITED = {
    "first": "33000.00",
    "last": "37000.00",
    "linear": "28500.00",
    "position": "31100.00",
    "time_decay": "34447.97",
}
STATEMENT = (
    "cost of the program 22,500.00",
    "first touch 33,000.00 55.00 % +46.67 % +17.33 % +43.11 %",
    "last touch 37,000.00 61.67 % +64.44 % +31.56 % +57.33 %",
    "linear 28,500.00 47.50 % +26.67 % +1.33 % +27.11 %",
    "position 40/20/40 31,100.00 51.83 % +38.22 % +10.58 % +36.36 %",
    "time decay (7 days) 34,447.97 57.41 % +53.10 % +22.48 % +48.26 %",
    "ROI on margin, linear: +1.33 %",
    "The sign of ROI depends on the model:",
    "Break-even: 28,125.00 of credited revenue, 46.875 % of all.",
    "Payback: 2025-04-20, day 109 of the period.",
    "adoption (enrolled of headcount) 30.00 %",
    "active of enrolled 80.00 %",
    "median time to close 60.00 days",
)


def assert_golden(text: str) -> None:
    """Compare a printed statement with the figures computed by hand, whatever its columns."""
    printed = [" ".join(line.split()) for line in text.splitlines()]
    missing = [line for line in STATEMENT if not any(one.startswith(line) for one in printed)]
    assert not missing, text


@pytest.fixture(scope="module")
def running() -> Iterator[Installation]:
    with data_directory() as path, installation(path) as launched:
        launched.read_until(RUNNING)
        yield launched


@pytest.fixture
def api(running: Installation) -> Iterator[httpx.Client]:
    with running.client() as client:
        yield client


def _get(api: httpx.Client, path: str, **query: Any) -> Any:
    response = api.get(path, params=query)
    assert response.status_code == httpx.codes.OK, response.text
    return response.json()


def test_the_printed_statement_has_the_figures_computed_by_hand(running: Installation) -> None:
    assert_golden(running.text)


def test_it_prints_what_the_readme_shows(running: Installation) -> None:
    told, printed = (
        # Addresses and paths at the end are those of the installation.
        [line.split() for line in without_chances(text).partition("\nAPI ")[0].splitlines()]
        for text in (printed_by_make_run(ROOT / "README.md"), running.text.strip())
    )
    assert printed == told


@pytest.mark.skipif(shutil.which("curl") is None, reason="the tour asks with curl")
def test_the_tour_of_the_readme_prints_what_it_shows(running: Installation, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / ".earned").symlink_to(running.data_dir)
    api = running.running()["api"]

    for command, output in shown_commands(ROOT / "README.md"):
        ran = subprocess.run(
            ["sh", "-c", command.replace("http://127.0.0.1:8000", api)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(),
            check=False,
        )
        assert (ran.returncode, ran.stderr) == (0, ""), command
        assert without_chances(ran.stdout.strip()) == without_chances(output), command


def test_the_api_says_the_same(api: httpx.Client) -> None:
    statement = _get(api, "/v1/roi", **PERIOD, model="linear")
    assert statement["cost"]["total"] == "22500.00"
    assert statement["credited_revenue"] == "28500.00"
    assert statement["roi_on_margin"]["percent"] == "1.33"
    assert statement["payback"]["day"] == "2025-04-20"
    assert not statement["is_partial"]

    comparison = _get(api, "/v1/roi/models", **PERIOD)
    credited = {one["model"]: one["credited_revenue"] for one in comparison["models"]}
    assert CREDITED.items() <= credited.items()
    assert {one["total"] for one in comparison["models"]} == {"60000.00"}
    assert comparison["sign_depends_on_model"]

    ids = ["enrollment_rate", "active_of_enrolled_rate", "shares", "reactions", "leads", "clicks"]
    kpis = _get(api, "/v1/kpis/values", **PERIOD, ids=ids)["kpis"]
    values = {one["kpi"]: one["values"][0]["value"] for one in kpis}
    assert {name: Decimal(value) for name, value in values.items()} == {
        "enrollment_rate": 30,
        "active_of_enrolled_rate": 80,
        "shares": 624,
        "reactions": 1872,
        "leads": 30,
        "clicks": 624,
    }


@pytest.mark.parametrize("model", CREDITED)
def test_the_events_add_up_to_credited_revenue_and_cost(api: httpx.Client, model: str) -> None:
    found = list(pages(api, "/v1/roi/explain", **PERIOD, model=model, limit=100))

    credited = sum(Decimal(one["amount"]) for page in found for one in page["credits"])
    cost = sum(Decimal(one["quantity"]) for page in found for one in page["costs"])
    assert (credited, cost) == (Decimal(CREDITED[model]), Decimal("22500.00"))


def test_the_facts_of_each_input_add_up_to_the_kpi(api: httpx.Client) -> None:
    sums: dict[str, Decimal] = {}
    for page in pages(api, "/v1/kpis/cost_per_lead/explain", **PERIOD, limit=200):
        for line in page["facts"]["lines"]:
            sums[line["measure"]] = sums.get(line["measure"], Decimal(0)) + Decimal(
                line["quantity"]
            )

    assert sorted(sums.values()) == [Decimal(30), Decimal("22500.00")]


def test_sending_everything_again_changes_nothing(running: Installation, api: httpx.Client) -> None:
    before = _get(api, "/v1/data-health")["ledger_position"]
    addresses = running.running()

    for seed in (1, 2):
        delivered = httpx.post(
            f"{addresses['sandbox']}/_sandbox/hubspot/deliver",
            json={
                "target_url": _hubspot_endpoint(api, addresses["collector"]),
                "duplicate": True,
                "shuffle": seed,
                "batch_size": 7,
                "concurrency": 8,
            },
            trust_env=False,
            timeout=60,
        ).json()
        assert set(delivered["statuses"]) == {202}
    _poll_everything_again(api)
    statement = run_command("demo", "--data-dir", str(running.data_dir))

    assert_golden(statement)
    assert _get(api, "/v1/data-health")["ledger_position"] == before


def _connections(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _get(api, "/v1/connections", limit=200)["connections"]
    return found


def _hubspot_endpoint(api: httpx.Client, collector: str) -> str:
    (hubspot,) = (one for one in _connections(api) if one["provider"] == "hubspot")
    return f"{collector}/webhooks/hubspot/{hubspot['id']}"


def _poll_everything_again(api: httpx.Client) -> None:
    def read_at() -> dict[tuple[str, str], str]:
        return {
            (one["id"], stream["stream"]): stream["last_success_at"]
            for one in _connections(api)
            for stream in one["streams"]
        }

    before = read_at()
    for connection_id in {connection for connection, _ in before}:
        response = api.post(f"/v1/connections/{connection_id}/sync")
        assert response.status_code == httpx.codes.ACCEPTED, response.text
    wait_for(
        lambda: all(at != before[stream] for stream, at in read_at().items()),
        what="every stream to be read again",
    )


@pytest.mark.parametrize(
    "words", [("work", "collector"), ("postgres", "-D")], ids=["collector-worker", "postgres"]
)
def test_killing_a_process_during_the_load_changes_no_figure(words: tuple[str, ...]) -> None:
    with data_directory() as path, installation(path) as launched:
        launched.read_until("connections")

        os.kill(launched.pid_of(*words), signal.SIGKILL)

        launched.read_until(RUNNING)
        assert_golden(launched.text)


def test_a_killed_launcher_goes_on_where_it_stopped_and_ctrl_c_leaves_nothing() -> None:
    with data_directory() as path:
        with installation(path) as killed:
            killed.read_until("CSV files")
            with ends_of(family(killed.process.pid)) as wait_for_ends:
                killed.process.kill()
                wait_for_ends()

        with installation(path) as again:
            again.read_until(RUNNING)
            assert_golden(again.text)
            organizations = run_command(
                *("keys", "list", "--organization", "Golden Ratio", "--data-dir", str(path))
            )
            assert len(organizations.splitlines()) == 1
            with ends_of(family(again.process.pid)[1:]) as wait_for_ends:
                assert again.interrupt() == 0
                wait_for_ends()

        assert not (path / "running.json").exists()


def test_two_that_start_at_once_have_ports_of_their_own() -> None:
    with (
        data_directory() as one_dir,
        data_directory() as other_dir,
        installation(one_dir, "--empty") as one,
        installation(other_dir, "--empty") as other,
    ):
        one.read_until(RUNNING)
        other.read_until(RUNNING)
        ports = [
            address.rpartition(":")[2]
            for up in (one, other)
            for name, address in up.running().items()
            if name not in ("database_url", "key", "sandbox")
        ]

        assert len(set(ports)) == len(ports) == 8
        assert "supervisor.child_ended" not in one.text + other.text
