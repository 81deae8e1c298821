"""Walks the API's reference from top to bottom: each request as it stands there, each answer held
to the shape that stands there."""

import re
from typing import Any

import requests
from server import API_KEY, Server
from wire import SANDBOX_READY, Wire

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
URL = re.compile(r"(https?|wss?)://\S+")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")
ANYTHING = re.compile(r".*", re.DOTALL)

RESPONSE: dict[str, Any] = {
    "id": re.compile(r"[a-z0-9-]+"),
    "status": re.compile("starting|running|stopping|stopped|error"),
    "template": re.compile("base|nodejs|python|go|gui"),
    "ws_url": URL,
    "preview_urls": {"3000": URL, "8080": URL},
    "vnc_url": None,
    "created_at": TIME,
    "expires_at": TIME,
    "metadata": {"user": "alice", "project": "demo"},
    # Ours: the one member that the reference does not have.
    "network": "none",
}
ERROR = {"error": ANYTHING, "code": re.compile("[A-Z_]+")}


def same_shape(value: Any, shape: Any, where: str = "") -> None:
    """Fails unless the value has exactly the shape's members, and texts that match its patterns."""
    if isinstance(shape, dict):
        assert isinstance(value, dict) and set(value) == set(shape), (where, value)
        for name, part in shape.items():
            same_shape(value[name], part, f"{where}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), (where, value)
        for element in value:
            same_shape(element, shape[0], f"{where}[]")
    elif isinstance(shape, re.Pattern):
        assert isinstance(value, str) and shape.fullmatch(value), (where, value)
    else:
        assert value == shape and type(value) is type(shape), (where, value)


def json(answer: requests.Response, status: int, shape: Any) -> Any:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    same_shape(answer.json(), shape)
    return answer.json()


def empty(answer: requests.Response) -> None:
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Length" not in answer.headers


def test_the_reference_from_top_to_bottom(server: Server) -> None:
    # Authentication: both schemes; the token lives 15 minutes.
    token = json(
        server.raw("POST", "/api/v1/auth/token", json={"api_key": API_KEY}), 200,
        {"token": JWT, "expires_at": TIME})["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    key = {"Authorization": f"ApiKey {API_KEY}"}

    # Create, with every field of the example.
    order = {
        "template": "nodejs", "timeout_seconds": 3600, "env": {"NODE_ENV": "development"},
        "ports": [3000, 8080], "gui": False, "metadata": {"user": "alice", "project": "demo"},
    }
    created = json(
        server.raw("POST", "/api/v1/sandboxes", json=order, headers=bearer), 201, RESPONSE)
    assert created["template"] == "nodejs"
    path = f"/api/v1/sandboxes/{created['id']}"
    assert created["ws_url"].endswith(f"{path}/ws")
    for port, url in created["preview_urls"].items():
        assert f"://sbx-{created['id']}-{port}." in url

    # List and get.
    listed = server.raw("GET", "/api/v1/sandboxes", headers=key)
    (own,) = [each for each in listed.json() if each["id"] == created["id"]]
    same_shape(own, RESPONSE)
    json(server.raw("GET", path, headers=bearer), 200, RESPONSE)

    # Keepalive: one hour more.
    empty(server.raw("POST", f"{path}/keepalive", headers=bearer))
    later = json(server.raw("GET", path, headers=key), 200, RESPONSE)
    assert later["expires_at"] > created["expires_at"]

    # Exec, with every field of the example.
    command = {
        "command": "node", "args": ["-e", "console.log('hello')"], "env": {"FOO": "bar"},
        "cwd": "/home/sandbox/workspace", "timeout_seconds": 30,
    }
    json(
        server.raw("POST", f"{path}/exec", json=command, headers=bearer), 200,
        {"exit_code": 0, "stdout": "hello\n", "stderr": ""})
    show = {"command": "sh", "args": ["-c", "echo $NODE_ENV $FOO"], "env": {"FOO": "bar"}}
    answer = server.raw("POST", f"{path}/exec", json=show, headers=key)
    assert answer.json()["stdout"] == "development bar\n"

    # WebSocket, by the token in the query.
    with Wire(server.address.replace("http", "ws", 1) + f"{path}/ws?token={token}") as wire:
        assert wire.receive().type == SANDBOX_READY

    # Services: a list of ports.
    services = json(
        server.raw("GET", f"{path}/services", headers=bearer), 200,
        [{"port": ANYTHING, "preview_url": URL}])
    assert services == []

    # Delete; then it is not found, in the shape of errors.
    empty(server.raw("DELETE", path, headers=bearer))
    gone = server.raw("GET", path, headers=bearer)
    json(gone, 404, {**ERROR, "details": ANYTHING})
    assert gone.json()["code"] == "SANDBOX_NOT_FOUND"

    # Health and metrics, without authentication.
    assert server.raw("GET", "/healthz").text == "ok"
    page = server.raw("GET", "/metrics").text
    for name, kind in [
        ("xgen_http_requests_total", "counter"),
        ("xgen_http_request_duration_seconds", "histogram"),
        ("xgen_sandboxes_active", "gauge"), ("xgen_sandbox_create_total", "counter"),
        ("xgen_sandbox_delete_total", "counter"),
    ]:
        assert f"# TYPE {name} {kind}\n" in page
    assert re.search(
        r'xgen_http_requests_total\{method="GET",path="/api/v1/sandboxes/\{id\}",status="200"\}',
        page)

    # Errors.
    json(server.raw("GET", "/api/v1/sandboxes"), 401, ERROR)
    json(server.raw("POST", "/api/v1/sandboxes", data="{", headers=bearer), 400, ERROR)
    json(server.raw("GET", "/api/v1/sandboxes/never", headers=bearer), 404, ERROR)
