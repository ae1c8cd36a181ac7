"""The first process of a cell. It never runs a program: for each call it forks a child that does.

The child is forked ahead, while the cell is idle, and answers over a socket pair of its own. The supervisor
watches time, CPU and output, passes the answer on, kills whatever is left of the call, wipes the writable
directories and forks the next child.
"""

from __future__ import annotations

import builtins
import gc
import json
import linecache
import os
import re
import select
import signal
import sys
import time
import traceback
from _socket import AF_UNIX, socket

from latm_sandbox.guest.child import NAME, Child
from latm_sandbox.guest.frames import (
    ANSWER,
    CALL,
    ERROR,
    HELLO,
    LIMITS,
    LOAD,
    NO_NONCE,
    OK,
    PING,
    PONG,
    READY,
    Channel,
    pack,
    write_all,
)
from latm_sandbox.guest.values import decode, dumps
from latm_sandbox.guest.watch import CONTROL, Call, Nursery, set_dumpable

TYPE_CHECKING = False  # typing costs every cell a megabyte
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

SCRATCH = ("/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108 - the cell's own

# Modules of the standard library without side effects. What a program imports from here is imported once in
# the supervisor, so that its children find it loaded.
_PRELOAD_NAMES = (
    "abc array ast bisect calendar cmath collections contextlib copy csv dataclasses datetime "
    "decimal difflib enum fractions functools heapq html inspect io itertools json keyword "
    "locale math numbers operator pprint queue random re statistics string struct textwrap "
    "threading time types typing unicodedata uuid warnings zoneinfo"
)
PRELOAD = frozenset(_PRELOAD_NAMES.split())
_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w., \t]+)", re.MULTILINE)


class Supervisor:
    """Serves one host until its channel ends."""

    def __init__(self, host: Channel, out: int, *, idle_s: float) -> None:
        self._host = host
        self._out = out
        self._idle_s = idle_s
        self._load = b""
        self.cores = os.cpu_count() or 1
        self._children = _first_open("/proc/1/task/1/children")
        # Version 1 of cgroups, then version 2. Without either the process's own clock has to do.
        self._cpu_file = _first_open("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu.stat")
        self._oom_file = _first_open(
            "/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"
        )
        self._ooms = 0
        self.count_ooms()
        self._waiting = select.poll()
        self._waiting.register(host.fd, select.POLLIN)
        self._nursery = Nursery(host.fd)
        self._child: Child | None = None
        self._next: Call | None = None  # until a program is bound: a blank cell should weigh little
        self._cpu_before = 0.0

    def serve(self) -> NoReturn:
        """Answer frames for ever; EOFError ends it, and with it the cell."""
        while True:
            while (got := self._host.take()) is None:
                if not self._waiting.poll(self._idle_s * 1000):
                    raise EOFError  # the host has forgotten us, or its daemon has
                self._host.fill()
            kind, nonce, payload = got
            if kind == CALL and self._next is not None:
                self._call(self._next, nonce, payload)
            elif kind == LOAD and self._next is None:
                self._load = payload
                preload(payload)
                self._fork()
            elif kind == PING:
                write_all(self._out, pack(PONG, nonce))
            else:
                raise EOFError

    def _call(self, call: Call, nonce: bytes, payload: bytes) -> None:
        """Run one call and answer it, then make the cell as it was before."""
        call.begin(nonce, payload)
        call.watch(self)
        call.conclude(self)
        write_all(self._out, call.reply())
        self._clean(call)
        if self._child is None and call.status in (OK, ERROR):
            # A child has compiled this source within its limits: so can we, once for all children to come.
            self._child = Child()
            self._child.load(self._load)
            gc.freeze()
        self._fork()
        write_all(self._out, pack(READY, nonce))

    def ask(self, question: bytes) -> None:
        """Pass on a question of the child's, as a frame."""
        write_all(self._out, question)

    def answer(self, call: Call) -> None:
        """Pass on the host's answer to a question of the call. While a call runs nothing else may come."""
        kind, nonce, payload = self._host.read()
        if kind != ANSWER:
            raise EOFError
        if nonce == call.nonce:
            call.send(pack(ANSWER, nonce, payload))

    def _clean(self, call: Call) -> None:
        """Leave nothing of a call: no process, no file."""
        call.close()
        if call.pid:
            os.kill(call.pid, signal.SIGKILL)
            os.waitpid(call.pid, 0)
        # Every orphan of the cell is our child, for we are its first process: none left means nothing left.
        if self._children is None or os.pread(self._children, 1, 0):
            kill_all()
        for directory in SCRATCH:
            wipe(directory)

    def _fork(self) -> None:
        self._next = self._nursery.fork(self._child, self._load)
        self._cpu_before = self._cell_cpu()
        self.count_ooms()  # those until now are of the calls before

    def _cell_cpu(self) -> float:
        """CPU seconds of the whole cell so far."""
        if self._cpu_file is None:
            return 0.0
        text = os.pread(self._cpu_file, 256, 0)
        return int(text.split()[1]) / 1e6 if text.startswith(b"usage_usec") else int(text) / 1e9

    def used_cpu(self, pid: int) -> float:
        """CPU seconds that the call of this child has used so far."""
        if self._cpu_file is not None:
            return self._cell_cpu() - self._cpu_before
        try:
            return time.clock_gettime((~pid << 3) | 2)  # the process's CPU clock, see clock_getcpuclockid(3)
        except OSError:
            return 0.0

    def count_ooms(self) -> int:
        """How often the kernel killed something in this cell for want of memory, since the last question."""
        if self._oom_file is None:
            return 0
        found = re.search(rb"^oom_kill (\d+)", os.pread(self._oom_file, 512, 0), re.MULTILINE)
        before, self._ooms = self._ooms, int(found[1]) if found else 0
        return self._ooms - before


