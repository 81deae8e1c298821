"""Where and with what a comparison was made, and the file of its results."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from peers import Peer
from rounds import Result
from tools import ROOT, output


#: Of the document: scenarios, one, samples, a contestant, a round, a window.
LINE_DEPTH = 6
LINE_CHARACTERS = 90


def stamp() -> str:
    return time.strftime("%Y%m%d-%H%M%S")


def write(
    path: Path, options: argparse.Namespace, peers: list[Peer], results: list[Result],
    reach: list[dict]
) -> None:
    """Everything: each sample as xgen-bench reported it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "made_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": ["bench/compare/run", *sys.argv[1:]],
        "options": {
            "rounds": options.rounds, "windows": options.windows, "seconds": options.seconds,
            "warm_up": options.warm_up, "unix": options.unix, "cores": options.cores},
        "machine": machine(),
        "versions": {
            "commit": output(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
            "xgen-bench": output([str(options.bench), "--version"]),
            **{peer.name: peer.version() for peer in peers}},
        "reach": reach,
        "scenarios": [
            {"name": result.scenario.name, "about": result.scenario.about,
             "metric": result.scenario.metric, "unit": result.scenario.unit,
             "commands": result.commands,
             "values": {name: result.values(name) for name in result.reports},
             "samples": {name: [[sample(report) for report in windows] for windows in rounds]
                         for name, rounds in result.reports.items()}}
            for result in results],
    }
    path.write_text(lines(document) + "\n")


def sample(report: dict) -> dict:
    """Without what is the same in each: the parameters are in the commands."""
    return {key: report[key] for key in ("seconds", "latencies", "figures")}


def lines(value: object, depth: int = 0) -> str:
    """JSON with what lies deep on one line: a sample, a command."""
    one = json.dumps(value, ensure_ascii=False)
    if depth == LINE_DEPTH or len(one) < LINE_CHARACTERS or not isinstance(value, (dict, list)):
        return one
    indent = "\n" + " " * (depth + 1)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {lines(each, depth + 1)}" for key, each in value.items()]
    else:
        parts = [lines(each, depth + 1) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}{indent}{f',{indent}'.join(parts)}{indent[:-1]}{closing}"


def machine() -> dict[str, object]:
    models = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
        "memory_mib": int(memory) // 1024, "kernel": platform.release(),
        "system": platform.platform()}
