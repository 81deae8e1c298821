"""The cluster that KUBECONFIG names, as its administrator sees it."""

import contextlib
import json
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import proc
import requests
import yaml
from server import TOP

KUSTOMIZE = TOP / "deploy" / "kustomize"
LABEL = "app.kubernetes.io/name=xgen-sandbox"
Object = dict[str, Any]

# Plural, and the API group's path, of the kinds that tests ask for by name.
CORE, APPS, LEASES = "/api/v1", "/apis/apps/v1", "/apis/coordination.k8s.io/v1"


def kubectl(*arguments: str, input: str | None = None, check: bool = True) -> str:
    """What kubectl prints; its complaint fails the test."""
    answer = subprocess.run(["kubectl", *arguments], input=input, capture_output=True, text=True)
    assert not check or answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stderr}"
    return answer.stdout


@cache
def base() -> list[Object]:
    """The objects of deploy/kustomize/base, as kubectl renders them."""
    return rendered("base")


def rendered(folder: str) -> list[Object]:
    return [one for one in yaml.safe_load_all(kubectl("kustomize", str(KUSTOMIZE / folder))) if one]


class Cluster:
    """Asked through `kubectl proxy`, which knows every way that a kubeconfig can log in."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            ["kubectl", "proxy", "--port=0"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        assert found, f"kubectl proxy says: {line!r}"
        self.address = f"http://{found[0]}"
        self.session = requests.Session()
        self.session.trust_env = False
        version = self.call("GET", "/version").json()
        self.minor = int(re.match(r"\d+", version["minor"])[0])  # type: ignore[index]

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.address + path, timeout=30, **options)

    def ask(self, method: str, path: str, **options: Any) -> Object:
        answer = self.call(method, path, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def find(self, path: str) -> Object | None:
        answer = self.call("GET", path)
        return None if answer.status_code == 404 else self.checked(answer)

    def checked(self, answer: requests.Response) -> Object:
        assert answer.ok, f"{answer.url}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def merge(self, path: str, change: Object) -> Object:
        return self.ask("PATCH", path, data=json.dumps(change),
                        headers={"Content-Type": "application/merge-patch+json"})

    def is_ready(self) -> bool:
        try:
            return self.call("GET", "/readyz").ok
        except requests.RequestException:
            return False


class Space:
    """Namespaces of their own, with the account, Role and binding of deploy/kustomize/base."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.name = f"xgen-test-{secrets.token_hex(4)}"
        self.folder = Path(tempfile.mkdtemp(prefix="xgen-kubernetes-"))
        kinds = ("Namespace", "ServiceAccount", "Role", "RoleBinding")
        self.apply([one for one in base() if one["kind"] in kinds])
        # Pods are refused until the namespace has it.
        account = self.path("serviceaccounts", "default")
        proc.eventually("the namespace's default account", lambda: cluster.find(account))
        self.kubeconfig = self.write_kubeconfig(self.entry["server"])

    def own(self, text: str) -> str:
        """A text that names the namespaces of deploy/, with those of this space."""
        text = text.replace("xgen-system", f"{self.name}-system")
        return text.replace("xgen-sandboxes", self.name)

    def apply(self, objects: list[Object]) -> None:
        kubectl("apply", "-f", "-", input=self.own(yaml.safe_dump_all(objects)))

    def clean(self) -> None:
        kubectl("delete", "namespace", self.name, f"{self.name}-system", "--wait=false",
                "--ignore-not-found", check=False)
        for pod in self.pods():
            self.cluster.call("DELETE", self.path("pods", pod["metadata"]["name"]),
                              params={"gracePeriodSeconds": 0})

    @cached_property
    def entry(self) -> Object:
        """The cluster's entry in the administrator's kubeconfig."""
        config = json.loads(kubectl("config", "view", "--minify", "--raw", "-o", "json"))
        return config["clusters"][0]["cluster"]

    def token(self) -> str:
        """A token of the account, as a pod of it would get."""
        account = f"{CORE}/namespaces/{self.name}-system/serviceaccounts/xgen-server/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                   "spec": {"expirationSeconds": 7200}}
        return self.cluster.ask("POST", account, json=request)["status"]["token"]

    def write_kubeconfig(self, server: str) -> Path:
        """One that has the account's rights and no others."""
        cluster = {**self.entry, "server": server}
        authority = cluster.pop("certificate-authority", None)
        if authority:
            cluster["certificate-authority"] = os.path.abspath(authority)
        path = self.folder / f"kubeconfig-{secrets.token_hex(3)}"
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": {"token": self.token()}}],
            "contexts": [{"name": "test", "context": {
                "cluster": "test", "user": "test", "namespace": self.name}}],
        }))
        path.chmod(0o600)
        return path

    def path(self, plural: str, name: str = "", group: str = CORE) -> str:
        return f"{group}/namespaces/{self.name}/{plural}" + (f"/{name}" if name else "")

    def objects(self, plural: str, selector: str = "", group: str = CORE) -> list[Object]:
        params = {"labelSelector": selector} if selector else {}
        return self.cluster.ask("GET", self.path(plural, group=group), params=params)["items"]

    def pods(self, selector: str = LABEL) -> list[Object]:
        return self.objects("pods", selector)

    def pod(self, id: str) -> Object | None:
        return self.cluster.find(self.path("pods", f"sbx-{id}"))

    def secret(self, id: str) -> Object | None:
        return self.cluster.find(self.path("secrets", f"sbx-{id}"))

    def ids(self) -> set[str]:
        """Of the sandboxes that have an owner and are not being deleted, by their pods."""
        return {pod["metadata"]["labels"]["xgen.io/sandbox-id"] for pod in self.pods()
                if "xgen.io/pool" not in pod["metadata"]["labels"]
                and not pod["metadata"].get("deletionTimestamp")}


@contextlib.contextmanager
def temporary_space(cluster: Cluster) -> Iterator[Space]:
    space = Space(cluster)
    try:
        yield space
    finally:
        space.clean()
