"""What a person is told of an error: what to do, and nothing that is nobody's business."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.exc import IntegrityError

from cli.faults import sentence

_ROW = "Failing row contains (0197c1a4, Golden Ratio, \\xb799e551)."


def _refusal() -> asyncpg.PostgresError:
    refusal = asyncpg.CheckViolationError('new row violates check constraint "c"')
    refusal.detail = _ROW
    return refusal


def test_a_refused_row_is_not_shown() -> None:
    refusal = _refusal()
    assert _ROW in str(refusal)

    wrapped = IntegrityError("INSERT", None, Exception(str(refusal)))
    said = {sentence(refusal), sentence(wrapped)}

    assert said == {'the database refuses: new row violates check constraint "c"'}


def test_a_socket_that_is_not_there_is_a_server_that_does_not_run(tmp_path: Path) -> None:
    async def connect() -> None:
        await asyncpg.connect(f"postgresql://earned@/earned?host={tmp_path}")

    with pytest.raises(FileNotFoundError) as missing:
        asyncio.run(connect())

    assert sentence(missing.value) == "the database's socket is not there: its server does not run"
    with pytest.raises(FileNotFoundError) as file:
        (tmp_path / "costs.csv").read_bytes()
    assert "costs.csv" in sentence(file.value)
