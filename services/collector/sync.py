"""Poll one stream of one connection: the loop that runs every connector.

What is fetched is fetched outside any transaction. What a page brings is booked in one: the fence
is checked, the facts are appended, unreadable records are put aside and the cursor moves, all or
nothing. So a run may be killed anywhere, run twice or meet another worker, and each page counts
once.
"""

import asyncio
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from time import perf_counter
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog

from services.collector.booking import book
from services.collector.connectors.declaration import Page, Window
from services.collector.digest import Digest, digest
from services.collector.http.errors import (
    BadPayload,
    PaginationAborted,
    RateLimited,
    ReauthRequired,
    Refused,
    Transient,
    UpstreamError,
    UrlNotAllowed,
)
from services.collector.http.message import Answer
from services.collector.http.paginators import PageGuard
from services.collector.http.waiting import backoff, jittered
from services.collector.leases import (
    FenceLost,
    Lease,
    acquire,
    held,
    release,
    save_cursor,
    settle,
)
from services.collector.outcomes import Totals, record_run
from services.collector.replacement import missing_facts
from services.collector.session import VendorAccess, VendorSession
from shared import clock
from shared.errors import Problem, SecretUnreadable
from shared.facts import Fact, Retraction
from shared.ledger import AppendResult
from shared.observability import metrics
from shared.queue import Queue

__all__ = ["Outcome", "RunReport", "StreamSync"]

Outcome = metrics.RunOutcome

_OUTCOMES: Final[dict[type[UpstreamError], Outcome]] = {
    RateLimited: "rate_limited",
    Transient: "transient",
    Refused: "refused",
    UrlNotAllowed: "blocked",
    ReauthRequired: "reauth_required",
    BadPayload: "bad_payload",
    PaginationAborted: "pagination_aborted",
}
# Only a person can mend these; asking every few minutes would only use up the vendor's patience.
_MENDED_BY_PEOPLE: Final = frozenset({"refused", "blocked", "reauth_required"})
_WAIT_FOR_PEOPLE: Final = timedelta(hours=6)
#: Below this share of its quota left, a vendor is left alone for a while before it says so itself.
_LEAST_QUOTA: Final = 0.1
_WAIT_FOR_QUOTA: Final = timedelta(hours=1)
#: So many unreadable records and no readable one are a change of the contract, not bad records.
_DRIFT_FROM: Final = 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RunReport:
    """What became of one run.

    ``reason`` names what failed; ``wait`` is how long to leave it alone, where that is known: the
    vendor says so, mostly.
    """

    outcome: Outcome
    totals: Totals
    reason: str | None = None
    wait: timedelta | None = None


@dataclass(slots=True)
class _Run:
    """One run in progress."""

    session: VendorSession
    lease: Lease
    context: Any
    guard: PageGuard
    totals: Totals = field(default_factory=Totals)
    high_water: datetime | None = None
    stated: set[str] = field(default_factory=set)
    is_complete: bool = True


