"""Web pages of other origins: nothing unless the operator names them."""

from collections.abc import Iterator

import pytest
import requests
from server import API_KEY, SANDBOXES, Server

APP = "https://app.example"
NAMES = {"Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
         "Access-Control-Allow-Headers", "Access-Control-Expose-Headers"}


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    server = Server("--cors-origin", f"{APP},http://localhost:3000")
    try:
        yield server.start()
    finally:
        server.clean()


def preflight(server: Server, path: str, method: str, origin: str = APP) -> requests.Response:
    return server.raw("OPTIONS", path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization, content-type"})


def test_off_means_no_header(server: Server) -> None:
    answers = [preflight(server, SANDBOXES, "POST"),
               server.request("GET", SANDBOXES, headers={"Origin": APP})]
    for answer in answers:
        assert not NAMES & set(answer.headers) and "Vary" not in answer.headers


@pytest.mark.parametrize(("path", "method"), [
    (SANDBOXES, "POST"), (SANDBOXES, "GET"), (SANDBOXES + "/x", "DELETE"),
    (SANDBOXES + "/x/exec", "POST"), (SANDBOXES + "/x/keepalive", "POST"),
    (SANDBOXES + "/x/services", "GET"), ("/api/v1/auth/token", "POST"),
])
def test_a_preflight_needs_no_credentials(open_server: Server, path: str, method: str) -> None:
    answer = preflight(open_server, path, method)
    assert (answer.status_code, answer.content) == (204, b"")
    headers = answer.headers
    assert headers["Access-Control-Allow-Origin"] == APP
    assert method in headers["Access-Control-Allow-Methods"].split(", ")
    allowed = {name.lower() for name in headers["Access-Control-Allow-Headers"].split(", ")}
    assert {"authorization", "content-type", "idempotency-key", "x-request-id", "last-event-id",
            "range", "if-none-match", "if-match"} <= allowed
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in headers


def test_a_preflight_of_another_origin_or_an_unknown_path_is_told_nothing(
    open_server: Server
) -> None:
    for answer in (preflight(open_server, SANDBOXES, "GET", "https://evil.example"),
                   preflight(open_server, SANDBOXES, "GET", APP + ".evil")):
        assert answer.status_code == 204 and not NAMES & set(answer.headers)
        assert answer.headers["Vary"] == "Origin" and answer.headers["Allow"]
    unknown = preflight(open_server, "/nothing", "GET")
    assert unknown.status_code == 404


def test_every_answer_may_be_read(open_server: Server) -> None:
    key = {"Authorization": f"ApiKey {API_KEY}", "Origin": APP}
    for status, method, path, headers, options in (
        (200, "GET", SANDBOXES, key, {}),
        (401, "GET", SANDBOXES, {"Origin": APP}, {}),
        (404, "GET", SANDBOXES + "/x", key, {}),
        (404, "GET", "/nothing", key, {}),
        (405, "PUT", SANDBOXES, key, {}),
        (400, "POST", SANDBOXES, key, {"data": "{"}),
        (415, "POST", SANDBOXES, {**key, "Content-Type": "text/xml"}, {"data": "{}"}),
        (426, "GET", SANDBOXES + "/x/ws", key, {}),
        (200, "GET", "/healthz", {"Origin": APP}, {}),
    ):
        answer = open_server.raw(method, path, headers=headers, **options)
        assert answer.status_code == status, (path, answer.text)
        assert answer.headers["Access-Control-Allow-Origin"] == APP, path
        assert answer.headers["Vary"] == "Origin"
        exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
        assert {"X-Request-Id", "Retry-After", "RateLimit-Limit", "RateLimit-Remaining",
                "RateLimit-Reset", "Link", "ETag", "Content-Range",
                "X-Xgen-Not-Enforced"} <= set(exposed)
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_star_is_for_every_page() -> None:
    server = Server("--cors-origin", "*")
    try:
        server.start()
        for origin in (APP, "null", "http://localhost:1"):
            answer = server.raw("GET", SANDBOXES, headers={"Origin": origin})
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert preflight(server, SANDBOXES, "GET", origin).status_code == 204
    finally:
        server.clean()
