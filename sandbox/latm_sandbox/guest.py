"""The supervisor that runs inside a cell, and the child it forks for each call.

Stdlib only, one file: the host sends this source over the cell's stdin at start, so no image has to be
rebuilt when it changes. Nothing of latm is importable here. The host trusts nothing that comes back.

The supervisor never runs the program. For each call one child, forked ahead while the cell was idle, runs it
and answers over a socket pair of its own; the supervisor watches time, CPU and output, passes the answer on,
kills whatever is left of the call, wipes the writable directories and forks the next child.

Frames on every channel: length of the payload (u32), kind (u8), nonce (8 bytes), payload; big-endian.
"""

from __future__ import annotations

import base64
import builtins
import datetime
import decimal
import fractions
import gc
import json
import linecache
import math
import os
import re
import select
import signal
import socket
import struct
import sys
import time
import traceback
import types
from collections.abc import Iterator
from typing import Any, NoReturn

try:
    import resource
except ImportError:  # a minimal Python; the cell's own limits still hold
    resource = None  # type: ignore[assignment]

# A program that replaces builtins breaks itself, not the code that reports on it.
globals().update({_name: _value for _name, _value in vars(builtins).items() if not _name.startswith("__")})

HEADER = struct.Struct(">IB8s")
LIMITS = struct.Struct(">ddQQQ")  # wall_s, cpu_s, memory, output and result bytes
REPLY = struct.Struct(">BddQBII")  # status, wall_s, cpu_s, peak bytes, truncated, len(stdout), len(stderr)
RESULT = struct.Struct(">BdQ")  # status, cpu_s, peak bytes
HELLO, LOAD, CALL, PING, ANSWER, READY, REPLIED, PONG, ASK = b"HLCPADROQ"
OK, ERROR, INVALID, UNSERIALISABLE, MEMORY, OUTPUT, TIMEOUT, KILLED = b"oeiumxtk"

