"""The return that the ROI statement answers, as a figure whose moves are told.

A statement is made of much: credit of touches or of closes, cost, hires, media value, and it has a
today. So every day on which anything was recorded is one on which it may have moved.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from services.api.dependencies import Access
from services.api.restatements.schemas import FigureQuery
from services.api.roi.queries import Form, StatementQuery
from services.api.roi.repository import Basis
from services.api.roi.service import headline_percent
from shared import clock
from shared.errors import InsufficientScope, Invalid
from shared.kpis.definitions import Kpi, catalogue
from shared.kpis.measures import ADVOCACY_CHANNEL
from shared.kpis.periods import Period
from shared.kpis.recruiting import RATES
from shared.rollups.known import Knowledge
from shared.rollups.moved import days_of_recording, entries_behind
from shared.rollups.read import live_generation

__all__ = ["RETURN", "ReturnFigure", "return_figure"]

RETURN: Final = "roi_program"
"""The KPI that the ROI statement answers with one number."""

_COST: Final = "cost"
_HIRES: Final = "hires_advocacy"
#: A hire told before its day counts from that day on, on which nothing need be recorded.
_DAYS_OF_HIRES: Final = """
SELECT DISTINCT day
  FROM (SELECT day, event FROM public.application WHERE org_id = $1 AND generation = $2
         UNION ALL
        SELECT day, event FROM public.application_past WHERE org_id = $1 AND generation = $2) told
 WHERE event = 'accepted' AND day > $3 AND day <= $4
"""


@dataclass(frozen=True, slots=True)
class ReturnFigure:
    """The headline of a statement: of one model, form, basis and channel."""

    kpi: Kpi
    query: StatementQuery

    @property
    def period(self) -> Period:
        """Return the days of the statement."""
        return self.query.period

    @property
    def is_whole(self) -> bool:
        """Tell that it is the whole organization's."""
        return True

    @property
    def rate_keys(self) -> Sequence[str]:
        """Return the assumptions that the form asked for is computed with."""
        match self.query.form:
            case Form.REVENUE:
                return ()
            case Form.MEDIA:
                return catalogue().assumptions_of(self._media)
            case Form.MARGIN:
                return ("gross_margin",)
            case _:
                hires = RATES[self.query.recruiting_method] if self._has_hires else ()
                return ("gross_margin", *hires)

    @property
    def stored_measures(self) -> Collection[str]:
        """Return what is read from the rollups: credit and hires are read one by one."""
        if self.query.form is not Form.MEDIA:
            return {_COST}
        return {_COST, *(measure.stored_as for measure in catalogue().measures_of(self._media))}

    @property
    def _media(self) -> str:
        return f"emv_{self.query.emv_method}"

    @property
    def _has_hires(self) -> bool:
        return self.query.form is Form.CASH and self.query.channel == ADVOCACY_CHANNEL

    async def refuse_small_groups(self, access: Access) -> None:
        """Refuse nothing: a statement tells of no team."""

    async def value(self, access: Access) -> Decimal | None:
        """Return the return in percent; null with a reason in the statement."""
        return await headline_percent(access, self.query)

    async def days(self, access: Access, since: Knowledge, limit: int) -> set[date]:
        """Return the days on which anything was recorded, and those of hires told before."""
        connection, org = access.connection, access.org
        days = set(await days_of_recording(connection, org, since=since, limit=limit))
        if self._has_hires:
            generation = await live_generation(connection, org.id)
            asked = (org.id, generation, since.day, _today(access))
            days |= {row["day"] for row in await connection.fetch(_DAYS_OF_HIRES, *asked)}
        return days

    async def positions(
        self, access: Access, *, after: int, until: int, limit: int
    ) -> list[tuple[str, int]]:
        """Return positions of entries about the facts behind credit, cost, hires or media value."""
        found: list[tuple[str, int]] = []
        for measure, period, filters in self._parts(access):
            behind = await entries_behind(
                access.connection,
                access.org,
                measure,
                period,
                filters=filters,
                after=after,
                until=until,
                limit=limit,
                by_touch=measure == self._credit and self.query.basis is Basis.COHORT,
            )
            found += [(measure, position) for position in behind]
        return found

    @property
    def _credit(self) -> str:
        return f"revenue.{self.query.model}"

    def _parts(self, access: Access) -> Iterator[tuple[str, Period, dict[str, frozenset[str]]]]:
        """Yield what it is made of: a measure, its days, and the part of it that counts."""
        yield _COST, self.period, {}
        if self.query.form is Form.MEDIA:
            for measure in catalogue().measures_of(self._media):
                yield measure.id, self.period, {}
            return
        yield self._credit, self.period, {"channel": frozenset({self.query.channel})}
        if self._has_hires:
            until = self.query.to
            if self.query.basis is Basis.COHORT:
                until = max(until, _today(access) + timedelta(days=1))
            yield _HIRES, Period(self.period.start, until), {}


def return_figure(access: Access, kpi: Kpi, query: FigureQuery) -> ReturnFigure:
    """Return the figure of a statement; what was not said of it is as the statement has it.

    Raises:
        InsufficientScope: the caller may not see returns.
        Invalid: it is filtered otherwise than by one channel (``dimension_not_carried``).
    """
    if "roi:read" not in access.caller.scopes:
        raise InsufficientScope("roi:read")
    channels = query.filters.get("channel", frozenset({ADVOCACY_CHANNEL}))
    if query.filters.keys() - {"channel"} or len(channels) > 1:
        message = f"{kpi.id} is the whole organization's, and of one channel."
        raise Invalid(message, code="dimension_not_carried")
    asked = {"from": query.from_, "to": query.to, "channel": next(iter(channels))}
    return ReturnFigure(kpi, StatementQuery.model_validate({**asked, **query.of_statement}))


def _today(access: Access) -> date:
    return clock.local_day(clock.now(), access.org.zone)
