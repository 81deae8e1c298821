"""Who may do what: every route with every key, and nobody with another tenant's sandbox."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import requests
from roles import KEYS, keyed_server, rights
from rawhttp import ask, connect, handshake
from server import SANDBOXES, Server


class Route(NamedTuple):
    """A route, what it demands, and how it answers an owner who may."""

    method: str
    path: str
    right: str
    status: int
    body: Any = None


# One line a route. {} is a sandbox; `ws` is a handshake, and delete comes last.
ROUTES = [
    Route("GET", SANDBOXES, "sandbox:read", 200),
    Route("GET", SANDBOXES + "/{}", "sandbox:read", 200),
    Route("GET", SANDBOXES + "/{}/services", "sandbox:read", 200),
    Route("POST", SANDBOXES + "/{}/exec", "sandbox:exec", 200, {"command": "true"}),
    Route("GET", SANDBOXES + "/{}/ws", "sandbox:exec", 101),
    Route("POST", SANDBOXES + "/{}/keepalive", "sandbox:write", 204),
    Route("POST", SANDBOXES + "/{}/previews/3000/links", "sandbox:write", 201, {}),
    Route("DELETE", SANDBOXES + "/{}/previews/links", "sandbox:write", 204),
    Route("POST", SANDBOXES, "sandbox:create", 201, {}),
    Route("DELETE", SANDBOXES + "/{}", "sandbox:delete", 204),
]
OF_A_SANDBOX = [route for route in ROUTES if "{}" in route.path]


@pytest.fixture(scope="module")
def tenants() -> Iterator[Server]:
    with keyed_server(more={"bob": {"max_sandboxes": 3}}) as server:
        yield server


@pytest.fixture(scope="module")
def tokens(tenants: Server) -> dict[str, str]:
    answers = {name: tenants.raw("POST", "/api/v1/auth/token", json={"api_key": f"{name}-key"})
               for name in KEYS}
    return {name: answer.json()["token"] for name, answer in answers.items()}


@pytest.fixture
def anns(tenants: Server) -> Iterator[str]:
    """A sandbox of ann's."""
    answer = call(tenants, Route("POST", SANDBOXES, "", 0, {}), "", "ApiKey ann-key")
    yield answer.json()["id"]
    call(tenants, Route("DELETE", SANDBOXES + "/{}", "", 0), answer.json()["id"], "ApiKey ann-key")


def call(server: Server, route: Route, id: str, credential: str | None) -> requests.Response:
    headers = {} if credential is None else {"Authorization": credential}
    return server.raw(route.method, route.path.format(id), headers=headers, json=route.body)


def status(server: Server, route: Route, id: str, credential: str | None) -> int:
    path = route.path.format(id)
    if path.endswith("/ws"):
        return ask(server, handshake(path, ("Authorization", credential))).status
    return call(server, route, id, credential).status_code


