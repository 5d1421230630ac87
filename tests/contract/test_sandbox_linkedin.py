"""The LinkedIn look-alike answers as the contract's description and samples say."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox.golden.activity import shares
from sandbox.golden.people import active
from sandbox.linkedin.restli import RestliSyntaxError, parse_query
from sandbox.state import Sandbox
from tests.contract.sandbox_contracts import (
    assert_valid,
    client,
    contract,
    response_schema,
    sample,
    shape,
)

REST = "/linkedin/rest"
PAGE = "urn%3Ali%3Aorganization%3A2414183"
MEMBER = active()[0].ref
SHARE_STATISTICS = (
    f"{REST}/organizationalEntityShareStatistics?q=organizationalEntity&organizationalEntity={PAGE}"
)
FOLLOWER_STATISTICS = SHARE_STATISTICS.replace("ShareStatistics", "FollowerStatistics")
HEADERS = {"LinkedIn-Version": "202608", "X-Restli-Protocol-Version": "2.0.0"}
YEAR = (date(2025, 1, 1), date(2026, 1, 1))
QUARTER = (date(2025, 1, 1), date(2025, 4, 1))


def linkedin(
    holder: str = "organization",
    state: Sandbox | None = None,
    changed: dict[str, str] | None = None,
) -> httpx.AsyncClient:
    authorization = {"Authorization": f"Bearer linkedin.{holder}.access"}
    return client(state, HEADERS | authorization | (changed or {}))


def intervals(start: date, end: date) -> str:
    edges = [
        int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
        for day in (start, end)
    ]
    span = f"timeRange:(start:{edges[0]},end:{edges[1]})"
    return f"&timeIntervals=({span},timeGranularityType:DAY)"


def date_range(start: date, end: date) -> str:
    edges = [f"(day:{day.day},month:{day.month},year:{day.year})" for day in (start, end)]
    return f"&dateRange=(start:{edges[0]},end:{edges[1]})"


def analytics(
    query_type: str, aggregation: str = "DAILY", *, finder: str = "me", span: str = ""
) -> str:
    finder = f"q={finder}&queryType={query_type}&aggregation={aggregation}"
    return f"{REST}/memberCreatorPostAnalytics?{finder}{span}"


def body_of(name: str) -> Any:
    return sample(f"linkedin/samples/{name}.reconstructed.exchange.json")


def hold_to_contract(answer: Any, path: str, recorded: str) -> None:
    spec = contract("linkedin/linkedin-rest.reconstructed.openapi.json")
    assert_valid(answer, spec, response_schema(spec, path))
    assert shape(answer) == shape(body_of(recorded))


async def test_daily_page_statistics_add_up_to_the_year_and_the_quarter() -> None:
    async with linkedin() as api:
        year = (await api.get(SHARE_STATISTICS + intervals(*YEAR))).json()
        quarter = (await api.get(SHARE_STATISTICS + intervals(*QUARTER))).json()

    hold_to_contract(year, "/organizationalEntityShareStatistics", "share-statistics-daily")
    for answer, impressions in ((year, 780_000), (quarter, 195_000)):
        counts = [e["totalShareStatistics"]["impressionCount"] for e in answer["elements"]]
        assert sum(counts) == impressions
    days = [element["timeRange"]["start"] for element in year["elements"]]
    assert len(set(days)) == len(days) == 156  # no activity, no element


async def test_lifetime_page_statistics() -> None:
    async with linkedin() as api:
        answer = (await api.get(SHARE_STATISTICS)).json()

    hold_to_contract(answer, "/organizationalEntityShareStatistics", "share-statistics-lifetime")
    assert answer["elements"][0]["totalShareStatistics"]["impressionCount"] == 780_000


async def test_statistics_of_single_posts_leave_out_posts_of_others() -> None:
    finder = f"{REST}/posts?q=author&author={PAGE}&count=1"
    async with linkedin() as api:
        post = (await api.get(finder, headers={"X-RestLi-Method": "FINDER"})).json()
        urn = post["elements"][0]["id"]
        listed = ",".join(name.replace(":", "%3A") for name in (urn, "urn:li:share:1"))
        answer = (await api.get(f"{SHARE_STATISTICS}&shares=List({listed})")).json()

    assert [element["share"] for element in answer["elements"]] == [urn]
    expected = body_of("share-statistics-by-post")["elements"][0]
    assert shape(answer["elements"][0]) == shape(expected)


async def test_walking_the_posts_finder_delivers_every_post_once() -> None:
    seen: list[str] = []
    href: str | None = f"{REST}/posts?q=author&author={PAGE}&count=50&sortBy=LAST_MODIFIED"
    async with linkedin(changed={"X-RestLi-Method": "FINDER"}) as api:
        while href is not None:
            answer = (await api.get(href)).json()
            seen += [post["id"] for post in answer["elements"]]
            links = {link["rel"]: link["href"] for link in answer["paging"]["links"]}
            href = links.get("next")

    assert len(seen) == len(set(seen)) == 156
    expected = body_of("posts-by-author-page1")
    assert shape(answer["paging"]) == shape(expected["paging"])
    assert shape(answer["elements"][0]).keys() == shape(expected["elements"][0]).keys() - {
        "content"
    }


async def test_followers() -> None:
    async with linkedin() as api:
        lifetime = (await api.get(FOLLOWER_STATISTICS)).json()
        gains = (await api.get(FOLLOWER_STATISTICS + intervals(*YEAR))).json()
        size = await api.get(f"{REST}/networkSizes/{PAGE}?edgeType=COMPANY_FOLLOWED_BY_MEMBER")

    path = "/organizationalEntityFollowerStatistics"
    hold_to_contract(lifetime, path, "follower-statistics-lifetime")
    hold_to_contract(gains, path, "follower-statistics-daily")
    assert size.json() == {"firstDegreeSize": 10_000}


@pytest.mark.parametrize(
    ("query_type", "total"),
    [("IMPRESSION", 124_800), ("REACTION", 1_872), ("COMMENT", 312), ("RESHARE", 312)],
)
async def test_daily_analytics_of_all_members_add_up_to_the_quarter(
    query_type: str, total: int
) -> None:
    counted = 0
    async with linkedin() as api:
        for person in active():
            token = {"Authorization": f"Bearer linkedin.{person.ref}.access"}
            url = analytics(query_type, span=date_range(*QUARTER))
            answer = (await api.get(url, headers=token)).json()
            assert len(answer["elements"]) == 90
            counted += sum(element["count"] for element in answer["elements"])

    assert counted == total
    hold_to_contract(answer, "/memberCreatorPostAnalytics", "member-post-analytics-reaction-daily")


async def test_the_end_of_a_date_range_is_exclusive() -> None:
    share = next(share for share in shares() if share.employee == MEMBER)
    async with linkedin(MEMBER) as api:
        before = analytics("IMPRESSION", span=date_range(share.day - timedelta(days=1), share.day))
        on = analytics("IMPRESSION", span=date_range(share.day, share.day + timedelta(days=1)))
        assert (await api.get(before)).json()["elements"][0]["count"] == 0
        assert (await api.get(on)).json()["elements"][0]["count"] == 200


async def test_totals_of_one_post_and_of_all() -> None:
    post = next(share.post for share in shares() if share.employee == MEMBER)
    entity = f"&entity=(share:{post.replace(':', '%3A')})"
    async with linkedin(MEMBER) as api:
        one = (await api.get(analytics("IMPRESSION", "TOTAL", finder="entity", span=entity))).json()
        every = (await api.get(analytics("LINK_CLICKS", "TOTAL"))).json()
    async with linkedin(active()[1].ref) as api:
        other = await api.get(analytics("IMPRESSION", "TOTAL", finder="entity", span=entity))

    path = "/memberCreatorPostAnalytics"
    hold_to_contract(one, path, "member-post-analytics-impression-total")
    assert one["elements"][0] == {
        "count": 200,
        "metricType": "IMPRESSION",
        "targetEntity": {"share": post},
    }
    assert every["elements"] == [{"count": 26, "metricType": "LINK_CLICKS"}]
    assert other.status_code == 404


async def test_old_versions_wrap_the_metric_type() -> None:
    async with linkedin(MEMBER, changed={"LinkedIn-Version": "202604"}) as api:
        answer = (await api.get(analytics("REACTION", "TOTAL"))).json()

    hold_to_contract(
        answer, "/memberCreatorPostAnalytics", "member-post-analytics-legacy-metrictype"
    )


@pytest.mark.parametrize(
    "url",
    [
        analytics("LINK_CLICKS", span=date_range(*QUARTER)),
        analytics("MEMBERS_REACHED", span=date_range(*QUARTER)),
        analytics("NONSENSE", "TOTAL"),
        analytics("IMPRESSION"),
        analytics("IMPRESSION", span="&dateRange=(start:(day:31,month:2,year:2025))"),
        analytics("IMPRESSION", span="&dateRange=%28start%3A%28day%3A1%29%29"),
        analytics("IMPRESSION", finder="entity", span="&entity=(share:urn%3Ali%3Ashare%3A1)"),
        analytics("IMPRESSION", "TOTAL", finder="entity", span="&entity=(share:urn:li:share:1)"),
    ],
)
async def test_member_analytics_refuse_what_linkedin_refuses(url: str) -> None:
    async with linkedin(MEMBER) as api:
        answer = await api.get(url)

    assert (answer.status_code, answer.json()["code"]) == (400, "ILLEGAL_ARGUMENT")


async def test_connections_of_a_member() -> None:
    async with linkedin(MEMBER) as api:
        total = (await api.get(f"{REST}/memberFollowersCount?q=me")).json()
        finder = f"{REST}/memberFollowersCount?q=dateRange{date_range(*QUARTER)}"
        gained = (await api.get(finder)).json()

    assert total["elements"] == [{"memberFollowersCount": 1_000}]
    hold_to_contract(total, "/memberFollowersCount", "member-followers-count")
    hold_to_contract(gained, "/memberFollowersCount", "member-followers-count-daily")


async def test_administered_pages() -> None:
    url = f"{REST}/organizationAcls?q=roleAssignee&role=ADMINISTRATOR&state=APPROVED"
    async with linkedin() as api:
        hold_to_contract((await api.get(url)).json(), "/organizationAcls", "organization-acls")
    async with linkedin(MEMBER) as api:
        assert (await api.get(url)).json()["elements"] == []


async def test_others_may_not_read_the_page_and_the_page_has_no_posts_of_its_own() -> None:
    async with linkedin(MEMBER) as api:
        stranger = await api.get(SHARE_STATISTICS)
    async with linkedin() as api:
        unknown = await api.get(SHARE_STATISTICS.replace("2414183", "999"))
        page = await api.get(analytics("REACTION", "TOTAL"))

    expected = body_of("share-statistics-not-authorized-403")
    for answer in (stranger, unknown, page):
        assert answer.status_code == 403
        assert shape(answer.json()) == shape(expected)


async def test_version_and_protocol_headers_are_required() -> None:
    token = {"Authorization": "Bearer linkedin.organization.access"}
    protocol = {"X-Restli-Protocol-Version": "2.0.0"}
    async with client(headers=token) as api:
        no_version = await api.get(SHARE_STATISTICS, headers=protocol)
        sunset = await api.get(SHARE_STATISTICS, headers=protocol | {"LinkedIn-Version": "202406"})
        no_protocol = await api.get(SHARE_STATISTICS, headers={"LinkedIn-Version": "202608"})

    assert (no_version.status_code, no_protocol.status_code) == (400, 400)
    assert (sunset.status_code, sunset.json()) == (426, body_of("error-426-nonexistent-version"))


async def test_tokens_expire_are_refreshed_and_revoked() -> None:
    state = Sandbox()
    form = {
        "grant_type": "refresh_token",
        "client_id": "golden-ratio-linkedin-app",
        "client_secret": "golden-ratio-linkedin-client-secret",
        "refresh_token": f"linkedin.{MEMBER}.refresh",
    }
    me = f"{REST}/memberFollowersCount?q=me"
    async with linkedin(MEMBER, state) as api:
        state.tokens["linkedin"].expire(MEMBER)
        expired = await api.get(me)
        granted = (await api.post("/linkedin/oauth/v2/accessToken", data=form)).json()
        fresh = {"Authorization": f"Bearer {granted['access_token']}"}
        welcome = await api.get(me, headers=fresh)
        state.tokens["linkedin"].revoke(MEMBER)
        revoked = await api.get(me, headers=fresh)
        refused = await api.post("/linkedin/oauth/v2/accessToken", data=form)

    assert (expired.status_code, expired.json()) == (401, body_of("error-401-expired"))
    assert shape(granted) == shape(body_of("oauth-token-refresh"))
    assert welcome.status_code == 200
    assert (revoked.status_code, revoked.json()) == (401, body_of("error-401-revoked"))
    assert (refused.status_code, refused.json()) == (400, body_of("oauth-refresh-revoked-400"))


def test_a_rotated_refresh_token_works_once() -> None:
    book = Sandbox().tokens["linkedin"]
    book.rotates_refresh_tokens = True
    _, following = book.refresh(book.first_refresh(MEMBER))

    with pytest.raises(LookupError):
        book.refresh(book.first_refresh(MEMBER))
    access, _ = book.refresh(following)
    assert book.holder_of(f"Bearer {access}") == MEMBER


def test_query_syntax() -> None:
    parsed = parse_query("a=List(x%2Cy,(b:(c:1),d:z%3Aw))&e=List()&f=&g=1")
    assert parsed == {
        "a": ["x,y", {"b": {"c": "1"}, "d": "z:w"}],
        "e": [],
        "f": "",
        "g": "1",
    }


@pytest.mark.parametrize("text", ["a=(b", "a=List(x", "a=(b:1", "a=(b)", "a=x)", "a=u:v", "a=(:"])
def test_malformed_query_syntax(text: str) -> None:
    with pytest.raises(RestliSyntaxError):
        parse_query(text)
