"""A small VNC client (RFC 6143) over a WebSocket, as noVNC is one."""

import socket
import struct
from pathlib import Path

import proc
from Crypto.Cipher import DES
from preview import Preview
from server import Sandbox
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PORT = 6080
WINDOW = Path(__file__).parent / "inside" / "window.py"
BLUE = 0x1166CC


class Refused(Exception):
    pass


class Screen:
    """Looks at a sandbox's desktop, and uses it."""

    def __init__(self, sandbox: Sandbox, password: str) -> None:
        preview = Preview(sandbox, PORT)
        self.socket = connect(
            f"ws://{preview.host}/websockify", subprotocols=[Subprotocol("binary")],
            sock=socket.create_connection(("127.0.0.1", sandbox.server.port)), max_size=None,
            open_timeout=30)
        self.unread = b""
        try:
            self._shake_hands(password)
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _take(self, count: int) -> bytes:
        while len(self.unread) < count:
            data = self.socket.recv(timeout=30)
            assert isinstance(data, bytes)
            self.unread += data
        found, self.unread = self.unread[:count], self.unread[count:]
        return found

    def _shake_hands(self, password: str) -> None:
        assert self._take(12) == b"RFB 003.008\n"
        self.socket.send(b"RFB 003.008\n")
        assert 2 in self._take(self._take(1)[0]), "VNC authentication is offered"
        self.socket.send(b"\x02")
        # The bits of each byte of the key the other way round.
        key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
        self.socket.send(DES.new(key, DES.MODE_ECB).encrypt(self._take(16)))
        if struct.unpack(">I", self._take(4))[0]:
            length = struct.unpack(">I", self._take(4))[0]
            raise Refused(self._take(length).decode())
        self.socket.send(b"\x01")  # shared
        self.width, self.height, _, length = struct.unpack(">HH16sI", self._take(24))
        self.name = self._take(length).decode()
        # 32 bits a pixel, little-endian, red in the third byte; raw.
        self.socket.send(struct.pack(">Bxxx4B3H3Bxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.socket.send(struct.pack(">BxHi", 2, 1, 0))

    def count(self, color: int) -> int:
        """How many pixels have this colour (0xRRGGBB) now."""
        return len(self.pixels(color))

    def pixels(self, color: int) -> list[tuple[int, int]]:
        """Those that have this colour now, by rows."""
        self.socket.send(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        found: list[tuple[int, int]] = []
        while True:
            kind = self._take(1)[0]
            if kind == 3:  # ServerCutText
                self._take(struct.unpack(">xxxI", self._take(7))[0])
            elif kind == 0:
                for _ in range(struct.unpack(">xH", self._take(3))[0]):
                    left, top, width, height, encoding = struct.unpack(">HHHHi", self._take(12))
                    assert encoding == 0
                    pixels = memoryview(self._take(width * height * 4)).cast("I")
                    found += [(left + at % width, top + at // width)
                              for at, pixel in enumerate(pixels) if pixel & 0xFFFFFF == color]
                return found
            elif kind != 2:  # Bell
                raise AssertionError(f"message {kind}")

    def click(self, x: int, y: int) -> None:
        for buttons in (0, 1, 0):
            self.socket.send(struct.pack(">BBHH", 5, buttons, x, y))

    def type(self, text: str) -> None:
        for char in text:
            for down in (1, 0):
                key = 0xFF0D if char == "\n" else ord(char)
                self.socket.send(struct.pack(">BBxxI", 4, down, key))


def show(sandbox: Sandbox) -> None:
    """Starts a program that has a window."""
    sandbox.server.request("PUT", f"{sandbox.path}/files?path=window.py", data=WINDOW.read_bytes())
    sandbox.background(f"python3 window.py {BLUE:06x} typed")


def use(sandbox: Sandbox) -> None:
    """A program of the sandbox is seen, typed into, and gets the text."""
    show(sandbox)
    with Screen(sandbox, sandbox.get()["vnc_password"]) as screen:
        proc.eventually("the window is seen", lambda: screen.count(BLUE) > 300 * 200, 20)
        pixels = screen.pixels(BLUE)
        screen.click(*pixels[len(pixels) // 2])
        screen.type("hello desktop 42\n")
        proc.eventually(
            "the program has it", lambda: sandbox.sh("cat typed || true") == "hello desktop 42\n")
    sandbox.sh("rm typed")
