"""Programs that a comparison starts, each bound to a core, and all stopped at its end."""

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from shutil import rmtree

START_SECONDS = 15.0
STOP_SECONDS = 10.0


class StartError(Exception):
    """A program ended at once, or never said where it listens; the text has its last words."""


class Program:
    """One that runs, with its output in a file."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def pids(self) -> list[int]:
        """Its process and those below it, such as a master's workers."""
        found = [self.process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def place(self) -> str:
        """Where it says that it listens: an address, or a socket's path."""
        pattern = re.compile(r"listening on (?:http://)?([^\s,]+)")
        return self._await(lambda: pattern.search(self.log.read_text(errors="replace")))[1]

    def await_port(self, port: int) -> None:
        """Until something listens there."""
        # A connection would be the first that the program serves; the kernel's list costs none.
        wanted = re.compile(rf":{port:04X} [0-9A-F]+:0000 0A ")
        self._await(lambda: wanted.search(Path("/proc/net/tcp").read_text()))

    def _await(self, found):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            result = found()
            if result:
                return result
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise StartError(f"{self.name} did not start:\n{self.log.read_text(errors='replace')}")

    def ask(self) -> None:
        assert self.process.stdin
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def line(self) -> str:
        """Its next one, without the line feed; empty when it has ended."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().rstrip("\n")

    def stop(self) -> None:
        """By SIGTERM; by SIGKILL should it not heed it."""
        for sign in (self.process.terminate, self.process.kill):
            if self.process.poll() is not None:
                return
            sign()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                continue


class Programs:
    """Those of one sample, in a folder of their own under /tmp.

    They are in sessions of their own: a Ctrl-C reaches only us, and we stop them, last first.
    """

    def __enter__(self) -> "Programs":
        self.folder = Path(tempfile.mkdtemp(prefix="xgen-compare-", dir="/tmp"))
        # Sandboxes and nginx's workers may run under other uids.
        self.folder.chmod(0o711)
        self.running: list[Program] = []
        #: All that were started.
        self.commands: list[list[str]] = []
        return self

    def __exit__(self, *_: object) -> None:
        for program in reversed(self.running):
            program.stop()
            for pipe in (program.process.stdin, program.process.stdout):
                if pipe:
                    pipe.close()
        rmtree(self.folder, ignore_errors=True)

    def start(
        self, name: str, command: list[str], core: int | None,
        env: dict[str, str] | None = None, *, is_asked: bool = False
    ) -> Program:
        """`is_asked`: it takes lines on stdin and answers with lines on stdout; else its output
        is in its log, as errors always are."""
        log = self.folder / f"{len(self.running)}.log"
        if core is not None:
            command = ["taskset", "-c", str(core), *command]
        self.commands.append(command)
        pipe = subprocess.PIPE
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdin=pipe if is_asked else subprocess.DEVNULL,
                stdout=pipe if is_asked else out, stderr=out, env={**os.environ, **(env or {})},
                start_new_session=True)
        program = Program(name, process, log)
        self.running.append(program)
        return program
