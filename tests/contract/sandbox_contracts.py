"""For the sandbox's contract tests: where the contracts are, and how answers are held to them.

The vendors' descriptions and recorded answers are not part of this repository. They are read from
``EARNED_CONTRACTS_DIR``, or from ``shared/contracts`` beside the checkout; without them the tests
that need them are skipped and say so.
"""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from sandbox.app import create_app
from sandbox.state import Sandbox

ROOT = Path(__file__).resolve().parents[2]


def contract(path: str) -> Any:
    """Return a JSON document of the contracts; skip the test when there are none."""
    folder = Path(os.environ.get("EARNED_CONTRACTS_DIR", ROOT.parent / "shared" / "contracts"))
    if not folder.is_dir():
        pytest.skip("no vendor contracts: set EARNED_CONTRACTS_DIR to their folder")
    return json.loads((folder / path).read_text(encoding="utf-8"))


def sample(path: str) -> Any:
    """Return the body of a recorded or reconstructed answer."""
    document = contract(path)
    return document["response"]["body"] if "response" in document else document


def assert_valid(answer: Any, spec: dict[str, Any], schema: str | dict[str, Any]) -> None:
    """Hold an answer to a schema of an OpenAPI description, named or given in place."""
    wanted = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    document = {**wanted, "components": spec["components"]}
    jsonschema.Draft202012Validator(document).validate(answer)


def response_schema(spec: dict[str, Any], path: str, status: int = 200) -> dict[str, Any]:
    """Return the schema of what ``GET path`` answers."""
    media = spec["paths"][path]["get"]["responses"][str(status)]["content"]
    schema: dict[str, Any] = media["application/json"]["schema"]
    return schema


def shape(value: Any) -> Any:
    """Return keys and types of a JSON value; of a list, those of its elements, each once."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(shape(item)) for item in value})
    return type(value).__name__


def client(
    state: Sandbox | None = None, headers: dict[str, str] | None = None
) -> httpx.AsyncClient:
    """Return a client of a sandbox of its own."""
    transport = httpx.ASGITransport(app=create_app(state))
    return httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers)
