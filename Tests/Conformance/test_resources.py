"""Limits of sandboxes, felt from inside; and what is said where a host can't keep them.

On a host without cgroups that the server may write, the tests of cpu and memory check that the
answer to a create says so, and nothing else.
"""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import proc
import pytest
import requests
from server import SANDBOXES, Sandbox, Server

HEADER = "X-Xgen-Not-Enforced"
HOG = "import sys; data = b'x' * (int(sys.argv[1]) << 20); print(len(data))"


@pytest.fixture(scope="module")
def missing(server: Server) -> set[str]:
    """What this host does not enforce, as the server says."""
    answer = server.request("POST", SANDBOXES, json={})
    assert answer.status_code == 201, answer.text
    Sandbox(server, answer.json()).delete()
    return names(answer)


def names(answer: requests.Response) -> set[str]:
    return {name for name in answer.headers.get(HEADER, "").split(", ") if name}


@pytest.fixture
def needs(missing: set[str], request: pytest.FixtureRequest) -> None:
    """Ends a test whose resource is said not to be enforced here: that was what it could show."""
    resource = request.node.get_closest_marker("needs").args[0]
    assert missing <= {"cpu", "memory"}, "disks are always measured"
    if resource in missing:
        pytest.skip(f"{resource} is named in {HEADER} on this host")


@pytest.fixture
def bare_server() -> Iterator[Server]:
    """A server that uses no cgroups, as on a host without."""
    server = Server("--cgroup-parent", "none")
    try:
        yield server.start()
    finally:
        server.clean()


def error_of(sandbox: Sandbox, seconds: float = 20) -> str:
    """The reason of a sandbox's state `error`, once it is there."""
    state = proc.eventually(
        "status error", lambda: (now := sandbox.get())["status"] == "error" and now, seconds)
    return state["status_reason"]


@pytest.mark.needs("memory")
@pytest.mark.usefixtures("needs")
def test_a_memory_hog_is_killed_with_the_reason(server: Server, new_sandbox) -> None:
    sandbox = new_sandbox(resources={"memory": "64Mi"})
    result = sandbox.exec("python3", "-c", HOG, "256")
    assert result["exit_code"] == 137
    assert result["stderr"].endswith("xgen: killed: out of memory (limit 64Mi)\n")
    assert sandbox.output("python3", "-c", HOG, "8") == f"{8 << 20}\n"
    assert sandbox.get()["status"] == "running"
    metrics = server.raw("GET", "/metrics").text
    count = re.search(r"^xgen_sandbox_memory_kills_total (\d+)$", metrics, re.MULTILINE)
    assert count and int(count[1]) > 0
    result = sandbox.exec("sh", "-c", "kill -9 $$")
    assert (result["exit_code"], result["stderr"]) == (137, "")


@pytest.mark.needs("memory")
@pytest.mark.usefixtures("needs")
def test_a_sandbox_that_dies_of_it_says_so(new_sandbox) -> None:
    sandbox = new_sandbox(resources={"memory": "32Mi"})
    # Files in memory outlive whoever wrote them: in the end only the sidecar is left to kill.
    fill = "while :; do cat /dev/zero >> /dev/shm/x || cat /dev/zero >> /tmp/x; done"
    for _ in range(50):
        answer = sandbox.exec_response("sh", "-c", fill, timeout_seconds=5)
        if sandbox.get()["status"] == "error" or answer.status_code == 502:
            break
    assert error_of(sandbox) == "out of memory: over the limit of 32Mi"
    assert sandbox.exec_response("true").status_code == 502
    sandbox.delete()
    assert not proc.cgroups(sandbox.id)


def test_commands_die_before_the_sidecar(sandbox: Sandbox) -> None:
    assert sandbox.output("cat", "/proc/self/oom_score_adj") == "500\n"
    assert Path(f"/proc/{sandbox.sidecar()}/oom_score_adj").read_text() < "500"


@pytest.mark.needs("cpu")
@pytest.mark.usefixtures("needs")
def test_a_busy_loop_is_held_to_its_share(new_sandbox) -> None:
    sandbox = new_sandbox(resources={"cpu": "200m"})
    used, wall = sandbox.python("""
import json, os, time
children = [os.fork() for _ in range(2)]
start = time.monotonic()
while time.monotonic() - start < 1:
    pass
if not all(children):
    os._exit(0)
for _ in children:
    os.wait()
times = os.times()
print(json.dumps([times.user + times.system + times.children_user + times.children_system,
                  time.monotonic() - start]))
""")
    assert used / wall < 0.4, f"{used} s of cpu in {wall} s"


