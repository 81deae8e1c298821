"""HTTP/1.1 by the letter: each request is followed by another on the same connection, which shows
whether the server still knows where requests begin, or has closed because it can't."""

import re
from typing import NamedTuple

import pytest
from rawhttp import connect, drain
from server import API_KEY, Server

BODY = f'{{"api_key":"{API_KEY}"}}'.encode()
SIZE = len(BODY)
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Response(NamedTuple):
    status: int
    fields: dict[str, str]
    body: bytes


def responses(data: bytes, heads: tuple[int, ...] = ()) -> list[Response]:
    """Splits the answers by their own framing; `heads` are the places of those to HEAD."""
    found: list[Response] = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        line, *lines = head.decode().split("\r\n")
        assert end and re.fullmatch(r"HTTP/1\.1 \d{3} [ -~]*", line), head
        fields = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}
        status = int(line.split(" ")[1])
        length = int(fields.get("content-length", 0))
        if status < 200 or status == 204:
            assert not {"content-length", "transfer-encoding"} & set(fields), head
        elif len(found) in heads:
            length = 0
        assert status < 200 or "date" in fields, head
        assert status != 405 or "allow" in fields, head
        found.append(Response(status, fields, data[:length]))
        assert len(found[-1].body) == length
        data = data[length:]
    return found


def exchange(server: Server, data: bytes, *heads: int, bytewise: bool = False) -> list[Response]:
    with connect(server) as connection:
        try:
            for piece in [data[i:i + 1] for i in range(len(data))] if bytewise else [data]:
                connection.sendall(piece)
        except OSError:
            pass  # answered and closed before all was sent
        answer, closed = drain(connection)
    assert closed, answer
    return responses(answer, heads)


def check(server: Server, request: bytes, *expected: int, bytewise: bool = False) -> None:
    """`expected` without a last 200: the connection was closed instead."""
    found = exchange(server, request + LAST, bytewise=bytewise)
    assert [response.status for response in found] == list(expected), found
    assert found[-1].fields["connection"] == "close"


def get(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, "Host: localhost", *fields, "", ""]).encode("latin-1")


def post(*fields: str, body: bytes = b"") -> bytes:
    return get("POST /api/v1/auth/token HTTP/1.1", *fields) + body


