"""``openai:MODEL``: OpenAI's models, and those of every server that speaks the same protocol.

The key comes from ``OPENAI_API_KEY``. With ``base_url`` set (vLLM, Ollama, llama.cpp, a gateway) no key is
needed where the server wants none. Options: see `OpenAIOptions`. Servers that fine-tune do so
as ``openai``, too; settings: see `OpenAITuning`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from latm.plugin import Backend, Capabilities, ProviderSpec, Tuner, TunerSpec, hookimpl, read_options
from latm_openai._settings import OpenAITuning

__all__ = ["OpenAIOptions", "OpenAITuning", "latm_providers", "latm_tuners"]

KEY_ENV = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions:
    """What ``[providers.openai]`` may hold.

    Attributes:
        api_key: never shown; better left to the environment.
        base_url: of the service, with its ``/v1``; OpenAI's (or ``OPENAI_BASE_URL``'s) if None.
        timeout_s: seconds for a whole call, unless the request says otherwise.
        api: ``chat`` for chat completions, which all compatible servers have; ``responses`` for the
            Responses API, which keeps a reasoning model's thoughts from turn to turn.
        max_tokens_field: how ``chat`` names the bound on a reply; older compatible servers know only
            ``max_tokens``.
        max_output_tokens: the bound where a request has none; None leaves it to the service.
        enforce_schema: False for servers and models that cannot enforce a schema: it is put into the prompt
            then.
        headers: sent with every request; ``{api_key}`` in a value stands for the key. Never shown.
        query: added to the URL of every request, such as Azure's ``api-version``.
        carry: parts of a reply's message that ``chat`` hands in again with their turn, for servers that want
            to see them: ``reasoning_details``, ``reasoning_content``.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    timeout_s: float = 300.0
    api: Literal["chat", "responses"] = "chat"
    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    max_output_tokens: int | None = None
    enforce_schema: bool = True
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    carry: tuple[str, ...] = ()


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [
        ProviderSpec(name="openai", create=_create, key_env=KEY_ENV, extra="openai", options=OpenAIOptions)
    ]


@hookimpl
def latm_tuners() -> list[TunerSpec]:
    """The fine-tuning of OpenAI and of compatible services."""
    return [
        TunerSpec(
            name="openai",
            create=_create_tuner,
            settings=OpenAITuning,
            aside=frozenset({"poll_s", "longest_poll_s", "looks", "largest_bytes", "expires"}),
            capabilities=Capabilities(cancel=True, pause=True, steps=True, delete=True),
            extra="openai",
        )
    ]


def _create(model: str, options: Mapping[str, object]) -> Backend:
    chosen = read_options(OpenAIOptions, options, where="providers.openai")
    from latm_openai._backend import OpenAIBackend

    return OpenAIBackend(model, chosen)


def _create_tuner(options: Mapping[str, object]) -> Tuner:
    chosen = read_options(OpenAIOptions, options, where="providers.openai")
    from latm_openai._tuner import OpenAITuner

    return OpenAITuner(chosen)
