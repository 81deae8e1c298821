"""What the browser's tests share with the wire's: servers, sandboxes; and a browser of their own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "Conformance"))

from browser import Browser, Page  # noqa: E402
from server import Server  # noqa: E402


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    try:
        yield server.start()
    finally:
        server.clean()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with cookies of its own; its last picture lies in .build/screenshots."""
    page = browser.page()
    yield page
    page.picture(request.node.name)
    page.close()
