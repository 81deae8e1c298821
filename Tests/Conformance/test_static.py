"""The static backend: sandboxes that are sidecars elsewhere, here `xgen-bench sidecar-echo`."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from echo import Echo
from server import BUILD, Server
from wire import PING, SANDBOX_READY
from websockets.exceptions import ConnectionClosed, InvalidStatus

MESSAGE = bytes(range(256)) * 5


@pytest.fixture(params=["127.0.0.1:0", "unix"])
def echo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Echo]:
    socket = tmp_path / "echo.sock"
    echo = Echo(f"unix:{socket}" if request.param == "unix" else request.param, tmp_path / "log")
    yield echo
    echo.end()
    assert not socket.exists()


@pytest.fixture
def static(echo: Echo) -> Iterator[Server]:
    server = Server("--backend", "static", "--static-sidecar", echo.address)
    try:
        yield server.start()
        assert server.end() == 0
    finally:
        server.clean()


def test_a_sandbox_runs_at_once_and_echoes_until_it_is_deleted(static: Server) -> None:
    banner = static.log.read_text()
    assert "backend   static" in banner
    sandbox = static.create()
    assert sandbox.created["status"] == "running"
    summary = static.request("GET", "/api/v1/admin/summary").json()
    assert summary["backend"] == "static"
    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        wire.send(PING, MESSAGE, channel=5, id=6)
        back = wire.receive()
        assert (back.type, back.channel, back.id, back.payload) == (PING, 5, 6, MESSAGE)
        sandbox.delete()
        with pytest.raises(ConnectionClosed):
            wire.receive()
    assert static.request("GET", sandbox.path).status_code == 404
    assert static.list_ids() == []


def test_a_command_at_an_echo_is_an_error_at_once(static: Server) -> None:
    sandbox = static.create()
    answer = sandbox.exec_response("true", timeout_seconds=3600)
    assert (answer.status_code, answer.json()["code"]) == (502, "SANDBOX_UNREACHABLE")
    assert sandbox.get()["status"] == "error"


@pytest.mark.parametrize("path", ["/services", "/files?path=x", "/files/list?path=."])
def test_what_is_not_the_websocket_is_unreachable(static: Server, path: str) -> None:
    sandbox = static.create()
    answer = static.request("GET", sandbox.path + path)
    assert (answer.status_code, answer.json()["code"]) == (502, "SANDBOX_UNREACHABLE")
    assert "WebSocket only" in answer.json()["error"]
    assert sandbox.get()["status"] == "running"


def test_a_sidecar_that_has_ended_is_unreachable(static: Server, echo: Echo) -> None:
    sandbox = static.create()
    echo.end()
    with pytest.raises(InvalidStatus) as refused:
        sandbox.wire()
    assert refused.value.response.status_code == 502
    assert sandbox.exec_response("true").status_code == 502
    assert static.healthy()


def test_nothing_is_kept_over_a_restart(static: Server) -> None:
    sandbox = static.create()
    static.end()
    static.start()
    assert static.list_ids() == []
    assert static.request("GET", sandbox.path).status_code == 410


@pytest.mark.parametrize(("arguments", "named"), [
    (["--backend", "static"], "--static-sidecar"),
    (["--static-sidecar", "127.0.0.1:9"], "--backend static"),
    (["--backend", "static", "--static-sidecar", "127.0.0.1:9,nowhere"], "nowhere"),
])
def test_a_setting_that_makes_no_sense_stops_the_start(arguments: list[str], named: str) -> None:
    command = [BUILD / "xgen-server", "--listen", "127.0.0.1:0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=10, env={})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("xgen-server: --") and ended.stderr.count("\n") == 1
    assert named in ended.stderr
