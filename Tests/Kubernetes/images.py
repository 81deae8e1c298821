"""The images under test, in the cluster's own store.

They are built from the same binaries as the server under test and loaded by XGEN_LOAD_IMAGE, a
command that takes archives (`kind load image-archive`, `minikube image load`). Without it they must
be in the cluster already, under the names in XGEN_IMAGES (default localhost) and XGEN_IMAGE_TAG."""

import os
import shlex
import subprocess
from functools import cache
from pathlib import Path

from server import BUILD, TOP

REGISTRY = os.environ.get("XGEN_IMAGES", "localhost")
TAG = os.environ.get("XGEN_IMAGE_TAG", "0.1.0")
NAMES = ("server", "sidecar", "runtime", "desktop", "busybox")
FOLDER = TOP / ".build" / "images"


def image(name: str) -> str:
    return f"{REGISTRY}/xgen-{name}:{TAG}"


@cache
def archives() -> dict[str, Path]:
    """Builds them; Debian's part is made once, since no change of ours is in it."""
    found = {name: FOLDER / f"xgen-{name}.tar" for name in NAMES}
    wanted = [name for name in NAMES if name in ("server", "sidecar") or not found[name].exists()]
    subprocess.run(
        [TOP / "deploy/images/build", *wanted, "--build", BUILD, "--out", FOLDER,
         "--registry", REGISTRY, "--tag", TAG], check=True)
    return found


@cache
def load() -> None:
    """Puts them into the cluster, once a session."""
    command = os.environ.get("XGEN_LOAD_IMAGE")
    if command:
        subprocess.run([*shlex.split(command), *map(str, archives().values())], check=True)
