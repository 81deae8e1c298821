"""What deploy/ says is what a cluster takes, and the server runs from it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import proc
import pytest
import requests
import yaml
from cluster import APPS, CORE, KUSTOMIZE, Cluster, Object, Space, base, kubectl, rendered
from images import image
from replica import JWT_SECRET
from roles import entry
from server import SANDBOXES
from wire import SANDBOX_READY, Wire

FOLDERS = ["base", "ingress", "monitoring", "autoscaling", "overlays/production"]
MONITORS = ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
            "servicemonitors.monitoring.coreos.com")


def monitor_kind() -> Object:
    """The least of a ServiceMonitor's schema that ours needs, with unknown fields refused."""
    strings = {"type": "object", "additionalProperties": {"type": "string"}}
    endpoint = {name: {"type": "string"} for name in ("port", "path", "interval", "scrapeTimeout")}
    spec = {
        "selector": {"type": "object", "properties": {"matchLabels": strings}},
        "endpoints": {"type": "array", "items": {"type": "object", "properties": endpoint}},
    }
    schema = {"type": "object", "properties": {
        "spec": {"type": "object", "required": ["selector", "endpoints"], "properties": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com", "scope": "Namespaced",
            "names": {"kind": "ServiceMonitor", "listKind": "ServiceMonitorList",
                      "plural": "servicemonitors", "singular": "servicemonitor"},
            "versions": [{"name": "v1", "served": True, "storage": True,
                          "schema": {"openAPIV3Schema": schema}}],
        },
    }


@pytest.fixture(scope="module")
def monitors(cluster: Cluster) -> Iterator[None]:
    """The kind ServiceMonitor, where the cluster does not have it from its operator."""
    if cluster.find(MONITORS):
        yield
        return
    kubectl("apply", "-f", "-", input=yaml.safe_dump(monitor_kind()))
    proc.eventually("the kind is served", lambda: cluster.call(
        "GET", "/apis/monitoring.coreos.com/v1/servicemonitors").ok, 30)
    yield
    cluster.call("DELETE", MONITORS)


def fitted(cluster: Cluster, objects: list[Object]) -> list[Object]:
    """policy/v1 is as old as Kubernetes 1.21."""
    old = cluster.minor < 21
    return [{**one, "apiVersion": "policy/v1beta1"} if old and one["apiVersion"] == "policy/v1"
            else one for one in objects]


def dry_run(space: Space, objects: list[Object]) -> str:
    return kubectl("apply", "--dry-run=server", "-f", "-",
                   input=space.own(yaml.safe_dump_all(fitted(space.cluster, objects))))


@pytest.mark.usefixtures("monitors")
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_api_server_takes_it(space: Space, folder: str) -> None:
    objects = rendered(folder)
    answer = dry_run(space, objects)
    assert len(answer.strip().splitlines()) == len(objects), answer


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_wrong_field_would_be_refused(space: Space, folder: str, monitors: None) -> None:
    """The check above can fail."""
    for one in rendered(folder):
        if "spec" in one:
            wrong = {**one, "spec": {**one["spec"], "noSuchField": 1}}
            with pytest.raises(AssertionError, match="noSuchField|unknown"):
                dry_run(space, [wrong])


def named(objects: list[Object], kind: str, name: str) -> Object:
    return next(one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))


