"""Every Prometheus metric of the product, declared once.

Labels come from closed sets: no organization, person, address or free text ever becomes a series.
Series of closed sets exist from the start, so that an alert on a rate meets zero and not nothing.

A process exposes what it can move and nothing else (:func:`expose`): a heartbeat of zero from a
process that has no sweep would look like a dead worker.
"""

from collections.abc import Collection, Mapping
from functools import partial
from itertools import product
from typing import Final, Literal, get_args

from prometheus_client import REGISTRY, disable_created_metrics
from prometheus_client import Counter as _Counter
from prometheus_client import Gauge as _Gauge
from prometheus_client import Histogram as _Histogram
from prometheus_client.metrics import MetricWrapperBase

__all__ = [
    "Component",
    "RunOutcome",
    "count_database_error",
    "expose",
    "initialize_providers",
    "initialize_routes",
    "method_label",
]

Component = Literal["api", "collector", "collector-worker", "metrics-worker"]
#: How one turn with a stream of a vendor ends.
RunOutcome = Literal[
    "succeeded",
    "fenced",
    "rate_limited",
    "transient",
    "refused",
    "blocked",
    "reauth_required",
    "bad_payload",
    "pagination_aborted",
    "unexpected",
]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UNMATCHED: Final = "unmatched"
QUEUES: Final = ("fold", "rebuild", "verify", "remeasure", "sync", "inbox")

# Declared unregistered: which process shows what is decided below.
Counter = partial(_Counter, registry=None)
Gauge = partial(_Gauge, registry=None)
Histogram = partial(_Histogram, registry=None)

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

