"""The oracle knows the types of facts, and nothing else of what it judges."""

import ast
from collections.abc import Iterator
from pathlib import Path

_OWN = ("shared.facts", "tests.property.oracle")
_ROOMS = ("shared", "services", "cli", "sandbox", "tests")


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield "tests" if node.level else node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_oracle_imports_nothing_it_judges() -> None:
    paths = sorted((Path(__file__).parent / "oracle").glob("*.py"))
    imported = {(path.name, name) for path in paths for name in _imported(path)}

    ours = {(name, module) for name, module in imported if module.split(".")[0] in _ROOMS}
    assert ours, "the oracle reads facts"
    foreign = {(name, module) for name, module in ours if not module.startswith(_OWN)}
    assert not foreign
