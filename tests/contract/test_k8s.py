"""deploy/k8s against the Kubernetes API schemas (strict, offline) and our own rules.

The base is read as written. Overlays are rendered by `kubectl` or `kustomize`, and their tests skip
where neither is installed.
"""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy" / "k8s" / "base"
OVERLAYS = ROOT / "deploy" / "k8s" / "overlays"
PROCESSES = ("api", "collector", "collector-worker", "metrics-worker")
HTTP_PROCESSES = ("api", "collector")
# The oldest and the newest Kubernetes we say to support: preStop sleep came with the older one.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
SHUTDOWN_SECONDS = 5 + 5 + 25  # preStop, drain delay, grace for work in hand

Manifest = dict[str, Any]


@cache
def rendered(source: str) -> list[Manifest]:
    """Return the manifests of ``base`` or of an overlay."""
    if source == "base":
        names = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
        return [m for name in names for m in yaml.safe_load_all((BASE / name).read_text()) if m]
    if kubectl := shutil.which("kubectl"):
        command = [kubectl, "kustomize"]
    elif kustomize := shutil.which("kustomize"):
        command = [kustomize, "build"]
    else:
        pytest.skip("neither kubectl nor kustomize is installed")
    output = subprocess.run([*command, OVERLAYS / source], check=True, capture_output=True)
    return [manifest for manifest in yaml.safe_load_all(output.stdout) if manifest]


@pytest.fixture(params=["base", "production", "local"])
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    """Each of the three sources in turn."""
    return rendered(request.param)


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def workloads(manifests: list[Manifest]) -> list[Manifest]:
    return of_kind(manifests, "Deployment", "StatefulSet", "Job")


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(m for m in of_kind(manifests, kind) if m["metadata"]["name"] == name)


def pod_of(workload: Manifest) -> Manifest:
    pod: Manifest = workload["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(manifests: list[Manifest], version: str) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, version, strict=True)


def test_every_file_of_the_base_is_listed() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]

    assert sorted(listed) == sorted(
        path.name for path in BASE.glob("*.yaml") if path.name != "kustomization.yaml"
    )


def test_everything_is_in_the_one_restricted_namespace(manifests: list[Manifest]) -> None:
    (namespace,) = of_kind(manifests, "Namespace")
    labels = namespace["metadata"]["labels"]

    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {m["metadata"].get("namespace") for m in manifests if m is not namespace} == {"earned"}


def test_pods_meet_the_restricted_standard(manifests: list[Manifest]) -> None:
    volumes = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected"}
    for workload in workloads(manifests):
        pod = pod_of(workload)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(set(volume) - {"name"} <= volumes for volume in pod["volumes"])
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "hostPort" not in str(container.get("ports"))


def test_emptied_volumes_are_bounded(manifests: list[Manifest]) -> None:
    for workload in workloads(manifests):
        for volume in pod_of(workload)["volumes"]:
            if "emptyDir" in volume:
                assert volume["emptyDir"]["sizeLimit"]


def test_no_pod_can_talk_to_the_kubernetes_api(manifests: list[Manifest]) -> None:
    accounts = of_kind(manifests, "ServiceAccount")

    assert all(account["automountServiceAccountToken"] is False for account in accounts)
    assert all(pod_of(w)["automountServiceAccountToken"] is False for w in workloads(manifests))
    assert not of_kind(manifests, "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")


def test_containers_ask_for_resources_and_are_limited(manifests: list[Manifest]) -> None:
    for workload in workloads(manifests):
        for container in pod_of(workload)["containers"]:
            assert {"cpu", "memory"} <= set(container["resources"]["requests"])
            assert {"cpu", "memory"} <= set(container["resources"]["limits"])


