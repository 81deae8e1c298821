"""Files over REST: GET, PUT and DELETE of /files, and /files/list."""

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import proc
import pytest
import rawhttp
import requests
from server import Sandbox, Server

BIG_MIB = int(os.environ.get("XGEN_BIG_FILE_MIB", "256"))
MIB = 1024 * 1024


class Files:
    """The files of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def url(self, path: str, more: str = "", place: str = "files") -> str:
        return f"{self.sandbox.path}/{place}?path={quote(path, safe='')}{more}"

    def call(self, method: str, path: str, more: str = "", **options: Any) -> requests.Response:
        return self.sandbox.server.request(method, self.url(path, more), **options)

    def get(self, path: str, **headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("GET", path, headers=named)

    def put(self, path: str, content: Any, more: str = "", **options: Any) -> requests.Response:
        return self.call("PUT", path, more, data=content, **options)

    def listing(self, path: str = "") -> requests.Response:
        return self.sandbox.server.request("GET", self.url(path, place="files/list"))

    def names(self, path: str = "") -> list[str]:
        answer = self.listing(path)
        assert answer.status_code == 200, answer.text
        return [entry["name"] for entry in answer.json()]


@pytest.fixture
def files(sandbox: Sandbox) -> Files:
    return Files(sandbox)


@pytest.fixture(scope="module")
def common(shared: Sandbox) -> Files:
    return Files(shared)


def refused(answer: requests.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json()) <= {"error", "code", "details"}


def test_a_file_makes_the_round_trip(files: Files) -> None:
    content = os.urandom(3 * MIB + 17)
    made = files.put("a/b/c.bin", content)
    assert (made.status_code, made.content) == (201, b""), made.text
    workspace = "/home/sandbox/workspace"
    for path in ("a/b/c.bin", "/a/b/c.bin", f"{workspace}/a/b/c.bin", "a/./x/../b/c.bin"):
        got = files.get(path)
        assert (got.status_code, got.content) == (200, content)
        assert got.headers["ETag"] == made.headers["ETag"]
    digest = files.sandbox.output("sha256sum", "a/b/c.bin").split()[0]
    assert digest == hashlib.sha256(content).hexdigest()
    assert files.put("a/b/c.bin", b"other").status_code == 204
    assert files.get("a/b/c.bin").content == b"other"
    head = files.call("HEAD", "a/b/c.bin")
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "5", b"")


def test_an_answer_cant_run_as_script_on_the_apis_origin(files: Files) -> None:
    files.put("page.html", b"<script>alert(1)</script>")
    headers = files.get("page.html").headers
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''page.html"
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["Accept-Ranges"] == "bytes"
    listing = files.listing("").headers
    assert listing["Content-Type"] == "application/json"
    assert listing["X-Content-Type-Options"] == "nosniff"


def test_a_mode_is_set_and_kept(files: Files) -> None:
    assert files.put("run", b"#!/bin/sh\necho ran\n", "&mode=755").status_code == 201
    assert files.sandbox.output("./run") == "ran\n"
    assert files.put("run", b"#!/bin/sh\necho again\n").status_code == 204
    assert files.sandbox.output("./run") == "again\n"
    assert files.sandbox.output("stat", "-c", "%a", "run") == "755\n"


@pytest.mark.parametrize("more", [
    "&mode=8", "&mode=", "&mode=17777", "&mode=rwx", "&mode=7&mode=7",
])
def test_a_mode_that_is_none_is_refused(common: Files, more: str) -> None:
    refused(common.put("refused-mode", b"", more), 400, "INVALID_PARAMETER")


def test_a_body_of_unknown_length_is_taken(files: Files) -> None:
    pieces = [os.urandom(100_000) for _ in range(10)]
    assert files.put("chunked", iter(pieces)).status_code == 201
    assert files.get("chunked").content == b"".join(pieces)


def test_an_empty_file_makes_the_round_trip(files: Files) -> None:
    assert files.put("empty", b"").status_code == 201
    got = files.get("empty")
    assert (got.status_code, got.content, got.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize("asked, told, text", [
    ("bytes=0-0", "bytes 0-0/10", "0"), ("bytes=3-5", "bytes 3-5/10", "345"),
    ("bytes=7-", "bytes 7-9/10", "789"), ("bytes=-2", "bytes 8-9/10", "89"),
    ("bytes=5-100", "bytes 5-9/10", "56789"), ("bytes=-100", "bytes 0-9/10", "0123456789"),
])
def test_a_range_is_a_part(common: Files, asked: str, told: str, text: str) -> None:
    common.put("ten", b"0123456789")
    got = common.get("ten", Range=asked)
    assert (got.status_code, got.text, got.headers["Content-Range"]) == (206, text, told)
    assert got.headers["Content-Length"] == str(len(text))


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=99999999999999999999999-"])
def test_a_range_beyond_the_end_is_416(common: Files, asked: str) -> None:
    common.put("ten", b"0123456789")
    answer = common.get("ten", Range=asked)
    refused(answer, 416, "INVALID_REQUEST")
    assert answer.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["bytes=1-2,4-5", "bytes=5-4", "lines=1-2", "bytes=a-b", "bytes"])
def test_a_range_that_cant_be_read_is_the_whole(common: Files, asked: str) -> None:
    common.put("ten", b"0123456789")
    got = common.get("ten", Range=asked)
    assert (got.status_code, got.text) == (200, "0123456789")


def test_tags_decide_what_is_done(files: Files) -> None:
    old = files.put("x", b"old").headers["ETag"]
    same = files.get("x", If_None_Match=old)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", old)
    assert files.get("x", If_None_Match=f'"z", W/{old}').status_code == 304
    refused(files.get("x", If_Match='"z"'), 412, "INVALID_REQUEST")
    refused(files.put("x", b"1", headers={"If-None-Match": "*"}), 412, "INVALID_REQUEST")
    refused(files.put("y", b"1", headers={"If-Match": "*"}), 412, "INVALID_REQUEST")
    new = files.put("x", b"newer", headers={"If-Match": old}).headers["ETag"]
    assert new != old
    refused(files.put("x", b"late", headers={"If-Match": old}), 412, "INVALID_REQUEST")
    assert files.get("x", Range="bytes=1-", If_Range=new).status_code == 206
    assert files.get("x", Range="bytes=1-", If_Range=old).text == "newer"
    refused(files.get("x", If_Match="newer"), 400, "INVALID_REQUEST")
    refused(files.call("DELETE", "x", headers={"If-Match": old}), 412, "INVALID_REQUEST")
    assert files.names() == ["x"]
    files.sandbox.sh("echo changed >x")
    assert files.get("x", If_None_Match=new).text == "changed\n"


def test_a_delete_takes_a_file_and_with_recursive_a_tree(files: Files) -> None:
    files.sandbox.sh("mkdir -p tree/deep empty; touch tree/deep/file plain; ln -s tree link")
    assert files.call("DELETE", "plain").status_code == 204
    refused(files.call("DELETE", "plain"), 404, "NOT_FOUND")
    refused(files.call("DELETE", "tree"), 400, "INVALID_REQUEST")
    refused(files.call("DELETE", "tree", "&recursive=1"), 400, "INVALID_PARAMETER")
    refused(files.call("DELETE", "", "&recursive=true"), 400, "INVALID_REQUEST")
    assert files.call("DELETE", "link", "&recursive=true").status_code == 204
    assert files.names() == ["empty", "tree"]
    assert files.call("DELETE", "empty").status_code == 204
    assert files.call("DELETE", "tree", "&recursive=true").status_code == 204
    assert files.names() == []


def test_a_list_names_each_entry_in_both_spellings(files: Files) -> None:
    files.sandbox.sh("mkdir -p d/inner; printf 12345 >d/file; ln -s / d/l")
    files.sandbox.sh("touch -d @1000000000 d/file")
    entries = files.listing("d").json()
    assert [entry["name"] for entry in entries] == ["file", "inner", "l"]
    file = {"name": "file", "size": 5, "isDir": False, "is_dir": False}
    assert entries[0] == {**file, "modTime": 1_000_000_000, "mod_time": 1_000_000_000}
    assert [entry["is_dir"] for entry in entries] == [False, True, False]
    refused(files.listing("d/file"), 400, "INVALID_REQUEST")
    refused(files.listing("nothing"), 404, "NOT_FOUND")


def test_a_list_says_when_it_is_cut(files: Files) -> None:
    make = "import os\nos.mkdir('d')\nfor i in range(10_000): open(f'd/{i}', 'w')\nprint(0)"
    files.sandbox.python(make)
    whole = files.listing("d")
    assert len(whole.json()) == 10_000 and "X-Xgen-Truncated" not in whole.headers
    files.sandbox.sh("touch d/more")
    cut = files.listing("d")
    assert len(cut.json()) == 10_000 and cut.headers["X-Xgen-Truncated"] == "true"


@pytest.mark.parametrize("name", [
    "with space", "ünï-cödé €", "日本語", "quote\"s'", "new\nline", "cr\rlf\n", "tab\t", "100%",
    "a+b&c=d?e#f", "back\\slash", "-rf", "~", "*", "<script>", "\x01\x7f", "é" * 127 + "x", "x" * 255,
    "e\u0301", "a;filename=b", "\u202egnp.exe", "\U0001f600",
])
def test_a_name_comes_through_as_it_is(common: Files, name: str) -> None:
    path = f"names/{name}"
    assert common.put(path, name.encode()).status_code == 201
    got = common.get(path)
    assert (got.status_code, got.content) == (200, name.encode())
    disposition = got.headers["Content-Disposition"]
    start = "attachment; filename*=UTF-8''"
    assert disposition.startswith(start)
    encoded = disposition[len(start):]
    assert encoded.isascii() and not set(encoded) & set("\"'();,=<>\\ \t\r\n")
    assert requests.utils.unquote(encoded) == name
    assert common.names("names") == [name]
    assert common.sandbox.python(
        "import json, os\nprint(json.dumps(os.listdir('names')))") == [name]
    assert common.call("DELETE", path).status_code == 204


@pytest.mark.parametrize("query", [
    "", "?", "?path", "?path=a&path=b", "?path=" + "x" * 256, "?path=" + "x/" * 2100,
    "?path=..", "?path=../x", "?path=/../x", "?path=a/../../x", "?path=%2e%2e%2fx",
    "?path=/home/sandbox/workspace/../x",
])
def test_an_odd_path_is_refused(common: Files, query: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = common.sandbox.server.request(method, f"{common.sandbox.path}/files{query}")
        assert answer.status_code == 400, answer.text
        assert answer.json()["code"] in ("INVALID_PARAMETER", "INVALID_REQUEST")


@pytest.mark.parametrize("query", ["?path=a%00b", "?path=%FF", "?path=%C0%AE"])
def test_a_path_that_is_no_text_is_refused(common: Files, query: str) -> None:
    answer = common.sandbox.server.request("GET", f"{common.sandbox.path}/files{query}")
    refused(answer, 400, "INVALID_REQUEST")


@pytest.mark.parametrize("path", [
    "link/x", "link", "far/passwd", "dir/up/x", "absolute", "proc", "self/root",
])
def test_links_of_the_sandbox_lead_nowhere_else(files: Files, path: str) -> None:
    files.sandbox.sh("""
        echo out >~/x; ln -s .. link; ln -s /etc far; mkdir dir; ln -s ../.. dir/up
        ln -s /home/sandbox/x absolute; ln -s /proc/1/root/etc/passwd proc; ln -s /proc/self self
    """)
    for answer in (files.get(path), files.put(path, b"changed"), files.listing(path)):
        refused(answer, 400, "INVALID_PARAMETER")
    assert files.put(f"{path}/new", b"").status_code == 400
    assert files.sandbox.output("cat", "/home/sandbox/x") == "out\n"
    assert sorted(files.sandbox.sh("ls ~").split()) == ["workspace", "x"]


def test_a_big_body_that_is_refused_gets_its_answer(files: Files) -> None:
    files.sandbox.sh("mkdir dir")
    refused(files.put("dir", bytes(8 * MIB)), 400, "INVALID_REQUEST")
    refused(files.put("x", bytes(8 * MIB), headers={"If-Match": "*"}), 412, "INVALID_REQUEST")
    assert files.names() == ["dir"]


def test_a_part_of_a_file_does_not_become_the_file(files: Files) -> None:
    files.put("x", b"0123456789")
    answer = files.put("x", b"56789", headers={"Content-Range": "bytes 5-9/10"})
    refused(answer, 400, "INVALID_REQUEST")
    assert files.get("x").content == b"0123456789"


def test_a_link_that_changes_all_the_time_leads_nowhere_else(files: Files) -> None:
    files.sandbox.sh("mkdir in; echo in >in/f; mkdir ~/out; echo out >~/out/f")
    flip = "while :; do ln -sfn in l; ln -sfn ../out l; done"
    files.sandbox.background(f"sh -c '{flip}'")
    seen = [files.get("l/f") for _ in range(100)]
    for _ in range(50):
        assert files.put("l/g", b"new").status_code in (201, 204, 400, 404)
    assert {answer.text for answer in seen if answer.status_code == 200} <= {"in\n"}
    assert {answer.status_code for answer in seen} <= {200, 400, 404}
    assert files.sandbox.sh("ls ~/out") == "f\n"


def test_a_refused_head_says_so_and_harms_nothing(files: Files) -> None:
    files.sandbox.sh("mkdir dir")
    for path, status in (("nothing", 404), ("dir", 400)):
        answer = files.call("HEAD", path)
        assert (answer.status_code, answer.content) == (status, b""), path
    assert files.sandbox.get()["status"] == "running"


def test_what_is_no_file_is_refused_and_not_waited_for(files: Files) -> None:
    files.sandbox.sh("mkfifo fifo; mkdir dir")
    files.sandbox.python("import socket\nsocket.socket(socket.AF_UNIX).bind('socket')\nprint(0)")
    for path in ("fifo", "dir", "socket"):
        refused(files.get(path), 400, "INVALID_REQUEST")
        refused(files.put(path, b"x"), 400, "INVALID_REQUEST")
    refused(files.get(""), 400, "INVALID_REQUEST")
    refused(files.get("nothing"), 404, "NOT_FOUND")
    refused(files.get("no/thing"), 404, "NOT_FOUND")


def start_put(files: Files, path: str, length: int) -> socket.socket:
    """A PUT whose head is sent."""
    connection = rawhttp.connect(files.sandbox.server)
    head = (
        f"PUT {files.url(path)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        f"Authorization: Bearer {files.sandbox.server.token()}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def found(files: Files) -> str:
    return files.sandbox.sh("find . -mindepth 1")


def test_a_broken_upload_leaves_nothing_behind(files: Files) -> None:
    files.put("x", b"old")
    for path in ("x", "new/folder/y"):
        with start_put(files, path, 10 * MIB) as connection:
            connection.sendall(b"z" * MIB)
            proc.eventually("it is under way", lambda: ".xgen-write-" in found(files))
        proc.eventually("nothing is left", lambda: found(files) == "./x\n")
    assert files.get("x").content == b"old"


def test_readers_see_the_old_file_or_the_new_one(files: Files) -> None:
    size = 2 * MIB
    files.put("x", b"0" * size)
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        while not stop.is_set():
            content = files.get("x").content
            if len(content) != size or len(set(content)) != 1:
                broken.append(f"{len(content)} bytes of {set(content)}")

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for round in range(10):
        assert files.put("x", str(round).encode() * size).status_code == 204
    stop.set()
    for reader in readers:
        reader.join()
    assert broken == []
    assert files.names() == ["x"]


def test_an_upload_that_expects_a_100_is_told_to_go_on(files: Files) -> None:
    with rawhttp.connect(files.sandbox.server) as connection:
        head = (
            f"PUT {files.url('x')} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
            f"Authorization: Bearer {files.sandbox.server.token()}\r\n"
            "Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert rawhttp.drain(connection)[0].startswith(b"HTTP/1.1 201 ")
    assert files.get("x").content == b"abc"


def test_transfers_at_once_are_limited(files: Files) -> None:
    files.sandbox.sh("truncate -s 64M big")
    request = (
        f"GET {files.url('big')} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {files.sandbox.server.token()}\r\n\r\n"
    ).encode()
    stalled = [rawhttp.connect(files.sandbox.server) for _ in range(16)]
    try:
        for connection in stalled:
            connection.sendall(request)
            assert connection.recv(100)
        answer = files.get("big")
        refused(answer, 429, "QUOTA_EXCEEDED")
        assert answer.headers["Retry-After"]
        assert files.listing().status_code == 200
    finally:
        for connection in stalled:
            connection.close()
    proc.eventually("room again", lambda: files.get("big", Range="bytes=0-9").status_code == 206)


class Zeros:
    """A body of known length that is never held: requests reads it piece by piece."""

    def __init__(self, size: int) -> None:
        self.left = size

    def __len__(self) -> int:
        return self.left

    def read(self, count: int = -1) -> bytes:
        count = self.left if count < 0 else min(count, self.left)
        self.left -= count
        return bytes(count)


class Peak:
    """The largest RSS of a process while the block runs."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.kib = 0
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.done.wait(0.01):
            self.kib = max(self.kib, proc.rss_kib(self.pid))

    def __enter__(self) -> "Peak":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.thread.join()


