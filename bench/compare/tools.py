"""Small things: ports, files with names filled in, C programs, what programs say."""

import os
import socket
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
#: Programs that are compiled here.
BUILD = ROOT / ".build" / "bench"


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
    """Replaces each `@NAME@`."""
    text = source.read_text()
    for name, value in names.items():
        text = text.replace(f"@{name}@", value)
    target.write_text(text)
    return target


def compiled(source: str, *options: str) -> Path:
    """The program, or with `-shared` the library, of a C file beside this one; made anew where it
    is older."""
    path = HERE / source
    target = BUILD / path.stem
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", "-Wall", *options, "-o", target, path], check=True)
    return target


def output(command: list[str]) -> str:
    """What a program says of itself, on whichever stream."""
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout or result.stderr).strip()


def is_unix(address: str) -> bool:
    return address.startswith("unix:")
