"""Programs inside sandboxes, and where they are looked at."""

import subprocess
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


def curl(preview: Preview, path: str = "/", *options: str) -> bytes:
    command = ["curl", "-sS", "--fail", "--max-time", "60", *options, url(preview, path)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def install(sandbox: Sandbox, folder: Path, *left_out: str) -> None:
    """Copies a folder of Python packages into the workspace, as `packages`."""
    command = ["tar", "-C", folder.parent, *(f"--exclude={name}" for name in left_out),
               "--transform=s,^[^/]*,packages,", "-c", folder.name]
    put(sandbox, "packages.tar", subprocess.run(command, check=True, capture_output=True).stdout)
    sandbox.sh("tar -xf packages.tar && rm packages.tar", timeout_seconds=120)
