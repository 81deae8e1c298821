"""All samples of a scenario: so many rounds, with programs of their own; in each round so many
short windows, in which the contestants are measured in turns, in an order that rotates.

A burst of somebody else's work on the machine then meets one window of some contestants, not a
whole sample of one: ratios are taken window by window, and of each round their median.
"""

import argparse
import shlex
import sys
from dataclasses import dataclass, field
from statistics import median

from peers import Peer, Server
from processes import Programs
from samples import Contestant, Samples, measure
from scenarios import Scenario, Way, value
from spread import ratios


@dataclass
class Result:
    """What was found."""

    scenario: Scenario
    contestants: list[Contestant]
    #: By contestant; a list a round, with a report a window.
    reports: dict[str, list[list[dict]]] = field(default_factory=dict)
    #: How each was first run, for repeating it by hand.
    commands: dict[str, list[str]] = field(default_factory=dict)

    def servers(self, suffix: str = "") -> list[str]:
        """Names of the contestants that are xgen-server under the load with this suffix."""
        return [
            contestant.name for contestant in self.contestants
            if contestant.peer.is_server and contestant.load.suffix == suffix]

    def values(self, name: str, metric: str | None = None) -> list[float]:
        """One a round."""
        return [median(values) for values in self._windows(name, metric)]

    def ratios(
        self, name: str, base: str, metric: str | None = None, allowance: float = 0
    ) -> list[float]:
        """One a round."""
        pairs = zip(self._windows(name, metric), self._windows(base, metric), strict=True)
        return [
            median(ratios([value - allowance for value in values], by)) for values, by in pairs]

    def latency(self, name: str, key: str) -> float:
        """The median of a percentile or rate over all windows."""
        load = self._load(name)
        return median(
            report["latencies"][load.latency][key]
            for windows in self.reports[name] for report in windows)

    def _windows(self, name: str, metric: str | None) -> list[list[float]]:
        load = self._load(name)
        metric = metric or self.scenario.metric
        return [[value(report, load, metric) for report in windows]
                for windows in self.reports[name]]

    def _load(self, name: str):
        return next(each.load for each in self.contestants if each.name == name)


class Rounds:
    """Runs scenarios."""

    def __init__(self, options: argparse.Namespace, peers: list[Peer]) -> None:
        self.options = options
        self.peers = peers
        self.samples = Samples(options)
        self.server = next((peer for peer in peers if isinstance(peer, Server)), None)

    def run(self, scenario: Scenario) -> Result:
        contestants = [
            Contestant(peer.name + load.suffix, peer, load) for peer in self.peers
            for load in (scenario.servers if peer.is_server else scenario.others)
            if peer.is_server or peer.name in scenario.peers]
        result = Result(scenario, contestants)
        result.reports = {contestant.name: [] for contestant in contestants}
        count = min(self.options.rounds, scenario.max_rounds)
        for number in range(count):
            self._progress(f"{scenario.name}: round {number + 1} of {count}")
            self._round(number, result)
        self._progress("")
        return result

    def _round(self, number: int, result: Result) -> None:
        """Programs of its own: what one keeps from earlier load, and where its memory happens to
        lie, differs from round to round."""
        if result.scenario.way is Way.WINDOWS:
            return self._windows(number, result)
        for contestant in rotated(result.contestants, number):
            if result.scenario.way is Way.ONCE:
                report = self.samples.once(result.scenario, contestant, self.server)
            else:
                report = self.samples.allocations(contestant)
            result.reports[contestant.name].append([report])

    def _windows(self, number: int, result: Result) -> None:
        with Programs() as programs:
            loads = {}
            for contestant in rotated(result.contestants, number):
                start = len(programs.commands)
                loads[contestant.name], _ = self.samples.prepare(
                    programs, contestant, result.scenario.warm_up)
                result.commands.setdefault(
                    contestant.name,
                    [shlex.join(command) for command in programs.commands[start:]])
                result.reports[contestant.name].append([])
            for window in range(self.options.windows):
                for contestant in rotated(result.contestants, number + window):
                    report = measure(loads[contestant.name])
                    result.reports[contestant.name][-1].append(report)

    @staticmethod
    def _progress(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def rotated(contestants: list[Contestant], turn: int) -> list[Contestant]:
    turn %= max(1, len(contestants))
    return contestants[turn:] + contestants[:turn]
