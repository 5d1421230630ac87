"""Which currencies amounts may be told in."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from shared.currencies import is_currency
from shared.facts import parse_fact
from shared.money import EXPONENTS, exponent

COST = {
    "kind": "cost.booked",
    "source": "erp",
    "external_id": "C-1",
    "occurred_at": "2025-02-01T00:00:00Z",
    "category": "content",
    "amount": "10.00",
    "starts_on": "2025-02-01",
    "ends_on": "2025-03-01",
}


@pytest.mark.parametrize("code", ["USD", "EUR", "PLN", "JPY", "KWD", "UYW", "ZWG", "XAF", "XCG"])
def test_currencies_of_today(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize("code", ["BGN", "HRK", "DEM", "TRL", "ZWL", "ANG", "AOR"])
def test_a_currency_that_was_withdrawn_stands_for_the_deals_of_its_time(code: str) -> None:
    assert is_currency(code)


@pytest.mark.parametrize(
    "code", ["ZZZ", "UDS", "BTC", "XXX", "XTS", "XAU", "XDR", "CLF", "CHE", "usd", "US", "", "USD "]
)
def test_what_no_deal_is_closed_in(code: str) -> None:
    assert not is_currency(code)


def test_whose_minor_unit_is_known_is_a_currency() -> None:
    assert all(is_currency(code) for code in EXPONENTS)


def test_what_was_taken_before_is_still_computed() -> None:
    assert not is_currency("ZZZ")
    assert exponent("ZZZ") == 2


def test_a_fact_in_no_currency_is_refused_where_it_says_so() -> None:
    with pytest.raises(ValidationError) as refused:
        parse_fact({**COST, "currency": "ZZZ"})

    (error,) = refused.value.errors()
    assert (error["loc"][-1], error["type"]) == ("currency", "unknown_currency")
    assert "ZZZ" not in error["msg"]


def test_a_deal_in_no_currency_is_refused_for_that_alone() -> None:
    deal = {
        "kind": "deal.changed",
        "source": "crm",
        "external_id": "D-1",
        "occurred_at": "2025-02-01T00:00:00Z",
        "deal": "D-1",
        "state": "open",
        "opened_at": "2025-02-01T00:00:00Z",
        "amount": "10.005",
    }
    with pytest.raises(ValidationError) as refused:
        parse_fact({**deal, "currency": "ZZZ"})

    assert [error["type"] for error in refused.value.errors()] == ["unknown_currency"]
    assert parse_fact({**deal, "currency": "BGN"}).model_dump()["amount"] == Decimal("10.01")
