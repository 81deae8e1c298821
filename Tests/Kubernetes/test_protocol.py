"""The wire protocol on pods, by the tests that `make test` holds the local backend to."""

from collections.abc import Iterator

import pytest
from cluster import Cluster, Space, temporary_space
from replica import LARGE, Replica
from server import Sandbox
from test_wire import *  # noqa: F403
from test_wire_files import *  # noqa: F403
from wire import SANDBOX_READY, Wire


@pytest.fixture(scope="module")
def space(cluster: Cluster) -> Iterator[Space]:
    """Of its own: the replica that fills the pool must be the one that was told of it."""
    with temporary_space(cluster) as space:
        yield space


@pytest.fixture(scope="module")
def server(space: Space) -> Iterator[Replica]:
    """With a few sandboxes ready, since most of these tests take a fresh one."""
    replica = Replica(space, "--warm-pool-sizes", f"{LARGE}:4")
    try:
        yield replica.start()
    finally:
        replica.clean()


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """A connection to a fresh sandbox, its SandboxReady read."""
    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        yield wire
