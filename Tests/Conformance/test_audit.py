"""The audit log of the built server: what stands in it, what never does, and what it outlives."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import proc
import pytest
from rawhttp import RawWebSocket, connect
from server import API_KEY, SANDBOXES, Server

LOGS = "/api/v1/admin/audit-logs"
SUMMARY = "/api/v1/admin/summary"
MEMBERS = ["time", "request_id", "subject", "role", "action", "sandbox", "status", "peer"]


def page(server: Server, **query: Any) -> dict[str, Any]:
    answer = server.request("GET", LOGS, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def records(server: Server, **query: Any) -> list[dict[str, Any]]:
    """All records that match, the newest first."""
    found, cursor = [], None
    while True:
        answer = page(server, **query, **({"cursor": cursor} if cursor else {}))
        found += answer["records"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


def of(server: Server, request_id: str) -> dict[str, Any]:
    (record,) = [r for r in records(server) if r["request_id"] == request_id]
    return record


def send(server: Server, request_id: str, method: str, path: str, **options: Any) -> int:
    headers = {"X-Request-Id": request_id, **options.pop("headers", {})}
    return server.request(method, path, headers=headers, **options).status_code


@pytest.fixture
def small() -> Iterator[Server]:
    """A server that sets its audit file aside after 4 KiB."""
    server = Server("--audit-file-bytes", "4096")
    try:
        yield server.start()
    finally:
        server.clean()


def test_a_life_is_recorded_whole(own_server: Server) -> None:
    server = own_server
    sandbox = server.create(env={"TOKEN": "env-secret"}).running()
    sandbox.output("echo", "argument-secret")
    assert send(server, "keep", "POST", f"{sandbox.path}/keepalive") == 204
    with RawWebSocket(sandbox) as websocket:
        websocket.frame()
    proc.eventually("the end of the WebSocket", lambda: records(server)[0]["action"] == "ws.close")
    sandbox.delete()
    found = records(server, sandbox=sandbox.id)[::-1]
    assert [(r["action"], r["status"]) for r in found] == [
        ("sandbox.create", 201), ("sandbox.exec", 200), ("sandbox.keepalive", 204),
        ("ws.open", 101), ("ws.close", 1006), ("sandbox.delete", 204)]
    for record in found:
        assert list(record)[:8] == MEMBERS
        assert (record["subject"], record["role"]) == ("admin", "admin")
        assert record["peer"] == "127.0.0.1" and record["duration_ms"] >= 0
    opened, closed = found[3], found[4]
    assert opened["request_id"] == closed["request_id"] and closed["bytes"] > 0
    assert found[2]["request_id"] == "keep"
    text = server.data.joinpath("audit/audit.jsonl").read_text() + server.log.read_text()
    for secret in ("secret", API_KEY, server.token()):
        assert secret not in text


def test_refusals_are_recorded(own_server: Server) -> None:
    server = own_server
    assert send(server, "r404", "DELETE", f"{SANDBOXES}/{'x' * 200}") == 404
    assert send(server, "r400", "POST", SANDBOXES, json={"template": 7}) == 400
    wrong = {"Authorization": "ApiKey wrong-key"}
    assert send(server, "r401", "POST", f"{SANDBOXES}/abc/exec", headers=wrong) == 401
    assert send(server, "t401", "POST", "/api/v1/auth/token", json={"api_key": "wrong-key"}) == 401
    assert send(server, "t200", "POST", "/api/v1/auth/token", json={"api_key": API_KEY}) == 200
    assert send(server, "w426", "GET", f"{SANDBOXES}/abc/ws") == 426
    assert of(server, "r404")["sandbox"] == "x" * 64
    assert of(server, "r400")["status"] == 400
    refused = of(server, "r401")
    assert (refused["subject"], refused["status"], refused["sandbox"]) == (None, 401, "abc")
    assert of(server, "t401")["subject"] is None and of(server, "t200")["subject"] == "admin"
    assert (of(server, "w426")["action"], of(server, "w426")["status"]) == ("ws.open", 426)
    # Neither reading nor what leads nowhere is an act.
    assert send(server, "read", "GET", SANDBOXES) == 200
    assert send(server, "none", "POST", "/nowhere") == 404
    assert not {"read", "none"} & {r["request_id"] for r in records(server)}
    assert "wrong-key" not in server.data.joinpath("audit/audit.jsonl").read_text()


def test_pages_and_filters(own_server: Server) -> None:
    server = own_server
    for number in range(25):
        assert send(server, f"n{number}", "DELETE", f"{SANDBOXES}/s{number % 5}") == 404
    first = server.request("GET", LOGS, params={"limit": 10, "sandbox": "s1"})
    assert [r["request_id"] for r in first.json()["records"]] == ["n21", "n16", "n11", "n6", "n1"]
    walked, target = [], f"{LOGS}?limit=7"
    while target:
        answer = server.request("GET", target)
        walked += [r["request_id"] for r in answer.json()["records"]]
        url = urlsplit(answer.links.get("next", {}).get("url", ""))
        target = url.path and f"{url.path}?{url.query}"
        assert (target == "") == (answer.json()["next_cursor"] is None)
    assert [name for name in walked if name.startswith("n")] == [
        f"n{number}" for number in reversed(range(25))]
    assert page(server, subject="nobody")["records"] == []
    gone = server.request("GET", LOGS, params={"cursor": "A" * 22})
    assert (gone.status_code, gone.json()["code"]) == (404, "NOT_FOUND")
    for query in ({"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "x"}):
        answer = server.request("GET", LOGS, params=query)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER"), query


def test_records_outlive_a_kill_and_a_torn_line(own_server: Server) -> None:
    server = own_server
    for number in range(20):
        assert send(server, f"k{number}", "DELETE", f"{SANDBOXES}/gone") == 404
    # Each was on its way before its answer; well within the second that is promised.
    file = server.data / "audit/audit.jsonl"
    proc.eventually("the last one on the disk", lambda: '"k19"' in file.read_text(), seconds=1)
    server.end(signal.SIGKILL)
    with file.open("ab") as log:
        log.write(b'{"time":"2024-01-15T12:0')
    server.start()
    assert send(server, "after", "DELETE", f"{SANDBOXES}/gone") == 404
    found = [r["request_id"] for r in records(server, sandbox="gone")]
    assert found == ["after", *(f"k{number}" for number in reversed(range(20)))]
    lines = file.read_text().splitlines()
    assert lines[-1].startswith('{"time"') and json.loads(lines[-1])["request_id"] == "after"


def test_all_is_written_at_sigterm(own_server: Server) -> None:
    sandbox = own_server.create().running()
    websocket = RawWebSocket(sandbox)
    own_server.end()
    websocket.socket.close()
    lines = own_server.data.joinpath("audit/audit.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    assert (last["action"], last["status"], last["sandbox"]) == ("ws.close", 1001, sandbox.id)


def test_a_moved_file_is_begun_anew_at_sighup(own_server: Server) -> None:
    server = own_server
    file = server.data / "audit/audit.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert send(server, "before", "DELETE", f"{SANDBOXES}/x") == 404
    of(server, "before")  # it is written
    file.rename(file.with_name("audit.jsonl.1"))
    server.process.send_signal(signal.SIGHUP)
    proc.eventually("a new file", file.exists)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert send(server, "later", "DELETE", f"{SANDBOXES}/x") == 404
    found = [r["request_id"] for r in records(server, sandbox="x")]
    assert found == ["later", "before"]
    assert "before" not in file.read_text()


def test_the_disk_is_bounded(small: Server) -> None:
    for number in range(150):
        assert send(small, f"n{number}", "DELETE", f"{SANDBOXES}/x") == 404
    found = [r["request_id"] for r in records(small, sandbox="x", limit=20)]
    files = sorted(small.data.joinpath("audit").iterdir())
    assert [f.name for f in files] == ["audit.jsonl", *(f"audit.jsonl.{n}" for n in range(1, 5))]
    assert all(f.stat().st_size <= 4096 for f in files)
    assert 20 < len(found) < 150
    assert found == [f"n{number}" for number in reversed(range(150))][:len(found)]


@pytest.mark.parametrize("target", ["stderr", "none"])
def test_a_log_that_is_kept_elsewhere(target: str) -> None:
    server = Server("--audit-log", target)
    try:
        server.start()
        assert send(server, "elsewhere", "DELETE", f"{SANDBOXES}/x") == 404
        answer = server.request("GET", LOGS)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert "--audit-log" in answer.json()["details"]
        assert server.request("GET", SUMMARY).json()["audit"] == {"path": None, "dropped": 0}
        server.end()
        lines = [line for line in server.log.read_text().splitlines() if "elsewhere" in line]
        assert len(lines) == (target == "stderr")
        assert all(json.loads(line)["action"] == "sandbox.delete" for line in lines)
        assert not server.data.joinpath("audit").exists()
    finally:
        server.clean()


def test_a_file_that_cannot_be_written_stops_the_start() -> None:
    server = Server("--audit-log", "/nowhere/audit.jsonl")
    try:
        assert server.spawn().wait(timeout=20) == 1
        line = server.log.read_text()
        assert line.startswith("xgen-server: --audit-log: ") and line.count("\n") == 1
        assert "/nowhere/audit.jsonl" in line
    finally:
        server.clean()


def test_a_file_that_cannot_be_written_for_a_while_is_said_and_tried_again() -> None:
    server = Server()
    try:
        server.start()
        file = server.data / "audit/audit.jsonl"
        file.unlink()
        file.mkdir()
        assert send(server, "lost", "DELETE", f"{SANDBOXES}/x") == 404
        proc.eventually(
            "the log's line", lambda: "the audit log can't be written" in server.log.read_text())
        assert server.healthy()
        file.rmdir()
        proc.eventually("the next attempt", lambda: file.exists() and "lost" in file.read_text())
    finally:
        server.clean()


def test_only_admins_read_it(own_server: Server) -> None:
    for path in (LOGS, SUMMARY):
        assert own_server.raw("GET", path).status_code == 401
        assert own_server.request("GET", path).status_code == 200
        assert own_server.request("HEAD", path).content == b""


def test_the_summary_counts(own_server: Server) -> None:
    server = own_server
    sandbox = server.create().running()
    with RawWebSocket(sandbox):
        answer = server.request("GET", SUMMARY).json()
    assert answer["sandboxes"] == {
        "total": 1, "by_status": {"running": 1}, "by_template": {"python": 1},
        "by_owner": {"admin": 1}, "owners_left_out": 0}
    assert (answer["websockets"], answer["events_streams"]) == (1, 0)
    assert answer["backend"] == "local" and answer["capacity"] == {"max_sandboxes": 512}
    assert answer["audit"] == {
        "path": str(server.data / "audit/audit.jsonl"), "dropped": 0}
    assert answer["uptime_seconds"] >= 0 and answer["started_at"].endswith("Z")
    assert os.path.exists(answer["audit"]["path"])


def test_what_the_rate_limit_refuses_does_not_fill_the_log() -> None:
    server = Server("--rate-limit-per-minute", "2")
    try:
        server.start()
        statuses = [server.raw("POST", SANDBOXES, json={}).status_code for _ in range(20)]
        assert statuses == [401, 401] + 18 * [429]
        file = server.data / "audit/audit.jsonl"
        proc.eventually("the two", lambda: len(file.read_text().splitlines()) >= 2)
        assert server.end() == 0  # all is written by then
        assert [json.loads(line)["status"] for line in file.read_text().splitlines()] == [401, 401]
    finally:
        server.clean()


def test_an_upload_that_breaks_off_is_recorded(own_server: Server) -> None:
    sandbox = own_server.create().running()
    with connect(own_server) as client:
        client.sendall(
            f"PUT {sandbox.path}/files?path=a HTTP/1.1\r\nHost: x\r\nX-Request-Id: broken\r\n"
            f"Authorization: ApiKey {API_KEY}\r\nContent-Length: 100\r\n\r\nhalf".encode())
        proc.eventually("it is under way", lambda: ".xgen-write" in sandbox.sh("ls -a"))
    proc.eventually(
        "its record", lambda: [r for r in records(own_server) if r["request_id"] == "broken"])
    assert of(own_server, "broken")["action"] == "file.write"
    assert of(own_server, "broken")["status"] in (0, 400)
