"""``example:MODEL``: the models of a service over HTTP. Options: see `ExampleOptions`.

latm imports this module whenever it starts, so all that is heavy waits in ``_backend`` until a model is
needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from latm.plugin import Backend, ProviderSpec, hookimpl, read_options

__all__ = ["ExampleOptions", "latm_providers"]

KEY_ENV = "EXAMPLE_API_KEY"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleOptions:
    """What ``[providers.example]`` may hold.

    Attributes:
        api_key: never shown; better left to the environment.
        base_url: of the service.
        timeout_s: seconds for a whole call, unless the request says otherwise.
        max_output_tokens: the bound of a reply where a request has none; None leaves it to the service.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str = "https://api.service.example/v1"
    timeout_s: float = 120.0
    max_output_tokens: int | None = None


@hookimpl
def latm_providers() -> list[ProviderSpec]:
    """The one provider of this package."""
    return [
        ProviderSpec(name="example", create=_create, key_env=KEY_ENV, extra="httpx2", options=ExampleOptions)
    ]


def _create(model: str, options: Mapping[str, object]) -> Backend:
    chosen = read_options(ExampleOptions, options, where="providers.example")
    from latm_example._backend import ExampleBackend

    return ExampleBackend(model, chosen)
