"""Forks of the fork server are processes like those started afresh: addressed, stopped, bound."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.forkserver import EARNED, ForkServer
from cli.ports import pick_port
from cli.programs import Program
from tests.integration.embedded_support import ROOT, ends_of, wait_until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every process starts afresh"),
]

# A fork keeps the environment that its server began with in /proc, one started afresh its own.
MARK = "MARK_OF_THE_FORK_SERVER"
ABLE_TO_IMPORT = {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}

LAUNCHER = """
import json, os, signal, sys
from pathlib import Path
from cli.forkserver import EARNED, ForkServer
from cli.ports import pick_port
from cli.programs import Program

logs = Path(sys.argv[1])
server = ForkServer(logs, env=os.environ)
server.open()
pids = [server.pid]
if sys.argv[2] == "forked":
    server.wait_until_ready()
    for name in ("first", "second"):
        argv = [*EARNED, "sandbox", "--port", str(pick_port(8090))]
        program = Program(name, argv, env=os.environ, log_dir=logs, start=server.start)
        program.start()
        pids.append(program.pid)
print(json.dumps(pids), flush=True)
signal.pause()
"""


def environment(**more: str) -> dict[str, str]:
    return os.environ | ABLE_TO_IMPORT | more


@pytest.fixture
def children_before() -> set[str]:
    return children()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    with ForkServer(tmp_path, env=environment(**{MARK: "1"})) as opened:
        yield opened


@pytest.fixture
def program(tmp_path: Path, server: ForkServer) -> Iterator[Program]:
    port = pick_port(8090)
    made = Program(
        "sandbox",
        [*EARNED, "sandbox", "--port", str(port)],
        env=environment(),
        log_dir=tmp_path,
        ready_url=f"http://127.0.0.1:{port}/readyz",
        start=server.start,
    )
    yield made
    made.stop()


def children() -> set[str]:
    own = os.getpid()
    return set(Path(f"/proc/{own}/task/{own}/children").read_text().split())


def is_fork(pid: int) -> bool:
    return f"{MARK}=1".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def running(program: Program) -> int:
    program.start()
    wait_until(program.is_ready)
    assert program.pid is not None
    return program.pid


def test_a_fork_is_a_child_of_its_own_with_its_own_command_line(
    server: ForkServer, program: Program, tmp_path: Path
) -> None:
    server.wait_until_ready()

    pid = running(program)
    server.close()

    assert is_fork(pid)
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    assert f"PPid:\t{os.getpid()}" in status
    assert os.getsid(pid) == pid
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
    assert arguments == [*EARNED, "sandbox", "--port", arguments[-1]]
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    log = str(tmp_path / "sandbox.log")
    assert {os.readlink(f"/proc/{pid}/fd/{stream}") for stream in (1, 2)} == {log}
    assert program.is_ready()


def test_a_fork_ends_as_it_is_told_to(server: ForkServer, program: Program) -> None:
    server.wait_until_ready()
    pid = running(program)

    with ends_of([pid]) as wait_for_end:
        os.kill(pid, signal.SIGTERM)
        wait_for_end()

    assert program.poll() in (0, -signal.SIGTERM)
    assert program.pid is None


def test_a_killed_fork_is_started_afresh(server: ForkServer, program: Program) -> None:
    server.wait_until_ready()
    pid = running(program)
    server.close()

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: program.poll() == -signal.SIGKILL)

    assert not is_fork(running(program))


@pytest.mark.parametrize("is_ready", [True, False])
def test_without_the_fork_server_everything_starts_afresh(
    server: ForkServer, program: Program, *, is_ready: bool
) -> None:
    if is_ready:
        server.wait_until_ready()
    assert server.pid is not None
    with ends_of([server.pid]) as wait_for_end:
        os.kill(server.pid, signal.SIGKILL)
        wait_for_end()
    if not is_ready:
        server.wait_until_ready()

    assert not is_fork(running(program))


def test_forks_outlive_a_killed_fork_server(server: ForkServer, program: Program) -> None:
    server.wait_until_ready()
    running(program)
    assert server.pid is not None

    with ends_of([server.pid]) as wait_for_end:
        os.kill(server.pid, signal.SIGKILL)
        wait_for_end()
    server.close()

    assert program.is_ready()


@pytest.mark.parametrize("stage", ["importing", "forked"])
def test_nothing_outlives_a_killed_launcher(tmp_path: Path, stage: str) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path), stage],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with launcher:
        assert launcher.stdout is not None
        pids = json.loads(launcher.stdout.readline())
        assert len(pids) == (3 if stage == "forked" else 1)
        with ends_of(pids) as wait_for_ends:
            launcher.kill()
            wait_for_ends()


def test_closing_leaves_nothing_to_reap(
    children_before: set[str], server: ForkServer, program: Program
) -> None:
    server.wait_until_ready()
    pid = running(program)
    server.close()

    # Neither the fork server nor a process that stood between it and its fork.
    assert children() - children_before == {str(pid)}


def test_forks_of_one_process_make_different_identifiers() -> None:
    script = (
        "import os\nfrom shared.ids import new_id\nnew_id()\n"
        "for _ in range(2):\n"
        "    if os.fork() == 0:\n"
        "        print(new_id().hex[16:], flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    # Without the time at their beginning: what is left must not come from a state that was shared.
    made = subprocess.check_output([sys.executable, "-c", script], text=True, cwd=ROOT).split()

    assert len(set(made)) == 2
