"""The mapping of HubSpot digests every recorded sample."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
import time_machine

from services.collector.connectors.hubspot import mapping, webhook
from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.connectors.webhooks import SignatureRejected
from services.collector.digest import Digest, digest
from services.collector.http.errors import RateLimited, ReauthRequired, Refused
from shared.facts import DealChanged, LeadCreated
from tests.contract.connector_samples import body_of, page_of, refusal_of, sample

_RECORDED = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def context() -> mapping.HubSpotContext:
    return mapping.HubSpotContext(
        source="hubspot",
        currency="USD",
        person_of=lambda email: "p_" + email.replace("@", "."),
        stages=mapping.stage_states(sample("hubspot/samples/pipelines-deals.recorded.json")),
    )


def _digest(stream: str, name: str, context: mapping.HubSpotContext) -> Digest:
    with time_machine.travel(_RECORDED):
        return digest(HUBSPOT.stream(stream), page_of(name), context)


@pytest.mark.parametrize(
    "name", ["list-contacts.recorded.exchange.json", "search-contacts.response.recorded.json"]
)
def test_every_recorded_contact_is_a_lead(name: str, context: mapping.HubSpotContext) -> None:
    found = _digest("contacts", f"hubspot/samples/{name}", context)

    assert found.rejected == ()
    assert found.items
    assert all(isinstance(item, LeadCreated) and item.person for item in found.items)


@pytest.mark.parametrize(
    "name", ["list-deals.recorded.exchange.json", "search-deals.recorded.exchange.json"]
)
def test_every_recorded_deal_has_a_state(name: str, context: mapping.HubSpotContext) -> None:
    found = _digest("deals", f"hubspot/samples/{name}", context)

    assert found.rejected == ()
    assert found.items
    assert all(isinstance(item, DealChanged) for item in found.items)


def test_the_recorded_pipeline_tells_won_from_lost(context: mapping.HubSpotContext) -> None:
    assert context.stages["default", "closedwon"] == "won"
    assert context.stages["default", "closedlost"] == "lost"
    assert context.stages["default", "contractsent"] == "open"


def test_a_deal_without_contacts_keeps_the_others_contacts() -> None:
    associations = body_of("hubspot/samples/associations-v4-batch-read.reconstructed.exchange.json")
    ids = [entry["id"] for entry in ({"id": "332507367156"}, {"id": "332507367157"})]
    page = page_of("hubspot/samples/list-deals.recorded.exchange.json", associations=associations)
    deals = {"results": [{**page.main["results"][0], "id": number} for number in ids]}

    first, second = mapping.deal_records(type(page)(page.window, deals, page.companions))

    assert first.content["contacts"] == ["508369434347"]
    assert second.content["contacts"] == []


def test_the_recorded_delivery_is_split_into_its_events() -> None:
    document = sample("hubspot/samples/webhook-events-batch.recorded.json")

    found = webhook.events(orjson.dumps(document))

    assert len(found) == len(document)
    assert webhook.plan(found, "hubspot").reads == {
        "contacts": ("508369434347",),
        "deals": ("332507367156",),
    }


def test_the_signature_agrees_with_every_vector_of_version_3() -> None:
    vectors = [
        vector
        for vector in sample("webhook-signature-vectors.json")["vectors"]
        if vector["vendor"] == "hubspot" and vector["name"].startswith("v3")
    ]
    assert len(vectors) >= 2
    for vector in vectors:
        headers = {
            "x-hubspot-signature-v3": vector["expected"],
            "x-hubspot-request-timestamp": vector["timestamp"],
        }
        sent = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(vector["timestamp"]))
        body = vector["raw_body"].encode()
        arguments = (headers, vector["method"], vector["uri"], body, vector["secret"])

        webhook.verify(*arguments, sent)
        with pytest.raises(SignatureRejected, match="stale"):
            webhook.verify(*arguments, sent + timedelta(minutes=6))


def test_signatures_of_the_older_versions_prove_nothing() -> None:
    for vector in sample("webhook-signature-vectors.json")["vectors"]:
        if vector["vendor"] == "hubspot" and not vector["name"].startswith("v3"):
            headers = {
                "x-hubspot-signature-v3": vector["expected"],
                "x-hubspot-request-timestamp": "1740830400000",
            }
            with pytest.raises(SignatureRejected, match="bad_signature"):
                webhook.verify(
                    headers,
                    vector.get("method", "POST"),
                    vector.get("uri", "https://www.example.com/webhook_uri"),
                    vector["raw_body"].encode(),
                    vector["secret"],
                    datetime(2025, 3, 1, 12, tzinfo=UTC),
                )


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("error-expired-token-401.reconstructed.json", 401, ReauthRequired),
        ("error-missing-scopes.recorded.json", 403, Refused),
        ("error-rate-limit-429.reconstructed.exchange.json", 429, RateLimited),
        ("error-rate-limit-429-ten-secondly.reconstructed.exchange.json", 429, RateLimited),
    ],
)
def test_every_recorded_error_means_one_thing(
    name: str, status: int, error: type[Exception]
) -> None:
    assert type(refusal_of(f"hubspot/samples/{name}", status, HUBSPOT.rules)) is error
