"""The wire protocol: files, watches and ports."""

import os
import time

import pytest
from server import Sandbox
from wire import (
    ERROR, FS_EVENT, FS_LIST, FS_READ, FS_REMOVE, FS_WATCH, FS_WRITE, PORT_CLOSE, PORT_OPEN,
    SANDBOX_READY, Frame, Wire,
)

LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    sys.stdin.read()
"""


def read(wire: Wire, path: str) -> bytes:
    frame = wire.request(FS_READ, path=path)
    assert frame.type == FS_READ, frame
    return frame.payload


def test_a_file_of_one_mebibyte_makes_the_round_trip(wire: Wire) -> None:
    content = os.urandom(1024 * 1024)
    wire.acked(FS_WRITE, path="dir.bin", content=content)
    assert read(wire, "dir.bin") == content
    assert read(wire, "/dir.bin") == content, "a leading slash means the workspace's root"
    assert read(wire, "/home/sandbox/workspace/dir.bin") == content
    assert wire.start("cat", "dir.bin").finish().stdout == content


def test_a_file_of_many_mebibytes_makes_the_round_trip(wire: Wire) -> None:
    content = os.urandom(1024) * 1024 * 20
    wire.acked(FS_WRITE, path="big", content=content)
    assert read(wire, "big") == content


def test_a_write_replaces_the_whole_file_and_sets_its_mode(wire: Wire) -> None:
    wire.acked(FS_WRITE, path="run", content=b"something longer than the next content")
    wire.acked(FS_WRITE, path="run", content=b"#!/bin/sh\necho ran\n", mode=0o755)
    assert wire.start("./run").finish().stdout == b"ran\n"


def test_a_list_names_each_entry_in_both_spellings(wire: Wire) -> None:
    wire.start("mkdir", "-p", "sub/inner").finish()
    wire.acked(FS_WRITE, path="sub/file", content=b"12345")
    frame = wire.request(FS_LIST, path="sub")
    assert frame.type == FS_LIST
    entries = {entry["name"]: entry for entry in frame.unpack()}
    assert set(entries) == {"file", "inner"}
    assert entries["file"]["size"] == 5
    assert (entries["file"]["isDir"], entries["inner"]["isDir"]) == (False, True)
    for entry in entries.values():
        assert entry["isDir"] == entry["is_dir"]
        assert entry["modTime"] == entry["mod_time"]
        assert abs(entry["mod_time"] - time.time()) < 60


def test_remove_takes_a_file_and_with_recursive_a_tree(wire: Wire) -> None:
    wire.start("sh", "-c", "mkdir -p tree/deep; touch tree/deep/file plain").finish()
    wire.acked(FS_REMOVE, path="plain", recursive=False)
    assert wire.refused(FS_REMOVE, path="tree", recursive=False) == "fs_error"
    wire.acked(FS_REMOVE, path="tree", recursive=True)
    assert wire.request(FS_LIST, path="").unpack() == []


def test_a_recursive_remove_does_not_follow_links(wire: Wire) -> None:
    wire.start("sh", "-c", "mkdir tree ~/kept; touch ~/kept/file; ln -s ~/kept tree/link").finish()
    wire.acked(FS_REMOVE, path="tree", recursive=True)
    assert wire.start("ls", "/home/sandbox/kept").finish().stdout == b"file\n"


def test_a_missing_file_is_not_found(wire: Wire) -> None:
    assert wire.refused(FS_READ, path="nothing") == "not_found"
    assert wire.refused(FS_LIST, path="nothing") == "not_found"
    assert wire.refused(FS_REMOVE, path="nothing", recursive=False) == "not_found"


@pytest.mark.parametrize("path", [
    "..", "../x", "/../x", "a/../../x", "/home/sandbox/workspace/../x", "link/x", "link",
    "far/passwd", "/home/sandbox/workspace/link/x", "dir/up/x",
])
def test_a_path_that_leaves_the_workspace_is_refused(wire: Wire, path: str) -> None:
    # What the paths lead to exists, so that only the rule can refuse them.
    links = "echo out >~/x; ln -s .. link; ln -s /etc far; mkdir dir; ln -s ../.. dir/up; mkdir a"
    assert wire.start("sh", "-c", links).finish().exit_code == 0
    assert wire.refused(FS_READ, path=path) == "path_escapes_workspace"
    assert wire.refused(FS_LIST, path=path) == "path_escapes_workspace"
    assert wire.refused(FS_WRITE, path=path + "/new", content=b"") == "path_escapes_workspace"
    assert wire.start("cat", "/home/sandbox/x").finish().stdout == b"out\n"


def test_writing_through_a_link_to_the_outside_is_refused(wire: Wire) -> None:
    wire.start("sh", "-c", "echo kept >~/target; ln -s ~/target alias").finish()
    wire.refused(FS_WRITE, path="alias", content=b"changed")
    assert wire.start("cat", "/home/sandbox/target").finish().stdout == b"kept\n"


def test_reading_what_is_no_file_does_not_hang(wire: Wire) -> None:
    wire.start("sh", "-c", "mkfifo pipe; mkdir dir").finish()
    assert wire.request(FS_READ, path="pipe").type == ERROR
    assert wire.request(FS_READ, path="dir").type == ERROR
    assert wire.alive()


def event(wire: Wire, path: str, kind: str) -> Frame:
    frame = wire.wait(lambda f: f.type == FS_EVENT and f.unpack() == {"path": path, "type": kind})
    assert frame.id == 0
    return frame


def test_a_watch_tells_of_each_change_below_it(wire: Wire) -> None:
    wire.start("mkdir", "watched").finish()
    wire.acked(FS_WATCH, path="watched")
    wire.start("sh", "-c", "echo 1 >watched/file").finish()
    event(wire, "watched/file", "created")
    wire.start("sh", "-c", "echo 2 >>watched/file").finish()
    event(wire, "watched/file", "modified")
    wire.start("rm", "watched/file").finish()
    event(wire, "watched/file", "deleted")


def test_a_watch_covers_folders_made_later(wire: Wire) -> None:
    wire.acked(FS_WATCH, path="")
    wire.start("mkdir", "later").finish()
    event(wire, "later", "created")
    wire.start("touch", "later/file").finish()
    event(wire, "later/file", "created")


def test_after_unwatch_no_event_comes(wire: Wire) -> None:
    wire.start("mkdir", "one", "two").finish()
    wire.acked(FS_WATCH, path="one")
    wire.acked(FS_WATCH, path="two")
    wire.acked(FS_WATCH, path="one", unwatch=True)
    wire.start("sh", "-c", "touch one/silent; touch two/heard").finish()
    event(wire, "two/heard", "created")  # by then an event of the other would have come first
    assert not [f for f in wire.backlog if f.type == FS_EVENT and b"silent" in f.payload]


def test_a_watch_of_nothing_is_refused(wire: Wire) -> None:
    assert wire.refused(FS_WATCH, path="nothing") in ("not_found", "watch_error")
    assert wire.refused(FS_WATCH, path="../..") == "path_escapes_workspace"


def test_ports_are_told_to_every_connection(sandbox: Sandbox, wire: Wire) -> None:
    with sandbox.wire() as before:
        run = wire.start("python3", "-c", LISTEN, "4321")
        for connection in (wire, before):
            frame = connection.wait_type(PORT_OPEN)
            assert (frame.unpack(), frame.id) == ({"port": 4321}, 0)
        with sandbox.wire() as after:
            assert after.receive().type == SANDBOX_READY
            frame = after.wait_type(PORT_OPEN)
            assert frame.unpack() == {"port": 4321}
            run.stdin_close()
            assert run.finish().exit_code == 0
            for connection in (wire, before, after):
                frame = connection.wait_type(PORT_CLOSE)
                assert (frame.unpack(), frame.id) == ({"port": 4321}, 0)
