"""Servers with a file of API keys: one of each role, and some with less than their role."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server import Server

ALL = ("create", "read", "write", "exec", "files", "delete")
# Name: role and, where they are fewer than the role's, permissions. The key is `<name>-key`.
KEYS: dict[str, tuple[str, list[str] | None]] = {
    "root": ("admin", None),
    "ann": ("user", None),
    "bob": ("user", None),
    "eve": ("viewer", None),
    "nothing": ("user", []),
    # A right that its role does not have stays nothing.
    "greedy": ("viewer", [f"sandbox:{name}" for name in ALL] + ["admin:read"]),
    "weak-admin": ("admin", ["sandbox:read"]),
    **{f"only-{name}": ("user", [f"sandbox:{name}"]) for name in ALL},
    **{f"no-{name}": ("user", [f"sandbox:{n}" for n in ALL if n != name]) for name in ALL},
}


def entry(name: str, role: str, permissions: list[str] | None, **more: Any) -> dict[str, Any]:
    digest = hashlib.sha256(f"{name}-key".encode()).hexdigest()
    found = {"name": name, "key_sha256": digest, "role": role, **more}
    return found if permissions is None else {**found, "permissions": permissions}


def rights(name: str) -> set[str]:
    """What the key of this name may do, by its role and its own permissions."""
    role, permissions = KEYS[name]
    mine = {f"sandbox:{right}" for right in ALL} if role != "viewer" else {"sandbox:read"}
    if role == "admin":
        mine |= {"admin:read"}
    return mine if permissions is None else mine & set(permissions)


@contextmanager
def keyed_server(*arguments: str, more: dict[str, dict[str, Any]] | None = None) -> Iterator[Server]:
    """A server with these keys; `more` adds members to the entries of some, or entries."""
    more = more or {}
    entries = [entry(name, *KEYS.get(name, ("user", None)), **more.get(name, {}))
               for name in [*KEYS, *(set(more) - set(KEYS))]]
    server = Server(*arguments)
    path = server.folder / "keys.json"
    path.write_text(json.dumps(entries))
    server.arguments = ("--api-keys", str(path), *arguments)
    try:
        yield server.start()
    finally:
        server.clean()
