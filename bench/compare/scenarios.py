"""What is run, and what is compared of it."""

from dataclasses import dataclass

#: Proxies of WebSockets: all of them.
ALL = ("relay", "haproxy", "haproxy-64k", "nginx", "nginx-64k")


@dataclass(frozen=True)
class Scenario:
    """One xgen-bench command, run against each peer in turn."""

    name: str
    #: For people.
    about: str
    command: tuple[str, ...]
    #: The figure that is compared, and its unit.
    figure: str
    unit: str
    #: Peers beside the servers.
    peers: tuple[str, ...] = ALL
    #: Whose percentiles and rate the table shows.
    latency: str = "round_trip"

    def value(self, report: dict) -> float:
        return report["figures"][self.figure]


def relay(name: str, connections: int, in_flight: int, size: str) -> Scenario:
    about = f"round trips of {size} bytes, {connections} WebSockets × {in_flight} in flight"
    command = ("relay", "--connections", str(connections), "--in-flight", str(in_flight),
               "--size", size)
    return Scenario(name, about, command, "cpu_us_per_frame", "CPU µs per frame")


SCENARIOS = [
    relay("relay-64x1", 64, 1, "64"),
    relay("relay-64x16", 64, 16, "64"),
    relay("relay-1000x1", 1000, 1, "64"),
    relay("relay-64k", 16, 1, "64k"),
]
