"""The supervisor restarts what dies, says why something does not start, and stops everything."""

import os
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from cli.embedded import EmbeddedValkey
from cli.ports import pick_port
from cli.programs import Program
from cli.supervisor import Backoff, NotReadyError, StopRequestedError, Supervisor
from tests.integration.embedded_support import ends_of, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses pidfds")

READY_SERVER = """
import http.server, os, signal, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

def stop(*_):
    print("stopping", flush=True)
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
print("starting", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

QUICK = Backoff(first=timedelta(milliseconds=10), longest=timedelta(milliseconds=50))
PATIENCE = timedelta(seconds=30)


def server(name: str, log_dir: Path, port: int) -> Program:
    return Program(
        name,
        [sys.executable, "-c", READY_SERVER, str(port)],
        env=os.environ,
        log_dir=log_dir,
        ready_url=f"http://127.0.0.1:{port}/readyz",
    )


def test_killed_children_come_back_and_sigterm_stops_all_in_reverse_order(tmp_path: Path) -> None:
    first_port = pick_port(8000)
    first = server("first", tmp_path, first_port)
    second = server("second", tmp_path, pick_port(8001, taken=[first_port]))
    valkey = EmbeddedValkey(tmp_path / "valkey")
    services: list[EmbeddedValkey | Program] = [valkey, first, second]
    lines: list[tuple[str, str]] = []

    def kill_each_once() -> list[int]:
        for service in services:
            old = service.pid
            assert old is not None
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: service.pid not in (None, old))  # noqa: B023  ends in this turn
        wait_until(lambda: first.is_ready() and second.is_ready())
        return [service.pid or 0 for service in services]

    with Supervisor(backoff=QUICK, echo=lambda *line: lines.append(line)) as supervisor:
        for service in services:
            supervisor.start(service)
        supervisor.wait_until_ready(PATIENCE)
        pids = supervisor.watch(kill_each_once)
        with ends_of(pids) as wait_for_ends:
            os.kill(os.getpid(), signal.SIGTERM)
            supervisor.wait_for_stop()
            supervisor.stop()
            wait_for_ends()

    *before, last_but_one, last = [line for line in lines if line[0] != "valkey"]
    assert sorted(before) == [("first", "starting")] * 2 + [("second", "starting")] * 2
    assert (last_but_one, last) == (("second", "stopping"), ("first", "stopping"))


def test_a_program_that_keeps_ending_is_reported_with_its_last_words(tmp_path: Path) -> None:
    program = Program(
        "broken",
        [sys.executable, "-c", "raise SystemExit('no database at db.example.org')"],
        env=os.environ,
        log_dir=tmp_path,
        ready_url=f"http://127.0.0.1:{pick_port(8000)}/readyz",
    )

    with Supervisor(backoff=QUICK) as supervisor:
        supervisor.start(program)
        with pytest.raises(NotReadyError, match=r"(?s)broken keeps ending.*no database at db"):
            supervisor.wait_until_ready(PATIENCE)


def test_a_program_that_is_never_ready_is_reported(tmp_path: Path) -> None:
    program = Program(
        "silent",
        [sys.executable, "-c", "import signal; signal.pause()"],
        env=os.environ,
        log_dir=tmp_path,
        ready_url=f"http://127.0.0.1:{pick_port(8000)}/readyz",
    )

    with Supervisor() as supervisor:
        supervisor.start(program)
        with pytest.raises(NotReadyError, match="silent was not ready within"):
            supervisor.wait_until_ready(timedelta(milliseconds=200))


def test_a_signal_ends_the_waiting_for_work(tmp_path: Path) -> None:
    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()

    before = signal.getsignal(signal.SIGINT)
    with Supervisor() as supervisor:
        with pytest.raises(StopRequestedError):
            supervisor.watch(work)
        with pytest.raises(StopRequestedError):
            supervisor.start(server("late", tmp_path, 8000))

    assert signal.getsignal(signal.SIGINT) == before


def test_an_error_of_the_work_is_raised_where_it_is_awaited() -> None:
    def work() -> None:
        raise LookupError("no such vendor")

    with Supervisor() as supervisor, pytest.raises(LookupError, match="no such vendor"):
        supervisor.watch(work)
