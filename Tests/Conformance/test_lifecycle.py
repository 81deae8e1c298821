"""Ends, restarts and deaths: what must go, what must stay, and what the API says of it."""

import os
import signal
import subprocess

import proc
import pytest
from rawhttp import ask, handshake
from server import SANDBOXES, Sandbox, Server
from websockets.exceptions import ConnectionClosed


def remains(sandbox: Sandbox, processes: set[proc.Process]) -> list[str]:
    """Every trace of a sandbox on this machine; `processes` were its before its end."""
    server = sandbox.server.process
    running = server.pid if server and server.poll() is None else None
    found = proc.left(processes, running)
    found += [f"process {pid} {proc.cmdline(pid)}" for pid in proc.mentioning(sandbox.id)]
    found += [f"file {path}" for path in sandbox.files()]
    found += [f"cgroup {path}" for path in proc.cgroups(sandbox.id)]
    found += [f"socket {name}" for name in proc.unix_sockets(sandbox.id)]
    if running:
        found += [f"descriptor {d}" for d in proc.descriptors(running) if sandbox.id in d]
    return found


def nothing_left(sandbox: Sandbox, processes: set[proc.Process], seconds: float = 5) -> None:
    """Waits a little for the kernel, whose removal of a process is not instant."""
    try:
        proc.eventually("no trace", lambda: not remains(sandbox, processes), seconds)
    except AssertionError as error:
        raise AssertionError(f"left: {remains(sandbox, processes)}") from error


def upgrade_of(sandbox: Sandbox) -> bytes:
    return handshake(f"{sandbox.path}/ws?token={sandbox.server.token()}")


def test_delete_leaves_nothing(server: Server) -> None:
    first = server.create().running()  # so that what is opened once is open
    first.delete()
    before = proc.descriptors(server.pid)
    sandbox = server.create().running()
    assert sandbox.files(), "its workspace is not where this test looks"
    sandbox.background("sleep 9001")
    sandbox.background("sh -c 'trap \"\" TERM HUP INT; while :; do sleep 9002; done'")
    with sandbox.wire() as wire:
        wire.start("cat", tty=True)
        processes = sandbox.processes()
        assert len(processes) >= 5
        sandbox.delete()
        # At the 204 its processes and folders are gone already.
        nothing_left(sandbox, processes, seconds=0.5)
        with pytest.raises(ConnectionClosed):
            while True:
                wire.receive(timeout=5)
    proc.eventually(
        "as many descriptors as before",
        lambda: len(proc.descriptors(server.pid)) <= len(before))


def test_files_of_a_deleted_sandbox_go_whatever_their_modes(server: Server) -> None:
    sandbox = server.create().running()
    sandbox.sh("mkdir -p a/b && touch a/b/c && ln -s / root && chmod 0 a/b/c a/b a && mkfifo pipe")
    processes = sandbox.processes()
    sandbox.delete()
    nothing_left(sandbox, processes)


def test_a_sandbox_expires(server: Server) -> None:
    sandbox = server.create(timeout_seconds=2)
    sandbox.background("sleep 9003")
    processes = sandbox.processes()

    def status() -> bool:
        answer = server.request("GET", sandbox.path)
        assert answer.status_code in (200, 410), answer.text
        return answer.status_code == 410

    proc.eventually("its expiry", status, 8)
    routes = (("GET", ""), ("POST", "/exec"), ("POST", "/keepalive"), ("GET", "/services"))
    for method, path in routes:
        answer = server.request(method, sandbox.path + path, json={"command": "true"})
        assert (answer.status_code, answer.json()["code"]) == (410, "SANDBOX_EXPIRED"), path
        assert "reason=expired" in answer.json()["details"]
        assert "at=" in answer.json()["details"]
    assert ask(server, upgrade_of(sandbox)).status == 410
    assert sandbox.id not in server.list_ids()
    sandbox.delete()  # 204, as of what was deleted
    nothing_left(sandbox, processes)


def test_sandboxes_and_their_processes_outlive_a_killed_server(own_server: Server) -> None:
    sandboxes = [own_server.create(metadata={"n": str(n)}).running() for n in range(5)]
    pids = [sandbox.background(f"sleep {9100 + n}") for n, sandbox in enumerate(sandboxes)]
    for sandbox in sandboxes:
        sandbox.sh("echo kept >file")
    before = [sandbox.get() for sandbox in sandboxes]
    processes = [sandbox.processes() for sandbox in sandboxes]

    own_server.end(signal.SIGKILL)
    lost = [text for each in processes for text in proc.left(each, None)]
    assert len(lost) == sum(map(len, processes)), "a process ended with its server"
    own_server.start()

    assert set(own_server.list_ids()) == {sandbox.id for sandbox in sandboxes}
    for n, sandbox in enumerate(sandboxes):
        now = sandbox.running().get()
        for name in ("created_at", "expires_at", "metadata", "template"):
            assert now[name] == before[n][name]
        assert sandbox.output("cat", "file") == "kept\n"
        sandbox.sh(f"kill -0 {pids[n]}")
        assert sandbox.runs(f"sleep {9100 + n}")
        with sandbox.wire() as wire:
            assert wire.start("echo", "ws").finish().stdout == b"ws\n"
    for sandbox, each in zip(sandboxes, processes, strict=True):
        sandbox.delete()
        nothing_left(sandbox, each)
    assert own_server.list_ids() == []


