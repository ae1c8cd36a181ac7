"""Starts and removes containers. The SDK blocks, so each of its calls runs in a worker thread."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import docker
import docker.errors
import requests
from docker.utils import kwargs_from_env

from latm_sandbox._images import as_image
from latm_sandbox._launcher import CellSpec, Finding, Jail, LauncherOptions
from latm_sandbox.docker import _image, _owner
from latm_sandbox.docker._attach import DockerJail, plain_socket
from latm_sandbox.docker._hardening import container_config
from latm_sandbox.errors import ImageError, LaunchFailed, SandboxUnavailable

T = TypeVar("T")

_STARTERS_PER_CORE: Final = 2  # more of them only wait for each other in the daemon
_API_S: Final = 60  # seconds until a request that the daemon does not answer fails
_BUILD_S: Final = 600
_TRIES: Final = 8  # about one removal in 800 races with the container's own exit


class DockerLauncher:
    """Cells as containers of the engine that DOCKER_HOST names, or of the local one."""

    def __init__(self, options: LauncherOptions) -> None:
        self._wanted = as_image(options.image)
        self._inherited: tuple[str, ...] = ()
        runtime = options.extra.get("runtime")
        self._runtime = None if runtime is None else str(runtime)
        self._client: Any = None
        self._image: str | None = None
        self._lock = anyio.Lock()
        self._threads: anyio.CapacityLimiter | None = None
        self._removers: anyio.CapacityLimiter | None = None

    async def prepare(self) -> None:
        """Reach the daemon, have the image, and remove what dead owners left."""
        async with self._lock:
            if self._image is None:
                starters = _STARTERS_PER_CORE * (os.cpu_count() or 1)
                self._threads = anyio.CapacityLimiter(starters)
                self._removers = anyio.CapacityLimiter(starters)
                self._image = await anyio.to_thread.run_sync(self._prepare, limiter=self._threads)

    def _prepare(self) -> str:
        client = self._connect(_API_S)
        with _client(_BUILD_S) as patient, _typed():
            image = _image.ensure(patient, self._wanted)
            self._inherited = _image.inherited(patient, image)
        sweep(client)
        return image

    def _connect(self, timeout: int) -> Any:
        if self._client is None:
            self._client = connect(timeout)
        return self._client

    async def launch(self, spec: CellSpec) -> Jail:
        """Create, attach, start."""
        await self.prepare()
        container: list[str] = []
        attached: list[socket.socket] = []
        try:
            # Not abandoned on cancellation, and told by lists, not by its return value, which a cancellation
            # would swallow: what the thread creates has to be known to be removed.
            await anyio.to_thread.run_sync(self._start, spec, container, attached, limiter=self._threads)
            await anyio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            for sock in attached:
                sock.close()
            if container:
                with anyio.CancelScope(shield=True):
                    await self._remove(container[0])
            raise
        return DockerJail(container[0], attached[0], self._remove)

    def _start(self, spec: CellSpec, container: list[str], attached: list[socket.socket]) -> None:
        client = self._client
        assert self._image is not None
        config = container_config(client, spec, self._image, runtime=self._runtime, inherited=self._inherited)
        with _typed():
            try:
                made = client.create_container_from_config(config)
            except docker.errors.ImageNotFound:
                self._image = None  # removed behind our back; the next launch builds it anew
                raise LaunchFailed("the image was removed while it was in use", remedy="try again") from None
            container.append(made["Id"])
            params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            attached.append(plain_socket(client.attach_socket(made["Id"], params)))
            try:
                client.start(made["Id"])
            except docker.errors.APIError as error:
                if "python3" not in str(error.explanation):
                    raise
                raise ImageError(
                    f"the image {self._image!r} has no python3 that starts", remedy="use an image with Python"
                ) from error

    async def _remove(self, container: str) -> None:
        await anyio.to_thread.run_sync(self._remove_now, container, limiter=self._removers)

    def _remove_now(self, container: str) -> None:
        """Remove by force and verify. A daemon that is gone is no error here: the sweep comes after it."""
        with contextlib.suppress(requests.RequestException, docker.errors.DockerException):
            remove(self._client, container)

    async def check(self) -> tuple[Finding, ...]:
        """What the daemon is, and whether it can do what a cell needs."""
        from latm_sandbox.docker._check import findings

        return await anyio.to_thread.run_sync(findings, self._wanted, self._runtime)

    async def aclose(self) -> None:
        """Close the connections to the daemon."""
        if self._client is not None:
            self._client.close()
            self._client = None
            self._image = None


def connect(timeout: int) -> Any:
    """A client of the daemon, which has answered.

    Raises:
        SandboxUnavailable: it does not answer, or not to us.
    """
    with _typed():
        _knock()
        return docker.APIClient(**kwargs_from_env(), version="auto", timeout=timeout, num_pools=25)


@contextlib.contextmanager
def _client(timeout: int) -> Any:
    client = connect(timeout)
    try:
        yield client
    finally:
        client.close()


def _knock() -> None:
    """See that somebody listens on the socket; the SDK leaks one of its own where nobody does."""
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if host.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(host.removeprefix("unix://"))


def remove(client: Any, container: str) -> None:
    """Remove a container by force until the daemon knows it no longer."""
    for _ in range(_TRIES):
        try:
            client.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code not in (409, 500):  # removal in progress, or a race with its exit
                raise
            with contextlib.suppress(docker.errors.APIError, requests.ReadTimeout):
                client.wait(container, timeout=1, condition="removed")
    client.inspect_container(container)


def sweep(client: Any) -> list[str]:
    """Remove the containers of owners that are provably dead; which those were."""
    with _typed():
        found = client.containers(all=True, filters={"label": f"{_owner.LABEL}=cell"})
    swept: list[str] = []
    for container in found:
        if _owner.is_dead(container.get("Labels") or {}):
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
                remove(client, container["Id"])
                swept.append(container["Id"])
    return swept


@contextlib.contextmanager
def _typed() -> Any:
    """Errors of the SDK and of its transport as ours."""
    try:
        yield
    except docker.errors.APIError as error:
        text = str(error.explanation or error)[:300]
        raise LaunchFailed(f"the Docker engine refused: {text}", remedy="docker info") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise unavailable(error) from error


def unavailable(error: Exception) -> SandboxUnavailable:
    """Say why the daemon cannot be reached, and which command mends it."""
    text = str(error)
    host = os.environ.get("DOCKER_HOST")
    if "Permission denied" in text or "PermissionError" in text:
        return SandboxUnavailable(
            "the Docker engine is there, but this user may not use it",
            remedy="sudo usermod -aG docker $USER, then log in again",
        )
    if host:
        return SandboxUnavailable(
            f"no Docker engine answers at DOCKER_HOST={host} ({text[:200]})",
            remedy="check that address, or unset DOCKER_HOST to use the local engine",
        )
    return SandboxUnavailable(
        f"no Docker engine answers ({text[:200]})",
        remedy="sudo systemctl start docker, or sudo dockerd; to install it: sudo apt-get install docker.io",
    )
