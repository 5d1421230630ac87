"""Answer KPIs: over time, many at once, and explained down to the facts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from services.api.answers import is_partial, trust_of
from services.api.assumptions.repository import rates_of
from services.api.dependencies import Access
from services.api.evaluation import Slice, Valued, buckets_of, evaluate_kpis, rates_used
from services.api.freshness import freshness_of
from services.api.kpis.moves import Moves, moves_of
from services.api.kpis.schemas import (
    Catalogue,
    KpiDefinition,
    KpiValues,
    Point,
    Series,
    SeriesQuery,
    UsedAssumption,
    Value,
    ValueInterval,
    Values,
    ValuesQuery,
)
from services.api.lookback import look
from services.api.model import exact
from services.api.privacy import SUPPRESSED, require_people
from shared.errors import FieldError, NotFound
from shared.kpis.compose import KpiValue, additive_over
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.intervals import StatedInterval
from shared.kpis.periods import Period
from shared.kpis.proportions import LEVEL
from shared.kpis.rates import DatedRate
from shared.kpis.sources import facts_of
from shared.kpis.vocabulary import Unit

__all__ = [
    "assumption_lines",
    "definition",
    "definitions",
    "figure_of",
    "kpi_named",
    "series",
    "used_assumptions",
    "value_of",
    "values",
]


def kpi_named(kpi_id: str, place: str = "path.kpi_id") -> Kpi:
    """Return a definition; ``place`` is where the request names it.

    Raises:
        NotFound: there is none of this id.
    """
    kpi = catalogue().kpis.get(kpi_id)
    if kpi is None:
        message = "No KPI of the catalogue has this id."
        raise NotFound(
            message, errors=[FieldError(field=place, rule="unknown_kpi", message=message)]
        )
    return kpi


def definitions() -> Catalogue:
    """Return every definition."""
    return Catalogue(kpis=[_definition(kpi) for kpi in catalogue().kpis.values()])


def definition(kpi_id: str) -> KpiDefinition:
    """Return one definition; raises :class:`NotFound`."""
    return _definition(kpi_named(kpi_id))


def _definition(kpi: Kpi) -> KpiDefinition:
    return KpiDefinition(
        **kpi.model_dump(exclude={"interval"}),
        interval=kpi.interval.method if kpi.interval else None,
        measures=[measure.id for measure in catalogue().measures_of(kpi.id)],
        facts=sorted({k for m in catalogue().measures_of(kpi.id) for k in facts_of(m)}),
        additive_over=[axis.value for axis in additive_over(kpi)],
        assumptions=[*catalogue().assumptions_of(kpi.id), *catalogue().counted_by(kpi.id)],
    )


async def series(access: Access, kpi_id: str, query: SeriesQuery) -> Series:
    """Return a KPI over time.

    Raises:
        NotFound: no such KPI.
        Invalid: it cannot be sliced so, or the answer would be too large.
        InsufficientScope: it would be cut by employee, and the caller may not see people.
    """
    kpi, org = kpi_named(kpi_id), access.org
    parts = buckets_of(query.period, query.interval)
    publication = await look(access, query)
    asked = Slice(query.group_by, query.filters)
    require_people(access, asked.filters, asked.group_by)
    found = await evaluate_kpis(access, [kpi], parts, asked)
    freshness = await freshness_of(access.connection, org.id)
    moves = await moves_of(access, query, publication, found, [kpi], parts, asked)
    points = [
        Point(
            **_value(kpi, valued, asked, moves).model_dump(),
            from_=parts[valued.bucket].start,
            to=parts[valued.bucket].end,
            is_partial=is_partial(parts[valued.bucket].end, freshness.complete_until, org.zone),
        )
        for valued in found[kpi.id]
    ]
    return Series(
        **trust_of(freshness, org.zone).model_dump(),
        **figure_of(kpi, org.currency),
        interval=query.interval,
        group_by=query.group_by,
        points=points,
    )


async def values(access: Access, query: ValuesQuery) -> Values:
    """Return several KPIs of one period; raises as :func:`series`."""
    named = [kpi_named(kpi_id, f"query.ids.{n}") for n, kpi_id in enumerate(query.ids)]
    kpis, org = list({kpi.id: kpi for kpi in named}.values()), access.org
    asked = Slice(query.group_by, query.filters)
    require_people(access, asked.filters, asked.group_by)
    parts = (query.period,)
    publication = await look(access, query)
    found = await evaluate_kpis(access, kpis, parts, asked)
    freshness = await freshness_of(access.connection, org.id)
    moves = await moves_of(access, query, publication, found, kpis, parts, asked)
    return Values(
        **trust_of(freshness, org.zone).model_dump(),
        is_partial=is_partial(query.to, freshness.complete_until, org.zone),
        kpis=[
            KpiValues(
                **figure_of(kpi, org.currency),
                values=[_value(kpi, valued, asked, moves) for valued in found[kpi.id]],
            )
            for kpi in kpis
        ],
    )


def figure_of(kpi: Kpi, currency: str) -> dict[str, Any]:
    """Return what every answer says about the KPI itself."""
    return {
        "kpi": kpi.id,
        "version": kpi.version,
        "formula": kpi.formula or "",
        "unit": kpi.unit,
        "currency": currency if kpi.unit is Unit.MONEY else None,
    }


def _value(kpi: Kpi, valued: Valued, asked: Slice, moves: Moves) -> Value:
    moved = moves.get((kpi.id, valued.bucket, valued.group))
    value = value_of(valued.value, valued.group if asked.group_by else None, moved)
    return value.model_copy(update={"merged": list(valued.merged)}) if valued.merged else value


def value_of(value: KpiValue, group: str | None, moved: Decimal | None = None) -> Value:
    """Return a value as answers show it; ``moved`` is how far, since its period was published."""
    return Value(
        group=group,
        value=value.value,
        numerator=exact(value.numerator),
        denominator=exact(value.denominator),
        null_reason=value.null_reason,
        interval=_interval(value.interval),
        moved=moved,
        suppressed=value.null_reason == SUPPRESSED,
        merged=[],
    )


def _interval(stated: StatedInterval | None) -> ValueInterval | None:
    if stated is None:
        return None
    return ValueInterval(
        method=stated.method,
        level_percent=Decimal(int(LEVEL * 100)),
        low=stated.low,
        high=stated.high,
        null_reason=stated.null_reason,
    )


async def used_assumptions(access: Access, kpi: Kpi, period: Period) -> list[UsedAssumption]:
    """Return the rates that priced a KPI in a period."""
    rates = await rates_of(access.connection, access.org.id)
    return assumption_lines(rates_used(kpi, rates, period))


def assumption_lines(rates: Sequence[DatedRate]) -> list[UsedAssumption]:
    """Return rates as answers show them."""
    return [
        UsedAssumption(
            key=rate.key,
            value=rate.value,
            effective_from=rate.effective_on if rate.version else None,
            version=rate.version,
            source=rate.source,
            grade=rate.grade,
        )
        for rate in rates
    ]
