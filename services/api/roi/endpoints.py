"""``/v1/roi``: the statement of one model, all models at once, and where the figures come from."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from services.api.dependencies import Access, reads
from services.api.roi import (
    adding,
    causal,
    cohort,
    comparison,
    costs,
    explain,
    markov,
    network,
    service,
)
from services.api.roi.adding_schemas import AddedValue, AddingQuery
from services.api.roi.causal_schemas import (
    BaselineAnswer,
    BaselineQuery,
    IncrementalityAnswer,
    IncrementalityQuery,
)
from services.api.roi.cohort_schemas import CohortQuery, CohortRoi
from services.api.roi.comparison_schemas import RoiComparison
from services.api.roi.cost_schemas import CostStatement
from services.api.roi.explain_schemas import RoiExplanation
from services.api.roi.markov_schemas import RemovalEffects
from services.api.roi.network_schemas import NetworkQuery, NetworkStatement
from services.api.roi.queries import (
    ComparisonQuery,
    CostQuery,
    ExplainQuery,
    MarkovQuery,
    StatementQuery,
)
from services.api.roi.schemas import RoiStatement
from shared.web.state import resources

__all__ = ["router"]

router = APIRouter(prefix="/v1/roi", tags=["roi"])

_READER = reads("roi:read")


@router.get("", operation_id="roi_get_statement")
async def get_statement(
    access: Annotated[Access, _READER], query: Annotated[StatementQuery, Query()]
) -> RoiStatement:
    """Return the ROI of a period under one attribution model, in every form."""
    return await service.statement(access, query)


@router.get("/cohort", operation_id="roi_get_cohort")
async def get_cohort(
    access: Annotated[Access, _READER], query: Annotated[CohortQuery, Query()]
) -> CohortRoi:
    """Return what a period's touches brought at every age, and are expected to bring in the end."""
    return await cohort.cohort_roi(access, query)


@router.get("/costs", operation_id="roi_get_costs")
async def get_costs(
    request: Request, access: Annotated[Access, _READER], query: Annotated[CostQuery, Query()]
) -> CostStatement:
    """Return what a period cost, line by line, with or without amortization and working time."""
    return await costs.cost_statement(access, resources(request).keyring, query)


@router.get("/value", operation_id="roi_get_value")
async def get_value(
    access: Annotated[Access, _READER], query: Annotated[AddingQuery, Query()]
) -> AddedValue:
    """Add up chosen lines of value against the cost; what overlaps is refused by name."""
    return await adding.add_lines(access, query)


@router.get("/incrementality", operation_id="roi_get_incrementality")
async def get_incrementality(
    access: Annotated[Access, _READER], query: Annotated[IncrementalityQuery, Query()]
) -> IncrementalityAnswer:
    """Return what the program changed in teams, against those that had not started yet."""
    return await causal.incrementality_of(access, query)


@router.get("/baseline", operation_id="roi_get_baseline")
async def get_baseline(
    access: Annotated[Access, _READER], query: Annotated[BaselineQuery, Query()]
) -> BaselineAnswer:
    """Return what advocates reached beyond the brand account's baseline."""
    return await causal.baseline(access, query)


@router.get("/internal-network", operation_id="roi_get_internal_network")
async def get_internal_network(
    access: Annotated[Access, _READER], query: Annotated[NetworkQuery, Query()]
) -> NetworkStatement:
    """Return what the internal network saves in a year, line by line with its evidence."""
    return await network.network_statement(access, query)


@router.get("/models", operation_id="roi_list_models")
async def list_models(
    access: Annotated[Access, _READER], query: Annotated[ComparisonQuery, Query()]
) -> RoiComparison:
    """Return the ROI under all attribution models, and what depends on the choice."""
    return await comparison.compare(access, query)


@router.get("/models/markov", operation_id="roi_get_removal_effects")
async def get_removal_effects(
    access: Annotated[Access, _READER], query: Annotated[MarkovQuery, Query()]
) -> RemovalEffects:
    """Return how the model `markov` comes to its figures."""
    return await markov.explain_removals(access, query)


@router.get("/explain", operation_id="roi_get_explanation")
async def get_explanation(
    request: Request,
    access: Annotated[Access, _READER],
    query: Annotated[ExplainQuery, Query()],
) -> RoiExplanation:
    """Return the credits and cost facts that add up to the statement's revenue and cost."""
    return await explain.explain(access, resources(request).keyring, query)
