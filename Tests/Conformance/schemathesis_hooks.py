"""Keeps schemathesis to what this host has: templates without their programs are 503 by design."""

from typing import Any

import schemathesis

INSTALLED = ("base", "python", None)


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    if not isinstance(body, dict):
        return True
    return body.get("gui") is not True and body.get("template") in INSTALLED + ("", 0)