class StreamSync:
    """Reads streams into the ledger. One per process."""

    def __init__(self, access: VendorAccess, queue: Queue) -> None:
        self._access = access
        self._queue = queue
        self._owner = f"{socket.gethostname()}:{os.getpid()}"

    async def run(self, org_id: UUID, connection_id: UUID, stream: str) -> RunReport | None:
        """Read a stream from its cursor to the present, or return None if another one does.

        Whatever the vendor does ends in a report, a row and a time for the next run. May be called
        twice, by two workers at once, or be killed at any point.
        """
        lease = await acquire(
            self._access.database, org_id, connection_id, stream, owner=self._owner
        )
        if lease is None:
            return None
        started_at, started = clock.now(), perf_counter()
        try:
            async with held(self._access.database, lease):
                provider, report = await self._attempt(lease)
                if report.outcome != "fenced":
                    report = await self._conclude(lease, report, started_at)
        except asyncio.CancelledError:
            # Told to stop: the next worker need not wait for the lease to run out.
            with suppress(Exception):
                await asyncio.shield(release(self._access.database, lease))
            raise
        _measure(provider, stream, report, perf_counter() - started)
        return report

    async def _attempt(self, lease: Lease) -> tuple[str, RunReport]:
        """Read the stream; return its provider and how that went, whatever happened."""
        totals, provider = Totals(), "unknown"
        try:
            session = await self._access.open(lease.org_id, lease.connection_id, lease.stream)
            provider = session.stored.provider
            context = await session.context()
            guard = PageGuard(session.stream.page_cap)
            await self._walk(_Run(session, lease, context, guard, totals))
        except FenceLost:
            return provider, RunReport("fenced", totals)
        except UpstreamError as error:
            return provider, _failure(lease, provider, error, totals)
        except Problem as error:
            # The connection cannot be opened: its secrets are unreadable, or it is gone.
            return provider, _unopened(lease, error, totals)
        except Exception:
            _log.exception("sync.run_broke", connection_id=str(lease.connection_id))
            metrics.UNHANDLED_EXCEPTIONS.labels("collector-worker").inc()
            return provider, RunReport("unexpected", totals, "unexpected")
        return provider, RunReport("succeeded", totals)

    async def _walk(self, run: _Run) -> None:
        """Follow the stream window by window, and each window page by page."""
        stream, frame = run.session.stream, run.session.frame
        window = stream.walk.first(run.lease.cursor, frame)
        while window is not None:
            is_full = await self._read_window(run, window)
            window = stream.walk.following(
                window, frame, high_water=run.high_water, is_full=is_full
            )

    async def _read_window(self, run: _Run, window: Window) -> bool:
        """Read the pages of a window; return whether there is more in it."""
        stream = run.session.stream
        run.stated, run.is_complete = set(), True
        run.guard.begin_window()
        request = stream.request(run.session.frame, window)
        while True:
            run.guard.admit(request)
            try:
                page, answer = await run.session.page(request, window)
            except Refused as refusal:
                if stream.skips_missing and refusal.status == HTTPStatus.NOT_FOUND:
                    return False
                raise
            found = digest(stream, page, run.context)
            run.guard.inspect(found.fingerprint)
            _refuse_drift(run, found)
            _remember_stated(run, page, found)
            following = stream.paginator.follow(request, page.main)
            await self._book(run, page, found, is_done=following is None)
            _mind_quota(run, answer)
            if following is None:
                return stream.paginator.cuts_short(request, page.main)
            if stream.walk.leaves(window, high_water=run.high_water):
                return True
            request = following

    async def _book(self, run: _Run, page: Page, found: Digest, *, is_done: bool) -> None:
        """Book a page: fence, facts, quarantine and cursor in one transaction."""
        session, lease = run.session, run.lease
        if found.high_water is not None:
            run.high_water = max(found.high_water, run.high_water or found.high_water)
        cursor = session.stream.walk.remember(
            lease.cursor, page.window, high_water=run.high_water, is_done=is_done
        )
        async with self._access.database.transaction(lease.org_id) as connection:
            moved = await save_cursor(connection, lease, cursor)
            missing = await _missing(connection, run, page.window) if is_done else []
            result, quarantined = await book(
                connection, session.org, lease.connection_id, [(lease.stream, found)], missing
            )
        run.lease = moved
        run.totals.add(result, quarantined=quarantined)
        _count(session, result, quarantined)
        if result.changed:
            _log.info(
                "sync.page_booked",
                provider=session.stored.provider,
                stream=lease.stream,
                connection_id=str(lease.connection_id),
                **result.stretch,
            )
            await self._queue.wake("fold", lease.org_id)

    async def _conclude(self, lease: Lease, report: RunReport, started_at: datetime) -> RunReport:
        """Give the lease back and write down how the run went, in one transaction."""
        try:
            async with self._access.database.transaction(lease.org_id) as connection:
                await settle(connection, lease, due_in=_due_in(lease, report), error=report.reason)
                await record_run(
                    connection,
                    lease,
                    report.totals,
                    outcome=report.outcome,
                    reason=report.reason,
                    started_at=started_at,
                )
        except FenceLost:
            return RunReport("fenced", report.totals)
        return report