def test_a_sandbox_that_died_with_the_server_down_is_removed(own_server: Server) -> None:
    kept, lost = own_server.create().running(), own_server.create().running()
    processes = lost.processes()
    own_server.end(signal.SIGKILL)
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    own_server.start()
    proc.eventually("its removal", lambda: own_server.list_ids() == [kept.id])
    nothing_left(lost, processes)
    assert kept.output("echo", "alive") == "alive\n"


def test_expiry_is_kept_over_a_restart(own_server: Server) -> None:
    sandbox = own_server.create(timeout_seconds=3).running()
    processes = sandbox.processes()
    own_server.end(signal.SIGKILL)
    own_server.start()
    nothing_left(sandbox, processes, seconds=8)


def test_a_killed_sidecar_puts_its_sandbox_into_error(server: Server) -> None:
    broken, other = server.create().running(), server.create().running()
    processes = broken.processes()
    with other.wire() as wire:
        run = wire.start("cat")
        os.kill(broken.sidecar(), signal.SIGKILL)
        found = proc.eventually(
            "status error", lambda: (now := broken.get())["status"] == "error" and now, 2)
        assert found["status_reason"]
        answer = broken.exec_response("true")
        assert (answer.status_code, answer.json()["code"]) == (502, "SANDBOX_UNREACHABLE")
        assert ask(server, upgrade_of(broken)).status == 502
        services = server.request("GET", broken.path + "/services")
        assert (services.status_code, services.json()["code"]) == (502, "SANDBOX_UNREACHABLE")
        assert server.request("POST", broken.path + "/keepalive").status_code == 204
        listed = server.request("GET", f"{SANDBOXES}?status=error").json()
        assert [s["status_reason"] for s in listed if s["id"] == broken.id] == [
            found["status_reason"]]
        run.stdin(b"untouched")  # the other one's connection lived through it
        run.stdin_close()
        assert run.finish().stdout == b"untouched"
    broken.delete()
    nothing_left(broken, processes)
    other.delete()


def test_the_death_of_all_its_processes_puts_a_sandbox_into_error(server: Server) -> None:
    sandbox = server.create().running()
    with sandbox.wire() as wire:
        for process in sandbox.processes():
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # went with its parent
        proc.eventually("status error", lambda: sandbox.get()["status"] == "error", 2)
        with pytest.raises(ConnectionClosed):
            while True:
                wire.receive(timeout=5)
    sandbox.delete()


def test_a_killed_process_exits_137_on_its_channel(sandbox: Sandbox) -> None:
    with sandbox.wire() as wire:
        run = wire.start("sleep", "9200")
        (pid,) = [p.pid for p in sandbox.processes() if proc.cmdline(p.pid) == ["sleep", "9200"]]
        os.kill(pid, signal.SIGKILL)
        assert run.finish(timeout=2).exit_code == 137
    assert sandbox.get()["status"] == "running"


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_takes_its_sandboxes_along(own_server: Server, by: signal.Signals) -> None:
    sandboxes = [own_server.create().running() for _ in range(3)]
    for sandbox in sandboxes:
        sandbox.background("sleep 9300")
    processes = [sandbox.processes() for sandbox in sandboxes]
    with sandboxes[0].wire() as wire:
        wire.start("cat")
        assert own_server.end(by) == 0, own_server.log.read_text()
    for sandbox, each in zip(sandboxes, processes, strict=True):
        nothing_left(sandbox, each, seconds=1)
    own_server.start()
    assert own_server.list_ids() == []


def test_a_token_outlives_its_server(own_server: Server) -> None:
    own_server.token()
    own_server.end(signal.SIGKILL)
    own_server.start()  # with the token that is remembered
    assert own_server.request("GET", SANDBOXES).status_code == 200


def test_a_second_server_on_the_same_folder_is_refused(server: Server, sandbox: Sandbox) -> None:
    before = server.log.stat().st_size
    second = server.spawn()
    try:
        assert second.wait(timeout=5) != 0
    except subprocess.TimeoutExpired:
        second.kill()
        second.wait()
        raise
    assert server.log.stat().st_size > before, "it must say why"
    assert sandbox.output("echo", "untouched") == "untouched\n"
