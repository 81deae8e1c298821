"""Previews: nothing crosses from one request to another, whoever lies about where it ends."""

import socket
from collections.abc import Iterator

import pytest
from preview import Preview, start_site, value
from rawhttp import ask, connect, drain
from server import Sandbox


@pytest.fixture(scope="module")
def site(shared: Sandbox) -> Preview:
    return start_site(shared)


#: What would be somebody's next request, if it were taken for one.
NEXT = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

#: Request lines and fields whose end two readers may see in two places. (Host is added.)
AMBIGUOUS = {
    "both framings": ("POST /", "Content-Length: 5\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
    "both the other way round":
        ("POST /", "Transfer-Encoding: chunked\r\nContent-Length: 5", "0\r\n\r\n"),
    "two lengths": ("POST /", "Content-Length: 0\r\nContent-Length: 5", ""),
    "the same length twice": ("POST /", "Content-Length: 0\r\nContent-Length: 0", ""),
    "a list of lengths": ("POST /", "Content-Length: 0, 0", ""),
    "a signed length": ("POST /", "Content-Length: +0", ""),
    "a length with a blank": ("POST /", "Content-Length: 0 5", ""),
    "a hexadecimal length": ("POST /", "Content-Length: 0x0", ""),
    "an endless length": ("POST /", "Content-Length: 99999999999999999999", ""),
    "chunked twice": ("POST /", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", ""),
    "chunked and something": ("POST /", "Transfer-Encoding: chunked, identity", ""),
    "something that is nearly chunked": ("POST /", "Transfer-Encoding: xchunked", ""),
    "chunked in quotes": ("POST /", 'Transfer-Encoding: "chunked"', ""),
    "chunked behind a control": ("POST /", "Transfer-Encoding: \x0bchunked", ""),
    "a blank before the colon": ("POST /", "Transfer-Encoding : chunked", ""),
    "a folded line": ("POST /", "Transfer-Encoding:\r\n chunked", ""),
    "a bare line feed": ("POST /", "X: y\nTransfer-Encoding: chunked", ""),
    "a bare carriage return": ("POST /", "X: y\rTransfer-Encoding: chunked", ""),
    "a NUL": ("POST /", "X: y\0z", ""),
    "no name": ("POST /", ": x", ""),
    "a second host": ("GET /", "Host: other", ""),
    "a chunk that is longer than it says": ("POST /", "Transfer-Encoding: chunked", "1\r\nab\r\n0\r\n\r\n"),
    "a chunk size that is none": ("POST /", "Transfer-Encoding: chunked", "-1\r\n\r\n"),
    "a chunk size with a bare line feed": ("POST /", "Transfer-Encoding: chunked", "0\n\n"),
    "a chunk size of seventeen digits":
        ("POST /", "Transfer-Encoding: chunked", "00000000000000001\r\na\r\n0\r\n\r\n"),
    "a trailer that is none": ("POST /", "Transfer-Encoding: chunked", "0\r\nX : y\r\n\r\n"),
    "a target with a blank": ("GET /a b", "X: y", ""),
    "a line of its own in the target": ("GET /\r\nX: y", "X: y", ""),
    "too many options": ("GET /", "Connection: " + "a, " * 65 + "b", ""),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_what_is_ambiguous_reaches_no_server(site: Preview, name: str) -> None:
    line, fields, body = AMBIGUOUS[name]
    count = site.echo()["request"]
    head = f"{line} HTTP/1.1\r\nHost: {site.host}\r\n{fields}\r\n\r\n"
    answer = ask(site.sandbox.server, (head + body + NEXT).encode("latin1"), to_the_end=True)
    assert 400 <= answer.status <= 501 and answer.closed, answer
    assert b"smuggled" not in answer.body
    after = site.echo()
    assert value(after, "Host") == site.host and after["head"].startswith("GET / HTTP/1.1")
    # On the same connection, or on a new one whose predecessor broke off within a body.
    assert after["request"] in (count + 1, 1)


@pytest.mark.parametrize("method, framing, head", [
    ("GET", "length", ""), ("HEAD", "length", ""), ("DELETE", "length", ""), ("OPTIONS", "length", ""),
    ("POST", "chunks", ""), ("PUT", "chunks", ""), ("GET", "chunks", ""),
])
@pytest.mark.parametrize("rest", [NEXT, "GET /smuggled HTTP/1.1\r\nX-Rest: "])
def test_a_server_that_does_not_read_bodies_mixes_nobodys_requests(
    site: Preview, method: str, framing: str, head: str, rest: str
) -> None:
    """Its connection is not used again: else the body would be the beginning of another's request."""
    sent = (f"Content-Length: {len(rest)}\r\n\r\n{rest}" if framing == "length" else
            f"Transfer-Encoding: chunked\r\n\r\n{len(rest):x}\r\n{rest}\r\n0\r\n\r\n")
    with connect(site.sandbox.server) as attacker:
        attacker.sendall(f"{method} /naive HTTP/1.1\r\nHost: {site.host}\r\n{sent}".encode())
        assert attacker.recv(65536).startswith(b"HTTP/1.1 200 ")
        for _ in range(4):
            victim = site.echo(path="/victim", Cookie="secret=1")
            assert victim["head"].startswith("GET /victim HTTP/1.1\r\n"), victim


@pytest.mark.parametrize("field", [
    "Content_Length: 9", "Transfer_Encoding: chunked", "content_length: 9", "X_Forwarded_For: 1.2.3.4",
    "X_Forwarded-Proto: https", "x-forwarded_host: evil", "X_Real_IP: 1.2.3.4",
])
def test_no_field_comes_in_disguise(site: Preview, field: str) -> None:
    name, _, text = field.partition(": ")
    with connect(site.sandbox.server) as connection:
        connection.sendall(
            f"GET / HTTP/1.1\r\nHost: {site.host}\r\n{field}\r\nX_Own: 1\r\nConnection: close\r\n\r\n"
            .encode())
        data, _ = drain(connection)
    assert name.encode() not in data and b"X_Own: 1" in data


def test_pipelined_requests_get_their_own_answers(site: Preview) -> None:
    heads = "".join(
        f"{method} /{number} HTTP/1.1\r\nHost: {site.host}\r\n{more}\r\n\r\n{body}"
        for number, (method, more, body) in enumerate([
            ("GET", "A: b", ""), ("POST", "Content-Length: 3", "abc"), ("GET", "A: b", ""),
            ("PUT", "Transfer-Encoding: chunked", "1\r\nx\r\n0\r\n\r\n"),
            ("GET", "Connection: close", "")]))
    with connect(site.sandbox.server) as connection:
        connection.sendall(heads.encode())
        data, closed = drain(connection)
    assert closed and data.count(b"HTTP/1.1 200 ") == 5
    places = [data.index(f'"head": "{method} /{number} '.encode()) for number, method in
              enumerate(["GET", "POST", "GET", "PUT", "GET"])]
    assert places == sorted(places)


def test_requests_of_two_sandboxes_never_share_a_connection(site: Preview, sandbox: Sandbox) -> None:
    other = start_site(sandbox)
    with connect(site.sandbox.server) as connection:
        for preview in (site, other) * 3:
            connection.sendall(f"GET /{preview.sandbox.id} HTTP/1.1\r\nHost: {preview.host}\r\n\r\n".encode())
            data = b""
            while b'"request"' not in data:
                data += connection.recv(65536)
            assert f"GET /{preview.sandbox.id} ".encode() in data
            assert f"Host: {preview.host}".encode() in data


@pytest.fixture
def busy(site: Preview) -> Iterator[None]:
    """As many requests under way as a sandbox's previews may have."""
    held: list[socket.socket] = []
    try:
        for _ in range(192):
            held.append(connect(site.sandbox.server))
            held[-1].sendall(f"GET /hang HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        yield
    finally:
        for connection in held:
            connection.close()


def test_a_sandboxs_previews_have_so_many_connections(site: Preview, busy: None) -> None:
    answer = site.request()
    assert (answer.status, answer.json()["code"]) == (429, "QUOTA_EXCEEDED")
    assert answer.get("Retry-After")
    page = site.request(Accept="text/html")
    assert page.status == 429 and b"This preview is busy" in page.body
