"""HubSpot's signature, and what the events of a delivery ask for."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.collector.connectors.hubspot.webhook import events, plan, signature, verify
from services.collector.connectors.webhooks import MalformedDelivery, SignatureRejected
from shared.facts import Identity, Retraction
from tests.unit.connectors.fixtures import fixture

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
URL = "https://earned.example/webhooks/hubspot/c1?a=b"
SECRET = "the client secret"
BODY = b'[{"eventId":1}]'


def headers(*, at: datetime = NOW, url: str = URL, body: bytes = BODY) -> dict[str, str]:
    timestamp = str(int(at.timestamp() * 1000))
    return {
        "x-hubspot-request-timestamp": timestamp,
        "x-hubspot-signature-v3": signature("POST", url, body, timestamp, SECRET),
    }


def test_a_fresh_delivery_with_the_right_signature_is_accepted() -> None:
    for off in (timedelta(0), timedelta(minutes=5), -timedelta(minutes=5)):
        verify(headers(at=NOW + off), "POST", URL, BODY, SECRET, NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"x-hubspot-signature-v3": None}, "malformed"),
        ({"x-hubspot-request-timestamp": None}, "malformed"),
        ({"x-hubspot-request-timestamp": "1.5"}, "malformed"),
        ({"x-hubspot-request-timestamp": "NaN"}, "malformed"),
        ({"x-hubspot-request-timestamp": "-1"}, "malformed"),
        ({"x-hubspot-request-timestamp": "١٢٣"}, "malformed"),
        ({"x-hubspot-request-timestamp": "1" * 400}, "malformed"),
        ({"x-hubspot-request-timestamp": "1740830400001"}, "bad_signature"),
        ({"x-hubspot-signature-v3": ""}, "bad_signature"),
        ({"x-hubspot-signature-v3": "żółć"}, "bad_signature"),
        ({"x-hubspot-signature-v3": "\udcff"}, "bad_signature"),
        ({"x-hubspot-signature-v3": "v0=abc"}, "bad_signature"),
    ],
)
def test_a_delivery_that_proves_nothing_is_refused(
    change: dict[str, str | None], reason: str
) -> None:
    given = {k: v for k, v in {**headers(), **change}.items() if v is not None}

    with pytest.raises(SignatureRejected) as rejection:
        verify(given, "POST", URL, BODY, SECRET, NOW)

    assert rejection.value.reason == reason


@pytest.mark.parametrize("off", [timedelta(minutes=5, seconds=1), timedelta(days=365)])
def test_a_replay_is_stale_in_both_directions(off: timedelta) -> None:
    for at in (NOW - off, NOW + off):
        with pytest.raises(SignatureRejected, match="stale"):
            verify(headers(at=at), "POST", URL, BODY, SECRET, NOW)


@pytest.mark.parametrize(
    "other",
    [
        ("PUT", URL, BODY, SECRET),
        ("POST", URL + "&c=d", BODY, SECRET),
        ("POST", URL, BODY + b" ", SECRET),
        ("POST", URL, BODY, "another secret"),
    ],
)
def test_every_part_is_signed(other: tuple[str, str, bytes, str]) -> None:
    method, url, body, secret = other
    with pytest.raises(SignatureRejected, match="bad_signature"):
        verify(headers(), method, url, body, secret, NOW)


def test_the_listed_codes_of_the_address_are_decoded_and_no_others() -> None:
    encoded = "https://e.example/h%3a%2F%3F%40%21%24%27%28%29%2A%2C%3B?q=%20%26%3D%2525"
    decoded = "https://e.example/h:/?@!$'()*,;?q=%20%26%3D%2525"

    assert signature("POST", encoded, BODY, "1", SECRET) == signature(
        "POST", decoded, BODY, "1", SECRET
    )


def test_a_delivery_is_split_into_the_events_that_are_followed() -> None:
    found = events(orjson.dumps(fixture("hubspot/webhook-events")))

    assert [(event.object_type, event.kind, event.object_id) for event in found] == [
        ("contact", "creation", "601"),
        ("contact", "propertyChange", "601"),
        ("deal", "deletion", "901"),
        ("deal", "propertyChange", "902"),
    ]
    assert found[0].dedupe_key == "4242:77:1:1740000000123:601"
    assert found[0].occurred_at == datetime(2025, 2, 19, 21, 20, 0, 123_000, tzinfo=UTC)


def test_the_same_event_again_has_the_same_key_whatever_the_attempt() -> None:
    document = fixture("hubspot/webhook-events")[:1]
    again = [{**document[0], "attemptNumber": 4}]

    assert len(events(orjson.dumps(document + again))) == 1


def test_deletions_withdraw_and_everything_else_names_what_to_read() -> None:
    asked = plan(events(orjson.dumps(fixture("hubspot/webhook-events"))), "hubspot")

    assert asked.retractions == (
        Retraction(Identity("hubspot", "deal.changed", "901"), revision=1740000000123),
    )
    assert asked.reads == {"contacts": ("601",), "deals": ("902",)}
    assert asked.orphaning == {}


def test_a_merge_withdraws_the_merged_and_reads_the_survivor() -> None:
    merge = fixture("hubspot/webhook-events")[0] | {
        "subscriptionType": "contact.merge",
        "primaryObjectId": 601,
        "mergedObjectIds": [602],
        "newObjectId": 700,
    }

    asked = plan(events(orjson.dumps([merge])), "hubspot")

    withdrawn = [
        retraction.identity.external_id
        for retraction in asked.retractions
        if retraction.identity.kind == "lead.created"
    ]
    assert withdrawn == ["602", "601"]
    assert asked.reads == {"contacts": ("700",)}
    # The deals of both belong to the survivor now: which these are, the ledger knows.
    assert asked.orphaning == {"deals": ("hubspot:602", "hubspot:601")}


def test_what_was_restored_is_read_and_no_older_than_that() -> None:
    told = fixture("hubspot/webhook-events")[0]
    restored = [
        told | {"subscriptionType": "contact.restore"},
        told | {"subscriptionType": "object.restore", "objectTypeId": "0-3", "objectId": 901},
        told | {"subscriptionType": "contact.restore", "eventId": 2, "occurredAt": 1740000000124},
    ]

    asked = plan(events(orjson.dumps(restored)), "hubspot")

    assert asked.retractions == ()
    assert asked.reads == {"contacts": ("601",), "deals": ("901",)}
    assert asked.changed_at == {"contacts": {"601": 1740000000124}, "deals": {"901": 1740000000123}}
    # Deals that have lost it may have it again: which these are, HubSpot knows.
    assert (asked.orphaning, asked.returning) == ({}, {"deals": ("601",)})


def _association(**changes: Any) -> dict[str, Any]:
    """Return an event as HubSpot sends it: without an object that it is about."""
    return {
        **_without("objectId"),
        "subscriptionType": "deal.associationChange",
        "associationType": "DEAL_TO_CONTACT",
        "fromObjectId": 901,
        "toObjectId": 601,
        "associationRemoved": False,
        **changes,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"associationRemoved": True},
        {
            "subscriptionType": "contact.associationChange",
            "associationType": "CONTACT_TO_DEAL",
            "fromObjectId": 601,
            "toObjectId": 901,
        },
        {
            "subscriptionType": "object.associationChange",
            "associationType": None,
            "fromObjectTypeId": "0-1",
            "fromObjectId": 601,
            "toObjectTypeId": "0-3",
            "toObjectId": 901,
        },
    ],
)
def test_a_deal_with_other_contacts_is_read(changes: dict[str, Any]) -> None:
    asked = plan(events(orjson.dumps([_association(**changes)])), "hubspot")

    assert (asked.retractions, asked.orphaning, asked.returning) == ((), {}, {})
    assert asked.reads == {"deals": ("901",)}
    assert asked.changed_at == {"deals": {"901": 1740000000123}}


@pytest.mark.parametrize(
    "changes",
    [
        {"associationType": "DEAL_TO_LINE_ITEM"},
        {"subscriptionType": "contact.associationChange", "associationType": "CONTACT_TO_COMPANY"},
        {
            "subscriptionType": "object.associationChange",
            "fromObjectTypeId": "0-3",
            "toObjectTypeId": "0-2",
        },
    ],
)
def test_other_associations_do_not_hold_up_the_events_beside_them(changes: dict[str, Any]) -> None:
    beside = fixture("hubspot/webhook-events")[2]

    found = events(orjson.dumps([_association(**changes), beside]))

    assert [(event.kind, event.object_id) for event in found] == [("deletion", "901")]


def _without(name: str) -> dict[str, Any]:
    return {k: v for k, v in fixture("hubspot/webhook-events")[0].items() if k != name}


@pytest.mark.parametrize(
    "document",
    [
        {"eventId": 1},
        [1],
        [{}],
        [_without("objectId")],
        [_without("occurredAt")],
        [_without("portalId")],
        [_without("objectId") | {"objectId": True}],
        [_without("objectId") | {"objectId": "601"}],
        [_without("occurredAt") | {"occurredAt": 2**61}],
        [_without("subscriptionType") | {"subscriptionType": "contact"}],
        [_without("x") | {"subscriptionType": "deal.associationChange"}],
        [_without("x")] * 101,
    ],
)
def test_a_delivery_of_another_shape_is_malformed(document: Any) -> None:
    with pytest.raises(MalformedDelivery):
        events(orjson.dumps(document))


def test_a_delivery_that_is_no_json_is_malformed() -> None:
    with pytest.raises(MalformedDelivery):
        events(b"[{")
