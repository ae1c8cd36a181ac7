"""Backends that reply what a script says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, final

from latm.plugin import Backend, ProviderSpec, Rejected, Reply, Request, Usage, hookimpl, read_options

__all__ = ["Script", "ScriptedBackend", "ScriptedProvider", "scripted_provider", "word_usage"]

Line: TypeAlias = "str | Reply | BaseException"
Script: TypeAlias = "Sequence[Line] | Callable[[Request], Line]"
"""Replies in order, or a function that makes one of each request. An exception in it is raised."""


def word_usage(request: Request, text: str) -> Usage:
    """A stand-in for a count of tokens: the words of all that was asked, and of the reply."""
    asked = [request.system or "", *(turn.text for turn in request.messages)]
    return Usage(input=sum(len(part.split()) for part in asked), output=len(text.split()))


@final
class ScriptedBackend:
    """A backend that plays a script, as any model would: all it sees is the request.

    Safe to use from several threads and tasks; a list's replies are handed out in the order of arrival.

    Args:
        script: see `Script`. Asking a list for more than it has is `Rejected`, naming the position.
        model: what `Reply.model` says where the script gives only a text.
        usage: the tokens of a reply that the script gives only as a text: a constant, or a function of the
            request and the text. By default its words are counted.

    Raises:
        TypeError: the script is a single text.

    Attributes:
        requests: all that were asked, oldest first.
        closed: how often `aclose` was called.
    """

    def __init__(
        self,
        script: Script,
        *,
        model: str = "scripted",
        usage: Usage | Callable[[Request, str], Usage] = word_usage,
    ) -> None:
        if isinstance(script, str):
            raise TypeError("a script is a list of replies or a function; put the one text into a list")
        self._script = script
        self._model = model
        self._usage = usage
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.closed = 0

    async def complete(self, request: Request) -> Reply:
        """The script's next line.

        Raises:
            Rejected: the script's list has ended.
        """
        with self._lock:
            position = len(self.requests)
            self.requests.append(request)
        line = self._line(request, position)
        if isinstance(line, BaseException):
            raise line
        if isinstance(line, Reply):
            return line
        usage = self._usage if isinstance(self._usage, Usage) else self._usage(request, line)
        return Reply(text=line, usage=usage, model=self._model, finish_reason="stop")

    async def aclose(self) -> None:
        """Count the call; the backend goes on working."""
        self.closed += 1

    def _line(self, request: Request, position: int) -> Line:
        if callable(self._script):
            return self._script(request)
        if position < len(self._script):
            return self._script[position]
        many = len(self._script)
        raise Rejected(f"the script of {self._model!r} has {many} replies; {position + 1} were asked for")


@dataclass(frozen=True, slots=True)
class _NoOptions:
    """Scripted models have none."""


@final
class ScriptedProvider:
    """A plugin that offers one provider of scripted models.

    Attributes:
        backends: by model. All that is created of one model is one backend, so that a test can look at the
            requests of every engine that used it.
    """

    def __init__(self, name: str, models: Mapping[str, Script | ScriptedBackend]) -> None:
        self._name = name
        self.backends = {
            model: script if isinstance(script, ScriptedBackend) else ScriptedBackend(script, model=model)
            for model, script in models.items()
        }

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        """The one provider."""
        return [ProviderSpec(name=self._name, create=self._create, options=_NoOptions)]

    def _create(self, model: str, options: Mapping[str, object]) -> Backend:
        read_options(_NoOptions, options, where=f"providers.{self._name}")
        if model not in self.backends:
            raise Rejected(f"{self._name!r} has scripts for {sorted(self.backends)}, not for {model!r}")
        return self.backends[model]


def scripted_provider(name: str, models: Mapping[str, Script | ScriptedBackend]) -> ScriptedProvider:
    """A plugin for ``Engine(plugins={...})`` whose models play scripts.

    Args:
        name: of the provider: what stands before the colon.
        models: what stands behind the colon, and the script of each.
    """
    return ScriptedProvider(name, models)
