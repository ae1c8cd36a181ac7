"""The process that runs one call, then ends."""

from __future__ import annotations

import linecache
import sys
import traceback
import types
from math import ceil
from os import _exit, getpid, read, set_blocking  # themselves: a program may put others into os

from latm_sandbox.guest.frames import (
    ANSWER,
    ASK,
    CALL,
    ERROR,
    HEADER,
    INVALID,
    LARGE_READ_SIZE,
    LIMITS,
    MEMORY,
    OK,
    OUTPUT,
    READ_SIZE,
    REPLIED,
    RESULT,
    UNSERIALISABLE,
    pack,
    write_all,
)
from latm_sandbox.guest.values import Encoder, TooLarge, Unserialisable, decode, dumps, encode_text, loads

TYPE_CHECKING = False  # typing costs every cell a megabyte
if TYPE_CHECKING:
    from typing import Any, NoReturn

resource: Any
try:
    import resource
except ImportError:  # a minimal Python; the cell's own limits still hold
    resource = None

MAX_TEXT = 16 << 10  # characters of a traceback or a message
OWN = ("<program>", "<code>")
_PLAIN_INT = 1 << 63  # what JSON holds as it is
_NO_FAILURE: tuple[int, dict[str, Any]] = (OK, {})
NAME = "program"  # the module that a program is


class Stores(dict[str, object]):
    """The local names of code at module level: kept in its globals, and noted down."""

    def __init__(self, space: dict[str, Any]) -> None:
        super().__init__()
        self._space = space
        self.names: set[str] = set()

    def __setitem__(self, name: str, value: object) -> None:
        self.names.add(name)
        self._space[name] = value

    def __delitem__(self, name: str) -> None:
        self.names.discard(name)
        del self._space[name]


