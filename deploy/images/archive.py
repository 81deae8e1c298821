"""Writes a container image as one archive: an OCI image layout (OCI image-spec 1.0), with the
manifest.json of `docker save` beside it, so that containerd, podman, skopeo and Docker all load it.

The same content gives the same bytes, and so the same digests."""

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
EPOCH = 0  # of every file and of the image itself
OCI = "application/vnd.oci.image"


class Blob:
    """A file whose name is its digest, in the folder that the archive is made from."""

    def __init__(self, folder: Path, pieces: Iterator[bytes]) -> None:
        digest, self.size, partial = hashlib.sha256(), 0, folder / "partial"
        with partial.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                self.size += file.write(piece)
        self.hex = digest.hexdigest()
        self.path = partial.rename(folder / self.hex)

    @property
    def name(self) -> str:
        return f"blobs/sha256/{self.hex}"

    def descriptor(self, kind: str, **more: Any) -> dict[str, Any]:
        return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{self.hex}", "size": self.size,
                **more}


def encoded(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(1 << 20):
        yield piece


def add_folder(tar: tarfile.TarFile, root: Path) -> None:
    """All of a folder in a fixed order, owned by root."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = EPOCH
        return entry

    for top, folders, files in os.walk(root):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(top, name)
            tar.add(path, str(path.relative_to(root)), recursive=False, filter=plain)


def layer_of(source: Path, folder: Path) -> Blob:
    """A layer of a folder, or of a tar of a root file system as it is."""
    if source.is_file():
        with source.open("rb") as file:
            return Blob(folder, pieces(file))
    whole = folder / "layer"
    with tarfile.open(whole, "w", format=tarfile.GNU_FORMAT) as tar:
        add_folder(tar, source)
    with whole.open("rb") as file:
        blob = Blob(folder, pieces(file))
    whole.unlink()
    return blob


def put(tar: tarfile.TarFile, name: str, source: bytes | Path) -> None:
    entry = tarfile.TarInfo(name)
    if isinstance(source, bytes):
        entry.size = len(source)
        tar.addfile(entry, io.BytesIO(source))
        return
    entry.size = source.stat().st_size
    with source.open("rb") as file:
        tar.addfile(entry, file)


def write(out: Path, name: str, layers: list[Path], settings: dict[str, Any], work: Path) -> str:
    """Writes the archive of the image `name` (host/path:tag) and returns its config's digest.

    `settings` is the `config` of the image (User, Env, Entrypoint, …); `work` an empty folder."""
    blobs = [layer_of(layer, work) for layer in layers]
    config = Blob(work, iter([encoded({
        "architecture": ARCHITECTURES[platform.machine()], "os": "linux",
        "created": "1970-01-01T00:00:00Z", "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{blob.hex}" for blob in blobs]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "deploy/images/build"}
                    for _ in blobs],
    })]))
    manifest = Blob(work, iter([encoded({
        "schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json",
        "config": config.descriptor("config.v1+json"),
        "layers": [blob.descriptor("layer.v1.tar") for blob in blobs],
    })]))
    index = {
        "schemaVersion": 2,
        "manifests": [manifest.descriptor("manifest.v1+json", annotations={
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        })],
    }
    docker = [{"Config": config.name, "RepoTags": [name], "Layers": [blob.name for blob in blobs]}]
    partial = out.with_name(out.name + ".partial")
    with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as tar:
        put(tar, "oci-layout", encoded({"imageLayoutVersion": "1.0.0"}))
        put(tar, "index.json", encoded(index))
        put(tar, "manifest.json", encoded(docker))
        for blob in {blob.hex: blob for blob in [*blobs, config, manifest]}.values():
            put(tar, blob.name, blob.path)
    partial.rename(out)
    return config.hex
