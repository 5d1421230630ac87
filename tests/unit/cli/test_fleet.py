"""The processes of `earned up`: ports, environments."""

import socket
from pathlib import Path

import pytest

from cli.directory import DataDirectory
from cli.fleet import Stores, choose_addresses, programs
from cli.ports import PortTakenError

STORES = Stores(database_url="postgresql://d", redis_url="redis://r", secret_key="s")


def test_every_process_gets_a_port_of_its_own() -> None:
    addresses = choose_addresses(api_port=None, collector_port=None, with_sandbox=True)

    assert len(set(addresses.as_dict().values())) == 5


def test_a_port_that_was_asked_for_is_taken_or_refused() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        listener.listen()
        with pytest.raises(PortTakenError):
            choose_addresses(api_port=port, collector_port=None, with_sandbox=False)
    addresses = choose_addresses(api_port=port, collector_port=None, with_sandbox=False)

    assert addresses.api == f"http://127.0.0.1:{port}"
    assert addresses.sandbox == ""


@pytest.mark.parametrize("with_sandbox", [True, False])
def test_the_sandbox_runs_only_with_the_demo(tmp_path: Path, *, with_sandbox: bool) -> None:
    addresses = choose_addresses(api_port=None, collector_port=None, with_sandbox=with_sandbox)

    names = [one.name for one in programs(DataDirectory(tmp_path), STORES, addresses)]

    services = ["api", "collector", "collector-worker", "metrics-worker"]
    assert names == ([*services, "sandbox"] if with_sandbox else services)
