"""A child is bound to its launcher's life, by the kernel's signal or by the watcher's pipe."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from cli.embedded.processes import Escalation, spawn
from tests.integration.embedded_support import ROOT, ends_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses pidfds and death signals")

LAUNCHER = """
import os, signal, sys
from cli.embedded.processes import spawn

child = spawn(
    [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"],
    log=sys.stdout.buffer, env=os.environ, death_signal=signal.SIGTERM,
    has_death_signal=sys.argv[1] == "kernel",
)
print(child.pid, flush=True)
signal.pause()
"""


@pytest.mark.parametrize("means", ["kernel", "watcher"])
def test_a_child_ends_with_its_killed_launcher(means: str) -> None:
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, means],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with launcher:
        assert launcher.stdout is not None
        lines = {launcher.stdout.readline().strip() for _ in range(2)}
        (pid,) = (int(line) for line in lines - {"up"})
        with ends_of([pid]) as wait_for_end:
            launcher.kill()
            wait_for_end()


def test_the_watcher_ends_with_the_child_and_holds_none_of_its_files(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with (tmp_path / "log").open("wb") as log:
        child = spawn(
            [sys.executable, "-c", "import signal; signal.pause()"],
            log=log,
            env=os.environ,
            death_signal=signal.SIGTERM,
            keep_open=[writing],
            has_death_signal=False,
        )
    os.close(writing)

    child.stop(Escalation(signal.SIGTERM, timedelta(seconds=30)))

    # End of file: nobody holds the writing end any more, the watcher neither.
    with open(reading, "rb") as pipe:
        assert pipe.read() == b""


def test_a_child_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    ignoring = "import signal; signal.signal(15, signal.SIG_IGN); print(); signal.pause()"
    reading, writing = os.pipe()
    with open(writing, "wb") as log:
        child = spawn(
            [sys.executable, "-u", "-c", ignoring],
            log=log,
            env=os.environ,
            death_signal=signal.SIGKILL,
        )
    with open(reading, "rb") as output:
        output.readline()
        status = child.stop(Escalation(signal.SIGTERM, timedelta(milliseconds=50)))

    assert status == -signal.SIGKILL


def test_only_the_main_thread_may_spawn(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def attempt() -> None:
        try:
            with (tmp_path / "log").open("wb") as log:
                spawn(["/bin/true"], log=log, env={}, death_signal=signal.SIGKILL)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()

    assert "main thread" in str(errors[0])


def test_a_program_that_is_missing_is_reported(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        child = spawn(["/no/such/program"], log=log, env={}, death_signal=signal.SIGKILL)

    assert child.wait(timedelta(seconds=30)) == 126
    assert "/no/such/program: [Errno 2]" in (tmp_path / "log").read_text(encoding="utf-8")
