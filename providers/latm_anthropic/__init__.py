"""``anthropic:MODEL``: Anthropic's models, through the Messages API.

The key comes from ``ANTHROPIC_API_KEY``. The service has no temperature (nor top_p, top_k) any more: a
request that has one is refused by name, never sent without it. Options: see `AnthropicOptions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from latm.plugin import Backend, ConfigError, ProviderSpec, TunerSpec, hookimpl, read_options

__all__ = ["AnthropicOptions", "latm_providers", "latm_tuners"]

KEY_ENV = "ANTHROPIC_API_KEY"
DEFAULT_MAX_OUTPUT_TOKENS = 8192
NO_TUNING = "Anthropic's API has no fine-tuning: its models can write samples and be compared, not tuned."


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicOptions:
    """What ``[providers.anthropic]`` may hold.

    Attributes:
        api_key: never shown; better left to the environment.
        base_url: of the service; Anthropic's (or ``ANTHROPIC_BASE_URL``'s) if None.
        timeout_s: seconds for a whole call, unless the request says otherwise.
        max_output_tokens: the bound where a request has none; the service demands one. 8192 tokens hold the
            longest published tool several times over.
        enforce_schema: False for models that cannot enforce a schema: it is put into the prompt then.
        headers: sent with every request; ``{api_key}`` in a value stands for the key. Never shown.
        query: added to the URL of every request.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None
    timeout_s: float = 300.0
    max_output_tokens: int = DEFAULT_MAX_OUTPUT_TOKENS
    enforce_schema: bool = True
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    query: Mapping[str, str] = field(default_factory=dict[str, str])


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [
        ProviderSpec(
            name="anthropic", create=_create, key_env=KEY_ENV, extra="anthropic", options=AnthropicOptions
        )
    ]


@hookimpl
def latm_tuners() -> list[TunerSpec]:
    """None that works, said by name."""
    return [TunerSpec(name="anthropic", create=_cannot, unavailable=NO_TUNING)]


def _cannot(_options: Mapping[str, object]) -> NoReturn:
    raise ConfigError(NO_TUNING)


def _create(model: str, options: Mapping[str, object]) -> Backend:
    chosen = read_options(AnthropicOptions, options, where="providers.anthropic")
    from latm_anthropic._backend import AnthropicBackend

    return AnthropicBackend(model, chosen)
