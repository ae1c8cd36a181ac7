"""One call as the supervisor sees it: the child forked ahead for it, and the watch over that child."""

from __future__ import annotations

import ctypes
import math
import os
import select
import signal
import time
from _socket import socketpair  # the module around it costs every cell half a megabyte
from os import read

from latm_sandbox.guest.child import MAX_TEXT, Child, complaint
from latm_sandbox.guest.frames import (
    ASK,
    CALL,
    ERROR,
    HEADER,
    INVALID,
    KILLED,
    LARGE_READ_SIZE,
    LIMITS,
    MEMORY,
    OK,
    OUTPUT,
    READ_SIZE,
    REPLIED,
    REPLY,
    RESULT,
    TIMEOUT,
    UNSERIALISABLE,
    pack,
)
from latm_sandbox.guest.values import dumps

TYPE_CHECKING = False  # typing costs every cell a megabyte
if TYPE_CHECKING:
    from typing import NoReturn, Protocol

    class Cell(Protocol):
        """What a call needs of the cell that it runs in."""

        cores: int

        def used_cpu(self, pid: int) -> float:
            """CPU seconds that the call of this child has used so far."""
            ...

        def ask(self, question: bytes) -> None:
            """Pass on a question of the child's, as a frame."""
            ...

        def answer(self, call: Call) -> None:
            """Pass on what the host has to say."""
            ...

        def count_ooms(self) -> int:
            """How often the kernel killed something for want of memory since the last question."""
            ...


_FROM_A_CHILD = (OK, ERROR, INVALID, UNSERIALISABLE, MEMORY, OUTPUT)
_SHORTEST_LOOK_S = 0.005  # between two looks at the CPU clock
_prctl = ctypes.CDLL(None).prctl  # looked up once: each look costs a child half a millisecond
CONTROL = 3  # the descriptor on which a child speaks
_HIGH = 256  # descriptors from here on are nobody's


