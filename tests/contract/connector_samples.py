"""Where the vendors' recorded samples are: beside the repository, or where the environment says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from services.collector.connectors.declaration import Page, Window
from services.collector.http.errors import UpstreamError
from services.collector.http.message import Answer
from services.collector.http.rules import AnswerRules, judge
from shared import clock

__all__ = ["CONTRACTS", "body_of", "page_of", "refusal_of", "sample"]

CONTRACTS = Path(
    os.environ.get("EARNED_CONTRACTS_DIR")
    or Path(__file__).resolve().parents[3] / "shared" / "contracts"
)


def sample(name: str) -> Any:
    """Return a sample by its path below the contracts; skip the test where there are none."""
    path = CONTRACTS / name
    if not path.exists():
        pytest.skip(f"no vendor samples at {CONTRACTS}")
    return json.loads(path.read_text(encoding="utf-8"))


def body_of(name: str) -> Any:
    """Return the body of an answer, whether the sample is a whole exchange or the body alone."""
    found = sample(name)
    is_exchange = isinstance(found, dict) and {"request", "response"} <= found.keys()
    return found["response"]["body"] if is_exchange else found


def page_of(name: str, **companions: Any) -> Page:
    """Return an answer as the engine gives it to a mapping."""
    now = clock.now()
    return Page(Window(now, now), body_of(name), companions)


def refusal_of(name: str, status: int, rules: AnswerRules) -> UpstreamError:
    """Return what a recorded error means to the collector."""
    found = sample(name)
    response = found.get("response", {"status": status, "headers": {}, "body": found})
    answer = Answer(response["status"], response["headers"], response["body"])
    with pytest.raises(UpstreamError) as error:
        judge(answer, rules, clock.now())
    return error.value
