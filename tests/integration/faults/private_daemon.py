"""A dockerd that may be harmed: in a network, folders and, where loop mounts work, on a disk of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from setting_up import engine

DISK_BYTES: Final = 1 << 30
_END_S: Final = 30.0


def why_not() -> str:
    """Why no daemon can be started here; empty when one can."""
    if os.geteuid() != 0:
        return "only root may start a dockerd"
    if engine.daemon_command() is None:
        return "the engine in use was not started from here: there is no dockerd"
    return "" if shutil.which("unshare") else "needs unshare, of util-linux"


class PrivateDaemon:
    """One dockerd on one data root. It may be ended in any way and started again.

    Attributes:
        socket: where it listens.
        host: the same, as DOCKER_HOST wants it.
        disk: the folder of its small disk; None when there is none, and why.
    """

    def __init__(self) -> None:
        # Not pytest's own folder: the path of a unix socket has at most 107 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="latmd-"))
        self.socket: Final = self._folder / "d.sock"
        self.host: Final = f"unix://{self.socket}"
        self.no_disk = ""
        self.disk: Path | None = self._mount()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def folder(self) -> Path:
        """For what belongs beside it."""
        return self._folder

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.runs:
            return
        command = engine.daemon_command()
        assert command is not None
        data = self._folder / "disk" / "data"
        engine.start_daemon(
            [
                "unshare",
                "--net",  # the other daemon's bridge and rules stay out of reach
                command,
                f"--host={self.host}",
                f"--data-root={data}",
                f"--exec-root={self._folder}/exec",
                f"--pidfile={self._folder}/pid",
                "--bridge=none",
                "--iptables=false",
                "--ip6tables=false",
            ],
            host=self.host,
            log=self._folder / "log",
        )
        self._process = engine.LEFT_RUNNING.pop()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send a signal that ends it, and wait for that."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(_END_S)
            self._process = None
            # A killed dockerd takes its containerd along, a moment later; it must not meet its successor.
            _until_gone(lambda: self._processes("containerd"))
            # Where nobody reaps orphans its number stays taken, and the next dockerd would wait for it.
            (self._folder / "exec/containerd/containerd.pid").unlink(missing_ok=True)

    def freeze(self) -> None:
        """It hears nothing and says nothing, and nobody is refused."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it and all that it started, and remove its folders."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.end()
        if self._process is not None:
            self.end(signal.SIGKILL)
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        _until_gone(self._processes)
        for mount in self._mounts():
            subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _mount(self) -> Path | None:
        """A small disk in a file, for a daemon whose disk can be filled without harm to any other."""
        target = self._folder / "disk"
        target.mkdir()
        image = self._folder / "disk.img"
        with image.open("wb") as file:
            file.truncate(DISK_BYTES)
        for command in (
            ["mkfs.ext4", "-q", "-F", "-m", "0", str(image)],
            ["mount", "-o", "loop", str(image), str(target)],
        ):
            try:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            except OSError as error:
                self.no_disk = f"no loop-mounted disk: {error}"
                return None
            if done.returncode != 0:
                self.no_disk = f"no loop-mounted disk: {command[0]}: {done.stderr.strip()}"
                return None
        return target

    def _processes(self, name: str = "") -> list[int]:
        """Ids of what it started, which all name its folder: containerd, and a shim for each container."""
        sign = f"{self._folder}/".encode()
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                named = not name or (entry / "comm").read_text().strip() == name
                if named and sign in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
        return found

    def _mounts(self) -> list[str]:
        """What is mounted in its folders, the innermost first."""
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        points = [line.split()[4] for line in lines]
        return [point for point in reversed(points) if point.startswith(f"{self._folder}/")]


def _until_gone(look: object) -> None:
    assert callable(look)
    deadline = time.monotonic() + _END_S
    while look() and time.monotonic() < deadline:
        time.sleep(0.02)
