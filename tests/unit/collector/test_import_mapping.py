"""What a row of each kind of file means."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from services.collector.imports.mapping import KINDS, ImportKind, RowError, person_of_row
from shared.facts import CostBooked, EmployeeRecorded, MemberJoined, SsiRecorded

WARSAW = ZoneInfo("Europe/Warsaw")
ROSTER = {
    "employee": "E1",
    "effective_on": "2025-01-01",
    "employed": "TRUE",
    "team": "=Sales",
    "role": None,
    "linkedin_account": "false",
    "display_name": "Anna Bąk",
    "email": "anna@example.com",
}
COST = {
    "cost_id": "C-3",
    "category": "training",
    "amount": "3600.00",
    "currency": "USD",
    "starts_on": "2025-01-01",
    "ends_on": "2025-04-01",
    "evidence": "timesheet",
    "quantity": "120",
    "unit_rate": "30.00",
    "note": "30 people × 4 h",
}
SSI = {
    "employee": "E1",
    "observed_on": "2025-03-30",
    "brand": "12.25",
    "people": "10.5",
    "insights": "0",
    "relationships": "25",
}
MEMBERSHIP = {"employee": "E1", "event": "joined", "occurred_at": "2025-01-01T09:00:00+01:00"}
ROWS: dict[ImportKind, dict[str, str | None]] = {
    "roster": dict(ROSTER),
    "membership": dict(MEMBERSHIP),
    "costs": dict(COST),
    "ssi": dict(SSI),
}


def test_a_roster_row_is_an_employee_without_personal_data() -> None:
    fact = KINDS["roster"].fact_of(ROSTER, WARSAW)

    assert fact == EmployeeRecorded(
        source="csv",
        external_id="E1@2025-01-01",
        occurred_at=datetime(2024, 12, 31, 23, tzinfo=UTC),
        employee="E1",
        effective_on=date(2025, 1, 1),
        employed=True,
        team="=Sales",
        linkedin_account=False,
    )
    assert b"anna" not in fact.payload().lower()


def test_personal_data_of_a_roster_row_are_kept_apart() -> None:
    person = person_of_row(ROSTER)

    assert (person.employee, person.display_name, person.email) == (
        "E1",
        "Anna Bąk",
        "anna@example.com",
    )


def test_a_membership_row_is_the_event_it_names() -> None:
    fact = KINDS["membership"].fact_of(MEMBERSHIP, WARSAW)

    assert isinstance(fact, MemberJoined)
    assert fact.occurred_at == datetime(2025, 1, 1, 8, tzinfo=UTC)


def test_one_instant_in_two_spellings_is_one_identity() -> None:
    other = KINDS["membership"].fact_of(MEMBERSHIP | {"occurred_at": "2025-01-01T08:00Z"}, WARSAW)

    assert other.identity == KINDS["membership"].fact_of(MEMBERSHIP, WARSAW).identity


def test_a_cost_row_keeps_its_decimals_and_its_quantity() -> None:
    fact = KINDS["costs"].fact_of(COST, WARSAW)

    assert isinstance(fact, CostBooked)
    assert (fact.external_id, fact.amount, fact.quantity) == (
        "C-3",
        Decimal("3600.00"),
        Decimal(120),
    )
    assert (fact.starts_on, fact.ends_on) == (date(2025, 1, 1), date(2025, 4, 1))


def test_a_cost_row_may_say_whose_it_is() -> None:
    brand = {"channel": "brand", "account": "golden-ratio", "network": "linkedin"}
    paid = {"campaign": "launch-2025", "owner": "marketing", "is_one_off": "TRUE"}
    fact = KINDS["costs"].fact_of(COST | brand | paid, WARSAW)

    assert isinstance(fact, CostBooked)
    assert (fact.channel, fact.account, fact.network) == ("brand", "golden-ratio", "linkedin")
    assert (fact.campaign, fact.owner, fact.is_one_off) == ("launch-2025", "marketing", True)


def test_a_cost_row_that_does_not_say_whose_it_is_says_nothing_of_it() -> None:
    names = ("account", "campaign", "channel", "is_one_off", "network", "owner")
    empty = KINDS["costs"].fact_of(COST | dict.fromkeys(names), WARSAW)

    assert empty == KINDS["costs"].fact_of(COST, WARSAW)
    assert isinstance(empty, CostBooked)
    assert (empty.channel, empty.is_one_off) == (None, False)


def test_an_ssi_row_has_four_pillars() -> None:
    fact = KINDS["ssi"].fact_of(SSI, WARSAW)

    assert isinstance(fact, SsiRecorded)
    assert (fact.brand, fact.relationships) == (Decimal("12.25"), Decimal(25))
    assert fact.occurred_at == datetime(2025, 3, 29, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "column", "value", "rule"),
    [
        ("roster", "employee", None, "required"),
        ("roster", "employee", "anna@example.com", "characters"),
        ("roster", "employed", "yes", "boolean"),
        ("roster", "effective_on", "2025-02-30", "date"),
        ("roster", "effective_on", "20250101", "date"),
        ("roster", "effective_on", "２０２５-01-01", "date"),
        ("roster", "team", "a\nb", "characters"),
        ("roster", "employee", "x" * 65, "string_too_long"),
        ("roster", "effective_on", "2099-01-01", "value_error"),
        ("roster", "effective_on", "1999-12-31", "value_error"),
        ("membership", "event", "fired", "choice"),
        ("membership", "occurred_at", "2025-01-01T09:00:00", "instant"),
        ("membership", "occurred_at", "2025-01-01T25:00:00Z", "instant"),
        ("costs", "cost_id", None, "required"),
        ("costs", "cost_id", "x" * 201, "string_too_long"),
        ("costs", "starts_on", "2099-01-01", "value_error"),
        ("costs", "amount", "1,000.00", "value_error"),
        ("costs", "amount", "1e3", "value_error"),
        ("costs", "amount", "NaN", "value_error"),
        ("costs", "category", "bribes", "literal_error"),
        ("costs", "channel", "social", "literal_error"),
        ("costs", "account", "sales@example.com", "characters"),
        ("costs", "network", "Linked In", "characters"),
        ("costs", "campaign", "x" * 129, "string_too_long"),
        ("costs", "owner", "anna@example.com", "characters"),
        ("costs", "is_one_off", "once", "boolean"),
        ("ssi", "brand", "25.01", "less_than_equal"),
        ("ssi", "brand", "-1", "greater_than_equal"),
    ],
)
def test_a_wrong_cell_is_refused_by_its_column(
    kind: ImportKind, column: str, value: str | None, rule: str
) -> None:
    with pytest.raises(RowError) as error:
        KINDS[kind].fact_of(ROWS[kind] | {column: value}, WARSAW)

    assert [problem[:2] for problem in error.value.problems] == [(column, rule)]


def test_a_cost_must_add_up() -> None:
    with pytest.raises(RowError, match="quantity × unit_rate"):
        KINDS["costs"].fact_of(COST | {"amount": "3601.00"}, WARSAW)


@pytest.mark.parametrize("column", ["display_name", "email"])
@pytest.mark.parametrize("value", ["a\x07b", "x" * 300])
def test_hostile_personal_data_are_refused_without_repeating_them(column: str, value: str) -> None:
    with pytest.raises(RowError) as error:
        person_of_row(ROSTER | {column: value})

    assert value not in str(error.value.at(2))