MAX_DEPTH = 256
MAX_FRAME = 64 << 20
SMALL_INT = 1 << 63
MAX_FRACTION_BITS = 1 << 17
MAX_TEXT = 16 << 10  # characters of a traceback or message
OWN = ("<program>", "<code>")
SCRATCH = ("/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108 - the cell's own
NAME = "program"


# --- values -------------------------------------------------------------------------------------------------


class Unserialisable(Exception):
    """A value, or a part of it, cannot cross."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []


class TooLarge(Exception):
    """A value is larger than the call may return."""


def _zone(zone: datetime.tzinfo | None) -> Any:
    if zone is None:
        return None
    if type(zone) is not datetime.timezone:
        raise Unserialisable(_type_name(zone))
    delta = zone.utcoffset(None)
    named = zone.__getinitargs__()  # type: ignore[attr-defined]
    return [
        (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds,
        named[1] if len(named) > 1 else None,
    ]


def _type_name(value: object) -> str:
    kind = type(value)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", NAME) else f"{module}.{kind.__qualname__}"


def _text(value: str) -> Any:
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:  # two lone surrogates side by side would come back as one character
        return ["s", base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()]
    return value


_SIMPLE: dict[type, Any] = {
    bytes: lambda v: ["b", base64.b64encode(v).decode()],
    complex: lambda v: ["c", _float(v.real), _float(v.imag)],
    decimal.Decimal: lambda v: ["D", str(v)],
    fractions.Fraction: lambda v: _fraction(v),
    datetime.datetime: lambda v: ["dt", v.replace(tzinfo=None).isoformat(), v.fold, _zone(v.tzinfo)],
    datetime.date: lambda v: ["da", v.isoformat()],
    datetime.time: lambda v: ["ti", v.replace(tzinfo=None).isoformat(), v.fold, _zone(v.tzinfo)],
    datetime.timedelta: lambda v: ["td", v.days, v.seconds, v.microseconds],
}
_SEQUENCES = {list: "l", tuple: "t", set: "S", frozenset: "Z"}


def _fraction(value: fractions.Fraction) -> Any:
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_FRACTION_BITS:
        raise Unserialisable(f"a Fraction of more than {MAX_FRACTION_BITS} bits")
    return ["F", _int(value.numerator), _int(value.denominator)]


def _float(value: float) -> Any:
    return value if math.isfinite(value) else ["f", repr(value)]


def _int(value: int) -> Any:
    return value if -SMALL_INT < value < SMALL_INT else ["i", hex(value)]


class Encoder:
    """Turns a value into plain JSON data. Exact types only: no code of the program runs here."""

    def __init__(self, size: int) -> None:
        self.left = size

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The tagged form of `value`."""
        kind = type(value)
        self.left -= 2
        if kind is str or kind is bytes:
            self.left -= len(value)
        elif kind is int:
            self.left -= value.bit_length() >> 2
        if self.left < 0:
            raise TooLarge
        if value is None or kind is bool:
            return value
        if kind is int:
            return _int(value)
        if kind is str:
            return _text(value)
        if kind is float:
            return _float(value)
        if kind in _SEQUENCES or kind is dict:
            if depth >= MAX_DEPTH:
                raise Unserialisable(f"nested deeper than {MAX_DEPTH}, or in a circle")
            return (
                self._dict(value, depth) if kind is dict else self._sequence(value, _SEQUENCES[kind], depth)
            )
        if kind in _SIMPLE:
            return _SIMPLE[kind](value)
        raise Unserialisable(_type_name(value))

    def _sequence(self, value: Any, tag: str, depth: int) -> Any:
        encoded: list[Any] = [tag]
        index = 0
        try:
            for item in value:
                encoded.append(self.encode(item, depth + 1))
                index += 1
        except Unserialisable as error:
            error.path.append(f"[{index}]" if tag in "lt" else "{}")
            raise
        return encoded

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        key: Any = None
        try:
            if all(type(key) is str and key.isascii() for key in value):
                plain = {}
                for key, item in value.items():
                    self.left -= len(key)
                    plain[key] = self.encode(item, depth + 1)
                return plain
            encoded: list[Any] = ["d"]
            for key, item in value.items():
                encoded.append(self.encode(key, depth + 1))
                encoded.append(self.encode(item, depth + 1))
        except Unserialisable as error:
            error.path.append(f"[{key!r}]" if type(key) in (str, int, bool) else "[...]")
            raise
        return encoded


def _when(kind: Any, data: list[Any]) -> Any:
    zone = None
    if data[3] is not None:
        delta = datetime.timedelta(microseconds=data[3][0])
        zone = datetime.timezone(delta) if data[3][1] is None else datetime.timezone(delta, data[3][1])
    return kind.fromisoformat(data[1]).replace(fold=data[2], tzinfo=zone)


_DECODERS: dict[str, Any] = {
    "l": lambda d: [decode(item) for item in d[1:]],
    "t": lambda d: tuple([decode(item) for item in d[1:]]),
    "S": lambda d: {decode(item) for item in d[1:]},
    "Z": lambda d: frozenset([decode(item) for item in d[1:]]),
    "d": lambda d: {decode(d[i]): decode(d[i + 1]) for i in range(1, len(d), 2)},
    "f": lambda d: float(d[1]),
    "i": lambda d: int(d[1], 16),
    "s": lambda d: base64.b64decode(d[1]).decode("utf-8", "surrogatepass"),
    "b": lambda d: base64.b64decode(d[1]),
    "c": lambda d: complex(decode(d[1]), decode(d[2])),
    "D": lambda d: decimal.Decimal(d[1]),
    "F": lambda d: fractions.Fraction(decode(d[1]), decode(d[2])),
    "dt": lambda d: _when(datetime.datetime, d),
    "da": lambda d: datetime.date.fromisoformat(d[1]),
    "ti": lambda d: _when(datetime.time, d),
    "td": lambda d: datetime.timedelta(d[1], d[2], d[3]),
}


def decode(data: Any) -> Any:
    """The value that the host encoded; the host is trusted to have done it well."""
    kind = type(data)
    if kind is list:
        return _DECODERS[data[0]](data)
    if kind is dict:
        return {key: decode(item) for key, item in data.items()}
    return data


def _dumps() -> Any:
    """A JSON encoder whose Python-level parts the program cannot reach by patching `json`."""
    make: Any = json.encoder.c_make_encoder
    if make is None:
        return json.JSONEncoder(separators=(",", ":")).encode
    encode = make(None, _no_default, json.encoder.encode_basestring_ascii, None, ":", ",", False, False, True)
    join = "".join
    return lambda data: join(encode(data, 0))


def _no_default(value: object) -> NoReturn:
    raise TypeError(type(value))


dumps = _dumps()


# --- channels -----------------------------------------------------------------------------------------------


def frame(kind: int, nonce: bytes, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(len(payload), kind, nonce) + payload


def write(fd: int, data: bytes) -> None:
    """Write all of `data`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Channel:
    """Frames from a blocking descriptor."""

    def __init__(self, fd: int, rest: bytes = b"") -> None:
        self.fd = fd
        self.buffer = bytearray(rest)

    def take(self) -> tuple[int, bytes, bytes] | None:
        """The next whole frame in the buffer, or None."""
        if len(self.buffer) < HEADER.size:
            return None
        length, kind, nonce = HEADER.unpack_from(self.buffer)
        if length > MAX_FRAME:
            raise EOFError
        end = HEADER.size + length
        if len(self.buffer) < end:
            return None
        payload = bytes(self.buffer[HEADER.size : end])
        del self.buffer[:end]
        return kind, nonce, payload

    def fill(self) -> None:
        """Read what is there, waiting for the first byte."""
        data = os.read(self.fd, 1 << 16)
        if not data:
            raise EOFError
        self.buffer += data

    def read(self) -> tuple[int, bytes, bytes]:
        """The next frame, waiting for it."""
        while (got := self.take()) is None:
            self.fill()
        return got


# --- the child: one call ------------------------------------------------------------------------------------


class Child:
    """Runs one call in a process of its own, then ends."""

    def __init__(self, control: int) -> None:
        self.pid = os.getpid()
        self.control = Channel(control)
        self.nonce = b""
        self.code: types.CodeType | None = None
        self.failure: tuple[int, dict[str, Any]] | None = (INVALID, _complaint("NotLoaded", "no program"))
        self.source = ""
        self.name: str | None = None
        self.result_bytes = 0

    def load(self, payload: bytes) -> None:
        """Compile the program; what is wrong with it is reported when the call comes."""
        loaded = json.loads(payload)
        self.source = decode(loaded["source"]).removeprefix("\ufeff")
        self.name = decode(loaded["function"])
        self.code, self.failure = self._compile(self.source, "<program>")

    def serve(self) -> NoReturn:
        """Wait for the call, run it, answer it."""
        while True:
            kind, nonce, payload = self.control.read()
            if kind == LOAD:
                self.load(payload)
            elif kind == CALL:
                break
        self.nonce = nonce
        _, cpu_s, memory, _, self.result_bytes = LIMITS.unpack_from(payload)
        request = json.loads(payload[LIMITS.size :])
        limit_process(cpu_s, memory)
        try:
            status, body = self._run(request)
        except MemoryError as error:
            status, body = MEMORY, describe(error)
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is its outcome
            status, body = ERROR, describe(error)
        self._answer(status, body)

    def _answer(self, status: int, body: dict[str, Any]) -> NoReturn:
        sys.settrace(None)
        sys.setprofile(None)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:  # noqa: BLE001, S110 - closed or replaced by the program
                pass
        if os.getpid() != self.pid:  # the program forked and its copy came back here
            os._exit(0)
        encoded = dumps(body).encode()
        if len(encoded) > self.result_bytes and status in (OK, UNSERIALISABLE):
            status = OUTPUT
            encoded = dumps(
                _complaint("ResultTooLarge", f"the result is larger than {self.result_bytes} bytes")
            ).encode()
        cpu, peak = 0.0, 0
        if resource is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
        os.set_blocking(self.control.fd, True)
        write(self.control.fd, frame(REPLIED, self.nonce, RESULT.pack(status, cpu, peak) + encoded))
        os._exit(0)

    def _run(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        arguments = [decode(item) for item in request.get("args", ())]
        keywords = {decode(key): decode(item) for key, item in request.get("kwargs", ())}
        extra = None
        if self.failure is None and "code" in request:
            code = decode(request["code"]).removeprefix("\ufeff")
            extra, failure = self._compile(code, "<code>")
            if failure is not None:
                return failure
        if self.failure is not None or self.code is None:
            return self.failure or (INVALID, _complaint("NotLoaded", "no program"))
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        space = module.__dict__
        if request.get("ask"):
            space["ask"] = self._ask
        exec(self.code, space)  # noqa: S102 - what a cell is for
        if extra is None:
            function = self._function(space)
            if isinstance(function, str):
                return INVALID, _complaint("NoSuchFunction", function)
            return self._deliver({"value": function(*arguments, **keywords)}, "value")
        wanted = [decode(name) for name in request["want"]]
        for name in wanted:  # a name of the program's own is no answer of the code's
            space.pop(name, None)
        exec(extra, space)  # noqa: S102
        for name in wanted:
            if name not in space:
                return ERROR, _complaint("NameError", f"the code did not set {name!r}")
        return self._deliver({name: space[name] for name in wanted}, "values")

    def _deliver(self, values: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        # The program may have left the interpreter in a state in which nothing nested works.
        sys.setrecursionlimit(5000)
        encoder = Encoder(max(self.result_bytes, 1024))
        encoded = {}
        for name, value in values.items():
            try:
                encoded[name] = encoder.encode(value)
            except Unserialisable as error:
                where = ("" if key == "value" else name) + "".join(reversed(error.path))
                at = f" at {where}" if where else ""
                return UNSERIALISABLE, _complaint("Unserialisable", f"{error.what}{at} cannot leave the cell")
            except TooLarge:
                text = f"the result is larger than {self.result_bytes} bytes"
                return OUTPUT, _complaint("ResultTooLarge", text)
        return OK, {key: encoded["value"] if key == "value" else encoded}

    def _function(self, space: dict[str, Any]) -> Any:
        public = {}
        for name, value in space.items():
            own = (
                not isinstance(value, type) and callable(value) and getattr(value, "__module__", None) == NAME
            )
            if own and not name.startswith("_") and name != "ask":
                public.setdefault(id(value), name)
        names = ", ".join(public.values()) or "none"
        if self.name is not None:
            found = space.get(self.name)
            if callable(found):
                return found
            return f"the program has no function {self.name!r}; its public functions: {names}"
        if len(public) != 1:
            why = "has more than one public function" if public else "has no public function"
            return f"the program {why} ({names}): say which with function="
        return space[next(iter(public.values()))]

    def _compile(
        self, source: str, name: str
    ) -> tuple[types.CodeType | None, tuple[int, dict[str, Any]] | None]:
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            return compile(source, name, "exec", dont_inherit=True), None
        except MemoryError as error:  # also what the parser raises when the nesting is too deep for it
            return None, (INVALID, describe(error))
        except Exception as error:  # noqa: BLE001 - SyntaxError, ValueError, RecursionError, ...
            return None, (INVALID, describe(error))

    def _ask(self, /, *args: Any, **kwargs: Any) -> Any:
        """What the code calls as `ask(...)`: the host answers, or what it raised is raised here."""
        encoder = Encoder(max(self.result_bytes, 1024))
        try:
            question = {
                "args": [encoder.encode(item) for item in args],
                "kwargs": [[_text(key), encoder.encode(item)] for key, item in kwargs.items()],
            }
        except Unserialisable as error:
            raise TypeError(f"ask: {error.what} cannot leave the cell") from None
        except TooLarge:
            raise ValueError(f"ask: the arguments are larger than {self.result_bytes} bytes") from None
        write(self.control.fd, frame(ASK, self.nonce, dumps(question).encode()))
        kind, nonce, payload = self.control.read()
        if kind != ANSWER or nonce != self.nonce:
            os._exit(70)
        answer = json.loads(payload)
        if "error" in answer:
            raise RuntimeError(decode(answer["error"]))
        return decode(answer["value"])


def limit_process(cpu_s: float, memory: int) -> None:
    """The limits that are the process's own; the supervisor and the cell hold the rest."""
    if resource is None:
        return
    seconds = math.ceil(cpu_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Data, not address space: reservations that are never touched cost nothing.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def _complaint(kind: str, message: str) -> dict[str, Any]:
    return {"type": kind, "message": _text(_cut(message)), "traceback": "", "line": None}


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return text[: MAX_TEXT // 2] + "\n[...]\n" + text[-MAX_TEXT // 2 :]


def _own_frames(report: traceback.TracebackException, depth: int = 0) -> None:
    report.stack[:] = [entry for entry in report.stack if entry.filename in OWN]
    if depth < 16:  # noqa: PLR2004 - a chain of causes longer than that tells nobody anything
        inner = [report.__cause__, report.__context__, *(getattr(report, "exceptions", None) or ())]
        for other in inner:
            if other is not None:
                _own_frames(other, depth + 1)


def describe(error: BaseException) -> dict[str, Any]:
    """What is said about an exception: never more than a bounded text, never another exception."""
    sys.setrecursionlimit(5000)
    kind = type(error)
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 - the program's own __str__
        message = "<its text raised as well>"
    line = None
    try:
        if isinstance(error, SyntaxError) and error.filename in OWN:
            line, message = error.lineno, error.msg
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in OWN:
                line = trace.tb_lineno
            trace = trace.tb_next
        report = traceback.TracebackException(kind, error, error.__traceback__, compact=True)
        _own_frames(report)
        text = "".join(report.format())
    except BaseException:  # noqa: BLE001 - same reason
        text = ""
    return {
        "type": _text(str.__str__(kind.__name__)[:200]),
        "message": _text(_cut(str.__str__(message))),
        "traceback": _text(_cut(text)),
        "line": line if type(line) is int else None,
    }


# --- the supervisor -----------------------------------------------------------------------------------------


class Spare:
    """A child forked ahead, and the supervisor's ends of its channels."""

    def __init__(self, load: bytes | None, keep_from: list[int]) -> None:
        ours, theirs = socket.socketpair()
        out, out_theirs = os.pipe()
        err, err_theirs = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _become_child(theirs.fileno(), out_theirs, err_theirs, load)
        theirs.close()
        os.close(out_theirs)
        os.close(err_theirs)
        ours.setblocking(False)
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        self.control, self.out, self.err = ours, out, err
        self.poll = select.poll()
        for fd in (ours.fileno(), out, err, *keep_from):
            self.poll.register(fd, select.POLLIN)

    def send(self, data: bytes) -> bytes:
        """Send what fits; the rest is the caller's to send later."""
        try:
            return data[self.control.send(data) :]
        except BlockingIOError:
            return data
        except OSError:  # it is dead; its end will be read from the socket
            return b""

    def close(self) -> None:
        """Close our ends."""
        self.control.close()
        os.close(self.out)
        os.close(self.err)


def _become_child(control: int, out: int, err: int, load: bytes | None) -> NoReturn:
    try:
        null = os.open("/dev/null", os.O_RDONLY)
        # Out of the way first: none of the four may sit on a number that is still to be overwritten.
        high = [os.dup2(fd, 200 + index) for index, fd in enumerate((null, out, err, control))]
        for number, fd in enumerate(high):
            os.dup2(fd, number, inheritable=number < 3)  # noqa: PLR2004
        os.closerange(4, 256)
        _set_dumpable(1)  # /proc/self is root's otherwise
        try:
            with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
                file.write("1000")
        except OSError:
            pass
        gc.enable()
        child = Child(3)
        if load is not None:
            child.load(load)
        child.serve()
    except BaseException:  # noqa: BLE001, S110 - nobody is left to tell; the supervisor sees the end
        pass
    os._exit(71)


class Call:
    """One call as the supervisor sees it, from the frame that asks for it to the frame that answers."""

    def __init__(self, spare: Spare, nonce: bytes, payload: bytes) -> None:
        self.spare = spare
        self.nonce = nonce
        self.wall_s, self.cpu_s, _, self.output, self.result = LIMITS.unpack_from(payload)
        self.started = time.monotonic()
        self.pending = spare.send(frame(CALL, nonce, payload))
        self.buffer = bytearray()
        self.out, self.err = bytearray(), bytearray()
        self.status = KILLED
        self.cpu, self.peak, self.body = 0.0, 0, b""
        self.truncated = False

    def finish(self, status: int, kind: str, message: str) -> bool:
        """End with a finding of the supervisor's own."""
        self.status, self.body = status, dumps(_complaint(kind, message)).encode()
        return True

    def read_output(self, fd: int) -> bool:
        """Take what the stream holds; True when that is more than the call may write."""
        target = self.out if fd == self.spare.out else self.err
        while True:
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                return False
            if not data:
                self.spare.poll.unregister(fd)
                return False
            target += data
            excess = len(self.out) + len(self.err) - self.output
            if excess > 0:
                del target[len(target) - excess :]
                self.truncated = True
                return self.finish(OUTPUT, "OutputTooLarge", f"more than {self.output} bytes of output")

    def read_control(self) -> bytes | None:
        """A question for the host, b"" when the call is over, None when it goes on."""
        try:
            data = self.spare.control.recv(1 << 18)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return b""
        self.buffer += data
        if len(self.buffer) < HEADER.size:
            return None
        length, kind, nonce = HEADER.unpack_from(self.buffer)
        if nonce != self.nonce or kind not in (REPLIED, ASK) or length > self.result + MAX_TEXT * 16:
            self.finish(KILLED, "ChannelBroken", "the program wrote into the sandbox's own channel")
            return b""
        end = HEADER.size + length
        if len(self.buffer) < end:
            return None
        payload = bytes(self.buffer[HEADER.size : end])
        del self.buffer[:end]
        if kind == ASK:
            return frame(ASK, nonce, payload)
        if length >= RESULT.size and payload[0] in (OK, ERROR, INVALID, UNSERIALISABLE, MEMORY, OUTPUT):
            self.status, self.cpu, self.peak = RESULT.unpack_from(payload)
            self.body = payload[RESULT.size :]
        return b""

    def reply(self) -> bytes:
        """The frame for the host."""
        wall = time.monotonic() - self.started
        head = REPLY.pack(
            self.status, wall, self.cpu, self.peak, self.truncated, len(self.out), len(self.err)
        )
        return frame(REPLIED, self.nonce, b"".join((head, self.out, self.err, self.body)))


class Supervisor:
    """Serves one host until its channel ends."""

    def __init__(self, host: Channel, out: int, *, idle_s: float) -> None:
        self.host = host
        self.out = out
        self.idle_s = idle_s
        self.load: bytes | None = None
        self.cores = os.cpu_count() or 1
        self.cpu_file = _first_open("/sys/fs/cgroup/cpuacct/cpuacct.usage", "/sys/fs/cgroup/cpu.stat")
        self.oom_file = _first_open(
            "/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"
        )
        self.ooms = self._count_ooms()
        self.idle = select.poll()
        self.idle.register(host.fd, select.POLLIN)
        self.spare: Spare | None = None  # until a program is bound: a blank cell should weigh little
        self.cpu_before = 0.0

    def serve(self) -> NoReturn:
        """Answer frames for ever; EOFError ends it, and with it the cell."""
        while True:
            while (got := self.host.take()) is None:
                if not self.idle.poll(self.idle_s * 1000):
                    raise EOFError  # the host has forgotten us, or its daemon has
                self.host.fill()
            kind, nonce, payload = got
            if kind == CALL:
                self.call(nonce, payload)
            elif kind == LOAD:
                self.load = payload
                preload(payload)
                self._replace(self.spare)
            elif kind == PING:
                write(self.out, frame(PONG, nonce))
            else:
                raise EOFError

    def call(self, nonce: bytes, payload: bytes) -> None:
        """Run one call and answer it, then make the cell as it was before."""
        if self.spare is None:
            raise EOFError
        call = Call(self.spare, nonce, payload)
        self._watch(call)
        if call.status not in (OUTPUT, TIMEOUT):
            for fd in (call.spare.out, call.spare.err):
                call.read_output(fd)
        if call.status in (OUTPUT, KILLED, TIMEOUT):
            self._autopsy(call)
        write(self.out, call.reply())
        self._replace(call.spare)
        write(self.out, frame(READY, nonce))

    def _watch(self, call: Call) -> None:
        spare = call.spare
        control = spare.control.fileno()
        deadline = call.started + call.wall_s
        look = call.started + call.cpu_s / self.cores  # no sooner can the CPU time be used up
        if call.pending:
            spare.poll.modify(control, select.POLLIN | select.POLLOUT)
        while True:
            now = time.monotonic()
            if now >= deadline:
                call.finish(TIMEOUT, "Timeout", f"more than {call.wall_s:g} s of time (wall_s)")
                return
            if now >= look:
                left = call.cpu_s - self._cpu_of(spare.pid)
                if left <= 0:
                    call.finish(TIMEOUT, "Timeout", f"more than {call.cpu_s:g} s of CPU time (cpu_s)")
                    return
                look = now + max(left / self.cores, 0.005)
            for fd, event in spare.poll.poll(math.ceil((min(deadline, look) - now) * 1000)):
                if fd == control:
                    if event & select.POLLOUT:
                        call.pending = spare.send(call.pending)
                        if not call.pending:
                            spare.poll.modify(control, select.POLLIN)
                    if event & ~select.POLLOUT:
                        asked = call.read_control()
                        if asked == b"":
                            return
                        if asked is not None:
                            write(self.out, asked)
                elif fd == self.host.fd:
                    self._answer(call)
                elif call.read_output(fd):
                    return

    def _answer(self, call: Call) -> None:
        """The host's answer to a question of the call; while a call runs nothing else may come."""
        kind, nonce, payload = self.host.read()
        if kind != ANSWER:
            raise EOFError
        if nonce == call.nonce:
            call.pending += frame(ANSWER, nonce, payload)
            call.spare.poll.modify(call.spare.control.fileno(), select.POLLIN | select.POLLOUT)

    def _autopsy(self, call: Call) -> None:
        """Say why the child did not answer, now that it is certain that it will not."""
        if call.status != KILLED or call.body:
            os.kill(call.spare.pid, signal.SIGKILL)
        elif not _gone(call.spare.pid, 0.2):
            call.finish(KILLED, "ChannelBroken", "the program closed the sandbox's own channel")
            os.kill(call.spare.pid, signal.SIGKILL)
        _, status, used = os.wait4(call.spare.pid, 0)
        call.spare.pid = 0
        call.cpu = max(used.ru_utime + used.ru_stime, call.cpu)
        call.peak = max(used.ru_maxrss * 1024, call.peak)
        if call.body:
            return
        ooms = self._count_ooms()
        died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if ooms > self.ooms:
            self.ooms = ooms
            call.finish(MEMORY, "OutOfMemory", "more memory than the cell has")
        elif died == signal.SIGXCPU:
            call.finish(TIMEOUT, "Timeout", f"more than {call.cpu_s:g} s of CPU time (cpu_s)")
        elif died:
            name = signal.Signals(died).name if died in set(signal.Signals) else f"signal {died}"
            call.finish(KILLED, "Died", f"the process died of {name}")
        else:
            call.finish(KILLED, "Died", f"the process ended with exit code {os.WEXITSTATUS(status)}")

    def _replace(self, spare: Spare | None) -> None:
        """Leave nothing of the last call, then fork the next child."""
        if spare is not None:
            spare.close()
            if spare.pid:
                os.kill(spare.pid, signal.SIGKILL)
                os.waitpid(spare.pid, 0)
        # As PID 1 every orphan of the cell is our child: none left means that nothing is left.
        while True:
            try:
                os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            try:
                os.kill(-1, signal.SIGKILL)
                os.waitpid(-1, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        for directory in SCRATCH:
            wipe(directory)
        self.spare = Spare(self.load, [self.host.fd])
        self.cpu_before = self._cpu()

    def _cpu(self) -> float:
        """CPU seconds of the whole cell so far; NaN where no cgroup tells."""
        if self.cpu_file is None:
            return math.nan
        text = os.pread(self.cpu_file, 256, 0)
        return int(text.split()[1]) / 1e6 if text.startswith(b"usage_usec") else int(text) / 1e9

    def _cpu_of(self, pid: int) -> float:
        if self.cpu_file is not None:
            return self._cpu() - self.cpu_before
        try:
            return time.clock_gettime((~pid << 3) | 2)  # the process's CPU clock, see clock_getcpuclockid(3)
        except OSError:
            return 0.0

    def _count_ooms(self) -> int:
        if self.oom_file is None:
            return 0
        found = re.search(rb"^oom_kill (\d+)", os.pread(self.oom_file, 512, 0), re.MULTILINE)
        return int(found[1]) if found else 0


def _first_open(*paths: str) -> int | None:
    for path in paths:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def _gone(pid: int, seconds: float) -> bool:
    """Whether the child ends within a moment of closing its channel; it is not reaped."""
    until = time.monotonic() + seconds
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def wipe(directory: str) -> None:
    """Empty a directory. What cannot be emptied ends the cell: OSError is not caught anywhere."""
    try:
        entries = os.listdir(directory)
    except FileNotFoundError:
        return
    for name in entries:
        path = f"{directory}/{name}"
        try:
            os.unlink(path)
        except (IsADirectoryError, PermissionError):
            os.chmod(path, 0o700)  # noqa: PTH101
            wipe(path)
            os.rmdir(path)  # noqa: PTH106


# Modules without side effects of their own. What a program imports from here is imported once in the
# supervisor, so that its children find it loaded.
PRELOAD = frozenset(
    ["abc", "array", "ast", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools", "heapq", "html", "inspect", "io", "itertools", "json", "keyword", "locale", "math", "numbers", "operator", "pprint", "queue", "random", "re", "statistics", "string", "struct", "textwrap", "threading", "time", "types", "typing", "unicodedata", "uuid", "warnings", "zoneinfo"]
)
IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([\w., \t]+)", re.MULTILINE)


def imported(source: str) -> Iterator[str]:
    """Names of top-level modules that `source` seems to import."""
    for line in IMPORT.findall(source):
        for part in line.split(" import ")[0].split(","):
            yield part.split(".")[0].split(" as ")[0].strip()


def preload(payload: bytes) -> None:
    """Import what the program will."""
    source = decode(json.loads(payload)["source"])
    for name in PRELOAD.intersection(imported(source)):
        if name not in sys.modules:
            try:
                __import__(name)
            except ImportError:
                continue
    gc.collect()
    gc.freeze()


def _set_dumpable(value: int) -> None:
    import ctypes

    if ctypes.CDLL(None).prctl(4, value, 0, 0, 0) != 0:  # PR_SET_DUMPABLE
        raise OSError("prctl")


def rehearse() -> None:
    """Walk the way of a call once, so that children inherit its pages and caches warm."""
    for source in ("def f(a, b=1):\n    return [a, b, {'c': 1.5}]\nx = f(1)\n", "def f(:", "1/0"):
        child = Child(-1)
        child.load(dumps({"source": source, "function": None}).encode())
        child.result_bytes = 1024
        try:
            child._run({"args": [1], "kwargs": []})  # noqa: SLF001 - same file
            child._run({"code": "y = f(1)", "want": ["y"]})  # noqa: SLF001
        except Exception as error:  # noqa: BLE001 - the point of the third source
            dumps(describe(error)).encode()
    sys.modules.pop(NAME, None)
    linecache.clearcache()


def prepare(environment: dict[str, str]) -> None:
    """Make this process one that no child can harm, with the same surroundings in every cell."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.umask(0o077)
    os.chdir("/tmp")  # noqa: S108 - the cell's own
    sys.argv = [""]
    for path in [entry for entry in sys.path if re.search(r"/python3\.\d+$", entry)]:
        sys.path.append(path + "/site-packages")  # -S left it out, and with it the cost of site
    import _sitebuiltins

    for name in ("exit", "quit"):
        setattr(builtins, name, _sitebuiltins.Quitter(name, ""))
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    rehearse()
    _set_dumpable(0)
    gc.disable()
    gc.collect()
    gc.freeze()


def main(rest: bytes) -> NoReturn:
    """Serve the host on stdin and stdout until either ends. `rest` was read behind this source."""
    here, there = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    try:
        host = Channel(here, rest)
        config = json.loads(host.read()[2])
        prepare(config["environment"])
        supervisor = Supervisor(host, there, idle_s=config["idle_s"])
        hello = {"python": sys.version.split()[0], "implementation": sys.implementation.name}
        write(there, frame(HELLO, bytes(8), dumps(hello).encode()))
        supervisor.serve()
    except (EOFError, BrokenPipeError):
        pass
    except BaseException:  # noqa: BLE001 - to the launcher's log of the cell, then the end
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