def matches(selector: Object, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels"}, selector
    return selector.get("matchLabels", {}).items() <= labels.items()


def test_the_policies_select_the_pods_that_they_are_for(
    space: Space, cluster: Cluster, new_sandbox: object
) -> None:
    """They are not enforced by every network; what they say is checked against a real pod."""
    sandbox = new_sandbox()  # type: ignore[operator]
    pod = space.pod(sandbox.id)
    assert pod
    labels, objects = pod["metadata"]["labels"], base()
    ports = {one["containerPort"] for part in pod["spec"]["containers"] for one in part["ports"]}
    into = named(objects, "NetworkPolicy", "sandbox-from-server")["spec"]
    out = named(objects, "NetworkPolicy", "xgen-server")["spec"]
    server = named(objects, "Deployment", "xgen-server")["spec"]["template"]["metadata"]["labels"]
    namespaces = {one["metadata"]["name"]: one["metadata"]["labels"]
                  for one in objects if one["kind"] == "Namespace"}
    for policy in ("sandbox-from-server", "sandbox-to-internet", "default-deny"):
        assert matches(named(objects, "NetworkPolicy", policy)["spec"]["podSelector"], labels)
    (rule,) = into["ingress"]
    (peer,) = rule["from"]
    assert matches(peer["podSelector"], server)
    assert matches(peer["namespaceSelector"], namespaces["xgen-system"])
    assert {port["port"] for port in rule["ports"]} == ports
    towards = out["egress"][-1]
    assert matches(towards["to"][0]["podSelector"], labels)
    assert matches(towards["to"][0]["namespaceSelector"], namespaces["xgen-sandboxes"])
    assert {port["port"] for port in towards["ports"]} == ports


def deployment(objects: list[Object]) -> list[Object]:
    """The base with this test's images, and with a quota that is no larger than a test needs."""
    objects = [one for one in objects if one["kind"] != "Namespace"]
    config = named(objects, "ConfigMap", "xgen-server")["data"]
    config |= {"SIDECAR_IMAGE": image("sidecar"), "RUNTIME_BASE_IMAGE": image("runtime"),
               "RATE_LIMIT_PER_MINUTE": "0"}
    pod = named(objects, "Deployment", "xgen-server")["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = image("server")
    pod["containers"][0]["resources"]["requests"] = {"cpu": "50m", "memory": "64Mi"}
    keys = json.dumps([entry("root", "admin", None)])
    secret = {"apiVersion": "v1", "kind": "Secret",
              "metadata": {"name": "xgen-server", "namespace": "xgen-system"},
              "stringData": {"jwt-secret": JWT_SECRET, "api-keys.json": keys}}
    return [secret, *objects]


class Deployed:
    """The Deployment's Service, through `kubectl port-forward`, which works from anywhere."""

    headers = {"Authorization": "ApiKey root-key"}

    def __init__(self, space: Space) -> None:
        self.space = space
        self.system = f"{space.name}-system"

    @contextmanager
    def forwarded(self, target: str) -> Iterator[str]:
        process = subprocess.Popen(
            ["kubectl", "-n", self.system, "port-forward", target, ":8080"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout
        found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
        try:
            assert found, process.stdout.read()
            yield f"http://{found[0]}"
        finally:
            process.terminate()
            process.wait(timeout=10)

    def pods(self) -> list[Object]:
        path = f"{CORE}/namespaces/{self.system}/pods"
        found = self.space.cluster.ask(
            "GET", path, params={"labelSelector": "app.kubernetes.io/name=xgen-server"})["items"]
        return [one for one in found if not one["metadata"].get("deletionTimestamp")]

    def available(self) -> None:
        """Waits for both replicas; says what they say where they don't come."""
        try:
            proc.eventually("both replicas are available", self.is_available, 120)
        except AssertionError as error:
            pods = kubectl("-n", self.system, "describe", "pods")
            logs = kubectl("-n", self.system, "logs", "deployment/xgen-server", check=False)
            raise AssertionError(f"{error}\n{pods}\n{logs}") from None

    def is_available(self) -> bool:
        path = f"{APPS}/namespaces/{self.system}/deployments/xgen-server"
        status = self.space.cluster.ask("GET", path)["status"]
        return status.get("availableReplicas") == 2 and status.get("updatedReplicas") == 2


def test_the_deployment_serves_and_survives_a_killed_pod(own_space: Space) -> None:
    deployed = Deployed(own_space)
    own_space.apply(fitted(own_space.cluster, deployment(rendered("base"))))
    deployed.available()
    victim, survivor = (one["metadata"]["name"] for one in deployed.pods())
    with deployed.forwarded(f"pod/{victim}") as address:
        made = requests.post(address + SANDBOXES, json={}, headers=deployed.headers, timeout=30)
        assert made.status_code == 201, made.text
    kubectl("-n", deployed.system, "delete", "pod", victim, "--grace-period=0", "--force",
            "--wait=false")
    path = f"{SANDBOXES}/{made.json()['id']}"
    with deployed.forwarded(f"pod/{survivor}") as address:

        def state() -> str:
            answer = requests.get(address + path, headers=deployed.headers, timeout=30)
            assert answer.status_code == 200, answer.text
            return answer.json()["status"]

        proc.eventually("it runs", lambda: state() == "running", 60)
        ran = requests.post(f"{address}{path}/exec", headers=deployed.headers, timeout=30,
                            json={"command": "python3", "args": ["-c", "print(6*7)"]})
        assert ran.json() == {"exit_code": 0, "stdout": "42\n", "stderr": ""}, ran.text
        with Wire(f"{address.replace('http', 'ws', 1)}{path}/ws", deployed.headers) as wire:
            assert wire.receive().type == SANDBOX_READY
            assert wire.start("echo", "hello").finish().stdout == b"hello\n"
        assert requests.delete(
            address + path, headers=deployed.headers, timeout=60).status_code == 204
    deployed.available()
    assert victim not in [one["metadata"]["name"] for one in deployed.pods()]


def test_no_secret_is_in_what_is_checked_in() -> None:
    for path in KUSTOMIZE.rglob("*.yaml"):
        assert "kind: Secret" not in path.read_text(), path
