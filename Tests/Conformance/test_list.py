"""The list's pages and filters."""

from collections.abc import Iterator

import pytest
import requests
from server import SANDBOXES, Sandbox, Server


@pytest.fixture(scope="module")
def made(server: Server) -> Iterator[list[Sandbox]]:
    """Seven sandboxes, newest first, told apart by their metadata."""
    sandboxes = [
        server.create(
            template="python" if n % 2 else "base",
            metadata={"set": "pages", "n": str(n), "odd": str(n % 2), "a&b": "\u00e9 ="})
        for n in range(7)
    ]
    for sandbox in sandboxes:
        sandbox.running()
    yield sandboxes[::-1]
    for sandbox in sandboxes:
        server.request("DELETE", sandbox.path)


def listed(server: Server, query: str) -> list[str]:
    answer = server.request("GET", f"{SANDBOXES}?{query}")
    assert answer.status_code == 200, answer.text
    return [sandbox["id"] for sandbox in answer.json()]


def pages(server: Server, query: str) -> Iterator[requests.Response]:
    url = f"{SANDBOXES}?{query}"
    while url:
        answer = server.request("GET", url)
        assert answer.status_code == 200, answer.text
        yield answer
        url = answer.links.get("next", {}).get("url", "").removeprefix(
            f"http://localhost:{server.port}")


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 1000])
def test_pages_hold_everything_once(server: Server, made: list[Sandbox], limit: int) -> None:
    found = [
        [sandbox["id"] for sandbox in page.json()]
        for page in pages(server, f"metadata.set=pages&limit={limit}")
    ]
    assert sum(found, []) == [sandbox.id for sandbox in made]
    assert all(len(page) == limit for page in found[:-1]) and 1 <= len(found[-1]) <= limit


def test_the_link_keeps_the_filters(server: Server, made: list[Sandbox]) -> None:
    query = "metadata.set=pages&metadata.a%26b=%C3%A9+%3D&template=base&status=running&limit=2"
    found = [sandbox["metadata"]["n"] for page in pages(server, query) for sandbox in page.json()]
    assert found == ["6", "4", "2", "0"]


def test_a_cursor_is_stable_while_sandboxes_come_and_go(
    server: Server, made: list[Sandbox]
) -> None:
    walk = pages(server, "metadata.set=walk&limit=2")
    sandboxes = [server.create(metadata={"set": "walk"}) for _ in range(5)][::-1]
    try:
        assert [s["id"] for s in next(walk).json()] == [s.id for s in sandboxes[:2]]
        sandboxes[1].delete()  # the one that the cursor stands for
        sandboxes[2].delete()
        sandboxes.append(server.create(metadata={"set": "walk"}))
        assert [s["id"] for s in next(walk).json()] == [s.id for s in sandboxes[3:5]]
        with pytest.raises(StopIteration):
            next(walk)
    finally:
        for sandbox in sandboxes:
            server.request("DELETE", sandbox.path)


def test_filters_are_anded(server: Server, made: list[Sandbox]) -> None:
    by_n = {sandbox.created["metadata"]["n"]: sandbox.id for sandbox in made}
    assert listed(server, "metadata.set=pages&metadata.n=3") == [by_n["3"]]
    assert listed(server, "metadata.set=pages&metadata.odd=1&template=base") == []
    assert listed(server, "metadata.set=pages&status=error") == []
    assert listed(server, "metadata.set=pages&metadata.none=") == []
    assert len(listed(server, "metadata.set=pages&status=running")) == 7
    assert len(listed(server, "metadata.set=pages&unknown=1&unknown=2")) == 7


@pytest.mark.parametrize("query", [
    "limit=0", "limit=1001", "limit=x", "limit=", "limit=1&limit=1", "cursor=nonsense", "cursor=",
    "status=broken", "status=", "template=cobol", "template=base&template=base",
    "metadata.a=1&metadata.a=2",
])
def test_a_bad_parameter_is_named(server: Server, query: str) -> None:
    answer = server.request("GET", f"{SANDBOXES}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER"), answer.text
    assert query.split("=")[0] in answer.json()["error"]


def test_a_list_in_one_piece_has_no_link(server: Server, made: list[Sandbox]) -> None:
    for query in ("", "limit=1000", "metadata.set=pages&limit=7"):
        assert "Link" not in server.request("GET", f"{SANDBOXES}?{query}").headers
