"""A TCP proxy between a server and the cluster's API server that can be cut."""

import contextlib
import socket
import struct
import threading
from urllib.parse import urlsplit

# Closing then resets the connection at once, whatever is still under way.
ABORT = struct.pack("ii", 1, 0)


class Link:
    """Passes bytes on until it is cut; a connection that comes after the cut passes again."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        assert address.hostname
        self.target = (address.hostname, address.port or 443)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"https://127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()
        self.open: set[socket.socket] = set()
        self.is_down = False
        self.passed = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return  # closed
            if self.is_down:
                self.abort(near)
                continue
            try:
                far = socket.create_connection(self.target, timeout=10)
            except OSError:
                self.abort(near)
                continue
            far.settimeout(None)
            with self.lock:
                self.open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
                self.passed += len(data)
        # The one pump that ends ends the other: half an API connection is of no use.
        self.forget(source, sink)

    def forget(self, *sockets: socket.socket) -> None:
        with self.lock:
            self.open -= set(sockets)
        for one in sockets:
            self.abort(one)

    def abort(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            one.shutdown(socket.SHUT_RDWR)  # wakes the pump that reads it
        one.close()

    def cut(self) -> int:
        """Resets every connection; returns how many there were."""
        with self.lock:
            found = list(self.open)
        self.forget(*found)
        return len(found) // 2

    def down(self) -> None:
        """Cuts, and refuses whatever comes until `up`."""
        self.is_down = True
        self.cut()

    def up(self) -> None:
        self.is_down = False

    def close(self) -> None:
        self.listener.close()
        self.cut()
