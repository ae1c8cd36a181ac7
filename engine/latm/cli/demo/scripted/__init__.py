"""Scripted models for the demo: one plugin, one provider.

They stand in for real ones where there is no key and no network. Each sees a `Request` and nothing else, as
any model would, and replies with text; none knows the questions' generators or the expected answers.

- ``scripted:maker`` writes functions, tests and demonstrations, and mends what it is told has failed;
- ``scripted:user`` turns a question into a call and never computes an answer;
- ``scripted:dispatcher`` chooses among the tasks that its request lists;
- ``scripted:strong`` answers questions itself;
- ``scripted:no-task`` is a dispatcher that finds a task for no question, so that the strong model answers
  all: what the others are measured against. It costs nothing.

Tokens are estimated, at four characters a token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import final

from latm.cli.demo.scripted import _dispatcher, _maker, _strong, _user
from latm.config import Price
from latm.errors import ConfigError, nearest
from latm.plugin import Backend, ProviderSpec, Reply, Request, Usage, hookimpl

__all__ = ["MODELS", "PRICES", "PROVIDER", "ScriptedModels", "estimated_usage"]

PROVIDER = "scripted"
"""What stands before the colon in the names of the scripted models."""
_CHARACTERS_A_TOKEN = 4

_SCRIPTS: Mapping[str, Callable[[Request], str]] = MappingProxyType(
    {
        "maker": _maker.reply,
        "user": _user.reply,
        "dispatcher": _dispatcher.reply,
        "strong": _strong.reply,
        "no-task": lambda _: _dispatcher.NO_TASK,
    }
)

MODELS: Mapping[str, str] = MappingProxyType(
    {
        "maker": f"{PROVIDER}:maker",
        "user": f"{PROVIDER}:user",
        "dispatcher": f"{PROVIDER}:dispatcher",
        "fallback": f"{PROVIDER}:strong",
    }
)
"""Which scripted model plays which role."""

_STRONG = Price(input=Decimal("5.00"), output=Decimal("25.00"))
_CHEAP = Price(input=Decimal("0.25"), output=Decimal("2.00"))
PRICES: Mapping[str, Price] = MappingProxyType(
    {
        f"{PROVIDER}:maker": _STRONG,
        f"{PROVIDER}:strong": _STRONG,
        f"{PROVIDER}:user": _CHEAP,
        f"{PROVIDER}:dispatcher": _CHEAP,
        f"{PROVIDER}:no-task": Price(input=Decimal(0), output=Decimal(0)),
    }
)
"""An example's list prices of a strong and of a cheap model, in USD per million tokens."""


def estimated_usage(request: Request, text: str) -> Usage:
    """Tokens of a call at four characters a token: an estimate, as no tokenizer is at hand."""
    asked = len(request.system or "") + sum(len(message.text) for message in request.messages)
    return Usage(input=_tokens(asked), output=_tokens(len(text)))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_A_TOKEN)


@final
class ScriptedModels:
    """The plugin; hand it to ``Engine(plugins={"scripted": ScriptedModels()})``."""

    @hookimpl
    def latm_providers(self) -> list[ProviderSpec]:
        """The provider ``scripted``."""
        return [ProviderSpec(name=PROVIDER, create=_create)]


def _create(model: str, options: Mapping[str, object]) -> Backend:
    if options:
        raise ConfigError(f"scripted models have no option {min(options)!r}", where=f"providers.{PROVIDER}")
    script = _SCRIPTS.get(model)
    if script is None:
        raise ConfigError(f"no such scripted model: {model!r}.{nearest(model, _SCRIPTS)}")
    return _Scripted(model, script)


@final
class _Scripted:
    """One scripted model."""

    def __init__(self, model: str, script: Callable[[Request], str]) -> None:
        self._model = model
        self._script = script

    async def complete(self, request: Request) -> Reply:
        """Reply to a request."""
        text = self._script(request)
        usage = estimated_usage(request, text)
        return Reply(text=text, usage=usage, model=self._model, finish_reason="stop")

    async def aclose(self) -> None:
        """Nothing is open."""
