"""The rate limit: who is counted as whom, and what clients are told."""

from collections.abc import Iterator

import pytest
import requests
from roles import keyed_server
from server import SANDBOXES, Server

LIMIT = 6


@pytest.fixture(scope="module")
def limited() -> Iterator[Server]:
    more = {"bob": {"rate_limit": 3}, "root": {"rate_limit": 0}}
    arguments = ("--rate-limit-per-minute", str(LIMIT), "--trusted-proxy", "127.0.0.1")
    with keyed_server(*arguments, more=more) as server:
        yield server


def ask(
    server: Server, key: str | None = None, client: str | None = None, path: str = SANDBOXES,
    method: str = "GET", **options: object,
) -> requests.Response:
    headers = {} if key is None else {"Authorization": f"ApiKey {key}-key"}
    if client is not None:
        headers["X-Forwarded-For"] = client
    return server.raw(method, path, headers=headers, **options)


def told(answer: requests.Response) -> tuple[int, int, int]:
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    return tuple(int(answer.headers[name]) for name in names)  # type: ignore[return-value]


def refused(answer: requests.Response) -> bool:
    if answer.status_code != 429:
        return False
    assert answer.json()["code"] == "QUOTA_EXCEEDED"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert told(answer)[1] == 0
    return True


def test_a_key_is_told_what_it_has_left(limited: Server) -> None:
    for left in range(LIMIT - 1, -1, -1):
        answer = ask(limited, "ann")
        limit, remaining, reset = told(answer)
        assert (answer.status_code, limit, remaining) == (200, LIMIT, left)
        assert 0 < reset <= 60
    assert refused(ask(limited, "ann"))
    # A token of the key is the same client; another address changes nothing.
    token = ask(
        limited, client="192.0.2.77", path="/api/v1/auth/token", method="POST",
        json={"api_key": "ann-key"}).json()["token"]
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.78"}
    assert refused(limited.raw("GET", SANDBOXES, headers=headers))


def test_a_key_may_have_a_limit_of_its_own(limited: Server) -> None:
    assert [ask(limited, "bob").status_code for _ in range(4)] == [200, 200, 200, 429]
    for _ in range(2 * LIMIT):
        answer = ask(limited, "root")
        assert answer.status_code == 200 and "RateLimit-Limit" not in answer.headers


def test_what_is_forbidden_counts_for_the_key(limited: Server) -> None:
    codes = [ask(limited, "nothing").status_code for _ in range(LIMIT + 1)]
    assert codes == [403] * LIMIT + [429]


@pytest.mark.parametrize(("name", "path", "method"), [
    ("192.0.2.1", SANDBOXES, "GET"), ("192.0.2.2", "/api/v1/auth/token", "POST"),
    ("192.0.2.3", "/nothing/here", "GET"), ("192.0.2.4", "/api/v1/auth/token", "GET"),
])
def test_before_authentication_the_address_counts(
    limited: Server, name: str, path: str, method: str
) -> None:
    for left in range(LIMIT - 1, -1, -1):
        answer = ask(limited, client=name, path=path, method=method)
        assert answer.status_code in (400, 401, 404, 405) and told(answer)[1] == left
    assert refused(ask(limited, client=name, path=path, method=method))
    assert not refused(ask(limited, client=name + "0", path=path, method=method))


def test_the_client_is_the_last_address_that_is_not_a_proxy(limited: Server) -> None:
    for first in range(LIMIT):  # whatever the client writes itself
        assert not refused(ask(limited, client=f"203.0.113.{first}, 192.0.2.9, 127.0.0.1"))
    assert refused(ask(limited, client="198.51.100.1, 192.0.2.9"))


def test_an_ipv6_network_is_one_client(limited: Server) -> None:
    for last in range(LIMIT):
        assert not refused(ask(limited, client=f"2001:db8:1:2::{last}"))
    assert refused(ask(limited, client="2001:db8:1:2:ffff::1"))
    assert not refused(ask(limited, client="2001:db8:1:3::1"))


def test_health_and_metrics_are_not_counted(limited: Server) -> None:
    for path in ("/healthz", "/metrics"):
        for _ in range(2 * LIMIT):
            answer = ask(limited, client="192.0.2.5", path=path)
            assert answer.status_code == 200 and "RateLimit-Limit" not in answer.headers


def test_without_trusted_proxies_nobody_names_another_client() -> None:
    with keyed_server("--rate-limit-per-minute", "2") as server:
        codes = [ask(server, client=f"192.0.2.{n}").status_code for n in range(3)]
        assert codes == [401, 401, 429]


def test_a_crowd_of_addresses_takes_no_keys_place() -> None:
    arguments = ("--rate-limit-per-minute", "2", "--trusted-proxy", "127.0.0.0/8")
    with keyed_server(*arguments) as server, requests.Session() as session:
        session.trust_env = False
        for n in range(10_050):
            headers = {"X-Forwarded-For": f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"}
            session.get(server.address + "/nothing", headers=headers)
        assert ask(server, "ann").status_code == 200
        assert ask(server, client="172.16.0.1").status_code == 429