class Child:
    """Runs one call in a process of its own, then ends."""

    def __init__(self) -> None:
        self.control = -1
        self.nonce = b""
        self.code: types.CodeType | None = None
        self.failure = _NO_FAILURE
        self.source = ""
        self.name: str | None = None
        self.result_bytes = 0

    def load(self, payload: bytes) -> None:
        """Compile the program; what is wrong with it is reported when the call comes."""
        loaded = loads(payload.decode())
        self.source = decode(loaded["source"]).removeprefix("\ufeff")
        self.name = decode(loaded["function"])
        self.code, self.failure = self._compile(self.source, "<program>")

    def serve(self, control: int) -> NoReturn:
        """Wait for the call, run it, answer it.

        Args:
            control: the descriptor on which the call comes and the answer goes.
        """
        pid = getpid()
        self.control = control
        data = read(control, READ_SIZE)
        if len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[0]:
            data = _whole(control, data)
        _, kind, nonce = HEADER.unpack_from(data)
        if kind != CALL:
            _exit(70)
        payload = data[HEADER.size :]
        if resource is not None:  # what is the process's own; the supervisor and the cell hold the rest
            _, cpu_s, memory, _, _ = LIMITS.unpack_from(payload)
            seconds = ceil(cpu_s) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            # Data, not address space: reservations that are never touched cost nothing.
            resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
        answer = self.answer(nonce, payload)
        if getpid() != pid:  # the program forked and its copy came back here
            _exit(0)
        set_blocking(control, True)
        write_all(control, answer)
        _exit(0)

    def answer(self, nonce: bytes, payload: bytes) -> bytes:
        """Run the call of a frame's payload; the frame that answers it."""
        self.nonce = nonce
        self.result_bytes = LIMITS.unpack_from(payload)[-1]
        try:
            status, body = self.run(loads(payload[LIMITS.size :].decode()))
        except MemoryError as error:
            status, body = MEMORY, describe(error)
        except BaseException as error:  # noqa: BLE001 - whatever the program raises is its outcome
            status, body = ERROR, describe(error)
        sys.settrace(None)
        sys.setprofile(None)
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:  # noqa: BLE001, S112 - closed or replaced by the program
                continue
        encoded = dumps(body).encode()
        if len(encoded) > self.result_bytes and status in (OK, UNSERIALISABLE):
            status = OUTPUT
            text = f"the result is larger than {self.result_bytes} bytes"
            encoded = dumps(complaint("ResultTooLarge", text)).encode()
        cpu, peak = 0.0, 0
        if resource is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
        return pack(REPLIED, nonce, RESULT.pack(status, cpu, peak) + encoded)

    def run(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body of the answer. What the program raises comes through."""
        if self.code is None:
            return self.failure
        if "code" in request:
            return self._run_code(self.code, request)
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        space = module.__dict__
        exec(self.code, space)  # noqa: S102 - what a cell is for
        function = self._function(space)
        if isinstance(function, str):
            return INVALID, complaint("NoSuchFunction", function)
        arguments = request["args"]
        for index, item in enumerate(arguments):
            if type(item) is list or type(item) is dict:
                arguments[index] = decode(item)
        value = function(*arguments, **{decode(key): decode(item) for key, item in request["kwargs"]})
        if type(value) is int and -_PLAIN_INT < value < _PLAIN_INT:
            return OK, {"value": value}
        if type(value) is types.CoroutineType:
            value.close()  # else its end is a warning in the program's output
            return UNSERIALISABLE, complaint("Unserialisable", "an async function cannot be called: use def")
        return self._deliver({"value": value}, "value")

    def _run_code(self, program: types.CodeType, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Execute the program, then the code of the request in the same names."""
        code, failure = self._compile(decode(request["code"]).removeprefix("\ufeff"), "<code>")
        if code is None:
            return failure
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        space = module.__dict__
        if request["ask"]:
            space["ask"] = self._ask
        exec(program, space)  # noqa: S102
        wanted = [decode(name) for name in request["want"]]
        # A name of the program's own that the code leaves alone is no answer of the code's.
        old = {name: space[name] for name in wanted if name in space}
        stores = Stores(space)
        exec(code, space, stores if old else space)  # noqa: S102
        for name in wanted:
            set_now = name in stores.names or name not in old or space.get(name) is not old[name]
            if name not in space or not set_now:
                return ERROR, complaint("NameError", f"the code did not set {name!r}")
        return self._deliver({name: space[name] for name in wanted}, "values")

    def _deliver(self, values: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        # The program may have left the interpreter in a state in which nothing nested works.
        sys.setrecursionlimit(5000)
        encoder = Encoder(max(self.result_bytes, 1024))
        encoded: dict[str, Any] = {}
        for name, value in values.items():
            try:
                encoded[name] = encoder.encode(value)
            except Unserialisable as error:
                error.path.append("" if key == "value" else name)
                return UNSERIALISABLE, complaint("Unserialisable", f"{error} cannot leave the cell")
            except TooLarge:
                text = f"the result is larger than {self.result_bytes} bytes"
                return OUTPUT, complaint("ResultTooLarge", text)
        return OK, {key: encoded["value"] if key == "value" else encoded}

    def _function(self, space: dict[str, Any]) -> Any:
        public: dict[int, str] = {}
        for name, value in space.items():
            if name.startswith("_") or name == "ask" or isinstance(value, type) or not callable(value):
                continue
            if getattr(value, "__module__", None) == NAME:
                public.setdefault(id(value), name)
        names = ", ".join(public.values()) or "none"
        if self.name is not None:
            found = space.get(self.name)
            if callable(found):
                return found
            return f"the program has no function {self.name!r}; its public functions: {names}"
        if len(public) != 1:
            why = "has more than one public function" if public else "has no public function"
            return f"the program {why} ({names}): name the one to call"
        return space[next(iter(public.values()))]

    def _compile(self, source: str, name: str) -> tuple[types.CodeType | None, tuple[int, dict[str, Any]]]:
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        try:
            return compile(source, name, "exec", dont_inherit=True), _NO_FAILURE
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
                "kwargs": [[encode_text(key), encoder.encode(item)] for key, item in kwargs.items()],
            }
        except Unserialisable as error:
            raise TypeError(f"ask: {error.what} cannot leave the cell") from None
        except TooLarge:
            raise ValueError(f"ask: the arguments are larger than {self.result_bytes} bytes") from None
        write_all(self.control, pack(ASK, self.nonce, dumps(question).encode()))
        answered = _whole(self.control, b"")
        _, kind, nonce = HEADER.unpack_from(answered)
        if kind != ANSWER or nonce != self.nonce:
            _exit(70)
        answer = loads(answered[HEADER.size :].decode())
        if "error" in answer:
            raise RuntimeError(decode(answer["error"]))
        return decode(answer["value"])


def _whole(fd: int, data: bytes) -> bytes:
    """The rest of a frame that was not there all at once."""
    buffer = bytearray(data)
    while len(buffer) < HEADER.size or len(buffer) < HEADER.size + HEADER.unpack_from(buffer)[0]:
        more = read(fd, LARGE_READ_SIZE)
        if not more:
            _exit(70)
        buffer += more
    return bytes(buffer)


def complaint(kind: str, message: str) -> dict[str, Any]:
    """The body of an answer that is not the program's own."""
    return {"type": kind, "message": encode_text(_cut(message)), "traceback": "", "line": None}


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
        "type": encode_text(str.__str__(kind.__name__)[:200]),
        "message": encode_text(_cut(str.__str__(message))),
        "traceback": encode_text(_cut(text)),
        "line": line if type(line) is int else None,
    }
