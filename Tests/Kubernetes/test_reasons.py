"""A sandbox that can't run says why, in Kubernetes' words, within 2 s of the cluster knowing."""

from collections.abc import Callable

import proc
import pytest
from cluster import Object, Space
from replica import NOWHERE, TINY, UNPULLABLE, Replica
from server import SANDBOXES, Sandbox


def pod_of(space: Space, sandbox: Sandbox) -> Object:
    pod = space.pod(sandbox.id)
    assert pod, "the pod is gone"
    return pod


def states(pod: Object) -> list[Object]:
    """`waiting` and `terminated` of every container of a pod."""
    kinds = ("initContainerStatuses", "containerStatuses")
    statuses = [one for kind in kinds for one in pod["status"].get(kind, [])]
    return [state for one in statuses for state in one["state"].values()]


def becomes_error(sandbox: Sandbox, word: str) -> None:
    found = proc.eventually("status error", lambda: next(
        (one for one in [sandbox.get()] if one["status"] == "error"), None), 2)
    assert word in found["status_reason"], found
    answer = sandbox.exec_response("true")
    assert answer.status_code == 502, answer.text


def test_an_image_that_cannot_be_pulled(space: Space, server: Replica) -> None:
    sandbox = server.create(template=UNPULLABLE)
    reason = "ImagePullBackOff"
    proc.eventually("the cluster says so", lambda: any(
        state.get("reason") == reason for state in states(pod_of(space, sandbox))), 60)
    becomes_error(sandbox, reason)
    sandbox.delete()
    proc.eventually("its pod goes", lambda: space.pod(sandbox.id) is None, 60)


def test_a_pod_that_no_node_takes(space: Space, server: Replica) -> None:
    sandbox = server.create(template=NOWHERE)
    proc.eventually("the cluster says so", lambda: any(
        one.get("reason") == "Unschedulable"
        for one in pod_of(space, sandbox)["status"].get("conditions", [])), 60)
    becomes_error(sandbox, "Unschedulable")
    sandbox.delete()


def test_memory_beyond_the_limit(space: Space, server: Replica) -> None:
    """The file is in memory and belongs to no process, so that the container has to go."""
    sandbox = server.create(template=TINY, resources={"memory": "32Mi"}).running(60)

    def was_killed() -> bool:
        sandbox.exec_response("dd", "if=/dev/zero", "of=/dev/shm/x", "bs=1M", "count=48")
        return any(one.get("reason") == "OOMKilled" for one in states(pod_of(space, sandbox)))

    proc.eventually("the cluster says so", was_killed, 60)
    becomes_error(sandbox, "OOMKilled")
    sandbox.delete()


def test_a_pod_that_someone_else_deletes(space: Space, server: Replica) -> None:
    sandbox = server.create(template=TINY).running(60)
    space.cluster.ask("DELETE", space.path("pods", f"sbx-{sandbox.id}"),
                      params={"gracePeriodSeconds": 0})

    def status() -> int:
        return server.request("GET", sandbox.path).status_code

    proc.eventually("it is gone", lambda: status() in (404, 410), 2)
    assert sandbox.id not in server.list_ids()


@pytest.mark.parametrize("word", ["quota"])
def test_a_quota_that_is_used_up(
    own_space: Space, new_replica: Callable[..., Replica], word: str
) -> None:
    own_space.apply([{
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": "xgen-sandboxes"}, "spec": {"hard": {"pods": "1"}},
    }])
    path = own_space.path("resourcequotas", "few")
    proc.eventually("the quota is in force", lambda: (own_space.cluster.find(path) or {}).get(
        "status", {}).get("used"), 10)
    server = new_replica(own_space).start()
    first = server.create(template=TINY)
    answer = server.request("POST", SANDBOXES, json={"template": TINY})
    assert answer.status_code in (429, 503), answer.text
    assert word in answer.text and "Retry-After" in answer.headers
    assert server.list_ids() == [first.id]
    proc.eventually("nothing of it is left", lambda: {
        one["metadata"]["name"] for one in own_space.objects("secrets")
        if one["metadata"]["name"].startswith("sbx-")} == {f"sbx-{first.id}"}, 10)
