"""The frozen records that cross the public API."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, Protocol

from latm.errors import ConfigError
from latm.plugin import Usage
from latm_sandbox import Outcome, Program

Route = Literal["tool", "model", "none"]

_NO_TESTS: Mapping[str, str] = MappingProxyType({})
_NO_FIGURES: Mapping[str, object] = MappingProxyType({})


class OnEvent(Protocol):
    """A listener for progress: called with an event's name and its fields, in the engine's own thread."""

    def __call__(self, name: str, fields: Mapping[str, object], /) -> None:
        """Hear of one event. What it raises is swallowed: a listener cannot break a call."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A question with its known answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A question with the code that turns it into a call of the tool."""

    question: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A unit test of a tool: a call, and the answer that the engine compares its value with.

    Attributes:
        question: what was asked.
        call: the call that answers it, as Python writes it; rerun in a cell.
        answer: the known answer; it never enters a cell.
    """

    question: str
    call: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one stage of a making found.

    Attributes:
        stage: its name, such as ``verify`` or ``exam``.
        summary: for a reader, in a sentence or two.
        held: whether the stage took place; a stage that found a fault ends the making instead.
        figures: counts and lists, as JSON data.
    """

    stage: str
    summary: str
    held: bool = True
    figures: Mapping[str, object] = field(default_factory=lambda: _NO_FIGURES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One reply of the maker and what became of it.

    Attributes:
        stage: such as ``propose``, ``verify`` or ``wrap``.
        number: counted from 1 within the stage.
        reply: the model's text, whole.
        problem: what was wrong with it, as the maker was told; None where it was accepted.
    """

    stage: str
    number: int
    reply: str
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The evidence for a tool.

    Attributes:
        attempts: the whole history of its making, in order.
        notes: what a reader should know before trusting it, one sentence each.
        evidence: what each stage found, in order.
    """

    attempts: tuple[Attempt, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def count(self, stage: str) -> int:
        """How many attempts a stage took."""
        return sum(attempt.stage == stage for attempt in self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a tool comes from.

    Attributes:
        protocol: the making protocol, ``paper``.
        maker: the model that wrote it, as ``provider:model``.
        run: id of the making; the journal holds its replies under this id.
        examples_sha256: digest of the examples that it was made from.
        source_sha256: digest of the source that was verified; the stored source has the same.
        usage: tokens of the making.
        cost_usd: price of the making in USD; None where a price is unknown.
        seconds: wall time of the making.
        created: ISO 8601, UTC.
    """

    protocol: str
    maker: str
    run: str
    examples_sha256: str
    source_sha256: str
    usage: Usage
    cost_usd: Decimal | None
    seconds: float
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A verified Python function with all that is needed to use and to judge it.

    Attributes:
        name: the task's name in lower case with hyphens, such as ``word-sorting``.
        version: counted from 1 for each name.
        source: Python source, exactly as it was verified.
        function: the function in it to call.
        contract: what the function takes and gives, for a reader.
        demonstrations: questions with their calls; shown to the user model.
        tests: unit tests by name; each runs after the source, in a cell.
        checks: unit tests as calls, whose values the engine compares.
        answer_type: how answers are rendered and compared: ``text``, ``number``, ``option`` and others;
            ``caller`` where the making compared them by a function of the caller's, which renders as text.
        call_style: ``code``: the user's reply is Python that sets ``ans``; ``call``: it is one literal call.
        parser: source of a parser of questions, if one came with the tool.
        scorecard: the evidence.
        provenance: where it comes from.
    """

    name: str
    version: int
    source: str
    function: str
    demonstrations: tuple[Demonstration, ...]
    provenance: Provenance
    contract: str = ""
    tests: Mapping[str, str] = field(default_factory=lambda: _NO_TESTS)
    checks: tuple[Check, ...] = ()
    answer_type: str = "text"
    call_style: str = "code"
    parser: str | None = None
    scorecard: Scorecard = Scorecard()

    @property
    def program(self) -> Program:
        """What the sandbox runs."""
        return Program(self.source, self.function)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one question, and how it came about.

    Attributes:
        text: the answer; None when there is none (route ``none``).
        route: ``tool``, ``model`` (the strong model answered) or ``none``.
        layer: what decided on the route: ``repeat`` (the very question was answered before: its call was made
            again), ``parser`` (the tool's own parser took the whole question), ``dispatcher`` or ``caller``.
        question: what was asked.
        run: the id under which the journal holds what the models replied.
        task: the task that the question belongs to, where that is known.
        reason: why there is no answer, or none of a tool; empty where nothing kept a tool from answering.
        tool: name of the tool that was tried, if one was.
        tool_version: its version.
        outcome: what happened in the cell at the last try, if one ran.
        cost_usd: of every model call for this question, in USD; None where a price is unknown.
        usage: tokens of the same calls.
        seconds: wall time.
        trace: what happened on the way, one sentence each, oldest first.
    """

    text: str | None
    route: Route
    layer: str
    question: str = ""
    run: str = ""
    task: str | None = None
    reason: str = ""
    tool: str | None = None
    tool_version: int | None = None
    outcome: Outcome | None = None
    cost_usd: Decimal | None = None
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    trace: tuple[str, ...] = ()


_NAME = re.compile(r"[0-9a-z]+(?:-[0-9a-z]+)*")
_LONGEST_NAME = 64
_MARK_DIGITS = 8
RESERVED_NAMES = frozenset({"new-task", "none", "unsure"})
"""Words of the dispatcher; no task can be called so."""


def slug(name: str) -> str:
    """The name under which a task and its tool are kept: lower case, hyphens, at most 64 characters of ASCII.

    Blanks and punctuation only part words. What says more and cannot stand in such a name, as in ``C++`` or
    in another script, leaves a mark behind it, and so does what is too long: two names are never taken for
    one because of what was left out.

    Raises:
        ConfigError: nothing usable is left, or the name is one of the dispatcher's own words.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers need not be checked
        raise ConfigError(f"a task's name is a text, not {type(name).__name__}", where="task")
    words = name
    if len(name) > _LONGEST_NAME or _NAME.fullmatch(name) is None:
        # Twice: an accent may stand in a letter or behind it, also after folding.
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        whole = "-".join("".join(" " if _parts(each) else each for each in folded).split())
        words = whole if _NAME.fullmatch(whole) and len(whole) <= _LONGEST_NAME else _marked(whole)
    if not words or words in RESERVED_NAMES:
        raise ConfigError(
            f"{name!r} cannot name a task: use letters or digits, and none of "
            f"{', '.join(sorted(RESERVED_NAMES))}"
        )
    return words


def _parts(character: str) -> bool:
    """Whether a character only parts words."""
    kind = unicodedata.category(character)[0]
    return character in "`|~^" or (kind in "ZPC" and character not in "#%@")


def _marked(whole: str) -> str:
    """What ASCII can say of a name, and a mark that tells it from others of which ASCII says the same."""
    if not whole:
        return ""
    plain = unicodedata.normalize("NFKD", whole).encode("ascii", "ignore").decode("ascii")
    said = re.sub(r"[^0-9a-z]+", "-", plain.casefold()).strip("-")
    room = _LONGEST_NAME - _MARK_DIGITS - 1
    return f"{said[:room].strip('-') or 'task'}-{digest(whole)[:_MARK_DIGITS]}"


def new_run(kind: str) -> str:
    """A fresh id for a making or a question, such as ``make-5f3a...``."""
    return f"{kind}-{os.urandom(16).hex()}"


def digest(*parts: str) -> str:
    """SHA-256 over texts, each with its length, so that no two lists of texts share one."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(f"{len(data)}:".encode())
        state.update(data)
    return state.hexdigest()
