"""What is ours is collected when nothing needs it any more; what is not ours is never touched."""

import copy
import time
from collections.abc import Callable

import proc
from cluster import LEASES, Object, Space
from images import image
from replica import TINY, Replica


def meta(name: str, **labels: str) -> Object:
    return {"name": name, "namespace": "xgen-sandboxes", "labels": labels}


def foreign() -> list[Object]:
    """Others' objects, some with names or labels that look like ours."""
    pod = {
        "apiVersion": "v1", "kind": "Pod",
        "spec": {"terminationGracePeriodSeconds": 0, "automountServiceAccountToken": False,
                 "containers": [{"name": "c", "image": image("busybox"),
                                 "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}]},
    }
    return [
        {**pod, "metadata": meta("job-of-someone", app="job")},
        {**copy.deepcopy(pod), "metadata": meta("sbx-aaaaaaaaaaaaaaaa", app="lookalike")},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta("password"),
         "stringData": {"a": "b"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta("sbx-bbbbbbbbbbbbbbbb"),
         "stringData": {"a": "b"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("settings"), "data": {"a": "b"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("sbx-cccccccccccccccc-end"),
         "data": {"a": "b"}},
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta("someone"),
         "spec": {"holderIdentity": "someone"}},
    ]


def versions(space: Space) -> dict[str, str]:
    """resourceVersion of others' objects; a pod's changes with its status, so its uid instead."""
    found = {}
    names = {one["metadata"]["name"] for one in foreign()}
    for plural, group in (("secrets", ""), ("configmaps", ""), ("leases", LEASES), ("pods", "")):
        objects = space.objects(plural, group=group) if group else space.objects(plural)
        for one in objects:
            metadata = one["metadata"]
            if metadata["name"] in names:
                key = "uid" if plural == "pods" else "resourceVersion"
                assert not metadata.get("deletionTimestamp"), metadata["name"]
                found[f"{plural}/{metadata['name']}"] = metadata[key]
    return found


def test_nothing_else_in_the_namespace_is_touched(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    own_space.apply(foreign())
    before = versions(own_space)
    assert len(before) == len(foreign())
    server = new_replica(own_space, "--warm-pool-sizes", f"{TINY}:1").start()
    short = server.create(template=TINY, timeout_seconds=15)
    kept = server.create(template=TINY).running(60)
    server.create(template=TINY).running(60).delete()
    proc.eventually("one has expired", lambda: own_space.pod(short.id) is None, 90)
    assert set(server.list_ids()) == {kept.id}
    assert versions(own_space) == before


def test_what_expires_while_no_server_runs_is_collected_by_the_next(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    first = new_replica(own_space).start()
    short = first.create(template=TINY, timeout_seconds=10).running(60)
    kept = first.create(template=TINY).running(60)
    first.kill()
    expiry = time.monotonic() + 10
    proc.eventually("its time is over", lambda: time.monotonic() > expiry, 20)
    assert own_space.pod(short.id), "no server runs, and yet it is gone"
    second = new_replica(own_space).start()
    proc.eventually("it is collected", lambda: own_space.pod(short.id) is None, 90)
    assert second.request("GET", short.path).status_code in (404, 410)
    assert second.list_ids() == [kept.id]


def test_a_secret_without_its_pod_is_collected(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    """What is left where a server was killed between the Secret and the pod of a create."""
    server = new_replica(own_space).start()
    kept = server.create(template=TINY).running(60)
    secret = own_space.secret(kept.id)
    assert secret
    orphan = "z" * len(kept.id)
    own_space.cluster.ask("POST", own_space.path("secrets"), json={
        **{key: secret[key] for key in ("apiVersion", "kind", "type", "data")},
        "metadata": {
            "name": f"sbx-{orphan}",
            "labels": {**secret["metadata"]["labels"], "xgen.io/sandbox-id": orphan}}})
    proc.eventually("the orphan is collected", lambda: own_space.secret(orphan) is None, 180)
    assert own_space.secret(kept.id), "a Secret that is needed was collected"
    assert kept.sh("echo fine") == "fine\n"


def test_ends_are_kept_for_a_while(own_space: Space, new_replica: Callable[..., Replica]) -> None:
    server = new_replica(own_space).start()
    sandbox = server.create(template=TINY).running(60)
    sandbox.delete()
    path = own_space.path("configmaps", f"sbx-{sandbox.id}-end")
    end = own_space.cluster.find(path)
    assert end, "the end of a sandbox is not in the cluster"
    other = new_replica(own_space).start()
    answer = other.request("GET", sandbox.path)
    assert answer.status_code == 404 and "deleted" in answer.json()["details"], answer.text
    assert other.request("DELETE", sandbox.path).status_code == 204
