"""Every error that latm raises, as one tree.

LatmError
├── ConfigError            latm.toml, Config(...) or an argument is wrong; says where, and the nearest match
│   ├── UnknownProvider    "provider:model" names a provider that no plugin offers
│   └── DataError          data to train or to compare on are wrong; names each line
├── MissingDependency      a provider's SDK is not installed; says the pip line
├── PluginError            a plugin is broken; names its distribution and the cause
├── BackendError           a model's backend did not deliver (status, retry_after, the partial reply)
│   ├── Throttled          too many requests or no capacity for us
│   ├── Unavailable        the service is down, unreachable, or answered nonsense
│   ├── Rejected           the request itself is wrong and would be wrong again
│   ├── Unauthorized       no key, a wrong key, or a key without the right
│   ├── Refused            the model or its filter declined
│   ├── Truncated          the reply was cut at the output limit
│   └── Timeout            no reply in time
├── BudgetExceeded         the next call could cost more than is left
├── DeadlineExceeded       a question was not answered in the time that its caller gave it
├── MakingFailed           no tool came of it; carries the whole history
├── TuningFailed           no tuned model came of it; says what the service said
└── LibraryError           the library cannot be read or written
    ├── LibraryUnreachable its server does not let us in, or does not answer
    └── LeaseLost          another took over the making of a task; nothing was written

What the sandbox raises (`latm_sandbox.SandboxUnavailable` and its siblings) comes through as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from latm._records import Attempt
    from latm.plugin import Reply

__all__ = [
    "BackendError",
    "BudgetExceeded",
    "ConfigError",
    "DataError",
    "DeadlineExceeded",
    "LatmError",
    "LeaseLost",
    "LibraryError",
    "LibraryUnreachable",
    "MakingFailed",
    "MissingDependency",
    "PluginError",
    "Refused",
    "Rejected",
    "Throttled",
    "Timeout",
    "Truncated",
    "TuningFailed",
    "Unauthorized",
    "Unavailable",
    "UnknownProvider",
    "nearest",
]


_SHOWN = 5  # problems that an error's text names


class LatmError(Exception):
    """The root: `except LatmError` catches all that latm itself can complain of."""


class ConfigError(LatmError):
    """A configuration, a model reference or an argument is wrong.

    Attributes:
        where: the key, file or line, such as ``roles.maker.model``; None where there is only one place.
    """

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(message if where is None else f"{where}: {message}")
        self.where = where


class UnknownProvider(ConfigError):  # noqa: N818 - the contract's name
    """No plugin offers the provider that a model reference names.

    Attributes:
        provider: the name as it was asked for.
    """

    def __init__(self, message: str, *, provider: str) -> None:
        super().__init__(message)
        self.provider = provider


class DataError(ConfigError):
    """Data to train or to compare on are wrong.

    Attributes:
        problems: all that is wrong, each with its place: ``train.jsonl:17: the assistant's text is empty``.

    Args:
        problems: at least one; the message shows the first of them.
        where: the file.
    """

    def __init__(self, problems: Sequence[str], *, where: str | None = None) -> None:
        shown = "; ".join(problems[:_SHOWN])
        more = len(problems) - _SHOWN
        super().__init__(f"{shown}; and {more} more" if more > 0 else shown, where=where)
        self.problems = tuple(problems)


class MissingDependency(LatmError):  # noqa: N818 - the contract's name
    """Something optional is needed and not installed.

    Attributes:
        module: what could not be imported.
        extra: the extra of latm that brings it, if there is one.

    Args:
        what: who needs it.
        module: what could not be imported.
        extra: the extra of latm that brings it; it makes the pip line.
        requirement: what pip is to install where no extra of latm does; the module's name if unset.
    """

    def __init__(
        self, what: str, *, module: str, extra: str | None = None, requirement: str | None = None
    ) -> None:
        remedy = f"pip install 'latm[{extra}]'" if extra else f"pip install {requirement or module}"
        super().__init__(f"{what} needs the package {module!r}, which is not installed: {remedy}")
        self.module = module
        self.extra = extra


class PluginError(LatmError):
    """A plugin is broken, or does not keep the contract of a hook.

    Attributes:
        distribution: name and version of what brought the plugin.
    """

    def __init__(self, message: str, *, distribution: str) -> None:
        super().__init__(f"plugin {distribution}: {message}")
        self.distribution = distribution


class BackendError(LatmError):
    """A backend did not deliver a reply.

    Args:
        message: what happened, without any secret in it.
        status: the HTTP status, where there was one.
        retry_after: seconds to wait before another attempt, as the service said.
        reply: what arrived nevertheless, where tokens were used: the text as far as it came, and the usage
            that a ledger must count although the call failed.
        sent: False where the request certainly did not reach the service, so that it cannot have cost
            anything: a budget gives back at once what it had set aside.

    Attributes:
        model: ``provider:model``; set by latm when the error passes the role's layer.
        status: the HTTP status, or None.
        retry_after: seconds, never negative, not bounded; or None.
        reply: the partial reply, or None where nothing arrived that cost tokens.
        sent: whether the request may have reached the service.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        reply: Reply | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.reply = reply
        self.sent = sent
        self.model: str | None = None

    def __str__(self) -> str:
        """The message, behind the model's reference once that is known."""
        message = super().__str__()
        return message if self.model is None else f"{self.model}: {message}"


