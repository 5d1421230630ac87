"""A good body for each operation that takes one, with every field: hostile ones differ from it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shared import clock
from tests.api.test_access import CONNECTION
from tests.api.test_facts import POST, TOUCH

__all__ = ["FURTHER", "GOOD"]

_TODAY = clock.now().date()
GOAL = {
    "kpi": "clicks",
    "filters": {"team": ["sales"]},
    "target": "1200",
    "unit": "clicks",
    "direction": "up",
    "stretch": True,
    "owner": "head of marketing",
    "objective": "Enter the Polish market",
    "baseline_on": str(_TODAY - timedelta(days=30)),
    "due_on": str(_TODAY + timedelta(days=300)),
}
LINK = {
    "target_url": "https://a.example/",
    "employee": "E1",
    "account": "brand",
    "network": "linkedin",
    "campaign": "launch",
    "content": "article",
    "channel": "employee_advocacy",
}
IDENTITY = {"source": "acme", "kind": "deal.changed", "external_id": "deal-1", "revision": 1}
#: A body with every field of each operation that takes one; refused only for what is changed in it.
GOOD: dict[str, Any] = {
    "goals_create_goal": GOAL,
    "goals_update_goal": {
        name: value for name, value in GOAL.items() if name not in ("kpi", "unit", "direction")
    },
    "publications_publish_period": {
        "from": "2025-01-01",
        "to": "2025-02-01",
        "as_of": "2025-03-01",
        "note": "as reported",
    },
    "publications_withdraw_publication": {"note": "as corrected"},
    "facts_append_facts": {"facts": [POST, {**TOUCH, "person": "p1"}]},
    "facts_retract_facts": {"identities": [IDENTITY]},
    "people_create_references": {"emails": ["maria@example.com"]},
    "connections_create_connection": CONNECTION,
    "connections_update_connection": {
        **{name: CONNECTION[name] for name in ("name", "config", "credentials")},
        "state": "active",
    },
    "links_create_link": LINK,
    "assumptions_state_assumption": {
        "effective_from": "2025-01-01",
        "value": "0.8",
        "source": "finance",
        "grade": "measured",
    },
    "organization_state_privacy": {"smallest_group": 10},
    "keys_create_key": {
        "name": "x",
        "scopes": ["kpis:read"],
        "expires_at": "2099-01-01T00:00:00Z",
    },
}
#: Of the kinds that the small company of the other tests has none of.
FURTHER: Mapping[str, Mapping[str, Any]] = {
    "application.submitted": {"application": "a1", "job": "j1", "person": "p1", "employee": "E1"},
    "cost.booked": {
        "category": "content",
        "amount": "70.00",
        "currency": "USD",
        "starts_on": "2025-02-01",
        "ends_on": "2025-03-01",
        "is_one_off": True,
        "owner": "marketing",
        "quantity": "7",
        "unit_rate": "10.00",
    },
    "link.clicked": {"link": "L1", "is_human": True, "employee": "E1"},
    "person.identified": {"person": "p1", "same_as": ["p2"]},
    "session.recorded": {"day": "2025-02-01", "sessions": 7, "key_events": 1, "landing": "site"},
}
