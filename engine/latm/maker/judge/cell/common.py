"""What both kinds of the judge's cells have: the stand-in for the function, and one attempt of a property."""

from __future__ import annotations

import builtins
import signal
from collections.abc import Callable, Mapping
from typing import Any

OWN_S = 5.0  # seconds that a property may take between two questions

Ask = Callable[..., Any]


class Stop(BaseException):
    """The host has seen enough."""


class Hard(BaseException):
    """The function hung, was killed, or its value could not cross. Not for a property to catch."""


class StandIn:
    """Asks the host for the function's value.

    Attributes:
        raised: what the function raised in this attempt; None where it did not.
        declared: whether it is one of the errors that it declares.
    """

    def __init__(self, ask: Ask, errors: Mapping[str, str]) -> None:
        self._ask = ask
        self._errors: dict[str, type[BaseException]] = {}
        self.raised: BaseException | None = None
        self.declared = False
        for name, base in errors.items():
            self._errors[name] = _class(name, _builtin(base) or Exception)

    @property
    def errors(self) -> Mapping[str, type[BaseException]]:
        """The errors that the program defines, as classes of the same names."""
        return self._errors

    def has_raised(self, error: BaseException) -> bool:
        """Whether this very error is the function's."""
        return error is self.raised

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Ask for a value."""
        rest()
        kind, *said = self._ask("call", list(args), kwargs)
        watch()
        if kind == "value":
            return said[0]
        if kind == "stop":
            raise Stop
        if kind == "hard":
            raise Hard(said[0])
        name, message, self.declared = said
        known = self._errors.get(name) or _builtin(name) or _class(name, Exception)
        self.raised = _made(known, message)
        raise self.raised


def watch() -> None:
    """Let the process be ended when it takes too long on its own."""
    signal.setitimer(signal.ITIMER_REAL, OWN_S)


def rest() -> None:
    """Take no time from now on."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def load(plan: Mapping[str, Any], stand_in: StandIn, names: Mapping[str, Any]) -> dict[str, Any]:
    """Execute the properties' source.

    Args:
        plan: the host's.
        stand_in: what the function's name means.
        names: what the source finds without importing it.

    Raises:
        ImportError: the source puts something else in the function's place.
    """
    function = plan["function"]

    def asked(*args: Any, **kwargs: Any) -> Any:
        return stand_in(args, kwargs)

    asked.__name__ = asked.__qualname__ = function
    space = {"__name__": "properties", **names, **stand_in.errors, function: asked}
    exec(compile(plan["source"], "<properties>", "exec", dont_inherit=True), space)  # noqa: S102 - a cell
    if space.get(function) is not asked:
        raise ImportError(f"{function} is defined anew")
    return space


def recorder(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """What `given` means: write the strategies down and leave the function as it is."""

    def decorate(function: Any) -> Any:
        function.latm_given = (args, kwargs)
        return function

    return decorate


def attempt(
    stand_in: StandIn,
    body: Callable[..., Any],
    values: dict[str, Any],
    rejections: tuple[type[BaseException], ...],
) -> tuple[str, str, int]:
    """Run a property once.

    Returns:
        What came of it (``pass``, ``fail``, ``reject``, ``declared``, ``tool``, ``hard`` or ``error``), what
        it said, and the line of the source, 0 where there is none.
    """
    stand_in.raised, stand_in.declared = None, False
    watch()
    try:
        body(**values)
    except Stop:
        raise
    except Hard as error:
        return "hard", str(error), _line(error)
    except rejections:
        return "reject", "", 0
    except BaseException as error:
        if type(error).__name__ in {"StopTest", "Frozen"}:  # Hypothesis ends a case that grew too large
            raise
        if stand_in.has_raised(error):
            return "declared" if stand_in.declared else "tool", described(error), _line(error)
        kind = "fail" if isinstance(error, AssertionError) else "error"
        return kind, described(error), _line(error)
    finally:
        rest()
    return "pass", "", 0


def described(error: BaseException) -> str:
    """Its kind and text, cut."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - the property's own __str__
        text = ""
    name = type(error).__name__
    return (f"{name}: {text}" if text else name)[:1000]


def _line(error: BaseException) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<properties>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _builtin(name: str) -> type[Exception] | None:
    found = getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def _class(name: str, base: type[Exception]) -> type[Exception]:
    return type(name, (base,), {})


def _made(kind: type[BaseException], message: str) -> BaseException:
    try:
        return kind(message)
    except TypeError:  # such as UnicodeDecodeError, which wants more
        return _class(kind.__name__, Exception)(message)
