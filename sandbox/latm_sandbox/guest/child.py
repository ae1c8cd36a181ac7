"""The process that runs one call, then ends."""

from __future__ import annotations

import json
import linecache
import math
import sys
import traceback
import types
from os import _exit, getpid, set_blocking  # the functions themselves: a program may put others into os

from latm_sandbox.guest.frames import (
    ANSWER,
    ASK,
    CALL,
    ERROR,
    INVALID,
    LIMITS,
    MEMORY,
    OK,
    OUTPUT,
    REPLIED,
    RESULT,
    UNSERIALISABLE,
    Channel,
    pack,
    write_all,
)
from latm_sandbox.guest.values import Encoder, TooLarge, Unserialisable, decode, dumps, encode_text

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
        self.pid = 0
        self.control = Channel(-1)
        self.nonce = b""
        self.code: types.CodeType | None = None
        self.failure: tuple[int, dict[str, Any]] | None = (INVALID, complaint("NotLoaded", "no program"))
        self.source = ""
        self.name: str | None = None
        self.result_bytes = 0

    def load(self, payload: bytes) -> None:
        """Compile the program; what is wrong with it is reported when the call comes."""
        loaded = json.loads(payload)
        self.source = decode(loaded["source"]).removeprefix("\ufeff")
        self.name = decode(loaded["function"])
        self.code, self.failure = self._compile(self.source, "<program>")

    def serve(self, control: int) -> NoReturn:
        """Wait for the call, run it, answer it."""
        self.pid = getpid()
        self.control = Channel(control)
        kind, nonce, payload = self.control.read()
        if kind != CALL:
            _exit(70)
        limit_process(payload)
        answer = self.answer(nonce, payload)
        if getpid() != self.pid:  # the program forked and its copy came back here
            _exit(0)
        set_blocking(control, True)
        write_all(control, answer)
        _exit(0)

    def answer(self, nonce: bytes, payload: bytes) -> bytes:
        """Run the call of a frame's payload; the frame that answers it."""
        self.nonce = nonce
        self.result_bytes = LIMITS.unpack_from(payload)[-1]
        try:
            status, body = self.run(json.loads(payload[LIMITS.size :]))
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
        arguments = [decode(item) for item in request.get("args", ())]
        keywords = {decode(key): decode(item) for key, item in request.get("kwargs", ())}
        extra = None
        if self.failure is None and "code" in request:
            code = decode(request["code"]).removeprefix("\ufeff")
            extra, failure = self._compile(code, "<code>")
            if failure is not None:
                return failure
        if self.failure is not None or self.code is None:
            return self.failure or (INVALID, complaint("NotLoaded", "no program"))
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        space = module.__dict__
        if request.get("ask"):
            space["ask"] = self._ask
        exec(self.code, space)  # noqa: S102 - what a cell is for
        if extra is None:
            function = self._function(space)
            if isinstance(function, str):
                return INVALID, complaint("NoSuchFunction", function)
            return self._deliver({"value": function(*arguments, **keywords)}, "value")
        wanted = [decode(name) for name in request["want"]]
        # A name of the program's own that the code leaves alone is no answer of the code's.
        old = {name: space[name] for name in wanted if name in space}
        stores = Stores(space)
        exec(extra, space, stores if old else space)  # noqa: S102
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
                "kwargs": [[encode_text(key), encoder.encode(item)] for key, item in kwargs.items()],
            }
        except Unserialisable as error:
            raise TypeError(f"ask: {error.what} cannot leave the cell") from None
        except TooLarge:
            raise ValueError(f"ask: the arguments are larger than {self.result_bytes} bytes") from None
        write_all(self.control.fd, pack(ASK, self.nonce, dumps(question).encode()))
        kind, nonce, payload = self.control.read()
        if kind != ANSWER or nonce != self.nonce:
            _exit(70)
        answer = json.loads(payload)
        if "error" in answer:
            raise RuntimeError(decode(answer["error"]))
        return decode(answer["value"])


def limit_process(payload: bytes) -> None:
    """Set the limits that are the process's own; the supervisor and the cell hold the rest."""
    if resource is None:
        return
    _, cpu_s, memory, _, _ = LIMITS.unpack_from(payload)
    seconds = math.ceil(cpu_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    # Data, not address space: reservations that are never touched cost nothing.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


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
