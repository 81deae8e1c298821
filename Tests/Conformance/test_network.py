"""`--local-network internet`: what a sandbox reaches, and what it does not, on a host of our own."""

import base64
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import netlab
import proc
import pytest
from netlab import ECHO, HTTP, Lab, LabServer
from server import Sandbox, Server

pytestmark = pytest.mark.skipif(bool(netlab.missing()), reason=netlab.missing())

# Connects to each `address|port` by TCP, also bound to the interface and past the routes, and sends a
# UDP datagram; prints the errors by name, or "reached".
PROBE = """
import errno, json, socket, sys

def attempt(address, port, kind, *options):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as s:
        s.settimeout(3)
        try:
            for option in options:
                s.setsockopt(socket.SOL_SOCKET, *option)
            s.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                s.send(b"hello")
                return "reached" if s.recv(64) == b"hello" else "odd"
            return "reached"
        except TimeoutError:
            return "timeout"
        except OSError as error:
            return errno.errorcode.get(error.errno, str(error))

BIND, DIRECT = (socket.SO_BINDTODEVICE, b"eth0\\0"), (socket.SO_DONTROUTE, 1)
found = {}
for target in sys.argv[1:]:
    address, _, port = target.partition("|")
    ways = [attempt(address, int(port), socket.SOCK_STREAM, *options)
            for options in ((), (BIND,), (DIRECT,), (BIND, DIRECT))]
    found[target] = ways + [attempt(address, int(port), socket.SOCK_DGRAM)]
print(json.dumps(found))
"""

# The same from outside of a sandbox, by TCP alone.
CONTROL = """
import json, socket, sys
found = {}
for target in sys.argv[1:]:
    address, _, port = target.partition("|")
    try:
        socket.create_connection((address, int(port)), timeout=3).close()
        found[target] = "reached"
    except OSError as error:
        found[target] = str(error)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("world"))
    try:
        lab.build()
        yield lab
    finally:
        lab.clean()


@pytest.fixture(scope="module")
def server(lab: Lab) -> Iterator[LabServer]:
    server = LabServer(lab)
    try:
        server.start()
        yield server
    finally:
        server.clean()


@pytest.fixture(scope="module")
def inside(server: LabServer) -> Sandbox:
    return server.create().running()


def refused(server: LabServer) -> list[str]:
    """Places that the host reaches, and a sandbox must not."""
    places = [f"{address}|{HTTP}" for address in netlab.PRIVATE]
    places += [f"{netlab.NEIGHBOUR}|{HTTP}", f"{netlab.NEIGHBOUR6}|{HTTP}"]
    return [*places, f"{netlab.CONTROL}|{server.port}"]


def test_public_addresses_are_reached(inside: Sandbox) -> None:
    targets = [f"{netlab.PUBLIC}|{HTTP}", f"{netlab.PUBLIC6}|{HTTP}"]
    found = inside.python(PROBE, *targets)
    assert [found[target][0] for target in targets] == ["reached", "reached"]
    found = inside.python(PROBE, f"{netlab.PUBLIC}|{ECHO}", f"{netlab.PUBLIC6}|{ECHO}")
    assert [ways[-1] for ways in found.values()] == ["reached", "reached"]


def test_names_are_looked_up(inside: Sandbox) -> None:
    code = f"import json, socket; print(json.dumps(socket.gethostbyname('{netlab.NAME}')))"
    assert inside.python(code) == netlab.PUBLIC


def test_private_places_are_refused_at_once_whatever_the_route(
    lab: Lab, server: LabServer, inside: Sandbox
) -> None:
    places = refused(server)
    assert set(lab.from_host(CONTROL, *places).values()) == {"reached"}, "the control"
    found = inside.python(PROBE, *places)
    answers = {way for ways in found.values() for way in ways}
    assert "reached" not in answers and "odd" not in answers, found
    # Not even what bypasses the routes gets so far as to wait for an answer.
    assert answers <= {"EHOSTUNREACH", "ENETUNREACH", "ECONNREFUSED", "EPERM"}, found


def test_the_host_is_refused_at_all_its_addresses(
    lab: Lab, server: LabServer, inside: Sandbox
) -> None:
    everywhere = ["127.0.0.1", "::1", netlab.HOST, netlab.HOST6, netlab.CONTROL]
    listener = "import socket, sys; s = socket.create_server(('::', 0), family=socket.AF_INET6, " \
        "dualstack_ipv6=True); print(s.getsockname()[1], flush=True); sys.stdin.read()"
    command = lab.inside(lab.host, ["/usr/bin/python3", "-c", listener])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        port = int(process.stdout.readline())
        places = [f"{address}|{port}" for address in everywhere]
        assert set(lab.from_host(CONTROL, *places).values()) == {"reached"}, "the control"
        found = inside.python(PROBE, *places, f"10.0.2.2|{port}", f"10.0.2.2|{server.port}")
        answers = {way for ways in found.values() for way in ways}
        assert "reached" not in answers, found
        process.stdin.close()


def test_a_name_server_is_asked_at_its_port_alone(inside: Sandbox) -> None:
    found = inside.python(PROBE, f"{netlab.RESOLVER}|{HTTP}", f"{netlab.RESOLVER}|54")
    assert all("reached" not in ways for ways in found.values()), found


def test_nothing_inside_can_change_the_filter(inside: Sandbox) -> None:
    script = "nft flush ruleset 2>&1; ip link add x type dummy 2>&1; ip route flush table all 2>&1; " \
        "ip addr add 10.1.1.1/8 dev eth0 2>&1; unshare -rn true 2>&1; echo done"
    assert inside.sh(script).endswith("done\n")
    found = inside.python(PROBE, f"{netlab.PRIVATE[1]}|{HTTP}", f"{netlab.PUBLIC}|{HTTP}")
    assert found[f"{netlab.PRIVATE[1]}|{HTTP}"][0] == "EHOSTUNREACH"
    assert found[f"{netlab.PUBLIC}|{HTTP}"][0] == "reached"


def test_nothing_is_listened_for_on_the_host(lab: Lab, inside: Sandbox) -> None:
    """A listener inside gets no port on the host, nor one of the host's a port inside."""
    pid = inside.background("python3 -m http.server 8123")
    proc.eventually("it listens", lambda: inside.exec("curl", "-sf", "http://127.0.0.1:8123/") and
                    inside.server.request("GET", inside.path + "/services").json())
    services = inside.server.request("GET", inside.path + "/services").json()
    assert [service["port"] for service in services] == [8123]
    answer = lab.from_host(CONTROL, "127.0.0.1|8123", f"{netlab.HOST}|8123")
    assert "reached" not in answer.values()
    inside.sh(f"kill {pid}")


