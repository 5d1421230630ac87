"""An open connection to a vendor: the declaration, the credentials and the client together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.collector.connections import StoredConnection, load_connection
from services.collector.connectors.declaration import (
    Frame,
    LinkTarget,
    Page,
    PostScope,
    Stream,
    TrackedPost,
    Window,
)
from services.collector.credentials import DatabaseVault
from services.collector.http.auth import (
    Auth,
    BearerAuth,
    OAuthAuth,
    OAuthGrant,
    ServiceAccountAuth,
    StaticToken,
)
from services.collector.http.client import UpstreamClient
from services.collector.http.guard import check_same_origin
from services.collector.http.message import Answer, JsonObject, Request
from shared import clock
from shared.db import Database
from shared.orgs import Org, load_org, person_of
from shared.security.keyring import KeyRing

__all__ = ["VendorAccess", "VendorSession"]

_LINKS: Final = """
SELECT code, channel, employee, account, network, campaign, content FROM link WHERE org_id = $1
"""
_POSTS: Final = """
SELECT DISTINCT ON (p.post) p.post, p.employee, p.campaign, p.content
  FROM post p
  JOIN generation g ON g.org_id = p.org_id AND g.generation = p.generation AND g.state = 'live'
 WHERE p.org_id = $1 AND p.employee = $2 AND p.network = $3
   AND p.published_at > clock_timestamp() - $4::interval AND p.post ~ $5
 ORDER BY p.post, p.published_at
"""


@dataclass(frozen=True, slots=True)
class VendorAccess:
    """What it takes to talk to vendors on behalf of organizations; one per process."""

    database: Database
    client: UpstreamClient
    ring: KeyRing

    async def open(self, org_id: UUID, connection_id: UUID, stream_name: str) -> "VendorSession":
        """Read a connection and what one of its streams needs to know; nothing is sent yet.

        Raises:
            NotFound: the organization has no such connection.
            KeyError: the vendor has no such stream.
        """
        async with self.database.transaction(org_id) as connection:
            stored = await load_connection(connection, self.ring, org_id, connection_id)
            stream = stored.connector.stream(stream_name)
            org = await load_org(connection, org_id)
            frame = await _frame(connection, stored, stream, org)
        return VendorSession(self.client, stored, stream, org, frame, self._auth(stored))

    def _auth(self, stored: StoredConnection) -> Auth:
        match stored.credentials.auth:
            case StaticToken(access_token=token):
                return BearerAuth(token)
            case OAuthGrant():
                vault = DatabaseVault(
                    self.database, self.ring, stored.org_id, stored.id, stored.credentials
                )
                token_url = stored.config.token_url or stored.connector.token_url
                assert token_url is not None, "a vendor that takes grants says where to renew them"
                return OAuthAuth(token_url, vault)
            case key:
                return ServiceAccountAuth(key, stored.connector.scope)


@dataclass(frozen=True, slots=True)
class VendorSession:
    """One stream of one connection, ready to be read."""

    client: UpstreamClient
    stored: StoredConnection
    stream: Stream[Any, Any]
    org: Org
    frame: Frame[Any]
    auth: Auth

    async def context(self) -> Any:
        """Ask for what the mapping must know and return its context."""
        prepared = await self._ask_all(self.stream.preparations(self.frame))
        return self.stored.connector.context(self.frame, prepared)

    async def page(self, request: Request, window: Window) -> tuple[Page, Answer]:
        """Ask for a page and for what belongs to it.

        Raises:
            UpstreamError: a part could not be had, and so the page could not.
        """
        main, answer = await self.ask(request)
        page = Page(window, main)
        companions = await self._ask_all(self.stream.companions(self.frame, page))
        return Page(window, main, companions), answer

    async def ask(self, request: Request) -> tuple[JsonObject, Answer]:
        """Send a request of this stream and return the document of a good answer, and the answer.

        Raises:
            UpstreamError: there is none.
        """
        config, connector = self.stored.config, self.stored.connector
        check_same_origin(request.url, config.base_url)
        return await self.client.call(
            request.with_headers(connector.headers(config)),
            provider=connector.provider,
            auth=self.auth,
            rules=connector.rules,
        )

    async def _ask_all(self, requests: Mapping[str, Request]) -> dict[str, JsonObject]:
        # One after another: vendors limit calls per second, and a page has few parts.
        return {name: (await self.ask(request))[0] for name, request in requests.items()}


async def _frame(
    connection: "asyncpg.Connection[asyncpg.Record]",
    stored: StoredConnection,
    stream: Stream[Any, Any],
    org: Org,
) -> Frame[Any]:
    def person(email: str) -> str:
        return person_of(org.person_key, email)

    scope = stream.posts(stored.config) if stream.posts else None
    return Frame(
        config=stored.config,
        source=stored.source,
        now=clock.now(),
        currency=org.currency,
        person_of=person,
        links=await _links(connection, org.id) if stream.needs_links else {},
        posts=await _posts(connection, org.id, scope) if scope else (),
    )


async def _links(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID
) -> dict[str, LinkTarget]:
    """Return every link of an organization: which ones a run needs, only its pages will tell.

    A mapping is pure, so what it may have to know is there before the first page. A link is a short
    row and links are made by people: a run reads them once.
    """
    rows = await connection.fetch(_LINKS, org_id)
    return {
        row["code"]: LinkTarget(**{k: v for k, v in row.items() if k != "code"}) for row in rows
    }


async def _posts(
    connection: "asyncpg.Connection[asyncpg.Record]", org_id: UUID, scope: PostScope
) -> tuple[TrackedPost, ...]:
    rows = await connection.fetch(
        _POSTS, org_id, scope.employee, scope.network, scope.age, scope.pattern
    )
    return tuple(
        TrackedPost(row["post"], row["employee"], row["campaign"] or None, row["content"] or None)
        for row in rows
    )
