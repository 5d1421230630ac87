"""Which exceptions are passing troubles of a dependency, and which are faults of our own."""

import asyncio
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.web.problems import problem_of


async def test_a_unix_socket_that_is_not_there_is_a_server_that_is_down(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as gone:
        await asyncio.open_unix_connection(tmp_path / "server.sock")

    assert isinstance(problem_of(gone.value), Unavailable)


def test_a_missing_file_is_a_fault_of_our_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "template.sql").read_text()

    assert problem_of(missing.value) is None
