"""A port is the one asked for, or a free one, never one that is taken."""

import os
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from cli.ports import LOOPBACK, PortTakenError, pick_port, require_port, wait_for_turn


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


def test_launchers_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first = wait_for_turn(timedelta(minutes=1))

    with ThreadPoolExecutor() as others:
        second = others.submit(wait_for_turn, timedelta(minutes=1))
        time.sleep(0.3)
        waits = not second.done()
        first.release()

        assert waits
        assert second.result().is_held
        # Who hangs does not keep all others from starting.
        assert not wait_for_turn(timedelta(0)).is_held
    second.result().release()


def test_a_launcher_starts_though_somebody_else_left_something_where_the_lock_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / f"earned-{os.getuid()}.ports.lock").symlink_to(elsewhere)

    turn = wait_for_turn(timedelta(minutes=1))
    turn.release()

    assert not elsewhere.exists()
