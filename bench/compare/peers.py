"""What is compared: xgen-server, what a user would pick instead, and the floor.

Each peer forwards to one `xgen-bench sidecar-echo`. A new peer is a class and a line in `peers`.
"""

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from processes import Program, Programs

HERE = Path(__file__).parent
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
    #: What tells xgen-bench how to reach the echo through it.
    options: list[str] = field(default_factory=list)

    def pids(self) -> str:
        return ",".join(map(str, self.program.pids()))


class Peer:
    """A program that can be put between the load and the echo."""

    #: In tables and for --peers.
    name: str
    #: Whether it has xgen-server's REST interface.
    has_api = False
    #: Debian's package, where it is one.
    package: str | None = None

    def missing(self) -> str | None:
        """Why it can't be run."""
        if self.package and not shutil.which(self.program):
            return f"{self.program} is not installed: apt-get install {self.package}"
        return None

    program = ""

    def version(self) -> str:
        raise NotImplementedError

    def start(self, programs: Programs, core: int, upstream: str) -> Running:
        """`upstream` is what sidecar-echo listens on: HOST:PORT or unix:PATH."""
        raise NotImplementedError


class Server(Peer):
    """xgen-server with the static backend, and no rate limit."""

    has_api = True

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.path = path

    def missing(self) -> str | None:
        return None if os.access(self.path, os.X_OK) else f"{self.path} is missing: make build"

    def version(self) -> str:
        return output([str(self.path), "--version"])

    def start(self, programs: Programs, core: int | None, upstream: str) -> Running:
        backend = ["--backend", "static", "--static-sidecar", upstream]
        return self.start_with(programs, core, backend)

    def start_local(self, programs: Programs) -> Running:
        return self.start_with(programs, None, [])

    def start_with(self, programs: Programs, core: int | None, arguments: list[str]) -> Running:
        command = [
            str(self.path), "--listen", "127.0.0.1:0", "--data-dir", str(programs.folder / "data"),
            "--rate-limit-per-minute", "0", "--log-level", "warning",
            "--limit", "connections=100000,connections-per-peer=100000", *arguments]
        program = programs.start("xgen-server", command, core, {"API_KEY": API_KEY})
        return Running(program, f"http://{program.place()}", ["--api-key", API_KEY])


class Relay(Peer):
    """The floor: relay.c, which copies bytes and looks at none."""

    name = "relay"

    def __init__(self, build: Path) -> None:
        self.path = build / "relay"

    def missing(self) -> str | None:
        return None if shutil.which("cc") else "there is no C compiler: apt-get install gcc"

    def version(self) -> str:
        return "cc " + output(["cc", "-dumpfullversion"])

    def start(self, programs: Programs, core: int, upstream: str) -> Running:
        compile_c(HERE / "relay.c", self.path)
        address = upstream.removeprefix("unix:") if is_unix(upstream) else port_of(upstream)
        program = programs.start("relay", [str(self.path), "0", address], core)
        return Running(program, f"http://{program.place()}", ["--direct", "/ws"])


class Configured(Peer):
    """nginx or haproxy: files beside this one, with names filled in."""

    files: list[str]
    #: With large buffers, not as Debian ships it.
    is_tuned: bool

    def __init__(self, is_tuned: bool) -> None:
        self.is_tuned = is_tuned
        self.name = f"{self.program}-64k" if is_tuned else self.program

    def command(self, files: list[Path]) -> list[str]:
        raise NotImplementedError

    def names(self, folder: Path) -> dict[str, str]:
        return {}

    def upstream(self, address: str) -> str:
        return address

    def start(self, programs: Programs, core: int, upstream: str) -> Running:
        port = free_port()
        folder = programs.folder / self.name
        folder.mkdir()
        names = {
            "PORT": str(port), "UPSTREAM": self.upstream(upstream), "HEALTH": HEALTH,
            "FILES": str(MAX_FILES), "FOLDER": str(folder), **self.names(folder)}
        written = [fill_in(HERE / file, folder / file, names) for file in self.files]
        program = programs.start(self.name, self.command(written), core)
        program.await_port(port)
        return Running(program, f"http://127.0.0.1:{port}", ["--direct", "/ws"])


class Nginx(Configured):
    program = "nginx"
    package = "nginx-light"
    files = ["nginx.conf", "nginx-64k.conf"]

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
    files = ["haproxy.cfg", "haproxy-64k.cfg"]

    def upstream(self, address: str) -> str:
        return address.replace("unix:", "unix@", 1) if is_unix(address) else address

    def command(self, files: list[Path]) -> list[str]:
        chosen = files if self.is_tuned else files[:1]
        return ["haproxy", "-db", *(word for file in chosen for word in ("-f", str(file)))]

    def version(self) -> str:
        return output(["haproxy", "-v"]).splitlines()[0]


def peers(servers: list[Server], build: Path) -> list[Peer]:
    return [*servers, Relay(build), HAProxy(False), HAProxy(True), Nginx(False), Nginx(True)]


def is_unix(address: str) -> bool:
    return address.startswith("unix:")


def port_of(address: str) -> str:
    return address.rsplit(":", 1)[1]


def free_port() -> int:
    """One that nothing has; below those that the kernel gives to connections."""
    first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in range(20_000 + os.getpid() % 5_000, first_ephemeral):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")


def fill_in(source: Path, target: Path, names: dict[str, str]) -> Path:
    text = source.read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    target.write_text(text)
    return target


def compile_c(source: Path, target: Path, *options: str) -> None:
    """Where it is older than its source."""
    if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-Wall", *options, "-o", target, source], check=True)


def output(command: list[str]) -> str:
    """What a program says of itself, on whichever stream."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout or result.stderr).strip()
