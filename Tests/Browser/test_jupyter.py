"""JupyterLab of PyPI inside a sandbox: its page, its kernel, by a real browser."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page
from preview import Preview
from server import Sandbox, Server
from sites import curl, install, run, url

#: What `make test-browser` has installed.
PACKAGES = Path(__file__).parents[2] / ".build" / "jupyter"
PORT = 8888


#: What a kernel does not need: debuggers, stubs for completions, tests.
LEFT_OUT = ("*.map", "tests", "debugpy", "django-stubs", "__pycache__")


@pytest.fixture
def lab(server: Server) -> Iterator[Preview]:
    sandbox: Sandbox = server.create(
        preview_host="localhost", resources={"memory": "2Gi", "cpu": "2000m"}).running()
    install(sandbox, PACKAGES, *LEFT_OUT)
    packages = "/home/sandbox/workspace/packages"
    command = (
        f"env PYTHONPATH={packages} JUPYTER_PATH={packages}/share/jupyter "
        f"JUPYTERLAB_DIR={packages}/share/jupyter/lab PYDEVD_DISABLE_FILE_VALIDATION=1 "
        f"python3 -m jupyterlab --no-browser --port {PORT} --IdentityProvider.token=")
    # A token of its own would be no part of this: the preview is what is looked at.
    yield run(sandbox, command, PORT, seconds=60, path="/api/status")
    sandbox.delete()


KERNEL = """(async () => {
  const xsrf = document.cookie.match(/_xsrf=([^;]+)/)[1];
  const answer = await fetch('/api/kernels', {
    method: 'POST', headers: { 'X-XSRFToken': xsrf, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'python3' }) });
  if (answer.status != 201) return 'status ' + answer.status + ' ' + await answer.text();
  const kernel = await answer.json();
  const web = new WebSocket(`ws://${location.host}/api/kernels/${kernel.id}/channels`);
  const id = () => crypto.randomUUID().replaceAll('-', '');
  return await new Promise((done) => {
    const ask = () => web.send(JSON.stringify({
      header: { msg_id: id(), username: 'u', session: id(), msg_type: 'execute_request',
                version: '5.3', date: new Date().toISOString() },
      parent_header: {}, metadata: {}, channel: 'shell', buffers: [],
      content: { code: 'print(6 * 7)', silent: false, store_history: false,
                 user_expressions: {}, allow_stdin: false } }));
    web.onopen = ask;
    web.onerror = () => done('no WebSocket');
    web.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.msg_type == 'stream') done(message.content.text);
    };
  });
})()"""


def test_a_kernel_computes(lab: Preview, page: Page) -> None:
    page.go(url(lab, "/lab"))
    page.until("document.querySelector('.jp-Launcher, .jp-NotebookPanel') !== null")
    assert "Jupyter" in page.value("document.title")
    assert page.value(KERNEL) == "42\n"
    assert json.loads(curl(lab, "/api/status"))["kernels"] == 1
