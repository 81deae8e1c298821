"""Programs inside sandboxes, and where they are looked at."""

from pathlib import Path

from preview import Preview
from server import Sandbox

INSIDE = Path(__file__).parent / "inside"


def put(sandbox: Sandbox, path: str, data: bytes) -> None:
    answer = sandbox.server.request("PUT", f"{sandbox.path}/files?path={path}", data=data)
    assert answer.status_code in (201, 204), answer.text


def run(
    sandbox: Sandbox, command: str, port: int, seconds: float = 20, path: str = "/",
    **fields: str
) -> Preview:
    """Starts a server and waits until it serves the path; `fields` let in those that ask."""
    sandbox.background(command)
    return Preview(sandbox, port).wait(seconds, path, **fields)


def url(preview: Preview, path: str = "/", scheme: str = "http") -> str:
    return f"{scheme}://{preview.host}{path}"
