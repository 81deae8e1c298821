"""SIGHUP: the API keys change under a running server; sandboxes and the others' work go on."""

import signal
from collections.abc import Iterator

import proc
import pytest
from keys import KeyServer
from server import SANDBOXES, Sandbox, Server
from test_events import Stream
from websockets.exceptions import ConnectionClosed
from wire import SANDBOX_READY, Wire


@pytest.fixture
def keyed() -> Iterator[KeyServer]:
    server = KeyServer()
    try:
        yield server.start()
    finally:
        server.clean()


def sandbox_of(server: KeyServer, name: str) -> Sandbox:
    answer = server.by(name, "POST", SANDBOXES, json={"template": "python"})
    assert answer.status_code == 201, answer.text
    return Sandbox(server, answer.json()).running()


def connect(sandbox: Sandbox, token: str) -> Wire:
    address = sandbox.server.address.replace("http", "ws", 1)
    wire = Wire(f"{address}{sandbox.path}/ws?token={token}")
    assert wire.receive().type == SANDBOX_READY
    return wire


def close_of(wire: Wire) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            wire.receive(timeout=10)
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_sighup_never_ends_the_server_nor_its_sandboxes(own_server: Server) -> None:
    sandbox = own_server.create().running()
    with sandbox.wire() as wire:
        assert wire.receive().type == SANDBOX_READY
        for _ in range(20):
            own_server.process.send_signal(signal.SIGHUP)
        proc.eventually("the log's line", lambda: "were read again" in own_server.log.read_text())
        assert own_server.healthy() and sandbox.get()["status"] == "running"
        assert sandbox.output("echo", "here") == "here\n"
        assert wire.alive()


def test_a_removed_key_is_cut_off_everywhere(keyed: KeyServer) -> None:
    anns, bobs = sandbox_of(keyed, "ann"), sandbox_of(keyed, "bob")
    ann_token, bob_token = keyed.token_of("ann"), keyed.token_of("bob")
    ann, bob = connect(anns, ann_token), connect(bobs, bob_token)
    with Stream(keyed, keyed.key("ann")) as stream, Stream(keyed, keyed.key("bob")) as other:
        keyed.write(keyed.entry("bob"))
        keyed.reload()
        code, reason = close_of(ann)
        assert code == 1008 and "key" in reason
        assert list(stream.events()) == []  # it ends
        assert keyed.by("ann", "GET", SANDBOXES).status_code == 401
        bearer = {"Authorization": f"Bearer {ann_token}"}
        answer = keyed.raw("GET", SANDBOXES, headers=bearer)
        assert answer.status_code == 401 and "removed" in answer.json()["error"]
        assert bob.alive()
        assert anns.get()["status"] == "running"  # a key's end is not its sandboxes'
        assert keyed.by("bob", "DELETE", bobs.path).status_code == 204
        assert [event.type for event in other.take(2)] == ["sandbox.stopping", "sandbox.stopped"]
    ann.close()
    bob.close()
    closes = keyed.request("GET", "/api/v1/admin/audit-logs").json()["records"]
    assert ("ann", 1008) in [(r["subject"], r["status"]) for r in closes]


def test_a_lost_permission_closes_its_websockets(keyed: KeyServer) -> None:
    sandbox = sandbox_of(keyed, "ann")
    wire = connect(sandbox, keyed.token_of("ann"))
    keyed.write(keyed.entry("ann", permissions=["sandbox:read"]), keyed.entry("bob"))
    keyed.reload()
    assert close_of(wire)[0] == 1008
    assert keyed.by("ann", "GET", sandbox.path).status_code == 200
    refused = keyed.by("ann", "DELETE", sandbox.path, headers={"X-Request-Id": "no-more"})
    assert refused.status_code == 403
    found = keyed.request("GET", "/api/v1/admin/audit-logs").json()["records"]
    (record,) = [r for r in found if r["request_id"] == "no-more"]
    assert (record["subject"], record["role"], record["status"]) == ("ann", "user", 403)


def test_a_new_key_is_let_in(keyed: KeyServer) -> None:
    assert keyed.by("carl", "GET", SANDBOXES).status_code == 401
    keyed.write(keyed.entry("ann"), keyed.entry("carl", "viewer"))
    keyed.reload()
    assert keyed.by("carl", "GET", SANDBOXES).status_code == 200
    assert keyed.by("bob", "GET", SANDBOXES).status_code == 401


@pytest.mark.parametrize("content", ["", "{", "[{}]", '[{"name":"ann"}]', "nonsense", None])
def test_a_bad_file_keeps_the_old_keys(keyed: KeyServer, content: str | None) -> None:
    sandbox = sandbox_of(keyed, "ann")
    wire = connect(sandbox, keyed.token_of("ann"))
    if content is None:
        keyed.keys.unlink()
    else:
        keyed.keys.write_text(content)
    before = keyed.log.read_text()
    keyed.reload("the API keys can't be read again; the old ones stay")
    said = keyed.log.read_text()[len(before):]
    assert said.count("\n") == 1 and "--api-keys" in said
    assert keyed.by("ann", "GET", SANDBOXES).status_code == 200
    assert wire.alive()
    wire.close()


def test_a_new_secret_under_an_old_name_cuts_the_old_one_off(keyed: KeyServer) -> None:
    anns = sandbox_of(keyed, "ann")
    ann = connect(anns, keyed.token_of("ann"))
    with Stream(keyed, keyed.key("ann")) as stream:
        # The old one may have leaked.
        other = {**keyed.entry("ann"), "key_sha256": keyed.entry("ann-anew")["key_sha256"]}
        keyed.write(other, keyed.entry("bob"))
        keyed.reload()
        assert close_of(ann)[0] == 1008
        assert list(stream.events()) == []
        assert keyed.by("ann", "GET", SANDBOXES).status_code == 401
        assert keyed.by("ann-anew", "GET", anns.path).status_code == 200
    ann.close()
