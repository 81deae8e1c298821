"""Every REST error has its status, its code and the documented shape."""

import base64
import json
import socket
from typing import Any

import pytest
import requests
from server import API_KEY, SANDBOXES, Sandbox, Server

NEVER_MADE = SANDBOXES + "/aaaaaaaaaaaaaaaa"


def expect(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    """Checks an error's shape and returns its body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert answer.headers["X-Request-Id"]
    body = answer.json()
    assert body["code"] == code, body
    assert isinstance(body["error"], str) and body["error"], body
    assert isinstance(body.get("details", ""), str), body
    return body


def base64url(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def bad_tokens(good: str) -> dict[str, str]:
    head, claims, signature = good.split(".")
    none, admin = {"alg": "none", "typ": "JWT"}, {"sub": "x", "role": "admin", "exp": 9e9}
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    return {
        "empty": "Bearer ",
        "nonsense": "Bearer nonsense",
        "wrong signature": f"Bearer {head}.{claims}.{flipped}",
        "no signature": f"Bearer {head}.{claims}.",
        "other claims": f"Bearer {head}.{base64url(admin)}.{signature}",
        "algorithm none": f"Bearer {base64url(none)}.{claims}.",
        "two parts": f"Bearer {head}.{claims}",
        "four parts": f"Bearer {good}.x",
        "another scheme": "Basic YTpi",
        "a wrong key": "ApiKey wrong",
        "the development key": "ApiKey xgen_dev_key",
        "a key as a token": f"Bearer {API_KEY}",
    }


def test_requests_without_credentials_are_401(server: Server) -> None:
    for method, path in (
        ("GET", SANDBOXES), ("POST", SANDBOXES), ("GET", NEVER_MADE), ("DELETE", NEVER_MADE),
        ("POST", NEVER_MADE + "/exec"), ("POST", NEVER_MADE + "/keepalive"),
        ("GET", NEVER_MADE + "/services"), ("GET", NEVER_MADE + "/ws"),
    ):
        answer = server.raw(method, path)
        expect(answer, 401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"], path


def test_bad_credentials_are_401(server: Server) -> None:
    for name, value in bad_tokens(server.token()).items():
        answer = server.raw("GET", SANDBOXES, headers={"Authorization": value})
        assert answer.status_code == 401, name
        expect(answer, 401, "UNAUTHORIZED")
        assert answer.headers["WWW-Authenticate"], name


def test_a_token_in_the_query_counts_only_for_the_websocket(server: Server) -> None:
    expect(server.raw("GET", f"{SANDBOXES}?token={server.token()}"), 401, "UNAUTHORIZED")


def test_a_wrong_api_key_gets_no_token(server: Server) -> None:
    answer = server.raw("POST", "/api/v1/auth/token", json={"api_key": "wrong"})
    expect(answer, 401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"]
    missing = server.raw("POST", "/api/v1/auth/token", json={})
    assert missing.status_code == 400 and "api_key" in missing.text, missing.text


def test_unknown_paths_are_404(server: Server) -> None:
    for path in ("/nope", "/api/v1", "/api/v1/nope", NEVER_MADE + "/nope"):
        expect(server.request("GET", path), 404, "NOT_FOUND")


def test_unknown_sandboxes_are_404(server: Server) -> None:
    for id in ("aaaaaaaaaaaaaaaa", "A", "x" * 300, "%2e%2e", "a%2fb", "a%00b", "%ff"):
        answer = server.request("GET", f"{SANDBOXES}/{id}")
        assert answer.status_code in (400, 404), id
        expect(answer, answer.status_code, answer.json()["code"])
    expect(server.request("DELETE", NEVER_MADE), 404, "SANDBOX_NOT_FOUND")
    exec = server.request("POST", NEVER_MADE + "/exec", json={"command": "true"})
    expect(exec, 404, "SANDBOX_NOT_FOUND")


def test_wrong_methods_are_405_with_the_right_ones(server: Server) -> None:
    for method, path, allowed in (
        ("PUT", SANDBOXES, {"GET", "POST"}), ("POST", NEVER_MADE, {"GET", "DELETE"}),
        ("GET", NEVER_MADE + "/exec", {"POST"}), ("POST", "/healthz", {"GET"}),
        ("GET", "/api/v1/auth/token", {"POST"}),
    ):
        answer = server.request(method, path)
        expect(answer, 405, "METHOD_NOT_ALLOWED")
        found = {name.strip() for name in answer.headers["Allow"].split(",")}
        assert allowed <= found and method not in found, (path, found)


@pytest.mark.parametrize("body", [
    b"{", b"[]", b'"text"', b"null", b'{"template": "python"} x', b"{'template': 1}",
    b'{"template": "\xff"}', b'{"a": 01}', b"[" * 200_000, b'{"timeout_seconds": 1e999}',
    b'{"timeout_seconds": 99999999999999999999999}', b'{"template": "a\x00b"}',
    b'{"template": "python", "template": "base"}', b'{"env": {"A": "1", "A": "1"}}',
    b'{"a": ' + b"[" * 32 + b"]" * 32 + b"}", b'{"template": "\\ud800"}', b"", b" ",
    b'\xef\xbb\xbf{}', b'{"a": NaN}', b'{"a": 1,}', b'{"a": .5}', b'{"a": +1}', b"{}{}",
    b'{"a": "\t"}', b'{"a": "\\x"}', b'{"\xc0\xaf": 1}', b"{}\0",
    b'{"a": [' + b"0," * 100_001 + b"0]}",
], ids=lambda body: repr(body[:24]))
def test_malformed_json_is_400(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = server.request("POST", SANDBOXES, data=body, headers=headers)
    assert answer.json()["code"] in ("INVALID_REQUEST", "INVALID_PARAMETER")
    expect(answer, 400, answer.json()["code"])


@pytest.mark.parametrize(("fields", "name"), [
    ({"template": 5}, "template"), ({"timeout_seconds": "60"}, "timeout_seconds"),
    ({"timeout_seconds": 1.5}, "timeout_seconds"), ({"env": []}, "env"),
    ({"env": {"A": 1}}, "env"), ({"env": {"1A": "x"}}, "env"),
    ({"env": {"LD_PRELOAD": "x"}}, "env"),
    ({"env": {"PATH": "x"}}, "env"), ({"ports": "3000"}, "ports"), ({"ports": [0]}, "ports"),
    ({"ports": [65536]}, "ports"), ({"ports": [80, 80]}, "ports"), ({"ports": ["80"]}, "ports"),
    ({"ports": list(range(1, 66))}, "ports"), ({"gui": "yes"}, "gui"),
    ({"metadata": "x"}, "metadata"), ({"metadata": {"a": 1}}, "metadata"),
    ({"metadata": {"k" * 129: "v"}}, "metadata"), ({"metadata": {"k": "v" * 1025}}, "metadata"),
    ({"metadata": {str(n): "" for n in range(21)}}, "metadata"), ({"resources": 1}, "resources"),
    ({"resources": {"memory": "lots"}}, "memory"), ({"resources": {"cpu": "5000m"}}, "cpu"),
], ids=str)
def test_a_bad_member_of_create_is_named(server: Server, fields: dict, name: str) -> None:
    answer = server.request("POST", SANDBOXES, json={"template": "python", **fields})
    if answer.status_code == 201:
        Sandbox(server, answer.json()).delete()
    assert answer.status_code == 400, answer.text
    body = expect(answer, 400, answer.json()["code"])
    assert name in body["error"] + body.get("details", "")


@pytest.mark.parametrize("path", ["", "/exec"])
def test_a_body_that_is_clearly_no_json_is_415(shared: Sandbox, path: str) -> None:
    url = shared.path + path if path else SANDBOXES
    for headers in (
        {"Content-Type": "text/xml"}, {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json; charset=utf-16"}, {"Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": "br"},
    ):
        answer = shared.server.request("POST", url, data=b'{"command":"true"}', headers=headers)
        expect(answer, 415, "INVALID_REQUEST")


def test_what_curl_and_browsers_say_without_being_told_is_taken(shared: Sandbox) -> None:
    for headers in (
        {}, {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=UTF-8"}, {"Content-Encoding": "identity"},
        {"Content-Type": "text/plain;charset=UTF-8"},
    ):
        answer = shared.server.request(
            "POST", shared.path + "/exec", data=b'{"command":"true"}', headers=headers)
        assert answer.status_code == 200, (headers, answer.text)


def test_an_unknown_template_is_400_with_the_known_ones(server: Server) -> None:
    answer = server.request("POST", SANDBOXES, json={"template": "cobol"})
    assert answer.status_code == 400, answer.text
    for known in ("base", "python", "nodejs", "go", "gui"):
        assert known in answer.text


@pytest.mark.parametrize(("fields", "name"), [
    ({"command": None}, "command"), ({"command": 5}, "command"), ({"command": ""}, "command"),
    ({"args": "x"}, "args"), ({"args": [1]}, "args"), ({"env": {"A": None}}, "env"),
    ({"cwd": 1}, "cwd"), ({"timeout_seconds": "1"}, "timeout_seconds"),
    ({"timeout_seconds": 0}, "timeout_seconds"), ({"timeout_seconds": 3601}, "timeout_seconds"),
    ({"stdin": 1}, "stdin"), ({"command": "a\x00b"}, "command"), ({"args": ["a\x00b"]}, "args"),
], ids=str)
def test_a_bad_member_of_exec_is_named(shared: Sandbox, fields: dict, name: str) -> None:
    body = {"command": "true", **fields}
    answer = shared.server.request("POST", shared.path + "/exec", json=body)
    assert answer.status_code == 400, answer.text
    body = expect(answer, 400, answer.json()["code"])
    assert name in body["error"] + body.get("details", "")


def test_a_body_above_one_mebibyte_is_413(server: Server) -> None:
    length = 2 * 1024 * 1024
    head = (
        f"POST {SANDBOXES} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {server.token()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        # The head tells enough; nothing of the body is sent, so that no reset can hide the answer.
        connection.sendall(head)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 "), answer
        assert b"PAYLOAD_TOO_LARGE" in answer
    assert server.healthy()


def test_a_chunked_body_above_one_mebibyte_is_413(server: Server) -> None:
    head = (
        f"POST {SANDBOXES} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {server.token()}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        # One chunk over the limit: all but a little is read, so the answer comes through.
        connection.sendall(chunk * 17)
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert server.healthy()
