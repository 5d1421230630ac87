"""What the sandbox does beyond its vendors: faults, changes, signed webhooks, memory."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from sandbox.app import create_app
from sandbox.golden import crm
from sandbox.hubspot.webhooks import sign_v3
from sandbox.state import Sandbox
from tests.contract.sandbox_contracts import client, sample, shape

DEALS = "/hubspot/crm/v3/objects/deals"
DEAL = crm.deals()[0].object_id
SECRET = "golden-ratio-hubspot-client-secret"
RECEIVER = "http://receiver.example/v1/webhooks/hubspot/c1"
HUBSPOT = {"Authorization": "Bearer hubspot.portal.access"}
LINKEDIN = {
    "Authorization": "Bearer linkedin.organization.access",
    "LinkedIn-Version": "202608",
    "X-Restli-Protocol-Version": "2.0.0",
    "X-RestLi-Method": "FINDER",
}
POSTS = "/linkedin/rest/posts?q=author&author=urn%3Ali%3Aorganization%3A2414183"


class Receiver:
    """A webhook endpoint that remembers what it got; ``statuses`` are answered in turn."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []

    def __call__(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self.statuses.pop(0) if self.statuses else 200)

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        return [json.loads(request.content) for request in self.requests]


def sandbox(
    receiver: Callable[[], httpx.AsyncClient] | None = None, state: Sandbox | None = None
) -> httpx.AsyncClient:
    app = create_app(state, http_client=receiver or Receiver())
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sandbox")


class _QuietServer(uvicorn.Server):
    """Leaves the signals of the test run alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def served() -> AsyncIterator[httpx.AsyncClient]:
    """Serve a sandbox on a real socket: cut and slow answers exist only there."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(), log_level="critical", lifespan="off")
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as api:
        yield api
    server.should_exit = True
    server.force_exit = True
    await task


async def spoil(api: httpx.AsyncClient, vendor: str, kind: str, **more: Any) -> None:
    answer = await api.post("/_sandbox/faults", json={"vendor": vendor, "kind": kind, **more})
    assert answer.status_code == 204


class TestDelivery:
    async def test_every_batch_is_signed_as_hubspot_signs(self) -> None:
        receiver = Receiver()
        async with sandbox(receiver) as api:
            order = {"target_url": RECEIVER, "signed_url": "https://public.example/hook"}
            answer = (await api.post("/_sandbox/hubspot/deliver", json=order)).json()

        assert answer == {"events": 66, "statuses": [200]}
        (request,) = receiver.requests
        expected = sign_v3(
            SECRET,
            method="POST",
            uri="https://public.example/hook",
            body=request.content,
            timestamp=request.headers["x-hubspot-request-timestamp"],
        )
        assert request.headers["x-hubspot-signature-v3"] == expected
        recorded = sample("hubspot/samples/webhook-delivery-headers.reconstructed.json")
        assert {name.lower() for name in recorded["headers"]} <= set(request.headers)

    async def test_batches_hold_at_most_a_hundred_events_and_duplicates_keep_their_id(self) -> None:
        receiver = Receiver()
        async with sandbox(receiver) as api:
            order = {"target_url": RECEIVER, "duplicate": True, "shuffle": 7, "concurrency": 2}
            await api.post("/_sandbox/hubspot/deliver", json=order)

        assert sorted(len(batch) for batch in receiver.batches) == [32, 100]
        events = [event for batch in receiver.batches for event in batch]
        assert len(events) == 2 * len({event["eventId"] for event in events})
        assert {event["attemptNumber"] for event in events} == {0, 1}
        moments = [event["occurredAt"] for event in events]
        assert moments != sorted(moments)

    async def test_only_the_objects_asked_for_and_what_the_receiver_said(self) -> None:
        receiver = Receiver(503)
        async with sandbox(receiver) as api:
            order = {"target_url": RECEIVER, "objects": [DEAL], "batch_size": 2}
            answer = (await api.post("/_sandbox/hubspot/deliver", json=order)).json()

        assert answer == {"events": 3, "statuses": [503, 200]}
        assert {event["objectId"] for batch in receiver.batches for event in batch} == {int(DEAL)}

    async def test_a_receiver_that_is_down_is_reported(self) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

        def dead() -> httpx.AsyncClient:
            return httpx.AsyncClient(transport=httpx.MockTransport(refuse))

        async with sandbox(dead) as api:
            order = {"target_url": RECEIVER}
            answer = (await api.post("/_sandbox/hubspot/deliver", json=order)).json()

        assert answer["statuses"] == ["ConnectError"]


