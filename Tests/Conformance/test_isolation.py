"""What code inside a sandbox can't see, reach or do; and who it is on the host."""

import os
import socket
import subprocess
from collections.abc import Callable

import proc
import pytest
from server import API_KEY, BUILD, Sandbox

# Tries each path given and prints, as JSON, those that could be opened or listed.
REACHABLE = """
import json, os, sys
found = []
for path in sys.argv[1:]:
    for attempt in (lambda: os.close(os.open(path, os.O_RDONLY)), lambda: os.listdir(path)):
        try:
            attempt(); found.append(path)
        except OSError:
            pass
print(json.dumps(found))
"""

# Tries to connect to host:port pairs and prints those that answered.
CONNECTABLE = """
import json, socket, sys
found = []
for address in sys.argv[1:]:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close(); found.append(address)
    except OSError:
        pass
print(json.dumps(found))
"""

# Makes a file in every folder down to some depth and prints where that worked.
WRITABLE = """
import json, os
found = []
for folder, folders, _ in os.walk("/"):
    if folder.count("/") > 3 or folder.startswith("/proc/"):
        folders.clear()
    try:
        name = os.path.join(folder, "conformance-probe")
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        os.unlink(name)
        found.append(folder)
    except OSError:
        pass
print(json.dumps(found))
"""


def test_the_servers_data_folder_and_keys_are_out_of_sight(shared: Sandbox) -> None:
    server = shared.server
    (server.folder / "open").write_text("readable by all on the host")
    secrets = [str(path) for path in server.paths()]
    paths = [str(server.data), str(server.folder), str(server.folder / "open"), str(server.log)]
    home = "/home/sandbox/workspace"  # the control: the probe does find what may be seen
    found = shared.python(REACHABLE, home, *paths, *secrets[:500])
    assert found == [home, home]
    assert API_KEY not in shared.sh("cat /proc/*/environ /proc/*/cmdline 2>/dev/null || true")


def test_secrets_on_the_host_are_readable_by_the_server_only(shared: Sandbox) -> None:
    words = ("secret", "key", "jwt")
    files = [path for path in shared.server.paths() if path.is_file()]
    secrets = [path for path in files if any(word in path.name.lower() for word in words)]
    assert secrets, "the JWT secret must be stored, or tokens would end with the server"
    assert [str(p) for p in secrets if p.stat().st_mode & 0o077] == []
    states = [path for path in shared.server.paths() if path.name == "state.json"]
    assert states, "no state file of a running sandbox"
    # They hold the sandbox's environment.
    assert [str(p) for p in states if p.stat().st_mode & 0o077] == []


def test_host_files_are_not_there(shared: Sandbox) -> None:
    paths = ["/etc/shadow", "/etc/ssh", "/root/.profile", "/var/lib/dpkg", "/var/log", "/boot",
             "/sys/kernel", "/run/dbus", "/proc/kcore", str(BUILD), __file__]
    assert shared.python(REACHABLE, *paths) == []
    users = [line.split(":")[0] for line in shared.sh("cat /etc/passwd").splitlines()]
    assert "sandbox" in users and "daemon" not in users, "the host's users"


def test_no_process_of_host_or_neighbour_is_visible(new_sandbox: Callable[..., Sandbox]) -> None:
    one, two = new_sandbox(), new_sandbox()
    two.background("sleep 8123")
    with subprocess.Popen(["sleep", "8124"]) as host:
        try:
            lines = one.sh("cat /proc/[0-9]*/comm").split()
            assert not {"xgen-server", "pytest", "sleep"} & set(lines), lines
            assert "xgen-sidecar" in lines
            assert not one.runs("sleep 8123") and not one.runs("sleep 8124")
            assert two.runs("sleep 8123") and not two.runs("sleep 8124")
        finally:
            host.kill()


def test_a_sandbox_cannot_signal_the_host(shared: Sandbox) -> None:
    code = f"import os\ntry: os.kill({shared.server.pid}, 0)\nexcept ProcessLookupError: print(1)"
    assert shared.python(code) == 1


def test_the_servers_port_is_out_of_reach(shared: Sandbox) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        names = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
        hosts = ["127.0.0.1", "::1", *names]
        targets = [f"{host}:{p}" for host in hosts for p in (port, shared.server.port)]
        assert shared.python(CONNECTABLE, *targets) == []
    interfaces = shared.sh("cat /proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_a_neighbours_loopback_service_is_out_of_reach(
    new_sandbox: Callable[..., Sandbox]
) -> None:
    one, two = new_sandbox(), new_sandbox()
    one.background("python3 -m http.server 4455")
    address = "127.0.0.1:4455"
    proc.eventually("its own service", lambda: one.python(CONNECTABLE, address) == [address])
    assert two.python(CONNECTABLE, address) == []


def test_abstract_sockets_of_the_host_are_out_of_reach(shared: Sandbox) -> None:
    name = f"xgen-conformance-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        code = (
            "import socket, sys\ns = socket.socket(socket.AF_UNIX)\n"
            "try: s.connect('\\0' + sys.argv[1]); print(1)\nexcept OSError: print(0)")
        assert shared.python(code, name) == 0


def test_only_home_tmp_and_shm_are_writable(shared: Sandbox) -> None:
    found = shared.python(WRITABLE)
    allowed = ("/home/sandbox", "/tmp", "/dev/shm")
    assert {"/home/sandbox", "/home/sandbox/workspace", "/tmp", "/dev/shm"} <= set(found)
    assert [f for f in found if not any(f == a or f.startswith(a + "/") for a in allowed)] == []


@pytest.mark.parametrize("path", [
    "/etc/passwd", "/etc/gitconfig", "/usr/bin/env", "/proc/sys/kernel/core_pattern",
    "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/dev/mem", "/dev/kmsg",
])
def test_files_outside_cannot_be_changed(shared: Sandbox, path: str) -> None:
    assert shared.exec("sh", "-c", f": >>{path}")["exit_code"] != 0


def test_home_is_private_to_each_sandbox(new_sandbox: Callable[..., Sandbox]) -> None:
    one, two = new_sandbox(), new_sandbox()
    one.sh("echo x >~/mine; echo x >/tmp/mine; echo x >/dev/shm/mine")
    assert two.python(REACHABLE, "/home/sandbox/mine", "/tmp/mine", "/dev/shm/mine") == []
    assert one.sh("cat ~/mine") == "x\n", "it lives as long as the sandbox"


def test_processes_have_an_unprivileged_host_uid_of_their_own(
    new_sandbox: Callable[..., Sandbox]
) -> None:
    owners = []
    for sandbox in (new_sandbox(), new_sandbox()):
        sandbox.background("sleep 8125")
        owners.append({u for p in sandbox.processes() for u in proc.host_uids(p.pid)})
    if os.getuid() != 0:
        assert owners == [{os.getuid()}] * 2
        return
    assert all(len(uids) == 1 and min(uids) >= 1000 for uids in owners), owners
    assert owners[0] != owners[1]
    groups = {proc.status(p.pid)["Groups"] for p in sandbox.processes()}
    assert all("0" not in line.split() for line in groups), groups
