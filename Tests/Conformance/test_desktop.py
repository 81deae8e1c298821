"""Desktops of sandboxes, by the wire: who is let in, what is seen, and what lasts."""

import signal
from collections.abc import Iterator

import proc
import pytest
from preview import Preview
from rfb import BLUE, PORT, Refused, Screen, show, use
from roles import keyed_server
from server import Sandbox, Server

@pytest.fixture(scope="module")
def desktop(server: Server) -> Iterator[Sandbox]:
    sandbox = server.create(gui=True).running()
    Preview(sandbox, PORT).wait(30)
    yield sandbox
    sandbox.delete()


def test_a_program_is_seen_and_typed_into(desktop: Sandbox) -> None:
    assert desktop.sh("echo $DISPLAY") == ":0\n"
    use(desktop)


def test_only_the_password_opens_it(desktop: Sandbox) -> None:
    password = desktop.created["vnc_password"]
    assert len(password) == 8
    for wrong in ("", "wrong", password[:7], password[:7] + chr(ord(password[7]) ^ 1)):
        with pytest.raises(Refused):
            Screen(desktop, wrong)
    # However often somebody guesses, who knows it is let in.
    for _ in range(20):
        with pytest.raises(Refused):
            Screen(desktop, "guess")
    with Screen(desktop, password) as screen:
        assert (screen.width, screen.height) == (1280, 800)


def test_each_has_a_password_of_its_own(desktop: Sandbox, server: Server) -> None:
    other = server.create(gui=True)
    assert other.created["vnc_password"] != desktop.created["vnc_password"]
    assert other.get()["vnc_password"] == other.created["vnc_password"]
    other.delete()


def end(desktop: Sandbox, program: str) -> None:
    """Kills its display, or what else of it must not be lost; another one comes."""
    desktop.sh(f"touch before; {program}")
    proc.eventually("another display", lambda: desktop.exec(
        "sh", "-c", "test /tmp/.X11-unix/X0 -nt before")["exit_code"] == 0, 40)
    Preview(desktop, PORT).wait(30)


@pytest.mark.parametrize("program", ["pkill -KILL Xtigervnc", "pkill -KILL -o -f '[s]h -s desktop'"])
def test_it_comes_back_when_it_ends(desktop: Sandbox, program: str) -> None:
    end(desktop, program)
    use(desktop)
    assert len(desktop.sh("pgrep Xtigervnc").split()) == 1


def test_another_window_manager_comes_as_well(desktop: Sandbox) -> None:
    desktop.sh("pkill openbox")

    def is_shown() -> bool:
        """A window that appears while openbox starts is not."""
        show(desktop)
        with Screen(desktop, desktop.created["vnc_password"]) as screen:
            found = any(screen.count(BLUE) > 300 * 200 for _ in range(15))
        desktop.sh("pkill -f [w]indow.py")
        return found

    proc.eventually("a window is shown", is_shown, 20)
    use(desktop)


def test_nothing_inside_writes_to_a_file_of_the_host(server: Server) -> None:
    """Programs of the sandbox stand in for the desktop's, and write to what it writes to."""
    desktop = server.create(gui=True).running()
    Preview(desktop, PORT).wait(30)
    folder, = [path for path in desktop.files() if path.is_dir()]
    log = folder / "launch.log"
    script = b"#!/bin/sh\nyes zzzz | head -c 100000 >&2 &\nexec /usr/bin/rm \"$@\"\n"
    desktop.server.request("PUT", f"{desktop.path}/files?path=rm", data=script)
    desktop.sh("mkdir -p ~/.local/bin && mv rm ~/.local/bin && chmod +x ~/.local/bin/rm")
    try:
        end(desktop, "pkill -KILL Xtigervnc")
        for number in (1, 2):
            shell = desktop.sh("pgrep -o -f '[s]h -s desktop'").strip()
            desktop.sh(f"timeout 1 sh -c 'yes zzzz >/proc/{shell}/fd/{number}' || true")
    finally:
        desktop.sh("rm ~/.local/bin/rm")
    end(desktop, "pkill -KILL Xtigervnc")
    text = log.read_text()
    assert len(text) < 8192, text
    desktop.delete()


def test_without_gui_there_is_none(server: Server) -> None:
    sandbox = server.create().running()
    assert sandbox.created["vnc_url"] is None
    assert "vnc_password" not in sandbox.created and "vnc_password" not in sandbox.get()
    assert sandbox.sh("echo ${DISPLAY-none}") == "none\n"
    assert Preview(sandbox, PORT).request().status == 502
    sandbox.delete()


def test_it_outlives_the_server(own_server: Server) -> None:
    server = own_server
    sandbox = server.create(gui=True).running()
    Preview(sandbox, PORT).wait(30)
    server.end(signal.SIGKILL)
    server.start()
    assert sandbox.get()["vnc_password"] == sandbox.created["vnc_password"]
    use(sandbox)
    sandbox.delete()


def test_the_password_is_for_those_who_may_run_commands() -> None:
    with keyed_server() as server:
        def ask(key: str, path: str) -> dict[str, object]:
            answer = server.raw("GET", path, headers={"Authorization": f"ApiKey {key}-key"})
            assert answer.status_code == 200, answer.text
            return answer.json()

        answer = server.raw(
            "POST", "/api/v1/sandboxes", headers={"Authorization": "ApiKey no-exec-key"},
            json={"gui": True})
        assert answer.status_code == 201, answer.text
        sandbox = answer.json()
        path = f"/api/v1/sandboxes/{sandbox['id']}"
        assert sandbox["vnc_url"] and "vnc_password" not in sandbox
        assert "vnc_password" not in ask("no-exec", path)
        assert len(str(ask("root", path)["vnc_password"])) == 8
        assert "vnc_password" not in ask("weak-admin", path)
        listed, = ask("root", "/api/v1/sandboxes")
        assert "vnc_password" not in listed, "a list tells it to nobody"