class Throttled(BackendError):  # noqa: N818 - the contract's name
    """Too many requests, or no capacity for us; come back after ``retry_after`` seconds, if given."""


class Unavailable(BackendError):  # noqa: N818 - the contract's name
    """The service is down, out of reach, or its answer cannot be read."""


class Rejected(BackendError):  # noqa: N818 - the contract's name
    """The request is wrong and will be wrong again."""


class Unauthorized(BackendError):  # noqa: N818 - the contract's name
    """There is no key, or it does not open the door."""


class Refused(BackendError):  # noqa: N818 - the contract's name
    """The model, or a filter before or behind it, declined to answer."""


class Truncated(BackendError):  # noqa: N818 - the contract's name
    """The reply ended at the output limit; a longer limit would have helped."""


class Timeout(BackendError):  # noqa: N818 - the contract's name
    """No reply within the time that the request allowed."""


class BudgetExceeded(LatmError):  # noqa: N818 - the contract's name
    """The next call could go over a budget; it was not made.

    Attributes:
        spent: what is spent already, in ``unit``.
        limit: the budget, in ``unit``.
        role: whose call it would have been.
        unit: ``usd``, ``tokens`` or ``calls``.
        scope: whose budget it is: ``engine``, or ``run``, ``task``, ``day`` or ``role`` with a colon and its
            name behind it.
        needed: what the call could have used at most, in ``unit``.
        given: whether the budget came with the question, and not from the configuration.
    """

    def __init__(
        self,
        *,
        spent: Decimal,
        limit: Decimal,
        role: str,
        unit: str = "usd",
        scope: str = "engine",
        needed: Decimal = Decimal(0),
        given: bool = False,
    ) -> None:
        kind, _, name = scope.partition(":")
        key = unit if kind == "engine" else f"roles.{name}.{unit}" if kind == "role" else f"{kind}.{unit}"
        place = f"{unit} in the budget that came with the question" if given else f"{key} in [budget]"
        word = "USD" if unit == "usd" else unit
        super().__init__(
            f"the budget of {limit} {word} for the {f'{kind} {name}' if name else kind} does not allow "
            f"another call of the {role}: {spent} {word} are spent, and it may take up to {needed} more. "
            f"Raise {place}{'' if unit == 'calls' else ', or lower max_output_tokens of the role'}."
        )
        self.spent = spent
        self.limit = limit
        self.role = role
        self.unit = unit
        self.scope = scope
        self.needed = needed
        self.given = given


class DeadlineExceeded(LatmError):  # noqa: N818 - the tree's way of naming
    """A question was not answered in the time that its caller gave it. What was paid for is in the journal.

    Attributes:
        timeout_s: the time that there was.
    """

    def __init__(self, timeout_s: float) -> None:
        super().__init__(f"no answer within {timeout_s:g} s; what was paid for is in the journal")
        self.timeout_s = timeout_s


class MakingFailed(LatmError):  # noqa: N818 - the contract's name
    """No tool came of it.

    Attributes:
        task: the task's name.
        stage: the stage that gave up, such as ``propose`` or ``verify``.
        history: every attempt of every stage, in order, with its reply and what was wrong with it.
        reason: why it gave up, without the task and the stage.
    """

    def __init__(self, message: str, *, task: str, stage: str, history: tuple[Attempt, ...]) -> None:
        super().__init__(f"making a tool for {task!r} failed at the stage {stage}: {message}")
        self.task = task
        self.stage = stage
        self.history = history
        self.reason = message


class TuningFailed(LatmError):  # noqa: N818 - the tree's way of naming
    """No tuned model came of it.

    Attributes:
        name: of the tuning.
        run: of the job, see `latm.tuners.TuningJob`; None where none was begun.
        reason: what the service, or we, said.
    """

    def __init__(self, message: str, *, name: str, run: str | None = None) -> None:
        super().__init__(f"tuning {name!r} came to nothing: {message}")
        self.name = name
        self.run = run
        self.reason = message


class LibraryError(LatmError):
    """The library cannot be opened, read or written; says the file or URL and what to do."""


class LibraryUnreachable(LibraryError):  # noqa: N818 - the tree's way of naming
    """The server of the library's database does not answer, or does not let us in; nothing was written."""


class LeaseLost(LibraryError):  # noqa: N818 - the tree's way of naming
    """A making outlived its lease, and another took the task over; what it wanted to store was not written.

    Attributes:
        task: the task's name.
    """

    def __init__(self, *, task: str, ttl_s: float) -> None:
        super().__init__(
            f"the making of {task!r} was paused for longer than its lease of {ttl_s:g} s, and another "
            "process took the task over: what this one made was not stored. What it paid for is in the "
            "journal, where the other finds it."
        )
        self.task = task


_MOST_NAMED = 20  # of a library's thousands


def nearest(name: str, known: Iterable[str]) -> str:
    """The tail of an error text: ``" Did you mean 'maker'?"``, or what there is to choose from."""
    import difflib

    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if close:
        return f" Did you mean {close[0]!r}?"
    more = f" and {len(options) - _MOST_NAMED} more" if len(options) > _MOST_NAMED else ""
    return f" Known: {', '.join(options[:_MOST_NAMED])}{more}." if options else ""
