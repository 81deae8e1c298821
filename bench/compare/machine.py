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
             "samples": result.reports}
            for result in results],
    }
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def machine() -> dict[str, object]:
    models = [
        line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")]
    memory = Path("/proc/meminfo").read_text().split()[1]
    return {
        "cpu": models[0] if models else platform.machine(), "cores": os.cpu_count(),
        "memory_mib": int(memory) // 1024, "kernel": platform.release(),
        "system": platform.platform()}