def created(server: Server, credential: str, **fields: Any) -> str:
    answer = server.raw("POST", SANDBOXES, headers={"Authorization": credential}, json=fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("scheme", ["ApiKey", "Bearer"])
def test_every_route_wants_its_permission(
    tenants: Server, tokens: dict[str, str], name: str, scheme: str
) -> None:
    credential = f"ApiKey {name}-key" if scheme == "ApiKey" else f"Bearer {tokens[name]}"
    may = rights(name)
    # Its own, where it may make one; what is another's is 404, but only to those who have the
    # right at all.
    id = created(tenants, credential) if "sandbox:create" in may else "aaaaaaaaaaaaaaaa"
    owned = "sandbox:create" in may
    for route in ROUTES:
        found = status(tenants, route, id, credential)
        if route.right not in may:
            expected = 403
        elif owned or "{}" not in route.path:
            expected = route.status
        else:
            expected = 404
        assert found == expected, (name, scheme, route)
    for sandbox in call(tenants, ROUTES[0], "", "ApiKey root-key").json():
        call(tenants, ROUTES[-1], sandbox["id"], "ApiKey root-key")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_without_credentials_it_is_401(tenants: Server, anns: str, route: Route) -> None:
    for credential in (None, "ApiKey wrong", "Bearer wrong", "Basic YTpi"):
        assert status(tenants, route, anns, credential) == 401


@pytest.mark.parametrize("route", OF_A_SANDBOX, ids=lambda route: f"{route.method} {route.path}")
def test_another_tenants_sandbox_is_not_there(
    tenants: Server, tokens: dict[str, str], anns: str, route: Route
) -> None:
    none = "aaaaaaaaaaaaaaaa"
    for credential in ("ApiKey bob-key", f"Bearer {tokens['bob']}"):
        assert status(tenants, route, anns, credential) == 404
        if not route.path.endswith("/ws"):
            # And in no way told from one that never was.
            theirs, nobodys = (call(tenants, route, id, credential) for id in (anns, none))
            assert theirs.json() == {
                **nobodys.json(), "error": nobodys.json()["error"].replace(none, anns)}
    assert status(tenants, ROUTES[1], anns, "ApiKey ann-key") == 200


def test_an_admin_sees_all_and_others_their_own(tenants: Server, anns: str) -> None:
    bobs = created(tenants, "ApiKey bob-key")

    def listed(name: str) -> set[str]:
        answer = call(tenants, ROUTES[0], "", f"ApiKey {name}-key")
        return {sandbox["id"] for sandbox in answer.json()}

    assert listed("ann") == {anns} and listed("bob") == {bobs}
    assert {anns, bobs} <= listed("root") and listed("eve") == set()
    for route in OF_A_SANDBOX:  # delete is the last one
        assert status(tenants, route, bobs, "ApiKey root-key") == route.status, route


def test_an_end_is_told_to_its_owner_only(tenants: Server, anns: str) -> None:
    delete, get = OF_A_SANDBOX[-1], OF_A_SANDBOX[0]
    assert status(tenants, delete, anns, "ApiKey ann-key") == 204
    assert status(tenants, delete, anns, "ApiKey ann-key") == 204
    assert status(tenants, delete, anns, "ApiKey bob-key") == 404
    assert "reason=deleted" in call(tenants, get, anns, "ApiKey ann-key").json()["details"]
    assert "details" not in call(tenants, get, anns, "ApiKey bob-key").json()


def test_a_query_token_counts_on_the_websocket_only(
    tenants: Server, tokens: dict[str, str], anns: str
) -> None:
    query = f"?token={tokens['ann']}"
    for route in ROUTES:
        asked = route._replace(path=route.path + query)
        path = asked.path.format(anns)
        if "/ws?" in path:
            assert ask(tenants, handshake(path)).status == 101
            # The header wins, and a key is no token.
            bad = handshake(path, ("Authorization", "ApiKey wrong"))
            assert ask(tenants, bad).status == 401
            assert ask(tenants, handshake(path.split("?")[0] + "?token=ann-key")).status == 401
            assert ask(tenants, handshake(path.split("?")[0] + "?token=")).status == 401
        else:
            assert call(tenants, asked, anns, None).status_code == 401, route


def test_a_browser_may_send_its_token_as_a_subprotocol(
    tenants: Server, tokens: dict[str, str], anns: str
) -> None:
    path = f"{SANDBOXES}/{anns}/ws"

    def answer(*offered: str) -> tuple[int, str | None]:
        with connect(tenants) as connection:
            connection.sendall(handshake(path, ("Sec-WebSocket-Protocol", ", ".join(offered))))
            head = connection.recv(65536).decode("latin1").split("\r\n\r\n")[0].split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:])
        return int(head[0].split()[1]), fields.get("sec-websocket-protocol")

    bearer = f"bearer.{tokens['ann']}"
    assert answer("xgen.v1", bearer) == (101, "xgen.v1")
    assert answer(bearer, "xgen.v1") == (101, "xgen.v1")
    assert answer(bearer)[0] == 401, "without the marker nothing could be chosen"
    assert answer("xgen.v1")[0] == 401
    assert answer("xgen.v1", "bearer.nonsense")[0] == 401
    assert answer("xgen.v1", f"bearer.{tokens['bob']}")[0] == 404
    assert answer("xgen.v1", f"bearer.{tokens['eve']}")[0] == 403


def test_requests_at_the_same_time_do_not_exceed_max_sandboxes(tenants: Server) -> None:
    for sandbox in call(tenants, ROUTES[0], "", "ApiKey bob-key").json():
        call(tenants, ROUTES[-1], sandbox["id"], "ApiKey bob-key")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(
            lambda _: call(tenants, Route("POST", SANDBOXES, "", 0, {}), "", "ApiKey bob-key"),
            range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [429] * 9
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "QUOTA_EXCEEDED"
            assert "max_sandboxes" in answer.json()["error"]
            assert int(answer.headers["Retry-After"]) > 0
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert status(tenants, OF_A_SANDBOX[-1], made[0], "ApiKey bob-key") == 204
    made[0] = created(tenants, "ApiKey bob-key")  # there is room again
    assert created(tenants, "ApiKey ann-key")  # ann has another limit: none
    for id in made:
        call(tenants, OF_A_SANDBOX[-1], id, "ApiKey bob-key")