def set_dumpable(value: int) -> None:
    """Whether processes of the same user may look into this one."""
    if _prctl(4, value, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError("prctl")


class Nursery:
    """Where children are forked: this process, made up as a child for the moment of the fork.

    What a child inherits it need not do: the system calls cost the same here, but each page that a child
    writes to on its way has to be copied first.

    Args:
        host: the descriptor on which the host may say something.
    """

    def __init__(self, host: int) -> None:
        self._null = os.open("/dev/null", os.O_RDWR)
        self._stderr = os.dup(2)
        self._oom = _open_oom_score()
        self._host = host
        self._fds: tuple[int, ...] = ()
        self._poll = select.poll()

    def fork(self, child: Child | None, load: bytes) -> Call:
        """A child that waits for its call.

        Args:
            child: the child with its program compiled, once it is known that compiling does no harm.
            load: the program, to be compiled in the child until then.
        """
        ours, theirs = socketpair()
        control = ours.detach()
        out, out_theirs = os.pipe()
        err, err_theirs = os.pipe()
        os.dup2(theirs.fileno(), CONTROL)
        os.dup2(out_theirs, 1)
        os.dup2(err_theirs, 2)
        theirs.close()
        os.close(out_theirs)
        os.close(err_theirs)
        if self._oom is not None:  # a child is what the kernel kills first when the cell runs out of memory
            os.write(self._oom, b"1000")
        set_dumpable(1)  # else a child's /proc/self is root's; nobody is there who could look into this one
        pid = os.fork()
        if pid == 0:
            _become_child(child, load)
        set_dumpable(0)
        if self._oom is not None:
            os.write(self._oom, b"0")
        os.dup2(self._null, CONTROL)
        os.dup2(self._null, 1)
        os.dup2(self._stderr, 2)
        if self._fds != (control, out, err):  # they have the same numbers as a rule
            self._fds = (control, out, err)
            self._poll = select.poll()
            self._poll.register(self._host, select.POLLIN)
        for fd in self._fds:  # the channel first, see `Call.watch`
            os.set_blocking(fd, False)
            self._poll.register(fd, select.POLLIN)
        return Call(pid, control, out, err, self._poll)


def _become_child(child: Child | None, load: bytes) -> NoReturn:
    try:
        os.closerange(CONTROL + 1, _HIGH)
        if child is None:
            child = Child()
            child.load(load)
        child.serve(CONTROL)
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the supervisor sees the end
        pass
    os._exit(71)


def _open_oom_score() -> int | None:
    """Where it says whom the kernel kills first, if this process may change that for itself and back."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"1000")
        os.write(fd, b"0")
    except OSError:
        return None
    return fd


class Call:
    """One call: from the child that was forked ahead for it to the frame that answers it."""

    __slots__ = (
        "_buffer",
        "_unsent",
        "body",
        "control",
        "cpu",
        "cpu_s",
        "err",
        "err_text",
        "nonce",
        "out",
        "out_text",
        "output",
        "peak",
        "pid",
        "poll",
        "result",
        "started",
        "status",
        "truncated",
        "wall_s",
    )

    def __init__(self, pid: int, control: int, out: int, err: int, poll: select.poll) -> None:
        self.pid = pid
        self.control, self.out, self.err, self.poll = control, out, err, poll
        self.status = KILLED
        self.body = b""
        self.out_text: bytes | bytearray = b""
        self.err_text: bytes | bytearray = b""
        self.cpu, self.peak = 0.0, 0
        self.truncated = False
        self._buffer: bytes | bytearray = b""
        self._unsent = b""

    def begin(self, nonce: bytes, payload: bytes) -> None:
        """Send the call to the child."""
        self.started = time.monotonic()
        self.nonce = nonce
        self.wall_s, self.cpu_s, _, self.output, self.result = LIMITS.unpack_from(payload)
        self.send(pack(CALL, nonce, payload))

    def end(self, status: int, kind: str, message: str) -> None:
        """End with a finding of the supervisor's own."""
        self.status, self.body = status, dumps(complaint(kind, message)).encode()

    def send(self, data: bytes) -> None:
        """Send to the child, now or when it has room."""
        if not self._unsent:
            data = self._send(data)
        if data:
            self._unsent += data
            self.poll.modify(self.control, select.POLLIN | select.POLLOUT)

    def _send(self, data: bytes) -> bytes:
        """Send what fits; what is left."""
        try:
            return data[os.write(self.control, data) :]
        except BlockingIOError:
            return data
        except OSError:  # it is dead; its end will be read from the socket
            return b""

    def watch(self, cell: Cell) -> None:
        """Wait until the child has answered, died, or gone too far."""
        deadline = self.started + self.wall_s
        look = self.started + self.cpu_s / cell.cores
        over = False
        while not over:
            now = time.monotonic()
            if now >= deadline:
                self.end(TIMEOUT, "Timeout", f"more than {self.wall_s:g} s of time (wall_s)")
                return
            if now >= look:
                left = self.cpu_s - cell.used_cpu(self.pid)
                if left <= 0:
                    self.end(TIMEOUT, "Timeout", f"more than {self.cpu_s:g} s of CPU time (cpu_s)")
                    return
                look = now + max(left / cell.cores, _SHORTEST_LOOK_S)
            # The kernel looks at the streams after it has looked at the channel: when it finds the answer
            # there, then it finds here all output that was written before.
            for fd, event in self.poll.poll(math.ceil((min(deadline, look) - now) * 1000)):
                if fd == self.control:
                    over = self._control(event, cell)
                elif fd in (self.out, self.err):
                    if self._read_output(fd):
                        return
                else:
                    cell.answer(self)

    def _control(self, event: int, cell: Cell) -> bool:
        """Serve the socket of the child; whether the call is over."""
        if event & select.POLLOUT:
            self._unsent = self._send(self._unsent)
            if not self._unsent:
                self.poll.modify(self.control, select.POLLIN)
            if not event & ~select.POLLOUT:
                return False
        try:
            data = read(self.control, READ_SIZE if len(self._buffer) < READ_SIZE else LARGE_READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if not data:
            return True
        buffer = self._buffer
        if len(buffer) >= READ_SIZE and type(buffer) is bytes:
            buffer = bytearray(buffer)
        buffer += data
        self._buffer = buffer
        return self._heard(cell)

    def _heard(self, cell: Cell) -> bool:
        """Look at what the child has said so far; whether the call is over."""
        buffer = self._buffer
        while len(buffer) >= HEADER.size:
            length, kind, nonce = HEADER.unpack_from(buffer)
            if nonce != self.nonce or kind not in (REPLIED, ASK) or length > self.result + MAX_TEXT * 32:
                self.end(KILLED, "ChannelBroken", "the program wrote into the sandbox's own channel")
                return True
            end = HEADER.size + length
            if len(buffer) < end:
                return False
            if kind == REPLIED:
                if length >= RESULT.size and buffer[HEADER.size] in _FROM_A_CHILD:
                    self.status, self.cpu, self.peak = RESULT.unpack_from(buffer, HEADER.size)
                    self.body = bytes(buffer[HEADER.size + RESULT.size : end])
                return True
            cell.ask(bytes(buffer[:end]))
            buffer = self._buffer = buffer[end:]
        return False

    def _read_output(self, fd: int) -> bool:
        """Take what a stream of the child's holds; whether that is more than the call may write."""
        size = READ_SIZE
        while True:
            try:
                data = read(fd, size)
            except BlockingIOError:
                return False
            if not data:
                self.poll.unregister(fd)
                return False
            target = self.out_text if fd == self.out else self.err_text
            if isinstance(target, bytes):  # nothing until now, as a rule for good
                target = bytearray()
                if fd == self.out:
                    self.out_text = target
                else:
                    self.err_text = target
            target += data
            excess = len(self.out_text) + len(self.err_text) - self.output
            if excess > 0:
                del target[len(target) - excess :]
                self.truncated = True
                self.end(OUTPUT, "OutputTooLarge", f"more than {self.output} bytes (output_bytes)")
                return True
            if len(data) < size:
                return False
            size = LARGE_READ_SIZE

    def conclude(self, cell: Cell) -> None:
        """After the watch: find out why there is no answer, if there is none."""
        if self.status not in (OUTPUT, TIMEOUT, KILLED):
            return
        lives = not self.body and not _gone(self.pid, 0.2)
        os.kill(self.pid, signal.SIGKILL)
        _, how, used = os.wait4(self.pid, 0)
        self.pid = 0
        self.cpu = max(used.ru_utime + used.ru_stime, self.cpu)
        self.peak = max(used.ru_maxrss * 1024, self.peak)
        died = os.WTERMSIG(how) if os.WIFSIGNALED(how) else 0
        if self.body:
            return
        if cell.count_ooms():
            self.end(MEMORY, "OutOfMemory", "more memory than the cell has (memory_bytes)")
        elif died == signal.SIGXCPU:
            self.end(TIMEOUT, "Timeout", f"more than {self.cpu_s:g} s of CPU time (cpu_s)")
        elif lives and died == signal.SIGKILL:  # ours; what the kernel kills may take long to be gone, too
            self.end(KILLED, "ChannelBroken", "the program closed the sandbox's own channel")
        elif died:
            name = signal.Signals(died).name if died in set(signal.Signals) else f"signal {died}"
            self.end(KILLED, "Died", f"the process died of {name}")
        else:
            self.end(KILLED, "Died", f"the process ended with exit code {os.WEXITSTATUS(how)}")

    def reply(self) -> bytes:
        """The frame for the host."""
        out, err = self.out_text, self.err_text
        wall = time.monotonic() - self.started
        head = REPLY.pack(self.status, wall, self.cpu, self.peak, self.truncated, len(out), len(err))
        return pack(REPLIED, self.nonce, b"".join((head, out, err, self.body)))

    def close(self) -> None:
        """Close the supervisor's ends of the channels."""
        os.close(self.control)
        os.close(self.out)
        os.close(self.err)


def _gone(pid: int, seconds: float) -> bool:
    """Whether the child ends within a moment of closing its channel; it is not reaped."""
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True
