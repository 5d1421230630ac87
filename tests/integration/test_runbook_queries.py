"""The queries of the runbooks: who is woken at night must not find that a column was renamed."""

import re
from pathlib import Path

import asyncpg
import pytest

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
_BLOCK = re.compile(r"^ *```sql\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
QUERIES = [
    pytest.param(query, id=f"{page.stem}-{number}")
    for page in sorted(RUNBOOKS.glob("*.md"))
    for number, query in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")))
]


@pytest.mark.parametrize("query", QUERIES)
async def test_every_query_of_the_runbooks_can_be_asked(query: str, database_url: str) -> None:
    # What whoever asks has to fill in: an id does, wherever text does.
    filled = query.replace("…", "00000000-0000-0000-0000-000000000000")
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetch(f"EXPLAIN {filled}")
    finally:
        await connection.close()


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 8
