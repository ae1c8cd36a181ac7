"""Synthesis: the maker writes labelled texts, evenly over the labels and each after particulars of its own.

Labels are written side by side, and each label's requests one after the other, since each shows what was
written before. What a label is asked never depends on how the others fare, so that a run that was
interrupted asks the same again: what it paid for comes out of the journal.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, final

import anyio

from latm._accounts import Purpose
from latm._events import Events
from latm._ledger import REPLIED, Ledger
from latm._records import digest, slug
from latm._roles import Role
from latm.errors import ConfigError, DataError, Refused, Truncated, nearest
from latm.plugin import Message, Request
from latm.tuner._plan import combinations, named, neighbours, shares, without
from latm.tuner._prompts import SCHEMA, SYSTEM, WORDING, Wanted, request
from latm.tuner._samples import Sample
from latm.tuner._spec import TuningSpec
from latm.tuner._texts import REASONS, WHOLE, Unreadable, folded, problem, read

__all__ = ["Part", "Synthesis", "synthesise"]

Part = Literal["train", "held-out"]
"""What the texts are for; one part's are drawn otherwise than the other's."""

_ATTEMPTS = 3  # at a text
_FRUITLESS = 5  # replies in a row without one text that will do, after which a label is given up
_RUN_DIGITS = 24
_ID_DIGITS = 10
_FAILURES: Mapping[str, str] = MappingProxyType({Truncated.__name__: "cut off", Refused.__name__: "declined"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """What was written.

    Attributes:
        samples: those that there were, then the new ones in turn over the labels.
        written: how many are new.
        replies: how often the maker was asked, replies from the journal included.
        refused: how often texts were refused, and why; each was asked for again, within bounds.
        short: how many texts are missing of a label, where the bounds were reached.
    """

    samples: tuple[Sample, ...]
    written: int
    replies: int
    refused: Mapping[str, int]
    short: Mapping[str, int]


async def synthesise(
    spec: TuningSpec,
    *,
    role: Role,
    bill: Ledger,
    events: Events,
    part: Part = "train",
    start: Sequence[Sample] = (),
    avoid: Sequence[str] = (),
) -> Synthesis:
    """Have texts written until there are as many as the spec asks for, evenly over its labels.

    The same arguments and the same model give the same texts; called again after an interruption, it pays
    for nothing that an earlier call paid for. A text that will not do is asked for again, at most twice; a
    label whose replies give none for five times is given up. Writes no file.

    Args:
        spec: what is asked for.
        role: who writes.
        bill: where it is added up.
        events: told ``tune.wrote`` after each reply: label, texts (new ones in it), done and wanted (new ones
            of all labels), refused (so far), cost_usd (on the bill so far; None where a price is unknown).
        part: whether they are for training, or held out.
        start: what there is already of this part; counts, and is shown by its openings.
        avoid: texts that must not come again. They are never shown to the writer, since they may be those
            that a model will be judged on.

    Raises:
        DataError: a sample of ``start`` has a label that the spec has not.
        BackendError: what is left after the retries, but for `Truncated` and `Refused`: those count as
            refused.
        BudgetExceeded: a budget does not allow the next call.
        LatmError: others as of `Role.complete`. What was paid for is in the journal in any case.
    """
    if unknown := [each for each in start if each.label not in spec.labels]:
        raise DataError(
            [
                f"{each.id}: no such label: {each.label!r}.{nearest(each.label, spec.labels)}"
                for each in unknown
            ]
        )
    total = spec.samples if part == "train" else spec.held_out
    missing = shares(spec.labels, Counter(each.label for each in start), total)
    run = _run(spec, role, part, start, avoid)
    desk = _Desk(
        spec=spec,
        role=role,
        bill=bill,
        events=events,
        run=run,
        wanted=sum(missing.values()),
        taken=frozenset(folded(text) for text in [*avoid, *(each.text for each in start)]),
        real=frozenset(folded(each.text) for each in spec.examples),
        outcomes=await role.outcomes(run) if any(missing.values()) else {},
    )
    writers = [
        _Writer(desk, label, place, start=start, missing=missing[label], part=part)
        for place, label in enumerate(spec.labels, start=1)
    ]
    async with anyio.create_task_group() as group:
        for each in writers:
            group.start_soon(each.write)
    # Raised out here: a task group would wrap it, and cancel the other labels' calls, which are paid for.
    for each in writers:
        if each.error is not None:
            raise each.error
    new = tuple(_in_turn([each.written for each in writers]))
    return Synthesis(
        samples=(*start, *new),
        written=len(new),
        replies=desk.replies,
        refused=MappingProxyType({key: desk.refused[key] for key in REASONS if desk.refused[key]}),
        short=MappingProxyType(
            {each.label: gap for each in writers if (gap := missing[each.label] - len(each.written))}
        ),
    )


@dataclass(kw_only=True)
class _Desk:
    """What the labels share."""

    spec: TuningSpec
    role: Role
    bill: Ledger
    events: Events
    run: str
    wanted: int
    taken: AbstractSet[str]
    real: AbstractSet[str]
    outcomes: Mapping[str, str]
    done: int = 0
    replies: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    stopped: bool = False


@dataclass
class _Slot:
    """A text to be written."""

    particulars: Mapping[str, str]
    attempts: int = 0
    refused: str = ""


@final
class _Writer:
    """Has the texts of one label written."""

    def __init__(
        self, desk: _Desk, label: str, place: int, *, start: Sequence[Sample], missing: int, part: Part
    ) -> None:
        spec = desk.spec
        own = [each for each in start if each.label == label]
        drawn = without(
            combinations(spec.attributes, seed=f"{spec.seed}/{part}/{label}"),
            [{name: each.attributes.get(name, "") for name in spec.attributes} for each in own],
        )
        self.label = label
        self.written: list[Sample] = []
        self.error: Exception | None = None
        self._desk = desk
        self._queue = deque(_Slot(each) for each in itertools.islice(drawn, missing))
        self._earlier = [each.text for each in own]
        self._seen = set(desk.taken)
        self._near = neighbours(spec.labels, label)
        self._step = f"{part}/{place:05}/"
        self._stem = _stem(label, place)
        ended = [step for step, how in desk.outcomes.items() if how == REPLIED or how in _FAILURES]
        self._last = max((step for step in ended if step.startswith(self._step)), default="")

    async def write(self) -> None:
        """Ask until all is written, or the bounds are reached; an error is kept, and stops the others."""
        desk, size, number, fruitless = self._desk, self._desk.spec.batch, 0, 0
        try:
            while self._queue and fruitless < _FRUITLESS and not desk.stopped:
                number += 1
                slots = [self._queue.popleft() for _ in range(min(size, len(self._queue)))]
                whole, kept = await self._ask(slots, number)
                # Half as many next time: a reply that was cut off has room then, and what one text did to
                # the others is past.
                size = desk.spec.batch if kept else max(1, len(slots) // 2) if whole else size
                fruitless = 0 if kept else fruitless + 1
        except Exception as error:  # noqa: BLE001 - raised by `synthesise`
            self.error = error
            desk.stopped = True

    async def _ask(self, slots: Sequence[_Slot], number: int) -> tuple[bool, int]:
        """One request: whether its reply was refused as a whole, and how many of its texts are kept."""
        desk, before = self._desk, len(self.written)
        asked = request(
            desk.spec,
            self.label,
            [Wanted(each.particulars, each.refused) for each in slots],
            neighbours=named(self._near, number),
            earlier=self._earlier,
            number=number,
        )
        found, reason = await self._reply(asked, f"{self._step}{number:05}", len(slots))
        desk.replies += 1
        again: list[_Slot] = []
        for position, slot in enumerate(slots, start=1):
            slot.refused = self._take(slot, found.get(position), reason)
            slot.attempts += 1
            if slot.refused:
                desk.refused[slot.refused] += 1
                if slot.attempts < _ATTEMPTS:
                    again.append(slot)
        self._queue.extendleft(reversed(again))
        kept = len(self.written) - before
        desk.done += kept
        desk.events.tell(
            "tune.wrote",
            label=self.label,
            texts=kept,
            done=desk.done,
            wanted=desk.wanted,
            refused=desk.refused.total(),
            cost_usd=desk.bill.total().cost_usd,
        )
        return reason in WHOLE, kept

    async def _reply(self, asked: Request, step: str, count: int) -> tuple[Mapping[int, str], str]:
        """The texts of a reply by their numbers, and why those that are not among them are refused."""
        desk = self._desk
        how = desk.outcomes.get(step)
        # One that was refused costs nothing at times, and is not in the journal; that it went on, is.
        if how in _FAILURES or (how is None and step < self._last):
            return {}, _FAILURES.get(how or "", "declined")
        purpose = Purpose(run=desk.run, step=step, bill=desk.bill, task=desk.spec.name, resumable=True)
        try:
            reply = await desk.role.complete(asked, purpose)
            return read(reply.text, count), "missing"
        except (Truncated, Refused) as error:
            return {}, _FAILURES[type(error).__name__]
        except Unreadable as error:
            return {}, str(error)

    def _take(self, slot: _Slot, text: str | None, reason: str) -> str:
        """Keep a text that will do; else say why not."""
        if text is None:
            return reason
        text = text.replace("\r\n", "\n").strip()
        desk = self._desk
        found = problem(text, self.label, desk.spec.words, seen=self._seen, real=desk.real)
        if found is not None:
            return found
        self._seen.add(folded(text))
        self._earlier.append(text)
        name = f"{self._stem}-{digest(self.label, text)[:_ID_DIGITS]}"
        particulars = MappingProxyType(dict(slot.particulars))
        self.written.append(Sample(text, self.label, id=name, attributes=particulars, by=desk.role.model))
        return ""


def _run(spec: TuningSpec, role: Role, part: Part, start: Sequence[Sample], avoid: Sequence[str]) -> str:
    """The run's name: the same for the same texts from the same model under the same settings."""
    there = [[each.id, each.text, each.label, sorted(each.attributes.items())] for each in start]
    # With the role's own settings in it: who gives it more room after a reply that was cut off means it.
    asker = role.digest(Request(messages=(Message("user", ""),), system=SYSTEM, response_schema=SCHEMA))
    data = json.dumps([there, list(avoid)])
    name = digest(spec.fingerprint, part, data, role.name, role.model, asker, WORDING)
    return f"synthesis-{name[:_RUN_DIGITS]}"


def _stem(label: str, place: int) -> str:
    try:
        return slug(label)
    except ConfigError:  # nothing of it can stand in a name
        return f"label-{place}"


def _in_turn(lists: Iterable[Sequence[Sample]]) -> Iterable[Sample]:
    for row in itertools.zip_longest(*lists):
        yield from (each for each in row if each is not None)