def _mind_quota(run: _Run, answer: Answer) -> None:
    left = run.session.stored.connector.rules.quota_left(answer)
    if left is not None and left < _LEAST_QUOTA:
        raise RateLimited("quota_low", wait=_WAIT_FOR_QUOTA)


def _refuse_drift(run: _Run, found: Digest) -> None:
    """Refuse a page of which nothing can be read: the vendor's contract has changed.

    Put aside record by record, they would be passed by; refused, they are read once the mapping
    has been mended. A few bad records alone on a page do not stop the stream.
    """
    if not found.items and len(found.rejected) >= _DRIFT_FROM:
        metrics.SCHEMA_DRIFT.labels(run.session.stored.provider).inc(len(found.rejected))
        raise BadPayload("schema_drift")


def _remember_stated(run: _Run, page: Page, found: Digest) -> None:
    replacement = run.session.stream.replaces
    if replacement is not None:
        run.stated.update(item.external_id for item in found.items if isinstance(item, Fact))
        # A row that could not be read may be one that is booked: then nothing is missing for sure.
        run.is_complete &= not found.rejected and replacement.is_complete(page)


async def _missing(
    connection: "asyncpg.Connection[asyncpg.Record]", run: _Run, window: Window
) -> list[Retraction]:
    replacement = run.session.stream.replaces
    if replacement is None or not run.is_complete:
        return []
    return await missing_facts(connection, run.session, window, replacement, run.stated)


def _failure(lease: Lease, provider: str, error: UpstreamError, totals: Totals) -> RunReport:
    outcome = _OUTCOMES[type(error)]
    _log.warning(
        "sync.run_failed",
        provider=provider,
        stream=lease.stream,
        connection_id=str(lease.connection_id),
        outcome=outcome,
        reason=error.reason,
    )
    wait = error.wait if isinstance(error, RateLimited | Transient) else None
    return RunReport(outcome, totals, error.reason, wait)


def _unopened(lease: Lease, error: Problem, totals: Totals) -> RunReport:
    _log.warning(
        "sync.run_failed",
        stream=lease.stream,
        connection_id=str(lease.connection_id),
        outcome="refused",
        reason=error.code,
    )
    # The vendor was not asked, and whoever gives this process the right key mends all at once.
    wait = backoff(lease.attempts + 1) if isinstance(error, SecretUnreadable) else None
    return RunReport("refused", totals, error.code, wait)


def _measure(provider: str, stream: str, report: RunReport, seconds: float) -> None:
    metrics.COLLECTOR_RUNS.labels(provider, stream, report.outcome).inc()
    metrics.COLLECTOR_RUN_DURATION.labels(provider).observe(seconds)
    if report.outcome == "fenced":
        metrics.CURSOR_FENCE_REJECTIONS.labels(provider).inc()
    if report.outcome == "pagination_aborted":
        metrics.PAGINATION_ABORTS.labels(provider, report.reason or "").inc()


def _due_in(lease: Lease, report: RunReport) -> timedelta:
    if report.outcome == "succeeded":
        return jittered(lease.interval)
    if report.wait is not None:
        return jittered(report.wait)
    if report.outcome in _MENDED_BY_PEOPLE:
        return _WAIT_FOR_PEOPLE
    return backoff(lease.attempts + 1)


def _count(session: VendorSession, result: AppendResult, quarantined: int) -> None:
    provider, stream = session.stored.provider, session.stream.name
    for outcome, number in (
        ("inserted", result.inserted),
        ("unchanged", result.unchanged + result.stale),
        ("corrected", result.corrected),
        ("deleted", result.retracted),
        ("quarantined", quarantined),
    ):
        metrics.COLLECTOR_RECORDS.labels(provider, stream, outcome).inc(number)
    metrics.SCHEMA_DRIFT.labels(provider).inc(quarantined)
