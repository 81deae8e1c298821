"""The wire protocol over the WebSocket: commands, terminals, signals and their rules."""

import hashlib

import msgpack
import pytest
from server import Sandbox
from websockets.sync.client import connect
from wire import (
    ERROR, EXEC_SIGNAL, EXEC_START, EXEC_STDIN, PING, PONG, SANDBOX_READY, Result, Wire,
)


def test_sandbox_ready_is_the_first_message(sandbox: Sandbox) -> None:
    with sandbox.wire() as wire:
        first = wire.receive()
        assert first == (SANDBOX_READY, 0, 0, b"")


def test_the_token_may_come_as_a_header_or_subprotocol(sandbox: Sandbox) -> None:
    url = sandbox.server.address.replace("http", "ws", 1) + sandbox.path + "/ws"
    with Wire(url, {"Authorization": f"Bearer {sandbox.server.token()}"}) as wire:
        assert wire.receive().type == SANDBOX_READY
    offered = ["xgen.v1", f"bearer.{sandbox.server.token()}"]
    with connect(url, subprotocols=offered, proxy=None, close_timeout=2) as socket:
        assert socket.subprotocol == "xgen.v1"
        assert socket.recv(10)[0] == SANDBOX_READY


def test_ping_is_answered_with_its_id(wire: Wire) -> None:
    wire.send(PING, channel=0, id=77)
    assert wire.receive() == (PONG, 0, 77, b"")


def test_a_command_streams_stdout_stderr_and_exit(wire: Wire) -> None:
    run = wire.start("sh", "-c", "echo out; echo err >&2; exit 3", channel=9)
    assert run.channel == 9
    assert run.finish() == Result(b"out\n", b"err\n", 3)  # ids and spellings are checked there


def test_output_arrives_while_the_command_runs(wire: Wire) -> None:
    run = wire.start("sh", "-c", "echo first; read line; echo $line")
    assert run.until(b"first\n") == b"first\n"
    run.stdin(b"second\n")
    assert run.finish() == Result(b"second\n", b"", 0)


def test_env_and_cwd_are_taken(wire: Wire) -> None:
    run = wire.start("sh", "-c", "echo $A; pwd", env={"A": "1"}, cwd="/tmp")
    assert run.finish().stdout == b"1\n/tmp\n"


def test_stdin_with_process_id_zero_and_its_end(wire: Wire) -> None:
    run = wire.start("cat")
    run.stdin(b"hello")
    run.until(b"hello")
    run.stdin(b" again")
    run.stdin_close()
    assert run.finish() == Result(b" again", b"", 0)


def test_a_process_id_wins_over_the_channel(wire: Wire) -> None:
    first, second = wire.start("cat"), wire.start("cat")
    first.stdin(b"for the second", process_id=second.process_id)
    assert second.until(b"for the second")
    first.stdin_close(process_id=second.process_id)
    assert second.finish().exit_code == 0
    first.stdin_close()
    assert first.finish() == Result(b"", b"", 0)


def test_a_mebibyte_of_stdin_passes_through_in_order(wire: Wire) -> None:
    run = wire.start("sha256sum")
    data = bytes(range(256)) * 4096
    for offset in range(0, len(data), 65536):
        run.stdin(data[offset:offset + 65536])
    run.stdin_close()
    assert run.finish().stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_a_terminal_has_its_size_and_takes_a_new_one(wire: Wire) -> None:
    shell = wire.start("sh", tty=True, cols=100, rows=40, env={"PS1": "> "})
    shell.stdin(b"stty size\n")
    shell.until(b"40 100\r\n")
    shell.resize(cols=120, rows=50)
    shell.stdin(b"stty size\n")
    shell.until(b"50 120\r\n")
    shell.stdin(b"exit 5\n")
    assert shell.finish().exit_code == 5


def test_a_terminal_controls_its_session(wire: Wire) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && echo ok >/dev/tty"
    run = wire.start("sh", "-c", script, tty=True)
    assert run.finish() == Result(b"ok\r\n", b"", 0)


def test_ctrl_c_interrupts_the_foreground(wire: Wire) -> None:
    loop = 'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 0.05; done'
    run = wire.start("sh", "-c", loop, tty=True)
    run.until(b"ready")
    run.stdin(b"\x03")
    result = run.finish()
    assert b"caught" in result.stdout
    assert result.exit_code == 7


@pytest.mark.parametrize(("signal", "code"), [
    ("SIGTERM", 143), ("TERM", 143), ("SIGKILL", 137), ("INT", 130), (1, 129),
])
def test_a_signal_by_name_or_number_ends_the_command(
    shared: Sandbox, signal: str | int, code: int
) -> None:
    with shared.wire() as wire:
        run = wire.start("sleep", "600")
        run.signal(signal)
        assert run.finish().exit_code == code


