"""One call as the supervisor sees it: the child forked ahead for it, and the watch over that child."""

from __future__ import annotations

import ctypes
import gc
import math
import os
import select
import signal
import time
from _socket import socketpair  # the module around it costs every cell half a megabyte

from latm_sandbox.guest.child import MAX_TEXT, Child, complaint
from latm_sandbox.guest.frames import (
    ASK,
    CALL,
    ERROR,
    HEADER,
    INVALID,
    KILLED,
    LIMITS,
    MEMORY,
    OK,
    OUTPUT,
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
    from collections.abc import Callable
    from typing import NoReturn

_FROM_A_CHILD = (OK, ERROR, INVALID, UNSERIALISABLE, MEMORY, OUTPUT)
_SHORTEST_LOOK_S = 0.005  # between two looks at the CPU clock
_prctl = ctypes.CDLL(None).prctl  # looked up once: each look costs a child half a millisecond
_HIGH = 200  # descriptors from here on are nobody's


def set_dumpable(value: int) -> None:
    """Whether processes of the same user may look into this one."""
    if _prctl(4, value, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError("prctl")


class Spare:
    """A child forked ahead, and the supervisor's ends of its channels.

    Args:
        child: the child with its program compiled, once it is known that compiling does no harm.
        load: the program, to be compiled in the child until then.
        host: the descriptor on which the host may say something.
    """

    def __init__(self, child: Child | None, load: bytes, host: int) -> None:
        ours, theirs = socketpair()
        out, out_theirs = os.pipe()
        err, err_theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(theirs.fileno(), out_theirs, err_theirs, child, load)
        theirs.close()
        os.close(out_theirs)
        os.close(err_theirs)
        ours.setblocking(False)
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        self.socket, self.control, self.out, self.err = ours, ours.fileno(), out, err
        self.poll = select.poll()
        for fd in (self.control, out, err, host):
            self.poll.register(fd, select.POLLIN)

    def send(self, data: bytes) -> bytes:
        """Send what fits; the rest is the caller's to send later."""
        try:
            return data[self.socket.send(data) :]
        except BlockingIOError:
            return data
        except OSError:  # it is dead; its end will be read from the socket
            return b""

    def close(self) -> None:
        """Close our ends."""
        self.socket.close()
        os.close(self.out)
        os.close(self.err)


def _become_child(control: int, out: int, err: int, child: Child | None, load: bytes) -> NoReturn:
    try:
        null = os.open("/dev/null", os.O_RDONLY)
        # Out of the way first: none of the four may sit on a number that is still to be overwritten.
        high = [os.dup2(fd, _HIGH + index) for index, fd in enumerate((null, out, err, control))]
        for number, fd in enumerate(high):
            os.dup2(fd, number, inheritable=number < len(high) - 1)
        os.closerange(len(high), _HIGH + len(high))
        set_dumpable(1)  # else /proc/self is root's
        _go_first()
        gc.enable()
        if child is None:
            child = Child()
            child.load(load)
        child.serve(len(high) - 1)
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the supervisor sees the end
        pass
    os._exit(71)


def _go_first() -> None:
    """Be what the kernel kills first when the cell runs out of memory."""
    try:
        fd = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
        os.write(fd, b"1000")
        os.close(fd)
    except OSError:
        pass


class Call:
    """One call, from the frame that asks for it to the frame that answers."""

    def __init__(self, spare: Spare, nonce: bytes, payload: bytes) -> None:
        self.started = time.monotonic()
        self.spare = spare
        self.nonce = nonce
        self.wall_s, self.cpu_s, _, self.output, self.result = LIMITS.unpack_from(payload)
        self.status = KILLED
        self.body = b""
        self.cpu, self.peak = 0.0, 0
        self.truncated = False
        self._out, self._err = bytearray(), bytearray()
        self._buffer = bytearray()
        self._unsent = b""
        self.send(pack(CALL, nonce, payload))

    def end(self, status: int, kind: str, message: str) -> None:
        """End with a finding of the supervisor's own."""
        self.status, self.body = status, dumps(complaint(kind, message)).encode()

    def send(self, data: bytes) -> None:
        """Send to the child, now or when it has room."""
        if self._unsent:
            self._unsent += data
            return
        self._unsent = self.spare.send(data)
        if self._unsent:
            self.spare.poll.modify(self.spare.control, select.POLLIN | select.POLLOUT)

    def watch(
        self,
        used_cpu: Callable[[], float],
        cores: int,
        asked: Callable[[bytes], None],
        host: Callable[[], None],
    ) -> None:
        """Wait until the child has answered, died, or gone too far.

        Args:
            used_cpu: CPU seconds that the call has used so far.
            cores: how many seconds of CPU time can be used in one of time.
            asked: takes each question of the child's, as a frame.
            host: called when the host has something to say.
        """
        spare = self.spare
        deadline = self.started + self.wall_s
        look = self.started + self.cpu_s / cores
        while True:
            now = time.monotonic()
            if now >= deadline:
                self.end(TIMEOUT, "Timeout", f"more than {self.wall_s:g} s of time (wall_s)")
                return
            if now >= look:
                left = self.cpu_s - used_cpu()
                if left <= 0:
                    self.end(TIMEOUT, "Timeout", f"more than {self.cpu_s:g} s of CPU time (cpu_s)")
                    return
                look = now + max(left / cores, _SHORTEST_LOOK_S)
            for fd, event in spare.poll.poll(math.ceil((min(deadline, look) - now) * 1000)):
                if fd == spare.control:
                    if self._control(event, asked):
                        return
                elif fd in (spare.out, spare.err):
                    if self.read_output(fd):
                        return
                else:
                    host()

    def _control(self, event: int, asked: Callable[[bytes], None]) -> bool:
        """Serve the socket of the child; whether the call is over."""
        if event & select.POLLOUT:
            self._unsent = self.spare.send(self._unsent)
            if not self._unsent:
                self.spare.poll.modify(self.spare.control, select.POLLIN)
            if not event & ~select.POLLOUT:
                return False
        try:
            data = self.spare.socket.recv(1 << 18)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self._buffer += data
        return not data or self._heard(asked)

    def _heard(self, asked: Callable[[bytes], None]) -> bool:
        """Look at what the child has said so far; whether the call is over."""
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return False
        length, kind, nonce = HEADER.unpack_from(buffer)
        if nonce != self.nonce or kind not in (REPLIED, ASK) or length > self.result + MAX_TEXT * 32:
            self.end(KILLED, "ChannelBroken", "the program wrote into the sandbox's own channel")
            return True
        end = HEADER.size + length
        if len(buffer) < end:
            return False
        if kind == ASK:
            asked(bytes(buffer[:end]))
            del buffer[:end]
            return False
        if length >= RESULT.size and buffer[HEADER.size] in _FROM_A_CHILD:
            self.status, self.cpu, self.peak = RESULT.unpack_from(buffer, HEADER.size)
            self.body = bytes(buffer[HEADER.size + RESULT.size : end])
        return True

    def read_output(self, fd: int) -> bool:
        """Take what a stream of the child's holds; whether that is more than the call may write."""
        target = self._out if fd == self.spare.out else self._err
        while True:
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                return False
            if not data:
                self.spare.poll.unregister(fd)
                return False
            target += data
            excess = len(self._out) + len(self._err) - self.output
            if excess > 0:
                del target[len(target) - excess :]
                self.truncated = True
                self.end(OUTPUT, "OutputTooLarge", f"more than {self.output} bytes (output_bytes)")
                return True

    def conclude(self, count_ooms: Callable[[], int]) -> None:
        """After the watch: take the rest of the output, and find out why there is no answer.

        Args:
            count_ooms: how often the kernel had to kill something in this cell since it was last asked.
        """
        spare = self.spare
        if self.status not in (OUTPUT, TIMEOUT):
            for fd in (spare.out, spare.err):
                try:
                    self.read_output(fd)
                except OSError:  # ended and unregistered before
                    continue
        if self.status not in (OUTPUT, TIMEOUT, KILLED):
            return
        if not self.body and not _gone(spare.pid, 0.2):
            self.end(KILLED, "ChannelBroken", "the program closed the sandbox's own channel")
        os.kill(spare.pid, signal.SIGKILL)
        _, how, used = os.wait4(spare.pid, 0)
        spare.pid = 0
        self.cpu = max(used.ru_utime + used.ru_stime, self.cpu)
        self.peak = max(used.ru_maxrss * 1024, self.peak)
        died = os.WTERMSIG(how) if os.WIFSIGNALED(how) else 0
        if self.body:
            return
        if count_ooms():
            self.end(MEMORY, "OutOfMemory", "more memory than the cell has (memory_bytes)")
        elif died == signal.SIGXCPU:
            self.end(TIMEOUT, "Timeout", f"more than {self.cpu_s:g} s of CPU time (cpu_s)")
        elif died:
            name = signal.Signals(died).name if died in set(signal.Signals) else f"signal {died}"
            self.end(KILLED, "Died", f"the process died of {name}")
        else:
            self.end(KILLED, "Died", f"the process ended with exit code {os.WEXITSTATUS(how)}")

    def reply(self) -> bytes:
        """The frame for the host."""
        out, err = self._out, self._err
        wall = time.monotonic() - self.started
        head = REPLY.pack(self.status, wall, self.cpu, self.peak, self.truncated, len(out), len(err))
        return pack(REPLIED, self.nonce, b"".join((head, out, err, self.body)))


def _gone(pid: int, seconds: float) -> bool:
    """Whether the child ends within a moment of closing its channel; it is not reaped."""
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True
