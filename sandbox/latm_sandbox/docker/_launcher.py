"""Starts and removes containers. The SDK blocks, so each of its calls runs in a worker thread.

A thread cannot be cancelled: whoever waits for it goes at once, and the thread clears up after itself.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from typing import Any, Final

import anyio
import anyio.lowlevel
import anyio.to_thread
import docker.errors
import requests
from docker.utils import kwargs_from_env

from latm_sandbox._images import as_image
from latm_sandbox._launcher import CellSpec, Finding, Jail, LauncherOptions
from latm_sandbox.docker import _image, _owner
from latm_sandbox.docker._attach import DockerJail, plain_socket
from latm_sandbox.docker._engine import connect, remove, typed, within
from latm_sandbox.docker._hardening import container_config
from latm_sandbox.docker._reaper import Reaper
from latm_sandbox.docker._socket import Listener, is_near, sweep_directories
from latm_sandbox.errors import ImageError, LaunchFailed, SandboxClosed

_STARTERS_PER_CORE: Final = 2  # more of them only wait for each other in the daemon
_API_S: Final = (
    60  # seconds until a request fails that the daemon does not answer, if its asker waits so long
)
_BUILD_S: Final = 600
_REMOVE_S: Final = 5.0  # after these a removal is left to the reaper
_UNDO_S: Final = 2.0  # that a cancelled launch, and the end of the launcher, wait for what is being undone


class _ImageGone(LaunchFailed):
    """The image was removed while it was in use."""


class _SocketRefused(LaunchFailed):
    """The engine cannot give a container a socket of this host's."""


class _Attempt:
    """A container that a thread starts for a caller who may give up meanwhile."""

    def __init__(self) -> None:
        self.name = f"latm-{uuid.uuid4().hex[:16]}"
        self.container = ""
        self.socket: socket.socket | None = None
        self.listener: Listener | None = None
        self.asked = False  # whether the daemon may know of it
        self._lock = threading.Lock()
        self._begun = False
        self._complete = False
        self._given_up = False
        self._ended = threading.Event()

    @property
    def over(self) -> bool:
        """Whether no thread is at it any more, once it was given up."""
        return self._ended.is_set() or not self._begun

    def begin(self) -> bool:
        """Whether somebody still wants it; called by the thread, as are the next two."""
        with self._lock:
            self._begun = not self._given_up
            return self._begun

    def complete(self) -> bool:
        """Whether the caller takes it; else it is the thread's to undo."""
        with self._lock:
            self._complete = not self._given_up
            return self._complete

    def end(self) -> None:
        """The thread has done what it had to."""
        self._ended.set()

    def give_up(self) -> bool:
        """Whether it is the caller's to undo, being complete; called by the caller."""
        with self._lock:
            self._given_up = True
            return self._complete

    def close(self) -> None:
        """Close its stream, and what its guest may connect to."""
        if self.socket is not None:
            self.socket.close()
        if self.listener is not None:
            self.listener.close()


