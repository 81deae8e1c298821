"""Private previews in a browser: by links, in frames, and away from other pages."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from browser import Page
from preview import Preview
from server import Server
from sites import run, url
from test_tls import TLSServer


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Another site: a folder, and where it is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Encrypted(TLSServer):
    """Its certificate is for other names than these tests ask."""

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        return super().raw(method, path, verify=False, **options)


@pytest.fixture(scope="module")
def encrypted() -> Iterator[Server]:
    server = Encrypted()
    try:
        yield server.start()
    finally:
        server.clean()


PAGE = """<h1>secret</h1><img src=/a.svg onload="this.title = 'loaded'"><script>
fetch('/data.json').then((answer) => answer.json()).then((data) => { document.title = data.word; });
</script>"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>'


def private(server: Server, **fields: str) -> Preview:
    sandbox = server.create(preview_access="private").running()
    sandbox.sh(f"mkdir s && cd s && cat >index.html <<'E'\n{PAGE}\nE\n"
               f"echo '{SVG}' >a.svg && echo '{{\"word\": \"fetched\"}}' >data.json")
    return run(sandbox, "python3 -m http.server -d s 8000", 8000,
               Authorization=f"Bearer {server.token()}")


def link(preview: Preview) -> str:
    path = f"{preview.sandbox.path}/previews/{preview.port}/links"
    answer = preview.sandbox.server.request("POST", path)
    assert answer.status_code == 201, answer.text
    return answer.json()["url"]


def test_a_link_opens_it_and_is_gone_from_the_address(page: Page, server: Server) -> None:
    preview = private(server)
    page.go(url(preview))
    assert "This preview is private" in page.text()
    page.go(link(preview))
    page.until("document.title == 'fetched' && document.images[0].title == 'loaded'")
    assert page.value("location.href") == url(preview)
    assert page.value("document.cookie") == "", "no script sees it"
    page.go(url(preview))
    assert "secret" in page.text(), "the cookie lasts"
    preview.sandbox.server.request("DELETE", f"{preview.sandbox.path}/previews/links")
    page.go(url(preview))
    assert "This preview is private" in page.text()
    preview.sandbox.delete()


def test_another_sites_page_gets_nothing_by_its_cookie(
    page: Page, server: Server, elsewhere: tuple[Path, str]
) -> None:
    preview = private(server)
    page.go(link(preview))
    page.until("document.title == 'fetched'")
    folder, address = elsewhere
    (folder / "index.html").write_text("<p>elsewhere</p>")
    page.go(address)
    for call in (f"fetch('{url(preview, '/data.json')}', {{credentials: 'include'}})",
                 f"fetch('{url(preview, '/data.json')}', {{mode: 'no-cors', credentials: 'include'}})"
                 ".then(async (answer) => { if (answer.type == 'opaque') throw 'opaque'; })"):
        assert page.value(f"{call}.then(() => 'got it', () => 'refused')") == "refused"
    socket = f"new WebSocket('ws://{preview.host}/')"
    assert page.value(
        f"new Promise((done) => {{ const web = {socket}; web.onopen = () => done('open');"
        " web.onerror = () => done('refused'); })") == "refused"
    page.value(f"location.href = '{url(preview)}'")
    page.until("document.title == 'fetched'")  # a person may go there
    preview.sandbox.delete()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_it_works_in_a_frame_of_another_site(
    page: Page, encrypted: Server, elsewhere: tuple[Path, str]
) -> None:
    preview = private(encrypted)
    folder, address = elsewhere
    opened = link(preview)
    assert opened.startswith("https://")
    (folder / "index.html").write_text(
        f"<h1>dashboard</h1><iframe id=frame src='{opened}' width=600 height=300></iframe><script>"
        "addEventListener('message', (event) => { document.title = event.data; });</script>")
    preview.sandbox.sh(
        "echo '<script>setInterval(() => parent.postMessage(document.title, \"*\"), 50)</script>'"
        " >>s/index.html")
    page.go(address)
    # What the framed page has fetched by its cookie.
    page.until("document.title == 'fetched'")
    preview.sandbox.delete()
