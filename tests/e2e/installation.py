"""A real `earned up` as a child process: its output line by line, its API over HTTP."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.integration.embedded_support import family

ROOT = Path(__file__).parents[2]
RUNNING = "Running. Stop with Ctrl-C."
_PATIENCE_SECONDS = 150.0
_POLL_SECONDS = 0.1


@contextmanager
def data_directory() -> Iterator[Path]:
    """Yield an empty directory that a server which dropped root can reach too."""
    # Directly below the temporary directory: pytest's own lies in one that is closed to others.
    path = Path(tempfile.mkdtemp(prefix="earned-e2e-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass
class Installation:
    """One launcher and what it has printed so far."""

    process: "subprocess.Popen[bytes]"
    data_dir: Path
    lines: list[str] = field(default_factory=list)
    _partial: bytes = b""

    @property
    def text(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    def read_until(self, beginning: str) -> None:
        """Read output until a line begins like this."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not any(line.strip().startswith(beginning) for line in self.lines):
            assert self._read_more(deadline), f"{beginning!r} never came:\n{self.text}"

    def running(self) -> dict[str, str]:
        """Return the addresses and the key of the installation."""
        known: dict[str, str] = json.loads((self.data_dir / "running.json").read_text())
        return known

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """Yield a client of the API."""
        running = self.running()
        headers = {"Authorization": f"Bearer {running['key']}"}
        with httpx.Client(
            base_url=running["api"], headers=headers, timeout=30, trust_env=False
        ) as client:
            yield client

    def pid_of(self, *words: str) -> int:
        """Return the child whose command line holds these words in this order."""
        for pid in family(self.process.pid)[1:]:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            if " ".join(words) in " ".join(arguments):
                return pid
        raise AssertionError(f"no child runs {words}")

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit status."""
        self.process.send_signal(signal.SIGINT)
        while self._read_more(time.monotonic() + _PATIENCE_SECONDS):
            pass
        return self.process.wait()

    def _read_more(self, deadline: float) -> bool:
        stream = self.process.stdout
        assert stream is not None
        ready, _, _ = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))
        content = os.read(stream.fileno(), 65536) if ready else b""
        *lines, self._partial = (self._partial + content).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return bool(content)


@contextmanager
def installation(data_dir: Path, *options: str) -> Iterator[Installation]:
    """Start `earned up` on a data directory; at the end kill what is left of it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--data-dir", str(data_dir), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env=environment(),
        # Ctrl-C of whoever runs the tests is not for it.
        start_new_session=True,
    )
    with process:
        try:
            yield Installation(process, data_dir)
        finally:
            process.kill()


def environment() -> dict[str, str]:
    """Return this process's environment without settings, able to import the code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARNED_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def run_command(*arguments: str) -> str:
    """Run another `earned` command to its end and return what it printed."""
    finished = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        capture_output=True,
        text=True,
        cwd="/",
        env=environment(),
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def wait_for(condition: Callable[[], bool], *, what: str) -> None:
    """Return as soon as `condition` holds; each try asks over HTTP, so a moment apart."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(_POLL_SECONDS)


def pages(client: httpx.Client, path: str, **query: Any) -> Iterator[dict[str, Any]]:
    """Yield every page of a document that has a `next_cursor`, at its top or in its facts."""
    cursor: dict[str, str] = {}
    while True:
        response = client.get(path, params={**query, **cursor})
        assert response.status_code == httpx.codes.OK, response.text
        page: dict[str, Any] = response.json()
        yield page
        following = page.get("facts", page).get("next_cursor")
        if following is None:
            return
        cursor = {"cursor": following}
