"""``replay:FILE``: a recorded conversation plays the model.

The file is a cassette of `latm.cassettes`, or a transcript: a JSON list of ``{"role": ..., "content": ...}``.

A cassette's exchanges are found by what is asked (``match = "digest"``, the default) or handed out in order
(``match = "order"``); the usage is the recorded one. A transcript's replies are handed out in order; their
usage is zero in all buckets, since a transcript does not say and an estimate would not be honest.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, final

from latm.cassettes import (
    Cassette,
    Transcript,
    canonical_json,
    distinct_replies,
    encode_request,
    load_recording,
    request_digest,
)
from latm.plugin import Backend, ProviderSpec, Rejected, Reply, Request, Usage, hookimpl, read_options

__all__ = ["ReplayOptions", "latm_providers"]

_RECORD = "record what is asked now (latm.cassettes.record)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """What ``[providers.replay]`` may hold.

    Attributes:
        match: how a cassette's next exchange is found: ``digest``, by what is asked, among those not yet
            used; ``order``, as recorded, whatever is asked. A transcript has only its order.
    """

    match: Literal["digest", "order"] = "digest"


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [ProviderSpec(name="replay", create=_create, options=ReplayOptions)]


def _create(model: str, options: Mapping[str, object]) -> Backend:
    chosen = read_options(ReplayOptions, options, where="providers.replay")
    recording = load_recording(model)
    if isinstance(recording, Transcript):
        return _TranscriptBackend(recording)
    return _CassetteBackend(recording, chosen.match)


@final
class _TranscriptBackend:
    def __init__(self, recording: Transcript) -> None:
        self._recording = recording
        self._handed_out = 0
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Reply:
        # A conversation that is taken up again after a crash brings the replies that it already got.
        heard = len(distinct_replies([(turn.role, turn.text) for turn in request.messages]))
        replies = self._recording.replies
        with self._lock:
            position = max(self._handed_out, heard)
            if position < len(replies):
                self._handed_out = position + 1
                return Reply(text=replies[position], usage=Usage(), model=self._recording.path.name)
        last = max(at for at, turn in enumerate(self._recording.messages) if turn["role"] == "assistant")
        raise Rejected(
            f"{self._recording.path}: reply {position + 1} was asked for, but the transcript has "
            f"{len(replies)}, the last at index {last}; they are handed out in order, each once: begin "
            "afresh, or add what is missing"
        )

    async def aclose(self) -> None:
        """Nothing is held open."""


@final
class _CassetteBackend:
    def __init__(self, recording: Cassette, match: Literal["digest", "order"]) -> None:
        self._path = recording.path
        self._exchanges = recording.exchanges
        self._digests = [request_digest(exchange.request) for exchange in recording.exchanges]
        self._unused = list(range(len(recording.exchanges)))
        self._match = match
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Reply:
        digest = request_digest(request)
        with self._lock:
            for place, index in enumerate(self._unused):
                if self._match == "order" or self._digests[index] == digest:
                    del self._unused[place]
                    return self._exchanges[index].reply
            raise Rejected(self._why_none(request, digest))

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _why_none(self, request: Request, digest: str) -> str:
        total = len(self._exchanges)
        position = total - len(self._unused) + 1
        if not self._unused:
            repeated = self._digests.count(digest)
            more = (
                f"; this request is recorded {repeated} times and was replayed as often" if repeated else ""
            )
            return (
                f"{self._path}: reply {position} was asked for, but the cassette has {total}, the last in "
                f"line {total + 1}{more}; each is handed out once: begin afresh, or {_RECORD}"
            )
        index = self._unused[0]
        recorded = self._exchanges[index].request
        return (
            f"{self._path}: reply {position} of {total}: no unused exchange has this request, as match = "
            f"'digest' wants it; the next one, line {index + 2}, differs at "
            f"{_first_difference(recorded, request)}; {_RECORD}, or set match = 'order' in [providers.replay]"
        )


def _first_difference(recorded: Request, asked: Request) -> str:
    """The first field, and the turn within it, in which two requests differ, with both values cut short."""
    ours, theirs = encode_request(asked), encode_request(recorded)
    for name in sorted((ours.keys() | theirs.keys()) - {"timeout_s"}):
        left: Any = theirs.get(name)
        right: Any = ours.get(name)
        if left == right:
            continue
        if name in ("messages", "functions", "stop") and left and right:
            for at, (old, new) in enumerate(zip(left, right, strict=False)):
                if old != new:
                    return f"{name}[{at}]: recorded {_short(old, new)}, asked {_short(new, old)}"
            return f"the number of {name}: recorded {len(theirs[name])}, asked {len(ours[name])}"
        return f"{name}: recorded {_short(left, right)}, asked {_short(right, left)}"
    return "nothing"


def _short(value: object, other: object) -> str:
    """A value's text around the place where it leaves the other's."""
    text, against = canonical_json(value), canonical_json(other)
    same = next(
        (at for at, (one, two) in enumerate(zip(text, against, strict=False)) if one != two),
        min(len(text), len(against)),
    )
    start = max(0, same - 20)
    cut = text[start : start + 60]
    return f"{'...' if start else ''}{cut}{'...' if start + 60 < len(text) else ''}"