class TestChanges:
    async def test_a_change_moves_the_modification_time_and_causes_events(self) -> None:
        receiver = Receiver()
        change = {"properties": {"amount": "12500.00"}, "at": "2025-05-10T10:00:00Z"}
        async with sandbox(receiver) as api:
            caused = (await api.post(f"/_sandbox/hubspot/deals/{DEAL}", json=change)).json()
            deal = (await api.get(f"{DEALS}/{DEAL}", headers=HUBSPOT)).json()
            order = {"target_url": RECEIVER, "objects": [DEAL]}
            await api.post("/_sandbox/hubspot/deliver", json=order)

        assert deal["properties"]["amount"] == "12500.00"
        assert deal["properties"]["hs_lastmodifieddate"] == "2025-05-10T10:00:00.000Z"
        last = receiver.batches[0][-1]
        assert [last["eventId"]] == caused["event_ids"]
        assert (last["propertyName"], last["propertyValue"]) == ("amount", "12500.00")

    def test_two_changes_of_one_moment_are_in_order(self) -> None:
        state = Sandbox()
        moment = state.clock()
        first = state.change("deals", DEAL, {"amount": "1.00"}, at=moment)
        second = state.change("deals", DEAL, {"amount": "2.00"}, at=moment)
        assert first[0].occurred_at < second[0].occurred_at

    async def test_a_deletion_is_told_and_cannot_be_repeated(self) -> None:
        receiver = Receiver()
        async with sandbox(receiver) as api:
            deleted = await api.delete(f"/_sandbox/hubspot/deals/{DEAL}")
            again = await api.delete(f"/_sandbox/hubspot/deals/{DEAL}")
            order = {"target_url": RECEIVER, "objects": [DEAL]}
            await api.post("/_sandbox/hubspot/deliver", json=order)

        assert (deleted.status_code, again.status_code) == (200, 404)
        assert receiver.batches[0][-1]["subscriptionType"] == "deal.deletion"

    def test_changes_and_links_survive_a_restart(self, tmp_path: Path) -> None:
        journal = tmp_path / "journal.jsonl"
        before = Sandbox(journal=journal)
        before.set_codes({"E001": "kQ7"})
        before.change("deals", DEAL, {"amount": "1.00"})
        before.delete("deals", crm.deals()[1].object_id)

        after = Sandbox(journal=journal)

        assert after.code_of("E001") == "kQ7"
        assert after.crm.events == before.crm.events
        assert after.crm.records("deals") == before.crm.records("deals")

    def test_half_a_line_of_the_journal_is_forgotten(self, tmp_path: Path) -> None:
        journal = tmp_path / "journal.jsonl"
        Sandbox(journal=journal).set_codes({"E001": "kQ7"})
        with journal.open("a") as file:
            file.write('{"do": "codes", "co')

        Sandbox(journal=journal).set_codes({"E002": "m2X"})

        after = Sandbox(journal=journal)
        assert (after.code_of("E001"), after.code_of("E002")) == ("kQ7", "m2X")

    async def test_wrong_orders_are_refused(self) -> None:
        async with sandbox() as api:
            unknown = await api.post("/_sandbox/hubspot/deals/1", json={"properties": {"a": "b"}})
            nothing = await api.post(f"/_sandbox/hubspot/deals/{DEAL}", json={"properties": {}})
            nonsense = await api.post("/_sandbox/faults", json={"vendor": "x", "kind": "y"})
            when = await api.delete(f"/_sandbox/hubspot/deals/{DEAL}", params={"at": "noon"})

        refused = [answer.status_code for answer in (unknown, nothing, nonsense, when)]
        assert refused == [404, 422, 422, 422]


