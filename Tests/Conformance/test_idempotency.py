"""Idempotency-Key on create: one sandbox per key and body, whatever happens to the server."""

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import proc
import pytest
import requests
from roles import keyed_server
from server import SANDBOXES, Sandbox, Server

BODY = b'{"template":"python","metadata":{"a":"1"}}'


def create(server: Server, key: str, body: bytes = BODY, **options: Any) -> requests.Response:
    return server.request(
        "POST", SANDBOXES, data=body, headers={"Idempotency-Key": key}, **options)


def fresh() -> str:
    return str(uuid4())


def test_the_same_key_and_body_make_one_sandbox(server: Server) -> None:
    key = fresh()
    first = create(server, key)
    assert first.status_code == 201, first.text
    sandbox = Sandbox(server, first.json()).running()
    assert server.request("POST", sandbox.path + "/keepalive").status_code == 204
    again = create(server, key)
    # As first answered, although its status and its expiry have moved.
    assert (again.status_code, again.content) == (201, first.content)
    assert server.list_ids().count(sandbox.id) == 1
    sandbox.delete()


def test_another_body_is_a_mismatch(server: Server) -> None:
    key = fresh()
    sandbox = Sandbox(server, create(server, key).json())
    other = create(server, key, BODY + b" ")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    sandbox.delete()


def test_the_second_waits_for_the_first(server: Server) -> None:
    key = fresh()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: create(server, key), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    Sandbox(server, answers[0].json()).delete()


@pytest.mark.parametrize("how", ["deleted", "expired"])
def test_once_the_sandbox_is_gone_it_is_410(server: Server, how: str) -> None:
    key = fresh()
    body = BODY if how == "deleted" else b'{"timeout_seconds":1}'
    sandbox = Sandbox(server, create(server, key, body).json())
    if how == "deleted":
        sandbox.delete()
    else:
        proc.eventually(
            "its expiry", lambda: server.request("GET", sandbox.path).status_code == 410)
    gone = create(server, key, body)
    assert (gone.status_code, gone.json()["code"]) == (410, "SANDBOX_EXPIRED")
    assert f"reason={how}" in gone.json()["details"]
    assert create(server, key, b"{}").status_code == 409


@pytest.mark.parametrize("key", ["k" * 256, "a b", "\u00e9", ""], ids=str)
def test_a_bad_key_is_400(server: Server, key: str) -> None:
    answer = create(server, key.encode().decode("latin1"))
    if key == "" and answer.status_code == 201:
        Sandbox(server, answer.json()).delete()
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_PARAMETER")
    assert "Idempotency-Key" in answer.json()["error"]


def test_an_error_is_not_kept(server: Server) -> None:
    key = fresh()
    assert create(server, key, b'{"template":"cobol"}').status_code == 400
    answer = create(server, key)
    assert answer.status_code == 201
    Sandbox(server, answer.json()).delete()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_a_key_outlives_its_server(own_server: Server, by: signal.Signals) -> None:
    key = fresh()
    first = create(own_server, key)
    assert first.status_code == 201, first.text
    own_server.end(by)
    own_server.start()
    again = create(own_server, key)
    if by == signal.SIGKILL:
        assert again.status_code == 201
        ours, theirs = again.json(), first.json()
        for name in set(theirs) - {"ws_url", "preview_urls"}:  # whose port is another one now
            assert ours[name] == theirs[name], name
        own_server.request("DELETE", f"{SANDBOXES}/{ours['id']}")
        own_server.end(by)
        own_server.start()
        again = create(own_server, key)
    # Its end is known, too.
    assert (again.status_code, again.json()["code"]) == (410, "SANDBOX_EXPIRED")
    assert own_server.list_ids() == []


def test_ends_are_told_after_a_restart(own_server: Server) -> None:
    deleted, stopped = own_server.create(), own_server.create().running()
    deleted.delete()
    own_server.end(signal.SIGTERM)
    own_server.start()
    answer = own_server.request("GET", deleted.path)
    assert (answer.status_code, answer.json()["code"]) == (404, "SANDBOX_NOT_FOUND")
    assert "reason=deleted" in answer.json()["details"]
    deleted.delete()  # again 204
    answer = own_server.request("GET", stopped.path)
    assert (answer.status_code, answer.json()["code"]) == (410, "SANDBOX_EXPIRED")
    assert "reason=shutdown" in answer.json()["details"]


def test_a_key_belongs_to_the_api_keys_name() -> None:
    with keyed_server() as server:
        key = fresh()
        answers = [
            server.raw(
                "POST", SANDBOXES, data=BODY,
                headers={"Idempotency-Key": key, "Authorization": f"ApiKey {name}-key"})
            for name in ("ann", "bob", "ann")
        ]
        assert [answer.status_code for answer in answers] == [201] * 3
        ids = [answer.json()["id"] for answer in answers]
        assert ids[0] == ids[2] != ids[1]
        # Not of the token or its kind: of the name.
        token = server.raw("POST", "/api/v1/auth/token", json={"api_key": "ann-key"}).json()
        again = server.raw(
            "POST", SANDBOXES, data=BODY,
            headers={"Idempotency-Key": key, "Authorization": f"Bearer {token['token']}"})
        assert again.json()["id"] == ids[0]
