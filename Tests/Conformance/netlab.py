"""A small internet of network namespaces, with a host in it on which a server runs.

    tests ── control ── host ── link ── world: public and private addresses, a name server, HTTP
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import proc
from server import Server

PUBLIC, PUBLIC6 = "203.0.113.10", "2001:db8:77::10"
RESOLVER = "10.9.9.53"
HOST, HOST6 = "198.51.100.2", "2001:db8:1::2"
# On the host's own network: its router.
NEIGHBOUR, NEIGHBOUR6 = "198.51.100.1", "2001:db8:1::1"
PRIVATE = [
    RESOLVER, "10.1.2.3", "100.64.3.3", "169.254.169.254", "172.16.5.5", "192.168.7.7",
    "198.18.1.1", "fd12:3456::5", "64:ff9b::a01:203", "2002:a01:203::1",
]
# Between the tests and the host: private as well.
CONTROL, CONTROL_TESTS = "10.213.0.2", "10.213.0.1"
NAME = "world.test"
HTTP, ECHO = 80, 7

# What listens in the world: HTTP on the folder given, an echo over UDP, and the name server.
WORLD = f"""
import functools, http.server, socket, sys, threading

def answer(query):
    head = query[:2] + bytes.fromhex("8180 0001") + b"\\0\\1" + bytes(4)
    end = query.index(0, 12) + 5
    name, kind = query[12:end - 4], query[end - 4:end - 2]
    if kind != b"\\0\\1" or b"world" not in name:
        return query[:2] + bytes.fromhex("8183 0001 0000 0000 0000") + query[12:end]
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004") + socket.inet_aton("{PUBLIC}")
    return head + query[12:end] + record

def udp(port, reply, address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    endpoint = socket.socket(family, socket.SOCK_DGRAM)
    endpoint.bind((address, port))
    while True:
        data, peer = endpoint.recvfrom(4096)
        endpoint.sendto(reply(data), peer)

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

for args in (53, answer, "{RESOLVER}"), ({ECHO}, bytes, "{PUBLIC}"), ({ECHO}, bytes, "{PUBLIC6}"):
    threading.Thread(target=udp, args=args, daemon=True).start()
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = Server(("::", {HTTP}), handler)
print("up", flush=True)
server.serve_forever()
"""


# Runs a program that sees another /dev/net/tun, of the mode given: on a machine of udev's it is open
# to every user (0666), elsewhere it may be root's alone, and it is not ours to change.
OWN_TUN = """
set -e
mount -t tmpfs -o mode=755,size=64k tmpfs "$1"
mknod -m "$2" "$1/tun" c 10 200
mount --bind "$1/tun" /dev/net/tun
shift 2
exec "$@"
"""


def missing() -> str:
    """Why the lab can't be built here; empty if it can."""
    if os.geteuid() != 0:
        return "network namespaces are root's to make"
    for program in ("/usr/bin/pasta", "/usr/sbin/nft", "/usr/sbin/ip"):
        if not Path(program).exists():
            return f"{program} is not installed"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    return ""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class Lab:
    def __init__(self, folder: Path) -> None:
        self.host, self.world = f"xgen-host-{os.getpid()}", f"xgen-world-{os.getpid()}"
        self.files = folder
        self.process: subprocess.Popen[str] | None = None

    def build(self) -> None:
        for name in (self.host, self.world):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        control = f"xg{os.getpid()}"
        ip("link", "add", control, "type", "veth", "peer", "ctl0", "netns", self.host)
        ip("addr", "add", f"{CONTROL_TESTS}/30", "dev", control)
        ip("link", "set", control, "up")
        ip("-n", self.host, "addr", "add", f"{CONTROL}/30", "dev", "ctl0")
        ip("-n", self.host, "link", "set", "ctl0", "up")
        ip("-n", self.host, "link", "add", "up0", "type", "veth", "peer", "down0",
           "netns", self.world)
        for name, link, addresses in (
            (self.host, "up0", (f"{HOST}/24", f"{HOST6}/64")),
            (self.world, "down0", (f"{NEIGHBOUR}/24", f"{NEIGHBOUR6}/64")),
        ):
            ip("-n", name, "link", "set", link, "up")
            for address in addresses:
                nodad = ["nodad"] if ":" in address else []
                ip("-n", name, "addr", "add", address, "dev", link, *nodad)
        for address in (PUBLIC, PUBLIC6, *PRIVATE):
            nodad = ["nodad"] if ":" in address else []
            ip("-n", self.world, "addr", "add", address, "dev", "lo", *nodad)
        ip("-n", self.host, "route", "add", "default", "via", NEIGHBOUR)
        ip("-n", self.host, "-6", "route", "add", "default", "via", NEIGHBOUR6)
        command = [sys.executable, "-c", WORLD, str(self.files)]
        self.process = subprocess.Popen(
            self.inside(self.world, command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        assert self.process.stdout and self.process.stdout.readline() == "up\n"

    @staticmethod
    def inside(name: str, command: list[str]) -> list[str]:
        return ["nsenter", f"--net=/run/netns/{name}", "--", *command]

    def from_host(self, code: str, *arguments: str) -> object:
        """What a Python program prints that runs on the host, beside the server."""
        command = self.inside(self.host, [sys.executable, "-c", code, *arguments])
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def clean(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        for name in (self.host, self.world):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


class LabServer(Server):
    """A server on the lab's host, reached over the control link, with a /dev/net/tun of its own."""

    def __init__(self, lab: Lab, *arguments: str, tun_mode: str = "666") -> None:
        super().__init__(
            "--listen", f"{CONTROL}:0", "--local-network", "internet", "--local-dns", RESOLVER,
            *arguments)
        devices = self.folder / "devices"
        devices.mkdir()
        self.runner = lab.inside(lab.host, [
            "unshare", "--mount", "--propagation", "private", "--",
            "sh", "-c", OWN_TUN, "sh", str(devices), tun_mode,
        ])

    def pastas(self) -> list[int]:
        """Processes that connect its sandboxes."""
        return [
            pid for pid in proc.mentioning(str(self.data))
            if proc.cmdline(pid)[:1] and proc.cmdline(pid)[0].endswith("/pasta")
        ]
