"""The server under the Role of deploy/kustomize, and under less. (All other tests of this folder
run it under exactly that Role, so that it suffices is shown by them.)"""

import copy
from collections.abc import Callable, Iterator
from typing import NamedTuple

import proc
import pytest
import yaml
from cluster import KUSTOMIZE, Cluster, Object, Space, temporary_space
from replica import TINY, Replica
from server import SANDBOXES

ROLE: Object = next(one for one in yaml.safe_load_all((KUSTOMIZE / "base/role.yaml").read_text())
                    if one["kind"] == "Role")


class Right(NamedTuple):
    rule: int
    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


RIGHTS = [
    Right(number, group, resource, verb) for number, rule in enumerate(ROLE["rules"])
    for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]
]


@pytest.fixture(scope="module")
def narrow(cluster: Cluster) -> Iterator[Space]:
    with temporary_space(cluster) as space:
        yield space


def set_role(space: Space, without: Right | None) -> None:
    """Applies the Role, less one right, and waits until the API server goes by it."""
    role = copy.deepcopy(ROLE)
    if without:
        role["rules"][without.rule]["verbs"].remove(without.verb)
        if not role["rules"][without.rule]["verbs"]:
            del role["rules"][without.rule]
    space.apply([role])
    for right in RIGHTS:
        names = ROLE["rules"][right.rule].get("resourceNames", [""])
        proc.eventually(f"the rule on {right}", lambda: is_allowed(space, right, names[0]) == (
            right != without), 10)


def is_allowed(space: Space, right: Right, name: str = "", namespace: str = "") -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": f"system:serviceaccount:{space.name}-system:xgen-server",
                 "resourceAttributes": {
                     "namespace": namespace or space.name, "verb": right.verb, "name": name,
                     "group": right.group, "resource": right.resource}},
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return space.cluster.ask("POST", path, json=review)["status"]["allowed"]


def test_the_role_names_every_verb_and_resource() -> None:
    for rule in ROLE["rules"]:
        for words in rule.values():
            assert words and "*" not in words, rule
    assert {right.resource for right in RIGHTS} == {"pods", "secrets", "configmaps", "leases"}


def test_it_has_no_right_elsewhere(space: Space) -> None:
    for right in RIGHTS:
        for namespace in ("default", "kube-system", f"{space.name}-system"):
            name = ROLE["rules"][right.rule].get("resourceNames", [""])[0]
            assert not is_allowed(space, right, name, namespace), f"{right} in {namespace}"


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_a_start_without_a_right_names_it(
    narrow: Space, new_replica: Callable[..., Replica], right: Right
) -> None:
    set_role(narrow, without=right)
    replica = new_replica(narrow)
    process = replica.spawn()
    replica.process = process
    assert process.wait(timeout=20) != 0
    lines = [line for line in replica.log.read_text().splitlines()
             if str(right) in line and narrow.name in line]
    assert len(lines) == 1, replica.log.read_text()


def test_a_right_that_is_taken_away_later_is_named(
    narrow: Space, new_replica: Callable[..., Replica]
) -> None:
    set_role(narrow, without=None)
    replica = new_replica(narrow).start()
    taken = next(right for right in RIGHTS if (right.verb, right.resource) == ("create", "pods"))
    set_role(narrow, without=taken)
    answer = replica.request("POST", SANDBOXES, json={"template": TINY})
    assert answer.status_code == 503, answer.text
    assert 'cannot create resource "pods"' in answer.json()["error"]
    set_role(narrow, without=None)
    replica.awaited(201, "POST", SANDBOXES, 10, json={"template": TINY})
