"""`xgen-bench`: each scenario runs for a moment against a server that runs, verifies what it gets
back, and reports what it promises. Nothing is said of how fast anything is."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from echo import Echo
from server import API_KEY, BUILD, Server

BENCH = BUILD / "xgen-bench"
BRIEF = ["--seconds", "0.2", "--warm-up", "0.1"]
PERCENTILES = {"p50_us", "p90_us", "p99_us", "p99.9_us", "max_us"}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Echo]:
    echo = Echo("127.0.0.1:0", tmp_path_factory.mktemp("echo") / "log")
    yield echo
    echo.end()


@pytest.fixture(scope="module")
def static(echo: Echo) -> Iterator[Server]:
    server = Server("--backend", "static", "--static-sidecar", echo.address)
    try:
        yield server.start()
        assert server.end() == 0
    finally:
        server.clean()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [BENCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def report_of(*arguments: object) -> dict[str, Any]:
    ended = run(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    report = json.loads(ended.stdout)
    assert report["scenario"] == arguments[0]
    assert report["errors"] == {"count": 0, "first": None, "hint": None}
    assert report["interrupted"] is False
    return report


def through(server: Server, *arguments: object) -> dict[str, Any]:
    """Of a scenario against this server, which is measured as well."""
    return report_of(
        *arguments, "--url", server.address, "--api-key", API_KEY, "--pid", server.pid)


def check(report: dict[str, Any], latency: str, unit: str) -> None:
    found = report["latencies"][latency]
    assert found["count"] > 0 and found["per_second"] > 0
    assert found.keys() >= PERCENTILES
    assert found["p50_us"] <= found["p90_us"] <= found["p99_us"] <= found["max_us"]
    figures = report["figures"]
    assert figures[f"cpu_us_per_{unit}"] > 0
    assert figures["rss_end_kib"] > 1000


@pytest.mark.parametrize(("command", "latency", "unit"), [
    (["relay", "--connections", 5, "--sandboxes", 2, "--in-flight", 3], "round_trip", "frame"),
    (["relay", "--connections", 2, "--size", "300k"], "round_trip", "message"),
    (["slow-reader", "--connections", 5, "--stuck", 2], "round_trip", "frame"),
    (["slow-reader", "--connections", 5, "--stuck", 0], "round_trip", "frame"),
    (["download", "--connections", 3, "--size", "9"], "delivery", "message"),
    (["download", "--connections", 3, "--size", "1m"], "delivery", "message"),
    (["upload", "--connections", 3, "--size", "16k"], "delivery", "message"),
    (["upload", "--connections", 3, "--in-flight", 1], "delivery", "message"),
    (["churn", "--concurrency", 3], "connection", "connection"),
    (["rest", "--call", "healthz", "--concurrency", 2], "request", "request"),
    (["rest", "--call", "get", "--concurrency", 2], "request", "request"),
    (["rest", "--call", "list", "--sandboxes", 3], "request", "request"),
    (["http-get", "--path", "/healthz", "--size", 2], "request", "request"),
])
def test_a_scenario_verifies_and_measures(
    static: Server, command: list[object], latency: str, unit: str
) -> None:
    check(through(static, *command, *BRIEF), latency, unit)
    assert static.list_ids() == [], "its sandboxes are deleted"


def test_idle_clients_are_weighed_and_none_is_lost(static: Server) -> None:
    times = ["--settle", "0.1", "--hold", "0.1", "--active", "0.2"]
    report = through(static, "idle", "--connections", 300, *times)
    assert report["figures"]["lost"] == 0
    assert report["figures"]["rss_bytes_per_pair"] < 1_000_000
    assert report["figures"]["rss_all_kib"] >= report["figures"]["rss_first_kib"] > 1000
    assert report["latencies"]["round_trip"]["count"] >= 200, "each has worked"


def test_exec_over_rest_runs_a_program(server: Server) -> None:
    check(through(server, "rest", "--call", "exec", *BRIEF), "request", "request")


@pytest.mark.parametrize("command", [
    ["relay", "--direct", "/ws"], ["slow-reader", "--direct", "/ws", "--connections", 3],
    ["download", "--direct", "/ws"], ["upload", "--direct", "/ws"], ["churn", "--direct", "/ws"],
    ["http-get", "--path", "/bytes/70000", "--size", 70000, "--of-echo"],
])
def test_a_scenario_needs_no_server_where_it_goes_direct(
    echo: Echo, command: list[object]
) -> None:
    report = report_of(*command, *BRIEF, "--url", f"http://{echo.address}")
    assert all(found["count"] > 0 for found in report["latencies"].values())
    assert "cpu_us_per_frame" not in report["figures"], "nobody asked for it"


def test_several_processes_are_taken_together(static: Server, echo: Echo) -> None:
    relay = ["relay", "--url", static.address, "--api-key", API_KEY, *BRIEF]
    alone = report_of(*relay, "--pid", static.pid)["figures"]
    both = report_of(*relay, "--pid", f"{static.pid},{echo.process.pid}")["figures"]
    assert both["rss_idle_kib"] > alone["rss_idle_kib"] + 1000


def test_windows_are_measured_on_demand(static: Server) -> None:
    command = [
        BENCH, "relay", "--url", static.address, "--api-key", API_KEY, "--json", "--on-demand",
        *BRIEF]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as bench:
        assert bench.stdin and bench.stdout
        assert bench.stdout.readline() == "ready\n"
        for _ in range(3):
            bench.stdin.write("\n")
            report = json.loads(bench.stdout.readline())
            assert report["errors"]["count"] == 0
            assert report["latencies"]["round_trip"]["count"] > 0
        bench.stdin.close()
        assert bench.stdout.read() == ""
        assert bench.wait(timeout=20) == 0
    assert static.list_ids() == []


@pytest.mark.parametrize(("arguments", "named"), [
    (["relay", "--direct", "/nowhere"], "404"),
    (["churn", "--direct", "/nowhere"], "404"),
    (["http-get", "--path", "/nowhere"], "404"),
    (["http-get", "--path", "/bytes/100", "--size", 99], "100 bytes"),
    (["http-get", "--path", "/healthz", "--size", 2, "--of-echo"], "first time"),
])
def test_what_is_not_right_is_an_error(echo: Echo, arguments: list[object], named: str) -> None:
    ended = run(*arguments, *BRIEF, "--url", f"http://{echo.address}", "--json")
    assert ended.returncode == 1
    errors = json.loads(ended.stdout)["errors"]
    assert errors["count"] > 0 and named in errors["first"]


@pytest.mark.parametrize(("arguments", "named"), [
    (["relay", "--pid", "4194304"], "--pid"), (["relay", "--pid", "1,x"], "--pid"),
    (["relay", "--direct", "ws"], "--direct"), (["rest", "--call", "put"], "--call"),
    (["http-get", "--of-echo"], "--size"), (["download", "--size", "8"], "--size"),
])
def test_an_option_that_makes_no_sense_is_named(arguments: list[object], named: str) -> None:
    ended = run(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert named in ended.stderr
