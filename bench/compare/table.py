"""Results for people."""

import sys
from statistics import median

import reach as limits
from rounds import Result
from spread import spread


def text(result: Result, base: str) -> str:
    """One scenario: a line a peer, with its ratio to the base."""
    scenario = result.scenario
    names = list(result.reports)
    base = base if base in names else names[0]
    rounds = len(result.reports[base])
    lines = [f"{scenario.name}: {scenario.about}; {rounds} rounds",
             f"  {'':14}{scenario.unit:>24}  {'× ' + base:>20}  {'per second':>10}"
             f"  {'p50 µs':>9}  {'p99 µs':>9}"]
    for name in names:
        values = result.values(name)
        ratio = spread(result.ratios(name, base))
        lines.append(
            f"  {name:14}{spread(values).text(decimals(values)):>24}  {ratio.text():>20}"
            f"  {result.latency(name, 'per_second'):>10,.0f}"
            f"  {result.latency(name, 'p50_us'):>9,.0f}  {result.latency(name, 'p99_us'):>9,.0f}")
    return "\n".join(lines) + "\n"


def decimals(values: list[float]) -> int:
    return 0 if median(values) >= 1000 else 2


def reach(results: list[Result]) -> int:
    """Prints each limit as met or missed; how many were missed."""
    missed = 0
    for limit in limits.LIMITS:
        for result in results:
            if result.scenario.name != limit.scenario or limit.peer not in result.reports:
                continue
            for server in result.servers:
                ratio = spread(result.ratios(server, limit.peer))
                is_met = ratio.low <= limit.at_most
                missed += not is_met
                print(f"{'met   ' if is_met else 'MISSED'}  {limit.scenario:14}{server:14}"
                      f"≤ {limit.at_most:.2f} × {limit.peer:14}{ratio.text()}")
    sys.stdout.flush()
    return missed
