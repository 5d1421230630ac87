"""What facts make of amounts: money has the digits of its currency."""

from typing import Any

import pytest

from shared.facts import CostBooked, DealChanged, parse_fact

DEAL: dict[str, Any] = {
    "kind": "deal.changed",
    "source": "crm",
    "external_id": "d1",
    "occurred_at": "2025-03-20T10:00:00Z",
    "deal": "d1",
    "state": "open",
    "opened_at": "2025-03-01T10:00:00Z",
}


@pytest.mark.parametrize(
    ("amount", "currency", "kept"),
    [
        ("100.005", "USD", "100.01"),
        ("-100.005", "USD", "-100.01"),
        ("100.0049", "EUR", "100.00"),
        ("100.5", "JPY", "101"),
        ("0.0015", "KWD", "0.002"),
        # What is as coarse as money is told back as it was told.
        ("100", "USD", "100"),
        ("100.50", "USD", "100.50"),
        ("100.5000", "USD", "100.5000"),
        # Withdrawn since: it had hundredths.
        ("100.005", "BGN", "100.01"),
    ],
)
def test_a_deal_is_worth_whole_units_of_its_currency(amount: str, currency: str, kept: str) -> None:
    deal = parse_fact({"amount": amount, "currency": currency, **DEAL})

    assert isinstance(deal, DealChanged)
    assert str(deal.amount) == kept
    assert parse_fact({**DEAL, "amount": kept, "currency": currency}) == deal


COST: dict[str, Any] = {
    "kind": "cost.booked",
    "source": "books",
    "external_id": "c1",
    "occurred_at": "2025-03-20T10:00:00Z",
    "category": "training",
    "starts_on": "2025-03-01",
    "ends_on": "2025-04-01",
    "quantity": "1.5",
}


@pytest.mark.parametrize(
    ("unit_rate", "amount", "currency"),
    [
        ("333", "499.5", "JPY"),
        # An invoice has whole yen, rounded either way.
        ("333", "500", "JPY"),
        ("333", "499", "JPY"),
        ("6.9", "10.35", "USD"),
        ("6.903", "10.35", "USD"),
        ("6.903", "10.36", "USD"),
        ("6.9", "10.359", "KWD"),
    ],
)
def test_a_cost_is_its_product_but_for_what_an_invoice_rounds(
    unit_rate: str, amount: str, currency: str
) -> None:
    cost = parse_fact({**COST, "unit_rate": unit_rate, "amount": amount, "currency": currency})

    assert isinstance(cost, CostBooked)
    assert str(cost.amount) == amount


@pytest.mark.parametrize(
    ("unit_rate", "amount", "currency"),
    [
        ("334", "502", "JPY"),
        ("334", "500", "JPY"),
        ("6.9", "10.36", "USD"),
        ("6.9", "10.34", "USD"),
        ("6.9", "10.36", "KWD"),
    ],
)
def test_a_cost_that_is_another_than_its_product_is_refused(
    unit_rate: str, amount: str, currency: str
) -> None:
    told = {**COST, "unit_rate": unit_rate, "amount": amount, "currency": currency}

    with pytest.raises(ValueError, match="amount is not quantity × unit_rate"):
        parse_fact(told)


def test_an_amount_without_its_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="amount and currency go together"):
        parse_fact({**DEAL, "amount": "1.005"})
