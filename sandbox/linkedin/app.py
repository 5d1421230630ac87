"""The HTTP face of the LinkedIn look-alike."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.credentials import ACCOUNTS, OAUTH_CLIENTS, TokenBook, TokenRefusedError
from sandbox.errors import VendorError, error_body, render_vendor_error
from sandbox.forms import form_fields
from sandbox.golden.program import BRAND_ACCOUNT
from sandbox.golden.social import CONNECTIONS, FOLLOWERS, brand_posts
from sandbox.linkedin import statistics
from sandbox.linkedin.restli import RestliSyntaxError, Value, date_range, parse_query

__all__ = ["ACTIVE_VERSIONS", "create_linkedin"]

#: Versions live about a year; a call with any other one is answered 426.
ACTIVE_VERSIONS = frozenset(
    {f"2025{month}" for month in (11, 12)} | {f"2026{month:02}" for month in range(1, 12)}
)
# Since this version metricType is a plain string; before, it was a record of one key.
_PLAIN_METRIC_TYPE = "202605"
_LEGACY_KEY = "com.linkedin.adsexternalapi.memberanalytics.v1.CreatorPostAnalyticsMetricTypeV1"
LARGEST_PAGE = 100
_DEFAULT_PAGE = 10
_FOLLOWED_BY = {"COMPANY_FOLLOWED_BY_MEMBER", "CompanyFollowedByMember"}
_ACCESS_TOKEN_SECONDS, _REFRESH_TOKEN_SECONDS = 5_184_000, 26_438_400
_HEADERS = {"x-restli-protocol-version": "2.0.0", "x-li-uuid": "AAYAAAAAAAAAAAAAAAAAAA=="}
_FAILED = _HEADERS | {"x-restli-error-response": "true"}
_REFUSALS = {
    "unknown": (65600, "INVALID_ACCESS_TOKEN", "Invalid access token"),
    "expired": (65602, "EXPIRED_ACCESS_TOKEN", "The token used in the request has expired"),
    "revoked": (
        65601,
        "REVOKED_ACCESS_TOKEN",
        "The token used in the request has been revoked by the user",
    ),
}

_Parameters = dict[str, Value]
_Answer = dict[str, Any]


def create_linkedin(tokens: TokenBook) -> Starlette:
    """Return the look-alike of ``api.linkedin.com`` and of ``www.linkedin.com/oauth``."""
    api = _LinkedIn(tokens)
    rest: dict[str, Callable[[Request, str, _Parameters], _Answer]] = {
        "organizationalEntityShareStatistics": api.share_statistics,
        "organizationalEntityFollowerStatistics": api.follower_statistics,
        "networkSizes/{urn}": api.network_size,
        "posts": api.posts,
        "organizationAcls": api.organization_acls,
        "memberCreatorPostAnalytics": api.member_analytics,
        "memberFollowersCount": api.member_followers,
    }
    routes = [Route(f"/rest/{path}", api.answer(finder)) for path, finder in rest.items()]
    routes.append(Route("/oauth/v2/accessToken", api.token, methods=["POST"]))
    return Starlette(routes=routes, exception_handlers={VendorError: render_vendor_error})


class _LinkedIn:
    def __init__(self, tokens: TokenBook) -> None:
        self._tokens = tokens

    def answer(
        self, finder: Callable[[Request, str, _Parameters], _Answer]
    ) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            holder = self._authorize(request)
            _check_headers(request)
            try:
                parameters = parse_query(request.scope["query_string"].decode("ascii"))
                body = finder(request, holder, parameters)
            except (RestliSyntaxError, UnicodeDecodeError) as error:
                raise _illegal(str(error)) from error
            return JSONResponse(body, headers=_HEADERS)

        return endpoint

    def _authorize(self, request: Request) -> str:
        try:
            return self._tokens.holder_of(request.headers.get("authorization", ""))
        except TokenRefusedError as refused:
            service_code, code, message = _REFUSALS[refused.reason]
            body = error_body("linkedin", status=401, message=message, code=code)
            raise VendorError(401, {"serviceErrorCode": service_code, **body}, _FAILED) from refused

    def share_statistics(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        _administered(request, holder, parameters, "organizationalEntity")
        urns = [*_urns(parameters, "shares"), *_urns(parameters, "ugcPosts")]
        if "timeIntervals" in parameters:
            start, end = _interval(parameters["timeIntervals"])
            return _elements(statistics.daily_page_statistics(start, end))
        if urns or "shares" in parameters or "ugcPosts" in parameters:
            return _elements(statistics.post_statistics(urns))
        return _elements([statistics.page_statistics()])

    def follower_statistics(
        self, request: Request, holder: str, parameters: _Parameters
    ) -> _Answer:
        _administered(request, holder, parameters, "organizationalEntity")
        if "timeIntervals" in parameters:
            start, end = _interval(parameters["timeIntervals"])
            return _elements(statistics.follower_gains(start, end))
        return _elements([statistics.follower_facets()])

    def network_size(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        if parameters.get("edgeType") not in _FOLLOWED_BY:
            raise _illegal("edgeType")
        if request.path_params["urn"] != BRAND_ACCOUNT:
            raise _not_found()
        return {"firstDegreeSize": FOLLOWERS}

    def posts(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        _administered(request, holder, parameters, "author", finder="author")
        if request.headers.get("x-restli-method", "").upper() != "FINDER":
            raise _illegal("X-RestLi-Method must be FINDER")
        start, count = _page(parameters)
        newest_first = brand_posts()[::-1]
        page = [statistics.brand_post(post) for post in newest_first[start : start + count]]
        links = []
        if start > 0:
            links.append(_link(request, "prev", start=max(start - count, 0)))
        if start + count < len(newest_first):
            links.append(_link(request, "next", start=start + count))
        return {"paging": {"start": start, "count": count, "links": links}, "elements": page}

    def organization_acls(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        if parameters.get("q") != "roleAssignee":
            raise _illegal("q")
        if holder != ACCOUNTS["linkedin"]:
            return _elements([])
        acl = {
            "role": "ADMINISTRATOR",
            "organization": BRAND_ACCOUNT,
            "roleAssignee": "urn:li:person:golden-ratio-admin",
            "state": "APPROVED",
        }
        return _elements([acl])

    def member_analytics(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        _own(request, holder)
        query_type = str(parameters.get("queryType"))
        if query_type not in statistics.QUERY_TYPES:
            raise _illegal("queryType")
        metric_type = _metric_type(request, query_type)
        is_daily = parameters.get("aggregation", "TOTAL") == "DAILY"
        if is_daily and query_type in statistics.NOT_DAILY:
            raise _illegal(f"aggregation DAILY is not supported for {query_type}")
        if parameters.get("q") == "entity":
            if is_daily and query_type == "IMPRESSION":
                raise _illegal("aggregation DAILY is not supported for impressions of one post")
            return _one_post(holder, parameters, query_type, metric_type)
        if parameters.get("q") != "me":
            raise _illegal("q")
        return _all_posts(holder, parameters, query_type, metric_type, is_daily=is_daily)

    def member_followers(self, request: Request, holder: str, parameters: _Parameters) -> _Answer:
        _own(request, holder)
        if parameters.get("q") == "me":
            return _elements([{"memberFollowersCount": CONNECTIONS}])
        if parameters.get("q") != "dateRange" or "dateRange" not in parameters:
            raise _illegal("q")
        start, end = date_range(parameters["dateRange"])
        days = statistics.daily_member_counts(holder, "FOLLOWER_GAINED_FROM_CONTENT", start, end)
        return _elements(
            [{"memberFollowersCount": count, "dateRange": _one_day(day)} for day, count in days]
        )

    async def token(self, request: Request) -> Response:
        form = await form_fields(request)
        client = (form.get("client_id"), form.get("client_secret"))
        if client != OAUTH_CLIENTS["linkedin"]:
            raise _oauth_problem(401, "invalid_client", "Client authentication failed")
        if form.get("grant_type") != "refresh_token":
            raise _oauth_problem(400, "invalid_request", "Unsupported grant type")
        try:
            access, refresh = self._tokens.refresh(form.get("refresh_token", ""))
        except TokenRefusedError as refused:
            raise _oauth_problem(
                400,
                "invalid_request",
                "The provided authorization grant or refresh token is invalid, expired or revoked.",
            ) from refused
        body = {
            "access_token": access,
            "expires_in": _ACCESS_TOKEN_SECONDS,
            "refresh_token": refresh,
            "refresh_token_expires_in": _REFRESH_TOKEN_SECONDS,
            "scope": "r_organization_social,rw_organization_admin,r_member_postAnalytics",
        }
        return JSONResponse(body, headers=_HEADERS)


def _check_headers(request: Request) -> None:
    version = request.headers.get("linkedin-version")
    if version is None:
        message = "A version must be present. Please specify a version by adding the "
        raise _problem(400, "VERSION_MISSING", f"{message}LinkedIn-Version header.")
    if version not in ACTIVE_VERSIONS:
        message = f"Requested version {version}01 is not active"
        raise _problem(426, "NONEXISTENT_VERSION", message)
    if request.headers.get("x-restli-protocol-version") != "2.0.0":
        raise _problem(400, "ILLEGAL_ARGUMENT", "X-Restli-Protocol-Version must be 2.0.0")


def _administered(
    request: Request,
    holder: str,
    parameters: _Parameters,
    entity: str,
    *,
    finder: str = "organizationalEntity",
) -> None:
    """Refuse a finder of the page to all but its administrator."""
    if parameters.get("q") != finder or entity not in parameters:
        raise _illegal("q")
    if holder != ACCOUNTS["linkedin"] or parameters[entity] != BRAND_ACCOUNT:
        raise _denied(request, finder)


def _own(request: Request, holder: str) -> None:
    if holder == ACCOUNTS["linkedin"]:
        raise _denied(request, "me")


def _one_post(holder: str, parameters: _Parameters, query_type: str, metric_type: Value) -> _Answer:
    entity = parameters.get("entity")
    if not isinstance(entity, dict) or len(entity) != 1:
        raise _illegal("entity")
    count = statistics.post_count(holder, str(*entity.values()), query_type)
    if count is None:
        raise _not_found()
    return _elements([{"count": count, "metricType": metric_type, "targetEntity": entity}])


def _all_posts(
    holder: str, parameters: _Parameters, query_type: str, metric_type: Value, *, is_daily: bool
) -> _Answer:
    if "dateRange" not in parameters:
        if is_daily:
            raise _illegal("dateRange is required with aggregation DAILY")
        total = statistics.total_member_count(holder, query_type)
        return _elements([{"count": total, "metricType": metric_type}])
    start, end = date_range(parameters["dateRange"])
    days = list(statistics.daily_member_counts(holder, query_type, start, end))
    if not is_daily:
        total = sum(count for _, count in days)
        return _elements([{"count": total, "metricType": metric_type}])
    return _elements(
        [
            {"count": count, "metricType": metric_type, "dateRange": _one_day(day)}
            for day, count in days
        ]
    )


def _metric_type(request: Request, query_type: str) -> Value:
    is_plain = request.headers["linkedin-version"] >= _PLAIN_METRIC_TYPE
    return query_type if is_plain else {_LEGACY_KEY: query_type}


def _one_day(day: date) -> dict[str, dict[str, int]]:
    return {
        name: {"year": edge.year, "month": edge.month, "day": edge.day}
        for name, edge in (("start", day), ("end", day + timedelta(days=1)))
    }


def _elements(elements: list[dict[str, Any]]) -> _Answer:
    # Statistics finders answer everything at once, whatever their count says.
    return {"paging": {"start": 0, "count": _DEFAULT_PAGE, "links": []}, "elements": elements}


def _urns(parameters: _Parameters, name: str) -> list[str]:
    urns = parameters.get(name, [])
    if not isinstance(urns, list):
        raise RestliSyntaxError(f"{name} is a List(...)")
    return [str(urn) for urn in urns]


def _interval(value: Value) -> tuple[datetime, datetime]:
    match value:
        case {
            "timeRange": {"start": str() as start, "end": str() as end},
            "timeGranularityType": "DAY",
        } if start.isdecimal() and end.isdecimal():
            return _instant(start), _instant(end)
        case _:
            raise RestliSyntaxError("timeIntervals")


def _instant(milliseconds: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (OverflowError, ValueError) as error:
        raise RestliSyntaxError("timeIntervals") from error


def _page(parameters: _Parameters) -> tuple[int, int]:
    start = str(parameters.get("start", "0"))
    count = str(parameters.get("count", str(_DEFAULT_PAGE)))
    if not (start.isdecimal() and count.isdecimal() and 0 < int(count) <= LARGEST_PAGE):
        raise _illegal(f"start must not be negative, count must be 1 to {LARGEST_PAGE}")
    return int(start), int(count)


def _link(request: Request, rel: str, *, start: int) -> dict[str, str]:
    kept = [
        pair
        for pair in request.scope["query_string"].decode("ascii").split("&")
        if not pair.startswith("start=")
    ]
    query = "&".join(sorted([*kept, f"start={start}"]))
    return {"type": "application/json", "rel": rel, "href": f"{request.url.path}?{query}"}


def _problem(status: int, code: str, message: str) -> VendorError:
    body = error_body("linkedin", status=status, message=message, code=code)
    return VendorError(status, body, _FAILED)


def _illegal(what: str) -> VendorError:
    return _problem(400, "ILLEGAL_ARGUMENT", f"Invalid query parameters passed to request: {what}")


def _not_found() -> VendorError:
    return _problem(404, "RESOURCE_NOT_FOUND", "No virtual resource found")


def _denied(request: Request, finder: str) -> VendorError:
    resource = request.url.path.rpartition("/")[2]
    version = request.headers["linkedin-version"]
    message = f"Not enough permissions to access: {resource}.FINDER-{finder}.{version}01"
    body = error_body("linkedin", status=403, message=message, code="ACCESS_DENIED")
    return VendorError(403, {**body, "serviceErrorCode": 100}, _FAILED)


def _oauth_problem(status: int, error: str, description: str) -> VendorError:
    return VendorError(status, {"error": error, "error_description": description}, _HEADERS)
