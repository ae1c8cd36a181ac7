"""The rooms of an open engine, and how they are put together.

`latm._engine` imports this when an engine is opened: `import latm` stays quick and opens nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import anyio
from anyio.abc import TaskGroup

from latm._auditing import Auditor
from latm._chores import Chores
from latm._clock import Clock
from latm._events import Events
from latm._fallback import Fallback
from latm._learning import Learner
from latm._ledger import Ledger
from latm._plugins import Plugins
from latm._records import OnEvent, Tool
from latm._roles import Roles
from latm._solving import Solver
from latm._tally import Tally
from latm._threads import in_thread
from latm.config import Config
from latm.dispatcher import Dispatcher
from latm.errors import ConfigError
from latm.library import Library
from latm.maker import Maker
from latm.maker.judge import Judge, judging_sandbox
from latm.maker.strict import Strict
from latm.tuner.promotion import with_promotions
from latm.user import User
from latm_sandbox import AsyncSandbox, Image, Limits, SandboxError

# Any that are not the cells' own, 0 and UTC; the zone is not on the hour, so that hours and minutes differ.
_OTHER_SEED, _OTHER_ZONE = 4_111_222_333, "XXX-9:30"
_CLOSING_S = 10.0  # for all backends together
_ASKED = 3  # questions of a task whose neighbours are looked for


class Background:
    """A task group that ends with its block and wraps nothing.

    A task group that is told of an exception raises it inside an ExceptionGroup; what a caller's own code
    raised within ``async with`` has to come out as it was.
    """

    def __init__(self) -> None:
        self._group = anyio.create_task_group()

    async def __aenter__(self) -> TaskGroup:
        return await self._group.__aenter__()

    async def __aexit__(self, *_error: object) -> None:
        self._group.cancel_scope.cancel()
        await self._group.__aexit__(None, None, None)


@dataclass(kw_only=True)
class Rooms:
    """What an open engine consists of."""

    tasks: TaskGroup
    library: Library
    events: Events
    roles: Roles
    maker: Maker
    user: User
    solver: Solver
    auditor: Auditor
    tally: Tally
    chores: Chores
    working: set[anyio.CancelScope] = field(default_factory=set[anyio.CancelScope])
    idle: anyio.Event = field(default_factory=anyio.Event)


async def furnish(
    stack: AsyncExitStack,
    config: Config,
    *,
    given: Mapping[str, object],
    ledger: Ledger,
    listener: OnEvent | None,
    clock: Clock,
) -> Rooms:
    plugins = await in_thread(load_plugins, config, given)
    events = Events(listener, plugins.event)
    library = await in_thread(Library, config.library.url)
    stack.push_async_callback(_close, lambda: in_thread(library.close))
    promoted = partial(with_promotions, config, library, now=clock.now(), events=events)
    config = await in_thread(promoted)
    roles = Roles(
        config,
        plugins,
        library=library,
        ledger=ledger,
        events=events,
        clock=clock,
    )
    stack.push_async_callback(_close, roles.aclose)
    sandbox = await stack.enter_async_context(open_sandbox(config, plugins, events))
    user = User(roles=roles, sandbox=sandbox)
    strict = await _strict(stack, config, plugins, events, sandbox=sandbox, user=user, clock=clock)
    dispatcher = Dispatcher(roles=roles, library=library)
    maker = Maker(
        roles=roles,
        sandbox=sandbox,
        strict=strict,
        library=library,
        events=events,
        clock=clock,
        neighbours=lambda questions: _neighbours(dispatcher, questions),
    )
    tasks = await stack.enter_async_context(Background())
    chores = Chores(tasks, events)
    if "dispatcher" in config.roles:
        # The first question need not wait for the whole index: of 10,000 tools it takes seconds.
        chores.start("index", lambda: in_thread(dispatcher.known.refresh), awaited=False)
    tally = Tally(library, chores, clock)
    learner = Learner(
        library=library, maker=maker, settings=config.making, chores=chores, clock=clock, events=events
    )
    solver = _solver(config, roles, learner, dispatcher, user=user, tally=tally)
    return Rooms(
        tasks=tasks,
        library=library,
        events=events,
        roles=roles,
        maker=maker,
        user=user,
        solver=solver,
        auditor=solver.auditor,
        tally=tally,
        chores=chores,
    )


async def _strict(
    stack: AsyncExitStack,
    config: Config,
    plugins: Plugins,
    events: Events,
    *,
    sandbox: AsyncSandbox,
    user: User,
    clock: Clock,
) -> Strict:
    """What strict makings need beside; its sandboxes start a cell only when there is one."""
    other = await stack.enter_async_context(
        open_sandbox(config, plugins, events, hash_seed=_OTHER_SEED, time_zone=_OTHER_ZONE)
    )
    judging = await stack.enter_async_context(
        judging_sandbox(
            launcher=config.sandbox.launcher,
            launchers=plugins.launchers(),
            on_event=lambda name, fields: events.tell(f"judge.{name}", **fields),
        )
    )
    return Strict(
        cells=sandbox,
        other=other,
        judge=Judge(judging, sandbox, seed=0, cases=config.making.cases),
        user=user if "user" in config.roles else None,
        clock=clock,
    )


def _solver(
    config: Config, roles: Roles, learner: Learner, dispatcher: Dispatcher, *, user: User, tally: Tally
) -> Solver:
    """Who answers questions, and who looks at the answers again."""
    library, events = learner.library, learner.events
    fallback = Fallback(roles=roles) if config.has_fallback else None
    auditor = Auditor(
        library=library,
        fallback=fallback,
        learner=learner,
        settings=config.auditing,
        chores=learner.chores,
        events=events,
    )
    return Solver(
        library=library,
        user=user,
        dispatcher=dispatcher,
        fallback=fallback,
        learner=learner,
        auditor=auditor,
        tally=tally,
        events=events,
    )


async def _close(work: Callable[[], Awaitable[object]]) -> None:
    """Close something, also where the caller is cancelled; but no backend holds an engine up for ever."""
    with anyio.move_on_after(_CLOSING_S, shield=True):
        await work()


async def _neighbours(dispatcher: Dispatcher, questions: Sequence[str]) -> Sequence[Tool]:
    """The tools that the index finds for some of the questions of a task, without repetition."""
    found: dict[str, Tool] = {}
    for question in questions[:_ASKED]:
        for candidate in (await dispatcher.shortlist(question)).candidates:
            if candidate.tool is not None:
                found.setdefault(candidate.tool.name, candidate.tool)
    return tuple(found.values())


def load_plugins(config: Config, given: Mapping[str, object] = MappingProxyType({})) -> Plugins:
    """The plugins that a configuration allows, the provider names that it defines by ``use``, all checked.

    Args:
        config: the configuration.
        given: plugins that need no package, by name.

    Raises:
        ConfigError: a ``use`` is no text, or names what is no provider; an option of a provider is unknown or
            has a value of another type.
    """
    plugins = Plugins.load(given, disable=config.plugins.disable)
    for name, options in config.providers.items():
        use = options.get("use")
        if isinstance(use, str):
            plugins.define(name, use)
        elif use is not None:
            raise ConfigError("must be the name of a provider", where=f"providers.{name}.use")
    for name, options in config.providers.items():
        plugins.check_options(name, options)
    return plugins


def image_of(config: Config) -> Image | str | None:
    """What the cells are made of.

    Raises:
        ConfigError: it is no image.
    """
    wanted = config.sandbox
    try:
        if wanted.dockerfile is not None:
            return Image.dockerfile(wanted.dockerfile)
        return Image.from_host(wanted.packages) if wanted.packages else wanted.image
    except SandboxError as error:
        raise ConfigError(str(error), where="sandbox") from None


def open_sandbox(
    config: Config,
    plugins: Plugins,
    events: Events,
    *,
    hash_seed: int = 0,
    time_zone: str = "UTC",
) -> AsyncSandbox:
    """The sandbox that a configuration describes, not yet entered.

    Args:
        config: the configuration.
        plugins: what may offer launchers.
        events: who is told.
        hash_seed: of the cells.
        time_zone: of the cells.

    Raises:
        ConfigError: a limit is unknown or out of range, or no launcher has that name.
    """
    try:
        limits = Limits(**config.sandbox.limits)  # type: ignore[arg-type]  # checked by Limits itself
    except (TypeError, SandboxError) as error:
        raise ConfigError(str(error), where="sandbox.limits") from None
    image = image_of(config)
    try:
        return AsyncSandbox(
            launcher=config.sandbox.launcher,
            image=image,
            limits=limits,
            hash_seed=hash_seed,
            time_zone=time_zone,
            launchers=plugins.launchers(),
            on_event=lambda name, fields: events.tell(f"sandbox.{name}", **fields),
        )
    except ValueError as error:  # seed and zone are ours
        raise ConfigError(str(error), where="sandbox.launcher") from None
