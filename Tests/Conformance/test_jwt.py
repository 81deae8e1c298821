"""Tokens against another implementation, PyJWT, both ways; and what must not pass for one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from roles import keyed_server
from server import SANDBOXES, Server

SECRET = "the-secret-of-the-conformance-tests-0123456789"
NOW = int(time.time())
CLAIMS = {"sub": "ann", "role": "user", "iat": NOW, "exp": NOW + 900}
HEAD = {"alg": "HS256", "typ": "JWT"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Server]:
    with keyed_server("--jwt-secret", SECRET) as server:
        yield server


def status(server: Server, token: str, path: str = SANDBOXES, method: str = "GET") -> int:
    answer = server.raw(method, path, headers={"Authorization": f"Bearer {token}"}, json={})
    if answer.status_code == 401:
        assert answer.json()["code"] == "UNAUTHORIZED" and answer.headers["WWW-Authenticate"]
    return answer.status_code


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(head: Any, claims: Any, secret: str = SECRET, hash: str = "sha256") -> str:
    text = f"{part(head)}.{part(claims)}"
    return f"{text}.{part(hmac.new(secret.encode(), text.encode(), hash).digest())}"


def without(*names: str, **others: Any) -> dict[str, Any]:
    return {**{name: CLAIMS[name] for name in CLAIMS if name not in names}, **others}


def test_our_tokens_are_pyjwts(issuer: Server) -> None:
    for name, role, permissions in (
        ("ann", "user", None), ("root", "admin", None), ("eve", "viewer", None),
        ("only-exec", "user", ["sandbox:exec"]), ("nothing", "user", []),
    ):
        answer = issuer.raw("POST", "/api/v1/auth/token", json={"api_key": f"{name}-key"})
        token = answer.json()["token"]
        assert jwt.get_unverified_header(token) == HEAD
        claims = jwt.decode(token, SECRET, algorithms=["HS256"],
                            options={"require": ["sub", "role", "iat", "exp"]})
        assert (claims["sub"], claims["role"], claims.get("permissions")) == (
            name, role, permissions)
        assert type(claims["iat"]) is int and claims["exp"] - claims["iat"] == 900
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(token, SECRET + "x", algorithms=["HS256"])


def test_pyjwts_tokens_are_ours(issuer: Server) -> None:
    assert status(issuer, jwt.encode(CLAIMS, SECRET, algorithm="HS256")) == 200
    assert status(issuer, jwt.encode(CLAIMS, SECRET, headers={"kid": "1", "typ": "jwt"})) == 200
    assert status(issuer, jwt.encode({**CLAIMS, "aud": "x", "nbf": NOW}, SECRET)) == 200


def test_rights_are_the_least_of_role_claim_and_key(issuer: Server) -> None:
    def token(**claims: Any) -> str:
        return jwt.encode({**CLAIMS, **claims}, SECRET)

    create = {"method": "POST"}
    assert status(issuer, token(), **create) == 201
    assert status(issuer, token(role="viewer"), **create) == 403
    assert status(issuer, token(role="admin"), **create) == 201  # as a user, not as an admin
    assert status(issuer, token(permissions=["sandbox:read"]), **create) == 403
    assert status(issuer, token(permissions=[])) == 403
    assert status(issuer, token(sub="eve", role="admin", permissions=["sandbox:create"])) == 403
    assert status(issuer, token(sub="no-read", permissions=["sandbox:read"])) == 403
    assert status(issuer, token(sub="nobody")) == 401
    root = issuer.raw("GET", SANDBOXES, headers={"Authorization": "ApiKey root-key"}).json()
    ids = [sandbox["id"] for sandbox in root]
    assert len(ids) == 2
    for id in ids:
        assert status(issuer, token(), f"{SANDBOXES}/{id}", "DELETE") == 204


def test_numeric_dates_may_have_a_fraction(issuer: Server) -> None:
    assert status(issuer, signed(HEAD, {**CLAIMS, "iat": NOW + 0.5, "exp": NOW + 900.5})) == 200
    assert status(issuer, signed(HEAD, {**CLAIMS, "exp": float(NOW + 900)})) == 200
    assert status(issuer, signed(HEAD, {**CLAIMS, "iat": NOW - 9.5, "exp": NOW - 0.5})) == 401


def forged() -> dict[str, str]:
    good = signed(HEAD, CLAIMS)
    head, claims, signature = good.split(".")
    none = f"{part({'alg': 'none'})}.{claims}."
    return {
        "alg none": none,
        "alg none, signed": f"{part({'alg': 'none'})}.{claims}.{signature}",
        **{f"alg {alg}": signed({**HEAD, "alg": alg}, CLAIMS)
           for alg in ("None", "nOnE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "PS256",
                       "EdDSA", "HS256 ")},
        "HS512 by its own hash": signed({**HEAD, "alg": "HS512"}, CLAIMS, hash="sha512"),
        "HS384 by its own hash": signed({**HEAD, "alg": "HS384"}, CLAIMS, hash="sha384"),
        "alg of a wrong type": signed({"alg": ["HS256"]}, CLAIMS),
        "alg null": signed({"alg": None}, CLAIMS),
        "no alg": signed({"typ": "JWT"}, CLAIMS),
        "alg twice": signed(b'{"alg":"none","alg":"HS256"}', CLAIMS),
        "crit": signed({**HEAD, "crit": ["exp"]}, CLAIMS),
        "crit that is empty": signed({**HEAD, "crit": []}, CLAIMS),
        "another typ": signed({**HEAD, "typ": "at+jwt"}, CLAIMS),
        "a head that is no object": signed([HEAD], CLAIMS),
        "another secret": signed(HEAD, CLAIMS, SECRET + "x"),
        "an empty secret": signed(HEAD, CLAIMS, ""),
        "a cut signature": good[:-2],
        "a longer signature": good + "AA",
        "padding": good + "=",
        "no signature": f"{head}.{claims}.",
        "two parts": f"{head}.{claims}",
        "four parts": good + "." + signature,
        "five parts": f"{head}..{part(b'iv')}.{claims}.{signature}",
        "a blank": f"{head}.{claims}. {signature}",
        "standard base64": good.replace("-", "+").replace("_", "/") + "+",
        **{f"no {name}": signed(HEAD, without(name)) for name in CLAIMS},
        "expired": signed(HEAD, {**CLAIMS, "iat": NOW - 1800, "exp": NOW - 900}),
        "of the future": signed(HEAD, {**CLAIMS, "iat": NOW + 7200, "exp": NOW + 8000}),
        "not yet valid": signed(HEAD, {**CLAIMS, "nbf": NOW + 7200}),
        **{f"{name} {value!r}": signed(HEAD, {**CLAIMS, name: value})
           for name, value in (
               ("exp", str(NOW + 900)), ("exp", True), ("exp", None), ("exp", [NOW + 900]),
               ("exp", -1), ("iat", "now"), ("iat", {}), ("nbf", "x"), ("sub", 5), ("sub", ""),
               ("sub", None), ("sub", ["ann"]), ("role", "root"), ("role", "Admin"),
               ("role", ["admin"]), ("role", None), ("permissions", "sandbox:read"),
               ("permissions", ["everything"]), ("permissions", [1]), ("permissions", {}))},
        "exp beyond all numbers": signed(HEAD, json.dumps(CLAIMS).replace(
            str(NOW + 900), "1e400").encode()),
        "exp that is not a number": signed(HEAD, json.dumps(CLAIMS).replace(
            str(NOW + 900), "NaN").encode()),
        "exp twice": signed(HEAD, json.dumps(CLAIMS)[:-1].encode() + b',"exp":9999999999}'),
        "claims that are no object": signed(HEAD, [CLAIMS]),
        "claims that are no JSON": signed(HEAD, b"{"),
        "claims that are no UTF-8": signed(HEAD, b'{"sub":"\xff"}'),
        "huge": signed(HEAD, {**CLAIMS, "more": "x" * 8000}),
        "deep": signed(HEAD, {**CLAIMS, "more": json.loads("[" * 100 + "]" * 100)}),
    }


@pytest.mark.parametrize("name", forged())
def test_what_is_no_token_of_ours_is_401(issuer: Server, name: str) -> None:
    token = forged()[name]
    assert status(issuer, token) == 401
    assert SECRET not in issuer.log.read_text() and token not in issuer.log.read_text()


def test_a_public_key_is_no_secret(issuer: Server) -> None:
    """The RS256 confusion: a token signed with what everybody knows, here the key's hash."""
    known = hashlib.sha256(b"ann-key").hexdigest()
    for secret in (known, "ann-key", "conformance-admin-key", "ann"):
        assert status(issuer, signed(HEAD, CLAIMS, secret)) == 401
