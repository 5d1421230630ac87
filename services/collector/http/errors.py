"""What may go wrong with a vendor, one class per thing the collector does about it.

::

    UpstreamError
    ├── Transient          try again soon: no connection, deadline passed, 5xx
    ├── RateLimited        try again at a time the vendor names or implies
    ├── ReauthRequired     a person has to grant access again; nothing is tried meanwhile
    ├── Refused            the vendor understood and says no (other 4xx): configuration to mend
    ├── UrlNotAllowed      the address is not one this process may talk to
    ├── BadPayload         the answer cannot be read as a whole: the page is rejected
    └── PaginationAborted  the pages do not end or repeat: the cursor stays

Messages name rules, never what the vendor or a person sent.
"""

from datetime import timedelta
from typing import Literal

__all__ = [
    "BadPayload",
    "PaginationAborted",
    "PagingFault",
    "RateLimited",
    "ReauthRequired",
    "Refused",
    "Transient",
    "UpstreamError",
    "UrlNotAllowed",
]


class UpstreamError(Exception):
    """A call to a vendor did not bring a usable answer.

    ``outcome`` is the label of ``earned_upstream_requests_total``; ``reason`` is one word for
    people and for the connection's state.
    """

    outcome: str = "client_error"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Transient(UpstreamError):
    """The same call may succeed soon."""

    def __init__(
        self, reason: str, *, outcome: str = "server_error", wait: timedelta | None = None
    ) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.wait = wait


class RateLimited(UpstreamError):
    """The vendor's limit is used up; ``wait`` is how long to stay away."""

    outcome = "rate_limited"

    def __init__(self, reason: str, *, wait: timedelta) -> None:
        super().__init__(reason)
        self.wait = wait


class ReauthRequired(UpstreamError):
    """The grant is gone; trying again without a person is useless and looks like an attack."""


class Refused(UpstreamError):
    """The vendor understood the call and refuses it."""

    def __init__(self, reason: str, *, status: int) -> None:
        super().__init__(reason)
        self.status = status


class UrlNotAllowed(UpstreamError):
    """The address is not public https, or a page link leads away from the connection's origin."""

    outcome = "blocked"


class BadPayload(UpstreamError):
    """The answer is not what the contract says: nothing of it may be booked."""

    outcome = "invalid_body"


#: Why paging was stopped: too many pages, the same request again, the same page again, or a walk
#: that does not come forward.
PagingFault = Literal["page_cap", "loop", "repeated_page", "stuck"]


class PaginationAborted(UpstreamError):
    """Paging was stopped."""

    def __init__(self, reason: PagingFault) -> None:
        super().__init__(reason)