class DockerLauncher:
    """Cells as containers of the engine that DOCKER_HOST names, or of the local one."""

    def __init__(self, options: LauncherOptions) -> None:
        self._wanted = as_image(options.image)
        self._inherited: tuple[str, ...] = ()
        runtime = options.extra.get("runtime")
        self._runtime = None if runtime is None else str(runtime)
        transport = options.extra.get("transport", "auto")
        if transport not in ("auto", "attach"):
            raise ValueError(f"transport is 'auto' or 'attach', not {transport!r}")
        # gVisor's guests cannot reach a socket of the host's, of other runtimes nothing is known.
        self._sockets = transport == "auto" and self._runtime is None
        self._client: Any = None
        self._reaper: Reaper | None = None
        self._image: str | None = None
        self._closed = False
        self._attempts: set[_Attempt] = set()
        self._lock = anyio.Lock()
        self._threads: anyio.CapacityLimiter | None = None
        self._removers: anyio.CapacityLimiter | None = None

    async def prepare(self) -> None:
        """Reach the daemon, have the image, and remove what dead owners left."""
        async with self._lock:
            if self._closed:
                raise SandboxClosed("the launcher is closed")
            if self._image is None:
                starters = _STARTERS_PER_CORE * (os.cpu_count() or 1)
                self._threads = anyio.CapacityLimiter(starters)
                self._removers = anyio.CapacityLimiter(starters)
                self._image = await anyio.to_thread.run_sync(
                    self._prepare, limiter=self._threads, abandon_on_cancel=True
                )

    def _prepare(self) -> str:
        client = self._connect(_API_S)
        try:
            with _client(_BUILD_S) as patient, typed():
                image = _image.ensure(patient, self._wanted)
                self._inherited = _image.inherited(patient, image)
            sweep(client)
            sweep_directories()
            return image
        finally:
            if self._closed:
                client.close()

    def _connect(self, timeout: int) -> Any:
        if self._client is None:
            with typed():
                address = kwargs_from_env()
            self._sockets = self._sockets and is_near(address.get("base_url"))
            self._client = connect(timeout, address)
            self._reaper = Reaper(address)
        return self._client

    async def launch(self, spec: CellSpec) -> Jail:
        """Create, attach, start; anew with a new image where the old one was removed behind our back."""
        await self.prepare()
        try:
            return await self._launch(spec)
        except (_ImageGone, _SocketRefused):
            await self.prepare()
            return await self._launch(spec)

    async def _launch(self, spec: CellSpec) -> Jail:
        attempt = _Attempt()
        self._attempts = {attempt, *(other for other in self._attempts if not other.over)}
        try:
            with within(anyio.current_effective_deadline() - anyio.current_time()):
                await anyio.to_thread.run_sync(
                    self._start, spec, attempt, limiter=self._threads, abandon_on_cancel=True
                )
            await anyio.lowlevel.checkpoint_if_cancelled()
        except BaseException:
            if attempt.give_up():
                attempt.close()
                with anyio.CancelScope(shield=True):
                    await self._remove(attempt.name)
            else:
                await _until_over({attempt})
            raise
        assert attempt.socket is not None
        return DockerJail(
            attempt.container, attempt.socket, lambda _: self._remove(attempt.name), attempt.listener
        )

    def _start(self, spec: CellSpec, attempt: _Attempt) -> None:
        client, reaper, image = self._client, self._reaper, self._image
        if not attempt.begin():
            return
        assert reaper is not None
        try:
            self._make(client, spec, image, attempt)
            if not attempt.complete():
                attempt.close()
                _remove_now(client, reaper, attempt.name)
        except _ImageGone:
            attempt.close()
            if self._image == image:
                self._image = None
            raise
        except BaseException:
            attempt.close()
            if attempt.asked:
                reaper.leave(attempt.name, unsure=not attempt.container)
            raise
        finally:
            attempt.end()
            if self._closed:
                client.close()

    def _make(self, client: Any, spec: CellSpec, image: str | None, attempt: _Attempt) -> None:
        gone = _ImageGone("the image was removed while it was in use", remedy="try again")
        if image is None:  # as another attempt has just found
            raise gone
        self._listen(attempt)
        config = container_config(
            client,
            spec,
            image,
            runtime=self._runtime,
            inherited=self._inherited,
            directory=None if attempt.listener is None else attempt.listener.directory,
        )
        with typed():
            attempt.asked = True
            try:
                made = client.create_container_from_config(config, attempt.name)
                attempt.container = made["Id"]
                params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
                attempt.socket = plain_socket(client.attach_socket(made["Id"], params))
                client.start(made["Id"])
            except docker.errors.ImageNotFound:
                raise gone from None
            except docker.errors.APIError as error:
                text = str(error.explanation)
                if "python3" in text:
                    raise ImageError(
                        f"the image {image!r} has no python3 that starts", remedy="use an image with Python"
                    ) from error
                if attempt.listener is not None and "mount" in text:
                    self._sockets = False
                    raise _SocketRefused(f"the engine cannot mount a socket: {text[:300]}") from error
                raise

    def _listen(self, attempt: _Attempt) -> None:
        if self._sockets:
            try:
                attempt.listener = Listener()
            except OSError:  # such as a path that is too long; attached streams always do
                self._sockets = False

    async def _remove(self, name: str) -> None:
        """Remove a container, or see to it that it is removed when the daemon can."""
        client, reaper = self._client, self._reaper
        assert reaper is not None
        try:
            await anyio.to_thread.run_sync(
                _remove_now, client, reaper, name, limiter=self._removers, abandon_on_cancel=True
            )
        except BaseException:
            reaper.leave(name)
            raise

    async def check(self) -> tuple[Finding, ...]:
        """What the daemon is, and whether it can do what a cell needs."""
        from latm_sandbox.docker._check import findings

        return await anyio.to_thread.run_sync(findings, self._wanted, self._runtime)

    async def aclose(self) -> None:
        """Remove what is being started, and close the connections to the daemon."""
        self._closed = True
        await _until_over(self._attempts)
        self._attempts = set()
        if self._reaper is not None:
            await anyio.to_thread.run_sync(self._reaper.close, _UNDO_S, abandon_on_cancel=True)
        if self._client is not None:
            self._client.close()
        self._client = self._image = None


async def _until_over(attempts: set[_Attempt]) -> None:
    """Wait until all is undone, yet not for a daemon that does not answer."""
    with anyio.move_on_after(_UNDO_S, shield=True):
        # Threads set it, of which no event of the loop's knows.
        while not all(attempt.over for attempt in attempts):  # noqa: ASYNC110
            await anyio.sleep(0.01)


def _remove_now(client: Any, reaper: Reaper, name: str) -> None:
    """Remove by force and verify; what the daemon does not do now is the reaper's."""
    try:
        with within(_REMOVE_S):
            remove(client, name)
    except (requests.RequestException, docker.errors.DockerException):
        reaper.leave(name)


@contextlib.contextmanager
def _client(timeout: int) -> Any:
    client = connect(timeout)
    try:
        yield client
    finally:
        client.close()


def sweep(client: Any) -> list[str]:
    """Remove the containers of owners that are provably dead; which those were."""
    with typed():
        found = client.containers(all=True, filters={"label": f"{_owner.LABEL}=cell"})
    swept: list[str] = []
    for container in found:
        if _owner.is_dead(container.get("Labels") or {}):
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
                remove(client, container["Id"])
                swept.append(container["Id"])
    return swept
