"""The guide of connections says of every reason to fail what it means and what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

from services.collector.connectors import CONNECTORS
from services.collector.http import errors
from services.collector.http.errors import UpstreamError

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "guides" / "connect.md"
FAULTS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, UpstreamError) and kind is not UpstreamError
}
#: Made of a status, of another exception, of none that anybody expected, or by a person.
MADE = {"http_…", "token_http_…", "secret_unreadable", "not_found", "unexpected"}
MADE_BY_HAND = "paused_by_request"


def reasons_in(tree: ast.Module) -> Iterator[str]:
    """Yield the words faults are raised with, and those a declaration has for statuses."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called), args=[reason, *_]) if called in FAULTS:
                words: list[ast.expr] = [reason]
            case ast.keyword(arg="refusals", value=ast.Dict(values=words)):
                pass
            case _:
                continue
        for word in words:
            yield from (
                part.value
                for part in ast.walk(word)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


def documented() -> set[str]:
    _, _, rest = GUIDE.read_text(encoding="utf-8").partition("\n| Reason |")
    table = rest.partition("\n\n")[0].splitlines()[2:]
    return {word for line in table for word in line.split("|")[1].split("`")[1::2]}


def test_every_reason_to_fail_is_in_the_guide_and_no_other() -> None:
    files = (ROOT / "services" / "collector").rglob("*.py")
    raised = {
        reason
        for file in files
        for reason in reasons_in(ast.parse(file.read_text(encoding="utf-8")))
        if not reason.endswith("http_")
    }

    assert {"schema_drift", "scopes_missing", "truncated", "grant_locked"} <= raised
    assert MADE_BY_HAND in (ROOT / "services/api/connections/service.py").read_text("utf-8")
    assert documented() == raised | MADE | {MADE_BY_HAND}


def test_every_field_of_a_configuration_is_in_the_guide_with_its_default() -> None:
    cells = [
        line.split("|")[1:4] for line in GUIDE.read_text("utf-8").splitlines() if "| `" in line
    ]
    stated = [(set(words.split("`")[1::2]), default) for words, _, default in cells]

    for provider, connector in CONNECTORS.items():
        for name, field in connector.config.model_fields.items():
            defaults = [default for words, default in stated if name in words]
            assert defaults, (provider, name)
            if field.is_required():
                assert any("required" in default for default in defaults), (provider, name)
            elif field.default is not None and not name.endswith("_url"):
                assert f" {field.default} " in " ".join(defaults).replace("`", ""), (provider, name)
