"""Replicas of the server as processes here, with the rights of the cluster's Role."""

import json
import os
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import proc
import requests
from cluster import Space
from images import image
from server import API_KEY, BUILD, Server

# The same for all replicas of a test: a token of one is good at the others.
JWT_SECRET = secrets.token_hex(32)

# What each template of the reference means in these tests. Pods are small, so that many of them fit
# on a node.
TINY, LARGE, UNPULLABLE, NOWHERE = "base", "python", "nodejs", "go"
SMALL = {"default": {"cpu": "50m", "memory": "96Mi", "disk": "64Mi"}}
TEMPLATES: dict[str, Any] = {
    # No libc at all: the sidecar brings its own.
    TINY: {"image": image("busybox"), "resources": SMALL},
    LARGE: {"image": image("runtime"), "resources": SMALL, "environment": {"FROM": "the template"},
            "command": ["sh", "-c", "echo started by $FROM >/tmp/started"]},
    UNPULLABLE: {"image": "localhost:9/none/none:1", "resources": SMALL},
    NOWHERE: {"image": image("busybox"), "resources": SMALL,
              "nodeSelector": {"xgen.io/test": "no-node-has-it"}},
}


class Replica(Server):
    """A server of a space; several share its sandboxes."""

    def __init__(self, space: Space, *arguments: str, kubeconfig: Path | None = None) -> None:
        super().__init__(*arguments)
        self.space = space
        self.kubeconfig = kubeconfig or space.kubeconfig
        self.has_desktops = True
        self.templates = self.folder / "templates.yaml"
        self.templates.write_text(json.dumps({"templates": TEMPLATES}))  # JSON is YAML

    def spawn(self) -> subprocess.Popen[bytes]:
        command = [
            str(BUILD / "xgen-server"), "--backend", "kubernetes", "--listen", "127.0.0.1:0",
            "--kubeconfig", str(self.kubeconfig), "--templates", str(self.templates),
            "--data-dir", str(self.data), "--rate-limit-per-minute", "0", *self.arguments,
        ]
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder), "API_KEY": API_KEY,
            "JWT_SECRET": JWT_SECRET, "SANDBOX_NAMESPACE": self.space.name,
            "SIDECAR_IMAGE": image("sidecar"), "RUNTIME_BASE_IMAGE": image("runtime"),
            "IMAGE_PULL_POLICY": "IfNotPresent",
        }
        if self.has_desktops:
            environment["DESKTOP_IMAGE"] = image("desktop")
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def clean(self) -> None:
        """Ends the server; its sandboxes go with their namespace."""
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def awaited(
        self, status: int, method: str, path: str, seconds: float, **options: Any
    ) -> requests.Response:
        """Asks again and again until the answer has this status."""

        def found() -> list[requests.Response]:  # an answer is false by itself from 400 on
            answer = self.request(method, path, **options)
            return [answer] if answer.status_code == status else []

        return proc.eventually(f"{method} {path} is answered by {status}", found, seconds)[0]
