"""The mapping of Google Analytics digests every sample of the report it asks for."""

from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from services.collector.connectors.ga4.connector import GA4
from services.collector.connectors.ga4.mapping import DIMENSIONS, METRICS, Ga4Context
from services.collector.digest import Digest, digest
from services.collector.http.errors import BadPayload, RateLimited, ReauthRequired, Refused
from services.collector.http.message import Request
from services.collector.http.paginators import OffsetLimit
from shared.facts import SessionRecorded
from tests.contract.connector_samples import body_of, page_of, refusal_of, sample

_RECORDED = datetime(2026, 12, 1, tzinfo=UTC)
_REPORTS = {
    "run-report-page1.reconstructed.exchange.json": False,
    "run-report-page2.reconstructed.exchange.json": False,
    "run-report-thresholded.reconstructed.exchange.json": True,
    "run-report-other-row.reconstructed.json": True,
}


def _digest(name: str) -> Digest:
    with time_machine.travel(_RECORDED):
        return digest(GA4.stream("sessions"), page_of(f"ga4/samples/{name}"), Ga4Context("ga4"))


@pytest.mark.parametrize(("name", "is_partial"), _REPORTS.items())
def test_every_row_is_a_fact_that_keeps_the_reports_doubts(name: str, is_partial: bool) -> None:
    found = _digest(name)

    assert found.rejected == ()
    assert found.items
    for item in found.items:
        assert isinstance(item, SessionRecorded)
        # One row of the second page shares a key event with another source.
        assert item.is_partial is (is_partial or item.network == "x")


@pytest.mark.parametrize(
    "name",
    [
        "run-report-empty.recorded.exchange.json",
        "run-report-pagepath.recorded.json",
        "run-report-two-ranges.reconstructed.json",
    ],
)
def test_a_report_of_other_columns_is_not_taken_for_ours(name: str) -> None:
    with pytest.raises(BadPayload, match="bad_report"):
        _digest(name)


def test_an_empty_report_of_our_columns_is_no_fact() -> None:
    page = page_of("ga4/samples/run-report-empty.recorded.exchange.json")
    empty: dict[str, Any] = {
        **page.main,
        "dimensionHeaders": [{"name": name} for name in DIMENSIONS],
        "metricHeaders": [{"name": name} for name in METRICS],
    }
    found = digest(GA4.stream("sessions"), type(page)(page.window, empty), Ga4Context("ga4"))

    assert (found.items, found.rejected) == ((), ())


def test_the_recorded_pages_follow_one_another() -> None:
    first = sample("ga4/samples/run-report-page1.reconstructed.exchange.json")
    request = Request("POST", "https://a.example/", json=first["request"]["json"])

    following = OffsetLimit().follow(request, first["response"]["body"])

    assert following is not None
    assert following.json is not None
    second = sample("ga4/samples/run-report-page2.reconstructed.exchange.json")
    assert following.json["offset"] == second["request"]["json"]["offset"]
    second_page = body_of("ga4/samples/run-report-page2.reconstructed.exchange.json")
    assert OffsetLimit().follow(following, second_page) is None


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("error-invalid-argument-400", 400, Refused),
        ("error-unauthenticated-401", 401, ReauthRequired),
        ("error-permission-403", 403, Refused),
        ("error-quota-429", 429, RateLimited),
    ],
)
def test_every_recorded_error_means_one_thing(
    name: str, status: int, error: type[Exception]
) -> None:
    found = refusal_of(f"ga4/samples/{name}.reconstructed.json", status, GA4.rules)
    assert type(found) is error
