"""Previews from outside: requests to the name of a sandbox's port."""

import base64
import http.client
import json
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import proc
from server import Sandbox

SITE = Path(__file__).parent / "inside" / "site.py"


class Response(NamedTuple):
    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def all(self, name: str) -> list[str]:
        return [value for found, value in self.fields if found.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        return ", ".join(self.all(name)) or None


class Preview:
    """A port of a sandbox by its name."""

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        self.port = port
        self.host = f"sbx-{sandbox.id}-{port}.preview.localhost:{sandbox.server.port}"

    def connect(self) -> http.client.HTTPConnection:
        """Over TLS whatever the certificate says."""
        server = self.sandbox.server
        if server.address.startswith("http:"):
            return http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", server.port, timeout=30, context=context)

    def request(
        self, method: str = "GET", path: str = "/", body: Any = None, *,
        host: str | None = None, on: http.client.HTTPConnection | None = None, **fields: str
    ) -> Response:
        """`fields` with `_` for `-`."""
        headers = {"Host": host or self.host}
        headers |= {name.replace("_", "-"): value for name, value in fields.items()}
        connection = on or self.connect()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        found = Response(answer.status, answer.getheaders(), answer.read())
        if on is None:
            connection.close()
        return found

    def echo(self, method: str = "GET", path: str = "/", body: Any = None, **fields: Any) -> dict[str, Any]:
        """What the site inside got."""
        answer = self.request(method, path, body, **fields)
        assert answer.status == 200, answer
        return answer.json()

    def wait(self, seconds: float = 10, path: str = "/", **fields: str) -> "Preview":
        """Until something serves the path; `fields` let in those that ask."""
        proc.eventually(
            f"a server on port {self.port}",
            lambda: self.request(path=path, **fields).status == 200, seconds)
        return self


def lines(echo: dict[str, Any]) -> list[str]:
    """The header lines that the site inside got."""
    return echo["head"].split("\r\n")[1:-2]


def value(echo: dict[str, Any], name: str) -> str | None:
    """A header that the site inside got; all of that name together."""
    found = [line.split(":", 1)[1].strip() for line in lines(echo)
             if line.split(":", 1)[0].lower() == name.lower()]
    return ", ".join(found) or None


def encoded(text: str | bytes) -> str:
    data = text.encode("latin1") if isinstance(text, str) else text
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def start_site(
    sandbox: Sandbox, port: int = 8000, address: str = "127.0.0.1", **fields: str
) -> Preview:
    """The site of inside/site.py, running; `fields` let in those that ask."""
    answer = sandbox.server.request(
        "PUT", f"{sandbox.path}/files?path=site.py", data=SITE.read_bytes())
    assert answer.status_code in (201, 204), answer.text
    sandbox.background(f"python3 site.py {port} {address}")
    return Preview(sandbox, port).wait(**fields)
