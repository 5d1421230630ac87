"""The metrics worker verifies samples, to find a wrong figure before anybody asks for it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import cycle, islice
from random import Random
from typing import Final
from uuid import UUID

import structlog

from services.metrics.verify.report import Report
from services.metrics.verify.samples import Look, verify_sample
from shared import clock
from shared.db import Database
from shared.observability import metrics

__all__ = ["Sampler"]

_SAMPLES_A_RUN: Final = 2
_log = structlog.get_logger(__name__)

_WITH_FIGURES = "SELECT org_id FROM fold_cursor WHERE position > 0 GROUP BY org_id ORDER BY org_id"


class Sampler:
    """Chooses an organization every so often, and verifies samples of what is stored of it.

    What the samples look at comes round in turn. It begins anywhere: workers that are restarted
    often would otherwise look at the same all the time.
    """

    def __init__(
        self, database: Database, *, every: timedelta, chance: Random | None = None
    ) -> None:
        self._database = database
        self._every = every
        self._chance = chance or Random()  # noqa: S311 - a choice of samples, no secret
        # Not at once: workers that start together would all verify while everybody is busy.
        self._due_at: datetime = clock.now() + every * self._chance.random()
        looks = [*Look]
        self._looks: Iterator[Look] = islice(cycle(looks), self._chance.randrange(len(looks)), None)

    async def due(self) -> UUID | None:
        """Return the organization to sample now; None until the next one is due."""
        now = clock.now()
        if now < self._due_at:
            return None
        self._due_at = now + self._every
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_WITH_FIGURES)
        return self._chance.choice(rows)["org_id"] if rows else None

    async def verify(self, org_id: UUID) -> None:
        """Verify samples of an organization, and export what was found."""
        mismatches = 0
        for look in islice(self._looks, _SAMPLES_A_RUN):
            report = await verify_sample(self._database, org_id, look, self._chance)
            _export(report)
            mismatches += report.mismatches
            _log.info("verify.sampled", look=str(look), mismatches=report.mismatches)
        if not mismatches:
            metrics.VERIFY_LAST_SUCCESS.set(clock.now().timestamp())


def _export(report: Report) -> None:
    metrics.VERIFY_CELLS.inc(report.compared)
    for check, count in report.counts.items():
        metrics.VERIFY_MISMATCHES.labels(str(check), report.family).inc(count)
    for mismatch in report.listed[:10]:
        _log.error(
            "verify.mismatch",
            generation=report.generation,
            is_outdated=report.is_outdated,
            **mismatch.document(),
        )
