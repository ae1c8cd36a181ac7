"""One making, from examples to a stored tool."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, final

from latm._answers import CALLER, AnswerType
from latm._answers import answer_type as find_answer_type
from latm._clock import Clock
from latm._events import Events
from latm._leasing import LEASE_S, Patience, holding
from latm._records import Example, Provenance, Scorecard, Tool, digest
from latm._roles import Role, Roles
from latm._signature import contract_of
from latm._threads import in_thread
from latm.config import MakingConfig
from latm.errors import ConfigError, LeaseLost, MakingFailed
from latm.library import Busy
from latm.maker._bounds import Bounds
from latm.maker._conversation import Conversation
from latm.maker._draft import Draft
from latm.maker.neighbours import twin
from latm.maker.propose import propose
from latm.maker.strict import Replaced, Strict
from latm.maker.verify import verify
from latm.maker.wrap import wrap
from latm_sandbox import AsyncSandbox

if TYPE_CHECKING:
    from latm.library import Lease, Library

_MOST_FOREIGN = 100


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What is to be made of what, and by whom."""

    name: str
    examples: Sequence[Example]
    settings: MakingConfig
    answers: AnswerType
    instances: Sequence[int]
    pending: int
    role: Role
    evidence: str
    fingerprint: str

    @property
    def comparable(self) -> bool:
        """Whether another making of the same fingerprint is the same; callers' own comparisons differ."""
        return self.answers.name != CALLER


