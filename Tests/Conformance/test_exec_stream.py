"""Exec as an event stream, and what a command's client may do while it runs."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import proc
import pytest
import requests
from server import Sandbox, Server

STREAM = {"Accept": "text/event-stream"}


def stream(sandbox: Sandbox, command: str, *args: str, **fields: Any) -> requests.Response:
    body = {"command": command, "args": list(args), **fields}
    answer = sandbox.server.request(
        "POST", sandbox.path + "/exec", json=body, headers=STREAM, stream=True)
    return answer


def events(answer: requests.Response) -> Iterator[tuple[str, dict[str, Any]]]:
    """Names and data of the events, parsed as the HTML Standard has it."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "text/event-stream"
    assert answer.headers["X-Request-Id"]
    name, data = "message", []
    for line in answer.iter_lines(chunk_size=None):
        if not line:
            if data:
                yield name, json.loads(b"\n".join(data))
            name, data = "message", []
        elif not line.startswith(b":"):
            field, _, value = line.partition(b": ")
            if field == b"event":
                name = value.decode()
            elif field == b"data":
                data.append(value)


def joined(found: list[tuple[str, dict[str, Any]]], name: str) -> str:
    return "".join(data["data"] for event, data in found if event == name)


def test_output_comes_as_it_is_written(shared: Sandbox) -> None:
    script = "echo one; read line <fifo; echo two >&2; exit 3"
    shared.sh("rm -f fifo; mkfifo fifo")
    walk = events(stream(shared, "sh", "-c", script))
    assert next(walk) == ("stdout", {"data": "one\n"})  # while the command still waits
    shared.sh("echo go >fifo")
    rest = list(walk)
    assert rest == [("stderr", {"data": "two\n"}), ("exit", {"exit_code": 3})]


def test_stdin_environment_and_folder_are_the_same_as_without(shared: Sandbox) -> None:
    script = "cat; echo $A; pwd"
    found = list(events(stream(shared, "sh", "-c", script, stdin="in\n", env={"A": "b"},
                               cwd="/tmp")))
    assert joined(found, "stdout") == "in\nb\n/tmp\n"
    assert found[-1] == ("exit", {"exit_code": 0})


def test_characters_are_whole_wherever_the_pieces_are_cut(shared: Sandbox) -> None:
    code = (
        "import os, time\n"
        "for b in 'a\u00e9\u20ac\U0001f600z'.encode() + bytes([0xff, 0xe2, 0x82]):\n"
        "    os.write(1, bytes([b])); time.sleep(0.02)\n")
    found = list(events(stream(shared, "python3", "-c", code)))
    assert joined(found, "stdout") == "a\u00e9\u20ac\U0001f600z\ufffd\ufffd"
    assert sum(name == "stdout" for name, _ in found) > 3


def test_base64_is_of_the_bytes(shared: Sandbox) -> None:
    found = list(events(stream(shared, "printf", r"a\377b", encoding="base64")))
    texts = [data["data"] for name, data in found if name == "stdout"]
    assert b"".join(base64.b64decode(text) for text in texts) == b"a\xffb"


def test_a_missing_command_is_127_with_its_reason(shared: Sandbox) -> None:
    found = list(events(stream(shared, "no-such-command-here")))
    assert found[-1] == ("exit", {"exit_code": 127}) and joined(found, "stderr")


def test_a_timeout_is_an_error_at_the_end(shared: Sandbox) -> None:
    script = "echo out; echo err >&2; sleep 7754 & sleep 7755"
    found = list(events(stream(shared, "sh", "-c", script, timeout_seconds=1)))
    assert (joined(found, "stdout"), joined(found, "stderr")) == ("out\n", "err\n")
    assert found[-1][0] == "error" and found[-1][1]["code"] == "EXEC_TIMEOUT"
    assert "exit" not in [name for name, _ in found]
    proc.eventually("the end of the whole group", lambda: not shared.runs("sleep 7755"))