class TestFaults:
    async def test_rate_limits_are_worded_by_the_vendor(self) -> None:
        async with sandbox() as api:
            for vendor in ("hubspot", "linkedin", "ga4"):
                await spoil(api, vendor, "rate_limit", headers={"Retry-After": "1000000000"})
            hubspot = await api.get(DEALS, headers=HUBSPOT)
            linkedin = await api.get(POSTS, headers=LINKEDIN)
            ga4 = await api.post("/ga4/v1beta/properties/1:runReport", json={})
            recovered = await api.get(DEALS, headers=HUBSPOT)

        samples = {
            hubspot: "hubspot/samples/error-rate-limit-429-ten-secondly.reconstructed.exchange",
            linkedin: "linkedin/samples/error-429-throttle.reconstructed.exchange",
            ga4: "ga4/samples/error-quota-429.reconstructed",
        }
        for answer, path in samples.items():
            assert answer.status_code == 429
            assert answer.headers["retry-after"] == "1000000000"
            assert shape(answer.json()) == shape(sample(f"{path}.json"))
        assert recovered.status_code == 200

    async def test_a_burst_hits_only_the_path_it_was_meant_for(self) -> None:
        async with sandbox() as api:
            await spoil(api, "hubspot", "server_error", status=502, times=2, path="/deals")
            pipelines = await api.get("/hubspot/crm/v3/objects/contacts", headers=HUBSPOT)
            statuses = [(await api.get(DEALS, headers=HUBSPOT)).status_code for _ in range(3)]
            waiting = (await api.get("/_sandbox/faults")).json()

        assert pipelines.status_code == 200
        assert statuses == [502, 502, 200]
        assert waiting == {"faults": []}

    @pytest.mark.parametrize("kind", ["html", "empty", "wrong_json"])
    async def test_nonsense_with_status_200(self, kind: str) -> None:
        async with sandbox() as api:
            await spoil(api, "hubspot", kind)
            answer = await api.get(DEALS, headers=HUBSPOT)

        assert answer.status_code == 200
        with pytest.raises(ValueError, match="Expecting"):
            answer.json()

    async def test_a_repeated_cursor_never_ends(self) -> None:
        async with sandbox() as api:
            await spoil(api, "hubspot", "repeated_cursor", times=4)
            first = (await api.get(DEALS, params={"limit": 5}, headers=HUBSPOT)).json()
            after = first["paging"]["next"]["after"]
            query = {"limit": 5, "after": after}
            second = (await api.get(DEALS, params=query, headers=HUBSPOT)).json()
            body = {"limit": 5, "after": "5"}
            found = (await api.post(f"{DEALS}/search", json=body, headers=HUBSPOT)).json()
            await spoil(api, "linkedin", "repeated_cursor")
            posts = (await api.get(POSTS, headers=LINKEDIN)).json()

        assert second["paging"]["next"]["after"] == after
        assert found["paging"]["next"]["after"] == "5"
        assert posts["paging"]["links"][0]["href"] == POSTS

    async def test_a_report_page_repeats_without_end(self) -> None:
        state = Sandbox()
        token = {"Authorization": f"Bearer {state.tokens['ga4'].issue('service-account')}"}
        body = {
            "dateRanges": [{"startDate": "2025-01-01", "endDate": "2025-01-31"}],
            "dimensions": [{"name": "date"}],
            "metrics": [{"name": "sessions"}],
            "limit": "5",
        }
        url = "/ga4/v1beta/properties/123456789:runReport"
        async with sandbox(state=state) as api:
            await spoil(api, "ga4", "repeated_cursor", times=2)
            pages = [
                (await api.post(url, json=body | {"offset": offset}, headers=token)).json()
                for offset in ("0", "5")
            ]

        assert pages[0] == pages[1]
        assert pages[0]["rowCount"] == 1_000_000

    async def test_a_field_disappears(self) -> None:
        async with sandbox() as api:
            await spoil(api, "hubspot", "drop_field", field="amount")
            answer = (await api.get(DEALS, headers=HUBSPOT)).json()

        assert all("amount" not in deal["properties"] for deal in answer["results"])

    async def test_half_a_body_breaks_the_connection(self) -> None:
        async with served() as api:
            await spoil(api, "hubspot", "half_body")
            with pytest.raises(httpx.RemoteProtocolError):
                await api.get(DEALS, headers=HUBSPOT)
            recovered = await api.get(DEALS, headers=HUBSPOT)

        assert recovered.status_code == 200

    async def test_a_slow_answer_outlives_a_deadline_but_arrives_byte_by_byte(self) -> None:
        async with served() as api:
            await spoil(api, "hubspot", "slow", delay_seconds=30)
            async with api.stream("GET", DEALS, headers=HUBSPOT) as answer:
                first = await anext(answer.aiter_raw())
            await spoil(api, "hubspot", "slow", delay_seconds=0.001, chunk_bytes=64)
            patient = await api.get(DEALS, headers=HUBSPOT)

        assert first == b"{"
        assert len(patient.json()["results"]) == 10

    async def test_an_answer_that_never_comes(self) -> None:
        async with served() as api:
            await spoil(api, "hubspot", "hang")
            with pytest.raises(httpx.ReadTimeout):
                await api.get(DEALS, headers=HUBSPOT, timeout=0.05)

    async def test_faults_can_be_taken_back(self) -> None:
        async with sandbox() as api:
            await spoil(api, "hubspot", "server_error", times=9)
            await api.delete("/_sandbox/faults")
            assert (await api.get(DEALS, headers=HUBSPOT)).status_code == 200


