"""Who followed a link: a person, or a program that only looked (pure).

Social networks, mail scanners and chat previews fetch every address that is posted. Their visits
are kept, because nothing is thrown away, but they never count as clicks.
"""

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["is_human"]

# Words of user agents that say themselves that no person is reading. Plain alternation without
# repetition: linear in the length of the header.
_PROGRAM: Final = re.compile(
    # Cubot makes phones.
    "(?<!cu)bot|crawl|spider|slurp|preview|scanner|monitor|facebookexternalhit|facebookcatalog|embedly"
    "|whatsapp|skypeuri|bingpreview|mediapartners|headless|phantomjs|lighthouse|validator|archiver"
    "|cardyb|vkshare|iframely|imageproxy|ms-office|office existence discovery|http[.]rb"
    "|curl/|wget/|python|aiohttp|httpx|okhttp|go-http|java/|libwww|httpclient|node-fetch|axios"
    "|ruby|perl|php/|postman|insomnia|feedfetcher|google-safety|bitlybot|proofpoint"
    "|barracuda|mimecast|safelinks",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_READ: Final = 512


def is_human(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a request for a link looks like a person's click.

    ``headers`` answers to lower-case names. A prefetch is the browser's own idea, a HEAD request
    never shows a page, and a client without a user agent is not a browser.
    """
    if method != "GET" or _is_prefetch(headers):
        return False
    agent = headers.get("user-agent", "")[:_LONGEST_READ]
    return bool(agent) and _PROGRAM.search(agent) is None


def _is_prefetch(headers: Mapping[str, str]) -> bool:
    purposes = (headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz", "x-purpose"))
    return any(
        word in purpose.lower()
        for purpose in purposes
        for word in ("prefetch", "prerender", "preview")
    )
