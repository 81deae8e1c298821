"""The log of the built server: request ids in, through and out, and lines that stay lines."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rawhttp import connect, handshake
from server import API_KEY, SANDBOXES, Server


@pytest.fixture
def logging() -> Iterator[Server]:
    server = Server("--log-format", "json", "--log-level", "debug")
    try:
        yield server.start()
    finally:
        server.clean()


def lines(server: Server) -> list[dict[str, Any]]:
    """Every line of the log but the banner's, which is for people."""
    text = server.log.read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_each_line_is_an_object_and_tells_what_a_request_did(logging: Server) -> None:
    server = logging
    made = server.request(
        "POST", SANDBOXES, json={"template": "python"}, headers={"X-Request-Id": "make-it"})
    sandbox = made.json()["id"]
    server.request("DELETE", f"{SANDBOXES}/{sandbox}", headers={"X-Request-Id": "end-it"})
    server.raw("GET", f"{SANDBOXES}/%22%0A%1B%5B2J?token=query-secret",
               headers={"X-Request-Id": '"},{"\\'})
    server.end()
    found = lines(server)
    text = server.log.read_text()
    assert all(list(line)[:3] == ["time", "level", "message"] for line in found)
    (created,) = [line for line in found if line["message"] == "sandbox created"]
    (ended,) = [line for line in found if line["message"] == "sandbox ended"]
    assert (created["sandbox"], created["request_id"], created["subject"], created["level"]) == (
        sandbox, "make-it", "admin", "info")
    assert (ended["sandbox"], ended["request_id"], ended["reason"]) == (
        sandbox, "end-it", "deleted")
    requests = {line["request_id"]: line for line in found if line["message"] == "request"}
    assert requests["make-it"]["subject"] == "admin" and requests["make-it"]["status"] == "201"
    assert int(requests["make-it"]["ms"]) >= 0
    hostile = requests['"},{"\\']
    assert (hostile["status"], hostile["subject"], hostile["path"]) == (
        "401", "-", SANDBOXES + "/{id}")
    assert "query-secret" not in text and API_KEY not in text and server.token() not in text


@pytest.mark.parametrize("own", [None, "mine-1", "x" * 128, "x" * 129, "a b", "caf\u00e9"])
def test_each_answer_has_its_request_id(server: Server, own: str | None) -> None:
    headers = {} if own is None else {"X-Request-Id": own.encode()}
    fit = own in ("mine-1", "x" * 128)
    for path in ("/healthz", SANDBOXES, "/nowhere"):
        answer = server.raw("GET", path, headers=headers)
        told = answer.headers["X-Request-Id"]
        assert told == own if fit else re.fullmatch(r"[\w-]{15}", told)


def answer_head(server: Server, request: bytes) -> str:
    with connect(server) as connection:
        connection.sendall(request)
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
    return head.partition(b"\r\n\r\n")[0].decode()


def test_a_handshakes_answer_has_it_too(server: Server) -> None:
    sandbox = server.create().running()
    path = f"{sandbox.path}/ws?token={server.token()}"
    own = ("X-Request-Id", "the-handshake")
    for changes, status in (((own,), 101), ((own, ("Upgrade", None)), 426),
                            ((own, ("Sec-WebSocket-Key", "short")), 400)):
        head = answer_head(server, handshake(path, *changes))
        assert head.startswith(f"HTTP/1.1 {status} "), head
        assert head.count("X-Request-Id: the-handshake") == 1
    assert "X-Request-Id: the-handshake" in answer_head(server, handshake(f"{sandbox.path}/ws", own))
    sandbox.delete()
