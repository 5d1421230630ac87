"""Series that exist before anything happens: what grows from nothing, `increase()` does not see."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

from services.collector.connectors import CONNECTORS
from services.collector.http.errors import PagingFault
from services.collector.series import initialize_series
from services.collector.sync import Outcome
from services.metrics.verify.report import Check
from shared.observability import metrics

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules"
COUNTERS = {
    f"{metric._name}_total": metric
    for metric in vars(metrics).values()
    if isinstance(metric, MetricWrapperBase) and metric._type == "counter"
}
#: What a start cannot know: the routes of an application, which its own start adds.
OF_ROUTES = {"earned_http_requests_total"}


@pytest.fixture(autouse=True, scope="module")
def _started() -> None:
    for component in get_args(metrics.Component):
        metrics.expose(component, version="test", revision="test")
    initialize_series()


def samples(metric: MetricWrapperBase) -> list[Sample]:
    return [sample for family in metric.collect() for sample in family.samples]


def present(metric: MetricWrapperBase, *labels: str) -> set[tuple[str, ...]]:
    """Return the values of some labels that a metric has series of."""
    return {tuple(sample.labels[label] for label in labels) for sample in samples(metric)}


def counters_of_rules() -> Iterable[str]:
    for path in RULES.glob("*.yml"):
        rules: list[dict[str, Any]] = [
            rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
        ]
        for rule in rules:
            yield from re.findall(r"earned_\w+_total", rule["expr"])


def test_every_counter_of_a_rule_has_series_from_the_start() -> None:
    used = set(counters_of_rules()) - OF_ROUTES

    assert {"earned_schema_drift_total", "earned_db_errors_total"} <= used
    assert {name for name in used if not samples(COUNTERS[name])} == set()


def test_every_series_that_a_rule_selects_is_there() -> None:
    selected = re.compile(r'(earned_\w+_total)\{(\w+)="(\w+)"')
    for path in RULES.glob("*.yml"):
        for name, label, value in selected.findall(path.read_text()):
            if name not in OF_ROUTES:
                assert (value,) in present(COUNTERS[name], label), (name, label, value)


def test_every_way_a_run_can_end_is_there_for_every_stream() -> None:
    streams = {
        (provider, stream.name)
        for provider, connector in CONNECTORS.items()
        for stream in connector.streams
    }

    assert present(metrics.COLLECTOR_RUNS, "provider", "stream", "outcome") >= {
        (*stream, outcome) for stream in streams for outcome in get_args(Outcome)
    }
    assert present(metrics.PAGINATION_ABORTS, "provider", "reason") >= {
        (provider, reason) for provider in CONNECTORS for reason in get_args(PagingFault)
    }


def test_every_check_of_a_verification_is_there() -> None:
    assert present(metrics.VERIFY_MISMATCHES, "check") >= {(str(check),) for check in Check}
