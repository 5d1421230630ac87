"""``/v1/kpis``: the catalogue, values, series and explanations."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request

from services.api.dependencies import Access, authorized, reads
from services.api.kpis import explain, service
from services.api.kpis.schemas import (
    Catalogue,
    ExplainQuery,
    KpiDefinition,
    KpiExplanation,
    Series,
    SeriesQuery,
    Values,
    ValuesQuery,
)
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

_READER = reads("kpis:read")
KpiId = Annotated[
    str, Path(description="Id of the KPI.", max_length=64, examples=["enrollment_rate"])
]


@router.get("", operation_id="kpis_list_kpis", dependencies=[Depends(authorized("kpis:read"))])
async def list_kpis() -> Catalogue:
    """List every KPI with its formula, unit, class and benchmarks."""
    return service.definitions()


@router.get("/values", operation_id="kpis_list_values")
async def list_values(
    access: Annotated[Access, _READER], query: Annotated[ValuesQuery, Query()]
) -> Values:
    """Return many KPIs of one period in one call."""
    return await service.values(access, query)


@router.get(
    "/{kpi_id}",
    operation_id="kpis_get_kpi",
    dependencies=[Depends(authorized("kpis:read"))],
)
async def get_kpi(kpi_id: KpiId) -> KpiDefinition:
    """Return one definition."""
    return service.definition(kpi_id)


@router.get("/{kpi_id}/series", operation_id="kpis_get_series")
async def get_series(
    kpi_id: KpiId,
    access: Annotated[Access, _READER],
    query: Annotated[SeriesQuery, Query()],
) -> Series:
    """Return a KPI over time, as a whole or divided by a dimension."""
    return await service.series(access, kpi_id, query)


@router.get("/{kpi_id}/explain", operation_id="kpis_get_explanation")
async def get_explanation(
    kpi_id: KpiId,
    request: Request,
    access: Annotated[Access, _READER],
    query: Annotated[ExplainQuery, Query()],
) -> KpiExplanation:
    """Explain a value: formula, inputs, rates, arithmetic, and the facts that add up to it."""
    return await explain.explain(access, resources(request).keyring, kpi_id, query)
