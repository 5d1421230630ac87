"""Rows of a Google Analytics report to facts. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from services.collector.connectors.declaration import Item, LinkTarget, Page, Record
from services.collector.connectors.errors import Unreadable
from services.collector.connectors.reading import optional_ref, whole_of_text
from services.collector.http.errors import BadPayload
from services.collector.http.message import JsonObject
from shared.facts import SessionRecorded
from shared.facts.envelope import Channel

__all__ = [
    "DIMENSIONS",
    "METRICS",
    "Ga4Context",
    "Landing",
    "is_partial_report",
    "session_facts",
    "session_records",
]

Landing = Literal["site", "careers"]

DIMENSIONS = (
    "date",
    "sessionSource",
    "sessionMedium",
    "sessionCampaignName",
    "sessionManualAdContent",
)
METRICS = ("sessions", "engagedSessions", "keyEvents")

_FRACTION = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?", re.ASCII)
_DAY = re.compile(r"[0-9]{8}", re.ASCII)
_PAID = frozenset({"cpc", "ppc", "cpm", "cpv", "cpa", "paid", "display", "banner", "retargeting"})
# What Analytics writes where a visit has no source: a typed address, a bookmark, a lost referrer.
_DIRECT = "(none)"
# A tagged visit from a social network that is no employee's is the company's own posting.
_BRAND = frozenset({"social", "social-network", "social-media", "sm"})
# Names under which networks appear as a source, tagged or as a referring host.
_NETWORKS: Mapping[str, str] = {
    "linkedin": "linkedin",
    "linkedin.com": "linkedin",
    "lnkd.in": "linkedin",
    "facebook": "facebook",
    "facebook.com": "facebook",
    "m.facebook.com": "facebook",
    "instagram": "instagram",
    "instagram.com": "instagram",
    "x": "x",
    "t.co": "x",
    "twitter": "x",
    "twitter.com": "x",
    "youtube": "youtube",
    "youtube.com": "youtube",
}


@dataclass(frozen=True, slots=True)
class Ga4Context:
    """What the mapping must know beside the row.

    ``links`` maps the code of a tracked link, which is the visit's ``utm_content``, to what the
    link stands for; ``advocacy_medium`` is the ``utm_medium`` of such links.
    """

    source: str
    links: Mapping[str, LinkTarget] = field(default_factory=dict)
    advocacy_medium: str = "advocacy"


def session_records(page: Page) -> list[Record]:
    """Split a report into rows, each with the report's own doubts about its numbers.

    Raises:
        BadPayload: the report has other columns than were asked for.
    """
    rows = page.main.get("rows", [])
    dimensions = _names(page.main, "dimensionHeaders")
    metrics = _names(page.main, "metricHeaders")
    is_expected = set(DIMENSIONS) <= set(dimensions) and set(METRICS) <= set(metrics)
    if not isinstance(rows, list) or not is_expected:
        raise BadPayload("bad_report")
    is_partial = is_partial_report(page)
    return [
        Record(
            str(number),
            {"row": row, "dimensions": dimensions, "metrics": metrics, "is_partial": is_partial},
        )
        for number, row in enumerate(rows)
    ]


def is_partial_report(page: Page) -> bool:
    """Tell whether Google withheld, merged or estimated rows of a report.

    Raises:
        BadPayload: the report's metadata have another shape.
    """
    metadata = page.main.get("metadata", {})
    if not isinstance(metadata, dict):
        raise BadPayload("bad_report")
    return bool(
        metadata.get("subjectToThresholding")
        or metadata.get("dataLossFromOtherRow")
        or metadata.get("samplingMetadatas")
    )


def session_facts(record: Record, context: Ga4Context, *, landing: Landing) -> Sequence[Item]:
    """Return the sessions of one day from one origin.

    The day is the property's: analytics cut it there, and a total cannot be cut again.

    Raises:
        Unreadable: the row has another shape, or a value is not a whole number.
    """
    content = record.content
    where = _values(content["row"], "dimensionValues", content["dimensions"])
    counts = _values(content["row"], "metricValues", content["metrics"])
    day = _read_day(where["date"])
    key_events, is_exact = _key_events(counts["keyEvents"])
    link = _link(where, context)
    target = link[1] if link else None
    origin = [where[name] for name in DIMENSIONS[1:]]
    return [
        SessionRecorded.model_validate(
            {
                "source": context.source,
                "external_id": f"{landing}:{day}:{_digest(origin)}",
                "occurred_at": datetime.combine(day, time(), tzinfo=UTC),
                "day": day,
                "landing": landing,
                "is_partial": content["is_partial"] or not is_exact,
                "sessions": whole_of_text(counts["sessions"], "sessions"),
                "engaged_sessions": whole_of_text(counts["engagedSessions"], "engagedSessions"),
                "key_events": key_events,
                "channel": target.channel if target else _channel(where, context),
                "network": (target and target.network)
                or _NETWORKS.get(where["sessionSource"].lower()),
                "campaign": (target and target.campaign)
                or optional_ref(where["sessionCampaignName"]),
                "employee": target and target.employee,
                "account": target and target.account,
                "content": target and target.content,
                "link": link and link[0],
            }
        )
    ]


def _key_events(text: str) -> tuple[int, bool]:
    """Return key events as a whole number, and whether they were one.

    Google may share one event between several sources ("0.5"). Rounded, half up, the row keeps its
    sessions, and says that it is not exact.
    """
    if not _FRACTION.fullmatch(text):
        raise Unreadable("keyEvents: expected a number in a text")
    number = Decimal(text)
    rounded = number.quantize(Decimal(1), ROUND_HALF_UP)
    return int(rounded), rounded == number


def _link(where: Mapping[str, str], context: Ga4Context) -> tuple[str, LinkTarget] | None:
    code = where["sessionManualAdContent"]
    target = context.links.get(code)
    return None if target is None else (code, target)


def _channel(where: Mapping[str, str], context: Ga4Context) -> Channel:
    medium = where["sessionMedium"].lower()
    if medium == context.advocacy_medium.lower():
        return "employee_advocacy"
    if medium in _PAID or medium.startswith(("paid-", "paid_", "paidsocial", "paid ")):
        return "paid"
    if medium == "organic":
        return "organic"
    if medium == _DIRECT:
        return "direct"
    return "brand" if medium in _BRAND else "other"


def _names(document: JsonObject, headers: str) -> list[str]:
    try:
        return [str(header["name"]) for header in document[headers]]
    except (KeyError, TypeError):
        raise BadPayload("bad_report") from None


def _values(row: Any, kind: str, names: list[str]) -> dict[str, str]:
    try:
        values = [cell["value"] for cell in row[kind]]
    except (KeyError, TypeError):
        raise Unreadable(f"{kind}: expected values") from None
    if len(values) != len(names) or not all(isinstance(value, str) for value in values):
        raise Unreadable(f"{kind}: expected one text per column")
    return dict(zip(names, values, strict=True))


def _read_day(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise Unreadable("date: expected YYYYMMDD")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise Unreadable("date: expected a day of the calendar") from None


def _digest(origin: Sequence[str]) -> str:
    # The names may be long and hold anything; the id of a fact is short and plain.
    return hashlib.blake2b("\0".join(origin).encode(), digest_size=16).hexdigest()
