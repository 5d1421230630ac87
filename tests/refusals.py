"""The codes of refusals that the guide promises never to change."""

import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["documented_codes"]

_GUIDE = Path(__file__).parents[1] / "docs" / "guides" / "errors.md"
_ROW = re.compile(r"^\| `([a-z0-9_]+)` \| ([0-9]{3}|any other) \|", re.MULTILINE)


def documented_codes() -> Mapping[str, int | None]:
    """Return the status of each code of the guide; None where it comes with several."""
    rows = _ROW.findall(_GUIDE.read_text(encoding="utf-8"))
    return {code: int(status) if status.isdigit() else None for code, status in rows}
