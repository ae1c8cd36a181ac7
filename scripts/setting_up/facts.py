"""Read what the plan depends on. Nothing here changes anything."""

from __future__ import annotations

import getpass
import grp
import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from setting_up import engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a machine is like.

    Attributes:
        system: the name of the operating system, for messages.
        apt: packages can be installed by apt-get (Debian, Ubuntu and what derives from them).
        debian: it is Debian itself.
        root: we are root.
        user: our name.
        in_docker_group: we are in the group that may use the local engine.
        python: the Python that runs us, as "3.11".
        python_path: where it is.
        python_of_system: it is the distribution's, so that apt-get can complete it.
        makes_venvs: it has ensurepip, which Debian packages apart.
        docker_host: DOCKER_HOST as it is set, or None.
        engine: what the engine said that this names, or the local one.
        other_hosts: engines of the same user that answer elsewhere (rootless, Docker Desktop).
        dockerd: the daemon's program is installed.
        dockerd_runs: it is running.
        iptables: what dockerd needs to set up its network is installed.
        database: a PostgreSQL server is installed.
        browser: a Chromium is installed.
        systemd: systemd is the first process, so services are started by systemctl.
    """

    system: str
    apt: bool
    debian: bool
    root: bool
    user: str
    in_docker_group: bool
    python: str
    python_path: str
    python_of_system: bool
    makes_venvs: bool
    docker_host: str | None
    engine: engine.Answer
    other_hosts: tuple[str, ...]
    dockerd: bool
    dockerd_runs: bool
    iptables: bool
    database: bool
    browser: bool
    systemd: bool


def read_facts() -> Facts:
    """Look at this machine."""
    docker_host = os.environ.get("DOCKER_HOST") or None
    answer = engine.ping(docker_host or engine.LOCAL_HOST)
    release = _os_release()
    family = {release.get("ID", ""), *release.get("ID_LIKE", "").split()}
    return Facts(
        system=release.get("PRETTY_NAME", platform.system()),
        apt=bool(family & {"debian", "ubuntu"}) and shutil.which("apt-get") is not None,
        debian=release.get("ID") == "debian",
        root=os.geteuid() == 0,
        user=_user(),
        in_docker_group=_in_group("docker"),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        python_path=sys.executable,
        python_of_system=sys.base_prefix == "/usr",
        makes_venvs=all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
        docker_host=docker_host,
        engine=answer,
        other_hosts=() if answer.ok else _other_hosts(),
        dockerd=engine.daemon_command() is not None,
        dockerd_runs=engine.daemon_runs(),
        iptables=shutil.which("iptables", path=engine.system_path()) is not None,
        database=any(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or shutil.which("initdb") is not None,
        browser=any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
        systemd=Path("/run/systemd/system").is_dir(),  # what sd_booted(3) looks at
    )


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:  # no Linux, or a very small one
        return {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as containers have it
        return str(os.geteuid())


def _in_group(name: str) -> bool:
    """By the user's entry, not by this process: a new member has to log in again, which is another advice."""
    try:
        return _user() in grp.getgrnam(name).gr_mem
    except KeyError:
        return False


def _other_hosts() -> tuple[str, ...]:
    home = Path.home()
    places = [home / ".docker/run/docker.sock", home / ".docker/desktop/docker.sock"]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        places.append(Path(runtime) / "docker.sock")
    hosts = [f"unix://{place}" for place in places]
    return tuple(host for host in hosts if engine.ping(host, timeout_s=1.0).ok)
