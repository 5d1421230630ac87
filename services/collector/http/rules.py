"""What an answer means: the table every vendor shares, and where a vendor differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.collector.http.errors import (
    BadPayload,
    RateLimited,
    ReauthRequired,
    Refused,
    Transient,
    UrlNotAllowed,
)
from services.collector.http.message import Answer, JsonObject
from services.collector.http.waiting import LONGEST_WAIT, retry_after

__all__ = ["AnswerRules", "judge"]

_RETRIED = frozenset({408, 425, 500, 502, 503, 504})

#: Says how long to stay away after a 429 without a readable Retry-After.
WaitRule = Callable[[Answer, datetime], timedelta]


def _an_hour(_: Answer, __: datetime) -> timedelta:
    return LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class AnswerRules:
    """Where a vendor differs from the shared table.

    ``accepted`` are the statuses whose body is the answer; ``refusals`` names statuses that only an
    operator can mend; ``quota_left`` reads the vendor's own sign of what is left of its quota (0 to
    1), so that the collector slows down before it is told to.
    """

    accepted: frozenset[int] = frozenset({200})
    rate_limit_wait: WaitRule = _an_hour
    refusals: Mapping[int, str] = field(default_factory=dict)
    quota_left: Callable[[Answer], float | None] = lambda _: None


def judge(answer: Answer, rules: AnswerRules, now: datetime) -> JsonObject:
    """Return the document of a good answer, or raise what the answer means.

    Raises:
        UpstreamError: the class says what to do about it.
    """
    status = answer.status
    if status in rules.accepted:
        if answer.document is None:
            raise BadPayload("not_a_json_object")
        return answer.document
    if status == 401:
        raise ReauthRequired("credentials_refused")
    if status == 429:
        asked = retry_after(answer.header("retry-after"), now)
        raise RateLimited("rate_limited", wait=asked or rules.rate_limit_wait(answer, now))
    if status in _RETRIED:
        raise Transient(f"http_{status}", wait=retry_after(answer.header("retry-after"), now))
    if 300 <= status < 400:
        raise UrlNotAllowed("redirected")
    raise Refused(rules.refusals.get(status, f"http_{status}"), status=status)