def _first_open(*paths: str) -> int | None:
    for path in paths:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def kill_all() -> None:
    """End and reap every process of the cell but this one."""
    while True:
        try:
            os.waitpid(-1, os.WNOHANG)
            os.kill(-1, signal.SIGKILL)
            os.waitpid(-1, 0)
        except ProcessLookupError:
            continue
        except ChildProcessError:
            break


def wipe(directory: str) -> None:
    """Empty a directory. What cannot be emptied ends the cell: its OSError is caught nowhere."""
    try:
        entries = os.listdir(directory)  # noqa: PTH208 - pathlib costs more than the system call
    except FileNotFoundError:
        return
    for name in entries:
        path = f"{directory}/{name}"
        try:
            os.unlink(path)  # noqa: PTH108
        except (IsADirectoryError, PermissionError):
            os.chmod(path, 0o700)  # noqa: PTH101
            wipe(path)
            os.rmdir(path)  # noqa: PTH106


def imported(source: str) -> Iterator[str]:
    """Names of top-level modules that `source` seems to import; read without parsing, since it is hostile."""
    for line in _IMPORT.findall(source):
        for part in line.split(" import ")[0].split(","):
            yield part.split(".")[0].split(" as ")[0].strip()


def preload(payload: bytes) -> None:
    """Import what the program will."""
    missing = PRELOAD.intersection(imported(decode(json.loads(payload)["source"]))).difference(sys.modules)
    for name in missing:
        try:
            __import__(name)
        except ImportError:
            continue
    if missing:
        gc.collect()
        gc.freeze()


def rehearse() -> None:
    """Walk the way of a call, so that children inherit its pages and caches warm.

    Often enough that all bytecode on the way is specialised: what is still adaptive is written
    to when it runs, and every page that a child writes to has to be copied first.
    """
    limit = sys.getrecursionlimit()
    head = LIMITS.pack(1.0, 1.0, 1 << 28, 1 << 16, 1 << 20)
    call = head + dumps({"args": [1, "x", [2.5]], "kwargs": [["b", {"c": 1}]]}).encode()
    run = head + dumps({"code": "y = f(1)", "want": ["y"], "ask": False}).encode()
    works = "def f(*a, **b):\n    return [a, b, {'c': 1.5}]\n"
    # Not `1 / 0`: to mark a part of a line, the traceback imports `ast`, which costs a megabyte.
    for source, times in ((works, 16), ("def f(:", 1), ("raise ValueError", 1)):
        child = Child()
        child.load(dumps({"source": source, "function": None}).encode())
        for _ in range(times):
            child.answer(NO_NONCE, call)
            child.answer(NO_NONCE, run)
    sys.modules.pop(NAME, None)
    linecache.clearcache()
    sys.setrecursionlimit(limit)


def bound_processes(most: str | None) -> None:
    """Bound the processes where no cgroup does; only sound in a user namespace that is this cell's own."""
    if most is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_NPROC, (int(most), int(most)))


def prepare(environment: dict[str, str]) -> None:
    """Make this process one that no child can harm, with the same surroundings in every cell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    bound_processes(os.environ.get("LATM_PROCESSES"))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for directory in SCRATCH:
        if os.path.isdir(directory) and os.listdir(directory):  # noqa: PTH112, PTH208 - as in `wipe`
            # The cell's own would be empty. What is in this one is somebody's, and would be wiped.
            raise OSError(f"{directory} is not empty: a cell needs one of its own")
    os.umask(0o077)
    os.chdir("/tmp")  # noqa: S108 - the cell's own
    sys.argv = [""]
    for path in [entry for entry in sys.path if re.search(r"/python3\.\d+$", entry)]:
        # -S left them out, and with them the cost of site; Debian has two of its own.
        base, name = path.rsplit("/", 1)
        debian = (f"/usr/local/lib/{name}/dist-packages", base + "/python3/dist-packages")
        for place in (path + "/site-packages", *debian):
            if os.path.isdir(place):  # noqa: PTH112
                sys.path.append(place)
    import _sitebuiltins  # the part of site that programs use

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, ""))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    rehearse()
    set_dumpable(0)
    gc.collect()
    gc.freeze()


def connect(path: str | None) -> int | None:
    """The descriptor of a socket of the host's, where there is one and it may be used."""
    if path is None:
        return None
    own = socket(AF_UNIX)
    try:
        own.connect(path)
    except OSError:
        return None
    return own.detach()


def main(rest: bytes) -> NoReturn:
    """Serve the host on stdin and stdout until either ends. `rest` was read behind this source."""
    if os.getpid() != 1:  # it kills every process that it can see
        sys.stderr.write("Error: a guest runs only as the first process of a cell\n")
        os._exit(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, CONTROL)  # taken, so that nothing else gets its number
    here, there = os.dup(0), os.dup(1)
    os.dup2(null, 0)
    os.dup2(null, 1)
    try:
        host = Channel(here, rest)
        config = json.loads(host.read()[2])
        own = connect(os.environ.get("LATM_SOCKET"))
        prepare(config["environment"])
        if own is not None:
            host = Channel(own)
        supervisor = Supervisor(host, there if own is None else own, idle_s=config["idle_s"])
        hello = {"python": sys.version.split()[0], "socket": own is not None}
        write_all(there, pack(HELLO, NO_NONCE, dumps(hello).encode()))
        supervisor.serve()
    except (EOFError, BrokenPipeError):
        pass
    except BaseException:  # noqa: BLE001 - to whoever reads the cell's stderr, then the end
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