def test_a_signal_by_process_id_reaches_another_channels_command(wire: Wire) -> None:
    kept, killed = wire.start("cat"), wire.start("sleep", "600")
    payload = msgpack.packb({"process_id": killed.process_id, "signal": "KILL"})
    wire.send(EXEC_SIGNAL, payload, kept.channel)
    assert killed.finish().exit_code == 137
    kept.stdin_close()
    assert kept.finish().exit_code == 0


def test_requests_for_no_process_are_unknown_process(wire: Wire) -> None:
    assert wire.refused(EXEC_SIGNAL, channel=55, signal="TERM") == "unknown_process"
    frame = wire.reply(EXEC_STDIN, b"\0\0\0\0text", channel=55)
    assert (frame.type, frame.unpack()["code"]) == (ERROR, "unknown_process")
    assert wire.refused(EXEC_SIGNAL, channel=55, signal="NOSUCH") in (
        "invalid_payload", "unknown_process")
    assert wire.alive()


def test_a_command_that_is_not_there_is_exec_failed(wire: Wire) -> None:
    code = wire.refused(EXEC_START, 3, command="no-such-command", args=[], tty=False)
    assert code == "exec_failed"
    assert wire.start("true", channel=3).finish().exit_code == 0


def test_a_second_start_on_a_live_channel_is_refused(wire: Wire) -> None:
    run = wire.start("cat", channel=7)
    assert wire.refused(EXEC_START, 7, command="true", args=[], tty=False) == "channel_in_use"
    run.stdin(b"still here")
    run.stdin_close()
    assert run.finish() == Result(b"still here", b"", 0)
    assert wire.start("echo", "again", channel=7).finish().stdout == b"again\n"


def test_channels_of_two_connections_do_not_meet(sandbox: Sandbox) -> None:
    with sandbox.wire() as one, sandbox.wire() as two:
        runs = [wire.start("cat", channel=7) for wire in (one, two)]
        for run, text in zip(runs, (b"one", b"two"), strict=True):
            run.stdin(text)
            run.stdin_close()
        assert [run.finish().stdout for run in runs] == [b"one", b"two"]


def test_channel_zero_is_given_one_above_a_hundred(wire: Wire) -> None:
    first, second = (wire.start("cat", channel=0) for _ in range(2))
    assert first.channel >= 101 and second.channel >= 101
    assert first.channel != second.channel
    for run in (first, second):
        run.stdin(b"x")
        run.stdin_close()
        assert run.finish() == Result(b"x", b"", 0)


def test_a_background_child_does_not_hold_the_exit_back(wire: Wire) -> None:
    run = wire.start("sh", "-c", "sleep 60 & echo done")
    assert run.finish(timeout=5) == Result(b"done\n", b"", 0)


@pytest.mark.parametrize("message", [
    b"", b"\x20", b"\x20" + b"\0" * 7, bytes([0x7F]) + b"\0" * 8, bytes([0x00]) + b"\0" * 8,
    bytes([0x22]) + b"\0" * 8, "a text message", "",
], ids=repr)
def test_a_bad_envelope_gets_an_error_and_the_connection_goes_on(
    shared: Sandbox, message: bytes | str
) -> None:
    with shared.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        wire.socket.send(message)
        error = wire.receive()
        assert error.type == ERROR, error
        assert {"code", "message"} <= set(error.unpack())
        if isinstance(message, bytes) and len(message) == 9 and message[0] in (0, 0x7F):
            assert error.unpack()["code"] == "unknown_message"
        assert wire.alive()


@pytest.mark.parametrize("payload", [
    b"", b"\xc1", b"\xff" * 20, msgpack.packb("text"), msgpack.packb({}), b"\xdf\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff", b"\x91" * 100_000, b"\x81\xa7command\xdb\xff\xff\xff\xff",
    msgpack.packb({"command": 5, "args": [], "tty": False}),
    msgpack.packb({"command": "true", "args": "x", "tty": False}),
    msgpack.packb({"command": "a\0b", "args": [], "tty": False}),
    msgpack.packb({"command": "true", "args": [], "tty": False}) + b"\x01",
], ids=[f"payload{n}" for n in range(13)])
def test_a_bad_payload_is_invalid_payload(shared: Sandbox, payload: bytes) -> None:
    with shared.wire() as wire:
        frame = wire.reply(EXEC_START, payload, channel=4)
        assert (frame.type, frame.unpack()["code"]) == (ERROR, "invalid_payload")
        assert wire.start("true", channel=4).finish().exit_code == 0


def test_a_message_over_its_types_limit_is_too_large(wire: Wire) -> None:
    frame = wire.reply(EXEC_STDIN, b"\0" * (2 * 1024 * 1024), channel=4)
    assert (frame.type, frame.unpack()["code"]) == (ERROR, "too_large")
    assert wire.alive()


def test_requests_of_one_connection_are_all_answered(wire: Wire) -> None:
    for id in range(1, 501):
        wire.send(PING, id=id)
    assert [wire.receive().id for _ in range(500)] == list(range(1, 501))
