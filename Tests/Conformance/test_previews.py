"""Previews: whatever listens inside a sandbox, by its name."""

import hashlib
import http.client
import re
import socket
import threading

import proc
import pytest
from preview import Preview, encoded, lines, start_site, value
from rawhttp import ask, connect
from server import Sandbox, Server
from websockets.sync.client import connect as websocket

MIB = 1024 * 1024

#: A file server with ranges, as short as it gets; http.server has none.
RANGES = """
const fs = require("fs");
require("http").createServer((request, response) => {
  const data = fs.readFileSync("digits"), range = /bytes=(\\d*)-(\\d*)/.exec(request.headers.range);
  if (!range) return response.end(data);
  let [start, end] = [range[1], range[2]];
  if (start === "") [start, end] = [data.length - end, ""];
  const last = end === "" ? data.length - 1 : Number(end);
  if (Number(start) > last) return response.writeHead(416).end();
  response.writeHead(206, { "Content-Range": `bytes ${start}-${last}/${data.length}` });
  response.end(data.subarray(Number(start), last + 1));
}).listen(3100, "127.0.0.1")
"""


@pytest.fixture(scope="module")
def site(shared: Sandbox) -> Preview:
    return start_site(shared)


def test_a_plain_python_server_is_reached_by_its_name(shared: Sandbox) -> None:
    shared.sh("mkdir -p pages && echo '<p>hello</p>' >pages/index.html && seq 100000 >pages/numbers")
    shared.background("python3 -m http.server -d pages --bind 127.0.0.1 3000")
    preview = Preview(shared, 3000).wait()
    assert preview.request().body == b"<p>hello</p>\n"
    assert preview.request(path="/nothing").status == 404
    numbers = preview.request(path="/numbers")
    assert numbers.body == "".join(f"{n}\n" for n in range(1, 100001)).encode()
    since = numbers.get("Last-Modified")
    assert preview.request(path="/numbers", If_Modified_Since=since).status == 304
    head = preview.request("HEAD", "/numbers")
    assert (head.body, head.get("Content-Length")) == (b"", str(len(numbers.body)))


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_servers_are_reached_however_they_are_bound(sandbox: Sandbox, address: str) -> None:
    assert start_site(sandbox, 4000, address).echo()["request"] >= 1


def test_names_in_any_spelling(site: Preview) -> None:
    name = site.host.partition(":")[0]
    for host in (name, name.upper(), name + ".", f"{name}:80", f"{name.capitalize()}:65535"):
        assert value(site.echo(host=host), "host") == host


@pytest.mark.parametrize("label", [
    "nothing", "sbx-{id}", "sbx-{id}-0", "sbx-{id}-65536", "sbx-{id}-08000", "sbx-{id}-x",
    "sbx-aaaaaaaaaaaaaaaa-8000", "x.sbx-{id}-8000", "sbx--8000",
])
def test_other_names_are_404(site: Preview, label: str) -> None:
    host = f"{label.format(id=site.sandbox.id)}.preview.localhost"
    answer = site.request(host=host)
    assert answer.status == 404
    assert answer.json()["code"] in ("NOT_FOUND", "SANDBOX_NOT_FOUND")
    assert answer.get("X-Request-Id")


def test_where_nothing_listens_it_is_said_how_to_start_something(shared: Sandbox) -> None:
    preview = Preview(shared, 5999)
    answer = preview.request()
    assert (answer.status, answer.json()["code"]) == (502, "SANDBOX_UNREACHABLE")
    assert "python3 -m http.server 5999" in answer.json()["error"]
    page = preview.request(Accept="text/html,*/*;q=0.8")
    assert page.status == 502 and page.get("Content-Type") == "text/html; charset=utf-8"
    text = page.body.decode()
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', text)
    assert "python3 -m http.server 5999" in text and "<script" not in text
    assert page.get("Cache-Control") == "no-store"
    assert preview.request("POST", Accept="text/html").get("Content-Type") == "application/json"


