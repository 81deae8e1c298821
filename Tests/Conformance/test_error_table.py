"""Each row of the API's table of errors: what brings it about, its status, its code, its headers.

SANDBOX_NOT_READY needs a sandbox that does not get ready: LyingSidecarTests has it.
"""

import os
import signal
import socket
from collections.abc import Callable

import proc
import requests
from preview import Preview, Response
from rawhttp import drain
from roles import keyed_server
from server import API_KEY, SANDBOXES, Sandbox, Server

KEY = {"Authorization": f"ApiKey {API_KEY}"}


def refused(answer: requests.Response, status: int, code: str, *headers: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert isinstance(answer.json()["error"], str) and answer.json()["error"]
    for name in headers:
        assert answer.headers.get(name), (name, dict(answer.headers))


def test_invalid_request(server: Server) -> None:
    refused(server.request("POST", SANDBOXES, data=b"{"), 400, "INVALID_REQUEST")


def test_invalid_parameter(server: Server) -> None:
    refused(server.request("POST", SANDBOXES, json={"ports": [0]}), 400, "INVALID_PARAMETER")


def test_unauthorized(server: Server) -> None:
    refused(server.raw("GET", SANDBOXES), 401, "UNAUTHORIZED", "WWW-Authenticate")


def test_forbidden() -> None:
    with keyed_server() as server:
        headers = {"Authorization": "ApiKey eve-key"}
        refused(server.raw("POST", SANDBOXES, json={}, headers=headers), 403, "FORBIDDEN")


def test_not_found(server: Server) -> None:
    refused(server.request("GET", "/api/v1/nothing"), 404, "NOT_FOUND")


def test_sandbox_not_found(server: Server) -> None:
    refused(server.request("GET", f"{SANDBOXES}/{'a' * 16}"), 404, "SANDBOX_NOT_FOUND")


def test_method_not_allowed(server: Server) -> None:
    refused(server.request("PUT", SANDBOXES), 405, "METHOD_NOT_ALLOWED", "Allow")


def test_idempotency_mismatch(server: Server) -> None:
    key = {"Idempotency-Key": "error-table"}
    made = server.request("POST", SANDBOXES, json={}, headers=key)
    other = server.request("POST", SANDBOXES, json={"template": "python"}, headers=key)
    refused(other, 409, "IDEMPOTENCY_MISMATCH")
    Sandbox(server, made.json()).delete()


def test_sandbox_expired(server: Server) -> None:
    sandbox = server.create(timeout_seconds=1)
    proc.eventually(
        "410", lambda: server.request("GET", sandbox.path).status_code == 410)
    refused(server.request("GET", sandbox.path), 410, "SANDBOX_EXPIRED")


def test_payload_too_large(server: Server) -> None:
    body = b'{"metadata":{"a":"' + b"a" * (1 << 20) + b'"}}'
    refused(server.request("POST", SANDBOXES, data=body), 413, "PAYLOAD_TOO_LARGE")


def test_quota_exceeded() -> None:
    server = Server("--rate-limit-per-minute", "1")
    try:
        server.start()
        assert server.raw("GET", SANDBOXES, headers=KEY).status_code == 200
        refused(
            server.raw("GET", SANDBOXES, headers=KEY), 429, "QUOTA_EXCEEDED", "Retry-After",
            "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    finally:
        server.clean()


def test_internal() -> None:
    server = Server()
    try:
        server.start()
        # What should be the audit log can't be read as one.
        file = server.data / "audit" / "audit.jsonl"
        file.unlink()
        file.mkdir()
        answer = server.raw("GET", "/api/v1/admin/audit-logs", headers=KEY)
        refused(answer, 500, "INTERNAL")
        assert server.healthy()
    finally:
        server.clean()


def test_sandbox_unreachable(server: Server, new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox()
    os.kill(sandbox.sidecar(), signal.SIGKILL)
    proc.eventually("error", lambda: sandbox.get()["status"] == "error")
    refused(sandbox.exec_response("true"), 502, "SANDBOX_UNREACHABLE")


def test_sandbox_create_failed() -> None:
    # One host user for sandboxes: there is none for a second. Without root there is one for all.
    server = Server("--uid-range", "61000-61000")
    try:
        server.start()
        first = server.raw("POST", SANDBOXES, json={}, headers=KEY)
        assert first.status_code == 201
        second = {"template": "base"} if os.geteuid() == 0 else {"gui": True}
        answer = server.raw("POST", SANDBOXES, json=second, headers=KEY)
        refused(answer, 503, "SANDBOX_CREATE_FAILED", "Retry-After")
    finally:
        server.clean()


def test_capacity_exhausted() -> None:
    server = Server("--max-sandboxes", "1")
    try:
        server.start()
        assert server.raw("POST", SANDBOXES, json={}, headers=KEY).status_code == 201
        answer = server.raw("POST", SANDBOXES, json={}, headers=KEY)
        refused(answer, 503, "CAPACITY_EXHAUSTED", "Retry-After")
    finally:
        server.clean()


def test_shutting_dServer() -> None:
    server = Server()
    try:
        server.start()
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            head = f"POST {SANDBOXES} HTTP/1.1\r\nHost: x\r\nAuthorization: ApiKey {API_KEY}\r\n"
            connection.sendall(head.encode() + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            # The request is under way when the server is told to end.
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
            assert server.process
            server.process.send_signal(signal.SIGTERM)
            proc.eventually("its end begins", lambda: "shutting down" in server.log.read_text())
            connection.sendall(b"{}")
            answer, _ = drain(connection)
        assert answer.startswith(b"HTTP/1.1 503 ") and b'"SHUTTING_DOWN"' in answer, answer
        assert b"\r\nRetry-After: " in answer
        assert server.process.wait(timeout=20) == 0
    finally:
        server.clean()


# On the names of previews.


def preview_refused(answer: Response, status: int, code: str, *headers: str) -> None:
    assert (answer.status, answer.json()["code"]) == (status, code), answer
    assert answer.get("Content-Type") == "application/json" and answer.json()["error"]
    for name in (*headers, "X-Request-Id"):
        assert answer.get(name), (name, answer)


def test_of_a_preview(shared: Sandbox) -> None:
    preview = Preview(shared, 5998)
    domain = f"preview.localhost:{shared.server.port}"
    preview_refused(preview.request(host=f"nothing.{domain}"), 404, "NOT_FOUND")
    preview_refused(preview.request(host=f"sbx-{'a' * 16}-80.{domain}"), 404, "SANDBOX_NOT_FOUND")
    preview_refused(preview.request("TRACE"), 405, "METHOD_NOT_ALLOWED", "Allow")
    preview_refused(preview.request(), 502, "SANDBOX_UNREACHABLE")


def test_of_a_private_preview(new_sandbox: Callable[..., Sandbox]) -> None:
    preview = Preview(new_sandbox(preview_access="private"), 5998)
    preview_refused(preview.request(), 401, "UNAUTHORIZED", "WWW-Authenticate")
    answer = preview.request(Authorization=f"ApiKey {API_KEY}")
    mine = answer.get("Set-Cookie")
    # Nothing listens there, and so no cookie is set: a token in the address sets it before.
    assert mine is None and answer.status == 502
    mine = preview.request(path=f"/?token={preview.sandbox.server.token()}").get("Set-Cookie")
    answer = preview.request(Cookie=mine.partition(";")[0], Sec_Fetch_Site="cross-site")
    preview_refused(answer, 403, "FORBIDDEN")


def test_of_a_preview_of_an_ended_sandbox(server: Server) -> None:
    sandbox = server.create(timeout_seconds=1)
    preview = Preview(sandbox, 5998)
    proc.eventually("410", lambda: preview.request().status == 410)
    preview_refused(preview.request(), 410, "SANDBOX_EXPIRED")


def test_exec_timeout(shared: Sandbox) -> None:
    answer = shared.exec_response("sh", "-c", "echo part; sleep 60", timeout_seconds=1)
    refused(answer, 504, "EXEC_TIMEOUT")
    assert answer.json()["stdout"] == "part\n"
