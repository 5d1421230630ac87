"""The guide of refusals names every code the product can answer, every null and every notice."""

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.api.evaluation import MOST_POINTS
from services.api.facts.endpoints import LARGEST_BATCH
from services.api.facts.parsing import MOST_FACTS
from services.api.goals.standing import NOT_STARTED
from services.api.privacy import SUPPRESSED
from services.collector.imports.csv_file import MAX_ROWS
from services.collector.imports.endpoints import LARGEST_FILE
from services.collector.webhooks import LARGEST_DELIVERY
from shared.kpis.cohort_forecast import TOO_FEW_OUTCOMES
from shared.kpis.expressions import NEGATIVE_DENOMINATOR, ZERO_DENOMINATOR
from shared.kpis.incrementality import Shortage
from shared.kpis.intervals import TOO_FEW
from shared.kpis.vocabulary import Unavailable
from shared.web.app import create_base_app
from tests.refusals import documented_codes

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "errors.md"
#: Of classes that are only raised under a code of their own, or by nothing yet.
NEVER_ANSWERED = {"conflict", "forbidden", "too_many_requests"}
#: What is called with a code and is no refusal.
NOTES = {"Notice"}


#: What is a 422 wherever it is met, and names its code first.
FORBIDDEN_SLICE = "ForbiddenSlice"


def default_of(parameter: str) -> Any:
    """Return the limit that applications have where nothing else is said."""
    return inspect.signature(create_base_app).parameters[parameter].default


def text(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def number(node: ast.expr | None) -> int | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    return None


def statuses_of(trees: Sequence[ast.Module]) -> dict[str, int]:
    """Return the status of each class of problems: its own, or that of what it is made of."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    statuses = {"Problem": 500}
    for _ in classes:  # as deep as it could be: a class may be read before what it is made of
        known = len(statuses)
        for found in classes:
            bases = [base.id for base in found.bases if isinstance(base, ast.Name)]
            for status in (statuses[base] for base in bases if base in statuses):
                own = [number(value) for name, value in assigned(found) if name == "status"]
                statuses[found.name] = next((one for one in own if one is not None), status)
        if len(statuses) == known:
            break
    return statuses


def assigned(found: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for line in found.body:
        match line:
            case ast.Assign(targets=[ast.Name(id=name)], value=stated):
                yield name, stated
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as noted):
                yield name, noted


def codes_of(tree: ast.Module, statuses: Mapping[str, int]) -> Iterator[tuple[str, int | None]]:
    """Yield the codes a module gives to problems, with their status; None if it is any.

    By keyword, in a class, to a forbidden slice.
    """
    constants = {
        node.target.id: node.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[code, *_]) if called == FORBIDDEN_SLICE:
                if named := text(code):
                    yield named, 422
            case ast.Call(func=ast.Name(id=called), keywords=given) if called not in NOTES:
                stated = {keyword.arg: keyword.value for keyword in given}
                said = stated.get("code")
                if isinstance(said, ast.Name):
                    said = constants.get(said.id)
                if named := text(said):
                    is_any = "status" in stated
                    yield named, number(stated["status"]) if is_any else statuses[called]
            case ast.ClassDef(name=name) if name in statuses:
                for field, value in assigned(node):
                    if field == "code" and (named := text(value)):
                        yield named, statuses[name]


def modules() -> list[ast.Module]:
    files = [file for room in ("services", "shared") for file in (ROOT / room).rglob("*.py")]
    return [ast.parse(file.read_text("utf-8")) for file in files]


def test_the_guide_names_every_code_with_its_status_and_no_other() -> None:
    trees = modules()
    statuses = statuses_of(trees)

    found = {answer for tree in trees for answer in codes_of(tree, statuses)}
    answered = {(code, status) for code, status in found if code not in NEVER_ANSWERED}

    assert {("small_group", 422), ("invalid", 422), ("parts_overlap", 422)} <= answered
    assert {("rebuild_under_way", 503), ("stale_delivery", 401), ("http_error", None)} <= answered
    assert set(documented_codes().items()) == answered


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("request_timeout", f"{default_of('body_patience').total_seconds():g} seconds"),
        ("too_large", f"{LARGEST_BATCH >> 20} MiB"),
        ("too_large", f"{LARGEST_DELIVERY >> 20} MiB"),
        ("too_large", f"{LARGEST_FILE >> 20} MiB"),
        ("too_large", f"{default_of('body_limit') >> 10} KiB"),
        ("cost_limit", f"{MOST_POINTS:,} points"),
        ("batch_size", f"{MOST_FACTS:,}"),
        ("invalid_file", f"{MAX_ROWS:,} rows"),
    ],
)
def test_the_guide_says_the_limits(code: str, told: str) -> None:
    (row,) = (
        line
        for line in GUIDE.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{code}` |")
    )

    assert told in row


def test_the_guide_says_what_every_null_is_for() -> None:
    rows = rows_under("## Null, and why")
    stated = {
        "missing:…",
        f"{TOO_FEW}:…",
        ZERO_DENOMINATOR,
        NEGATIVE_DENOMINATOR,
        SUPPRESSED,
        NOT_STARTED,
        TOO_FEW_OUTCOMES,
        *Unavailable,
        *Shortage,
    }

    assert rows == stated


def test_the_guide_says_what_every_notice_is_for() -> None:
    told = {
        named
        for tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NOTES
        for keyword in node.keywords
        if keyword.arg == "code" and (named := text(keyword.value))
    }

    assert len(told) > 5
    assert rows_under("## Notices") == told


def rows_under(heading: str) -> set[str]:
    """Return the words that the rows of the table under a heading are about."""
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    section, _, _ = rest.partition("\n## ")
    _, _, table = section.partition("\n|---")
    first = (line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    return {word for cell in first for word in cell.split("`")[1::2]}