def test_a_fork_bomb_leaves_its_neighbour_alone(new_sandbox) -> None:
    bomb, neighbour = new_sandbox(), new_sandbox()
    bomb.background("sh -c 'f() { f | f & }; while :; do f; done'")
    for _ in range(5):
        assert neighbour.output("echo", "alive") == "alive\n"
    assert len(bomb.processes()) < 600
    before = bomb.processes()
    bomb.delete()
    proc.eventually("its end", lambda: not proc.left(before, bomb.server.pid), 10)
    assert not proc.cgroups(bomb.id)


def test_a_disk_filler_is_ended(new_sandbox) -> None:
    sandbox, neighbour = new_sandbox(resources={"disk": "64Mi"}), new_sandbox()
    fill = "for i in $(seq 1000); do head -c 10000000 /dev/zero > $i || exit; done"
    neighbour.sh("head -c 100000000 /dev/zero > large")
    sandbox.background(f"sh -c '{fill}'")
    processes = sandbox.processes()
    assert re.fullmatch(r"disk over its limit: used [\d.]+Mi of 64Mi", error_of(sandbox))
    proc.eventually("its end", lambda: not proc.left(processes, sandbox.server.pid))
    assert sandbox.exec_response("true").status_code == 502
    assert neighbour.get()["status"] == "running"


def test_a_million_names_end_like_a_large_file(new_sandbox) -> None:
    sandbox = new_sandbox(resources={"disk": "32Mi"})
    code = "[open(str(i), 'w').close() for i in range(1_000_000)]"
    sandbox.background(f"python3 -c \"{code}\"")
    assert error_of(sandbox, 40).startswith("disk over its limit")


def test_no_file_is_larger_than_the_disk(new_sandbox) -> None:
    sandbox = new_sandbox(resources={"disk": "32Mi"})
    result = sandbox.exec("sh", "-c", "trap '' XFSZ; truncate -s 40M sparse")
    assert result["exit_code"] != 0 and "too large" in result["stderr"]


def test_cgroups_are_out_of_reach(shared: Sandbox) -> None:
    assert "cgroup" not in shared.sh("cat /proc/self/mountinfo")
    assert shared.exec("ls", "/sys")["exit_code"] != 0
    places = {line.split(":", 2)[2] for line in shared.sh("cat /proc/self/cgroup").splitlines()}
    if proc.cgroups(shared.id):
        assert places == {"/"}, "its own cgroup is all that it sees"


def test_no_cgroup_is_left_after_a_kill_and_a_restart(own_server: Server) -> None:
    kept, deleted = own_server.create().running(), own_server.create().running()
    made = {path for sandbox in (kept, deleted) for path in proc.cgroups(sandbox.id)}
    own_server.end(signal.SIGKILL)
    assert all(path.exists() for path in made), "limits hold while no server runs"
    own_server.start()
    deleted.delete()
    assert not proc.cgroups(deleted.id)
    assert kept.output("echo", "alive") == "alive\n"
    own_server.end(signal.SIGKILL)
    os.kill(kept.recorded_pid(), signal.SIGKILL)
    own_server.start()
    assert not proc.cgroups(kept.id)
    own_server.end()
    assert not any(path.exists() or path.parent.exists() for path in made)


def test_what_is_not_enforced_is_said(bare_server: Server) -> None:
    answer = bare_server.request("POST", SANDBOXES, json={"resources": {"cpu": "1"}})
    assert (answer.status_code, answer.headers[HEADER]) == (201, "cpu, memory")
    sandbox = Sandbox(bare_server, answer.json()).running()
    log = bare_server.log.read_text()
    for resource in ("cpu", "memory"):
        (line,) = [
            line for line in log.splitlines()
            if "not enforced on this host" in line and f"resource={resource}" in line]
        assert "--cgroup-parent none" in line
    assert not proc.cgroups(sandbox.id)
    # Each process by itself is bounded all the same.
    result = sandbox.exec("python3", "-c", HOG, "1500")
    assert result["exit_code"] == 1 and "MemoryError" in result["stderr"]
    assert HEADER not in bare_server.request("GET", sandbox.path).headers


def test_creates_at_once_do_not_pass_the_limit() -> None:
    server = Server("--max-sandboxes", "3")
    try:
        server.start().token()
        with ThreadPoolExecutor(12) as pool:
            posts = [pool.submit(server.request, "POST", SANDBOXES, json={}) for _ in range(12)]
        answers = [post.result() for post in posts]
        made = [Sandbox(server, a.json()) for a in answers if a.status_code == 201]
        refused = [a for a in answers if a.status_code != 201]
        assert len(made) == 3 and len(server.list_ids()) == 3
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (503, "CAPACITY_EXHAUSTED")
            assert int(answer.headers["Retry-After"]) > 0
        made[0].delete()
        assert server.request("POST", SANDBOXES, json={}).status_code == 201
    finally:
        server.clean()
