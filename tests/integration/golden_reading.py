"""How the golden tests read: measures and KPIs of a period, through the rollup readers."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.golden.program import Q1_END, Q1_START
from services.metrics.worker import catch_up
from shared.db import Database
from shared.kpis.compose import KpiValue, evaluate
from shared.kpis.definitions import catalogue
from shared.orgs import Org
from shared.rollups.read import MeasureQuery, Period, read_measures
from tests.integration.golden_year import found_golden, golden_facts

__all__ = ["ADVOCACY", "COST", "Q1", "Q2", "kpi", "load_year", "measures_of"]

ADVOCACY = "employee_advocacy"
COST = Decimal("22500.00")
Q1 = Period(Q1_START, Q1_END)
Q2 = Period(Q1_END, date(2025, 7, 1))


async def load_year(database_url: str) -> Org:
    """Tell the whole year to a new organization and fold it."""
    database = Database(database_url, application_name="golden")
    try:
        org = await found_golden(database, golden_facts())
        await catch_up(database, org.id)
    finally:
        await database.close()
    return org


async def measures_of(
    database: Database,
    org: Org,
    names: set[str],
    period: Period = Q1,
    **filters: str,
) -> Mapping[str, Any]:
    """Return measure → value over one period, as a whole."""
    query = MeasureQuery(
        buckets=(period,), filters={name: frozenset({value}) for name, value in filters.items()}
    )
    async with database.transaction(org.id) as connection:
        table = await read_measures(connection, org, names, query)
    return table[0, ""]


async def kpi(
    database: Database,
    org: Org,
    name: str,
    period: Period = Q1,
    assumptions: Mapping[str, Decimal | None] | None = None,
) -> KpiValue:
    """Return a KPI of one period, as the catalogue composes it from measures."""
    definition = catalogue().kpis[name]
    wanted = {measure.id for measure in catalogue().measures_of(name)}
    measures = await measures_of(database, org, wanted, period)
    return evaluate(definition, measures, assumptions, money_digits=2)
