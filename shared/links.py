"""Tracked links: how a code is made, which targets are allowed and how a target is tagged.

A link belongs to one employee (or brand account), network, campaign and content, so that a click
names its sharer. The tagged address is stored at creation: a redirect never builds an address from
a request.
"""

import re
import secrets
import string
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, quote, unquote_plus, urlencode, urlsplit, urlunsplit
from uuid import UUID

from shared import clock
from shared.facts.envelope import Channel
from shared.ids import new_id
from shared.text import composed

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

    from shared.models import Link

__all__ = [
    "CODE_PATTERN",
    "InvalidTarget",
    "check_target",
    "create_link",
    "new_code",
    "tag_target",
]

#: What a code looks like; anything else is unknown without asking the database.
CODE_PATTERN: Final = re.compile(r"[0-9A-Za-z]{11,32}", re.ASCII)

_ALPHABET: Final = string.digits + string.ascii_letters
_CODE_LENGTH: Final = 13  # 13 base62 digits carry 77 random bits: not worth guessing
_LONGEST_TARGET: Final = 2000
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?",
    re.ASCII | re.IGNORECASE,
)
#: What web analytics shows as the medium of each channel.
_MEDIA: Final[dict[Channel, str]] = {
    "employee_advocacy": "advocacy",
    "brand": "social",
    "paid": "paid_social",
    "organic": "referral",
    "direct": "none",
    "other": "other",
}
# RFC 3986: everything outside is sent percent-encoded. A backslash is not in it: browsers read it
# as a slash, which would make another host of what looks like a path.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)


class InvalidTarget(ValueError):
    """An address that no tracked link may lead to; the message says which rule it breaks."""


def new_code() -> str:
    """Return a new random code (base62, at least 64 random bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))


def check_target(target_url: str) -> SplitResult:
    """Return the parts of an address that a tracked link may lead to.

    Raises:
        InvalidTarget: it is not an absolute http(s) address, names a user, or has characters that
            browsers and servers are known to read differently.
    """
    if len(target_url) > _LONGEST_TARGET:
        raise InvalidTarget(f"the address is longer than {_LONGEST_TARGET} characters")
    if not _ADDRESS.fullmatch(target_url):
        raise InvalidTarget(
            "the address may hold only the characters of RFC 3986; encode the others as %XX"
        )
    try:
        parts = urlsplit(target_url)
        port = parts.port
    except ValueError as error:
        raise InvalidTarget("the address cannot be read") from error
    if parts.scheme not in {"http", "https"} or not target_url[len(parts.scheme) :].startswith(
        "://"
    ):
        raise InvalidTarget("the address must be absolute and begin with http:// or https://")
    if "@" in parts.netloc:
        raise InvalidTarget("the address must not name a user")
    if not _HOST.fullmatch(parts.hostname or "") or port == 0:
        raise InvalidTarget("the address must name a host")
    return parts


def tag_target(
    target_url: str,
    *,
    code: str,
    network: str | None,
    campaign: str | None,
    channel: Channel = "employee_advocacy",
) -> str:
    """Return the address with the UTM parameters by which web analytics books the visit.

    ``utm_source`` is the network, ``utm_medium`` says advocacy, ``utm_content`` is the link's code.
    The target's own parameters stay as they are and in order, except ``utm_*``: two values of one
    parameter would be read differently by different tools, so ours replace them.

    Raises:
        InvalidTarget: see :func:`check_target`.
    """
    parts = check_target(target_url)
    kept = [part for part in parts.query.split("&") if part and not _is_utm(part)]
    tags = {
        "utm_source": network or "earned",
        "utm_medium": _MEDIA[channel],
        "utm_campaign": campaign,
        "utm_content": code,
    }
    added = urlencode({name: value for name, value in tags.items() if value}, quote_via=quote)
    return urlunsplit(parts._replace(query="&".join([*kept, added])))


def _is_utm(parameter: str) -> bool:
    # Decoded first: %75tm_source is utm_source to everyone who reads it.
    return unquote_plus(parameter.partition("=")[0]).lower().startswith("utm_")


async def create_link(
    session: "AsyncSession",
    org_id: UUID,
    *,
    target_url: str,
    employee: str | None = None,
    account: str | None = None,
    network: str | None = None,
    campaign: str | None = None,
    content: str | None = None,
    channel: Channel = "employee_advocacy",
) -> "Link":
    """Store a new link in the caller's transaction and return it.

    The who and where values are references that the caller has already validated; they are copied
    to every click.

    Raises:
        InvalidTarget: see :func:`check_target`.
    """
    # Here: whoever only redirects links does without the ORM.
    from shared.models import Link

    # As the ledger will keep them of each click.
    employee, account, campaign, content = composed([employee, account, campaign, content])
    code = new_code()
    link = Link(
        org_id=org_id,
        id=new_id(),
        code=code,
        target_url=target_url,
        tagged_url=tag_target(
            target_url, code=code, network=network, campaign=campaign, channel=channel
        ),
        employee=employee,
        account=account,
        network=network,
        campaign=campaign,
        content=content,
        channel=channel,
        created_at=clock.now(),
    )
    session.add(link)
    await session.flush()
    return link