@final
@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes tools.

    Attributes:
        roles: where the maker's model is found.
        sandbox: where its code runs.
        strict: the strict protocol.
        library: where tools go.
        events: who is told.
        clock: for the provenance.
        neighbours: finds tools whose questions look like these.
        lease_s: how long a task's lease lasts without being renewed.
    """

    roles: Roles
    sandbox: AsyncSandbox
    strict: Strict
    library: Library
    events: Events
    clock: Clock
    neighbours: Callable[[Sequence[str]], Awaitable[Sequence[Tool]]]
    lease_s: float = LEASE_S

    @asynccontextmanager
    async def lease(self, task: str) -> AsyncGenerator[Lease | None, None]:
        """The right to make tools for a task, renewed within the block; None at once where another has it.

        Raises:
            LeaseLost: another took it before the block was done, since this process was paused for too long.
        """
        async with holding(self.library, task, fingerprint="", ttl_s=self.lease_s) as got:
            yield None if isinstance(got, Busy) else got

    async def make(
        self,
        task: str,
        examples: Sequence[Example],
        *,
        settings: MakingConfig,
        answer_type: AnswerType | str = "text",
        instances: Sequence[int] = (),
        pending: int = 0,
        held: Lease | None = None,
    ) -> Tool:
        """Make a tool and store it as the next version of its name.

        A making whose process died is taken up where it stopped: the replies it had paid for are not paid
        again. Faults of infrastructure (a rate limit, a daemon) are raised as they are; they are not shown
        to the model and count as no attempt, and the same call goes on from there.

        While another, in whatever process or host, makes a tool for the task, this waits. If that making
        was the same, its tool (or its failure) is this one's too, and nothing is paid.

        Args:
            task: the task's name.
            examples: the first are shown, the next are for verification; the rest are not used by
                ``paper``.
            settings: protocol and counts.
            answer_type: how answers compare.
            instances: ids of the pending instances behind the examples, if they come from such.
            pending: how many instances were pending.
            held: the task's lease from `lease`; else it is waited for.

        Raises:
            ConfigError: an argument is wrong, or there are too few examples.
            MakingFailed: a stage used up its attempts.
            LeaseLost: ``held`` was lost.
        """
        order = await self._order(
            task,
            examples,
            settings=settings,
            answer_type=answer_type,
            instances=instances,
            pending=pending,
        )
        if held is not None:
            return await self._work(order, held)
        return await self._in_turn(order)

    async def _order(
        self,
        task: str,
        examples: Sequence[Example],
        *,
        settings: MakingConfig,
        answer_type: AnswerType | str,
        instances: Sequence[int],
        pending: int,
    ) -> _Order:
        answers = find_answer_type(answer_type) if isinstance(answer_type, str) else answer_type
        check_enough(task, examples, settings)
        name = await in_thread(self.library.resolve, task)
        role = await self.roles.get("maker")
        evidence = digest(*(part for each in examples for part in (each.question, each.answer)))
        return _Order(
            name=name,
            examples=examples,
            settings=settings,
            answers=answers,
            instances=instances,
            pending=pending,
            role=role,
            evidence=evidence,
            fingerprint=digest(name, role.model, answers.name, repr(settings), evidence),
        )

    async def _in_turn(self, order: _Order) -> Tool:
        """Make it under the task's lease, or wait for who makes it."""
        patience = Patience()
        # The token of the lease under which the same making was first seen under way.
        since: int | None = None
        told = False
        while True:
            lease: Lease | None = None
            try:
                async with holding(
                    self.library, order.name, fingerprint=order.fingerprint, ttl_s=self.lease_s
                ) as got:
                    if since is not None and (tool := await self._made_by_another(order, since)):
                        return tool
                    if not isinstance(got, Busy):
                        lease = got
                        return await self._work(order, lease)
            except LeaseLost:
                # Whoever took it makes the same, or something else; what is the same is looked for first.
                if order.comparable and since is None and lease is not None:
                    since = lease.token
                continue
            if got.fingerprint == order.fingerprint and order.comparable:
                since = got.token if since is None else since
            if not told:
                self.events.tell("make.waiting", task=order.name, same=since is not None)
                told = True
            await patience.wait()

    async def _made_by_another(self, order: _Order, since: int) -> Tool | None:
        """What came of the same making elsewhere; None where it has not ended."""
        ended = await in_thread(lambda: self.library.outcome(order.fingerprint, since=since))
        if ended is None:
            return None
        if ended.state == "failed":
            stage = ended.stage or ""
            raise MakingFailed(
                ended.error or "no reason was kept", task=order.name, stage=stage, history=ended.history
            )
        return await in_thread(self.library.find, order.name, ended.version)

    async def _work(self, order: _Order, lease: Lease) -> Tool:
        """Make it, under a lease that is held."""
        started = self.clock.monotonic()
        run = await in_thread(
            lambda: self.library.begin(
                order.name,
                order.fingerprint,
                instances=order.instances,
                pending=order.pending,
                lease=lease,
            )
        )
        conversation = Conversation(role=order.role, task=order.name, run=run, events=self.events)
        conversation.bounds = Bounds(order.settings, clock=self.clock, bill=conversation.bill)
        self.events.tell(
            "make.start", task=order.name, run=run, model=order.role.model, examples=len(order.examples)
        )

        def tool_of(draft: Draft) -> Tool:
            seconds = self.clock.monotonic() - started
            return _tool(order, conversation, draft, seconds=seconds, now=self.clock.now())

        try:
            draft = await self._draft(order, conversation, tool_of)
        except MakingFailed as failure:
            await in_thread(self._fail, run, failure, lease)
            self.events.tell("make.failed", task=order.name, run=run, stage=failure.stage, error=str(failure))
            raise
        tool = tool_of(draft)
        if (other := await self._twin(order, tool)) is not None:
            await in_thread(self._merge, order.name, other, tool, lease)
            self.events.tell("make.merged", task=order.name, run=run, tool=other.name, version=other.version)
            return other
        stored = await self._publish(order, tool, lease)
        self.events.tell(
            "make.done",
            task=order.name,
            run=run,
            tool=stored.name,
            version=stored.version,
            cost_usd=stored.provenance.cost_usd,
        )
        return stored

    def _fail(self, run: str, failure: MakingFailed, lease: Lease) -> None:
        self.library.fail(run, failure.history, stage=failure.stage, error=failure.reason, lease=lease)

    async def _publish(self, order: _Order, tool: Tool, lease: Lease) -> Tool:
        """Store a tool that passed every stage."""
        return await in_thread(
            lambda: self.library.add(tool, run=tool.provenance.run, used=order.instances, lease=lease)
        )

    async def _twin(self, order: _Order, tool: Tool) -> Tool | None:
        """A tool of another name that does the same.

        Only for what questions of a stream led to: a caller who asks for a tool of a name gets one.
        """
        if not order.instances or await in_thread(self.library.current, order.name) is not None:
            return None
        near = await self.neighbours([each.question for each in order.examples])
        return await twin(tool, near, cells=self.sandbox, judge=self.strict.judge)

    def _merge(self, alias: str, other: Tool, tool: Tool, lease: Lease) -> None:
        self.library.merge(
            alias, other, run=tool.provenance.run, history=tool.scorecard.attempts, lease=lease
        )

    async def _draft(
        self, order: _Order, conversation: Conversation, tool_of: Callable[[Draft], Tool]
    ) -> Draft:
        if order.settings.protocol == "paper":
            return await self._paper(conversation, order.examples, order.settings, order.answers)
        return await self.strict.make(
            conversation,
            order.examples,
            settings=order.settings,
            answers=order.answers,
            foreign=await in_thread(_questions_of_others, self.library, order.name),
            tool_of=tool_of,
            second=await self._second(order.settings),
            replaced=await in_thread(_replaced, self.library, order.name),
        )

    async def _second(self, settings: MakingConfig) -> Role | None:
        wanted = settings.second_opinion
        return None if wanted is None else await self.roles.get(wanted)

    async def _paper(
        self,
        conversation: Conversation,
        examples: Sequence[Example],
        settings: MakingConfig,
        answers: AnswerType,
    ) -> Draft:
        """The published procedure, which uses no more examples than it needs."""
        first = settings.demonstrations
        shown, held = examples[:first], examples[first : first + settings.validation]
        attempts = settings.attempts
        proposal = await propose(conversation, self.sandbox, shown, attempts=attempts)
        verification = await verify(conversation, self.sandbox, proposal, held, attempts=attempts)
        wrapping = await wrap(conversation, self.sandbox, proposal, held, answers=answers, attempts=attempts)
        return Draft(
            source=proposal.source,
            function=verification.function,
            contract=contract_of(proposal.source, verification.function),
            demonstrations=wrapping.demonstrations,
            tests={"verification": verification.code},
            notes=wrapping.notes,
        )