def test_a_page_quotes_nothing_as_it_came(shared: Sandbox) -> None:
    page = Preview(shared, 1).request(
        path="/<script>alert(1)</script>", host=f"sbx-{shared.id}-1.preview.localhost",
        Accept="text/html", User_Agent="<script>")
    assert b"<script" not in page.body


def test_a_sandbox_that_has_ended(new_sandbox) -> None:
    sandbox = new_sandbox()
    preview = start_site(sandbox)
    sandbox.delete()
    answer = preview.request()
    assert (answer.status, answer.json()["code"]) == (404, "SANDBOX_NOT_FOUND")
    assert b"There is no such preview" in preview.request(Accept="text/html").body


def test_targets_arrive_byte_for_byte(site: Preview) -> None:
    for target in ("/", "/a/../b//c/.%2e/", "/%00?x=%26&&y", "/?", "//evil.example/", "/[a]|{b}?^`"):
        with connect(site.sandbox.server) as connection:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
            data = b""
            while b'"head"' not in data:
                data += connection.recv(65536)
        assert f'GET {target} HTTP/1.1'.encode() in data, target


def test_what_the_server_is_told_of_the_client(site: Preview) -> None:
    echo = site.echo(
        X_Forwarded_For="1.2.3.4", X_Forwarded_Proto="https", X_Forwarded_Host="evil",
        Forwarded="for=evil", X_Real_IP="1.2.3.4", X_Forwarded_Prefix="/evil", X_Own="mine")
    assert value(echo, "X-Forwarded-For") == "127.0.0.1"
    assert value(echo, "X-Forwarded-Proto") == "http"
    assert value(echo, "X-Forwarded-Host") == site.host
    assert value(echo, "Forwarded") == f'for=127.0.0.1;host="{site.host}";proto=http'
    assert value(echo, "Via") == "1.1 xgen"
    assert value(echo, "X-Own") == "mine"
    assert value(echo, "Host") == site.host
    assert value(echo, "X-Real-IP") is None and value(echo, "X-Forwarded-Prefix") is None


def test_no_field_of_one_connection_is_passed_on(site: Preview) -> None:
    echo = site.echo(
        Connection="close, X-Secret, Host, Content-Length", X_Secret="1", Keep_Alive="timeout=9",
        TE="trailers", Proxy_Authorization="Basic eA==", Proxy_Connection="keep-alive", Upgrade="x",
        method="POST", body=b"abc")
    names = {line.split(":")[0].lower() for line in lines(echo)}
    assert not names & {"connection", "x-secret", "keep-alive", "te", "proxy-authorization",
                        "proxy-connection", "upgrade", "trailer", "transfer-encoding"}
    assert (echo["body"], value(echo, "Content-Length")) == ("abc", "3")


def test_connections_to_the_server_are_used_again(site: Preview) -> None:
    connection = site.connect()
    first = site.echo(on=connection)
    second = site.echo(on=connection)
    third = site.echo()
    assert first["connection"] == second["connection"] == third["connection"]
    assert third["request"] == first["request"] + 2


