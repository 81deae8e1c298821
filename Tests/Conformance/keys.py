"""A server whose API keys stand in a file that the tests change under it."""

import hashlib
import json
import signal
from typing import Any

import proc
import requests
from server import Server


class KeyServer(Server):
    """Users ann and bob beside the admin; SIGHUP has the file read again."""

    def __init__(self, *arguments: str) -> None:
        super().__init__()
        self.keys = self.folder / "keys.json"
        self.arguments = ("--api-keys", str(self.keys), *arguments)
        self.write(self.entry("ann"), self.entry("bob"))

    def key(self, name: str) -> str:
        return f"the-key-of-{name}"

    def entry(self, name: str, role: str = "user", **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(self.key(name).encode()).hexdigest()
        return {"name": name, "key_sha256": digest, "role": role, **more}

    def write(self, *entries: dict[str, Any]) -> None:
        self.keys.write_text(json.dumps(entries))

    def reload(self, line: str = "the API keys were read again") -> None:
        """Sends SIGHUP and waits for the log's line that tells of it."""
        assert self.process
        before = self.log.read_text().count(line)
        self.process.send_signal(signal.SIGHUP)
        proc.eventually(line, lambda: self.log.read_text().count(line) > before)

    def by(self, name: str, method: str, path: str, **options: Any) -> requests.Response:
        """A request with the key of that name."""
        headers = {"Authorization": f"ApiKey {self.key(name)}", **options.pop("headers", {})}
        return self.raw(method, path, headers=headers, **options)

    def token_of(self, name: str) -> str:
        answer = self.raw("POST", "/api/v1/auth/token", json={"api_key": self.key(name)})
        assert answer.status_code == 200, answer.text
        return answer.json()["token"]
