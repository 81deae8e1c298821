"""The metrics, as Prometheus reads them."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from server import Sandbox, Server
from wire import SANDBOX_READY

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "xgen-server.json"


def page(server: Server) -> str:
    answer = server.raw("GET", "/metrics")
    assert answer.status_code == 200
    return answer.text


def value(server: Server, series: str) -> float:
    """The value of one series; it must be there."""
    lines = [line for line in page(server).splitlines() if line.startswith(series + " ")]
    assert len(lines) == 1, (series, lines)
    return float(lines[0].rpartition(" ")[2])


def test_promtool_has_nothing_to_say(server: Server, sandbox: Sandbox) -> None:
    sandbox.exec("true")
    server.raw("GET", "/api/v1/sandboxes")
    check = subprocess.run(
        [ROOT / ".build" / "promtool", "check", "metrics"], input=page(server), text=True, capture_output=True)
    assert (check.returncode, check.stdout + check.stderr) == (0, "")


def test_what_is_done_is_counted(own_server: Server) -> None:
    server = own_server
    sandbox = server.create().running()
    assert value(server, "xgen_sandboxes_active") == 1
    assert value(server, 'xgen_sandboxes{status="running",template="python"}') == 1
    starts = 'xgen_sandbox_start_seconds_count{template="python",start="cold"}'
    assert value(server, starts) == 1
    sandbox.exec("true")
    assert value(server, "xgen_exec_seconds_count") == 1
    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        assert value(server, "xgen_ws_connections") == 1
        assert value(server, 'xgen_ws_bytes_total{direction="to_client"}') >= 11
    sandbox.delete()
    assert value(server, "xgen_sandboxes_active") == 0
    assert value(server, "xgen_sandbox_delete_total") == 1


@pytest.mark.parametrize(("authorization", "reason"), [
    ({}, "missing"), ({"Authorization": "Basic eDp5"}, "malformed"),
    ({"Authorization": "ApiKey nobody"}, "unknown_key"),
    ({"Authorization": "Bearer a.b.c"}, "invalid_token"),
])
def test_refused_credentials_are_counted_by_reason(
    server: Server, authorization: dict[str, str], reason: str
) -> None:
    series = f'xgen_auth_failures_total{{reason="{reason}"}}'
    before = value(server, series)
    assert server.raw("GET", "/api/v1/sandboxes", headers=authorization).status_code == 401
    assert value(server, series) == before + 1


def test_no_client_makes_series_of_its_own(server: Server) -> None:
    def series() -> set[str]:
        return {line.rpartition(" ")[0] for line in page(server).splitlines() if line[0] != "#"}

    for number in range(3):
        server.request("GET", f"/api/v1/sandboxes/{number}")
        server.request("GET", f"/nothing/{number}")
        server.request("BREW", f"/nothing/{number}")
    before = series()
    for number in range(3, 40):
        server.request("GET", f"/api/v1/sandboxes/{number}")
        server.request("GET", f"/nothing/{number}")
        server.request(f"BREW{number}", f"/nothing/{number}")
    assert series() == before


def test_the_dashboard_asks_for_metrics_that_exist(server: Server, sandbox: Sandbox) -> None:
    names = set(re.findall(r"^# TYPE (\S+)", page(server), re.MULTILINE))
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {
        name for panel in panels for target in panel["targets"]
        for name in re.findall(r"\b(?:xgen|process)_[a-z_]+", target["expr"])
    }
    assert len(panels) > 10 and asked
    for name in asked:
        assert re.sub("_(bucket|count|sum)$", "", name) in names or name in names