@pytest.mark.parametrize("size", [0, 1, 16 * 1024 + 1, 3 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_arrive_whole(site: Preview, size: int, chunked: bool) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    digest = hashlib.sha256(body).hexdigest()
    sent = iter([body[:100], body[100:]]) if chunked and size else body
    echo = site.echo("PUT", "/", sent)
    assert (echo["count"], echo["sha256"]) == (size, digest)
    suffix = "?chunked" if chunked else ""
    answer = site.request(path=f"/give/{size}{suffix}")
    assert hashlib.sha256(answer.body).hexdigest() == digest


def test_an_upload_of_2_gib_in_bounded_memory(site: Preview) -> None:
    """More than any buffer on its way holds; the sidecar's memory is the sandbox's own."""
    server, size, block = site.sandbox.server, 2 * 1024 * MIB, bytes(4 * MIB)
    watched = [server.pid, site.sandbox.sidecar()]
    before = [proc.rss_kib(pid) for pid in watched]
    most = before
    with connect(server) as connection:
        connection.settimeout(120)
        connection.sendall(
            f"PUT /sink HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(block)):
            connection.sendall(block)
            most = [max(pair) for pair in zip(most, map(proc.rss_kib, watched))]
        data = b""
        while not data.endswith(str(size).encode()):
            piece = connection.recv(65536)
            assert piece, data
            data += piece
    assert [after - was < 8 * 1024 for was, after in zip(before, most)] == [True, True], (before, most)


@pytest.mark.parametrize("range_, status, body", [
    ("bytes=0-3", 206, b"0123"), ("bytes=-2", 206, b"89"), ("bytes=99-", 416, None)])
def test_ranges_are_the_servers_own_business(
    shared: Sandbox, range_: str, status: int, body: bytes | None
) -> None:
    shared.sh("printf 0123456789 >digits")
    shared.background(f"node -e '{RANGES}' 3100")
    preview = Preview(shared, 3100).wait()
    answer = preview.request(path="/digits", Range=range_)
    assert answer.status == status
    if body is not None:
        assert answer.body == body and (answer.get("Content-Range") or "").endswith("/10")


def test_each_event_arrives_at_once(site: Preview) -> None:
    connection = site.connect()
    connection.request("GET", "/events", headers={"Host": site.host})
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    for number in range(3):
        assert answer.read(9) == f"data: {number}\n\n".encode()
        site.request(path="/ack")
    assert answer.read() == b""


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "PROPFIND", "MADE-UP", "OPTIONS"])
def test_any_method_is_passed_on(site: Preview, method: str) -> None:
    assert site.echo(method)["head"].startswith(f"{method} / HTTP/1.1\r\n")


def test_connect_and_trace_are_not(site: Preview) -> None:
    assert site.request("TRACE").status == 405
    head = f"CONNECT {site.host} HTTP/1.1\r\nHost: {site.host}\r\n\r\n"
    assert ask(site.sandbox.server, head.encode()).status == 405


def test_max_forwards_of_options(site: Preview) -> None:
    assert site.request("OPTIONS", Max_Forwards="0").status == 204
    assert value(site.echo("OPTIONS", Max_Forwards="3"), "Max-Forwards") == "2"


def test_a_continue_comes_from_the_server(site: Preview) -> None:
    with connect(site.sandbox.server) as connection:
        connection.sendall(
            f"PUT /continue HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: 3\r\n"
            f"Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        data = connection.recv(65536)
        while b'"count": 3' not in data:
            data += connection.recv(65536)


def test_early_hints_are_passed_on(site: Preview) -> None:
    with connect(site.sandbox.server) as connection:
        connection.sendall(f"GET /hints HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        data = b""
        while b"sha256" not in data:
            data += connection.recv(65536)
    assert data.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 200 ")


def test_a_refusal_before_the_body_ends_arrives(site: Preview) -> None:
    with connect(site.sandbox.server) as connection:
        connection.sendall(
            f"POST /early HTTP/1.1\r\nHost: {site.host}\r\nContent-Length: {64 * MIB}\r\n\r\n".encode())
        stop = threading.Event()

        def send() -> None:
            block = bytes(65536)
            try:
                while not stop.is_set():
                    connection.sendall(block)
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        data = b""
        try:
            while not data.endswith(b"\r\n\r\nno"):
                piece = connection.recv(65536)
                assert piece, data
                data += piece
        finally:
            stop.set()
            connection.shutdown(socket.SHUT_RDWR)
            sender.join()
    assert data.startswith(b"HTTP/1.1 413 ")


def test_a_reset_before_the_head_is_a_clean_502(site: Preview) -> None:
    for _ in range(2):
        answer = site.request("POST", "/reset", b"x")
        assert (answer.status, answer.json()["code"]) == (502, "SANDBOX_UNREACHABLE")


def test_a_websocket_is_passed_through(site: Preview) -> None:
    stream = connect(site.sandbox.server)
    stream.settimeout(None)  # the client has a time limit of its own
    with websocket(f"ws://{site.host}/socket", sock=stream, max_size=None) as web:
        for message in ("hello", b"\0\1\2", "x" * 70_000, b"y" * MIB):
            web.send(message)
            assert web.recv(timeout=20) == message


def test_any_upgrade_is_passed_through_raw(site: Preview) -> None:
    with connect(site.sandbox.server) as connection:
        connection.sendall(
            f"GET /headless HTTP/1.1\r\nHost: {site.host}\r\nConnection: upgrade\r\nUpgrade: raw\r\n"
            f"\r\nearly".encode())
        data = b""
        while not data.endswith(b"early"):
            data += connection.recv(65536)
        head, _, rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"\r\nConnection: Upgrade\r\nUpgrade: raw\r\n" in rest
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n\0\xff")
        data = b""
        while not data.endswith(b"\0\xff"):
            data += connection.recv(65536)
        assert data == b"GET / HTTP/1.1\r\n\r\n\0\xff"
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_a_client_of_http_1_0_gets_no_chunks(site: Preview) -> None:
    head = f"GET /give/5?chunked HTTP/1.0\r\nHost: {site.host}\r\n\r\n"
    answer = ask(site.sandbox.server, head.encode(), to_the_end=True)
    assert answer == (200, b"\0\1\2\3\4", True)


def test_absolute_targets_lead_to_their_own_host(site: Preview) -> None:
    head = f"GET http://{site.host}/a?b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = ask(site.sandbox.server, head.encode(), to_the_end=True)
    assert b"GET /a?b HTTP/1.1" in answer.body and site.host.encode() in answer.body


def test_previews_do_not_count_for_the_rate_limit() -> None:
    server = Server("--rate-limit-per-minute", "30")
    try:
        server.start()
        sandbox = server.create().running()
        preview = start_site(sandbox)
        for _ in range(100):
            assert preview.request().status == 200
        assert server.request("GET", sandbox.path).status_code == 200
    finally:
        server.clean()


def test_previews_are_counted(site: Preview) -> None:
    server = site.sandbox.server

    def count() -> float:
        page = server.raw("GET", "/metrics").text
        return float(re.search(r'xgen_preview_requests_total\{status="2xx"\} (\d+)', page)[1])

    before = count()
    site.echo("PUT", "/", b"x" * 1000)
    assert count() == before + 1


def test_the_apis_own_headers_are_not_added(site: Preview) -> None:
    answer = site.request()
    names = {name.lower() for name, _ in answer.fields}
    assert names == {"content-length", "content-type", "date"}


def test_the_api_is_not_served_under_a_previews_name(site: Preview) -> None:
    assert site.echo(path="/api/v1/sandboxes")["head"].startswith("GET /api/v1/sandboxes HTTP/1.1")


def test_raw_responses_that_are_none_are_502(site: Preview) -> None:
    for text in (
        "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 2\n\nab", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
    ):
        assert site.request(path=f"/raw/{encoded(text)}").status == 502, text


def test_a_response_that_breaks_off_breaks_off(site: Preview) -> None:
    text = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        site.request(path=f"/raw/{encoded(text)}")


def test_nothing_crosses_from_one_response_to_another(site: Preview) -> None:
    smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
    for text in ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + smuggled,
                 "HTTP/1.1 204 No Content\r\n\r\n" + smuggled,
                 "HTTP/1.1 304 Not Modified\r\nContent-Length: 8\r\n\r\n" + smuggled,
                 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled):
        site.request(path=f"/keep/{encoded(text)}")
        for _ in range(3):
            assert b"smuggled" not in site.request().body