class TestBookkeeping:
    async def test_requests_to_vendors_are_counted_and_control_calls_are_not(self) -> None:
        async with sandbox() as api:
            for _ in range(2):
                await api.get(DEALS, params={"limit": 1}, headers=HUBSPOT)
            counted = (await api.get("/_sandbox/requests")).json()

        assert counted == {"total": 2, "requests": {f"GET {DEALS}": 2}}

    async def test_credentials_open_every_vendor(self) -> None:
        async with client() as api:
            given = (await api.get("/_sandbox/credentials")).json()
            hubspot = await api.get(
                f"{given['hubspot']['base_url']}/crm/v3/pipelines/deals",
                headers={"Authorization": f"Bearer {given['hubspot']['access_token']}"},
            )
            member = given["linkedin"]["members"][0]
            linkedin = await api.get(
                f"{given['linkedin']['base_url']}/memberFollowersCount?q=me",
                headers={
                    "Authorization": f"Bearer {member['access_token']}",
                    "LinkedIn-Version": given["linkedin"]["version"],
                    "X-Restli-Protocol-Version": "2.0.0",
                },
            )

        assert (hubspot.status_code, linkedin.status_code) == (200, 200)
        assert len(given["linkedin"]["members"]) == 24
        assert given["ga4"]["service_account"]["token_uri"] == "http://sandbox/ga4/token"

    async def test_links_are_listed_with_the_codes_given_to_them(self) -> None:
        async with client() as api:
            await api.put("/_sandbox/links", json={"codes": {"E001": "kQ7"}})
            links = (await api.get("/_sandbox/links")).json()["links"]

        assert len(links) == 24
        assert {link["employee"]: link["code"] for link in links}["E001"] == "kQ7"

    async def test_a_token_can_be_expired_from_outside(self) -> None:
        async with client(headers=HUBSPOT) as api:
            await api.post("/_sandbox/tokens", json={"vendor": "hubspot", "action": "expire"})
            assert (await api.get(DEALS)).json()["category"] == "EXPIRED_AUTHENTICATION"

    async def test_it_says_when_it_is_alive(self) -> None:
        async with client() as api:
            assert (await api.get("/livez")).status_code == 200
