"""What is run, and what is compared of it. A new scenario is one entry here, and where it is to
reach something, a line in reach.py."""

from dataclasses import dataclass
from enum import Enum

#: Proxies of WebSockets.
PROXIES = ("relay", "haproxy", "haproxy-64k", "nginx", "nginx-64k")


class Way(Enum):
    """How samples are taken."""

    #: All contestants are up, and measured in turns by short windows.
    WINDOWS = "windows"
    #: One contestant after the other, each by one run.
    ONCE = "once"
    #: xgen-server alone, with its allocations counted.
    ALLOCATIONS = "allocations"


@dataclass(frozen=True)
class Load:
    """One xgen-bench command."""

    command: tuple[str, ...]
    #: Behind the peer's name, where a peer has several.
    suffix: str = ""
    #: Of the percentiles and the rate that the table shows.
    latency: str = "round_trip"
    opens_websockets: bool = True
    #: Arguments for a short run.
    quick: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    name: str
    #: For people.
    about: str
    #: What is compared: a figure of the report, or one of the load's latency.
    metric: str
    unit: str
    #: For each xgen-server.
    servers: tuple[Load, ...]
    #: For each other peer.
    others: tuple[Load, ...] = ()
    peers: tuple[str, ...] = PROXIES
    way: Way = Way.WINDOWS
    #: Sandboxes of the server's own, on all cores; else the static backend, pinned.
    is_local: bool = False
    #: Ratios in its table are to this contestant.
    base: str = "relay"
    max_rounds: int = 100
    #: Seconds before each window, at least: as long as buffers need to fill.
    warm_up: float = 0


def value(report: dict, load: Load, metric: str) -> float:
    if metric in report["figures"]:
        return report["figures"][metric]
    return report["latencies"][load.latency][metric]


def websockets(
    name: str, about: str, unit: str, *command: str, latency: str = "round_trip",
    warm_up: float = 0
) -> Scenario:
    load = (Load(command, latency=latency),)
    metric = "cpu_us_per_" + unit
    return Scenario(name, about, metric, f"CPU µs per {unit}", load, load, warm_up=warm_up)


def relay(name: str, connections: int, in_flight: int, size: str) -> Scenario:
    return websockets(
        name, f"round trips of {size} bytes, {connections} WebSockets × {in_flight} in flight",
        "frame", "relay", "--connections", str(connections), "--in-flight", str(in_flight),
        "--size", size)


def http(name: str, about: str, size: str) -> Scenario:
    def get(*options: str) -> tuple[Load]:
        command = ("http-get", "--path", f"/bytes/{size}", "--size", size, "--of-echo", *options)
        return (Load(command, latency="request", opens_websockets=False),)

    return Scenario(
        name, about, "cpu_us_per_request", "CPU µs per request",
        get("--preview", "8000"), get())


IDLE = Load(("idle",), quick=("--connections", "1000", "--settle", "0.5", "--hold", "0.5"))
HEALTHZ = Load(
    ("http-get", "--path", "/healthz", "--size", "2"), latency="request", opens_websockets=False)


def rest(call: str, *options: str, suffix: str = "") -> Load:
    return Load(("rest", "--call", call, *options), suffix, "request", opens_websockets=False)


def slow_reader(working: int, stuck: int, suffix: str) -> Load:
    command = ("slow-reader", "--connections", str(working), "--stuck", str(stuck))
    return Load(command, suffix)


SCENARIOS = [
    relay("relay-64x1", 64, 1, "64"),
    relay("relay-64x16", 64, 16, "64"),
    relay("relay-1000x1", 1000, 1, "64"),
    relay("relay-64k", 16, 1, "65536"),
    websockets("download-16k", "messages of 16 KiB to 16 clients, as fast as they are taken",
               "message", "download", latency="delivery", warm_up=0.3),
    websockets("upload-16k", "messages of 16 KiB from 16 clients, 64 ahead of their count",
               "message", "upload", latency="delivery", warm_up=0.3),
    Scenario(
        "idle", "memory of 9,500 connected clients (--quick: 1,000); then all work, none is lost",
        "rss_bytes_per_pair", "bytes of RSS a pair", (IDLE,), (IDLE,), way=Way.ONCE,
        max_rounds=3),
    websockets("churn", "connect, upgrade (xgen-server: with a token), dial, one echo, close; "
               "16 at a time", "connection", "churn", latency="connection"),
    Scenario(
        "slow-reader", "1,000 clients, all of which work, or one of which never reads",
        "cpu_us_per_frame", "CPU µs per frame",
        (slow_reader(1000, 0, ""), slow_reader(999, 1, " +stuck")), peers=(), base="server"),
    Scenario(
        "rest", "requests on 16 kept connections; peers: GET /healthz answered by themselves",
        "cpu_us_per_request", "CPU µs per request",
        (rest("healthz", suffix=" healthz"), rest("get", suffix=" get"),
         rest("list", "--sandboxes", "20", suffix=" list")), (HEALTHZ,),
        peers=("haproxy", "nginx"), base="nginx"),
    http("preview-1k", "GET of 1 KiB through the proxy (xgen-server: a preview), 16 kept "
         "connections, kept to the upstream", "1024"),
    http("preview-1m", "the same of 1 MiB", "1048576"),
    Scenario(
        "exec", "REST exec of /bin/true in a sandbox; bare: posix_spawn and wait of /bin/true",
        "p50_us", "µs, median", (rest("exec", "--seconds", "2"),),
        (Load((), latency="spawn"),), peers=("bare-spawn",), way=Way.ONCE, is_local=True,
        base="bare-spawn"),
    Scenario(
        "create", "cold create → running; bare: bwrap … true, and the sidecar until it answers",
        "p50_us", "µs, median",
        (Load(("create",), latency="create", opens_websockets=False, quick=("--count", "5")),),
        (Load((), latency="spawn"),), peers=("bare-sandbox",), way=Way.ONCE, is_local=True,
        base="bare-sandbox"),
    Scenario(
        "allocations", "heap allocations while 1,000,000 messages are forwarded",
        "allocations", "allocations",
        (Load(("relay", "--connections", "64", "--in-flight", "16")),), peers=(),
        way=Way.ALLOCATIONS, max_rounds=3),
]
