"""Requests and replies as JSON, and recordings of them.

A cassette is a file of JSON Lines: the header ``{"latm": "cassette", "version": 1}``, then one line for each
exchange, ``{"request": {...}, "reply": {...}}``. Lines are written whole or not at all: what a crash cut off
is left out when the file is read, and cut away when it is written again. No key is ever in a request or a
reply, so none is in a cassette.

Fields at their defaults are left out, so that a field which a later version adds changes no digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast, final

import anyio
import anyio.to_thread

from latm._codec import decode, encode
from latm.errors import ConfigError
from latm.plugin import Backend, Reply, Request

if TYPE_CHECKING:
    from latm.library import JournalEntry

__all__ = [
    "Cassette",
    "Exchange",
    "Transcript",
    "append",
    "canonical_json",
    "decode_reply",
    "decode_request",
    "distinct_replies",
    "encode_reply",
    "encode_request",
    "export",
    "load_recording",
    "read_cassette",
    "record",
    "request_digest",
]

VERSION = 1
_HEADER: Mapping[str, object] = {"latm": "cassette", "version": VERSION}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and the reply that it got."""

    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Cassette:
    """A recording of whole exchanges.

    Attributes:
        path: the file.
        exchanges: in the order in which they ended.
    """

    path: Path
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """A recorded conversation of texts only.

    Attributes:
        path: the file.
        messages: all turns, as recorded.
        replies: the assistant's texts, see `distinct_replies`.
    """

    path: Path
    messages: tuple[Mapping[str, str], ...]
    replies: tuple[str, ...]


def canonical_json(value: object) -> str:
    """The one JSON text of a value: keys sorted, ASCII, no spaces.

    Raises:
        ValueError: NaN or an infinity, which JSON does not have.
        TypeError: something that is no JSON.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def encode_request(request: Request) -> dict[str, Any]:
    """A request as plain JSON values, without what is at its default.

    Raises:
        ValueError: a value in a schema or in metadata is not JSON; says where.
    """
    return encode(request, "request")


def encode_reply(reply: Reply) -> dict[str, Any]:
    """A reply as plain JSON values, without what is at its default.

    Raises:
        ValueError: a value in arguments or metadata is not JSON; says where.
    """
    return encode(reply, "reply")


def decode_request(data: object) -> Request:
    """The request that `encode_request` wrote.

    Raises:
        ValueError: the data are not of that shape; says where.
    """
    return decode(Request, data, "request")


def decode_reply(data: object) -> Reply:
    """The reply that `encode_reply` wrote.

    Raises:
        ValueError: the data are not of that shape; says where.
    """
    return decode(Reply, data, "reply")


def request_digest(request: Request) -> str:
    """SHA-256 (hexadecimal) of what the model is asked.

    ``timeout_s`` does not count: another patience is not another question.
    """
    asked = encode_request(replace(request, timeout_s=None))
    return hashlib.sha256(canonical_json(asked).encode("ascii")).hexdigest()


def distinct_replies(turns: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The assistant's texts among (role, text) turns.

    A text that repeats the one before it word for word, with no other turn between, is the same reply
    noted twice, as the published transcripts do with every reply that was accepted.
    """
    replies: list[str] = []
    before: tuple[str, str] | None = None
    for turn in turns:
        if turn[0] == "assistant" and turn != before:
            replies.append(turn[1])
        before = turn
    return tuple(replies)


def load_recording(path: str | os.PathLike[str]) -> Cassette | Transcript:
    """Read a recording of either kind: a cassette, or a JSON list of ``{"role": ..., "content": ...}``.

    Raises:
        ConfigError: the file is absent, unreadable, or neither; names it, and the line or index.
    """
    path = Path(path)
    text = _read(path)
    if text[:1].isspace() or not text.startswith("{"):
        return _transcript(path, text)
    return _cassette(path, text)


def read_cassette(path: str | os.PathLike[str]) -> Cassette:
    """Read a cassette; one that was begun and not written to has no exchanges.

    Raises:
        ConfigError: the file is absent, unreadable, or no cassette of this version; names it and the line.
    """
    path = Path(path)
    text = _read(path)
    begun = canonical_json(_HEADER).startswith(text)  # a crash came before the header was whole
    return Cassette(path, ()) if begun else _cassette(path, text)


def append(path: str | os.PathLike[str], exchange: Exchange) -> None:
    """Add an exchange to a cassette, which is made if it does not exist; returns when it is on the disk.

    Raises:
        ConfigError: the file exists and is no cassette.
        OSError: it cannot be written.
        ValueError: the exchange has something that is not JSON.
    """
    data = _line(exchange)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        data = _mend(descriptor, Path(path)) + data
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def export(entries: Iterable[JournalEntry], path: str | os.PathLike[str]) -> int:
    """Write the replies of a library's journal into a new cassette, in their order; gives how many.

    Attempts that failed are left out. The file is whole or not there.

    Raises:
        OSError: it cannot be written, or exists.
        ValueError: an entry holds no request or no reply.
    """
    chosen = [
        Exchange(decode_request(entry.request), decode_reply(entry.reply))
        for entry in entries
        if entry.outcome == "replied"
    ]
    path = Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(canonical_json(_HEADER).encode("ascii") + b"\n")
            file.writelines(_line(each) for each in chosen)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename, it refuses to take the place of another file
    finally:
        draft.unlink()
    return len(chosen)


