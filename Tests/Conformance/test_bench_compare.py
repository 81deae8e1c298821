"""`bench/compare`: its statistics, its judgement, its C programs, and a whole short run."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import proc
import pytest
from server import BUILD

COMPARE = Path(__file__).parents[2] / "bench" / "compare"
sys.path.append(str(COMPARE))

import table  # noqa: E402
from bare import without_descriptors  # noqa: E402
from reach import LIMITS, Limit  # noqa: E402
from rounds import Result, rotated  # noqa: E402
from samples import Contestant  # noqa: E402
from scenarios import SCENARIOS, Load, Scenario  # noqa: E402
from spread import ratios, spread  # noqa: E402
from tools import compiled  # noqa: E402


class Named:
    """A peer, as far as judging needs one."""

    def __init__(self, name: str, is_server: bool) -> None:
        self.name = name
        self.is_server = is_server


def result(**values: list[list[float]]) -> Result:
    """Of a scenario in which `server` and others were measured: rounds of windows."""
    load = Load(("relay",))
    scenario = Scenario("case", "a case", "cost", "units", (load,), (load,))
    found = Result(scenario, [
        Contestant(name, Named(name, name.startswith("server")), load) for name in values])
    found.reports = {
        name: [[
            {"figures": {"cost": value}, "latencies": {"round_trip": {
                "count": 1, "per_second": 1.0, "p50_us": value, "p99_us": 2 * value}}}
            for value in windows] for windows in rounds]
        for name, rounds in values.items()}
    return found


# Statistics

def test_the_spread_of_one_value_is_that_value() -> None:
    found = spread([3.5])
    assert (found.median, found.low, found.high) == (3.5, 3.5, 3.5)


def test_the_spread_is_the_same_each_time_and_holds_the_median() -> None:
    values = [1.0, 1.1, 1.2, 1.3, 9.0, 1.15, 1.05]
    found = spread(values)
    assert found == spread(values)
    assert found.median == 1.15
    assert min(values) <= found.low <= found.median <= found.high <= max(values)


def test_the_interval_covers_the_true_median_of_most_samples() -> None:
    generator = random.Random(7)
    samples = [[generator.gauss(10, 2) for _ in range(9)] for _ in range(100)]
    covered = sum(found.low <= 10 <= found.high for found in map(spread, samples))
    assert 88 <= covered <= 100


def test_more_values_make_a_narrower_interval() -> None:
    generator = random.Random(3)
    values = [generator.gauss(10, 2) for _ in range(400)]
    few, many = spread(values[:10]), spread(values)
    assert many.high - many.low < (few.high - few.low) / 2


def test_no_values_have_no_spread() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_ratios_are_taken_pair_by_pair() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="not paired"):
        ratios([1.0], [1.0, 2.0])


def test_a_round_counts_by_the_median_of_its_windows() -> None:
    found = result(server=[[2, 4, 900], [3, 3, 3]], relay=[[1, 2, 3], [2, 3, 30]])
    assert found.values("server") == [4, 3]
    assert found.ratios("server", "relay") == [2, 1], "a burst meets one window, not the round"


def test_an_allowance_is_granted_before_the_ratio_is_taken() -> None:
    found = result(server=[[1300]], bare=[[500]])
    assert found.ratios("server", "bare", allowance=300) == [2]


def test_orders_rotate_so_that_each_is_first_once() -> None:
    assert [rotated(["a", "b", "c"], turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]


# Judgement

@pytest.mark.parametrize(("server", "is_met"), [
    ([[1.0], [1.1], [1.2]], True), ([[1.3], [1.4], [1.2]], False), ([[1.0], [1.9], [1.9]], True),
])
def test_a_limit_is_missed_when_the_interval_lies_above(
    monkeypatch: pytest.MonkeyPatch, server: list[list[float]], is_met: bool
) -> None:
    monkeypatch.setattr(table, "LIMITS", [Limit("case", "relay", 1.15)])
    found = table.reach([result(server=server, relay=[[1.0], [1.0], [1.0]])])
    assert [each["is_met"] for each in found] == [is_met]
    assert ("MISSED" in table.reach_text(found)) is not is_met


def test_a_limit_of_nobody_else_judges_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LIMITS", [Limit("case", None, 99), Limit("other", None, 1)])
    found = table.reach([result(server=[[100]], server2=[[99]])])
    assert [(each["server"], each["is_met"]) for each in found] == [
        ("server", False), ("server2", True)]


def test_a_limit_whose_peer_did_not_run_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LIMITS", [Limit("case", "nginx", 1)])
    assert table.reach([result(server=[[1]], relay=[[1]])]) == []


def test_each_limit_is_about_something_that_is_run() -> None:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for limit in LIMITS:
        scenario = known[limit.scenario]
        suffixes = {load.suffix for load in scenario.servers}
        assert limit.suffix in suffixes
        assert (limit.versus is None or limit.versus in scenario.peers
                or limit.versus.rstrip() in suffixes)


def test_options_that_name_descriptors_are_left_out() -> None:
    words = ["bwrap", "--info-fd", "4", "--uid", "1000", "--args", "6"]
    assert without_descriptors(words) == ["bwrap", "--uid", "1000"]


# C programs

def test_the_relay_passes_all_bytes_and_ends(tmp_path: Path) -> None:
    """A client that ends its direction first still gets what is on its way to it."""
    sent = os.urandom(20_000_000)
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        def echo() -> None:
            peer, _ = upstream.accept()
            received = b"".join(iter(lambda: peer.recv(1 << 20), b""))
            peer.sendall(received)
            peer.close()

        thread = threading.Thread(target=echo)
        thread.start()
        port = upstream.getsockname()[1]
        with subprocess.Popen(
            [compiled("relay.c"), "0", str(port)], stdout=subprocess.PIPE, text=True
        ) as relay:
            assert relay.stdout
            place = relay.stdout.readline().rpartition(":")[2]
            with socket.create_connection(("127.0.0.1", int(place))) as client:
                client.sendall(sent)
                client.shutdown(socket.SHUT_WR)
                back = b"".join(iter(lambda: client.recv(1 << 20), b""))
            proc.eventually("its pair is closed", lambda: len(proc.descriptors(relay.pid)) == 5)
            relay.terminate()
        thread.join()
    assert back == sent


def test_allocations_are_counted(tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    library = compiled("allocations.c", "-shared", "-fPIC")
    program = (
        "import ctypes, sys; malloc = ctypes.CDLL(None).malloc\n"
        "for _ in sys.stdin: [malloc(9) for _ in range(5000)]; print(flush=True)")
    env = {**os.environ, "LD_PRELOAD": str(library), "ALLOCATIONS_FILE": str(counts)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    ) as child:
        assert child.stdin and child.stdout
        found = []
        for number in (1, 2):
            child.stdin.write(b"\n")
            child.stdin.flush()
            child.stdout.readline()
            child.send_signal(signal.SIGUSR1)
            proc.eventually("the count", lambda: len(counts.read_text().splitlines()) == number)
            found.append(int(counts.read_text().splitlines()[-1]))
        child.stdin.close()
    assert found[1] - found[0] >= 5000


def test_spawn_reports_times_of_a_program() -> None:
    command = [compiled("spawn.c"), "5", "/bin/true"]
    report = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert report["latencies"]["spawn"]["count"] == 5
    failed = subprocess.run([compiled("spawn.c"), "5", "/bin/false"], capture_output=True)
    assert failed.returncode == 1


# A whole run

def compare(*arguments: str, length: tuple[str, ...] = ("--quick",)) -> list[str]:
    return [str(COMPARE / "run"), *length, "--bench", str(BUILD / "xgen-bench"),
            "--server", f"built={BUILD / 'xgen-server'}", *arguments]


def test_a_run_writes_what_it_found(tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    command = compare("--only", "relay-64x16", "--peers", "relay", "--out", str(found))
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    assert "× relay" in ended.stdout and "built" in ended.stdout
    document = json.loads(found.read_text())
    assert document["machine"].keys() >= {"cpu", "cores", "kernel"}
    assert document["versions"].keys() >= {"commit", "built", "relay", "xgen-bench"}
    (scenario,) = document["scenarios"]
    assert [len(rounds[0]) for rounds in scenario["samples"].values()] == [2, 2]
    assert all(value > 0 for values in scenario["values"].values() for value in values)
    assert any("sidecar-echo" in line for line in scenario["commands"]["built"])
    assert {each["server"] for each in document["reach"]} == {"built"}


def test_an_interrupted_run_leaves_no_process(tmp_path: Path) -> None:
    out = str(tmp_path / "found.json")
    # So long that it can't end by itself.
    command = compare("--only", "relay-64x1", "--peers", "relay", "--out", out,
                      length=("--rounds", "1", "--windows", "10000"))
    with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # Whoever started the tests in the background has had it ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as run:
        def loads() -> list[int]:
            return [process.pid for process in proc.tree([run.pid])
                    if "--on-demand" in proc.cmdline(process.pid)]

        proc.eventually("both loads run", lambda: len(loads()) == 2)
        started = proc.tree([run.pid])
        run.send_signal(signal.SIGINT)
        try:
            assert run.wait(timeout=30) == 130
        finally:
            run.kill()
    assert proc.left(started, None) == []


def test_a_missing_program_is_named_with_its_package() -> None:
    env = {**os.environ, "PATH": "/nowhere"}
    command = [sys.executable, *compare("--peers", "nginx")]
    ended = subprocess.run(command, capture_output=True, text=True, env=env, timeout=30)
    assert ended.returncode == 1
    assert "apt-get install nginx-light" in ended.stderr
