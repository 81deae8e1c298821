"""The opening and the frames of a WebSocket, as RFC 6455 has them, at the built server."""

import base64
import struct
from collections.abc import Iterator

import pytest
from rawhttp import RawWebSocket, ask, connect, drain, handshake, masked
from server import SANDBOXES, Sandbox, Server

PAGE = "https://app.example"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that lets only some pages open WebSockets."""
    server = Server("--ws-origin", f"{PAGE},http://localhost:3000")
    try:
        yield server.start()
    finally:
        server.clean()


def opening(server: Server, *changes: tuple[str, str | None]) -> bytes:
    """Of a sandbox that is not there: an opening that is allowed is a 404."""
    return handshake(f"{SANDBOXES}/aaaaaaaaaaaaaaaa/ws?token={server.token()}", *changes)


@pytest.mark.parametrize(("origin", "status"), [
    (PAGE, 404), ("HTTPS://APP.example:443", 404), ("http://localhost:3000", 404),
    ("http://localhost", 404), (None, 404), ("https://evil.example", 403),
    ("http://app.example", 403), (PAGE + ".evil.example", 403), (PAGE + "/", 403), ("null", 403),
    ("", 403), (f"{PAGE} https://evil.example", 403),
])
def test_only_listed_pages_and_the_servers_own_may_open_one(
    guarded: Server, origin: str | None, status: int
) -> None:
    answer = ask(guarded, opening(guarded, ("Origin", origin), ("Connection", "Upgrade, close")))
    assert answer.status == status, answer
    assert status == 404 or b'"FORBIDDEN"' in answer.body


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "nonsense"])
def test_without_the_setting_every_page_may(server: Server, origin: str) -> None:
    request = opening(server, ("Origin", origin), ("Connection", "Upgrade, close"))
    assert ask(server, request).status == 404


OPENINGS: dict[str, tuple[tuple[tuple[str, str | None], ...], int]] = {
    "another case": ((("Upgrade", "WebSocket"), ("Connection", "UPGRADE")), 404),
    "lists": ((("Upgrade", "h2c, websocket"), ("Connection", "keep-alive ,\tUpgrade")), 404),
    "lines": ((("Upgrade", "h2c\r\nUpgrade: websocket"),
               ("Connection", "x\r\nConnection: upgrade")), 404),
    "blanks around the key": (
        (("Sec-WebSocket-Key", "  dGhlIHNhbXBsZSBub25jZQ== \t"),), 404),
    "no Upgrade": ((("Upgrade", None),), 426),
    "another protocol": ((("Upgrade", "h2c"),), 426),
    "no Connection": ((("Connection", "close"),), 400),
    "an older version": ((("Sec-WebSocket-Version", "8"),), 426),
    "a later version": ((("Sec-WebSocket-Version", "14"),), 426),
    "two versions": ((("Sec-WebSocket-Version", "13\r\nSec-WebSocket-Version: 13"),), 426),
    "no version": ((("Sec-WebSocket-Version", None),), 426),
    "no key": ((("Sec-WebSocket-Key", None),), 400),
    "15 bytes": ((("Sec-WebSocket-Key", base64.b64encode(b"a" * 15).decode()),), 400),
    "17 bytes": ((("Sec-WebSocket-Key", base64.b64encode(b"a" * 17).decode()),), 400),
    "no padding": ((("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ"),), 400),
    "two keys": ((("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),), 400),
    "a body": ((("Content-Length", "2"),), 400),
    "chunks": ((("Transfer-Encoding", "chunked"),), 400),
    "no Host": ((("Host", None),), 400),
}


@pytest.mark.parametrize("name", OPENINGS)
def test_an_opening_is_checked(server: Server, name: str) -> None:
    changes, status = OPENINGS[name]
    with connect(server) as connection:
        connection.sendall(opening(server, *changes) + b"0\r\n\r\n")
        connection.shutdown(1)
        answer, _ = drain(connection)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    head = answer.partition(b"\r\n\r\n")[0].split(b"\r\n")
    if status == 426:
        assert {b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"} <= set(head)
        assert b"Connection: Upgrade" in head


def test_an_opening_is_a_get_of_http_11(server: Server) -> None:
    for old, new, status in [
        (b"GET ", b"POST ", 405), (b"GET ", b"HEAD ", 405), (b"HTTP/1.1", b"HTTP/1.0", 400)
    ]:
        answer = ask(server, opening(server, ("Connection", "Upgrade, close")).replace(old, new, 1))
        assert answer.status == status, answer


def code(number: int, reason: bytes = b"") -> bytes:
    return masked(0x88, struct.pack(">H", number) + reason)


ENDS: dict[str, tuple[bytes, int]] = {
    **{f"code {number}": (code(number), number) for number in (
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)},
    **{f"no code {number}": (code(number), 1002) for number in (
        0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)},
    "a reason that is no text": (code(1000, b"\xff"), 1007),
    "a reason that is cut": (code(1000, b"\xe2\x82"), 1007),
    "one byte": (masked(0x88, b"\x03"), 1002),
    "data behind": (code(1000) + masked(0x81, b"\xff") + masked(0x89, b"late"), 1000),
    "a length in 16 bits": (b"\x82\xfe\x00\x05\0\0\0\0hello", 1002),
    "a length in 64 bits": (b"\x82\xff" + struct.pack(">Q", 200) + b"\0\0\0\0" + b"a" * 200, 1002),
    "text that is none": (masked(0x81, b"a\xffb"), 1007),
    "text that can't become any": (masked(0x01, b"\xf4\x90"), 1007),
    "text that can't, within its frame": (masked(0x81, b"\xf4\x90", length=1000), 1007),
    "text that is cut": (masked(0x81, b"\xe2\x82"), 1007),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end_has_its_code(shared: Sandbox, name: str) -> None:
    data, expected = ENDS[name]
    with RawWebSocket(shared) as websocket:
        websocket.socket.sendall(data)
        assert websocket.close_code() == expected
        rest, closed = drain(websocket.socket)
        assert closed and rest == b""


def test_a_close_without_a_code_is_answered_by_one(shared: Sandbox) -> None:
    with RawWebSocket(shared) as websocket:
        websocket.frame()  # SandboxReady
        websocket.socket.sendall(masked(0x88, b""))
        assert websocket.frame() == (8, b"")
        assert drain(websocket.socket) == (b"", True)


def test_frames_behind_the_opening_reach_the_websocket(shared: Sandbox) -> None:
    path = f"{shared.path}/ws?token={shared.server.token()}"
    with connect(shared.server) as connection:
        connection.sendall(handshake(path) + masked(0x89, b"early") + code(1000))
        connection.shutdown(1)  # its Close is said; the answer is still to come
        answer, closed = drain(connection)
    frames = answer.partition(b"\r\n\r\n")[2]
    assert closed and answer.startswith(b"HTTP/1.1 101 ")
    assert b"\x8a\x05early" in frames and frames.endswith(b"\x88\x02\x03\xe8"), frames
