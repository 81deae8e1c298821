"""Holds every answer that a test gets to the server's own OpenAPI document."""

import re
from typing import Any
from urllib.parse import urljoin

import requests
from jsonschema import Draft202012Validator

ERROR = {
    "type": "object", "required": ["error", "code"],
    "properties": {
        "error": {"type": "string"}, "code": {"type": "string"}, "details": {"type": "string"},
    },
}


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self.components = document["components"]
        # What is more exact comes first: `/a/b` before `/a/{id}`.
        paths = sorted(document["paths"].items(), key=lambda item: item[0].count("{"))
        self.paths = [
            (re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path))), operations)
            for path, operations in paths
        ]

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        method = "get" if method == "HEAD" else method.lower()
        path = urljoin(path, re.sub("(?i)%2e", ".", path))  # dot segments go first
        for pattern, operations in self.paths:
            if pattern.fullmatch(path) and method in operations:
                return operations[method]
        return None

    def check(self, method: str, path: str, answer: requests.Response) -> None:
        """Fails on a status, content type, header or member that the document does not have."""
        where = f"{method} {path} -> {answer.status_code}"
        assert "X-Request-Id" in answer.headers, where
        operation = self.operation(method, path.partition("?")[0])
        if operation is None or answer.status_code == 405:
            if answer.status_code >= 400 and method != "HEAD":
                self.validate(ERROR, answer, where)
            return
        described = operation["responses"].get(str(answer.status_code))
        assert described, f"{where} is not in the document: {answer.text[:300]}"
        if "$ref" in described:
            described = self.components["responses"][described["$ref"].rpartition("/")[2]]
        content = described.get("content")
        if method == "HEAD" or not content:
            assert answer.content == b"", where
            return
        kind = answer.headers.get("Content-Type", "")
        assert kind in content, f"{where} has the type {kind!r}, not one of {list(content)}"
        if kind == "application/json":
            self.validate(content[kind]["schema"], answer, where)

    def validate(self, schema: dict[str, Any], answer: requests.Response, where: str) -> None:
        assert answer.headers.get("Content-Type") == "application/json", where
        validator = Draft202012Validator({**schema, "components": self.components})
        problems = [error.message for error in validator.iter_errors(answer.json())]
        assert not problems, f"{where}: {problems}: {answer.text[:300]}"
