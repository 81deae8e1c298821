"""The warm pool: every pod is given once, and never comes back."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import proc
from cluster import Object, Space
from replica import TINY, Replica
from server import SANDBOXES, Sandbox

POOL = "xgen.io/pool"


def idle(space: Space) -> list[Object]:
    """Pods of the pool that are ready to be given."""
    return [pod for pod in space.pods(f"{POOL}={TINY}") if is_ready(pod)]


def is_ready(pod: Object) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
    return conditions.get("Ready") == "True" and not pod["metadata"].get("deletionTimestamp")


def test_50_at_once_from_a_pool_of_5_all_run_and_share_nothing(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    replicas = [new_replica(own_space, "--warm-pool-sizes", f"{TINY}:5").start() for _ in range(2)]
    proc.eventually("the pool is full", lambda: len(idle(own_space)) == 5, 120)
    warm = {pod["metadata"]["uid"] for pod in idle(own_space)}

    def create(number: int) -> Sandbox:
        return replicas[number % 2].create(template=TINY, env={"NUMBER": str(number)},
                                           metadata={"number": str(number)})

    with ThreadPoolExecutor(50) as pool:
        made = list(pool.map(create, range(50)))
        list(pool.map(lambda sandbox: sandbox.running(400), made))
        numbers = list(pool.map(lambda s: s.sh("echo $NUMBER; echo mine >>file; cat file"), made))
    assert numbers == [f"{n}\nmine\n" for n in range(50)], "an environment is another's"
    assert len({one.id for one in made}) == 50
    owned = {pod["metadata"]["labels"]["xgen.io/sandbox-id"]: pod
             for pod in own_space.pods() if POOL not in pod["metadata"]["labels"]}
    assert set(owned) == {one.id for one in made}
    assert warm <= {pod["metadata"]["uid"] for pod in owned.values()}, "a warm pod was not used"
    for sandbox in made:
        assert sandbox.get()["metadata"]["number"] == sandbox.created["metadata"]["number"]


def test_a_warm_sandbox_runs_at_once_and_is_refilled(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    server = new_replica(own_space, "--warm-pool-sizes", f"{TINY}:1").start()
    (pod,) = proc.eventually("the pool is full", lambda: idle(own_space), 60)
    assert server.list_ids() == [], "a pod of the pool is shown as a sandbox"
    began = time.monotonic()
    sandbox = server.create(template=TINY, env={"SECRET": "s3cr3t"}, ports=[3000])
    assert sandbox.created["status"] == "running"
    assert sandbox.sh("echo $SECRET") == "s3cr3t\n"
    assert time.monotonic() - began < 1
    claimed = own_space.pod(sandbox.id)
    assert claimed and claimed["metadata"]["uid"] == pod["metadata"]["uid"]
    assert POOL not in claimed["metadata"]["labels"]
    assert "s3cr3t" not in json.dumps(claimed)
    (next_pod,) = proc.eventually("the pool is full again", lambda: idle(own_space), 60)
    assert next_pod["metadata"]["uid"] != pod["metadata"]["uid"]
    # A restart finds the claimed one as a sandbox, with its environment, and the pool as a pool.
    server.kill()
    again = new_replica(own_space, "--warm-pool-sizes", f"{TINY}:1").start()
    assert again.list_ids() == [sandbox.id]
    taken = Sandbox(again, sandbox.created)
    assert taken.sh("echo $SECRET") == "s3cr3t\n"
    taken.delete()
    proc.eventually("the right pod goes", lambda: own_space.pod(sandbox.id) is None, 60)
    assert next_pod["metadata"]["uid"] in {one["metadata"]["uid"] for one in idle(own_space)}


def test_what_a_warm_pod_cannot_be_starts_cold(
    own_space: Space, new_replica: Callable[..., Replica]
) -> None:
    server = new_replica(own_space, "--warm-pool-sizes", f"{TINY}:1").start()
    (pod,) = proc.eventually("the pool is full", lambda: idle(own_space), 60)
    sized = server.create(template=TINY, resources={"memory": "128Mi"})
    keyed = server.request("POST", SANDBOXES, json={"template": TINY},
                           headers={"Idempotency-Key": "a"})
    assert keyed.status_code == 201, keyed.text
    for id in (sized.id, keyed.json()["id"]):
        found = own_space.pod(id)
        assert found and found["metadata"]["uid"] != pod["metadata"]["uid"]
    assert [one["metadata"]["uid"] for one in idle(own_space)] == [pod["metadata"]["uid"]]
