"""The server under test as a process, and sandboxes made through its REST interface."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import proc
import requests
from contract import Contract
from wire import Wire

BUILD = Path(os.environ.get("XGEN_BUILD", Path(__file__).resolve().parents[2] / ".build" / "release"))
API_KEY = "conformance-admin-key"
SANDBOXES = "/api/v1/sandboxes"


@cache
def contract() -> Contract:
    """The built server's, not asked of a running one, whose requests are counted."""
    command = [BUILD / "xgen-server", "--openapi"]
    return Contract(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))


class Server:
    """One data folder and the server on it, which can be stopped, killed and started again."""

    def __init__(self, *arguments: str) -> None:
        # As root, sandboxes run under uids of their own, which must be able to pass: pytest's
        # tmp_path has mode 0700 all the way up.
        self.folder = Path(tempfile.mkdtemp(prefix="xgen-conformance-", dir="/tmp"))
        self.folder.chmod(0o711)
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.arguments = arguments
        # What runs the program, if not we ourselves; it must become it by exec.
        self.runner: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""
        self._token = ""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Runs the program on this data folder, without waiting for anything."""
        command = [
            *self.runner, str(BUILD / "xgen-server"), "--listen", "127.0.0.1:0", "--data-dir", str(self.data),
            "--rate-limit-per-minute", "0", *self.arguments,
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "API_KEY": API_KEY}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def start(self) -> "Server":
        before = self.log.stat().st_size if self.log.exists() else 0
        self.process = process = self.spawn()

        def bound() -> re.Match[bytes] | None:
            text = self.log.read_bytes()[before:]
            assert process.poll() is None, f"the server ended at its start: {text.decode()}"
            return re.search(rb"listening on (http://[\d.]+:[1-9]\d*)\s", text)

        self.address = proc.eventually("the line that says where it listens", bound)[1].decode()
        return self

    @property
    def pid(self) -> int:
        assert self.process
        return self.process.pid

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Signals the server, waits for its end and returns its exit code."""
        assert self.process
        self.process.send_signal(by)
        return self.process.wait(timeout=20)

    def clean(self) -> None:
        """Ends the server and whatever of its sandboxes a failed test has left."""
        if self.process and self.process.poll() is None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.end(signal.SIGKILL)
        # By name as well: the pid of a sandbox that is gone may be another program's by now.
        names = ("bwrap", "xgen-sidecar")
        own = [pid for pid in self.recorded_pids().values() if proc.comm(pid) in names]
        roots = [*proc.mentioning(str(self.data)), *own]
        for process in proc.tree(roots):
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.remove_cgroups()
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_cgroups(self) -> None:
        """Removes those that a server that was killed has left."""
        try:
            lines = (self.data / "cgroups").read_text().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            for folder, _, _ in os.walk(line.split(" ", 2)[2], topdown=False):
                proc.eventually("the cgroup is empty", lambda: remove_folder(folder))

    def paths(self) -> list[Path]:
        """All files and folders of the data folder; those that vanish meanwhile are no error."""
        walk = os.walk(self.data)
        return [Path(top, name) for top, folders, files in walk for name in (*folders, *files)]

    def recorded_pids(self) -> dict[str, int]:
        """What the state files say of each sandbox's first process on the host."""
        found = {}
        for path in self.paths():
            if path.name == "state.json" and "workspace" not in path.parts:
                try:
                    found[str(path)] = json.loads(path.read_text())["sidecar"]["pid"]
                except (FileNotFoundError, KeyError):
                    pass  # deleted since, or not started yet
        return found

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request on a connection of its own, with no credentials but those in `options`."""
        with requests.Session() as session:
            session.trust_env = False  # no proxy between us and the loopback
            answer = session.request(
                method, self.address + path, timeout=options.pop("timeout", 30), **options)
            if not options.get("stream") and path.startswith("/"):
                contract().check(method, path, answer)
            return answer

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token()}", **options.pop("headers", {})}
        return self.raw(method, path, headers=headers, **options)

    def token(self) -> str:
        if not self._token:
            answer = self.raw("POST", "/api/v1/auth/token", json={"api_key": API_KEY})
            assert answer.status_code == 200, answer.text
            self._token = answer.json()["token"]
        return self._token

    def list_ids(self) -> list[str]:
        answer = self.request("GET", SANDBOXES)
        assert answer.status_code == 200, answer.text
        return [sandbox["id"] for sandbox in answer.json()]

    def create(self, **fields: Any) -> "Sandbox":
        answer = self.request("POST", SANDBOXES, json={"template": "python", **fields})
        assert answer.status_code == 201, answer.text
        return Sandbox(self, answer.json())

    def healthy(self) -> bool:
        return self.raw("GET", "/healthz", timeout=5).text == "ok"


def remove_folder(path: str) -> bool:
    try:
        os.rmdir(path)
    except OSError:
        return not os.path.exists(path)
    return True


class Sandbox:
    """A sandbox of a server, by its API; and its traces on the machine."""

    def __init__(self, server: Server, created: dict[str, Any]) -> None:
        self.server = server
        self.created = created
        self.id: str = created["id"]
        self.path = f"{SANDBOXES}/{self.id}"

    def get(self) -> dict[str, Any]:
        answer = self.server.request("GET", self.path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def running(self, seconds: float = 10) -> "Sandbox":
        proc.eventually("status running", lambda: self.get()["status"] == "running", seconds)
        return self

    def exec_response(self, command: str, *args: str, **fields: Any) -> requests.Response:
        body = {"command": command, "args": list(args), **fields}
        return self.server.request("POST", self.path + "/exec", json=body)

    def exec(self, command: str, *args: str, **fields: Any) -> dict[str, Any]:
        answer = self.exec_response(command, *args, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def output(self, command: str, *args: str, **fields: Any) -> str:
        """The stdout of a command that must succeed."""
        result = self.exec(command, *args, **fields)
        assert result["exit_code"] == 0, result
        return result["stdout"]

    def sh(self, script: str, **fields: Any) -> str:
        return self.output("sh", "-c", script, **fields)

    def python(self, code: str, *args: str, **fields: Any) -> Any:
        """What a Python program inside prints, as JSON."""
        return json.loads(self.output("python3", "-c", code, *args, **fields))

    def background(self, command: str) -> int:
        """Starts a daemon in a session of its own and returns its pid inside."""
        script = f"setsid {command} </dev/null >/dev/null 2>&1 & echo $!"
        return int(self.sh(script))

    def runs(self, command: str) -> bool:
        """Whether a process inside has exactly this command line, its words joined by spaces."""
        lines = self.sh("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done 2>&1")
        return command in [line.strip() for line in lines.splitlines()]

    def wire(self) -> Wire:
        address = self.server.address.replace("http", "ws", 1)
        return Wire(f"{address}{self.path}/ws?token={self.server.token()}")

    def delete(self) -> None:
        answer = self.server.request("DELETE", self.path)
        assert (answer.status_code, answer.content) == (204, b""), answer.text

    def processes(self) -> set[proc.Process]:
        """All its processes on the host, from bwrap down."""
        roots = proc.mentioning(self.id)
        roots += [pid for path, pid in self.server.recorded_pids().items() if self.id in path]
        found = proc.tree(set(roots) - {self.server.pid})
        assert found, "no process of this sandbox is to be seen on the host"
        return found

    def recorded_pid(self) -> int:
        """What its state file says of its first process; also while no server runs."""
        (pid,) = [pid for path, pid in self.server.recorded_pids().items() if self.id in path]
        return pid

    def sidecar(self) -> int:
        """The host's pid of its sidecar; bwrap has that name in its arguments, too."""
        (pid,) = [p.pid for p in self.processes() if proc.comm(p.pid) == "xgen-sidecar"]
        return pid

    def files(self) -> list[Path]:
        """Files and folders of the data folder that bear its id."""
        return [path for path in self.server.paths() if self.id in path.name]
