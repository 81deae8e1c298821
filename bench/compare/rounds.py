"""Samples: each scenario so many rounds, each round every peer once, in an order that rotates."""

import argparse
import json
import shlex
import sys
from dataclasses import dataclass, field

from peers import Peer, Server
from processes import Programs
from scenarios import Scenario


class SampleError(Exception):
    """A sample's load failed: what it found can't be compared."""


@dataclass
class Result:
    """All samples of a scenario: by peer, one a round."""

    scenario: Scenario
    reports: dict[str, list[dict]] = field(default_factory=dict)
    #: How the first sample of each peer was made, for repeating it by hand.
    commands: dict[str, list[str]] = field(default_factory=dict)
    servers: list[str] = field(default_factory=list)

    def values(self, peer: str) -> list[float]:
        return [self.scenario.value(report) for report in self.reports[peer]]


class Rounds:
    """Runs scenarios. Every sample has a peer and an echo of its own: what a peer keeps from
    earlier load, and where its memory happens to lie, differs from round to round."""

    def __init__(self, options: argparse.Namespace, peers: list[Peer]) -> None:
        self.options = options
        self.peers = peers
        self.bench = str(options.bench)
        self.peer_core, self.load_core = options.cores

    def run(self, scenario: Scenario) -> Result:
        peers = [
            peer for peer in self.peers
            if isinstance(peer, Server) or peer.name in scenario.peers]
        result = Result(scenario, {peer.name: [] for peer in peers})
        result.servers = [peer.name for peer in peers if isinstance(peer, Server)]
        for number in range(self.options.rounds):
            turn = number % len(peers)
            for peer in peers[turn:] + peers[:turn]:
                self._progress(f"{scenario.name}: round {number + 1}, {peer.name}")
                result.reports[peer.name].append(self._sample(scenario, peer, result))
        self._progress("")
        return result

    def _sample(self, scenario: Scenario, peer: Peer, result: Result) -> dict:
        with Programs() as programs:
            address = f"unix:{programs.folder}/echo" if self.options.unix else "127.0.0.1:0"
            echo = programs.start(
                "echo", [self.bench, "sidecar-echo", "--listen", address], self.load_core)
            running = peer.start(programs, self.peer_core, echo.place())
            command = [
                self.bench, *scenario.command, "--seconds", str(self.options.seconds),
                "--url", running.url, *running.options, "--pid", running.pids(), "--json"]
            done = programs.run(command, self.load_core)
            if done.returncode != 0:
                raise SampleError(
                    f"{peer.name}: {shlex.join(command)}\n{done.stderr}{done.stdout}"
                    f"{running.program.log.read_text(errors='replace')[-2000:]}")
            result.commands.setdefault(
                peer.name, [shlex.join(program) for program in programs.commands])
            return json.loads(done.stdout)

    @staticmethod
    def _progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
