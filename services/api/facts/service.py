"""Post facts, withdraw them, read the ledger."""

from collections.abc import Mapping, Sequence, Set
from typing import Final

import asyncpg
import orjson

from services.api.dependencies import Access
from services.api.facts.documents import kind_schema
from services.api.facts.parsing import InvalidFacts, parse_batch
from services.api.facts.schemas import (
    Appended,
    Entry,
    FactKind,
    FactKinds,
    FactsQuery,
    LedgerPage,
    Retracted,
    Retractions,
)
from shared.connections import OWN_SOURCES
from shared.db import Database
from shared.errors import Conflict, FieldError, Invalid
from shared.facts import FACT_KINDS, Fact, Identity, Retraction
from shared.ledger import AppendResult, FactRejected, append, head_position
from shared.observability.http import note
from shared.orgs import Org

__all__ = ["append_facts", "fact_kinds", "read_facts", "retract_facts"]

#: No row of a file says that there was nothing: what one told by mistake is withdrawn here.
_NEVER_WITHDRAWN: Final = OWN_SOURCES - {"csv"}
# A rare kind in a long ledger: a page may end, empty, before it has read everything.
_LONGEST_STRETCH: Final = 100_000

_READ: Final = """
SELECT position, weight, kind, source, external_id, occurred_at, recorded_at, day, employee,
       account, network, campaign, content, channel, payload
  FROM ledger_entry
 WHERE org_id = $1 AND position > $2 AND position <= $3
   AND (cardinality($4::text[]) = 0 OR kind = ANY ($4::text[]))
 ORDER BY position LIMIT $5
"""


async def append_facts(database: Database, org: Org, body: bytes) -> Appended:
    """Append a batch of facts, all or none.

    Raises:
        MalformedJson: the body is not the JSON this product reads.
        InvalidFacts: a fact breaks a rule, or it has a revision where the version before has none,
            or none where that has one.
        Conflict: a fact speaks for a source that is a connection's, or the product's own.
    """
    facts = parse_batch(body, org.person_key)
    result = await _append(database, org, facts, within="facts", own=OWN_SOURCES)
    return Appended(
        inserted=result.inserted,
        unchanged=result.unchanged,
        corrected=result.corrected,
        stale=result.stale,
        position=result.position,
    )


async def retract_facts(database: Database, org: Org, retractions: Retractions) -> Retracted:
    """Withdraw facts, all or none; raises as :func:`append_facts`.

    Those of files, too: a file that leaves a row out says nothing of it.
    """
    kinds = {
        f"body.identities.{index}.kind": identity.kind
        for index, identity in enumerate(retractions.identities)
    }
    _refuse_unknown_kinds(kinds)
    items = [
        Retraction(Identity(one.source, one.kind, one.external_id), one.revision)
        for one in retractions.identities
    ]
    result = await _append(database, org, items, within="body.identities", own=_NEVER_WITHDRAWN)
    return Retracted(
        retracted=result.retracted,
        unchanged=result.unchanged,
        stale=result.stale,
        position=result.position,
    )


async def _append(
    database: Database,
    org: Org,
    items: Sequence[Fact | Retraction],
    *,
    within: str,
    own: Set[str],
) -> AppendResult:
    """Append what may be; ``within`` names the list of the request that holds the items.

    ``own`` are the sources that the product alone speaks for.
    """
    async with database.transaction(org.id) as connection:
        sources = [item.identity.source for item in items]
        await _refuse_foreign_sources(connection, org, sources, within, own)
        try:
            result = await append(connection, org, items)
        except FactRejected as error:
            place = FieldError(
                field=f"{within}.{error.index}.{error.field}",
                rule=error.code,
                message=error.message,
            )
            raise InvalidFacts("Nothing was written.", errors=[place]) from None
    note(**result.stretch)
    return result


async def _refuse_foreign_sources(
    connection: "asyncpg.Connection[asyncpg.Record]",
    org: Org,
    sources: Sequence[str],
    within: str,
    own: Set[str],
) -> None:
    rows = await connection.fetch(
        "SELECT source FROM connection WHERE org_id = $1 AND source = ANY ($2::text[])",
        org.id,
        sorted(set(sources)),
    )
    taken = own | {row["source"] for row in rows}
    message = "This source is a connection's or the product's own; use a name of yours."
    errors = [
        FieldError(field=f"{within}.{index}.source", rule="source_taken", message=message)
        for index, source in enumerate(sources)
        if source in taken
    ]
    if errors:
        raise Conflict("Nothing was written.", code="source_taken", errors=errors)


async def read_facts(access: Access, query: FactsQuery) -> LedgerPage:
    """Return a stretch of the ledger, in order of position.

    Raises:
        Invalid: there is no such kind.
    """
    _refuse_unknown_kinds({f"query.kind.{index}": kind for index, kind in enumerate(query.kind)})
    head = await head_position(access.connection, access.org.id)
    until = min(query.after_position + _LONGEST_STRETCH, head)
    rows = await access.connection.fetch(
        _READ, access.org.id, query.after_position, until, query.kind, query.limit
    )
    last = rows[-1]["position"] if len(rows) == query.limit else until
    following = max(last, query.after_position)
    return LedgerPage(
        entries=[_entry(row) for row in rows],
        next_after_position=following,
        head_position=head,
        has_more=following < head,
    )


def _entry(row: asyncpg.Record) -> Entry:
    fields = dict(row)
    return Entry(body=orjson.loads(fields.pop("payload")), **fields)


def _refuse_unknown_kinds(kinds: Mapping[str, str]) -> None:
    """Refuse kinds, by their places in the request, that no fact is of."""
    message = "There is no such kind of fact."
    errors = [
        FieldError(field=place, rule="unknown_kind", message=message)
        for place, kind in kinds.items()
        if kind not in FACT_KINDS
    ]
    if errors:
        raise Invalid(message, code="unknown_kind", errors=errors)


def fact_kinds() -> FactKinds:
    """Return every kind of fact with its JSON Schema."""
    return FactKinds(
        kinds=[
            FactKind(
                kind=kind,
                description=(model.__doc__ or "").partition("\n\n")[0],
                json_schema=kind_schema(kind),
            )
            for kind, model in FACT_KINDS.items()
        ]
    )
