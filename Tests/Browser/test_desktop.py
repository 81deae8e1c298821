"""A sandbox's desktop, seen and used in a browser."""

import proc
from browser import Page
from preview import Preview
from server import Server

#: Pixels of the desktop that have the colour of the window.
BLUE = """(() => {
  const canvas = document.querySelector('#noVNC_container canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    count += data[at] == 0x11 && data[at + 1] == 0x66 && data[at + 2] == 0xcc;
  return count;
})()"""


def test_a_program_is_seen_and_typed_into(server: Server, page: Page) -> None:
    sandbox = server.create(gui=True).running()
    Preview(sandbox, 6080).wait()
    page.go(sandbox.created["vnc_url"])
    asked = "document.querySelector('#noVNC_credentials_dlg')?.classList.contains('noVNC_open')"
    page.until(asked)
    password = "document.querySelector('#noVNC_password_input')"
    page.value(f"{password}.value = '{sandbox.created['vnc_password']}'")
    page.value("document.querySelector('#noVNC_credentials_button').click()")
    page.until("document.documentElement.classList.contains('noVNC_connected')")
    sandbox.background(
        "xterm -bg '#1166cc' -geometry 60x20+50+50 -e sh -c 'read line; echo \"$line\" >typed'")
    page.until(f"{BLUE} > 20000")
    page.click(200, 200)
    page.type("hello desktop 42\n")
    proc.eventually("the program has the text", lambda: sandbox.sh("cat typed || true"), 20)
    assert sandbox.sh("cat typed") == "hello desktop 42\n"
    page.until(f"{BLUE} == 0")  # it has ended
    sandbox.delete()


def test_without_the_password_it_shows_nothing(server: Server, page: Page) -> None:
    sandbox = server.create(gui=True).running()
    Preview(sandbox, 6080).wait()
    page.go(f"{sandbox.created['vnc_url']}/#password=wrong")
    page.until("document.querySelector('#noVNC_status').classList.contains('noVNC_open')"
               " && document.querySelector('#noVNC_status').textContent")
    assert "failure" in page.value("document.querySelector('#noVNC_status').textContent").lower()
    assert not page.value("document.documentElement.classList.contains('noVNC_connected')")
    sandbox.delete()
