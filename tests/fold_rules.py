"""What the rules of the fold are written in, and a digest of each part of it.

`shared/rollups/rules.py` numbers the rules, and nobody but a person can say whether a change of
the fold changes them. So that the question is asked each time, the digests of what was there when
it was last answered are recorded:

    python -m tests.fold_rules      records them anew, as the answer

Comments, docstrings and how lines are broken are no part of it.
"""

import ast
import hashlib
import io
import json
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.rollups.rules import CATALOGUE_VERSION

__all__ = ["RECORD", "digest", "parts", "record"]

ROOT: Final = Path(__file__).parents[1]
RECORD: Final = Path(__file__).parent / "unit" / "fold_rules.json"

_BEGINS: Final = "services.metrics.fold"
#: Rooms that are followed. What facts are, how they are kept, and who asks is no rule of the fold.
_FOLLOWED: Final = ("services.metrics", "shared.attribution", "shared.money", "shared.rollups")
#: Most of its words are about answers: those that the fold names are parts by themselves.
_WORDS: Final = "shared.kpis.vocabulary"
_RULES: Final = "shared.rollups.rules"
_SQL_COMMENT: Final = re.compile(r"--[^\n]*")


def parts() -> dict[str, str]:
    """Return the digest of every module that the fold is made of, however deep it is imported."""
    found: dict[str, str] = {}
    waiting = [_BEGINS]
    while waiting:
        name = waiting.pop()
        if name in found or name == _RULES:
            continue
        source = _source(name)
        found[name] = digest(source)
        waiting.extend(_imported(source))
    return dict(sorted(found.items()))


def digest(source: str) -> str:
    """Return the digest of what a module does: its source, without what is said about it."""
    kept = source.splitlines(keepends=True)
    for start, end in sorted(_said(source), reverse=True):
        (first, begin), (last, stop) = start, end
        kept[first - 1 : last] = [kept[first - 1][:begin] + kept[last - 1][stop:]]
    text = _SQL_COMMENT.sub("", "".join(kept))
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


def _said(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield from where to where comments and docstrings go."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            yield (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _source(name: str) -> str:
    """Return the source of a module, or of a word of the vocabulary."""
    if not name.startswith(f"{_WORDS}."):
        return _file(name).read_text(encoding="utf-8")
    source = _file(_WORDS).read_text(encoding="utf-8")
    word = name.removeprefix(f"{_WORDS}.")
    (node,) = (n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == word)
    return ast.get_source_segment(source, node) or ""


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        inside = [f"{module}.{alias.name}" for alias in node.names]
        if module == _WORDS:
            yield from inside
        elif _is_followed(module):
            yield module
            yield from (name for name in inside if _file(name).exists())


def _is_followed(name: str) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in _FOLLOWED)


def _file(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def record() -> dict[str, Any]:
    """Return what is to be recorded: the number of the rules, and the parts as they are."""
    return {"rules": CATALOGUE_VERSION, "parts": parts()}


if __name__ == "__main__":
    RECORD.write_text(json.dumps(record(), indent=2) + "\n", encoding="utf-8")
