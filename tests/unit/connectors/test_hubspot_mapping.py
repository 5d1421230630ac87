"""HubSpot's contacts and deals as facts."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from services.collector.connectors.declaration import Page, Window
from services.collector.connectors.hubspot import mapping
from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.digest import Digest, digest
from services.collector.http.errors import BadPayload
from services.collector.http.message import Answer
from shared.facts import DealChanged, Identity, LeadCreated, PersonIdentified, Retraction
from tests.unit.connectors.fixtures import fixture

NOW = datetime(2025, 4, 1, tzinfo=UTC)
WINDOW = Window(NOW, NOW)


def context() -> mapping.HubSpotContext:
    return mapping.HubSpotContext(
        source="hubspot",
        currency="USD",
        person_of=lambda email: f"p_{email.lower()}".replace("@", "_at_"),
        stages=mapping.stage_states(fixture("hubspot/pipelines")),
    )


def contacts(document: Any, medium: str = "advocacy") -> Digest:
    known = replace(context(), advocacy_medium=medium)
    return digest(HUBSPOT.stream("contacts"), Page(WINDOW, document), known)


def deals(document: Any, associations: Any = None) -> Digest:
    companions = {mapping.ASSOCIATIONS: associations or fixture("hubspot/associations")}
    return digest(HUBSPOT.stream("deals"), Page(WINDOW, document, companions), context())


def test_a_contact_is_a_lead_with_its_person_and_channel() -> None:
    found = contacts(fixture("hubspot/search-contacts"))

    assert found.rejected == ()
    assert found.items[0] == LeadCreated(
        source="hubspot",
        external_id="601",
        occurred_at=datetime(2025, 2, 1, 8, tzinfo=UTC),
        revision=1738574130250,
        channel="employee_advocacy",
        lead="hubspot:601",
        person="p_maja.nowak_at_client.example",
    )
    leads = [item for item in found.items if isinstance(item, LeadCreated)]
    assert [lead.channel for lead in leads] == ["employee_advocacy", "paid", "other", None, "other"]
    assert leads[2].person is None
    assert found.high_water == datetime(2025, 2, 3, 9, 15, 30, 250_000, tzinfo=UTC)
    assert contacts(fixture("hubspot/search-contacts"), "Advocacy").items == found.items


def test_a_deal_takes_its_state_from_the_pipeline_and_its_lead_from_the_lowest_contact() -> None:
    found = deals(fixture("hubspot/search-deals"))
    won, lost, still_open, partner = (item for item in found.items if isinstance(item, DealChanged))

    assert found.rejected == ()
    assert (won.state, won.amount, won.currency) == ("won", Decimal("12000.50"), "USD")
    assert won.lead == "hubspot:601"
    assert won.occurred_at == won.closed_at == datetime(2025, 3, 20, 16, 40, tzinfo=UTC)
    assert won.revision == 1742489100007
    assert (lost.state, lost.amount, lost.currency, lost.lead) == ("lost", None, None, None)
    assert (still_open.closed_at, still_open.occurred_at) == (None, still_open.opened_at)
    assert (partner.state, partner.currency) == ("won", "USD")


@pytest.mark.parametrize("stream", ["contacts", "deals"])
def test_an_archived_record_is_withdrawn(stream: str) -> None:
    document = fixture(f"hubspot/search-{stream}")
    document["results"] = [document["results"][0] | {"archived": True}]

    found = contacts(document) if stream == "contacts" else deals(document)

    kinds, number = {
        "contacts": (("lead.created", "person.identified"), "601"),
        "deals": (("deal.changed",), "901"),
    }[stream]
    withdrawn = [item for item in found.items if isinstance(item, Retraction)]
    assert [item.identity for item in withdrawn] == [
        Identity("hubspot", kind, number) for kind in kinds
    ]
    assert all(item.revision for item in withdrawn)


def test_the_addresses_of_a_merged_contact_are_one_person() -> None:
    document = fixture("hubspot/search-contacts")
    merged, alone = document["results"][:2]
    merged["properties"]["hs_additional_emails"] = "m.nowak@client.example;Maja@Home.example"
    alone["properties"]["hs_additional_emails"] = None

    found = contacts(document)

    (identified,) = (item for item in found.items if isinstance(item, PersonIdentified))
    assert identified.external_id == "601"
    assert identified.person == "p_maja.nowak_at_client.example"
    assert identified.same_as == ("p_m.nowak_at_client.example", "p_maja_at_home.example")
    assert [item.identity for item in found.items if isinstance(item, Retraction)] == [
        Identity("hubspot", "person.identified", alone["id"])
    ], "who has no further address any more is parted from those it had"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("hs_lastmodifieddate", None, "hs_lastmodifieddate: missing"),
        ("createdate", "2025-02-05", "createdate: expected an offset from UTC"),
        ("createdate", 1738574130250, "createdate: expected a text"),
        ("closedate", "", "closedate: missing"),
        ("closedate", "2099-01-01T00:00:00Z", "occurred_at"),
        ("dealstage", "renamed", "dealstage: no known stage"),
        ("amount", "1e5", "amount"),
        ("amount", "-", "amount"),
        ("amount", 12000, "amount: expected a text"),
        ("amount", None, "won deal"),
        ("deal_currency_code", "dollars", "currency"),
    ],
)
def test_a_deal_that_cannot_be_read_is_rejected_alone(name: str, value: Any, reason: str) -> None:
    document = fixture("hubspot/search-deals")
    document["results"][0]["properties"][name] = value

    found = deals(document)

    assert len(found.items) == 3
    (rejected,) = found.rejected
    assert rejected.record.key == "901"
    assert reason in rejected.reason


def test_an_incomplete_answer_about_contacts_rejects_the_page() -> None:
    associations = fixture("hubspot/associations")
    associations["errors"][0]["subCategory"] = "crm.associations.INTERNAL_ERROR"

    with pytest.raises(BadPayload, match="associations_incomplete"):
        deals(fixture("hubspot/search-deals"), associations)


@pytest.mark.parametrize("document", [{}, {"results": None}, {"results": [1]}])
def test_an_answer_without_a_list_rejects_the_page(document: Any) -> None:
    with pytest.raises(BadPayload):
        contacts(document)


def test_a_rejected_record_leaves_the_digest_with_all_its_facts() -> None:
    found = deals(fixture("hubspot/search-deals")).without_record_of(0, "currency_mismatch")

    assert len(found.items) == len(found.origins) == 3
    assert found.rejected[0].record.key == "901"


@pytest.mark.parametrize(
    ("policy", "seconds"), [("SECONDLY", 1), ("TEN_SECONDLY_ROLLING", 10), ("DAILY", 3600)]
)
def test_the_wait_after_a_limit_follows_its_policy(policy: str, seconds: int) -> None:
    wait = HUBSPOT.rules.rate_limit_wait(Answer(429, {}, {"policyName": policy}), NOW)
    assert wait.total_seconds() == seconds


def test_what_is_left_of_the_daily_quota_is_read_from_the_headers() -> None:
    headers = {
        "x-hubspot-ratelimit-daily": "250000",
        "x-hubspot-ratelimit-daily-remaining": "25000",
    }
    assert HUBSPOT.rules.quota_left(Answer(200, headers, {})) == pytest.approx(0.1)
    assert HUBSPOT.rules.quota_left(Answer(200, {}, {})) is None


@pytest.mark.parametrize("count", ["", "²", "-1", "many", "9" * 5000])
def test_a_quota_that_is_no_count_is_not_known(count: str) -> None:
    headers = {"x-hubspot-ratelimit-daily": count, "x-hubspot-ratelimit-daily-remaining": "1"}
    assert HUBSPOT.rules.quota_left(Answer(200, headers, {})) is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"isClosed": True, "probability": "1.0"},
        {"isClosed": "TRUE", "probability": "1.0"},
        {"isClosed": None, "probability": "1.0"},
        {"probability": "1.0"},
        {"isClosed": ["true"], "probability": "1.0"},
        {"isClosed": "true", "probability": "certain"},
        {"isClosed": "true"},
    ],
)
def test_a_stage_that_says_otherwise_whether_it_is_closed_is_not_taken_for_open(
    metadata: Any,
) -> None:
    """Every won deal would be open again, and nobody would know."""
    stages = [{"id": "won", "metadata": metadata}]

    with pytest.raises(BadPayload, match="bad_pipelines"):
        mapping.stage_states({"results": [{"id": "default", "stages": stages}]})
