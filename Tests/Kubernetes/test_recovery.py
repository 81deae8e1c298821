"""What a killed server, a killed replica and an API server that is away may cost: nothing."""

import os
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import proc
import pytest
import requests
from cluster import Space
from replica import TINY, Replica
from server import SANDBOXES, Sandbox
from wire import SANDBOX_READY

NewReplica = Callable[..., Replica]


def same(sandbox: Sandbox, server: Replica) -> Sandbox:
    """The sandbox as another replica serves it."""
    return Sandbox(server, sandbox.created)


def test_after_kill_9_a_new_server_serves_within_2_s(
    own_space: Space, new_replica: NewReplica
) -> None:
    first = new_replica(own_space).start()
    made = [first.create(template=TINY) for _ in range(3)]
    for sandbox in made:
        sandbox.running(60)
    made[0].sh("echo kept >file")
    before = {one["id"]: one for one in first.request("GET", SANDBOXES).json()}
    first.kill()

    second = new_replica(own_space)
    began = time.monotonic()
    second.start()
    assert same(made[0], second).sh("cat file") == "kept\n"
    took = time.monotonic() - began
    assert took < 2, f"served after {took:.2f} s"
    urls = ("ws_url", "preview_urls")
    for one in second.request("GET", SANDBOXES).json():
        old = before.pop(one["id"])
        assert {k: v for k, v in one.items() if k not in urls} == {
            k: v for k, v in old.items() if k not in urls}
    assert not before, "sandboxes are lost"


def test_what_one_replica_makes_the_other_shows_within_1_s(
    own_space: Space, new_replica: NewReplica
) -> None:
    first, second = new_replica(own_space).start(), new_replica(own_space).start()
    sandbox = first.create(template=TINY)
    other = same(sandbox, second)
    second.awaited(200, "GET", sandbox.path, 1)
    sandbox.running(60)
    proc.eventually("the other shows it running", lambda: other.get()["status"] == "running", 1)
    other.sh("echo by the other >file")
    assert sandbox.sh("cat file") == "by the other\n"
    with other.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
    first.request("POST", f"{sandbox.path}/keepalive")
    expiry = sandbox.get()["expires_at"]
    proc.eventually("the later expiry", lambda: other.get()["expires_at"] == expiry, 1)
    other.delete()
    first.awaited(404, "GET", sandbox.path, 1)


def test_links_revoked_at_one_replica_open_nothing_at_the_other(
    own_space: Space, new_replica: NewReplica
) -> None:
    first, second = new_replica(own_space).start(), new_replica(own_space).start()
    sandbox = first.create(template=TINY, preview_access="private")
    second.awaited(200, "GET", sandbox.path, 1)
    link = first.request("POST", f"{sandbox.path}/previews/8000/links").json()["url"]
    host, _, path = link.partition("://")[2].partition("/")

    def opened(server: Replica, path: str) -> int:
        return requests.get(f"{server.address}/{path}", timeout=10, allow_redirects=False,
                            headers={"Host": host}).status_code

    assert [opened(one, path) for one in (first, second)] == [303, 303]
    assert [opened(one, "") for one in (first, second)] == [401, 401]
    assert first.request("DELETE", f"{sandbox.path}/previews/links").status_code == 204
    assert opened(first, path) == 401
    proc.eventually("the other knows of it", lambda: opened(second, path) == 401, 1)


def test_one_idempotency_key_at_two_replicas_makes_one_sandbox(
    own_space: Space, new_replica: NewReplica
) -> None:
    replicas = [new_replica(own_space).start() for _ in range(2)]

    def create(number: int, template: str = TINY) -> requests.Response:
        return replicas[number % 2].request(
            "POST", SANDBOXES, json={"template": template}, headers={"Idempotency-Key": "once"})

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert {a.status_code for a in answers} == {201}, [a.text for a in answers]
    (id,) = {a.json()["id"] for a in answers}
    assert own_space.ids() == {id}
    for replica in (0, 1):
        assert create(replica, "python").json()["code"] == "IDEMPOTENCY_MISMATCH"
    Sandbox(replicas[0], answers[0].json()).delete()
    proc.eventually("both say that it is gone", lambda: [
        create(n).status_code for n in (0, 1)] == [410, 410], 5)
    # The end is in the cluster: a server that never saw the sandbox knows of it.
    third = new_replica(own_space).start()
    answer = third.request(
        "POST", SANDBOXES, json={"template": TINY}, headers={"Idempotency-Key": "once"})
    assert answer.status_code == 410, answer.text


