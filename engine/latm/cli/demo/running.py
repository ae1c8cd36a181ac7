"""Run the demo: check what is needed, answer the stream, and measure what the strong model alone would cost.

Nothing here prints; whoever wants to see progress is a `Watcher`.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import anyio

from latm._events import Events
from latm._ledger import Spend
from latm._plugins import ModelRef, Plugins, create_backend
from latm._records import Answer, Tool
from latm._rooms import load_plugins, open_sandbox
from latm._sync import Engine
from latm.cassettes import decode_request
from latm.cli.demo import scripted
from latm.cli.demo.generators import DEFAULT_COUNT, DEFAULT_SEED, Question, questions
from latm.config import ROLES, Config, LibraryConfig, RoleConfig
from latm.errors import LatmError
from latm_sandbox import Program, SandboxError, SandboxUnavailable, Status

__all__ = ["PLAIN", "Asked", "DemoResult", "Options", "Watcher", "mean", "run"]

_REAL_CONCURRENCY = 4
_PLUGINS: Mapping[str, object] = {scripted.PROVIDER: scripted.ScriptedModels()}


PLAIN = Config(auditing={"share": 0.0, "first": 0})
"""The demo's configuration where none is given. Audits are off: so short a stream would be all audits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the demo is to do.

    Attributes:
        questions: how many.
        seed: of the questions.
        models: the real models, by role; the others are scripted. A ``fallback`` that is not given is the
            maker's model where that is given.
        library: a file or a database URL; None takes a temporary one.
        concurrency: questions under way at once; None takes 1 where all models are scripted, else 4.
        config: providers, prices, sandbox, making, auditing, budget and plugins are taken from it, and the
            settings of roles that are in `models`.
    """

    questions: int = DEFAULT_COUNT
    seed: int = DEFAULT_SEED
    models: Mapping[str, str] = field(default_factory=dict[str, str])
    library: str | None = None
    concurrency: int | None = None
    config: Config = field(default_factory=lambda: PLAIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question of the stream and what became of it.

    Attributes:
        number: its place in the stream, from 1.
        question: with the right answer.
        answer: as the engine gave it.
        alone_usd: what the strong model takes for this question, in USD; None where it is unknown.
        alone_right: whether the strong model answers it right; None where it was not asked.
    """

    number: int
    question: Question
    answer: Answer
    alone_usd: Decimal | None = None
    alone_right: bool | None = None

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.question.accepts(self.answer.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """All that the report is made of.

    Attributes:
        models: ``provider:model`` by role.
        seed: of the questions.
        planned: how many questions there were to be.
        asked: those that were answered, in order.
        tools: the library's tools at the end.
        spend: tokens and money by role.
        total: the same, summed.
        alone_estimated: whether the strong model's cost alone is estimated (real models) or was measured.
        failures: makings that came to nothing, one line each.
        seconds: wall time from the first question to the last answer.
        library: URL of the library; None where it was temporary.
        error: what ended the stream early; None where nothing did.
    """

    models: Mapping[str, str]
    seed: int
    planned: int
    asked: tuple[Asked, ...]
    tools: tuple[Tool, ...]
    spend: Mapping[str, Spend]
    total: Spend
    alone_estimated: bool
    failures: tuple[str, ...]
    seconds: float
    library: str | None
    error: LatmError | SandboxError | None = None

    @property
    def scripted_roles(self) -> tuple[str, ...]:
        """The roles that scripted models play."""
        return tuple(role for role, model in self.models.items() if _is_scripted(model))


class Watcher(Protocol):
    """Someone who watches the demo."""

    def preparing(self, what: str) -> None:
        """Something is done before the first question."""

    def heard(self, name: str, fields: Mapping[str, object]) -> None:
        """The engine told of an event; called in a thread of its own."""

    def answered(self, asked: Asked, spent: Spend) -> None:
        """A question was answered."""


class _Nobody:
    """Watches nothing."""

    def preparing(self, what: str) -> None:
        """Ignored."""

    def heard(self, name: str, fields: Mapping[str, object]) -> None:
        """Ignored."""

    def answered(self, asked: Asked, spent: Spend) -> None:
        """Ignored."""


def run(
    options: Options,
    watcher: Watcher | None = None,
    *,
    plugins: Mapping[str, object] = MappingProxyType({}),
) -> DemoResult:
    """Run the demo.

    Args:
        options: what to do.
        watcher: told of progress.
        plugins: plugins that need no package, by name, beside the scripted models.

    What ends the stream early, once a question was answered, is in the result: the answers before it were
    paid for and are reported.

    Raises:
        ConfigError: an option is wrong.
        LatmError: a model cannot be had, or failed at the first question.
        SandboxError: no cell can be had.
    """
    stream = questions(options.questions, seed=options.seed)
    watching: Watcher = _Nobody() if watcher is None else watcher
    with _config(options) as config:
        offered = {**plugins, **_PLUGINS}
        _check(config, offered, watching)
        result = _answer(options, config, stream, watching, offered)
        if result.alone_estimated:
            return result
        watching.preparing("asking the strong model alone, for comparison")
        return _compared(result, config)


@contextmanager
def _config(options: Options) -> Generator[Config]:
    """The demo's configuration, and a library's directory that lives as long."""
    given = options.config
    models = dict(options.models)
    if "maker" in models:
        models.setdefault("fallback", models["maker"])
    roles: dict[str, str | RoleConfig] = {}
    for role in ROLES:
        known = given.roles.get(role)
        wanted = models.get(role, scripted.MODELS[role])
        roles[role] = known if known is not None and known.model == wanted else wanted
    with tempfile.TemporaryDirectory(prefix="latm-demo-") as directory:
        library = options.library or str(Path(directory) / "latm.db")
        yield Config(
            roles=roles,
            providers=given.providers,
            sandbox=given.sandbox,
            library=LibraryConfig(url=library if "://" in library else f"sqlite:///{library}"),
            making=given.making,
            auditing=given.auditing,
            budget=given.budget,
            prices={**scripted.PRICES, **given.prices},
            plugins=given.plugins,
        )


def _check(config: Config, offered: Mapping[str, object], watcher: Watcher) -> None:
    """Find out what is missing before anything is paid for: the engine itself finds out when it needs it."""
    plugins = load_plugins(config, offered)
    for name, role in config.filled.items():
        ref = ModelRef.parse(role.model, where=f"roles.{name}")
        options = dict(config.providers.get(ref.provider, {}))
        options.pop("concurrency", None)  # the engine's own
        backend = create_backend(plugins, ref, options)
        anyio.run(backend.aclose)
    watcher.preparing("starting a cell (the first time on a machine its image is built)")

    anyio.run(_try_cell, config, plugins)


async def _try_cell(config: Config, plugins: Plugins) -> None:
    async with open_sandbox(config, plugins, Events(None, plugins.event)) as sandbox:
        outcome = await sandbox.run(Program("def ready():\n    return True"), "ready()")
    if outcome.status is not Status.OK:
        raise SandboxUnavailable(f"a cell started, and a program of two lines did not run in it: {outcome}")


def _answer(
    options: Options,
    config: Config,
    stream: Sequence[Question],
    watcher: Watcher,
    offered: Mapping[str, object],
) -> DemoResult:
    failures: list[str] = []

    def heard(name: str, fields: Mapping[str, object]) -> None:
        if name in {"make.failed", "make.interrupted"}:
            failures.append(str(fields["error"]))
        watcher.heard(name, fields)

    # Scripted models reply at once: all would be answered before the first tool is made.
    instant = all(map(_is_scripted, _models(config).values()))
    concurrency = options.concurrency
    if concurrency is None:
        concurrency = 1 if instant else _REAL_CONCURRENCY
    asked: list[Asked] = []
    error: LatmError | SandboxError | None = None
    started = time.monotonic()
    with Engine(config, plugins=offered, on_event=heard) as engine:
        texts = [each.text for each in stream]
        one_by_one = concurrency == 1
        answers = (
            _one_by_one(engine, texts) if one_by_one else engine.solve_many(texts, concurrency=concurrency)
        )
        try:
            for number, (question, answer) in enumerate(zip(stream, answers, strict=False), start=1):
                asked.append(Asked(number=number, question=question, answer=answer))
                watcher.answered(asked[-1], engine.ledger.total())
                if instant:
                    engine.settle()
        except (LatmError, SandboxError) as stopped:
            if not asked:
                raise
            error = stopped
        seconds = time.monotonic() - started
        engine.settle()
        scripted_strong = _is_scripted(config.role("fallback").model)
        return DemoResult(
            models=_models(config),
            seed=options.seed,
            planned=len(stream),
            asked=tuple(asked) if scripted_strong else _estimated(asked, _own_costs(engine)),
            tools=engine.library.list(),
            spend=engine.ledger.by_role(),
            total=engine.ledger.total(),
            alone_estimated=not scripted_strong,
            failures=tuple(failures),
            seconds=seconds,
            library=engine.library.url if options.library else None,
            error=error,
        )


def _one_by_one(engine: Engine, texts: Sequence[str]) -> Iterator[Answer]:
    """Answers in order, each after what the one before set going in the background has ended."""
    for text in texts:
        yield engine.solve(text)
        engine.settle()


def _own_costs(engine: Engine) -> dict[str, Decimal | None]:
    """What the strong model's own answers cost, by question."""
    return {
        decode_request(entry.request).messages[-1].text: entry.cost_usd
        for entry in engine.library.journal()
        if entry.role == "fallback" and entry.model == engine.config.role("fallback").model
    }


def _estimated(asked: Sequence[Asked], costs: Mapping[str, Decimal | None]) -> tuple[Asked, ...]:
    """Where a tool answered, put the mean of the strong model's own answers of the same task."""
    known: dict[str | None, list[Decimal | None]] = {}
    for each in asked:
        if each.question.text in costs:
            known.setdefault(each.question.task, []).append(costs[each.question.text])
    means = {task: mean(values) for task, values in known.items()}
    return tuple(
        dataclasses.replace(each, alone_usd=costs.get(each.question.text, means.get(each.question.task)))
        for each in asked
    )


def _compared(result: DemoResult, config: Config) -> DemoResult:
    """Put the same questions to the strong model alone: through an engine whose dispatcher knows no task.

    It has a library and a ledger of its own, so that nothing of it shows in the demo's accounts.
    """
    with tempfile.TemporaryDirectory(prefix="latm-demo-") as directory:
        alone = Config(
            roles={**config.roles, "dispatcher": f"{scripted.PROVIDER}:no-task"},
            library=f"sqlite:///{Path(directory) / 'alone.db'}",
            prices=config.prices,
        )
        with Engine(alone, plugins=_PLUGINS) as engine:
            texts = [each.question.text for each in result.asked]
            answers = list(engine.solve_many(texts))
    return dataclasses.replace(
        result,
        asked=tuple(
            dataclasses.replace(
                each, alone_usd=answer.cost_usd, alone_right=each.question.accepts(answer.text)
            )
            for each, answer in zip(result.asked, answers, strict=True)
        ),
    )


def mean(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The mean; None where there is nothing, or something unknown."""
    values = list(amounts)
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) / len(known) if known and len(known) == len(values) else None


def _models(config: Config) -> dict[str, str]:
    return {role: config.role(role).model for role in ROLES}


def _is_scripted(model: str) -> bool:
    return model.partition(":")[0] == scripted.PROVIDER
