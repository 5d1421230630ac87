"""Logs: one readable line an event, whatever a caller put into it."""

import contextlib
import io
import logging
from typing import Any

import orjson
import pytest
import structlog

from shared.observability.logging import configure_logging, sanitize

KEY = "earned_live_0aZ9bY8x_" + "A" * 43 + "16LTlB"


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in capsys.readouterr().out.split("\n") if line]


@pytest.mark.parametrize(
    "hostile",
    [
        "a\r\nINFO forged",
        "\x1b[31mred",
        "one\u2028two\u2029three",
        "\u202egnp.exe",
        "half \ud800 pair",
        "\x00nul",
        "x" * 100_000,
    ],
)
def test_no_value_breaks_out_of_its_line(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    configure_logging(component="api")

    structlog.get_logger("t").info("request", agent=hostile)
    logging.getLogger("library").warning("%s", hostile)

    first, second = logged(capsys)
    for text in (first["agent"], second["event"]):
        assert len(text) < 8 * 1024
        assert not any(c in text for c in "\r\x1b\x00\u2028\u2029\u202e")
    assert (first["component"], second["level"]) == ("api", "warning")


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": "canary"},
        {"headers": {"Cookie": "canary", "x-api-key": "canary"}},
        {"value": "Bearer canary"},
        {"url": "postgresql://user:canary@db/earned"},
        {"url": "https://vendor.example/path?code=canary&x=canary"},
        {"nested": [{"access_token": "canary"}]},
    ],
)
def test_secrets_are_replaced(capsys: pytest.CaptureFixture[str], fields: dict[str, Any]) -> None:
    configure_logging(component="api")

    structlog.get_logger("t").info("event", **fields)

    (event,) = logged(capsys)
    assert "canary" not in str(event)
    assert "[redacted]" in str(event)


def test_our_own_keys_are_replaced_wherever_they_stand() -> None:
    assert sanitize(f"key {KEY} was used") == "key [redacted] was used"


def test_an_exception_is_logged_with_its_place_and_without_secrets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(component="api")

    try:
        int(KEY)
    except ValueError:
        structlog.get_logger("t").exception("failed")

    (event,) = logged(capsys)
    assert "test_house_logging.py" in event["exception"]
    assert KEY not in event["exception"]


def test_bound_fields_appear_and_numbers_stay_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(component="api")

    with structlog.contextvars.bound_contextvars(request_id="request-0001"):
        structlog.get_logger("t").info("event", count=3, ratio=0.5, ok=True, nothing=None)

    (event,) = logged(capsys)
    assert event["request_id"] == "request-0001"
    assert (event["count"], event["ratio"], event["ok"], event["nothing"]) == (3, 0.5, True, None)


def test_the_console_format_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(component="api", log_format="console")

    structlog.get_logger("t").info("event", agent="a\nb\x1b[31m")

    out = capsys.readouterr().out
    assert "event" in out
    assert "\x1b[31m" not in out


def test_a_logger_that_was_used_before_follows_who_configures_logging_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logging(component="api")
    log = structlog.get_logger("t")
    log.info("first")
    configure_logging(component="collector")
    log.info("second")

    assert [event["component"] for event in logged(capsys)] == ["api", "collector"]
    with structlog.testing.capture_logs() as captured:
        log.info("third")
    assert [event["event"] for event in captured] == ["third"]


def test_lines_go_to_what_standard_output_is_when_they_are_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    captured = io.StringIO()
    with contextlib.redirect_stdout(captured):
        configure_logging(component="api")
        structlog.get_logger("t").info("while.redirected")
        early = captured.getvalue()
    captured.close()

    structlog.get_logger("t").info("afterwards")
    logging.getLogger("library").warning("from a library")

    out, errors = capsys.readouterr()
    assert orjson.loads(early)["event"] == "while.redirected"
    assert [orjson.loads(line)["event"] for line in out.splitlines()] == [
        "afterwards",
        "from a library",
    ]
    # What the handler cannot write, the library tells on standard error, as "Logging error".
    assert errors == ""
