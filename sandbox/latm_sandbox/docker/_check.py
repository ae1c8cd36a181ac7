"""What a person should know about the Docker engine."""

from __future__ import annotations

from typing import Any

from latm_sandbox._images import Image
from latm_sandbox._launcher import Finding
from latm_sandbox.docker import _image
from latm_sandbox.docker._engine import ANSWER_S, connect, typed
from latm_sandbox.errors import SandboxUnavailable


def findings(wanted_image: Image, runtime: str | None) -> tuple[Finding, ...]:
    """Engine, cgroups, seccomp, runtimes and image; stops at an engine that does not answer."""
    try:
        client = connect(ANSWER_S)
        try:
            with typed():
                return tuple(_findings(client, wanted_image, runtime))
        finally:
            client.close()
    except SandboxUnavailable as error:
        return (Finding(name="docker", ok=False, detail=str(error), remedy=error.remedy),)


def _findings(client: Any, wanted_image: Image, runtime: str | None) -> list[Finding]:
    info: dict[str, Any] = client.info()
    version = info.get("ServerVersion", "?")
    options: list[str] = info.get("SecurityOptions") or []
    secure = any("seccomp" in option for option in options)
    runtimes = sorted(info.get("Runtimes") or {})
    image = _image.tag_of(wanted_image)
    there = _image.present(client, image)
    buildable = there or wanted_image.kind != "reference"
    wanted = runtime is None or runtime in runtimes
    return [
        Finding(name="docker", ok=True, detail=f"engine {version} answers"),
        Finding(name="cgroup", ok=True, detail=f"version {info.get('CgroupVersion', '1')}"),
        Finding(
            name="seccomp",
            ok=secure,
            detail="supported; our own profile is used" if secure else "the engine has no seccomp",
            remedy="" if secure else "use an engine and a kernel with seccomp",
        ),
        Finding(
            name="runtimes",
            ok=wanted,
            detail=", ".join(runtimes) + (f"; {runtime} is asked for" if runtime else ""),
            remedy="" if wanted else f"install the runtime {runtime} and name it in /etc/docker/daemon.json",
        ),
        Finding(
            name="image",
            ok=buildable,
            detail=f"{image} is {'there' if there else 'built at the first use' if buildable else 'absent'}",
            remedy="" if buildable else f"docker pull {image}",
        ),
    ]
