"""Which addresses the collector refuses to talk to."""

import httpcore
import pytest

from services.collector.http.client import GuardedBackend
from services.collector.http.errors import UrlNotAllowed
from services.collector.http.guard import check_addresses, check_same_origin, check_url, is_public


@pytest.mark.parametrize(
    "url",
    [
        "http://api.vendor.example/",
        "https://api.vendor.example:8443/",
        "https://localhost/",
        "https://metadata/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://①②⑦.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:169.254.169.254]/",
        "https://vendor.example./",
        "https://bücher.example/",
        "https://user@vendor.example/",
        "https://vendor.example\\@evil.example/",
        "https://vendor.example\t/",
        "https://vendor.example/#fragment",
        "https://vendor.example:port/",
        "https:///path",
        "ftp://vendor.example/",
        "https://vendor.example/" + "a" * 8000,
    ],
)
def test_an_address_that_is_not_public_https_is_refused(url: str) -> None:
    with pytest.raises(UrlNotAllowed):
        check_url(url)


def test_a_public_https_address_is_allowed() -> None:
    check_url("https://api.vendor.example/rest/a?ids=List(urn%3Ali%3Aa,b)&r=(start:1)")


def test_a_look_alike_on_this_machine_must_be_allowed_explicitly() -> None:
    check_url("http://127.0.0.1:8090/hubspot", allow_private=True)
    with pytest.raises(UrlNotAllowed):
        check_url("http://user@127.0.0.1:8090/", allow_private=True)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "224.0.0.1",
        "0.0.0.0",
        "::1",
        "::127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "no address",
    ],
)
def test_an_address_of_no_public_network_is_refused(address: str) -> None:
    assert not is_public(address)


def test_every_address_of_a_name_must_be_public() -> None:
    assert check_addresses(["93.184.216.34", "2606:2800:220:1::1"]) == "93.184.216.34"
    for addresses in (["93.184.216.34", "10.0.0.1"], []):
        with pytest.raises(UrlNotAllowed, match="address_not_public"):
            check_addresses(addresses)


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/next",
        "http://api.vendor.example/next",
        "https://api.vendor.example:444/next",
        "//evil.example/next",
        "https://api.vendor.example.evil.example/",
    ],
)
def test_a_link_that_leads_away_is_refused(link: str) -> None:
    with pytest.raises(UrlNotAllowed, match="foreign_link"):
        check_same_origin(link, "https://api.vendor.example/rest")


def test_a_link_on_the_same_origin_is_allowed() -> None:
    check_same_origin("https://API.vendor.example:443/x", "https://api.vendor.example/rest")


async def test_a_name_that_resolves_to_this_machine_is_not_connected_to() -> None:
    class Unreachable(httpcore.AsyncMockBackend):
        async def connect_tcp(self, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
            raise AssertionError("connected")

    with pytest.raises(UrlNotAllowed):
        await GuardedBackend(Unreachable([])).connect_tcp("localhost", 443)
