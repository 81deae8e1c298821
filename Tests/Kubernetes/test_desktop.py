"""Desktops: in a container of its own, in the sandbox's pod."""

from collections.abc import Callable, Iterator

import proc
import pytest
from cluster import Space, kubectl
from images import image
from preview import Preview
from replica import LARGE, Replica
from rfb import PORT, Refused, Screen, use
from server import SANDBOXES, Sandbox
from test_pod import baseline, restricted


@pytest.fixture(scope="module")
def desktop(server: Replica) -> Iterator[Sandbox]:
    sandbox = server.create(template=LARGE, gui=True).running(90)
    Preview(sandbox, PORT).wait(60)
    yield sandbox
    sandbox.delete()


def test_a_program_of_the_sandbox_draws_on_it(desktop: Sandbox) -> None:
    assert desktop.sh("echo $DISPLAY") == ":0\n"
    use(desktop)


def test_only_the_password_opens_it(desktop: Sandbox) -> None:
    with pytest.raises(Refused):
        Screen(desktop, "guess")
    with Screen(desktop, desktop.created["vnc_password"]) as screen:
        assert (screen.width, screen.height) == (1280, 800)


def test_its_pod_is_restricted(desktop: Sandbox, space: Space) -> None:
    pod = space.pod(desktop.id)
    assert pod and [one["name"] for one in pod["spec"]["containers"]] == ["runtime", "desktop"]
    assert [*baseline(pod), *restricted(pod)] == []
    # The password is in the Secret, and nothing of the sandbox's own is in the other container.
    display = pod["spec"]["containers"][1]
    assert desktop.created["vnc_password"] not in str(pod)
    assert {mount["name"] for mount in display["volumeMounts"]} == {"bundle", "desktop", "display"}


def test_another_replica_knows_the_password(
    desktop: Sandbox, space: Space, new_replica: Callable[..., Replica]
) -> None:
    other = new_replica(space).start()
    answer = other.awaited(200, "GET", desktop.path, 5)
    assert answer.json()["vnc_password"] == desktop.created["vnc_password"]
    listed = next(one for one in other.request("GET", SANDBOXES).json() if one["id"] == desktop.id)
    assert listed["vnc_url"] and "vnc_password" not in listed


def test_one_that_ends_leaves_the_sandbox(
    space: Space, server: Replica, new_replica: Callable[..., Replica]
) -> None:
    sandbox = server.create(template=LARGE, gui=True).running(90)
    Preview(sandbox, PORT).wait(60)
    kubectl("-n", space.name, "exec", f"sbx-{sandbox.id}", "-c", "desktop", "--",
            "sh", "-c", "kill -TERM 1")

    def has_ended() -> bool:
        pod = space.pod(sandbox.id)
        assert pod
        return any("terminated" in one["state"] for one in pod["status"]["containerStatuses"])

    proc.eventually("the cluster says so", has_ended, 30)
    assert Preview(sandbox, PORT).request().status == 502
    assert sandbox.sh("echo on") == "on\n"
    assert sandbox.get()["status"] == "running"
    other = new_replica(space).start()
    proc.eventually("another replica serves it", lambda: other.request(
        "GET", sandbox.path).json()["status"] == "running", 5)
    sandbox.delete()


def test_one_that_cannot_be_had_is_said(space: Space, new_replica: Callable[..., Replica]) -> None:
    server = new_replica(space, "--desktop-image", "localhost:9/none/none:1").start()
    sandbox = server.create(template=LARGE, gui=True)
    found = proc.eventually("status error", lambda: next(
        (one for one in [sandbox.get()] if one["status"] == "error"), None), 60)
    assert "ImagePull" in found["status_reason"] and "(of the desktop)" in found["status_reason"]
    sandbox.delete()


def test_an_image_without_the_programs_says_which(
    space: Space, new_replica: Callable[..., Replica]
) -> None:
    server = new_replica(space, "--desktop-image", image("runtime")).start()
    sandbox = server.create(template=LARGE, gui=True)
    found = proc.eventually("status error", lambda: next(
        (one for one in [sandbox.get()] if one["status"] == "error"), None), 60)
    assert "tigervnc-standalone-server" in found["status_reason"], found
    sandbox.delete()


def test_without_an_image_none_is_made(
    space: Space, new_replica: Callable[..., Replica]
) -> None:
    server = new_replica(space)
    server.has_desktops = False
    answer = server.start().request("POST", SANDBOXES, json={"template": LARGE, "gui": True})
    assert answer.status_code == 503 and "DESKTOP_IMAGE" in answer.json()["error"], answer.text