def test_a_big_file_takes_little_memory(own_server: Server) -> None:
    files = Files(own_server.create().running())
    size = BIG_MIB * MIB
    sidecar = files.sandbox.sidecar()
    with Peak(own_server.pid) as server_peak, Peak(sidecar) as sidecar_peak:
        assert files.put("big", Zeros(size), timeout=600).status_code == 201
        answer = files.call("GET", "big", stream=True, timeout=600)
        received = sum(len(piece) for piece in answer.iter_content(MIB))
    print(f"{BIG_MIB} MiB: server {server_peak.kib} KiB, sidecar {sidecar_peak.kib} KiB")
    assert received == size
    assert 0 < server_peak.kib < 64 * 1024
    assert 0 < sidecar_peak.kib < 64 * 1024


def test_slow_readers_take_little_memory(own_server: Server) -> None:
    files = Files(own_server.create().running())
    files.sandbox.sh("truncate -s 256M big")
    with Peak(own_server.pid) as peak:
        answers = [files.call("GET", "big", stream=True) for _ in range(8)]
        for answer in answers:
            assert len(answer.raw.read(MIB)) == MIB
            answer.close()
    assert 0 < peak.kib < 64 * 1024


@pytest.fixture(scope="module")
def tenants() -> Iterator[tuple[Server, Callable[[str], dict[str, str]]]]:
    """A server with two users and a viewer, and their headers by name."""
    server = Server("--api-keys", "")
    keys = server.folder / "keys.json"
    roles = {"ann": "user", "bob": "user", "eve": "viewer"}
    keys.write_text(json.dumps([
        {"name": name, "role": role, "key_sha256": hashlib.sha256(name.encode()).hexdigest()}
        for name, role in roles.items()
    ]))
    keys.chmod(0o600)
    server.arguments = ("--api-keys", str(keys))
    try:
        yield server.start(), lambda name: {"Authorization": f"ApiKey {name}"}
    finally:
        server.clean()


