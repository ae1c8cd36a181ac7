"""Starts ``latm`` in pseudo-terminals, each in a process of its own; a program of `terminals`.

It has everything imported and forks for each command: to start Python anew for each would take most of the
time of the tests. It listens on the socket of its first argument. A request is a line of JSON: ``arguments``,
``folder``, ``environment``. The answer is the terminal, as a file descriptor, and at the end the exit code.
"""

from __future__ import annotations

import json
import os
import pty
import socket
import sys
import traceback
from contextlib import suppress
from typing import Any, NoReturn

import anyio._backends._asyncio
import docker
import openai

import latm.cli._app
from latm._rooms import load_plugins
from latm.cli import main
from latm.config import Config

IMPORTED = (anyio._backends._asyncio, docker, openai, latm.cli._app, load_plugins(Config()))


def become(wanted: dict[str, Any]) -> NoReturn:
    """Be the command that is asked for."""
    os.chdir(wanted["folder"])
    os.environ.update(wanted["environment"])
    sys.argv = ["latm", *wanted["arguments"]]
    code: object = 1
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - shown as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def serve(path: str) -> NoReturn:
    """Start one command after the other."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            with connection, connection.makefile() as lines:
                wanted = json.loads(lines.readline())
                pid, terminal = pty.fork()
                if pid == 0:
                    become(wanted)
                socket.send_fds(connection, [b"."], [terminal])
                os.close(terminal)
                _, status = os.waitpid(pid, 0)
                with suppress(OSError):  # a test that failed has hung up
                    connection.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    serve(sys.argv[1])
