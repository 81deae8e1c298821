"""What the machine itself says about processes, descriptors and sockets, read from /proc."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")


def eventually(what: str, check: Callable[[], T], seconds: float = 10) -> T:
    """The first true value of `check`; fails with `what` and the last value at the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what} (last: {value!r})")
        time.sleep(0.02)


class Process(NamedTuple):
    """A pid can be given again; with its start time it can't."""

    pid: int
    start: int


class Stat(NamedTuple):
    state: str
    parent: int
    start: int


def stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in parentheses may hold anything, so what follows the last one is read.
    fields = text.rpartition(")")[2].split()
    return Stat(fields[0], int(fields[1]), int(fields[19]))


def cmdline(pid: int) -> list[str]:
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in data.split(b"\0")[:-1]]


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def tree(roots: Iterable[int]) -> set[Process]:
    """`roots` and all their descendants that run now."""
    stats = {pid: found for pid in pids() if (found := stat(pid))}
    wanted = {pid for pid in roots if pid in stats}
    while True:
        more = {pid for pid, found in stats.items() if found.parent in wanted} - wanted
        if not more:
            return {Process(pid, stats[pid].start) for pid in wanted}
        wanted |= more


def left(processes: Iterable[Process], server: int | None) -> list[str]:
    """Those that still run. A zombie counts only under the server: an orphan's zombie is the
    business of the machine's init, which in a container may not reap."""
    found = []
    for process in processes:
        now = stat(process.pid)
        if now is None or now.start != process.start:
            continue
        if now.state not in "ZX" or now.parent == server:
            found.append(f"{process.pid} {now.state} {cmdline(process.pid) or comm(process.pid)}")
    return found


def mentioning(text: str) -> list[int]:
    """Processes, this one excepted, with `text` in an argument."""
    return [
        pid for pid in pids()
        if pid != os.getpid() and any(text in argument for argument in cmdline(pid))
    ]


def host_uids(pid: int) -> set[int]:
    """Real, effective, saved and file system uid as the host counts them."""
    return {int(uid) for uid in status(pid)["Uid"].split()}


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def rss_kib(pid: int) -> int:
    return int(status(pid)["VmRSS"].split()[0])


def descriptors(pid: int) -> list[str]:
    """What each open descriptor of a process is."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
        except OSError:
            pass  # closed since the listing
    return found


def unix_sockets(text: str) -> list[str]:
    """Paths of Unix sockets on this machine that contain `text`."""
    lines = Path("/proc/net/unix").read_text().splitlines()[1:]
    return [line.split()[7] for line in lines if len(line.split()) > 7 and text in line.split()[7]]


def cgroups(name: str) -> list[Path]:
    """Cgroups of this machine with that name, in every hierarchy."""
    return [Path(top) for top, _, _ in os.walk("/sys/fs/cgroup") if Path(top).name == name]
