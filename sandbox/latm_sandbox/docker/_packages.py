"""Packages from an index, resolved and unpacked on the host. Only wheels, whose installation runs no code."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from latm_sandbox.errors import ImageError

_INSTALL_S: Final = 540
_LINES: Final = 5  # of the installer's complaint
_QUIET: Final = ("--disable-pip-version-check", "--no-input", "--no-compile", "--quiet")


def install(requirements: Sequence[str], directory: Path) -> list[str]:
    """Unpack the wheels of `requirements`, and of all they need, into `directory`.

    Returns:
        Names and versions of what was installed, such as ``sympy==1.13.3``, sorted.

    Raises:
        ImageError: there is no installer, or it failed.
    """
    target = directory / "packages"
    target.mkdir()
    command = [*installer(), "--only-binary", ":all:", "--target", str(target), "--", *requirements]
    # What would contradict --target.
    environment = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"}
    environment.pop("PIP_PREFIX", None)
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and requirements cannot be options
            command,
            cwd=target,  # empty: no requirement is taken for a file there
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_INSTALL_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageError(
            f"the packages {', '.join(requirements)} cannot be installed: {error}",
            remedy="see that pip reaches its index: python -m pip download --no-deps pip",
        ) from error
    if done.returncode:
        raise _failed(requirements, done.stderr or done.stdout)
    found = importlib.metadata.distributions(path=[str(target)])
    return sorted(f"{item.metadata['Name']}=={item.version}" for item in found)


def installer() -> list[str]:
    """The start of a command that installs: pip, the pip that Python brings, or uv.

    Raises:
        ImageError: there is none of them.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "install", *_QUIET]
    bundled = importlib.util.find_spec("ensurepip")
    if bundled is not None and bundled.origin is not None:
        wheels = sorted(Path(bundled.origin).parent.glob("_bundled/pip-*.whl"))
        if wheels:
            return [sys.executable, f"{wheels[-1]}/pip", "install", *_QUIET]
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    raise ImageError(
        "packages need pip, and this Python has none", remedy="python -m ensurepip, or install uv"
    )


def _failed(requirements: Sequence[str], complaint: str) -> ImageError:
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    said = "; ".join(lines[-_LINES:])[-1000:]
    unknown = ("No matching distribution", "no wheels", "no usable wheels", "No solution found")
    lost = any(word in complaint for word in unknown)
    remedy = (
        "check name and version; a package without a wheel for this Python needs Image.dockerfile"
        if lost
        else "see that pip reaches its index: python -m pip config list"
    )
    return ImageError(
        f"the packages {', '.join(requirements)} cannot be installed ({said})",
        remedy=remedy,
    )
