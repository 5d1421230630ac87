"""API keys: made, listed, revoked. A key never gives more than it has."""

from datetime import UTC, datetime
from typing import Final

from services.api.dependencies import Access
from services.api.keys.schemas import Key, Keys, NewKey, NewlyMadeKey
from services.api.model import PageQuery
from services.api.paging import page_of
from shared import clock
from shared.errors import FieldError, InsufficientScope, Invalid, InvalidCursor
from shared.security.keyring import KeyRing
from shared.security.keys import create_key, revoke_key
from shared.web.cursor import CursorCodec

__all__ = ["list_keys", "make_key", "revoke"]

_COLUMNS: Final = "id, name, scopes, created_at, expires_at, revoked_at, last_used_on"
_LIST: Final = f"""
SELECT {_COLUMNS} FROM api_key
 WHERE org_id = $1 AND (created_at, id) < ($2::timestamptz, $3::text)
 ORDER BY created_at DESC, id DESC LIMIT $4
"""
_AFTER_ALL: Final = (datetime(9999, 12, 31, tzinfo=UTC), "")
_FIND: Final = f"SELECT {_COLUMNS} FROM api_key WHERE org_id = $1 AND id = $2"


async def list_keys(access: Access, keyring: KeyRing, query: PageQuery) -> Keys:
    """Return a page of the organization's keys, the newest first."""
    codec = CursorCodec(keyring, access.org.id, {"list": "keys"})
    after = _place(codec, query.cursor)
    rows = await access.connection.fetch(_LIST, access.org.id, *after, query.limit + 1)
    page, following = page_of(
        rows, query.limit, codec, lambda row: [row["created_at"].isoformat(), row["id"]]
    )
    keys = [Key.model_validate(dict(row)) for row in page]
    return Keys(keys=keys, next_cursor=following)


def _place(codec: CursorCodec, cursor: str | None) -> tuple[datetime, str]:
    if cursor is None:
        return _AFTER_ALL
    match codec.decode(cursor):
        case [str(created_at), str(key_id)]:
            return datetime.fromisoformat(created_at), key_id
    raise InvalidCursor


async def make_key(access: Access, keyring: KeyRing, new: NewKey) -> NewlyMadeKey:
    """Make a key and return it with its text, this once.

    Raises:
        InsufficientScope: a scope is asked for that the caller's own key lacks.
        Invalid: it would have expired already, or nobody can say when it does (``invalid_expiry``).
    """
    for scope in sorted(set(new.scopes) - access.caller.scopes):
        raise InsufficientScope(scope)
    issued = await create_key(
        access.connection,
        keyring,
        org_id=access.org.id,
        name=new.name,
        scopes=new.scopes,
        expires_at=None if new.expires_at is None else _expiry(new.expires_at),
    )
    row = await access.connection.fetchrow(_FIND, access.org.id, issued.id)
    assert row is not None, "the key was made in this transaction"
    return NewlyMadeKey(**row, key=issued.plaintext)


def _expiry(asked: datetime) -> datetime:
    try:
        instant = asked.astimezone(UTC) if asked.tzinfo else None
    except OverflowError:  # 9999-12-31 west of Greenwich is in no year that can be written
        instant = None
    if instant is None or instant <= clock.now():
        message = "`expires_at` lies in the future and carries its offset."
        error = FieldError(field="body.expires_at", rule="invalid_expiry", message=message)
        raise Invalid(message, code="invalid_expiry", errors=[error])
    return instant


async def revoke(access: Access, key_id: str) -> None:
    """Refuse a key from now on.

    Raises:
        NotFound: the organization has no such key.
    """
    await revoke_key(access.connection, org_id=access.org.id, key_id=key_id)
