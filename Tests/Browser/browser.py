"""Debian's Chromium without a window, driven by its DevTools protocol."""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import proc
from websockets.sync.client import ClientConnection, connect

SCREENSHOTS = Path(__file__).parents[2] / ".build" / "screenshots"
#: For whatever a page is waited for: others may use this machine, too.
SECONDS = 40.0


class Browser:
    """One process; each page has a context, and so a cookie jar, of its own."""

    def __enter__(self) -> "Browser":
        program = shutil.which("chromium")
        assert program, "apt-get install chromium"
        self.folder = Path(tempfile.mkdtemp(prefix="xgen-browser-", dir="/tmp"))
        command = [
            program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--ignore-certificate-errors", "--no-first-run", "--disable-background-networking",
            "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "about:blank"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        file = self.folder / "DevToolsActivePort"
        lines = proc.eventually(
            "DevTools listen", lambda: file.exists() and file.read_text().split("\n")[1:] and
            file.read_text().split("\n"), SECONDS)
        self.connection = connect(
            f"ws://127.0.0.1:{lines[0]}{lines[1]}", max_size=None, open_timeout=SECONDS)
        self.wire = Wire(self.connection)
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        # Its children are in the session that it leads.
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def page(self) -> "Page":
        context = self.wire.call("Target.createBrowserContext")["browserContextId"]
        target = self.wire.call(
            "Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.wire.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Page(self.wire, context, session)


class Wire:
    """Calls and their answers; events are kept for whoever asks."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.last = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        self.connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        end = time.monotonic() + SECONDS
        while True:
            answer = json.loads(self.connection.recv(timeout=end - time.monotonic()))
            if answer.get("id") == self.last:
                assert "error" not in answer, (method, answer)
                return answer["result"]
            self.events.append(answer)


class Page:
    def __init__(self, wire: Wire, context: str, session: str) -> None:
        self.wire = wire
        self.context = context
        self.session = session
        self._call("Page.enable")
        self._call("Runtime.enable")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.wire.call(method, self.session, **parameters)

    def go(self, url: str) -> None:
        answer = self._call("Page.navigate", url=url)
        assert "errorText" not in answer, answer
        self.until("document.readyState == 'complete' && location.href != 'about:blank'")

    def value(self, expression: str) -> Any:
        """Of the main frame; promises are awaited."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """The first true value; a page that is just being left has none."""
        def look() -> Any:
            try:
                return self.value(expression)
            except AssertionError as error:
                if re.search("context was destroyed|Cannot find context|navigated", str(error)):
                    return None
                raise

        return proc.eventually(f"in the page: {expression}", look, SECONDS)

    def click(self, x: int, y: int) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self._call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text: str) -> None:
        """As from a keyboard: small letters, digits, spaces and line ends."""
        for char in text:
            key = "Enter" if char == "\n" else char
            code = {"\n": "Enter", " ": "Space"}.get(char) or (
                f"Digit{char}" if char.isdigit() else f"Key{char.upper()}")
            written = "\r" if char == "\n" else char
            number = 13 if char == "\n" else ord(char.upper())
            for kind in ("keyDown", "keyUp"):
                more = {"text": written} if kind == "keyDown" else {}
                self._call(
                    "Input.dispatchKeyEvent", type=kind, key=key, code=code,
                    windowsVirtualKeyCode=number, **more)

    def text(self) -> str:
        return self.value("document.body.innerText")

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        data = self._call("Page.captureScreenshot", format="png")["data"]
        (SCREENSHOTS / f"{re.sub('[^A-Za-z0-9]+', '-', name)}.png").write_bytes(
            base64.b64decode(data))

    def close(self) -> None:
        self.wire.call("Target.disposeBrowserContext", browserContextId=self.context)
