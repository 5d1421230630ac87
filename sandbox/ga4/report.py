"""A report over session rows: group by dimensions, sum metrics, filter, order, cut a page."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sandbox.errors import VendorError, error_body
from sandbox.golden.program import CURRENCY, ZONE
from sandbox.golden.web import SessionRow

__all__ = ["run_report"]

MOST_DIMENSIONS, MOST_METRICS, MOST_RANGES = 9, 10, 4
DEFAULT_LIMIT, LARGEST_LIMIT = 10_000, 250_000

_DIMENSIONS: dict[str, Callable[[SessionRow], str]] = {
    "date": lambda row: row.day.strftime("%Y%m%d"),
    "sessionSource": lambda row: row.source,
    "sessionMedium": lambda row: row.medium,
    "sessionSourceMedium": lambda row: f"{row.source} / {row.medium}",
    "sessionCampaignName": lambda row: row.campaign,
    "sessionManualAdContent": lambda row: row.ad_content,
    "landingPage": lambda row: row.landing_page,
    "landingPagePlusQueryString": lambda row: row.landing_page,
    "hostName": lambda row: "www.goldenratio.example",
}
_RANGE_DIMENSION = "dateRange"


@dataclass(frozen=True, slots=True)
class _Metric:
    type: str
    of: Callable[[SessionRow], int]

    def text(self, total: int) -> str:
        # Google prints a whole float with its point: "34.0".
        return str(float(total)) if self.type == "TYPE_FLOAT" else str(total)


_METRICS = {
    "sessions": _Metric("TYPE_INTEGER", lambda row: row.sessions),
    "engagedSessions": _Metric("TYPE_INTEGER", lambda row: row.engaged_sessions),
    "keyEvents": _Metric("TYPE_FLOAT", lambda row: row.key_events),
    "totalRevenue": _Metric("TYPE_CURRENCY", lambda row: 0),
}
_QUOTA = {
    "tokensPerDay": 200_000,
    "tokensPerHour": 40_000,
    "concurrentRequests": 10,
    "serverErrorsPerProjectPerHour": 10,
    "potentiallyThresholdedRequestsPerHour": 120,
    "tokensPerProjectPerHour": 14_000,
}
_Cell = tuple[tuple[str, ...], tuple[int, ...]]


def run_report(
    rows: Sequence[SessionRow], request: Mapping[str, Any], *, today: date
) -> dict[str, Any]:
    """Return the answer of ``properties/{id}:runReport``. ``today`` is the property's day.

    Raises:
        VendorError: 400 INVALID_ARGUMENT with a message that names the field.
    """
    dimensions = _names(request, "dimensions", _DIMENSIONS, MOST_DIMENSIONS)
    metrics = _names(request, "metrics", _METRICS, MOST_METRICS)
    if not metrics:
        raise _invalid("At least one metric is required.")
    cells = _cells(rows, request, dimensions, metrics, today=today)
    headers = [*dimensions, *([_RANGE_DIMENSION] if len(request["dateRanges"]) > 1 else [])]
    _order(cells, request.get("orderBys") or [], headers, metrics)
    offset, limit = _int64(request, "offset", 0), _int64(request, "limit", DEFAULT_LIMIT)
    page = cells[offset : offset + min(limit, LARGEST_LIMIT)]
    answer: dict[str, Any] = {
        "dimensionHeaders": [{"name": name} for name in headers],
        "metricHeaders": [{"name": name, "type": _METRICS[name].type} for name in metrics],
    }
    if cells:
        answer |= {"rows": [_row(cell, metrics) for cell in page], "rowCount": len(cells)}
    answer["metadata"] = {"currencyCode": CURRENCY, "timeZone": ZONE.key}
    if request.get("returnPropertyQuota"):
        answer["propertyQuota"] = {
            name: {"consumed": 1, "remaining": limit - 1} for name, limit in _QUOTA.items()
        }
    return answer | {"kind": "analyticsData#runReport"}


def _names(
    request: Mapping[str, Any], field: str, allowed: Mapping[str, Any], most: int
) -> list[str]:
    names = [str(entry.get("name")) for entry in request.get(field) or []]
    if len(names) > most:
        raise _invalid(f"Requests are limited to {most} {field}. This request has {len(names)}.")
    for name in names:
        if name not in allowed:
            kind = field.removesuffix("s")
            raise _invalid(
                f"Field {name} is not a valid {kind}. For a list of valid dimensions and metrics, "
                "see the API schema."
            )
    return names


def _cells(
    rows: Sequence[SessionRow],
    request: Mapping[str, Any],
    dimensions: Sequence[str],
    metrics: Sequence[str],
    *,
    today: date,
) -> list[_Cell]:
    ranges = request.get("dateRanges")
    if not ranges or len(ranges) > MOST_RANGES:
        raise _invalid(f"A request needs 1 to {MOST_RANGES} dateRanges.")
    keep = request.get("dimensionFilter")
    sums: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0] * len(metrics))
    for number, span in enumerate(ranges):
        start, end = _day(span, "startDate", today), _day(span, "endDate", today)
        if start > end:
            raise _invalid("The dateRange's startDate must not be after its endDate.")
        suffix = (str(span.get("name") or f"date_range_{number}"),) if len(ranges) > 1 else ()
        for row in rows:
            if start <= row.day <= end and (not keep or _passes(row, keep)):
                cell = sums[(*(_DIMENSIONS[name](row) for name in dimensions), *suffix)]
                for place, name in enumerate(metrics):
                    cell[place] += _METRICS[name].of(row)
    # A row of nothing but zeros is left out unless asked for.
    return [(key, tuple(cell)) for key, cell in sums.items() if any(cell)]


def _day(span: Mapping[str, Any], field: str, today: date) -> date:
    text = str(span.get(field))
    ago = {"today": 0, "yesterday": 1}.get(text)
    if match := re.fullmatch(r"(\d{1,4})daysAgo", text):
        ago = int(match[1])
    if ago is not None:
        return today - timedelta(days=ago)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise _invalid(f"Invalid {field} : {text}. {field} must be YYYY-MM-DD.") from None


def _passes(row: SessionRow, expression: Mapping[str, Any]) -> bool:
    match dict(expression):
        case {"andGroup": {"expressions": parts}}:
            return all(_passes(row, part) for part in parts)
        case {"orGroup": {"expressions": parts}}:
            return any(_passes(row, part) for part in parts)
        case {"notExpression": part}:
            return not _passes(row, part)
        case {"filter": {"fieldName": field, "stringFilter": rule}} if field in _DIMENSIONS:
            return _string_matches(_DIMENSIONS[field](row), rule)
        case {"filter": {"fieldName": field, "inListFilter": rule}} if field in _DIMENSIONS:
            fold = _fold(rule)
            return fold(_DIMENSIONS[field](row)) in {fold(value) for value in rule["values"]}
        case _:
            raise _invalid(f"Invalid dimensionFilter: {expression}.")


def _fold(rule: Mapping[str, Any]) -> Callable[[str], str]:
    return str if rule.get("caseSensitive") else str.lower


def _string_matches(text: str, rule: Mapping[str, Any]) -> bool:
    fold = _fold(rule)
    have, want = fold(text), fold(str(rule.get("value", "")))
    match rule.get("matchType", "EXACT"):
        case "EXACT" | "MATCH_TYPE_UNSPECIFIED":
            return have == want
        case "BEGINS_WITH":
            return have.startswith(want)
        case "ENDS_WITH":
            return have.endswith(want)
        case "CONTAINS":
            return want in have
        case "FULL_REGEXP":
            return re.fullmatch(want, have) is not None
        case "PARTIAL_REGEXP":
            return re.search(want, have) is not None
        case other:
            raise _invalid(f"Invalid matchType: {other}.")


def _order(
    cells: list[_Cell],
    orders: Sequence[Mapping[str, Any]],
    dimensions: Sequence[str],
    metrics: Sequence[str],
) -> None:
    """Order rows in place. Without ``orderBys`` Google puts the biggest first metric on top."""
    if not orders:
        cells.sort(key=lambda cell: cell[1][0], reverse=True)
    for order in reversed(orders):
        is_descending = bool(order.get("desc"))
        match dict(order):
            case {"dimension": {"dimensionName": name}} if name in dimensions:
                at = dimensions.index(name)
                cells.sort(key=lambda cell: cell[0][at], reverse=is_descending)
            case {"metric": {"metricName": name}} if name in metrics:
                at = metrics.index(name)
                cells.sort(key=lambda cell: cell[1][at], reverse=is_descending)
            case _:
                raise _invalid(f"Invalid orderBy: {order}.")


def _int64(request: Mapping[str, Any], field: str, default: int) -> int:
    try:
        value = int(request.get(field, default))
    except (TypeError, ValueError):
        value = -1
    if value < 0:
        raise _invalid(f"Invalid value at '{field}' (TYPE_INT64), {request.get(field)!r}")
    return value or default


def _row(cell: _Cell, metrics: Sequence[str]) -> dict[str, Any]:
    keys, totals = cell
    return {
        "dimensionValues": [{"value": key} for key in keys],
        "metricValues": [
            {"value": _METRICS[name].text(total)}
            for name, total in zip(metrics, totals, strict=True)
        ],
    }


def _invalid(message: str) -> VendorError:
    body = error_body("ga4", status=400, message=message, code="INVALID_ARGUMENT")
    return VendorError(400, body)