class Load:
    """Clients that create and use sandboxes at two replicas, going on where one is lost."""

    def __init__(self, replicas: list[Replica]) -> None:
        self.replicas = replicas
        self.acknowledged: dict[str, Sandbox] = {}
        self.problems: list[str] = []
        self.stop = threading.Event()
        self.wanted = 16

    def client(self, number: int) -> None:
        turn = number
        while not self.stop.is_set() and len(self.acknowledged) < self.wanted:
            turn += 1
            server = self.replicas[turn % len(self.replicas)]
            try:
                answer = server.request("POST", SANDBOXES, json={"template": TINY}, timeout=20)
            except requests.RequestException:
                continue  # the one that was killed; nothing was acknowledged
            if answer.status_code == 201:
                self.acknowledged[answer.json()["id"]] = Sandbox(server, answer.json())
            else:
                self.problems.append(answer.text)


def test_two_replicas_under_load_lose_nothing_when_one_is_killed(
    own_space: Space, new_replica: NewReplica
) -> None:
    first, second = new_replica(own_space).start(), new_replica(own_space).start()
    for server in (first, second):
        server.token()  # asked for once, while both live
    load = Load([first, second])
    clients = [threading.Thread(target=load.client, args=(n,)) for n in range(4)]
    for client in clients:
        client.start()
    proc.eventually("a quarter is there", lambda: len(load.acknowledged) >= load.wanted / 4, 60)
    first.kill()
    for client in clients:
        client.join(timeout=120)
    load.stop.set()
    assert not load.problems, load.problems[:3]
    assert len(load.acknowledged) >= load.wanted
    listed = set(second.list_ids())
    assert set(load.acknowledged) <= listed, "an acknowledged sandbox is lost"
    assert set(load.acknowledged) <= own_space.ids()
    for sandbox in load.acknowledged.values():
        survivor = same(sandbox, second).running(120)
        assert survivor.sh("echo alive") == "alive\n"
    # The lease was the killed one's, or not: either way someone expires sandboxes again.
    short = second.create(template=TINY, timeout_seconds=20)
    proc.eventually("it expires", lambda: own_space.pod(short.id) is None, 90)


@contextmanager
def api_server_away(space: Space) -> Iterator[None]:
    """The cluster's API server stopped, and started again however the test ends."""
    stop, start = (os.environ.get(f"XGEN_API_SERVER_{name}") for name in ("STOP", "START"))
    if not stop or not start:
        pytest.skip("this cluster's API server is not the test's to stop: XGEN_API_SERVER_STOP "
                    "and XGEN_API_SERVER_START name no commands")
    subprocess.run(shlex.split(stop), check=True)
    try:
        yield
    finally:
        subprocess.run(shlex.split(start), check=True)
        proc.eventually("the API server is ready", space.cluster.is_ready, 60)


def test_an_api_server_that_is_away_for_60_s_costs_nothing(
    own_space: Space, new_replica: NewReplica
) -> None:
    server = new_replica(own_space).start()
    made = [server.create(template=TINY).running(60) for _ in range(3)]
    ids = sorted(server.list_ids())
    with api_server_away(own_space):
        end = time.monotonic() + 60
        answer = server.awaited(503, "POST", SANDBOXES, 60, json={"template": TINY}, timeout=60)
        assert "Retry-After" in answer.headers
        assert answer.json()["code"] in ("SANDBOX_CREATE_FAILED", "CAPACITY_EXHAUSTED")
        assert "Kubernetes" in answer.text, answer.text

        def is_over() -> bool:
            """What needs no cluster goes on: the list, and the pods themselves."""
            assert sorted(server.list_ids()) == ids
            assert made[0].sh("echo still here") == "still here\n"
            assert server.healthy()
            return time.monotonic() > end

        proc.eventually("60 s have passed", is_over, 90)
    began = time.monotonic()
    fresh = server.awaited(201, "POST", SANDBOXES, 5, json={"template": TINY})
    right = [*made, Sandbox(server, fresh.json())]
    proc.eventually("the list is right", lambda: sorted(
        server.list_ids()) == sorted(one.id for one in right) == sorted(own_space.ids()),
        max(0.1, 5 - (time.monotonic() - began)))
    assert {one["status"] for one in server.request("GET", SANDBOXES).json()
            if one["id"] in ids} == {"running"}
    right[-1].running(60)
    made[1].delete()
    proc.eventually("deletes are done again", lambda: own_space.pod(made[1].id) is None, 60)
