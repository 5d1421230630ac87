"""What a person is told of an error: what to do, and nothing that is nobody's business."""

import asyncpg
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
