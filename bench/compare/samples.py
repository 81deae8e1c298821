"""How one sample is taken, whichever way."""

import argparse
import json
import shlex
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from bare import Bare
from peers import Peer, Running, Server
from processes import Program, Programs
from scenarios import Load, Scenario
from tools import compiled

#: Both ways, in one allocation sample.
COUNTED_MESSAGES = 1_000_000
#: In a row, before a load has failed.
EMPTY_WINDOWS = 3
#: A server that has started and upgraded connections has made more.
MIN_ALLOCATIONS = 1_000


class SampleError(Exception):
    """A load failed: what it found can't be compared."""


@dataclass(frozen=True)
class Contestant:
    """A peer under one of a scenario's loads."""

    name: str
    peer: Peer
    load: Load


class Samples:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.bench = str(options.bench)
        self.peer_core, self.load_core = options.cores

    # By windows

    def prepare(
        self, programs: Programs, contestant: Contestant, warm_up: float = 0,
        env: dict[str, str] | None = None
    ) -> tuple[Program, Running]:
        """A peer between an echo and a load that waits for its turn."""
        peer, load = contestant.peer, contestant.load
        upstream = self._echo(programs)
        if isinstance(peer, Server):
            running = peer.start(programs, self.peer_core, upstream, env)
        else:
            running = peer.start(programs, self.peer_core, upstream)
        windows = ["--on-demand", "--seconds", str(self.options.seconds),
                   "--warm-up", str(max(warm_up, self.options.warm_up))]
        program = programs.start(
            f"load of {contestant.name}", [*self._command(load, running), *windows],
            self.load_core, is_asked=True)
        if program.line() != "ready":
            raise failure(program)
        return program, running

    def _echo(self, programs: Programs) -> str:
        address = "127.0.0.1:0"
        if self.options.unix:
            address = f"unix:{programs.folder}/echo{len(programs.running)}"
        command = [self.bench, "sidecar-echo", "--listen", address]
        return programs.start("echo", command, self.load_core).place()

    def _command(self, load: Load, running: Running) -> list[str]:
        return [
            self.bench, *load.command, *(load.quick if self.options.quick else ()),
            "--url", running.url, *running.options,
            *(running.websocket_options if load.opens_websockets else ()), "--json"] + (
                ["--pid", running.pids()] if load.command[0] != "create" else [])

    # By one run

    def once(self, scenario: Scenario, contestant: Contestant, server: Server) -> dict:
        with Programs() as programs:
            peer, load = contestant.peer, contestant.load
            if isinstance(peer, Bare):
                return peer.sample(programs, server, self.options.quick)
            if scenario.is_local:
                assert isinstance(peer, Server)
                running, core = peer.start_local(programs), None
            else:
                running = peer.start(programs, self.peer_core, self._echo(programs))
                core = self.load_core
            program = programs.start(
                f"load of {contestant.name}", self._command(load, running), core, is_asked=True)
            return report(program)

    # Allocations

    def allocations(self, contestant: Contestant) -> dict:
        """What the server allocates while it forwards, after a first window."""
        with Programs() as programs:
            library = compiled("allocations.c", "-shared", "-fPIC")
            counts = programs.folder / "allocations"
            env = {"LD_PRELOAD": str(library), "ALLOCATIONS_FILE": str(counts)}
            load, running = self.prepare(programs, contestant, env=env)
            measure(load)
            before = self._count(running, counts, 1)
            if before < MIN_ALLOCATIONS:
                raise SampleError(f"only {before} allocations until now: they are not all counted")
            messages = 0
            while messages < COUNTED_MESSAGES:
                last = measure(load)
                messages += 2 * last["latencies"]["round_trip"]["count"]
            total = self._count(running, counts, 2) - before
            last["figures"] |= {
                "allocations": total, "messages": messages, "allocations_before": before}
            return last

    @staticmethod
    def _count(running: Running, counts: Path, line: int) -> int:
        running.program.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            lines = counts.read_text().splitlines() if counts.exists() else []
            if len(lines) >= line:
                return int(lines[line - 1])
            time.sleep(0.01)
        raise SampleError("the server has not told its allocations: is its libc's malloc static?")


def measure(load: Program) -> dict:
    """One window; another one, should nothing have been done in it on a machine that is busy."""
    for _ in range(EMPTY_WINDOWS):
        load.ask()
        found = report(load)
        if all(latency["count"] > 0 for latency in found["latencies"].values()):
            return found
    raise SampleError(f"{load.name}: nothing is done within a window")


def report(load: Program) -> dict:
    line = load.line()
    found = json.loads(line) if line else None
    if not found or found["errors"]["count"] > 0:
        raise failure(load)
    return found


def failure(load: Program) -> SampleError:
    load.stop()
    text = load.log.read_text(errors="replace")
    return SampleError(f"{load.name} failed: {shlex.join(load.process.args)}\n{text}")
