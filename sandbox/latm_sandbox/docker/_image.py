"""Images: what a cell is made of."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import docker.errors
import requests

from latm_sandbox._images import Image
from latm_sandbox.docker import _build, _hostpython, _installed, _packages
from latm_sandbox.errors import ImageError

REPOSITORY: Final = "latm-sandbox"


def host_tag() -> str:
    """The tag of the image of the running interpreter."""
    return tag_of(Image())


def ensure_host(client: Any) -> str:
    """The image of the running interpreter; built when the daemon has none.

    Raises:
        ImageError: it cannot be built.
    """
    return ensure(client, Image())


def tag_of(image: Image) -> str:
    """The tag by which the daemon knows the image, or would.

    Raises:
        ImageError: it is of a Dockerfile that is not there, or of a distribution that is not installed.
    """
    if image.kind == "reference":
        return image.source
    if image.kind == "dockerfile":
        return f"{REPOSITORY}:{_build.fingerprint(image.source)}"
    return f"{REPOSITORY}:{_hostpython.fingerprint(image.packages, _installed.versions(image.installed))}"


def ensure(client: Any, image: Image) -> str:
    """The tag of an image that the daemon has now: found, built or pulled.

    Raises:
        ImageError: it cannot be had.
    """
    tag = tag_of(image)
    if image.kind == "reference":
        return ensure_reference(client, tag)
    if not present(client, tag):
        with _lock():
            if not present(client, tag):  # not built by another process while we waited
                if image.kind == "dockerfile":
                    _build.build(client, image.source, tag)
                else:
                    _build_host(client, image, tag)
    return tag


def inherited(client: Any, reference: str) -> tuple[str, ...]:
    """Names of the variables that the image would set in a cell.

    Raises:
        ImageError: it is gone, or has volumes, which a cell could write to and fill a disk with.
    """
    try:
        config: dict[str, Any] = client.inspect_image(reference).get("Config") or {}
    except docker.errors.APIError as error:
        raise ImageError(f"the image {reference!r} cannot be looked up ({_short(error)})") from error
    if volumes := sorted(config.get("Volumes") or {}):
        raise ImageError(
            f"the image {reference!r} declares volumes ({', '.join(volumes)}), which a cell could write to",
            remedy="use an image without VOLUME",
        )
    return tuple(variable.partition("=")[0] for variable in config.get("Env") or ())


def _build_host(client: Any, image: Image, tag: str) -> None:
    with contextlib.ExitStack() as stack:
        with _room():
            file = stack.enter_context(tempfile.TemporaryFile())
            beside = _collect(image, file)
        labels = {"io.latm.sandbox": "image"}
        if beside:
            labels["io.latm.packages"] = " ".join(sorted(beside))
        _import(client, file, tag, labels)


def _collect(image: Image, file: IO[bytes]) -> list[str]:
    """Write the image's files to `file`; names and versions of what is beside the interpreter."""
    with tempfile.TemporaryDirectory(prefix="latm-image-") as name:
        directory = Path(name)
        beside: list[str] = []
        if image.packages:
            beside += _packages.install(image.packages, directory)
        if image.installed:
            beside += _installed.copy(image.installed, directory / "packages")
        _hostpython.collect(file, directory / "packages" if beside else None)
        return beside


@contextlib.contextmanager
def _room() -> Generator[None]:
    """What goes wrong with files here is no fault of the engine's, and must not read like one."""
    try:
        yield
    except OSError as error:
        raise ImageError(
            f"the image of the running interpreter cannot be made: {error}",
            remedy=f"make room in {tempfile.gettempdir()}, or set TMPDIR to a directory that has some",
        ) from error


def ensure_reference(client: Any, reference: str) -> str:
    """The image that `reference` names; pulled when the daemon has none.

    Raises:
        ImageError: it is not there and cannot be pulled.
    """
    if not present(client, reference):
        try:
            client.pull(reference)
            why = "" if present(client, reference) else "the engine took the request and does not have it"
        except (docker.errors.DockerException, requests.RequestException) as error:
            why = _short(error)
        if why:
            raise ImageError(
                f"the image {reference!r} is not there and cannot be pulled ({why})",
                remedy=f"docker pull {reference}, or leave image= out to use the running interpreter",
            )
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


def _import(client: Any, file: IO[bytes], tag: str, labels: Mapping[str, str]) -> None:
    file.seek(0)
    repository, _, version = tag.partition(":")
    try:
        changes = [f'LABEL {name}="{value}"' for name, value in labels.items()]
        client.import_image(file, repository=repository, tag=version, changes=changes)
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
    """One build at a time on this machine, whatever process of this user builds."""
    descriptor = _lock_file()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _lock_file() -> int:
    name, flags = f"latm-sandbox-{os.getuid()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    if base := os.environ.get("XDG_RUNTIME_DIR"):
        with contextlib.suppress(OSError):  # after `su` it may be another user's, or not be there
            return os.open(Path(base, name), flags, 0o600)
    path = Path(tempfile.gettempdir(), name)
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise ImageError(
            f"builds cannot be kept apart: {error}",
            remedy=f"remove {path}, or set TMPDIR to a directory of your own",
        ) from error


def _short(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error)[:300]
