"""Malformed HTTP and WebSocket bytes: a clear answer, and never a crash, hang or leak."""

import json
import random

import proc
import pytest
from rawhttp import RawWebSocket, ask, connect, drain, handshake, masked
from server import SANDBOXES, Sandbox, Server

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\n"

BAD_REQUESTS: dict[str, tuple[bytes, set[int]]] = {
    "no request line": (b"GARBAGE\r\n\r\n", {400}),
    "binary": (bytes(range(128, 256)) + b"\r\n\r\n", {400}),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n", {400}),
    "no version": (b"GET /healthz\r\nHost: localhost\r\n\r\n", {400}),
    "a version of the future": (b"GET /healthz HTTP/3.7\r\nHost: x\r\n\r\n", {400, 505}),
    "two spaces": (b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "a bad method": (b"G(T /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    "bare line feeds": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", {400}),
    "a bare carriage return": (GET + b"A: b\rc\r\n\r\n", {400}),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", {400}),
    "two hosts": (GET + b"Host: localhost\r\n\r\n", {400}),
    "a space before the colon": (GET + b"Accept : x\r\n\r\n", {400}),
    "a line without a colon": (GET + b"nonsense\r\n\r\n", {400}),
    "an empty name": (GET + b": x\r\n\r\n", {400}),
    "a folded line": (GET + b"A: b\r\n c\r\n\r\n", {400}),
    "a NUL in a value": (GET + b"A: b\0c\r\n\r\n", {400}),
    "length and chunked": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {400}),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", {400}),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", {400}),
    "a signed length": (POST + b"Content-Length: +2\r\n\r\n{}", {400}),
    "a length in hexadecimal": (POST + b"Content-Length: 0x2\r\n\r\n{}", {400}),
    "a length beyond 64 bits": (
        POST + b"Content-Length: 18446744073709551618\r\n\r\n{}", {400, 413}),
    "an unknown coding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", {400, 501}),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", {400, 501}),
    "a bad chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", {400}),
    "a chunk without its end": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}XX", {400}),
    "a giant chunk size": (
        POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", {400, 413}),
    "a giant target": (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", {414, 431}),
    "a giant field": (GET + b"A: " + b"b" * 200_000 + b"\r\n\r\n", {431}),
    "too many fields": (GET + b"A: b\r\n" * 20_000 + b"\r\n", {431}),
    "an endless head": (GET + b"A: " + b"b" * 1_000_000, {431}),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_malformed_request_is_answered_and_the_connection_closed(
    server: Server, name: str
) -> None:
    request, statuses = BAD_REQUESTS[name]
    answer = ask(server, request, to_the_end=True)
    assert answer.status in statuses, answer
    assert answer.closed, "what follows can't be told from a request"
    error = json.loads(answer.body)
    assert error["code"] and error["error"], error
    assert server.healthy()


def test_a_request_in_single_bytes_is_understood(server: Server) -> None:
    with connect(server) as connection:
        for byte in GET + b"Connection: close\r\n\r\n":
            connection.send(bytes([byte]))
        data, closed = drain(connection)
    assert data.startswith(b"HTTP/1.1 200 ") and data.endswith(b"ok") and closed


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    missing = b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(GET + b"\r\n" + missing + GET + b"Connection: close\r\n\r\n")
        data, _ = drain(connection)
    lines = [line for line in data.split(b"\r\n") if b"HTTP/1.1 " in line]
    statuses = [line[line.index(b"HTTP/1.1 "):].split()[1] for line in lines]
    assert (statuses[0], statuses[-1], len(statuses)) == (b"200", b"200", 3)
    assert statuses[1] in (b"401", b"404")


def test_random_bytes_neither_end_nor_fill_the_server(server: Server) -> None:
    randomness = random.Random(20240115)
    before = len(proc.descriptors(server.pid))
    good = GET + b"Content-Length: 5\r\n\r\nhello" + POST
    good += b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    for number in range(200):
        if number % 2:
            data = bytearray(good)
            for _ in range(randomness.randint(1, 8)):
                data[randomness.randrange(len(data))] = randomness.randrange(256)
            data = data[:randomness.randint(1, len(data))]
        else:
            data = bytearray(randomness.randbytes(randomness.randint(1, 4096)))
        with connect(server) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(1)
            except OSError:
                continue  # refused and closed already
            _, closed = drain(connection)
            assert closed, f"round {number} hangs: {bytes(data[:200])!r}"
    assert server.healthy()
    proc.eventually(
        "the connections' descriptors closed",
        lambda: len(proc.descriptors(server.pid)) <= before)


def test_a_websocket_needs_a_good_token(shared: Sandbox) -> None:
    path = shared.path + "/ws"
    for query in ("", "?token=", "?token=nonsense", f"?token={shared.server.token()}x"):
        assert ask(shared.server, handshake(path + query)).status == 401, query


def test_a_websocket_of_an_unknown_sandbox_is_404(server: Server) -> None:
    path = f"{SANDBOXES}/aaaaaaaaaaaaaaaa/ws?token={server.token()}"
    assert ask(server, handshake(path)).status == 404


@pytest.mark.parametrize("change", [
    ("Upgrade", None), ("Connection", None), ("Sec-WebSocket-Key", None),
    ("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Version", "12"),
    ("Sec-WebSocket-Version", None),
], ids=str)
def test_a_bad_opening_is_refused(shared: Sandbox, change: tuple[str, str | None]) -> None:
    path = f"{shared.path}/ws?token={shared.server.token()}"
    with connect(shared.server) as connection:
        connection.sendall(handshake(path, change))
        assert connection.recv(65536).split(b" ")[1] in (b"400", b"426")


BAD_FRAMES: dict[str, tuple[bytes, int]] = {
    "unmasked": (b"\x82\x09" + b"\x01" + b"\0" * 8, 1002),
    "a reserved bit": (masked(0xC2, b"\x01" + b"\0" * 8), 1002),
    "a reserved opcode": (masked(0x83, b""), 1002),
    "a reserved control opcode": (masked(0x8B, b""), 1002),
    "a long control frame": (masked(0x89, b"x" * 126), 1002),
    "a fragmented control frame": (masked(0x09, b""), 1002),
    "a continuation of nothing": (masked(0x80, b"x"), 1002),
    "a new message inside another": (masked(0x02, b"x") + masked(0x82, b"x"), 1002),
    "a close frame of one byte": (masked(0x88, b"x"), 1002),
    "65 MiB": (masked(0x82, b"", length=65 * 1024 * 1024), 1009),
    "a length of 2^63": (b"\x82\xff" + b"\x80" + b"\0" * 7 + b"\0\0\0\0", 0),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_frame_closes_with_its_code(shared: Sandbox, name: str) -> None:
    data, code = BAD_FRAMES[name]
    with RawWebSocket(shared) as websocket:
        websocket.socket.sendall(data)
        found = websocket.close_code()
        # RFC 6455 §5.2 forbids the top bit, and the size is above the limit: either is right.
        assert found == code or (not code and found in (1002, 1009))
        assert drain(websocket.socket)[1], "the connection stays open"
    with shared.wire() as wire:
        assert wire.start("echo", "next").finish().stdout == b"next\n"


def test_fragments_and_pings_between_them_are_understood(shared: Sandbox) -> None:
    with RawWebSocket(shared) as websocket:
        websocket.frame()  # SandboxReady
        envelope = b"\x01" + b"\0" * 7 + b"\x05"
        parts = masked(0x02, envelope[:4]) + masked(0x89, b"hi") + masked(0x80, envelope[4:])
        for byte in parts:
            websocket.socket.send(bytes([byte]))
        found = {websocket.frame() for _ in range(2)}
        assert found == {(10, b"hi"), (2, b"\x02" + b"\0" * 7 + b"\x05")}


def test_random_frames_leave_the_sandbox_and_server_whole(shared: Sandbox) -> None:
    randomness = random.Random(20240116)
    server, sidecar = shared.server.pid, shared.sidecar()

    def count() -> int:
        return len(proc.descriptors(server)) + len(proc.descriptors(sidecar))

    before = count()
    for number in range(60):
        with RawWebSocket(shared) as websocket:
            try:
                for _ in range(5):
                    noise = randomness.randbytes(randomness.randint(0, 300))
                    # Every other round has sound frames around the noise, which reach the codecs.
                    type = bytes([randomness.randrange(0x60)])
                    websocket.socket.sendall(masked(0x82, type + noise) if number % 2 else noise)
            except OSError:
                pass  # closed on us, rightly
    assert shared.output("echo", "alive") == "alive\n"
    assert shared.server.healthy()
    proc.eventually("descriptors back", lambda: count() <= before)
