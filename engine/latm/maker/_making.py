"""One making, from examples to a stored tool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from latm._answers import AnswerType
from latm._answers import answer_type as find_answer_type
from latm._clock import Clock
from latm._events import Events
from latm._records import Example, Provenance, Scorecard, Tool, digest, slug
from latm._roles import Role, Roles
from latm._signature import contract_of
from latm._threads import in_thread
from latm.config import MakingConfig
from latm.errors import ConfigError, MakingFailed, nearest
from latm.maker._conversation import Conversation
from latm.maker._draft import Draft
from latm.maker.propose import propose
from latm.maker.strict import Strict
from latm.maker.verify import verify
from latm.maker.wrap import wrap
from latm_sandbox import AsyncSandbox

if TYPE_CHECKING:
    from latm.library import Library

PROTOCOLS = ("paper", "strict")
_MOST_FOREIGN = 100


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
    """

    roles: Roles
    sandbox: AsyncSandbox
    strict: Strict
    library: Library
    events: Events
    clock: Clock

    async def make(
        self,
        task: str,
        examples: Sequence[Example],
        *,
        settings: MakingConfig,
        answer_type: AnswerType | str = "text",
        instances: Sequence[int] = (),
        pending: int = 0,
    ) -> Tool:
        """Make a tool and store it as the next version of its name.

        A making whose process died is taken up where it stopped: the replies it had paid for are not paid
        again. Faults of infrastructure (a rate limit, a daemon) are raised as they are; they are not shown
        to the model and count as no attempt, and the same call goes on from there.

        Args:
            task: the task's name.
            examples: the first are shown, the next are for verification; the rest are not used by
                ``paper``.
            settings: protocol and counts.
            answer_type: how answers compare.
            instances: ids of the pending instances behind the examples, if they come from such.
            pending: how many instances were pending.

        Raises:
            ConfigError: an argument is wrong, or there are too few examples.
            MakingFailed: a stage used up its attempts.
        """
        name = slug(task)
        answers = find_answer_type(answer_type) if isinstance(answer_type, str) else answer_type
        if settings.protocol not in PROTOCOLS:
            raise ConfigError(
                f"no such protocol: {settings.protocol!r}.{nearest(settings.protocol, PROTOCOLS)}",
                where="protocol",
            )
        need = settings.demonstrations + settings.validation
        if len(examples) < need:
            raise ConfigError(
                f"{task!r} needs {need} examples ({settings.demonstrations} to show, {settings.validation} "
                f"to verify on), and there are {len(examples)} different ones",
                where="examples",
            )
        role = await self.roles.get("maker")
        started = self.clock.monotonic()
        evidence = digest(*(part for each in examples for part in (each.question, each.answer)))
        fingerprint = digest(name, role.model, answers.name, repr(settings), evidence)
        run = await in_thread(
            lambda: self.library.begin(name, fingerprint, instances=instances, pending=pending)
        )
        conversation = Conversation(role=role, task=name, run=run, events=self.events)
        self.events.tell("make.start", task=name, run=run, model=role.model, examples=len(examples))

        def tool_of(draft: Draft) -> Tool:
            spend = conversation.bill.total()
            return Tool(
                name=name,
                version=0,
                source=draft.source,
                function=draft.function,
                contract=draft.contract,
                demonstrations=draft.demonstrations,
                tests=draft.tests,
                checks=draft.checks,
                answer_type=answers.name,
                call_style=draft.call_style,
                parser=draft.parser,
                scorecard=Scorecard(
                    attempts=tuple(conversation.history), notes=draft.notes, evidence=draft.evidence
                ),
                provenance=Provenance(
                    protocol=settings.protocol,
                    maker=role.model,
                    run=run,
                    examples_sha256=evidence,
                    source_sha256=digest(draft.source),
                    usage=spend.usage,
                    cost_usd=spend.cost_usd,
                    seconds=self.clock.monotonic() - started,
                    created=self.clock.now().isoformat(timespec="seconds"),
                ),
            )

        try:
            if settings.protocol == "paper":
                draft = await self._paper(conversation, examples, settings, answers)
            else:
                draft = await self.strict.make(
                    conversation,
                    examples,
                    settings=settings,
                    answers=answers,
                    foreign=await in_thread(_questions_of_others, self.library, name),
                    tool_of=tool_of,
                    second=await self._second(settings),
                )
        except MakingFailed as failure:
            await in_thread(self.library.fail, run, failure.history)
            self.events.tell("make.failed", task=name, run=run, stage=failure.stage, error=str(failure))
            raise
        tool = tool_of(draft)
        stored = await in_thread(lambda: self.library.add(tool, run=run, used=instances))
        self.events.tell(
            "make.done",
            task=name,
            run=run,
            tool=stored.name,
            version=stored.version,
            cost_usd=stored.provenance.cost_usd,
        )
        return stored

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


def _questions_of_others(library: Library, name: str) -> tuple[str, ...]:
    """Known questions of other tasks, as many as are worth the time."""
    found = [each.question for tool in library.list() if tool.name != name for each in tool.demonstrations]
    return tuple(dict.fromkeys(found))[:_MOST_FOREIGN]
