"""The built server over TLS, seen by OpenSSL through Python: start, service, renewal, refusals."""

import re
import signal
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import proc
import pytest
from server import API_KEY, Server

ASK = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def make_certificate(folder: Path, name: str) -> None:
    """Self-signed, for localhost: `name.pem` and `name.key`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        cwd=folder, check=True, capture_output=True)


class TLSServer(Server):
    """A server whose files are `served.pem` and `served.key` in its own folder."""

    def __init__(self) -> None:
        super().__init__()
        self.cert, self.key = self.folder / "served.pem", self.folder / "served.key"
        self.arguments = ("--tls-cert", str(self.cert), "--tls-key", str(self.key))
        for name in ("first", "second"):
            make_certificate(self.folder, name)
        self.show("first")

    def show(self, name: str) -> None:
        self.cert.write_bytes((self.folder / f"{name}.pem").read_bytes())
        self.key.write_bytes((self.folder / f"{name}.key").read_bytes())

    def start(self) -> "TLSServer":
        self.process = process = self.spawn()

        def bound() -> re.Match[str] | None:
            assert process.poll() is None, f"the server ended at its start: {self.log.read_text()}"
            return re.search(r"listening on (https://127\.0\.0\.1:[1-9]\d*)\s", self.log.read_text())

        self.address = proc.eventually("the line that says where it listens", bound)[1]
        return self

    def refusal(self) -> str:
        """What it says when it does not start."""
        process = self.spawn()
        assert process.wait(timeout=20) == 1
        return self.log.read_text()

    def connect(self, name: str, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLSocket:
        """A connection that trusts only this certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / f"{name}.pem"))
        context.minimum_version = context.maximum_version = version
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return context.wrap_socket(raw, server_hostname="localhost")


def ask(connection: socket.socket) -> bytes:
    connection.sendall(ASK)
    return connection.recv(4096)


@pytest.fixture
def tls() -> Iterator[TLSServer]:
    server = TLSServer()
    try:
        yield server
    finally:
        server.clean()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_serves_https(tls: TLSServer, version: ssl.TLSVersion) -> None:
    with tls.start().connect("first", version) as connection:
        assert ask(connection).startswith(b"HTTP/1.1 200 ")
        assert ask(connection).startswith(b"HTTP/1.1 200 ")


def test_urls_are_https(tls: TLSServer) -> None:
    body = b'{"template":"python","ports":[3000]}'
    head = (
        "POST /api/v1/sandboxes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Authorization: ApiKey {API_KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n").encode()
    with tls.start().connect("first") as connection:
        connection.sendall(head + body)
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith("HTTP/1.1 201 "), answer
    assert f'"ws_url":"https://localhost:{tls.port}/' in answer
    assert re.search(rf'"3000":"https://sbx-\w+-3000\.preview\.localhost:{tls.port}"', answer)


def client_hello() -> tuple[ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """A client that has said its first words: into the second of its two buffers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    received, said = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(received, said)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return client, received, said


@pytest.mark.parametrize("with_reset", [True, False])
def test_an_end_at_every_byte_of_the_hello_leaves_nothing(
    tls: TLSServer, with_reset: bool
) -> None:
    hello = client_hello()[2].read()
    assert len(hello) > 200
    before = len(proc.descriptors(tls.start().pid))
    for length in range(len(hello) + 1):
        connection = socket.create_connection(("127.0.0.1", tls.port), timeout=20)
        connection.sendall(hello[:length])
        if with_reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    proc.eventually(
        "descriptors are back", lambda: len(proc.descriptors(tls.pid)) <= before, 20)
    with tls.connect("first") as connection:
        assert ask(connection).startswith(b"HTTP/1.1 200 ")


def test_a_handshake_and_a_request_in_single_bytes_are_understood(tls: TLSServer) -> None:
    client, received, said = client_hello()
    with socket.create_connection(("127.0.0.1", tls.start().port), timeout=20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(action: Callable[[], object]) -> object:
            """Repeats until the server has answered by enough bytes, one read of one each."""
            while True:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    for byte in said.read():
                        connection.sendall(bytes([byte]))
                    received.write(connection.recv(1))

        step(client.do_handshake)
        client.write(ASK)
        assert str(step(lambda: client.read(4096))).startswith("b'HTTP/1.1 200 ")


def test_plain_http_is_closed(tls: TLSServer) -> None:
    with socket.create_connection(("127.0.0.1", tls.start().port), timeout=20) as connection:
        assert b"HTTP" not in ask(connection)


def test_a_renewed_certificate_is_shown_and_old_connections_go_on(tls: TLSServer) -> None:
    old = tls.start().connect("first")
    assert ask(old).startswith(b"HTTP/1.1 200 ")
    tls.show("second")
    tls.process.send_signal(signal.SIGHUP)
    proc.eventually("the log's line", lambda: "was read again" in tls.log.read_text())
    with tls.connect("second") as new:
        assert ask(new).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(ssl.SSLCertVerificationError):
        tls.connect("first")
    assert ask(old).startswith(b"HTTP/1.1 200 ")
    old.close()


def test_a_bad_renewal_is_logged_and_changes_nothing(tls: TLSServer) -> None:
    tls.start()
    tls.cert.write_text("nonsense\n")
    tls.process.send_signal(signal.SIGHUP)
    proc.eventually("the log's line", lambda: "can't be renewed" in tls.log.read_text())
    assert str(tls.cert) in tls.log.read_text()
    with tls.connect("first") as connection:
        assert ask(connection).startswith(b"HTTP/1.1 200 ")


def test_a_missing_file_stops_the_start(tls: TLSServer) -> None:
    tls.cert.unlink()
    expected = f"xgen-server: --tls-cert: {tls.cert}: no such file or directory (ENOENT)\n"
    assert tls.refusal() == expected


def test_another_certificates_key_stops_the_start(tls: TLSServer) -> None:
    tls.key.write_bytes((tls.folder / "second.key").read_bytes())
    expected = f"--tls-key: {tls.key}: the key is not that of the certificate in {tls.cert}\n"
    assert tls.refusal() == "xgen-server: " + expected
