"""A server whose connections to the API server are cut at random misses nothing."""

import random
import threading
import time
from collections.abc import Callable, Iterator

import proc
import pytest
from cluster import Space
from link import Link
from replica import TINY, Replica
from server import SANDBOXES, Sandbox

CUTS = 50


@pytest.fixture
def link(own_space: Space) -> Iterator[Link]:
    link = Link(own_space.entry["server"])
    yield link
    link.close()


def shown(server: Replica) -> dict[str, tuple[str, str]]:
    """Status and expiry of every sandbox."""
    answer = server.request("GET", SANDBOXES)
    assert answer.status_code == 200, answer.text
    return {one["id"]: (one["status"], one["expires_at"]) for one in answer.json()}


class Churn:
    """Changes of every kind, one after the other, through a replica that is not cut."""

    def __init__(self, server: Replica, chance: random.Random) -> None:
        self.server = server
        self.chance = chance
        self.live: list[Sandbox] = []
        self.changes = 0
        self.stop = threading.Event()
        self.problem = ""

    def change(self) -> None:
        kind = self.chance.random()
        if len(self.live) < 3 or (kind < 0.15 and len(self.live) < 8):
            self.live.append(self.server.create(template=TINY, timeout_seconds=3600))
        elif kind < 0.25:
            self.live.pop(self.chance.randrange(len(self.live))).delete()
        else:
            path = self.chance.choice(self.live).path
            # Each moves the expiry and so changes the pod.
            assert self.server.request("POST", f"{path}/keepalive").status_code == 204
        self.changes += 1

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.change()
        except Exception as error:
            self.problem = repr(error)


def test_a_watch_that_is_cut_50_times_misses_no_event(
    own_space: Space, link: Link, new_replica: Callable[..., Replica]
) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    chance = random.Random(seed)
    direct = new_replica(own_space).start()
    cut = new_replica(own_space, kubeconfig=own_space.write_kubeconfig(link.address)).start()
    churn = Churn(direct, random.Random(seed + 1))
    thread = threading.Thread(target=churn.run)
    thread.start()
    try:
        connections = 0
        for _ in range(CUTS):
            # At any moment: in the middle of an event, of a list, or while it connects again.
            passed, changes = link.passed, churn.changes
            some = chance.randrange(1, 20_000)
            proc.eventually("something has changed and passed", lambda: churn.problem or (
                churn.changes > changes and link.passed - passed >= some)
                or churn.changes > changes + 8, 60)
            assert not churn.problem, churn.problem
            connections += link.cut()
    finally:
        churn.stop.set()
        thread.join(timeout=30)
    assert not churn.problem, churn.problem
    assert connections >= CUTS // 2, "the cuts met no connection"
    assert churn.changes >= CUTS
    for sandbox in churn.live:
        sandbox.running(120)
    proc.eventually("both replicas show the same", lambda: shown(direct) == shown(cut), 10)
    assert set(shown(cut)) == own_space.ids() == {one.id for one in churn.live}


def test_a_server_without_its_api_server_says_so_and_recovers(
    own_space: Space, link: Link, new_replica: Callable[..., Replica]
) -> None:
    """As when the API server is away, on any cluster: the way to it is cut."""
    server = new_replica(own_space, kubeconfig=own_space.write_kubeconfig(link.address)).start()
    other = new_replica(own_space).start()
    kept = server.create(template=TINY).running(60)
    link.down()
    answer = server.request("POST", SANDBOXES, json={"template": TINY}, timeout=60)
    assert answer.status_code == 503 and "Retry-After" in answer.headers, answer.text
    assert kept.sh("echo still here") == "still here\n"
    made = other.create(template=TINY)
    link.up()
    proc.eventually("it shows what was made meanwhile", lambda: made.id in server.list_ids(), 5)
    assert server.create(template=TINY).running(60)
