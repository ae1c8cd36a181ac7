"""One call: encoded, run in a cell, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, Final

from latm_sandbox._callers import Answer, Caller
from latm_sandbox._cell import Cell, Lost, read_error
from latm_sandbox._codec import (
    CodecError,
    Decoder,
    Unserialisable,
    dumps,
    encode,
    encode_arguments,
    encode_text,
    loads,
)
from latm_sandbox._limits import Limits
from latm_sandbox._outcome import Outcome, ProgramError, Status
from latm_sandbox._program import Program
from latm_sandbox._wire import Reply, WireError
from latm_sandbox.errors import LaunchFailed

MAX_REQUEST: Final = 32 << 20
"""Bytes that the encoded arguments or the code of one call may have."""
_TRIES: Final = 3
"""New cells that are tried for a call that certainly has not begun in the ones before."""

_STATUS: Final = {
    ord("o"): Status.OK,
    ord("e"): Status.ERROR,
    ord("i"): Status.INVALID,
    ord("u"): Status.UNSERIALISABLE,
    ord("m"): Status.MEMORY,
    ord("x"): Status.OUTPUT,
    ord("t"): Status.TIMEOUT,
    ord("k"): Status.KILLED,
}
# After these the guest has its feet on the ground; after any other the cell is thrown away.
_ORDINARY: Final = frozenset({Status.OK, Status.ERROR, Status.INVALID, Status.UNSERIALISABLE})


def call_body(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bytes:
    """A call of the program's function, encoded.

    Raises:
        Unserialisable: an argument cannot cross.
    """
    return dumps(encode_arguments(args, kwargs))


def run_body(code: str, want: Sequence[str], *, ask: bool = False) -> bytes:
    """Code to be executed after the program, encoded."""
    wanted = [want] if isinstance(want, str) else list(want)
    return dumps({"code": encode(code), "want": [encode(name) for name in wanted], "ask": ask})


async def run_in(
    caller: Caller, program: Program, body: bytes, limits: Limits, answer: Answer | None = None
) -> Outcome:
    """Run one encoded call in a cell of the caller's pool.

    Args:
        caller: how to take a cell, talk to it and give it back.
        program: what the cell is, or will be, bound to.
        body: the encoded call.
        limits: complete limits of the call.
        answer: awaited with each question of the code's.

    Raises:
        SandboxBusy: no cell became free.
        SandboxUnavailable: no cell can be started.
        TypeError: `program` is none.
    """
    if not isinstance(program, Program):  # pyright: ignore[reportUnnecessaryIsInstance] - a text is passed easily
        raise TypeError(f"a Program is wanted, not {type(program).__name__}: Program(source)")
    if len(body) > MAX_REQUEST or len(program.source) > MAX_REQUEST:
        text = f"what is sent to the cell is larger than {MAX_REQUEST} bytes"
        return Outcome(status=Status.UNSERIALISABLE, error=ProgramError(type="TooLarge", message=text))
    why = ""
    until = time.monotonic() + caller.policy.wait_s
    tries = _TRIES + caller.policy.cells  # all that were kept may be gone, when the engine was restarted
    for _ in range(tries):
        cell = await caller.acquire(program, max(until - time.monotonic(), 0.0))
        try:
            reply, seconds = await caller.call(cell, body, limits, answer)
        except Lost as lost:
            caller.discard(cell)
            if lost.started:
                return _lost(lost, cell, limits)
            why = str(lost)
            continue
        except BaseException:  # cancelled: the call goes on in there, so the cell has to go
            caller.discard(cell)
            raise
        outcome = _outcome(reply, seconds, cell)
        caller.release(cell, reusable=outcome.status in _ORDINARY)
        return outcome
    raise LaunchFailed(f"{tries} cells were gone before the call began ({why})", remedy="run `latm doctor`")


def unserialisable(error: Unserialisable) -> Outcome:
    """What becomes of a call whose arguments cannot cross."""
    message = f"{error} cannot enter the cell"
    return Outcome(status=Status.UNSERIALISABLE, error=ProgramError(type="Unserialisable", message=message))


def answerer(ask: Callable[..., Any]) -> Callable[[bytes], Awaitable[bytes]]:
    """What answers the questions of a cell by calling `ask`."""

    async def answer(payload: bytes) -> bytes:
        try:
            question = loads(payload)
            decode = Decoder().decode
            args = [decode(item) for item in question["args"]]
            kwargs = {decode(name): decode(item) for name, item in question["kwargs"]}
        except (CodecError, LookupError, TypeError, ValueError) as error:
            raise WireError(f"no question: {error}") from None
        try:
            value = ask(*args, **kwargs)
            if isawaitable(value):
                value = await value
            return dumps({"value": encode(value)})
        except Unserialisable as error:
            return dumps({"error": encode_text(f"the answer cannot enter the cell: {error}")})
        except Exception as error:  # noqa: BLE001 - the code in the cell asked for it
            return dumps({"error": encode(f"{type(error).__name__}: {error}")})

    return answer


def _lost(lost: Lost, cell: Cell, limits: Limits) -> Outcome:
    if lost.late:
        error = ProgramError(type="Timeout", message=f"more than {limits.wall_s:g} s of time (wall_s)")
        return Outcome(status=Status.TIMEOUT, error=error, wall_s=limits.wall_s, cell=cell.name)
    error = ProgramError(type="CellLost", message=f"the cell ended during the call: {lost}")
    return Outcome(status=Status.KILLED, error=error, cell=cell.name)


def _outcome(reply: Reply, seconds: float, cell: Cell) -> Outcome:
    """What a reply says, believed only as far as it can be read."""
    value: Any = None
    values: Mapping[str, Any] = {}
    error: ProgramError | None = None
    decode = Decoder().decode
    try:
        status = _STATUS[reply.status]
        body = loads(reply.body)
        if status is not Status.OK:
            kind, message, trace, line = read_error(body)
            error = ProgramError(type=kind, message=message, traceback=trace, line=line)
        elif "values" in body:
            values = {name: decode(item) for name, item in body["values"].items()}
        else:
            value = decode(body["value"])
    except (CodecError, LookupError, TypeError, AttributeError) as wrong:
        status, value, values = Status.KILLED, None, {}
        error = ProgramError(type="ChannelBroken", message=f"what the cell sent is no answer: {wrong}")
    return Outcome(
        status=status,
        value=value,
        values=values,
        error=error,
        stdout=reply.stdout.decode(errors="replace"),
        stderr=reply.stderr.decode(errors="replace"),
        truncated=reply.truncated,
        wall_s=seconds,
        cpu_s=reply.cpu_s,
        peak_memory_bytes=reply.peak,
        cell=cell.name,
    )
