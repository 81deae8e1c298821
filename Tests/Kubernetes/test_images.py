"""The images as archives: what is in them, and that the same binaries give the same bytes."""

import hashlib
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from images import FOLDER, NAMES, archives, image
from server import BUILD, TOP


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def parts(name: str) -> tuple[dict[str, bytes], dict[str, Any], dict[str, Any]]:
    """All files of an archive, its manifest, and its config."""
    files = members(archives()[name])
    index = json.loads(files["index.json"])
    manifest = json.loads(files[blob(index["manifests"][0]["digest"])])
    return files, manifest, json.loads(files[blob(manifest["config"]["digest"])])


def blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


@pytest.mark.parametrize("name", NAMES)
def test_its_digests_and_names_are_right(name: str) -> None:
    files, manifest, config = parts(name)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for one in [manifest["config"], *manifest["layers"]]:
        data = files[blob(one["digest"])]
        assert one["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert one["size"] == len(data)
    assert config["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
    index = json.loads(files["index.json"])
    (docker,) = json.loads(files["manifest.json"])
    assert index["manifests"][0]["annotations"]["io.containerd.image.name"] == image(name)
    assert docker["RepoTags"] == [image(name)]
    assert docker["Layers"] == [blob(one["digest"]) for one in manifest["layers"]]
    assert config["config"]["User"].partition(":")[0] not in ("", "0", "root")


@pytest.mark.parametrize("name", ["server", "sidecar"])
def test_a_program_has_the_libraries_that_it_needs(name: str, tmp_path: Path) -> None:
    files, manifest, config = parts(name)
    layer = tmp_path / "layer.tar"
    layer.write_bytes(files[blob(manifest["layers"][0]["digest"])])
    with tarfile.open(layer) as tar:
        assert {(one.uid, one.gid) for one in tar} == {(0, 0)}
        assert not [one.name for one in tar if one.mode & 0o6000], "a set-uid program"
        tar.extractall(tmp_path / "root")
    root = tmp_path / "root"
    program = config["config"]["Entrypoint"][0].lstrip("/")
    loader = next(one for one in root.glob("lib*/ld-linux*"))
    folders = sorted({str(one.parent) for one in root.rglob("*.so*")})
    start = [loader, "--inhibit-cache", "--library-path", ":".join(folders)]

    def run(*arguments: str | Path) -> str:
        return subprocess.run(
            [*start, *arguments], capture_output=True, text=True, env={}, check=True).stdout

    assert run(root / program, "--version")
    listed = run("--list", root / program)
    outside = [line for line in listed.splitlines() if "=>" in line and str(root) not in line]
    assert not outside, "it would take the host's"


def test_the_server_trusts_certificate_authorities() -> None:
    files, manifest, _ = parts("server")
    assert b"etc/ssl/certs/ca-certificates.crt" in files[blob(manifest["layers"][0]["digest"])]


def test_the_same_programs_give_the_same_bytes(tmp_path: Path) -> None:
    command = [TOP / "deploy/images/build", "sidecar", "--build", BUILD, "--out", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    again = (tmp_path / "xgen-sidecar.tar").read_bytes()
    assert again == archives()["sidecar"].read_bytes() == (FOLDER / "xgen-sidecar.tar").read_bytes()
