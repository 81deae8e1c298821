"""Django of PyPI inside a sandbox: a server that checks Host, and Origin of forms."""

from pathlib import Path

import proc
from browser import Page
from preview import Preview
from server import Sandbox, Server
from sites import INSIDE, curl, install, put, url

#: What `make test-browser` has installed.
PACKAGES = Path(__file__).parents[2] / ".build" / "django"
PORT = 8000


def shop(sandbox: Sandbox, expected: int) -> Preview:
    install(sandbox, PACKAGES, "*.mo", "*.po", "__pycache__")
    put(sandbox, "shop.py", (INSIDE / "shop.py").read_bytes())
    sandbox.background(f"env PYTHONPATH=packages python3 shop.py {PORT}")
    preview = Preview(sandbox, PORT)
    proc.eventually(
        f"it answers {expected}", lambda: preview.request().status == expected, 40)
    return preview


def test_a_form_is_sent_to_one_that_serves_localhost(server: Server, page: Page) -> None:
    preview = shop(server.create(preview_host="localhost").running(), 200)
    page.go(url(preview))
    page.value("document.querySelector('button').click()")
    page.until("document.body.innerText == 'got apples'")
    assert page.value("location.href") == url(preview)
    assert b"csrfmiddlewaretoken" in curl(preview)
    preview.sandbox.delete()


def test_without_that_it_refuses_the_previews_host(server: Server) -> None:
    preview = shop(server.create().running(), 400)
    assert preview.request().status == 400
    preview.sandbox.delete()