def test_pip_and_git_work(lab: Lab, inside: Sandbox) -> None:
    wheel(lab.files)
    repository(lab.files)
    inside.sh(
        f"python3 -m pip install -q --no-cache-dir --trusted-host {netlab.NAME} "
        f"--index-url http://{netlab.NAME}/simple demo", timeout_seconds=60)
    assert inside.output("python3", "-c", "import demo; print(demo.word)") == "installed\n"
    inside.sh(f"git clone -q http://{netlab.NAME}/demo.git", timeout_seconds=60)
    assert inside.output("cat", "demo/README") == "cloned\n"


@pytest.mark.skipif(not shutil.which("npm", path="/usr/bin"), reason="npm is not installed")
def test_npm_works(lab: Lab, inside: Sandbox) -> None:
    npm_package(lab.files)
    inside.sh(
        f"mkdir web && cd web && npm install --no-audit --no-fund --no-update-notifier "
        f"--registry http://{netlab.NAME}/npm/ word", timeout_seconds=60)
    assert inside.sh("cd web && node -p 'require(\"word\")'") == "installed\n"


def npm_package(folder: Path) -> None:
    """A registry with one package."""
    place = folder / "npm"
    place.mkdir()
    manifest = {"name": "word", "version": "1.0.0", "main": "index.js"}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in ("package.json", json.dumps(manifest)), ("index.js", "module.exports = 'installed'"):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    (place / "word-1.0.0.tgz").write_bytes(packed.getvalue())
    digest = base64.b64encode(hashlib.sha512(packed.getvalue()).digest()).decode()
    dist = {"tarball": f"http://{netlab.NAME}/npm/word-1.0.0.tgz", "integrity": f"sha512-{digest}"}
    (place / "word").write_text(json.dumps({
        "name": "word", "dist-tags": {"latest": "1.0.0"},
        "versions": {"1.0.0": {**manifest, "dist": dist}},
    }))


