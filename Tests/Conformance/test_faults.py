"""Peers that are slow, half dead or gone: each costs its own connection and nobody else's."""

import os
import resource
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import proc
import pytest
import requests
from rawhttp import RawWebSocket, connect, drain, handshake, masked
from server import Sandbox, Server

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY_HEAD = (
    b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
TCP_REPAIR = 19
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
        "--limit", "write-stall-ms=1000")
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
        slow.sendall(BODY_HEAD)
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


def vanish(connection: socket.socket) -> None:
    """Closes without a word to the peer, as a machine does whose power fails."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="TCP_REPAIR needs privileges")
@pytest.mark.parametrize("said", [b"", HEAD, HEAD[:20], BODY_HEAD, BODY_HEAD + b"abc", HEAD * 50])
def test_a_peer_that_vanished_is_given_up(said: bytes) -> None:
    server = Server("--limit", "head-ms=300,idle-ms=300,body-stall-ms=300,linger-ms=300")
    try:
        server.start()
        before = len(proc.descriptors(server.pid))
        for _ in range(20):
            half_open = connect(server)
            half_open.sendall(said)
            if said == HEAD:
                assert half_open.recv(4096).startswith(b"HTTP/1.1 200 ")
            vanish(half_open)
        proc.eventually(
            "descriptors are back", lambda: len(proc.descriptors(server.pid)) <= before)
        assert server.healthy()
    finally:
        server.clean()


def test_a_websocket_that_never_reads_holds_up_nobody(shared: Sandbox) -> None:
    with RawWebSocket(shared) as deaf:
        deaf.socket.settimeout(0.5)
        ping = masked(0x89, b"a" * 125) * 1000
        sent = 0
        try:
            while sent < 64 * 1024 * 1024:
                deaf.socket.sendall(ping)
                sent += len(ping)
        except TimeoutError:
            pass  # not read from any more, rightly
        status = Path(f"/proc/{shared.server.pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0])
        assert resident < 200_000, f"{resident} KiB after {sent} bytes of pings"
        with shared.wire() as wire:
            assert wire.start("echo", "next").finish().stdout == b"next\n"


def test_a_websocket_in_single_bytes_is_understood(shared: Sandbox) -> None:
    path = f"{shared.path}/ws?token={shared.server.token()}"
    text = handshake(path) + masked(0x89, b"a" * 125) + masked(0x88, b"\x03\xe8bye")
    with connect(shared.server) as patient:
        patient.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in text:
            patient.sendall(bytes([byte]))
        answer = b"".join(iter(lambda: patient.recv(1), b""))
    assert answer.startswith(b"HTTP/1.1 101 ") and b"\x8a\x7d" + b"a" * 125 in answer
    assert answer.endswith(b"\x88\x02\x03\xe8")


def test_without_files_left_connections_are_dropped_and_nothing_spins(own_server: Server) -> None:
    files = resource.RLIMIT_NOFILE
    allowed = resource.prlimit(own_server.pid, files)
    assert own_server.healthy()
    resource.prlimit(
        own_server.pid, files, (len(proc.descriptors(own_server.pid)) + 10, allowed[1]))
    peers = [connect(own_server) for _ in range(100)]
    dropped = 0
    for peer in peers:
        peer.settimeout(0.2)
        try:
            dropped += peer.recv(1) == b""
        except TimeoutError:
            pass  # one of those that were accepted
        except ConnectionError:
            dropped += 1
    assert 80 < dropped < 100
    start = cpu_seconds(own_server.pid)
    time.sleep(0.5)
    assert cpu_seconds(own_server.pid) - start < 0.25, "the loop spins"
    for peer in peers:
        peer.close()

    def serves() -> bool:
        try:
            return own_server.healthy()
        except requests.ConnectionError:
            return False  # the last files are being closed

    proc.eventually("it serves again", serves)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    # The server keeps 1,024 of the files that it may have for itself.
    count = min(IDLE, hard - 1024 - 100)
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