def test_secrets_are_named_not_contained(manifests: list[Manifest]) -> None:
    assert not of_kind(manifests, "Secret")
    for process in PROCESSES:
        (container,) = pod_of(named(manifests, "Deployment", f"earned-{process}"))["containers"]
        assert {"secretRef": {"name": "earned-runtime"}} in container["envFrom"]
    (migrate,) = pod_of(named(manifests, "Job", "earned-migrate"))["containers"]
    assert {"secretRef": {"name": "earned-owner"}} in migrate["envFrom"]


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_is_probed_scraped_and_spread(manifests: list[Manifest], process: str) -> None:
    deployment = named(manifests, "Deployment", f"earned-{process}")
    pod = pod_of(deployment)
    (container,) = pod["containers"]
    (port,) = container["ports"]
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    environment = {variable["name"]: variable["value"] for variable in container["env"]}

    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}
    assert container["startupProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
    assert annotations["prometheus.io/port"] == str(port["containerPort"])
    assert set(environment.values()) == {str(port["containerPort"])}
    assert {constraint["topologyKey"] for constraint in pod["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_has_time_to_stop(manifests: list[Manifest], process: str) -> None:
    pod = pod_of(named(manifests, "Deployment", f"earned-{process}"))
    (container,) = pod["containers"]

    assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_SECONDS
    if process in HTTP_PROCESSES:
        assert container["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}


@pytest.mark.parametrize("process", PROCESSES)
def test_a_roll_out_or_a_drained_node_leaves_a_pod(manifests: list[Manifest], process: str) -> None:
    deployment = named(manifests, "Deployment", f"earned-{process}")
    budget = named(manifests, "PodDisruptionBudget", f"earned-{process}")
    labels = deployment["spec"]["template"]["metadata"]["labels"]

    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_services_find_their_pods(manifests: list[Manifest]) -> None:
    pods = [w["spec"]["template"] for w in workloads(manifests)]
    for service in of_kind(manifests, "Service"):
        selector = service["spec"]["selector"]
        assert any(selector.items() <= pod["metadata"]["labels"].items() for pod in pods)


def test_the_network_is_closed_but_for_what_is_needed(manifests: list[Manifest]) -> None:
    policies = {m["metadata"]["name"]: m["spec"] for m in of_kind(manifests, "NetworkPolicy")}

    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert {"dns", "stores", "vendors", "ingress-controller", "prometheus"} <= set(policies)
    for spec in policies.values():
        for rule in (*spec.get("egress", []), *spec.get("ingress", [])):
            assert rule.get("to") or rule.get("from"), "a rule without peers opens everything"
            assert rule["ports"]


def test_only_the_collector_worker_reaches_the_internet_and_nothing_private() -> None:
    vendors = named(rendered("base"), "NetworkPolicy", "vendors")["spec"]
    v4, v6 = (peer["ipBlock"] for peer in vendors["egress"][0]["to"])

    assert vendors["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == (
        "collector-worker"
    )
    assert vendors["egress"][0]["ports"] == [{"protocol": "TCP", "port": 443}]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(v4["except"])
    assert v6["cidr"] == "2000::/3"


def test_production_runs_an_image_pinned_by_digest() -> None:
    for workload in workloads(rendered("production")):
        for container in pod_of(workload)["containers"]:
            assert "@sha256:" in container["image"]


def test_the_autoscaler_alone_decides_how_many_api_pods_run() -> None:
    production = rendered("production")
    autoscaler = named(production, "HorizontalPodAutoscaler", "earned-api")["spec"]

    assert "replicas" not in named(production, "Deployment", "earned-api")["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == "earned-api"
    assert autoscaler["minReplicas"] >= 2


def test_the_pools_fit_into_the_database(manifests: list[Manifest]) -> None:
    config = named(manifests, "ConfigMap", "earned")
    allowed = int(config["metadata"]["annotations"]["earned/postgres-max-connections"])
    per_pod = sum(
        int(config["data"][f"EARNED_DATABASE_POOL_{part}"]) for part in ("SIZE", "OVERFLOW")
    )
    most = {
        m["spec"]["scaleTargetRef"]["name"]: m["spec"]["maxReplicas"]
        for m in of_kind(manifests, "HorizontalPodAutoscaler")
    }
    pods = 0
    for process in PROCESSES:
        spec = named(manifests, "Deployment", f"earned-{process}")["spec"]
        pods += most.get(f"earned-{process}") or spec["replicas"]
        pods += spec["strategy"]["rollingUpdate"]["maxSurge"]

    assert pods * per_pod + 1 <= allowed - 10  # 1: the migration
