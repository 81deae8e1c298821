"""`xgen-bench sidecar-echo` as a process: the sidecar of static sandboxes."""

import re
import subprocess
from pathlib import Path

import proc
from server import BUILD


class Echo:
    """One that runs."""

    def __init__(self, listen: str, log: Path) -> None:
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [BUILD / "xgen-bench", "sidecar-echo", "--listen", listen],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        found = proc.eventually(
            "the line that says where it listens",
            lambda: re.search(r"^listening on (\S+),", log.read_text()))
        self.address = found[1]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(timeout=10) == 0
