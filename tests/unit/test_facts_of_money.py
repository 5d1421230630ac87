"""What facts make of amounts: money has the digits of its currency."""

from typing import Any

import pytest

from shared.facts import DealChanged, parse_fact

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


def test_an_amount_without_its_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="amount and currency go together"):
        parse_fact({**DEAL, "amount": "1.005"})
