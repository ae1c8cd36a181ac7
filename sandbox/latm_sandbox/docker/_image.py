"""Images: what a cell is made of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import IO, Any, Final

import docker.errors
import requests

from latm_sandbox.docker import _hostpython
from latm_sandbox.errors import ImageError

REPOSITORY: Final = "latm-sandbox"


def host_tag() -> str:
    """The tag of the image of the running interpreter."""
    return f"{REPOSITORY}:{_hostpython.fingerprint()}"


def ensure_host(client: Any) -> str:
    """The image of the running interpreter; built when the daemon has none.

    Raises:
        ImageError: it cannot be built.
    """
    tag = host_tag()
    if not present(client, tag):
        with _lock(), tempfile.TemporaryFile() as file:
            if not present(client, tag):  # not built by another process while we waited
                _hostpython.collect(file)
                _import(client, file, tag)
    return tag


def ensure_reference(client: Any, reference: str) -> str:
    """The image that `reference` names; pulled when the daemon has none.

    Raises:
        ImageError: it is not there and cannot be pulled.
    """
    if not present(client, reference):
        name, _, tag = reference.partition("@")[0].partition(":")
        try:
            if "@" in reference:
                client.pull(reference)
            else:
                client.pull(name, tag=tag or "latest")
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise ImageError(
                f"the image {reference!r} is not there and cannot be pulled ({_short(error)})",
                remedy=f"docker pull {reference}, or leave image= out to use the running interpreter",
            ) from error
    return reference


def present(client: Any, reference: str) -> bool:
    """Whether the daemon has the image."""
    try:
        client.inspect_image(reference)
    except docker.errors.ImageNotFound:
        return False
    except docker.errors.APIError as error:
        raise ImageError(f"the image {reference!r} cannot be looked up ({_short(error)})") from error
    return True


def _import(client: Any, file: IO[bytes], tag: str) -> None:
    file.seek(0)
    repository, _, version = tag.partition(":")
    try:
        client.import_image(file, repository=repository, tag=version, changes=["LABEL io.latm.sandbox=image"])
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise ImageError(
            f"the image of the running interpreter cannot be imported ({_short(error)})",
            remedy="see that the daemon's disk is not full: docker system df",
        ) from error
    if not present(client, tag):  # the daemon reports some failures only in the stream of its answer
        raise ImageError(
            "the daemon took the image of the running interpreter and does not have it",
            remedy="see that the daemon's disk is not full: docker system df",
        )


@contextlib.contextmanager
def _lock() -> Generator[None]:
    """One build at a time on this machine, whoever builds."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    path = Path(base, f"latm-sandbox-{os.getuid()}.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _short(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)[:300]
