"""Which addresses the collector may talk to.

A connection's base address is configuration, and so is hostile: it must not lead to the cloud's
metadata service or to a neighbor in the cluster. The name is checked before a connection is opened,
and every address it resolves to when it is opened; the connection then goes to the very address
that was checked, so a second answer of the resolver changes nothing.
"""

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from services.collector.http.errors import UrlNotAllowed
from services.collector.http.message import origin_of

__all__ = ["check_addresses", "check_same_origin", "check_url", "is_public"]

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: every spelling of an IPv4 number (127.1, 0x7f.1, 2130706433)
# ends in a digit-led label, and so is refused without being understood.
_HOST = re.compile(rf"(?=.{{4,253}}\Z)(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?", re.ASCII)
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\U0010ffff\\]")
_LONGEST_URL = 8000

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Global by the registry's letter, yet each leads to an IPv4 address that may not be.
_DENIED_NETWORKS = tuple(
    ipaddress.ip_network(network)
    for network in (
        "::/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fec0::/10",
        "192.88.99.0/24",
    )
)


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Refuse a URL that is not https to a public name on port 443.

    ``allow_private`` is for vendor look-alikes on this machine: it also lets plain http, other
    ports and numeric hosts through.

    Raises:
        UrlNotAllowed: with the reason ``url_not_allowed``.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = origin_of(url)
    except ValueError:
        raise UrlNotAllowed("url_not_allowed") from None
    if len(url) > _LONGEST_URL or _UNSAFE.search(url) or "@" in parts.netloc or parts.fragment:
        raise UrlNotAllowed("url_not_allowed")
    if allow_private:
        return
    if scheme != "https" or port != 443 or not _HOST.fullmatch(host):
        raise UrlNotAllowed("url_not_allowed")


def check_same_origin(url: str, base_url: str) -> None:
    """Refuse a link that leads away from the connection: it would carry the token along.

    Raises:
        UrlNotAllowed: with the reason ``foreign_link``.
    """
    try:
        is_same = origin_of(url) == origin_of(base_url)
    except ValueError:
        is_same = False
    if not is_same:
        raise UrlNotAllowed("foreign_link")


def check_addresses(addresses: Iterable[str]) -> str:
    """Return the first address of a resolved name if every one of them is public.

    Raises:
        UrlNotAllowed: one of them is not, or there is none.
    """
    found = list(addresses)
    if not found or not all(is_public(address) for address in found):
        raise UrlNotAllowed("address_not_public")
    return found[0]


def is_public(address: str) -> bool:
    """Tell whether an IP address belongs to the public internet."""
    try:
        parsed: _Address = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        return False
    return not any(
        parsed.version == network.version and parsed in network for network in _DENIED_NETWORKS
    )
