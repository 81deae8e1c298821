"""Fixtures: the session's server, servers of a test's own, and sandboxes that are cleaned up."""

from collections.abc import Callable, Iterator

import pytest
from server import Sandbox, Server
from wire import SANDBOX_READY, Wire


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One server for all tests that do not stop it."""
    server = Server()
    try:
        yield server.start()
    finally:
        server.clean()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may kill."""
    server = Server()
    try:
        yield server.start()
    finally:
        server.clean()


@pytest.fixture
def new_sandbox(server: Server) -> Iterator[Callable[..., Sandbox]]:
    """Makes running sandboxes that are deleted after the test."""
    made: list[Sandbox] = []

    def make(**fields: object) -> Sandbox:
        made.append(server.create(**fields))
        return made[-1].running()

    yield make
    for sandbox in made:
        server.request("DELETE", sandbox.path)


@pytest.fixture
def sandbox(new_sandbox: Callable[..., Sandbox]) -> Sandbox:
    """A fresh sandbox for one test."""
    return new_sandbox()


@pytest.fixture(scope="module")
def shared(server: Server) -> Iterator[Sandbox]:
    """One sandbox for a module's tests that leave nothing behind in it."""
    sandbox = server.create().running()
    yield sandbox
    server.request("DELETE", sandbox.path)


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    """A connection to a fresh sandbox, its SandboxReady read."""
    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        yield wire
