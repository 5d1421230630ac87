"""The guide of facts names every kind, every field of its own and every file: it is a contract."""

from pathlib import Path

import pytest

from services.collector.imports.mapping import KINDS, ImportKind
from shared.facts import FACT_KINDS

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "facts.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    return {line.split("`")[1]: line for line in lines if line.startswith("| `")}


@pytest.mark.parametrize("kind", sorted(FACT_KINDS))
def test_every_kind_is_listed_with_its_own_fields(kind: str, rows: dict[str, str]) -> None:
    model = FACT_KINDS[kind]

    missing = [name for name in model.body_fields if f"`{name}`" not in rows[kind]]
    assert missing == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_file_is_listed_with_its_columns(kind: ImportKind, rows: dict[str, str]) -> None:
    missing = [name for name in KINDS[kind].layout.columns if f"`{name}`" not in rows[kind]]
    assert missing == []