# Every process ---------------------------------------------------------------------------------
BUILD_INFO = Gauge("earned_build_info", "What runs; always 1.", ["version", "revision"])
EVENT_LOOP_LAG = Histogram(
    "earned_event_loop_lag_seconds",
    "How much later than asked the event loop woke a sleeper.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
LOG_EVENTS = Counter("earned_log_events_total", "Log events written.", ["level"])
UNHANDLED_EXCEPTIONS = Counter(
    "earned_unhandled_exceptions_total", "Exceptions nobody expected.", ["component"]
)
DB_POOL_CONNECTIONS = Gauge(
    "earned_db_pool_connections",
    "Connections of the pool, by state.",
    ["pool", "state"],
)
DB_TRANSACTIONS = Counter(
    "earned_db_transactions_total", "Transactions ended, by outcome.", ["outcome"]
)
DB_ERRORS = Counter(
    "earned_db_errors_total",
    "Errors of the database, by SQLSTATE class.",
    ["sqlstate_class"],
)
REDIS_UP = Gauge("earned_redis_up", "Whether Redis answered last time (1) or not (0).")

# HTTP -------------------------------------------------------------------------------------------
HTTP_REQUESTS = Counter(
    "earned_http_requests_total",
    "Requests answered, by route template.",
    ["route", "method", "status_class"],
)
HTTP_REQUEST_DURATION = Histogram(
    "earned_http_request_duration_seconds",
    "Time from the request's head to the end of its answer.",
    ["route", "method"],
    buckets=_FAST,
)
HTTP_REQUESTS_IN_PROGRESS = Gauge(
    "earned_http_requests_in_progress", "Requests that are being answered."
)
HTTP_REQUEST_REJECTED = Counter(
    "earned_http_request_rejected_total",
    "Requests refused before they did anything.",
    ["reason"],
)
AUTH_FAILURES = Counter("earned_auth_failures_total", "Callers not let in, by reason.", ["reason"])

# Collector --------------------------------------------------------------------------------------
WEBHOOK_DELIVERIES = Counter(
    "earned_webhook_deliveries_total",
    "Webhook deliveries, by outcome.",
    ["provider", "outcome"],
)
WEBHOOK_COMMIT_DURATION = Histogram(
    "earned_webhook_commit_duration_seconds",
    "Time from a delivery's arrival to the commit that keeps it.",
    ["provider"],
    buckets=_FAST,
)
COLLECTOR_RUNS = Counter(
    "earned_collector_runs_total",
    "Runs of polled streams.",
    ["provider", "stream", "outcome"],
)
COLLECTOR_RUN_DURATION = Histogram(
    "earned_collector_run_duration_seconds",
    "Duration of a run of a polled stream.",
    ["provider"],
    buckets=_SLOW,
)
COLLECTOR_RECORDS = Counter(
    "earned_collector_records_total",
    "Facts that came of polled records, by what the ledger did.",
    ["provider", "stream", "outcome"],
)
COLLECTOR_LAST_SUCCESS = Gauge(
    "earned_collector_last_success_timestamp_seconds",
    "Last success of the stream that is furthest behind; 0 before the first.",
    ["provider", "stream"],
)
COLLECTOR_STREAMS = Gauge(
    "earned_collector_streams",
    "Polled streams of connections: late if their last success is more than a day ago.",
    ["provider", "stream", "state"],
)
COLLECTOR_CONNECTIONS = Gauge(
    "earned_collector_connections",
    "Configured connections, by state.",
    ["provider", "state"],
)
UPSTREAM_REQUESTS = Counter(
    "earned_upstream_requests_total",
    "Requests sent to vendors.",
    ["provider", "outcome"],
)
UPSTREAM_REQUEST_DURATION = Histogram(
    "earned_upstream_request_duration_seconds",
    "Time a vendor took to answer.",
    ["provider"],
    buckets=_SLOW,
)
CURSOR_FENCE_REJECTIONS = Counter(
    "earned_cursor_fence_rejections_total",
    "Pages not saved because the lease had passed to another worker.",
    ["provider"],
)
PAGINATION_ABORTS = Counter(
    "earned_pagination_aborts_total",
    "Paginations stopped for making no sense.",
    ["provider", "reason"],
)
SCHEMA_DRIFT = Counter(
    "earned_schema_drift_total",
    "Payloads that differ from the vendor's published contract.",
    ["provider"],
)

# Work -------------------------------------------------------------------------------------------
WORK_ITEMS = Gauge("earned_work_items", "Items of work that is due, by state.", ["queue", "state"])
WORK_OLDEST_READY = Gauge(
    "earned_work_oldest_ready_timestamp_seconds",
    "When the oldest ready item became due; 0 if nothing waits.",
    ["queue"],
)
WORK_PROCESSED = Counter(
    "earned_work_processed_total", "Runs of tasks, by outcome.", ["queue", "outcome"]
)
WORKER_HEARTBEAT = Gauge(
    "earned_worker_heartbeat_timestamp_seconds",
    "When the worker's sweep last came round.",
)
SWEEP_RECOVERED = Counter(
    "earned_sweep_recovered_total",
    "Due work a sweep found that nobody was working on.",
    ["queue"],
)

# Ledger and fold ----------------------------------------------------------------------------------
LEDGER_ENTRIES = Counter(
    "earned_ledger_entries_total", "Entries appended: facts and reversals.", ["kind"]
)
WATERMARK_LAG = Gauge(
    "earned_watermark_lag_seconds",
    "Age of the oldest ledger entry not yet folded, over all organizations.",
    ["projection"],
)
GENERATIONS_OUTDATED = Gauge(
    "earned_generations_outdated",
    "Organizations whose live figures were begun under older rules than this process folds by.",
)

VERIFY_CELLS = Counter(
    "earned_verify_cells_total", "Cells recomputed from the ledger and compared, in samples."
)
VERIFY_MISMATCHES = Counter(
    "earned_verify_mismatches_total",
    "What differs from what the ledger says, in samples: by what was compared, and family of"
    " measures where that is theirs.",
    ["check", "family"],
)
VERIFY_LAST_SUCCESS = Gauge(
    "earned_verify_last_success_timestamp_seconds",
    "When samples were last verified and nothing differed; 0 before the first.",
)
VERIFY_FAMILIES: Final = (
    *("linear", "costs", "told", "company", "leaving", "posts", "publications", "membership"),
    *("selling", "credit"),
)

_CLOSED: Final[tuple[tuple[MetricWrapperBase, tuple[tuple[str, ...], ...]], ...]] = (
    (LOG_EVENTS, (("debug", "info", "warning", "error", "critical"),)),
    (DB_TRANSACTIONS, (("commit", "rollback"),)),
    (DB_ERRORS, (("08", "22", "23", "25", "40", "42", "53", "55", "57", "other"),)),
    (
        HTTP_REQUEST_REJECTED,
        (
            (
                "too_large",
                "malformed",
                "rate_limited",
                "unauthenticated",
                "forbidden",
                "timeout",
            ),
        ),
    ),
    (
        AUTH_FAILURES,
        (
            (
                "missing",
                "malformed",
                "unknown",
                "expired",
                "revoked",
                "insufficient_scope",
            ),
        ),
    ),
    (WORK_ITEMS, (("inbox", "sync"), ("ready", "leased", "retry", "quarantined"))),
    (WORK_OLDEST_READY, (("inbox", "sync"),)),
    (WORK_PROCESSED, (QUEUES, ("done", "failed", "timeout", "cancelled"))),
    (SWEEP_RECOVERED, (QUEUES,)),
    (LEDGER_ENTRIES, (("credit", "reversal"),)),
    (WATERMARK_LAG, (("rollups",),)),
    (VERIFY_MISMATCHES, (("cells", "past"), VERIFY_FAMILIES)),
    (VERIFY_MISMATCHES, (("credit",), ("credit",))),
    (VERIFY_MISMATCHES, (("state", "log", "past", "heads", "ledger", "beside"), ("",))),
)

_OF_PROVIDER: Final[tuple[tuple[MetricWrapperBase, tuple[str, ...]], ...]] = (
    (
        WEBHOOK_DELIVERIES,
        (
            "accepted",
            "duplicate",
            "bad_signature",
            "stale",
            "malformed",
            "conflict",
            "unavailable",
        ),
    ),
    (COLLECTOR_CONNECTIONS, ("active", "degraded", "reauth_required", "paused")),
    (
        UPSTREAM_REQUESTS,
        (
            "ok",
            "client_error",
            "rate_limited",
            "server_error",
            "timeout",
            "connect",
            "invalid_body",
            "blocked",
        ),
    ),
    (PAGINATION_ABORTS, ("page_cap", "loop", "repeated_page", "stuck")),
)
_RECORD_OUTCOMES: Final = (
    "inserted",
    "unchanged",
    "corrected",
    "deleted",
    "quarantined",
)


_RUNTIME: Final = (
    BUILD_INFO,
    EVENT_LOOP_LAG,
    LOG_EVENTS,
    UNHANDLED_EXCEPTIONS,
    DB_POOL_CONNECTIONS,
    DB_TRANSACTIONS,
    DB_ERRORS,
    REDIS_UP,
)
_HTTP: Final = (
    HTTP_REQUESTS,
    HTTP_REQUEST_DURATION,
    HTTP_REQUESTS_IN_PROGRESS,
    HTTP_REQUEST_REJECTED,
    AUTH_FAILURES,
)
_WEBHOOKS: Final = (WEBHOOK_DELIVERIES, WEBHOOK_COMMIT_DURATION)
_POLLING: Final = (
    COLLECTOR_RUNS,
    COLLECTOR_RUN_DURATION,
    COLLECTOR_RECORDS,
    COLLECTOR_LAST_SUCCESS,
    COLLECTOR_STREAMS,
    COLLECTOR_CONNECTIONS,
    UPSTREAM_REQUESTS,
    UPSTREAM_REQUEST_DURATION,
    CURSOR_FENCE_REJECTIONS,
    PAGINATION_ABORTS,
    SCHEMA_DRIFT,
    WORK_ITEMS,
    WORK_OLDEST_READY,
)
_WORK: Final = (WORK_PROCESSED, WORKER_HEARTBEAT, SWEEP_RECOVERED)
_FIGURES: Final = (
    WATERMARK_LAG,
    GENERATIONS_OUTDATED,
    VERIFY_CELLS,
    VERIFY_MISMATCHES,
    VERIFY_LAST_SUCCESS,
)
_GROUPS: Final[Mapping[Component, tuple[tuple[MetricWrapperBase, ...], ...]]] = {
    "api": (_RUNTIME, _HTTP, (LEDGER_ENTRIES,)),
    "collector": (_RUNTIME, _HTTP, _WEBHOOKS, (LEDGER_ENTRIES,)),
    "collector-worker": (_RUNTIME, _POLLING, _WORK, (LEDGER_ENTRIES,)),
    "metrics-worker": (_RUNTIME, _WORK, _FIGURES),
}
_exposed: set[MetricWrapperBase] = set()


def expose(component: Component, *, version: str, revision: str) -> None:
    """Register what ``component`` can move, with the series of closed sets at zero."""
    # When a series began is a series more for each, and no rule reads one.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not type it
    shown = [metric for group in _GROUPS[component] for metric in group]
    for metric in shown:
        if metric not in _exposed:
            REGISTRY.register(metric)
            _exposed.add(metric)
    for metric, label_sets in _CLOSED:
        if metric in shown:
            for values in product(*label_sets):
                metric.labels(*values)
    UNHANDLED_EXCEPTIONS.labels(component)
    BUILD_INFO.labels(version, revision).set(1)


def initialize_providers(streams_of: Mapping[str, Collection[str]]) -> None:
    """Create the series of each provider and of its streams; the collector calls it at start."""
    for provider, streams in streams_of.items():
        for metric, values in _OF_PROVIDER:
            for value in values:
                metric.labels(provider, value)
        for single in (
            WEBHOOK_COMMIT_DURATION,
            COLLECTOR_RUN_DURATION,
            UPSTREAM_REQUEST_DURATION,
            CURSOR_FENCE_REJECTIONS,
            SCHEMA_DRIFT,
        ):
            single.labels(provider)
        for stream in streams:
            COLLECTOR_LAST_SUCCESS.labels(provider, stream)
            for state in ("current", "late"):
                COLLECTOR_STREAMS.labels(provider, stream, state)
            for outcome in _RECORD_OUTCOMES:
                COLLECTOR_RECORDS.labels(provider, stream, outcome)
            for outcome in get_args(RunOutcome):
                COLLECTOR_RUNS.labels(provider, stream, outcome)


def initialize_routes(routes: Collection[tuple[str, Collection[str]]]) -> None:
    """Create the series of each (route template, methods) an application serves."""
    for route, methods in routes:
        for method in methods:
            HTTP_REQUEST_DURATION.labels(route, method)
            for status_class in ("2xx", "4xx", "5xx"):
                HTTP_REQUESTS.labels(route, method, status_class)


def method_label(method: str) -> str:
    """Return the method if it is one of HTTP's common ones, else ``other``."""
    return method if method in METHODS else "other"


def count_database_error(sqlstate: str | None) -> None:
    """Count one error of the database under the first two characters of its SQLSTATE."""
    known = {"08", "22", "23", "25", "40", "42", "53", "55", "57"}
    sqlstate_class = (sqlstate or "")[:2]
    DB_ERRORS.labels(sqlstate_class if sqlstate_class in known else "other").inc()
