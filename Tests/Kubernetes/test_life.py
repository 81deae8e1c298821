"""A sandbox on a real pod, from its creation to its end, through the API alone."""

import itertools
from collections.abc import Callable
from datetime import datetime

import proc
import pytest
import requests
from cluster import Space
from replica import LARGE, TINY, Replica
from server import SANDBOXES, Sandbox
from wire import FS_EVENT, FS_READ, FS_WATCH, PORT_CLOSE, PORT_OPEN, SANDBOX_READY

SERVE = "python3 -m http.server {port} --bind 127.0.0.1 --directory /home/sandbox/workspace"
# Where the server expects the sidecar by default.
SIDECAR_PORT = 27_182


def test_a_sandbox_lives_from_create_to_delete(space: Space, server: Replica) -> None:
    answer = server.request("POST", SANDBOXES, json={
        "template": "python", "env": {"GREETING": "hello"}, "ports": [8000],
        "metadata": {"user": "alice"}})
    assert answer.status_code == 201, answer.text
    sandbox = Sandbox(server, answer.json())
    assert space.pod(sandbox.id), "a sandbox was acknowledged before its pod exists"
    sandbox.running(60)
    assert sandbox.sh("echo $GREETING; id -u; pwd").split() == [
        "hello", "1000", "/home/sandbox/workspace"]

    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        shell = wire.start("sh", tty=True, cols=100, rows=40, env={"PS1": "> "})
        shell.stdin(b"stty size\n")
        shell.until(b"40 100\r\n")

        wire.acked(FS_WATCH, path="/")
        body = bytes(range(256)) * 4096
        put = server.request("PUT", f"{sandbox.path}/files?path=page.bin", data=body)
        assert put.status_code == 201, put.text
        wire.wait(lambda f: f.type == FS_EVENT and f.unpack()["path"] == "page.bin")
        assert wire.request(FS_READ, path="page.bin").payload == body
        got = server.request("GET", f"{sandbox.path}/files?path=page.bin")
        assert got.content == body

        shell.stdin(f"{SERVE.format(port=8000)} >/dev/null 2>&1 &\n".encode())
        wire.wait(lambda f: f.type == PORT_OPEN and f.unpack()["port"] == 8000)
        services = server.request("GET", f"{sandbox.path}/services").json()
        assert [service["port"] for service in services] == [8000]
        shell.stdin(b"kill %1\n")
        wire.wait(lambda f: f.type == PORT_CLOSE and f.unpack()["port"] == 8000)
        shell.stdin(b"exit 5\n")
        assert shell.finish().exit_code == 5

    sandbox.delete()
    assert server.request("GET", sandbox.path).status_code == 404
    assert sandbox.id not in server.list_ids()
    proc.eventually("pod and Secret are gone",
                    lambda: not space.pod(sandbox.id) and not space.secret(sandbox.id), 60)


def test_a_preview_reaches_a_program_inside(sandbox: Sandbox) -> None:
    server = sandbox.server
    sandbox.sh("echo from inside >page.txt")
    sandbox.background(SERVE.format(port=8001))
    port = proc.eventually("the port is seen", lambda: [
        one for one in server.request("GET", f"{sandbox.path}/services").json()
        if one["port"] == 8001])[0]
    host = port["preview_url"].partition("://")[2].strip("/")

    page = requests.get(f"{server.address}/page.txt", timeout=10, headers={"Host": host})
    assert page.status_code == 200, page.text
    assert page.text == "from inside\n"


def test_no_preview_leads_to_the_sidecar(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.server.address}/healthz", timeout=10, headers={
        "Host": f"sbx-{sandbox.id}-{SIDECAR_PORT}.preview.localhost"})
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND"), answer.text


def test_the_templates_command_runs_from_the_start(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox(template=LARGE)
    proc.eventually("the command has run", lambda: sandbox.sh(
        "cat /tmp/started; true") == "started by the template\n")


def test_a_stock_image_without_any_libc_will_do(new_sandbox: Callable[..., Sandbox]) -> None:
    sandbox = new_sandbox(template=TINY)
    assert sandbox.sh("ls /lib 2>&1; echo ok").endswith("ok\n")
    with sandbox.wire() as wire:
        run = wire.start("sh", "-c", "tty && echo done", tty=True)
        assert b"done" in run.finish().stdout


def test_a_command_that_is_left_behind_is_reaped(sandbox: Sandbox) -> None:
    """The sidecar is PID 1 of its container."""
    sandbox.sh("(sleep 0.05 &) ; (sleep 0.05 &)")
    zombies = "grep -l 'State:.Z' /proc/[0-9]*/status 2>/dev/null; true"
    proc.eventually("no zombie", lambda: sandbox.sh(zombies) == "")
    assert "xgen-sidecar" in sandbox.sh("tr '\\0' ' ' </proc/1/cmdline")


def test_an_expired_sandbox_goes_and_says_so(space: Space, server: Replica) -> None:
    sandbox = server.create(timeout_seconds=15).running(60)
    answer = server.awaited(410, "GET", sandbox.path, 40)
    assert answer.json()["code"] == "SANDBOX_EXPIRED"
    assert "reason=expired" in answer.json()["details"]
    proc.eventually("the pod is gone", lambda: space.pod(sandbox.id) is None, 60)


def test_keepalive_moves_the_expiry_on_the_pod(space: Space, sandbox: Sandbox) -> None:
    before = sandbox.get()["expires_at"]
    answer = sandbox.server.request("POST", f"{sandbox.path}/keepalive")
    assert answer.status_code == 204
    after = sandbox.get()["expires_at"]
    assert after > before
    pod = space.pod(sandbox.id)
    assert pod
    ms = int(pod["metadata"]["annotations"]["xgen.io/expires-at-ms"])
    assert ms // 1000 == datetime.fromisoformat(after).timestamp() // 1


def test_the_list_has_the_newest_first(new_sandbox: Callable[..., Sandbox]) -> None:
    made = [new_sandbox(template=TINY, metadata={"set": "ordered"}) for _ in range(3)]
    answer = made[0].server.request("GET", f"{SANDBOXES}?metadata.set=ordered")
    assert [one["id"] for one in answer.json()] == [one.id for one in reversed(made)]


@pytest.mark.parametrize(("key", "value"), [("memory", "67108864"), ("cpu", "200m")])
def test_what_was_asked_for_is_the_containers_limit(
    space: Space, new_sandbox: Callable[..., Sandbox], key: str, value: str
) -> None:
    sandbox = new_sandbox(resources={key: value})
    pod = space.pod(sandbox.id)
    assert pod
    assert pod["spec"]["containers"][0]["resources"]["limits"][key] == value


def test_the_sidecars_port_is_closed_to_tunnels_and_previews(
    space: Space, sandbox: Sandbox
) -> None:
    pod = space.pod(sandbox.id)
    assert pod
    ports = itertools.chain(*(one.get("ports", []) for one in pod["spec"]["containers"]))
    sidecar = next(one["containerPort"] for one in ports)
    listed = sandbox.server.request("GET", f"{sandbox.path}/services").json()
    assert sidecar not in [one["port"] for one in listed]
    address = f"http://{pod['status']['podIP']}:{sidecar}"
    # Anyone in the cluster may ask whether it lives, and nothing else.
    assert requests.get(f"{address}/healthz", timeout=5).status_code == 200
    for path in ("/files?path=/", "/ports", "/tunnel?port=80", "/ws", "/"):
        refused(address + path)


def refused(url: str) -> None:
    try:
        status = requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return
    assert status in (401, 403), f"{url}: {status}"