TARGETS = {
    "/%68ealthz": 200, "/a/../healthz": 200, "/a/%2e%2E/healthz": 200, "/../../healthz": 200,
    "/healthz?a?b": 200, "/healthz?": 200, "http://localhost/healthz": 200,
    "HTTP://other:80/a/../healthz?x": 200, "http://[::1]:80/healthz": 200,
    "/%2568ealthz": 404, "/%2Fhealthz": 404, "//healthz": 404, "/healthz/": 404,
    "/healthz%3Fa": 404, "http://localhost": 404, "http://localhost?x": 404,
    "https://localhost/healthz": 421, "HTTPS://localhost": 421,
    "/%00": 400, "/%c0%ae": 400, "/%ff": 400, "/[": 400, "/^": 400, "/`": 400, "/{id}": 400,
    "/|": 400, "/healthz?a[]=b": 400, "/healthz?a\\": 400,
}
BAD_TARGETS = [
    "", "healthz", "%2Fhealthz", "*", "/#a", "/%", "/%4", "/%zz", "/\x80", "/\x7f", "/\0", "/\t",
    '/"', "/<", "/a\\b", "localhost:80", "http:/healthz", "http:///healthz", "http://u@localhost/",
    "http://u:p@localhost/", "http://localhost:99999/", "http://localhost/#a", "http://a%41/",
    "http://[::1/", "ftp://localhost/", "ws://localhost/", "mailto:a",
]
VERSIONS = {
    "HTTP/1.2": 200, "HTTP/1.9": 200, "HTTP/0.9": 505, "HTTP/2.0": 505, "HTTP/3.0": 505,
    "http/1.1": 400, "HTTP/1": 400, "HTTP/1.": 400, "HTTP/1.10": 400, "HTTP/01.1": 400,
    "HTTP/1,1": 400, "HTTP/ 1.1": 400, "HTTPS/1.1": 400, "HTTP/1.1 ": 400, " HTTP/1.1": 400,
    "ICAP/1.1": 400, "": 400,
}
METHODS = {
    "OPTIONS": 204, "POST": 405, "PUT": 405, "PATCH": 405, "DELETE": 405, "TRACE": 405,
    "get": 501, "FOO": 501, "!#$%&'*+-.^_`|~": 501,
}
HOSTS = {
    "a": 200, "A.b:80": 200, "a:": 200, "[::1]:80": 200, "a.": 200, "": 400, "a, b": 400,
    "a b": 400, "u@a": 400, "a/b": 400, "http://a": 400, "a:b": 400, "a:65536": 400, "a:1:2": 400,
    ":80": 400, "::1": 400, "[::1": 400, "a\\b": 400, "a?b": 400, "\xe9": 400, "a;b": 400,
}
FIELDS = {
    "a:": 200, "a:b": 200, "a: \t b \t": 200, "a: \xff": 200, "!#$%&'*+-.^_`|~09az: b": 200,
    "a : b": 400, "a\t: b": 400, "a: b\r\n c": 400, "a: b\r\n\tc": 400, " a: b": 400, "a": 400,
    ": b": 400, "a: \0": 400, "a: \x01": 400, "a: \x7f": 400, "a: b\rc": 400, "a: b\nc: d": 400,
    "a(: b": 400, "a[]: b": 400, "\xe9: b": 400, "Host: localhost": 400, "Expect: x": 417,
    "Expect: 100-continue, x": 417,
}
BAD_FRAMINGS = [
    *(f"Content-Length: {value}" for value in [
        "", f"+{SIZE}", "-1", hex(SIZE), f"{SIZE}, {SIZE}", f"{SIZE},", "1 0", "1.0", "1e1", '"5"',
        "1_0", "5;q", "9223372036854775808", "18446744073709551617", "\xd9\xa5"]),
    f"Content-Length: {SIZE}\r\nContent-Length: {SIZE}",
    f"Content-Length: {SIZE}\r\ncontent-length: 0",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 0",
    *(f"Transfer-Encoding: {value}" for value in [
        "", "xchunked", "chunkedx", '"chunked"', "chunked, identity", "identity, chunked",
        "identity", "gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1", "chunked,",
        ",chunked", "\x0bchunked", "chunked\0", "chunked\xa0", "chu nked", "\r\n chunked"]),
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "Transfer-Encoding : chunked", " Transfer-Encoding: chunked",
    "X: y\nTransfer-Encoding: chunked", "X: y\rTransfer-Encoding: chunked",
]
CHUNKS = b"%x\r\n%s\r\n" % (SIZE, BODY)
GOOD_CHUNKS = [
    CHUNKS + b"0\r\n\r\n", b"000%X\r\n%s\r\n0000\r\n\r\n" % (SIZE, BODY),
    b"%x;a=b ; c = \"d;\\\"\"\r\n%s\r\n0;z\r\n\r\n" % (SIZE, BODY),
    CHUNKS + b"0\r\nX: y\r\nContent-Length: 3\r\nTransfer-Encoding: x\r\n\r\n",
    b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n",
]
BAD_SIZES = [
    b"0x%x\r\n", b"+%x\r\n", b"-%x\r\n", b" %x\r\n", b"%x \r\n", b"%x\t\r\n", b"%x\n", b"%x\r",
    b"%xh\r\n", b"%x,1\r\n", b"1_%x\r\n", b"\0%x\r\n", b"fffffffffffffff%x\r\n", b"1000000000000000%x\r\n",
    b"%x;\r\n", b"%x;;a\r\n", b"%x;a \r\n", b"%x;a b\r\n", b"%x;a[\r\n", b"%x;a=\r\n",
    b'%x;a="b\r\n',
    b'%x;a="b"c\r\n', b"%x;a\n", b"%x;a\rb\r\n", b"%x;a=\0\r\n", b"%x;" + b"a" * 5000 + b"\r\n",
]
BAD_CHUNKS = [
    *(size.replace(b"%x", b"%x" % SIZE) + BODY + b"\r\n0\r\n\r\n" for size in BAD_SIZES),
    b"\r\n", b";a\r\n", b"g\r\n", b"%x\r\n%s\n0\r\n\r\n" % (SIZE, BODY),
    b"%x\r\n%s0\r\n\r\n" % (SIZE, BODY),
    b"%x\r\n%sXX\r\n0\r\n\r\n" % (SIZE, BODY), CHUNKS + b"0\n\r\n", CHUNKS + b"0\r\n\n",
    *(CHUNKS + b"0\r\n" + trailer + b"\r\n\r\n" for trailer in [
        b"X", b"X : y", b" X: y", b"X: y\r\n z", b"X: \0", b"X: y\nZ: z"]),
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_is_decoded_once_and_its_dots_resolved(server: Server, target: str) -> None:
    check(server, get(f"GET {target} HTTP/1.1"), TARGETS[target], 200)


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_what_is_no_target_is_refused(server: Server, target: str) -> None:
    check(server, get(f"GET {target} HTTP/1.1"), 400)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_is_known_by_its_major_number(server: Server, version: str) -> None:
    status = VERSIONS[version]
    check(server, get(f"GET /healthz {version}"), *([200, 200] if status == 200 else [status]))


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_known_here_or_not(server: Server, method: str) -> None:
    check(server, get(f"{method} /healthz HTTP/1.1"), METHODS[method], 200)


def test_a_tunnel_is_refused_and_its_bytes_are_not_read(server: Server) -> None:
    check(server, get("CONNECT localhost:80 HTTP/1.1"), 501)
    for target in ("/", "localhost", "localhost:", "http://localhost:80/"):
        check(server, get(f"CONNECT {target} HTTP/1.1"), 400)


def test_the_whole_server_is_asked_with_an_asterisk(server: Server) -> None:
    (whole, _) = exchange(server, get("OPTIONS * HTTP/1.1") + LAST)
    assert whole.status == 204 and "DELETE" in whole.fields["allow"]
    check(server, get("OPTIONS *x HTTP/1.1"), 400)


@pytest.mark.parametrize("host", HOSTS)
def test_host_is_one_host(server: Server, host: str) -> None:
    request = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("latin-1")
    check(server, request, *([200, 200] if HOSTS[host] == 200 else [400]))


def test_host_is_there_once(server: Server) -> None:
    for version in ("1.1", "1.2"):
        check(server, f"GET /healthz HTTP/{version}\r\n\r\n".encode(), 400)
    check(server, b"GET http://localhost/healthz HTTP/1.1\r\n\r\n", 400)
    check(server, b"GET /healthz HTTP/1.0\r\n\r\n", 200)
    check(server, b"GET /healthz HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400)


@pytest.mark.parametrize("field", FIELDS, ids=repr)
def test_a_field_line_is_valid_or_refused(server: Server, field: str) -> None:
    status = FIELDS[field]
    check(server, get("GET /healthz HTTP/1.1", field), *([200, 200] if status == 200 else [status]))


@pytest.mark.parametrize("framing", BAD_FRAMINGS, ids=repr)
def test_a_body_with_a_doubtful_end_is_refused(server: Server, framing: str) -> None:
    found = exchange(server, post(framing, body=b"0\r\n\r\n" + LAST))
    assert [response.status for response in found] in ([400], [501]), found


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("place", range(len(GOOD_CHUNKS)))
def test_chunks_are_read_to_their_end(server: Server, place: int, bytewise: bool) -> None:
    request = post("transfer-ENCODING: ChUnKeD", body=GOOD_CHUNKS[place])
    check(server, request, 200, 200, bytewise=bytewise)


@pytest.mark.parametrize("bytewise", [False, True])
@pytest.mark.parametrize("place", range(len(BAD_CHUNKS)))
def test_doubtful_chunks_are_refused(server: Server, place: int, bytewise: bool) -> None:
    request = post("Transfer-Encoding: chunked", body=BAD_CHUNKS[place])
    check(server, request, 400, bytewise=bytewise and len(request) < 1000)


def test_a_body_is_never_taken_for_a_request(server: Server) -> None:
    for line, status in [
        ("GET /healthz", 200), ("POST /nope", 404), ("DELETE /healthz", 405), ("FOO /", 501)
    ]:
        request = get(f"{line} HTTP/1.1", f"Content-Length: {len(LAST)}") + LAST
        check(server, request, status, 200)


def test_continue_is_said_before_the_body_is_read(server: Server) -> None:
    expect = ("Expect: 100-Continue", f"Content-Length: {SIZE}")
    check(server, post(*expect, body=BODY), 100, 200, 200)
    check(server, post("Expect: 100-continue", "Content-Length: 9999999"), 413)
    check(server, get("GET /healthz HTTP/1.1", "Expect: 100-continue"), 200, 200)
    check(server, get("DELETE /healthz HTTP/1.1", *expect), 405)
    old = post(*expect, body=BODY).replace(b"HTTP/1.1", b"HTTP/1.0")
    check(server, old, 200)


@pytest.mark.parametrize(("request_", "status"), [
    (get("GET /" + "a" * 9000 + " HTTP/1.1"), 414),
    (get("GET /healthz HTTP/1.1", *["a: b"] * 200), 431),
    (get("GET /healthz HTTP/1.1", "a: " + "b" * 40_000), 431),
    (post("Content-Length: 2000000"), 413),
], ids=["target", "fields", "head", "body"])
def test_what_is_too_much_has_its_status(server: Server, request_: bytes, status: int) -> None:
    check(server, request_, status)


@pytest.mark.parametrize(("version", "option", "lives"), [
    ("1.1", "keep-alive", True), ("1.1", "closed", True), ("1.1", "close", False),
    ("1.1", "CLOSE", False), ("1.1", "keep-alive, close", False), ("1.1", "x ,\tclose", False),
    ("1.1", "x\r\nConnection: close", False), ("1.0", "x", False), ("1.0", "Keep-Alive", True),
    ("1.0", "keep-alive, close", False),
])
def test_a_connection_lives_as_its_options_say(
    server: Server, version: str, option: str, lives: bool
) -> None:
    request = get(f"GET /healthz HTTP/{version}", f"Connection: {option}")
    check(server, request, *([200, 200] if lives else [200]))


@pytest.mark.parametrize("bytewise", [False, True])
def test_a_pipeline_is_answered_in_order(server: Server, bytewise: bool) -> None:
    both = post(f"Content-Length: {SIZE}", body=BODY)
    both += post("Transfer-Encoding: chunked", body=GOOD_CHUNKS[0])
    missing = get("GET /nope HTTP/1.1") + get("PUT /healthz HTTP/1.1") + get("FOO / HTTP/1.1")
    check(
        server, both * 3 + missing + b"\r\n" + both, *[200] * 6, 404, 405, 501, 200, 200, 200,
        bytewise=bytewise)
    check(server, both + b"BAD\r\n\r\n" + both, 200, 200, 400, bytewise=bytewise)


def test_head_is_get_without_its_body(server: Server) -> None:
    head, whole, _ = exchange(
        server, get("HEAD /healthz HTTP/1.1") + get("GET /healthz HTTP/1.1") + LAST, 0)
    ignored = {"date", "x-request-id"}
    assert head.body == b"" and whole.body == b"ok"
    assert {k: v for k, v in head.fields.items() if k not in ignored} == {
        k: v for k, v in whole.fields.items() if k not in ignored}


def test_a_refused_head_has_no_body(server: Server) -> None:
    no_host = b"HEAD / HTTP/1.1\r\n\r\n"
    for request in (no_host, get("HEAD /nope HTTP/1.1"), get("HEAD /a\\b HTTP/1.1")):
        found = exchange(server, request + LAST, 0)
        assert found[0].status in (400, 404) and found[0].body == b""


def test_an_upgrade_that_is_not_known_is_ignored(server: Server) -> None:
    for protocol in ("h2c", "websocket", "TLS/1.0", "x"):
        request = get("GET /healthz HTTP/1.1", f"Upgrade: {protocol}", "Connection: Upgrade")
        check(server, request, 200, 200)


def test_a_client_that_ends_its_direction_is_answered(server: Server) -> None:
    whole = get("GET /healthz HTTP/1.1")
    for data, statuses in [
        (whole * 3, [200] * 3), (whole + b"\r\n", [200]), (whole + whole[:20], [200, 400]),
        (b"", []),
    ]:
        with connect(server) as connection:
            connection.sendall(data)
            connection.shutdown(1)
            answer, closed = drain(connection)
        assert closed and [response.status for response in responses(answer)] == statuses
