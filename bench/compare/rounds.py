"""Samples: each scenario so many rounds, with programs of their own; in each round so many short
windows, in which the peers are measured in turns, in an order that rotates.

A burst of somebody else's work on the machine then meets one window of some peers, not a whole
sample of one: ratios are taken window by window, and of each round their median.
"""

import argparse
import json
import shlex
import sys
from dataclasses import dataclass, field
from statistics import median

from peers import Peer, Server
from processes import Program, Programs
from scenarios import Scenario
from spread import ratios


class SampleError(Exception):
    """A load failed: what it found can't be compared."""


@dataclass
class Result:
    """All samples of a scenario."""

    scenario: Scenario
    #: By peer; a list a round, with a report a window.
    reports: dict[str, list[list[dict]]]
    #: Those of the peers that are xgen-server.
    servers: list[str]
    #: How each peer was first run, for repeating it by hand.
    commands: dict[str, list[str]] = field(default_factory=dict)

    def values(self, peer: str) -> list[float]:
        """One a round."""
        return [median(values) for values in self._windows(peer)]

    def ratios(self, peer: str, base: str) -> list[float]:
        """One a round."""
        return [
            median(ratios(values, by))
            for values, by in zip(self._windows(peer), self._windows(base), strict=True)]

    def latency(self, peer: str, key: str) -> float:
        """The median of a percentile or rate over all windows."""
        return median(
            report["latencies"][self.scenario.latency][key]
            for windows in self.reports[peer] for report in windows)

    def _windows(self, peer: str) -> list[list[float]]:
        return [[self.scenario.value(report) for report in windows]
                for windows in self.reports[peer]]


class Rounds:
    """Runs scenarios."""

    def __init__(self, options: argparse.Namespace, peers: list[Peer]) -> None:
        self.options = options
        self.peers = peers
        self.bench = str(options.bench)
        self.peer_core, self.load_core = options.cores

    def run(self, scenario: Scenario) -> Result:
        peers = [
            peer for peer in self.peers
            if isinstance(peer, Server) or peer.name in scenario.peers]
        servers = [peer.name for peer in peers if isinstance(peer, Server)]
        result = Result(scenario, {peer.name: [] for peer in peers}, servers)
        for number in range(self.options.rounds):
            self._progress(f"{scenario.name}: round {number + 1} of {self.options.rounds}")
            self._round(number, peers, result)
        self._progress("")
        return result

    def _round(self, number: int, peers: list[Peer], result: Result) -> None:
        """Peers and echoes of its own: what a program keeps from earlier load, and where its
        memory happens to lie, differs from round to round."""
        with Programs() as programs:
            loads = {}
            for peer in rotated(peers, number):
                start = len(programs.commands)
                loads[peer.name] = self._prepare(programs, peer, result.scenario)
                commands = [shlex.join(command) for command in programs.commands[start:]]
                result.commands.setdefault(peer.name, commands)
                result.reports[peer.name].append([])
            for window in range(self.options.windows):
                for peer in rotated(peers, number + window):
                    report = measure(loads[peer.name])
                    result.reports[peer.name][-1].append(report)

    def _prepare(self, programs: Programs, peer: Peer, scenario: Scenario) -> Program:
        """A peer between an echo and a load that waits for its turn."""
        address = f"unix:{programs.folder}/{peer.name}.echo" if self.options.unix else "127.0.0.1:0"
        echo = programs.start(
            "echo", [self.bench, "sidecar-echo", "--listen", address], self.load_core)
        running = peer.start(programs, self.peer_core, echo.place())
        command = [
            self.bench, *scenario.command, "--seconds", str(self.options.seconds), "--warm-up",
            str(self.options.warm_up), "--url", running.url, *running.options, "--pid",
            running.pids(), "--json", "--on-demand"]
        load = programs.start(f"load of {peer.name}", command, self.load_core, is_asked=True)
        if load.line() != "ready":
            raise failure(load)
        return load

    @staticmethod
    def _progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(load: Program) -> dict:
    """One window."""
    load.ask()
    line = load.line()
    report = json.loads(line) if line else None
    if not report or report["errors"]["count"] > 0:
        raise failure(load)
    return report


def failure(load: Program) -> SampleError:
    text = load.log.read_text(errors="replace")
    return SampleError(f"{load.name} failed: {shlex.join(load.process.args)}\n{text}")


def rotated(peers: list[Peer], turn: int) -> list[Peer]:
    turn %= len(peers)
    return peers[turn:] + peers[:turn]
