"""Which exceptions are passing troubles of a dependency, and which are faults of our own."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

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


class _Line(StrEnum):
    MEDIA_VALUE = "media_value"


@pytest.mark.parametrize("kind", [_Line, Literal["media_value"], Literal[_Line.MEDIA_VALUE]])
@pytest.mark.parametrize("sent", ["media", "mdia"])
def test_what_may_be_given_is_told_to_whoever_sent_a_part_of_it(kind: Any, sent: str) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(sent)

    problem = problem_of(RequestValidationError(refused.value.errors()))

    assert problem is not None
    assert [error["message"] for error in problem.errors] == ["Input should be 'media_value'"]
