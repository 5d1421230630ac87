"""Explain a KPI: its formula, the quantities and rates in it, and the facts they are made of.

The facts of all inputs are one list, input by input. A page belongs to one input, so that its lines
can be added up; the cursor says which input comes next and where in it, and as of when: the pages
of a list, and the figure they explain, are those of the moment at which it was begun. Each input
says where its own facts begin: whoever wants some of each need not read through all of them.
"""

from collections.abc import Mapping
from typing import Any

from services.api.answers import is_partial
from services.api.dependencies import Access
from services.api.evaluation import Slice, evaluate_kpis, refused_slice
from services.api.facts.lines import fact_lines
from services.api.kpis.schemas import ExplainQuery, FactPage, KpiExplanation, MeasureInput
from services.api.kpis.service import figure_of, kpi_named, used_assumptions, value_of
from services.api.model import exact
from services.api.pinning import Moment, moment_of
from services.api.privacy import refuse_small_groups, require_people_of_list
from shared.errors import Invalid, InvalidCursor
from shared.kpis.compose import KpiValue
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import Kept, Measure
from shared.rollups.explain import explain_measure
from shared.rollups.read import ForbiddenSlice, MeasureQuery, read_measures
from shared.security.keyring import KeyRing
from shared.web.cursor import CursorCodec

__all__ = ["explain"]

#: The input that comes next, and where in its lines.
_Place = tuple[int, str | None]


async def explain(
    access: Access, keyring: KeyRing, kpi_id: str, query: ExplainQuery
) -> KpiExplanation:
    """Return where a KPI's value comes from, with one page of the facts behind it.

    Raises:
        NotFound: no such KPI.
        Invalid: it cannot be filtered so, or the measure is not one of its inputs.
        InsufficientScope: it is filtered by employee, department, role or cohort, and the caller
            may not see people.
        InvalidCursor: the cursor belongs to another explanation.
        Conflict: the explanation was begun in another generation (``list_outdated``).
    """
    kpi, org = kpi_named(kpi_id), access.org
    asked = Slice(None, query.filters)
    codec = CursorCodec(keyring, org.id, {"explain": kpi.id, **query.listed()})
    begun, place = _begun(codec, query.cursor)
    moment = await moment_of(access, query, begun)
    require_people_of_list(access, asked.filters)
    await refuse_small_groups(access, query.period, asked.filters, kpi)
    found = await evaluate_kpis(access, [kpi], (query.period,), asked)
    value: KpiValue = found[kpi.id][0].value
    listed = _listed_measures(kpi, query.measure)
    facts, following = await _facts(access, place, listed, query)
    begins = {measure.id: moment.cursor(codec, [index]) for index, measure in enumerate(listed)}
    return KpiExplanation(
        **moment.trust(org.zone).model_dump(),
        **figure_of(kpi, org.currency),
        from_=query.from_,
        to=query.to,
        is_partial=is_partial(query.to, moment.complete_until, org.zone),
        value=value_of(value, None),
        arithmetic=value.arithmetic,
        inputs=await _inputs(access, kpi, query, begins),
        assumptions=await used_assumptions(access, kpi, query.period),
        facts=FactPage(**facts, next_cursor=moment.cursor(codec, following) if following else None),
    )


async def _inputs(
    access: Access, kpi: Kpi, query: ExplainQuery, begins: Mapping[str, str]
) -> list[MeasureInput]:
    measures = catalogue().measures_of(kpi.id)
    asked = MeasureQuery((query.period,), None, query.filters)
    ids = [measure.id for measure in measures]
    table = await read_measures(access.connection, access.org, ids, asked)
    return [
        MeasureInput(
            measure=measure.id,
            description=measure.description,
            unit=measure.unit,
            value=exact(table[0, ""][measure.id]),
            cursor=begins.get(measure.id),
        )
        for measure in measures
    ]


def _listed_measures(kpi: Kpi, only: str | None) -> list[Measure]:
    """Return the inputs whose facts are listed; the calendar has none."""
    inputs = catalogue().measures_of(kpi.id)
    asked = [measure for measure in inputs if only in (None, measure.id)]
    if only is not None and not asked:
        raise Invalid("`measure` is not one of this KPI's inputs.", code="unknown_measure")
    listed = [measure for measure in asked if measure.kept is not Kept.CALENDAR]
    if asked and not listed:
        raise Invalid("This input is counted in the calendar.", code="not_explained_by_facts")
    return listed


async def _facts(
    access: Access, place: _Place, measures: list[Measure], query: ExplainQuery
) -> tuple[dict[str, Any], list[str | int]]:
    """Return the page at a place, and where the next one begins: nowhere after the last one."""
    index, after = place
    if index >= len(measures):
        return {"measure": None, "total": None, "combined": None, "lines_total": 0, "lines": []}, []
    measure = measures[index]
    try:
        page = await explain_measure(
            access.connection,
            access.org,
            measure.id,
            query.period,
            filters=query.filters,
            after=after,
            limit=query.limit,
        )
    except ForbiddenSlice as error:
        raise refused_slice(error) from None
    following: list[str | int] = []
    if page.next is not None:
        following = [index, page.next]
    elif index + 1 < len(measures):
        following = [index + 1]
    found = {
        "measure": measure.id,
        "total": exact(page.total),
        "combined": page.combined,
        "lines_total": page.lines_total,
        "lines": await fact_lines(access, measure.id, page.lines),
    }
    return found, following


def _begun(codec: CursorCodec, cursor: str | None) -> tuple[Moment | None, _Place]:
    if cursor is None:
        return None, (0, None)
    moment, place = Moment.read(codec, cursor)
    match place:
        case [int(index)]:
            return moment, (index, None)
        case [int(index), str(after)]:
            return moment, (index, after)
    raise InvalidCursor
