"""A port is the one asked for, or a free one, never one that is taken."""

import socket

import pytest

from cli.ports import LOOPBACK, PortTakenError, pick_port, require_port


def test_a_busy_port_is_avoided_or_refused() -> None:
    with socket.create_server((LOOPBACK, 0)) as busy:
        port = busy.getsockname()[1]

        assert pick_port(port) != port
        with pytest.raises(PortTakenError, match=str(port)):
            require_port(port)

    assert require_port(port) == port


def test_a_port_picked_before_is_not_picked_again() -> None:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port = probe.getsockname()[1]

    assert pick_port(port) == port
    assert pick_port(port, taken=[port]) != port
