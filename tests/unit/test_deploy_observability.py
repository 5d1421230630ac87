"""Alert rules, runbooks and dashboard: right by their own tests, about metrics that exist."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared.observability import metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
TEST_FILES = sorted((PROMETHEUS / "tests").glob("*.yml"))
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "earned.json").read_text())

SUFFIXES = {
    "counter": ("_total",),
    "gauge": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}
# Prometheus and its client library make these themselves.
FOREIGN = {
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "scrape_samples_post_metric_relabeling",
    "up",
}
TARGET_LABELS = {"instance", "job", "le"}
SELECTOR = re.compile(r"\b(?P<name>[a-z_][a-z0-9_:]*)\{(?P<matchers>[^}]*)\}")
NAME = re.compile(r"(?<![\w:$\"])(?:earned|process|scrape|job:|provider:)[:\w]+|\bup\b")


def declared() -> dict[str, set[str]]:
    """Return every series name of the product with its labels, from the declarations."""
    names: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for suffix in SUFFIXES[str(metric._type)]:
                names[metric._name + suffix] = set(metric._labelnames)
    return names


def rules() -> list[dict[str, Any]]:
    groups = [g for path in RULE_FILES for g in yaml.safe_load(path.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield target["expr"]


DECLARED = declared()
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
ALERTS = sorted({rule["alert"] for rule in rules() if "alert" in rule})


def test_every_metric_named_exists() -> None:
    used = {name for expression in expressions() for name in NAME.findall(expression)}

    assert used - set(DECLARED) - RECORDED - FOREIGN == set()


def test_every_label_matched_belongs_to_its_metric() -> None:
    for expression in expressions():
        for selector in SELECTOR.finditer(expression):
            labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector["matchers"]))
            known = DECLARED.get(selector["name"], set()) | TARGET_LABELS
            assert labels <= known, (selector["name"], labels - known)


def test_every_metric_is_on_the_dashboard() -> None:
    text = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in DECLARED}

    assert {family for family in families if family not in text} == set()


def test_the_dashboard_has_a_fixed_address_and_distinct_panels() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert DASHBOARD["uid"] == "earned"
    assert len(ids) == len(set(ids))
    assert all(panel["targets"] and panel["title"] for panel in panels())


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_alert_says_who_what_and_what_to_do() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in {"page", "ticket", "none"}
            assert rule["labels"]["service"]
            assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
            assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook_with_the_five_answers(alert: str) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{alert}.md").read_text()

    assert text.startswith(f"# {alert}\n")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == [
        "What it means",
        "Who is affected",
        "How to see",
        "How to fix",
        "How to know it is over",
    ]


def test_every_runbook_belongs_to_an_alert() -> None:
    files = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}

    assert files == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tested_firing_and_silent(alert: str) -> None:
    checks = [
        check
        for path in TEST_FILES
        for case in yaml.safe_load(path.read_text())["tests"]
        for check in case["promql_expr_test"]
        if f'alertname="{alert}"' in check["expr"]
    ]

    assert any(check["exp_samples"] for check in checks)
    # The watchdog is the one that must never be silent.
    assert alert == "Watchdog" or any(not check["exp_samples"] for check in checks)


def promtool(*arguments: str | Path) -> None:
    """Run promtool; skip where the Debian package `prometheus` is not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (Debian package: prometheus)")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)


def test_promtool_accepts_the_configuration() -> None:
    promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_promtool_accepts_the_relabeling_of_the_cluster_configuration(tmp_path: Path) -> None:
    # Debian builds promtool without Kubernetes discovery; everything else of the file is checked.
    config = yaml.safe_load((PROMETHEUS / "prometheus-kubernetes.yml").read_text())
    for job in config["scrape_configs"]:
        del job["kubernetes_sd_configs"]
    config["rule_files"] = [str(path) for path in RULE_FILES]
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))

    promtool("check", "config", path)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_promtool_passes_the_rule_tests(path: Path) -> None:
    promtool("test", "rules", path)
