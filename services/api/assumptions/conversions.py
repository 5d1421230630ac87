"""Convert amounts anew after an exchange rate was put right."""

from services.api.assumptions.schemas import Conversions, ConversionsQuery
from services.api.dependencies import Access
from shared.errors import Invalid, InvalidCursor, NotFound
from shared.kpis.assumptions import EXCHANGE_RATE, definition_of, exchange_rate_key
from shared.ledger import Inconvertible, convert_anew
from shared.observability.http import note
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["convert"]


async def convert(
    access: Access, keyring: KeyRing, key: str, query: ConversionsQuery
) -> Conversions:
    """Restate what a page of the facts told in a currency are worth.

    Raises:
        NotFound: the key is none of an exchange rate.
        Invalid: an amount becomes too large (``amount_too_large``); nothing was written.
        InvalidCursor: the cursor belongs to another list.
    """
    org = access.org
    if not key.startswith(EXCHANGE_RATE) or key == exchange_rate_key(org.currency):
        raise NotFound
    if definition_of(key) is None:
        raise NotFound
    codec = CursorCodec(keyring, org.id, {"conversions": key})
    try:
        done = await convert_anew(
            access.connection,
            org,
            key.removeprefix(EXCHANGE_RATE),
            after=_place(codec, query.cursor),
            limit=query.limit,
        )
    except Inconvertible as amount:
        raise Invalid(f"Of a fact, {amount.message}.", code="amount_too_large") from None
    note(**done.stretch)
    return Conversions(
        key=key,
        examined=done.examined,
        converted=done.converted,
        next_cursor=None if done.last is None else codec.encode([done.last.hex()]),
    )


def _place(codec: CursorCodec, cursor: str | None) -> bytes:
    if cursor is None:
        return b""
    match codec.decode(cursor):
        case [str(text)]:
            return bytes.fromhex(text)
    raise InvalidCursor
