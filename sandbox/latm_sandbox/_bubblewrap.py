"""Cells without a daemon: the same guest in namespaces made by bubblewrap, chosen by name only.

What is weaker than in a container: there is no system call filter and no cgroup, so the kernel's whole
surface is in reach, memory is bounded for each process and not for all together, and so is CPU time.
`docs/sandbox.md` lists it. Everything else is the same: no network, a read-only root made of the running
interpreter, no privileges, scratch of a fixed size, a bound on processes.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from latm_sandbox._images import Image
from latm_sandbox._launcher import CellSpec, Finding, Jail, Launcher, LauncherOptions, LauncherSpec
from latm_sandbox._stream import StreamJail
from latm_sandbox.errors import ImageError, LaunchFailed, SandboxUnavailable

_NOBODY: Final = 65534
_INSTALL: Final = "sudo apt-get install bubblewrap"
_FLAGS: Final = (
    "--unshare-all --unshare-user --disable-userns --as-pid-1 --die-with-parent --new-session --clearenv "
    f"--cap-drop ALL --uid {_NOBODY} --gid {_NOBODY} --hostname cell --proc /proc --dev /dev"
).split()


def root_directory() -> Path:
    """The unpacked root file system of the running interpreter; made when it is not there yet.

    Raises:
        ImageError: it cannot be made, or its place is another user's.
    """
    from latm_sandbox.docker import _hostpython

    base = Path(tempfile.gettempdir(), f"latm-sandbox-{os.getuid()}")
    root = base / f"root-{_hostpython.fingerprint()}"
    try:
        base.mkdir(mode=0o755, exist_ok=True)
        # Looked at each time: what somebody else has put there would be the Python of our cells.
        if base.is_symlink() or base.stat().st_uid != os.getuid():
            raise ImageError(f"{base} belongs to somebody else", remedy=f"remove {base}")
        if not root.is_dir():
            _unpack(root)
    except OSError as error:
        if not root.is_dir():  # else another process was faster
            raise ImageError(
                f"the root file system cannot be unpacked: {error}",
                remedy=f"make room in {base.parent}, or set TMPDIR to a directory that has some",
            ) from error
    return root


def _unpack(root: Path) -> None:
    from latm_sandbox.docker import _hostpython

    fresh = Path(tempfile.mkdtemp(dir=root.parent))
    try:
        with tempfile.TemporaryFile() as file:
            _hostpython.collect(file)
            file.seek(0)
            with tarfile.open(fileobj=file) as archive:
                archive.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)  # new in 3.11.4
                archive.extractall(fresh)  # noqa: S202 - made a moment ago
        fresh.chmod(0o755)
        fresh.rename(root)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


class BubblewrapJail(StreamJail):
    """One bwrap process with a guest in it."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        super().__init__(sock)
        self._process = process

    @property
    def id(self) -> str:
        """The process id of bwrap."""
        return str(self._process.pid)

    async def destroy(self) -> str:
        """Kill bwrap, and with it the first process of the namespace, and so all of them."""
        self._stream.close()
        self._process.kill()
        complaint = self._process.stderr
        assert complaint is not None
        with complaint:
            await anyio.to_thread.run_sync(self._process.wait)
            os.set_blocking(complaint.fileno(), False)
            return (complaint.read(4096) or b"").decode(errors="replace")


class BubblewrapLauncher:
    """Starts cells with bwrap."""

    def __init__(self, options: LauncherOptions) -> None:
        if options.image is not None:
            beside = options.image.installed if isinstance(options.image, Image) else ()
            named = f", not with what is installed ({', '.join(beside)})" if beside else ""
            raise ImageError(
                f"bubblewrap has no images: it runs the running interpreter{named}",
                remedy="leave image= out, or launcher='docker'",
            )
        self._root: Path | None = None

    async def prepare(self) -> None:
        """Find bwrap and unpack the root."""
        if self._root is None:
            if shutil.which("bwrap") is None:
                raise SandboxUnavailable("bubblewrap is not installed", remedy=_INSTALL)
            self._root = await anyio.to_thread.run_sync(root_directory)

    async def launch(self, spec: CellSpec) -> Jail:
        """Start one. From this very thread: bwrap dies with the thread that started it."""
        await self.prepare()
        scratch = ["--size", str(spec.limits.scratch_bytes), "--perms", "1777", "--tmpfs"]
        arguments = ["bwrap", "--ro-bind", str(self._root), "/", *_FLAGS]
        arguments += [*scratch, "/tmp", *scratch, "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108 - the cell's
        environment = {**spec.environment, "LATM_PROCESSES": str(spec.limits.processes + 1)}
        for name, value in environment.items():
            arguments += ["--setenv", name, value]
        arguments += ["--chdir", "/tmp", "/usr/local/bin/python3", *spec.arguments]  # noqa: S108
        ours, theirs = socket.socketpair()
        root = os.geteuid() == 0  # then as nobody, whose processes the kernel counts for each namespace
        try:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - one fork; see above
                arguments,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.PIPE,
                user=_NOBODY if root else None,
                group=_NOBODY if root else None,
                extra_groups=[] if root else None,
                cwd="/",
            )
        except OSError as error:
            ours.close()
            raise LaunchFailed(f"bwrap does not start: {error}", remedy=_INSTALL) from error
        finally:
            theirs.close()
        return BubblewrapJail(process, ours)

    async def check(self) -> tuple[Finding, ...]:
        """Whether bwrap is there, and what it does not do."""
        path = shutil.which("bwrap")
        weaker = "no system call filter, no cgroup: weaker than a container"
        return (
            Finding(
                name="bubblewrap",
                ok=path is not None,
                detail=path or "absent",
                remedy="" if path else _INSTALL,
            ),
            Finding(name="isolation", ok=True, detail=weaker),
        )

    async def aclose(self) -> None:
        """Hold nothing."""


def _create(options: LauncherOptions) -> Launcher:
    return BubblewrapLauncher(options)


SPEC = LauncherSpec(name="bubblewrap", create=_create, summary="namespaces on this machine, without a daemon")
