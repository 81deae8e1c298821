"""A program with all that it needs to start: its loader and the libraries that ldd names."""

import re
import shutil
import subprocess
from pathlib import Path


def libraries(program: Path) -> list[Path]:
    """Loader and libraries of a program, as it would find them on this machine."""
    answer = subprocess.run(["ldd", program], capture_output=True, text=True)
    if "not a dynamic executable" in answer.stdout + answer.stderr:
        return []
    if answer.returncode != 0 or "not found" in answer.stdout:
        raise SystemExit(f"ldd {program}: {answer.stdout}{answer.stderr}")
    # `libuv.so.1 => /usr/lib/… (0x…)`, or the loader alone: `/lib64/ld-… (0x…)`
    return [Path(found) for found in re.findall(r"(?m)^\s*(?:\S+ => )?(/\S+) \(0x", answer.stdout)]


def copy(source: Path, root: Path, target: Path | None = None, mode: int = 0o755) -> None:
    """Copies a file to the same path below `root`, or to `target` there; links are followed."""
    place = root / str(target or source).lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.resolve(), place)
    place.chmod(mode)


def install(program: Path, root: Path, target: Path) -> None:
    """Puts a program at `target` below `root`, and what it needs where its loader looks."""
    copy(program, root, target)
    for library in libraries(program):
        copy(library, root)
