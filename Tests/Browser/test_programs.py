"""Real programs inside sandboxes, used through their previews by a real browser."""

import subprocess
from collections.abc import Iterator

import proc
import pytest
from browser import Page
from preview import Preview
from server import Sandbox, Server
from sites import INSIDE, curl, put, run, url


@pytest.fixture
def sandbox(server: Server) -> Iterator[Sandbox]:
    sandbox = server.create(template="base").running()
    yield sandbox
    sandbox.delete()


def test_python_http_server(sandbox: Sandbox, page: Page) -> None:
    sandbox.sh(
        "mkdir -p site/sub && cd site && echo 'document.title = \"scripted\"' >a.js"
        " && echo 'h1 { color: rgb(1, 2, 3) }' >a.css && seq 100000 >numbers.txt"
        " && echo '<link rel=stylesheet href=/a.css><h1>hello</h1><script src=/a.js></script>'"
        " >sub/index.html")
    preview = run(sandbox, "python3 -m http.server -d site 8000", 8000)
    page.go(url(preview))
    assert "Directory listing" in page.text()
    page.value("document.querySelector('a[href=\"sub/\"]').click()")
    page.until("document.title == 'scripted'")
    assert page.value("location.pathname") == "/sub/"
    assert page.value("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
    assert curl(preview, "/numbers.txt") == sandbox.sh("cat site/numbers.txt").encode()
    assert curl(preview, "/numbers.txt", "--http1.0") == curl(preview, "/numbers.txt")


def test_a_node_server_with_events_and_a_websocket(sandbox: Sandbox, page: Page) -> None:
    put(sandbox, "live.js", (INSIDE / "live.js").read_bytes())
    preview = run(sandbox, "env NODE_PATH=/usr/share/nodejs node live.js 3000", 3000)
    page.go(url(preview))
    page.until("document.querySelectorAll('li').length == 5")
    page.until("socket.textContent == '200000 true'")
    assert page.text().split() == ["live", "1", "2", "3", "4", "5", "200000", "true"]
    assert b"<h1>live</h1>" in curl(preview)
    with subprocess.Popen(
            ["curl", "-sSN", "--max-time", "60", url(preview, "/events")],
            stdout=subprocess.PIPE) as events:
        assert events.stdout
        for number in range(1, 6):
            assert events.stdout.readline() == b"data: %d\n" % number  # each before the next is made
            assert events.stdout.readline() == b"\n"
            assert curl(preview, "/seen", "--data", str(number)) == b"ok"
        events.kill()


def test_a_page_that_reloads_when_its_source_changes(sandbox: Sandbox, page: Page) -> None:
    put(sandbox, "www/index.html", (INSIDE / "hot.html").read_bytes())
    put(sandbox, "hot.js", b"word.textContent = 'before';")
    # It serves until its input ends.
    command = ("sh -c 'sleep 3600 | esbuild hot.js --bundle --outdir=www --servedir=www "
               "--serve=127.0.0.1:5000 --watch'")
    preview = run(sandbox, command, 5000)
    page.go(url(preview))
    word = "document.querySelector('#word')?.textContent"  # it is not there while it is loaded
    page.until(f"{word} == 'before'")
    put(sandbox, "hot.js", b"word.textContent = 'after';")
    page.until(f"{word} == 'after'")
    assert b"after" in curl(preview, "/hot.js")


def test_what_is_not_there_yet_comes_by_itself(sandbox: Sandbox, page: Page) -> None:
    preview = Preview(sandbox, 8123)
    page.go(url(preview))
    assert "python3 -m http.server 8123" in page.text()
    sandbox.sh("mkdir late && echo '<p id=late>here</p>' >late/index.html")
    sandbox.background("python3 -m http.server -d late 8123")
    page.until("document.querySelector('#late') !== null")


def test_previews_are_listed_with_their_addresses(sandbox: Sandbox, page: Page) -> None:
    run(sandbox, "python3 -m http.server 8001", 8001)

    def services() -> list[dict[str, object]]:
        return sandbox.server.request("GET", sandbox.path + "/services").json()

    (found,) = proc.eventually("the port is listed", services)
    assert found["port"] == 8001
    page.go(str(found["preview_url"]))
    assert "Directory listing" in page.text()
