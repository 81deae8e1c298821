"""The wire protocol under load: slow readers, fairness, and what a closed connection leaves."""

import time

import proc
from server import Sandbox
from wire import Wire


def test_a_slow_reader_slows_the_command_and_loses_nothing(sandbox: Sandbox, wire: Wire) -> None:
    lines = 2_900_000  # of seq: 22 MB, more than all buffers of the kernel on the way can hold
    server, sidecar = sandbox.server.pid, sandbox.sidecar()
    before = proc.rss_kib(server) + proc.rss_kib(sidecar)
    run = wire.start("sh", "-c", f"seq {lines}; touch finished")
    # Nothing is read for this while, and in it the command must not be able to finish.
    deadline = time.monotonic() + 1.5
    while time.monotonic() < deadline:
        assert sandbox.sh("ls") == "", "the command ran ahead of its reader"
        grown = proc.rss_kib(server) + proc.rss_kib(sidecar) - before
        assert grown < 8 * 1024, f"{grown} KiB were buffered for a slow reader"
    expected = b"".join(b"%d\n" % n for n in range(1, lines + 1))
    result = run.finish(timeout=60)
    assert result.exit_code == 0
    # Not `==` in the assertion itself: pytest would print a diff of 22 MB.
    same = result.stdout == expected
    assert same, f"{len(result.stdout)} of {len(expected)} bytes, or not in order"


def test_twenty_megabytes_arrive_whole(wire: Wire) -> None:
    result = wire.start("sh", "-c", "yes | head -c 20000000").finish(timeout=60)
    whole = result.stdout == b"y\n" * 10_000_000
    assert whole and result.exit_code == 0


def test_a_flood_on_one_channel_does_not_starve_another(wire: Wire) -> None:
    flood = wire.start("yes")
    started = time.monotonic()
    assert wire.start("echo", "through").finish().stdout == b"through\n"
    assert time.monotonic() - started < 5
    flood.signal("KILL")
    assert flood.finish().exit_code == 137


def test_a_reader_that_stands_still_holds_no_other_up(sandbox: Sandbox, wire: Wire) -> None:
    wire.start("yes")  # and never read again
    with sandbox.wire() as other:
        for n in range(5):
            assert other.start("echo", str(n)).finish(timeout=5).stdout == b"%d\n" % n


def test_closing_a_connection_ends_its_commands(sandbox: Sandbox) -> None:
    with sandbox.wire() as wire, sandbox.wire() as other:
        wire.start("sleep", "7001")
        wire.start("sleep", "7002", tty=True)
        # This one ignores the hang-up and has a child: only SIGKILL to the group ends both.
        wire.start("sh", "-c", 'trap "" HUP; sleep 7003; echo')
        wire.start("yes")  # its output backs up, as nothing reads it
        other.start("sleep", "7004")
        proc.eventually("all run", lambda: all(sandbox.runs(f"sleep 700{n}") for n in range(1, 5)))
        wire.close()
        proc.eventually(
            "the end of those that heed SIGHUP",
            lambda: not any(sandbox.runs(c) for c in ("sleep 7001", "sleep 7002", "yes")), 4)
        proc.eventually("the end of the stubborn", lambda: not sandbox.runs("sleep 7003"), 10)
        assert sandbox.runs("sleep 7004"), "another connection's command"


def test_a_connection_that_breaks_ends_its_commands(sandbox: Sandbox) -> None:
    wire = sandbox.wire()
    wire.start("sleep", "7005")
    assert sandbox.runs("sleep 7005")
    # No close frame: what a dead network leaves.
    wire.socket.socket.shutdown(2)
    proc.eventually("the end of the command", lambda: not sandbox.runs("sleep 7005"))
    wire.close()


def test_closed_connections_leave_no_descriptor(sandbox: Sandbox) -> None:
    server, sidecar = sandbox.server.pid, sandbox.sidecar()

    def counts() -> tuple[int, int]:
        return len(proc.descriptors(server)), len(proc.descriptors(sidecar))

    def round() -> None:
        with sandbox.wire() as wire:
            assert wire.start("cat", tty=True).process_id
            assert wire.start("echo", "x").finish().stdout == b"x\n"

    round()
    proc.eventually("the end of cat", lambda: not sandbox.runs("cat"))
    before = counts()
    for _ in range(20):
        round()
    proc.eventually(f"descriptors back at {before}", lambda: sum(counts()) <= sum(before))
