"""Results for people."""

from statistics import median

from reach import LIMITS, Limit
from rounds import Result
from spread import Spread, spread


def text(result: Result, base: str | None) -> str:
    """One scenario: a line a contestant, with its ratio to the base."""
    scenario = result.scenario
    names = list(result.reports)
    base = next((name for name in (base, scenario.base) if name in names), names[0])
    width = max(12, *map(len, names))
    lines = [f"{scenario.name}: {scenario.about}; {len(result.reports[base])} rounds",
             f"  {'':{width}}  {scenario.unit:>26}  {'× ' + base:>20}  {'per second':>10}"
             f"  {'p50 µs':>9}  {'p99 µs':>9}"]
    for name in names:
        values = result.values(name)
        ratio = spread(result.ratios(name, base)).text() if min(result.values(base)) > 0 else ""
        lines.append(
            f"  {name:{width}}  {spread(values).text(decimals(values)):>26}  {ratio:>20}"
            f"  {result.latency(name, 'per_second'):>10,.0f}"
            f"  {result.latency(name, 'p50_us'):>9,.0f}  {result.latency(name, 'p99_us'):>9,.0f}")
    return "\n".join(lines) + "\n"


def decimals(values: list[float]) -> int:
    return 0 if median(values) >= 1000 else 2


def reach(results: list[Result]) -> list[dict]:
    """Each limit whose two sides were measured, with what was found."""
    found = []
    for limit in LIMITS:
        for result in results:
            if result.scenario.name != limit.scenario:
                continue
            for server in result.servers(limit.suffix):
                measured = judged(result, server, limit)
                if measured is not None:
                    found.append(line(limit, server, measured))
    return found


def judged(result: Result, server: str, limit: Limit) -> Spread | None:
    """The ratio, or the figure itself where there is no other side; None without that side."""
    if limit.versus is None:
        return spread(result.values(server, limit.metric))
    base = limit.versus
    if base.startswith(" "):
        base = server.removesuffix(limit.suffix) + base.rstrip()
    if base not in result.reports:
        return None
    return spread(result.ratios(server, base, limit.metric, limit.allowance))


def line(limit: Limit, server: str, measured: Spread) -> dict:
    metric = f" ({limit.metric})" if limit.metric else ""
    versus = "" if limit.versus is None else f" × {limit.versus.strip() or 'without'}"
    allowance = f" + {limit.allowance:g} µs" if limit.allowance else ""
    return {
        "scenario": limit.scenario + metric, "server": server,
        "limit": f"≤ {limit.at_most:g}{versus}{allowance}", "found": measured.json(),
        "text": measured.text(), "is_met": measured.low <= limit.at_most}


def reach_text(found: list[dict]) -> str:
    lines = [
        f"{'met   ' if each['is_met'] else 'MISSED'}  {each['scenario']:22}{each['server']:16}"
        f"{each['limit']:32}{each['text']}" for each in found]
    missed = sum(not each["is_met"] for each in found)
    return "\n".join([*lines, f"{len(found) - missed} met, {missed} missed"])
