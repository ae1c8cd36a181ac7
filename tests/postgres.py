"""A PostgreSQL server of the tests' own: Debian's binaries, a folder in /tmp, a unix socket, no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

START_S = 60.0
MISSING = "no PostgreSQL server is installed (Debian: apt-get install postgresql)"


def binaries() -> Path | None:
    """The folder of the newest server's programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return None if elsewhere is None else Path(elsewhere).resolve().parent


@contextmanager
def serving(programs: Path) -> Generator[str, None, None]:
    """Start a server; gives the folder of its socket. It ends with the block, whatever happened in it."""
    folder = Path(tempfile.mkdtemp(prefix="latm-pg-"))
    user = _user()
    try:
        if user is not None:
            shutil.chown(folder, user=user)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-A", "trust", "-U", "latm", "-E", "UTF8", "--locale=C", "-N"],
            cwd=folder,
            user=user,
            check=True,
            capture_output=True,
        )
        with (folder / "log").open("wb") as log:
            # What a crash of the machine would cost is nothing to a test, and its waiting for the disk is.
            settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off")
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *(part for each in settings for part in ("-c", each))],
                cwd=folder,
                user=user,
                stdout=log,
                stderr=log,
            )
        try:
            _wait(folder, server)
            yield str(folder)
        finally:
            server.terminate()
            server.wait()
    finally:
        shutil.rmtree(folder)


def clear(socket: str) -> str:
    """Empty the server's database; gives its URL."""
    import psycopg  # as below

    disconnect(socket)
    with psycopg.connect(host=socket, user="latm", dbname="postgres", autocommit=True) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    return f"postgresql+psycopg://latm@/postgres?host={socket}"


def disconnect(socket: str) -> None:
    """End every connection to the server."""
    import psycopg  # as below

    with psycopg.connect(host=socket, user="latm", dbname="postgres", autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and usename = 'latm'"
        )


def _user() -> str | None:
    """Who runs it: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _wait(folder: Path, server: subprocess.Popen[bytes]) -> None:
    import psycopg  # here, since every test's set-up imports this module

    end = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(host=str(folder), user="latm", dbname="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError((folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return
