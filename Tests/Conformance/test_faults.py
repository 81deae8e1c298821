"""Peers that are slow, half dead or gone: each costs its own connection and nobody else's."""

import os
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import proc
import pytest
from rawhttp import connect, drain, handshake
from server import Sandbox, Server

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
IDLE = int(os.environ.get("XGEN_IDLE_CONNECTIONS", "10000"))

# Run as a process of its own: connections and server have 20,000 files each.
HOLD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
port, count, head = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3].encode()
held = []
def ask(one):
    one.sendall(head)
    return one.recv(4096).startswith(b"HTTP/1.1 200 ")
for _ in range(count):
    held.append(socket.create_connection(("127.0.0.1", port), timeout=30))
    assert ask(held[-1])  # idle between two requests from now on
print("held", flush=True)
sys.stdin.readline()
print(sum(ask(one) for one in held), flush=True)
"""


@pytest.fixture(scope="module")
def hasty() -> Iterator[Server]:
    """A server with short deadlines."""
    server = Server(
        "--limit", "head-ms=400,idle-ms=60000,body-stall-ms=400,body-bytes-per-second=1000",
        "--limit", "write-stall-ms=1000,connections=12000")
    try:
        yield server.start()
    finally:
        server.clean()


def reset(connection: socket.socket) -> None:
    """Ends a connection with a RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(connection: socket.socket, data: bytes, pause: float) -> bytes:
    """Sends byte by byte until the server has had enough; what it answered."""
    try:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)
    except OSError:
        pass
    return drain(connection)[0]


def test_a_head_that_drips_is_given_up_while_others_are_served(hasty: Server) -> None:
    with connect(hasty) as slow:
        answer = drip(slow, b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"a" * 200, 0.02)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert hasty.raw("GET", "/healthz").text == "ok"


def test_a_body_that_drips_is_given_up(hasty: Server) -> None:
    with connect(hasty) as slow:
        slow.sendall(
            b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        answer = drip(slow, b"a" * 200, 0.02)
    assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 400 "))


def test_a_peer_that_says_nothing_is_closed(hasty: Server) -> None:
    with connect(hasty) as silent:
        data, closed = drain(silent)
    assert (data, closed) == (b"", True)


def test_one_byte_at_a_time_is_enough(server: Server) -> None:
    with connect(server) as patient:
        patient.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in HEAD:
            patient.sendall(bytes([byte]))
        answer = b""
        while not answer.endswith(b"\r\n\r\nok"):
            piece = patient.recv(1)
            assert piece, answer
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_resets_at_every_byte_of_a_handshake_leave_nothing(shared: Sandbox) -> None:
    server = shared.server
    opening = handshake(f"{shared.path}/ws?token={server.token()}")
    before = len(proc.descriptors(server.pid))
    for length in range(len(opening) + 1):
        connection = connect(server)
        connection.sendall(opening[:length])
        reset(connection)
    proc.eventually(
        "descriptors are back", lambda: len(proc.descriptors(server.pid)) <= before)
    assert server.raw("GET", "/healthz").text == "ok"


def test_a_peer_that_never_reads_its_answer_is_cut_off(hasty: Server) -> None:
    sandbox = hasty.create().running()
    body = b'{"command":"head","args":["-c","9000000","/dev/zero"]}'
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", hasty.port))
        before = len(proc.descriptors(hasty.pid))
        deaf.sendall(
            f"POST {sandbox.path}/exec HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {hasty.token()}\r\nContent-Length: {len(body)}\r\n\r\n"
            .encode() + body)
        proc.eventually(
            "the connection is closed", lambda: len(proc.descriptors(hasty.pid)) < before, 20)
    hasty.request("DELETE", sandbox.path)


def test_thousands_of_idle_connections_cost_nobody_anything(hasty: Server) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The server allows connections for half of the files it may have.
    count = min(IDLE, (hard - 1024) // 2 - 100)
    command = [sys.executable, "-c", HOLD, str(hasty.port), str(count), HEAD.decode()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdin and holder.stdout
        assert holder.stdout.readline() == "held\n"
        assert hasty.raw("GET", "/healthz").text == "ok"
        holder.stdin.write("all ask again\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == f"{count}\n"
        holder.wait(timeout=30)
    proc.eventually("all are gone", lambda: len(proc.descriptors(hasty.pid)) < 200, 30)
    assert hasty.raw("GET", "/healthz").text == "ok"


def test_at_the_limit_of_connections_new_ones_wait_and_are_served_later() -> None:
    server = Server("--limit", "connections=20")
    try:
        server.start()
        held = [connect(server) for _ in range(20)]
        for one in held:
            one.sendall(HEAD)
            assert one.recv(4096).startswith(b"HTTP/1.1 200 ")
        with connect(server) as late:
            late.sendall(HEAD)
            late.settimeout(0.3)
            with pytest.raises(TimeoutError):
                late.recv(1)
            held.pop().close()
            late.settimeout(5)
            assert late.recv(4096).startswith(b"HTTP/1.1 200 ")
        for one in held:
            one.close()
    finally:
        server.clean()