def test_files_need_their_permission_and_are_their_owners(
    tenants: tuple[Server, Callable[[str], dict[str, str]]]
) -> None:
    server, of = tenants
    made = server.raw("POST", "/api/v1/sandboxes", json={}, headers=of("ann"))
    sandbox = Sandbox(server, made.json()).running()
    files = Files(sandbox)
    assert files.put("x", b"ann's", headers=of("ann")).status_code == 201
    listing = files.url("", place="files/list")
    for method, url in [
        ("GET", files.url("x")), ("HEAD", files.url("x")), ("PUT", files.url("x")),
        ("DELETE", files.url("x")), ("GET", listing),
    ]:
        viewer = server.raw(method, url, headers=of("eve"))
        stranger = server.raw(method, url, headers=of("bob"))
        nobody = server.raw(method, url)
        assert [a.status_code for a in (viewer, stranger, nobody)] == [403, 404, 401]
        if method != "HEAD":
            refused(viewer, 403, "FORBIDDEN")
            refused(stranger, 404, "SANDBOX_NOT_FOUND")
            refused(nobody, 401, "UNAUTHORIZED")
        assert server.raw(method, f"{url}&token={server.token()}").status_code == 401
    assert files.get("x", **of("ann")).content == b"ann's"
    assert files.get("x").content == b"ann's", "an admin sees all"
    answer = server.request("POST", files.url("x"))
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"}
