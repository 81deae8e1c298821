"""Bytes on a socket, for what no decent client would send."""

import base64
import os
import re
import socket
import struct
from typing import NamedTuple

from server import Sandbox, Server


class Answer(NamedTuple):
    status: int
    body: bytes
    closed: bool


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def drain(connection: socket.socket) -> tuple[bytes, bool]:
    """All that comes until the peer closes, or nothing comes for the socket's timeout."""
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return data, True
        except TimeoutError:
            return data, False
        if not piece:
            return data, True
        data += piece


def is_whole(data: bytes) -> bool:
    """Whether an answer has come that says itself where it ends."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return len(body) >= int(length[1]) if length else head.startswith((b"HTTP/1.1 101", b"HTTP/1.1 204"))


def ask(server: Server, request: bytes, *, to_the_end: bool = False) -> Answer:
    """The answer to one request; `to_the_end`: and whether the connection is closed behind it."""
    with connect(server) as connection:
        try:
            connection.sendall(request)
        except OSError:
            pass  # answered and closed before all was sent
        data, closed = b"", False
        while not (closed or to_the_end or is_whole(data)):
            piece = connection.recv(65536)
            data, closed = data + piece, not piece
        if to_the_end:
            data, closed = drain(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status = head.split(b" ")[1] if head.startswith(b"HTTP/1.1 ") else b"0"
    return Answer(int(status), body, closed)


def handshake(path: str, *changes: tuple[str, str | None]) -> bytes:
    """A WebSocket opening; a change with None leaves that field out."""
    fields: dict[str, str | None] = {
        "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    fields.update(changes)
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


class RawWebSocket:
    """An open WebSocket whose frames the test writes by hand."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.socket = connect(sandbox.server)
        path = f"{sandbox.path}/ws?token={sandbox.server.token()}"
        self.socket.sendall(handshake(path))
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head

    def __enter__(self) -> "RawWebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _more(self) -> None:
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError("closed without a close frame")
        self.buffer += piece

    def _take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload; the server's are never masked."""
        first, second = self._take(2)
        assert second < 128, "a masked frame from the server"
        length = second
        if second == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif second == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        return first & 0x0F, self._take(length)

    def close_code(self) -> int:
        """The code of the close frame, whatever comes before it."""
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0]


def masked(first: int, payload: bytes, length: int | None = None) -> bytes:
    """A client's frame; `length` may be a lie."""
    size = len(payload) if length is None else length
    if size < 126:
        head = struct.pack(">BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack(">BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack(">BBQ", first, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload  # masked by zero, which changes nothing
