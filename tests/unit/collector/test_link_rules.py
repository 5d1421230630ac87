"""Tracked links: codes, targets, tags and visitors."""

import pytest
from starlette.datastructures import Headers

from services.collector.links.visitor import is_human
from shared.links import CODE_PATTERN, InvalidTarget, check_target, new_code, tag_target

CODE = "0123456789abc"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0"


def tagged(target: str, network: str | None = "linkedin", campaign: str | None = "spring") -> str:
    return tag_target(target, code=CODE, network=network, campaign=campaign)


def test_codes_are_long_random_and_well_formed() -> None:
    codes = {new_code() for _ in range(1000)}

    assert len(codes) == 1000
    assert all(CODE_PATTERN.fullmatch(code) for code in codes)
    assert 62 ** len(new_code()) >= 2**64


@pytest.mark.parametrize(
    "target",
    [
        "http://example.com",
        "https://example.com/a%20b?x=1&y=2#part",
        "https://xn--d1acufc.example:8443/",
        "https://intranet/",
        "https://example.com/@handle",
        "https://example.com?u=https://other.example/",
    ],
)
def test_absolute_http_addresses_may_be_targets(target: str) -> None:
    assert check_target(target).geturl().startswith("http")


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/path",
        "//evil.example",
        "///evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:\\\\evil.example",
        "https:\\evil.example",
        "https:///evil.example",
        "https://good.example\\@evil.example/",
        "https://good.example\\.evil.example/",
        "javascript:alert(1)",
        "JavaScript://example.com/%0aalert(1)",
        "data:text/html,x",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\tx",
        " https://example.com/",
        "https://exa mple.com/",
        "https://example.com/\x00",
        "https://example.com/ł",
        "https://ⓔxample.com/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://example.com:0/",
        "https://[::1]/",
        "https://[::1",
        "https://-example.com/",
        "https://example..com/",
        "https:// /",
        "https://example.com/" + "x" * 2000,
    ],
)
def test_everything_else_is_refused(target: str) -> None:
    with pytest.raises(InvalidTarget):
        check_target(target)


def test_the_tags_name_network_program_campaign_and_link() -> None:
    assert tagged("https://example.com/insights") == (
        "https://example.com/insights"
        "?utm_source=linkedin&utm_medium=advocacy&utm_campaign=spring&utm_content=0123456789abc"
    )


def test_the_targets_own_parameters_stay_in_order_and_utm_is_replaced() -> None:
    target = "https://example.com/?b=2&utm_source=x&a=%26&UTM_Medium=y&%75tm_term=z&a=3#part"

    assert tagged(target, campaign=None) == (
        "https://example.com/?b=2&a=%26&a=3"
        "&utm_source=linkedin&utm_medium=advocacy&utm_content=0123456789abc#part"
    )


def test_tag_values_are_encoded() -> None:
    assert "utm_campaign=a%20b%26c%2Fd%23" in tagged("https://example.com/", campaign="a b&c/d#")


def test_a_browser_is_a_person() -> None:
    assert is_human("GET", Headers({"User-Agent": BROWSER}))
    assert is_human("GET", Headers({"User-Agent": "Mozilla/5.0 (Linux; Android 9; CUBOT_X19)"}))


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("HEAD", {"User-Agent": BROWSER}),
        ("GET", {}),
        ("GET", {"User-Agent": ""}),
        ("GET", {"User-Agent": BROWSER, "Purpose": "prefetch"}),
        ("GET", {"User-Agent": BROWSER, "Sec-Purpose": "prefetch;prerender"}),
        ("GET", {"User-Agent": BROWSER, "X-Moz": "prefetch"}),
        ("GET", {"User-Agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0; +http://linkedin.com)"}),
        ("GET", {"User-Agent": "Slackbot-LinkExpanding 1.0"}),
        # Previews of Bluesky, VK and Mastodon, and what an office program does before a browser.
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1)"}),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)"}),
        ("GET", {"User-Agent": "http.rb/5.2.0 (Mastodon/4.3.2; +https://social.example/)"}),
        ("GET", {"User-Agent": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"}),
        ("GET", {"User-Agent": "Microsoft Office Existence Discovery"}),
        ("GET", {"User-Agent": "facebookexternalhit/1.1"}),
        ("GET", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}),
        ("GET", {"User-Agent": "WhatsApp/2.23.20.0"}),
        ("GET", {"User-Agent": "curl/8.5.0"}),
        ("GET", {"User-Agent": "python-requests/2.32"}),
        ("GET", {"User-Agent": "Mozilla/5.0 HeadlessChrome/120.0"}),
    ],
)
def test_programs_and_prefetchers_are_not(method: str, headers: dict[str, str]) -> None:
    assert not is_human(method, Headers(headers))