def record(backend: Backend, path: str | os.PathLike[str]) -> Backend:
    """A backend that completes requests by another one and adds each exchange to a cassette.

    The exchange is on the disk before the reply is handed on. Errors are not recorded. Closing it closes the
    other backend.
    """
    return _Recorder(backend, Path(path))


@final
class _Recorder:
    def __init__(self, backend: Backend, path: Path) -> None:
        self._backend = backend
        self._path = path
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Reply:
        reply = await self._backend.complete(request)
        with anyio.CancelScope(shield=True):  # the reply is paid for
            await anyio.to_thread.run_sync(self._append, Exchange(request, reply))
        return reply

    async def aclose(self) -> None:
        await self._backend.aclose()

    def _append(self, exchange: Exchange) -> None:
        with self._lock:
            append(self._path, exchange)


def _line(exchange: Exchange) -> bytes:
    line = {"request": encode_request(exchange.request), "reply": encode_reply(exchange.reply)}
    return canonical_json(line).encode("ascii") + b"\n"


def _mend(descriptor: int, path: Path) -> bytes:
    """Cut off an unfinished last line; what must be written first: the header, or nothing."""
    header = canonical_json(_HEADER).encode("ascii") + b"\n"
    size = os.fstat(descriptor).st_size
    if size == 0:
        return header
    start = os.pread(descriptor, len(header), 0)
    if header.startswith(start) and len(start) < len(header):
        os.ftruncate(descriptor, 0)  # a crash within the header
        return header
    _check_header(path, start.partition(b"\n")[0].decode("utf-8", "replace"))
    end = size
    while end and os.pread(descriptor, 1, end - 1) != b"\n":
        end -= 1
    if end != size:
        os.ftruncate(descriptor, end)
    return b""


def _read(path: Path) -> str:
    problem = ""
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        problem = f"cannot read the recording: {error.strerror or error}"
    except UnicodeDecodeError as error:
        problem = f"the recording is not UTF-8 text (byte {error.start})"
    raise ConfigError(problem, where=str(path))


def _parse(path: Path, text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        problem = str(error)
    except RecursionError:
        problem = "nested too deeply"
    raise ConfigError(f"not JSON: {problem}", where=f"{path}{where}")


def _transcript(path: Path, text: str) -> Transcript:
    turns = _parse(path, text, "")
    if not _is_list(turns):
        raise ConfigError("expected a list of {role, content}, or a cassette", where=str(path))
    messages: list[Mapping[str, str]] = []
    for index, turn in enumerate(turns):
        where = f"{path}: index {index}"
        if not isinstance(turn, dict):
            raise ConfigError("expected an object with role and content", where=where)
        role, content = cast("dict[str, Any]", turn).get("role"), cast("dict[str, Any]", turn).get("content")
        if role not in ("system", "user", "assistant"):
            raise ConfigError(f"role is {role!r}, expected system, user or assistant", where=where)
        if not isinstance(content, str):
            raise ConfigError("content is not text", where=where)
        messages.append({"role": role, "content": content})
    replies = distinct_replies([(turn["role"], turn["content"]) for turn in messages])
    if not replies:
        raise ConfigError("the conversation has no assistant's turn to replay", where=str(path))
    return Transcript(path, tuple(messages), replies)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _check_header(path: Path, line: str) -> None:
    where = f"{path}: line 1"
    header = _parse(path, line, ": line 1")
    if not isinstance(header, dict) or cast("dict[str, Any]", header).get("latm") != "cassette":
        raise ConfigError('expected the header {"latm": "cassette", "version": 1}', where=where)
    version = cast("dict[str, Any]", header).get("version")
    if isinstance(version, bool) or version != VERSION:
        raise ConfigError(f"the cassette has version {version!r}; this latm reads {VERSION}", where=where)


def _cassette(path: Path, text: str) -> Cassette:
    lines = text.split("\n")
    lines.pop()  # behind the last newline: empty, or what a crash cut off
    _check_header(path, lines[0] if lines else text)
    exchanges: list[Exchange] = []
    for number, line in enumerate(lines[1:], start=2):
        where = f"{path}: line {number}"
        data = _parse(path, line, f": line {number}")
        if not isinstance(data, dict):
            raise ConfigError("expected an object with request and reply", where=where)
        parts = cast("dict[str, object]", data)
        try:
            exchanges.append(Exchange(decode_request(parts.get("request")), decode_reply(parts.get("reply"))))
        except ValueError as error:
            raise ConfigError(str(error), where=where) from error
    return Cassette(path, tuple(exchanges))
