"""Private previews: who sees them, and that nothing of ours reaches what runs inside."""

import json
import re
import signal
import socket
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
from preview import Preview, encoded, start_site, value
from proc import eventually
from rawhttp import connect
from roles import keyed_server
from server import SANDBOXES, Sandbox, Server
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as websocket


class Tenants:
    """A server with ann and bob, and what they do."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def ask(self, method: str, path: str, name: str = "ann", **options: Any) -> Any:
        headers = {"Authorization": f"ApiKey {name}-key"}
        return self.server.raw(method, path, headers=headers, **options)

    def token(self, name: str = "ann") -> str:
        answer = self.server.raw("POST", "/api/v1/auth/token", json={"api_key": f"{name}-key"})
        return answer.json()["token"]

    def link(self, preview: Preview, name: str = "ann", **order: Any) -> dict[str, Any]:
        path = f"{preview.sandbox.path}/previews/{preview.port}/links"
        answer = self.ask("POST", path, name, json=order)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def tenants() -> Iterator[Tenants]:
    with keyed_server() as server:
        yield Tenants(server)


def made(tenants: Tenants, **fields: Any) -> Sandbox:
    answer = tenants.ask("POST", SANDBOXES, json={"template": "python", **fields})
    assert answer.status_code == 201, answer.text
    return Sandbox(tenants.server, answer.json()).running()


@pytest.fixture(scope="module")
def site(tenants: Tenants) -> Preview:
    sandbox = made(tenants, preview_access="private")
    assert sandbox.created["preview_access"] == "private"
    return start_site(sandbox, Authorization="ApiKey ann-key")


def cookie(tenants: Tenants, site: Preview, token: str | None = None) -> str:
    """What a browser sends after it was there with a token."""
    answer = site.request(path=f"/?token={token or tenants.token()}")
    assert answer.status == 303, answer
    return answer.get("Set-Cookie").partition(";")[0]


def test_without_credentials_it_is_401(site: Preview) -> None:
    for fields in ({}, {"Authorization": "Basic YTpi"}, {"Cookie": "xgen-preview=1.9.l0.x"}):
        answer = site.request(**fields)
        assert (answer.status, answer.json()["code"]) == (401, "UNAUTHORIZED")
        assert answer.get("WWW-Authenticate")
    page = site.request(Accept="text/html")
    assert page.status == 401 and b"This preview is private" in page.body


def test_other_peoples_keys_do_not_open_it(tenants: Tenants, site: Preview) -> None:
    for name, status in (("bob", 404), ("eve", 404), ("root", 200), ("ann", 200)):
        for credential in (f"ApiKey {name}-key", f"Bearer {tenants.token(name)}"):
            assert site.request(Authorization=credential).status == status, credential
        asked = site.request(path=f"/?token={tenants.token(name)}")
        assert asked.status == (303 if status == 200 else status), name
    assert site.request(Authorization="ApiKey wrong").status == 401
    assert site.request(path="/?token=ann-key").status == 401, "a key is no token"


def test_a_token_in_the_url_becomes_a_cookie(tenants: Tenants, site: Preview) -> None:
    answer = site.request(path=f"/a/b?x=1&token={tenants.token()}&y=%26")
    assert (answer.status, answer.body) == (303, b"")
    assert answer.get("Location") == f"http://{site.host}/a/b?x=1&y=%26"
    assert answer.get("Cache-Control") == "no-store"
    assert answer.get("Referrer-Policy") == "no-referrer"
    (told,) = answer.all("Set-Cookie")
    assert re.fullmatch(
        r"xgen-preview=[\w.-]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Lax", told)
    assert tenants.token().split(".")[2] not in told
    echo = site.echo(path="/a/b?x=1&y=%26", Cookie=f"own=1; {told.partition(';')[0]}; other=2")
    assert value(echo, "Cookie") == "own=1; other=2"


def test_a_path_with_two_slashes_leads_nowhere_else(tenants: Tenants, site: Preview) -> None:
    answer = site.request(path=f"//evil.example/?token={tenants.token()}")
    assert answer.get("Location") == f"http://{site.host}//evil.example/"


def test_nothing_of_ours_reaches_the_sandbox(tenants: Tenants, site: Preview) -> None:
    token, mine = tenants.token(), cookie(tenants, site)
    credentials = [
        {"Authorization": "ApiKey ann-key"}, {"Authorization": f"Bearer {token}"},
        {"Authorization": "apikey  ann-key"}, {"Cookie": mine}, {"Cookie": f"{mine}; {mine}"},
        {"Cookie": f"a=1; {mine}", "Authorization": f"Bearer {token}"},
    ]
    secrets = ["ann-key", token, token.split(".")[2], mine.partition("=")[2]]
    for fields in credentials:
        for method, path in (("GET", "/"), ("POST", f"/?token={token}"), ("POST", f"/?a&token={token}&b")):
            echo = site.echo(method, path, **fields)
            for secret in secrets:
                assert secret not in echo["head"], (fields, path)
    echo = site.echo("POST", f"/?token={token}&a=%20&token=theirs", Authorization=f"Bearer {token}")
    assert echo["head"].startswith("POST /?a=%20&token=theirs HTTP/1.1\r\n")


def test_what_is_the_applications_own_does(tenants: Tenants, site: Preview) -> None:
    mine = cookie(tenants, site)
    for own in ("Basic dTpw", "Bearer theirs", "Bearer a.b.c", "Token x", "Digest a=b"):
        echo = site.echo(path="/?token=theirs", Authorization=own, Cookie=f"{mine}; token=y")
        assert value(echo, "Authorization") == own
        assert echo["head"].startswith("GET /?token=theirs HTTP/1.1")
        assert value(echo, "Cookie") == "token=y"


def test_a_public_preview_keeps_ours_as_well(tenants: Tenants) -> None:
    sandbox = made(tenants)
    assert "preview_access" not in sandbox.created
    site = start_site(sandbox, Authorization="ApiKey ann-key")
    token = tenants.token()
    for fields in ({"Authorization": f"Bearer {token}"}, {"Authorization": "ApiKey ann-key"}):
        assert value(site.echo(**fields), "Authorization") is None
    answer = site.request(path=f"/?token={token}&x")
    assert (answer.status, answer.get("Location")) == (303, f"http://{site.host}/?x")
    assert answer.all("Set-Cookie") == []
    assert value(site.echo(Authorization="Bearer theirs"), "Authorization") == "Bearer theirs"
    sandbox.delete()


def test_a_header_sets_the_cookie_on_the_answer(tenants: Tenants, site: Preview) -> None:
    answer = site.request(Authorization="ApiKey ann-key")
    (told,) = answer.all("Set-Cookie")
    assert site.request(Cookie=told.partition(";")[0]).status == 200
    again = site.request(Authorization="ApiKey ann-key", Cookie=told.partition(";")[0])
    assert again.all("Set-Cookie") == []


def test_the_cookie_is_for_its_own_port_and_sandbox(tenants: Tenants, site: Preview) -> None:
    mine = cookie(tenants, site)
    assert Preview(site.sandbox, 8001).request(Cookie=mine).status == 401
    other = made(tenants, preview_access="private")
    assert Preview(other, 8000).request(Cookie=mine).status == 401
    other.delete()


@pytest.mark.parametrize("method, site_, mode, status", [
    ("GET", None, None, 200), ("POST", None, None, 200), ("GET", "none", "navigate", 200),
    ("POST", "same-origin", "cors", 200), ("GET", "cross-site", "navigate", 200),
    ("GET", "same-site", "navigate", 200), ("POST", "cross-site", "navigate", 403),
    ("GET", "cross-site", "no-cors", 403), ("GET", "same-site", "cors", 403),
    ("POST", "same-site", "navigate", 403),
])
def test_other_sites_pages_only_lead_there(
    tenants: Tenants, site: Preview, method: str, site_: str | None, mode: str | None, status: int
) -> None:
    fields = {"Cookie": cookie(tenants, site)}
    fields |= {"Sec_Fetch_Site": site_} if site_ else {}
    fields |= {"Sec_Fetch_Mode": mode} if mode else {}
    assert site.request(method, **fields).status == status


def open_socket(site: Preview, query: str = "", origin: str | None = None, **fields: str) -> str:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    with websocket(f"ws://{site.host}/socket{query}", sock=connect(site.sandbox.server),
                   origin=origin, additional_headers=headers) as web:
        web.send("hello")
        return web.recv(timeout=10)


def test_a_websocket_wants_the_previews_own_page(tenants: Tenants, site: Preview) -> None:
    mine = cookie(tenants, site)
    assert open_socket(site, origin=f"http://{site.host}", Cookie=mine) == "hello"
    for origin in (None, "http://evil.example", "null", "http://localhost:8080"):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(site, origin=origin, Cookie=mine)
        assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        open_socket(site, origin=f"http://{site.host}")
    assert refused.value.response.status_code == 401


def test_programs_open_a_websocket_with_a_token(tenants: Tenants, site: Preview) -> None:
    assert open_socket(site, Authorization="ApiKey ann-key") == "hello"
    assert open_socket(site, query=f"?token={tenants.token()}") == "hello"


def test_a_sandbox_sets_no_cookie_for_others(tenants: Tenants, site: Preview) -> None:
    text = "".join((
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1; Path=/\r\n",
        "Set-Cookie: b=2; Domain=preview.localhost; Secure\r\nSet-Cookie: c=3; domain=.localhost\r\n",
        "Set-Cookie: xgen-preview=evil\r\nSet-Cookie: __Host-xgen-preview=evil; Path=/\r\n",
        "Set-Cookie: =xgen-preview=evil\r\nSet-Cookie: b=4\r\n\r\n"))
    answer = site.request(path=f"/raw/{encoded(text)}", Cookie=cookie(tenants, site))
    assert answer.all("Set-Cookie") == ["a=1; Path=/", "b=2; Secure", "c=3", "b=4"]


def test_a_sandbox_takes_no_neighbours_cookies_away(site: Preview, tenants: Tenants) -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nClear-Site-Data: \"cookies\"\r\nA: b\r\n\r\n"
    answer = site.request(path=f"/raw/{encoded(text)}", Cookie=cookie(tenants, site))
    assert answer.get("Clear-Site-Data") is None and answer.get("A") == "b"


def test_no_cache_keeps_our_cookie(site: Preview, tenants: Tenants) -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control: public, max-age=9\r\n\r\n"
    path = f"/raw/{encoded(text)}"
    answer = site.request(path=path, Authorization="ApiKey ann-key")
    assert answer.all("Set-Cookie") and answer.all("Cache-Control") == ["no-store"]
    own = site.request(path=path, Cookie=cookie(tenants, site))
    assert not own.all("Set-Cookie") and own.all("Cache-Control") == ["public, max-age=9"]


def test_a_token_that_strayed_does_not_reach_the_sandbox(tenants: Tenants, site: Preview) -> None:
    token, mine = tenants.token(), cookie(tenants, site)
    echo = site.echo(Cookie=mine, Referer=f"http://{site.host}/a?token={token}")
    assert value(echo, "Referer") is None
    assert value(site.echo(Cookie=mine, Referer="http://x/?token=y"), "Referer") == "http://x/?token=y"
    echo = site.echo(Cookie=mine, Sec_WebSocket_Protocol=f"chat, bearer.{token} ,bearer.theirs")
    assert value(echo, "Sec-WebSocket-Protocol") == "chat, bearer.theirs"


def opened(site: Preview, path: str, **fields: str) -> socket.socket:
    """A connection whose request is answered on and on."""
    connection = connect(site.sandbox.server)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\n{lines}\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    assert data.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 101 ")), data
    return connection


def is_cut(connection: socket.socket) -> bool:
    connection.settimeout(5)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    finally:
        connection.close()
    return True


UPGRADE = {"Connection": "Upgrade", "Upgrade": "raw"}


def test_what_a_link_opened_ends_with_it(tenants: Tenants, site: Preview) -> None:
    path = tenants.link(site)["url"].partition(site.host)[2]
    mine = site.request(path=path).get("Set-Cookie").partition(";")[0]
    own = opened(site, "/headless", Authorization="ApiKey ann-key", **UPGRADE)
    cut = [opened(site, "/events", Cookie=mine),
           opened(site, "/headless", Cookie=mine, Origin=f"http://{site.host}", **UPGRADE)]
    assert tenants.ask("DELETE", f"{site.sandbox.path}/previews/links").status_code == 204
    assert [is_cut(connection) for connection in cut] == [True, True]
    own.sendall(b"still here")
    while not (data := own.recv(65536)).endswith(b"still here"):
        assert data
    own.close()


def test_what_a_key_opened_ends_with_it() -> None:
    with keyed_server() as server:
        tenants = Tenants(server)
        sandbox = made(tenants, preview_access="private")
        site = start_site(sandbox, Authorization="ApiKey ann-key")
        kept = opened(site, "/headless", Authorization="ApiKey root-key", **UPGRADE)
        cut = opened(site, "/headless", Authorization="ApiKey ann-key", **UPGRADE)
        path = server.folder / "keys.json"
        path.write_text(json.dumps(
            [entry for entry in json.loads(path.read_text()) if entry["name"] != "ann"]))
        server.process.send_signal(signal.SIGHUP)
        assert is_cut(cut)
        kept.sendall(b"still here")
        while not (data := kept.recv(65536)).endswith(b"still here"):
            assert data
        kept.close()


# Links.


def test_a_link_opens_one_preview_until_it_is_revoked(tenants: Tenants, site: Preview) -> None:
    link = tenants.link(site, expires_in_seconds=600)
    url = link["url"]
    assert url.startswith(f"http://{site.host}/?token=")
    path = url.removeprefix(f"http://{site.host}")
    answer = site.request(path=path)
    assert (answer.status, answer.get("Location")) == (303, f"http://{site.host}/")
    mine = answer.get("Set-Cookie").partition(";")[0]
    assert 500 < int(re.search(r"Max-Age=(\d+)", answer.get("Set-Cookie"))[1]) <= 600
    assert site.request(Cookie=mine).status == 200
    assert Preview(site.sandbox, 8001).request(path=path).status == 401
    assert "xgl1" not in site.echo("POST", path)["head"]
    revoked = tenants.ask("DELETE", f"{site.sandbox.path}/previews/links")
    assert revoked.status_code == 204
    assert site.request(path=path).status == 401
    assert site.request(Cookie=mine).status == 401
    assert site.request(path=tenants.link(site)["url"].removeprefix(f"http://{site.host}")).status == 303


def test_links_are_bounded_in_time(tenants: Tenants, site: Preview) -> None:
    def seconds(**order: Any) -> float:
        end = datetime.fromisoformat(tenants.link(site, **order)["expires_at"])
        return (end - datetime.now(timezone.utc)).total_seconds()

    assert 86_000 < seconds() <= 86_400
    assert 86_000 < seconds(expires_in_seconds=-1) <= 86_400
    assert 604_000 < seconds(expires_in_seconds=10**9) <= 604_800
    assert 5 < seconds(expires_in_seconds=10) <= 10
    path = f"{site.sandbox.path}/previews"
    assert tenants.ask("POST", f"{path}/0/links").status_code == 400
    assert tenants.ask("POST", f"{path}/65536/links").status_code == 400
    assert tenants.ask("POST", f"{path}/8000/links", json={"expires_in_seconds": "x"}).status_code == 400
    assert tenants.ask("POST", f"{path}/8000/links").status_code == 201, "without a body"


def test_revocation_survives_kill_9() -> None:
    with keyed_server() as server:
        tenants = Tenants(server)
        sandbox = made(tenants, preview_access="private", preview_host="localhost")
        site = start_site(sandbox, Authorization="ApiKey ann-key")
        links = [tenants.link(site)["url"].partition(f"{site.host}")[2]]
        assert tenants.ask("DELETE", f"{sandbox.path}/previews/links").status_code == 204
        links.append(tenants.link(site)["url"].partition(f"{site.host}")[2])
        server.end(signal.SIGKILL)
        server.start()
        site = Preview(sandbox.running(), 8000)
        assert [site.request(path=path).status for path in links] == [401, 303]
        assert site.request().status == 401, "it is still private"
        told = eventually("the site answers", lambda: site.echo(Authorization="ApiKey ann-key"))
        assert value(told, "Host") == "localhost:8000"


def test_the_servers_default_can_be_private() -> None:
    server = Server("--preview-access", "private")
    try:
        server.start()
        closed, open_ = server.create().running(), server.create(preview_access="public").running()
        assert Preview(closed, 1).request().status == 401
        assert Preview(open_, 1).request().status == 502
    finally:
        server.clean()


@pytest.mark.parametrize("field", ["preview_access", "preview_host"])
def test_unknown_choices_are_400(server: Server, field: str) -> None:
    for wrong in ("", "nobody", 1):
        answer = server.request("POST", SANDBOXES, json={field: wrong})
        assert answer.status_code == 400 and field in answer.json()["error"]


# preview_host.


@pytest.fixture(scope="module")
def local(server: Server) -> Iterator[Preview]:
    sandbox = server.create(preview_host="localhost").running()
    assert sandbox.created["preview_host"] == "localhost"
    yield start_site(sandbox)
    server.request("DELETE", sandbox.path)


def test_servers_that_want_localhost_get_it(local: Preview) -> None:
    echo = local.echo(Origin=f"http://{local.host}")
    assert value(echo, "Host") == "localhost:8000"
    assert value(echo, "Origin") == "http://localhost:8000"
    assert value(echo, "X-Forwarded-Host") == local.host
    assert value(local.echo(Origin="http://evil.example"), "Origin") == "http://evil.example"
    assert value(local.echo(Origin="null"), "Origin") == "null"


def test_their_redirects_lead_back(local: Preview) -> None:
    for told, expected in (
        ("http://localhost:8000/a?b", f"http://{local.host}/a?b"), ("/a", "/a"),
        ("http://localhost:9/a", "http://localhost:9/a"), ("https://x.example/", "https://x.example/"),
    ):
        text = f"HTTP/1.1 302 Found\r\nLocation: {told}\r\nContent-Length: 0\r\n\r\n"
        assert local.request(path=f"/raw/{encoded(text)}").get("Location") == expected


def test_their_websockets_as_well(local: Preview) -> None:
    with connect(local.sandbox.server) as connection:
        connection.sendall(
            f"GET /headless HTTP/1.1\r\nHost: {local.host}\r\nOrigin: http://{local.host}\r\n"
            f"Connection: Upgrade\r\nUpgrade: raw\r\n\r\n".encode())
        data = b""
        while data.count(b"\r\n\r\n") < 2:
            data += connection.recv(65536)
        connection.shutdown(socket.SHUT_WR)
    assert b"\r\nHost: localhost:8000\r\n" in data and b"\r\nOrigin: http://localhost:8000\r\n" in data
