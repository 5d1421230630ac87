"""Whoever runs Earned finds every setting, its default and its processes in one table."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from shared.settings import (
    ApiSettings,
    CollectorSettings,
    CollectorWorkerSettings,
    MetricsWorkerSettings,
    MigrateSettings,
)

README = Path(__file__).parents[2] / "deploy" / "README.md"
PROCESSES: Mapping[str, type[BaseModel]] = {
    "migrate": MigrateSettings,
    "api": ApiSettings,
    "collector": CollectorSettings,
    "collector-worker": CollectorWorkerSettings,
    "metrics-worker": MetricsWorkerSettings,
}


def default_of(field: FieldInfo) -> str:
    default: Any = field.default
    if field.is_required():
        return "required"
    if isinstance(default, timedelta):
        return f"`{default.total_seconds():g}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default}`" if default != () else "none"


def described() -> dict[str, tuple[str, str]]:
    """Return (default, processes) of each variable, as the settings themselves have them."""
    found = {}
    for name in {name for settings in PROCESSES.values() for name in settings.model_fields}:
        readers = {p: s.model_fields[name] for p, s in PROCESSES.items() if name in s.model_fields}
        defaults = dict.fromkeys(default_of(field) for field in readers.values())
        match PROCESSES.keys() - readers.keys():
            case absent if not absent:
                processes = "all"
            case absent if absent == {"migrate"}:
                processes = "all but `migrate`"
            case _:
                processes = ", ".join(f"`{process}`" for process in readers)
        found[f"EARNED_{name.upper()}"] = (", ".join(defaults), processes)
    return found


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str]]:
    _, _, rest = README.read_text(encoding="utf-8").partition("\n## Settings\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cell[0].strip("`"): (cell[1], cell[2]) for cell in cells}


def test_every_setting_is_in_the_table_as_it_is(rows: dict[str, tuple[str, str]]) -> None:
    assert rows == described()
