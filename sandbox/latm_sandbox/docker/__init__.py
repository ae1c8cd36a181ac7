"""Cells as Docker containers. Nothing here imports the docker package before a launcher is created."""

from __future__ import annotations

from latm_sandbox._launcher import Launcher, LauncherOptions, LauncherSpec

__all__ = ["SPEC"]


def _create(options: LauncherOptions) -> Launcher:
    from latm_sandbox.docker._launcher import DockerLauncher

    return DockerLauncher(options)


SPEC = LauncherSpec(
    name="docker",
    create=_create,
    summary="containers of a Docker engine: no network, read-only root, no capabilities, own seccomp profile",
)
"""The launcher that is chosen by the name ``docker``."""
