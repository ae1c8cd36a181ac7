"""Images of Dockerfiles, built by the engine."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any, Final

import docker.errors
import requests
from docker.utils.build import exclude_paths

from latm_sandbox.errors import ImageError

_LINES: Final = 8  # of what the build said before it failed


def fingerprint(source: str) -> str:
    """Changes with the Dockerfile and with all that the engine would be sent.

    Raises:
        ImageError: it is not there or cannot be read.
    """
    context, file = _find(source)
    digest = hashlib.sha256(f"{file.name}\n".encode())
    try:
        for name in sorted(exclude_paths(str(context), _ignored(context), dockerfile=file.name)):
            path = context / name
            state = path.lstat()
            digest.update(f"{name}\0{state.st_mode:o}\0{state.st_size}\0".encode(errors="surrogateescape"))
            if stat.S_ISLNK(state.st_mode):
                digest.update(os.fsencode(path.readlink()))
            elif stat.S_ISREG(state.st_mode):
                with path.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
    except OSError as error:
        raise ImageError(f"the context of {source} cannot be read: {error}") from error
    return digest.hexdigest()[:20]


def build(client: Any, source: str, tag: str) -> None:
    """Have the engine build it.

    Raises:
        ImageError: a step failed; says which, and what it said last.
    """
    context, file = _find(source)
    step, said = "", list[str]()
    try:
        for event in client.build(
            path=str(context), dockerfile=file.name, tag=tag, rm=True, forcerm=True, decode=True
        ):
            for line in str(event.get("stream", "")).splitlines():
                if line.startswith("Step "):
                    step, said = line, []
                elif line.strip():
                    said = [*said[1 - _LINES :], line.strip()]
            if "error" in event:
                last = "; ".join([*said, str(event["error"]).strip()])[-1000:]
                raise ImageError(
                    f"{file} cannot be built: {step or 'before its first step'} ({last})",
                    remedy=f"docker build -f {file} {context}",
                )
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise ImageError(
            f"{file} cannot be built ({str(getattr(error, 'explanation', None) or error)[:300]})",
            remedy=f"docker build -f {file} {context}",
        ) from error


def _find(source: str) -> tuple[Path, Path]:
    """The directory that is sent, and the Dockerfile in it."""
    path = Path(source)
    file = path / "Dockerfile" if path.is_dir() else path
    if not file.is_file():
        what = "has no Dockerfile" if path.is_dir() else "is not there"
        raise ImageError(f"{path} {what}", remedy="give the path of a Dockerfile or of its directory")
    return file.parent, file


def _ignored(context: Path) -> list[str]:
    """What .dockerignore names, read as the SDK reads it for the build."""
    file = context / ".dockerignore"
    if not file.is_file():
        return []
    lines = [line.strip() for line in file.read_text().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]
