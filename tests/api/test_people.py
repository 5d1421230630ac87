"""How facts refer to people outside: the same from every door, different in every organization."""

import httpx

from shared.orgs import Org, person_of
from tests.api.conftest import MakeClient


async def test_references_are_those_that_connectors_use(
    client: httpx.AsyncClient, org: Org
) -> None:
    emails = ["maria@example.com", "  Maria@EXAMPLE.com ", "jan@example.com"]

    answer = (await client.post("/v1/people/references", json={"emails": emails})).json()

    maria, jan = (person_of(org.person_key, email) for email in (emails[0], emails[2]))
    assert answer == {"references": [maria, maria, jan]}


async def test_another_organization_refers_to_the_same_person_otherwise(
    client: httpx.AsyncClient, client_of: MakeClient, other_org: Org
) -> None:
    body = {"emails": ["maria@example.com"]}
    other = await client_of(other_org)

    answers = [
        (await one.post("/v1/people/references", json=body)).json() for one in (client, other)
    ]

    assert answers[0] != answers[1]


async def test_what_is_no_address_is_refused_without_being_repeated(
    client: httpx.AsyncClient,
) -> None:
    response = await client.post("/v1/people/references", json={"emails": ["canary-no-address"]})

    assert response.status_code == 422
    assert "canary" not in response.text
