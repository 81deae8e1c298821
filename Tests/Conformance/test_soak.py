"""Many sandboxes, twenty at a time: none fails and the server comes back to where it was."""

from concurrent.futures import ThreadPoolExecutor

import proc
from server import Server

ALLOWED = 1.05  # of the level after the first round


def use_once(server: Server, n: int) -> None:
    sandbox = server.create()
    assert sandbox.output("echo", str(n)) == f"{n}\n"
    sandbox.delete()


def use_many(server: Server, count: int) -> None:
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: use_once(server, n), range(count)))  # raises what a thread raised


def test_two_hundred_sandboxes_leave_the_server_as_it_was(own_server: Server) -> None:
    pid = own_server.pid
    use_many(own_server, 40)  # buffers, pools and threads are grown by now
    descriptors = proc.eventually(
        "the first round's end", lambda: not own_server.list_ids() and len(proc.descriptors(pid)))
    memory = proc.rss_kib(pid)

    use_many(own_server, 200)

    assert own_server.list_ids() == []

    def back() -> bool:
        return (
            len(proc.descriptors(pid)) <= descriptors * ALLOWED
            and proc.rss_kib(pid) <= memory * ALLOWED)

    try:
        proc.eventually("descriptors and memory back", back)
    except AssertionError as error:
        now = f"{len(proc.descriptors(pid))} descriptors, {proc.rss_kib(pid)} KiB"
        raise AssertionError(f"{now}; before: {descriptors}, {memory} KiB") from error
    children = [p for p in proc.tree([pid]) if p.pid != pid]
    assert proc.left(children, pid) == []
    assert proc.mentioning(str(own_server.data)) == [pid]
