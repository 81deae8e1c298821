"""What is compared: xgen-server, what a user would pick instead, and the floor.

Each of these forwards to one `xgen-bench sidecar-echo`. A new peer is a class and a line in
`all_peers`.
"""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from processes import Program, Programs
from tools import HERE, compiled, fill_in, free_port, is_unix, output

#: What `GET /healthz` of a server answers; nginx and haproxy answer the same.
HEALTH = "ok"
API_KEY = "bench-compare-key"
MAX_FILES = 20_000


@dataclass
class Running:
    """A peer that serves."""

    program: Program
    #: For xgen-bench's --url.
    url: str
    #: What xgen-bench needs besides: of all commands, and of those that open WebSockets.
    options: list[str] = field(default_factory=list)
    websocket_options: list[str] = field(default_factory=list)

    def pids(self) -> str:
        return ",".join(map(str, self.program.pids()))


class Peer:
    """A program that can be put between the load and the echo."""

    #: In tables and for --peers.
    name: str
    #: Whether it is an xgen-server.
    is_server = False

    def missing(self) -> str | None:
        """Why it can't be run."""
        raise NotImplementedError

    def version(self) -> str:
        raise NotImplementedError

    def start(self, programs: Programs, core: int | None, upstream: str) -> Running:
        """`upstream` is what sidecar-echo listens on: HOST:PORT or unix:PATH."""
        raise NotImplementedError


class Server(Peer):
    """xgen-server without rate limit: with the static backend, or with sandboxes of its own."""

    is_server = True

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    def missing(self) -> str | None:
        return None if os.access(self.path, os.X_OK) else f"{self.path} is missing: make build"

    def version(self) -> str:
        return output([str(self.path), "--version"])

    def start(
        self, programs: Programs, core: int | None, upstream: str,
        env: dict[str, str] | None = None
    ) -> Running:
        backend = ["--backend", "static", "--static-sidecar", upstream]
        return self._start(programs, core, backend, env)

    def start_local(self, programs: Programs) -> Running:
        return self._start(programs, None, [], None)

    def _start(
        self, programs: Programs, core: int | None, arguments: list[str],
        env: dict[str, str] | None
    ) -> Running:
        command = [
            str(self.path), "--listen", "127.0.0.1:0", "--data-dir",
            str(programs.folder / f"data{len(programs.running)}"),
            "--rate-limit-per-minute", "0", "--log-level", "warning",
            "--limit", "connections=100000,connections-per-peer=100000", *arguments]
        program = programs.start("xgen-server", command, core, {"API_KEY": API_KEY, **(env or {})})
        return Running(program, f"http://{program.place()}", ["--api-key", API_KEY])


class Relay(Peer):
    """The floor: relay.c, which copies bytes and looks at none."""

    name = "relay"

    def missing(self) -> str | None:
        return None if shutil.which("cc") else "there is no C compiler: apt-get install gcc"

    def version(self) -> str:
        return "cc " + output(["cc", "-dumpfullversion"])

    def start(self, programs: Programs, core: int | None, upstream: str) -> Running:
        address = upstream.removeprefix("unix:" if is_unix(upstream) else "127.0.0.1:")
        program = programs.start("relay", [str(compiled("relay.c")), "0", address], core)
        return direct(program, program.place())


class Configured(Peer):
    """nginx or haproxy: files beside this one, with names filled in."""

    program: str
    #: Debian's.
    package: str
    #: The second one has the large buffers.
    files: tuple[str, str]

    def __init__(self, is_tuned: bool) -> None:
        self.is_tuned = is_tuned
        self.name = f"{self.program}-64k" if is_tuned else self.program

    def missing(self) -> str | None:
        if shutil.which(self.program):
            return None
        return f"{self.program} is not installed: apt-get install {self.package}"

    def command(self, files: list[Path]) -> list[str]:
        raise NotImplementedError

    def names(self, folder: Path) -> dict[str, str]:
        return {}

    def upstream(self, address: str) -> str:
        return address

    def start(self, programs: Programs, core: int | None, upstream: str) -> Running:
        port = free_port()
        folder = programs.folder / f"{self.name}-{port}"
        folder.mkdir()
        names = {
            "PORT": str(port), "UPSTREAM": self.upstream(upstream), "HEALTH": HEALTH,
            "FILES": str(MAX_FILES), "FOLDER": str(folder), **self.names(folder)}
        written = [fill_in(HERE / file, folder / file, names) for file in self.files]
        program = programs.start(self.name, self.command(written), core)
        program.await_port(port)
        return direct(program, f"127.0.0.1:{port}")


class Nginx(Configured):
    program = "nginx"
    package = "nginx-light"
    files = ("nginx.conf", "nginx-64k.conf")

    def names(self, folder: Path) -> dict[str, str]:
        return {
            # nginx drops to another user only when it is root, and warns of the word otherwise.
            "USER": "user root;" if os.geteuid() == 0 else "",
            "BUFFERS": f"include {folder}/nginx-64k.conf;" if self.is_tuned else ""}

    def command(self, files: list[Path]) -> list[str]:
        return ["nginx", "-e", "stderr", "-p", str(files[0].parent), "-c", str(files[0])]

    def version(self) -> str:
        return output(["nginx", "-v"])


class HAProxy(Configured):
    program = "haproxy"
    package = "haproxy"
    files = ("haproxy.cfg", "haproxy-64k.cfg")

    def upstream(self, address: str) -> str:
        return address.replace("unix:", "unix@", 1)

    def command(self, files: list[Path]) -> list[str]:
        chosen = files if self.is_tuned else files[:1]
        return ["haproxy", "-db", *(word for file in chosen for word in ("-f", str(file)))]

    def version(self) -> str:
        return output(["haproxy", "-v"]).splitlines()[0]


def direct(program: Program, address: str) -> Running:
    """One without xgen-server's interface."""
    return Running(program, f"http://{address}", websocket_options=["--direct", "/ws"])


def all_peers(servers: list[Server]) -> list[Peer]:
    return [
        *servers, Relay(), HAProxy(False), HAProxy(True), Nginx(False), Nginx(True)]
