"""Bounds of exec that a client can reach: 32 at once, and what waits for a sandbox."""

import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import proc
from server import Sandbox, Server


def test_the_thirty_third_exec_at_once_is_429(sandbox: Sandbox) -> None:
    sandbox.sh("mkfifo gate")
    with ThreadPoolExecutor(32) as pool:
        held = [
            pool.submit(
                sandbox.exec_response, "sh", "-c", "echo >>started; read line <gate", timeout_seconds=60)
            for _ in range(32)
        ]

        def all_run() -> bool:  # seen by a route that takes no place of theirs
            started = sandbox.server.request("GET", f"{sandbox.path}/files?path=started")
            return started.text.count("\n") == 32

        proc.eventually("32 of them", all_run, 30)
        refused = sandbox.exec_response("true")
        assert (refused.status_code, refused.json()["code"]) == (429, "QUOTA_EXCEEDED")
        assert int(refused.headers["Retry-After"]) > 0
        with sandbox.wire() as wire:  # which is not counted
            run = wire.start("sh", "-c", "while :; do echo; done >gate")
            assert {answer.result().status_code for answer in held} == {200}
            run.signal("KILL")
    assert sandbox.output("echo", "free") == "free\n"


def test_answers_that_nobody_reads_are_bounded_together(own_server: Server) -> None:
    """10 MiB of NUL are 60 MiB as JSON: what is rendered counts until the client has taken it."""
    server = own_server
    sandbox = server.create().running()
    body = json.dumps({"command": "head", "args": ["-c", "10485760", "/dev/zero"]}).encode()
    head = (
        f"POST {sandbox.path}/exec HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n").encode()
    clients = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(12)]
    try:
        for client in clients:
            client.sendall(head + body)
        answers = [client.recv(12) for client in clients]  # the first bytes of each, and no more
        assert set(answers) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"} and b"HTTP/1.1 200" in answers
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{server.pid}/status").read_text())
        assert peak and int(peak[1]) < 700 * 1024
        assert server.healthy()
    finally:
        for client in clients:
            client.close()
    # One more of that size fits only when what the others held has been given back.
    large = ("head", "-c", "10485760", "/dev/zero")
    proc.eventually("all is given back", lambda: sandbox.exec_response(*large).status_code == 200)