def check_enough(task: str, examples: Sequence[Example], settings: MakingConfig) -> None:
    """Refuse a making that has nothing to verify on.

    Raises:
        ConfigError: there are too few examples; says how many are needed, and for what.
    """
    need = settings.demonstrations + settings.validation
    if len(examples) < need:
        given = "1 different one is" if len(examples) == 1 else f"{len(examples)} different ones are"
        raise ConfigError(
            f"{task!r} needs {need} examples ({settings.demonstrations} to show, {settings.validation} "
            f"to verify on), and {given} given",
            where="examples",
        )


def _tool(order: _Order, conversation: Conversation, draft: Draft, *, seconds: float, now: datetime) -> Tool:
    """A draft as a tool, with its evidence and where it comes from so far."""
    spend = conversation.bill.total()
    return Tool(
        name=order.name,
        version=0,
        source=draft.source,
        function=draft.function,
        contract=draft.contract,
        demonstrations=draft.demonstrations,
        tests=draft.tests,
        checks=draft.checks,
        answer_type=order.answers.name,
        call_style=draft.call_style,
        parser=draft.parser,
        scorecard=Scorecard(attempts=tuple(conversation.history), notes=draft.notes, evidence=draft.evidence),
        provenance=Provenance(
            protocol=order.settings.protocol,
            maker=order.role.model,
            run=conversation.run,
            examples_sha256=order.evidence,
            source_sha256=digest(draft.source),
            usage=spend.usage,
            cost_usd=spend.cost_usd,
            seconds=seconds,
            created=now.isoformat(timespec="seconds"),
        ),
    )


def _replaced(library: Library, name: str) -> Replaced | None:
    """The version that a new one has to be as good as."""
    current = library.current(name)
    if current is None:
        return None
    doubted = current.status == "quarantined"
    return Replaced(tool=current.tool, doubted=doubted, overruled=library.overruled(name))


def _questions_of_others(library: Library, name: str) -> tuple[str, ...]:
    """Known questions of other tasks, as many as are worth the time."""
    found = [each.question for tool in library.list() if tool.name != name for each in tool.demonstrations]
    return tuple(dict.fromkeys(found))[:_MOST_FOREIGN]
