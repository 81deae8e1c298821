"""The event stream of the built server, read by a client of our own (WHATWG HTML §9.2)."""

import http.client
import json
import os
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from keys import KeyServer
from server import API_KEY, SANDBOXES, Server

EVENTS = "/api/v1/events"


class Event(NamedTuple):
    type: str
    id: str
    data: dict[str, Any]


class Stream:
    """An open stream; `id` is the last event id as an EventSource would keep it."""

    def __init__(
        self, server: Server, key: str = API_KEY, query: str = "", **headers: str
    ) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        self.connection.request(
            "GET", EVENTS + query, headers={"Authorization": f"ApiKey {key}", **headers})
        self.answer = self.connection.getresponse()
        self.id = ""

    def __enter__(self) -> "Stream":
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.getheader("Content-Type") == "text/event-stream"
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def positioned(self) -> "Stream":
        """Reads the block that tells where the stream begins."""
        assert self._block() == {"id": self.id} and self.id
        return self

    def _block(self) -> dict[str, str] | None:
        fields: dict[str, str] = {}
        while line := self.answer.readline():
            line = line.decode().rstrip("\n")
            if not line:
                self.id = fields.get("id", self.id)
                return fields
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
        return None

    def events(self) -> Iterator[Event]:
        """To the stream's end."""
        while (block := self._block()) is not None:
            if "data" in block:
                yield Event(block["event"], block["id"], json.loads(block["data"]))

    def take(self, count: int) -> list[Event]:
        events = self.events()
        return [next(events) for _ in range(count)]


def steps(sandbox: str) -> list[tuple[str, str]]:
    return [(f"sandbox.{step}", sandbox) for step in ("created", "running", "stopping", "stopped")]


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.type, event.data["sandbox"]) for event in events]


@pytest.fixture(scope="module")
def tenants() -> Iterator[KeyServer]:
    server = KeyServer()
    try:
        yield server.start()
    finally:
        server.clean()


def live(server: KeyServer, name: str) -> str:
    """Creates, awaits and deletes a sandbox; returns its id."""
    answer = server.by(name, "POST", SANDBOXES, json={"template": "python"})
    assert answer.status_code == 201, answer.text
    path = f"{SANDBOXES}/{answer.json()['id']}"
    while server.by(name, "GET", path).json()["status"] != "running":
        pass
    server.by(name, "DELETE", path, headers={"X-Request-Id": "the-end"})
    return answer.json()["id"]


def test_tells_a_life_with_its_causes(tenants: KeyServer) -> None:
    with Stream(tenants, tenants.key("ann")) as stream:
        sandbox = live(tenants, "ann")
        events = stream.take(4)
    assert told(events) == steps(sandbox)
    for event in events:
        assert event.data["id"] == event.id and event.data["type"] == event.type
        assert event.data["owner"] == "ann" and event.data["at"].endswith("Z")
    assert [event.data["reason"] for event in events] == [
        "requested", "ready", "deleted", "deleted"]
    assert [event.data["status"] for event in events] == [
        "starting", "running", "stopping", "stopped"]
    assert events[0].data["by"] == "ann" and "by" not in events[1].data
    assert events[2].data["request_id"] == events[3].data["request_id"] == "the-end"


def test_tenants_see_their_own_and_admins_all(tenants: KeyServer) -> None:
    with (Stream(tenants, tenants.key("ann")) as ann, Stream(tenants, tenants.key("bob")) as bob,
          Stream(tenants) as admin):
        bobs, anns = live(tenants, "bob"), live(tenants, "ann")
        assert told(ann.take(4)) == steps(anns)
        assert told(bob.take(4)) == steps(bobs)
        assert told(admin.take(8)) == steps(bobs) + steps(anns)


@pytest.mark.parametrize("by_header", [True, False])
def test_goes_on_behind_the_last_event(tenants: KeyServer, by_header: bool) -> None:
    with Stream(tenants, tenants.key("ann")) as stream:
        first = live(tenants, "ann")
        seen = stream.take(4)[1].id
    second = live(tenants, "ann")
    live(tenants, "bob")
    options = {"Last-Event-ID": seen} if by_header else {}
    query = "" if by_header else f"?last_event_id={seen}"
    with Stream(tenants, tenants.key("ann"), query, **options) as stream:
        assert told(stream.take(6)) == steps(first)[2:] + steps(second)


def test_a_client_that_saw_no_event_yet_misses_none(tenants: KeyServer) -> None:
    with Stream(tenants, tenants.key("ann")) as stream:
        last = stream.positioned().id
    sandbox = live(tenants, "ann")
    with Stream(tenants, tenants.key("ann"), **{"Last-Event-ID": last}) as stream:
        assert told(stream.take(4)) == steps(sandbox)


@pytest.mark.parametrize("last", ["1-1", "x", "../..", "9" * 30, "é".encode().decode("latin-1")])
def test_an_unknown_id_is_a_reset(tenants: KeyServer, last: str) -> None:
    with Stream(tenants, tenants.key("ann"), **{"Last-Event-ID": last}) as stream:
        (event,) = stream.take(1)
    assert event.type == "reset" and event.data["reason"]
    with Stream(tenants, tenants.key("ann"), **{"Last-Event-ID": event.id}) as stream:
        sandbox = live(tenants, "ann")
        assert told(stream.take(4)) == steps(sandbox)


def test_an_id_of_before_a_restart_is_a_reset(own_server: Server) -> None:
    with Stream(own_server) as stream:
        sandbox = own_server.create().running()
        last = stream.take(2)[1].id
        own_server.end(signal.SIGKILL)
    own_server.start()
    with Stream(own_server, **{"Last-Event-ID": last}) as stream:
        assert stream.take(1)[0].type == "reset"
    sandbox.running()


def test_the_servers_end_is_told_and_ends_the_stream(own_server: Server) -> None:
    with Stream(own_server) as stream:
        sandbox = own_server.create().running()
        assert own_server.end() == 0
        events = list(stream.events())
    assert told(events) == steps(sandbox.id)
    assert [event.data["reason"] for event in events[2:]] == ["shutdown", "shutdown"]


def test_an_error_has_its_cause(own_server: Server) -> None:
    sandbox = own_server.create().running()
    with Stream(own_server) as stream:
        stream.positioned()
        os.kill(sandbox.sidecar(), signal.SIGKILL)
        (event,) = stream.take(1)
    assert event.type == "sandbox.error" and "signal 9" in event.data["reason"]
    assert "by" not in event.data


def test_methods(tenants: KeyServer) -> None:
    head = tenants.request("HEAD", EVENTS)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == "text/event-stream"
    assert head.headers["Cache-Control"] == "no-store" and head.headers["X-Request-Id"]
    assert tenants.request("POST", EVENTS).status_code == 405
    assert "GET" in tenants.raw("OPTIONS", EVENTS).headers["Allow"]
    assert tenants.raw("GET", EVENTS).status_code == 401


def test_streams_of_a_key_are_bounded(tenants: KeyServer) -> None:
    streams = [Stream(tenants, tenants.key("ann")) for _ in range(33)]
    try:
        statuses = [stream.answer.status for stream in streams]
        assert statuses == [200] * 32 + [429]
        assert streams[-1].answer.getheader("Retry-After")
        assert json.loads(streams[-1].answer.read())["code"] == "QUOTA_EXCEEDED"
    finally:
        for stream in streams:
            stream.connection.close()
