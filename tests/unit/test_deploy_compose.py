"""docker-compose.yml: every process, hardened alike, reachable from this machine only."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.settings import MigrateSettings

ROOT = Path(__file__).parents[2]
COMMANDS = {
    "migrate": ["migrate"],
    "api": ["serve", "api"],
    "collector": ["serve", "collector"],
    "collector-worker": ["work", "collector"],
    "metrics-worker": ["work", "metrics"],
}
STORES = ("postgres", "valkey")
LONG_RUNNING = tuple(name for name in COMMANDS if name != "migrate")

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_services_are_the_five_processes_their_stores_and_prometheus() -> None:
    assert set(SERVICES) == {*COMMANDS, *STORES, "prometheus"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_process_is_the_one_image_with_its_command(name: str) -> None:
    assert SERVICES[name]["command"] == COMMANDS[name]
    assert SERVICES[name]["image"] == "earned:local"


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_nothing_but_its_work(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["user"].split(":")[0] not in {"0", "root"}
    assert not {"privileged", "cap_add", "pid", "ipc", "network_mode"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_limited(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]

    assert set(limits) == {"cpus", "memory", "pids"}


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_whatever_keeps_running_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_process_waits_for_the_migration_and_reports_readiness(name: str) -> None:
    service = SERVICES[name]
    port = service["environment"].get("EARNED_HTTP_PORT") or service["environment"].get(
        "EARNED_METRICS_PORT"
    )

    assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]


def test_the_migration_runs_once_as_the_owner_and_the_processes_do_not() -> None:
    owner = SERVICES["migrate"]["environment"]["EARNED_DATABASE_URL"]
    runtime = {SERVICES[name]["environment"]["EARNED_DATABASE_URL"] for name in LONG_RUNNING}

    assert SERVICES["migrate"]["restart"] == "no"
    assert owner.startswith("postgresql://earned:")
    assert all(url.startswith("postgresql://earned_runtime:") for url in runtime)


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_key_can_be_replaced_without_a_change_of_this_file(name: str) -> None:
    handed_on = SERVICES[name]["environment"]

    assert handed_on["EARNED_PREVIOUS_SECRET_KEYS"] == "${EARNED_PREVIOUS_SECRET_KEYS:-}"
    assert handed_on["EARNED_LOG_LEVEL"] == "${EARNED_LOG_LEVEL:-info}"


def test_the_migration_is_given_what_it_reads_and_nothing_else() -> None:
    settings = {f"EARNED_{name.upper()}" for name in MigrateSettings.model_fields}

    assert set(SERVICES["migrate"]["environment"]) <= settings
    assert all("EARNED_SECRET_KEY" in SERVICES[name]["environment"] for name in LONG_RUNNING)


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_has_a_version(name: str) -> None:
    _, separator, tag = SERVICES[name]["image"].rpartition(":")

    assert separator
    assert tag != "latest"


@pytest.mark.parametrize("name", SERVICES)
def test_published_ports_are_on_loopback(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_stores_are_on_a_network_without_a_way_out() -> None:
    for name in STORES:
        assert SERVICES[name]["networks"] == ["stores"]
        assert "ports" not in SERVICES[name]
    assert COMPOSE["networks"]["stores"] == {"internal": True}


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("PASSWORD", "SECRET", "DATABASE_URL", "REDIS_URL")):
                assert "${EARNED_" in value, name
                # Only keys of before need not be there.
                is_needed = "PREVIOUS" not in name
                assert (":?" in value) is is_needed, f"{name} may be empty"


def test_the_example_names_every_variable_compose_asks_for() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    asked = {part.split(":")[0].split("}")[0] for part in text.split("${")[1:]}
    lines = (ROOT / "deploy" / "compose.env.example").read_text().splitlines()
    offered = {line.split("=")[0] for line in lines if line and not line.startswith("#")}

    assert asked == offered


def test_the_pools_fit_into_the_database() -> None:
    command = SERVICES["postgres"]["command"]
    allowed = next(int(arg.split("=")[1]) for arg in command if arg.startswith("max_connections="))
    used = 1  # the migration
    for name in LONG_RUNNING:
        environment = SERVICES[name]["environment"]
        used += int(environment["EARNED_DATABASE_POOL_SIZE"])
        used += int(environment["EARNED_DATABASE_POOL_OVERFLOW"])

    assert used <= allowed - 10


def test_what_compose_mounts_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).exists(), source
            else:
                assert source in COMPOSE["volumes"]
