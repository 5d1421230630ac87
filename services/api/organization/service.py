"""Who the organization is, and how healthy its data are."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Final

from services.api.answers import trust_of
from services.api.dependencies import Access
from services.api.freshness import ages_of, freshness_of
from services.api.organization.schemas import (
    ConnectionStates,
    DataHealth,
    FactAge,
    Organization,
    Privacy,
)
from services.api.privacy import may_see_people
from shared import clock
from shared.orgs import Org

__all__ = ["data_health", "organization", "state_privacy"]

_STATES: Final = ("active", "degraded", "reauth_required", "paused")
_DELIVERIES: Final = """
SELECT count(*) FILTER (WHERE state = 'quarantined') AS quarantined,
       count(*) FILTER (WHERE state = 'received') AS waiting
  FROM inbox WHERE org_id = $1 AND state IN ('quarantined', 'received')
"""
_PRIVACY: Final = "UPDATE organization SET smallest_group = $2 WHERE id = $1"


def organization(org: Org) -> Organization:
    """Return the organization of the caller."""
    return Organization(
        id=org.id,
        name=org.name,
        time_zone=org.zone.key,
        currency=org.currency,
        attribution_window_days=org.window_days,
        attribution_half_life_days=org.half_life_days,
        attribution_half_life_source=org.half_life_source,
        attribution_half_life_deals=org.half_life_deals,
        smallest_group=org.smallest_group,
    )


async def state_privacy(access: Access, privacy: Privacy) -> Organization:
    """Set how small a group may be to be shown. It holds for all days, past ones too."""
    await access.connection.execute(_PRIVACY, access.org.id, privacy.smallest_group)
    return organization(replace(access.org, smallest_group=privacy.smallest_group))


async def data_health(access: Access) -> DataHealth:
    """Return freshness, the fold's lag, what is in quarantine, connections' states, facts' ages."""
    freshness = await freshness_of(access.connection, access.org.id)
    deliveries = await access.connection.fetchrow(_DELIVERIES, access.org.id)
    assert deliveries is not None, "an aggregate has one row"
    ages = await ages_of(access.connection, access.org.id, with_people=may_see_people(access))
    now = clock.now()
    states: Counter[str] = Counter()
    for source in freshness.sources:
        states[source.state] += source.connections
    return DataHealth(
        **trust_of(freshness, access.org.zone).model_dump(),
        ledger_position=freshness.ledger_position,
        folded_position=freshness.folded_position,
        unfolded=freshness.ledger_position - freshness.folded_position,
        folded_at=freshness.folded_at,
        quarantined=deliveries["quarantined"],
        waiting=deliveries["waiting"],
        connections=ConnectionStates(**{state: states[state] for state in _STATES}),
        ages=[
            FactAge(
                source=age.source,
                newest_at=age.newest_at,
                age_seconds=max(0, (now - age.newest_at) // timedelta(seconds=1)),
            )
            for age in ages
        ],
        fact_sources=ages[0].sources if ages else 0,
    )
