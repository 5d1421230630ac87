"""Rows of a Google Analytics report as facts."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.collector.connectors.declaration import Frame, LinkTarget, Page, Window
from services.collector.connectors.ga4.connector import GA4, Ga4Config
from services.collector.connectors.ga4.mapping import Ga4Context
from services.collector.digest import Digest, digest
from services.collector.http.errors import BadPayload
from services.collector.http.message import Answer
from shared.facts import SessionRecorded
from tests.unit.connectors.fixtures import fixture

WINDOW = Window(datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 3, tzinfo=UTC))
CODE = "Ab3dEf7hIjK"
LINKS = {CODE: LinkTarget("employee_advocacy", employee="E007", network="linkedin", content="c-1")}


def read(document: Any, stream: str = "sessions", medium: str = "advocacy") -> Digest:
    return digest(GA4.stream(stream), Page(WINDOW, document), Ga4Context("ga4", LINKS, medium))


def facts(found: Digest) -> list[SessionRecorded]:
    return [item for item in found.items if isinstance(item, SessionRecorded)]


def test_a_row_with_a_known_link_names_its_sharer() -> None:
    first, unknown, *_ = facts(read(fixture("ga4/run-report")))

    assert (first.day, first.occurred_at) == (date(2025, 3, 1), datetime(2025, 3, 1, tzinfo=UTC))
    assert (first.sessions, first.engaged_sessions, first.key_events) == (12, 9, 2)
    assert (first.employee, first.network, first.content, first.link) == (
        "E007",
        "linkedin",
        "c-1",
        CODE,
    )
    assert (first.campaign, first.landing, first.is_partial) == ("spring", "site", False)
    assert (unknown.channel, unknown.employee, unknown.link) == ("employee_advocacy", None, None)


def test_the_medium_decides_the_channel_of_other_traffic() -> None:
    found = facts(read(fixture("ga4/run-report")))

    assert [fact.channel for fact in found[2:]] == ["paid", "organic", "other", "brand"]
    assert found[2].campaign is None
    assert (found[5].network, found[5].campaign) == ("linkedin", "company-page")


def test_names_are_the_same_however_they_are_written() -> None:
    """Tags are typed by people, and so is the medium that is configured."""
    document = fixture("ga4/run-report")
    for row, source in zip(document["rows"], ("LinkedIn", "LNKD.in", "Facebook"), strict=False):
        row["dimensionValues"][1]["value"] = source

    found = facts(read(document, medium="Advocacy"))

    assert [fact.network for fact in found[:3]] == ["linkedin", "linkedin", "facebook"]
    assert [fact.channel for fact in found[:3]] == ["employee_advocacy"] * 2 + ["paid"]


def test_rows_of_site_and_careers_have_their_own_identities() -> None:
    site = read(fixture("ga4/run-report"))
    careers = read(fixture("ga4/run-report"), "careers_sessions")

    ids = {fact.external_id for found in (site, careers) for fact in facts(found)}
    assert len(ids) == 12
    assert {fact.landing for fact in facts(careers)} == {"careers"}


def test_an_empty_report_is_no_fact() -> None:
    assert read(fixture("ga4/run-report-empty")).items == ()


@pytest.mark.parametrize(
    "flag",
    [
        {"subjectToThresholding": True},
        {"dataLossFromOtherRow": True},
        {"samplingMetadatas": [{"samplesReadCount": "1"}]},
    ],
)
def test_the_reports_doubts_are_kept_with_each_fact(flag: dict[str, Any]) -> None:
    document = fixture("ga4/run-report")
    document["metadata"] |= flag

    assert all(fact.is_partial for fact in facts(read(document)))


@pytest.mark.parametrize("value", ["34.5", "1e3", "", " 1", "１２", "-1", None, 12])
def test_a_count_that_is_no_whole_number_is_never_booked(value: Any) -> None:
    document = fixture("ga4/run-report")
    document["rows"][0]["metricValues"][0]["value"] = value

    found = read(document)

    assert (len(found.items), len(found.rejected)) == (5, 1)


def test_a_shared_key_event_is_rounded_and_says_so() -> None:
    document = fixture("ga4/run-report")
    document["rows"][0]["metricValues"][2]["value"] = "1.5"

    first, second, *_ = facts(read(document))

    assert (first.key_events, first.is_partial) == (2, True)
    assert not second.is_partial


@pytest.mark.parametrize("value", ["NaN", "-0.5", "1e3", ""])
def test_key_events_that_are_no_number_are_never_booked(value: str) -> None:
    document = fixture("ga4/run-report")
    document["rows"][0]["metricValues"][2]["value"] = value

    assert len(read(document).rejected) == 1


@pytest.mark.parametrize("day", ["2025-03-01", "20250230", "(other)"])
def test_a_row_without_a_day_is_rejected(day: str) -> None:
    document = fixture("ga4/run-report")
    document["rows"][0]["dimensionValues"][0]["value"] = day

    assert len(read(document).rejected) == 1


@pytest.mark.parametrize("change", [{"dimensionHeaders": []}, {"rows": {}}, {"metadata": []}])
def test_a_report_of_other_columns_is_rejected(change: dict[str, Any]) -> None:
    with pytest.raises(BadPayload):
        read(fixture("ga4/run-report") | change)


def test_site_and_careers_divide_the_sessions_between_them() -> None:
    config = Ga4Config(property_id="1", careers_prefix="/careers")
    frame = Frame(config=config, source="g", now=WINDOW.end, currency="USD", person_of=str)

    site = GA4.stream("sessions").request(frame, WINDOW).json
    careers = GA4.stream("careers_sessions").request(frame, WINDOW).json

    assert site is not None
    assert careers is not None
    assert site["dimensionFilter"] == {"notExpression": careers["dimensionFilter"]}
    assert site["dateRanges"] == [{"startDate": "2025-03-01", "endDate": "2025-03-02"}]
    assert len(GA4.streams_of(Ga4Config(property_id="1"))) == 1


def test_what_is_left_of_the_quota_is_read_from_the_answer() -> None:
    def left(remaining: int) -> float | None:
        quota = {"tokensPerDay": {"consumed": 10, "remaining": remaining}}
        return GA4.rules.quota_left(Answer(200, {}, {"propertyQuota": quota}))

    plenty, little = left(100_000), left(50)
    assert plenty is not None
    assert little is not None
    assert little < 0.1 < plenty
    assert GA4.rules.quota_left(Answer(200, {}, {})) is None
