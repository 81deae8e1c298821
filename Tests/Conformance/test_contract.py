"""The server against its own OpenAPI document: by the document's own rules, and by schemathesis."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from openapi_spec_validator import validate
from server import API_KEY, BUILD, Server

HERE = Path(__file__).parent
# One that never ends, which test_events.py reads by hand.
ENDLESS = "/api/v1/events"


def test_the_document_is_valid_and_the_same_everywhere(server: Server) -> None:
    document = server.raw("GET", "/openapi.json").json()
    validate(document)
    printed = subprocess.run([BUILD / "xgen-server", "--openapi"], capture_output=True, check=True)
    assert json.loads(printed.stdout) == document
    copy = HERE.parents[1] / "docs" / "openapi.json"
    assert json.loads(copy.read_text()) == document


def test_the_page_for_people_needs_no_other_host(server: Server) -> None:
    answer = server.raw("GET", "/docs")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "//" not in answer.text and "<script" not in answer.text


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Server:
    keys = [
        {"name": role, "role": role, "key_sha256": sha256(f"{role}-key".encode()).hexdigest()}
        for role in ("user", "viewer")
    ]
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    path.write_text(json.dumps(keys))
    server = Server("--api-keys", str(path))
    try:
        yield server.start()
    finally:
        server.clean()


@pytest.mark.parametrize("key", [None, "viewer-key", "user-key", API_KEY])
def test_schemathesis_finds_nothing(tenants: Server, key: str | None, tmp_path: Path) -> None:
    """All its checks; a bounded run, the same examples each time."""
    credentials = ["--header", f"Authorization: ApiKey {key}"] if key else []
    run = subprocess.run(
        [
            Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml", "run",
            f"{tenants.address}/openapi.json", *credentials, "--exclude-path", ENDLESS,
            "--checks", "all", "--max-examples", "12", "--seed", "1", "--no-shrink",
            "--suppress-health-check", "all", "--request-timeout", "20",
        ],
        cwd=tmp_path, env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py")},
        capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
