"""Recorded shapes of vendors' answers, with our own content."""

import json
from pathlib import Path
from typing import Any

_FIXTURES = Path(__file__).parents[2] / "fixtures"


def fixture(name: str) -> Any:
    """Return the JSON document ``tests/fixtures/<name>.json``."""
    return json.loads((_FIXTURES / f"{name}.json").read_text(encoding="utf-8"))
