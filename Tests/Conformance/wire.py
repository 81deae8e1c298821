"""A client of the sandbox WebSocket that shares no code with the server's codecs."""

import itertools
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgpack
from websockets.sync.client import connect

PING, PONG, ERROR, ACK = 0x01, 0x02, 0x03, 0x04
EXEC_START, EXEC_STDIN, EXEC_STDOUT, EXEC_STDERR, EXEC_EXIT = 0x20, 0x21, 0x22, 0x23, 0x24
EXEC_SIGNAL, EXEC_RESIZE, EXEC_STDIN_CLOSE = 0x25, 0x26, 0x29
FS_READ, FS_WRITE, FS_LIST, FS_REMOVE, FS_WATCH, FS_EVENT = 0x30, 0x31, 0x32, 0x33, 0x34, 0x35
PORT_OPEN, PORT_CLOSE, SANDBOX_READY = 0x40, 0x41, 0x50

HEAD = struct.Struct(">BII")


class Frame(NamedTuple):
    type: int
    channel: int
    id: int
    payload: bytes

    def unpack(self) -> Any:
        return msgpack.unpackb(self.payload)


class Result(NamedTuple):
    stdout: bytes
    stderr: bytes
    exit_code: int


class Wire:
    """One connection. It reads only inside a call that waits, so an idle one is a slow reader."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.socket = connect(
            url, additional_headers=headers, compression=None, max_size=None, ping_interval=None,
            close_timeout=2, proxy=None)
        self.backlog: list[Frame] = []
        self._ids = itertools.count(1)
        self._channels = itertools.count(1)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, type: int, payload: bytes = b"", channel: int = 0, id: int = 0) -> None:
        self.socket.send(HEAD.pack(type, channel, id) + payload)

    def receive(self, timeout: float = 10) -> Frame:
        """The next message, whatever it is."""
        message = self.socket.recv(timeout)
        assert isinstance(message, bytes), f"a text message: {message!r}"
        assert len(message) >= HEAD.size, f"no whole envelope: {message!r}"
        return Frame(*HEAD.unpack_from(message), message[HEAD.size:])

    def wait(self, wanted: Callable[[Frame], bool], timeout: float = 10) -> Frame:
        """The first message that is wanted; the others stay for later waits, in their order."""
        deadline = time.monotonic() + timeout
        for index, frame in enumerate(self.backlog):
            if wanted(frame):
                return self.backlog.pop(index)
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                frame = self.receive(remaining)
            except TimeoutError:
                break
            if wanted(frame):
                return frame
            self.backlog.append(frame)
        raise AssertionError(f"not within {timeout} s; last seen: {self.backlog[-5:]}")

    def wait_type(self, type: int, channel: int = 0, timeout: float = 10) -> Frame:
        return self.wait(lambda f: f.type == type and f.channel == channel, timeout)

    def reply(self, type: int, payload: bytes = b"", channel: int = 0) -> Frame:
        """Sends a request with a fresh id and returns the message that bears it."""
        id = next(self._ids)
        self.send(type, payload, channel, id)
        frame = self.wait(lambda f: f.id == id, timeout=20)
        assert frame.channel == channel or type == EXEC_START, frame
        return frame

    def request(self, type: int, channel: int = 0, **fields: Any) -> Frame:
        return self.reply(type, msgpack.packb(fields), channel)

    def acked(self, type: int, channel: int = 0, **fields: Any) -> Frame:
        frame = self.request(type, channel, **fields)
        assert frame.type == ACK, frame
        return frame

    def refused(self, type: int, channel: int = 0, **fields: Any) -> str:
        """The error code that answers a request."""
        frame = self.request(type, channel, **fields)
        assert frame.type == ERROR, frame
        assert isinstance(frame.unpack()["message"], str), frame
        return frame.unpack()["code"]

    def start(self, command: str, *args: str, channel: int | None = None, **fields: Any) -> "Run":
        """Starts a command, on a channel of its own unless one is given."""
        asked = next(self._channels) if channel is None else channel
        options = {"tty": False, **fields}
        ack = self.acked(EXEC_START, asked, command=command, args=list(args), **options).unpack()
        assert ack["process_id"] > 0, ack
        assert asked in (0, ack["channel"]), ack
        return Run(self, ack["channel"], ack["process_id"])

    def alive(self) -> bool:
        return self.reply(PING).type == PONG


class Run(NamedTuple):
    """A process that was started on a connection."""

    wire: Wire
    channel: int
    process_id: int

    def stdin(self, data: bytes, process_id: int = 0) -> None:
        """As clients send it: with process id 0, meaning the channel's process."""
        self.wire.send(EXEC_STDIN, struct.pack(">I", process_id) + data, self.channel)

    def stdin_close(self, process_id: int = 0) -> None:
        self.wire.send(EXEC_STDIN_CLOSE, struct.pack(">I", process_id), self.channel)

    def signal(self, signal: str | int) -> None:
        """As clients send it: without process_id."""
        self.wire.send(EXEC_SIGNAL, msgpack.packb({"signal": signal}), self.channel)

    def resize(self, cols: int, rows: int) -> None:
        """As clients send it: without process_id."""
        self.wire.send(EXEC_RESIZE, msgpack.packb({"cols": cols, "rows": rows}), self.channel)

    def until(self, text: bytes, timeout: float = 10) -> bytes:
        """Reads stdout up to the frame that completes `text`."""
        seen = b""
        while text not in seen:
            seen += self.wire.wait_type(EXEC_STDOUT, self.channel, timeout).payload
        return seen

    def finish(self, timeout: float = 20) -> Result:
        """Everything up to ExecExit, with the rules for such frames checked on the way."""
        streams = {EXEC_STDOUT: bytearray(), EXEC_STDERR: bytearray()}
        while True:
            frame = self.wire.wait(lambda f: f.channel == self.channel and f.id == 0, timeout)
            if frame.type == EXEC_EXIT:
                exit = frame.unpack()
                assert exit == {"exit_code": exit["exit_code"], "exitCode": exit["exit_code"]}
                return Result(*map(bytes, streams.values()), exit["exit_code"])
            assert frame.type in streams, frame
            streams[frame.type] += frame.payload
