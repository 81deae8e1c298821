"""What xgen-server is to reach, side by side with its peers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """xgen-server's figure is at most so many times that of a peer; without one, at most so much.

    It is missed when the lower end of the 95 % interval lies above the limit.
    """

    scenario: str
    #: A peer's name; with a leading space, another load of the same server; None: no one's.
    versus: str | None
    at_most: float
    #: Of the server's load.
    suffix: str = ""
    #: Other than the scenario's.
    metric: str | None = None
    #: Granted before the ratio is taken, in the metric's unit.
    allowance: float = 0


def below_both(scenario: str, at_most: float, tuned: float | None = None) -> list[Limit]:
    """haproxy and nginx: as Debian ships them, and with 64 KiB buffers."""
    limits = [Limit(scenario, name, at_most) for name in ("haproxy", "nginx")]
    if tuned is not None:
        limits += [Limit(scenario, name, tuned) for name in ("haproxy-64k", "nginx-64k")]
    return limits


LIMITS = [
    Limit("relay-64x1", "relay", 1.05), *below_both("relay-64x1", 1.0),
    Limit("relay-64x16", "relay", 1.05), *below_both("relay-64x16", 1.0),
    Limit("relay-1000x1", "relay", 1.08), *below_both("relay-1000x1", 1.0),
    Limit("relay-64k", "relay", 1.05), *below_both("relay-64k", 0.55, tuned=1.0),
    Limit("download-16k", "relay", 1.05), *below_both("download-16k", 0.55, tuned=1.0),
    Limit("upload-16k", "relay", 1.05), *below_both("upload-16k", 0.55, tuned=1.0),
    Limit("idle", None, 1000),
    Limit("idle", None, 0, metric="lost"),
    Limit("churn", "haproxy", 1.2),
    Limit("slow-reader", " ", 1.05, suffix=" +stuck"),
    Limit("slow-reader", " ", 1.25, suffix=" +stuck", metric="p99_us"),
    Limit("rest", "nginx", 1.1, suffix=" healthz"),
    Limit("rest", "nginx", 1.6, suffix=" get"),
    Limit("preview-1k", "nginx", 0.95),
    Limit("preview-1m", "nginx", 1.0),
    Limit("exec", "bare-spawn", 2.0, allowance=300),
    Limit("create", "bare-sandbox", 1.5),
    Limit("allocations", None, 99),
]