def test_what_is_wrong_before_the_start_is_an_ordinary_error(shared: Sandbox) -> None:
    answer = stream(shared, "", "x")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER")
    path = "/api/v1/sandboxes/aaaaaaaaaaaaaaaa/exec"
    answer = shared.server.request("POST", path, json={"command": "ls"}, headers=STREAM)
    assert (answer.status_code, answer.json()["code"]) == (404, "SANDBOX_NOT_FOUND")


def test_more_than_ten_mebibytes_come_whole(shared: Sandbox) -> None:
    found = events(stream(shared, "sh", "-c", "yes | head -c 25000000"))
    size = 0
    for name, data in found:
        if name == "exit":
            assert data == {"exit_code": 0}
        else:
            size += len(data["data"])
    assert size == 25_000_000


def test_the_end_of_the_sandbox_ends_the_stream_with_an_error(server: Server) -> None:
    sandbox = server.create().running()
    walk = events(stream(sandbox, "sh", "-c", "echo up; sleep 7760"))
    assert next(walk) == ("stdout", {"data": "up\n"})
    sandbox.delete()
    name, data = list(walk)[-1]
    assert (name, data["code"]) == ("error", "SANDBOX_UNREACHABLE")


def raw_exec(sandbox: Sandbox, script: str, accept: str) -> socket.socket:
    """A request whose answer the test reads by hand, or not at all."""
    body = json.dumps({"command": "sh", "args": ["-c", script], "timeout_seconds": 600})
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", sandbox.server.port))
    connection.sendall(
        (f"POST {sandbox.path}/exec HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n"
         f"Authorization: Bearer {sandbox.server.token()}\r\n"
         f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
    return connection


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_the_clients_disconnect_kills_the_command(sandbox: Sandbox, accept: str) -> None:
    connection = raw_exec(sandbox, "echo started; sleep 7770 & sleep 7771", accept)
    proc.eventually("its start", lambda: sandbox.runs("sleep 7771"))
    connection.close()
    proc.eventually(
        "its end", lambda: not sandbox.runs("sleep 7770") and not sandbox.runs("sleep 7771"))


def test_a_client_that_does_not_read_stops_the_command(sandbox: Sandbox) -> None:
    server = sandbox.server
    before = proc.rss_kib(server.pid)
    script = "while :; do head -c 65536 /dev/zero | tr '\\0' x; echo >>count; done"
    connection = raw_exec(sandbox, script, "text/event-stream")

    def written() -> int:
        return int(sandbox.sh("wc -l <count 2>/dev/null || echo 0"))

    def has_stopped() -> bool:
        first = written()
        time.sleep(0.5)
        return first > 0 and written() == first

    proc.eventually("its pause", has_stopped, 20)
    stopped = written()
    assert stopped < 400, "more than 25 MiB are on their way"
    assert proc.rss_kib(server.pid) - before < 20_000
    received = 0
    while received < 16 << 20:  # reading sets it going again
        received += len(connection.recv(1 << 20))
    proc.eventually("more output", lambda: written() > stopped)
    connection.close()
    proc.eventually("its end", lambda: not sandbox.runs("tr \\0 x"))


def test_a_large_answer_does_not_hold_up_the_others(sandbox: Sandbox) -> None:
    """Ten mebibytes of line ends, each of which JSON has to escape."""
    server = sandbox.server
    connection = raw_exec(sandbox, "yes '' | head -c 10485760", "application/json")
    slowest = 0.0
    with requests.Session() as session:
        session.trust_env = False
        connection.settimeout(0.001)
        size = 0
        while size < 2 * 10485760:
            started = time.monotonic()
            assert session.get(server.address + "/healthz", timeout=10).text == "ok"
            slowest = max(slowest, time.monotonic() - started)
            try:
                size += len(connection.recv(1 << 22))
            except TimeoutError:
                pass
    connection.close()
    assert slowest < 0.25, slowest
