"""What sandboxes are compared with: the same programs, started by nobody but spawn.c."""

import json
import os
import shutil
import time
from pathlib import Path
from urllib.request import Request, urlopen

from peers import API_KEY, Peer, Running, Server
from processes import Programs
from tools import compiled

COUNT = 200
QUICK_COUNT = 20
#: Options of bwrap that name descriptors: the server gives it those, nobody gives us any. The
#: environment and the system call filter go with them, which is in bwrap's favour.
DESCRIPTOR_OPTIONS = ("--info-fd", "--seccomp", "--args")


class Bare(Peer):
    """A program that is not in front of anything."""

    def missing(self) -> str | None:
        return None if shutil.which("cc") else "there is no C compiler: apt-get install gcc"

    def version(self) -> str:
        return "spawn.c"

    def sample(self, programs: Programs, server: Server, is_quick: bool) -> dict:
        """A report shaped like those of xgen-bench. The server shows how it starts things."""
        raise NotImplementedError


class BareSpawn(Bare):
    """posix_spawn and wait of /bin/true."""

    name = "bare-spawn"

    def sample(self, programs: Programs, server: Server, is_quick: bool) -> dict:
        return spawn(programs, [], QUICK_COUNT if is_quick else COUNT, ["/bin/true"])


class BareSandbox(Bare):
    """bwrap around `true` with the flags of a real sandbox, and then the sidecar, outside, until it
    answers: what a create can't do without."""

    name = "bare-sandbox"

    def missing(self) -> str | None:
        if not shutil.which("bwrap"):
            return "bwrap is not installed: apt-get install bubblewrap"
        return super().missing()

    def sample(self, programs: Programs, server: Server, is_quick: bool) -> dict:
        count = QUICK_COUNT if is_quick else COUNT // 4
        running = server.start_local(programs)
        words, uid = sandbox_command(running)
        own = words.index("--")
        flags, sidecar = without_descriptors(words[:own]), words[own + 1:]
        user = ["--user", str(uid)] if os.geteuid() == 0 else []
        around = spawn(programs, user, count, [*flags, "--", "/usr/bin/true"])
        # The path inside leads to a copy of this one.
        program = [str(server.path.parent / "xgen-sidecar"), *sidecar[1:]]
        start = spawn(programs, ["--answer"], count, program)
        running.program.stop()
        return added(around, start)


def spawn(programs: Programs, options: list[str], count: int, command: list[str]) -> dict:
    words = [str(compiled("spawn.c")), *options, str(count), *command]
    program = programs.start("spawn", words, None, is_asked=True)
    line = program.line()
    if not line:
        program.process.wait()
        raise RuntimeError(f"spawn: {program.log.read_text(errors='replace')}")
    return json.loads(line)


def added(first: dict, second: dict) -> dict:
    """One after the other: sums of medians."""
    times = (first["latencies"]["spawn"], second["latencies"]["spawn"])
    total = {key: times[0][key] + times[1][key] for key in times[0] if key.endswith("_us")}
    total["count"] = times[0]["count"]
    total["per_second"] = 1e6 / total["p50_us"]
    return {**first, "latencies": {"spawn": total, "bwrap": times[0], "sidecar": times[1]}}


def sandbox_command(running: Running) -> tuple[list[str], int]:
    """How the server has started a sandbox, and as which user of the host."""
    made = call(running, "POST", "/api/v1/sandboxes", '{"template":"base"}')
    end = time.monotonic() + 15
    while time.monotonic() < end:
        for pid in running.program.pids():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]
            if words and words[0].endswith("bwrap") and made["id"] in " ".join(words):
                return words, Path(f"/proc/{pid}").stat().st_uid
        time.sleep(0.01)
    raise RuntimeError("the server has no bwrap process for its sandbox")


def call(running: Running, method: str, path: str, body: str) -> dict:
    headers = {"Authorization": f"ApiKey {API_KEY}", "Content-Type": "application/json"}
    request = Request(running.url + path, body.encode(), headers, method=method)
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def without_descriptors(words: list[str]) -> list[str]:
    kept = []
    rest = iter(words)
    for word in rest:
        if word in DESCRIPTOR_OPTIONS:
            next(rest)
        else:
            kept.append(word)
    return kept
