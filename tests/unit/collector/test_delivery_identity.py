"""What makes two deliveries the same, and what makes them say the same."""

import itertools
from typing import Any

import orjson
import pytest

from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.webhooks.identity import DeliveryIdentity, UnreadableBody, identify


def event(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "eventId": number,
        "subscriptionId": 1,
        "portalId": 2,
        "occurredAt": 1782371971992,
        "subscriptionType": "deal.creation",
        "attemptNumber": 0,
        "objectId": number,
        **changes,
    }


def identity(*events: Any) -> DeliveryIdentity:
    assert HUBSPOT.webhooks is not None
    return identify(HUBSPOT.webhooks, orjson.dumps(events))


def test_order_and_attempt_make_no_difference() -> None:
    found = {
        identity(*(event(number, attemptNumber=attempt) for number in order))
        for attempt, order in enumerate(itertools.permutations([1, 2, 3]))
    }

    assert len(found) == 1


def test_the_same_events_that_say_something_else_are_the_same_delivery() -> None:
    first, other = identity(event(1, propertyValue="1")), identity(event(1, propertyValue="2"))

    assert first.key == other.key
    assert first.content_hash != other.content_hash


@pytest.mark.parametrize(
    "field", ["eventId", "subscriptionId", "portalId", "occurredAt", "objectId"]
)
def test_every_part_of_an_events_identity_counts(field: str) -> None:
    assert identity(event(1)).key != identity(event(1, **{field: 99})).key


def test_a_part_of_a_delivery_is_another_delivery() -> None:
    assert identity(event(1)).key != identity(event(1), event(2)).key


def test_what_has_no_events_we_know_is_its_own_identity() -> None:
    unknown = [identity({"strange": number}) for number in (1, 2, 1)]

    assert unknown[0] == unknown[2]
    assert unknown[0].key != unknown[1].key


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"1", b'"text"', b"null", b"\xff", b"[" * 5000, b"[" * 300 + b"]" * 300],
)
def test_what_is_no_document_has_no_identity(body: bytes) -> None:
    assert HUBSPOT.webhooks is not None
    with pytest.raises(UnreadableBody):
        identify(HUBSPOT.webhooks, body)
