"""How pages follow one another, and how a stream moves through time."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from services.collector.connectors.declaration import Frame, TrackedPost, Window
from services.collector.connectors.hubspot.connector import HubSpotConfig
from services.collector.connectors.walks import DayWindows, EachPost, ModifiedSince
from services.collector.http.errors import BadPayload, PaginationAborted
from services.collector.http.message import Request
from services.collector.http.paginators import AfterCursor, LinkedPages, OffsetLimit, PageGuard

NOW = datetime(2025, 4, 10, 12, 30, tzinfo=UTC)
SEARCH = Request("POST", "https://api.vendor.example/search", json={"limit": 200})
LAG = timedelta(minutes=10)


def frame(*, start_on: date | None = None, posts: tuple[TrackedPost, ...] = ()) -> Frame[Any]:
    return Frame(
        config=HubSpotConfig(start_on=start_on),
        source="vendor",
        now=NOW,
        currency="USD",
        person_of=str.upper,
        posts=posts,
    )


def test_an_after_cursor_is_sent_back_until_there_is_none() -> None:
    paginator = AfterCursor(result_limit=10_000)

    following = paginator.follow(SEARCH, {"paging": {"next": {"after": "200"}}})

    assert following is not None
    assert following.json == {"limit": 200, "after": "200"}
    assert paginator.follow(SEARCH, {"results": []}) is None


def test_a_search_ends_at_the_vendors_limit_and_says_so() -> None:
    paginator, document = AfterCursor(10_000), {"paging": {"next": {"after": "10000"}}}

    assert paginator.follow(SEARCH, document) is None
    assert paginator.cuts_short(SEARCH, document)
    assert not paginator.cuts_short(SEARCH, {})


@pytest.mark.parametrize("after", [7, "", "a" * 5000, ["x"]])
def test_an_unreadable_cursor_spoils_the_page(after: Any) -> None:
    with pytest.raises(BadPayload):
        AfterCursor(10_000).follow(SEARCH, {"paging": {"next": {"after": after}}})


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/rest/posts?q=author&start=2", "https://api.vendor.example/base/posts?q=author&start=2"),
        ("https://evil.example/x?start=2", "https://evil.example/x?start=2"),
    ],
)
def test_a_link_gives_the_next_query_and_keeps_the_resource(href: str, url: str) -> None:
    request = Request("GET", "https://api.vendor.example/base/posts?q=author")
    document = {"paging": {"links": [{"rel": "prev", "href": "/"}, {"rel": "next", "href": href}]}}

    following = LinkedPages().follow(request, document)

    assert following is not None
    assert following.url == url
    assert LinkedPages().follow(request, {"paging": {"links": []}}) is None


def test_an_offset_advances_by_the_rows_that_came() -> None:
    request = Request("POST", "https://a.example/", json={"offset": "0", "limit": "3"})

    following = OffsetLimit().follow(request, {"rows": [1, 2, 3], "rowCount": 4})

    assert following is not None
    assert following.json == {"offset": "3", "limit": "3"}
    assert OffsetLimit().follow(following, {"rows": [4], "rowCount": 4}) is None
    assert OffsetLimit().follow(request, {}) is None


def test_fewer_rows_than_announced_spoil_the_page() -> None:
    request = Request("POST", "https://a.example/", json={"offset": "3"})
    with pytest.raises(BadPayload, match="short_page"):
        OffsetLimit().follow(request, {"rows": [], "rowCount": 9})


def test_the_guard_ends_loops_repetitions_and_endless_paging() -> None:
    guard = PageGuard(page_cap=2)
    guard.admit(SEARCH)
    with pytest.raises(PaginationAborted, match="loop"):
        guard.admit(SEARCH)
    with pytest.raises(PaginationAborted, match="page_cap"):
        guard.admit(Request("GET", "https://api.vendor.example/other"))

    guard.inspect(b"")
    guard.inspect(b"")
    guard.inspect(b"page")
    guard.begin_window()
    guard.inspect(b"page")
    with pytest.raises(PaginationAborted, match="repeated_page"):
        guard.inspect(b"page")


def test_modifications_are_read_from_the_last_one_seen_less_the_lag() -> None:
    walk = ModifiedSince(LAG)
    first = walk.first(None, frame(start_on=date(2025, 1, 1)))
    assert first == Window(datetime(2025, 1, 1, tzinfo=UTC), NOW)

    seen = datetime(2025, 4, 10, 12, 0, tzinfo=UTC)
    cursor = walk.remember(None, first, high_water=seen, is_done=False)
    assert walk.first(cursor, frame()) == Window(seen - LAG, NOW)
    # A page that is older than what was seen does not move the cursor back.
    older = walk.remember(cursor, first, high_water=seen - LAG, is_done=True)
    assert older == cursor
    assert walk.remember(cursor, first, high_water=None, is_done=True) == cursor


def test_a_record_from_the_vendors_future_does_not_skip_the_present() -> None:
    walk = ModifiedSince(LAG)
    window = Window(NOW - LAG, NOW)

    cursor = walk.remember(None, window, high_water=NOW + timedelta(days=400), is_done=True)

    assert cursor is not None
    assert datetime.fromisoformat(orjson.loads(cursor)["since"]) == NOW


def test_a_window_is_left_once_a_page_has_come_forward_in_it() -> None:
    walk, window = ModifiedSince(LAG), Window(NOW - LAG, NOW)

    assert walk.leaves(window, high_water=NOW - timedelta(minutes=5))
    # All of the page was modified at the very beginning: its rest can only be had by pages.
    assert not walk.leaves(window, high_water=window.start)
    assert not walk.leaves(window, high_water=None)


def test_a_full_search_goes_on_from_the_last_record_and_not_in_circles() -> None:
    walk = ModifiedSince(LAG)
    window = Window(NOW - LAG, NOW)
    seen = NOW - timedelta(minutes=5)

    assert walk.following(window, frame(), high_water=seen, is_full=False) is None
    assert walk.following(window, frame(), high_water=seen, is_full=True) == Window(seen, NOW)
    with pytest.raises(PaginationAborted, match="stuck"):
        walk.following(Window(seen, NOW), frame(), high_water=seen, is_full=True)


def test_days_are_read_in_pieces_up_to_today_and_recent_ones_again() -> None:
    walk = DayWindows(days=60, reread_days=3, default_days=365)
    windows = []
    window = walk.first(None, frame(start_on=date(2025, 1, 1)))
    while window is not None:
        windows.append((window.first_day, window.end_day))
        window = walk.following(window, frame(), high_water=None, is_full=False)

    assert windows == [
        (date(2025, 1, 1), date(2025, 3, 2)),
        (date(2025, 3, 2), date(2025, 4, 11)),
    ]
    done = Window(NOW, datetime(2025, 4, 11, tzinfo=UTC))
    assert walk.remember("before", done, high_water=None, is_done=False) == "before"
    cursor = walk.remember(None, done, high_water=None, is_done=True)
    again = walk.first(cursor, frame(start_on=date(2025, 1, 1)))
    assert again is not None
    assert (again.first_day, again.end_day) == (date(2025, 4, 8), date(2025, 4, 11))


def test_each_post_is_one_window() -> None:
    posts = tuple(TrackedPost(f"urn:li:share:{number}", "E001") for number in range(2))
    walk, known = EachPost(), frame(posts=posts)

    first = walk.first(None, known)
    assert first is not None
    second = walk.following(first, known, high_water=None, is_full=False)
    assert second is not None
    assert (first.post, second.post) == posts
    assert walk.following(second, known, high_water=None, is_full=False) is None
    assert walk.first(None, frame()) is None