def wheel(folder: Path) -> None:
    """An index with one package."""
    place = folder / "simple" / "demo"
    place.mkdir(parents=True)
    name = "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(place / name, "w") as archive:
        archive.writestr("demo.py", "word = 'installed'\n")
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        archive.writestr("demo-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("demo-1.0.dist-info/RECORD", "")
    (place / "index.html").write_text(f'<a href="{name}">{name}</a>')


def repository(folder: Path) -> None:
    """A repository for git's dumb HTTP."""
    work = folder / "work"
    work.mkdir()
    (work / "README").write_text("cloned\n")
    author = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (
        ["init", "-q"], ["add", "README"], [*author, "commit", "-q", "-m", "one"],
        ["clone", "-q", "--bare", ".", "../demo.git"],
    ):
        subprocess.run(["git", *words], cwd=work, check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder / "demo.git", check=True)


def test_a_sandbox_may_ask_for_none(server: LabServer) -> None:
    sandbox = server.create(network="none").running()
    assert sandbox.get()["network"] == "none"
    assert sandbox.sh("ls /sys/class/net 2>/dev/null || cut -d: -f1 /proc/net/dev").split()[-1] == "lo"
    found = sandbox.python(PROBE, f"{netlab.PUBLIC}|{HTTP}")
    assert found[f"{netlab.PUBLIC}|{HTTP}"][0] == "ENETUNREACH"
    server.request("DELETE", sandbox.path)


def test_more_than_the_server_gives_is_refused() -> None:
    server = Server()
    try:
        server.start()
        answer = server.request("POST", "/api/v1/sandboxes", json={"network": "internet"})
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER")
        assert "--local-network" in answer.json()["error"]
        assert server.create().created["network"] == "none"
    finally:
        server.clean()


def test_a_network_outlives_the_server_and_ends_with_its_sandbox(lab: Lab) -> None:
    server = LabServer(lab)
    try:
        server.start()
        first, second = server.create().running(), server.create().running()
        assert first.get()["network"] == "internet"
        assert len(server.pastas()) == 2
        server.end(signal.SIGKILL)
        second_pid = second.sidecar()
        server.start()
        reached = first.python(PROBE, f"{netlab.PUBLIC}|{HTTP}", f"{netlab.PRIVATE[1]}|{HTTP}")
        assert [ways[0] for ways in reached.values()] == ["reached", "EHOSTUNREACH"]
        server.request("DELETE", first.path)
        assert len(server.pastas()) == 1
        server.end(signal.SIGKILL)
        os.kill(second_pid, signal.SIGKILL)
        server.start()
        assert server.list_ids() == []
        assert server.pastas() == []
        server.create().running()
        assert server.end() == 0
        assert proc.mentioning(str(server.data)) == []
    finally:
        server.clean()


def test_a_sandbox_goes_on_when_its_network_ends(lab: Lab) -> None:
    """While a server watches, and while none does."""
    server = LabServer(lab)
    said = "a sandbox's network ended; it goes on without"

    def told(sandbox: Sandbox) -> bool:
        lines = server.log.read_text().splitlines()
        return any(said in line and sandbox.id in line for line in lines)

    def cut_off(sandbox: Sandbox) -> None:
        target = f"{netlab.PUBLIC}|{HTTP}"
        assert set(sandbox.python(PROBE, target)[target]) <= {"ENETUNREACH", "ENODEV", "EHOSTUNREACH"}
        assert sandbox.get()["status"] == "running"

    try:
        server.start()
        first = server.create().running()
        (pasta,) = server.pastas()
        second = server.create().running()
        os.kill(pasta, signal.SIGKILL)
        proc.eventually("the log says so", lambda: told(first))
        cut_off(first)
        assert not told(second)
        assert second.python(PROBE, f"{netlab.PUBLIC}|{HTTP}")[f"{netlab.PUBLIC}|{HTTP}"][0] == "reached"
        server.end(signal.SIGKILL)
        (pasta,) = server.pastas()
        os.kill(pasta, signal.SIGKILL)
        proc.eventually("it is gone", lambda: not server.pastas())
        server.start()
        proc.eventually("the log says so", lambda: told(second))
        cut_off(second)
        for sandbox in first, second:
            sandbox.delete()
        assert server.end() == 0
    finally:
        server.clean()


def test_a_device_that_users_cant_open_is_named_at_the_start(lab: Lab) -> None:
    server = LabServer(lab, tun_mode="600")
    try:
        assert server.spawn().wait(timeout=30) != 0
        lines = [line for line in server.log.read_text().splitlines() if "/dev/net/tun" in line]
        assert len(lines) == 1 and "chmod 666 /dev/net/tun" in lines[0], server.log.read_text()
        assert proc.mentioning(str(server.data)) == []
    finally:
        server.clean()
