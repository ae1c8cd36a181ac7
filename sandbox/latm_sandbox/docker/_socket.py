"""A socket of this host's that one container can reach: half a millisecond nearer than its attached streams.

It lies in a directory that is mounted read-only into the container, where a program could otherwise put
another in its place. The guest connects once, at boot; then the name and the listener are gone.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

from latm_sandbox.docker import _owner

TARGET: Final = "/run/latm"
"""Where a container finds the directory."""
_NAME: Final = "s"
VARIABLE: Final = "LATM_SOCKET"
"""What tells the guest the socket's path."""
PATH: Final = f"{TARGET}/{_NAME}"
_PREFIX: Final = "latm-"


def is_near(base_url: str | None) -> bool:
    """Whether the engine at this address may see this host's files."""
    return base_url is None or base_url.startswith(("unix://", "http+unix://"))


class Listener:
    """Waits for one guest.

    Raises:
        OSError: there is no room for it.
    """

    def __init__(self) -> None:
        # No other user of this host can pass the outer directory; the container sees the inner one.
        self._outer = tempfile.mkdtemp(prefix=f"{_PREFIX}{_owner.mark()}-")
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self.directory = f"{self._outer}/d"
            Path(self.directory).mkdir()
            Path(self.directory).chmod(0o755)
            self._socket.bind(f"{self.directory}/{_NAME}")
            Path(self.directory, _NAME).chmod(0o666)
            self._socket.listen(1)
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def accept(self) -> socket.socket:
        """The guest's connection, which has been made; nobody can make another one.

        Raises:
            OSError: there is none.
        """
        try:
            connected, _ = self._socket.accept()
        finally:
            self.close()
        return connected

    def close(self) -> None:
        """Listen no more, and leave nothing in the file system. May be called twice."""
        self._socket.close()
        with contextlib.suppress(OSError):
            Path(self._outer, "d", _NAME).unlink(missing_ok=True)
        # The container may still have it mounted; it has no name then.
        shutil.rmtree(self._outer, ignore_errors=True)


def sweep_directories() -> None:
    """Remove what hosts left that were killed while a cell started. Only what is empty, and ours, goes."""
    for outer in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*-*-*"):
        mark = outer.name.removeprefix(_PREFIX).rpartition("-")[0]
        if _owner.is_dead_mark(mark):
            with contextlib.suppress(OSError):  # another user's, or another sweep was faster
                (outer / "d" / _NAME).unlink(missing_ok=True)
                (outer / "d").rmdir()
                outer.rmdir()
