"""A web server to be run inside a sandbox, that tells byte by byte what it gets, and misbehaves on
demand. `python3 site.py PORT [ADDRESS]`"""

import base64
import hashlib
import json
import socket
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Connection:
    def __init__(self, stream: socket.socket, number: int) -> None:
        self.stream = stream
        self.number = number
        self.buffer = b""
        self.requests = 0

    def more(self) -> bool:
        piece = self.stream.recv(65536)
        self.buffer += piece
        return bool(piece)

    def until(self, end: bytes) -> bytes | None:
        while end not in self.buffer:
            if not self.more():
                return None
        taken, self.buffer = self.buffer.split(end, 1)
        return taken + end

    def take(self, count: int) -> bytes:
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def serve(self) -> None:
        try:
            while (head := self.until(b"\r\n\r\n")) is not None:
                self.requests += 1
                target = head.split(b" ")[1].decode("latin1")
                name = target.split("?")[0].strip("/").split("/")[0] or "echo"
                if getattr(self, f"do_{name}", self.do_echo)(head) is False:
                    break
        except (EOFError, OSError):
            pass
        finally:
            self.stream.close()

    # What it gets.

    @staticmethod
    def field(head: bytes, name: str) -> str | None:
        for line in head.decode("latin1").split("\r\n")[1:]:
            if line.lower().startswith(name + ":"):
                return line.split(":", 1)[1].strip()
        return None

    def pieces(self, head: bytes):
        """The body, piece by piece, out of its chunks."""
        if (self.field(head, "transfer-encoding") or "").lower() == "chunked":
            while size := int(self.until(b"\r\n") or b"0", 16):
                yield self.take(size + 2)[:-2]
            self.until(b"\r\n")
            return
        left = int(self.field(head, "content-length") or 0)
        while left:
            if not self.buffer and not self.more():
                raise EOFError
            piece, self.buffer = self.buffer[:left], self.buffer[left:]
            left -= len(piece)
            yield piece

    def answer(self, body: bytes, *fields: str, status: str = "200 OK") -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
        self.stream.sendall("\r\n".join(lines).encode("latin1") + body)

    def do_echo(self, head: bytes) -> None:
        """Everything that came, as JSON."""
        digest, count, first = hashlib.sha256(), 0, b""
        for piece in self.pieces(head):
            digest.update(piece)
            count += len(piece)
            first = (first + piece)[:4096]
        told = {
            "head": head.decode("latin1"), "body": first.decode("latin1"), "count": count,
            "sha256": digest.hexdigest(), "connection": self.number, "request": self.requests,
        }
        self.answer(json.dumps(told).encode(), "Content-Type: application/json")

    # What it does otherwise.

    def do_give(self, head: bytes) -> None:
        """/give/BYTES: so many, in chunks with `?chunked`."""
        target = head.split(b" ")[1].decode()
        left = int(target.split("/")[2].split("?")[0])
        block = bytes(range(256)) * 256
        if "chunked" not in target:
            self.stream.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n".encode())
        else:
            self.stream.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while left:
            piece = block[: min(left, len(block))]
            left -= len(piece)
            if "chunked" in target:
                piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
            self.stream.sendall(piece)
        if "chunked" in target:
            self.stream.sendall(b"0\r\n\r\n")

    def do_events(self, head: bytes) -> None:
        """Server-sent events; each waits until the one before was acknowledged at /ack."""
        self.stream.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n")
        for number in range(3):
            event = f"data: {number}\n\n".encode()
            self.stream.sendall(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            acknowledged.acquire()
        self.stream.sendall(b"0\r\n\r\n")

    def do_ack(self, head: bytes) -> None:
        acknowledged.release()
        self.answer(b"ok")

    def do_raw(self, head: bytes) -> bool:
        """/raw/BASE64URL: these bytes, and the end of the connection."""
        text = head.split(b" ")[1].split(b"/")[2].split(b"?")[0]
        self.stream.sendall(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        return False

    def do_keep(self, head: bytes) -> None:
        """/keep/BASE64URL: these bytes, and the connection goes on."""
        self.do_raw(head)

    def do_naive(self, head: bytes) -> None:
        """Takes no notice of a body: what follows the head is the next request."""
        self.answer(b"naive")

    def do_hang(self, head: bytes) -> None:
        """Never answers."""
        while self.more():
            self.buffer = b""

    def do_sink(self, head: bytes) -> None:
        """Counts a body that has a length."""
        left = int(self.field(head, "content-length") or 0)
        room = memoryview(bytearray(1 << 20))
        count = min(left, len(self.buffer))
        self.buffer = self.buffer[count:]
        while count < left and (taken := self.stream.recv_into(room, min(left - count, 1 << 20))):
            count += taken
        self.answer(str(count).encode())

    def do_reset(self, head: bytes) -> bool:
        self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def do_early(self, head: bytes) -> bool:
        """Refuses at once, whatever is still to come."""
        self.answer(b"no", "Connection: close", status="413 Content Too Large")
        self.stream.shutdown(socket.SHUT_WR)
        while self.more():
            self.buffer = b""
        return False

    def do_continue(self, head: bytes) -> None:
        self.stream.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.do_echo(head)

    def do_hints(self, head: bytes) -> None:
        self.stream.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n")
        self.do_echo(head)

    def do_socket(self, head: bytes) -> bool:
        """A WebSocket that sends every message back."""
        key = (self.field(head, "sec-websocket-key") or "").encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        self.stream.sendall(
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while True:
            first, second = self.take(2)
            length = second & 127
            if length >= 126:
                length = int.from_bytes(self.take(2 if length == 126 else 8), "big")
            mask, payload = self.take(4), self.take(length)
            pad = (mask * (length // 4 + 1))[:length]
            payload = (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(length)
            if length < 126:
                size = bytes([length])
            elif length < 65536:
                size = b"\x7e" + length.to_bytes(2)
            else:
                size = b"\x7f" + length.to_bytes(8)
            self.stream.sendall(bytes([first]) + size + payload)
            if first & 15 == 8:
                return False

    def do_headless(self, head: bytes) -> bool:
        """Speaks the head to whoever asks: what came on an upgraded connection, as it came."""
        self.stream.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\nConnection: Upgrade\r\n\r\n" + head)
        while piece := self.buffer or self.stream.recv(65536):
            self.stream.sendall(piece)
            self.buffer = b""
        return False


acknowledged = threading.Semaphore(0)


def main() -> None:
    address = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(sys.argv[1])))
        listener.listen(128)
        number = 0
        while True:
            stream, _ = listener.accept()
            number += 1
            threading.Thread(target=Connection(stream, number).serve, daemon=True).start()


main()
