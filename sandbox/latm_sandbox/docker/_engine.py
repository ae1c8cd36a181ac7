"""The engine's API: a client none of whose requests waits for ever, and what its failures mean."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Generator, Mapping
from contextvars import ContextVar
from typing import Any, Final

import docker
import docker.errors
import requests
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.utils import kwargs_from_env

from latm_sandbox.docker._connections import own_connections
from latm_sandbox.errors import LaunchFailed, SandboxUnavailable

ANSWER_S: Final = 10
"""Seconds within which an engine that works says its version, lists, or removes."""
_TRIES: Final = 8  # about one removal in 800 races with the container's own exit

# A variable of the context follows a call into its worker thread; the SDK has one figure for all threads.
_DEADLINE: ContextVar[float] = ContextVar("latm_docker_deadline", default=math.inf)


class Client(docker.APIClient):  # type: ignore[misc]  # ships no types
    """The SDK's client, whose requests end at the deadline of who asks, at the latest."""

    def __init__(self, base_url: str | None = None, **options: Any) -> None:
        # The SDK would ask for the version before its connections can be replaced.
        super().__init__(base_url, version=MINIMUM_DOCKER_API_VERSION, **options)
        self._begin()

    def _begin(self) -> None:
        sdk: Any = self
        try:
            own_connections(sdk)
            sdk._version = sdk._retrieve_server_version()  # noqa: SLF001
        except BaseException:
            self.close()
            raise

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send one request; the SDK's own calls all come through here."""
        left = _DEADLINE.get() - time.monotonic()
        if left <= 0:
            raise requests.Timeout("the time for it was over before it was asked")
        # The SDK passes None, which is for ever, where it expects a long answer.
        kwargs["timeout"] = min(kwargs.get("timeout") or self.timeout, left)
        response: requests.Response = super().request(*args, **kwargs)
        return response


@contextlib.contextmanager
def within(seconds: float) -> Generator[None]:
    """Requests from here, threads that start here included, have to be answered by then."""
    token = _DEADLINE.set(min(_DEADLINE.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _DEADLINE.reset(token)


def connect(timeout: int, address: Mapping[str, Any] | None = None) -> Any:
    """A client of the daemon at `address`, or where the environment says, which has answered.

    Raises:
        SandboxUnavailable: it does not answer, or not to us.
    """
    with typed():
        known: Any = kwargs_from_env() if address is None else address
        with within(ANSWER_S):
            return Client(**known, timeout=timeout)


def remove(client: Any, container: str) -> None:
    """Remove a container by force until the daemon knows it no longer.

    Raises:
        docker.errors.DockerException: it is still there.
        requests.RequestException: the daemon did not answer.
    """
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
    raise docker.errors.DockerException(f"the container {container} is not removed after {_TRIES} tries")


@contextlib.contextmanager
def typed() -> Generator[None]:
    """Errors of the SDK and of its transport as ours."""
    try:
        yield
    except docker.errors.APIError as error:
        text = str(error.explanation or error)[:300]
        full = "no space left" in text
        remedy = "free the disk under the engine: docker system df" if full else "docker info"
        raise LaunchFailed(f"the Docker engine refused: {text}", remedy=remedy) from error
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
