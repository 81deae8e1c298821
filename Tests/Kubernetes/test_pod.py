"""The pod of a sandbox, field by field, against the `restricted` Pod Security Standard, and what
else a cluster's operator relies on. The lists are the standard's own (Kubernetes documentation,
"Pod Security Standards", v1.32); this cluster may predate the admission plugin that knows them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cluster import Object, Space
from replica import Replica
from server import Sandbox

SECRET = "s3cr3t-value-of-the-environment"
VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
           "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
APPARMOR = {"RuntimeDefault", "Localhost"}
APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def contexts(pod: Object) -> Iterator[tuple[str, Object]]:
    """The pod's security context and each container's, by name."""
    spec = pod["spec"]
    yield "pod", spec.get("securityContext", {})
    for container in containers(pod):
        yield container["name"], container.get("securityContext", {})


def containers(pod: Object) -> list[Object]:
    kinds = ("initContainers", "containers", "ephemeralContainers")
    return [one for kind in kinds for one in pod["spec"].get(kind, [])]


def baseline(pod: Object) -> Iterator[str]:
    """What breaks the `baseline` level."""
    spec = pod["spec"]
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"spec.{name}"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"hostPath volume {volume['name']}"
    for sysctl in spec.get("securityContext", {}).get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for key, value in pod["metadata"].get("annotations", {}).items():
        if key.startswith(APPARMOR_ANNOTATION) and not (
                value == "runtime/default" or value.startswith("localhost/")):
            yield f"annotation {key}={value}"
    for name, context in contexts(pod):
        if context.get("windowsOptions", {}).get("hostProcess"):
            yield f"{name}: hostProcess"
        selinux = context.get("seLinuxOptions", {})
        named = selinux.get("user") or selinux.get("role")
        if selinux.get("type", "") not in SELINUX_TYPES or named:
            yield f"{name}: seLinuxOptions {selinux}"
        if context.get("appArmorProfile", {"type": "RuntimeDefault"})["type"] not in APPARMOR:
            yield f"{name}: appArmorProfile"
    for container in containers(pod):
        context = container.get("securityContext", {})
        if context.get("privileged"):
            yield f"{container['name']}: privileged"
        if context.get("procMount", "Default") != "Default":
            yield f"{container['name']}: procMount"
        if any(port.get("hostPort") for port in container.get("ports", [])):
            yield f"{container['name']}: hostPort"
        for probe in (*(container.get(f"{kind}Probe", {}) for kind in (
                "liveness", "readiness", "startup")), *container.get("lifecycle", {}).values()):
            for kind in ("httpGet", "tcpSocket"):
                if probe.get(kind, {}).get("host"):
                    yield f"{container['name']}: a host in a probe"


def restricted(pod: Object) -> Iterator[str]:
    """What breaks the `restricted` level, beyond the baseline."""
    pod_context = pod["spec"].get("securityContext", {})
    for volume in pod["spec"].get("volumes", []):
        if not set(volume) - {"name"} <= VOLUMES:
            yield f"volume {volume}"
    for container in containers(pod):
        name, context = container["name"], container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: allowPrivilegeEscalation"
        if context.get("runAsNonRoot", pod_context.get("runAsNonRoot")) is not True:
            yield f"{name}: runAsNonRoot"
        if context.get("runAsUser") == 0:
            yield f"{name}: runAsUser"
        seccomp = context.get("seccompProfile", pod_context.get("seccompProfile", {}))
        if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
            yield f"{name}: seccompProfile"
        capabilities = context.get("capabilities", {})
        if "ALL" not in capabilities.get("drop", []):
            yield f"{name}: capabilities are not dropped"
        if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
            yield f"{name}: capabilities are added"
    if pod_context.get("runAsUser") == 0:
        yield "pod: runAsUser"


@pytest.fixture(scope="module")
def made(server: Replica) -> Iterator[Sandbox]:
    sandbox = server.create(
        env={"PASSWORD": SECRET}, ports=[3000], metadata={"user": "alice"}).running(60)
    yield sandbox
    server.request("DELETE", sandbox.path)


@pytest.fixture
def pod(space: Space, made: Sandbox) -> Object:
    found = space.pod(made.id)
    assert found
    return found


def test_the_checks_find_what_is_wrong(pod: Object) -> None:
    """Each rule, by a pod that breaks it alone."""
    broken: list[tuple[str, Any]] = [
        ("hostNetwork", True), ("hostPID", True), ("hostIPC", True),
        ("volumes", [{"name": "x", "hostPath": {"path": "/"}}]),
        ("securityContext", {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}),
        ("securityContext", {"seLinuxOptions": {"type": "spc_t"}}),
    ]
    for key, value in broken:
        assert list(baseline({**pod, "spec": {**pod["spec"], key: value}})), key
    for context in (
        {"privileged": True}, {"procMount": "Unmasked"},
        {"appArmorProfile": {"type": "Unconfined"}},
    ):
        assert list(baseline(with_context(pod, context))), context
    good = {"allowPrivilegeEscalation": False, "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}}
    assert not list(restricted(with_context(pod, good)))
    for key, bad in [
        ("allowPrivilegeEscalation", None), ("allowPrivilegeEscalation", True),
        ("runAsNonRoot", False), ("runAsUser", 0), ("seccompProfile", {"type": "Unconfined"}),
        ("capabilities", {}), ("capabilities", {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    ]:
        assert list(restricted(with_context(pod, {**good, key: bad}))), key


def with_context(pod: Object, context: Object) -> Object:
    container = {"name": "c", "image": "i", "securityContext": context}
    return {"metadata": {}, "spec": {"containers": [container]}}


def test_it_is_restricted(pod: Object) -> None:
    assert [*baseline(pod), *restricted(pod)] == []


def test_it_runs_as_the_sandbox_user_and_shares_nothing(pod: Object) -> None:
    spec = pod["spec"]
    users = [context.get("runAsUser") for _, context in contexts(pod)]
    assert 1000 in users and not set(users) - {1000, None}
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert not spec.get("shareProcessNamespace")
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] > 0
    for container in containers(pod):
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}, container["name"]
        mounts = [one["mountPath"] for one in container.get("volumeMounts", [])]
        assert "/var/run/secrets/kubernetes.io/serviceaccount" not in mounts


def test_its_workspace_has_a_limit(pod: Object) -> None:
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    (runtime,) = pod["spec"]["containers"]
    homes = [one for one in runtime["volumeMounts"] if one["mountPath"].startswith("/home/sandbox")]
    assert homes
    for home in homes:
        assert volumes[home["name"]]["emptyDir"]["sizeLimit"]


def test_it_is_labelled(made: Sandbox, pod: Object) -> None:
    labels = pod["metadata"]["labels"]
    assert labels["app.kubernetes.io/name"] == "xgen-sandbox"
    assert labels["xgen.io/sandbox-id"] == made.id
    assert labels["xgen.io/template"] == "python"


def test_its_environment_is_in_a_secret_that_goes_with_it(
    space: Space, made: Sandbox, pod: Object
) -> None:
    assert SECRET not in json.dumps(pod), "a secret is in the pod's object"
    secret = space.secret(made.id)
    assert secret
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Pod", pod["metadata"]["uid"])
    assert made.sh("echo $PASSWORD").strip() == SECRET


def test_a_command_finds_no_credential_of_the_sidecar(space: Space, made: Sandbox) -> None:
    """Neither in its environment nor of the cluster. (The sidecar's own token guards against the
    rest of the cluster, not against what runs beside it.)"""
    environment = made.sh("env")
    assert "TOKEN" not in environment.upper()
    assert "KUBERNETES_" not in environment
    assert made.exec("ls", "/var/run/secrets/kubernetes.io")["exit_code"] != 0


def test_no_capability_is_left_inside(made: Sandbox) -> None:
    status = made.sh("grep -E '^(Cap|NoNewPrivs|Seccomp):?' /proc/self/status")
    found = dict(line.split(":\t") for line in status.strip().split("\n"))
    assert {found[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
