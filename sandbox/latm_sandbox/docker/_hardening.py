"""How a container is made that hostile code cannot get out of or leave anything behind in."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

from docker.types import Mount

from latm_sandbox._launcher import CellSpec
from latm_sandbox._limits import MiB
from latm_sandbox.docker import _owner
from latm_sandbox.docker._socket import PATH, TARGET, VARIABLE

USER: Final = "65534:65534"  # nobody, in every image
_GUEST_MEMORY: Final = 24 * MiB  # supervisor and interpreter, beside what the call may use
_OPEN_FILES: Final = 1024


@functools.cache
def seccomp_profile() -> str:
    """Our allow list of system calls, as the JSON that the daemon takes."""
    return files("latm_sandbox.docker").joinpath("seccomp.json").read_text()


def host_config(
    client: Any, spec: CellSpec, *, runtime: str | None, directory: str | None = None
) -> dict[str, Any]:
    """The container's host configuration; `directory` holds a socket for it."""
    limits = spec.limits
    # nosuid and nodev go without saying; noexec keeps a program from running binaries of its own making.
    scratch = f"rw,noexec,nosuid,nodev,mode=1777,size={limits.scratch_bytes},nr_inodes=4096"
    memory = limits.memory_bytes + _GUEST_MEMORY
    config: dict[str, Any] = client.create_host_config(
        network_mode="none",
        read_only=True,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges", f"seccomp={seccomp_profile()}"],
        pids_limit=limits.processes + 1,  # the supervisor
        mem_limit=memory,
        memswap_limit=memory,
        mem_swappiness=None,
        tmpfs={"/tmp": scratch, "/dev/shm": scratch},  # noqa: S108 - the cell's own
        log_config={"Type": "none", "Config": {}},
        auto_remove=True,
        ipc_mode="private",
        oom_kill_disable=False,
        ulimits=[
            {"Name": "core", "Soft": 0, "Hard": 0},
            {"Name": "nofile", "Soft": _OPEN_FILES, "Hard": _OPEN_FILES},
            {"Name": "stack", "Soft": 8 * MiB, "Hard": 8 * MiB},
        ],
        mounts=None
        if directory is None
        else [Mount(TARGET, directory, type="bind", read_only=True, propagation="rprivate")],
        **({} if runtime is None else {"runtime": runtime}),
    )
    return config


def container_config(
    client: Any,
    spec: CellSpec,
    image: str,
    *,
    runtime: str | None,
    inherited: Iterable[str] = (),
    directory: str | None = None,
) -> dict[str, Any]:
    """All that the daemon is told of a new container.

    Args:
        client: the SDK's.
        spec: what is to be started.
        image: in what.
        runtime: another than the daemon's default.
        inherited: variables of the image, to be unset.
        directory: of this host, with a socket for the guest.
    """
    own = {} if directory is None else {VARIABLE: PATH}
    config: dict[str, Any] = client.create_container_config(
        image,
        [*spec.arguments],
        entrypoint=["python3"],
        user=USER,
        stdin_open=True,
        tty=False,
        # The first process of a container ignores all milder ones, and a daemon that stops waits 10 s for it.
        stop_signal="SIGKILL",
        working_dir="/tmp",  # noqa: S108 - the cell's own
        hostname="cell",
        # None unsets: LD_PRELOAD or PYTHONHOME would be there before the guest is.
        environment={**dict.fromkeys(inherited), **spec.environment, **own},
        healthcheck={"test": ["NONE"]},
        labels=_owner.labels(),
        network_disabled=True,
        host_config=host_config(client, spec, runtime=runtime, directory=directory),
    )
    return config
