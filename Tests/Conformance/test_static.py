"""The static backend: sandboxes that are sidecars elsewhere, here `xgen-bench sidecar-echo`."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import proc
import pytest
from server import API_KEY, BUILD, Server
from wire import PING, SANDBOX_READY
from websockets.exceptions import ConnectionClosed, InvalidStatus

MESSAGE = bytes(range(256)) * 5


class Echo:
    """A sidecar-echo that runs."""

    def __init__(self, listen: str, log: Path) -> None:
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [BUILD / "xgen-bench", "sidecar-echo", "--listen", listen],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        found = proc.eventually(
            "the line that says where it listens",
            lambda: re.search(r"^listening on (\S+),", log.read_text()))
        self.address = found[1]

    def end(self) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0


@pytest.fixture(params=["127.0.0.1:0", "unix"])
def echo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Echo]:
    socket = tmp_path / "echo.sock"
    echo = Echo(f"unix:{socket}" if request.param == "unix" else request.param, tmp_path / "log")
    yield echo
    if echo.process.poll() is None:
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


def test_the_relay_benchmark_verifies_and_measures(static: Server) -> None:
    command = [
        BUILD / "xgen-bench", "relay", "--url", static.address, "--api-key", API_KEY, "--json",
        "--pid", str(static.pid), "--connections", "5", "--sandboxes", "2", "--in-flight", "3",
        "--size", "100", "--seconds", "0.5", "--warm-up", "0.1",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["errors"]["count"] == 0
    assert report["latencies"]["round_trip"]["count"] > 100
    assert {"p50_us", "p90_us", "p99_us", "p99.9_us"} <= report["latencies"]["round_trip"].keys()
    assert 0 < report["figures"]["cpu_us_per_frame"] < 1000
    assert report["figures"]["rss_end_kib"] > 1000
