"""What xgen-server is to reach, as ratios to its peers in the same rounds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """xgen-server's figure in a scenario is at most so many times that of a peer."""

    scenario: str
    peer: str
    at_most: float


LIMITS = [
    Limit("relay-64x1", "relay", 1.05),
    Limit("relay-64x1", "haproxy", 1.0),
    Limit("relay-64x1", "nginx", 1.0),
    Limit("relay-64x16", "relay", 1.05),
    Limit("relay-64x16", "haproxy", 1.0),
    Limit("relay-64x16", "nginx", 1.0),
    Limit("relay-1000x1", "relay", 1.08),
    Limit("relay-1000x1", "haproxy", 1.0),
    Limit("relay-1000x1", "nginx", 1.0),
    Limit("relay-64k", "relay", 1.05),
    Limit("relay-64k", "haproxy", 0.55),
    Limit("relay-64k", "nginx", 0.55),
    Limit("relay-64k", "haproxy-64k", 1.0),
    Limit("relay-64k", "nginx-64k", 1.0),
]
