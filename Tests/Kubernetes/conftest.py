"""Fixtures: the cluster, namespaces in it, replicas of the server, and sandboxes of theirs."""

import os
from collections.abc import Callable, Iterator

import images
import pytest
from cluster import Cluster, Space, temporary_space
from replica import Replica
from server import Sandbox


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    if not os.environ.get("KUBECONFIG"):
        pytest.exit("these tests need a cluster: set KUBECONFIG", returncode=2)
    cluster = Cluster()
    images.load()
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def space(cluster: Cluster) -> Iterator[Space]:
    """For the tests that leave nothing behind."""
    with temporary_space(cluster) as space:
        yield space


@pytest.fixture(scope="session")
def server(space: Space) -> Iterator[Replica]:
    """One server for all tests that do not stop it."""
    replica = Replica(space)
    try:
        yield replica.start()
    finally:
        replica.clean()


@pytest.fixture
def own_space(cluster: Cluster) -> Iterator[Space]:
    """For a test that counts what is in it, or breaks something."""
    with temporary_space(cluster) as space:
        yield space


@pytest.fixture
def new_replica() -> Iterator[Callable[..., Replica]]:
    """Makes replicas that are ended after the test; `start` is the test's."""
    made: list[Replica] = []

    def make(*arguments: object, **options: object) -> Replica:
        made.append(Replica(*arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for replica in made:
        replica.clean()


@pytest.fixture
def new_sandbox(server: Replica) -> Iterator[Callable[..., Sandbox]]:
    """Makes running sandboxes of the session's server that are deleted after the test."""
    made: list[Sandbox] = []

    def make(**fields: object) -> Sandbox:
        made.append(server.create(**fields))
        return made[-1].running(60)

    yield make
    for sandbox in made:
        server.request("DELETE", sandbox.path)


@pytest.fixture
def sandbox(new_sandbox: Callable[..., Sandbox]) -> Sandbox:
    return new_sandbox()


@pytest.fixture(scope="module")
def shared(server: Replica) -> Iterator[Sandbox]:
    """One sandbox for a module's tests that leave nothing behind in it."""
    sandbox = server.create().running(60)
    yield sandbox
    server.request("DELETE", sandbox.path)
