"""The guide of refusals names every code that the product can answer, and no other."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.refusals import documented_codes

ROOT = Path(__file__).parents[2]
#: Of classes that are only raised under a code of their own, or by nothing yet.
NEVER_ANSWERED = {"conflict", "forbidden", "too_many_requests"}
#: What is called with a code and is no refusal.
NOTES = {"Notice"}


def text(node: ast.expr | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def codes_of(tree: ast.Module) -> Iterator[str]:
    """Yield the codes a module gives to problems: by keyword, in a class, to a forbidden slice."""
    constants = {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="ForbiddenSlice"), args=[code, *_]):
                yield from text(code)
            case ast.Call(func=ast.Name(id=called), keywords=given) if called not in NOTES:
                for keyword in given:
                    if keyword.arg == "code":
                        name = keyword.value.id if isinstance(keyword.value, ast.Name) else ""
                        yield from text(constants.get(name, keyword.value))
            case ast.ClassDef(body=lines):
                for line in lines:
                    match line:
                        case ast.Assign(targets=[ast.Name(id="code")], value=stated):
                            yield from text(stated)
                        case ast.AnnAssign(target=ast.Name(id="code"), value=noted):
                            yield from text(noted)


def test_the_guide_names_every_code_and_no_other() -> None:
    files = [file for room in ("services", "shared") for file in (ROOT / room).rglob("*.py")]

    answered = {code for file in files for code in codes_of(ast.parse(file.read_text("utf-8")))}

    assert {"small_group", "invalid", "parts_overlap", "overlapping_value"} <= answered
    assert documented_codes().keys() == answered - NEVER_ANSWERED
