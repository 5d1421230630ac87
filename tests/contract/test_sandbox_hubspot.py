"""The HubSpot look-alike answers as HubSpot's description and recorded answers say."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from sandbox.golden import crm
from sandbox.hubspot.webhooks import event_body, sign_v1, sign_v3
from sandbox.state import Sandbox
from tests.contract.sandbox_contracts import assert_valid, client, contract, sample, shape

TOKEN = "Bearer hubspot.portal.access"
DEALS = "/hubspot/crm/v3/objects/deals"
CONTACTS = "/hubspot/crm/v3/objects/contacts"
DEAL, CONTACT = crm.deals()[0].object_id, crm.contacts()[0].object_id


def hubspot(state: Sandbox | None = None) -> httpx.AsyncClient:
    return client(state, {"Authorization": TOKEN})


def crm_spec() -> dict[str, Any]:
    """The description, with what recorded answers show it to be wrong about.

    A property without a value is null, ``subCategory`` is text and ``toObjectId`` is a number.
    """
    spec: dict[str, Any] = contract("hubspot/hubspot-crm-v3.openapi.json")
    schemas = spec["components"]["schemas"]
    for name in ("SimplePublicObject", "SimplePublicObjectWithAssociations"):
        values = {"type": ["string", "null"]}
        schemas[name]["properties"]["properties"]["additionalProperties"] = values
    return spec


def associations_spec() -> dict[str, Any]:
    spec: dict[str, Any] = contract("hubspot/hubspot-associations-v4.openapi.json")
    schemas = spec["components"]["schemas"]
    schemas["MultiAssociatedObjectWithLabel"]["properties"]["toObjectId"] = {"type": "integer"}
    schemas["StandardError"]["properties"]["subCategory"] = {"type": "string"}
    label = schemas["AssociationSpecWithLabel"]["properties"]["label"]
    label["type"] = ["string", "null"]
    return spec


def modified_since(moment: str = "2025-01-01T00:00:00Z", **more: Any) -> dict[str, Any]:
    condition = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": moment}
    sort = {"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}
    return {"filterGroups": [{"filters": [condition]}], "sorts": [sort], **more}


async def test_listing_is_valid_and_shaped_as_recorded() -> None:
    async with hubspot() as api:
        asked = ["dealname", "dealstage", "pipeline", "amount", "closedate"]
        answer = (await api.get(DEALS, params={"limit": 100, "properties": ",".join(asked)})).json()

    assert_valid(
        answer, crm_spec(), "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
    )
    recorded = sample("hubspot/samples/list-deals.recorded.exchange.json")["results"][0]
    assert shape(answer["results"][0]).keys() == shape(recorded).keys()
    assert answer["results"][0]["properties"].keys() == recorded["properties"].keys()
    assert "paging" not in answer


async def test_contact_listing_is_shaped_as_recorded() -> None:
    async with hubspot() as api:
        names = "email,firstname,lastname"
        answer = (await api.get(CONTACTS, params={"limit": 100, "properties": names})).json()

    recorded = sample("hubspot/samples/list-contacts.recorded.exchange.json")["results"][0]
    assert answer["results"][0].keys() == recorded.keys()
    assert answer["results"][0]["properties"].keys() == recorded["properties"].keys() - {"phone"}


@pytest.mark.parametrize(("path", "count"), [(DEALS, 12), (CONTACTS, 30)])
@pytest.mark.parametrize("limit", [1, 5, 100])
async def test_walking_the_list_delivers_every_object_once(
    path: str, count: int, limit: int
) -> None:
    seen: list[str] = []
    after: str | None = None
    async with hubspot() as api:
        while True:
            query = {"limit": str(limit)} | ({"after": after} if after else {})
            answer = (await api.get(path, params=query)).json()
            seen += [record["id"] for record in answer["results"]]
            if "paging" not in answer:
                break
            after = answer["paging"]["next"]["after"]

    assert len(seen) == len(set(seen)) == count


@pytest.mark.parametrize("limit", [1, 5, 200])
async def test_walking_a_search_delivers_every_object_once_in_order_of_change(limit: int) -> None:
    seen, after = [], "0"
    async with hubspot() as api:
        while after is not None:
            body = modified_since(limit=limit, after=after, properties=["amount"])
            answer = (await api.post(f"{DEALS}/search", json=body)).json()
            seen += [(r["properties"]["hs_lastmodifieddate"], r["id"]) for r in answer["results"]]
            after = answer.get("paging", {}).get("next", {}).get("after")

    assert len(seen) == len(set(seen)) == answer["total"] == 12
    assert seen == sorted(seen, key=lambda entry: entry[0])


async def test_search_is_valid_and_says_nothing_about_rates() -> None:
    async with hubspot() as api:
        searched = await api.post(f"{DEALS}/search", json=modified_since(limit=5))
        listed = await api.get(DEALS)

    assert_valid(searched.json(), crm_spec(), "CollectionResponseWithTotalSimplePublicObject")
    recorded = sample("hubspot/samples/search-deals.recorded.exchange.json")
    assert searched.json().keys() == recorded.keys()
    assert searched.json()["paging"] == recorded["paging"]
    assert not [name for name in searched.headers if "ratelimit" in name]
    assert listed.headers["x-hubspot-ratelimit-max"] == "110"


async def test_search_understands_milliseconds_and_text_limits() -> None:
    moment = datetime(2025, 4, 10, 9, tzinfo=UTC)
    async with hubspot() as api:
        body = modified_since(str(int(moment.timestamp() * 1000)), limit="200")
        by_number = (await api.post(f"{DEALS}/search", json=body)).json()
        body = modified_since("2025-04-10T09:00:00.000Z", limit=200)
        by_text = (await api.post(f"{DEALS}/search", json=body)).json()

    assert by_number == by_text
    names = {record["properties"]["dealname"] for record in by_text["results"]}
    assert names == {f"Golden Ratio {name}" for name in ("J1", "J2", "J3", "L2", "L3", "L4")}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"limit": "many"},
        {"limit": 200, "after": "9900"},
        {"filterGroups": [{"filters": [{"propertyName": "nope", "operator": "EQ"}]}]},
        {"sorts": [{"propertyName": "amount"}, {"propertyName": "dealname"}]},
    ],
)
async def test_search_refuses_what_hubspot_refuses(body: dict[str, Any]) -> None:
    async with hubspot() as api:
        answer = await api.post(f"{DEALS}/search", json=body)

    assert answer.status_code == 400
    assert_valid(answer.json(), crm_spec(), "Error")
    assert answer.json()["category"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("query", [{"limit": "101"}, {"limit": "x"}, {"after": "not-a-cursor"}])
async def test_list_refuses_what_hubspot_refuses(query: dict[str, str]) -> None:
    async with hubspot() as api:
        assert (await api.get(DEALS, params=query)).status_code == 400
        assert (await api.get("/hubspot/crm/v3/objects/unicorns")).status_code == 400


async def test_associations_come_with_the_list() -> None:
    async with hubspot() as api:
        params = {"associations": "contacts", "limit": "100"}
        answer = (await api.get(DEALS, params=params)).json()

    assert_valid(
        answer, crm_spec(), "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
    )
    first = answer["results"][0]["associations"]["contacts"]["results"]
    assert first == [{"id": CONTACT, "type": "deal_to_contact"}]


async def test_batch_read_tells_which_are_missing() -> None:
    inputs = [{"id": DEAL}, {"id": "1"}]
    async with hubspot() as api:
        complete = await api.post(f"{DEALS}/batch/read", json={"inputs": inputs[:1]})
        partial = await api.post(f"{DEALS}/batch/read", json={"inputs": inputs})

    assert complete.status_code == 200
    assert_valid(complete.json(), crm_spec(), "BatchResponseSimplePublicObject")
    assert partial.status_code == 207
    assert_valid(partial.json(), crm_spec(), "BatchResponseSimplePublicObjectWithErrors")
    assert partial.json()["errors"][0]["context"] == {"ids": ["1"]}


@pytest.mark.parametrize("inputs", [None, [], [DEAL], [{"name": DEAL}]])
async def test_a_batch_without_ids_is_refused(inputs: object) -> None:
    async with hubspot() as api:
        refused = await api.post(f"{DEALS}/batch/read", json={"inputs": inputs})

    assert (refused.status_code, refused.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("path", "most"),
    [
        (f"{DEALS}/batch/read", 100),
        ("/hubspot/crm/v4/associations/deals/contacts/batch/read", 1000),
    ],
)
async def test_a_batch_is_as_large_as_hubspot_takes_it(path: str, most: int) -> None:
    async with hubspot() as api:
        taken = await api.post(path, json={"inputs": [{"id": DEAL}] * most})
        refused = await api.post(path, json={"inputs": [{"id": DEAL}] * (most + 1)})

    assert (taken.status_code, refused.status_code) == (200, 400)


async def test_association_batch_answers_207_when_one_has_none() -> None:
    path = "/hubspot/crm/v4/associations/contacts/deals/batch/read"
    lonely = crm.contacts()[-1].object_id
    async with hubspot() as api:
        complete = await api.post(path, json={"inputs": [{"id": CONTACT}]})
        partial = await api.post(path, json={"inputs": [{"id": CONTACT}, {"id": lonely}]})

    spec = associations_spec()
    assert complete.status_code == 200
    assert_valid(complete.json(), spec, "BatchResponsePublicAssociationMultiWithLabel")
    assert complete.json()["results"][0]["to"][0]["toObjectId"] == int(DEAL)
    assert partial.status_code == 207
    assert_valid(partial.json(), spec, "BatchResponsePublicAssociationMultiWithLabelWithErrors")
    recorded = sample("hubspot/samples/associations-v4-batch-read.reconstructed.exchange.json")
    assert shape(partial.json()["results"]) == shape(recorded["results"])
    assert partial.json()["errors"][0]["subCategory"] == recorded["errors"][0]["subCategory"]


async def test_pipelines_are_those_recorded() -> None:
    async with hubspot() as api:
        answer = (await api.get("/hubspot/crm/v3/pipelines/deals")).json()

    assert answer == sample("hubspot/samples/pipelines-deals.recorded.json")


async def test_one_object_or_none() -> None:
    async with hubspot() as api:
        found = await api.get(
            f"{DEALS}/{DEAL}", params={"properties": "amount,hs_analytics_source"}
        )
        missing = await api.get(f"{DEALS}/1")

    assert_valid(found.json(), crm_spec(), "SimplePublicObjectWithAssociations")
    assert found.json()["properties"]["amount"] == "12000.00"
    assert (missing.status_code, missing.json()["category"]) == (404, "OBJECT_NOT_FOUND")


async def test_dated_paths_answer_as_their_predecessors() -> None:
    async with hubspot() as api:
        old = (await api.get(DEALS)).json()["results"]
        new = (await api.get("/hubspot/crm/objects/2026-09/0-3")).json()["results"]

    assert old == new


async def test_tokens_are_checked_expire_and_are_refreshed() -> None:
    state = Sandbox()
    form = {
        "grant_type": "refresh_token",
        "client_id": "golden-ratio-hubspot-app",
        "client_secret": "golden-ratio-hubspot-client-secret",
        "refresh_token": "hubspot.portal.refresh",
    }
    async with client(state) as api:
        stranger = await api.get(DEALS)
        state.tokens["hubspot"].expire("portal")
        expired = await api.get(DEALS, headers={"Authorization": TOKEN})
        granted = (await api.post("/hubspot/oauth/2026-03/token", data=form)).json()
        welcome = await api.get(
            DEALS, headers={"Authorization": f"Bearer {granted['access_token']}"}
        )
        wrong = await api.post("/hubspot/oauth/v1/token", data=form | {"client_secret": "x"})

    assert (stranger.status_code, stranger.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    recorded = sample("hubspot/samples/error-expired-token-401.reconstructed.json")
    assert (expired.status_code, shape(expired.json())) == (401, shape(recorded))
    assert expired.json()["category"] == recorded["category"]
    token = sample("hubspot/samples/oauth-token-refresh.reconstructed.exchange.json")
    assert shape(granted) == shape(token)
    assert (welcome.status_code, wrong.status_code) == (200, 400)


async def test_a_deleted_deal_is_gone_from_lists_and_kept_in_the_archive() -> None:
    state = Sandbox()
    state.delete("deals", DEAL)
    async with hubspot(state) as api:
        living = (await api.get(DEALS, params={"limit": 100})).json()["results"]
        archive = (await api.get(DEALS, params={"archived": "true"})).json()
        found = await api.post(f"{DEALS}/search", json=modified_since(limit=200))
        batch = {"inputs": [{"id": DEAL}]}
        gone = await api.post(f"{DEALS}/batch/read", json=batch)
        kept = await api.post(f"{DEALS}/batch/read", params={"archived": "true"}, json=batch)

    assert DEAL not in {record["id"] for record in living}
    assert found.json()["total"] == 11
    assert (gone.status_code, kept.status_code) == (207, 200)
    assert kept.json()["results"][0]["archived"] is True
    assert [record["id"] for record in archive["results"]] == [DEAL]
    assert_valid(
        archive, crm_spec(), "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
    )


def test_signatures_equal_the_published_vectors() -> None:
    vectors = contract("webhook-signature-vectors.json")["vectors"]
    ours = [vector for vector in vectors if vector["vendor"] == "hubspot"]
    checked = 0
    for vector in ours:
        body = vector["raw_body"].encode()
        if vector["name"].startswith("v1"):
            assert sign_v1(vector["secret"], body) == vector["expected"]
        elif vector["name"].startswith("v3"):
            signature = sign_v3(
                vector["secret"],
                method=vector["method"],
                uri=vector["uri"],
                body=body,
                timestamp=vector["timestamp"],
            )
            assert signature == vector["expected"]
        else:
            continue
        checked += 1
    assert checked == 4


def test_the_signed_address_has_its_percent_codes_decoded() -> None:
    def sign(uri: str) -> str:
        return sign_v3("s", method="POST", uri=uri, body=b"[]", timestamp="1")

    assert sign("https://a.example/h%3Ax%2fy") == sign("https://a.example/h:x/y")
    assert sign("https://a.example/h%20x") != sign("https://a.example/h x")


def test_events_are_shaped_as_recorded() -> None:
    recorded = {
        event["subscriptionType"]: event
        for event in sample("hubspot/samples/webhook-events-batch.recorded.json")
    }
    told = {event.subscription_type: event_body(event, attempt=0) for event in Sandbox().crm.events}
    assert told.keys() == {"contact.creation", "deal.creation", "deal.propertyChange"}
    for kind, event in told.items():
        assert shape(event) == shape(recorded[kind])
